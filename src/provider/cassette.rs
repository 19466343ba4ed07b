//! Cassettes: what a source was asked and answered, to be played again where nobody can be asked.
//!
//! A cassette is JSON Lines, each line in canonical form: a header, then one exchange a line under the digest of its
//! question. [`Replay`] answers a question that is there, each line once, and refuses every other; it asks nobody, and
//! its origin says so. A key is never in it: headers are no part of an exchange, and what looks like a secret refuses.

#[cfg(test)]
mod tests;

use std::io::Write;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Cost, Exchange, Origin, Progress, Question, Role, Source, Usage,
    reasons::{PROVIDER_CASSETTE_FORM, PROVIDER_CASSETTE_MISS, PROVIDER_CASSETTE_SECRET},
};
use crate::base::{
    digest::Digest,
    json,
    leak::secret_in,
    reason::{IO, Refusal, Result},
    secret::Secret,
};

/// The most bytes of a cassette.
pub const MAX_CASSETTE: usize = 64 << 20;
/// The most bytes of one line.
const MAX_LINE: usize = 16 << 20;
/// The most bytes of one piece of a text: strict JSON knows no longer string.
const MAX_PIECE: usize = 60_000;
/// The version that this tool writes and reads.
const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Header {
    cassette: u32,
}

/// Every other line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Line {
    question: Digest,
    sent: Vec<String>,
    received: Vec<String>,
    text: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    cached_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    cache_write_tokens: Option<u64>,
}

/// Returns the digest of a question: all that the model is told and asked for, but not the seed, which is new each time,
/// nor where a provider may cut it.
///
/// # Errors
/// Where the schema is no value that canonical JSON knows.
pub fn question_digest(question: &Question<'_>) -> Result<Digest> {
    let turns = question.turns.iter().map(|turn| {
        let role = match turn.role {
            Role::Asker => "asker",
            Role::Model => "model",
        };
        json!([role, turn.text])
    });
    let whole = json!({
        "maxOutputTokens": question.max_output_tokens,
        "model": question.model,
        "schema": question.schema,
        "system": question.system,
        "turns": turns.collect::<Vec<_>>(),
    });
    Ok(Digest::framed("provider-question", [json::canonical(&whole)?]))
}

/// A source that writes down what another one is asked and answers.
pub struct Recorder<S, W> {
    source: S,
    tape: W,
    secrets: Vec<Secret>,
    begun: bool,
    asked: bool,
}

impl<S, W> std::fmt::Debug for Recorder<S, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recorder")
    }
}

impl<S: Source, W: Write> Recorder<S, W> {
    /// Wraps a source; `secrets` are what must not be on the tape besides all that looks like one.
    pub fn new(source: S, tape: W, secrets: Vec<Secret>) -> Self {
        Self { source, tape, secrets, begun: false, asked: false }
    }

    fn check(&self, text: &str) -> Result<()> {
        let known = self.secrets.iter().map(Secret::expose).any(|secret| !secret.is_empty() && text.contains(secret));
        match secret_in(text).or(known.then_some("the key")) {
            Some(what) => Err(Refusal::new(PROVIDER_CASSETTE_SECRET, format!("there is {what} in it"))),
            None => Ok(()),
        }
    }

    fn write(&mut self, line: &Line) -> Result<()> {
        let mut bytes = Vec::new();
        if !self.begun {
            bytes.extend(json::canonical(&Header { cassette: VERSION })?);
            bytes.push(b'\n');
        }
        bytes.extend(json::canonical(line)?);
        bytes.push(b'\n');
        let failed = |e: std::io::Error| Refusal::new(IO, format!("cannot write the cassette: {e}"));
        self.tape.write_all(&bytes).and_then(|()| self.tape.flush()).map_err(failed)?;
        self.begun = true;
        Ok(())
    }
}

