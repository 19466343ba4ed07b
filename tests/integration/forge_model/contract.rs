//! GitHub's own description of its interface, held against what the model answers and what it is asked.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
};

use jsonschema::Validator;
use serde_json::{Value, json};

/// The description, cut down by `tests/scripts/openapi_slice.py`; without it the model is taken at its word.
pub struct Contract {
    slice: Value,
    known: Mutex<HashMap<String, Arc<Validator>>>,
}

/// The description, where `tests/run.sh` has fetched it.
pub fn contract() -> Option<&'static Contract> {
    static CONTRACT: OnceLock<Option<Contract>> = OnceLock::new();
    CONTRACT.get_or_init(load).as_ref()
}

fn load() -> Option<Contract> {
    let named = std::env::var_os("COUNTERSIGN_OPENAPI_SLICE").map(PathBuf::from);
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/openapi/slice.json");
    match std::fs::read(named.as_ref().unwrap_or(&usual)) {
        Ok(bytes) => Some(Contract { slice: serde_json::from_slice(&bytes).unwrap(), known: Mutex::default() }),
        Err(e) => {
            assert!(named.is_none(), "COUNTERSIGN_OPENAPI_SLICE names a file that cannot be read: {e}");
            eprintln!("the forge model is not held against GitHub's description: tests/run.sh fetches it");
            None
        }
    }
}

impl Contract {
    /// Says what is wrong with an exchange, if anything is. `path` is without the prefix of Enterprise hosts.
    pub fn fault(&self, method: &str, path: &str, sent: Option<&Value>, status: u16, answer: &[u8]) -> Option<String> {
        let path = path.split('?').next().unwrap();
        let at = format!("{method} {path} -> {status}");
        let operations = self.slice["operations"].as_array().unwrap();
        let fits = |one: &&Value| one["method"] == method && matches(one["path"].as_str().unwrap(), path);
        let Some(operation) = operations.iter().find(fits) else {
            return Some(format!("{at}: tests/data/github-operations.txt does not list the operation"));
        };
        let name = format!("{method} {}", operation["path"].as_str().unwrap());
        match (sent, &operation["request"]) {
            // A fault of the asker is answered with a fault.
            (Some(sent), schema) if !schema.is_null() && status < 400 => {
                if let Some(wrong) = self.check(&format!("{name} request"), schema, sent) {
                    return Some(format!("{at}: request: {wrong}"));
                }
            }
            (Some(sent), schema) if schema.is_null() => return Some(format!("{at}: nobody asked for {sent}")),
            _ => {}
        }
        let known = operation["answers"].as_object().unwrap();
        let Some(schema) = known.get(&status.to_string()) else {
            // The description leaves most refusals out.
            return (status < 400 && status != 304).then(|| format!("{at}: the description has no such status"));
        };
        if schema.is_null() {
            return (!answer.is_empty()).then(|| format!("{at}: a body where there is none"));
        }
        let Ok(answer) = serde_json::from_slice(answer) else { return Some(format!("{at}: no JSON")) };
        self.check(&format!("{name} {status}"), schema, &answer).map(|wrong| format!("{at}: answer: {wrong}"))
    }

    fn check(&self, name: &str, schema: &Value, value: &Value) -> Option<String> {
        let mut known = self.known.lock().unwrap();
        let validator = known.entry(name.to_owned()).or_insert_with(|| {
            let whole = json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "allOf": [schema],
                "$defs": self.slice["$defs"],
            });
            Arc::new(jsonschema::validator_for(&whole).unwrap())
        });
        let validator = Arc::clone(validator);
        drop(known);
        let first = validator.iter_errors(value).next();
        first.map(|error| {
            let mut text = error.to_string();
            text.truncate(text.char_indices().nth(600).map_or(text.len(), |(at, _)| at));
            format!("{} at {}", text, error.instance_path())
        })
    }
}

fn matches(template: &str, path: &str) -> bool {
    let (mut wanted, mut found) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(part), Some(is)) if part.starts_with('{') && !is.is_empty() || part == is => {}
            _ => return false,
        }
    }
}

#[test]
fn the_contract_refuses_a_model_that_lies() {
    let Some(contract) = contract() else { return };
    let honest = super::render::comment_for_contract();
    let at = |answer: &Value, status| {
        contract.fault("GET", "/repos/a/b/issues/comments/1", None, status, answer.to_string().as_bytes())
    };
    assert_eq!(at(&honest, 200), None);
    let mut without = honest.clone();
    without.as_object_mut().unwrap().remove("issue_url");
    let mut invented = honest.clone();
    invented["approved"] = json!(true);
    let mut retyped = honest.clone();
    retyped["id"] = json!("1");
    for lie in [&without, &invented, &retyped] {
        assert!(at(lie, 200).is_some());
    }
    assert!(at(&honest, 202).unwrap().contains("no such status"));
    assert!(contract.fault("GET", "/repos/a/b/nothing", None, 200, b"{}").unwrap().contains("does not list"));
    let body = json!({ "text": "not body" });
    assert!(
        contract
            .fault("POST", "/repos/a/b/issues/1/comments", Some(&body), 201, honest.to_string().as_bytes())
            .is_some()
    );
}
