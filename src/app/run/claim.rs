//! The claim of a run: of all that try, one wins.

use serde_json::json;

use crate::{
    app::{output::Outcome, reasons::RUN_UNKNOWN, session::Session, signer::Hand, world::World},
    base::{
        ident::Id,
        reason::{Refusal, Result},
    },
    ledger::{Batch, Ledger, NewEntry},
    plan::SealedPlan,
    sign::{
        Envelope,
        predicate::{Claim, Job},
        statement::Subject,
    },
    verify::{Purpose, VerifiedPlan},
};

/// Who claims which run, and for what.
pub(crate) struct Claimant<'a> {
    pub(crate) run: &'a Id,
    pub(crate) purpose: &'a Purpose,
    /// The CI job that shows itself, where one does.
    pub(crate) job: Option<Job>,
    pub(crate) hand: &'a Hand,
}

/// A claim that was appended: the run, and the token that fences off every earlier one.
pub(crate) struct Claimed {
    pub(crate) run: Id,
    /// Its entry, by which later claims are told from it.
    pub(crate) fencing: u64,
}

/// Claims the approvals for a run by compare-and-swap: of all that try, one wins.
///
/// # Errors
/// Those of [`Ledger::append`]; `run.unknown` for a run to be joined that is not there.
pub(crate) fn claim(
    ledger: &mut Ledger,
    verified: &VerifiedPlan,
    claimant: Claimant<'_>,
    session: &Session,
    world: &World,
) -> Result<Claimed> {
    let Claimant { run, purpose, job, hand } = claimant;
    let plan = verified.digest();
    if matches!(purpose, Purpose::Join { .. }) {
        // The claim is another process's; what it fences off is fenced off here too.
        let known = ledger.read(world.now())?.state().run(run).map(|known| known.fencing);
        let fencing = known.ok_or_else(|| Refusal::new(RUN_UNKNOWN, format!("run {run}")))?;
        return Ok(Claimed { run: run.clone(), fencing });
    }
    let nonce = world.entropy.nonce()?;
    let appended = ledger.append(world.clock, |seen| {
        // After a lost race this sees what the winner left, and the ledger's own rules refuse a second claim.
        let before = seen.state.run(run);
        let claim = Claim {
            plan,
            run: run.clone(),
            attempt: before.map_or(1, |known| known.claim.attempt + 1),
            approvals: before.map_or_else(|| verified.approvals().to_vec(), |known| known.claim.approvals.clone()),
            claimed_by: hand.actor(session),
            job: job.clone().map(Box::new),
            nonce: nonce.clone(),
            ledger: seen.head.clone(),
            claimed_at: seen.now,
        };
        let envelope = Envelope::sign(vec![Subject::new("plan", plan)], claim, &[hand.signer()])?;
        Ok(Batch { entries: vec![NewEntry { envelope, at: seen.now }], objects: Vec::new() })
    })?;
    Ok(Claimed { run: run.clone(), fencing: appended.head.seq })
}

/// Tells of a run that is claimed and in which nothing has started: its steps that wait for nothing, one a shard.
pub(crate) fn claimed(plan: &SealedPlan, claim: &Claimed) -> Outcome {
    let free = plan.plan().steps.iter().filter(|step| step.needs.is_empty());
    let shards: Vec<&str> = free.map(|step| step.id.as_str()).collect();
    let text = format!(
        "claimed run {}; nothing has started\nnext, for each of {}:\n  countersign execute {} --join {} --only STEP\nthen:\n  countersign execute {} --resume {}\n",
        claim.run,
        shards.join(", "),
        plan.digest(),
        claim.run,
        plan.digest(),
        claim.run,
    );
    let result = json!({ "planDigest": plan.digest(), "runId": claim.run, "status": "claimed", "shards": shards });
    Outcome::done(result, text).decision("claimed").about(claim.run.to_string())
}
