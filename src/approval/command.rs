//! Commands in comments: one line of plain ASCII, and what it asks for.
//!
//! What a comment must look like is the whole defence here: it is read exactly, or not at all. A text that
//! is no command is never answered; one that nearly is gets a refusal that says what to write instead.
//! `docs/comments.md` describes the grammar for people.

mod block;
mod verb;
mod words;

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;

pub use self::verb::{Entry, Verb, Why};
use self::{
    block::Kind,
    words::{Words, quote},
};
use super::reasons::{
    APPROVAL_UNBOUND, COMMENT_BELOW, COMMENT_FORM, COMMENT_NOT_FIRST, COMMENT_NOT_PLAIN, COMMENT_REASON,
    COMMENT_SEVERAL, COMMENT_VERB, DIGEST_SHORT,
};
use crate::base::{
    diagnostic::nearest,
    digest::Digest,
    ident::Id,
    reason::{LIMIT_SIZE, Refusal, Result},
    resolve_as::ResolveAs,
    text::{excerpt, is_unsafe, visible},
};

/// The word that every command begins with.
pub const NAME: &str = "countersign";
/// The longest command line, in bytes.
pub const MAX_LINE: usize = 8_192;
/// The most characters that are kept of a reason; the comment itself is the evidence for the rest.
pub const MAX_REASON: usize = 1_000;

/// A command that somebody wrote in a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// What is to be done.
    pub command: Command,
    /// Why, on one line of 1 to [`MAX_REASON`] characters with nothing hidden in it; commands that must have
    /// a reason always do.
    pub reason: Option<String>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Draft a plan.
    Plan {
        /// The directive; absent where the change request has but one.
        directive: Option<Id>,
        /// Inputs by name, not yet checked against the directive.
        inputs: BTreeMap<Id, String>,
    },
    /// Approve exactly this plan.
    Approve {
        /// SHA-256 of the plan, which the approver gave in full.
        plan: Digest,
    },
    /// Refuse exactly this plan.
    Reject {
        /// SHA-256 of the plan.
        plan: Digest,
    },
    /// Take the writer's approvals back.
    Revoke {
        /// SHA-256 of the plan; absent for every plan of the change request.
        plan: Option<Digest>,
    },
    /// Execute exactly this plan, if everything allows it.
    Execute {
        /// SHA-256 of the plan.
        plan: Digest,
    },
    /// Go on with a run that stopped.
    Retry {
        /// SHA-256 of the plan; absent for the only one of the change request whose run stopped.
        plan: Option<Digest>,
    },
    /// Say how a step of unknown outcome is to be taken.
    Resolve {
        /// The run.
        run: Id,
        /// The step.
        step: Id,
        /// How.
        how: ResolveAs,
    },
    /// Say how things stand.
    Status {
        /// SHA-256 of the plan; absent for the newest of the change request.
        plan: Option<Digest>,
    },
    /// Say what changed since the plan approved before.
    Diff {
        /// SHA-256 of the plan; absent for the newest of the change request.
        plan: Option<Digest>,
    },
    /// Let nothing start its next step.
    Halt,
    /// End a halt.
    Unlock,
    /// List the commands.
    Help,
}

impl Command {
    /// Returns the word that asks for it.
    #[must_use]
    pub fn verb(&self) -> Verb {
        match self {
            Self::Plan { .. } => Verb::Plan,
            Self::Approve { .. } => Verb::Approve,
            Self::Reject { .. } => Verb::Reject,
            Self::Revoke { .. } => Verb::Revoke,
            Self::Execute { .. } => Verb::Execute,
            Self::Retry { .. } => Verb::Retry,
            Self::Resolve { .. } => Verb::Resolve,
            Self::Status { .. } => Verb::Status,
            Self::Diff { .. } => Verb::Diff,
            Self::Halt => Verb::Halt,
            Self::Unlock => Verb::Unlock,
            Self::Help => Verb::Help,
        }
    }

