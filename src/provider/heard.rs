//! What has been heard of an answer, whole or piece by piece, and whether it is one.

use crate::{
    base::{
        json::MAX_INTEGER,
        reason::{Refusal, Result},
    },
    provider::{
        Usage,
        reasons::{CUT_SHORT, EMPTY, FAILED, FILTERED, MALFORMED, REFUSAL, TOOL_CALL, TRUNCATED},
    },
};

/// How the model ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It said all it had to say.
    Done,
    /// It may not say more.
    Length,
    /// A filter took it away; the provider's word for it.
    Filtered(String),
    /// It refuses.
    Refused,
    /// It calls a tool.
    Tool,
    /// A word that is not known.
    Unknown(String),
}

/// What has been heard so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The text.
    pub text: String,
    /// The model that answers.
    pub model: Option<String>,
    /// What it cost so far.
    pub usage: Usage,
    /// How it ended, once it has.
    pub ending: Option<Ending>,
    /// Whether the protocol's own end was there.
    pub closed: bool,
    /// What the model says instead of an answer.
    pub refusal: Option<String>,
    /// The tool that it calls.
    pub tool: Option<String>,
    /// What the provider says went wrong after it had begun.
    pub error: Option<String>,
    /// What does not fit the protocol.
    pub odd: Option<&'static str>,
}

impl Heard {
    /// Notes a count of tokens where the provider tells it, no larger than a plan can hold.
    pub(super) fn count(place: &mut Option<u64>, told: Option<u64>) {
        if let Some(told) = told {
            *place = Some(told.min(MAX_INTEGER.unsigned_abs()));
        }
    }

    /// Notes a count that grows while an answer comes in: one that shrinks again does not count.
    pub(super) fn count_up(place: &mut Option<u64>, told: Option<u64>) {
        Self::count(place, told.max(*place));
    }

    /// Refuses whatever is not one whole text of a model that ended by itself.
    ///
    /// `shown` makes foreign text fit to be shown.
    ///
    /// # Errors
    /// `provider.failed`, `provider.malformed`, `provider.tool_call`, `provider.refusal`, `provider.filtered`,
    /// `provider.cut_short`, `provider.truncated`, `provider.empty`.
    pub fn check(&self, shown: impl Fn(&str) -> String) -> Result<()> {
        if let Some(error) = &self.error {
            return Err(Refusal::new(FAILED, format!("in the middle of the answer: {}", shown(error))));
        }
        if let Some(odd) = self.odd {
            return Err(Refusal::new(MALFORMED, odd));
        }
        if let Some(tool) = &self.tool {
            return Err(Refusal::new(TOOL_CALL, format!("it calls `{}`", shown(tool))));
        }
        if let Some(refusal) = self.refusal.as_ref().filter(|text| !text.is_empty()) {
            return Err(Refusal::new(REFUSAL, format!("it says: {}", shown(refusal))));
        }
        match &self.ending {
            None => return Err(Refusal::new(TRUNCATED, "it does not say how it ended")),
            Some(Ending::Done) => {}
            Some(Ending::Length) => return Err(Refusal::new(CUT_SHORT, "it reached the most tokens of an answer")),
            Some(Ending::Filtered(word)) => return Err(Refusal::new(FILTERED, format!("`{}`", shown(word)))),
            Some(Ending::Refused) => return Err(Refusal::new(REFUSAL, format!("it says: {}", shown(&self.text)))),
            Some(Ending::Tool) => return Err(Refusal::new(TOOL_CALL, "it ended to call a tool")),
            Some(Ending::Unknown(word)) => {
                return Err(Refusal::new(MALFORMED, format!("it ended with `{}`, which is not known", shown(word))));
            }
        }
        if !self.closed {
            return Err(Refusal::new(TRUNCATED, "the end of the stream is missing"));
        }
        if self.text.trim().is_empty() {
            return Err(Refusal::new(EMPTY, "its text is empty"));
        }
        Ok(())
    }
}
