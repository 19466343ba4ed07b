//! GitHub, github.com or an Enterprise host: every answer typed, every list whole, every write once.

mod address;
mod auth;
mod change;
mod checks;
mod ci;
mod decode;
mod deployments;
mod graphql;
mod limits;
mod line;
mod pages;
mod repository;
mod request;
mod settings;
mod write;

use std::{
    collections::BTreeMap,
    sync::{Mutex, OnceLock, PoisonError},
};

pub use auth::Credentials;

use self::{address::Address, line::Line};
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
    forge::{Forge, http::Settings},
};

/// One repository on GitHub, seen with one set of credentials.
pub struct GitHub {
    line: Line,
    repository: OnceLock<Repository>,
    account: OnceLock<Account>,
    /// By number and head: commits of a head do not change.
    commits: Mutex<BTreeMap<(u64, String), Vec<CommitPeople>>>,
}

impl GitHub {
    /// Makes the provider of a repository `owner/name` on a host of the trust root; opens nothing yet.
    ///
    /// # Errors
    /// `forge.address`, `forge.token_missing`, `forge.credentials`.
    pub fn new(host: &str, repository: &str, credentials: Credentials, settings: Settings) -> Result<Self> {
        credentials.check()?;
        let address = Address::new(host, repository)?;
        Ok(Self {
            line: Line::new(address, credentials, settings),
            repository: OnceLock::new(),
            account: OnceLock::new(),
            commits: Mutex::default(),
        })
    }

    /// Refuses where variables of a runner name another host or repository than this one.
    ///
    /// # Errors
    /// `context.mismatch`.
    pub fn cross_check<'a>(&self, lookup: impl Fn(&str) -> Option<&'a str>) -> Result<()> {
        self.line.address.cross_check(lookup)
    }

    /// The repository, asked once.
    fn repository_once(&self) -> Result<Repository> {
        remember(&self.repository, || self.read_repository())
    }

    /// Who the credentials stand for, asked once.
    fn own_account(&self) -> Result<Account> {
        remember(&self.account, || self.viewer())
    }
}

/// Returns what was asked for once already, or asks.
fn remember<T: Clone>(kept: &OnceLock<T>, ask: impl FnOnce() -> Result<T>) -> Result<T> {
    if let Some(known) = kept.get() {
        return Ok(known.clone());
    }
    let found = ask()?;
    Ok(kept.get_or_init(|| found).clone())
}

impl Forge for GitHub {
    fn repository(&self) -> Result<Repository> {
        self.repository_once()
    }

    fn whoami(&self) -> Result<Account> {
        self.own_account()
    }

    fn tip(&self, reference: &str) -> Result<String> {
        self.read_tip(reference)
    }

    fn change_request(&self, number: u64) -> Result<ChangeRequest> {
        self.read_change(number)
    }

    fn commit_people(&self, change: &ChangeRequest) -> Result<Vec<CommitPeople>> {
        let key = (change.number, change.head_sha.clone());
        let known = self.commits.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        match known {
            Some(known) => Ok(known),
            None => {
                let read = self.read_commits(change)?;
                self.commits.lock().unwrap_or_else(PoisonError::into_inner).insert(key, read.clone());
                Ok(read)
            }
        }
    }

    fn changed_files(&self, change: &ChangeRequest) -> Result<Vec<ChangedFile>> {
        self.read_files(change)
    }

    fn comment(&self, id: u64) -> Result<Comment> {
        self.read_comment(id)
    }

    fn edit_history(&self, comment: &Comment) -> Result<EditHistory> {
        self.edits(comment)
    }

    fn text_history(&self, number: u64, title: &str, body: Option<&str>) -> Result<EditHistory> {
        self.text_edits(number, title, body)
    }

    fn comments(&self, number: u64) -> Result<Vec<Comment>> {
        self.read_comments(number)
    }

    fn reviews(&self, number: u64) -> Result<Vec<Review>> {
        self.read_reviews(number)
    }

    fn issue(&self, number: u64) -> Result<Issue> {
        self.read_issue(number)
    }

    fn parent_issue(&self, issue: &Issue) -> Result<Option<Issue>> {
        self.read_parent(issue)
    }

    fn permission(&self, account: &Account) -> Result<Permission> {
        self.read_permission(account)
    }

