//! `status`: where the repository, a plan or a run stands, derived from the ledger.

use serde_json::{Value, json};

use super::list::halt_line;
use crate::{
    app::{
        forge::{self, Asking},
        ledger::begin,
        notes,
        output::Outcome,
        reasons::RUN_UNKNOWN,
        run::{failure::Failures, lock},
        session::Session,
        situation::{Aim, Situation},
        standing::{self, Moved},
        world::World,
    },
    approval::status::ApprovalStatus,
    base::{
        ident::Id,
        reason::{Refusal, Result},
        resolve_as::ResolveAs,
        text::visible,
    },
    cli::args::StatusArgs,
    event::RunStatus,
    ledger::{
        Keep, State,
        run::Run,
        status::{Executor, Gate, run_status, status, step_status},
    },
    plan::model::Plan,
    verify::{self, reasons::HEAD_MOVED},
};

pub(super) fn run(args: &StatusArgs, world: &World) -> Result<Outcome> {
    let mut session = Session::open(world)?;
    let Some(subject) = &args.subject else { return of_repository(&session, world) };
    match subject.parse::<Id>() {
        Ok(name) if subject.starts_with("run-") => of_run(&name, &session, world),
        _ => of_plan(subject, &mut session, world),
    }
}

/// Says whether the repository is halted, what runs, and which plans wait for whom.
fn of_repository(session: &Session, world: &World) -> Result<Outcome> {
    let mut ledger = session.ledger(world.now())?;
    let state = ledger.read(world.now())?.state();
    let halt = state.halt();
    let mut text = match halt {
        Some(halt) => {
            format!(
                "{}\n  nothing starts its next step; an approver lifts it: countersign halt --lift --reason '...'\n",
                halt_line(halt)
            )
        }
        None => "not halted\n".to_owned(),
    };
    let mut runs = Vec::new();
    for (name, run) in state.runs()?.iter().filter(|(_, run)| !run.is_over()) {
        let shown = ShownRun::of(name, run, state, session, &Failures::default())?;
        text.push_str(&shown.text);
        runs.push(shown.result);
    }
    let mut waiting = Vec::new();
    for plan in standing::of_all(session, world)? {
        if plan.waits() {
            text.push_str(&format!("plan {}: {}, {}\n", plan.digest, plan.status.word(), visible(&plan.directive)));
            text.push_str(&notes::line(&plan.labels));
            if let Some(moved) = &plan.moved {
                text.push_str(&format!("  {}\n", moved.words));
            }
            waiting.push(json!({
                "plan": plan.digest,
                "status": plan.status,
                "directive": plan.directive,
                "labels": plan.labels,
                "wouldBeRefused": plan.moved.as_ref().map(|moved| moved.code),
            }));
        }
    }
    if runs.is_empty() {
        text.push_str("no run is under way\n");
    }
    if waiting.is_empty() {
        text.push_str("no plan waits\n");
    }
    let halted = halt.map(|halt| json!({ "by": halt.by.login, "since": halt.at, "reason": halt.reason }));
    let decision = if halt.is_some() { "halted" } else { "done" };
    let result = json!({ "halted": halt.is_some(), "halt": halted, "runs": runs, "waiting": waiting });
    Ok(Outcome::done(result, text).decision(decision))
}

fn of_run(name: &Id, session: &Session, world: &World) -> Result<Outcome> {
    let mut ledger = session.ledger(world.now())?;
    let failures = Failures::of_run(&mut ledger, name, world.now())?;
    let state = ledger.read(world.now())?.state();
    let run = state.run(name).ok_or_else(|| Refusal::new(RUN_UNKNOWN, format!("run {name}")))?;
    let shown = ShownRun::of(name, run, state, session, &failures)?;
    Ok(Outcome::done(shown.result, shown.text).decision(shown.status.word()).about(name.to_string()))
}

/// A run, in words for people and for machines.
struct ShownRun {
    status: RunStatus,
    result: Value,
    text: String,
}

impl ShownRun {
    fn of(name: &Id, run: &Run, state: &State, session: &Session, failures: &Failures) -> Result<Self> {
        let executor = lock::executor(session.checkout.git_dir(), Some(run));
        let status = run_status(state, run, executor);
        let (by, at) = (visible(&run.claim.claimed_by.login), run.claimed_at);
        let mut text =
            format!("run {name}: {}, attempt {}, claimed by {by} at {at}\n", status.word(), run.claim.attempt);
        let mut steps = serde_json::Map::new();
        for step in run.steps.keys() {
            let said = step_status(run, step, executor).word();
            text.push_str(&format!("  {step:<24} {said}\n{}", failures.lines(step)));
            steps.insert(step.to_string(), json!(said));
        }
        text.push_str(&next_words(name, run, executor));
        let result = json!({
            "run": name,
            "plan": run.claim.plan,
            "status": status,
            "attempt": run.claim.attempt,
            "claimedAt": at,
            "claimedBy": run.claim.claimed_by.login,
            "executor": match executor {
                Executor::Lives => "lives",
                Executor::Gone => "gone",
                Executor::Unseen => "unseen",
            },
            "steps": steps,
            "unknown": run.unknown_steps().collect::<Vec<_>>(),
            "failures": failures.result(),
        });
        Ok(Self { status, result, text })
    }
}

