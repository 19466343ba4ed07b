//! What a run leaves on the forge: its result in the conversations, and a check and a deployment of the commit.

use std::sync::Arc;

use super::{
    conversation::{Conversation, page},
    session::Session,
    tracking,
    world::World,
};
use crate::{
    base::{
        ident::Id,
        reason::{Refusal, Result},
    },
    event::{RunEvent, RunStatus},
    facts::{
        check::{CheckDraft, CheckState, Conclusion},
        deployment::{DeploymentDraft, DeploymentState, DeploymentStatusDraft},
    },
    forge::Forge,
    plan::SealedPlan,
    report::comment::{Channel, Link, Marker, Mode, ResultComment},
    sign::predicate::LedgerHead,
};

/// A run that is over, as far as the forge is to be told.
pub(crate) struct Aftermath<'a> {
    pub(crate) plan: &'a SealedPlan,
    pub(crate) run: &'a Id,
    pub(crate) status: RunStatus,
    pub(crate) events: &'a [RunEvent],
    pub(crate) ledger: Option<&'a LedgerHead>,
    /// How comments are written.
    pub(crate) mode: Mode,
}

impl Aftermath<'_> {
    /// Tells the forge; what it does not take changes nothing of the run, and is returned to be said.
    pub(crate) fn tell(&self, forge: &Arc<dyn Forge>, session: &Session, world: &World) -> Vec<Refusal> {
        let document = self.plan.plan();
        let directive = &document.directive.name;
        let page = page(session, world);
        let result = ResultComment {
            directive,
            plan: self.plan.digest(),
            run: self.run,
            events: self.events,
            ledger: self.ledger,
            page: page.as_ref(),
            channel: Channel::GitHub,
        };
        let body = result.render();
        let marker = Marker::Result(directive.clone());
        let at = |number| Conversation { forge: forge.as_ref(), number, mode: self.mode };
        let mut unheard = Vec::new();
        if let Some(number) = document.subject.change_request {
            unheard.extend(at(number).put(&marker, &body).err());
        }
        match tracking::tracked(session, document) {
            Ok(None) => {}
            Ok(Some(issue)) => unheard.extend(tracking::write_back(&at(issue.number), &marker, &body).err()),
            Err(refusal) => unheard.push(refusal),
        }
        let check = CheckDraft {
            name: format!("countersign / {directive}"),
            head_sha: document.subject.head_sha.clone(),
            external_id: self.run.to_string(),
            url: page.as_ref().map(Link::address),
            state: CheckState::Completed(conclusion(self.status)),
            title: format!("Run {}", self.run),
            summary: body,
            annotations: Vec::new(),
        };
        unheard.extend(forge.create_check(&check).err());
        if let Some(environment) = &document.environment {
            unheard.extend(self.deployed(forge.as_ref(), environment, page.as_ref()).err());
        }
        unheard
    }

    /// Shows the run as a deployment of its commit to the environment that the plan names, and how it went.
    ///
    /// What GitHub shows by itself is the job's: of the environment that holds its keys, and well wherever the job ends well.
    fn deployed(&self, forge: &dyn Forge, environment: &Id, page: Option<&Link>) -> Result<()> {
        let document = self.plan.plan();
        let directive = shortened(&document.directive.name.to_string());
        let deployment = forge.create_deployment(&DeploymentDraft {
            sha: document.subject.head_sha.clone(),
            environment: environment.to_string(),
            task: "countersign".to_owned(),
            description: format!("countersign / {directive}"),
            external_id: self.run.to_string(),
        })?;
        let status = DeploymentStatusDraft {
            state: state(self.status),
            description: format!("{directive}: {}", self.status.word()),
            log_url: page.map(Link::address),
            environment_url: None,
        };
        forge.set_deployment_status(deployment, &status).map(drop)
    }
}

/// Returns as much of a name as a description has room for.
fn shortened(name: &str) -> String {
    name.chars().take(100).collect()
}

/// Says how a run ended in a deployment's own words; what is not known is no success.
fn state(status: RunStatus) -> DeploymentState {
    match status {
        RunStatus::Completed => DeploymentState::Success,
        RunStatus::Cancelled | RunStatus::Halted | RunStatus::Indeterminate => DeploymentState::Error,
        _ => DeploymentState::Failure,
    }
}

/// Says how a run ended in a check's own words; doubt asks for somebody.
fn conclusion(status: RunStatus) -> Conclusion {
    match status {
        RunStatus::Completed => Conclusion::Success,
        RunStatus::Cancelled | RunStatus::Halted => Conclusion::Cancelled,
        RunStatus::Indeterminate => Conclusion::ActionRequired,
        _ => Conclusion::Failure,
    }
}
