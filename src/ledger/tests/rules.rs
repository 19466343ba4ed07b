//! What may follow what, one refusal at a time.

use super::support::*;
use crate::{
    base::{method::Method, resolve_as::ResolveAs},
    event::{RunStatus, StepStatus},
    ledger::{
        Ledger,
        status::{Executor, Gate, run_status, status, step_status},
    },
    sign::{
        envelope::Envelope,
        key::Signer as _,
        predicate::{LedgerHead, RevocationTarget, Scope},
    },
};

/// A ledger with a claimed run `r` of plan 1; returns the fencing token.
fn claimed() -> (World, Ledger, u64) {
    let world = World::new();
    let mut ledger = world.open();
    let grant = ready(&mut ledger, 1);
    let fencing = put(&mut ledger, |head| claim(head, 1, "r", 1, vec![grant], 50)).unwrap().head.seq;
    (world, ledger, fencing)
}

pub(super) fn code(ledger: &mut Ledger, make: impl Fn(&LedgerHead) -> Envelope) -> &'static str {
    put(ledger, make).map_or_else(|e| e.code(), |_| "ok")
}

fn grant_of(ledger: &Ledger) -> crate::base::digest::Digest {
    ledger.state().unwrap().plan(&plan_digest(1)).unwrap().approvals[0]
}

fn stands(ledger: &Ledger, number: u64) -> RunStatus {
    status(ledger.state().unwrap(), &plan_digest(number), t(10), Gate::Open, Executor::Unseen).unwrap()
}

#[test]
fn e01_an_approval_is_used_once_whatever_the_run_is_called() {
    let (_world, mut ledger, _) = claimed();
    let grant = grant_of(&ledger);
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r2", 1, vec![grant], 51)), "replay.consumed");
    assert_eq!(code(&mut ledger, |_| outcome(1, "r", "failed")), "ok");
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r3", 1, vec![grant], 52)), "replay.consumed");
    let fresh = put(&mut ledger, |head| approved(head, 1, 60)).unwrap().entries[0].approval().unwrap();
    assert_eq!(stands(&ledger, 1), RunStatus::Approved, "a failed plan may be approved anew");
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r4", 1, vec![fresh], 54)), "ok");
    assert_eq!(code(&mut ledger, |_| outcome(1, "r4", "failed")), "ok");
    assert_eq!(
        code(&mut ledger, |head| claim(head, 1, "r", 2, vec![grant], 55)),
        "replay.consumed",
        "not the last run"
    );
}

#[test]
fn b48_a_token_lets_one_claim_in_and_no_other() {
    let (world, token) = (World::new(), crate::base::digest::Digest::of(b"token"));
    let mut ledger = world.open();
    let grant = ready(&mut ledger, 1);
    let claims = |run: &'static str, attempt, n, token: &[u8]| {
        let token = crate::base::digest::Digest::of(token);
        move |head: &LedgerHead| claim_of(head, 1, run, attempt, vec![grant], n, Some(token))
    };
    assert_eq!(code(&mut ledger, claims("r", 1, 50, b"token")), "ok");
    assert_eq!(code(&mut ledger, |_| outcome(1, "r", "failed")), "ok");
    assert_eq!(code(&mut ledger, claims("r", 2, 51, b"token")), "replay.jti");
    assert_eq!(code(&mut ledger, claims("r", 2, 52, b"another token")), "ok");
    let other = ready(&mut ledger, 2);
    let elsewhere = |head: &LedgerHead| claim_of(head, 2, "s", 1, vec![other], 53, Some(token));
    assert_eq!(code(&mut ledger, elsewhere), "replay.jti");
}

#[test]
fn e01_a_failed_run_goes_on_with_its_own_approval_until_it_is_completed_or_given_up() {
    let (_world, mut ledger, _) = claimed();
    let grant = grant_of(&ledger);
    assert_eq!(code(&mut ledger, |_| outcome(1, "r", "failed")), "ok");
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r", 3, vec![grant], 51)), "replay.consumed", "attempt skipped");
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r", 2, vec![grant], 52)), "ok");
    assert_eq!(code(&mut ledger, |_| outcome(1, "r", "completed")), "ok");
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r", 3, vec![grant], 53)), "replay.consumed", "completed");
}

