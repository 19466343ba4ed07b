//! YAML as people write it: a spanned tree, strict, every finding in one pass.
//!
//! The text is read into [`Node`]s that know their place, so that a whole file is walked and all its
//! findings are reported together. What two YAML readers could take differently is refused: anchors,
//! aliases, tags, merge keys, duplicate keys, further documents, and plain text that looks like a
//! number, a date part or a YAML 1.1 boolean.

mod parse;

use std::str::FromStr;

use super::{
    diagnostic::Diagnostic,
    json::MAX_INTEGER,
    reason::{LIMIT_COUNT, Reason, Refusal},
    text,
    value::Scalar,
};
use crate::reasons;

/// The most bytes of YAML one file may hold.
pub const MAX_BYTES: usize = 1 << 20;
/// The most findings that are reported for one file.
const MAX_FINDINGS: usize = 100;

/// Line and column in the file, both counted from 1.
pub type Place = (usize, usize);

/// One value in the tree, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A scalar, as text.
    Scalar {
        /// The text after unescaping and folding.
        text: String,
        /// Whether it stood without quotes, so that readers may take it for a number or a boolean.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A map, in file order, keys unique.
    Map(Vec<(Key, Node)>),
}

/// The key of a map's entry, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Where it begins.
    pub place: Place,
    /// The text.
    pub text: String,
}

/// Reads a file: parses the YAML in `text`, then lets `walk` turn the tree into a `T`.
///
/// `first_line` is the number in `file` of the first line of `text`, 1 for a whole file. `walk` returns
/// what it could make and reports the rest; the result is `Ok` only where nothing at all was reported.
///
/// # Errors
/// Every finding, in file order.
pub fn read<T>(
    file: &str,
    text: &str,
    first_line: usize,
    walk: impl FnOnce(&Node, &mut Findings<'_>) -> Option<T>,
) -> Result<T, Vec<Diagnostic>> {
    let mut findings = Findings::new(file, text, first_line);
    let made = parse::parse(text, &mut findings).and_then(|root| walk(&root, &mut findings));
    match made {
        Some(made) if findings.list.is_empty() => Ok(made),
        _ => {
            if findings.list.is_empty() {
                findings.report((first_line, 1), YAML_VALUE, "the file cannot be read");
            }
            Err(findings.into_list())
        }
    }
}

/// The findings about one file, as they are collected.
#[derive(Debug)]
pub struct Findings<'a> {
    file: &'a str,
    text: &'a str,
    first_line: usize,
    list: Vec<Diagnostic>,
}

impl<'a> Findings<'a> {
    /// Starts with none; for the parameters see [`read`].
    #[must_use]
    pub fn new(file: &'a str, text: &'a str, first_line: usize) -> Self {
        Self { file, text, first_line, list: Vec::new() }
    }

    /// Adds a finding at a place, with the line it stands on.
    pub fn report(&mut self, place: Place, reason: Reason, message: impl Into<String>) {
        self.add(place, reason, message, None);
    }

    /// Adds a finding with the nearest valid word, where one is near.
    pub fn report_near<'w>(
        &mut self,
        place: Place,
        reason: Reason,
        message: impl Into<String>,
        given: &str,
        valid: impl IntoIterator<Item = &'w str>,
    ) {
        let help = super::diagnostic::nearest(given, valid).map(|word| format!("did you mean `{word}`?"));
        self.add(place, reason, message, help);
    }

    /// Adds a finding with what to do about it.
    pub fn report_help(&mut self, place: Place, reason: Reason, message: impl Into<String>, help: impl Into<String>) {
        self.add(place, reason, message, Some(help.into()));
    }

    /// Adds a refusal as a finding at a place, with its most particular hint.
    pub fn refuse(&mut self, place: Place, refusal: &Refusal) {
        let help = refusal.hints().next().map(str::to_owned);
        self.add(place, refusal.reason(), refusal.message(), help);
    }

    /// Keeps the value, or adds the refusal as a finding at a place.
    pub fn keep<T>(&mut self, place: Place, result: Result<T, Refusal>) -> Option<T> {
        result.map_err(|refusal| self.refuse(place, &refusal)).ok()
    }

    /// Tells whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the findings in file order.
    #[must_use]
    pub fn into_list(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|d| (d.line, d.column));
        self.list
    }

    fn add(&mut self, (line, column): Place, reason: Reason, message: impl Into<String>, help: Option<String>) {
        if self.list.len() >= MAX_FINDINGS {
            return;
        }
        let mut found = Diagnostic::new(self.file, (line, column), reason.code, message);
        let index = (line + 1).checked_sub(self.first_line.max(1) + 1);
        found.snippet = index.and_then(|n| self.text.lines().nth(n)).map(|source| text::visible(source.trim_end()));
        found.help = help;
        self.list.push(found);
    }
}

