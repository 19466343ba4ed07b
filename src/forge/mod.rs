//! Where facts come from: a forge, or the local checkout alone.
//!
//! A forge answers with plain data of [`crate::facts`], and refuses rather than guess: a page that is
//! missing, a value it does not know, an answer that is cut short are refusals, never less data.

pub mod oidc;
pub mod providers;
pub mod reasons;

pub use providers::local::Checkout;

use crate::{
    base::reason::Result,
    facts::{
        account::{Account, Permission},
        change_request::{ChangeRequest, Comment, CommitPeople, EditHistory, Review},
        environment::{CiRun, Environment, RunApproval},
        repository::Repository,
    },
};

/// A forge, seen from one repository, with the rights of one token.
///
/// Every method asks anew unless its answer cannot change within a run; lists are whole or refused.
/// Errors of every method: `forge.*`, as [`reasons`] lists them.
pub trait Forge {
    /// Returns the repository.
    ///
    /// # Errors
    /// `forge.*`.
    fn repository(&self) -> Result<Repository>;

    /// Returns the full id of the commit that a branch points to now; the name is full, `refs/heads/...`.
    ///
    /// # Errors
    /// `forge.*`.
    fn tip(&self, reference: &str) -> Result<String>;

    /// Returns a change request as it is now.
    ///
    /// # Errors
    /// `forge.*`.
    fn change_request(&self, number: u64) -> Result<ChangeRequest>;

    /// Returns the people of all commits of a change request, oldest first.
    ///
    /// # Errors
    /// `forge.*`; where the forge lists fewer commits than the change request has.
    fn commit_people(&self, change: &ChangeRequest) -> Result<Vec<CommitPeople>>;

    /// Returns one comment, by its id.
    ///
    /// # Errors
    /// `forge.*`.
    fn comment(&self, id: u64) -> Result<Comment>;

    /// Returns whether and by whom a comment was ever edited.
    ///
    /// # Errors
    /// `forge.*`; where the history cannot be read.
    fn edit_history(&self, comment: &Comment) -> Result<EditHistory>;

    /// Returns all reviews of a change request, oldest first.
    ///
    /// # Errors
    /// `forge.*`.
    fn reviews(&self, number: u64) -> Result<Vec<Review>>;

    /// Returns what an account may do in the repository now; the answer must be about the same numeric id.
    ///
    /// # Errors
    /// `forge.*`.
    fn permission(&self, account: &Account) -> Result<Permission>;

    /// Returns an environment and what protects it.
    ///
    /// # Errors
    /// `forge.*`.
    fn environment(&self, name: &str) -> Result<Environment>;

    /// Returns one attempt of a run.
    ///
    /// # Errors
    /// `forge.*`.
    fn run(&self, id: u64, attempt: u32) -> Result<CiRun>;

    /// Returns every decision about environments of a run.
    ///
    /// # Errors
    /// `forge.*`.
    fn run_approvals(&self, id: u64) -> Result<Vec<RunApproval>>;
}
