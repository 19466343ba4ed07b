//! Which entry may follow in which state; the same rules hold for appending and for reading.
//!
//! | entry | may follow when |
//! |---|---|
//! | plan | the plan is new; the plan it supersedes is known, has no successor, no open run and is not completed |
//! | review | the plan is known |
//! | approval | the plan is alive and not completed |
//! | rejection | the plan is known, not completed, rejected, revoked or superseded |
//! | revocation | what it names is known and not revoked; a plan: not rejected or superseded |
//! | claim, first | not halted, plan alive, no open run, every approval usable |
//! | claim, resuming | not halted, plan alive, the plan's last run, neither completed nor aborted, attempt + 1, same approvals, none revoked, no step unknown |
//! | step-started | not halted, run claimed, fencing is the newest claim, plan and approvals not taken back, step may start |
//! | step-finished | run claimed, the attempt is open; or attempt 0 and the step never started |
//! | verification | run claimed, the step has started |
//! | outcome | run claimed; `indeterminate` exactly where a step is unknown |
//! | resolution | run not over, the step is unknown, and the signer saw it start |
//! | checkpoint | not older than the newest, trust root not older |
//! | halt | a lift needs a halt that its signer saw |

use std::collections::BTreeMap;

use super::{
    reasons::{
        LEDGER_BUSY, LEDGER_CHECKPOINT_OLD, LEDGER_DUPLICATE, LEDGER_FENCED, LEDGER_ORDER, LEDGER_TERMINAL,
        LEDGER_UNKNOWN_SUBJECT, REPLAY_CONSUMED,
    },
    record::{Entry, Record},
    state::{ApprovalState, PlanState, Run, State, StepState},
};
use crate::{
    base::{
        digest::Digest,
        ident::Id,
        reason::{Refusal, Result},
    },
    event::{RunStatus, StepStatus},
    sign::{
        predicate::{
            Approval, Checkpoint, Claim, Halt, Outcome, PlanRecord, Rejection, Resolution, ResolveAs, Revocation,
            RevocationTarget, Scope, StepFinished, StepStarted, Verification,
        },
        reasons::{KEY_REVOKED, TRUST_ROLLBACK},
        verified::Verified,
    },
};

/// The most uses a session approval may allow.
const MAX_USES: u32 = 100;

impl State {
    /// Takes a verified entry in, or refuses it and stays as it was.
    ///
    /// # Errors
    /// `ledger.*`, `replay.consumed`, `indeterminate`, `key.revoked`, `trust.rollback`.
    pub fn apply(&mut self, entry: &Entry) -> Result<()> {
        for signatory in &entry.signatories {
            if let Some(seq) = self.key_revoked(&signatory.key.id) {
                let id = signatory.key.id;
                return Err(Refusal::new(KEY_REVOKED, format!("key {id}, by entry {seq}")).subject(id.to_string()));
            }
        }
        match &entry.record {
            Record::Genesis(_) => {}
            Record::Plan(record) => self.plan_recorded(entry, record)?,
            Record::Review(record) => self.plan_mut(&record.plan)?.reviews.push(record.clone()),
            Record::Approval(approval) => self.approved(entry, approval)?,
            Record::Rejection(record) => self.rejected(record)?,
            Record::Revocation(record) => self.revoked(entry, record)?,
            Record::Claim(record) => self.claimed(entry, record)?,
            Record::StepStarted(record) => self.step_started(entry, record)?,
            Record::StepFinished(record) => self.step_finished(record)?,
            Record::Verification(record) => self.read_back(record)?,
            Record::Outcome(record) => self.ended(entry, record)?,
            Record::Checkpoint(record) => self.checkpointed(entry, record)?,
            Record::Halt(record) => self.halted(entry, record)?,
            Record::Resolution(record) => self.resolved(entry, record)?,
        }
        *self.counts.entry(entry.record.kind()).or_default() += 1;
        Ok(())
    }

    fn plan_recorded(&mut self, entry: &Entry, record: &PlanRecord) -> Result<()> {
        if self.plans.contains_key(&record.plan) {
            return Err(Refusal::new(LEDGER_DUPLICATE, format!("plan {} is recorded already", record.plan)));
        }
        if let Some(old) = &record.supersedes {
            let completed = self.is_completed(old);
            let open = self.open_run(old).is_some();
            let known = self.plan_mut(old)?;
            if known.superseded_by.is_some() || completed {
                return Err(terminal(format!("plan {old} is completed, or has a successor already")));
            }
            if open {
                return Err(Refusal::new(LEDGER_BUSY, format!("plan {old} runs")));
            }
            known.superseded_by = Some(record.plan);
        }
        let fresh = PlanState {
            record: record.clone(),
            seq: entry.seq,
            at: entry.at,
            reviews: Vec::new(),
            approvals: Vec::new(),
            rejection: None,
            revoked: None,
            superseded_by: None,
            runs: Vec::new(),
        };
        self.plans.insert(record.plan, fresh);
        Ok(())
    }

