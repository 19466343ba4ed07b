//! What a sandboxed step costs over a bare spawn; run by hand, since it measures the machine.

use super::support::*;
use crate::event::RunStatus;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures time: cargo test --lib cost -- --ignored --nocapture"]
#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "the bare spawn to compare with, and its figure")]
async fn a_thousand_steps_and_a_thousand_bare_spawns() {
    const STEPS: u32 = 1000;
    let bench = Bench::new();
    let bare = std::time::Instant::now();
    for _ in 0..STEPS {
        assert!(std::process::Command::new("/bin/true").output().unwrap().status.success());
    }
    let bare = bare.elapsed() / STEPS;
    let steps =
        (0..STEPS).map(|n| step(&format!("s{n}"), vec![crate::plan::model::Action::Run(run_of("/bin/true", &[]))]));
    let made = plan(steps.collect());
    let held = std::time::Instant::now();
    assert_eq!(bench.run(made, bench.setting()).await.outcome.status, RunStatus::Completed);
    let held = held.elapsed() / STEPS;
    eprintln!("bare spawn {bare:?}, sandboxed step {held:?}, difference {:?}", held.saturating_sub(bare));
}