#[test]
fn e01_a_spare_approval_of_before_does_not_let_the_plan_run_twice() {
    let world = World::new();
    let mut ledger = world.open();
    let first = ready(&mut ledger, 1);
    let spare = put(&mut ledger, |head| approved(head, 1, 40)).unwrap().entries[0].approval().unwrap();
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r", 1, vec![first], 50)), "ok");
    assert_eq!(code(&mut ledger, |_| outcome(1, "r", "failed")), "ok");
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "s", 1, vec![spare], 51)), "replay.consumed");
}

#[test]
fn a23_a_claim_needs_approvals_of_its_own_plan() {
    let world = World::new();
    let mut ledger = world.open();
    let first = ready(&mut ledger, 1);
    let second = ready(&mut ledger, 2);
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r", 1, vec![], 50)), "ledger.order");
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r", 1, vec![second], 50)), "ledger.order");
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r", 1, vec![first, first], 50)), "ledger.order");
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r", 2, vec![first], 50)), "ledger.order");
    let unknown = plan_digest(9);
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r", 1, vec![unknown], 50)), "ledger.unknown_subject");
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r", 1, vec![first], 50)), "ok");
}

#[test]
fn a27_a_rejection_is_the_end_of_the_plan() {
    let world = World::new();
    let mut ledger = world.open();
    let grant = ready(&mut ledger, 1);
    assert_eq!(code(&mut ledger, |head| rejection(head, 1, 1)), "ok");
    assert_eq!(stands(&ledger, 1), RunStatus::Rejected);
    assert_eq!(code(&mut ledger, |head| approved(head, 1, 99)), "ledger.terminal");
    assert_eq!(code(&mut ledger, |head| rejection(head, 1, 2)), "ledger.terminal");
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r", 1, vec![grant], 50)), "ledger.terminal");
    assert_eq!(code(&mut ledger, |head| plan(head, 1, None)), "ledger.duplicate");
}

#[test]
fn a27_b32_no_further_step_starts_after_a_rejection_or_a_revocation() {
    for take_back in 0..4 {
        let (_world, mut ledger, fencing) = claimed();
        let grant = grant_of(&ledger);
        assert_eq!(code(&mut ledger, |_| started(1, "r", "a", 1, fencing)), "ok");
        let expected = match take_back {
            0 => (code(&mut ledger, |head| rejection(head, 1, 1)), "ledger.terminal"),
            1 => (code(&mut ledger, |head| revocation(head, RevocationTarget::Approval(grant), 1)), "ledger.revoked"),
            2 => (
                code(&mut ledger, |head| revocation(head, RevocationTarget::Plan(plan_digest(1)), 1)),
                "ledger.revoked",
            ),
            _ => {
                let key = Who::Bob.key().key_id();
                (code(&mut ledger, |head| revocation(head, RevocationTarget::Key(key), 1)), "ledger.revoked")
            }
        };
        assert_eq!(expected.0, "ok");
        assert_eq!(code(&mut ledger, |_| finished(1, "r", "a", 1, "succeeded", false)), "ok");
        assert_eq!(code(&mut ledger, |_| started(1, "r", "b", 1, fencing)), expected.1);
        assert_eq!(code(&mut ledger, |_| outcome(1, "r", "cancelled")), "ok");
    }
}

#[test]
fn b32_a_revocation_blocks_every_use_from_its_entry_on() {
    let world = World::new();
    let mut ledger = world.open();
    let grant = ready(&mut ledger, 1);
    let other = ready(&mut ledger, 2);
    assert_eq!(code(&mut ledger, |head| revocation(head, RevocationTarget::Approval(grant), 1)), "ok");
    assert_eq!(stands(&ledger, 1), RunStatus::AwaitingApproval);
    assert_eq!(code(&mut ledger, |head| revocation(head, RevocationTarget::Approval(grant), 2)), "ledger.duplicate");
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r", 1, vec![grant], 50)), "ledger.revoked");
    assert_eq!(stands(&ledger, 2), RunStatus::Approved);
    let key = Who::Bob.key().key_id();
    assert_eq!(code(&mut ledger, |head| revocation(head, RevocationTarget::Key(key), 3)), "ok");
    assert_eq!(code(&mut ledger, |head| claim(head, 2, "s", 1, vec![other], 51)), "ledger.revoked");
    assert_eq!(code(&mut ledger, |head| approved(head, 2, 99)), "key.revoked");
    let plan_two = RevocationTarget::Plan(plan_digest(2));
    assert_eq!(code(&mut ledger, |head| revocation(head, plan_two.clone(), 4)), "ok");
    assert_eq!(code(&mut ledger, |head| revocation(head, plan_two.clone(), 5)), "ledger.duplicate");
    assert_eq!(stands(&ledger, 2), RunStatus::Revoked);
    assert_eq!(world.open().read(t(10)).unwrap().length(), ledger.head().unwrap().seq + 1, "it reads back");
}

