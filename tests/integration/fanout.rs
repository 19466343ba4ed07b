//! One run, its parallel steps run by processes of their own, which only the ledger brings together.

use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::{
    scene::{self, Drafted, real},
    support::{Bench, Ran, ran},
};

/// Three steps that wait for nothing and write a file each, and one that waits for them all.
const FILES: &[(&str, &str)] = &[
    (
        "pipelines/leave.yml",
        "description: Leave a file.
effect: write
idempotent: true
inputs: {name: {type: string}}
outputs: {sum: {type: string, maxLength: 200, from: stdout}}
evidence: [sum]
actions:
  - write: {path: \"out/{{ inputs.name }}.txt\", content: \"left\\n\", replace: true}
  - run: {program: sha256sum, argv: [\"out/{{ inputs.name }}.txt\"], reads: [out]}
verify:
  - run: {program: sha256sum, argv: [\"out/{{ inputs.name }}.txt\"], reads: [out]}
",
    ),
    (
        "directives/spread.md",
        "---
title: Leave three files, then look
pipelines: [leave, look]
ceiling: {effect: write, risk: low}
steps:
  - {id: a, pipeline: leave, with: {name: a}}
  - {id: b, pipeline: leave, with: {name: b}}
  - {id: c, pipeline: leave, with: {name: c}}
  - {id: last, pipeline: look, needs: [a, b, c]}
---
Leaves three files.
",
    ),
];

fn approved(bench: &Bench) -> Drafted {
    let drafted = scene::plan(bench, "spread", &[]);
    scene::approve(bench, "ada", &drafted, &[]).exits(0);
    drafted
}

fn claim(bench: &Bench, plan: &Drafted) -> String {
    let claimed = bench.json(&["execute", &plan.file, "--claim"]).exits(0).json();
    assert_eq!(claimed["decision"], "claimed");
    assert_eq!(claimed["result"]["shards"], json!(["a", "b", "c"]));
    claimed["result"]["runId"].as_str().unwrap().to_owned()
}

fn join(bench: &Bench, plan: &Drafted, run: &str, step: &str) -> Ran {
    bench.json(&["execute", &plan.file, "--join", run, "--only", step])
}

fn left(bench: &Bench, step: &str) -> bool {
    bench.path(&format!("out/{step}.txt")).exists()
}

#[test]
fn each_step_runs_once_in_a_process_of_its_own_and_the_last_one_ends_the_run() {
    let bench = scene::solo_with(FILES);
    let plan = approved(&bench);
    let run = claim(&bench, &plan);
    for step in ["a", "b", "c"] {
        assert!(!left(&bench, step));
        let joined = join(&bench, &plan, &run, step).exits(0).json();
        assert_eq!(joined["result"]["steps"], json!({ step: "succeeded" }), "{joined}");
        assert!(left(&bench, step));
        // What it left is no change that somebody made to the commit.
        bench.git(&["clean", "-qfd"]);
    }
    let status = bench.json(&["status", &plan.file]).exits(0).json();
    assert_ne!(status["decision"], "completed", "nobody has ended it: {status}");
    let ended = bench.json(&["execute", &plan.file, "--resume", &run]).exits(0).json();
    assert_eq!(ended["decision"], "completed", "{ended}");
    assert_eq!(ended["result"]["steps"]["last"], "succeeded");
    assert!(!left(&bench, "a"), "what was done is not done again");
    join(&bench, &plan, &run, "a").refused(6, "replay.run");
    bench.run(&["ledger", "verify"]).exits(0);
}

#[test]
fn e01_a_step_is_joined_once_in_its_turn_and_only_in_the_run_that_holds_the_approval() {
    let bench = scene::solo_with(FILES);
    let plan = approved(&bench);
    join(&bench, &plan, "run-0123456789abcdef", "a").refused(2, "run.unknown");
    let run = claim(&bench, &plan);
    join(&bench, &plan, &run, "a").exits(0);
    bench.git(&["clean", "-qfd"]);
    let refused = |step: &str| {
        let before = scene::tip(&bench);
        join(&bench, &plan, &run, step).refused(6, "replay.run");
        assert_eq!((scene::tip(&bench), left(&bench, step)), (before, false), "{step}");
    };
    refused("a");
    refused("last");
    refused("nobody");
    // Another run of the same approval is none.
    bench.json(&["execute", &plan.file, "--claim"]).refused(6, "replay.consumed");
    // What stops a run stops its shards.
    bench.run(&["halt", "--reason", "stop"]).exits(0);
    let halted = join(&bench, &plan, &run, "b");
    assert_eq!((halted.code, left(&bench, "b")), (3, false), "{}", halted.stdout);
    bench.run(&["halt", "--lift", "--reason", "go on"]).exits(0);
    bench.run(&["revoke", "--plan", &plan.file, "--reason", "no"]).exits(0);
    let revoked = join(&bench, &plan, &run, "b");
    assert!(revoked.code != 0 && !left(&bench, "b"), "{}", revoked.stdout);
}

#[test]
fn e01_of_six_processes_that_join_one_step_exactly_one_runs_it() {
    let bench = scene::real_solo();
    for (path, content) in FILES {
        bench.write(path, content);
    }
    bench.commit("More to do");
    let drafted = real(&bench, &["plan", "spread", "--out", "../spread.json", "--json"]).exits(0).json();
    let digest = drafted["result"]["planDigest"].as_str().unwrap().to_owned();
    let plan = Drafted { digest, file: "../spread.json".into(), result: Value::Null };
    real(&bench, &["approve", &plan.file, "--key", "ada", "--digest", &plan.digest]).exits(0);
    let claimed = real(&bench, &["execute", &plan.file, "--claim", "--json"]).exits(0).json();
    let run = claimed["result"]["runId"].as_str().unwrap().to_owned();
    let start = |step: &str| -> Child {
        let line = ["execute", &plan.file, "--join", &run, "--only", step, "--json"];
        bench.binary().args(line).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let all: Vec<Child> = ["a", "a", "a", "a", "b", "c"].into_iter().map(start).collect();
    let ended: Vec<Ran> = all.into_iter().map(|child| ran(child.wait_with_output().unwrap())).collect();
    let log: Value = real(&bench, &["ledger", "log", "--json"]).exits(0).json();
    let started = |step: &str| {
        let rows = log["result"].as_array().unwrap();
        let about = |row: &&Value| row["kind"] == "step-started" && row.to_string().contains(&format!("step {step}"));
        rows.iter().filter(about).count()
    };
    let told: Vec<_> = ended.iter().map(|ran| (ran.code, ran.stdout.clone())).collect();
    assert!(["a", "b", "c"].iter().all(|step| started(step) <= 1), "{log:#} {told:#?}");
    assert_eq!(ended[..4].iter().filter(|ran| ran.code == 0).count(), started("a"), "{told:#?}");
    real(&bench, &["ledger", "verify"]).exits(0);
}
