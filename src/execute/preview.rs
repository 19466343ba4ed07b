//! What a run would do, without doing any of it.

use super::scheduler::Graph;
use crate::{
    base::{ident::Id, reason::Result},
    plan::model::{Action, Arg, Step},
    step::kind_of,
    verify::VerifiedPlan,
};

/// One step, as it would run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewStep {
    /// The step.
    pub step: Id,
    /// Steps of one level need only steps of the levels before it; the first is 0.
    pub level: usize,
    /// What would be done, in order.
    pub actions: Vec<PreviewAction>,
    /// The read-back after it.
    pub verify: Vec<PreviewAction>,
}

/// One action, as it would run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewAction {
    /// `run`, `write`, `copy`, `patch`, `commit` or `tag`.
    pub kind: &'static str,
    /// The program, file or name that the action is about.
    pub target: String,
    /// For a program its name and arguments; what is known only at run time stands in angle brackets.
    pub argv: Vec<String>,
}

/// Returns the steps of a plan in the order of their levels.
///
/// # Errors
/// `plan.graph` where the steps do not form a graph without cycles.
pub fn preview(plan: &VerifiedPlan) -> Result<Vec<PreviewStep>> {
    let plan = plan.plan();
    let levels = Graph::new(plan)?.levels();
    let steps = levels.iter().enumerate().flat_map(|(level, steps)| {
        steps.iter().filter_map(move |i| plan.steps.get(*i)).map(move |step| show(step, level))
    });
    Ok(steps.collect())
}

fn show(step: &Step, level: usize) -> PreviewStep {
    let all = |actions: &[Action]| actions.iter().map(show_action).collect();
    PreviewStep { step: step.id.clone(), level, actions: all(&step.actions), verify: all(&step.verify) }
}

fn show_action(action: &Action) -> PreviewAction {
    let kind = kind_of(action);
    let argv = match action {
        Action::Run(run) => std::iter::once(run.program.path.clone()).chain(run.argv.iter().map(show_arg)).collect(),
        _ => Vec::new(),
    };
    PreviewAction { kind: kind.word(), target: kind.target(action), argv }
}

fn show_arg(arg: &Arg) -> String {
    match arg {
        Arg::Literal(text) => text.clone(),
        Arg::Script(path) => format!("<script {path}>"),
        Arg::Scratch(name) => format!("<scratch {name}>"),
        Arg::Slot(slot) => format!("{}<{}.{}>", slot.prefix, slot.from_step, slot.output),
    }
}
