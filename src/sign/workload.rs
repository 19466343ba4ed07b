//! The CI job that runs, as its verified token says; and whether it is one that may execute.

use std::collections::BTreeSet;

use super::{
    issuer::{self, Gate, Issuer, Pin, Provider},
    reasons::{
        OIDC_CLAIM_MALFORMED, OIDC_CLAIM_MISMATCH, OIDC_ENVIRONMENT_MISSING, OIDC_EVENT_REFUSED, OIDC_FORK,
        OIDC_ISSUER, OIDC_RUNNER, OIDC_WORKFLOW_UNPINNED,
    },
    schemes::oidc::Verified,
};
use crate::base::{
    reason::{Reason, Refusal, Result},
    text::excerpt,
    time::Timestamp,
};

/// A CI job. Ids are decimal numbers in texts, compared as such; the claim `sub` is never read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Numeric id of the repository that it runs in.
    pub repository_id: String,
    /// Numeric id of that repository's owner.
    pub repository_owner_id: String,
    /// Who sees the repository.
    pub repository_visibility: String,
    /// Id of the run.
    pub run_id: String,
    /// Attempt of the run, from 1.
    pub run_attempt: String,
    /// Id of the check run of the job, where the issuer says it.
    pub check_run_id: Option<String>,
    /// What started the run.
    pub event_name: String,
    /// Numeric id of who started it.
    pub actor_id: String,
    /// Full name of what it runs on.
    pub reference: String,
    /// `branch` or `tag`.
    pub ref_type: String,
    /// Whether that is protected, where the issuer says it.
    pub ref_protected: Option<bool>,
    /// Whether it runs for a change request.
    pub for_change_request: bool,
    /// Full id of the commit that it runs on.
    pub sha: String,
    /// The workflow that was started: path and reference.
    pub workflow_ref: String,
    /// Full id of the commit that its file was taken from.
    pub workflow_sha: String,
    /// The workflow that holds the job: path and reference.
    pub job_workflow_ref: String,
    /// Full id of the commit that its file was taken from.
    pub job_workflow_sha: String,
    /// The environment that it runs in.
    pub environment: Option<String>,
    /// What kind of machine runs it.
    pub runner_environment: String,
}

/// A job that signed without a key, and what vouched for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// Id of the issuer's key that signed the token.
    pub key: String,
    /// The job.
    pub job: Workload,
}

/// What a job must be to execute.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Immutable id of the repository.
    pub repo_id: &'a str,
    /// Immutable id of its owner.
    pub owner_id: &'a str,
    /// The plan's environment.
    pub environment: Option<&'a str>,
    /// Commits of those that the token names which lie in the history of the protected base.
    pub in_base: &'a BTreeSet<String>,
    /// The present second.
    pub now: Timestamp,
}

impl Workload {
    /// Reads the claims of a verified token; every one that identifies a job must be there.
    ///
    /// # Errors
    /// `oidc.claim_missing`, `oidc.claim_malformed`; both name the claim.
    pub fn github(token: &Verified) -> Result<Self> {
        let claims = token.claims();
        let text = |name: &str| claims.text(name).map(str::to_owned);
        let decimal = |name: &str| claims.decimal(name).map(str::to_owned);
        let commit = |name: &str| claims.commit(name).map(str::to_owned);
        // Who the token is about can be told apart by it; it is not compared with anything.
        claims.text("jti")?;
        Ok(Self {
            repository_id: text("repository_id")?,
            repository_owner_id: text("repository_owner_id")?,
            repository_visibility: text("repository_visibility")?,
            run_id: decimal("run_id")?,
            run_attempt: decimal("run_attempt")?,
            check_run_id: claims.optional_text("check_run_id")?.map(|_| decimal("check_run_id")).transpose()?,
            event_name: text("event_name")?,
            actor_id: decimal("actor_id")?,
            reference: text("ref")?,
            ref_type: text("ref_type")?,
            ref_protected: match claims.optional_text("ref_protected")? {
                None => None,
                Some("true") => Some(true),
                Some("false") => Some(false),
                Some(_) => {
                    let what = "`ref_protected` is neither true nor false";
                    return Err(Refusal::new(OIDC_CLAIM_MALFORMED, what).subject("ref_protected"));
                }
            },
            for_change_request: claims.says_something("head_ref"),
            sha: commit("sha")?,
            workflow_ref: text("workflow_ref")?,
            workflow_sha: commit("workflow_sha")?,
            job_workflow_ref: text("job_workflow_ref")?,
            job_workflow_sha: commit("job_workflow_sha")?,
            environment: claims.optional_text("environment")?.map(str::to_owned),
            runner_environment: text("runner_environment")?,
        })
    }

    /// Checks that workflows pinned by branch were taken from commits that are known to lie in the base's history.
    ///
    /// # Errors
    /// `oidc.workflow_unpinned`.
    pub fn check_commits(&self, in_base: &BTreeSet<String>) -> Result<()> {
        check_workflows(self, &[self.workflow_ref.clone(), self.job_workflow_ref.clone()], Some(in_base))
    }

