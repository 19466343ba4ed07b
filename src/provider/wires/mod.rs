//! The protocols that models are asked by, one file each.
//!
//! A wire says what stands in a request and takes what it knows out of an answer; it does no I/O and sees no key.

use serde_json::Value;

use super::{Question, heard::Heard};
use crate::base::reason::Result;

mod anthropic;
mod gemini;
mod openai;
#[cfg(test)]
mod tests;

/// Every wire, the one that most servers speak first.
pub static ALL: &[&dyn Wire] = &[&openai::OpenAi, &anthropic::Anthropic, &gemini::Gemini];

/// Returns the wire of a name.
#[must_use]
pub fn named(id: &str) -> Option<&'static dyn Wire> {
    ALL.iter().copied().find(|wire| wire.id() == id)
}

/// What may be left out of a request where the model does not take it; never the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// The temperature 0.
    Temperature,
    /// The seed.
    Seed,
    /// The name under which the most tokens are told; the other one is used then.
    LimitName,
    /// That a stream tells what it cost.
    StreamUsage,
    /// The mark at the end of what the provider may keep in its cache.
    CacheMark,
}

/// How a request is made.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'s> {
    /// Whether the answer is to come as a stream of events.
    pub stream: bool,
    /// The host that is asked.
    pub host: &'s str,
    /// What this model has been found not to take.
    pub without: &'s [Extra],
}

impl Shape<'_> {
    /// Tells whether the request has it.
    fn has(&self, extra: Extra) -> bool {
        !self.without.contains(&extra)
    }
}

/// One protocol.
pub trait Wire: Sync {
    /// The name that `--provider` takes.
    fn id(&self) -> &'static str;

    /// What people call it.
    fn title(&self) -> &'static str;

    /// The address of the provider that the protocol is of.
    fn endpoint(&self) -> &'static str;

    /// The variable that holds the key.
    fn key_variable(&self) -> &'static str;

    /// The header that carries the key, and what stands before the key in it.
    fn key_header(&self) -> (&'static str, &'static str);

    /// The headers that every request has beside it.
    fn headers(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Whether a request can hold a mark for the provider's cache; where not, the provider keeps what it likes.
    fn marks_cache(&self) -> bool {
        false
    }

    /// The path below the endpoint.
    ///
    /// # Errors
    /// `provider.model_name` where the model's name cannot stand in it.
    fn path(&self, model: &str, stream: bool) -> Result<String>;

    /// The body of the request.
    fn body(&self, question: &Question<'_>, shape: &Shape<'_>) -> Value;

    /// What the provider says, in an error with status 400, that the model does not take.
    fn unsupported(&self, error: &Value) -> Option<Extra>;

    /// Takes a whole answer, or one event of a stream.
    fn hear(&self, value: &Value, heard: &mut Heard);

    /// The data of the event that is no JSON and ends a stream, where the protocol has one.
    fn closing(&self) -> Option<&'static str> {
        None
    }
}

/// Finds which of `names` an error is about: by its parameter, or as a word of a message that says so.
fn blamed(error: &Value, names: &[(&str, Extra)]) -> Option<Extra> {
    let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    if let Some((_, extra)) = names.iter().find(|(name, _)| text("param") == *name) {
        return Some(*extra);
    }
    let message = text("message").to_lowercase();
    let says_so = ["support", "deprecated", "unknown", "unrecognized", "not permitted", "extra inputs"];
    if !says_so.iter().any(|words| message.contains(words)) {
        return None;
    }
    let mut words = message.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.find_map(|word| names.iter().find(|(name, _)| *name == word).map(|(_, extra)| *extra))
}

/// Returns a member that is a text.
fn text_of<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

/// Returns a member that is there and not null.
fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.get(name).filter(|member| !member.is_null())
}

/// Returns the items of a member that is a list.
fn items<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}
