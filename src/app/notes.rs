//! How notes and labels of a plan are shown: as what people said, never as what is so.

use serde_json::{Value, json};

use crate::{
    base::{
        digest::Digest,
        ident::Id,
        text::{count, visible},
    },
    ledger::{Noted, Notes},
};

/// How many notes are shown of a plan; all stand in the ledger.
pub(crate) const SHOWN: usize = 10;

/// How many lines are shown of a note's text.
const LINES: usize = 20;

/// How many labels stand on a line that is one of many.
pub(crate) const FEW: usize = 6;

/// Returns the line of a plan's labels; nothing where it has none.
pub(crate) fn line<'a>(labels: impl IntoIterator<Item = &'a Id>) -> String {
    match listed(labels, usize::MAX) {
        none if none.is_empty() => none,
        listed => format!("  labels: {listed}\n"),
    }
}

/// Lists labels, at most the first `most` of them, and says how many are left out.
pub(crate) fn listed<'a>(labels: impl IntoIterator<Item = &'a Id>, most: usize) -> String {
    let all: Vec<&str> = labels.into_iter().map(Id::as_str).collect();
    let shown = all[..all.len().min(most)].join(", ");
    match all.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Returns the lines of a plan's labels and notes, newest first.
pub(crate) fn lines(notes: &Notes, plan: &Digest) -> String {
    let mut text = line(&notes.labels);
    for note in &notes.newest {
        text.push_str(&one(note, plan));
    }
    let older = notes.total.saturating_sub(notes.newest.len() as u64);
    if older > 0 {
        text.push_str(&format!("  {} before that: countersign history\n", count(older, "note")));
    }
    text
}

fn one(note: &Noted, plan: &Digest) -> String {
    let mut text = format!("  note by {} at {}", visible(&note.by.login), note.at);
    if note.plan != *plan {
        text.push_str(&format!(", on {}", note.plan.short()));
    }
    if note.late {
        text.push_str(", by a key that was revoked by then");
    }
    let added = note.added.iter().map(|label| format!(" +{label}"));
    let removed = note.removed.iter().map(|label| format!(" -{label}"));
    let changes: String = added.chain(removed).collect();
    text.push_str(&if changes.is_empty() { "\n".to_owned() } else { format!(":{changes}\n") });
    let lines: Vec<&str> = note.text.iter().flat_map(|text| text.split('\n')).collect();
    // The bar keeps a line that somebody wrote from standing where one of this program's own would.
    lines.iter().take(LINES).for_each(|line| text.push_str(&format!("    | {}\n", visible(line))));
    if lines.len() > LINES {
        let more = count((lines.len() - LINES) as u64, "more line");
        text.push_str(&format!("    {more}: countersign ledger show {}\n", note.seq));
    }
    text
}

/// Returns notes for machines, newest first.
pub(crate) fn rows(notes: &Notes) -> Vec<Value> {
    let row = |note: &Noted| {
        json!({
            "seq": note.seq,
            "at": note.at,
            "plan": note.plan,
            "by": note.by.login,
            "text": note.text,
            "added": note.added,
            "removed": note.removed,
            "keyRevoked": note.late,
        })
    };
    notes.newest.iter().map(row).collect()
}
