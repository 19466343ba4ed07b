//! Which entry may follow in which state; the same rules hold for appending and for reading.
//!
//! | entry | may follow when |
//! |---|---|
//! | plan | the plan is new; the plan it supersedes is known, has no successor, no open run and is not completed |
//! | review | the plan is known |
//! | approval | the plan is alive and not completed |
//! | rejection | the plan is known, not completed, rejected, revoked or superseded |
//! | revocation | what it names is known and not revoked; a plan: not rejected or superseded |
//! | claim, first | not halted, plan alive and not spent, no open run, every approval is the plan's and usable |
//! | claim, resuming | not halted, plan alive and not spent, the plan's last run, neither completed nor aborted, attempt + 1, same approvals, none revoked, no step unknown |
//! | step-started | not halted, run claimed, fencing is the newest claim, plan and approvals not taken back, step may start |
//! | step-finished | run claimed, the attempt is open; or attempt 0 and the step never started |
//! | verification | run claimed, the step has started |
//! | outcome | run claimed; `indeterminate` exactly where a step is unknown |
//! | resolution | run not over, the step is unknown, and the signer saw it start |
//! | note | the plan is known; it changes nothing, and nothing of it is kept |
//! | checkpoint | not older than the newest, trust root not older |
//! | halt | a lift needs a halt that its signer saw |
//!
//! An entry by a key that the trust root had revoked by then stands only where nothing before it names the version that did
//! (`Chain::step`). It does what any other does, so that what was built on it stands as well, but that it lifts no halt and
//! records no plan for anybody who asks whether something may run.
//!
//! A rule asks of a plan its [`Standing`](super::standing::Standing), which says the same of one that is over and
//! remembered by name: what `keep.rs` lets go must make no difference to any rule, nor to the reason of a refusal.

use std::sync::Arc;

use super::{
    held::Held,
    past::Fact,
    reasons::{
        LEDGER_BUSY, LEDGER_CHECKPOINT_OLD, LEDGER_DUPLICATE, LEDGER_ORDER, LEDGER_TERMINAL, LEDGER_UNKNOWN_SUBJECT,
        REPLAY_TOKEN,
    },
    record::{Entry, Record},
    state::{ApprovalState, PlanState, State},
};
use crate::{
    base::{
        digest::Digest,
        reason::{Refusal, Result},
    },
    sign::{
        predicate::{Checkpoint, Halt, PlanRecord, Rejection, Revocation, RevocationTarget},
        reasons::{KEY_REVOKED, TRUST_ROLLBACK},
    },
};

impl State {
    /// Takes a verified entry in, or refuses it and stays as it was.
    ///
    /// # Errors
    /// `ledger.*`, `replay.consumed`, `indeterminate`, `key.revoked`, `trust.rollback`.
    pub fn apply(&mut self, entry: &Entry) -> Result<()> {
        self.check_keys(entry)?;
        match &entry.record {
            Record::Genesis(_) => {}
            Record::Plan(record) => self.plan_recorded(entry, record)?,
            Record::Review(record) => match self.plans.get_mut(&record.plan) {
                Some(known) => Arc::make_mut(known).reviews.push(record.clone()),
                None => drop(self.standing(&record.plan)?),
            },
            Record::Approval(approval) => self.approved(entry, approval)?,
            Record::Rejection(record) => self.rejected(record)?,
            Record::Revocation(record) => self.revoked(entry, record)?,
            Record::Claim(record) => {
                let token = record.job.as_ref().map(|job| job.token);
                if let Some(token) = token.filter(|token| self.past.holds(Fact::Token(token))) {
                    return Err(Refusal::new(REPLAY_TOKEN, format!("token {token}")));
                }
                self.claimed(entry, record)?;
                if let Some(token) = token {
                    self.past.add(Fact::Token(&token));
                }
            }
            Record::StepStarted(record) => self.step_started(entry, record)?,
            Record::StepFinished(record) => self.step_finished(record)?,
            Record::Verification(record) => self.read_back(record)?,
            Record::Outcome(record) => self.ended(entry, record)?,
            Record::Checkpoint(record) => self.checkpointed(entry, record)?,
            Record::Halt(record) => self.halted(entry, record)?,
            Record::Resolution(record) => self.resolved(entry, record)?,
            Record::Note(record) => drop(self.standing(&record.plan)?),
        }
        *self.counts.entry(entry.record.kind()).or_default() += 1;
        Ok(())
    }

    /// Refuses an entry that a revoked key signed.
    pub(super) fn check_keys(&self, entry: &Entry) -> Result<()> {
        entry.signatories.iter().try_for_each(|signatory| self.check_key(&signatory.key.id))
    }

    fn check_key(&self, id: &Digest) -> Result<()> {
        match self.key_revoked(id) {
            Some(seq) => Err(Refusal::new(KEY_REVOKED, format!("key {id}, by entry {seq}")).subject(id.to_string())),
            None => Ok(()),
        }
    }

