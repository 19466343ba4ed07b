//! Where values come from.

use crate::{
    plan::model::{Arg, Origin},
    review::{Check, Context, Findings, Level, walk},
};

/// Finds values that come from outside the protected base, or are known only at run time.
#[derive(Debug)]
pub struct TaintedValues;

impl Check for TaintedValues {
    fn id(&self) -> &'static str {
        "tainted-values"
    }

    fn summary(&self) -> &'static str {
        "values from outside the protected base, and values known only at run time"
    }

    fn run(&self, context: Context<'_>, findings: &mut Findings) {
        for input in &context.plan.planner.inputs {
            let origin = match input.origin {
                Origin::DirectiveAtBase | Origin::RepoAtBase => continue,
                Origin::Requester => (Level::Note, "the planner read what the requester gave"),
                Origin::RepoAtHead => (Level::Warning, "the planner read a file at the head under review"),
                Origin::Issue => (Level::Warning, "the planner read an issue"),
                Origin::ChangeRequest => (Level::Warning, "the planner read the text of a change request"),
                Origin::Web => (Level::Warning, "the planner read a page of the web"),
                Origin::Model => (Level::Warning, "the planner read a model's answer"),
            };
            findings.plan(origin.0, origin.1, &input.name);
        }
        for step in &context.plan.steps {
            for run in walk::runs(step) {
                for arg in run.argv.iter().chain(run.env.values()) {
                    if let Arg::Slot(slot) = arg {
                        let whence = format!("{}.{}", slot.from_step, slot.output);
                        // An interpreter may take any argument for code.
                        let level = if run.program.interpreter { Level::Warning } else { Level::Note };
                        findings.step(level, &step.id, "an argument is known only at run time", &whence);
                    }
                }
            }
        }
    }
}
