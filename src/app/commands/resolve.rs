//! `resolve`: a person says how a step of unknown outcome is to be taken.

use serde_json::json;

use crate::{
    app::{
        ledger::reason,
        output::Outcome,
        reasons::{NOTHING_TO_RESOLVE, RUN_UNKNOWN},
        session::Session,
        signer::{self, Hand},
        statements::word,
        world::World,
    },
    base::{
        ident::Id,
        reason::{Refusal, Result, typed},
    },
    cli::args::{ResolveArg, ResolveArgs},
    ledger::{Batch, NewEntry},
    sign::{
        Duty, Envelope,
        predicate::{Resolution, ResolveAs},
        statement::Subject,
    },
};

pub(super) fn run(args: &ResolveArgs, world: &World) -> Result<Outcome> {
    let why = reason(&args.reason)?;
    let session = Session::open(world)?;
    let (name, step): (Id, Id) = (typed(&args.run, "RUN")?, typed(&args.step, "--step")?);
    let hand = signer::find(&args.signer, &[Duty::Approver, Duty::Root], &session, world)?;
    let resolve_as = match args.resolve_as {
        ResolveArg::Retry => ResolveAs::Retry,
        ResolveArg::Skip => ResolveAs::Skip,
        ResolveArg::Abort => ResolveAs::Abort,
    };
    record(&name, &step, resolve_as, &why, &hand, &session, world)
}

/// Records how a step of unknown outcome is taken.
pub(super) fn record(
    name: &Id,
    step: &Id,
    resolve_as: ResolveAs,
    why: &str,
    hand: &Hand,
    session: &Session,
    world: &World,
) -> Result<Outcome> {
    let word = word(&resolve_as)?;
    let nonce = world.entropy.nonce()?;
    let mut plan = None;
    let appended = session.ledger(world.now())?.append(world.clock, |seen| {
        let run = seen.state.run(name).ok_or_else(|| Refusal::new(RUN_UNKNOWN, format!("run {name}")))?;
        if !run.unknown_steps().any(|unknown| *unknown == *step) {
            return Err(Refusal::new(NOTHING_TO_RESOLVE, format!("step `{step}` of run {name}")));
        }
        plan = Some(run.claim.plan);
        let resolution = Resolution {
            plan: run.claim.plan,
            run: name.clone(),
            step: step.clone(),
            resolve_as,
            resolved_by: hand.actor(session),
            evidence: hand.evidence(),
            reason: why.to_owned(),
            nonce: nonce.clone(),
            ledger: seen.head.clone(),
            resolved_at: seen.now,
        };
        let envelope = Envelope::sign(vec![Subject::new("plan", run.claim.plan)], resolution, &[hand.signer()])?;
        Ok(Batch { entries: vec![NewEntry { envelope, at: seen.now }], objects: hand.objects() })
    })?;
    let named = plan.map(|plan| plan.to_string()).unwrap_or_default();
    let text = match resolve_as {
        ResolveAs::Abort => format!("run {name} is over; recorded as ledger entry {}\n", appended.head.seq),
        _ => format!(
            "step {step} of run {name} is taken as {word}; recorded as ledger entry {}\nnext: countersign execute {named} --resume {name}\n",
            appended.head.seq
        ),
    };
    let result = json!({ "run": name, "step": step, "as": word, "plan": plan, "ledgerSeq": appended.head.seq });
    Ok(Outcome::done(result, text).decision("resolved").about(name.to_string()))
}
