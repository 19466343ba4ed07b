//! How a plan and its steps stand, derived from the state and never stored.

use super::state::{Run, State, StepState};
use crate::{
    base::{digest::Digest, ident::Id, time::Timestamp},
    event::{RunStatus, StepStatus},
    sign::predicate::ResolveAs,
};

/// What the gate says of the approvals so far; how many are enough is the policy's to say, not the ledger's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// They are enough.
    Open,
    /// They are not, or there are none.
    Closed,
}

/// Returns how a plan stands at a time; `None` where the ledger does not hold it.
///
/// A step that started and has not finished shows as [`RunStatus::Running`]: whether its executor
/// still lives cannot be known from the ledger, and claims do not end by time. Resuming the run refuses
/// `indeterminate` until a person resolves the step.
#[must_use]
pub fn status(state: &State, plan: &Digest, now: Timestamp, gate: Gate) -> Option<RunStatus> {
    let known = state.plan(plan)?;
    let run = state.last_run(plan);
    let run_status = run.map(|run| run_status(state, run));
    // What has happened outranks what may yet be.
    if let Some(RunStatus::Completed | RunStatus::Indeterminate) = run_status {
        return run_status;
    }
    if known.rejection.is_some() {
        return Some(RunStatus::Rejected);
    }
    if let Some(status) = run_status
        && run.is_some_and(|run| !run.is_over())
    {
        return Some(status);
    }
    if known.superseded_by.is_some() {
        return Some(RunStatus::Superseded);
    }
    let mut usable = false;
    let mut revoked = false;
    for approval in &known.approvals {
        usable |= state.check_usable(approval, now).is_ok();
        revoked |= state.check_not_revoked(approval).is_err();
    }
    let fresh = match gate {
        Gate::Open if usable => Some(RunStatus::Approved),
        _ => None,
    };
    if now >= known.record.expires {
        return run_status.or(Some(RunStatus::Expired));
    }
    fresh.or(run_status).or_else(|| {
        Some(if revoked && !usable {
            RunStatus::Revoked
        } else if known.reviews.is_empty() && known.approvals.is_empty() {
            RunStatus::Drafted
        } else {
            RunStatus::AwaitingApproval
        })
    })
}

/// Returns how a run stands.
#[must_use]
pub fn run_status(state: &State, run: &Run) -> RunStatus {
    let told_unknown = |step: &StepState| {
        matches!(step, StepState::Finished { status: StepStatus::Indeterminate, .. })
    };
    match run.outcome {
        // Resolved, and waiting for the claim that goes on with it.
        Some(RunStatus::Indeterminate) if run.unknown_steps().next().is_none() => RunStatus::Claimed,
        Some(status) => status,
        None if run.steps.values().any(told_unknown) => RunStatus::Indeterminate,
        None if run.unknown_steps().next().is_some() => RunStatus::Running,
        None if state.halt().is_some() => RunStatus::Halted,
        None if run.verifying => RunStatus::Verifying,
        None if run.steps.is_empty() => RunStatus::Claimed,
        None => RunStatus::Running,
    }
}

/// Returns how a step of a run stands; whether a step that never spoke could start is the plan's to say.
#[must_use]
pub fn step_status(run: &Run, step: &Id) -> StepStatus {
    match run.steps.get(step) {
        None if run.is_over() => StepStatus::Cancelled,
        None => StepStatus::Pending,
        Some(StepState::Open { .. }) if run.outcome.is_some() => StepStatus::Indeterminate,
        Some(StepState::Open { .. }) => StepStatus::Running,
        Some(StepState::Finished { status, retrying, .. }) if !retrying || run.is_over() => *status,
        Some(StepState::Finished { .. }) => StepStatus::Ready,
        Some(StepState::Resolved { taken, .. }) => match taken {
            ResolveAs::Retry => StepStatus::Ready,
            ResolveAs::Skip => StepStatus::Skipped,
            ResolveAs::Abort => StepStatus::Cancelled,
        },
    }
}
