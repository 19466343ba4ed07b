//! Which entry of a run may follow in which state; the table stands in `transition.rs`.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    past::Fact,
    reasons::{LEDGER_BUSY, LEDGER_FENCED, LEDGER_UNKNOWN_SUBJECT},
    record::Entry,
    run::{Run, StepState},
    state::{ApprovalState, State},
    transition::{order, terminal},
};
use crate::{
    base::{
        digest::Digest,
        ident::Id,
        reason::{REPLAY_CONSUMED, Refusal, Result},
        resolve_as::ResolveAs,
    },
    event::{RunStatus, StepStatus},
    sign::predicate::{Claim, Outcome, Resolution, StepFinished, StepStarted, Verification},
};

impl State {
    pub(super) fn claimed(&mut self, entry: &Entry, claim: &Claim) -> Result<()> {
        self.check_followed()?;
        let standing = self.standing(&claim.plan)?;
        // Asked before anything of its approvals and runs, of which no more may be known than their names.
        if standing.spent {
            return Err(Refusal::new(REPLAY_CONSUMED, format!("plan {} was carried out", claim.plan))
                .hint("make a new plan: this one is over"));
        }
        standing.check_alive(&claim.plan, entry.at)?;
        if self.knows_run(&claim.run) {
            return self.resumed(entry, claim);
        }
        if claim.attempt != 1 {
            return Err(order(format!("attempt {} of a run `{}` that was never claimed", claim.attempt, claim.run)));
        }
        let mut distinct = claim.approvals.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.is_empty() || distinct.len() != claim.approvals.len() {
            return Err(order(format!("the claim of run `{}` names no approval, or one twice", claim.run)));
        }
        for id in &claim.approvals {
            self.own_approval(id, &claim.plan)?;
            self.check_usable(id, entry.at)?;
        }
        if standing.running {
            return Err(Refusal::new(LEDGER_BUSY, format!("a run of plan {}", claim.plan)));
        }
        for id in &claim.approvals {
            if let Some(known) = self.approvals.get_mut(id) {
                Arc::make_mut(known).uses.push(claim.run.clone());
            }
        }
        self.plan_mut(&claim.plan)?.runs.push(claim.run.clone());
        let fresh = Run {
            claim: claim.clone(),
            first_claim: entry.seq,
            fencing: entry.seq,
            claimed_at: entry.at,
            steps: BTreeMap::new(),
            opened: BTreeMap::new(),
            outcome: None,
            ended: None,
            verifying: false,
        };
        self.runs.insert(claim.run.clone(), Arc::new(fresh));
        Ok(())
    }

    fn resumed(&mut self, entry: &Entry, claim: &Claim) -> Result<()> {
        // A run that is remembered by name is of a plan that is over, and so of another.
        let run = self.runs.get(&claim.run).ok_or_else(|| no_run(&claim.run, &claim.plan))?;
        let run = of_plan(run, &claim.plan)?;
        let last = self.last_run(&claim.plan).is_some_and(|last| last.claim.run == claim.run);
        if !run.can_resume() || !last {
            return Err(Refusal::new(REPLAY_CONSUMED, format!("run `{}` is over", claim.run)));
        }
        if claim.attempt != run.claim.attempt.saturating_add(1) {
            return Err(Refusal::new(
                REPLAY_CONSUMED,
                format!("run `{}` has had attempt {}", claim.run, claim.attempt),
            ));
        }
        if claim.approvals != run.claim.approvals {
            return Err(order(format!("run `{}` was claimed with other approvals", claim.run)));
        }
        self.check_determinate(run)?;
        for id in &claim.approvals {
            self.check_not_revoked(id)?;
        }
        let run = self.run_mut(&claim.run, &claim.plan)?;
        run.claim = claim.clone();
        run.fencing = entry.seq;
        run.claimed_at = entry.at;
        run.outcome = None;
        run.ended = None;
        run.verifying = false;
        // What did not succeed may be tried again; what did stays done.
        for state in run.steps.values_mut() {
            if let StepState::Finished { status, retrying, .. } = state
                && !matches!(status, StepStatus::Succeeded | StepStatus::Indeterminate)
            {
                *retrying = true;
            }
        }
        Ok(())
    }

