//! How much of what is over a reader keeps.

use super::{
    past::Fact,
    record::Record,
    state::{PlanState, State},
};
use crate::{
    base::{digest::Digest, time::Timestamp},
    sign::predicate::RevocationTarget,
};

/// How many plans are kept whole before those out of time are looked for; few in tests, that random ones come to it.
const FIRST_SWEEP: usize = if cfg!(test) { 2 } else { 64 };

/// Of which plans a reader keeps everything, when they are over.
///
/// A plan is over once no entry that may still come can do anything with it but be refused, be a review or a person's
/// note, of which nothing is kept, or say that it or one of its approvals was taken back or replaced: every run of it
/// has ended with no step in doubt, and
///
/// - it was rejected, revoked or superseded; or
/// - its time is over, by the clock of every machine that may still append; or
/// - a run carried it out, the last run cannot be resumed, and no session approval has uses left.
///
/// Whatever is kept, the same entries are taken in, and the same are refused for the same reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Of all.
    #[default]
    All,
    /// Of one; the others that are over are remembered by name.
    Only(Digest),
    /// Of none; those that are over are remembered by name.
    Nothing,
}

impl Keep {
    /// Tells whether a plan, its approvals and its runs are kept whatever becomes of them.
    #[must_use]
    pub fn is_kept(self, plan: &Digest) -> bool {
        match self {
            Self::All => true,
            Self::Only(kept) => kept == *plan,
            Self::Nothing => false,
        }
    }
}

impl State {
    /// Lets go of what is over, after an entry was taken in.
    ///
    /// No entry that follows is of a time before `earliest`.
    pub(super) fn let_go(&mut self, entry: &Record, earliest: Timestamp) {
        if self.keep == Keep::All {
            return;
        }
        let touched = match entry {
            Record::Plan(record) => record.supersedes,
            Record::Revocation(record) => match record.target {
                RevocationTarget::Plan(plan) => Some(plan),
                RevocationTarget::Approval(_) | RevocationTarget::Key(_) => None,
            },
            other => other.plan(),
        };
        if let Some(plan) = touched.filter(|plan| self.is_over(plan, earliest)) {
            self.forget(&plan);
        }
        // That time passes touches no plan: looked for only when as many came as there were, it costs each entry little.
        if self.plans.len() >= self.sweep_at.max(FIRST_SWEEP) {
            let over: Vec<Digest> = self.plans.keys().filter(|plan| self.is_over(plan, earliest)).copied().collect();
            over.iter().for_each(|plan| self.forget(plan));
            self.sweep_at = 2 * self.plans.len();
        }
    }

    /// Tells whether a plan may be remembered by name from now on.
    fn is_over(&self, plan: &Digest, earliest: Timestamp) -> bool {
        let over = |known: &PlanState| {
            let standing = self.standing_of(known);
            self.is_at_rest(known) && (standing.is_ended() || standing.spent || known.record.expires <= earliest)
        };
        !self.keep.is_kept(plan) && self.plans.get(plan).is_some_and(|known| over(known))
    }

    fn forget(&mut self, plan: &Digest) {
        let Some(known) = self.plans.get(plan).cloned() else { return };
        let standing = self.standing_of(&known);
        let facts = [
            (standing.spent, Fact::Spent(plan)),
            (!standing.spent, Fact::Lapsed(plan)),
            (!standing.spent && standing.completed, Fact::Completed(plan)),
            (standing.rejected, Fact::Rejected(plan)),
            (standing.revoked, Fact::Revoked(plan)),
            (standing.superseded, Fact::Superseded(plan)),
        ];
        facts.into_iter().filter(|(holds, _)| *holds).for_each(|(_, fact)| self.past.add(fact));
        for id in &known.approvals {
            self.past.add_approval(id, plan);
            // What was taken back with its plan is so by that fact.
            if self.approvals.remove(id).is_some_and(|approval| approval.revoked.is_some()) && !standing.revoked {
                self.past.add(Fact::Withdrawn(id));
            }
        }
        for run in &known.runs {
            self.runs.remove(run);
            self.past.add(Fact::Run(run));
        }
        self.plans.remove(plan);
    }
}