    fn account(&self, id: u64) -> Result<Account> {
        self.read_account(id)
    }

    fn team_members(&self, id: u64, slug: &str) -> Result<Vec<Account>> {
        self.read_team(id, slug)
    }

    fn environment(&self, name: &str) -> Result<Environment> {
        self.read_environment(name)
    }

    fn environments(&self) -> Result<Vec<Environment>> {
        self.read_environments()
    }

    fn environment_branches(&self, name: &str) -> Result<Vec<String>> {
        self.read_environment_branches(name)
    }

    fn run(&self, id: u64, attempt: u32) -> Result<CiRun> {
        self.read_run(id, attempt)
    }

    fn run_approvals(&self, id: u64) -> Result<Vec<RunApproval>> {
        self.read_run_approvals(id)
    }

    fn pending_deployments(&self, run: u64) -> Result<Vec<PendingDeployment>> {
        self.read_pending(run)
    }

    fn review_deployments(&self, run: u64, environments: &[u64], pass: bool, comment: &str) -> Result<()> {
        self.post_review(run, environments, pass, comment)
    }

    fn create_comment(&self, number: u64, body: &str) -> Result<Comment> {
        self.post_comment(number, body)
    }

    fn update_comment(&self, id: u64, body: &str) -> Result<Comment> {
        self.patch_comment(id, body)
    }

    fn minimise_comment(&self, comment: &Comment) -> Result<()> {
        self.minimise(comment)
    }

    fn react(&self, comment: u64, reaction: Reaction) -> Result<()> {
        self.post_reaction(comment, reaction)
    }

    fn create_check(&self, draft: &CheckDraft) -> Result<u64> {
        self.post_check(draft)
    }

    fn update_check(&self, id: u64, draft: &CheckDraft) -> Result<()> {
        self.patch_check(id, draft)
    }

    fn checks(&self, sha: &str) -> Result<Vec<CheckRun>> {
        self.read_checks(sha)
    }

    fn create_deployment(&self, draft: &DeploymentDraft) -> Result<u64> {
        self.post_deployment(draft)
    }

    fn deployments(&self, sha: &str, environment: &str) -> Result<Vec<Deployment>> {
        self.read_deployments(sha, environment)
    }

    fn set_deployment_status(&self, deployment: u64, draft: &DeploymentStatusDraft) -> Result<u64> {
        self.post_deployment_status(deployment, draft)
    }

    fn deployment_statuses(&self, deployment: u64) -> Result<Vec<DeploymentStatus>> {
        self.read_deployment_statuses(deployment)
    }

    fn artifact(&self, run: u64, digest: &Digest) -> Result<Artifact> {
        self.find_artifact(run, digest)
    }

    fn download(&self, artifact: &Artifact, max_bytes: usize) -> Result<Vec<u8>> {
        self.fetch_artifact(artifact, max_bytes)
    }

    fn open_request(&self, head: &str, base: &str) -> Result<Option<RequestRef>> {
        self.find_request(head, base)
    }

    fn create_request(&self, draft: &RequestDraft) -> Result<RequestRef> {
        self.post_request(draft)
    }

    fn dispatch(&self, workflow: &str, reference: &str, inputs: &[(&str, &str)]) -> Result<Option<StartedRun>> {
        self.post_dispatch(workflow, reference, inputs)
    }

    fn branch_rules(&self, branch: &str) -> Result<Vec<BranchRule>> {
        self.read_branch_rules(branch)
    }

    fn ruleset(&self, id: u64) -> Result<Ruleset> {
        self.read_ruleset(id)
    }

    fn branch_protection(&self, branch: &str) -> Result<Option<BranchProtection>> {
        self.read_branch_protection(branch)
    }

    fn workflow_permissions(&self) -> Result<WorkflowPermissions> {
        self.read_workflow_permissions()
    }

    fn environment_secrets(&self, environment: &str) -> Result<Vec<String>> {
        self.read_secrets(Some(environment))
    }

    fn repository_secrets(&self) -> Result<Vec<String>> {
        self.read_secrets(None)
    }

    fn calls(&self) -> u64 {
        self.line.calls()
    }

    fn said_at(&self) -> Option<Timestamp> {
        self.line.said_at()
    }
}