#[test]
fn b31_a_key_counts_at_the_time_of_the_entry_not_of_the_statement() {
    let world = World::new();
    let head = world.open().read(t(10)).unwrap().head().unwrap();
    let late = t(1_000_001);
    let clock = crate::base::time::Clock::Fixed(late);
    let refused = world.open().append(clock, |_| Ok(one(plan(&head, 1, None), late)));
    assert_eq!(refused.unwrap_err().code(), "key.validity");
    let root = trust_root(&world.genesis, |document| document.keys[2].revoked_at = Some(t(5)));
    let refused =
        Ledger::open(&world.path(), &root).unwrap().append(self::clock(6), |_| Ok(one(plan(&head, 1, None), t(6))));
    assert_eq!(refused.unwrap_err().code(), "key.revoked");
}

#[test]
fn b33_a_trust_root_older_than_one_the_ledger_names_is_refused() {
    let world = World::new();
    let mut ledger = world.open();
    assert_eq!(code(&mut ledger, |head| checkpoint(Who::Ci, head, 3)), "ok");
    assert_eq!(code(&mut ledger, |head| checkpoint(Who::Witness, head, 2)), "trust.rollback");
    let older = trust_root(&world.genesis, |document| document.version = 2);
    let mut ledger = Ledger::open(&world.path(), &older).unwrap();
    assert_eq!(ledger.read(t(10)).map(drop).unwrap_err().code(), "trust.rollback");
}

#[test]
fn e18_nothing_is_added_to_a_completed_plan() {
    let (_world, mut ledger, fencing) = claimed();
    assert_eq!(code(&mut ledger, |_| started(1, "r", "a", 1, fencing)), "ok");
    assert_eq!(code(&mut ledger, |_| outcome(1, "r", "completed")), "indeterminate", "a step is open");
    assert_eq!(code(&mut ledger, |_| finished(1, "r", "a", 1, "succeeded", false)), "ok");
    assert_eq!(code(&mut ledger, |_| outcome(1, "r", "indeterminate")), "ledger.order", "nothing is unknown");
    assert_eq!(code(&mut ledger, |_| outcome(1, "r", "approved")), "ledger.order");
    assert_eq!(code(&mut ledger, |_| outcome(1, "r", "completed")), "ok");
    assert_eq!(stands(&ledger, 1), RunStatus::Completed);
    let grant = grant_of(&ledger);
    assert_eq!(code(&mut ledger, |_| started(1, "r", "b", 1, fencing)), "ledger.terminal");
    assert_eq!(code(&mut ledger, |_| outcome(1, "r", "failed")), "ledger.terminal");
    assert_eq!(code(&mut ledger, |head| approved(head, 1, 99)), "ledger.terminal");
    assert_eq!(code(&mut ledger, |head| rejection(head, 1, 99)), "ledger.terminal");
    assert_eq!(code(&mut ledger, |head| plan(head, 2, Some(plan_digest(1)))), "ledger.terminal");
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r", 2, vec![grant], 51)), "replay.consumed");
    assert_eq!(code(&mut ledger, |head| resolution(head, 1, "r", "a", ResolveAs::Retry, 1)), "ledger.terminal");
}

