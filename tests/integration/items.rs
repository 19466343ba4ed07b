//! One step for each of many things: planned, approved and run, with each item on its own and one report of all.

use std::fs;

use serde_json::{Value, json};

use super::{
    scene::{Drafted, approve, has, plan, refused, solo_with},
    support::Bench,
};

/// Writes the text of a file in capitals beside it; what says `bad` cannot be.
const SHOUT: &str = "import sys
text = open(sys.argv[1]).read()
if 'bad' in text:
    sys.exit('it says bad')
open(sys.argv[2], 'w').write(text.upper())
";

const PIPELINE: &str = "description: Write a note in capitals.
effect: write
idempotent: true
inputs:
  note: {type: path}
  to: {type: path}
outputs: {sum: {type: digest, from: {fileDigest: '{{ inputs.to }}'}}}
evidence: [sum]
actions:
  - run: {program: python3, argv: [-I, -B, '{{ scripts.shout.py }}', '{{ inputs.note }}', '{{ inputs.to }}'], reads: ['{{ inputs.note }}'], writes: ['{{ inputs.to }}']}
verify:
  - run: {program: sha256sum, argv: ['{{ inputs.to }}'], reads: ['{{ inputs.to }}']}
";

/// A directive whose step `shout` is repeated for what `for_each` names; `look` comes after all of it.
fn directive(for_each: &str) -> String {
    format!(
        "---
title: Shout
pipelines: [shout, look]
inputs: {{folder: {{type: string, default: notes}}}}
ceiling: {{effect: write, risk: low}}
steps:
  - id: shout
    pipeline: shout
    forEach: {for_each}
    with: {{note: '{{{{ item }}}}', to: '{{{{ item }}}}.loud'}}
  - {{id: look, pipeline: look, needs: [shout]}}
---
Shouts.
"
    )
}

fn noted(for_each: &str) -> Bench {
    solo_with(&[
        ("pipelines/shout.yml", PIPELINE),
        ("pipelines/shout/shout.py", SHOUT),
        ("directives/shout.md", &directive(for_each)),
        ("notes/b.txt", "bad\n"),
        ("notes/a.txt", "good\n"),
        ("notes/deep/c d.txt", "fine\n"),
        ("notes/todo.list", "notes/a.txt\n\n  notes/deep/c d.txt\n"),
        ("notes/other.md", "no\n"),
    ])
}

fn drafted(bench: &Bench) -> Drafted {
    let drafted = plan(bench, "shout", &[]);
    approve(bench, "ada", &drafted, &[]).exits(0);
    drafted
}

fn steps(bench: &Bench, drafted: &Drafted) -> Vec<Value> {
    let plan: Value = serde_json::from_slice(&fs::read(bench.repo().join(&drafted.file)).unwrap()).unwrap();
    plan["steps"].as_array().unwrap().clone()
}

