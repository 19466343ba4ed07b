//! `execute`: verifies, claims, and runs an approved plan.

use std::{collections::BTreeMap, io::Write as _, sync::Arc};

use serde_json::json;

use super::verify::{lines, refused, shown};
use crate::{
    app::{
        aftermath::Aftermath,
        bundle,
        ci::OrderFiles,
        conversation::unheard as unheard_note,
        files,
        forge::{self, Asking},
        identity,
        ledger::checkpoint_if_due,
        logins,
        output::{Outcome, Printer},
        provenance,
        reasons::{RUN_FAILED, RUN_INDETERMINATE, RUN_UNKNOWN, RUNNER_TAMPERED},
        recorder::{LastLook, Recorder, outputs},
        session::{NamedPlan, Session, run_id},
        signer::{self, Hand},
        situation::{Aim, Situation},
        statements::word,
        switches,
        world::World,
    },
    base::{
        ident::Id,
        reason::{INTERNAL, IO, Reason, Refusal, Result, typed},
        secret::Secret,
        text::visible,
    },
    cli::args::ExecuteArgs,
    event::{RunOutcome, RunStatus, StepOutcome, StepStatus},
    execute::{
        self, Cancel, PreviewStep, RunSetting,
        reasons::{RUN_CANCELLED, RUN_HALTED, SECRET_MISSING},
    },
    forge::{Checkout, Forge},
    ledger::{Batch, Keep, Ledger, NewEntry, Record, run::StepState},
    plan::{
        SealedPlan,
        model::{Action, Plan, Step},
    },
    report::comment::Mode,
    sign::{
        Duty, Envelope,
        predicate::{Claim, Job, ResolveAs},
        statement::Subject,
    },
    verify::{self, Purpose, VerifiedPlan},
};

