//! `execute`: verifies, claims, and runs an approved plan.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use serde_json::json;

use super::verify::{lines, refused, shown};
use crate::{
    app::{
        aftermath::Aftermath,
        ci::OrderFiles,
        conversation::unheard as unheard_note,
        forge::{self, Asking},
        identity, logins,
        output::{Outcome, Printer},
        reasons::RUN_UNKNOWN,
        recorder::{LastLook, Recorder, outputs},
        run::{
            claim::{claim, claimed},
            ending::finish,
            lock::{self, Hold, RunLock},
            past::Past,
            scratch::{self, RunScratch},
        },
        session::{NamedPlan, Session, run_id},
        signer,
        situation::{Aim, Situation},
        switches,
        world::World,
    },
    base::{
        digest::Digest,
        reason::{INTERNAL, Refusal, Result, typed},
        secret::Secret,
        text::{excerpt, visible},
    },
    cli::args::ExecuteArgs,
    event::RunOutcome,
    execute::{self, Cancel, PreviewStep, RunSetting, reasons::SECRET_MISSING},
    forge::{Checkout, Forge},
    ledger::{Keep, Ledger, reasons::RUN_INDETERMINATE as STEP_UNKNOWN},
    plan::model::{Action, Plan, Step},
    report::comment::Mode,
    sign::Duty,
    step::workspace::Workspace,
    verify::{self, Purpose, VerifiedPlan},
};

pub(super) fn run(args: &ExecuteArgs, world: &mut World, printer: &Printer) -> Result<Outcome> {
    scratch::sweep();
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
            let refusal = with_run(refusal, &situation.ledger, digest, session.checkout.git_dir());
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
        Purpose::Resume(run) | Purpose::Join { run, .. } => Past::of(&mut ledger, run, world.now())?,
    };
    let run = match &purpose {
        Purpose::Start => run_id(world)?,
        Purpose::Resume(run) | Purpose::Join { run, .. } => run.clone(),
    };
    let hold = if args.join.is_some() { Hold::Beside } else { Hold::Alone };
    let mut lock = RunLock::take(session.checkout.git_dir(), &run, hold)?;
    let scratch = RunScratch::make()?;
    let checkout = Checkout::discover(session.checkout.workdir())?;
    let renderer = printer.log()?;
    let claim = match claim(&mut ledger, &verified, &purpose, run, job, &session, &hand, world) {
        Ok(claim) => claim,
        Err(refusal) => {
            if purpose == Purpose::Start {
                lock.forget();
            }
            return Err(refusal);
        }
    };
    if args.claim {
        lock.forget();
        return Ok(logins::say(claimed(&sealed, &claim), &renamed).checks(lines(&report)).plan(&sealed));
    }
    if hold == Hold::Alone {
        lock.claimed(claim.fencing);
    }
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
        checkout,
        committers,
        workspace: Workspace::open(session.checkout.workdir())?,
        outputs: outputs(verified.plan()),
        renderer,
        out: std::mem::replace(&mut world.console.stderr, Box::new(std::io::sink())),
        events: Vec::new(),
        products: BTreeMap::new(),
        unhashed: Vec::new(),
        signer: hand.into_signer(),
        orders,
        tampered: None,
    };
    let went_on =
        format!("run {} is claimed: `countersign status {}` says what of it is on record", claim.run, claim.run);
    let (mut recorder, ended) = drive(verified, setting, recorder).map_err(|e| e.hint(went_on.clone()))?;
    world.console.stderr = std::mem::replace(&mut recorder.out, Box::new(std::io::sink()));
    let outcome = ended.map_err(|e| e.hint(went_on))?;
    // What became of the run is said whether or not the ledger can be read by now.
    let head = recorder.ledger.read(world.now()).ok().and_then(|chain| chain.head());
    let (events, status) = (recorder.events.clone(), outcome.status);
    if recorder.is_over() {
        lock.forget();
    } else {
        drop(lock);
    }
    let done = finish(args, &sealed, &claim, recorder, &outcome, &session, world)?;
    // Told last: whatever the forge makes of it, the run is over and on record.
    let unheard = forge.filter(|_| args.join.is_none()).map_or_else(Vec::new, |forge| {
        let (plan, run, events, ledger) = (&sealed, &claim.run, events.as_slice(), head.as_ref());
        let mode = Mode::of(args.append_only);
        Aftermath { plan, run, status, events, ledger, mode }.tell(&forge, &session, world)
    });
    Ok(unheard.iter().fold(logins::say(done, &renamed), unheard_note).checks(lines(&report)).plan(&sealed))
}

/// Says of a plan whose run has not ended what is known of that run: that somebody is at it, or how it goes on.
fn with_run(refusal: Refusal, ledger: &Ledger, plan: Digest, git_dir: &Path) -> Refusal {
    let (unknown, used) = (refusal.reason() == STEP_UNKNOWN, refusal.code().starts_with("replay."));
    let state = ledger.state().filter(|state| (unknown || used) && state.check_kept(&plan).is_ok());
    let Some(run) = state.and_then(|state| state.last_run(&plan)) else { return refusal };
    let name = &run.claim.run;
    match lock::check_free(git_dir, name) {
        Err(living) if unknown => {
            let (by, at) = (excerpt(&run.claim.claimed_by.login), run.claimed_at);
            living.hint(format!("{by} claimed it at {at}: wait for it, or stop it with an interrupt"))
        }
        Ok(()) if used && run.can_resume() && run.unknown_steps().next().is_none() => {
            refusal.hint(format!("run {name} is not completed: countersign execute {plan} --resume {name}"))
        }
        _ => refusal,
    }
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
    for action in plan.steps.iter().flat_map(Step::every_action) {
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