#[test]
fn e18_steps_follow_their_order() {
    let (_world, mut ledger, fencing) = claimed();
    assert_eq!(code(&mut ledger, |_| started(1, "other", "a", 1, fencing)), "ledger.unknown_subject");
    assert_eq!(code(&mut ledger, |_| started(2, "r", "a", 1, fencing)), "ledger.unknown_subject");
    assert_eq!(code(&mut ledger, |_| started(1, "r", "a", 2, fencing)), "ledger.order");
    assert_eq!(code(&mut ledger, |_| finished(1, "r", "a", 1, "succeeded", false)), "ledger.order");
    assert_eq!(code(&mut ledger, |_| finished_under(fencing, 1, "r", "a", 0, "succeeded", false)), "ledger.order");
    assert_eq!(code(&mut ledger, |_| started(1, "r", "a", 1, fencing)), "ok");
    assert_eq!(code(&mut ledger, |_| started(1, "r", "a", 2, fencing)), "ledger.order");
    assert_eq!(code(&mut ledger, |_| finished(1, "r", "a", 2, "failed", true)), "ledger.order");
    assert_eq!(code(&mut ledger, |_| finished(1, "r", "a", 1, "running", false)), "ledger.order");
    assert_eq!(code(&mut ledger, |_| finished(1, "r", "a", 1, "succeeded", true)), "ledger.order");
    assert_eq!(code(&mut ledger, |_| finished(1, "r", "a", 1, "invented", false)), "ledger.order");
    assert_eq!(code(&mut ledger, |_| finished(1, "r", "a", 1, "failed", true)), "ok");
    assert_eq!(code(&mut ledger, |_| started(1, "r", "a", 2, fencing)), "ok");
    assert_eq!(code(&mut ledger, |_| finished(1, "r", "a", 2, "succeeded", false)), "ok");
    assert_eq!(code(&mut ledger, |_| started(1, "r", "a", 3, fencing)), "ledger.order");
    assert_eq!(code(&mut ledger, |_| finished_under(fencing, 1, "r", "b", 0, "skipped", false)), "ok");
    let run = ledger.state().unwrap().run(&id("r")).unwrap();
    assert_eq!(step_status(run, &id("a"), Executor::Unseen), StepStatus::Succeeded);
    assert_eq!(step_status(run, &id("b"), Executor::Unseen), StepStatus::Skipped);
    assert_eq!(step_status(run, &id("c"), Executor::Unseen), StepStatus::Pending);
}

#[test]
fn e18_that_a_step_will_not_run_is_said_once_under_each_claim_and_by_nobody_whose_claim_was_taken_over() {
    let (_world, mut ledger, first) = claimed();
    let grant = grant_of(&ledger);
    assert_eq!(code(&mut ledger, |_| finished_under(first, 1, "r", "a", 0, "blocked", false)), "ok");
    assert_eq!(code(&mut ledger, |_| outcome(1, "r", "failed")), "ok");
    let resumed = put(&mut ledger, |head| claim(head, 1, "r", 2, vec![grant], 51)).unwrap().head.seq;
    assert_eq!(code(&mut ledger, |_| finished_under(first, 1, "r", "a", 0, "skipped", false)), "ledger.fenced");
    // Alike and within the same second, as a run that goes on at once says it.
    assert_eq!(code(&mut ledger, |_| finished_under(resumed, 1, "r", "a", 0, "blocked", false)), "ok");
}

#[test]
fn e18_a_step_that_was_to_be_tried_again_is_not_put_in_doubt_after_the_end_of_its_plan() {
    let (_world, mut ledger, fencing) = claimed();
    assert_eq!(code(&mut ledger, |_| finished_under(fencing, 1, "r", "a", 0, "failed", true)), "ok");
    assert_eq!(code(&mut ledger, |_| started(1, "r", "b", 1, fencing)), "ok");
    assert_eq!(code(&mut ledger, |_| finished(1, "r", "b", 1, "failed", true)), "ok");
    assert_eq!(code(&mut ledger, |head| rejection(head, 1, 70)), "ok");
    assert_eq!(stands(&ledger, 1), RunStatus::Rejected);
    for (step, attempt) in [("a", 0), ("b", 1), ("b", 0)] {
        assert_eq!(
            code(&mut ledger, |_| finished_under(fencing, 1, "r", step, attempt, "indeterminate", false)),
            "ledger.order"
        );
    }
    assert_eq!(stands(&ledger, 1), RunStatus::Rejected);
    // The twin: that it will not be tried again may be said.
    assert_eq!(code(&mut ledger, |_| finished(1, "r", "b", 1, "failed", false)), "ok");
}

