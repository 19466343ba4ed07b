//! What the entries of a ledger add up to; nothing here is ever stored.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    held::Held,
    reasons::{LEDGER_HALTED, LEDGER_REVOKED, LEDGER_TERMINAL, LEDGER_UNKNOWN_SUBJECT, RUN_INDETERMINATE},
};
use crate::{
    base::{
        digest::Digest,
        ident::Id,
        reason::{REPLAY_CONSUMED, Refusal, Result},
        time::Timestamp,
    },
    event::{RunStatus, StepStatus},
    sign::{
        TrustRoot,
        predicate::{Checkpoint, Claim, Halt, PlanRecord, Rejection, ResolveAs, ReviewRecord, Scope},
    },
};

/// Everything that a ledger says, as of its last entry.
///
/// A writer works on a copy until its entries are recorded; what they do not touch is shared with what was before.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Plans, by digest.
    pub(super) plans: BTreeMap<Digest, Arc<PlanState>>,
    /// Approvals, by the digest of their statement.
    pub(super) approvals: BTreeMap<Digest, Arc<ApprovalState>>,
    /// Runs, by name.
    pub(super) runs: BTreeMap<Id, Arc<Run>>,
    /// SHA-256 of the tokens that let a claim in.
    pub(super) tokens: BTreeSet<Digest>,
    /// Keys that were revoked, with the entry that did.
    pub(super) revoked_keys: BTreeMap<Digest, u64>,
    /// The halt that is in force, with its entry.
    pub(super) halt: Option<(u64, Halt)>,
    /// The newest checkpoint, with the entry that holds it.
    pub(super) checkpoint: Option<(u64, Checkpoint)>,
    /// The highest version of the trust root that any statement named.
    pub(super) trust_root_version: u64,
    /// How many entries of each kind there are.
    pub(super) counts: BTreeMap<&'static str, u64>,
    /// Whether entries about other plans than one were passed over.
    pub(super) partial: bool,
}

/// A recorded plan, and what was said about it.
#[derive(Clone, Debug)]
pub struct PlanState {
    /// The record.
    pub record: PlanRecord,
    /// Its entry.
    pub seq: u64,
    /// When it was appended.
    pub at: Timestamp,
    /// Reviews, oldest first.
    pub reviews: Vec<ReviewRecord>,
    /// Approvals, oldest first, by the digest of their statement.
    pub approvals: Vec<Digest>,
    /// The rejection, which is the end of the plan.
    pub rejection: Option<Box<Rejection>>,
    /// The entry that took back all approvals, which is the end of the plan too.
    pub revoked: Option<u64>,
    /// The plan that took this one's place.
    pub superseded_by: Option<Digest>,
    /// Runs, oldest first.
    pub runs: Vec<Id>,
}

/// A recorded approval, and what became of it.
#[derive(Clone, Debug)]
pub struct ApprovalState {
    /// The approval; what permits something is its proof.
    pub approval: Held,
    /// Its entry.
    pub seq: u64,
    /// When it was appended.
    pub at: Timestamp,
    /// The entry that took it back.
    pub revoked: Option<u64>,
    /// The runs that used it, oldest first.
    pub uses: Vec<Id>,
}

/// A run: the claim that holds it, and what its steps did.
#[derive(Clone, Debug)]
pub struct Run {
    /// The newest claim; a resumed run has had others.
    pub claim: Claim,
    /// The entry of the first claim.
    pub first_claim: u64,
    /// The entry of the newest claim: the fencing token of its steps.
    pub fencing: u64,
    /// When the newest claim was appended.
    pub claimed_at: Timestamp,
    /// Steps that said anything.
    pub steps: BTreeMap<Id, StepState>,
    /// The entry that last started each step of which it is not known how it ended: a resolution must have seen it.
    pub opened: BTreeMap<Id, u64>,
    /// How the run ended; `Indeterminate` is no end, a resolution and a new claim lead out of it.
    pub outcome: Option<RunStatus>,
    /// The entry that ended it.
    pub ended: Option<u64>,
    /// Whether the last entry of the run is a read-back.
    pub verifying: bool,
}

/// Where a step of a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// It started, and nothing was heard since.
    Open {
        /// The attempt.
        attempt: u32,
    },
    /// An attempt ended.
    Finished {
        /// The attempt, 0 where it never started.
        attempt: u32,
        /// How it ended; `Indeterminate` where the executor itself did not know.
        status: StepStatus,
        /// Whether another attempt was to follow.
        retrying: bool,
    },
    /// Nobody knew how it ended, and a person decided.
    Resolved {
        /// The attempt of unknown outcome.
        attempt: u32,
        /// How it is taken.
        taken: ResolveAs,
    },
}

impl PlanState {
    /// Tells whether somebody, or a successor, put an end to the plan.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.rejection.is_some() || self.revoked.is_some() || self.superseded_by.is_some()
    }
}