    fn approved(&mut self, entry: &Entry, approval: &Verified<Approval>) -> Result<()> {
        let predicate = approval.predicate();
        let plan = predicate.binding.plan;
        self.check_plan_alive(&plan, entry.at)?;
        if self.is_completed(&plan) {
            return Err(terminal(format!("plan {plan} is completed")));
        }
        let uses_fit = match predicate.scope {
            Scope::SingleRun => predicate.max_uses == 1,
            Scope::Session => (1..=MAX_USES).contains(&predicate.max_uses),
        };
        if !uses_fit {
            return Err(order(format!("an approval for {} uses", predicate.max_uses)));
        }
        let id = entry.payload;
        self.plan_mut(&plan)?.approvals.push(id);
        self.trust_root_version = self.trust_root_version.max(predicate.binding.trust_root_version);
        let fresh =
            ApprovalState { approval: approval.clone(), seq: entry.seq, at: entry.at, revoked: None, uses: Vec::new() };
        self.approvals.insert(id, fresh);
        Ok(())
    }

    fn rejected(&mut self, record: &Rejection) -> Result<()> {
        let completed = self.is_completed(&record.plan);
        let known = self.plan_mut(&record.plan)?;
        if completed || known.is_ended() {
            return Err(terminal(format!("plan {} is at its end already", record.plan)));
        }
        known.rejection = Some(record.clone());
        Ok(())
    }

    fn revoked(&mut self, entry: &Entry, record: &Revocation) -> Result<()> {
        let again = |what: String| Err(Refusal::new(LEDGER_DUPLICATE, format!("{what} is revoked already")));
        match &record.target {
            RevocationTarget::Key(key) => {
                if self.revoked_keys.contains_key(key) {
                    return again(format!("key {key}"));
                }
                self.revoked_keys.insert(*key, entry.seq);
            }
            RevocationTarget::Approval(id) => {
                let known = self
                    .approvals
                    .get_mut(id)
                    .ok_or_else(|| Refusal::new(LEDGER_UNKNOWN_SUBJECT, format!("approval {id}")))?;
                if known.revoked.is_some() {
                    return again(format!("approval {id}"));
                }
                known.revoked = Some(entry.seq);
            }
            RevocationTarget::Plan(plan) => {
                let known = self.plan_mut(plan)?;
                if known.revoked.is_some() {
                    return again(format!("plan {plan}"));
                }
                if known.is_ended() {
                    return Err(terminal(format!("plan {plan} is at its end already")));
                }
                known.revoked = Some(entry.seq);
                for id in known.approvals.clone() {
                    if let Some(known) = self.approvals.get_mut(&id) {
                        known.revoked.get_or_insert(entry.seq);
                    }
                }
            }
        }
        Ok(())
    }