#[test]
fn e04_a_started_step_without_an_end_needs_a_signed_resolution() {
    let (world, mut ledger, fencing) = claimed();
    let grant = grant_of(&ledger);
    assert_eq!(code(&mut ledger, |_| started(1, "r", "a", 1, fencing)), "ok");
    let mut ledger = {
        drop(ledger);
        world.open()
    };
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r", 2, vec![grant], 51)), "indeterminate");
    assert_eq!(code(&mut ledger, |_| outcome(1, "r", "indeterminate")), "ok");
    assert_eq!(stands(&ledger, 1), RunStatus::Indeterminate);
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r", 2, vec![grant], 51)), "indeterminate");
    assert_eq!(code(&mut ledger, |head| resolution(head, 1, "r", "b", ResolveAs::Retry, 1)), "ledger.order");
    assert_eq!(code(&mut ledger, |head| resolution(head, 1, "r", "a", ResolveAs::Retry, 2)), "ok");
    assert_eq!(stands(&ledger, 1), RunStatus::Claimed);
    assert_eq!(code(&mut ledger, |head| resolution(head, 1, "r", "a", ResolveAs::Skip, 3)), "ledger.order");
    assert_eq!(code(&mut ledger, |_| started(1, "r", "a", 2, fencing)), "ledger.terminal", "not before a new claim");
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r", 3, vec![grant], 52)), "replay.consumed");
    let again = put(&mut ledger, |head| claim(head, 1, "r", 2, vec![grant], 53)).unwrap().head.seq;
    assert_eq!(code(&mut ledger, |_| started(1, "r", "a", 2, fencing)), "ledger.fenced");
    assert_eq!(code(&mut ledger, |_| finished(1, "r", "a", 1, "succeeded", false)), "ledger.order");
    assert_eq!(code(&mut ledger, |_| started(1, "r", "a", 2, again)), "ok");
    assert_eq!(code(&mut ledger, |_| finished(1, "r", "a", 2, "succeeded", false)), "ok");
    assert_eq!(code(&mut ledger, |_| outcome(1, "r", "completed")), "ok");
}

#[test]
fn e04_a_resolution_may_skip_the_step_or_end_the_run() {
    for (taken, expected) in [(ResolveAs::Skip, StepStatus::Skipped), (ResolveAs::Abort, StepStatus::Cancelled)] {
        let (_world, mut ledger, fencing) = claimed();
        let grant = grant_of(&ledger);
        assert_eq!(code(&mut ledger, |_| started(1, "r", "a", 1, fencing)), "ok");
        assert_eq!(code(&mut ledger, |_| finished(1, "r", "a", 1, "indeterminate", false)), "ok");
        assert_eq!(stands(&ledger, 1), RunStatus::Indeterminate);
        assert_eq!(code(&mut ledger, |head| resolution(head, 1, "r", "a", taken, 1)), "ok");
        assert_eq!(step_status(ledger.state().unwrap().run(&id("r")).unwrap(), &id("a"), Executor::Unseen), expected);
        let resumed = code(&mut ledger, |head| claim(head, 1, "r", 2, vec![grant], 51));
        let aborted = taken == ResolveAs::Abort;
        assert_eq!(resumed, if aborted { "replay.consumed" } else { "ok" });
        assert_eq!(stands(&ledger, 1) == RunStatus::Failed, aborted);
    }
}

#[test]
fn e04_a_started_step_is_indeterminate_as_soon_as_its_executor_is_known_to_be_gone() {
    let (_world, mut ledger, fencing) = claimed();
    assert_eq!(code(&mut ledger, |_| started(1, "r", "a", 1, fencing)), "ok");
    let state = ledger.state().unwrap();
    let run = state.run(&id("r")).unwrap();
    for (executor, expected, step) in [
        (Executor::Lives, RunStatus::Running, StepStatus::Running),
        (Executor::Unseen, RunStatus::Running, StepStatus::Running),
        (Executor::Gone, RunStatus::Indeterminate, StepStatus::Indeterminate),
    ] {
        assert_eq!(run_status(state, run, executor), expected);
        assert_eq!(step_status(run, &id("a"), executor), step);
        assert_eq!(status(state, &plan_digest(1), t(10), Gate::Open, executor), Some(expected));
    }
}

