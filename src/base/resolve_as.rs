//! How a step of unknown outcome is taken: the words that the command line, comments and statements share.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a step of unknown outcome is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResolveAs {
    /// It may run again.
    Retry,
    /// It counts as done; steps that need it may run.
    Skip,
    /// The run is over.
    Abort,
}

impl ResolveAs {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Retry, Self::Skip, Self::Abort];
    /// Their words, as a form shows a choice.
    pub const FORM: &'static str = "retry|skip|abort";

    /// Returns the word that files and commands use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Skip => "skip",
            Self::Abort => "abort",
        }
    }

    /// Returns the way of exactly this word.
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.word() == word)
    }
}

impl fmt::Display for ResolveAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::ResolveAs;

    #[test]
    fn a_way_has_one_word_wherever_it_stands() {
        for way in ResolveAs::ALL {
            assert_eq!(serde_json::to_value(way).unwrap(), way.word());
            assert_eq!(ResolveAs::find(way.word()), Some(way));
        }
        assert_eq!(ResolveAs::FORM, ResolveAs::ALL.map(ResolveAs::word).join("|"));
        assert_eq!(ResolveAs::find("Retry"), None);
    }
}
