//! What a run leaves on the forge: its result in the conversations, and a check on the commit.

use std::sync::Arc;

use super::{
    conversation::{Conversation, page},
    session::Session,
    tracking,
    world::World,
};
use crate::{
    base::{ident::Id, reason::Refusal},
    event::{RunEvent, RunStatus},
    facts::check::{CheckDraft, CheckState, Conclusion},
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
        let at = |number| Conversation { forge: forge.as_ref(), number, mode: Mode::InPlace };
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
        unheard
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