pub(super) fn run(args: &ExecuteArgs, world: &mut World, printer: &Printer) -> Result<Outcome> {
    let found = NamedPlan::find(&args.plan, world);
    let about = found.digest();
    let (mut session, reading) = Session::open_reading(world, |ledger| match about {
        Some(plan) => ledger.with_keep(Keep::Only(plan)),
        None => ledger,
    })?;
    let (policy, _) = session.policy()?;
    let plan = session.named_plan(found, &args.plan, world, &policy)?;
    switches::check(plan.plan(), &world.env)?;
    let digest = plan.digest();
    let purpose = match &args.resume {
        None => match &args.join {
            None => Purpose::Start,
            Some(run) => {
                let steps = args.only.iter().map(|step| typed(step, "--only")).collect::<Result<_>>()?;
                Purpose::Join { run: typed(run, "--join")?, steps }
            }
        },
        Some(name) => Purpose::Resume(typed(name, "--resume")?),
    };
    let limits = policy.limits();
    session.follow(&plan);
    let identity = identity::of_job(args.identity, &digest, &session, world)?;
    let job = identity::mark(&identity);
    let forge = forge::reach(&session, world)?;
    let asking = forge.as_deref().map(|forge| Asking { forge, world });
    let named = args.plan.parse().ok();
    let mut situation = Situation::gather(
        &session,
        policy,
        &plan,
        Aim { named, purpose: purpose.clone(), now: world.now() },
        reading,
        asking,
    )?
    .shown_by(identity)
    .left_behind(&session)?;
    if let Purpose::Resume(name) | Purpose::Join { run: name, .. } = &purpose
        && !situation.ledger.read(world.now())?.state().knows_run(name)
    {
        // A slip of the pen must not read as if an approval were missing.
        return Err(Refusal::new(RUN_UNKNOWN, format!("run {name}")));
    }
    let sealed = plan.clone();
    let (report, verdict) = situation.with_case(|case| verify::verify(plan, case))?;
    let (result, text) = shown(&report, digest);
    let renamed = situation.renamed(&session);
    let verified = match verdict {
        Ok(verified) => verified,
        Err(refusal) => {
            let outcome = refused(&refusal, result, text).about(digest.to_string());
            return Ok(logins::say(outcome, &renamed).checks(lines(&report)).plan(&sealed));
        }
    };
    if args.dry_run {
        return Ok(logins::say(preview(&verified, result, text)?, &renamed).checks(lines(&report)).plan(&sealed));
    }
    let secrets = secrets(verified.plan(), world)?;
    printer.mask(world, secrets.values().map(Secret::expose));
    let orders = OrderFiles::of(&world.env, session.checkout.workdir())?;
    let hand = signer::find(&args.signer, &[Duty::Executor], &session, world)?;
    let mut ledger = situation.ledger;
    let past = match &purpose {
        Purpose::Start => Past::default(),
        Purpose::Resume(run) | Purpose::Join { run, .. } => Past::of(&mut ledger, run, world)?,
    };
    let claim = claim(&mut ledger, &verified, &purpose, job, &session, &hand, world)?;
    if args.claim {
        return Ok(logins::say(claimed(&sealed, &claim), &renamed).checks(lines(&report)).plan(&sealed));
    }
    let scratch = tempfile::Builder::new()
        .prefix("countersign-run-")
        .tempdir()
        .map_err(|e| Refusal::new(IO, format!("no private folder: {e}")))?;
    let asked = args.parallel.map_or(limits.parallel, |asked| asked.clamp(1, limits.parallel));
    let setting = RunSetting {
        parallel: asked as usize,
        clock: world.clock,
        secrets,
        finished: past.finished,
        only: match &purpose {
            Purpose::Join { steps, .. } => Some(steps.clone()),
            Purpose::Start | Purpose::Resume(_) => None,
        },
        attempts: past.attempts,
        fencing: claim.fencing.to_string(),
        output_cap: usize::try_from(limits.output).unwrap_or(100_000),
        ..RunSetting::new(claim.run.clone(), session.checkout.workdir().to_owned(), scratch.path().to_owned())
    };
    let head = (!matches!(purpose, Purpose::Resume(_))).then(|| verified.plan().subject.head_sha.clone());
    let look = |forge: &Arc<dyn Forge>| LastLook::new(Arc::clone(forge), verified.plan());
    let last_look = forge.as_ref().filter(|_| head.is_some()).map(look);
    let commits = |step: &&Step| step.actions.iter().any(|action| matches!(action, Action::Commit(_)));
    let committers = verified.plan().steps.iter().filter(commits).map(|step| step.id.clone()).collect();
    let recorder = Recorder {
        ledger,
        clock: world.clock,
        plan: digest,
        run: claim.run.clone(),
        fencing: claim.fencing,
        approvals: verified.approvals().to_vec(),
        head,
        last_look,
        checkout: Checkout::discover(session.checkout.workdir())?,
        committers,
        work_tree: session.checkout.workdir().to_owned(),
        outputs: outputs(verified.plan()),
        renderer: printer.log()?,
        out: std::mem::replace(&mut world.console.stderr, Box::new(std::io::sink())),
        events: Vec::new(),
        products: BTreeMap::new(),
        signer: hand.into_signer(),
        orders,
        tampered: None,
    };
    let (mut recorder, ended) = drive(verified, setting, recorder)?;
    world.console.stderr = std::mem::replace(&mut recorder.out, Box::new(std::io::sink()));
    let outcome = ended?;
    let head = recorder.ledger.read(world.now())?.head();
    let (events, status) = (recorder.events.clone(), outcome.status);
    let done = finish(args, &sealed, &claim, recorder, &outcome, &session, world)?;
    // Told last: whatever the forge makes of it, the run is over and on record.
    let unheard = forge.filter(|_| args.join.is_none()).map_or_else(Vec::new, |forge| {
        let (plan, run, events, ledger) = (&sealed, &claim.run, events.as_slice(), head.as_ref());
        let mode = Mode::of(args.append_only);
        Aftermath { plan, run, status, events, ledger, mode }.tell(&forge, &session, world)
    });
    Ok(unheard.iter().fold(logins::say(done, &renamed), unheard_note).checks(lines(&report)).plan(&sealed))
}

