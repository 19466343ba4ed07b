//! How a plan stands as far as the rules ask, whether it is kept whole or remembered by name.

use super::{
    past::Fact,
    reasons::{LEDGER_TERMINAL, LEDGER_UNKNOWN_SUBJECT},
    run::Run,
    state::{PlanState, State},
};
use crate::{
    base::{
        digest::Digest,
        reason::{Refusal, Result},
        time::Timestamp,
    },
    event::RunStatus,
    sign::predicate::Scope,
};

/// What the rules ask of a plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// Whether a run carried it out.
    pub(super) completed: bool,
    /// Whether it was carried out and none of its approvals, taken back or not, lets another run begin or go on.
    pub(super) spent: bool,
    /// Whether its last run has not ended.
    pub(super) running: bool,
    /// Whether somebody said no.
    pub(super) rejected: bool,
    /// Whether all its approvals were taken back.
    pub(super) revoked: bool,
    /// Whether another plan took its place.
    pub(super) superseded: bool,
    /// When its time ends; `None` for one that is over, whatever the time.
    pub(super) expires: Option<Timestamp>,
}

impl Standing {
    /// Tells whether somebody, or a successor, put an end to the plan.
    pub(super) fn is_ended(self) -> bool {
        self.rejected || self.revoked || self.superseded
    }

    /// Refuses a plan that can never run (again) at a time.
    pub(super) fn check_alive(self, plan: &Digest, at: Timestamp) -> Result<()> {
        let why = match self.expires {
            _ if self.rejected => "was rejected",
            _ if self.revoked => "was revoked",
            _ if self.superseded => "was superseded",
            None => "is over",
            Some(expires) if at >= expires => "has expired",
            Some(_) => return Ok(()),
        };
        Err(Refusal::new(LEDGER_TERMINAL, format!("plan {plan} {why}")).subject(plan.to_string()))
    }
}

impl State {
    /// Returns how a plan stands that must be there, whole or by name.
    ///
    /// # Errors
    /// `ledger.unknown_subject`.
    pub(super) fn standing(&self, plan: &Digest) -> Result<Standing> {
        let standing = match self.plans.get(plan) {
            Some(known) => Some(self.standing_of(known)),
            None => self.past.standing(plan),
        };
        standing.ok_or_else(|| Refusal::new(LEDGER_UNKNOWN_SUBJECT, format!("plan {plan}")))
    }

    /// Tells whether a plan was carried out, or can never run for another reason.
    #[must_use]
    pub fn can_run_no_more(&self, plan: &Digest, at: Timestamp) -> bool {
        self.standing(plan).is_ok_and(|standing| standing.completed || standing.check_alive(plan, at).is_err())
    }

    /// Returns how a plan stands that is kept whole.
    pub(super) fn standing_of(&self, known: &PlanState) -> Standing {
        let mut runs = known.runs.iter().filter_map(|run| self.runs.get(run));
        let last = known.runs.last().and_then(|run| self.runs.get(run));
        let completed = runs.any(|run| run.outcome == Some(RunStatus::Completed));
        Standing {
            completed,
            spent: completed && last.is_none_or(|run| run.is_over() && !run.can_resume()) && self.is_used_up(known),
            running: last.is_some_and(|run| !run.is_over()),
            rejected: known.rejection.is_some(),
            revoked: known.revoked.is_some(),
            superseded: known.superseded_by.is_some(),
            expires: Some(known.record.expires),
        }
    }

    /// Tells whether no approval of a plan that was carried out has a use left: an approval for a single run is used
    /// up with the plan, whichever run it was for.
    fn is_used_up(&self, known: &PlanState) -> bool {
        known.approvals.iter().filter_map(|id| self.approvals.get(id)).all(|known| {
            let stated = known.approval.stated();
            stated.scope == Scope::SingleRun || known.uses.len() >= stated.max_uses as usize
        })
    }

    /// Tells whether nothing can happen any more in any run of a plan that is kept whole, unless one is resumed.
    pub(super) fn is_at_rest(&self, known: &PlanState) -> bool {
        let at_rest = |run: &Run| run.is_over() && run.unknown_steps().next().is_none();
        known.runs.iter().filter_map(|run| self.runs.get(run)).all(|run| at_rest(run))
    }

    /// Tells whether a plan is known, whole or by name.
    pub(super) fn knows_plan(&self, plan: &Digest) -> bool {
        let by_name = || self.past.holds(Fact::Spent(plan)) || self.past.holds(Fact::Lapsed(plan));
        self.plans.contains_key(plan) || by_name()
    }
}
