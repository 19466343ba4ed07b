//! What the entries of a ledger add up to; nothing here is ever stored.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    held::Held,
    keep::Keep,
    past::{Fact, Past},
    reasons::{LEDGER_HALTED, LEDGER_REVOKED, LEDGER_TERMINAL, LEDGER_UNKNOWN_SUBJECT, RUN_INDETERMINATE},
    run::Run,
};
use crate::{
    base::{
        digest::Digest,
        ident::Id,
        reason::{INTERNAL, REPLAY_CONSUMED, Refusal, Result},
        time::Timestamp,
    },
    event::RunStatus,
    sign::{
        Late, TrustRoot,
        predicate::{Checkpoint, Halt, PlanRecord, Rejection, ReviewRecord, Scope},
    },
};

/// Everything that a ledger says, as of its last entry, but for plans that are over and that its reader did not ask for.
///
/// Those are remembered by name, so that the same entries are refused for the same reasons; asked for, they are not
/// there, and what is not there permits nothing. What lists all of a kind refuses where some were let go.
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
    /// Of which plans all is kept.
    pub(super) keep: Keep,
    /// What is over and not kept, and the tokens that let a claim in.
    pub(super) past: Past,
    /// How many plans there may be before those out of time are looked for.
    pub(super) sweep_at: usize,
    /// Keys that were revoked, with the entry that did.
    pub(super) revoked_keys: BTreeMap<Digest, u64>,
    /// The halt that is in force, with its entry.
    pub(super) halt: Option<(u64, Halt)>,
    /// The key by which that halt was lifted, where the trust root had revoked it by then.
    pub(super) lifted_late: Option<Late>,
    /// The newest checkpoint, with the entry that holds it.
    pub(super) checkpoint: Option<(u64, Checkpoint)>,
    /// When the newest checkpoint was made whose key was not revoked by then.
    pub(super) vouched_at: Option<Timestamp>,
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
    /// The key that recorded it, where the trust root had revoked it by then: such a record lets nothing run.
    pub late: Option<Late>,
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

impl PlanState {
    /// Tells whether somebody, or a successor, put an end to the plan.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.rejection.is_some() || self.revoked.is_some() || self.superseded_by.is_some()
    }
}

impl State {
    /// Begins with nothing.
    pub(super) fn new(keep: Keep) -> Self {
        Self { keep, ..Self::default() }
    }

    /// Returns every plan, by digest.
    ///
    /// # Errors
    /// `internal.error` where plans that are over were not kept.
    pub fn plans(&self) -> Result<&BTreeMap<Digest, Arc<PlanState>>> {
        self.check_whole()?;
        Ok(&self.plans)
    }

    /// Returns a plan; `None` also for one that is over and was not kept, which nobody should ask for.
    #[must_use]
    pub fn plan(&self, plan: &Digest) -> Option<&PlanState> {
        let known = self.plans.get(plan).map(Arc::as_ref);
        debug_assert!(known.is_some() || !self.knows_plan(plan), "plan {plan} was not kept");
        known
    }

    /// Returns a plan that must be there.
    ///
    /// # Errors
    /// `ledger.unknown_subject`.
    pub fn require_plan(&self, plan: &Digest) -> Result<&PlanState> {
        self.plan(plan).ok_or_else(|| Refusal::new(LEDGER_UNKNOWN_SUBJECT, format!("plan {plan}")))
    }

    /// Returns an approval, by the digest of its statement; `None` also for one of a plan that was not kept.
    #[must_use]
    pub fn approval(&self, payload: &Digest) -> Option<&ApprovalState> {
        let known = self.approvals.get(payload).map(Arc::as_ref);
        debug_assert!(known.is_some() || !self.past.knows_approval(payload), "approval {payload} was not kept");
        known
    }

    /// Returns the approvals of a plan, oldest first.
    pub fn approvals_of(&self, plan: &Digest) -> impl Iterator<Item = &ApprovalState> {
        self.plan(plan).into_iter().flat_map(|plan| &plan.approvals).filter_map(|id| self.approval(id))
    }