/// Runs the plan on a runtime of its own; an interrupt cancels, and is answered when every process is gone.
///
/// The run is a task like its steps: where one ends, the next is begun on the same processor.
fn drive(
    verified: VerifiedPlan,
    setting: RunSetting,
    mut recorder: Recorder,
) -> Result<(Recorder, Result<RunOutcome>)> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Refusal::new(INTERNAL, format!("no runtime: {e}")))?;
    runtime.block_on(async {
        let cancel = Cancel::default();
        let watch = cancel.clone();
        let signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        let watcher = tokio::spawn(async move {
            let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = signals else { return };
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            watch.cancel();
        });
        let run = tokio::spawn(async move {
            let outcome = execute::run(verified, setting, &mut recorder, cancel).await;
            (recorder, outcome)
        });
        let ended = run.await.map_err(|e| Refusal::new(INTERNAL, format!("the run stopped: {e}")));
        watcher.abort();
        ended
    })
}

/// Shows what would run.
fn preview(verified: &VerifiedPlan, mut result: serde_json::Value, mut text: String) -> Result<Outcome> {
    let steps = execute::preview(verified)?;
    text.push_str("would run:\n");
    for step in &steps {
        text.push_str(&format!("  [{}] {}\n", step.level, step.step));
        for action in step.actions.iter().chain(&step.verify) {
            let argv: Vec<String> = action.argv.iter().map(|arg| visible(arg)).collect();
            // A program's arguments begin with the program itself.
            let line = if argv.is_empty() { visible(&action.target) } else { argv.join(" ") };
            text.push_str(&format!("      {} {line}\n", action.kind));
        }
    }
    let row = |step: &PreviewStep| {
        let action = |action: &execute::PreviewAction| json!({ "kind": action.kind, "target": action.target, "argv": action.argv });
        json!({
            "step": step.step,
            "level": step.level,
            "actions": step.actions.iter().map(action).collect::<Vec<_>>(),
            "verify": step.verify.iter().map(action).collect::<Vec<_>>(),
        })
    };
    result["wouldRun"] = json!(steps.iter().map(row).collect::<Vec<_>>());
    text.push_str("nothing was run, nothing was recorded\n");
    Ok(Outcome::done(result, text).decision("would-run").about(verified.digest().to_string()))
}

/// Takes the secrets that the plan declares from the environment, each under its own name.
fn secrets(plan: &Plan, world: &World) -> Result<BTreeMap<String, Secret>> {
    let mut secrets = BTreeMap::new();
    for action in plan.steps.iter().flat_map(|step| step.actions.iter().chain(&step.verify)) {
        let Action::Run(run) = action else { continue };
        for name in &run.secrets {
            let value = world.env.text(name).ok_or_else(|| {
                Refusal::new(SECRET_MISSING, format!("the variable {name} is not set")).subject(name.as_str())
            })?;
            secrets.insert(name.clone(), Secret::new(value.to_owned()));
        }
    }
    Ok(secrets)
}

/// What a run did before it is resumed.
#[derive(Default)]
struct Past {
    finished: BTreeMap<Id, StepOutcome>,
    attempts: BTreeMap<Id, u32>,
}

impl Past {
    fn of(ledger: &mut Ledger, run: &Id, world: &World) -> Result<Self> {
        let mut past = Self::default();
        ledger.for_each(world.now(), |entry, _| {
            let Record::StepFinished(done) = &entry.record else { return Ok(()) };
            if done.run == *run && !done.retrying {
                let outcome: StepOutcome = serde_json::from_value(done.outcome.clone())
                    .map_err(|e| Refusal::new(INTERNAL, format!("entry {}: {e}", entry.seq)))?;
                if outcome.status == StepStatus::Succeeded {
                    past.finished.insert(done.step.clone(), outcome);
                }
            }
            Ok(())
        })?;
        let state = ledger.read(world.now())?.state();
        let Some(known) = state.run(run) else { return Ok(past) };
        for (step, state) in &known.steps {
            past.attempts.insert(step.clone(), state.attempt());
            if let StepState::Resolved { taken: ResolveAs::Skip, .. } = state {
                past.finished.insert(step.clone(), skipped());
            }
        }
        Ok(past)
    }
}

/// The outcome of a step that a person declared done.
fn skipped() -> StepOutcome {
    StepOutcome {
        status: StepStatus::Skipped,
        reason_code: None,
        class: None,
        what: Some("taken as done by a signed resolution".to_owned()),
        next: None,
        actions: Vec::new(),
        verified: 0,
        outputs: BTreeMap::new(),
    }
}

