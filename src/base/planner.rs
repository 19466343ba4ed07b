//! Who drafts a plan: the words that directives, plans, policies and configuration share.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who drafts a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlannerKind {
    /// The directive's own steps, and nobody asked.
    Fixed,
    /// A model behind HTTP.
    Model,
    /// An agent's own command line.
    Command,
    /// A person, by files.
    Manual,
}

impl PlannerKind {
    /// Every kind, with the word that files and flags use for it.
    pub const ALL: [(&'static str, Self); 4] =
        [("fixed", Self::Fixed), ("model", Self::Model), ("command", Self::Command), ("manual", Self::Manual)];

    /// Returns the word that files and flags use.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

impl fmt::Display for PlannerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::PlannerKind;

    #[test]
    fn a_planner_has_one_word_wherever_it_stands() {
        for (n, (word, kind)) in PlannerKind::ALL.into_iter().enumerate() {
            assert_eq!((kind.word(), kind as usize), (word, n));
            assert_eq!(serde_json::to_value(kind).unwrap(), word);
        }
    }
}