impl Node {
    /// Tells whether there is no value, as in `key:`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Returns the text, or reports that the value is none.
    pub fn text<'n>(&'n self, findings: &mut Findings<'_>) -> Option<&'n str> {
        match &self.kind {
            Kind::Scalar { text, plain } => {
                if *plain && let Some(other) = reads_otherwise(text) {
                    findings.report_help(
                        self.place,
                        YAML_TYPE,
                        format!("`{}` is {other} to some readers of YAML, and text is needed", text::excerpt(text)),
                        "put it in quotes",
                    );
                    return None;
                }
                Some(text)
            }
            _ => self.mistyped("text", findings),
        }
    }

    /// Returns the text of one line, free of what can mislead a reader, or reports why not.
    pub fn line<'n>(&'n self, findings: &mut Findings<'_>) -> Option<&'n str> {
        let line = self.text(findings)?;
        if line.trim().is_empty() {
            findings.report(self.place, YAML_VALUE, "text is needed, and this is empty");
            return None;
        }
        findings.keep(self.place, text::check_free(line, false)).map(|()| line)
    }

    /// Returns the value read from text, or reports why it is none.
    pub fn parsed<T: FromStr<Err = Refusal>>(&self, findings: &mut Findings<'_>) -> Option<T> {
        let text = self.text(findings)?;
        findings.keep(self.place, text.parse())
    }

    /// Returns the value that stands for a word, or reports the words there are, and the nearest.
    pub fn word<T: Copy>(&self, words: &[(&str, T)], findings: &mut Findings<'_>) -> Option<T> {
        let given = self.text(findings)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == given) {
            return Some(*value);
        }
        let all = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        findings.report_near(
            self.place,
            YAML_VALUE,
            format!("`{}` is not one of {all}", text::excerpt(given)),
            given,
            words.iter().map(|(word, _)| *word),
        );
        None
    }

    /// Returns `true` or `false`, or reports that the value is neither.
    pub fn boolean(&self, findings: &mut Findings<'_>) -> Option<bool> {
        match &self.kind {
            Kind::Scalar { text, plain: true } if text == "true" => Some(true),
            Kind::Scalar { text, plain: true } if text == "false" => Some(false),
            _ => self.mistyped("`true` or `false`", findings),
        }
    }

    /// Returns the whole number, or reports that the value is none within `least..=most`.
    pub fn integer(&self, least: i64, most: i64, findings: &mut Findings<'_>) -> Option<i64> {
        let number = match &self.kind {
            Kind::Scalar { text, plain: true } => whole_number(text),
            _ => None,
        };
        match number {
            Some(n) if (least..=most).contains(&n) => Some(n),
            Some(n) => {
                findings.report(self.place, YAML_VALUE, format!("{n} is not within {least} and {most}"));
                None
            }
            None => self.mistyped("a whole number", findings),
        }
    }

    /// Returns the length of time in seconds, from text such as `30m`, or reports that it is none within `1..=most`.
    pub fn duration(&self, most: i64, findings: &mut Findings<'_>) -> Option<i64> {
        let text = self.text(findings)?;
        let seconds = findings.keep(self.place, super::time::parse_duration(text))?;
        if seconds > most {
            findings.report(self.place, YAML_VALUE, format!("{text} is longer than {most} s"));
            return None;
        }
        Some(seconds)
    }

    /// Returns the value as its own type: a boolean, a whole number or text.
    pub fn scalar(&self, findings: &mut Findings<'_>) -> Option<Scalar> {
        match &self.kind {
            Kind::Scalar { text, plain: true } if text == "true" => Some(Scalar::Boolean(true)),
            Kind::Scalar { text, plain: true } if text == "false" => Some(Scalar::Boolean(false)),
            Kind::Scalar { text, plain: true } if whole_number(text).is_some() => {
                whole_number(text).map(Scalar::Integer)
            }
            _ => self.text(findings).map(|text| Scalar::Text(text.to_owned())),
        }
    }

    /// Returns the items of a list, or reports that the value is none, or too long a one.
    pub fn items<'n>(&'n self, most: usize, findings: &mut Findings<'_>) -> &'n [Self] {
        match &self.kind {
            Kind::List(items) if items.len() <= most => items,
            Kind::List(items) => {
                findings.report(self.place, LIMIT_COUNT, format!("{} items, the limit is {most}", items.len()));
                &[]
            }
            _ => {
                self.mistyped::<()>("a list", findings);
                &[]
            }
        }
    }

    /// Returns the entries of a map, or reports that the value is none.
    pub fn entries<'n>(&'n self, findings: &mut Findings<'_>) -> &'n [(Key, Self)] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => {
                self.mistyped::<()>("a map", findings);
                &[]
            }
        }
    }

    /// Returns the fields of a map whose keys are known, and reports every key that is not.
    ///
    /// `what` names the thing in messages, such as `a step`.
    pub fn fields<'n>(&'n self, what: &'static str, known: &[&str], findings: &mut Findings<'_>) -> Option<Fields<'n>> {
        let Kind::Map(entries) = &self.kind else {
            return self.mistyped(&format!("{what}, as a map"), findings);
        };
        for (key, _) in entries {
            if !known.contains(&key.text.as_str()) {
                findings.report_near(
                    key.place,
                    YAML_FIELD_UNKNOWN,
                    format!("{what} has no field `{}`", text::excerpt(&key.text)),
                    &key.text,
                    known.iter().copied(),
                );
            }
        }
        Some(Fields { place: self.place, what, entries })
    }

    /// Reports that the value is not of a type; returns `None`.
    pub fn mistyped<T>(&self, wanted: &str, findings: &mut Findings<'_>) -> Option<T> {
        let given = match &self.kind {
            _ if self.is_null() => "nothing".to_owned(),
            Kind::Scalar { text, plain: true } => format!("`{}`", text::excerpt(text)),
            Kind::Scalar { text, plain: false } => format!("the text \"{}\"", text::excerpt(text)),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a map".to_owned(),
        };
        findings.report(self.place, YAML_TYPE, format!("{wanted} is needed, and this is {given}"));
        None
    }
}

