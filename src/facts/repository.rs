//! A repository on a forge.

use super::account::Account;

/// A repository, as the forge says now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Numeric id on the forge; stays when it is renamed or moved.
    pub id: u64,
    /// Whose it is.
    pub owner: Account,
    /// Owner and name, for display and addresses.
    pub full_name: String,
    /// Name of the default branch, without `refs/heads/`.
    pub default_branch: String,
    /// Whether only its members see it.
    pub private: bool,
    /// Whether it is a fork of another.
    pub fork: bool,
    /// Whether it can no longer be written to.
    pub archived: bool,
}
