//! Titles that hide what they say.

use crate::review::{Check, Context, Findings, Level};

/// Finds titles too long to be read at a glance (C-33).
#[derive(Debug)]
pub struct LongTitles;

impl Check for LongTitles {
    fn id(&self) -> &'static str {
        "long-titles"
    }

    fn summary(&self) -> &'static str {
        "titles and reasons too long to be read at a glance"
    }

    fn run(&self, context: Context<'_>, findings: &mut Findings) {
        for step in &context.plan.steps {
            for (what, text, most) in [("title", &step.title, 80), ("reason", &step.why, 240)] {
                let length = text.chars().count();
                if length > most {
                    findings.step(Level::Warning, &step.id, format!("the {what} has {length} characters"), text);
                }
            }
        }
    }
}