/// A claim that was appended: the run, and the token that fences off every earlier one.
struct Claimed {
    run: Id,
    fencing: u64,
}

/// Claims the approvals for a run by compare-and-swap: of all that try, one wins.
fn claim(
    ledger: &mut Ledger,
    verified: &VerifiedPlan,
    purpose: &Purpose,
    job: Option<Job>,
    session: &Session,
    hand: &Hand,
    world: &World,
) -> Result<Claimed> {
    let plan = verified.digest();
    let run = match purpose {
        Purpose::Start => run_id(world)?,
        Purpose::Resume(run) => run.clone(),
        Purpose::Join { run, .. } => {
            // The claim is another process's; what it fences off is fenced off here too.
            let known = ledger.read(world.now())?.state().run(run).map(|known| known.fencing);
            let fencing = known.ok_or_else(|| Refusal::new(RUN_UNKNOWN, format!("run {run}")))?;
            return Ok(Claimed { run: run.clone(), fencing });
        }
    };
    let nonce = world.entropy.nonce()?;
    let appended = ledger.append(world.clock, |seen| {
        // After a lost race this sees what the winner left, and the ledger's own rules refuse a second claim.
        let before = seen.state.run(&run);
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
    Ok(Claimed { run, fencing: appended.head.seq })
}

/// Tells of a run that is claimed and in which nothing has started: its steps that wait for nothing, one a shard.
fn claimed(plan: &SealedPlan, claim: &Claimed) -> Outcome {
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

fn finish(
    args: &ExecuteArgs,
    plan: &SealedPlan,
    claim: &Claimed,
    mut recorder: Recorder,
    outcome: &RunOutcome,
    session: &Session,
    world: &mut World,
) -> Result<Outcome> {
    let digest = plan.digest();
    let (decision, reason): (&str, Option<Reason>) = match outcome.status {
        RunStatus::Completed => ("completed", None),
        RunStatus::Halted if recorder.tampered.is_some() => ("halted", Some(RUNNER_TAMPERED)),
        RunStatus::Halted => ("halted", Some(RUN_HALTED)),
        RunStatus::Cancelled => ("cancelled", Some(RUN_CANCELLED)),
        RunStatus::Indeterminate => ("indeterminate", Some(RUN_INDETERMINATE)),
        _ => ("failed", Some(RUN_FAILED)),
    };
    if outcome.status != RunStatus::Indeterminate && args.join.is_none() {
        checkpoint_if_due(&mut recorder.ledger, session, recorder.signer.as_ref(), world)?;
    }
    if let Some(path) = &args.bundle {
        files::write(&world.cwd.join(path), &bundle::make(session, &mut recorder.ledger, plan, world)?)?;
    }
    if let Some(path) = &args.provenance {
        let envelope = provenance::envelope(plan, claim.run.as_str(), &recorder, world.now())?;
        files::write(&world.cwd.join(path), &envelope.to_bytes()?)?;
    }
    let _ = world.console.stderr.flush();
    let mut steps = serde_json::Map::new();
    for (step, status) in &outcome.steps {
        steps.insert(step.to_string(), json!(word(status)?));
    }
    let result = json!({
        "planDigest": digest,
        "runId": claim.run,
        "status": word(&outcome.status)?,
        "runReasonCode": outcome.reason_code,
        "steps": steps,
        "products": recorder.products,
        "bundlePath": args.bundle.as_ref().map(|path| path.display().to_string()),
    });
    let succeeded = outcome.steps.values().filter(|status| **status == StepStatus::Succeeded).count();
    let mut text = format!(
        "run {} {}: {succeeded} of {} steps succeeded{}\n",
        claim.run,
        decision,
        outcome.steps.len(),
        outcome.reason_code.as_ref().map(|code| format!(" [{code}]")).unwrap_or_default(),
    );
    if let Some(tampered) = &recorder.tampered {
        text.push_str(&format!("  {}\n", tampered.message()));
    }
    if let Some(reason) = reason {
        text.push_str(&format!("  {}\n  hint: {}\n", reason.summary, reason.hint));
    }
    let outcome = Outcome::done(result, text).decision(decision).about(claim.run.to_string()).events(recorder.events);
    Ok(match reason {
        None => outcome,
        Some(reason) => outcome.because(reason),
    })
}
