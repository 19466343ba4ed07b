//! What is over and not kept: its names still refuse what they would have refused.

use super::support::*;
use crate::{
    base::{digest::Digest, resolve_as::ResolveAs},
    ledger::{Chain, Keep, Ledger},
    sign::{
        Envelope, TrustRoot,
        predicate::{LedgerHead, RevocationTarget, Scope},
    },
};

const KEEPS: [Keep; 2] = [Keep::All, Keep::Nothing];

/// A chain without a repository, whose entries come at a time that the test sets.
struct Bench {
    root: TrustRoot,
    chain: Chain,
    now: i64,
}

impl Bench {
    /// Approves a plan for two uses; returns the approval's digest.
    fn session(&mut self, number: u64, n: u64) -> Digest {
        let mut session = approval(&self.head(), number, n);
        (session.scope, session.max_uses) = (Scope::Session, 2);
        let session = sign(Who::Bob, Some(plan_digest(number)), session);
        assert_eq!(self.code(|_| session.clone()), "ok");
        session.payload_digest()
    }

    fn new(keep: Keep) -> Self {
        let genesis = genesis_for("1", 0);
        let root = trust_root(&genesis, |_| {});
        let mut chain = Chain::new(&root, None).keeping(keep);
        chain.push(&genesis, &root, t(10)).unwrap();
        Self { root, chain, now: 10 }
    }

    fn head(&self) -> LedgerHead {
        self.chain.head().unwrap()
    }

    fn code(&mut self, make: impl Fn(&LedgerHead) -> Envelope) -> &'static str {
        let mut next = self.chain.clone();
        let taken = next.extend(&make(&self.head()), t(self.now), &self.root, t(self.now));
        let code = taken.as_ref().map_or_else(|e| e.code(), |_| "ok");
        if code == "ok" {
            self.chain = next;
        }
        code
    }

    /// Records a plan and an approval of it; returns the approval.
    fn ready(&mut self, number: u64) -> Digest {
        assert_eq!(self.code(|head| plan(head, number, None)), "ok");
        let grant = approved(&self.head(), number, number);
        assert_eq!(self.code(|_| grant.clone()), "ok");
        grant.payload_digest()
    }

    /// Carries a plan out in a run of two entries a step; returns the approval.
    fn carry_out(&mut self, number: u64, run: &str) -> Digest {
        let grant = self.ready(number);
        assert_eq!(self.code(|head| claim(head, number, run, 1, vec![grant], number)), "ok");
        let fencing = self.head().seq;
        assert_eq!(self.code(|_| started(number, run, "a", 1, fencing)), "ok");
        assert_eq!(self.code(|_| finished(number, run, "a", 1, "succeeded", false)), "ok");
        assert_eq!(self.code(|_| outcome(number, run, "completed")), "ok");
        grant
    }

    /// How many plans, approvals and runs are kept.
    fn kept(&self) -> [usize; 3] {
        let state = self.chain.state();
        [state.plans.len(), state.approvals.len(), state.runs.len()]
    }
}

#[test]
fn of_a_long_ledger_of_plans_that_are_over_nothing_is_kept_but_names() {
    let mut bench = Bench::new(Keep::Nothing);
    for n in 0..200 {
        bench.carry_out(n, &format!("r{n}"));
    }
    assert_eq!(bench.kept(), [0, 0, 0]);
    assert_eq!(bench.chain.state().counts()["outcome"], 200);
    // The twin: where all is asked for, all is kept.
    let mut bench = Bench::new(Keep::All);
    bench.carry_out(0, "r");
    assert_eq!(bench.kept(), [1, 1, 1]);
}

#[test]
fn plans_that_nobody_took_up_go_when_their_time_is_over() {
    let mut bench = Bench::new(Keep::Nothing);
    for n in 0..2_000 {
        bench.now += 10;
        let expires = t(bench.now + 100);
        assert_eq!(bench.code(|head| plan_until(expires, head, n, None)), "ok");
    }
    let kept = bench.kept()[0];
    assert!((10..130).contains(&kept), "{kept} plans are kept, of which some seventeen may still run");
}

