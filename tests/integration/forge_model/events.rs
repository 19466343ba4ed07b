//! Events as GitHub hands them to a job: whole, of what the model knows, and held against the public description of
//! GitHub's webhooks where `tests/run.sh` has fetched it.
//!
//! What has no meaning in the model comes from `tests/data/event-skeletons.json`, the least that the description
//! lets stand.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use serde_json::{Value, json};

use super::{
    render::{ends, fill},
    state::{Person, State},
};

/// The description, cut down by `tests/scripts/webhook_slice.py`.
fn description() -> Option<&'static Value> {
    static DESCRIPTION: OnceLock<Option<Value>> = OnceLock::new();
    let load = || {
        let named = std::env::var_os("COUNTERSIGN_WEBHOOKS_SLICE").map(PathBuf::from);
        let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/openapi/webhooks.json");
        match std::fs::read(named.as_ref().unwrap_or(&usual)) {
            Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap()),
            Err(e) => {
                assert!(named.is_none(), "COUNTERSIGN_WEBHOOKS_SLICE names a file that cannot be read: {e}");
                eprintln!("events are not held against GitHub's description: tests/run.sh fetches it");
                None
            }
        }
    };
    DESCRIPTION.get_or_init(load).as_ref()
}

/// Says what is wrong with an event of a kind, if anything is.
fn fault(kind: &str, event: &Value) -> Option<String> {
    let definitions = &description()?["definitions"];
    let whole = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "allOf": [{ "$ref": format!("#/definitions/{kind}") }],
        "definitions": definitions,
    });
    let validator = jsonschema::validator_for(&whole).unwrap();
    let first = validator.iter_errors(event).next();
    first.map(|error| format!("{kind}: {error} at {}", error.instance_path()).chars().take(600).collect())
}

fn skeleton(kind: &str) -> Value {
    static SKELETONS: OnceLock<Value> = OnceLock::new();
    let all = SKELETONS.get_or_init(|| serde_json::from_str(include_str!("../../data/event-skeletons.json")).unwrap());
    let event = all[kind].clone();
    assert!(event.is_object(), "{kind}");
    event
}

/// An event of a kind; one that GitHub would not send fails its test.
#[track_caller]
fn made(kind: &str, fields: Value) -> Value {
    let mut event = skeleton(kind);
    fill(&mut event, fields);
    assert_eq!(fault(kind, &event), None);
    event
}

fn person(one: &Person) -> Value {
    json!({ "id": one.id, "login": one.login, "type": one.kind, "node_id": format!("U_{}", one.id) })
}

fn repository(state: &State) -> Value {
    json!({
        "id": state.repo_id,
        "name": state.name,
        "full_name": state.full_name(),
        "private": state.private,
        "visibility": if state.private { "private" } else { "public" },
        "default_branch": "main",
        "owner": person(&state.people[0]),
    })
}

/// The event of a new comment in the conversation of a change request, with the text that it had at first.
#[track_caller]
pub fn commented(state: &State, id: u64, body: &str) -> Value {
    let comment = state.comments.iter().find(|one| one.id == id).unwrap();
    let author = person(comment.author.and_then(|id| state.person(id)).unwrap());
    let pull = "https://example.com/pull";
    let links = json!({ "url": pull, "html_url": pull, "diff_url": pull, "patch_url": pull });
    made(
        "issue_comment$created",
        json!({
            "repository": repository(state),
            "sender": author,
            "issue": { "number": comment.number, "pull_request": links },
            "comment": {
                "id": id,
                "body": body,
                "user": author,
                "created_at": comment.created.to_string(),
                "updated_at": comment.created.to_string(),
            },
        }),
    )
}

/// The event of a change request: `opened`, `reopened` or `synchronize`.
#[track_caller]
pub fn proposed(state: &State, number: u64, action: &str) -> Value {
    let pull = state.pulls.iter().find(|one| one.number == number).unwrap();
    let author = person(pull.author.and_then(|id| state.person(id)).unwrap());
    let (base, head) = ends(state, pull);
    let kind = format!("pull_request${action}");
    let mut whole = skeleton(&kind)["repository"].clone();
    fill(&mut whole, repository(state));
    made(
        &kind,
        json!({
            "number": number,
            "repository": repository(state),
            "sender": author,
            "pull_request": {
                "number": number,
                "title": pull.title,
                "user": author,
                "head": { "ref": pull.branch, "sha": head, "label": pull.branch, "repo": whole, "user": author },
                "base": { "ref": pull.base, "sha": base, "label": pull.base, "repo": whole, "user": author },
            },
        }),
    )
}

/// The event of a workflow that somebody starts by hand.
#[track_caller]
pub fn dispatched(state: &State, by: &str, inputs: Value) -> Value {
    made(
        "workflow_dispatch$event",
        json!({
            "repository": repository(state),
            "sender": person(state.called(by).unwrap()),
            "inputs": inputs,
            "ref": "refs/heads/main",
            "workflow": ".github/workflows/countersign.yml",
        }),
    )
}

#[test]
fn the_description_refuses_an_event_that_lies() {
    let model = super::ForgeModel::start();
    let mut state = model.state();
    state.git.branch("topic", "main");
    state.git.commit("topic", "more.txt", "1\n", "mallory");
    state.open_pull(7, "topic", "mallory");
    let id = state.say(7, "bob", "countersign help");
    let (kind, honest) = ("issue_comment$created", commented(&state, id, "countersign help"));
    for action in ["opened", "reopened", "synchronize"] {
        proposed(&state, 7, action);
    }
    dispatched(&state, "ada", json!({ "version": "1" }));
    if description().is_none() {
        return;
    }
    assert_eq!(fault(kind, &honest), None);
    let mut without = honest.clone();
    without["comment"].as_object_mut().unwrap().remove("user");
    let mut invented = honest.clone();
    invented["approved"] = json!(true);
    let mut retyped = honest.clone();
    retyped["comment"]["id"] = json!("1");
    let mut edited = honest;
    edited["action"] = json!("edited");
    for lie in [&without, &invented, &retyped, &edited] {
        assert!(fault(kind, lie).is_some(), "{lie}");
    }
}
