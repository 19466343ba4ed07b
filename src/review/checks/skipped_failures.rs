//! Failures that pass by.

use crate::{
    plan::model::OnFailure,
    review::{Check, Context, Findings, Level},
};

/// Finds steps with side effects whose failure does not stop the run.
#[derive(Debug)]
pub struct SkippedFailures;

impl Check for SkippedFailures {
    fn id(&self) -> &'static str {
        "skipped-failures"
    }

    fn summary(&self) -> &'static str {
        "steps with side effects whose failure does not stop the run"
    }

    fn run(&self, context: Context<'_>, findings: &mut Findings) {
        for step in context.plan.steps.iter().filter(|step| step.effect.has_side_effect()) {
            match step.on_failure {
                OnFailure::Halt => {}
                OnFailure::Continue => {
                    findings.step(Level::Note, &step.id, "other steps go on after it fails", "continue");
                }
                OnFailure::Skip => {
                    findings.step(Level::Warning, &step.id, "the run does not fail when it fails", "skip");
                }
            }
        }
    }
}
