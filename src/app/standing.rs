//! Where every recorded plan stands, derived from the ledger.

use super::{
    ledger::{begin, open},
    run::lock,
    session::Session,
    situation::{Aim, Situation},
    statements::word,
    world::World,
};
use crate::{
    base::{digest::Digest, ident::Id, reason::Result, time::Timestamp},
    event::RunStatus,
    ledger::{
        Keep,
        status::{Gate, status},
    },
    plan::SealedPlan,
    verify,
};

/// One plan.
pub(crate) struct Standing {
    pub(crate) digest: Digest,
    pub(crate) status: String,
    pub(crate) directive: String,
    pub(crate) requested_by: String,
    pub(crate) recorded_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) runs: Vec<Id>,
    /// Who rejected it, whatever had run by then.
    pub(crate) rejected_by: Option<String>,
}

/// Returns every plan, the newest first.
///
/// Whether approvals are enough is the policy's to say: a plan that awaits them goes through every check.
pub(crate) fn of_all(session: &Session, world: &World) -> Result<Vec<Standing>> {
    let now = world.now();
    let mut ledger = session.ledger(now)?;
    let state = ledger.read(now)?.state();
    let mut plans: Vec<_> = state.plans()?.iter().collect();
    plans.sort_by_key(|(_, known)| std::cmp::Reverse(known.seq));
    let mut standings = Vec::new();
    for (digest, known) in plans {
        let executor = lock::executor(session.checkout.git_dir(), state.last_run(digest));
        let Some(mut found) = status(state, digest, now, Gate::Closed, executor) else { continue };
        if found == RunStatus::AwaitingApproval
            && is_granted(session, digest, world)
            && let Some(open) = status(state, digest, now, Gate::Open, executor)
        {
            found = open;
        }
        standings.push(Standing {
            digest: *digest,
            status: word(&found)?,
            directive: known.record.directive.to_string(),
            requested_by: known.record.requested_by.login.clone(),
            recorded_at: known.at,
            expires_at: known.record.expires,
            runs: known.runs.clone(),
            rejected_by: known.rejection.as_ref().map(|rejection| rejection.rejected_by.login.clone()),
        });
    }
    Ok(standings)
}

/// Returns how one plan stands, of approvals only that there are some; `None` for one that is on no record.
///
/// # Errors
/// Where the ledger is not here to be read.
pub(crate) fn of_one(session: &Session, plan: &SealedPlan, world: &World) -> Result<Option<RunStatus>> {
    let (digest, now) = (plan.digest(), world.now());
    let mut ledger = open(session, Keep::Only(digest), now)?;
    let state = ledger.read(now)?.state();
    let executor = lock::executor(session.checkout.git_dir(), state.last_run(&digest));
    Ok(status(state, &digest, now, Gate::Closed, executor))
}

/// Tells whether a plan's approvals are enough now; any doubt means no.
fn is_granted(session: &Session, digest: &Digest, world: &World) -> bool {
    let granted = || -> Result<bool> {
        let (policy, _) = session.policy()?;
        let plan = session.plan(&digest.to_string(), world, &policy)?;
        let mut situation = Situation::gather(
            session,
            policy,
            &plan,
            Aim::start(None, world.now()),
            begin(session, Keep::Only(*digest), world.now())?,
            None,
        )?;
        let (report, _) = situation.with_case(|case| verify::verify(plan, case))?;
        Ok(report.approvals.grant().is_ok())
    };
    granted().unwrap_or(false)
}
