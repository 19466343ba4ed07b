//! A file that a run of CI left behind.

use crate::base::digest::Digest;

/// An archive that a run of CI left behind; the digest is its identity, the name is for display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Numeric id on the forge.
    pub id: u64,
    /// Name, which any job of the run may have chosen.
    pub name: String,
    /// SHA-256 of the archive.
    pub digest: Digest,
    /// Size of the archive in bytes.
    pub size: u64,
    /// The run that made it.
    pub run: u64,
    /// Numeric id of the repository that the run ran in.
    pub repo_id: u64,
    /// Numeric id of the repository that the run's head lies in.
    pub head_repo_id: u64,
    /// Full id of the commit that the run ran at.
    pub head_sha: String,
}
