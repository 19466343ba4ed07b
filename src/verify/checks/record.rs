//! What the ledger says of a plan lets it run: recorded, not rejected or taken back, not run before, not in doubt, not halted.

use std::collections::BTreeSet;

use super::refuse;
use crate::{
    approval::{
        ApprovalStatus,
        reasons::{APPROVAL_REVOKED, PLAN_REJECTED},
    },
    base::{
        ident::Id,
        reason::{REPLAY_CONSUMED, Refusal, Result},
        resolve_as::ResolveAs,
        text::{count, counted, excerpt},
        time::shown_duration,
    },
    ledger::{
        reasons::{LEDGER_ROLLBACK, RUN_INDETERMINATE},
        state::PlanState,
    },
    plan::SealedPlan,
    verify::{
        case::{Case, Purpose},
        reasons::{CHECKPOINT_STALE, HALTED, PLAN_REQUESTER, PLAN_SUPERSEDED, PLAN_UNRECORDED, REPLAY_RUN},
    },
};

pub(super) fn ledger_heads(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let (state, digest) = (case.chain.state, plan.digest());
    let heads = state
        .plan(&digest)
        .map(|known| &known.record.ledger)
        .into_iter()
        .chain(state.approvals_of(&digest).map(|approval| &approval.approval.stated().binding.ledger));
    let mut seen = 0_u64;
    for head in heads {
        (case.chain.must_contain)(head)
            .map_err(|e| Refusal::new(LEDGER_ROLLBACK, e.message().to_owned()).subject(head.hash.to_string()))?;
        seen += 1;
    }
    Ok(counted(seen, "head stands in the chain", "heads stand in the chain"))
}

/// Whoever withholds the ledger's newest entries shows an old checkpoint: where the policy sets an age, that is found.
pub(super) fn ledger_checkpoint(_: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let Some(limit) = case.policy.limits().checkpoint_age else { return Ok("the policy asks for none".to_owned()) };
    let limit_shown = shown_duration(limit);
    match case.chain.state.vouched_at() {
        None => refuse(CHECKPOINT_STALE, format!("there is none, and the policy wants one of the last {limit_shown}")),
        Some(at) if at.plus(limit) < case.now => {
            refuse(CHECKPOINT_STALE, format!("of {at}, and the policy wants one of the last {limit_shown}"))
        }
        Some(at) => Ok(format!("of {at}, at most {limit_shown} old")),
    }
}

/// Returns what the ledger knows of the plan.
fn known<'a>(plan: &SealedPlan, case: &'a Case<'_>) -> Result<&'a PlanState> {
    let known = case.chain.state.plan(&plan.digest());
    known.ok_or_else(|| Refusal::new(PLAN_UNRECORDED, plan.digest().to_string()))
}

pub(super) fn plan_recorded(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let known = known(plan, case)?;
    let (named, recorded) = (&plan.plan().planner.requested_by, &known.record.requested_by);
    if (named.id, &named.host) != (recorded.id, &recorded.host) {
        let what = format!("the plan says `{}` asked for it, the record `{}`", named.login, recorded.login);
        return refuse(PLAN_REQUESTER, excerpt(&what));
    }
    if let Some(late) = known.late {
        return Err(late.refusal().hint("have the plan made again, by a key that was not revoked"));
    }
    match known.superseded_by {
        Some(later) => refuse(PLAN_SUPERSEDED, format!("by {later}")),
        None => Ok(format!("entry {}", known.seq)),
    }
}

pub(super) fn plan_not_rejected(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    not_ended(known(plan, case)?).map(|()| "neither rejected nor taken back".to_owned())
}

/// Refuses a plan that somebody put an end to.
///
/// # Errors
/// `plan.rejected`, `approval.revoked`.
pub fn not_ended(known: &PlanState) -> Result<()> {
    if let Some(no) = &known.rejection {
        return refuse(PLAN_REJECTED, format!("by {}: {}", excerpt(&no.rejected_by.login), excerpt(&no.reason)));
    }
    match known.revoked {
        Some(seq) => Err(Refusal::new(APPROVAL_REVOKED, format!("the whole plan was taken back, by entry {seq}"))
            .hint("the plan is over, whoever approves it: draft a new one with `countersign plan`")),
        None => Ok(()),
    }
}

