//! In-toto Statement v1: subjects by digest, and one typed predicate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::digest::Digest;

/// The `_type` of every statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// What every predicate type of ours begins with; then comes the name and `/v1`.
pub const PREDICATE_PREFIX: &str = "https://countersign.dev/";
/// The most subjects a statement may have.
pub const MAX_SUBJECTS: usize = 32;

/// Returns the name between the prefix and `/v1` of a predicate type of ours.
#[must_use]
pub fn predicate_name(predicate_type: &str) -> Option<&str> {
    predicate_type.strip_prefix(PREDICATE_PREFIX)?.strip_suffix("/v1")
}

/// A predicate that can stand in a statement.
pub trait Predicate: Serialize + serde::de::DeserializeOwned {
    /// The name between the prefix and `/v1`, such as `approval`.
    const NAME: &'static str;

    /// Returns the full predicate type.
    #[must_use]
    fn predicate_type() -> String {
        format!("{PREDICATE_PREFIX}{}/v1", Self::NAME)
    }
}

/// A statement about subjects. Unknown fields are errors in ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Statement<P> {
    /// Always [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// What the statement is about; 1 to [`MAX_SUBJECTS`], names unique.
    pub subject: Vec<Subject>,
    /// Names what the predicate means.
    pub predicate_type: String,
    /// What is stated.
    pub predicate: P,
}

impl<P: Predicate> Statement<P> {
    /// Makes a statement.
    #[must_use]
    pub fn new(subject: Vec<Subject>, predicate: P) -> Self {
        Self { kind: STATEMENT_TYPE.to_owned(), subject, predicate_type: P::predicate_type(), predicate }
    }
}

/// One subject: a name and exactly one SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subject {
    /// `plan`, `view`, `policy`, `directive`, `trust-root`, or the path of a file.
    pub name: String,
    /// The digests; ours hold only `sha256`.
    pub digest: SubjectDigest,
}

impl Subject {
    /// Makes a subject.
    #[must_use]
    pub fn new(name: impl Into<String>, digest: Digest) -> Self {
        Self { name: name.into(), digest: SubjectDigest { sha256: digest.hex() } }
    }
}

/// The digest set of a subject: 64 lower-case hex digits under `sha256`, and no other algorithm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubjectDigest {
    /// 64 lower-case hex digits.
    pub sha256: String,
}
