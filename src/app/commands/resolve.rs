//! `resolve`: a person says how a step of unknown outcome is to be taken.

use serde_json::json;

use crate::{
    app::{
        ledger::reason,
        output::Outcome,
        reasons::{NOTHING_TO_RESOLVE, RUN_UNKNOWN},
        run::{lock, scratch},
        session::Session,
        signer::{self, Hand},
        world::World,
    },
    base::{
        ident::Id,
        reason::{Refusal, Result, typed},
        resolve_as::ResolveAs,
        text::visible,
    },
    cli::args::ResolveArgs,
    ledger::{Batch, NewEntry, status::Executor},
    sign::{Duty, Envelope, predicate::Resolution, statement::Subject},
};

pub(super) fn run(args: &ResolveArgs, world: &World) -> Result<Outcome> {
    let why = reason(&args.reason)?;
    let session = Session::open(world)?;
    let (name, step): (Id, Id) = (typed(&args.run, "RUN")?, typed(&args.step, "--step")?);
    let hand = signer::find(&args.signer, &[Duty::Approver, Duty::Root], &session, world)?;
    scratch::sweep();
    record(&Answer { run: &name, step: &step, resolve_as: args.resolve_as, why: &why }, &hand, &session, world)
}

/// What a person says of a step of unknown outcome.
pub(super) struct Answer<'a> {
    pub(super) run: &'a Id,
    pub(super) step: &'a Id,
    /// How it is to be taken.
    pub(super) resolve_as: ResolveAs,
    pub(super) why: &'a str,
}

/// Records how a step of unknown outcome is taken.
pub(super) fn record(answer: &Answer<'_>, hand: &Hand, session: &Session, world: &World) -> Result<Outcome> {
    let Answer { run: name, step, resolve_as, why } = *answer;
    let word = resolve_as.word();
    // Whoever is at the step would go on with it, and a retry would then run beside it.
    lock::check_free(session.checkout.git_dir(), name)?;
    let mut unseen = false;
    let nonce = world.entropy.nonce()?;
    let mut claim = None;
    let appended = session.ledger(world.now())?.append(world.clock, |seen| {
        let run = seen.state.run(name).ok_or_else(|| Refusal::new(RUN_UNKNOWN, format!("run {name}")))?;
        if !run.unknown_steps().any(|unknown| *unknown == *step) {
            return Err(Refusal::new(NOTHING_TO_RESOLVE, format!("step `{step}` of run {name}")));
        }
        unseen = lock::executor(session.checkout.git_dir(), Some(run)) == Executor::Unseen;
        claim = Some((run.claim.plan, run.claim.claimed_by.login.clone(), run.claimed_at, run.outcome));
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
    let plan = claim.as_ref().map(|(plan, ..)| *plan);
    let named = plan.map(|plan| plan.to_string()).unwrap_or_default();
    let text = match resolve_as {
        ResolveAs::Abort => format!("run {name} is over; recorded as ledger entry {}\n", appended.head.seq),
        _ => format!(
            "step {step} of run {name} is taken as {word}; recorded as ledger entry {}\nnext: countersign execute {named} --resume {name}\n",
            appended.head.seq
        ),
    };
    let result = json!({ "run": name, "step": step, "as": word, "plan": plan, "ledgerSeq": appended.head.seq });
    let outcome = Outcome::done(result, text).decision("resolved").about(name.to_string());
    Ok(match claim.filter(|(.., told)| unseen && told.is_none()) {
        Some((_, by, at, _)) => outcome.note(&format!(
            "{} claimed the run elsewhere, at {at}, and never said how it ended: make sure that its job is gone",
            visible(&by)
        )),
        None => outcome,
    })
}
