//! JSON Schemas of the files that people write, for editors; the readers themselves check more and say it better.

mod config;
mod directive;
mod pipeline;
mod policy;

pub(super) use config::config;
pub(super) use directive::directive;
pub(super) use pipeline::pipeline;
pub(super) use policy::policy;

use serde_json::{Value, json};

use crate::base::{
    level::{Effect, Severity},
    value::ValueType,
};

fn inputs() -> Value {
    json!({
        "type": "object",
        "propertyNames": id(),
        "additionalProperties": {
            "type": "object",
            "additionalProperties": false,
            "required": ["type"],
            "properties": {
                "type": value_type(),
                "required": { "type": "boolean" },
                "default": scalar(),
                "pattern": { "type": "string" },
                "min": { "type": "integer" },
                "max": { "type": "integer" },
                "values": { "type": "array", "minItems": 1, "items": scalar() },
                "description": line(),
                "dash": { "type": "boolean" },
            },
        },
    })
}

/// Exactly one of several fields.
fn one_of(fields: &[(&str, Value)]) -> Value {
    let properties: serde_json::Map<String, Value> =
        fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
        "properties": properties,
    })
}

fn id() -> Value {
    json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{1,100}$" })
}

fn line() -> Value {
    json!({ "type": "string", "minLength": 1 })
}

fn scalar() -> Value {
    json!({ "type": ["string", "integer", "boolean"] })
}

/// One of the words that a file may say.
fn words<T>(all: &[(&str, T)]) -> Value {
    json!({ "enum": all.iter().map(|(word, _)| word).collect::<Vec<_>>() })
}

/// A whole number from 1 on.
fn number(most: u32) -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": most })
}

fn duration() -> Value {
    json!({ "type": "string", "pattern": "^[0-9]{1,9}[smhd]$" })
}

fn effect() -> Value {
    words(&Effect::ALL)
}

fn severity() -> Value {
    words(&Severity::ALL)
}

fn value_type() -> Value {
    words(&ValueType::ALL)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use serde_json::Value;

    use crate::base::method::Method;

    fn valid(schema: &Value, yaml: &str, what: &str) {
        let value: Value = serde_yaml::from_str(yaml).unwrap();
        let validator = jsonschema::validator_for(schema).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{what}: {}", errors.join("\n"));
        let mut typo = value;
        typo["nonsense"] = Value::Bool(true);
        assert!(!validator.is_valid(&typo), "{what}: an unknown field passes");
    }

    fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|found| found == ending)).collect()
    }

    #[test]
    fn every_method_of_approval_fits_wherever_it_may_stand() {
        let list = |all: &[(&str, Method)]| all.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        let directive = format!("{{title: t, pipelines: [p], gate: [{}]}}", list(&Method::ALL));
        valid(&super::directive(), &directive, "gate");
        let people = list(&Method::OF_PEOPLE);
        let rule =
            format!("{{id: a, when: {{pipelines: [p]}}, then: {{needsApproval: {{people: 1, methods: [{people}]}}}}}}");
        let head = "version: 1, expires: '2030-01-01T00:00:00Z', execution: {enabled: true, sideEffects: true}";
        valid(&super::policy(), &format!("{{{head}, rules: [{rule}]}}"), "methods");
    }

    #[test]
    fn everything_that_ships_fits_its_schema() {
        for path in files("directives", "md") {
            let text = fs::read_to_string(&path).unwrap();
            valid(&super::directive(), text.split("---\n").nth(1).unwrap(), &path.display().to_string());
        }
        for path in files("pipelines", "yml") {
            valid(&super::pipeline(), &fs::read_to_string(&path).unwrap(), &path.display().to_string());
        }
        for tier in [crate::policy::starter::Starter::Solo, crate::policy::starter::Starter::Team] {
            let name = "git".parse().unwrap();
            let lines = [(&name, "/usr/bin/git", false)];
            let text = crate::policy::starter::text(tier, &lines, "2030-01-01T00:00:00Z".parse().unwrap());
            valid(&super::policy(), &text, "starter policy");
        }
    }
}