#[test]
fn a27_what_was_carried_out_stays_visible_whatever_is_said_of_the_plan_meanwhile() {
    for revoked in [false, true] {
        let (_world, mut ledger, fencing) = claimed();
        assert_eq!(code(&mut ledger, |_| started(1, "r", "a", 1, fencing)), "ok");
        let said = match revoked {
            true => code(&mut ledger, |head| revocation(head, RevocationTarget::Plan(plan_digest(1)), 1)),
            false => code(&mut ledger, |head| rejection(head, 1, 1)),
        };
        assert_eq!((said, stands(&ledger, 1)), ("ok", RunStatus::Running));
        assert_eq!(code(&mut ledger, |_| finished(1, "r", "a", 1, "succeeded", false)), "ok");
        assert_eq!(
            code(&mut ledger, |_| started(1, "r", "b", 1, fencing)),
            if revoked { "ledger.revoked" } else { "ledger.terminal" }
        );
        assert_eq!(code(&mut ledger, |_| outcome(1, "r", "completed")), "ok");
        assert_eq!(stands(&ledger, 1), RunStatus::Completed, "its side effect is in the world");
    }
}

#[test]
fn e17_a_claim_does_not_end_by_time() {
    let (world, mut ledger, _) = claimed();
    let later = t(900_000);
    let state = ledger.read(later).unwrap().state();
    assert_eq!(status(state, &plan_digest(1), later, Gate::Open, Executor::Unseen), Some(RunStatus::Claimed));
    let head = ledger.head().unwrap();
    let clock = crate::base::time::Clock::Fixed(later);
    let late = world.open().append(clock, |_| Ok(one(approved(&head, 1, 99), later)));
    assert_eq!(late.unwrap_err().code(), "ledger.terminal", "the plan itself has expired");
}

#[test]
fn a_halt_stops_claims_and_steps_until_it_is_lifted() {
    let (_world, mut ledger, fencing) = claimed();
    let second = ready(&mut ledger, 2);
    assert_eq!(code(&mut ledger, |head| halt(head, false, 1)), "ledger.order");
    assert_eq!(code(&mut ledger, |_| started(1, "r", "a", 1, fencing)), "ok");
    let stop = halt(&ledger.head().unwrap(), true, 2);
    assert_eq!(code(&mut ledger, |_| stop.clone()), "ok");
    assert_eq!(code(&mut ledger, |_| started(1, "r", "b", 1, fencing)), "ledger.halted");
    assert_eq!(code(&mut ledger, |head| claim(head, 2, "s", 1, vec![second], 50)), "ledger.halted");
    assert_eq!(code(&mut ledger, |_| finished(1, "r", "a", 1, "succeeded", false)), "ok");
    assert_eq!(stands(&ledger, 1), RunStatus::Halted);
    assert_eq!(code(&mut ledger, |head| halt(head, false, 3)), "ok");
    assert_eq!(code(&mut ledger, |_| stop.clone()), "ledger.duplicate", "an old halt cannot be played again");
    assert_eq!(code(&mut ledger, |_| started(1, "r", "b", 1, fencing)), "ok");
}

#[test]
fn a_session_approval_is_used_as_often_as_it_says_and_never_at_once() {
    let world = World::new();
    let mut ledger = world.open();
    put(&mut ledger, |head| plan(head, 1, None)).unwrap();
    let session = |head: &LedgerHead, max_uses| {
        let mut approval = approval(head, 1, 5);
        (approval.scope, approval.max_uses) = (Scope::Session, max_uses);
        sign(Who::Bob, Some(plan_digest(1)), approval)
    };
    assert_eq!(code(&mut ledger, |head| session(head, 101)), "ledger.order");
    assert_eq!(code(&mut ledger, |head| session(head, 0)), "ledger.order");
    let grant = put(&mut ledger, |head| session(head, 2)).unwrap().entries[0].approval().unwrap();
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r1", 1, vec![grant], 50)), "ok");
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r2", 1, vec![grant], 51)), "ledger.busy");
    assert_eq!(code(&mut ledger, |_| outcome(1, "r1", "completed")), "ok");
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r2", 1, vec![grant], 52)), "ok");
    assert_eq!(code(&mut ledger, |_| outcome(1, "r2", "completed")), "ok");
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r3", 1, vec![grant], 53)), "replay.consumed");
}