#[test]
fn what_may_still_go_on_is_kept() {
    let mut bench = Bench::new(Keep::Nothing);
    let grant = bench.ready(1);
    assert_eq!(bench.code(|head| claim(head, 1, "r", 1, vec![grant], 1)), "ok");
    let fencing = bench.head().seq;
    assert_eq!(bench.code(|_| started(1, "r", "a", 1, fencing)), "ok");
    assert_eq!(bench.code(|head| rejection(head, 1, 2)), "ok");
    assert_eq!(bench.kept(), [1, 1, 1], "rejected, and a step is under way");
    assert_eq!(bench.code(|_| finished(1, "r", "a", 1, "indeterminate", false)), "ok");
    assert_eq!(bench.code(|_| outcome(1, "r", "indeterminate")), "ok");
    assert_eq!(bench.kept(), [1, 1, 1], "nobody knows how the step ended");
    assert_eq!(bench.code(|head| resolution(head, 1, "r", "a", ResolveAs::Abort, 3)), "ok");
    assert_eq!(bench.kept(), [0, 0, 0]);
    // A failed run may be resumed; a session goes on after its first run was completed.
    let grant = bench.ready(2);
    assert_eq!(bench.code(|head| claim(head, 2, "s", 1, vec![grant], 4)), "ok");
    assert_eq!(bench.code(|_| outcome(2, "s", "failed")), "ok");
    assert_eq!(bench.code(|head| claim(head, 2, "s", 2, vec![grant], 5)), "ok");
    assert_eq!(bench.code(|_| outcome(2, "s", "completed")), "ok");
    assert_eq!(bench.kept(), [0, 0, 0]);
    assert_eq!(bench.code(|head| plan(head, 3, None)), "ok");
    let grant = bench.session(3, 6);
    assert_eq!(bench.code(|head| claim(head, 3, "t", 1, vec![grant], 7)), "ok");
    assert_eq!(bench.code(|_| outcome(3, "t", "completed")), "ok");
    assert_eq!(bench.kept(), [1, 1, 1]);
    assert_eq!(bench.code(|head| claim(head, 3, "u", 1, vec![grant], 8)), "ok");
    assert_eq!(bench.code(|_| outcome(3, "u", "failed")), "ok");
    assert_eq!(bench.kept(), [1, 1, 2], "the approval is used up, and the run that took its last use may be resumed");
    assert_eq!(bench.code(|head| claim(head, 3, "u", 2, vec![grant], 9)), "ok");
    assert_eq!(bench.code(|_| outcome(3, "u", "completed")), "ok");
    assert_eq!(bench.kept(), [0, 0, 0]);
}

#[test]
fn how_a_plan_ended_is_remembered_whatever_is_kept() {
    for keep in KEEPS {
        let mut bench = Bench::new(keep);
        let whole = usize::from(keep == Keep::All);
        let late = |bench: &mut Bench, n: u64| {
            let plan_n = RevocationTarget::Plan(plan_digest(n));
            [
                bench.code(|head| rejection(head, n, 90)),
                bench.code(|head| plan(head, 100 + n, Some(plan_digest(n)))),
                bench.code(|head| revocation(head, plan_n.clone(), 91)),
            ]
        };
        bench.ready(1);
        assert_eq!(bench.code(|head| plan(head, 2, Some(plan_digest(1)))), "ok");
        assert_eq!(late(&mut bench, 1), ["ledger.terminal"; 3], "superseded, {keep:?}");
        assert_eq!(bench.code(|head| rejection(head, 2, 3)), "ok");
        assert_eq!(bench.kept()[0], 2 * whole);
        assert_eq!(late(&mut bench, 2), ["ledger.terminal", "ok", "ledger.terminal"], "rejected, {keep:?}");
        // Carried out once, and once more had it not run out of time.
        assert_eq!(bench.code(|head| plan_until(t(100), head, 4, None)), "ok");
        let grant = bench.session(4, 6);
        assert_eq!(bench.code(|head| claim(head, 4, "r", 1, vec![grant], 7)), "ok");
        assert_eq!(bench.code(|_| outcome(4, "r", "completed")), "ok");
        bench.now = 1_000;
        (1_000..1_100).for_each(|n| assert_eq!(bench.code(|head| plan(head, n, None)), "ok"));
        assert_eq!(bench.chain.state().plans.contains_key(&plan_digest(4)), keep == Keep::All);
        assert_eq!(bench.code(|head| claim(head, 4, "s", 1, vec![grant], 8)), "ledger.terminal", "{keep:?}");
        assert_eq!(late(&mut bench, 4), ["ledger.terminal", "ledger.terminal", "ok"], "lapsed, {keep:?}");
    }
}

