//! The observed world as plain data; a forge or the local checkout fills it in.

pub mod account;
pub mod artifact;
pub mod change_request;
pub mod check;
pub mod deployment;
pub mod environment;
pub mod observed;
pub mod people;
pub mod protection;
pub mod repository;

use std::collections::BTreeSet;

use crate::base::digest::Digest;
use observed::Observed;

/// What was observed about the repository, just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Host of the forge, or `local`.
    pub host: String,
    /// Immutable id of the repository on that host.
    pub repo_id: String,
    /// Immutable id of the repository's owner on that host.
    pub owner_id: String,
    /// Name for display.
    pub repo: String,
    /// Number of the pull or merge request, where there is one.
    pub change_request: Option<u64>,
    /// Full name of the protected base.
    pub base_ref: String,
    /// Full id of the base commit.
    pub base_sha: String,
    /// Full id of the head commit.
    pub head_sha: String,
    /// SHA-256 over the manifest of guardrails and definitions at the base, and the head's tree id.
    pub tree_digest: Digest,
    /// E-mail addresses of the authors, co-authors and committers of the commits from base to head.
    pub contributors: BTreeSet<String>,
    /// What the forge says; absent where none was asked.
    pub forge: Option<Box<Observed>>,
}
