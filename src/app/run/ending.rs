//! How a run ended: what is said of it, and what is written beside it.

use std::io::Write as _;

use serde_json::json;

use super::{batch, failure::Failures, start::Over};
use crate::{
    app::{
        bundle,
        ledger::checkpoint_if_due,
        output::Outcome,
        outputs, provenance,
        reasons::{self, RUN_FAILED, RUN_INDETERMINATE, RUNNER_TAMPERED},
        recorder::Recorder,
        session::Session,
        world::World,
    },
    base::{
        digest::Digest,
        ident::Id,
        reason::{ExitClass, Reason, Refusal, Result},
        resolve_as::ResolveAs,
    },
    cli::args::ExecuteArgs,
    event::{RunOutcome, RunStatus, StepStatus},
    execute::reasons::{RUN_CANCELLED, RUN_HALTED},
    plan::SealedPlan,
};

/// Says how a run ended, and writes what was asked for beside it; nothing that fails here hides the run.
///
/// # Errors
/// `internal.error`.
pub(crate) fn finish(
    args: &ExecuteArgs,
    plan: &SealedPlan,
    mut over: Over,
    session: &Session,
    world: &mut World,
) -> Result<Outcome> {
    let digest = plan.digest();
    let cause = over.outcome.reason_code.as_deref().and_then(reasons::find);
    let (decision, reason) = decided(&over, cause);
    let unhashed = |why: Refusal| {
        Refusal::new(why.reason(), format!("the record names no digest of a declared output: {}", why.message()))
    };
    let mut notes: Vec<Refusal> = over.recorder.unhashed.drain(..).map(unhashed).collect();
    if over.outcome.status != RunStatus::Indeterminate && args.join.is_none() {
        // The next run leaves one.
        let Recorder { ledger, signer, .. } = &mut over.recorder;
        notes.extend(checkpoint_if_due(ledger, session, signer.as_ref(), world).err());
    }
    let failures = Failures::of_events(&over.recorder.events);
    let written = write_asked(args, plan, &mut over, &failures, session, world).err();
    let Over { claim, recorder, outcome } = over;
    let _ = world.console.stderr.flush();
    let mut steps = serde_json::Map::new();
    for (step, status) in &outcome.steps {
        steps.insert(step.to_string(), json!(status.word()));
    }
    let batches = batch::batches(plan.plan(), &outcome.steps);
    let mut result = json!({
        "planDigest": digest,
        "runId": claim.run,
        "status": outcome.status.word(),
        "runReasonCode": outcome.reason_code,
        "steps": steps,
        "failures": failures.result(),
        "products": recorder.products,
        "bundlePath": args.bundle.as_ref().filter(|_| written.is_none()).map(|path| path.display().to_string()),
    });
    if !batches.is_empty() {
        result["items"] = batches.iter().map(batch::Batch::result).collect();
    }
    let succeeded = outcome.steps.values().filter(|status| **status == StepStatus::Succeeded).count();
    let mut text = format!(
        "run {} {}: {succeeded} of {} steps succeeded{}\n",
        claim.run,
        decision,
        outcome.steps.len(),
        outcome.reason_code.as_ref().map(|code| format!(" [{code}]")).unwrap_or_default(),
    );
    for batch in &batches {
        text.push_str(&batch.text());
    }
    if let Some(tampered) = &recorder.tampered {
        text.push_str(&format!("  {}\n", tampered.message()));
    }
    let mut hints = Vec::new();
    if let Some(reason) = reason {
        text.push_str(&format!("  {}\n", reason.summary));
        hints.extend(next_words(&outcome, &claim.run, &digest));
        hints.extend(cause.filter(|cause| *cause != reason).map(|cause| cause.hint.to_owned()));
        let all = hints.iter().map(String::as_str).chain([reason.hint]);
        text.extend(all.map(|hint| format!("  hint: {hint}\n")));
    }
    let done = Outcome::done(result, text).decision(decision).about(claim.run.to_string()).events(recorder.events);
    let done = hints.into_iter().fold(done, Outcome::hint);
    let done = match (reason, &written) {
        (Some(reason), _) => done.because(reason),
        // The run is over and well; what was asked for beside it is not there.
        (None, Some(why)) => done.because(why.reason()),
        (None, None) => done,
    };
    notes.extend(written);
    Ok(notes.iter().fold(done, |done, why| done.note(&format!("after the run: {why}"))))
}

/// Says in a word how a run ended, and with which reason where it is not completed; `cause` is the reason that the
/// outcome itself names.
fn decided(over: &Over, cause: Option<Reason>) -> (&'static str, Option<Reason>) {
    match over.outcome.status {
        RunStatus::Completed => ("completed", None),
        RunStatus::Halted if over.recorder.tampered.is_some() => ("halted", Some(RUNNER_TAMPERED)),
        // Nobody said no: it could not be recorded, or the ledger was not to be had.
        RunStatus::Halted => {
            let unrecorded = cause.filter(|why| matches!(why.class, ExitClass::Contended | ExitClass::Internal));
            ("halted", Some(unrecorded.unwrap_or(RUN_HALTED)))
        }
        RunStatus::Cancelled => ("cancelled", Some(RUN_CANCELLED)),
        RunStatus::Indeterminate => ("indeterminate", Some(RUN_INDETERMINATE)),
        _ => ("failed", Some(RUN_FAILED)),
    }
}

/// Says, with names filled in, what leads on.
fn next_words(outcome: &RunOutcome, run: &Id, plan: &Digest) -> Vec<String> {
    let unknown = outcome.steps.iter().filter(|(_, status)| **status == StepStatus::Indeterminate);
    let resolve = |(step, _): (&Id, &StepStatus)| {
        format!("countersign resolve {run} --step {step} --as {} --reason '...'", ResolveAs::FORM)
    };
    match outcome.status {
        RunStatus::Indeterminate => unknown.map(resolve).collect(),
        RunStatus::Halted => vec![format!("where the cause is gone: countersign execute {plan} --resume {run}")],
        _ => Vec::new(),
    }
}

/// Writes the files that were asked for beside the run.
fn write_asked(
    args: &ExecuteArgs,
    plan: &SealedPlan,
    over: &mut Over,
    failures: &Failures,
    session: &Session,
    world: &World,
) -> Result<()> {
    if let Some(path) = &args.bundle {
        outputs::write(path, &bundle::make(session, &mut over.recorder.ledger, plan, world)?, world)?;
    }
    if let Some(path) = &args.provenance {
        let envelope = provenance::envelope(plan, over.claim.run.as_str(), &over.recorder, world.now())?;
        outputs::write(path, &envelope.to_bytes()?, world)?;
    }
    if let Some(path) = &args.csv {
        let table = batch::table(plan.plan(), &over.outcome.steps, failures);
        outputs::write(path, table.as_bytes(), world)?;
    }
    Ok(())
}
