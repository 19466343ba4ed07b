//! The JSON Schema of an answer: made from one directive, so that nothing can be named that it does not allow.

#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use crate::{
    base::{
        ident::Id,
        value::{Scalar, ValueType},
    },
    directive::{Directive, input::InputSpec},
    pipeline::{Catalog, Pipeline},
};

/// Returns the schema of the answers to a directive's prompt: closed objects, every member required.
///
/// It uses only what every provider's structured output takes: types, enums, `anyOf`, required members. Bounds and
/// patterns stand in descriptions, and are checked when the answer is read.
#[must_use]
pub fn of(directive: &Directive, catalog: &Catalog) -> Value {
    let steps: Vec<Value> = directive
        .pipelines()
        .filter_map(|name| catalog.get(name).ok())
        .map(|pipeline| step(directive, catalog, pipeline))
        .collect();
    let risk = object(&[
        ("text", text("What may go wrong, on one line.")),
        ("severity", json!({"type": "string", "enum": ["low", "medium", "high", "critical"]})),
        ("mitigation", json!({"anyOf": [{"type": "string"}, {"type": "null"}]})),
    ]);
    let question = object(&[
        ("id", id()),
        ("question", text("What a person has to decide, on one line.")),
        ("options", list(text("An answer that can be worked with."))),
        ("blocking", json!({"type": "boolean"})),
    ]);
    object(&[
        ("steps", list(json!({"anyOf": steps}))),
        ("risks", list(risk)),
        ("assumptions", list(text("What is taken for granted, on one line."))),
        ("questions", list(question)),
    ])
}

fn step(directive: &Directive, catalog: &Catalog, pipeline: &Pipeline) -> Value {
    let inputs: Vec<(&str, Value)> = pipeline
        .inputs()
        .iter()
        .map(|(name, input)| {
            let outputs = pipeline.takes_output(name) && gives_outputs(directive, catalog);
            (name.as_str(), value(directive, input, outputs))
        })
        .collect();
    object(&[
        ("id", id()),
        ("pipeline", json!({"type": "string", "enum": [pipeline.name()]})),
        ("title", text("What the step does, on one line.")),
        ("why", text("Why it is needed, on one line.")),
        ("needs", list(id())),
        ("with", object(&inputs)),
    ])
}

/// Tells whether any pipeline that the directive allows hands something on.
fn gives_outputs(directive: &Directive, catalog: &Catalog) -> bool {
    directive.pipelines().filter_map(|name| catalog.get(name).ok()).any(|pipeline| !pipeline.outputs().is_empty())
}

fn value(directive: &Directive, input: &InputSpec, outputs: bool) -> Value {
    let mut ways = vec![object(&[("value", scalar(input))])];
    let names: Vec<&Id> = directive.inputs().keys().collect();
    if !names.is_empty() {
        ways.push(object(&[("input", json!({"type": "string", "enum": names}))]));
    }
    if outputs {
        ways.push(object(&[("output", object(&[("step", id()), ("output", id())]))]));
    }
    if !input.is_required() {
        ways.push(json!({"type": "null"}));
    }
    json!({"anyOf": ways})
}

fn scalar(input: &InputSpec) -> Value {
    let mut notes: Vec<String> = input.description.iter().cloned().collect();
    let mut note = |what: &str, value: Option<String>| notes.extend(value.map(|value| format!("{what} {value}")));
    note("default", input.default.as_ref().map(Scalar::to_string));
    note("pattern", input.pattern.clone());
    note("at least", input.min.map(|n| n.to_string()));
    note("at most", input.max.map(|n| n.to_string()));
    let mut schema = match input.kind() {
        ValueType::Integer => json!({"type": "integer"}),
        ValueType::Boolean => json!({"type": "boolean"}),
        ValueType::Enum => json!({"type": "string", "enum": input.words}),
        ValueType::Path => json!({"type": "string", "description": "a path inside the repository"}),
        ValueType::Date => json!({"type": "string", "description": "a day, YYYY-MM-DD"}),
        ValueType::Digest => json!({"type": "string", "description": "sha256: and 64 hex digits"}),
        ValueType::String => json!({"type": "string"}),
    };
    if let Some(kind) = schema.get("description").and_then(Value::as_str) {
        notes.insert(0, kind.to_owned());
    }
    if !notes.is_empty() {
        schema["description"] = json!(notes.join("; "));
    }
    schema
}

fn id() -> Value {
    json!({"type": "string", "description": "letters, digits, - and _, at most 100"})
}

fn text(what: &str) -> Value {
    json!({"type": "string", "description": what})
}

fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

/// A closed object all of whose members are required.
fn object(members: &[(&str, Value)]) -> Value {
    let names: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
    let properties: serde_json::Map<String, Value> =
        members.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({"type": "object", "properties": properties, "required": names, "additionalProperties": false})
}
