//! `status`: where a plan or a run stands, derived from the ledger.

use serde_json::{Value, json};

use crate::{
    app::{
        forge::{self, Asking},
        ledger::begin,
        output::Outcome,
        reasons::RUN_UNKNOWN,
        session::Session,
        situation::{Aim, Situation},
        statements::word,
        world::World,
    },
    base::{
        ident::Id,
        reason::{Refusal, Result},
        text::visible,
    },
    cli::args::StatusArgs,
    ledger::{
        Keep, State,
        run::Run,
        status::{Gate, run_status, status, step_status},
    },
    verify,
};

pub(super) fn run(args: &StatusArgs, world: &World) -> Result<Outcome> {
    let mut session = Session::open(world)?;
    match args.subject.parse::<Id>() {
        Ok(name) if args.subject.starts_with("run-") => of_run(&name, &session, world),
        _ => of_plan(&args.subject, &mut session, world),
    }
}

fn of_run(name: &Id, session: &Session, world: &World) -> Result<Outcome> {
    let mut ledger = session.ledger(world.now())?;
    let state = ledger.read(world.now())?.state();
    let run = state.run(name).ok_or_else(|| Refusal::new(RUN_UNKNOWN, format!("run {name}")))?;
    let (result, text) = shown_run(name, run, state)?;
    Ok(Outcome::done(result, text).about(name.to_string()))
}

fn shown_run(name: &Id, run: &Run, state: &State) -> Result<(Value, String)> {
    let said = word(&run_status(state, run))?;
    let mut text = format!("run {name}: {said}, attempt {}, claimed at {}\n", run.claim.attempt, run.claimed_at);
    let mut steps = serde_json::Map::new();
    for step in run.steps.keys() {
        let said = word(&step_status(run, step))?;
        text.push_str(&format!("  {step:<24} {said}\n"));
        steps.insert(step.to_string(), json!(said));
    }
    for step in run.unknown_steps() {
        text.push_str(&format!(
            "  nobody may know how {step} ended: if no executor lives, look what happened, then\n    countersign resolve {name} --step {step} --as retry|skip|abort --reason '...'\n"
        ));
    }
    let result = json!({
        "run": name,
        "plan": run.claim.plan,
        "status": said,
        "attempt": run.claim.attempt,
        "claimedAt": run.claimed_at,
        "steps": steps,
        "unknown": run.unknown_steps().collect::<Vec<_>>(),
    });
    Ok((result, text))
}

fn of_plan(named: &str, session: &mut Session, world: &World) -> Result<Outcome> {
    let now = world.now();
    let (policy, _) = session.policy()?;
    let plan = session.plan(named, world, &policy)?;
    session.follow(&plan);
    let session = &*session;
    let digest = plan.digest();
    let document = plan.plan().clone();
    let forge = forge::reach(session, world)?;
    let asking = forge.as_deref().map(|forge| Asking { forge, world });
    let mut situation = Situation::gather(
        session,
        policy,
        &plan,
        Aim::start(None, now),
        begin(session, Keep::Only(digest), now)?,
        asking,
    )?;
    let (report, _) = situation.with_case(|case| verify::verify(plan.clone(), case))?;
    let gate = if report.approvals.grant().is_ok() { Gate::Open } else { Gate::Closed };
    let state = situation.ledger.read(now)?.state();
    let said = match status(state, &digest, now, gate) {
        Some(status) => word(&status)?,
        None => "unrecorded".to_owned(),
    };
    let mut text =
        format!("plan {digest}: {said}\n  directive {}, expires {}\n", document.directive.name, document.expires_at);
    for counted in &report.approvals.counted {
        text.push_str(&format!(
            "  approved by {} ({}), until {}\n",
            visible(&counted.login),
            counted.method.word(),
            counted.expires
        ));
    }
    for aside in &report.approvals.set_aside {
        text.push_str(&format!(
            "  not counted: {}: {} [{}]\n",
            visible(&aside.login),
            aside.why.sentence(),
            aside.why.reason().code
        ));
    }
    if let Some(progress) = &report.approvals.progress {
        text.push_str(&format!(
            "  approvals {} of {}; asked for: {}\n",
            progress.have,
            progress.need,
            visible(&progress.asks)
        ));
    }
    let mut runs = Vec::new();
    for name in state.plan(&digest).map(|known| known.runs.as_slice()).unwrap_or_default() {
        if let Some(run) = state.run(name) {
            let (row, lines) = shown_run(name, run, state)?;
            runs.push(row);
            text.push_str(&lines);
        }
    }
    if let Some(refusal) = report.refusal() {
        text.push_str(&format!("  execution would be refused: {} [{}]\n", visible(refusal.message()), refusal.code()));
    }
    let result = json!({
        "plan": digest,
        "status": said,
        "directive": document.directive.name,
        "expiresAt": document.expires_at,
        "approvalsHave": report.approvals.progress.as_ref().map(|progress| progress.have),
        "approvalsNeed": report.approvals.progress.as_ref().map(|progress| progress.need),
        "wouldBeRefused": report.refusal().map(Refusal::code),
        "runs": runs,
    });
    Ok(Outcome::done(result, text).decision(&said).about(digest.to_string()))
}