#[test]
fn an_approval_that_was_used_is_used_whatever_is_kept() {
    for keep in KEEPS {
        let mut bench = Bench::new(keep);
        let used = bench.carry_out(1, "r");
        let fresh = bench.ready(2);
        for attempt in [1, 2] {
            let again = bench.code(|head| claim(head, 1, "r", attempt, vec![used], 50));
            assert_eq!(again, "replay.consumed", "{keep:?}");
        }
        assert_eq!(bench.code(|head| claim(head, 1, "r2", 1, vec![used], 51)), "replay.consumed", "{keep:?}");
        assert_eq!(bench.code(|head| claim(head, 1, "r2", 1, vec![fresh], 52)), "replay.consumed", "{keep:?}");
        // For another plan, beside its own approval, and under the name of the run that is over.
        assert_eq!(bench.code(|head| claim(head, 2, "r2", 1, vec![used], 53)), "ledger.order", "{keep:?}");
        assert_eq!(bench.code(|head| claim(head, 2, "r2", 1, vec![fresh, used], 54)), "ledger.order", "{keep:?}");
        assert_eq!(bench.code(|head| claim(head, 2, "r", 1, vec![fresh], 55)), "ledger.unknown_subject", "{keep:?}");
        let token = Digest::of(b"token");
        let with_token = |n| move |head: &LedgerHead| claim_of(head, 2, "r2", 1, vec![fresh], n, Some(token));
        assert_eq!(bench.code(with_token(56)), "ok", "{keep:?}");
        assert_eq!(bench.code(|_| outcome(2, "r2", "completed")), "ok", "{keep:?}");
        let other = bench.ready(3);
        let stolen = |head: &LedgerHead| claim_of(head, 3, "r3", 1, vec![other], 57, Some(token));
        assert_eq!(bench.code(stolen), "replay.jti", "{keep:?}");
        assert_eq!(bench.code(|head| claim(head, 3, "r3", 1, vec![other], 58)), "ok", "{keep:?}");
    }
}

#[test]
fn a_plan_that_is_over_is_not_recorded_reopened_or_ended_again_whatever_is_kept() {
    for keep in KEEPS {
        let mut bench = Bench::new(keep);
        let used = bench.carry_out(1, "r");
        assert_eq!(bench.code(|head| plan(head, 1, None)), "ledger.duplicate", "{keep:?}");
        assert_eq!(bench.code(|head| plan(head, 9, Some(plan_digest(1)))), "ledger.terminal", "{keep:?}");
        assert_eq!(bench.code(|head| approved(head, 1, 60)), "ledger.terminal", "{keep:?}");
        assert_eq!(bench.code(|head| rejection(head, 1, 61)), "ledger.terminal", "{keep:?}");
        assert_eq!(bench.code(|head| reviewed(head, 1, 62)), "ok", "{keep:?}");
        for plan in [1, 2] {
            assert_eq!(bench.code(|_| started(plan, "r", "b", 1, 3)), "ledger.terminal", "{keep:?}");
            assert_eq!(bench.code(|_| finished(plan, "r", "b", 0, "skipped", false)), "ledger.terminal", "{keep:?}");
            assert_eq!(bench.code(|_| read_back(plan, "r", "a")), "ledger.terminal", "{keep:?}");
            assert_eq!(bench.code(|_| outcome(plan, "r", "failed")), "ledger.terminal", "{keep:?}");
            let late = |head: &LedgerHead| resolution(head, plan, "r", "a", ResolveAs::Retry, 63);
            assert_eq!(bench.code(late), "ledger.terminal", "{keep:?}");
        }
        let approval = RevocationTarget::Approval(used);
        assert_eq!(bench.code(|head| revocation(head, approval.clone(), 64)), "ok", "{keep:?}");
        assert_eq!(bench.code(|head| revocation(head, approval.clone(), 65)), "ledger.duplicate", "{keep:?}");
        let plan_one = RevocationTarget::Plan(plan_digest(1));
        assert_eq!(bench.code(|head| revocation(head, plan_one.clone(), 66)), "ok", "{keep:?}");
        assert_eq!(bench.code(|head| revocation(head, plan_one.clone(), 67)), "ledger.duplicate", "{keep:?}");
    }
}

#[test]
fn what_was_taken_back_before_or_after_its_end_is_not_taken_back_again_whatever_is_kept() {
    for keep in KEEPS {
        let mut bench = Bench::new(keep);
        let revoked = |target: RevocationTarget, bench: &mut Bench| {
            let n = 100 + bench.head().seq;
            bench.code(|head| revocation(head, target.clone(), n))
        };
        // Each approval once by itself, or with its plan; before its end, or after.
        let (before, with_plan) = (bench.ready(1), bench.ready(2));
        assert_eq!(revoked(RevocationTarget::Approval(before), &mut bench), "ok", "{keep:?}");
        assert_eq!(bench.code(|head| rejection(head, 1, 1)), "ok", "{keep:?}");
        assert_eq!(revoked(RevocationTarget::Plan(plan_digest(2)), &mut bench), "ok", "{keep:?}");
        let after = bench.carry_out(3, "r");
        assert_eq!(revoked(RevocationTarget::Plan(plan_digest(3)), &mut bench), "ok", "{keep:?}");
        for approval in [before, with_plan, after] {
            let again = revoked(RevocationTarget::Approval(approval), &mut bench);
            assert_eq!(again, "ledger.duplicate", "{keep:?}");
        }
        assert_eq!(revoked(RevocationTarget::Plan(plan_digest(1)), &mut bench), "ledger.terminal", "{keep:?}");
        assert_eq!(
            revoked(RevocationTarget::Approval(plan_digest(1)), &mut bench),
            "ledger.unknown_subject",
            "{keep:?}"
        );
        assert_eq!(revoked(RevocationTarget::Plan(before), &mut bench), "ledger.unknown_subject", "{keep:?}");
    }
}

