//! `stats`: plans, decisions, runs and steps, and what planning used, counted.

use std::collections::BTreeMap;

use serde_json::json;

use super::list::halt_line;
use crate::{
    app::{
        output::Outcome,
        run::lock,
        session::Session,
        spending::{Journal, Total, recorded, unrecorded},
        standing,
        world::World,
    },
    base::{reason::Result, text},
    ledger::status::{run_status, step_status},
};

pub(super) fn run(world: &World) -> Result<Outcome> {
    let session = Session::open(world)?;
    let mut plans: BTreeMap<&str, u64> = BTreeMap::new();
    for plan in standing::of_all(&session, world)? {
        *plans.entry(plan.status.word()).or_default() += 1;
    }
    let mut ledger = session.ledger(world.now())?;
    let planning = Total::of(&recorded(&mut ledger, world.now())?);
    let journal = Journal::of(session.checkout.git_dir());
    let attempts = Total::of(&unrecorded(&journal, &mut ledger, world.now())?);
    let state = ledger.read(world.now())?.state();
    let (mut runs, mut steps) = (BTreeMap::<&str, u64>::new(), BTreeMap::<&str, u64>::new());
    for run in state.runs()?.values() {
        let executor = lock::executor(session.checkout.git_dir(), Some(run));
        *runs.entry(run_status(state, run, executor).word()).or_default() += 1;
        for step in run.steps.keys() {
            *steps.entry(step_status(run, step, executor).word()).or_default() += 1;
        }
    }
    let count = |kind: &str| state.counts().get(kind).copied().unwrap_or(0);
    let (approved, rejected) = (count("approval"), count("rejection"));
    let decided = approved + rejected;
    let rate = (approved * 100).checked_div(decided);
    let mut text = state.halt().map(|halt| format!("{}\n", halt_line(halt))).unwrap_or_default();
    for (title, counts) in [("plans", &plans), ("runs", &runs), ("steps", &steps)] {
        let shown: Vec<String> = counts.iter().map(|(word, n)| format!("{n} {word}")).collect();
        let shown = if shown.is_empty() { "none".to_owned() } else { shown.join(", ") };
        text.push_str(&format!("{title:<10} {shown}\n"));
    }
    let rate_text = rate.map(|rate| format!(" ({rate} % approved)")).unwrap_or_default();
    let decisions = format!("{}, {}", text::count(approved, "approval"), text::count(rejected, "rejection"));
    text.push_str(&format!("decisions  {decisions}{rate_text}\n"));
    if planning.plans > 0 {
        text.push_str(&format!("planning   {}\n", planning.line()));
    }
    if attempts.plans > 0 {
        text.push_str(&format!("attempts   of no recorded plan, in this checkout alone: {}\n", attempts.line()));
    }
    let result = json!({
        "halted": state.halt().is_some(),
        "plans": plans,
        "runs": runs,
        "steps": steps,
        "approvals": approved,
        "rejections": rejected,
        "approvalRatePercent": rate,
        "entries": state.counts(),
        "planning": {
            "plans": planning.plans,
            "inputTokens": planning.spent.tokens_in,
            "cachedTokens": planning.spent.cached,
            "cacheWriteTokens": planning.spent.cache_written,
            "outputTokens": planning.spent.tokens_out,
            "estimated": planning.estimated,
            "requests": planning.spent.requests,
            "millis": planning.spent.millis,
            "moneyMicros": planning.money,
        },
        // Of this checkout alone: no ledger knows of them.
        "unrecorded": {
            "attempts": attempts.plans,
            "inputTokens": attempts.spent.tokens_in,
            "cachedTokens": attempts.spent.cached,
            "cacheWriteTokens": attempts.spent.cache_written,
            "outputTokens": attempts.spent.tokens_out,
            "requests": attempts.spent.requests,
            "moneyMicros": attempts.money,
        },
    });
    Ok(Outcome::done(result, text))
}
