//! Workflow commands of GitHub's runner: how one is written, and how a text is kept from being one.
//!
//! The runner takes a line as a command in two forms, whatever the case of the name: `::name properties::data`
//! after white space at its beginning, and `##[name properties]data` anywhere in it. Between
//! `::stop-commands::TOKEN` and `::TOKEN::` it takes none but the latter.

use super::formats::json_escaped;
use crate::base::{digest::Digest, text::visible_lines};

/// The fewest characters of a line that is masked: hiding a shorter one would ruin every text.
const LEAST_MASK: usize = 8;

/// Writes a command on a line of its own. Properties without a value are left out; `data` may have several lines.
#[must_use]
pub fn command(name: &'static str, properties: &[(&'static str, &str)], data: &str) -> String {
    let mut line = format!("::{name}");
    let mut separator = ' ';
    for (key, value) in properties.iter().filter(|(_, value)| !value.is_empty()) {
        line.push(separator);
        line.push_str(&format!("{key}={}", escaped(&plain(value), &['%', '\r', '\n', ':', ','])));
        separator = ',';
    }
    format!("{line}::{}\n", escaped(&plain(data), &['%', '\r', '\n']))
}

/// Returns the text with everything made visible that would act on the log: controls, overwrites, commands.
///
/// Lines stay lines; a text of which this is true already is returned as it is.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in visible_lines(text).split_inclusive('\n') {
        let begins = line.len() - line.trim_start().len();
        let mut rest = &line[begins..];
        out.push_str(&line[..begins]);
        if let Some(after) = rest.strip_prefix("::") {
            out.push_str("\\x3a:");
            rest = after;
        }
        out.push_str(&rest.replace("##[", "#\\x23["));
    }
    out
}

/// Returns JSON of the same value in which no line is a command and no character acts on the log.
#[must_use]
pub fn plain_json(json: &str) -> String {
    // In JSON both can stand only inside strings.
    json_escaped(json).replace("##[", "#\\u0023[")
}

/// Returns the text between the commands that stop and resume the taking of commands.
///
/// The text is made [`plain`] besides, so that neither keeps the other's promise alone.
#[must_use]
pub fn silenced(text: &str, tokens: &mut Tokens) -> String {
    let token = tokens.fresh();
    let shown = plain(text);
    let ended = if shown.is_empty() || shown.ends_with('\n') { "" } else { "\n" };
    format!("::stop-commands::{token}\n{shown}{ended}::{token}::\n")
}

/// Returns the commands that keep a secret out of the log, one a line of it; none for what is too short, and none
/// for the armour of a key, which is no secret.
#[must_use]
pub fn masks(secret: &str) -> String {
    let lines = secret.split(['\r', '\n']).map(str::trim);
    let kept = lines.filter(|line| line.chars().count() >= LEAST_MASK && !line.starts_with("-----"));
    kept.map(|line| format!("::add-mask::{}\n", escaped(line, &['%', '\r', '\n']))).collect()
}

/// Returns an output as its file takes it: the value between two marks that nobody can foresee and that it does not
/// hold, so that no value writes another name.
#[must_use]
pub fn output(name: &'static str, value: &str, tokens: &mut Tokens) -> String {
    let mut mark = tokens.fresh();
    while value.contains(&mark) {
        mark = tokens.fresh();
    }
    format!("{name}<<countersign_{mark}\n{value}\ncountersign_{mark}\n")
}

/// Marks of 128 bits that nobody can foresee, each given once.
pub struct Tokens {
    seed: [u8; 32],
    given: u64,
}

impl Tokens {
    /// Begins with random bytes that nobody else has.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, given: 0 }
    }

    /// Returns 32 hex digits that were not given before.
    #[must_use]
    pub fn fresh(&mut self) -> String {
        self.given += 1;
        let mixed = Digest::framed("log-token", [&self.seed[..], &self.given.to_be_bytes()]);
        mixed.hex()[..32].to_owned()
    }
}

/// Percent-encodes some characters, the percent sign among them.
fn escaped(text: &str, unsafe_characters: &[char]) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if unsafe_characters.contains(&c) {
            out.push_str(&format!("%{:02X}", c as u32));
        } else {
            out.push(c);
        }
    }
    out
}
