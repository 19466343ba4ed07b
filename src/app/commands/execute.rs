//! `execute`: verifies, claims, and runs an approved plan.

use std::{path::Path, sync::Arc};

use serde_json::json;

use super::verify::{lines, refused, shown};
use crate::{
    app::{
        aftermath::Aftermath,
        conversation::unheard as unheard_note,
        files,
        forge::{self, Asking},
        identity, logins,
        named_plan::NamedPlan,
        output::{Outcome, Printer},
        reasons::RUN_UNKNOWN,
        run::{
            claim::claimed,
            ending::finish,
            lock, scratch,
            start::{Over, Start, Task},
        },
        session::Session,
        situation::{Aim, Situation},
        switches,
        world::World,
    },
    base::{
        digest::Digest,
        reason::{REPLAY_CONSUMED, Refusal, Result, typed},
        text::{excerpt, visible},
    },
    cli::args::ExecuteArgs,
    execute::{self, PreviewStep},
    forge::Forge,
    ledger::{Keep, Ledger, reasons::RUN_INDETERMINATE as STEP_UNKNOWN},
    plan::SealedPlan,
    report::comment::Mode,
    verify::{self, Purpose, VerifiedPlan},
};

pub(super) fn run(args: &ExecuteArgs, world: &mut World, printer: &Printer) -> Result<Outcome> {
    scratch::sweep();
    let found = NamedPlan::find(&args.plan, world);
    let about = found.digest().ok();
    let (mut session, reading) = Session::open_reading(world, |ledger| match about {
        Some(plan) => ledger.with_keep(Keep::Only(plan)),
        None => ledger,
    })?;
    let (policy, _) = session.policy()?;
    let plan = session.named_plan(found, &args.plan, world, &policy)?;
    switches::check(plan.plan(), &world.env)?;
    let digest = plan.digest();
    let purpose = purpose(args)?;
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
    for output in args.outputs().iter().filter(|output| !output.is_stdout()) {
        files::apart(&world.cwd.join(output.path), sealed.plan(), session.checkout.workdir())?;
    }
    let start =
        Start::new(args, Task { verified, ledger: situation.ledger, purpose, limits }, &session, world, printer)?;
    let begun = start.claim(job, &session, world)?;
    if args.claim {
        let claim = begun.leave();
        return Ok(logins::say(claimed(&sealed, &claim), &renamed).checks(lines(&report)).plan(&sealed));
    }
    let run = begun.claim.run.clone();
    let went_on = format!("run {run} is claimed: `countersign status {run}` says what of it is on record");
    let over = begun.carry_out(forge.as_ref(), world).map_err(|e| e.hint(went_on))?;
    let done = told(args, &sealed, over, forge.as_ref(), &session, world)?;
    Ok(logins::say(done, &renamed).checks(lines(&report)).plan(&sealed))
}

/// Says how a run ended, here and where the forge shows it.
fn told(
    args: &ExecuteArgs,
    sealed: &SealedPlan,
    mut over: Over,
    forge: Option<&Arc<dyn Forge>>,
    session: &Session,
    world: &mut World,
) -> Result<Outcome> {
    // What became of the run is said whether or not the ledger can be read by now.
    let head = over.recorder.ledger.read(world.now()).ok().and_then(|chain| chain.head());
    let (run, events, status) = (over.claim.run.clone(), over.recorder.events.clone(), over.outcome.status);
    let done = finish(args, sealed, over, session, world)?;
    // Told last: whatever the forge makes of it, the run is over and on record.
    let unheard = forge.filter(|_| args.join.is_none()).map_or_else(Vec::new, |forge| {
        let (plan, run, events, ledger) = (sealed, &run, events.as_slice(), head.as_ref());
        let mode = Mode::of(args.append_only);
        Aftermath { plan, run, status, events, ledger, mode }.tell(forge, session, world)
    });
    Ok(unheard.iter().fold(done, unheard_note))
}

/// Reads what is to be done with the run: begin it, go on with it, or do some steps of it.
fn purpose(args: &ExecuteArgs) -> Result<Purpose> {
    if let Some(name) = &args.resume {
        return Ok(Purpose::Resume(typed(name, "--resume")?));
    }
    let Some(run) = &args.join else { return Ok(Purpose::Start) };
    let steps = args.only.iter().map(|step| typed(step, "--only")).collect::<Result<_>>()?;
    Ok(Purpose::Join { run: typed(run, "--join")?, steps })
}

/// Says of a plan whose run has not ended what is known of that run: that somebody is at it, or how it goes on.
fn with_run(refusal: Refusal, ledger: &Ledger, plan: Digest, git_dir: &Path) -> Refusal {
    let (unknown, used) = (refusal.is(STEP_UNKNOWN), refusal.reason().is_akin(REPLAY_CONSUMED));
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
