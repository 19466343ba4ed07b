//! What commands there are, from the grammar's own table.

use super::{
    Marker,
    page::{Page, Piece::*},
};
use crate::approval::command::Verb;

/// Writes the answer to `countersign help`, a reply to the comment of this id.
#[must_use]
pub fn help(comment: u64) -> String {
    let mut page = Page::marked(&Marker::Reply(comment));
    page.heading(&[Own("Commands")]);
    page.paragraph(&[Own("One command a comment, on its first line; `/countersign` does as well.")]);
    for entry in Verb::ALL {
        page.item(&[Code(&entry.form()), Own(": "), Own(entry.summary)]);
    }
    page.paragraph(&[
        Code("DIGEST"),
        Own(" is the plan's, in full: sha256: and 64 hex digits. In square brackets stands what may be left out. "),
        Own(
            "Whatever else you write, below an empty line, is the reason. A value with blanks stands in double quotes.",
        ),
    ]);
    page.into_text()
}
