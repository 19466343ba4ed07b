//! How a plan and its steps stand, derived from the state and never stored.

use super::{
    run::{Run, StepState},
    state::State,
};
use crate::{
    base::{digest::Digest, ident::Id, resolve_as::ResolveAs, time::Timestamp},
    event::{RunStatus, StepStatus},
};

/// What the gate says of the approvals so far; how many are enough is the policy's to say, not the ledger's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// They are enough.
    Open,
    /// They are not, or there are none.
    Closed,
}

/// What is known of the process that carries a run out; the ledger cannot know it, and claims do not end by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executor {
    /// It lives on this machine.
    Lives,
    /// It was on this machine, and is gone.
    Gone,
    /// It is, or was, somewhere else.
    Unseen,
}

/// Returns how a plan stands at a time; `None` where the ledger does not hold it.
///
/// A step that started and has not finished shows as [`RunStatus::Running`], unless its executor is known to be gone:
/// then it is [`RunStatus::Indeterminate`]. Either way resuming the run refuses `indeterminate` until a person resolves
/// the step. What was carried out stays visible as that, whatever was said of the plan meanwhile or since.
#[must_use]
pub fn status(state: &State, plan: &Digest, now: Timestamp, gate: Gate, executor: Executor) -> Option<RunStatus> {
    let known = state.plan(plan)?;
    let run = state.last_run(plan);
    let run_status = run.map(|run| run_status(state, run, executor));
    let usable = known.approvals.iter().any(|approval| state.check_usable(approval, now).is_ok());
    let alive = state.check_plan_alive(plan, now).is_ok();
    // While a step is in doubt, that is what has to be known.
    if run.is_some_and(|run| !run.is_over() && run.unknown_steps().next().is_some()) {
        return run_status;
    }
    match (run_status, known.revoked) {
        // Only a session with uses left goes on after completion.
        (Some(RunStatus::Completed), _) if usable && alive => return Some(RunStatus::Approved),
        (Some(RunStatus::Completed), _) => return run_status,
        _ if known.rejection.is_some() => return Some(RunStatus::Rejected),
        (_, Some(_)) => return Some(RunStatus::Revoked),
        _ => {}
    }
    if run.is_some_and(|run| !run.is_over()) {
        return run_status;
    }
    if known.superseded_by.is_some() {
        return Some(RunStatus::Superseded);
    }
    if now >= known.record.expires {
        return Some(RunStatus::Expired);
    }
    if gate == Gate::Open && usable {
        return Some(RunStatus::Approved);
    }
    run_status.or(Some(if known.reviews.is_empty() && known.approvals.is_empty() {
        RunStatus::Drafted
    } else {
        RunStatus::AwaitingApproval
    }))
}

/// Returns how a run stands.
#[must_use]
pub fn run_status(state: &State, run: &Run, executor: Executor) -> RunStatus {
    let told_unknown = |step: &StepState| matches!(step, StepState::Finished { status: StepStatus::Indeterminate, .. });
    match run.outcome {
        // Resolved, and waiting for the claim that goes on with it.
        Some(RunStatus::Indeterminate) if run.unknown_steps().next().is_none() => RunStatus::Claimed,
        Some(status) => status,
        None if run.steps.values().any(told_unknown) => RunStatus::Indeterminate,
        None if run.unknown_steps().next().is_some() => match executor {
            Executor::Gone => RunStatus::Indeterminate,
            Executor::Lives | Executor::Unseen => RunStatus::Running,
        },
        None if state.halt().is_some() => RunStatus::Halted,
        None if run.verifying => RunStatus::Verifying,
        None if run.steps.is_empty() => RunStatus::Claimed,
        None => RunStatus::Running,
    }
}

/// Returns how a step of a run stands; whether a step that never spoke could start is the plan's to say.
#[must_use]
pub fn step_status(run: &Run, step: &Id, executor: Executor) -> StepStatus {
    match run.steps.get(step) {
        None if run.is_over() => StepStatus::Cancelled,
        None => StepStatus::Pending,
        Some(StepState::Open { .. }) if run.outcome.is_some() || executor == Executor::Gone => {
            StepStatus::Indeterminate
        }
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
