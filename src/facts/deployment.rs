//! A deployment: what was brought where, and how it went, as the forge shows it.

use super::{account::Account, environment::Reviewer};

/// A deployment to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentDraft {
    /// Full id of the commit.
    pub sha: String,
    /// Name of the environment.
    pub environment: String,
    /// What is done, such as `countersign`.
    pub task: String,
    /// One line for people; at most 140 characters on GitHub.
    pub description: String,
    /// Our own id of it, unique for commit and environment: by it the deployment is found again.
    pub external_id: String,
}

/// A deployment as the forge has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Numeric id on the forge.
    pub id: u64,
    /// Full id of the commit.
    pub sha: String,
    /// Name of the environment.
    pub environment: String,
    /// What is done.
    pub task: String,
    /// One line for people.
    pub description: String,
    /// What its maker calls it; absent where it is not one of ours.
    pub external_id: Option<String>,
    /// Who made it; absent where the account is gone.
    pub creator: Option<Account>,
}

/// How a deployment goes, to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentStatusDraft {
    /// How it goes.
    pub state: DeploymentState,
    /// One line for people; at most 140 characters on GitHub.
    pub description: String,
    /// Address of the log.
    pub log_url: Option<String>,
    /// Address of what was deployed.
    pub environment_url: Option<String>,
}

/// How a deployment went at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentStatus {
    /// Numeric id on the forge.
    pub id: u64,
    /// How it went.
    pub state: DeploymentState,
    /// One line for people.
    pub description: String,
    /// Who said so; absent where the account is gone.
    pub creator: Option<Account>,
}

/// How a deployment goes; there is no other value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeploymentState {
    /// It waits for a runner.
    Queued,
    /// It waits.
    Pending,
    /// It runs.
    InProgress,
    /// It is there.
    Success,
    /// It failed.
    Failure,
    /// It could not be tried.
    Error,
    /// Another took its place.
    Inactive,
}

/// An environment at which a run waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingDeployment {
    /// Numeric id of the environment.
    pub environment_id: u64,
    /// Its name, exactly.
    pub environment: String,
    /// Whether who asks may let it pass.
    pub may_review: bool,
    /// Who may let it pass.
    pub reviewers: Vec<Reviewer>,
}
