//! Runs, the environments they wait at, who let them pass, and the archives they leave behind.

use serde::Deserialize;

use super::{
    GitHub,
    address::part,
    decode::{self, RawAccount, RawId, malformed, nullable, sha, unknown, word},
};
use crate::{
    base::{
        digest::Digest,
        reason::{CONTEXT_MISMATCH, Refusal, Result},
    },
    facts::{
        artifact::Artifact,
        deployment::PendingDeployment,
        environment::{BranchPolicy, CiRun, Environment, Reviewer, RunApproval, RunApprovalState},
    },
    forge::reasons::{ARTIFACT_DIGEST, MISSING},
};

#[derive(Deserialize)]
struct RawEnvironment {
    id: u64,
    name: String,
    // Not in GitHub's description, and in its answers: what is not said is not taken for safe.
    can_admins_bypass: bool,
    protection_rules: Vec<RawRule>,
    #[serde(deserialize_with = "nullable")]
    deployment_branch_policy: Option<RawBranchPolicy>,
}

#[derive(Deserialize)]
struct RawEnvironments {
    total_count: u64,
    environments: Vec<RawEnvironment>,
}

#[derive(Deserialize)]
struct RawRule {
    #[serde(rename = "type")]
    kind: String,
    // The two stand only in the rule of reviewers.
    prevent_self_review: Option<bool>,
    reviewers: Option<Vec<RawReviewer>>,
}

#[derive(Deserialize)]
struct RawReviewer {
    #[serde(rename = "type")]
    kind: String,
    reviewer: serde_json::Value,
}

#[derive(Deserialize)]
struct RawTeam {
    id: u64,
    slug: String,
}

#[derive(Deserialize)]
struct RawBranchPolicy {
    protected_branches: bool,
    custom_branch_policies: bool,
}

#[derive(Deserialize)]
struct RawBranches {
    total_count: u64,
    branch_policies: Vec<RawNamed>,
}

#[derive(Deserialize)]
struct RawNamed {
    name: String,
}

#[derive(Deserialize)]
struct RawRun {
    id: u64,
    run_attempt: u32,
    event: String,
    created_at: String,
    head_sha: String,
    #[serde(deserialize_with = "nullable")]
    head_branch: Option<String>,
    repository: RawId,
    #[serde(deserialize_with = "nullable")]
    head_repository: Option<RawId>,
    path: String,
    actor: RawAccount,
    triggering_actor: RawAccount,
}

#[derive(Deserialize)]
struct RawApproval {
    environments: Vec<RawPlace>,
    state: String,
    user: RawAccount,
    comment: String,
}

#[derive(Deserialize)]
struct RawPlace {
    id: u64,
    name: String,
}

#[derive(Deserialize)]
struct RawPending {
    environment: RawPlace,
    current_user_can_approve: bool,
    reviewers: Vec<RawReviewer>,
}

#[derive(Deserialize)]
struct RawArtifacts {
    total_count: u64,
    artifacts: Vec<RawArtifact>,
}

#[derive(Deserialize)]
struct RawArtifact {
    id: u64,
    name: String,
    size_in_bytes: u64,
    expired: bool,
    // Older hosts give none: such an archive is never the one looked for.
    digest: Option<String>,
    #[serde(deserialize_with = "nullable")]
    workflow_run: Option<RawArtifactRun>,
}

#[derive(Deserialize)]
struct RawArtifactRun {
    id: u64,
    repository_id: u64,
    head_repository_id: u64,
    head_sha: String,
}

impl RawReviewer {
    fn reviewer(self) -> Result<Reviewer> {
        match self.kind.as_str() {
            "User" => Ok(Reviewer::Account(decode::value::<RawAccount>("reviewer", self.reviewer)?.account()?)),
            "Team" => {
                let team: RawTeam = decode::value("reviewer", self.reviewer)?;
                Ok(Reviewer::Team { id: team.id, slug: team.slug })
            }
            other => Err(unknown("reviewer type", other)),
        }
    }
}

impl GitHub {
    pub(super) fn read_environment(&self, name: &str) -> Result<Environment> {
        let answer = self.line.get(&self.line.address.repo(&format!("/environments/{}", part(name)?)))?;
        let raw: RawEnvironment = decode::json("environment", &answer.body)?;
        // GitHub finds environments whatever their case; the policy means one, byte for byte.
        if raw.name != name {
            return Err(Refusal::new(CONTEXT_MISMATCH, "the environment is written otherwise").subject(name));
        }
        environment(raw)
    }

    pub(super) fn read_environments(&self) -> Result<Vec<Environment>> {
        let split = |raw: RawEnvironments| (raw.total_count, raw.environments);
        let all = self.line.counted("environments", &self.line.address.repo("/environments"), split)?;
        all.into_iter().map(environment).collect()
    }

    pub(super) fn read_environment_branches(&self, name: &str) -> Result<Vec<String>> {
        let path = format!("/environments/{}/deployment-branch-policies", part(name)?);
        let split = |raw: RawBranches| (raw.total_count, raw.branch_policies);
        let named = self.line.counted("branch policies", &self.line.address.repo(&path), split)?;
        Ok(named.into_iter().map(|one: RawNamed| one.name).collect())
    }