    /// Returns the line that asks for it, in the one form that `read` takes back as the same.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = format!("{NAME} {}", self.verb().word());
        let mut push = |word: &str| {
            line.push(' ');
            line.push_str(word);
        };
        match self {
            Self::Plan { directive, inputs } => {
                directive.iter().for_each(|name| push(name.as_str()));
                inputs.iter().for_each(|(name, value)| push(&format!("-i {name}={}", quote(value))));
            }
            Self::Approve { plan } | Self::Reject { plan } | Self::Execute { plan } => push(&plan.to_string()),
            Self::Revoke { plan } | Self::Retry { plan } | Self::Status { plan } | Self::Diff { plan } => {
                plan.iter().for_each(|plan| push(&plan.to_string()));
            }
            Self::Resolve { run, step, how } => {
                [run.as_str(), step.as_str(), how.word()].into_iter().for_each(push);
            }
            Self::Halt | Self::Unlock | Self::Help => {}
        }
        line
    }
}

/// Reads the exact text of a comment; `None` where it is no command, which is never answered.
///
/// Nothing but the text counts: who wrote it, and whether it was edited since, is for the caller to judge.
///
/// # Errors
/// `comment.verb`, `comment.form`, `comment.not_plain`, `comment.several`, `comment.not_first`,
/// `comment.text_below`, `comment.reason_missing`, `approval.unbound`, `approval.digest_short`, `digest.format`,
/// `id.format` and `limit.size`, each with the line to write instead where it can be told.
pub fn read(text: &str) -> Result<Option<Said>> {
    let mut lines = block::lines(text).skip_while(|line| line.kind == Kind::Blank);
    let Some(first) = lines.next() else { return Ok(None) };
    if first.kind != Kind::Prose || !is_meant(first.text) {
        let lost = std::iter::once(first).chain(lines).find(|line| line.kind == Kind::Prose && names_a_plan(line.text));
        return lost.map_or(Ok(None), |line| {
            let shown = excerpt(line.text.trim());
            Err(Refusal::new(COMMENT_NOT_FIRST, format!("`{shown}` is not the first line"))
                .hint("post that line again, as a comment of its own"))
        });
    }
    let (command, beside) = command(first.text)?;
    let below: Vec<block::Line<'_>> = lines.collect();
    if below.iter().any(|line| line.kind == Kind::Prose && is_command(line.text)) {
        return Err(Refusal::new(COMMENT_SEVERAL, "another command stands below the first"));
    }
    let binds = matches!(command, Command::Approve { .. } | Command::Execute { .. });
    if binds && below.first().is_some_and(|line| line.kind != Kind::Blank) {
        return Err(Refusal::new(COMMENT_BELOW, "text stands directly below the command"));
    }
    let reason = reason(beside, &below);
    let entry = command.verb().entry();
    if entry.why == Why::Must && reason.is_none() {
        return Err(Refusal::new(COMMENT_REASON, format!("`{}` comes without a reason", entry.word))
            .hint(format!("`{} because ...`", command.line())));
    }
    Ok(Some(Said { command, reason }))
}

/// Tells whether a line is meant as a command, however badly it is written.
fn is_meant(line: &str) -> bool {
    let bare = skeleton(line);
    let mut words = bare.split(' ').filter(|word| !word.is_empty());
    match (words.next(), words.next()) {
        (Some(name), _) if name.strip_prefix('/') == Some(NAME) => true,
        (Some(NAME), None) => true,
        // Prose may begin with the word too: `countersign is ...` gets no answer.
        (Some(NAME), Some(word)) => bare.contains("sha256:") || Verb::ALL.iter().any(|verb| is_near(word, verb.word)),
        _ => false,
    }
}

/// Tells whether a line asks for something by a word that there is.
fn is_command(line: &str) -> bool {
    let bare = skeleton(line);
    let mut words = bare.split(' ').filter(|word| !word.is_empty());
    let name = words.next().map(|name| name.strip_prefix('/').unwrap_or(name));
    name == Some(NAME) && words.next().is_some_and(|word| Verb::find(word).is_some())
}