#[test]
fn a_policy_key_approves_only_as_the_policy_and_nobody_approves_for_another() {
    let world = World::new();
    let mut ledger = world.open();
    put(&mut ledger, |head| plan(head, 1, None)).unwrap();
    let by = |who: Who, named: Who, method| {
        move |head: &LedgerHead| {
            let mut approval = approval(head, 1, 5);
            (approval.approver, approval.method) = (named.actor(), method);
            sign(who, Some(plan_digest(1)), approval)
        }
    };
    assert_eq!(code(&mut ledger, by(Who::Policy, Who::Policy, Method::Key)), "key.role");
    assert_eq!(code(&mut ledger, by(Who::Bob, Who::Bob, Method::Policy)), "key.role");
    assert_eq!(code(&mut ledger, by(Who::Ci, Who::Ci, Method::Key)), "key.role");
    assert_eq!(code(&mut ledger, by(Who::Bob, Who::Alice, Method::Key)), "ledger.actor");
    assert_eq!(code(&mut ledger, by(Who::Policy, Who::Policy, Method::Policy)), "ok");
    let wrong = |head: &LedgerHead| sign(Who::Bob, Some(plan_digest(2)), approval(head, 1, 6));
    assert_eq!(code(&mut ledger, wrong), "subject.mismatch");
}

#[test]
fn a_superseded_plan_is_over_and_a_running_one_is_not_superseded() {
    let (_world, mut ledger, _) = claimed();
    assert_eq!(code(&mut ledger, |head| plan(head, 2, Some(plan_digest(1)))), "ledger.busy");
    assert_eq!(code(&mut ledger, |head| plan(head, 2, Some(plan_digest(7)))), "ledger.unknown_subject");
    let grant = ready(&mut ledger, 3);
    assert_eq!(code(&mut ledger, |head| plan(head, 4, Some(plan_digest(3)))), "ok");
    assert_eq!(code(&mut ledger, |head| plan(head, 5, Some(plan_digest(3)))), "ledger.terminal");
    assert_eq!(stands(&ledger, 3), RunStatus::Superseded);
    assert_eq!(stands(&ledger, 4), RunStatus::Drafted);
    assert_eq!(code(&mut ledger, |head| claim(head, 3, "s", 1, vec![grant], 50)), "ledger.terminal");
}

#[test]
fn e06_e07_e09_heads_and_checkpoints_from_elsewhere_are_compared() {
    let world = World::new();
    let mut ledger = world.open();
    put(&mut ledger, |head| plan(head, 1, None)).unwrap();
    let head = ledger.head().unwrap();
    assert!(ledger.must_contain(&head).is_ok());
    let other = LedgerHead { hash: plan_digest(1), ..head.clone() };
    assert_eq!(ledger.must_contain(&other).unwrap_err().code(), "ledger.rollback");
    assert_eq!(ledger.must_contain(&LedgerHead { seq: 9, ..head.clone() }).unwrap_err().code(), "ledger.rollback");
    let foreign = LedgerHead { genesis: plan_digest(1), ..head.clone() };
    assert_eq!(ledger.must_contain(&foreign).unwrap_err().code(), "ledger.transplant");
    assert_eq!(code(&mut ledger, |_| checkpoint(Who::Ci, &other, 3)), "ledger.equivocation");
    assert_eq!(code(&mut ledger, |_| checkpoint(Who::Ci, &foreign, 3)), "ledger.transplant");
    assert_eq!(code(&mut ledger, |_| approved(&other, 1, 1)), "ledger.head_unknown");
    assert_eq!(code(&mut ledger, |_| approved(&LedgerHead { seq: 2, ..head.clone() }, 1, 1)), "ledger.head_unknown");
    assert_eq!(code(&mut ledger, |_| checkpoint(Who::Ci, &head, 3)), "ok");
    let genesis = LedgerHead { seq: 0, hash: head.genesis, ..head.clone() };
    assert_eq!(code(&mut ledger, |_| checkpoint(Who::Witness, &genesis, 3)), "ledger.checkpoint_old");
    let of = |head: &LedgerHead| crate::sign::predicate::Checkpoint {
        host: "local".into(),
        repo_id: "1".into(),
        ledger: head.clone(),
        trust_root_version: 3,
        checked_at: t(7),
    };
    let chain = ledger.read(t(10)).unwrap();
    assert!(chain.must_agree(&of(&head), &world.root).is_ok());
    assert_eq!(chain.must_agree(&of(&other), &world.root).unwrap_err().code(), "ledger.equivocation");
    let ahead = of(&LedgerHead { seq: 99, ..head.clone() });
    assert_eq!(chain.must_agree(&ahead, &world.root).unwrap_err().code(), "ledger.rollback");
    let stray = crate::sign::predicate::Checkpoint { repo_id: "2".into(), ..of(&head) };
    assert_eq!(chain.must_agree(&stray, &world.root).unwrap_err().code(), "ledger.transplant");
    assert!(chain.must_agree(&of(&genesis), &world.root).is_ok());
}

