//! How the plan's own text is made safe to look at, without losing any of it.
//!
//! Both forms can be read back exactly: a backslash stands for itself only where nothing is escaped.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

use crate::base::text::is_unsafe;

/// Combining marks that may follow each other; more would paint over the lines around.
const MAX_MARKS: usize = 2;

/// Shows one line: whatever can mislead is written as an escape, and so is every backslash, every
/// space that a page would swallow, and emptiness.
#[must_use]
pub fn line(text: &str) -> String {
    if text.is_empty() {
        return "\\{empty}".to_owned();
    }
    // Most of a plan is words as they are.
    if text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut marks = MAX_MARKS;
    let mut swallowed = true;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            ' ' if swallowed || chars.peek().is_none() => out.push_str("\\x20"),
            c => push(&mut out, c, &mut marks),
        }
        swallowed = c == ' ';
    }
    out
}

/// Several lines made safe to show.
pub(super) struct Lines {
    /// Each line after its number, so that none begins with anything of the plan.
    pub(super) text: String,
    /// How many lines there are.
    pub(super) count: usize,
    /// Whether characters are written as escapes, and then each backslash twice.
    pub(super) escaped: bool,
    /// Whether the last line ends in a line feed.
    pub(super) ended: bool,
}

impl Lines {
    /// Says what the lines alone do not show.
    pub(super) fn remark(&self) -> &'static str {
        match (self.escaped, self.ended) {
            (false, true) => "",
            (false, false) => ", without a line feed at its end",
            (true, true) => ", with characters that cannot be shown written as escapes and each backslash twice",
            (true, false) => {
                ", with characters that cannot be shown written as escapes and each backslash twice, \
                 without a line feed at its end"
            }
        }
    }
}

/// Shows several lines, each after its number.
///
/// The number keeps the line from being a fence, a heading or a `/command`, also for tools that read
/// the raw text of a comment and know nothing of code blocks.
pub(super) fn lines(text: &str) -> Lines {
    let escaped = needs_escape(text);
    let ended = text.is_empty() || text.ends_with('\n');
    let body = text.strip_suffix('\n').unwrap_or(text);
    let all: Vec<&str> = if text.is_empty() { Vec::new() } else { body.split('\n').collect() };
    let width = all.len().to_string().len();
    let mut out = String::with_capacity(text.len() + all.len() * (width + 3));
    for (i, line) in all.iter().enumerate() {
        out.push_str(&format!("{:>width$}| ", i + 1));
        if escaped {
            let mut marks = MAX_MARKS;
            for c in line.chars() {
                if c == '\t' { out.push(c) } else { push(&mut out, c, &mut marks) }
            }
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    Lines { text: out, count: all.len(), escaped, ended }
}

/// Tells whether a text of several lines holds characters that cannot be shown as they are.
pub(super) fn needs_escape(text: &str) -> bool {
    let mut marks = MAX_MARKS;
    text.chars().any(|c| {
        marks = match c {
            '\n' => MAX_MARKS,
            c if is_mark(c) => marks + 1,
            _ => 0,
        };
        marks > MAX_MARKS || (is_unsafe(c) && c != '\n' && c != '\t')
    })
}

fn push(out: &mut String, c: char, marks: &mut usize) {
    *marks = if is_mark(c) { *marks + 1 } else { 0 };
    if c == '\\' {
        out.push_str("\\\\");
    } else if is_unsafe(c) || *marks > MAX_MARKS {
        out.push_str(&match c as u32 {
            n @ 0..=0xff => format!("\\x{n:02x}"),
            n => format!("\\u{{{n:04x}}}"),
        });
    } else {
        out.push(c);
    }
}

fn is_mark(c: char) -> bool {
    !c.is_ascii() && matches!(c.general_category(), GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark)
}