/// Tells whether a line would be a command that names a plan in full, if it stood in the right place.
fn names_a_plan(line: &str) -> bool {
    is_command(line) && command(line).is_ok_and(|(command, _)| command.line().contains("sha256:"))
}

/// What a line looks like: what cannot be seen is left out, all blanks are alike, and so are both cases of ASCII.
fn skeleton(line: &str) -> String {
    let blank = |c: char| if c.is_whitespace() { ' ' } else { c.to_ascii_lowercase() };
    line.chars().map(blank).filter(|&c| !is_unsafe(c)).collect()
}

fn is_near(word: &str, verb: &str) -> bool {
    // The distance takes time by the product of both lengths, and a comment's word can be of any length.
    word.len() <= 20 && strsim::damerau_levenshtein(word, verb) <= (word.len() / 4).max(1)
}

/// Reads the command line; what follows the command is the reason, for commands that take one there.
fn command(line: &str) -> Result<(Command, Option<&str>)> {
    let line = line.trim_matches([' ', '\t']);
    if line.len() > MAX_LINE {
        return Err(Refusal::new(LIMIT_SIZE, format!("a command line of {} bytes", line.len())));
    }
    if let Some((at, c)) = line.char_indices().find(|(_, c)| !(' '..='~').contains(c)) {
        let place = line.get(..at).unwrap_or_default().chars().count() + 1;
        return Err(Refusal::new(COMMENT_NOT_PLAIN, format!("character {place} is U+{:04X}", c as u32)));
    }
    let mut words = Words::new(line);
    let named = words.next()?.unwrap_or_default();
    let Some(word) = words.next()? else {
        return Err(Refusal::new(COMMENT_VERB, "no command is named").hint(format!("`{NAME} help` lists them")));
    };
    let name = named.strip_prefix('/').unwrap_or(&named);
    let Some(verb) = Verb::find(&word).filter(|_| name == NAME) else {
        let meant = Verb::find(&word.to_ascii_lowercase()).map(|verb| verb.word());
        let near = meant.or_else(|| nearest(word.get(..20).unwrap_or(&word), Verb::ALL.iter().map(|entry| entry.word)));
        let rest = words.rest().unwrap_or_default();
        let hint = near.map(|near| format!("did you mean `{}`?", format!("{NAME} {near} {rest}").trim_end()));
        let what = match meant {
            Some(_) => format!("`{named} {word}` is not in lower case"),
            None => format!("`{}` is none of the commands", excerpt(&word)),
        };
        return Err(hint.into_iter().fold(Refusal::new(COMMENT_VERB, what), Refusal::hint));
    };
    let command = match verb {
        Verb::Plan => plan(&mut words)?,
        Verb::Approve => Command::Approve { plan: bound(verb, &mut words)? },
        Verb::Reject => Command::Reject { plan: bound(verb, &mut words)? },
        Verb::Execute => Command::Execute { plan: bound(verb, &mut words)? },
        Verb::Revoke => Command::Revoke { plan: if_bound(verb, &mut words)? },
        Verb::Retry => Command::Retry { plan: if_bound(verb, &mut words)? },
        Verb::Status => Command::Status { plan: if_bound(verb, &mut words)? },
        Verb::Diff => Command::Diff { plan: if_bound(verb, &mut words)? },
        Verb::Resolve => resolve(&mut words)?,
        Verb::Halt => Command::Halt,
        Verb::Unlock => Command::Unlock,
        Verb::Help => Command::Help,
    };
    match (verb.entry().why, words.rest()) {
        (Why::Below, Some(rest)) => {
            let refusal = Refusal::new(COMMENT_FORM, format!("`{}` follows the command", excerpt(rest)));
            Err(refusal.hint(format!("write `{}`, and anything else below it, after an empty line", command.line())))
        }
        (_, rest) => Ok((command, rest)),
    }
}