#[test]
fn e18_what_was_signed_before_and_held_back_does_nothing_later() {
    let world = World::new();
    let mut ledger = world.open();
    let grant = ready(&mut ledger, 1);
    let before = ledger.head().unwrap();
    let held_back = approved(&before, 1, 77);
    let fencing = put(&mut ledger, |head| claim(head, 1, "r", 1, vec![grant], 50)).unwrap().head.seq;
    assert_eq!(code(&mut ledger, |_| started(1, "r", "a", 1, fencing)), "ok");
    assert_eq!(code(&mut ledger, |_| resolution(&before, 1, "r", "a", ResolveAs::Retry, 1)), "ledger.order");
    assert_eq!(code(&mut ledger, |_| finished(1, "r", "a", 1, "failed", false)), "ok");
    assert_eq!(code(&mut ledger, |_| outcome(1, "r", "failed")), "ok");
    let late = put(&mut ledger, |_| held_back.clone()).unwrap().entries[0].approval().unwrap();
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "s", 1, vec![late], 51)), "replay.consumed");
    assert_eq!(code(&mut ledger, |head| halt(head, true, 2)), "ok");
    assert_eq!(code(&mut ledger, |_| halt(&before, false, 3)), "ledger.order");
    assert_eq!(code(&mut ledger, |head| halt(head, false, 4)), "ok");
}

#[test]
fn b32_a_checkpoint_by_a_key_revoked_since_vouches_for_nothing() {
    use crate::ledger::Mode;
    let world = World::new();
    let mut ledger = world.open();
    ready(&mut ledger, 1);
    put(&mut ledger, |head| checkpoint(Who::Witness, head, 3)).unwrap();
    let signed = |world: &World| {
        let mut ledger = world.open().with_mode(Mode::FromCheckpoint);
        let mut signed = 0;
        ledger
            .for_each(t(10), |entry, _| {
                signed += usize::from(!entry.signatories.is_empty());
                Ok(())
            })
            .unwrap();
        signed
    };
    assert_eq!(signed(&world), 3, "the plan's signature is covered");
    let key = Who::Witness.key().key_id();
    put(&mut ledger, |head| revocation(head, RevocationTarget::Key(key), 1)).unwrap();
    assert_eq!(signed(&world), 5, "every signature is verified again");
}

#[test]
fn a11_a_person_cannot_record_a_plan_in_the_name_of_another() {
    let world = World::new();
    let mut ledger = world.open();
    assert_eq!(code(&mut ledger, |head| plan_by(Who::Alice, Who::Bob, head, 1, None)), "ledger.actor");
    assert_eq!(code(&mut ledger, |head| plan_by(Who::Alice, Who::Alice, head, 1, None)), "ok");
    assert_eq!(
        code(&mut ledger, |head| plan_by(Who::Ci, Who::Bob, head, 2, None)),
        "ok",
        "a program may, for whom it serves"
    );
}
