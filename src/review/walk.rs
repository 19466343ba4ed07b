//! Ways through a plan that several checks share.

use crate::plan::model::{Action, Arg, Plan, Run, Step};

/// Returns every program run of a step, the verifying ones last.
pub(super) fn runs(step: &Step) -> impl Iterator<Item = &Run> {
    step.every_action().filter_map(|action| match action {
        Action::Run(run) => Some(run),
        _ => None,
    })
}

/// Returns every argument of a run that is fixed text, those of the environment last.
pub(super) fn literals(run: &Run) -> impl Iterator<Item = &str> {
    run.argv.iter().chain(run.env.values()).filter_map(|arg| match arg {
        Arg::Literal(text) => Some(text.as_str()),
        Arg::Slot(slot) if !slot.prefix.is_empty() => Some(slot.prefix.as_str()),
        _ => None,
    })
}

/// Returns every text of a step that is written somewhere or handed to a program.
pub(super) fn acting_texts(step: &Step) -> impl Iterator<Item = &str> {
    step.every_action().flat_map(|action| -> Vec<&str> {
        match action {
            Action::Run(run) => literals(run).collect(),
            Action::Write(write) => vec![write.path.as_str(), &write.content],
            Action::Copy(copy) => vec![copy.from.path.as_str(), copy.to.as_str()],
            Action::Patch(patch) => vec![patch.path.as_str(), &patch.find, &patch.replace],
            Action::Commit(commit) => vec![&commit.message],
            Action::Tag(tag) => vec![&tag.name, &tag.message],
        }
    })
}

/// Returns the free texts of a step that people read: what it is called and why it is there.
pub(super) fn told_texts(step: &Step) -> impl Iterator<Item = &str> {
    [step.title.as_str(), step.why.as_str()].into_iter()
}

/// Returns the free texts of the plan itself.
pub(super) fn plan_texts(plan: &Plan) -> impl Iterator<Item = &str> {
    plan.risks
        .iter()
        .flat_map(|risk| std::iter::once(risk.text.as_str()).chain(risk.mitigation.as_deref()))
        .chain(plan.assumptions.iter().map(String::as_str))
        .chain(plan.intent.as_deref())
}
