//! `revoke`: takes back an approval, all approvals of a plan, or what a key signed.

use serde_json::json;

use crate::{
    app::{
        ledger::reason,
        named_plan::NamedPlan,
        output::Outcome,
        session::Session,
        signer::{self, Hand},
        world::World,
    },
    base::{
        digest::Digest,
        reason::{Result, typed},
    },
    cli::args::RevokeArgs,
    ledger::{Batch, NewEntry},
    sign::{
        Duty, Envelope,
        predicate::{Revocation, RevocationTarget},
        statement::Subject,
    },
};

pub(super) fn run(args: &RevokeArgs, world: &World) -> Result<Outcome> {
    let why = reason(&args.reason)?;
    let session = Session::open(world)?;
    let target = target(args, world)?;
    let hand = signer::find(&args.signer, &[Duty::Approver, Duty::Root], &session, world)?;
    let seq = record(std::slice::from_ref(&target), &why, &hand, &session, world)?;
    let (name, digest) = named(&target);
    let result = json!({ "revoked": name, "digest": digest, "reason": why, "ledgerSeq": seq });
    let text = format!("revoked {name} {digest}\n  recorded as ledger entry {seq}\n");
    Ok(Outcome::done(result, text).decision("revoked").about(digest.to_string()))
}

/// Records that things are taken back, all or none; returns the number of the last entry.
pub(super) fn record(
    targets: &[RevocationTarget],
    why: &str,
    hand: &Hand,
    session: &Session,
    world: &World,
) -> Result<u64> {
    let nonces = targets.iter().map(|_| world.entropy.nonce()).collect::<Result<Vec<_>>>()?;
    let appended = session.entries(world.now())?.append(world.clock, |seen| {
        let entries = targets.iter().zip(&nonces).map(|(target, nonce)| {
            let revocation = Revocation {
                target: target.clone(),
                revoked_by: hand.actor(session),
                evidence: hand.evidence(),
                reason: why.to_owned(),
                nonce: nonce.clone(),
                ledger: seen.head.clone(),
                revoked_at: seen.now,
            };
            let (name, digest) = named(target);
            let envelope = Envelope::sign(vec![Subject::new(name, digest)], revocation, &[hand.signer()])?;
            Ok(NewEntry { envelope, at: seen.now })
        });
        Ok(Batch { entries: entries.collect::<Result<_>>()?, objects: hand.objects() })
    })?;
    Ok(appended.head.seq)
}

/// Returns the word for what is taken back, and its digest.
fn named(target: &RevocationTarget) -> (&'static str, Digest) {
    match target {
        RevocationTarget::Approval(digest) => ("approval", *digest),
        RevocationTarget::Key(digest) => ("key", *digest),
        RevocationTarget::Plan(digest) => ("plan", *digest),
    }
}

fn target(args: &RevokeArgs, world: &World) -> Result<RevocationTarget> {
    if let Some(text) = &args.approval {
        return Ok(RevocationTarget::Approval(typed(text, "--approval")?));
    }
    if let Some(text) = &args.revoked_key {
        return Ok(RevocationTarget::Key(typed(text, "--signed-by")?));
    }
    // Whether it can still be opened, under the present policy, is no matter where it is to be ended.
    Ok(RevocationTarget::Plan(NamedPlan::find(args.plan.as_deref().unwrap_or_default(), world).digest()?))
}
