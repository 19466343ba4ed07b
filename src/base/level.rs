//! How far a step reaches, how bad a risk is, what a failure means, when an issue is ready: words that
//! directives, pipelines, plans and checks share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a pipeline may do to the world, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Reads and reports.
    Read,
    /// Computes over what it read.
    Analyze,
    /// Writes down advice that nobody acts on by itself.
    Recommend,
    /// Tells somebody.
    Notify,
    /// Changes something that can be changed back.
    Write,
    /// Changes something that cannot.
    Irreversible,
}

impl Effect {
    /// Every effect, from the least to the most, with the word that files use for it.
    pub const ALL: [(&'static str, Self); 6] = [
        ("read", Self::Read),
        ("analyze", Self::Analyze),
        ("recommend", Self::Recommend),
        ("notify", Self::Notify),
        ("write", Self::Write),
        ("irreversible", Self::Irreversible),
    ];

    /// Returns the word that files use.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL[self as usize].0
    }

    /// Tells whether a step of this effect changes anything outside its own private folders.
    #[must_use]
    pub fn has_side_effect(self) -> bool {
        self >= Self::Notify
    }
}

/// How bad something would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Annoying.
    Low,
    /// Costs time.
    Medium,
    /// Costs data, money or trust.
    High,
    /// Must not happen.
    Critical,
}

impl Severity {
    /// Every severity, from the least to the most, with the word that files use for it.
    pub const ALL: [(&'static str, Self); 4] =
        [("low", Self::Low), ("medium", Self::Medium), ("high", Self::High), ("critical", Self::Critical)];

    /// Returns the word that files use.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// What an issue must be before anything is planned or done for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It is open.
    Open,
    /// Its description has so many characters at least, 1 or more.
    Description(u32),
    /// It says when it is done, in so many items at least, 1 or more.
    AcceptanceCriteria(u32),
    /// The issue that it is a part of, where there is one, is open.
    ParentOpen,
}

impl Readiness {
    /// Every word that files use for it; what has a number can stand without one, which means 1.
    pub const ALL: [(&'static str, Self); 4] = [
        ("open", Self::Open),
        ("description", Self::Description(1)),
        ("acceptance-criteria", Self::AcceptanceCriteria(1)),
        ("parent-open", Self::ParentOpen),
    ];

    /// Tells whether both ask for the same, whatever their numbers.
    #[must_use]
    pub fn is_akin(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

/// What a failure of a step means for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// No further step starts; the run fails.
    Halt,
    /// Steps that need this one are blocked, the others go on; the run fails.
    Continue,
    /// Steps that need this one go on without it; the run does not fail for it.
    Skip,
}

impl OnFailure {
    /// Every meaning, with the word that files use for it.
    pub const ALL: [(&'static str, Self); 3] =
        [("halt", Self::Halt), ("continue", Self::Continue), ("skip", Self::Skip)];
}