fn plan(words: &mut Words<'_>) -> Result<Command> {
    let (mut directive, mut inputs) = (None, BTreeMap::new());
    while let Some(word) = words.next()? {
        if word == "-i" {
            let pair = words.next()?.unwrap_or_default();
            let Some((name, value)) = pair.split_once('=') else {
                return Err(form(Verb::Plan, format!("`-i {}` is not `-i name=value`", excerpt(&pair))));
            };
            if inputs.insert(name.parse()?, value.to_owned()).is_some() {
                return Err(form(Verb::Plan, format!("the input `{name}` is given twice")));
            }
        } else if word.starts_with('-') {
            return Err(form(Verb::Plan, format!("`{}` is none of its options", excerpt(&word))));
        } else if directive.replace(word.parse()?).is_some() {
            return Err(form(Verb::Plan, "two directives are named"));
        }
    }
    Ok(Command::Plan { directive, inputs })
}

fn resolve(words: &mut Words<'_>) -> Result<Command> {
    let mut word = |what: &str| words.next()?.ok_or_else(|| form(Verb::Resolve, format!("{what} is missing")));
    let (run, step, how) = (word("the run")?, word("the step")?, word("how it is taken")?);
    let Some(how) = ResolveAs::find(&how) else {
        return Err(form(Verb::Resolve, format!("`{}` is none of {}", excerpt(&how), ResolveAs::FORM)));
    };
    Ok(Command::Resolve { run: run.parse()?, step: step.parse()?, how })
}

/// The digest of a command that acts on exactly one plan.
fn bound(verb: Verb, words: &mut Words<'_>) -> Result<Digest> {
    match words.next()? {
        Some(word) => digest(verb, &word),
        None => Err(Refusal::new(APPROVAL_UNBOUND, format!("`{}` names no plan", verb.word()))),
    }
}

/// The digest of a command that may name a plan; where a reason may follow, what does not look like one is that.
fn if_bound(verb: Verb, words: &mut Words<'_>) -> Result<Option<Digest>> {
    let rest = words.rest().unwrap_or_default();
    let hex = rest.split(' ').next().unwrap_or_default();
    let like = hex.contains(':') || hex.len() >= 7 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    if rest.is_empty() || verb.entry().why != Why::Below && !like {
        return Ok(None);
    }
    words.next()?.map(|word| digest(verb, &word)).transpose()
}

fn digest(verb: Verb, word: &str) -> Result<Digest> {
    word.parse().map_err(|refusal: Refusal| {
        let lower = word.to_ascii_lowercase();
        let hex = lower.strip_prefix("sha256:").unwrap_or(&lower);
        if !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return refusal;
        }
        match hex.len() {
            64 => refusal.hint(format!("did you mean `{NAME} {} sha256:{hex}`?", verb.word())),
            0..64 => Refusal::new(DIGEST_SHORT, format!("{} of 64 hex digits are given", hex.len())),
            _ => refusal,
        }
    })
}

fn form(verb: Verb, what: impl Into<String>) -> Refusal {
    Refusal::new(COMMENT_FORM, what).hint(format!("the form is `{}`", verb.entry().form()))
}

/// Puts what is said beside and below the command on one line, with nothing hidden in it.
fn reason(beside: Option<&str>, below: &[block::Line<'_>]) -> Option<String> {
    let prose = below.iter().filter(|line| line.kind == Kind::Prose).map(|line| line.text);
    let words: Vec<&str> = beside.into_iter().chain(prose).flat_map(str::split_whitespace).collect();
    if words.is_empty() {
        return None;
    }
    let plain: String = words.join(" ").nfc().collect();
    // A template expression is not taken in a record; with its `$` written as an escape it is none.
    let shown = visible(&plain).replace("${{", "\\x24{{").replace("$[[", "\\x24[[");
    if shown.chars().count() <= MAX_REASON {
        return Some(shown);
    }
    Some(shown.chars().take(MAX_REASON - 1).chain(['…']).collect())
}

#[cfg(test)]
mod tests;