    pub(super) fn step_started(&mut self, entry: &Entry, record: &StepStarted) -> Result<()> {
        self.check_followed()?;
        let run = self.live_run(&record.run, &record.plan)?;
        check_fencing(&record.run, run.fencing, record.fencing)?;
        let known = self.require_plan(&record.plan)?;
        if known.rejection.is_some() || entry.at >= known.record.expires {
            return Err(terminal(format!("plan {} was rejected or has expired", record.plan)));
        }
        for id in &run.claim.approvals {
            self.check_not_revoked(id)?;
        }
        let expected = match run.steps.get(&record.step) {
            None => Some(1),
            Some(StepState::Finished { attempt, retrying: true, .. })
            | Some(StepState::Resolved { attempt, taken: ResolveAs::Retry }) => Some(attempt.saturating_add(1)),
            Some(_) => None,
        };
        if expected != Some(record.attempt) {
            return Err(order(format!("attempt {} of step `{}` may not start", record.attempt, record.step)));
        }
        let run = self.run_mut(&record.run, &record.plan)?;
        run.steps.insert(record.step.clone(), StepState::Open { attempt: record.attempt });
        run.opened.insert(record.step.clone(), entry.seq);
        run.verifying = false;
        Ok(())
    }

    pub(super) fn step_finished(&mut self, record: &StepFinished) -> Result<()> {
        let status = word::<StepStatus>(record.outcome.get("status"))?;
        if !status.is_final() || (record.retrying && !may_retry(status)) {
            return Err(order(format!("step `{}` cannot have finished like that", record.step)));
        }
        let run = self.live_run(&record.run, &record.plan)?;
        if record.attempt == 0 {
            check_fencing(&record.run, run.fencing, record.fencing)?;
        }
        let follows = match run.steps.get(&record.step) {
            Some(StepState::Open { attempt }) => record.attempt == *attempt,
            None | Some(StepState::Resolved { taken: ResolveAs::Retry, .. }) => {
                record.attempt == 0 && never_started(status)
            }
            // The attempt that was to follow never started: nothing about the step can be in doubt.
            Some(StepState::Finished { attempt, retrying: true, .. }) => {
                let known = !record.retrying && status != StepStatus::Indeterminate;
                known && (record.attempt == *attempt || record.attempt == 0 && never_started(status))
            }
            Some(_) => false,
        };
        if !follows {
            return Err(order(format!("attempt {} of step `{}` is not open", record.attempt, record.step)));
        }
        let before = run.steps.get(&record.step).map_or(0, |state| state.attempt());
        let attempt = record.attempt.max(before);
        let finished = StepState::Finished { attempt, status, retrying: record.retrying };
        let run = self.run_mut(&record.run, &record.plan)?;
        run.steps.insert(record.step.clone(), finished);
        if !finished.is_unknown() {
            run.opened.remove(&record.step);
        }
        run.verifying = false;
        Ok(())
    }

    pub(super) fn read_back(&mut self, record: &Verification) -> Result<()> {
        let run = self.live_run(&record.run, &record.plan)?;
        if run.steps.get(&record.step).is_none_or(|state| state.attempt() == 0) {
            return Err(order(format!("step `{}` has not started", record.step)));
        }
        self.run_mut(&record.run, &record.plan)?.verifying = true;
        Ok(())
    }

    pub(super) fn ended(&mut self, entry: &Entry, record: &Outcome) -> Result<()> {
        let run = self.live_run(&record.run, &record.plan)?;
        let status = word::<RunStatus>(Some(&record.status.as_str().into()))?;
        let allowed = match status {
            RunStatus::Indeterminate => run.unknown_steps().next().is_some(),
            RunStatus::Completed | RunStatus::Failed | RunStatus::Halted | RunStatus::Cancelled => {
                self.check_determinate(run)?;
                true
            }
            _ => false,
        };
        if !allowed {
            return Err(order(format!("run `{}` cannot end as `{}`", record.run, record.status)));
        }
        let run = self.run_mut(&record.run, &record.plan)?;
        run.outcome = Some(status);
        run.ended = Some(entry.seq);
        run.verifying = false;
        Ok(())
    }

