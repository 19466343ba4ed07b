use std::collections::BTreeSet;

use super::{
    samples::{self, git, host, id, path, plan, python, script, step},
    words::{ForbiddenWords, Mode},
    *,
};
use crate::plan::model::{Action, Arg, Effect, OnFailure, Origin, Plan, PlannerInput, Slot};

fn look(plan: &Plan) -> ReviewReport {
    review(plan, Digest::of(b"plan"), &Settings::default())
}

fn levels(report: &ReviewReport, check: &str) -> Vec<Level> {
    report.findings().iter().filter(|finding| finding.check == check).map(|finding| finding.severity).collect()
}

fn one_run(run: crate::plan::model::Run) -> Plan {
    plan(vec![step("s", Effect::Analyze, vec![Action::Run(run)])])
}

#[test]
fn every_check_has_one_file_one_entry_and_a_unique_id() {
    let ids: BTreeSet<&str> = checks::ALL.iter().map(|check| check.id()).collect();
    assert_eq!(ids.len(), checks::ALL.len());
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/review/checks");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "mod.rs")
        .map(|name| name.trim_end_matches(".rs").replace('_', "-"))
        .collect();
    assert_eq!(files, ids.iter().map(|&id| id.to_owned()).collect());
    assert!(checks::ALL.iter().all(|check| !check.summary().is_empty()));
}

#[test]
fn a_review_is_deterministic_and_names_its_plan_and_every_check() {
    let plan = one_run(git(&["log"]));
    let report = look(&plan);
    assert_eq!(report, look(&plan));
    assert_eq!(report.plan(), Digest::of(b"plan"));
    assert_eq!(report.checks().len(), checks::ALL.len());
}

#[test]
fn a_plain_read_raises_no_alarm() {
    assert_eq!(look(&one_run(git(&["log", "--oneline"]))).worst(), Some(Level::Note));
}

#[test]
fn c32_interpreters_are_uninspectable_by_mark_and_by_name() {
    let marked = look(&one_run(python(&["-c", "x"])));
    assert_eq!(marked.uninspectable(&id("s")).count(), 1);
    let unmarked = look(&one_run(samples::run("tool", "/usr/bin/bash", &["-c", "x"])));
    assert_eq!(unmarked.uninspectable(&id("s")).count(), 1);
    assert_eq!(look(&one_run(git(&["log"]))).uninspectable(&id("s")).count(), 0);
}

#[test]
fn c32_long_scripts_encoded_data_and_scripts_that_are_not_there_are_uninspectable() {
    let mut run = samples::run("tool", "/usr/bin/tool", &[]);
    run.argv.push(Arg::Script(path("pipelines/x/a.sql")));
    let mut plan = one_run(run);
    let why = |plan: &Plan| look(plan).uninspectable(&id("s")).map(|f| f.message.clone()).collect::<Vec<_>>();
    assert_eq!(why(&plan), ["its script is not in the plan"]);
    plan.scripts.push(script("pipelines/x/a.sql", "select 1;\n"));
    assert!(why(&plan).is_empty());
    plan.scripts[0].content = "select 1;\n".repeat(201);
    assert_eq!(why(&plan), ["its script has 201 lines"]);
    let blob = "aGVsbG8gd29ybGQh".repeat(20);
    let plan = samples::plan(vec![step("s", Effect::Write, vec![samples::write("a", &blob)])]);
    assert_eq!(why(&plan), ["holds encoded data"]);
}

#[test]
fn c32_what_verifies_a_step_is_looked_at_too() {
    let mut step = step("s", Effect::Write, vec![samples::write("a", "b")]);
    step.verify = vec![Action::Run(python(&["-c", "x"]))];
    assert_eq!(look(&plan(vec![step])).uninspectable(&id("s")).count(), 1);
}

#[test]
fn c02_an_interpreter_in_disguise_and_a_git_alias_are_alarms() {
    assert_eq!(
        levels(&look(&one_run(samples::run("helper", "/usr/bin/env", &["ls"]))), "disguised-interpreters"),
        [Level::Alarm]
    );
    assert_eq!(levels(&look(&one_run(git(&["-c", "alias.x=!id", "x"]))), "disguised-interpreters"), [Level::Alarm]);
    assert!(levels(&look(&one_run(python(&["x"]))), "disguised-interpreters").is_empty());
}

#[test]
fn d12_an_agent_among_the_programs_is_an_alarm() {
    let report = look(&one_run(samples::run("helper", "/usr/local/bin/claude", &["-p", "x"])));
    assert_eq!(levels(&report, "agent-programs"), [Level::Alarm]);
}

#[test]
fn c34_hosts_are_listed_and_misleading_ones_flagged() {
    let mut run = git(&["fetch"]);
    run.network = vec![host("example.com", 443), host("10.0.0.1", 80), host("xn--a-0ia.com", 443)];
    assert_eq!(levels(&look(&one_run(run)), "network").iter().filter(|l| **l == Level::Warning).count(), 2);
}

#[test]
fn c28_mixed_script_words_are_flagged_where_people_read_them() {
    let mut plan = one_run(git(&["log"]));
    plan.steps[0].title = "Look at p\u{430}ypal".into();
    assert_eq!(levels(&look(&plan), "mixed-script"), [Level::Warning]);
}

#[test]
fn d15_forms_that_other_interpreters_expand_are_flagged() {
    assert_eq!(levels(&look(&one_run(git(&["log", "$(id)"]))), "template-forms"), [Level::Warning]);
    assert!(levels(&look(&one_run(git(&["log", "--format=%H"]))), "template-forms").is_empty());
}

