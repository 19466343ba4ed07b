//! The platform's record of a decision, as a gate read it before it signed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{digest::Digest, method::Method, permission::Permission, time::Timestamp};

/// The platform's record of a decision; a gate signs it together with the decision that it proves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Evidence {
    /// A comment that says so, with the whole digest.
    Comment(CommentEvidence),
    /// A review of the change request at exactly the plan's head.
    Review(ReviewEvidence),
    /// The release of a job that waited at a protected environment.
    Environment(EnvironmentEvidence),
}

/// A comment in the conversation of a change request or issue, which nobody has edited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommentEvidence {
    /// Numeric id of the comment on the forge.
    pub id: u64,
    /// The change request or issue that it stands in.
    pub number: u64,
    /// When it was written; nobody has changed it since.
    pub created_at: Timestamp,
    /// SHA-256 of its text; the ledger keeps the text under this digest.
    pub body: Digest,
    /// What its author could do in the repository.
    pub permission: Permission,
    /// When the gate looked.
    pub observed_at: Timestamp,
}

/// A review of a change request, the newest one of its author that says yes or no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReviewEvidence {
    /// Numeric id of the review on the forge.
    pub id: u64,
    /// The change request.
    pub number: u64,
    /// Full id of the commit that was looked at: the plan's head.
    pub commit: String,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// SHA-256 of its text; the ledger keeps the text under this digest.
    pub body: Digest,
    /// What its author could do in the repository.
    pub permission: Permission,
    /// When the gate looked.
    pub observed_at: Timestamp,
}

/// The release of a job that waited at a protected environment, and what protected it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentEvidence {
    /// Numeric id of the environment on the forge.
    pub id: u64,
    /// Its name, exactly.
    pub name: String,
    /// Numeric id of the CI run that waited.
    pub run: u64,
    /// The attempt of that run.
    pub attempt: u32,
    /// SHA-256 of what the reviewer wrote; the ledger keeps the text under this digest.
    pub comment: Digest,
    /// Whether those words hold the plan's whole digest.
    pub digest_named: bool,
    /// How many reviewers the environment names, people and teams.
    pub reviewers: u32,
    /// Whether who started the run could not release it.
    pub prevents_self_review: bool,
    /// Whether administrators could pass by without a record.
    pub admins_bypass: bool,
    /// Whether only some branches may use the environment.
    pub branches_limited: bool,
    /// What the reviewer could do in the repository.
    pub permission: Permission,
    /// When the gate looked.
    pub observed_at: Timestamp,
}

impl Evidence {
    /// Returns the method of a decision that this proves.
    #[must_use]
    pub fn method(&self) -> Method {
        match self {
            Self::Comment(_) => Method::Comment,
            Self::Review(_) => Method::Review,
            Self::Environment(_) => Method::Environment,
        }
    }

    /// Returns what the person could do in the repository when the gate looked.
    #[must_use]
    pub fn permission(&self) -> Permission {
        match self {
            Self::Comment(evidence) => evidence.permission,
            Self::Review(evidence) => evidence.permission,
            Self::Environment(evidence) => evidence.permission,
        }
    }

    /// Returns SHA-256 of the words that the person wrote.
    #[must_use]
    pub fn words(&self) -> Digest {
        match self {
            Self::Comment(evidence) => evidence.body,
            Self::Review(evidence) => evidence.body,
            Self::Environment(evidence) => evidence.comment,
        }
    }
}
