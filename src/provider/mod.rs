//! Providers: what answers a planner's question, be it a model behind HTTP, an agent's command line or a person.
//!
//! Nothing here knows a plan, a key that signs, or the ledger. What comes back is untrusted bytes: the planner reads
//! them as such, and the seal does once more. Every source keeps the exact bytes that it sent and received.

use crate::base::reason::{Refusal, Result};
use reasons::PROVIDER_MODEL_NAME;

pub mod cassette;
pub mod catalog;
pub mod command;
pub mod endpoint;
pub mod heard;
pub mod http;
mod key;
pub mod manual;
mod narrow;
mod pause;
pub mod reasons;
mod sse;
pub mod wires;

/// Who speaks in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The one who asks.
    Asker,
    /// The model, in an earlier answer.
    Model,
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// What is said, UTF-8.
    pub text: String,
}

/// One question.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// What the model is told about its task, before everything else.
    pub system: &'q str,
    /// The conversation so far; the last turn is the asker's.
    pub turns: &'q [Turn],
    /// How many bytes at the beginning of the first turn stay the same in the questions that may follow; 0 where none.
    ///
    /// It is a hint for the provider's cache, and nothing that the model is told.
    pub stable: usize,
    /// The JSON Schema (draft 2020-12, objects closed) that the answer must satisfy.
    pub schema: &'q serde_json::Value,
    /// The model's name, as the provider knows it; empty where the source has no choice.
    pub model: &'q str,
    /// The most tokens of an answer.
    pub max_output_tokens: u32,
    /// Where the provider takes one, the seed of its choices.
    pub seed: u64,
}

/// What an answer cost, as the provider reports it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens that were sent, those of its cache included; none where the provider does not say.
    pub input_tokens: Option<u64>,
    /// Tokens that came back; none where the provider does not say.
    pub output_tokens: Option<u64>,
    /// Of the tokens sent, those that the provider read from its cache; none where it does not say.
    pub cached_tokens: Option<u64>,
    /// Of the tokens sent, those that the provider wrote to its cache; none where it does not say.
    pub cache_write_tokens: Option<u64>,
}

/// One question and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The exact bytes that were sent, without headers and so without any key.
    pub sent: Vec<u8>,
    /// The exact bytes that came back.
    pub received: Vec<u8>,
    /// The text of the answer, taken out of `received`.
    pub text: String,
    /// The model that answered, as the source says.
    pub model: Option<String>,
    /// What it cost.
    pub usage: Usage,
    /// Requests that were sent, repeated ones included.
    pub requests: u32,
    /// From the first byte sent to the last received, in milliseconds.
    pub millis: u64,
}

/// What a question used of requests and time, whether it was answered or refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Requests that were sent, repeated ones included.
    pub requests: u32,
    /// From the question to its end, in milliseconds, pauses included.
    pub millis: u64,
}

/// How far an answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The request is sent.
    Asked,
    /// So many bytes of the answer are there.
    Received(usize),
    /// The provider asked to come back after so many seconds.
    Waiting(u64),
}

/// What stands behind a source, for the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A model behind HTTP.
    Http,
    /// An agent's own command line.
    Command,
    /// A person, by files.
    Manual,
    /// A cassette: nobody was asked.
    Replay,
}

impl Origin {
    /// Returns the word that plans and views use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Command => "command",
            Self::Manual => "manual",
            Self::Replay => "replay",
        }
    }
}

/// Refuses what is no name of a model: it stands in addresses and arguments.
///
/// # Errors
/// `provider.model_name`.
pub fn check_model(name: &str) -> Result<()> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._:/@+-[]".contains(&b);
    let fits = (1..=200).contains(&name.len()) && !name.starts_with('-') && name.bytes().all(plain);
    if fits && !name.split('/').any(|part| part == "..") {
        return Ok(());
    }
    Err(Refusal::new(PROVIDER_MODEL_NAME, format!("`{}`", crate::base::text::excerpt(name))))
}

/// What answers questions, one at a time.
pub trait Source {
    /// Asks, and waits for the whole answer.
    ///
    /// # Errors
    /// The codes of [`reasons`]; nothing of the answer counts then.
    fn ask(&mut self, question: &Question<'_>, progress: &mut dyn FnMut(Progress)) -> Result<Exchange>;

    /// Says what the last question cost, a refused one too; a source that wraps another says what it cost that one.
    fn cost(&self) -> Cost;

    /// Says what stands behind it; a source that wraps another says what that one does.
    fn origin(&self) -> Origin {
        Origin::Http
    }
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn ask(&mut self, question: &Question<'_>, progress: &mut dyn FnMut(Progress)) -> Result<Exchange> {
        (**self).ask(question, progress)
    }

    fn cost(&self) -> Cost {
        (**self).cost()
    }

    fn origin(&self) -> Origin {
        (**self).origin()
    }
}
