//! How somebody agrees to a plan: the words that directives, plans, policies and approvals share.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a decision was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// By an ed25519 key, from the command line.
    Key,
    /// By an OpenSSH key.
    Ssh,
    /// At the terminal: the view was shown and the digest typed.
    Terminal,
    /// By the policy itself, where it permits.
    Policy,
    /// By a comment on the forge, which a gate read.
    Comment,
    /// By a review on the forge, which a gate read.
    Review,
    /// By the release of a job that waited at an environment, which a gate read.
    Environment,
}

impl Method {
    /// Every method, with the word that files use for it.
    pub const ALL: [(&'static str, Self); 7] = [
        ("key", Self::Key),
        ("ssh", Self::Ssh),
        ("terminal", Self::Terminal),
        ("policy", Self::Policy),
        ("comment", Self::Comment),
        ("review", Self::Review),
        ("environment", Self::Environment),
    ];

    /// The methods of people, with their words: all but the policy's own.
    pub const OF_PEOPLE: [(&'static str, Self); 6] = {
        let [key, ssh, terminal, _, comment, review, environment] = Self::ALL;
        [key, ssh, terminal, comment, review, environment]
    };

    /// Returns the word that files use.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL[self as usize].0
    }

    /// Tells whether a person approves by it.
    #[must_use]
    pub fn is_of_people(self) -> bool {
        self != Self::Policy
    }

    /// Tells whether the platform's record proves it and a gate signs, not the person.
    #[must_use]
    pub fn is_of_platform(self) -> bool {
        matches!(self, Self::Comment | Self::Review | Self::Environment)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::Method;

    #[test]
    fn a_method_has_one_word_wherever_it_stands() {
        for (n, (word, method)) in Method::ALL.into_iter().enumerate() {
            assert_eq!((method.word(), method as usize), (word, n));
            assert_eq!(serde_json::to_value(method).unwrap(), word);
            assert_eq!(method.is_of_people(), Method::OF_PEOPLE.contains(&(word, method)));
        }
    }
}
