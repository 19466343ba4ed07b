//! `reject`: the end of a plan.

use serde_json::json;

use crate::{
    app::{
        ledger::{self, reason},
        named_plan::NamedPlan,
        output::Outcome,
        session::Session,
        signer::{self, Hand},
        world::World,
    },
    base::{digest::Digest, ident::Id, method::Method, reason::Result},
    cli::args::RejectArgs,
    ledger::{Batch, Keep, NewEntry},
    sign::{Duty, Envelope, predicate::Rejection, statement::Subject},
};

pub(super) fn run(args: &RejectArgs, world: &World) -> Result<Outcome> {
    let why = reason(&args.reason)?;
    let session = Session::open(world)?;
    // Whether it can still be opened, under the present policy, is no matter where it is to be ended.
    let plan = NamedPlan::find(&args.plan, world).digest()?;
    let hand = signer::find(&args.signer, &[Duty::Approver], &session, world)?;
    let Rejected { seq, under_way } = record(&session, plan, hand.method, &why, &hand, world)?;
    let result = json!({
        "plan": plan,
        "rejectedBy": hand.principal.login,
        "reason": why,
        "ledgerSeq": seq,
        "underWay": under_way,
    });
    let mut text = format!("rejected {plan}\n  recorded as ledger entry {seq}; ");
    match &under_way {
        None => text.push_str("the plan can never run\n"),
        Some(run) => text.push_str(&format!(
            "run {run} is under way: it stops before its next step, and what it has done stays done\n  countersign status {run} says how far it came; countersign halt stops every run of the repository\n"
        )),
    }
    Ok(Outcome::done(result, text).decision("rejected").about(plan.to_string()))
}

/// What came of a rejection.
pub(super) struct Rejected {
    /// Its entry.
    pub(super) seq: u64,
    /// The run of the plan that had not ended.
    pub(super) under_way: Option<Id>,
}

/// Records a rejection.
pub(super) fn record(
    session: &Session,
    plan: Digest,
    method: Method,
    why: &str,
    hand: &Hand,
    world: &World,
) -> Result<Rejected> {
    let nonce = world.entropy.nonce()?;
    let mut under_way = None;
    let appended = ledger::open(session, Keep::Only(plan), world.now())?.append(world.clock, |seen| {
        let last = seen.state.last_run(&plan).filter(|run| !run.is_over());
        under_way = last.map(|run| run.claim.run.clone());
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
    Ok(Rejected { seq: appended.head.seq, under_way })
}
