//! What counts as success: codes, outputs, evidence, read-back.

use super::support::*;
use crate::{
    base::value::ValueType,
    event::{ErrorClass, StepStatus},
    plan::model::{Action, CaptureFrom, Effect, Step},
};

fn printing(script: &str, from: CaptureFrom, kind: ValueType, pattern: Option<&str>) -> Step {
    let run = capturing(writing(sh(script), &["out.txt"]), "out", from);
    giving(step("one", vec![Action::Run(run)]), "out", kind, pattern, 10)
}

#[tokio::test]
async fn c21_success_is_an_accepted_code_and_every_declared_output() {
    let line = || CaptureFrom::StdoutLine("out=".into());
    let file = || CaptureFrom::File("out.txt".parse().unwrap());
    let cases = [
        (printing("echo 5", CaptureFrom::Stdout, ValueType::Integer, None), ""),
        (printing("echo out=5; echo other", line(), ValueType::Integer, None), ""),
        (printing("echo 5 > out.txt", file(), ValueType::Integer, None), ""),
        (printing("exit 0", CaptureFrom::Stdout, ValueType::String, None), "output.missing"),
        (printing("echo", CaptureFrom::Stdout, ValueType::String, None), "output.missing"),
        (printing("echo '   '", CaptureFrom::Stdout, ValueType::String, None), "output.missing"),
        (printing("echo x", line(), ValueType::String, None), "output.missing"),
        (printing("exit 0", file(), ValueType::String, None), "output.missing"),
        (printing("echo out=1; echo out=2", line(), ValueType::Integer, None), "output.invalid"),
        (printing("echo five", CaptureFrom::Stdout, ValueType::Integer, None), "output.invalid"),
        (printing("echo 12345678901", CaptureFrom::Stdout, ValueType::String, None), "output.invalid"),
        (printing("echo 12345678901 > out.txt", file(), ValueType::String, None), "output.invalid"),
        (printing("echo b", CaptureFrom::Stdout, ValueType::String, Some("a")), "output.invalid"),
        (printing("printf '\\033[0m'", CaptureFrom::Stdout, ValueType::String, None), "output.invalid"),
        (printing("printf 'a\\nb'", CaptureFrom::Stdout, ValueType::String, None), "output.invalid"),
        (printing("ln -s /etc/passwd out2; exit 4", CaptureFrom::Stdout, ValueType::String, None), "step.exit"),
        (printing("kill -9 $$", CaptureFrom::Stdout, ValueType::String, None), "step.signal"),
    ];
    for (step, expected) in cases {
        let bench = Bench::new();
        let outcome = bench.run(plan(vec![step.clone()]), bench.setting()).await.step("one");
        assert_eq!(code(&outcome), expected, "{:?}: {:?}", step.actions, outcome);
        assert_eq!(outcome.status == StepStatus::Succeeded, expected.is_empty());
    }
}

#[tokio::test]
async fn we3_evidence_that_nothing_gives_fails_the_step() {
    let bench = Bench::new();
    let mut one = runs("one", "exit 0");
    one.evidence = vec![id("proof")];
    assert_eq!(code(&bench.run(plan(vec![one]), bench.setting()).await.step("one")), "output.missing");
}

#[tokio::test]
async fn a_side_effect_that_cannot_be_read_back_is_a_failure() {
    let bench = Bench::new();
    let mut one = acting(runs("one", "exit 0"));
    one.idempotent = true;
    let good = bench.run(plan(vec![one.clone()]), bench.setting()).await.step("one");
    assert_eq!((good.status, good.verified, good.actions.len()), (StepStatus::Succeeded, 1, 2));
    one.verify = vec![Action::Run(sh("exit 1"))];
    let bad = bench.run(plan(vec![one.clone()]), bench.setting()).await.step("one");
    assert_eq!((code(&bad), bad.class), ("verification.failed", Some(ErrorClass::Verification)));
    one.verify = vec![Action::Run(run_of("/usr/bin/no-such", &[]))];
    assert_eq!(code(&bench.run(plan(vec![one.clone()]), bench.setting()).await.step("one")), "verification.failed");
    one.verify.clear();
    one.effect = Effect::Irreversible;
    let none = bench.run(plan(vec![one]), bench.setting()).await.step("one");
    assert_eq!((code(&none), none.actions.len()), ("verification.missing", 0));
}

#[tokio::test]
async fn a_missing_file_can_be_declared_and_leaves_nothing_where_nobody_wrote() {
    let bench = Bench::new();
    let made = bench
        .one(writing(sh("echo x > a/b/new.txt; echo y > folder/f"), &["a/b/new.txt", "folder", "unused.txt"]))
        .await;
    assert_eq!(made.status, StepStatus::Succeeded, "{}", errors(&made));
    assert_eq!(bench.read("a/b/new.txt").unwrap(), "x\n");
    assert_eq!((bench.read("folder/f").unwrap().as_str(), bench.read("unused.txt")), ("y\n", None));
    for protected in [".git/hooks", ".github/workflows/x.yml", "pipelines/x.yml", "."] {
        assert_eq!(code(&bench.one(writing(sh("exit 0"), &[protected])).await), "path.protected", "{protected}");
    }
}
