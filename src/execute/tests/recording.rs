//! Order, durability, halts, resumption and retries.

use super::support::*;
use crate::{
    base::{
        digest::Digest,
        secret::Secret,
        value::{Scalar, ValueType},
    },
    event::{RunEvent, RunStatus, StepStatus},
    execute::{Cancel, Ready, RunSetting, preview},
    plan::model::{Action, Arg, CaptureFrom, OnFailure, Retry, Slot},
    verify::VerifiedPlan,
};

#[tokio::test]
async fn e04_a_start_is_on_record_before_its_side_effect_and_an_end_before_what_follows() {
    let bench = Bench::new();
    let steps = vec![acting(runs("a", "exit 0")), after(acting(runs("b", "exit 0")), &["a"])];
    let ran = bench.run(plan(steps), bench.setting()).await;
    assert_eq!(ran.story(), "run +a1 -a1 +b1 -b1 end");
    assert_eq!(ran.outcome.status, RunStatus::Completed);
}

#[test]
fn what_refuses_a_run_as_a_whole_is_found_before_there_is_anything_to_record() {
    let bench = Bench::new();
    let refused = |steps: &[&str], change: &dyn Fn(&mut RunSetting)| {
        let steps = steps.iter().map(|name| runs(name, "exit 0")).collect();
        let mut setting = bench.setting();
        change(&mut setting);
        Ready::new(VerifiedPlan::unchecked(plan(steps), Digest::of(b"plan")), setting).map(drop)
    };
    let code = |steps: &[&str], change: &dyn Fn(&mut RunSetting)| refused(steps, change).unwrap_err().code();
    let short = |setting: &mut RunSetting| {
        setting.secrets.insert("TOKEN".into(), Secret::new("short".into()));
    };
    assert!(refused(&["one"], &|_| {}).is_ok());
    assert_eq!(code(&["one"], &short), "secret.too_short");
    assert_eq!(code(&["one", "one"], &|_| {}), "plan.graph");
    assert_eq!(code(&["one"], &|setting| setting.workspace = bench.outside().join("none")), "io.failed");
    assert_eq!(code(&["one"], &|setting| setting.scratch = bench.workspace()), "io.failed");
}