pub(super) fn replay(plan: &SealedPlan, case: &Case<'_>, approvals: &ApprovalStatus) -> Result<String> {
    let state = case.chain.state;
    match &case.purpose {
        Purpose::Start => match state.last_run(&plan.digest()) {
            Some(run) if !run.is_over() => refuse(REPLAY_RUN, format!("run {} holds the approval", run.claim.run)),
            // What lets a plan run once more, once it has, is an approval of after it, or one with a use left.
            Some(run) => match approvals.grant() {
                Err(refusal) if refusal.is(REPLAY_CONSUMED) => {
                    refuse(REPLAY_RUN, format!("run {} has used the approval", run.claim.run))
                }
                _ => Ok(format!("run {} is over", run.claim.run)),
            },
            None => Ok("no other run".to_owned()),
        },
        Purpose::Resume(name) => match state.run_of(&plan.digest(), name) {
            None if state.knows_run(name) => refuse(REPLAY_RUN, format!("run {name} is of another plan")),
            None => refuse(REPLAY_RUN, format!("there is no run {name}")),
            Some(run) if !run.can_resume() => refuse(REPLAY_RUN, format!("run {name} is completed, or was given up")),
            Some(run) => Ok(format!("attempt {} of run {name}", run.claim.attempt + 1)),
        },
        Purpose::Join { run, steps } => join(plan, case, run, steps),
    }
}

/// The run is claimed for this plan and not over; each step waits for nothing and has never been started.
fn join(plan: &SealedPlan, case: &Case<'_>, name: &Id, steps: &BTreeSet<Id>) -> Result<String> {
    let run = match case.chain.state.last_run(&plan.digest()) {
        Some(last) if last.claim.run == *name && !last.is_over() => last,
        _ => return refuse(REPLAY_RUN, format!("run {name} is not the one that holds the approval, or is over")),
    };
    for id in steps {
        let Some(step) = plan.plan().steps.iter().find(|step| step.id == *id) else {
            return refuse(REPLAY_RUN, format!("the plan has no step `{id}`"));
        };
        if run.steps.contains_key(id) {
            return refuse(REPLAY_RUN, format!("step `{id}` of run {name} was started already"));
        }
        if let Some(need) = step.needs.iter().find(|need| !run.has_succeeded(need)) {
            return refuse(REPLAY_RUN, format!("step `{id}` waits for `{need}`"));
        }
    }
    if steps.is_empty() {
        return refuse(REPLAY_RUN, "no step is named".to_owned());
    }
    Ok(format!("{} of run {name}", count(steps.len(), "step")))
}

pub(super) fn determinate(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let state = case.chain.state;
    let Some(run) = state.last_run(&plan.digest()) else { return Ok("no step has started".to_owned()) };
    if matches!(&case.purpose, Purpose::Join { .. }) {
        // Steps of other processes are under way: only they know. `replay` refuses any that was started before.
        return Ok(format!("the steps of run {} that were started are others'", run.claim.run));
    }
    match run.unknown_steps().next() {
        Some(step) => Err(Refusal::new(RUN_INDETERMINATE, format!("step `{step}` of run {}", run.claim.run))
            .subject(step.to_string())
            .hint(format!(
                "look what happened, then `countersign resolve {} --step {step} --as {} --reason ...`",
                run.claim.run,
                ResolveAs::FORM,
            ))
            .hint(format!(
                "{} claimed it at {}, and may still be at it: make sure first that its job is gone",
                excerpt(&run.claim.claimed_by.login),
                run.claimed_at
            ))),
        None => Ok("every step that started has ended".to_owned()),
    }
}

pub(super) fn halt(_: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    match case.chain.state.halt() {
        Some(halt) => refuse(HALTED, format!("by {}: {}", excerpt(&halt.by.login), excerpt(&halt.reason))),
        None => Ok("not halted".to_owned()),
    }
}
