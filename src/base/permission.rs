//! What somebody may do in a repository on a forge.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What somebody may do in a repository, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// Nothing.
    None,
    /// Read.
    Read,
    /// Read, and order issues.
    Triage,
    /// Push.
    Write,
    /// Push, and change some settings.
    Maintain,
    /// Everything.
    Admin,
}

impl Permission {
    /// Every permission, with the word that files use for it.
    pub const ALL: [(&'static str, Self); 6] = [
        ("none", Self::None),
        ("read", Self::Read),
        ("triage", Self::Triage),
        ("write", Self::Write),
        ("maintain", Self::Maintain),
        ("admin", Self::Admin),
    ];

    /// Returns the word that files use.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}
