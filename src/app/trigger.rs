//! What set the job of a planner off: whether they may, asked of the forge before any model is; and when it was.
//!
//! Nobody has to let the job of a comment or an issue run, so that anybody at all could have a model asked, with words
//! of their own. On a person's own machine there is nobody else to ask about, nor where no forge is named.

use serde_json::Value;

use super::{
    files, forge,
    gate::enough,
    privileges::Place,
    reasons::{INPUT_EDITED, PLANNER_UNTRUSTED},
    session::Session,
    world::World,
};
use crate::{
    base::{
        permission::Permission,
        reason::{Refusal, Result},
        text::visible,
        time::Timestamp,
    },
    facts::account::Account,
    forge::{
        Forge,
        reasons::{DENIED, MISSING},
    },
};

/// The most bytes of an event's file.
const MAX_EVENT: usize = 1 << 20;

/// What set the job off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trigger {
    /// When; none where nobody but the person at the machine did, who reads what is there now.
    at: Option<Timestamp>,
}

/// Refuses a job of whose makers one may do too little in the repository, or is no person.
///
/// Asked about are whoever set the run off, and whoever started it again; outside of GitHub Actions, which has no
/// record of it, whom the job names as the one who asks.
///
/// # Errors
/// `planner.untrusted_trigger`, `forge.*`.
pub(crate) fn check(session: &Session, least: Permission, requester: u64, world: &World) -> Result<Trigger> {
    if Place::of(&world.env) == Place::Person || session.root.document().forge.is_none() {
        return Ok(Trigger::default());
    }
    let Some(forge) = forge::reach(session, world)? else {
        let what = format!("who set this job off cannot be asked about: {} is not set", forge::TOKEN);
        return Err(Refusal::new(PLANNER_UNTRUSTED, what).hint("give the job its token, with `contents: read` alone"));
    };
    let forge = forge.as_ref();
    let (people, at) = match forge::run(forge, session, world).map_err(unknown)? {
        Some(run) => {
            let told = event_time(forge, world)?;
            let at = told.map_or(run.created_at, |told| told.min(run.created_at));
            let again = (run.triggering_actor != run.actor).then_some(run.triggering_actor);
            (std::iter::once(run.actor).chain(again).collect(), Some(at))
        }
        // GitHub Actions names its runs; whom the job names itself counts only where there is no such record.
        None if world.env.text("GITHUB_ACTIONS") == Some("true") => {
            return Err(Refusal::new(PLANNER_UNTRUSTED, "GITHUB_RUN_ID and GITHUB_RUN_ATTEMPT name no run"));
        }
        None => (vec![forge.account(requester).map_err(unknown)?], None),
    };
    people.iter().try_for_each(|account| may(forge, account, least))?;
    Ok(Trigger { at })
}

fn may(forge: &dyn Forge, account: &Account, least: Permission) -> Result<()> {
    if !account.is_person() {
        let what = format!("{} is no person", visible(&account.login));
        return Err(Refusal::new(PLANNER_UNTRUSTED, what).subject(account.id.to_string()));
    }
    enough(forge, account, least, PLANNER_UNTRUSTED).map_err(unknown).map(drop)
}

/// Says what the forge does not have, or does not tell this job, in words of this check.
fn unknown(refusal: Refusal) -> Refusal {
    if ![MISSING.code, DENIED.code].contains(&refusal.code()) {
        return refusal;
    }
    Refusal::new(PLANNER_UNTRUSTED, format!("who set this job off is not known: {}", refusal.message()))
        .hint("give the job `actions: read` beside `contents: read`")
}

/// Returns when happened what the event tells of; none where it tells of no comment, issue or change request.
fn event_time(forge: &dyn Forge, world: &World) -> Result<Option<Timestamp>> {
    let Some(path) = world.env.text("GITHUB_EVENT_PATH") else { return Ok(None) };
    let bytes = files::read(&world.cwd.join(path), MAX_EVENT)?;
    let event: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if let Some(id) = event["comment"]["id"].as_u64() {
        return forge.comment(id).map(|comment| Some(comment.created_at)).map_err(unknown);
    }
    let changed = ["issue", "pull_request"].iter().find_map(|what| event[*what]["updated_at"].as_str());
    changed.map(str::parse).transpose()
}

impl Trigger {
    /// Refuses a text of an issue or change request that somebody edited after the job was set off: whoever set it off
    /// meant what they saw.
    ///
    /// # Errors
    /// `input.edited`, `forge.*`.
    pub(crate) fn check_text(self, forge: &dyn Forge, number: u64, title: &str, body: Option<&str>) -> Result<()> {
        let Some(at) = self.at else { return Ok(()) };
        let history = forge.text_history(number, title, body)?;
        match history.last_edited_at {
            Some(edited) if edited > at => {
                let by = history.editor.as_deref().map(|login| format!(" by {}", visible(login))).unwrap_or_default();
                let what = format!("number {number} was edited at {edited}{by}, after it was asked for at {at}");
                Err(Refusal::new(INPUT_EDITED, what).subject(number.to_string()))
            }
            _ => Ok(()),
        }
    }
}
