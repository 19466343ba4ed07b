//! A directive without steps of its own, the answer that an honest planner gives, and the door for any other.

use std::fs;

use serde_json::{Value, json};

use super::{
    scene::{Drafted, solo_with},
    support::{Bench, Ran},
};

/// What the honest plan writes.
pub(crate) const NOTES: &str = "notes.txt";

const FILES: &[(&str, &str)] = &[
    (
        "pipelines/note.yml",
        "description: Leave a note.
effect: write
idempotent: true
inputs:
  file: {type: path}
  text: {type: string, default: hello}
  label: {type: string, default: none}
  extra: {type: string, default: README.md}
  count: {type: integer, default: 1, min: 1, max: 9}
  level: {type: enum, values: [low, high], default: low}
  loud: {type: boolean, default: false}
outputs: {sum: {type: digest, from: {fileDigest: '{{ inputs.file }}'}}}
evidence: [sum]
actions:
  - write: {path: '{{ inputs.file }}', content: \"{{ inputs.text }}\\n\", replace: true}
  - run:
      program: sha256sum
      argv: [README.md, '{{ inputs.extra }}']
      env:
        LABEL: '{{ inputs.label }}'
        COUNT: '{{ inputs.count }}'
        LEVEL: '{{ inputs.level }}'
        LOUD: '{{ inputs.loud }}'
      reads: [README.md, '{{ inputs.file }}']
verify:
  - run: {program: sha256sum, argv: ['{{ inputs.file }}'], reads: ['{{ inputs.file }}']}
",
    ),
    (
        "directives/draft.md",
        "---
title: Draft
pipelines: [note, look]
inputs:
  topic: {type: string, default: hello, pattern: '[a-z ]+'}
ceiling: {effect: write, risk: medium}
---
Look at the readme, then leave a note in `notes.txt`.
",
    ),
];

/// A repository with the directive; `planning` is what its policy says of planners.
pub(crate) fn founded(planning: Option<&str>) -> Bench {
    let bench = solo_with(FILES);
    if let Some(planning) = planning {
        let policy = bench.read(".countersign/policy.yml");
        bench.write(".countersign/policy.yml", format!("{}\nplanning: {planning}\n", policy.trim_end()));
        bench.commit("Say who may plan");
    }
    bench
}

/// The answer that fits.
pub(crate) fn honest() -> Value {
    json!({
        "steps": [
            {"id": "look", "pipeline": "look", "title": "Take the digest", "why": "The note names it", "needs": [],
             "with": {}},
            {"id": "note", "pipeline": "note", "title": "Leave the note", "why": "It is asked for", "needs": ["look"],
             "with": {
                "file": {"value": NOTES},
                "text": {"input": "topic"},
                "label": {"output": {"step": "look", "output": "sum"}},
                "extra": null,
                "count": {"value": 2},
                "level": {"value": "low"},
                "loud": {"value": false},
             }},
        ],
        "risks": [{"text": "The note may be stale", "severity": "low", "mitigation": "Read it"}],
        "assumptions": ["Nobody else writes notes"],
        "questions": [],
    })
}

/// The honest answer with one member put in the place of another, or beside the others.
pub(crate) fn altered(pointer: &str, value: Value) -> Value {
    let mut answer = honest();
    put(&mut answer, pointer, value);
    answer
}

/// Puts a member in its place.
pub(crate) fn put(answer: &mut Value, pointer: &str, value: Value) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match answer.pointer_mut(parent).unwrap() {
        Value::Object(members) => drop(members.insert(name.to_owned(), value)),
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        other => panic!("{other} has no members"),
    }
}

/// Hands an answer in, as a person does; the plan, where there is one, is in `../answered.json`.
pub(crate) fn answer(bench: &Bench, bytes: impl AsRef<[u8]>, more: &[&str]) -> Ran {
    let _ = fs::remove_file(bench.outside("answered.json"));
    fs::create_dir_all(bench.outside("answers")).unwrap();
    fs::write(bench.outside("answers/answer.json"), bytes).unwrap();
    let line = ["plan", "draft", "--planner", "manual", "--answer", "../answers/answer.json"];
    bench.json(&[&line, &["--out", "../answered.json"][..], more].concat())
}

/// The plan that comes of an answer; its file is one of its own.
#[track_caller]
pub(crate) fn planned(bench: &Bench, given: &Value, more: &[&str]) -> Drafted {
    let result = answer(bench, given.to_string(), more).exits(0).json()["result"].clone();
    let digest = result["planDigest"].as_str().unwrap().to_owned();
    let file = format!("../plan-{}.json", &digest[7..23]);
    fs::copy(bench.outside("answered.json"), bench.path(&file)).unwrap();
    Drafted { digest, file, result }
}

/// The document of a plan.
pub(crate) fn document(bench: &Bench, plan: &Drafted) -> Value {
    serde_json::from_slice(&fs::read(bench.path(&plan.file)).unwrap()).unwrap()
}
