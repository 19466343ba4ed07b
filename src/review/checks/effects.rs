//! How much the plan changes.

use crate::{
    plan::model::Effect,
    review::{Check, Context, Findings, Level, least_effect},
};

/// Counts steps by effect, and compares the plan's own word for it.
#[derive(Debug)]
pub struct Effects;

impl Check for Effects {
    fn id(&self) -> &'static str {
        "effects"
    }

    fn summary(&self) -> &'static str {
        "how many steps of each effect, and whether the plan says so"
    }

    fn run(&self, context: Context<'_>, findings: &mut Findings) {
        let steps = &context.plan.steps;
        for (word, effect) in Effect::ALL {
            let count = steps.iter().filter(|step| step.effect == effect).count();
            if count > 0 {
                findings.plan(Level::Note, format!("{count} of {} steps: {word}", steps.len()), word);
            }
        }
        let highest = steps.iter().map(|step| step.effect).max();
        if highest.is_some_and(|effect| effect != context.plan.effect) {
            findings.plan(
                Level::Alarm,
                "the plan's effect is not the highest of its steps",
                context.plan.effect.word(),
            );
        }
        for step in steps {
            let least = least_effect(step);
            if least > step.effect {
                let message = format!("does what is at least `{}`, and says less", least.word());
                findings.step(Level::Alarm, &step.id, message, step.effect.word());
            }
        }
    }
}
