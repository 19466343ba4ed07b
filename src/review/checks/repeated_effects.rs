//! Effects that may happen twice.

use crate::review::{Check, Context, Findings, Level};

/// Finds steps that may have their effect more than once.
#[derive(Debug)]
pub struct RepeatedEffects;

impl Check for RepeatedEffects {
    fn id(&self) -> &'static str {
        "repeated-effects"
    }

    fn summary(&self) -> &'static str {
        "steps that may have their effect more than once"
    }

    fn run(&self, context: Context<'_>, findings: &mut Findings) {
        for step in &context.plan.steps {
            if step.retry.max_attempts > 1 && step.effect.has_side_effect() {
                let level = if step.idempotent { Level::Note } else { Level::Alarm };
                let message = format!("may be tried {} times", step.retry.max_attempts);
                findings.step(level, &step.id, message, step.effect.word());
            }
        }
    }
}
