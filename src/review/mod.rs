//! Review: deterministic checks over a sealed plan. Findings inform people and feed the policy;
//! they decide nothing by themselves. What a second reviewer says is read here, too, and feeds no rule.

pub mod brief;
pub mod checks;
pub mod opinion;
pub mod programs;
pub mod reasons;
pub mod report;
mod walk;
pub mod words;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use report::{Finding, Level, ReviewReport};

use crate::{
    base::{digest::Digest, ident::Id, text},
    plan::model::{Action, Effect, Plan, Step},
};
use words::ForbiddenWords;

/// Id of the check that tells which steps cannot be seen through; the policy reads its findings.
pub const UNINSPECTABLE: &str = "uninspectable";
/// Id of the check that looks for the policy's forbidden words; the policy reads its findings.
pub const FORBIDDEN_WORDS: &str = "forbidden-words";

/// What the policy asks the checks to look for.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Words that no step's text should hold.
    pub forbidden_words: Option<ForbiddenWords>,
}

/// What a check looks at.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// What the policy asks the checks to look for.
    pub settings: &'a Settings,
}

/// One check: deterministic, without side effects, blind to who asks.
pub trait Check: Sync {
    /// Returns the stable id, the same as the check's file name with hyphens.
    fn id(&self) -> &'static str;
    /// Returns one line that says what the check looks for.
    fn summary(&self) -> &'static str;
    /// Looks at the plan and adds what it finds.
    fn run(&self, context: Context<'_>, findings: &mut Findings);
}

/// Collects the findings of one check.
#[derive(Debug)]
pub struct Findings {
    check: &'static str,
    found: Vec<Finding>,
}

impl Findings {
    /// Adds a finding about a step.
    pub fn step(&mut self, severity: Level, step: &Id, message: impl Into<String>, evidence: &str) {
        self.push(severity, Some(step.clone()), message.into(), evidence);
    }

    /// Adds a finding about the whole plan.
    pub fn plan(&mut self, severity: Level, message: impl Into<String>, evidence: &str) {
        self.push(severity, None, message.into(), evidence);
    }

    fn push(&mut self, severity: Level, step: Option<Id>, message: String, evidence: &str) {
        self.found.push(Finding { check: self.check, severity, step, message, evidence: text::excerpt(evidence) });
    }
}

/// Returns the least effect that a step can truly have, by what it does and not by what it says of itself.
///
/// Whoever drafts a plan could understate an effect; a commit or a tag is a write, and whatever changes
/// files is more than computing.
#[must_use]
pub fn least_effect(step: &Step) -> Effect {
    step.every_action().map(Action::least_effect).max().unwrap_or(Effect::Read)
}

/// Runs every check over a plan; `digest` is the SHA-256 of the sealed bytes that `plan` was read from.
#[must_use]
pub fn review(plan: &Plan, digest: Digest, settings: &Settings) -> ReviewReport {
    let context = Context { plan, settings };
    let mut found = Vec::new();
    for check in checks::ALL {
        let mut findings = Findings { check: check.id(), found: Vec::new() };
        check.run(context, &mut findings);
        found.append(&mut findings.found);
    }
    ReviewReport::new(digest, checks::ALL.iter().map(|check| check.id()).collect(), found)
}