    pub(super) fn read_run(&self, id: u64, attempt: u32) -> Result<CiRun> {
        let path = self.line.address.repo(&format!("/actions/runs/{id}/attempts/{attempt}"));
        let raw: RawRun = decode::json("run", &self.line.get(&path)?.body)?;
        if (raw.id, raw.run_attempt) != (id, attempt) {
            return Err(malformed("run", "it is another one"));
        }
        Ok(CiRun {
            id,
            attempt,
            event: raw.event,
            created_at: decode::time("created_at", &raw.created_at)?,
            head_sha: sha("run", raw.head_sha)?,
            head_branch: raw.head_branch,
            repo_id: raw.repository.id,
            head_repo_id: raw.head_repository.map(|repo| repo.id),
            workflow: raw.path,
            actor: raw.actor.account()?,
            triggering_actor: raw.triggering_actor.account()?,
        })
    }

    pub(super) fn read_run_approvals(&self, id: u64) -> Result<Vec<RunApproval>> {
        let path = self.line.address.repo(&format!("/actions/runs/{id}/approvals"));
        let raw: Vec<RawApproval> = self.line.list("run approvals", &path, None)?;
        raw.into_iter().map(approval).collect()
    }

    pub(super) fn read_pending(&self, run: u64) -> Result<Vec<PendingDeployment>> {
        let path = self.line.address.repo(&format!("/actions/runs/{run}/pending_deployments"));
        let raw: Vec<RawPending> = self.line.list("pending deployments", &path, None)?;
        raw.into_iter().map(pending).collect()
    }

    pub(super) fn find_artifact(&self, run: u64, digest: &Digest) -> Result<Artifact> {
        let what = "artifact";
        let path = self.line.address.repo(&format!("/actions/runs/{run}/artifacts"));
        let split = |raw: RawArtifacts| (raw.total_count, raw.artifacts);
        let wanted = digest.to_string();
        let found = self.line.counted(what, &path, split)?.into_iter();
        let raw = found
            .filter(|one| !one.expired)
            .find(|one: &RawArtifact| one.digest.as_deref() == Some(wanted.as_str()))
            .ok_or_else(|| Refusal::new(MISSING, format!("run {run} has no archive {wanted}")))?;
        let made_by = raw.workflow_run.ok_or_else(|| malformed(what, "of no run"))?;
        if made_by.id != run {
            return Err(malformed(what, "of another run"));
        }
        Ok(Artifact {
            id: raw.id,
            name: raw.name,
            digest: *digest,
            size: raw.size_in_bytes,
            run,
            repo_id: made_by.repository_id,
            head_repo_id: made_by.head_repository_id,
            head_sha: sha(what, made_by.head_sha)?,
        })
    }

    pub(super) fn fetch_artifact(&self, artifact: &Artifact, max_bytes: usize) -> Result<Vec<u8>> {
        let path = self.line.address.repo(&format!("/actions/artifacts/{}/zip", artifact.id));
        let bytes = self.line.download(&path, max_bytes)?;
        let found = Digest::of(&bytes);
        if found != artifact.digest {
            return Err(Refusal::new(ARTIFACT_DIGEST, format!("{found}, and not {}", artifact.digest)));
        }
        Ok(bytes)
    }
}

fn environment(raw: RawEnvironment) -> Result<Environment> {
    let mut reviewers = Vec::new();
    let mut prevents_self_review = false;
    for rule in raw.protection_rules {
        match rule.kind.as_str() {
            "required_reviewers" => {
                let missing = || malformed("environment", "a rule of reviewers that is not whole");
                prevents_self_review = rule.prevent_self_review.ok_or_else(missing)?;
                for reviewer in rule.reviewers.ok_or_else(missing)? {
                    reviewers.push(reviewer.reviewer()?);
                }
            }
            "wait_timer" | "branch_policy" => {}
            other => return Err(unknown("protection rule", other)),
        }
    }
    let branches = match raw.deployment_branch_policy {
        None => None,
        Some(RawBranchPolicy { protected_branches: true, custom_branch_policies: false }) => {
            Some(BranchPolicy::Protected)
        }
        Some(RawBranchPolicy { protected_branches: false, custom_branch_policies: true }) => Some(BranchPolicy::Listed),
        Some(_) => return Err(malformed("environment", "a branch policy that is both or neither")),
    };
    Ok(Environment {
        id: raw.id,
        name: raw.name,
        reviewers,
        prevents_self_review,
        admins_bypass: raw.can_admins_bypass,
        branches,
    })
}

fn approval(raw: RawApproval) -> Result<RunApproval> {
    const STATES: [(&str, RunApprovalState); 3] = [
        ("approved", RunApprovalState::Approved),
        ("rejected", RunApprovalState::Rejected),
        ("pending", RunApprovalState::Pending),
    ];
    Ok(RunApproval {
        environments: raw.environments.into_iter().map(|place| (place.id, place.name)).collect(),
        state: word("approval state", &STATES, &raw.state)?,
        by: raw.user.account()?,
        comment: raw.comment,
    })
}

fn pending(raw: RawPending) -> Result<PendingDeployment> {
    Ok(PendingDeployment {
        environment_id: raw.environment.id,
        environment: raw.environment.name,
        may_review: raw.current_user_can_approve,
        reviewers: raw.reviewers.into_iter().map(RawReviewer::reviewer).collect::<Result<_>>()?,
    })
}