    pub(super) fn resolved(&mut self, entry: &Entry, record: &Resolution) -> Result<()> {
        let over = || terminal(format!("run `{}` is over", record.run));
        let run = self.named_run(&record.run, &record.plan)?.filter(|run| !run.is_over()).ok_or_else(over)?;
        let run = of_plan(run, &record.plan)?;
        let attempt = match run.steps.get(&record.step) {
            Some(state) if state.is_unknown() => state.attempt(),
            _ => return Err(order(format!("step `{}` is not of unknown outcome", record.step))),
        };
        if run.opened.get(&record.step).is_none_or(|opened| record.ledger.seq < *opened) {
            return Err(order(format!("the resolution was made before step `{}` started", record.step)));
        }
        let run = self.run_mut(&record.run, &record.plan)?;
        run.steps.insert(record.step.clone(), StepState::Resolved { attempt, taken: record.resolve_as });
        run.opened.remove(&record.step);
        // The executor of before may still live: it is stopped here, and only a new claim goes on.
        run.outcome = Some(match record.resolve_as {
            ResolveAs::Abort => RunStatus::Failed,
            ResolveAs::Retry | ResolveAs::Skip => RunStatus::Indeterminate,
        });
        run.ended = Some(entry.seq);
        Ok(())
    }

    /// Returns an approval that is one of a plan, which is kept whole.
    fn own_approval(&self, id: &Digest, plan: &Digest) -> Result<&ApprovalState> {
        match self.approvals.get(id) {
            Some(known) if known.approval.stated().binding.plan == *plan => Ok(known),
            None if !self.past.knows_approval(id) => {
                Err(Refusal::new(LEDGER_UNKNOWN_SUBJECT, format!("approval {id}")))
            }
            _ => Err(order(format!("approval {id} is for another plan"))),
        }
    }

    /// Returns a run of whatever plan; `None` where it is over and remembered by name.
    fn named_run(&self, run: &Id, plan: &Digest) -> Result<Option<&Run>> {
        match self.runs.get(run) {
            Some(known) => Ok(Some(known)),
            None if self.past.holds(Fact::Run(run)) => Ok(None),
            None => Err(no_run(run, plan)),
        }
    }

    /// Returns a run that has no outcome, not even an indeterminate one.
    ///
    /// That it is over is said before that it is of another plan: of a run that is over its name may be all that is known.
    fn live_run(&self, run: &Id, plan: &Digest) -> Result<&Run> {
        match self.named_run(run, plan)?.filter(|known| known.outcome.is_none()) {
            Some(known) => of_plan(known, plan),
            None => Err(terminal(format!("run `{run}` is over, or waits for a resolution"))),
        }
    }

    fn run_mut(&mut self, run: &Id, plan: &Digest) -> Result<&mut Run> {
        let known = self.runs.get_mut(run).filter(|known| known.claim.plan == *plan);
        known.map(Arc::make_mut).ok_or_else(|| no_run(run, plan))
    }
}

fn no_run(run: &Id, plan: &Digest) -> Refusal {
    Refusal::new(LEDGER_UNKNOWN_SUBJECT, format!("run `{run}` of plan {plan}"))
}

fn of_plan<'a>(run: &'a Run, plan: &Digest) -> Result<&'a Run> {
    if run.claim.plan == *plan { Ok(run) } else { Err(no_run(&run.claim.run, plan)) }
}

/// Tells whether an attempt that ended like this may be followed by another.
fn may_retry(status: StepStatus) -> bool {
    matches!(status, StepStatus::Failed | StepStatus::TimedOut | StepStatus::CouldNotStart)
}

/// Refuses what a process says whose claim was taken over by another.
fn check_fencing(name: &Id, held: u64, said: u64) -> Result<()> {
    if held == said {
        return Ok(());
    }
    Err(Refusal::new(LEDGER_FENCED, format!("run `{name}` is held by the claim in entry {held}, not {said}")))
}

/// Tells whether a step that never started may be reported like this.
fn never_started(status: StepStatus) -> bool {
    matches!(
        status,
        StepStatus::Skipped
            | StepStatus::Denied
            | StepStatus::Cancelled
            | StepStatus::Blocked
            | StepStatus::CouldNotStart
            | StepStatus::Failed
    )
}

fn word<'de, T: serde::Deserialize<'de>>(value: Option<&'de serde_json::Value>) -> Result<T> {
    let value = value.ok_or_else(|| order("a status is missing".to_owned()))?;
    T::deserialize(value)
        .map_err(|_| order(format!("`{}` is no status", crate::base::text::excerpt(&value.to_string()))))
}
