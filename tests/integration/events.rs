//! The event stream: what was made, recorded and done, one JSON object a line.

use std::fs;

use base64::Engine as _;
use countersign::app::schema;
use serde_json::Value;

use crate::{
    scene::{FILES, plan, real, real_solo, solo, team, tip},
    support::Bench,
};

const FILE: &str = "../events.jsonl";

/// The lines so far, each held to the schema.
#[track_caller]
fn lines(text: &str) -> Vec<Value> {
    let (_, schema) = schema::all().into_iter().find(|(name, _)| *name == "event").unwrap();
    let schema = jsonschema::validator_for(schema.as_value()).unwrap();
    let read = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap();
        assert!(schema.is_valid(&value), "{line}");
        value
    };
    text.lines().map(read).collect()
}

fn told(bench: &Bench) -> Vec<Value> {
    lines(&fs::read_to_string(bench.path(FILE)).unwrap())
}

/// The names, in order.
fn names(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["event"].as_str().unwrap()).collect()
}

#[test]
fn aw21_a_plan_is_followed_from_its_making_to_its_end_one_object_a_line() {
    let bench = solo();
    let careful = plan(&bench, "careful", &["--events", FILE]);
    bench.json(&["verify", &careful.file, "--events", FILE]).exits(4);
    let approve = ["approve", &careful.file, "--digest", &careful.digest, "--events", FILE];
    bench.json(&approve).exits(0);
    let run = bench.json(&["execute", &careful.file, "--events", FILE]).exits(7).json();
    let lines = told(&bench);
    assert_eq!(
        names(&lines),
        [
            "command.started",
            "plan.made",
            "plan.recorded",
            "approval.needed",
            "command.finished",
            "command.started",
            "approval.needed",
            "command.finished",
            "command.started",
            "approval.recorded",
            "command.finished",
            "command.started",
            "run.claimed",
            "step.started",
            "step.finished",
            "step.started",
            "step.finished",
            "step.finished",
            "run.finished",
            "command.finished",
        ]
    );
    let of = |name: &str| lines.iter().filter(|line| line["event"] == name).collect::<Vec<_>>();
    assert_eq!((&of("plan.made")[0]["plan"], &of("plan.made")[0]["steps"]), (&careful.result["planDigest"], &3.into()));
    assert_eq!(of("plan.recorded")[0]["seq"], careful.result["ledgerSeq"]);
    assert_eq!((&of("approval.needed")[1]["have"], &of("approval.needed")[1]["need"]), (&0.into(), &1.into()));
    assert_eq!(of("approval.recorded")[0]["by"]["login"], "ada");
    assert_eq!(of("run.claimed")[0]["run"], run["result"]["runId"]);
    let steps: Vec<_> = of("step.finished").iter().map(|line| (line["step"].clone(), line["status"].clone())).collect();
    assert_eq!(
        steps,
        [("mark", "succeeded"), ("ready", "failed"), ("look", "blocked")].map(|(a, b)| (a.into(), b.into()))
    );
    assert!(of("step.finished")[0]["millis"].is_u64());
    let end = of("run.finished")[0];
    assert_eq!((&end["status"], &end["run"]), (&"failed".into(), &run["result"]["runId"]));
    assert_eq!(of("command.finished")[3]["exitCode"], 7);
}

#[test]
fn aw21_no_line_holds_what_a_program_printed_or_gave_or_a_text_that_somebody_wrote() {
    let bench = solo();
    let look = plan(&bench, "look", &["--events", FILE]);
    let line = ["approve", &look.file, "--digest", &look.digest, "--reason", "words-of-a-person", "--events", FILE];
    bench.json(&line).exits(0);
    bench.json(&["execute", &look.file, "--events", FILE]).exits(0);
    bench.json(&["note", &look.file, "a-note", "--label", "a-label", "--events", FILE]).exits(0);
    let text = fs::read_to_string(bench.path(FILE)).unwrap();
    let noted = lines(&text).into_iter().find(|line| line["event"] == "plan.noted").unwrap();
    assert_eq!((&noted["plan"], &noted["by"]["login"]), (&look.result["planDigest"], &"ada".into()));
    assert_eq!(names(&lines(&text)).iter().filter(|name| **name == "step.finished").count(), 1);
    let printed = bench.run(&["ledger", "export"]).stdout;
    let base64 = base64::engine::general_purpose::STANDARD;
    let printed = printed.lines().any(|line| {
        let entry: Value = serde_json::from_str(line).unwrap();
        let payload = base64.decode(entry["envelope"]["payload"].as_str().unwrap()).unwrap();
        String::from_utf8(payload).unwrap().contains("  README.md")
    });
    assert!(printed, "the program printed the name");
    for word in ["README.md", "words-of-a-person", "a-note", "a-label", "Look", "sum"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
}

#[test]
fn aw21_a_dash_is_standard_error_and_standard_output_stays_one_object() {
    let bench = real_solo();
    let here = real(&bench, &["plan", "look", "--json", "--quiet", "--events", "-"]).exits(0);
    let lines = lines(&here.stderr);
    assert_eq!(names(&lines)[..3], ["command.started", "plan.made", "plan.recorded"]);
    assert_eq!(names(&lines).last(), Some(&"command.finished"));
    assert_eq!(here.json()["decision"], "done");
}

#[test]
fn aw21_a_refused_command_and_a_rejection_are_told_too() {
    let bench = team(&[("bob", "approver")], FILES);
    let mark = plan(&bench, "mark", &[]);
    bench.person.set("bob");
    bench.json(&["reject", &mark.file, "--reason", "no", "--events", FILE]).exits(0);
    bench.json(&["approve", &mark.file, "--digest", &mark.digest, "--events", FILE]);
    let lines = told(&bench);
    assert_eq!(names(&lines)[..3], ["command.started", "plan.rejected", "command.finished"]);
    let last = lines.last().unwrap();
    assert_eq!((&last["event"], &last["reasonCode"]), (&"command.finished".into(), &"plan.rejected".into()));
}

#[test]
fn aw21_what_cannot_be_appended_to_refuses_before_anything_is_done() {
    let bench = solo();
    fs::create_dir(bench.path("../folder")).unwrap();
    let before = tip(&bench);
    for place in ["../folder", "../nowhere/events", "/dev/null"] {
        let refused = bench.json(&["plan", "look", "--events", place]);
        refused.refused(2, "output.unwritable");
    }
    assert_eq!(tip(&bench), before);
}
