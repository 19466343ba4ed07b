//! The lines of a comment, and which of them are somebody's own words.
//!
//! This is no reader of Markdown: what it takes for quoted or for code is only left out of the reason, and
//! no command is looked for in it. What a comment asks for is never decided here but by its first line.

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing but blanks.
    Blank,
    /// Somebody's own words.
    Prose,
    /// Part of a quote, of code, or of an HTML comment.
    Aside,
}

/// A line, without what ends it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
}

/// What is still open at the end of a line.
enum Open {
    Nothing,
    /// A fence of so many of this character.
    Fence(char, usize),
    HtmlComment,
}

/// Returns every line of a text; a line ends in a line feed, or in a carriage return and a line feed.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut open = Open::Nothing;
    text.split('\n').map(move |line| {
        let text = line.strip_suffix('\r').unwrap_or(line);
        Line { kind: kind(text, &mut open), text }
    })
}

fn kind(line: &str, open: &mut Open) -> Kind {
    let inner = line.trim_start_matches(' ');
    let indented = line.len() - inner.len() >= 4 || inner.starts_with('\t');
    match open {
        Open::HtmlComment => {
            if line.contains("-->") {
                *open = Open::Nothing;
            }
            return Kind::Aside;
        }
        Open::Fence(mark, length) => {
            let left = inner.trim_start_matches(*mark);
            if !indented && inner.len() - left.len() >= *length && left.trim().is_empty() {
                *open = Open::Nothing;
            }
            return Kind::Aside;
        }
        Open::Nothing => {}
    }
    if inner.trim_matches('\t').is_empty() {
        return Kind::Blank;
    }
    if line.rsplit_once("<!--").is_some_and(|(_, after)| !after.contains("-->")) {
        *open = Open::HtmlComment;
    }
    if inner.starts_with("<!--") {
        return Kind::Aside;
    }
    for mark in ['`', '~'] {
        let run = inner.len() - inner.trim_start_matches(mark).len();
        let info = inner.get(run..).unwrap_or_default();
        if !indented && run >= 3 && !(mark == '`' && info.contains('`')) {
            *open = Open::Fence(mark, run);
            return Kind::Aside;
        }
    }
    if indented || inner.starts_with('>') { Kind::Aside } else { Kind::Prose }
}
