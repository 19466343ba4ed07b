//! `revoke`: takes back an approval, all approvals of a plan, or what a key signed.

use serde_json::json;

use crate::{
    app::{
        ledger::reason,
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
    let (target, name, digest) = target(args, &session, world)?;
    let hand = signer::find(&args.signer, &[Duty::Approver, Duty::Root], &session, world)?;
    record((target, name, digest), &why, &hand, &session, world)
}

/// Records a revocation of what has this name and digest.
pub(super) fn record(
    (target, name, digest): (RevocationTarget, &'static str, Digest),
    why: &str,
    hand: &Hand,
    session: &Session,
    world: &World,
) -> Result<Outcome> {
    let nonce = world.entropy.nonce()?;
    let appended = session.entries(world.now())?.append(world.clock, |seen| {
        let revocation = Revocation {
            target: target.clone(),
            revoked_by: hand.actor(session),
            evidence: hand.evidence(),
            reason: why.to_owned(),
            nonce: nonce.clone(),
            ledger: seen.head.clone(),
            revoked_at: seen.now,
        };
        let envelope = Envelope::sign(vec![Subject::new(name, digest)], revocation, &[hand.signer()])?;
        Ok(Batch { entries: vec![NewEntry { envelope, at: seen.now }], objects: hand.objects() })
    })?;
    let result = json!({ "revoked": name, "digest": digest, "reason": why, "ledgerSeq": appended.head.seq });
    let text = format!("revoked {name} {digest}\n  recorded as ledger entry {}\n", appended.head.seq);
    Ok(Outcome::done(result, text).decision("revoked").about(digest.to_string()))
}

fn target(args: &RevokeArgs, session: &Session, world: &World) -> Result<(RevocationTarget, &'static str, Digest)> {
    if let Some(text) = &args.approval {
        let digest: Digest = typed(text, "--approval")?;
        return Ok((RevocationTarget::Approval(digest), "approval", digest));
    }
    if let Some(text) = &args.revoked_key {
        let digest: Digest = typed(text, "--signed-by")?;
        return Ok((RevocationTarget::Key(digest), "key", digest));
    }
    let (policy, _) = session.policy()?;
    let digest = session.plan(args.plan.as_deref().unwrap_or_default(), world, &policy)?.digest();
    Ok((RevocationTarget::Plan(digest), "plan", digest))
}
