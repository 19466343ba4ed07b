//! `reject`: the end of a plan.

use serde_json::json;

use crate::{
    app::{
        ledger::reason,
        output::Outcome,
        session::Session,
        signer::{self, Hand},
        world::World,
    },
    base::{digest::Digest, reason::Result},
    cli::args::RejectArgs,
    ledger::{Batch, NewEntry},
    sign::{
        Duty, Envelope,
        predicate::{Method, Rejection},
        statement::Subject,
    },
};

pub(super) fn run(args: &RejectArgs, world: &World) -> Result<Outcome> {
    let why = reason(&args.reason)?;
    let session = Session::open(world)?;
    let (policy, _) = session.policy()?;
    let plan = session.plan(&args.plan, world, &policy)?;
    let hand = signer::find(&args.signer, &[Duty::Approver], &session, world)?;
    let seq = record(&session, plan.digest(), hand.method, &why, &hand, world)?;
    let result = json!({ "plan": plan.digest(), "rejectedBy": hand.principal.login, "reason": why, "ledgerSeq": seq });
    let text = format!("rejected {}\n  recorded as ledger entry {seq}; the plan can never run\n", plan.digest());
    Ok(Outcome::done(result, text).decision("rejected").about(plan.digest().to_string()))
}

/// Records a rejection and returns its entry.
pub(super) fn record(
    session: &Session,
    plan: Digest,
    method: Method,
    why: &str,
    hand: &Hand,
    world: &World,
) -> Result<u64> {
    let nonce = world.entropy.nonce()?;
    let appended = session.entries(world.now())?.append(world.clock, |seen| {
        let rejection = Rejection {
            plan,
            rejected_by: hand.actor(session),
            method,
            evidence: hand.evidence(),
            reason: why.to_owned(),
            nonce: nonce.clone(),
            ledger: seen.head.clone(),
            rejected_at: seen.now,
        };
        let envelope = Envelope::sign(vec![Subject::new("plan", plan)], rejection, &[hand.signer()])?;
        Ok(Batch { entries: vec![NewEntry { envelope, at: seen.now }], objects: hand.objects() })
    })?;
    Ok(appended.head.seq)
}
