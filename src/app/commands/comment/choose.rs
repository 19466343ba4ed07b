//! Which plans a command means: the one that it names, or those of its change request.

use super::Clerk;
use crate::{
    app::{
        reasons::{PLAN_UNKNOWN, RUN_UNKNOWN},
        session::unknown,
    },
    approval::reasons::{APPROVAL_NOT_GIVEN, APPROVAL_SCOPE, APPROVAL_UNBOUND},
    base::{
        digest::Digest,
        ident::Id,
        reason::{Refusal, Result},
        text::visible,
    },
    ledger::{Ledger, State},
    plan::{SealedPlan, model::Subject, seal},
    policy::Policy,
    sign::trust::Principal,
};

/// A run that a command may let go on.
pub(super) struct Stopped {
    pub(super) plan: Digest,
    pub(super) head_sha: String,
    pub(super) run: Id,
}

impl Clerk<'_> {
    /// Opens a plan, which must be for this change request.
    pub(super) fn own_plan(&self, named: &Digest, policy: &Policy) -> Result<SealedPlan> {
        let plan = self.session.plan(&named.to_string(), self.asking.world, policy)?;
        self.must_be_own(named, &plan.plan().subject)?;
        Ok(plan)
    }

    /// Opens the plan that is named, or the newest one that is for this change request. One that cannot be opened is
    /// refused: an older one is another plan.
    pub(super) fn newest_plan(&self, named: Option<&Digest>, policy: &Policy) -> Result<SealedPlan> {
        match named {
            Some(named) => self.own_plan(named, policy),
            None => match Own::read(self)?.plans(|_, _| true)?.next().transpose()? {
                Some((newest, _)) => self.own_plan(&newest, policy),
                None => Err(Refusal::new(PLAN_UNKNOWN, format!("change request {} has no plan", self.event.number))),
            },
        }
    }

    /// Refuses a plan that is not for this change request; whether it can be opened is not asked.
    pub(super) fn check_own(&self, named: &Digest) -> Result<()> {
        let own = Own::read(self)?;
        self.must_be_own(named, &own.subject(named)?)
    }

    /// Returns the run that stopped, of the plan that is named or of the only plan of this change request that has one.
    pub(super) fn stopped(&self, named: Option<&Digest>) -> Result<Stopped> {
        let own = Own::read(self)?;
        let stopped = |plan: Digest, subject: Subject| {
            let run = own.state()?.last_run(&plan).map(|run| run.claim.run.clone());
            let run = run.ok_or_else(|| Refusal::new(RUN_UNKNOWN, format!("plan {plan} has no run")))?;
            Ok(Stopped { plan, head_sha: subject.head_sha, run })
        };
        if let Some(named) = named {
            let subject = own.subject(named)?;
            self.must_be_own(named, &subject)?;
            return stopped(*named, subject);
        }
        let may_go_on = |plan: &Digest, state: &State| {
            let ended = state.plan(plan).is_some_and(|known| known.is_ended());
            !ended && state.last_run(plan).is_some_and(|run| run.can_resume())
        };
        let found = own.plans(may_go_on)?.collect::<Result<Vec<_>>>()?;
        match &found[..] {
            [] => Err(Refusal::new(RUN_UNKNOWN, format!("no run of change request {} stopped", self.event.number))),
            [(plan, subject)] => stopped(*plan, subject.clone()),
            [(first, _), more @ ..] => Err(Refusal::new(
                APPROVAL_UNBOUND,
                format!("runs of {} plans stopped, such as of {first}", 1 + more.len()),
            )),
        }
    }

    /// Returns the approvals of a person that were not taken back: of the plan that is named, or of all plans of this
    /// change request.
    pub(super) fn given(&self, by: &Principal, named: Option<&Digest>) -> Result<Vec<Digest>> {
        let own = Own::read(self)?;
        let state = own.state()?;
        let of = |plan: &Digest| -> Vec<Digest> {
            let theirs = state.approvals_of(plan).filter(|known| known.approval.stated().approver.id == by.id);
            theirs.filter(|known| known.revoked.is_none()).map(|known| known.approval.payload()).collect()
        };
        let given = match named {
            Some(named) => {
                self.must_be_own(named, &own.subject(named)?)?;
                of(named)
            }
            None => {
                let plans = own.plans(|plan, _| !of(plan).is_empty())?.collect::<Result<Vec<_>>>()?;
                plans.iter().flat_map(|(plan, _)| of(plan)).collect()
            }
        };
        if given.is_empty() {
            let whose = named.map_or_else(|| format!("change request {}", self.event.number), Digest::to_string);
            return Err(Refusal::new(APPROVAL_NOT_GIVEN, format!("{} of {whose}", visible(&by.login))));
        }
        Ok(given)
    }

    fn must_be_own(&self, named: &Digest, subject: &Subject) -> Result<()> {
        if subject.change_request == Some(self.event.number) {
            return Ok(());
        }
        let what = format!("the plan is not for change request {}", self.event.number);
        Err(Refusal::new(APPROVAL_SCOPE, what).subject(named.to_string()))
    }
}

/// The recorded plans, looked at for those of one change request; the ledger is opened once for all of them.
struct Own {
    ledger: Ledger,
    number: u64,
}

impl Own {
    fn read(clerk: &Clerk<'_>) -> Result<Self> {
        Ok(Self { ledger: clerk.session.ledger(clerk.asking.world.now())?, number: clerk.event.number })
    }

    fn state(&self) -> Result<&State> {
        self.ledger.state().ok_or_else(|| Refusal::new(PLAN_UNKNOWN, "there is no ledger"))
    }

    /// Returns what a recorded plan is for.
    fn subject(&self, plan: &Digest) -> Result<Subject> {
        let bytes = self.ledger.object(plan).map_err(|refusal| unknown(refusal, plan))?;
        seal::subject(&bytes).map_err(|refusal| refusal.subject(plan.to_string()))
    }

    /// Returns the plans of the change request of which something holds, the newest first.
    fn plans<'a>(
        &'a self,
        holds: impl Fn(&Digest, &State) -> bool + 'a,
    ) -> Result<impl Iterator<Item = Result<(Digest, Subject)>> + 'a> {
        let state = self.state()?;
        let asked = self.newest_first()?.into_iter().filter(move |plan| holds(plan, state));
        let own = |found: &Result<(Digest, Subject)>| {
            found.as_ref().map_or(true, |(_, subject)| subject.change_request == Some(self.number))
        };
        Ok(asked.map(|plan| Ok((plan, self.subject(&plan)?))).filter(own))
    }

    fn newest_first(&self) -> Result<Vec<Digest>> {
        let mut plans: Vec<_> = self.state()?.plans()?.iter().map(|(plan, known)| (known.seq, *plan)).collect();
        plans.sort_unstable_by_key(|(seq, _)| std::cmp::Reverse(*seq));
        Ok(plans.into_iter().map(|(_, plan)| plan).collect())
    }
}