/// Says what leads on from where a run stands.
fn next_words(name: &Id, run: &Run, executor: Executor) -> String {
    let resolve =
        |step: &Id| format!("    countersign resolve {name} --step {step} --as {} --reason '...'\n", ResolveAs::FORM);
    let mut text = String::new();
    for step in run.unknown_steps() {
        // An executor that said itself that it does not know is done with the run.
        let gone = executor == Executor::Gone || run.outcome.is_some();
        text.push_str(&match executor {
            _ if gone => format!("  nobody knows how {step} ended: look what happened, then\n{}", resolve(step)),
            Executor::Lives => format!("  {step} runs on this machine: wait for it, or stop it with an interrupt\n"),
            _ => format!(
                "  {step} runs elsewhere, claimed at {}; if its job is gone, it is indeterminate: look what happened, then\n{}",
                run.claimed_at,
                resolve(step)
            ),
        });
    }
    if executor == Executor::Gone && !run.is_over() && run.unknown_steps().next().is_none() {
        let plan = run.claim.plan;
        text.push_str(&format!(
            "  its process is gone, nothing is in doubt: countersign execute {plan} --resume {name}\n"
        ));
    }
    text
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
    let before = situation.ledger.read(now)?.state();
    let names = before.plan(&digest).map(|known| known.runs.clone()).unwrap_or_default();
    let went_well = |name: &Id| before.run(name).is_none_or(|run| run.steps.keys().all(|step| run.has_succeeded(step)));
    let well: Vec<bool> = names.iter().map(went_well).collect();
    let mut failures = Vec::new();
    for (name, well) in names.iter().zip(well) {
        failures.push(if well { Failures::default() } else { Failures::of_run(&mut situation.ledger, name, now)? });
    }
    let noted = situation.ledger.notes(&digest, notes::SHOWN, now)?;
    let state = situation.ledger.read(now)?.state();
    let executor = lock::executor(session.checkout.git_dir(), state.last_run(&digest));
    let status = status(state, &digest, now, gate, executor);
    let said = status.map_or("unrecorded", RunStatus::word);
    let mut text =
        format!("plan {digest}: {said}\n  directive {}, expires {}\n", document.directive.name, document.expires_at);
    let rejection = state.plan(&digest).and_then(|known| known.rejection.as_deref());
    if let Some(rejection) = rejection {
        let (by, why) = (visible(&rejection.rejected_by.login), visible(&rejection.reason));
        text.push_str(&format!("  rejected by {by} at {}: {why}\n", rejection.rejected_at));
    }
    // Of a plan that was carried out nobody asks any more what is missing.
    let carried_out = status == Some(RunStatus::Completed) && report.refusal().is_some();
    text.push_str(&approval_words(&report.approvals, carried_out));
    let mut runs = Vec::new();
    for (name, failures) in names.iter().zip(&failures) {
        if let Some(run) = state.run(name) {
            let shown = ShownRun::of(name, run, state, session, failures)?;
            runs.push(shown.result);
            text.push_str(&shown.text);
        }
    }
    if carried_out {
        let directive = &document.directive.name;
        text.push_str(&format!("  carried out; once more: countersign plan {directive}\n"));
    } else if let Some(refusal) = report.refusal() {
        text.push_str(&refusal_words(refusal, &document, session));
    }
    text.push_str(&notes::lines(&noted, &digest));
    let result = json!({
        "plan": digest,
        "status": said,
        "labels": noted.labels,
        "notes": notes::rows(&noted),
        "notesTotal": noted.total,
        "directive": document.directive.name,
        "expiresAt": document.expires_at,
        "approvalsHave": report.approvals.progress.as_ref().map(|progress| progress.have),
        "approvalsNeed": report.approvals.progress.as_ref().map(|progress| progress.need),
        "rejectedBy": rejection.map(|rejection| rejection.rejected_by.login.as_str()),
        "wouldBeRefused": report.refusal().map(Refusal::code),
        "runs": runs,
    });
    Ok(Outcome::done(result, text).decision(said).about(digest.to_string()))
}

/// Says who approved; of a plan that may still run, also whose approval does not count, and what is asked for.
fn approval_words(approvals: &ApprovalStatus, carried_out: bool) -> String {
    let mut text = String::new();
    for counted in &approvals.counted {
        text.push_str(&format!(
            "  approved by {} ({}), until {}\n",
            visible(&counted.login),
            counted.method.word(),
            counted.expires
        ));
    }
    if carried_out {
        return text;
    }
    for aside in &approvals.set_aside {
        text.push_str(&format!(
            "  not counted: {}: {} [{}]\n",
            visible(&aside.login),
            aside.why.sentence(),
            aside.why.reason().code
        ));
    }
    if let Some(progress) = &approvals.progress {
        text.push_str(&format!(
            "  approvals {} of {}; asked for: {}\n",
            progress.have,
            progress.need,
            visible(&progress.asks)
        ));
    }
    text
}

/// Says why a plan would not be executed now, and of one for another commit what leads on.
fn refusal_words(refusal: &Refusal, plan: &Plan, session: &Session) -> String {
    let moved = Moved::of(plan, session).filter(|_| refusal.reason().is_akin(HEAD_MOVED));
    let moved = moved.map(|moved| format!("  {}\n", moved.words)).unwrap_or_default();
    format!("{moved}  execution would be refused: {} [{}]\n", visible(refusal.message()), refusal.code())
}
