//! A protected environment, and the record of who let a run pass it.

use super::account::Account;
use crate::base::time::Timestamp;

/// An environment and what protects it, as the forge says now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Numeric id on the forge.
    pub id: u64,
    /// Name, exactly.
    pub name: String,
    /// Who may let a run pass; none means anybody, which is no gate.
    pub reviewers: Vec<Reviewer>,
    /// Whether who started the run may not let it pass.
    pub prevents_self_review: bool,
    /// Whether administrators may pass by without a record.
    pub admins_bypass: bool,
    /// Which branches may use it; absent where every branch may.
    pub branches: Option<BranchPolicy>,
}

/// Who may let a run pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reviewer {
    /// One account.
    Account(Account),
    /// Everybody in a team.
    Team {
        /// Numeric id on the forge.
        id: u64,
        /// Name in addresses.
        slug: String,
    },
}

/// Which branches may use an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BranchPolicy {
    /// Those that a branch protection names.
    Protected,
    /// Those that the environment lists itself.
    Listed,
}

/// One decision about a run that waited at environments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunApproval {
    /// The environments decided on: numeric id and name.
    pub environments: Vec<(u64, String)>,
    /// What was decided.
    pub state: RunApprovalState,
    /// Who decided.
    pub by: Account,
    /// What they wrote.
    pub comment: String,
}

/// What was decided about a run that waited; there is no other value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunApprovalState {
    /// It may pass.
    Approved,
    /// It may not.
    Rejected,
    /// Nobody has decided.
    Pending,
}

/// A run that was started just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedRun {
    /// Numeric id on the forge.
    pub id: u64,
    /// Its address, for people.
    pub url: String,
}

/// A run of a workflow or pipeline in the CI system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CiRun {
    /// Numeric id on the forge.
    pub id: u64,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Name of the event that started it, such as `workflow_dispatch`.
    pub event: String,
    /// When the forge began it, whatever the attempt.
    pub created_at: Timestamp,
    /// Full id of the commit that the workflow's file was taken from.
    pub head_sha: String,
    /// Branch it runs on, where there is one.
    pub head_branch: Option<String>,
    /// Numeric id of the repository it runs in.
    pub repo_id: u64,
    /// Numeric id of the repository that its head lies in; absent where that is gone.
    pub head_repo_id: Option<u64>,
    /// Path of the workflow's file.
    pub workflow: String,
    /// Who started it first.
    pub actor: Account,
    /// Who started this attempt.
    pub triggering_actor: Account,
}