    fn plan_recorded(&mut self, entry: &Entry, record: &PlanRecord) -> Result<()> {
        if self.knows_plan(&record.plan) {
            return Err(Refusal::new(LEDGER_DUPLICATE, format!("plan {} is recorded already", record.plan)));
        }
        // Of a plan that was passed over nobody here knows what became of it.
        let known = |old: &&Digest| !self.partial || self.plans.contains_key(*old);
        if let Some(old) = record.supersedes.as_ref().filter(known) {
            let standing = self.standing(old)?;
            if standing.superseded || standing.completed {
                return Err(terminal(format!("plan {old} is completed, or has a successor already")));
            }
            if standing.running {
                return Err(Refusal::new(LEDGER_BUSY, format!("plan {old} runs")));
            }
            match self.plans.get_mut(old) {
                Some(known) => Arc::make_mut(known).superseded_by = Some(record.plan),
                None => self.past.add(Fact::Superseded(old)),
            }
        }
        let fresh = PlanState {
            record: record.clone(),
            seq: entry.seq,
            at: entry.at,
            late: entry.late,
            reviews: Vec::new(),
            approvals: Vec::new(),
            rejection: None,
            revoked: None,
            superseded_by: None,
            runs: Vec::new(),
        };
        self.plans.insert(record.plan, Arc::new(fresh));
        Ok(())
    }

    fn approved(&mut self, entry: &Entry, approval: &Held) -> Result<()> {
        // Where nobody looked at the signatures yet, the entry has no signatories, and its keys are as stated.
        for key in approval.keys() {
            self.check_key(&key)?;
        }
        let predicate = approval.stated();
        let plan = predicate.binding.plan;
        let standing = self.standing(&plan)?;
        standing.check_alive(&plan, entry.at)?;
        if standing.completed {
            return Err(terminal(format!("plan {plan} is completed")));
        }
        if !predicate.scope.allows(predicate.max_uses) {
            return Err(order(format!("an approval for {} uses", predicate.max_uses)));
        }
        let id = approval.payload();
        self.plan_mut(&plan)?.approvals.push(id);
        self.trust_root_version = self.trust_root_version.max(predicate.binding.trust_root_version);
        let fresh =
            ApprovalState { approval: approval.clone(), seq: entry.seq, at: entry.at, revoked: None, uses: Vec::new() };
        self.approvals.insert(id, Arc::new(fresh));
        Ok(())
    }

    fn rejected(&mut self, record: &Rejection) -> Result<()> {
        let standing = self.standing(&record.plan)?;
        if standing.completed || standing.is_ended() {
            return Err(terminal(format!("plan {} is at its end already", record.plan)));
        }
        match self.plans.get_mut(&record.plan) {
            Some(known) => Arc::make_mut(known).rejection = Some(Box::new(record.clone())),
            None => self.past.add(Fact::Rejected(&record.plan)),
        }
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
            RevocationTarget::Approval(id) => match self.approvals.get_mut(id) {
                Some(known) if known.revoked.is_some() => return again(format!("approval {id}")),
                Some(known) => Arc::make_mut(known).revoked = Some(entry.seq),
                None if self.past.is_withdrawn(id) => return again(format!("approval {id}")),
                None if self.past.knows_approval(id) => self.past.add(Fact::Withdrawn(id)),
                None => return Err(Refusal::new(LEDGER_UNKNOWN_SUBJECT, format!("approval {id}"))),
            },
            RevocationTarget::Plan(plan) => {
                let standing = self.standing(plan)?;
                if standing.revoked {
                    return again(format!("plan {plan}"));
                }
                if standing.is_ended() {
                    return Err(terminal(format!("plan {plan} is at its end already")));
                }
                let Some(known) = self.plans.get_mut(plan) else {
                    self.past.add(Fact::Revoked(plan));
                    return Ok(());
                };
                let known = Arc::make_mut(known);
                known.revoked = Some(entry.seq);
                for id in &known.approvals {
                    if let Some(known) = self.approvals.get_mut(id) {
                        Arc::make_mut(known).revoked.get_or_insert(entry.seq);
                    }
                }
            }
        }
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
        if entry.late.is_none() {
            self.vouched_at = Some(record.checked_at.min(entry.at));
        }
        Ok(())
    }

    fn halted(&mut self, entry: &Entry, record: &Halt) -> Result<()> {
        if record.halted {
            self.halt = Some((entry.seq, record.clone()));
            self.lifted_late = None;
            return Ok(());
        }
        match &self.halt {
            None => Err(order("nothing is halted".to_owned())),
            // A lift that was signed before the halt, and held back, lifts nothing.
            Some((since, _)) if record.ledger.seq < *since => {
                Err(order(format!("the lift was made before the halt in entry {since}")))
            }
            Some(_) => {
                self.lifted_late = entry.late;
                if entry.late.is_none() {
                    self.halt = None;
                }
                Ok(())
            }
        }
    }

    pub(super) fn plan_mut(&mut self, plan: &Digest) -> Result<&mut PlanState> {
        let known = self.plans.get_mut(plan).map(Arc::make_mut);
        known.ok_or_else(|| Refusal::new(LEDGER_UNKNOWN_SUBJECT, format!("plan {plan}")))
    }
}

pub(super) fn terminal(why: String) -> Refusal {
    Refusal::new(LEDGER_TERMINAL, why)
}

pub(super) fn order(why: String) -> Refusal {
    Refusal::new(LEDGER_ORDER, why)
}
