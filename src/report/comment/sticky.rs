//! Where a comment goes: a new one, or in the place of one of ours; and which of ours fold away.

use super::Marker;
use crate::facts::change_request::Comment;

/// Whether our comments change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One comment, updated in place.
    InPlace,
    /// No comment ever changes: each text is a new one, for auditors.
    AppendOnly,
}

impl Mode {
    /// Returns what the option `--append-only` asks for.
    #[must_use]
    pub fn of(append_only: bool) -> Self {
        if append_only { Self::AppendOnly } else { Self::InPlace }
    }
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write<'a> {
    /// A new comment.
    Create,
    /// The text of this one.
    Update(&'a Comment),
    /// Nothing: this one says it already.
    Keep(&'a Comment),
}

/// Where a comment goes, and what becomes of the older ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement<'a> {
    /// What is written.
    pub write: Write<'a>,
    /// Comments of ours to be minimised as outdated, after the writing.
    pub minimise: Vec<&'a Comment>,
}

/// Says where a text goes among the comments of a change request.
///
/// A comment is ours where `me`, our own numeric id on the forge, wrote it and it begins with the marker;
/// the marker alone proves nothing. Nothing is taken from any comment but its place.
#[must_use]
pub fn place<'a>(comments: &'a [Comment], me: u64, marker: &Marker, body: &str, mode: Mode) -> Placement<'a> {
    let mut ours: Vec<&Comment> =
        comments.iter().filter(|comment| comment.author.id == me && marker.begins(&comment.body)).collect();
    ours.sort_by_key(|comment| (comment.created_at, comment.id));
    let Some(newest) = ours.pop() else { return Placement { write: Write::Create, minimise: Vec::new() } };
    // A forge may end lines its own way and drop blanks at the end.
    let same = newest.body.trim_end().lines().eq(body.trim_end().lines());
    match mode {
        _ if same => Placement { write: Write::Keep(newest), minimise: ours },
        Mode::InPlace => Placement { write: Write::Update(newest), minimise: ours },
        // The ones before it were minimised when it was written.
        Mode::AppendOnly => Placement { write: Write::Create, minimise: vec![newest] },
    }
}
