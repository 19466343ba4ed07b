//! A JSON Schema without what a provider does not know of it.
//!
//! What is left out widens what the model may say, and is told to it in words; the answer is held against the whole
//! schema afterwards, by whoever asked.

use serde_json::{Map, Value, json};

/// What a provider knows of JSON Schema.
pub(super) struct Dialect {
    /// The words that are kept as they are.
    pub(super) keeps: &'static [&'static str],
    /// Whether `const` must be an `enum` of one.
    pub(super) const_as_enum: bool,
    /// The largest `minItems`.
    pub(super) max_min_items: u64,
}

/// Words that say nothing of what is valid.
const NOTES: [&str; 7] = ["$schema", "$id", "$comment", "title", "default", "examples", "deprecated"];

/// Returns the schema as the provider takes it.
pub(super) fn narrowed(schema: &Value, dialect: &Dialect) -> Value {
    let Value::Object(members) = schema else { return schema.clone() };
    let mut out = Map::new();
    let mut told = Vec::new();
    for (word, value) in members {
        match (word.as_str(), value) {
            ("properties" | "$defs" | "definitions", Value::Object(inner)) => {
                let inner = inner.iter().map(|(name, schema)| (name.clone(), narrowed(schema, dialect)));
                out.insert(word.clone(), Value::Object(inner.collect()));
            }
            ("items" | "additionalProperties", value) => {
                out.insert(word.clone(), narrowed(value, dialect));
            }
            // Of the two, all providers know only `anyOf`.
            ("anyOf" | "oneOf", Value::Array(inner)) => {
                let inner = inner.iter().map(|schema| narrowed(schema, dialect)).collect();
                out.insert("anyOf".to_owned(), Value::Array(inner));
            }
            ("const", value) if dialect.const_as_enum => {
                out.insert("enum".to_owned(), json!([value]));
            }
            ("minItems", value) if value.as_u64().is_none_or(|least| least > dialect.max_min_items) => {
                told.push(format!("{word}: {value}"));
            }
            (word, value) if dialect.keeps.contains(&word) => {
                out.insert(word.to_owned(), value.clone());
            }
            (word, _) if NOTES.contains(&word) => {}
            (word, value) => told.push(format!("{word}: {value}")),
        }
    }
    if !told.is_empty() {
        let before = members.get("description").and_then(Value::as_str).unwrap_or_default();
        let described = format!("{before} ({})", told.join(", "));
        out.insert("description".to_owned(), json!(described.trim_start()));
    }
    Value::Object(out)
}

/// Tells whether every object is closed and asks for each of its members, as OpenAI's strict mode wants it.
pub(super) fn is_strict(schema: &Value) -> bool {
    match schema {
        Value::Array(items) => items.iter().all(is_strict),
        Value::Object(members) => {
            let object = members.get("type").is_some_and(|kind| match kind {
                Value::Array(kinds) => kinds.contains(&json!("object")),
                kind => kind == "object",
            });
            let own = !object || {
                let asked: Vec<&str> = members
                    .get("required")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                let names = members.get("properties").and_then(Value::as_object);
                let all = names.is_none_or(|names| names.keys().all(|name| asked.contains(&name.as_str())));
                all && members.get("additionalProperties") == Some(&json!(false))
            };
            own && members.iter().all(|(word, value)| match word.as_str() {
                "enum" | "const" | "default" | "examples" | "required" => true,
                "properties" | "$defs" | "definitions" => {
                    value.as_object().is_some_and(|inner| inner.values().all(is_strict))
                }
                _ => is_strict(value),
            })
        }
        _ => true,
    }
}
