//! Rules: when they match, and what then.

use crate::base::{ident::Id, yaml::Place};

use super::{condition::Condition, requirement::Requirement};

/// One rule of the policy.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Unique within the policy.
    pub id: Id,
    /// Where it begins in the file.
    pub place: Place,
    /// All must hold.
    pub when: Vec<Condition>,
    /// What follows.
    pub then: Then,
}

/// What follows where a rule matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// The step may run without anybody.
    Permit,
    /// The step may run when these agree.
    NeedsApproval(Requirement),
    /// The step must not run; the text says why.
    Deny(String),
}

/// What kind of rule asks a condition; it decides what a list means (see [`super::condition`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A list is a ceiling.
    Permit,
    /// A list covers where it holds all, and triggers where it holds any.
    NeedsApproval,
    /// A list is a trigger.
    Deny,
}

impl Then {
    /// Returns the kind of rule.
    #[must_use]
    pub fn role(&self) -> Role {
        match self {
            Self::Permit => Role::Permit,
            Self::NeedsApproval(_) => Role::NeedsApproval,
            Self::Deny(_) => Role::Deny,
        }
    }

    /// Returns the word that files use.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::NeedsApproval(_) => "needsApproval",
            Self::Deny(_) => "deny",
        }
    }
}
