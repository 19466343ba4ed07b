//! How fast a ledger is read; run with `cargo test --release --lib ledger::tests::speed -- --ignored --nocapture`.

use std::time::Instant;

use super::support::*;
use crate::ledger::{Batch, Mode, NewEntry};

/// A ledger of `runs` whole runs of one plan each, 7 entries a run, and a checkpoint at its end.
fn filled(runs: u64) -> World {
    let world = World::new();
    let mut ledger = world.open();
    for block in 0..runs.div_ceil(100) {
        let numbers = block * 100..((block + 1) * 100).min(runs);
        let head = ledger.read(t(10)).unwrap().head().unwrap();
        let mut batch = Batch::default();
        let mut seq = head.seq;
        for n in numbers {
            let run = format!("r{n}");
            let grant = approved(&head, n, n);
            let id = grant.payload_digest();
            let claimed = claim(&head, n, &run, 1, vec![id], n);
            for envelope in [
                plan(&head, n, None),
                grant,
                claimed,
                started(n, &run, "a", 1, seq + 3),
                finished(n, &run, "a", 1, "succeeded", false),
                started(n, &run, "b", 1, seq + 3),
                finished(n, &run, "b", 1, "succeeded", false),
                outcome(n, &run, "completed"),
            ] {
                batch.entries.push(NewEntry { envelope, at: t(10) });
            }
            seq += 8;
        }
        ledger.append(clock(10), |_| Ok(batch.clone())).unwrap();
    }
    put(&mut ledger, |head| checkpoint(Who::Ci, head, 3)).unwrap();
    world
}

#[test]
#[expect(clippy::print_stderr, reason = "the measurement is what the test is for")]
#[ignore = "measures; only a release build says anything"]
fn e20_reads_ten_thousand_entries_a_second_and_a_thousand_within_eight_milliseconds() {
    for runs in [125, 1_250] {
        let world = filled(runs);
        for mode in [Mode::Full, Mode::FromCheckpoint] {
            let best = (0..7)
                .map(|_| {
                    let begin = Instant::now();
                    let length = world.open().with_mode(mode).read(t(10)).unwrap().length();
                    (begin.elapsed(), length)
                })
                .min()
                .unwrap();
            let rate = best.1 as f64 / best.0.as_secs_f64();
            eprintln!("{mode:?}: {} entries in {:?}, {rate:.0} a second", best.1, best.0);
        }
    }
}
