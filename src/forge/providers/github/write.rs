//! Writes: each has one effect. Where an answer leaves open whether it had, look before trying once more.

use serde_json::{Map, Value, json};

use super::{
    GitHub,
    address::part,
    change::RawComment,
    decode::{self, malformed},
    line::{Ask, Failure},
};
use crate::{
    base::reason::{Refusal, Result},
    facts::{
        change_request::{Comment, Reaction},
        environment::StartedRun,
    },
    forge::{
        http::Answer,
        reasons::{ADDRESS, OUTCOME_UNKNOWN},
    },
};

/// How one try of a write ended.
pub(super) type Sent = std::result::Result<Answer, Failure>;

/// Writes once: `send` writes, `read` reads its answer, `look` says whether the effect is there.
///
/// # Errors
/// Those of the three, and `forge.outcome_unknown`.
pub(super) fn once<T>(
    send: impl Fn() -> Sent,
    read: impl Fn(&Answer) -> Result<T>,
    look: impl Fn() -> Result<Option<T>>,
) -> Result<T> {
    let mut tries = 0;
    loop {
        tries += 1;
        let open = match send() {
            Ok(answer) => return read(&answer),
            Err(Failure::Refused(refusal)) => return Err(refusal),
            Err(Failure::Open(refusal)) => refusal,
        };
        match look() {
            Ok(Some(found)) => return Ok(found),
            Ok(None) if tries < 2 => {}
            Ok(None) => return Err(open),
            Err(blind) => {
                let message = format!("{}; and looking failed: {}", open.message(), blind.message());
                return Err(Refusal::new(OUTCOME_UNKNOWN, message));
            }
        }
    }
}

/// Where looking cannot tell.
pub(super) fn blind<T>(what: &'static str) -> impl Fn() -> Result<Option<T>> {
    move || Err(Refusal::new(OUTCOME_UNKNOWN, format!("{what} cannot be told from another")))
}

impl GitHub {
    pub(super) fn post_comment(&self, number: u64, body: &str) -> Result<Comment> {
        let path = self.line.address.repo(&format!("/issues/{number}/comments"));
        let text = json!({ "body": body });
        once(
            || self.line.write(Ask::Post(&text), &path),
            comment,
            || {
                let me = self.own_account()?;
                let all = self.read_comments(number)?;
                Ok(all.into_iter().rev().find(|one| one.author.id == me.id && same_text(&one.body, body)))
            },
        )
    }

    pub(super) fn patch_comment(&self, id: u64, body: &str) -> Result<Comment> {
        let path = self.line.address.repo(&format!("/issues/comments/{id}"));
        let text = json!({ "body": body });
        once(
            || self.line.write(Ask::Patch(&text), &path),
            comment,
            || Ok(Some(self.read_comment(id)?).filter(|found| same_text(&found.body, body))),
        )
    }

    pub(super) fn post_reaction(&self, id: u64, reaction: Reaction) -> Result<()> {
        let content = match reaction {
            Reaction::Eyes => "eyes",
            Reaction::Rocket => "rocket",
            Reaction::ThumbsUp => "+1",
            Reaction::ThumbsDown => "-1",
            Reaction::Confused => "confused",
        };
        let path = self.line.address.repo(&format!("/issues/comments/{id}/reactions"));
        let body = json!({ "content": content });
        // The forge keeps one reaction a person and kind: the second of two is the first.
        once(|| self.line.write(Ask::Post(&body), &path), |_| Ok(()), || Ok(None))
    }

    pub(super) fn post_review(&self, run: u64, environments: &[u64], pass: bool, comment: &str) -> Result<()> {
        let path = self.line.address.repo(&format!("/actions/runs/{run}/pending_deployments"));
        let state = if pass { "approved" } else { "rejected" };
        let body = json!({ "environment_ids": environments, "state": state, "comment": comment });
        let look = || {
            let waiting = self.read_pending(run)?;
            let open = environments.iter().any(|id| waiting.iter().any(|one| one.environment_id == *id));
            Ok((!open).then_some(()))
        };
        once(|| self.line.write(Ask::Post(&body), &path), |_| Ok(()), look)
    }

    pub(super) fn post_dispatch(
        &self,
        workflow: &str,
        reference: &str,
        inputs: &[(&str, &str)],
    ) -> Result<Option<StartedRun>> {
        #[derive(serde::Deserialize)]
        struct Started {
            workflow_run_id: u64,
            html_url: String,
        }
        if !reference.starts_with("refs/") {
            return Err(Refusal::new(ADDRESS, "a workflow starts at a full name of a branch: refs/heads/..."));
        }
        let path = self.line.address.repo(&format!("/actions/workflows/{}/dispatches", part(workflow)?));
        let inputs: Map<String, Value> =
            inputs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let body = json!({ "ref": reference, "inputs": inputs, "return_run_details": true });
        let read = |answer: &Answer| match answer.status {
            204 => Ok(None),
            _ => {
                let started: Started = decode::json("dispatch", &answer.body)?;
                Ok(Some(StartedRun { id: started.workflow_run_id, url: started.html_url }))
            }
        };
        once(|| self.line.write(Ask::Post(&body), &path), read, blind("a run that was started"))
    }
}

fn comment(answer: &Answer) -> Result<Comment> {
    decode::json::<RawComment>("comment", &answer.body)?.comment()
}

/// GitHub may give line feeds back as it likes.
fn same_text(one: &str, other: &str) -> bool {
    one == other || one.replace("\r\n", "\n").trim_end() == other.replace("\r\n", "\n").trim_end()
}

/// Refuses an answer about something else than was written.
pub(super) fn same<T: PartialEq>(what: &str, found: &T, wanted: &T) -> Result<()> {
    if found == wanted { Ok(()) } else { Err(malformed(what, "it is another one")) }
}