#[tokio::test]
async fn e23_what_cannot_be_recorded_does_not_happen() {
    type Case = (fn(&RunEvent) -> bool, Option<&'static str>, StepStatus, RunStatus);
    let fails: [Case; 3] = [
        // Only a step that acted, and of which the end is not on record, is in doubt.
        (|e| matches!(e, RunEvent::StepStarted { .. }), None, StepStatus::Cancelled, RunStatus::Halted),
        (
            |e| matches!(e, RunEvent::StepFinished { .. }),
            Some("x"),
            StepStatus::Indeterminate,
            RunStatus::Indeterminate,
        ),
        (|e| matches!(e, RunEvent::RunFinished { .. }), Some("x"), StepStatus::Succeeded, RunStatus::Halted),
    ];
    for (fails, made, status, run) in fails {
        let bench = Bench::new();
        let one = acting(step("one", vec![Action::Run(writing(sh("printf x > made.txt"), &["made.txt"]))]));
        let two = after(acting(step("two", vec![Action::Run(writing(sh("echo > two.txt"), &["two.txt"]))])), &["one"]);
        let sink = Recorder { fails: Some(fails), ..Recorder::default() };
        let ran = bench.run_with(plan(vec![one, two]), bench.setting(), sink, Cancel::default()).await;
        assert_eq!(ran.outcome.status, run);
        assert_eq!(ran.outcome.reason_code.as_deref(), Some("io.failed"));
        assert_eq!(ran.outcome.steps[&id("one")], status);
        assert_eq!(bench.read("made.txt").as_deref(), made);
        if status != StepStatus::Succeeded {
            assert_eq!(bench.read("two.txt"), None);
        }
    }
}

#[tokio::test]
async fn a_halt_is_asked_for_before_every_side_effect() {
    let bench = Bench::new();
    let steps = vec![acting(runs("a", "exit 0")), after(acting(runs("b", "exit 0")), &["a"])];
    let sink = Recorder { halts_after: Some(2), ..Recorder::default() };
    let ran = bench.run_with(plan(steps), bench.setting(), sink, Cancel::default()).await;
    assert_eq!((ran.outcome.status, ran.step("a").status), (RunStatus::Halted, StepStatus::Succeeded));
    assert_eq!(ran.step("b").status, StepStatus::Cancelled);
    assert_eq!(ran.story(), "run +a1 -a1 -b0 end");
}

#[tokio::test]
async fn a38_what_is_found_after_a_step_stops_the_run_also_after_the_last_and_after_a_failure() {
    for (script, status) in [("exit 0", StepStatus::Succeeded), ("exit 3", StepStatus::Failed)] {
        for acts in [false, true] {
            let bench = Bench::new();
            let kind = |step| if acts { acting(step) } else { step };
            let mut one = kind(runs("a", script));
            one.idempotent = true;
            one.retry = Retry { max_attempts: 3, backoff_seconds: 0 };
            let sink = || Recorder { wary: true, ..Recorder::default() };
            for more in [vec![], vec![after(kind(runs("b", "exit 0")), &["a"])]] {
                let steps = [vec![one.clone()], more].concat();
                let ran = bench.run_with(plan(steps), bench.setting(), sink(), Cancel::default()).await;
                assert_eq!(
                    (ran.outcome.status, ran.outcome.reason_code.as_deref()),
                    (RunStatus::Halted, Some("io.failed"))
                );
                assert_eq!(ran.step("a").status, status, "the record says what the step did");
                assert!(ran.outcome.steps.get(&id("b")).is_none_or(|b| *b == StepStatus::Cancelled));
            }
        }
    }
}

#[tokio::test]
async fn events_of_steps_that_only_read_are_recorded_in_batches() {
    let bench = Bench::new();
    let steps = (0..20).map(|n| runs(&format!("s{n}"), "exit 0")).collect();
    let sink = Recorder::default();
    let calls = sink.calls.clone();
    let ran = bench.run_with(plan(steps), bench.setting(), sink, Cancel::default()).await;
    assert_eq!(ran.outcome.status, RunStatus::Completed);
    assert_eq!(*calls.lock().unwrap(), [41, 1]);
}

#[tokio::test]
async fn e05_only_transient_failures_of_idempotent_steps_are_tried_again() {
    let script = "printf x >> tries.txt; echo 'HTTP 503' >&2; test $(wc -c < tries.txt) -ge 3";
    for (idempotent, script, tries) in
        [(true, script, 3), (false, script, 1), (true, "printf x >> tries.txt; echo 'HTTP 403' >&2; exit 1", 1)]
    {
        let bench = Bench::new();
        bench.write("tries.txt", "");
        let mut one = acting(step("one", vec![Action::Run(writing(sh(script), &["tries.txt"]))]));
        one.idempotent = idempotent;
        one.retry = Retry { max_attempts: 3, backoff_seconds: 0 };
        let ran = bench.run(plan(vec![one]), bench.setting()).await;
        assert_eq!(bench.read("tries.txt").unwrap().len(), tries);
        let keys: std::collections::BTreeSet<Digest> = ran
            .events
            .iter()
            .filter_map(|e| match e {
                RunEvent::StepStarted { idempotency_key, .. } => Some(*idempotency_key),
                _ => None,
            })
            .collect();
        assert_eq!(keys.len(), 1, "every attempt has the same key");
        assert_eq!(ran.step("one").status == StepStatus::Succeeded, tries == 3);
        if tries == 3 {
            assert_eq!(ran.story(), "run +one1 -one1 +one2 -one2 +one3 -one3 end");
        }
    }
}

#[tokio::test]
async fn a_failure_halts_continues_or_is_skipped_as_the_plan_says() {
    for (on_failure, run, dependent, other) in [
        (OnFailure::Halt, RunStatus::Failed, StepStatus::Blocked, StepStatus::Blocked),
        (OnFailure::Continue, RunStatus::Failed, StepStatus::Blocked, StepStatus::Succeeded),
        (OnFailure::Skip, RunStatus::Completed, StepStatus::Succeeded, StepStatus::Succeeded),
    ] {
        let bench = Bench::new();
        let mut bad = runs("bad", "exit 3");
        bad.on_failure = on_failure;
        let steps = vec![bad, after(runs("dependent", "exit 0"), &["bad"]), runs("other", "exit 0")];
        let ran = bench.run(plan(steps), bench.setting()).await;
        assert_eq!(ran.outcome.status, run);
        assert_eq!(ran.outcome.steps[&id("bad")], StepStatus::Failed);
        assert_eq!(ran.outcome.steps[&id("dependent")], dependent);
        assert_eq!(ran.outcome.steps[&id("other")], other);
    }
}

#[tokio::test]
async fn c24_values_flow_from_step_to_step_and_a_resumed_run_knows_them() {
    let bench = Bench::new();
    let first = giving(
        step(
            "first",
            vec![Action::Run(capturing(
                sh("echo tag=v7; echo x >> count.txt"),
                "tag",
                CaptureFrom::StdoutLine("tag=".into()),
            ))],
        ),
        "tag",
        ValueType::String,
        Some("v[0-9]+"),
        10,
    );
    let mut first = first;
    if let Action::Run(run) = &mut first.actions[0] {
        run.writes = vec!["count.txt".parse().unwrap()];
    }
    let mut second = run_of("/bin/echo", &[]);
    let slot = Slot {
        prefix: "--tag=".into(),
        from_step: id("first"),
        output: id("tag"),
        kind: ValueType::String,
        pattern: Some("v[0-9]+".into()),
        max_length: 10,
    };
    second.argv = vec![Arg::Slot(slot)];
    let made = plan(vec![first, after(step("second", vec![Action::Run(second)]), &["first"])]);
    let ran = bench.run(made.clone(), bench.setting()).await;
    assert_eq!(output(&ran.step("second")), "--tag=v7\n");
    assert_eq!(ran.step("first").outputs[&id("tag")], Scalar::Text("v7".into()));
    let mut setting = bench.setting();
    setting.finished.insert(id("first"), ran.step("first"));
    setting.attempts.insert(id("second"), 1);
    let again = bench.run(made.clone(), setting).await;
    assert_eq!(again.story(), "run +second2 -second2 end");
    assert_eq!(output(&again.step("second")), "--tag=v7\n");
    assert_eq!(again.outcome.status, RunStatus::Completed);
    assert_eq!(bench.read("count.txt").unwrap(), "x\n", "the finished step did not run again");
    let shown = preview(&VerifiedPlan::unchecked(made, Digest::of(b""))).unwrap();
    assert_eq!((shown[1].level, shown[1].actions[0].argv.join(" ")), (1, "/bin/echo --tag=<first.tag>".into()));
}

#[tokio::test]
async fn steps_that_touch_the_same_files_never_run_at_once() {
    let bench = Bench::new();
    bench.write("shared/n", "0");
    let add = "n=$(cat shared/n); echo $((n+1)) > shared/n";
    let steps = (0..8).map(|n| step(&format!("s{n}"), vec![Action::Run(writing(sh(add), &["shared"]))])).collect();
    let mut setting = bench.setting();
    setting.parallel = 8;
    assert_eq!(bench.run(plan(steps), setting).await.outcome.status, RunStatus::Completed);
    assert_eq!(bench.read("shared/n").unwrap(), "8\n");
}

#[tokio::test]
async fn a_halt_while_a_full_batch_is_written_leaves_no_step_started_and_not_begun() {
    let bench = Bench::new();
    let mut setting = bench.setting();
    setting.parallel = 1;
    // One step at a time, the 500th event is the start of the 250th step; whoever asked again then was told to halt.
    let steps: Vec<_> = (0..252).map(|n| runs(&format!("s{n}"), "exit 0")).collect();
    let sink = Recorder { halts_after: Some(251), ..Recorder::default() };
    let calls = sink.calls.clone();
    let ran = bench.run_with(plan(steps), setting, sink, Cancel::default()).await;
    assert_eq!(ran.outcome.status, RunStatus::Halted);
    assert_eq!(calls.lock().unwrap()[0], 500);
    assert!(ran.story().contains("+s2491 -s2491 -s2500"), "{}", ran.story());
    assert_eq!(ran.step("s249").status, StepStatus::Succeeded);
    assert_eq!(ran.step("s250").status, StepStatus::Cancelled, "the halt holds for the next step");
}
