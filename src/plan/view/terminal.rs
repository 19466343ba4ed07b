//! Plain text: printable characters and line feeds; colours are ours alone (C-27).

use std::fmt::Write as _;

use super::{
    document::{Block, Span},
    text,
};

/// Whether colours are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// Plain text only.
    #[default]
    Never,
    /// With ANSI colours.
    Always,
}

impl Color {
    /// Wraps our own words in a style; the words must be safe already.
    #[must_use]
    pub fn paint(self, style: &str, words: &str) -> String {
        match self {
            Self::Never => words.to_owned(),
            Self::Always => format!("\x1b[{style}m{words}\x1b[0m"),
        }
    }
}

const BOLD: &str = "1";
const DIM: &str = "2";
const PLAN: &str = "36";

pub(super) fn render(blocks: &[Block], color: Color) -> String {
    let mut out = String::new();
    for block in blocks {
        match block {
            Block::Heading(level, spans) => {
                if !out.is_empty() {
                    out.push('\n');
                }
                let mark = match level {
                    1 => "== ",
                    2 => "-- ",
                    _ => "",
                };
                let _ = writeln!(out, "{}{}", color.paint(DIM, mark), joined(spans, color, Some(BOLD)));
            }
            Block::Paragraph(spans) => {
                let _ = writeln!(out, "{}", joined(spans, color, None));
            }
            Block::Item(depth, spans) => {
                let indent = "  ".repeat(usize::from(*depth) + 1);
                let _ = writeln!(out, "{indent}{}", joined(spans, color, None));
            }
            Block::Lines(label, body) => {
                let lines = text::lines(body);
                let label = joined(label, color, None);
                let _ = writeln!(out, "  {label}{} ({} lines, {} bytes)", lines.remark(), lines.count, body.len());
                for line in lines.text.lines() {
                    let _ = writeln!(out, "    {}", color.paint(PLAN, &without_tabs(line)));
                }
            }
        }
    }
    out
}

pub(super) fn joined(spans: &[Span], color: Color, own: Option<&str>) -> String {
    spans
        .iter()
        .map(|span| match span {
            Span::Fixed(words) => own.map_or_else(|| (*words).to_owned(), |style| color.paint(style, words)),
            Span::Number(n) => n.to_string(),
            Span::Word(word) if is_plain(word) => color.paint(PLAN, word),
            Span::Word(plan) | Span::Text(plan) => color.paint(PLAN, &quoted(plan)),
        })
        .collect()
}

/// A word that reads the same without quotes.
fn is_plain(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:@+".contains(&b))
}

fn quoted(plan: &str) -> String {
    format!("\"{}\"", text::line(plan).replace('"', "\\\""))
}

/// Writes tabs as the spaces a terminal would show.
fn without_tabs(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut column = 0;
    for c in line.chars() {
        let width = if c == '\t' { 8 - column % 8 } else { 1 };
        if c == '\t' {
            out.push_str(&" ".repeat(width))
        } else {
            out.push(c)
        }
        column += width;
    }
    out
}
