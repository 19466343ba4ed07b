//! `halt`: stops everything in the repository before its next step, or lets it go on.

use serde_json::json;

use crate::{
    app::{
        ledger::reason,
        output::Outcome,
        reasons::NOTHING_HALTED,
        session::Session,
        signer::{self, Hand},
        world::World,
    },
    base::reason::{Refusal, Result},
    cli::args::HaltArgs,
    ledger::{Batch, NewEntry},
    sign::{Duty, Envelope, predicate::Halt, statement::Subject},
};

pub(super) fn run(args: &HaltArgs, world: &World) -> Result<Outcome> {
    let why = reason(&args.reason)?;
    let session = Session::open(world)?;
    let hand = signer::find(&args.signer, &[Duty::Approver, Duty::Root], &session, world)?;
    record(!args.lift, &why, &hand, &session, world)
}

/// Records a halt, or its end.
pub(super) fn record(halted: bool, why: &str, hand: &Hand, session: &Session, world: &World) -> Result<Outcome> {
    let nonce = world.entropy.nonce()?;
    let genesis = session.root.document().ledger.genesis;
    let appended = session.entries(world.now())?.append(world.clock, |seen| {
        if !halted && seen.state.halt().is_none() {
            return Err(Refusal::new(NOTHING_HALTED, "there is no halt to lift"));
        }
        let halt = Halt {
            halted,
            by: hand.actor(session),
            evidence: hand.evidence(),
            reason: why.to_owned(),
            nonce: nonce.clone(),
            ledger: seen.head.clone(),
            at: seen.now,
        };
        let envelope = Envelope::sign(vec![Subject::new("ledger", genesis)], halt, &[hand.signer()])?;
        Ok(Batch { entries: vec![NewEntry { envelope, at: seen.now }], objects: hand.objects() })
    })?;
    let word = if halted { "halted" } else { "lifted" };
    let text = match halted {
        false => format!("the halt is lifted; recorded as ledger entry {}\n", appended.head.seq),
        true => format!("halted: nothing starts its next step; recorded as ledger entry {}\n", appended.head.seq),
    };
    Ok(Outcome::done(json!({ "halted": halted, "reason": why, "ledgerSeq": appended.head.seq }), text).decision(word))
}
