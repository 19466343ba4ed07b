//! Where facts come from: a forge, or the local checkout alone.
//!
//! A forge answers with plain data of [`crate::facts`], and refuses rather than guess: a page that is
//! missing, a value it does not know, an answer that is cut short are refusals, never less data.

pub mod http;
pub mod oidc;
pub mod providers;
pub mod reasons;

pub use providers::local::Checkout;

use crate::{
    base::{digest::Digest, reason::Result, time::Timestamp},
    facts::{
        account::{Account, Permission},
        artifact::Artifact,
        change_request::{
            ChangeRequest, ChangedFile, Comment, CommitPeople, EditHistory, Issue, Reaction, RequestDraft, RequestRef,
            Review,
        },
        check::{CheckDraft, CheckRun},
        deployment::{Deployment, DeploymentDraft, DeploymentStatus, DeploymentStatusDraft, PendingDeployment},
        environment::{CiRun, Environment, RunApproval, StartedRun},
        protection::{BranchProtection, BranchRule, Ruleset, WorkflowPermissions},
        repository::Repository,
    },
};

/// A forge, seen from one repository, with the rights of one token.
///
/// Every read asks anew unless its answer cannot change within a run; lists are whole or refused. Every
/// write has one effect or is refused: after an answer that leaves that open, the provider looks before it
/// tries once more, and refuses with `forge.outcome_unknown` where looking does not tell.
/// It waits for the network: never call it from inside asynchronous code.
/// Errors of every method: `forge.*`, as [`reasons`] lists them.
pub trait Forge: Send + Sync {
    /// Returns the repository.
    ///
    /// # Errors
    /// `forge.*`.
    fn repository(&self) -> Result<Repository>;

    /// Returns the account that the credentials stand for.
    ///
    /// # Errors
    /// `forge.*`.
    fn whoami(&self) -> Result<Account>;

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
    /// `forge.*`; where the forge lists fewer commits than the change request has, or other ones.
    fn commit_people(&self, change: &ChangeRequest) -> Result<Vec<CommitPeople>>;

    /// Returns all files that a change request changes.
    ///
    /// # Errors
    /// `forge.*`; where the forge lists fewer files than the change request changes.
    fn changed_files(&self, change: &ChangeRequest) -> Result<Vec<ChangedFile>>;

    /// Returns one comment, by its id.
    ///
    /// # Errors
    /// `forge.*`.
    fn comment(&self, id: u64) -> Result<Comment>;

    /// Returns whether and by whom a comment was ever edited.
    ///
    /// # Errors
    /// `forge.*`; where the history cannot be read, and `forge.changed` where the text is another by now.
    fn edit_history(&self, comment: &Comment) -> Result<EditHistory>;

    /// Returns whether and by whom an issue's or change request's title and text were ever edited; comments, labels
    /// and their like are no edits.
    ///
    /// `title`, and `body` where it was read, are what is asked about, and must be there still.
    ///
    /// # Errors
    /// `forge.*`; where the history cannot be read, and `forge.changed` where title or text are others by now.
    fn text_history(&self, number: u64, title: &str, body: Option<&str>) -> Result<EditHistory>;

    /// Returns all comments in the conversation of an issue or change request, oldest first.
    ///
    /// # Errors
    /// `forge.*`.
    fn comments(&self, number: u64) -> Result<Vec<Comment>>;

    /// Returns all reviews of a change request, oldest first.
    ///
    /// # Errors
    /// `forge.*`.
    fn reviews(&self, number: u64) -> Result<Vec<Review>>;

    /// Returns an issue.
    ///
    /// # Errors
    /// `forge.*`.
    fn issue(&self, number: u64) -> Result<Issue>;

    /// Returns the issue that an issue is a part of, in whichever repository; none where there is none.
    ///
    /// # Errors
    /// `forge.*`; `forge.missing` where there is one that is gone, or hidden from the credentials.
    fn parent_issue(&self, issue: &Issue) -> Result<Option<Issue>>;

    /// Returns what an account may do in the repository now; the answer must be about the same numeric id.
    ///
    /// # Errors
    /// `forge.*`; `forge.account_mismatch` where the login is somebody else's by now.
    fn permission(&self, account: &Account) -> Result<Permission>;

    /// Returns the account that has a number now, whatever its login.
    ///
    /// # Errors
    /// `forge.*`; `forge.missing` where it is gone.
    fn account(&self, id: u64) -> Result<Account>;

    /// Returns everybody in a team of the repository's owner; the answer must be about the same numeric id.
    ///
    /// # Errors
    /// `forge.*`; `forge.account_mismatch` where the name is another team's by now.
    fn team_members(&self, id: u64, slug: &str) -> Result<Vec<Account>>;

    /// Returns an environment and what protects it.
    ///
    /// # Errors
    /// `forge.*`.
    fn environment(&self, name: &str) -> Result<Environment>;

    /// Returns all environments.
    ///
    /// # Errors
    /// `forge.*`.
    fn environments(&self) -> Result<Vec<Environment>>;

    /// Returns the patterns of branches and tags that may use an environment which lists them itself.
    ///
    /// # Errors
    /// `forge.*`.
    fn environment_branches(&self, name: &str) -> Result<Vec<String>>;

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

    /// Returns the environments at which a run waits now.
    ///
    /// # Errors
    /// `forge.*`.
    fn pending_deployments(&self, run: u64) -> Result<Vec<PendingDeployment>>;