impl<S: Source, W: Write> Source for Recorder<S, W> {
    fn ask(&mut self, question: &Question<'_>, progress: &mut dyn FnMut(Progress)) -> Result<Exchange> {
        // What cannot be recorded is not asked.
        self.asked = false;
        self.check(question.system)?;
        question.turns.iter().try_for_each(|turn| self.check(&turn.text))?;
        self.asked = true;
        let exchange = self.source.ask(question, progress)?;
        let as_text = |bytes: &[u8]| {
            String::from_utf8(bytes.to_vec())
                .map_err(|_| Refusal::new(PROVIDER_CASSETTE_FORM, "what was sent or received is not UTF-8"))
        };
        let (sent, received) = (as_text(&exchange.sent)?, as_text(&exchange.received)?);
        for text in [&sent, &received, &exchange.text] {
            self.check(text)?;
        }
        self.write(&Line {
            question: question_digest(question)?,
            sent: pieces(&sent),
            received: pieces(&received),
            text: pieces(&exchange.text),
            model: exchange.model.clone(),
            input_tokens: exchange.usage.input_tokens,
            output_tokens: exchange.usage.output_tokens,
            cached_tokens: exchange.usage.cached_tokens,
            cache_write_tokens: exchange.usage.cache_write_tokens,
        })?;
        Ok(exchange)
    }

    fn cost(&self) -> Cost {
        if self.asked { self.source.cost() } else { Cost::default() }
    }

    fn origin(&self) -> Origin {
        self.source.origin()
    }
}

/// A source that asks nobody, and answers from a cassette.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    lines: Vec<Line>,
}

impl Replay {
    /// Reads a cassette, whole.
    ///
    /// # Errors
    /// `provider.cassette_form`, `limit.size`.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let refuse = |number: usize, why: &str| {
            Refusal::new(PROVIDER_CASSETTE_FORM, format!("line {number}: {why}")).subject(format!("line {number}"))
        };
        if bytes.len() > MAX_CASSETTE {
            let why = format!("{} bytes, the limit is {MAX_CASSETTE}", bytes.len());
            return Err(Refusal::new(crate::base::reason::LIMIT_SIZE, why));
        }
        let Some(whole) = bytes.strip_suffix(b"\n") else { return Err(refuse(1, "the last line does not end")) };
        let mut all = whole.split(|b| *b == b'\n').enumerate().map(|(n, line)| (n + 1, line));
        let first = all.next().map(|(_, line)| json::from_canonical::<Header>(line, MAX_LINE));
        match first {
            Some(Ok(Header { cassette: VERSION })) => {}
            Some(Ok(Header { cassette })) => return Err(refuse(1, &format!("version {cassette}, not {VERSION}"))),
            Some(Err(why)) => return Err(refuse(1, why.message())),
            None => return Err(refuse(1, "there is none")),
        }
        let read = |(number, line)| {
            json::from_canonical::<Line>(line, MAX_LINE).map_err(|why: Refusal| refuse(number, why.message()))
        };
        Ok(Self { lines: all.map(read).collect::<Result<_>>()? })
    }
}

impl Source for Replay {
    fn ask(&mut self, question: &Question<'_>, progress: &mut dyn FnMut(Progress)) -> Result<Exchange> {
        let wanted = question_digest(question)?;
        let Some(at) = self.lines.iter().position(|line| line.question == wanted) else {
            let left = self.lines.len();
            let why = format!("question {wanted} is not among the {left} that are left");
            return Err(Refusal::new(PROVIDER_CASSETTE_MISS, why).subject(wanted.to_string()));
        };
        let line = self.lines.remove(at);
        let received = line.received.concat().into_bytes();
        progress(Progress::Received(received.len()));
        Ok(Exchange {
            sent: line.sent.concat().into_bytes(),
            received,
            text: line.text.concat(),
            model: line.model,
            usage: Usage {
                input_tokens: line.input_tokens,
                output_tokens: line.output_tokens,
                cached_tokens: line.cached_tokens,
                cache_write_tokens: line.cache_write_tokens,
            },
            requests: 0,
            millis: 0,
        })
    }

    fn cost(&self) -> Cost {
        Cost::default()
    }

    fn origin(&self) -> Origin {
        Origin::Replay
    }
}

/// Takes a text apart at its line feeds, and where a line is too long for one string.
fn pieces(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for line in text.split_inclusive('\n') {
        let mut rest = line;
        while rest.len() > MAX_PIECE {
            let (head, tail) = rest.split_at(rest.floor_char_boundary(MAX_PIECE));
            all.push(head.to_owned());
            rest = tail;
        }
        all.push(rest.to_owned());
    }
    all
}
