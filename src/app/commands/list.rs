//! `list`: plans and where they stand, the newest first.

use serde_json::json;

use crate::{
    app::{
        notes::{FEW, listed},
        output::Outcome,
        session::Session,
        standing,
        world::World,
    },
    base::{
        diagnostic::nearest,
        ident::Id,
        reason::{Refusal, Result, USAGE, typed},
        text::{excerpt, visible},
    },
    cli::args::ListArgs,
    event::RunStatus,
    sign::predicate::Halt,
};

pub(super) fn run(args: &ListArgs, world: &World) -> Result<Outcome> {
    let wanted = args.status.as_deref().map(status).transpose()?;
    let labels = args.label.iter().map(|label| typed(label, "--label")).collect::<Result<Vec<Id>>>()?;
    let session = Session::open(world)?;
    let plans = standing::of_all(&session, world)?;
    let halt = halted(&session, world)?;
    let mut text = halt.as_ref().map(|halt| format!("{}\n", halt_line(halt))).unwrap_or_default();
    let mut rows = Vec::new();
    for plan in plans
        .iter()
        .filter(|plan| wanted.is_none_or(|wanted| plan.status == wanted))
        .filter(|plan| labels.iter().all(|wanted| plan.labels.contains(wanted)))
        .take(args.limit.get())
    {
        text.push_str(&format!(
            "{} {:<17} {} {}\n",
            plan.digest.short(),
            plan.status.word(),
            plan.recorded_at,
            visible(&plan.directive)
        ));
        text.push_str(&format!("         {}\n", plan.digest));
        if !plan.labels.is_empty() {
            text.push_str(&format!("         labels: {}\n", listed(&plan.labels, FEW)));
        }
        if let Some(by) = plan.rejected_by.as_ref().filter(|_| plan.status != RunStatus::Rejected) {
            text.push_str(&format!("         rejected by {}: it does not run again\n", visible(by)));
        }
        if let Some(moved) = &plan.moved {
            text.push_str(&format!("         {}\n", moved.words));
        }
        rows.push(json!({
            "plan": plan.digest,
            "status": plan.status,
            "directive": plan.directive,
            "requestedBy": plan.requested_by,
            "recordedAt": plan.recorded_at,
            "expiresAt": plan.expires_at,
            "runs": plan.runs,
            "labels": plan.labels,
            "rejectedBy": plan.rejected_by,
            "wouldBeRefused": plan.moved.as_ref().map(|moved| moved.code),
        }));
    }
    if rows.is_empty() {
        text.push_str("no plans\n");
    }
    let outcome = Outcome::done(json!(rows), text);
    Ok(halt.iter().fold(outcome, |outcome, halt| outcome.hint(halt_line(halt))))
}

/// Reads what `--status` was given.
fn status(given: &str) -> Result<RunStatus> {
    RunStatus::ALL.into_iter().find(|known| known.word() == given).ok_or_else(|| {
        let words = RunStatus::ALL.map(RunStatus::word);
        let what = format!("--status: there is no status `{}`", excerpt(given));
        let refusal = Refusal::new(USAGE, what).hint(format!("the statuses are {}", words.join(", ")));
        let near = nearest(given, words).map(|near| format!("did you mean `{near}`?"));
        near.into_iter().fold(refusal, Refusal::hint)
    })
}

/// Returns the halt that is in force.
pub(super) fn halted(session: &Session, world: &World) -> Result<Option<Halt>> {
    let mut ledger = session.ledger(world.now())?;
    Ok(ledger.read(world.now())?.state().halt().cloned())
}

/// Says who halted the repository, since when, and why.
pub(super) fn halt_line(halt: &Halt) -> String {
    format!("halted by {} since {}: {}", visible(&halt.by.login), halt.at, visible(&halt.reason))
}