impl StepState {
    /// Tells whether only a signed resolution leads on, should the executor be gone.
    #[must_use]
    pub fn is_unknown(self) -> bool {
        matches!(self, Self::Open { .. } | Self::Finished { status: StepStatus::Indeterminate, .. })
    }

    /// Returns the attempt.
    #[must_use]
    pub fn attempt(self) -> u32 {
        match self {
            Self::Open { attempt } | Self::Finished { attempt, .. } | Self::Resolved { attempt, .. } => attempt,
        }
    }
}

impl Run {
    /// Tells whether the run has ended for good.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.outcome.is_some_and(|status| status != RunStatus::Indeterminate)
    }

    /// Tells whether a step is done, by its program or by a resolution.
    #[must_use]
    pub fn has_succeeded(&self, step: &Id) -> bool {
        matches!(
            self.steps.get(step),
            Some(
                StepState::Finished { status: StepStatus::Succeeded, .. }
                    | StepState::Resolved { taken: ResolveAs::Skip, .. }
            )
        )
    }

    /// Tells whether a new claim may go on with the run: it was neither completed nor given up.
    #[must_use]
    pub fn can_resume(&self) -> bool {
        let aborted = |state: &StepState| matches!(state, StepState::Resolved { taken: ResolveAs::Abort, .. });
        self.outcome != Some(RunStatus::Completed) && !self.steps.values().any(aborted)
    }

    /// Returns the steps that started and of which nobody knows, but perhaps a living executor, how they ended.
    pub fn unknown_steps(&self) -> impl Iterator<Item = &Id> {
        self.steps.iter().filter(|(_, state)| state.is_unknown()).map(|(step, _)| step)
    }
}

impl State {
    /// Returns every plan, by digest.
    #[must_use]
    pub fn plans(&self) -> &BTreeMap<Digest, Arc<PlanState>> {
        &self.plans
    }

    /// Returns a plan.
    #[must_use]
    pub fn plan(&self, plan: &Digest) -> Option<&PlanState> {
        self.plans.get(plan).map(Arc::as_ref)
    }

    /// Returns a plan that must be there.
    ///
    /// # Errors
    /// `ledger.unknown_subject`.
    pub fn require_plan(&self, plan: &Digest) -> Result<&PlanState> {
        self.plan(plan).ok_or_else(|| Refusal::new(LEDGER_UNKNOWN_SUBJECT, format!("plan {plan}")))
    }

    /// Returns an approval, by the digest of its statement.
    #[must_use]
    pub fn approval(&self, payload: &Digest) -> Option<&ApprovalState> {
        self.approvals.get(payload).map(Arc::as_ref)
    }

    /// Returns the approvals of a plan, oldest first.
    pub fn approvals_of(&self, plan: &Digest) -> impl Iterator<Item = &ApprovalState> {
        self.plans.get(plan).into_iter().flat_map(|plan| &plan.approvals).filter_map(|id| self.approval(id))
    }

    /// Returns every run, by name.
    #[must_use]
    pub fn runs(&self) -> &BTreeMap<Id, Arc<Run>> {
        &self.runs
    }

    /// Returns a run.
    #[must_use]
    pub fn run(&self, run: &Id) -> Option<&Run> {
        self.runs.get(run).map(Arc::as_ref)
    }

    /// Returns the newest run of a plan.
    #[must_use]
    pub fn last_run(&self, plan: &Digest) -> Option<&Run> {
        self.run(self.plan(plan)?.runs.last()?)
    }

    /// Returns the halt that is in force.
    #[must_use]
    pub fn halt(&self) -> Option<&Halt> {
        self.halt.as_ref().map(|(_, halt)| halt)
    }

    /// Returns the entry that revoked a key.
    #[must_use]
    pub fn key_revoked(&self, key: &Digest) -> Option<u64> {
        self.revoked_keys.get(key).copied()
    }

    /// Returns the newest checkpoint and the entry that holds it.
    #[must_use]
    pub fn checkpoint(&self) -> Option<(u64, &Checkpoint)> {
        self.checkpoint.as_ref().map(|(seq, checkpoint)| (*seq, checkpoint))
    }

    /// Returns the highest version of the trust root that any approval or checkpoint named.
    #[must_use]
    pub fn trust_root_version(&self) -> u64 {
        self.trust_root_version
    }

