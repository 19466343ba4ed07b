//! What leaves a doubt that only a signed resolution ends, and what leaves none.

use super::support::*;
use crate::{
    base::{digest::Digest, value::ValueType},
    event::{ErrorClass, RunStatus, StepStatus},
    execute::Cancel,
    plan::model::{Action, CaptureFrom, CommitFiles, Effect, Host, Retry, Step, WriteFile},
};

/// A step with a side effect that leaves half of its work behind, and then goes on as the script says.
fn halfway(script: &str) -> Step {
    let act = writing(sh(&format!("printf half > made.txt; {script}")), &["made.txt"]);
    let mut one = acting(step("one", vec![Action::Run(act)]));
    one.timeout_seconds = 1;
    one
}

/// A step that is done, and of which a proof is asked for.
fn unproven(script: &str) -> Step {
    let act = capturing(
        writing(sh(&format!("printf half > made.txt; {script}")), &["made.txt"]),
        "proof",
        CaptureFrom::StdoutLine("proof=".into()),
    );
    let mut one = giving(acting(step("one", vec![Action::Run(act)])), "proof", ValueType::String, None, 10);
    one.evidence = vec![id("proof")];
    one
}

#[tokio::test]
async fn e05_a_step_that_may_run_once_and_did_not_say_itself_how_it_ended_is_in_doubt() {
    let unread = |mut one: Step| {
        one.verify = vec![Action::Run(sh("exit 1"))];
        one
    };
    let unreadable = |mut one: Step| {
        one.verify = vec![Action::Run(run_of("/usr/bin/no-such", &[]))];
        one
    };
    let mut two_actions = halfway("exit 0");
    two_actions.actions.push(Action::Run(run_of("/usr/bin/no-such", &[])));
    let left = "(trap '' HUP; sleep 600) >/dev/null 2>&1 & exit 0";
    for (one, cause, class) in [
        (halfway("while :; do :; done"), "step.timeout", Some(ErrorClass::Transient)),
        (halfway("kill -9 $$"), "step.signal", Some(ErrorClass::Configuration)),
        (halfway(left), "proc.leak", Some(ErrorClass::BusinessRule)),
        (unread(halfway("exit 0")), "verification.failed", Some(ErrorClass::Verification)),
        (unreadable(halfway("exit 0")), "verification.failed", Some(ErrorClass::Verification)),
        (unproven("exit 0"), "output.missing", Some(ErrorClass::BusinessRule)),
        (unproven("echo proof=01234567890"), "output.invalid", Some(ErrorClass::BusinessRule)),
        (two_actions, "program.missing", Some(ErrorClass::Configuration)),
    ] {
        for effect in [Effect::Notify, Effect::Write, Effect::Irreversible] {
            let bench = Bench::new();
            let mut one = one.clone();
            one.effect = effect;
            let steps = vec![one, after(runs("next", "exit 0"), &["one"])];
            let ran = bench.run(plan(steps), bench.setting()).await;
            let outcome = ran.step("one");
            assert_eq!(outcome.status, StepStatus::Indeterminate, "{cause}: {outcome:?}");
            assert_eq!((code(&outcome), outcome.class), ("step.indeterminate", class), "{cause}");
            assert!(outcome.what.as_ref().unwrap().ends_with(&format!("[{cause}]")), "{outcome:?}");
            assert_eq!(
                (ran.outcome.status, bench.read("made.txt").as_deref()),
                (RunStatus::Indeterminate, Some("half"))
            );
            assert_eq!(ran.step("next").status, StepStatus::Blocked);
        }
    }
}

#[tokio::test]
async fn e05_what_said_itself_that_it_failed_what_did_nothing_and_what_may_run_twice_is_in_no_doubt() {
    let own_word = halfway("exit 3");
    let mut timed_out = halfway("while :; do :; done");
    timed_out.idempotent = true;
    let mut unread = halfway("exit 0");
    unread.idempotent = true;
    unread.verify = vec![Action::Run(sh("exit 1"))];
    let mut looks = halfway("kill -9 $$");
    looks.effect = Effect::Recommend;
    let missing = acting(step("one", vec![Action::Run(run_of("/usr/bin/no-such", &[]))]));
    let mut denied = sh("exit 0");
    denied.secrets = vec!["NOT_GIVEN".into()];
    let denied = acting(step("one", vec![Action::Run(denied)]));
    for (one, status, expected) in [
        (own_word, StepStatus::Failed, "step.exit"),
        (timed_out, StepStatus::TimedOut, "step.timeout"),
        (unread, StepStatus::Failed, "verification.failed"),
        (looks, StepStatus::Failed, "step.signal"),
        (missing, StepStatus::CouldNotStart, "program.missing"),
        (denied, StepStatus::Denied, "secret.missing"),
    ] {
        let bench = Bench::new();
        let ran = bench.run(plan(vec![one]), bench.setting()).await;
        let outcome = ran.step("one");
        assert_eq!((outcome.status, code(&outcome)), (status, expected));
        assert_eq!(ran.outcome.status, RunStatus::Failed, "{expected}");
    }
}