#[test]
fn c04_dangerous_variables_are_flagged() {
    let mut run = git(&["log"]);
    run.env.insert("GIT_SSH_COMMAND".into(), Arg::Literal("x".into()));
    assert_eq!(levels(&look(&one_run(run)), "dangerous-environment"), [Level::Warning]);
}

#[test]
fn secrets_that_could_leave_are_warned_of() {
    let mut run = git(&["push"]);
    run.secrets.push("TOKEN".into());
    assert_eq!(levels(&look(&one_run(run.clone())), "secrets"), [Level::Note]);
    run.network.push(host("example.com", 443));
    assert_eq!(levels(&look(&one_run(run)), "secrets"), [Level::Warning]);
}

#[test]
fn effects_are_counted_and_a_false_word_for_them_is_an_alarm() {
    let mut plan = plan(vec![step("s", Effect::Irreversible, vec![])]);
    assert_eq!(levels(&look(&plan), "effects"), [Level::Note]);
    assert_eq!(levels(&look(&plan), "irreversible"), [Level::Alarm]);
    plan.effect = Effect::Read;
    assert_eq!(levels(&look(&plan), "effects"), [Level::Alarm, Level::Note]);
}

#[test]
fn missing_evidence_and_missing_read_back_are_alarms_where_something_changes() {
    let mut plan = plan(vec![step("s", Effect::Write, vec![])]);
    assert!(levels(&look(&plan), "missing-evidence").is_empty());
    plan.steps[0].evidence.clear();
    plan.steps[0].verify.clear();
    assert_eq!(levels(&look(&plan), "missing-evidence"), [Level::Alarm, Level::Alarm]);
}

#[test]
fn failures_that_pass_by_and_repeated_effects_are_flagged() {
    let mut plan = plan(vec![step("s", Effect::Write, vec![])]);
    plan.steps[0].on_failure = OnFailure::Skip;
    plan.steps[0].retry.max_attempts = 2;
    assert_eq!(levels(&look(&plan), "skipped-failures"), [Level::Warning]);
    assert_eq!(levels(&look(&plan), "repeated-effects"), [Level::Alarm]);
}

#[test]
fn tainted_values_are_flagged() {
    let mut run = python(&[]);
    run.argv.push(Arg::Slot(Slot {
        prefix: String::new(),
        from_step: id("a"),
        output: id("b"),
        kind: crate::base::value::ValueType::String,
        pattern: None,
        max_length: 10,
    }));
    let mut plan = one_run(run);
    plan.planner.inputs.push(PlannerInput { name: "issue 7".into(), origin: Origin::Issue, digest: Digest::of(b"i") });
    assert_eq!(levels(&look(&plan), "tainted-values"), [Level::Warning, Level::Warning]);
}

#[test]
fn c33_long_titles_and_large_plans_are_flagged() {
    let mut plan = plan((0..31).map(|n| step(&format!("s{n}"), Effect::Read, vec![])).collect());
    plan.steps[0].title = "x".repeat(81);
    assert_eq!(levels(&look(&plan), "long-titles"), [Level::Warning]);
    assert_eq!(levels(&look(&plan), "plan-size"), [Level::Warning]);
}

#[test]
fn private_folders_of_the_machine_are_alarms() {
    let mut run = git(&["log"]);
    run.system_reads = vec!["/home/ann/.ssh".into(), "/usr/share/zoneinfo".into()];
    assert_eq!(levels(&look(&one_run(run)), "system-reads"), [Level::Alarm, Level::Note]);
}

#[test]
fn jf7_forbidden_words_are_found_in_titles_and_arguments() {
    let settings = Settings { forbidden_words: Some(ForbiddenWords::new(["write".to_owned()], Mode::Word)) };
    let mut plan = one_run(git(&["log", "write"]));
    plan.steps[0].title = "Rewrite it".into();
    let report = review(&plan, Digest::of(b"p"), &settings);
    assert_eq!(report.of(FORBIDDEN_WORDS, Some(&id("s"))).count(), 1);
    assert!(levels(&look(&plan), FORBIDDEN_WORDS).is_empty());
}

#[test]
fn c27_evidence_is_shown_without_controls() {
    let mut plan = one_run(git(&["log"]));
    plan.steps[0].title = format!("a\x1b[2J{}", "x".repeat(100));
    assert!(look(&plan).findings().iter().all(|f| !f.evidence.contains('\x1b')));
}

#[test]
fn a_step_that_says_less_than_it_does_is_an_alarm() {
    let understated = plan(vec![step("s", Effect::Analyze, vec![samples::write("a", "b")])]);
    assert_eq!(levels(&look(&understated), "effects"), [Level::Alarm, Level::Note]);
    let honest = plan(vec![step("s", Effect::Recommend, vec![samples::write("a", "b")])]);
    assert_eq!(levels(&look(&honest), "effects"), [Level::Note]);
}

#[test]
fn c02_git_that_runs_other_programs_is_uninspectable() {
    assert_eq!(look(&one_run(git(&["-c", "core.pager=sh", "log"]))).uninspectable(&id("s")).count(), 1);
}

#[test]
fn work_of_people_that_the_trust_root_does_not_know_is_warned_of() {
    let mut made = plan(vec![step("s", Effect::Read, Vec::new())]);
    assert!(levels(&look(&made), "unknown-authors").is_empty());
    made.subject.strangers = 2;
    assert_eq!(levels(&look(&made), "unknown-authors"), [Level::Warning]);
    let view = crate::plan::view::View::new(&made, crate::base::digest::Digest::of(b"plan")).markdown();
    assert!(view.contains("belong to nobody in the trust root") && view.contains("perhaps: 2"), "{view}");
}
