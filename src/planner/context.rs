//! What a planner reads beside the definitions.

use crate::{base::digest::Digest, plan::model::Origin};

/// One piece of material.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextItem {
    /// What it is: a path, an issue.
    pub name: String,
    /// Where it came from.
    pub origin: Origin,
    /// The text, with what is hidden made visible.
    pub text: String,
    /// SHA-256 of its bytes.
    pub digest: Digest,
}
