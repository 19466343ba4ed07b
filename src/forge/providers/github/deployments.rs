//! Deployments and how they go.

use serde::Deserialize;
use serde_json::json;

use super::{
    GitHub,
    address::part,
    decode::{self, RawAccount, RawId, nullable, sha, word},
    line::Ask,
    write::{once, same},
};
use crate::{
    base::{
        reason::{Refusal, Result},
        text::excerpt,
    },
    facts::deployment::{Deployment, DeploymentDraft, DeploymentState, DeploymentStatus, DeploymentStatusDraft},
    forge::{http::Answer, reasons::REJECTED},
};

const STATES: [(&str, DeploymentState); 7] = [
    ("queued", DeploymentState::Queued),
    ("pending", DeploymentState::Pending),
    ("in_progress", DeploymentState::InProgress),
    ("success", DeploymentState::Success),
    ("failure", DeploymentState::Failure),
    ("error", DeploymentState::Error),
    ("inactive", DeploymentState::Inactive),
];

#[derive(Deserialize)]
struct RawDeployment {
    id: u64,
    sha: String,
    environment: String,
    task: String,
    #[serde(deserialize_with = "nullable")]
    description: Option<String>,
    #[serde(deserialize_with = "nullable")]
    creator: Option<RawAccount>,
    payload: serde_json::Value,
}

#[derive(Deserialize)]
struct RawStatus {
    id: u64,
    state: String,
    description: String,
    #[serde(deserialize_with = "nullable")]
    creator: Option<RawAccount>,
}

impl RawDeployment {
    fn deployment(self) -> Result<Deployment> {
        Ok(Deployment {
            id: self.id,
            sha: sha("deployment", self.sha)?,
            environment: self.environment,
            task: self.task,
            description: self.description.unwrap_or_default(),
            external_id: self.payload["countersign"].as_str().map(str::to_owned),
            creator: self.creator.map(RawAccount::account).transpose()?,
        })
    }
}

impl GitHub {
    pub(super) fn post_deployment(&self, draft: &DeploymentDraft) -> Result<u64> {
        let path = self.line.address.repo("/deployments");
        // By commit id, with nothing merged into it and nothing else asked of it: exactly what was approved.
        let body = json!({
            "ref": draft.sha,
            "auto_merge": false,
            "required_contexts": [],
            "environment": draft.environment,
            "task": draft.task,
            "description": draft.description,
            "payload": { "countersign": draft.external_id },
        });
        let read = |answer: &Answer| {
            if answer.status != 201 {
                return Err(Refusal::new(REJECTED, format!("status {} for a deployment", answer.status)));
            }
            let made = decode::json::<RawDeployment>("deployment", &answer.body)?.deployment()?;
            same("deployment", &made.sha, &draft.sha)?;
            Ok(made.id)
        };
        let look = || {
            let all = self.read_deployments(&draft.sha, &draft.environment)?;
            let ours = |one: &Deployment| one.external_id.as_deref() == Some(draft.external_id.as_str());
            Ok(all.into_iter().find(ours).map(|one| one.id))
        };
        once(|| self.line.write(Ask::Post(&body), &path), read, look)
    }

    pub(super) fn read_deployments(&self, sha: &str, environment: &str) -> Result<Vec<Deployment>> {
        let query = format!("/deployments?sha={}&environment={}", part(sha)?, part(environment)?);
        let raw: Vec<RawDeployment> = self.line.list("deployments", &self.line.address.repo(&query), None)?;
        raw.into_iter().map(RawDeployment::deployment).collect()
    }

    pub(super) fn post_deployment_status(&self, deployment: u64, draft: &DeploymentStatusDraft) -> Result<u64> {
        let path = self.line.address.repo(&format!("/deployments/{deployment}/statuses"));
        let state = STATES.iter().find(|(_, state)| *state == draft.state).map(|(word, _)| *word);
        let mut body = json!({ "state": state, "description": draft.description });
        for (name, url) in [("log_url", &draft.log_url), ("environment_url", &draft.environment_url)] {
            if let Some(url) = url {
                if !url.starts_with("https://") && !url.starts_with("http://") {
                    return Err(Refusal::new(REJECTED, format!("no address for people: `{}`", excerpt(url))));
                }
                body[name] = json!(url);
            }
        }
        // The newest status is the one that counts: the same one twice is the same.
        let look = || {
            let newest = self.read_deployment_statuses(deployment)?.into_iter().next();
            let ours = |one: &DeploymentStatus| one.state == draft.state && one.description == draft.description;
            Ok(newest.filter(ours).map(|one| one.id))
        };
        let read = |answer: &Answer| Ok(decode::json::<RawId>("deployment status", &answer.body)?.id);
        once(|| self.line.write(Ask::Post(&body), &path), read, look)
    }

    pub(super) fn read_deployment_statuses(&self, deployment: u64) -> Result<Vec<DeploymentStatus>> {
        let path = self.line.address.repo(&format!("/deployments/{deployment}/statuses"));
        let raw: Vec<RawStatus> = self.line.list("deployment statuses", &path, None)?;
        raw.into_iter()
            .map(|raw| {
                Ok(DeploymentStatus {
                    id: raw.id,
                    state: word("deployment state", &STATES, &raw.state)?,
                    description: raw.description,
                    creator: raw.creator.map(RawAccount::account).transpose()?,
                })
            })
            .collect()
    }
}
