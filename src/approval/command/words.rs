//! The words of a command line.
//!
//! Words are separated by spaces. A word, or any part of it, may stand in double quotes; in them, a backslash
//! before a quote or a backslash takes its meaning away. No other character means anything.

use super::COMMENT_FORM;
use crate::base::reason::{Refusal, Result};

/// Takes a line apart, word by word.
pub(super) struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    /// Begins at the first word of a line.
    pub(super) fn new(line: &'a str) -> Self {
        Self(line.trim_matches(' '))
    }

    /// Returns the next word, without its quotes; `None` at the end of the line.
    ///
    /// # Errors
    /// `comment.form` where a quote is not closed.
    pub(super) fn next(&mut self) -> Result<Option<String>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let (mut word, mut quoted) = (String::new(), false);
        let mut chars = self.0.char_indices();
        let end = loop {
            let Some((at, c)) = chars.next() else { break self.0.len() };
            match c {
                ' ' if !quoted => break at,
                '"' => quoted = !quoted,
                '\\' if quoted => match chars.next() {
                    Some((_, c @ ('"' | '\\'))) => word.push(c),
                    _ => return Err(broken("a backslash in quotes stands before neither a quote nor a backslash")),
                },
                c => word.push(c),
            }
        };
        if quoted {
            return Err(broken("a quote is not closed"));
        }
        self.0 = self.0.get(end..).unwrap_or_default().trim_start_matches(' ');
        Ok(Some(word))
    }

    /// Returns what is left, as it stands; `None` at the end of the line.
    pub(super) fn rest(&self) -> Option<&'a str> {
        Some(self.0).filter(|rest| !rest.is_empty())
    }
}

/// Writes a value so that it is read back as one word.
pub(super) fn quote(value: &str) -> String {
    if !value.is_empty() && !value.contains([' ', '"']) {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

fn broken(what: &str) -> Refusal {
    Refusal::new(COMMENT_FORM, what)
        .hint("write `-i name=\"two words\"`; in quotes, `\\\"` is a quote and `\\\\` a backslash")
}