    fn claimed(&mut self, entry: &Entry, claim: &Claim) -> Result<()> {
        self.check_running()?;
        self.check_plan_alive(&claim.plan, entry.at)?;
        if self.runs.contains_key(&claim.run) {
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
            let known = self.check_usable(id, entry.at)?;
            if known.approval.predicate().binding.plan != claim.plan {
                return Err(order(format!("approval {id} is for another plan")));
            }
        }
        if let Some(open) = self.open_run(&claim.plan) {
            return Err(Refusal::new(LEDGER_BUSY, format!("run `{}` of plan {}", open.claim.run, claim.plan)));
        }
        for id in &claim.approvals {
            if let Some(known) = self.approvals.get_mut(id) {
                known.uses.push(claim.run.clone());
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
        self.runs.insert(claim.run.clone(), fresh);
        Ok(())
    }

    fn resumed(&mut self, entry: &Entry, claim: &Claim) -> Result<()> {
        let run = self.own_run(&claim.run, &claim.plan)?;
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

    fn step_started(&mut self, entry: &Entry, record: &StepStarted) -> Result<()> {
        self.check_running()?;
        let run = self.live_run(&record.run, &record.plan)?;
        if record.fencing != run.fencing {
            return Err(Refusal::new(
                LEDGER_FENCED,
                format!("run `{}` is held by the claim in entry {}, not {}", record.run, run.fencing, record.fencing),
            ));
        }
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

    fn step_finished(&mut self, record: &StepFinished) -> Result<()> {
        let status = word::<StepStatus>(record.outcome.get("status"))?;
        if !status.is_final() || (record.retrying && !may_retry(status)) {
            return Err(order(format!("step `{}` cannot have finished like that", record.step)));
        }
        let run = self.live_run(&record.run, &record.plan)?;
        let follows = match run.steps.get(&record.step) {
            Some(StepState::Open { attempt }) => record.attempt == *attempt,
            None | Some(StepState::Resolved { taken: ResolveAs::Retry, .. }) => {
                record.attempt == 0 && never_started(status)
            }
            Some(StepState::Finished { attempt, retrying: true, .. }) => {
                !record.retrying && (record.attempt == *attempt || record.attempt == 0 && never_started(status))
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
        run.verifying = false;
        Ok(())
    }

    fn read_back(&mut self, record: &Verification) -> Result<()> {
        let run = self.live_run(&record.run, &record.plan)?;
        if run.steps.get(&record.step).is_none_or(|state| state.attempt() == 0) {
            return Err(order(format!("step `{}` has not started", record.step)));
        }
        self.run_mut(&record.run, &record.plan)?.verifying = true;
        Ok(())
    }

    fn ended(&mut self, entry: &Entry, record: &Outcome) -> Result<()> {
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

    fn resolved(&mut self, entry: &Entry, record: &Resolution) -> Result<()> {
        let run = self.own_run(&record.run, &record.plan)?;
        if run.is_over() {
            return Err(terminal(format!("run `{}` is over", record.run)));
        }
        let attempt = match run.steps.get(&record.step) {
            Some(state) if state.is_unknown() => state.attempt(),
            _ => return Err(order(format!("step `{}` is not of unknown outcome", record.step))),
        };
        if run.opened.get(&record.step).is_none_or(|opened| record.ledger.seq < *opened) {
            return Err(order(format!("the resolution was made before step `{}` started", record.step)));
        }
        let run = self.run_mut(&record.run, &record.plan)?;
        run.steps.insert(record.step.clone(), StepState::Resolved { attempt, taken: record.resolve_as });
        // The executor of before may still live: it is stopped here, and only a new claim goes on.
        run.outcome = Some(match record.resolve_as {
            ResolveAs::Abort => RunStatus::Failed,
            ResolveAs::Retry | ResolveAs::Skip => RunStatus::Indeterminate,
        });
        run.ended = Some(entry.seq);
        Ok(())
    }

    fn checkpointed(&mut self, entry: &Entry, record: &Checkpoint) -> Result<()> {
        if let Some((_, newest)) = &self.checkpoint
            && record.ledger.seq < newest.ledger.seq
        {
            return Err(Refusal::new(
                LEDGER_CHECKPOINT_OLD,
                format!("of entry {}, after one of entry {}", record.ledger.seq, newest.ledger.seq),
            ));
        }
        if record.trust_root_version < self.trust_root_version {
            return Err(Refusal::new(
                TRUST_ROLLBACK,
                format!("version {} after version {}", record.trust_root_version, self.trust_root_version),
            ));
        }
        self.trust_root_version = record.trust_root_version;
        self.checkpoint = Some((entry.seq, record.clone()));
        Ok(())
    }

    fn halted(&mut self, entry: &Entry, record: &Halt) -> Result<()> {
        if record.halted {
            self.halt = Some((entry.seq, record.clone()));
            return Ok(());
        }
        match &self.halt {
            None => Err(order("nothing is halted".to_owned())),
            // A lift that was signed before the halt, and held back, lifts nothing.
            Some((since, _)) if record.ledger.seq < *since => {
                Err(order(format!("the lift was made before the halt in entry {since}")))
            }
            Some(_) => {
                self.halt = None;
                Ok(())
            }
        }
    }

    fn is_completed(&self, plan: &Digest) -> bool {
        let runs = self.plans.get(plan).into_iter().flat_map(|plan| &plan.runs);
        runs.filter_map(|run| self.runs.get(run)).any(|run| run.outcome == Some(RunStatus::Completed))
    }

    fn open_run(&self, plan: &Digest) -> Option<&Run> {
        self.last_run(plan).filter(|run| !run.is_over())
    }

    fn plan_mut(&mut self, plan: &Digest) -> Result<&mut PlanState> {
        self.plans.get_mut(plan).ok_or_else(|| Refusal::new(LEDGER_UNKNOWN_SUBJECT, format!("plan {plan}")))
    }

    fn own_run(&self, run: &Id, plan: &Digest) -> Result<&Run> {
        let known = self.runs.get(run).filter(|known| known.claim.plan == *plan);
        known.ok_or_else(|| Refusal::new(LEDGER_UNKNOWN_SUBJECT, format!("run `{run}` of plan {plan}")))
    }

    /// Returns a run that has no outcome, not even an indeterminate one.
    fn live_run(&self, run: &Id, plan: &Digest) -> Result<&Run> {
        let known = self.own_run(run, plan)?;
        match known.outcome {
            None => Ok(known),
            Some(_) => Err(terminal(format!("run `{run}` is over, or waits for a resolution"))),
        }
    }

    fn run_mut(&mut self, run: &Id, plan: &Digest) -> Result<&mut Run> {
        let known = self.runs.get_mut(run).filter(|known| known.claim.plan == *plan);
        known.ok_or_else(|| Refusal::new(LEDGER_UNKNOWN_SUBJECT, format!("run `{run}` of plan {plan}")))
    }
}

fn terminal(why: String) -> Refusal {
    Refusal::new(LEDGER_TERMINAL, why)
}

fn order(why: String) -> Refusal {
    Refusal::new(LEDGER_ORDER, why)
}

/// Tells whether an attempt that ended like this may be followed by another.
fn may_retry(status: StepStatus) -> bool {
    matches!(status, StepStatus::Failed | StepStatus::TimedOut | StepStatus::CouldNotStart)
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
