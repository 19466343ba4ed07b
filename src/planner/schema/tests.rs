use super::*;
use crate::planner::{
    answer::{Answer, adopt},
    taint::Sources,
    testing::{DIRECTIVE, HONEST, World},
};

fn schema() -> Value {
    let world = World::new(DIRECTIVE);
    of(&world.directive, &world.catalog)
}

fn honest() -> Value {
    serde_json::from_str(HONEST).unwrap()
}

#[test]
fn an_honest_answer_satisfies_the_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    // The schema has every input of a pipeline in it: one that takes its default is null.
    assert!(validator.is_valid(&honest()), "{:?}", validator.iter_errors(&honest()).collect::<Vec<_>>());
    let mut null = honest();
    null["steps"][1]["with"]["notes"] = Value::Null;
    assert!(validator.is_valid(&null));
    for value in [honest(), null] {
        let proposal = Answer::read(&value.to_string()).unwrap().into_proposal(&Sources { items: &[] });
        assert!(adopt(&World::new(DIRECTIVE).request(), &proposal).is_ok());
    }
}

#[test]
fn d02_the_schema_names_no_pipeline_but_the_allowed_and_no_input_but_theirs() {
    let one = World::new(&DIRECTIVE.replace("pipelines: [notes, bump, spare]", "pipelines: [notes, bump]"));
    let schema = of(&one.directive, &one.catalog);
    assert!(!schema.to_string().contains("spare"), "it is in the catalog, and not allowed");
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (pointer, value) in [
        ("/steps/0/pipeline", json!("spare")),
        ("/steps/0/pipeline", json!("bump")),
        ("/steps/0/with", json!({})),
        ("/steps/0/with", json!({"file": {"value": "x"}, "more": {"value": "x"}})),
        ("/steps/0/with/file", json!({"output": {"step": "look", "output": "file"}})),
        ("/steps/0/with/file", json!("CHANGELOG.md")),
        ("/steps/0/with/file", json!(null)),
        ("/steps/1/with/version", json!({"input": "other"})),
        ("/risks/0/severity", json!("fatal")),
        ("/steps/0/needs", json!(null)),
    ] {
        let mut answer = honest();
        *answer.pointer_mut(pointer).unwrap() = value.clone();
        assert!(!validator.is_valid(&answer), "{pointer} {value}");
    }
}

#[test]
fn every_object_is_closed_and_every_member_required() {
    fn visit(value: &Value) {
        if value["type"] == "object" {
            assert_eq!(value["additionalProperties"], false, "{value}");
            let names: Vec<&str> = value["properties"].as_object().unwrap().keys().map(String::as_str).collect();
            let mut required: Vec<&str> =
                value["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
            required.sort_unstable();
            assert_eq!(names, required);
        }
        match value {
            Value::Object(members) => members.values().for_each(visit),
            Value::Array(items) => items.iter().for_each(visit),
            _ => {}
        }
    }
    visit(&schema());
}
