//! What cannot be taken back.

use crate::{
    plan::model::Effect,
    review::{Check, Context, Findings, Level},
};

/// Finds steps that cannot be taken back.
#[derive(Debug)]
pub struct Irreversible;

impl Check for Irreversible {
    fn id(&self) -> &'static str {
        "irreversible"
    }

    fn summary(&self) -> &'static str {
        "steps that cannot be taken back"
    }

    fn run(&self, context: Context<'_>, findings: &mut Findings) {
        for step in context.plan.steps.iter().filter(|step| step.effect == Effect::Irreversible) {
            findings.step(Level::Alarm, &step.id, "cannot be taken back", step.pipeline.as_str());
        }
    }
}