#[test]
fn a_plan_out_of_time_is_over_only_for_every_clock() {
    for keep in KEEPS {
        let mut bench = Bench::new(keep);
        assert_eq!(bench.code(|head| plan_until(t(100), head, 0, None)), "ok");
        let grant = approved(&bench.head(), 0, 0);
        assert_eq!(bench.code(|_| grant.clone()), "ok");
        // As many as make the reader look for what is out of time, again and again.
        let fill = |bench: &mut Bench, from: u64| {
            (from..from + 200).for_each(|n| assert_eq!(bench.code(|head| plan(head, n, None)), "ok"));
        };
        bench.now = 159;
        fill(&mut bench, 1_000);
        // A machine whose clock is behind by a minute may still claim it.
        bench.now = 99;
        let taken = bench.code(|head| claim(head, 0, "r", 1, vec![grant.payload_digest()], 1));
        assert_eq!(taken, "ok", "{keep:?}");
        assert_eq!(bench.code(|_| outcome(0, "r", "failed")), "ok", "{keep:?}");
        bench.now = 160;
        fill(&mut bench, 2_000);
        if keep == Keep::Nothing {
            assert!(!bench.chain.state().plans.contains_key(&plan_digest(0)), "it went");
        }
        bench.now = 100;
        let again = bench.code(|head| claim(head, 0, "r", 2, vec![grant.payload_digest()], 2));
        assert_eq!(again, "ledger.terminal", "{keep:?}");
        // What is out of time may still be turned down, or replaced.
        assert_eq!(bench.code(|head| rejection(head, 0, 3)), "ok", "{keep:?}");
        assert_eq!(bench.code(|head| rejection(head, 0, 4)), "ledger.terminal", "{keep:?}");
        assert_eq!(bench.code(|head| plan(head, 9, Some(plan_digest(0)))), "ok", "{keep:?}");
        assert_eq!(bench.code(|head| plan(head, 8, Some(plan_digest(0)))), "ledger.terminal", "{keep:?}");
        let target = RevocationTarget::Plan(plan_digest(0));
        assert_eq!(bench.code(|head| revocation(head, target.clone(), 5)), "ledger.terminal", "{keep:?}");
    }
}

#[test]
fn what_was_not_kept_is_not_shown_as_if_it_had_never_been() {
    let world = World::new();
    let mut ledger = world.open();
    for n in [1, 2] {
        let grant = ready(&mut ledger, n);
        let run = format!("r{n}");
        put(&mut ledger, |head| claim(head, n, &run, 1, vec![grant], 50 + n)).unwrap();
        put(&mut ledger, |_| outcome(n, &run, "completed")).unwrap();
    }
    let read = |keep| {
        let mut ledger: Ledger = world.open().with_keep(keep);
        ledger.read(t(10)).unwrap();
        ledger
    };
    let mut one = read(Keep::Only(plan_digest(1)));
    let state = one.state().unwrap();
    assert_eq!(state.plans().unwrap_err().code(), "internal.error");
    assert_eq!(state.runs().unwrap_err().code(), "internal.error");
    assert!(state.run_of(&plan_digest(1), &id("r1")).is_some());
    assert!(state.run_of(&plan_digest(1), &id("r2")).is_none() && state.knows_run(&id("r2")));
    assert!(one.read_for(&plan_digest(1), t(10)).is_ok());
    assert_eq!(one.read_for(&plan_digest(2), t(10)).map(drop).unwrap_err().code(), "internal.error");
    assert_eq!(read(Keep::Nothing).read_for(&plan_digest(1), t(10)).map(drop).unwrap_err().code(), "internal.error");
    let head = one.head();
    // It writes as any other does, and each reads what the other wrote.
    let written = put(&mut one, |head| halt(head, true, 1)).unwrap();
    assert_eq!(ledger.read(t(10)).unwrap().head(), Some(written.head));
    assert_ne!(head, ledger.head());
    assert!(ledger.state().unwrap().plan(&plan_digest(2)).is_some_and(|plan| plan.runs.len() == 1));
}

#[test]
#[should_panic(expected = "was not kept")]
#[cfg(debug_assertions)]
fn asking_for_a_plan_that_was_not_kept_is_a_mistake_that_tests_find() {
    let mut bench = Bench::new(Keep::Nothing);
    bench.carry_out(1, "r");
    let _ = bench.chain.state().plan(&plan_digest(1));
}
