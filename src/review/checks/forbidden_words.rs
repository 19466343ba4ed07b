//! Words that the policy forbids.

use crate::review::{Check, Context, FORBIDDEN_WORDS, Findings, Level, walk};

/// Finds the words that the policy forbids (JF7).
#[derive(Debug)]
pub struct ForbiddenWordsCheck;

impl Check for ForbiddenWordsCheck {
    fn id(&self) -> &'static str {
        FORBIDDEN_WORDS
    }

    fn summary(&self) -> &'static str {
        "words that the policy forbids, in titles, reasons, pipeline names and argument lists"
    }

    fn run(&self, context: Context<'_>, findings: &mut Findings) {
        let Some(words) = &context.settings.forbidden_words else { return };
        for text in walk::plan_texts(context.plan) {
            for word in words.found_in(text) {
                findings.plan(Level::Warning, format!("the forbidden word `{word}`"), text);
            }
        }
        for step in &context.plan.steps {
            let named = std::iter::once(step.pipeline.as_str());
            let values: Vec<String> = step.with.values().map(ToString::to_string).collect();
            let given = values.iter().map(String::as_str);
            for text in walk::told_texts(step).chain(named).chain(given).chain(walk::acting_texts(step)) {
                for word in words.found_in(text) {
                    findings.step(Level::Warning, &step.id, format!("the forbidden word `{word}`"), text);
                }
            }
        }
    }
}