    /// Returns every run, by name.
    ///
    /// # Errors
    /// `internal.error` where runs of plans that are over were not kept.
    pub fn runs(&self) -> Result<&BTreeMap<Id, Arc<Run>>> {
        self.check_whole()?;
        Ok(&self.runs)
    }

    /// Returns a run; `None` also for one of a plan that was not kept: [`State::knows_run`] tells.
    #[must_use]
    pub fn run(&self, run: &Id) -> Option<&Run> {
        self.runs.get(run).map(Arc::as_ref)
    }

    /// Returns a run that is one of a plan.
    #[must_use]
    pub fn run_of(&self, plan: &Digest, run: &Id) -> Option<&Run> {
        self.plan(plan)?;
        self.run(run).filter(|known| known.claim.plan == *plan)
    }

    /// Tells whether there is, or was, a run of a name, whatever was kept of it.
    #[must_use]
    pub fn knows_run(&self, run: &Id) -> bool {
        self.runs.contains_key(run) || self.past.holds(Fact::Run(run))
    }

    /// Returns the newest run of a plan.
    #[must_use]
    pub fn last_run(&self, plan: &Digest) -> Option<&Run> {
        self.run(self.plan(plan)?.runs.last()?)
    }

    /// Refuses where only a part is kept, and all is asked for.
    fn check_whole(&self) -> Result<()> {
        match self.keep {
            Keep::All => Ok(()),
            Keep::Only(_) | Keep::Nothing => {
                Err(Refusal::new(INTERNAL, "all of the ledger is asked for, and a part was kept"))
            }
        }
    }

    /// Refuses where a plan is asked for of which not all is kept, whatever became of it.
    ///
    /// # Errors
    /// `internal.error`.
    pub fn check_kept(&self, plan: &Digest) -> Result<()> {
        match self.keep.is_kept(plan) {
            true => Ok(()),
            false => Err(Refusal::new(INTERNAL, format!("plan {plan} is asked for, and not all of it was kept"))),
        }
    }

    /// Returns the halt that is in force; one that a key lifted which the trust root had revoked by then still is.
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

    /// Returns when somebody last signed that all before was verified, by the statement's word or its entry's, whichever
    /// is earlier. A checkpoint by a key that the trust root had revoked by then vouches for nothing, and does not count.
    #[must_use]
    pub fn vouched_at(&self) -> Option<Timestamp> {
        self.vouched_at
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
                known.approval.prove(root).map_err(|e| e.of_entry(known.seq))?;
            }
        }
        Ok(())
    }

    /// Returns the approvals that may still let something run at a time.
    pub(super) fn live_approvals(&self, at: Timestamp) -> Vec<Digest> {
        let mut live = Vec::new();
        for known in self.plans.values().filter(|known| !known.is_ended() && at < known.record.expires) {
            let standing = self.standing_of(known);
            live.extend(known.approvals.iter().filter(|id| {
                let scope = self.approvals.get(*id).map(|known| known.approval.stated().scope);
                !standing.spent && (!standing.completed || scope != Some(Scope::SingleRun))
            }));
        }
        live
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

    /// Refuses an entry that may not follow while the repository is halted.
    ///
    /// Whoever wrote before the ledger knew that the key which lifted the halt was revoked may have gone on.
    pub(super) fn check_followed(&self) -> Result<()> {
        match self.lifted_late.map(|late| late.check_unknown(self.trust_root_version)) {
            Some(Ok(())) => Ok(()),
            _ => self.check_running(),
        }
    }

    /// Refuses a plan that can never run (again): rejected, revoked, superseded, or expired at a time.
    ///
    /// # Errors
    /// `ledger.unknown_subject`, `ledger.terminal`; that too for one that is over and was not kept.
    pub fn check_plan_alive(&self, plan: &Digest, at: Timestamp) -> Result<()> {
        self.standing(plan)?.check_alive(plan, at)
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
