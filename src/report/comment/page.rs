//! A page of Markdown in which our own words and everybody else's are different types.

use std::fmt::Write as _;

use crate::{
    approval::command::Command,
    base::{digest::Digest, text::visible_lines, time::Timestamp},
    plan::view::code_span,
};

/// The most characters of one foreign text in a list; the view and the ledger hold the whole.
const MAX_FOREIGN: usize = 300;

/// A piece of one line.
#[derive(Clone, Debug)]
pub(super) enum Piece<'a> {
    /// Our own words.
    Own(&'static str),
    /// Our own words, which must not be missed.
    Bold(&'static str),
    /// A number.
    Number(u64),
    /// Text of others, in code; shortened in the middle where it is very long.
    Code(&'a str),
    /// A digest, in code.
    Digest(Digest),
    /// An instant, to the minute.
    Minute(Timestamp),
    /// Our own words, as a link.
    Link(&'static str, &'a Link),
}

/// Makes a number of anything that counts.
pub(super) fn number<'a>(n: impl TryInto<u64>) -> Piece<'a> {
    Piece::Number(n.try_into().unwrap_or(u64::MAX))
}

/// An address that can stand in a page: `https`, and nothing that Markdown knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link(String);

impl Link {
    /// Returns the address.
    #[must_use]
    pub fn address(&self) -> String {
        self.0.clone()
    }

    /// Takes an address, where it is one that needs no escape; loopback may go without TLS.
    #[must_use]
    pub fn new(address: &str) -> Option<Self> {
        let safe = address.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~/:?=&%#".contains(&b));
        let scheme = ["https://", "http://127.0.0.1:", "http://localhost:"].iter().any(|s| address.starts_with(s));
        (safe && scheme && address.len() <= 2_000).then(|| Self(address.to_owned()))
    }
}

/// A page being written.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
    in_list: bool,
}

impl Page {
    /// Begins a page with a first line that no reader sees.
    pub(super) fn marked(marker: &super::Marker) -> Self {
        Self { text: format!("{marker}\n"), in_list: false }
    }

    pub(super) fn heading(&mut self, pieces: &[Piece<'_>]) {
        self.block();
        self.text.push_str("### ");
        self.line(pieces);
    }

    pub(super) fn paragraph(&mut self, pieces: &[Piece<'_>]) {
        self.block();
        self.line(pieces);
    }

    pub(super) fn item(&mut self, pieces: &[Piece<'_>]) {
        self.listed("- ", pieces);
    }

    pub(super) fn sub(&mut self, pieces: &[Piece<'_>]) {
        self.listed("  - ", pieces);
    }

    pub(super) fn numbered(&mut self, place: usize, pieces: &[Piece<'_>]) {
        self.listed(&format!("{place}. "), pieces);
    }

    /// A line to paste as a comment, which the forge lets people copy.
    pub(super) fn paste(&mut self, command: &Command) {
        self.copyable(&command.line());
    }

    /// A line to paste as a comment, with words that the person puts in.
    pub(super) fn paste_with(&mut self, command: &Command, more: &'static str) {
        self.copyable(&format!("{} {more}", command.line()));
    }

    /// Lines to run on a machine of one's own.
    pub(super) fn shell(&mut self, lines: &[String]) {
        self.copyable(&lines.join("\n"));
    }

    /// Text of others, whole; each line behind a bar, so that none begins with anything of theirs.
    pub(super) fn foreign<'a>(&mut self, lines: impl Iterator<Item = &'a str>) {
        let body: String = lines.map(|line| format!("| {}\n", visible_lines(line))).collect();
        self.fenced(&body);
    }

    /// A table of cells that are markup already; no cell holds a bar or a line feed.
    pub(super) fn table(&mut self, head: &[&'static str], rows: &[Vec<String>]) {
        self.block();
        let mut row = |cells: &[&str]| {
            let _ = writeln!(self.text, "| {} |", cells.join(" | "));
        };
        row(head);
        row(&vec!["---"; head.len()]);
        rows.iter().for_each(|cells| row(&cells.iter().map(String::as_str).collect::<Vec<_>>()));
    }

    /// A whole document of its own, from its first to its last byte.
    pub(super) fn document(&mut self, markdown: &str) {
        self.block();
        self.text.push_str("---\n\n");
        self.text.push_str(markdown);
        self.text.push_str("\n---\n");
    }

    /// Returns the page.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn copyable(&mut self, line: &str) {
        self.fenced(&format!("{line}\n"));
    }

    fn fenced(&mut self, body: &str) {
        self.block();
        let longest = body.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        let _ = write!(self.text, "{fence}text\n{body}{fence}\n");
    }

    fn block(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.in_list = false;
    }

    fn listed(&mut self, mark: &str, pieces: &[Piece<'_>]) {
        if !self.in_list {
            self.block();
            self.in_list = true;
        }
        self.text.push_str(mark);
        self.line(pieces);
    }

    fn line(&mut self, pieces: &[Piece<'_>]) {
        for piece in pieces {
            match piece {
                Piece::Own(words) => own(&mut self.text, words),
                Piece::Bold(words) => {
                    self.text.push_str("**");
                    own(&mut self.text, words);
                    self.text.push_str("**");
                }
                Piece::Number(n) => self.text.push_str(&n.to_string()),
                Piece::Code(foreign) => self.text.push_str(&code_span(&middle(foreign))),
                Piece::Digest(digest) => self.text.push_str(&code_span(&digest.to_string())),
                Piece::Minute(at) => {
                    let text = at.to_string();
                    let (day, time) = (text.get(..10).unwrap_or_default(), text.get(11..16).unwrap_or_default());
                    self.text.push_str(&format!("{day} {time} UTC"));
                }
                Piece::Link(words, Link(address)) => {
                    self.text.push('[');
                    own(&mut self.text, words);
                    self.text.push_str(&format!("]({address})"));
                }
            }
        }
        self.text.push('\n');
    }
}

/// Our own words hold no markup but code in backticks; what else could be taken for some is escaped, and what
/// a forge would link stands in code.
fn own(out: &mut String, words: &str) {
    let mut code = false;
    for (at, word) in words.split(' ').enumerate() {
        if at > 0 {
            out.push(' ');
        }
        if !code && !word.contains('`') && is_linked(word) {
            out.push_str(&code_span(word));
            continue;
        }
        for c in word.chars() {
            code ^= c == '`';
            if !code && matches!(c, '<' | '>' | '[' | ']' | '*' | '_') {
                out.push('\\');
            }
            out.push(c);
        }
    }
}

/// Tells whether a forge could make a link of a word: an address, a mention, a reference, the beginning of a commit's id.
fn is_linked(word: &str) -> bool {
    let commit = |run: &str| run.len() >= 7 && run.bytes().any(|b| b.is_ascii_digit());
    word.contains(['#', '@']) || word.contains("://") || word.split(|c: char| !c.is_ascii_hexdigit()).any(commit)
}

/// Leaves the middle of a very long text out, and says how much.
fn middle(text: &str) -> std::borrow::Cow<'_, str> {
    let count = text.chars().count();
    if count <= MAX_FOREIGN {
        return text.into();
    }
    let part = MAX_FOREIGN / 2;
    let head: String = text.chars().take(part).collect();
    let tail: String = text.chars().skip(count - part).collect();
    format!("{head} [... {} characters ...] {tail}", count - 2 * part).into()
}
