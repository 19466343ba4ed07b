//! Words that look like other words.

use crate::{
    base::text::mixed_script_words,
    review::{Check, Context, Findings, Level, walk},
};

/// Finds words that mix scripts, such as Latin with Cyrillic (C-28).
#[derive(Debug)]
pub struct MixedScript;

impl Check for MixedScript {
    fn id(&self) -> &'static str {
        "mixed-script"
    }

    fn summary(&self) -> &'static str {
        "words that mix scripts and so may look like other words"
    }

    fn run(&self, context: Context<'_>, findings: &mut Findings) {
        for text in walk::plan_texts(context.plan) {
            for word in mixed_script_words(text) {
                findings.plan(Level::Warning, "a word mixes scripts", word);
            }
        }
        for step in &context.plan.steps {
            for text in walk::told_texts(step).chain(walk::acting_texts(step)) {
                for word in mixed_script_words(text) {
                    findings.step(Level::Warning, &step.id, "a word mixes scripts", word);
                }
            }
        }
        for script in &context.plan.scripts {
            for word in mixed_script_words(&script.content) {
                findings.plan(Level::Warning, format!("a word of `{}` mixes scripts", script.path), word);
            }
        }
    }
}