    /// Returns the commits that the job's workflows were taken from.
    #[must_use]
    pub fn commits(&self) -> [&str; 2] {
        [&self.workflow_sha, &self.job_workflow_sha]
    }
}

/// Admits the job that a token shows, or says why it may not execute.
///
/// # Errors
/// `oidc.*`; where one claim is to blame, it is the subject.
pub fn admit(token: &Verified, issuer: &Issuer, expected: &Expected<'_>) -> Result<Workload> {
    if token.issuer() != issuer.url {
        return refuse(OIDC_ISSUER, "iss", token.issuer());
    }
    token.check_fresh(expected.now)?;
    let job = match issuer.provider {
        Provider::Github => Workload::github(token)?,
    };
    same("repository_id", expected.repo_id, &job.repository_id)?;
    same("repository_owner_id", expected.owner_id, &job.repository_owner_id)?;
    check_trigger(&job, &issuer.events)?;
    check_workflows(&job, &issuer.workflows, Some(expected.in_base))?;
    if job.runner_environment != issuer.runner.word() {
        return refuse(OIDC_RUNNER, "runner_environment", &job.runner_environment);
    }
    check_environment(&job, expected.environment)?;
    Ok(job)
}

/// Admits a job that signs for people without a key, or says why it may not; what protects it stands in `gate`.
///
/// Two things are left to others: whether the commits of workflows that are pinned by branch lie in the history of
/// the base, and whether the environment is the one of the evidence.
///
/// # Errors
/// `oidc.*`; where one claim is to blame, it is the subject.
pub(super) fn admit_gate(token: &Verified, gate: &Gate, repo_id: &str, owner_id: &str) -> Result<Workload> {
    let job = Workload::github(token)?;
    same("repository_id", repo_id, &job.repository_id)?;
    same("repository_owner_id", owner_id, &job.repository_owner_id)?;
    check_trigger(&job, &gate.events)?;
    check_workflows(&job, &gate.workflows, None)?;
    if job.runner_environment != gate.runner.word() {
        return refuse(OIDC_RUNNER, "runner_environment", &job.runner_environment);
    }
    Ok(job)
}

/// Checks what started the job, and on what: a protected branch of this repository, and no change request.
fn check_trigger(job: &Workload, events: &[String]) -> Result<()> {
    if job.reference.starts_with("refs/pull/") {
        return refuse(OIDC_FORK, "ref", &job.reference);
    }
    if job.for_change_request {
        return refuse(OIDC_FORK, "head_ref", "the head of a change request");
    }
    if !events.contains(&job.event_name) {
        return refuse(OIDC_EVENT_REFUSED, "event_name", &job.event_name);
    }
    same("ref_type", "branch", &job.ref_type)?;
    if job.ref_protected == Some(false) {
        return refuse(OIDC_CLAIM_MISMATCH, "ref_protected", "false");
    }
    Ok(())
}

/// Checks both workflows, the one started and the one that holds the job: pinned, and at a commit that is known.
///
/// A reusable workflow alone proves nothing: anybody may call it, from any branch.
///
/// Without `in_base`, commits of branches are not looked at.
fn check_workflows(job: &Workload, listed: &[String], in_base: Option<&BTreeSet<String>>) -> Result<()> {
    let workflows = [
        ("workflow_ref", &job.workflow_ref, "workflow_sha", &job.workflow_sha),
        ("job_workflow_ref", &job.job_workflow_ref, "job_workflow_sha", &job.job_workflow_sha),
    ];
    for (claim, workflow, commit_claim, commit) in workflows {
        if !listed.contains(workflow) {
            return refuse(OIDC_WORKFLOW_UNPINNED, claim, workflow);
        }
        let known = match issuer::pin(workflow) {
            Some(Pin::Commit(pinned)) => pinned == commit,
            Some(Pin::Branch) => in_base.is_none_or(|in_base| in_base.contains(commit)),
            None => false,
        };
        if !known {
            return refuse(OIDC_WORKFLOW_UNPINNED, commit_claim, commit);
        }
    }
    Ok(())
}

/// Checks the environment, both ways: one that the plan does not name would lend the job its secrets.
fn check_environment(job: &Workload, planned: Option<&str>) -> Result<()> {
    match (planned, job.environment.as_deref()) {
        (None, None) => Ok(()),
        (Some(planned), Some(found)) => same("environment", planned, found),
        (Some(planned), None) => Err(Refusal::new(
            OIDC_ENVIRONMENT_MISSING,
            format!("the plan is for `{}`, the token names none", excerpt(planned)),
        )
        .subject("environment")),
        (None, Some(found)) => refuse(OIDC_CLAIM_MISMATCH, "environment", found),
    }
}

fn same(claim: &str, expected: &str, found: &str) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    let what = format!("`{claim}` is `{}`, and must be `{}`", excerpt(found), excerpt(expected));
    Err(Refusal::new(OIDC_CLAIM_MISMATCH, what).subject(claim))
}

fn refuse<T>(reason: Reason, claim: &str, found: &str) -> Result<T> {
    Err(Refusal::new(reason, format!("`{claim}` is `{}`", excerpt(found))).subject(claim))
}
