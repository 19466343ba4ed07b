//! YAML as people write it: a spanned tree, strict, every finding in one pass.
//!
//! The text is read into [`Node`]s that know their place, so that a whole file is walked and all its
//! findings are reported together. What two YAML readers could take differently is refused: anchors,
//! aliases, tags, merge keys, duplicate keys, further documents, and plain text that looks like a
//! number, a date part or a YAML 1.1 boolean.

mod parse;
mod scalar;

use super::{
    diagnostic::Diagnostic,
    examined::Examined,
    reason::{LIMIT_COUNT, Reason, Refusal},
    text,
};
use crate::reasons;

/// The most bytes of YAML one file may hold.
pub const MAX_BYTES: usize = 1 << 20;
/// The most findings that are reported for one file.
pub(crate) const MAX_FINDINGS: usize = 100;

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
    examine(file, text, first_line, walk).whole()
}

/// Reads a file as [`read`] does, and keeps what `walk` could make beside the findings.
pub fn examine<T>(
    file: &str,
    text: &str,
    first_line: usize,
    walk: impl FnOnce(&Node, &mut Findings<'_>) -> Option<T>,
) -> Examined<T> {
    let mut findings = Findings::new(file, text, first_line);
    let made = parse::parse(text, &mut findings).and_then(|root| walk(&root, &mut findings));
    if made.is_none() && findings.list.is_empty() {
        findings.report((first_line, 1), YAML_VALUE, "the file cannot be read");
    }
    Examined::new(made, findings.into_list())
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

    /// Tells whether no more findings are kept.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.list.len() >= MAX_FINDINGS
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

    /// Returns how many findings there are so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.list.len()
    }

    /// Returns the findings in file order.
    #[must_use]
    pub fn into_list(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|d| (d.line, d.column));
        self.list
    }

    fn add(&mut self, (line, column): Place, reason: Reason, message: impl Into<String>, help: Option<String>) {
        if self.is_full() {
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

reasons! {
    YAML_MALFORMED = "yaml.malformed", Usage, "the text is not YAML", "correct the place that is named";
    YAML_FEATURE = "yaml.feature", Usage, "the YAML uses a feature that two readers could take differently", "write it out in full, without anchors, aliases, tags, merge keys or further documents";
    YAML_DUPLICATE = "yaml.duplicate_key", Usage, "a map holds the same key twice", "keep one of the two";
    YAML_FIELD_UNKNOWN = "yaml.field_unknown", Usage, "a map has a field that its format does not know", "remove the field, or correct its name";
    YAML_FIELD_MISSING = "yaml.field_missing", Usage, "a map lacks a field that its format asks for", "add the field";
    YAML_TYPE = "yaml.type", Usage, "a value is not of the type its field asks for", "`countersign schema directive`, `pipeline`, `policy` or `config` has the type of each field";
    YAML_VALUE = "yaml.value", Usage, "a value is not one that its field takes", "`countersign schema directive`, `pipeline`, `policy` or `config` has the values of each field";
}

#[cfg(test)]
mod tests;