    /// Returns how many entries of each kind there are.
    #[must_use]
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// Verifies the signatures of some approvals, where only a checkpoint stood for them so far.
    ///
    /// # Errors
    /// As [`Held::prove`], naming the approval.
    pub(super) fn prove<'a>(&mut self, ids: impl IntoIterator<Item = &'a Digest>, root: &TrustRoot) -> Result<()> {
        for id in ids {
            if let Some(known) = self.approvals.get_mut(id).filter(|known| known.approval.proven().is_none()) {
                let known = Arc::make_mut(known);
                known.approval.prove(root).map_err(|e| match e.about() {
                    Some(_) => e,
                    None => e.subject(format!("entry {}", known.seq)),
                })?;
            }
        }
        Ok(())
    }

    /// Returns the approvals that may still let something run at a time.
    pub(super) fn live_approvals(&self, at: Timestamp) -> Vec<Digest> {
        let lives = |plan: &&Arc<PlanState>| !plan.is_ended() && at < plan.record.expires;
        let plans = self.plans.values().filter(lives);
        plans
            .flat_map(|plan| {
                let completed = self.is_completed(&plan.record.plan);
                plan.approvals.iter().filter(move |id| {
                    let scope = self.approvals.get(*id).map(|known| known.approval.stated().scope);
                    !completed || scope != Some(Scope::SingleRun)
                })
            })
            .copied()
            .collect()
    }

    /// Refuses while the repository is halted.
    ///
    /// # Errors
    /// `ledger.halted`.
    pub fn check_running(&self) -> Result<()> {
        match &self.halt {
            Some((_, halt)) => Err(Refusal::new(
                LEDGER_HALTED,
                format!("halted by {}: {}", halt.by.id, crate::base::text::excerpt(&halt.reason)),
            )),
            None => Ok(()),
        }
    }

    /// Refuses a plan that can never run (again): rejected, revoked, superseded, or expired at a time.
    ///
    /// # Errors
    /// `ledger.unknown_subject`, `ledger.terminal`.
    pub fn check_plan_alive(&self, plan: &Digest, at: Timestamp) -> Result<&PlanState> {
        let known = self.require_plan(plan)?;
        let why = if known.rejection.is_some() {
            "was rejected"
        } else if known.revoked.is_some() {
            "was revoked"
        } else if known.superseded_by.is_some() {
            "was superseded"
        } else if at >= known.record.expires {
            "has expired"
        } else {
            return Ok(known);
        };
        Err(Refusal::new(LEDGER_TERMINAL, format!("plan {plan} {why}")).subject(plan.to_string()))
    }

    /// Refuses an approval that was taken back: itself, or through a key that signed it.
    ///
    /// # Errors
    /// `ledger.unknown_subject`, `ledger.revoked`.
    pub fn check_not_revoked(&self, payload: &Digest) -> Result<&ApprovalState> {
        let known = self
            .approval(payload)
            .ok_or_else(|| Refusal::new(LEDGER_UNKNOWN_SUBJECT, format!("approval {payload}")))?;
        let by_key = || known.approval.keys().iter().find_map(|key| self.key_revoked(key));
        match known.revoked.or_else(by_key) {
            Some(seq) => Err(Refusal::new(LEDGER_REVOKED, format!("approval {payload}, by entry {seq}"))
                .subject(payload.to_string())),
            None => Ok(known),
        }
    }

    /// Refuses an approval that cannot begin a new run: revoked, out of its time, or used up.
    ///
    /// A single-run approval is used up by any run of its plan that its approver had not seen, whether that
    /// run named it or not, so that neither a spare approval nor one held back lets a plan run twice.
    ///
    /// # Errors
    /// `ledger.unknown_subject`, `ledger.revoked`, `ledger.terminal`, `replay.consumed`.
    pub fn check_usable(&self, payload: &Digest, at: Timestamp) -> Result<&ApprovalState> {
        let known = self.check_not_revoked(payload)?;
        let predicate = known.approval.stated();
        if at < predicate.not_before || at >= predicate.expires {
            return Err(Refusal::new(LEDGER_TERMINAL, format!("approval {payload} does not hold at {at}"))
                .subject(payload.to_string()));
        }
        let consumed = match predicate.scope {
            Scope::SingleRun => self.last_run(&predicate.binding.plan).is_some_and(|run| {
                run.first_claim > predicate.binding.ledger.seq || run.outcome == Some(RunStatus::Completed)
            }),
            Scope::Session => known.uses.len() >= predicate.max_uses as usize,
        };
        if consumed || (predicate.scope == Scope::SingleRun && !known.uses.is_empty()) {
            return Err(Refusal::new(REPLAY_CONSUMED, format!("approval {payload}")).subject(payload.to_string()));
        }
        Ok(known)
    }

    /// Refuses a run with a step of unknown outcome that nobody has decided.
    ///
    /// # Errors
    /// `indeterminate`, naming the step.
    pub fn check_determinate(&self, run: &Run) -> Result<()> {
        match run.unknown_steps().next() {
            Some(step) => Err(Refusal::new(RUN_INDETERMINATE, format!("step `{step}` of run `{}`", run.claim.run))
                .subject(step.to_string())),
            None => Ok(()),
        }
    }
}
