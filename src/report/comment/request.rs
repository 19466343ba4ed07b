//! The text of a change request that we open. It shows no plan: one that stands there would be read when it is stale.

use super::{
    Marker,
    page::{Page, Piece::*},
};
use crate::base::{ident::Id, path::RepoPath};

/// Writes what a change request proposes, and where its plan will stand.
#[must_use]
pub fn request(directive: &Id, path: &RepoPath, title: &str, intent: Option<&str>) -> String {
    let mut page = Page::marked(&Marker::Request(directive.clone()));
    page.paragraph(&[Own("Proposes the directive "), Code(directive.as_str()), Own(".")]);
    page.item(&[Own("Title: "), Code(title)]);
    page.item(&[Own("File: "), Code(path.as_str())]);
    if let Some(intent) = intent {
        page.item(&[Own("Intent: "), Code(intent)]);
    }
    page.paragraph(&[Own(
        "The plan comes as a comment below: it names this change request and its head, so it is drafted once both are there, \
         and anew when the head moves. This text is no plan, and nobody can approve it.",
    )]);
    page.into_text()
}
