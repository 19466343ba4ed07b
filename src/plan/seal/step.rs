//! The rules of one step.

use std::collections::BTreeSet;

use super::{
    super::{
        model::{Action, Arg, Capture, CaptureFrom, Effect, Script, Step},
        reasons::{PLAN_EFFECT, PLAN_EMPTY, PLAN_EVIDENCE, PLAN_LIMIT, PLAN_STEP, PLAN_VERIFICATION},
    },
    Limits, MAX_LIST, MAX_WITH, action, check_line, check_value, demand,
    graph::Graph,
};
use crate::base::{
    bounds::{MAX_ACTIONS, MAX_OUTPUT},
    json,
    path::RepoPath,
    reason::{Refusal, Result},
    text::check_steering,
    value::{Bounds, ValueSpec, ValueType},
};

/// What the rules of a step look at beside the step.
pub(super) struct Context<'c> {
    /// The scripts of the plan, in order.
    pub(super) scripts: &'c [Script],
    /// The limits in force.
    pub(super) limits: &'c Limits,
    /// The steps that it stands among; none where it is looked at by itself.
    pub(super) among: Option<Among<'c>>,
}

/// Which of the steps of a plan a step is.
pub(super) struct Among<'c> {
    /// All of them.
    pub(super) steps: &'c [Step],
    /// The same as a graph.
    pub(super) graph: &'c Graph<'c>,
    /// The number of the step.
    pub(super) index: usize,
}

/// Checks one step.
pub(super) fn check(context: &Context<'_>, step: &Step) -> Result<()> {
    check_line(&step.title)?;
    check_line(&step.why)?;
    check_limits(step)?;
    for (count, what) in [(step.actions.len(), "actions"), (step.verify.len(), "read-back actions")] {
        demand(count <= MAX_ACTIONS, PLAN_LIMIT, || format!("{count} {what}, the limit is {MAX_ACTIONS}"))?;
    }
    demand(!step.actions.is_empty(), PLAN_EMPTY, || format!("step `{}` has no action", step.id))?;
    check_outputs(step)?;
    check_effect(step)?;
    for action in step.every_action() {
        action::check(context, step, action)?;
    }
    Ok(())
}

fn check_limits(step: &Step) -> Result<()> {
    let require = |holds: bool, what: &str| demand(holds, PLAN_STEP, || what.to_owned());
    step.with.values().try_for_each(check_value)?;
    let size = json::canonical(&step.with)?.len();
    demand(size <= MAX_WITH, PLAN_LIMIT, || format!("inputs of {size} bytes, the limit is {MAX_WITH}"))?;
    require((1..=86_400).contains(&step.timeout_seconds), "the timeout is not within 1 and 86400 s")?;
    require((1..=5).contains(&step.retry.max_attempts), "the attempts are not within 1 and 5")?;
    require(step.retry.backoff_seconds <= 60, "the backoff is longer than 60 s")?;
    require(step.retry.max_attempts == 1 || step.idempotent, "only an idempotent step is tried again")
}

fn check_outputs(step: &Step) -> Result<()> {
    let require = |holds: bool, what: String| demand(holds, PLAN_EVIDENCE, || what);
    demand(step.outputs.len() <= MAX_LIST, PLAN_LIMIT, || format!("{} outputs", step.outputs.len()))?;
    for (name, output) in &step.outputs {
        check_value_rule(output.kind, output.pattern.as_deref(), output.max_length)
            .map_err(|refusal| Refusal::new(PLAN_EVIDENCE, format!("output `{name}`: {}", refusal.message())))?;
    }
    let last_run = step.actions.iter().rposition(|action| matches!(action, Action::Run(_)));
    let mut captured = BTreeSet::new();
    for (n, action) in step.every_action().enumerate() {
        let Action::Run(run) = action else { continue };
        let may = Some(n) == last_run;
        require(run.captures.is_empty() || may, "outputs are captured from the last program only".into())?;
        for capture in &run.captures {
            check_capture(step, capture)?;
            require(captured.insert(&capture.output), format!("output `{}` is captured twice", capture.output))?;
        }
    }
    if let Some(name) = step.outputs.keys().find(|name| !captured.contains(name)) {
        return Err(Refusal::new(PLAN_EVIDENCE, format!("output `{name}` is captured from nowhere")));
    }
    for (n, name) in step.evidence.iter().enumerate() {
        require(step.outputs.contains_key(name), format!("the evidence `{name}` is no output"))?;
        require(!step.evidence[..n].contains(name), format!("the evidence `{name}` stands twice"))?;
    }
    require(step.effect < Effect::Recommend || !step.evidence.is_empty(), "the step leaves no evidence".into())
}

fn check_capture(step: &Step, capture: &Capture) -> Result<()> {
    let output = step
        .outputs
        .get(&capture.output)
        .ok_or_else(|| Refusal::new(PLAN_EVIDENCE, format!("`{}` is captured and is no output", capture.output)))?;
    match &capture.from {
        CaptureFrom::Stdout => Ok(()),
        CaptureFrom::StdoutLine(prefix) => {
            check_steering(prefix)?;
            demand(!prefix.is_empty(), PLAN_EVIDENCE, || "a line is captured by an empty beginning".into())
        }
        CaptureFrom::File(path) => path.check_file(),
        CaptureFrom::FileDigest(path) => {
            path.check_file()?;
            let fits = output.kind == ValueType::Digest;
            demand(fits, PLAN_EVIDENCE, || format!("output `{}` takes a digest", capture.output))
        }
    }
}

/// A step may not reach further than it says: what writes is no reading.
fn check_effect(step: &Step) -> Result<()> {
    let least = step.actions.iter().map(Action::least_effect).max().unwrap_or(Effect::Read);
    demand(step.effect >= least, PLAN_EFFECT, || {
        format!("step `{}` claims `{}`, and its actions reach `{}`", step.id, step.effect.word(), least.word())
    })?;
    demand(step.effect < Effect::Write || !step.verify.is_empty(), PLAN_VERIFICATION, || {
        format!("step `{}` writes and nothing reads it back", step.id)
    })?;
    let only_reads = step.verify.iter().all(|action| matches!(action, Action::Run(run) if run.writes.is_empty()));
    demand(only_reads, PLAN_VERIFICATION, || format!("a read-back of step `{}` does more than run and read", step.id))
}

/// Checks a type with its pattern and length, as outputs and slots state them.
pub(super) fn check_value_rule(kind: ValueType, pattern: Option<&str>, max_length: u32) -> Result<()> {
    demand(kind != ValueType::Enum, PLAN_EVIDENCE, || "an output has no words to be one of".into())?;
    demand((1..=MAX_OUTPUT).contains(&max_length), PLAN_EVIDENCE, || {
        format!("a length of {max_length} is not within 1 and {MAX_OUTPUT}")
    })?;
    pattern.map_or(Ok(()), check_steering)?;
    ValueSpec::new(kind, Bounds { pattern, ..Bounds::default() }).map(|_| ())
}

/// Returns the scripts that a step runs.
pub(super) fn scripts_of(step: &Step) -> impl Iterator<Item = &RepoPath> {
    let runs = step.every_action().filter_map(|action| match action {
        Action::Run(run) => Some(run),
        _ => None,
    });
    runs.flat_map(|run| run.argv.iter().chain(run.env.values())).filter_map(|argument| match argument {
        Arg::Script(path) => Some(path),
        _ => None,
    })
}