#[test]
fn jf23_an_item_that_fails_stops_no_other_and_the_end_counts_and_names_them() {
    if !has("python3") {
        return;
    }
    let bench = noted("{files: ['{{ inputs.folder }}/**/*.txt']}");
    let drafted = drafted(&bench);
    let made = steps(&bench, &drafted);
    let ids: Vec<_> = made.iter().map(|step| step["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["shout-notes-a-txt", "shout-notes-b-txt", "shout-notes-deep-c-d-txt", "look"]);
    assert_eq!(made[0]["item"], json!({"of": "shout", "value": "notes/a.txt", "origin": "repo@base"}));
    assert_eq!(made[3]["needs"].as_array().unwrap().len(), 3);
    let view = bench.run(&["render", &drafted.file, "--format", "terminal"]).exits(0).stdout;
    assert!(view.contains("of these, repeated as shout: 3"), "{view}");
    assert!(view.contains("For: \"notes/deep/c d.txt\", one of shout, from repo@base"), "{view}");

    let ran = bench.run(&["execute", &drafted.file, "--csv", "../table.csv", "--json"]).exits(7).json();
    let result = &ran["result"];
    assert_eq!(result["steps"]["look"], "blocked", "what needs all of them waits for all of them");
    let others = json!([{"step": "shout-notes-b-txt", "item": "notes/b.txt", "status": "failed"}]);
    assert_eq!(result["items"], json!([{"of": "shout", "items": 3, "succeeded": 2, "others": others}]));
    assert_eq!(bench.read("notes/a.txt.loud"), "GOOD\n");
    assert_eq!(bench.read("notes/deep/c d.txt.loud"), "FINE\n");
    assert!(!bench.path("notes/b.txt.loud").exists());
    let table = fs::read_to_string(bench.outside("table.csv")).unwrap();
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines[0], "step,of,item,status,reason,what");
    assert_eq!(lines[1], "shout-notes-a-txt,shout,notes/a.txt,succeeded,,");
    assert!(lines[2].starts_with("shout-notes-b-txt,shout,notes/b.txt,failed,step."), "{table}");
    assert!(lines[4].starts_with("look,,,blocked,"), "{table}");

    // What is resumed does again only what is not done, and the report is still of all.
    let run = result["runId"].as_str().unwrap();
    let again = bench.run(&["execute", &drafted.file, "--resume", run]).exits(7);
    let said = format!("{}{}", again.stdout, again.stderr);
    assert!(said.contains("shout: 2 of 3 items done\n    failed notes/b.txt\n"), "{said}");
    assert!(!said.contains("started shout-notes-a-txt"), "{said}");
}

#[test]
fn jf23_what_comes_after_goes_on_where_the_directive_says_that_failures_are_skipped() {
    if !has("python3") {
        return;
    }
    let bench = noted("{files: [notes], onFailure: skip}");
    bench.write("notes/todo.list", "bad\n");
    bench.commit("All are to be shouted");
    let drafted = drafted(&bench);
    let ran = bench.run(&["execute", &drafted.file, "--json"]).exits(0).json();
    assert_eq!(ran["result"]["steps"]["look"], "succeeded");
    assert_eq!(ran["result"]["items"][0]["succeeded"], 3, "{ran}");
    assert_eq!(ran["result"]["items"][0]["items"], 5);
}

#[test]
fn jf23_lines_of_a_file_are_items_and_a_plan_that_leaves_one_out_runs_for_nobody() {
    let bench = noted("{lines: notes/todo.list}");
    let whole = drafted(&bench);
    let made = steps(&bench, &whole);
    let values: Vec<_> = made.iter().filter_map(|step| step["item"]["value"].as_str()).collect();
    assert_eq!(values, ["notes/a.txt", "notes/deep/c d.txt"]);
    // The same plan without its second item, sealed anew: it is not what its directive expands to.
    let path = bench.repo().join(&whole.file);
    let mut plan: countersign::plan::model::Plan = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let gone = plan.steps.remove(1).id;
    plan.steps[1].needs.retain(|need| *need != gone);
    plan.nonce = "0".repeat(32);
    let sealed = countersign::plan::seal::seal(&plan).unwrap();
    fs::write(&path, sealed.bytes()).unwrap();
    let checks = bench.run(&["verify", &whole.file, "--json"]).json();
    let checks = checks["result"]["checks"].as_array().unwrap().clone();
    let conforms = checks.iter().find(|check| check["id"] == "plan.conforms").unwrap();
    assert_eq!(conforms["reasonCode"], "plan.deviates", "{conforms}");
}

#[test]
fn jf23_items_that_are_not_there_or_not_committed_are_refused_before_there_is_a_plan() {
    let bench = noted("{files: [drafts]}");
    bench.write("drafts/new.txt", "not committed");
    refused(&bench, &["plan", "shout"], 2, "directive.items");
    bench.write("directives/shout.md", directive("{lines: notes/missing.list}"));
    bench.commit("Another list");
    refused(&bench, &["plan", "shout"], 2, "directive.items");
    for (wrong, code) in [
        ("{}", "directive.items"),
        ("{list: [a], files: [b]}", "directive.items"),
        ("{list: ['{{ steps.look.outputs.sum }}']}", "template.place"),
        ("{lines: '{{ inputs.nothing }}'}", "input.unknown"),
        ("{file: [a]}", "yaml.field_unknown"),
        ("{list: [a], onFailure: retry}", "yaml.value"),
    ] {
        bench.write("directives/shout.md", directive(wrong));
        let found = bench.run(&["directives", "check", "--json"]).json();
        assert!(found["result"].to_string().contains(code), "{wrong}: {found}");
    }
}

#[test]
fn jf23_the_directive_that_ships_checks_each_folder_by_itself() {
    if !has("python3") {
        return;
    }
    let bench = Bench::new(&[("benches/one.py", "print(1)\n"), ("tests/scripts/two.py", "print('two'\n")]);
    bench.bring("directives/check-python.md");
    bench.bring("pipelines/verify-python-syntax.yml");
    bench.bring("pipelines/verify-python-syntax");
    bench.commit("What ships");
    bench.run(&["init", "--solo"]).exits(0);
    bench.commit("Set up countersign");
    let drafted = plan(&bench, "check-python", &[]);
    approve(&bench, "ada", &drafted, &[]).exits(0);
    let ran = bench.run(&["execute", &drafted.file, "--json"]).exits(7).json();
    let items = &ran["result"]["items"][0];
    assert_eq!((&items["items"], &items["succeeded"]), (&json!(3), &json!(2)), "{ran}");
    assert_eq!(items["others"][0]["item"], "tests/scripts");
}
