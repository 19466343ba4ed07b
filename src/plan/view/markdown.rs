//! Markdown that stays what it is whatever the plan says (C-30).
//!
//! All of the plan stands in code: inline where it is one line, else in a fence longer than any run of
//! backticks in it. No raw HTML, link, image, table, task, footnote or formula is ever written.

use std::fmt::Write as _;

use super::{
    document::{Block, Span},
    text,
};

pub(super) fn render(blocks: &[Block]) -> String {
    let mut out = String::new();
    let mut in_list = false;
    for block in blocks {
        let item = matches!(block, Block::Item(..));
        let joins = out.is_empty() || (item && in_list);
        if !joins {
            out.push('\n');
        }
        in_list = item;
        match block {
            Block::Heading(level, spans) => {
                out.push_str(&"#".repeat(usize::from(*level)));
                out.push(' ');
                push_spans(&mut out, spans);
                out.push('\n');
            }
            Block::Paragraph(spans) => {
                push_spans(&mut out, spans);
                out.push('\n');
            }
            Block::Item(depth, spans) => {
                out.push_str(&"  ".repeat(usize::from(*depth)));
                out.push_str("- ");
                push_spans(&mut out, spans);
                out.push('\n');
            }
            Block::Lines(label, body) => {
                let lines = text::lines(body);
                push_spans(&mut out, label);
                out.push_str(lines.remark());
                let _ = write!(out, " ({} lines, {} bytes)\n\n", lines.count, body.len());
                let fence = "`".repeat(longest_run(&lines.text).max(2) + 1);
                let _ = write!(out, "{fence}text\n{}{fence}\n", lines.text);
            }
        }
    }
    out
}

fn push_spans(out: &mut String, spans: &[Span]) {
    for span in spans {
        match span {
            Span::Fixed(words) => push_own(out, words),
            Span::Number(n) => {
                let _ = write!(out, "{n}");
            }
            Span::Word(plan) | Span::Text(plan) => out.push_str(&code_span(plan)),
        }
    }
}

/// Puts one line of foreign text into inline code that nothing in it can end.
#[must_use]
pub fn code_span(foreign: &str) -> String {
    let shown = text::line(foreign);
    let fence = "`".repeat(longest_run(&shown) + 1);
    // One space is taken off each end again; without it a backtick would join the fence.
    format!("{fence} {shown} {fence}")
}

/// Our own words hold no markup but these two; they are written so that no reader takes them for a tag.
fn push_own(out: &mut String, words: &str) {
    for part in words.split_inclusive(['<', '>']) {
        let (before, tag) = part.split_at(part.strip_suffix(['<', '>']).map_or(part.len(), str::len));
        out.push_str(before);
        if !tag.is_empty() {
            out.push('\\');
        }
        out.push_str(tag);
    }
}

fn longest_run(text: &str) -> usize {
    text.as_bytes().split(|b| *b != b'`').map(<[u8]>::len).max().unwrap_or(0)
}
