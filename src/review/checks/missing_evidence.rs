//! Work that leaves no evidence.

use crate::{
    plan::model::Effect,
    review::{Check, Context, Findings, Level},
};

/// Finds steps that leave nothing to check their work by.
#[derive(Debug)]
pub struct MissingEvidence;

impl Check for MissingEvidence {
    fn id(&self) -> &'static str {
        "missing-evidence"
    }

    fn summary(&self) -> &'static str {
        "steps that name no evidence, and writes that are not read back"
    }

    fn run(&self, context: Context<'_>, findings: &mut Findings) {
        for step in &context.plan.steps {
            if step.evidence.is_empty() {
                let level = if step.effect > Effect::Analyze { Level::Alarm } else { Level::Note };
                findings.step(level, &step.id, "names no evidence", step.effect.word());
            }
            if step.verify.is_empty() && step.effect >= Effect::Write {
                findings.step(Level::Alarm, &step.id, "what it writes is not read back", step.effect.word());
            }
        }
    }
}
