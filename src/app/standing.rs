//! Where every recorded plan stands, derived from the ledger.

use super::{
    ledger::{begin, open},
    run::lock,
    session::{self, Session},
    situation::{Aim, Situation},
    world::World,
};
use crate::{
    base::{digest::Digest, ident::Id, reason::Result, text::visible, time::Timestamp},
    event::RunStatus,
    ledger::{
        Keep,
        status::{Gate, status},
    },
    plan::{SealedPlan, model::Plan},
    verify,
};

/// One plan.
pub(crate) struct Standing {
    pub(crate) digest: Digest,
    pub(crate) status: RunStatus,
    pub(crate) directive: String,
    pub(crate) requested_by: String,
    pub(crate) recorded_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) runs: Vec<Id>,
    /// What people labelled it with, itself or a plan whose place it took.
    pub(crate) labels: Vec<Id>,
    /// Who rejected it, whatever had run by then.
    pub(crate) rejected_by: Option<String>,
    /// Of a plan that waits: that it was made for another commit than the base's tip, and so is refused.
    pub(crate) moved: Option<Moved>,
}

impl Standing {
    /// Tells whether somebody may still be waited for.
    pub(crate) fn waits(&self) -> bool {
        matches!(self.status, RunStatus::Drafted | RunStatus::AwaitingApproval | RunStatus::Approved)
    }
}

/// A plan's base is not the tip of the base branch that is here.
pub(crate) struct Moved {
    /// What is so, and what to do.
    pub(crate) words: String,
    /// The reason code with which it would be refused.
    pub(crate) code: &'static str,
}

impl Moved {
    /// Compares the base that a plan was made for with the one that is here.
    pub(crate) fn of(plan: &Plan, session: &Session) -> Option<Self> {
        let (base, here) = (&plan.subject.base_sha, &session.facts.base_sha);
        let refusal = verify::same_base(base, here).err()?;
        let name = session.facts.base_ref.strip_prefix("refs/heads/").unwrap_or(&session.facts.base_ref);
        let is_older = !session.checkout.in_history([base.as_str()], here).is_empty();
        let words = match is_older {
            true => format!(
                "made for an older commit of {}; once more: countersign plan {}",
                visible(name),
                plan.directive.name
            ),
            false => format!(
                "made for a commit that {} here does not have: bring it up to date, or plan once more",
                visible(name)
            ),
        };
        Some(Self { words, code: refusal.code() })
    }
}

/// Returns every plan, the newest first.
///
/// Whether approvals are enough is the policy's to say: a plan that awaits them goes through every check.
pub(crate) fn of_all(session: &Session, world: &World) -> Result<Vec<Standing>> {
    let now = world.now();
    let mut ledger = session.ledger(now)?;
    let labels = ledger.labels(now)?;
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
            status: found,
            directive: known.record.directive.to_string(),
            requested_by: known.record.requested_by.login.clone(),
            recorded_at: known.at,
            expires_at: known.record.expires,
            runs: known.runs.clone(),
            labels: labels.of(digest).cloned().collect(),
            rejected_by: known.rejection.as_ref().map(|rejection| rejection.rejected_by.login.clone()),
            moved: None,
        });
    }
    for standing in standings.iter_mut().filter(|standing| standing.waits()) {
        // What cannot be opened is told where it is named; here it is only not said to be for another commit.
        let plan = ledger.object(&standing.digest).and_then(session::shown_plan);
        standing.moved = plan.ok().and_then(|plan| Moved::of(plan.plan(), session));
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
