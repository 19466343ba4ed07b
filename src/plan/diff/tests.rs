use proptest::prelude::*;

use super::{Direction::*, *};
use crate::{
    base::digest::Digest,
    plan::{model::*, view::testing::*},
};

fn id(text: &str) -> Id {
    text.parse().unwrap()
}

/// The changes that one edit of the sample makes.
fn edit(change: impl Fn(&mut Plan)) -> PlanDiff {
    let (old, mut new) = (sample(), sample());
    change(&mut new);
    diff(&old, &new)
}

/// The step `notes`, which runs an interpreter.
fn notes(plan: &mut Plan) -> &mut Step {
    &mut plan.steps[1]
}

fn run(plan: &mut Plan) -> &mut Run {
    match &mut notes(plan).actions[0] {
        Action::Run(run) => run,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn one(direction: Direction, what: &str, change: impl Fn(&mut Plan)) {
    let found = edit(change);
    let listed: Vec<_> = found.changes.iter().map(|change| (change.direction, change.what.as_str())).collect();
    assert!(listed.contains(&(direction, what)), "{listed:?}");
    assert_eq!(listed.len(), 1, "{listed:?}");
}

#[test]
fn the_same_plan_has_no_change() {
    let found = diff(&sample(), &sample());
    assert!(found.is_empty() && !found.widens());
    assert_eq!(found.to_string(), "no change since the plan before\n");
}

#[test]
fn what_a_step_may_do_more_is_widened_and_less_is_narrowed() {
    one(Widened, "effect", |p| notes(p).effect = Effect::Irreversible);
    one(Narrowed, "effect", |p| notes(p).effect = Effect::Read);
    one(Widened, "action 1: reads: added", |p| run(p).reads.push(Read::new("docs".parse().unwrap())));
    one(Narrowed, "action 1: reads: removed", |p| drop(run(p).reads.pop()));
    one(Widened, "action 1: reads: CHANGELOG.md: content", |p| run(p).reads[0].digest = None);
    one(Changed, "action 1: reads: CHANGELOG.md: content", |p| run(p).reads[0].digest = Some(Digest::of(b"2")));
    one(Narrowed, "action 1: reads: src: content", |p| run(p).reads[1].digest = Some(Digest::of(b"2")));
    one(Widened, "action 1: writes: added", |p| run(p).writes.push("docs".parse().unwrap()));
    one(Narrowed, "action 1: writes: removed", |p| run(p).writes.clear());
    one(Widened, "action 1: reads outside the repository: added", |p| run(p).system_reads.push("/etc".into()));
    one(Widened, "action 1: hosts: added", |p| run(p).network.push(Host { name: "a.example".into(), port: 443 }));
    one(Widened, "action 1: secrets: added", |p| run(p).secrets.push("TOKEN".into()));
    one(Widened, "action 1: variable X added", |p| drop(run(p).env.insert("X".into(), Arg::Literal("1".into()))));
    one(Narrowed, "action 1: variable MODE removed", |p| drop(run(p).env.remove("MODE")));
    one(Widened, "action 1: variable MODE", |p| drop(run(p).env.insert("MODE".into(), Arg::Literal("1".into()))));
    one(Widened, "action 1: exit codes that mean success: added", |p| run(p).ok_codes.push(1));
    one(Widened, "action 1: size of any file in MiB", |p| run(p).limits.file_mib = Some(4_097));
    one(Narrowed, "action 1: memory of each process in MiB", |p| run(p).limits.memory_mib = Some(64));
    one(Widened, "time limit in seconds", |p| notes(p).timeout_seconds += 1);
    one(Narrowed, "time limit in seconds", |p| notes(p).timeout_seconds -= 1);
    one(Widened, "attempts", |p| notes(p).retry.max_attempts += 1);
    one(Widened, "on failure", |p| notes(p).on_failure = OnFailure::Skip);
    one(Widened, "needs: removed", |p| p.steps[0].needs.clear());
    one(Narrowed, "needs: added", |p| p.steps[0].needs.push(id("other")));
}

#[test]
fn c23_a_program_that_changes_or_is_no_longer_pinned_is_widened() {
    one(Widened, "action 1: program", |p| run(p).program.path = "/bin/sh".into());
    one(Widened, "action 1: program no longer pinned", |p| run(p).program.digest = None);
    one(Widened, "action 1: binary of the program", |p| run(p).program.digest = Some(Digest::of(b"2")));
    one(Narrowed, "action 1: program is an interpreter", |p| run(p).program.interpreter = false);
    one(Widened, "action 1: argument 2", |p| run(p).argv[1] = Arg::Literal("--out=../x".into()));
    one(Widened, "action 1: argument 3 added", |p| run(p).argv.push(Arg::Literal("--force".into())));
    one(Widened, "action 1: argument 2 removed", |p| drop(run(p).argv.pop()));
}

#[test]
fn what_is_checked_less_is_widened() {
    let found = edit(|p| notes(p).verify.clear());
    assert!(found.changes.iter().any(|change| change.what == "fewer read-backs" && change.direction == Widened));
    one(Widened, "evidence: removed", |p| notes(p).evidence.clear());
    one(Widened, "output tag: pattern", |p| notes(p).outputs.values_mut().for_each(|o| o.pattern = None));
    one(Widened, "way to approve: added", |p| p.gate.push(Method::Policy));
    one(Widened, "ways to approve: now any", |p| p.gate.clear());
    one(Narrowed, "way to approve: removed", |p| p.gate.truncate(1));
    one(Widened, "expiry", |p| p.expires_at = p.expires_at.plus(1));
    one(Narrowed, "expiry", |p| p.expires_at = p.expires_at.plus(-1));
}

#[test]
fn a_plan_that_was_drafted_later_and_lives_as_long_is_not_widened() {
    let found = edit(|p| (p.created_at, p.expires_at) = (p.created_at.plus(60), p.expires_at.plus(60)));
    let listed: Vec<_> = found.changes.iter().map(|change| (change.direction, change.what.as_str())).collect();
    assert_eq!(listed, [(Changed, "expiry"), (Changed, "drafted")]);
    // Who dates a plan back lets it live longer.
    let found = edit(|p| p.created_at = p.created_at.plus(-60));
    assert!(found.widens(), "{found}");
}

#[test]
fn a_script_shows_the_lines_that_differ() {
    let found = edit(|p| {
        p.scripts[0].content = p.scripts[0].content.replace("import sys", "import os\nimport sys");
        p.scripts[0].digest = Digest::of(p.scripts[0].content.as_bytes());
    });
    let change = found.changes.iter().find(|change| change.lines.is_some()).unwrap();
    assert_eq!((change.direction, change.what.as_str()), (Widened, "script pipelines/changelog/notes.py"));
    assert!(change.lines.as_ref().unwrap().contains("\n+import os\n"));
    assert!(found.to_string().contains("\n    +import os\n"));
}

#[test]
fn long_texts_are_compared_in_bounded_time() {
    let text = |mark: &str| (0..9_000).map(|n| format!("{mark}{n}\n")).collect::<String>();
    let found = edit(|p| p.scripts[0].content = text("b"));
    assert!(found.widens());
    let (mut old, mut new) = (sample(), sample());
    (old.scripts[0].content, new.scripts[0].content) = (text("a"), text("b"));
    let lines = diff(&old, &new).changes.swap_remove(0).lines.unwrap();
    assert_eq!(lines.lines().count(), 18_001);
}

#[test]
fn inputs_steps_and_order_are_changes() {
    one(Changed, "input version", |p| {
        drop(p.inputs.insert(id("version"), crate::base::value::Scalar::Text("2".into())))
    });
    let item = |value: &str| Some(Item { of: id("each"), value: value.into(), origin: Origin::DirectiveAtBase });
    one(Changed, "item", |p| notes(p).item = item("b"));
    one(Changed, "order of the steps", |p| p.steps.reverse());
    let removed = edit(|p| drop(p.steps.pop()));
    assert_eq!((removed.added.len(), removed.removed), (0, vec![id("notes")]));
    let added = edit(|p| {
        let mut step = notes(p).clone();
        step.id = id("more");
        p.steps.push(step);
    });
    assert_eq!(added.added, [id("more")]);
    assert!(added.widens());
}

#[test]
fn what_widens_comes_first_and_the_text_says_so() {
    let found = edit(|p| {
        p.revision = 2;
        notes(p).title = "Other \u{202e}".into();
        run(p).writes.push("docs".parse().unwrap());
    });
    assert!(found.changes.is_sorted_by_key(|change| change.direction));
    insta::assert_snapshot!(found.to_string(), @r#"
    since the plan before: +0 -0 steps; 1 widened, 2 changed, 0 narrowed
    step notes widened: action 1: writes: added, is "docs"
    plan changed: revision, was "1", is "2"
    step notes changed: title, was "Write the notes", is "Other \u{202e}"
    "#);
}

#[test]
fn what_is_added_or_gone_stands_in_the_words_of_the_view() {
    let found = edit(|p| {
        let script = "pipelines/changelog/notes.py".parse().unwrap();
        run(p).argv.push(Arg::Script(script));
        run(p).argv.push(Arg::Literal("the script pipelines/changelog/notes.py".into()));
        let write = Action::Write(WriteFile {
            path: "docs/x".parse().unwrap(),
            executable: true,
            content_digest: Digest::of(b"a\n\x1b"),
            content: "a\n\u{1b}".into(),
            replace: false,
        });
        notes(p).actions.push(write);
    });
    insta::assert_snapshot!(found.to_string(), @r#"
    since the plan before: +0 -0 steps; 3 widened, 0 changed, 0 narrowed
    step notes widened: action 1: argument 3 added
        +the script pipelines/changelog/notes.py
    step notes widened: action 1: argument 4 added, is "the script pipelines/changelog/notes.py"
    step notes widened: action 2: added
        +write
        +  Path: docs/x
        +  Made executable
        +  Fails where a file is there
        +  Digest: sha256:54181d4f0631bcf8f1d4968f9d81baa3536633b0252ec29163f0b50d3df21323
        +  Content, with characters that cannot be shown written as escapes and each backslash twice, without a line feed at its end (2 lines, 3 bytes)
        +    1| a
        +    2| \x1b
    "#);
    let json = serde_json::to_string(&found).unwrap();
    assert!(!found.to_string().contains('{') && !json.contains("literal"), "{json}");
}

#[test]
fn c27_text_of_the_plans_cannot_act_on_the_terminal() {
    let shown = diff(&plan_with("a\n\x1b[2J"), &plan_with("b\r\x1b]52;c;x\x07\n\u{202e}")).to_string();
    assert!(!shown.chars().any(|c| c != '\n' && crate::base::text::is_unsafe(c)));
    let known = ["plan ", "step ", "since ", "    "];
    assert!(shown.lines().all(|line| known.iter().any(|start| line.starts_with(start))), "{shown}");
}

/// Every leaf, every removal and every repetition anywhere in the plan is seen.
#[test]
fn no_single_change_goes_unseen() {
    let old = sample();
    let value = serde_json::to_value(&old).unwrap();
    let mut seen = 0;
    for edited in edits(&value) {
        if let Ok(new) = serde_json::from_value::<Plan>(edited)
            && new != old
        {
            seen += 1;
            for found in [diff(&old, &new), diff(&new, &old)] {
                // By its own name, not by the net below all others.
                assert!(found.changes.iter().any(|change| change.what != "order or repetition"));
            }
        }
    }
    assert!(seen > 200, "{seen}");
}

/// All values that differ from this one in one place.
fn edits(value: &serde_json::Value) -> Vec<serde_json::Value> {
    use serde_json::Value;
    let mut out = Vec::new();
    match value {
        Value::Object(members) => {
            for (key, inner) in members {
                for edited in edits(inner) {
                    let mut other = members.clone();
                    other.insert(key.clone(), edited);
                    out.push(other.into());
                }
                let mut other = members.clone();
                other.remove(key);
                out.push(other.into());
            }
        }
        Value::Array(items) => {
            for (i, inner) in items.iter().enumerate() {
                for edited in edits(inner) {
                    let mut other = items.clone();
                    other[i] = edited;
                    out.push(other.into());
                }
                let mut other = items.clone();
                other.remove(i);
                out.push(other.into());
            }
            out.extend(items.last().map(|last| [items.clone(), vec![last.clone()]].concat().into()));
        }
        Value::Bool(b) => out.push((!*b).into()),
        Value::Number(n) => out.push((n.as_u64().unwrap() + 1).into()),
        Value::String(s) if s.starts_with("sha256:") => out.push(Digest::of(b"other").to_string().into()),
        Value::String(s) => {
            out.push(format!("{s}x").into());
            out.extend(["halt", "skip", "read", "high", "web", "path", "2027-01-01T00:00:00Z"].map(Value::from));
        }
        Value::Null => {}
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_differs_from_another_only_where_it_does(a in ".{0,12}", b in ".{0,12}") {
        let (old, new) = (plan_with(&a), plan_with(&b));
        prop_assert!(diff(&old, &old).is_empty());
        prop_assert_eq!(diff(&old, &new).is_empty(), a == b);
    }
}