/// The fields of a map whose keys are known.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'n> {
    /// Where the map begins.
    pub place: Place,
    what: &'static str,
    entries: &'n [(Key, Node)],
}

impl<'n> Fields<'n> {
    /// Returns a field, if it is there.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| value)
    }

    /// Returns a field, or reports that it is missing.
    pub fn require(&self, name: &str, findings: &mut Findings<'_>) -> Option<&'n Node> {
        let found = self.get(name);
        if found.is_none() {
            findings.report(self.place, YAML_FIELD_MISSING, format!("{} needs the field `{name}`", self.what));
        }
        found
    }
}

/// Reads a plain scalar as a whole number within +/-(2^53-1), in its one form.
fn whole_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let fits = !digits.is_empty()
        && digits.len() <= 16
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (digits == text && digits == "0" || !digits.starts_with('0'));
    if !fits {
        return None;
    }
    text.parse().ok().filter(|n: &i64| n.abs() <= MAX_INTEGER)
}

/// Tells what else than text a plain scalar is to readers of YAML 1.1 or 1.2.
fn reads_otherwise(plain: &str) -> Option<&'static str> {
    let lower = plain.to_ascii_lowercase();
    match lower.as_str() {
        "" | "~" | "null" => return Some("nothing"),
        "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" => return Some("a boolean"),
        ".inf" | "+.inf" | "-.inf" | ".nan" => return Some("a number"),
        _ => {}
    }
    let unsigned = lower.strip_prefix(['+', '-']).unwrap_or(&lower).replace('_', "");
    let digit_first = unsigned.strip_prefix('.').unwrap_or(&unsigned).starts_with(|c: char| c.is_ascii_digit());
    if !digit_first {
        return None;
    }
    let based = [("0x", 16), ("0o", 8), ("0b", 2)].iter().any(|(prefix, base)| {
        unsigned.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_digit(*base)))
    });
    let sexagesimal = unsigned.contains(':')
        && unsigned.split(':').all(|part| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
    (based || sexagesimal || unsigned.parse::<f64>().is_ok()).then_some("a number")
}

reasons! {
    YAML_MALFORMED = "yaml.malformed", Usage, "the text is not YAML", "correct the place that is named";
    YAML_FEATURE = "yaml.feature", Usage, "the YAML uses a feature that two readers could take differently", "write it out in full, without anchors, aliases, tags, merge keys or further documents";
    YAML_DUPLICATE = "yaml.duplicate_key", Usage, "a map holds the same key twice", "keep one of the two";
    YAML_FIELD_UNKNOWN = "yaml.field_unknown", Usage, "a map has a field that its format does not know", "remove the field, or correct its name";
    YAML_FIELD_MISSING = "yaml.field_missing", Usage, "a map lacks a field that its format asks for", "add the field";
    YAML_TYPE = "yaml.type", Usage, "a value is not of the type its field asks for", "see docs/formats.md for the type of each field";
    YAML_VALUE = "yaml.value", Usage, "a value is not one that its field takes", "see docs/formats.md for the values of each field";
}

#[cfg(test)]
mod tests;