    /// Lets a run pass environments, or not, in the name of the credentials.
    ///
    /// # Errors
    /// `forge.*`.
    fn review_deployments(&self, run: u64, environments: &[u64], pass: bool, comment: &str) -> Result<()>;

    /// Writes a comment into the conversation of an issue or change request.
    ///
    /// A comment of the same account with the very same text counts as this one where the forge's answer
    /// leaves the outcome open; a marker in the text tells two apart.
    ///
    /// # Errors
    /// `forge.*`.
    fn create_comment(&self, number: u64, body: &str) -> Result<Comment>;

    /// Replaces the text of a comment.
    ///
    /// # Errors
    /// `forge.*`.
    fn update_comment(&self, id: u64, body: &str) -> Result<Comment>;

    /// Folds a comment away as outdated.
    ///
    /// # Errors
    /// `forge.*`.
    fn minimise_comment(&self, comment: &Comment) -> Result<()>;

    /// Puts a reaction under a comment; once only, however often it is asked for.
    ///
    /// # Errors
    /// `forge.*`.
    fn react(&self, comment: u64, reaction: Reaction) -> Result<()>;

    /// Shows a check on a commit; returns its id.
    ///
    /// # Errors
    /// `forge.*`.
    fn create_check(&self, draft: &CheckDraft) -> Result<u64>;

    /// Shows a check anew, with further remarks.
    ///
    /// # Errors
    /// `forge.*`.
    fn update_check(&self, id: u64, draft: &CheckDraft) -> Result<()>;

    /// Returns all checks on a commit, the newest of each name and app.
    ///
    /// # Errors
    /// `forge.*`.
    fn checks(&self, sha: &str) -> Result<Vec<CheckRun>>;

    /// Shows a deployment; returns its id.
    ///
    /// # Errors
    /// `forge.*`.
    fn create_deployment(&self, draft: &DeploymentDraft) -> Result<u64>;

    /// Returns all deployments of a commit to an environment, newest first.
    ///
    /// # Errors
    /// `forge.*`.
    fn deployments(&self, sha: &str, environment: &str) -> Result<Vec<Deployment>>;

    /// Shows how a deployment goes; returns the id of the status.
    ///
    /// # Errors
    /// `forge.*`.
    fn set_deployment_status(&self, deployment: u64, draft: &DeploymentStatusDraft) -> Result<u64>;

    /// Returns how a deployment went, newest first.
    ///
    /// # Errors
    /// `forge.*`.
    fn deployment_statuses(&self, deployment: u64) -> Result<Vec<DeploymentStatus>>;

    /// Returns the archive of a run that has a digest; its name is not looked at.
    ///
    /// # Errors
    /// `forge.*`; `forge.missing` where none has it.
    fn artifact(&self, run: u64, digest: &Digest) -> Result<Artifact>;

    /// Returns the bytes of an archive, at most `max_bytes`, compared with its digest; writes no file.
    ///
    /// # Errors
    /// `forge.*`, `artifact.digest`.
    fn download(&self, artifact: &Artifact, max_bytes: usize) -> Result<Vec<u8>>;

    /// Returns the open change request from a branch of the repository to a base, both without `refs/heads/`.
    ///
    /// # Errors
    /// `forge.*`.
    fn open_request(&self, head: &str, base: &str) -> Result<Option<RequestRef>>;

    /// Opens a change request as a draft; where one is open already, the forge refuses.
    ///
    /// # Errors
    /// `forge.*`.
    fn create_request(&self, draft: &RequestDraft) -> Result<RequestRef>;

    /// Starts a workflow at a branch; returns its run, where the forge tells it.
    ///
    /// # Errors
    /// `forge.*`; `forge.outcome_unknown` where the forge's answer leaves open whether it began.
    fn dispatch(&self, workflow: &str, reference: &str, inputs: &[(&str, &str)]) -> Result<Option<StartedRun>>;

    /// Returns the rules of rulesets that hold for a branch, given without `refs/heads/`.
    ///
    /// # Errors
    /// `forge.*`.
    fn branch_rules(&self, branch: &str) -> Result<Vec<BranchRule>>;

    /// Returns a ruleset of the repository, or of its owner.
    ///
    /// # Errors
    /// `forge.*`.
    fn ruleset(&self, id: u64) -> Result<Ruleset>;

    /// Returns the protection of a branch, given without `refs/heads/`; absent where it has none.
    ///
    /// # Errors
    /// `forge.*`.
    fn branch_protection(&self, branch: &str) -> Result<Option<BranchProtection>>;

    /// Returns what workflows may do.
    ///
    /// # Errors
    /// `forge.*`.
    fn workflow_permissions(&self) -> Result<WorkflowPermissions>;

    /// Returns the names of the secrets of an environment.
    ///
    /// # Errors
    /// `forge.*`.
    fn environment_secrets(&self, environment: &str) -> Result<Vec<String>>;

    /// Returns the names of the secrets that every job of the repository may read.
    ///
    /// # Errors
    /// `forge.*`.
    fn repository_secrets(&self) -> Result<Vec<String>>;

    /// Returns how many requests were sent so far, tries again and conditional ones included.
    fn calls(&self) -> u64;

    /// Returns the time of the newest answer by the forge's own clock; absent where none said one.
    fn said_at(&self) -> Option<Timestamp>;
}