#[tokio::test]
async fn an_action_that_is_refused_before_it_changes_anything_is_in_no_doubt() {
    let bench = Bench::new();
    bench.write("made.txt", "old");
    let path = "made.txt".parse().unwrap();
    let content_digest = Digest::of(b"x");
    let write = WriteFile { path, executable: false, content_digest, content: "x".into(), replace: false };
    let ran = bench.run(plan(vec![acting(step("one", vec![Action::Write(write)]))]), bench.setting()).await;
    assert_eq!((ran.step("one").status, code(&ran.step("one"))), (StepStatus::Failed, "path.exists"));
    assert_eq!((ran.outcome.status, bench.read("made.txt").as_deref()), (RunStatus::Failed, Some("old")));
}

#[tokio::test]
async fn a_commit_that_is_there_though_its_action_failed_is_in_doubt() {
    let bench = Bench::new();
    let repository = git2::Repository::init(bench.workspace()).unwrap();
    bench.write("a.txt", "1");
    let tree = repository.find_tree(repository.index().unwrap().write_tree().unwrap()).unwrap();
    let who = git2::Signature::new("a", "a@b", &git2::Time::new(1, 0)).unwrap();
    let first = repository.commit(Some("HEAD"), &who, &who, "first", &tree, &[]).unwrap();
    bench.write(".git/index.lock", "");
    let commit = CommitFiles { paths: vec!["a.txt".parse().unwrap()], message: "m".into() };
    let ran = bench.run(plan(vec![acting(step("one", vec![Action::Commit(commit)]))]), bench.setting()).await;
    let outcome = ran.step("one");
    let here = repository.head().unwrap().target().unwrap();
    assert_eq!(repository.find_commit(here).unwrap().parent_id(0).unwrap(), first);
    assert_eq!((outcome.status, code(&outcome)), (StepStatus::Indeterminate, "step.indeterminate"));
    assert!(outcome.what.as_ref().unwrap().ends_with("[git.locked]"), "{outcome:?}");
    assert_eq!(ran.outcome.status, RunStatus::Indeterminate);
}

#[tokio::test]
async fn e05_a_step_that_may_be_skipped_when_it_fails_is_not_skipped_in_doubt() {
    let bench = Bench::new();
    let mut one = halfway("kill -9 $$");
    one.on_failure = crate::plan::model::OnFailure::Skip;
    one.retry = Retry { max_attempts: 3, backoff_seconds: 0 };
    if let Action::Run(run) = &mut one.actions[0] {
        run.network = vec![Host { name: "127.0.0.1".into(), port: 9 }];
    }
    let ran = bench.run(plan(vec![one, after(runs("next", "exit 0"), &["one"])]), bench.setting()).await;
    assert_eq!(ran.story(), "run +one1 -one1 -next0 end");
    assert_eq!((ran.outcome.status, ran.step("next").status), (RunStatus::Indeterminate, StepStatus::Blocked));
}

#[tokio::test]
async fn e04_a_start_of_which_nobody_knows_whether_it_is_on_record_is_in_doubt() {
    let bench = Bench::new();
    let sink = Recorder { unclear: true, ..Recorder::default() };
    let ran = bench.run_with(plan(vec![halfway("exit 0")]), bench.setting(), sink, Cancel::default()).await;
    assert_eq!((ran.outcome.status, bench.read("made.txt")), (RunStatus::Indeterminate, None));
    assert_eq!(ran.outcome.reason_code.as_deref(), Some("run.unrecorded"));
}

#[tokio::test]
async fn e05_every_run_has_idempotency_keys_of_its_own() {
    let bench = Bench::new();
    let key = |name: &str| {
        let mut setting = bench.setting();
        setting.run = id(name);
        setting
    };
    let one = || {
        plan(vec![runs("one", "echo $COUNTERSIGN_IDEMPOTENCY_KEY"), runs("two", "echo $COUNTERSIGN_IDEMPOTENCY_KEY")])
    };
    let mut said = Vec::new();
    for run in ["run-a", "run-a", "run-b"] {
        let ran = bench.run(one(), key(run)).await;
        said.push((output(&ran.step("one")), output(&ran.step("two"))));
    }
    assert_eq!(said[0], said[1], "a resumed run has the keys of before");
    assert_ne!(said[0].0, said[2].0, "another run of the same plan is another intent");
    assert_ne!(said[0].0, said[0].1);
}
