//! The event that starts `comment`: where to look, and nothing more.

use serde_json::Value;

use crate::{
    app::{files, reasons::EVENT_FORM, world::World},
    approval::command,
    base::reason::{Refusal, Result},
    cli::args::CommentArgs,
};

/// The most bytes of an event's file.
const MAX_EVENT: usize = 1 << 20;

/// What the event's file says; nothing of it is believed but where to look.
pub(super) struct Event {
    pub(super) repository: String,
    /// The change request.
    pub(super) number: u64,
    /// The new comment; none where the change request itself is new, or has a new head.
    pub(super) comment: Option<u64>,
}

impl Event {
    /// Reads the file; none where the event is not a new comment by somebody.
    pub(super) fn read(args: &CommentArgs, world: &World) -> Result<Option<Self>> {
        let bytes = files::read(&world.cwd.join(&args.event), MAX_EVENT)?;
        let event: Value =
            serde_json::from_slice(&bytes).map_err(|e| Refusal::new(EVENT_FORM, format!("not JSON: {e}")))?;
        let number = |at: &Value, what: &str| {
            at.as_u64().ok_or_else(|| Refusal::new(EVENT_FORM, format!("`{what}` is no number")).subject(what))
        };
        let repository = || number(&event["repository"]["id"], "repository.id").map(|id| id.to_string());
        let action = event["action"].as_str().unwrap_or_default();
        if event["comment"].is_object() {
            let by_program = event["comment"]["user"]["type"].as_str() == Some("Bot");
            let body = event["comment"]["body"].as_str().unwrap_or_default();
            // Our own words, quoted commands and all, must never set us off again.
            if action != "created" || by_program || matches!(command::read(body), Ok(None)) {
                return Ok(None);
            }
            let comment = Some(number(&event["comment"]["id"], "comment.id")?);
            let number = number(&event["issue"]["number"], "issue.number")?;
            return Ok(Some(Self { repository: repository()?, number, comment }));
        }
        if event["pull_request"].is_object() && matches!(action, "opened" | "reopened" | "synchronize") {
            let number = number(&event["pull_request"]["number"], "pull_request.number")?;
            return Ok(Some(Self { repository: repository()?, number, comment: None }));
        }
        Ok(None)
    }
}
