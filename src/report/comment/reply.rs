//! How a command is acknowledged: a reaction, and one reply where it was refused.

use super::{
    Channel, Marker,
    page::{Page, Piece::*},
    shorten::shorten,
};
use crate::{
    approval::command,
    base::reason::{ExitClass, Refusal},
    facts::change_request::Reaction,
};

/// Chooses the reaction to a refused command.
#[must_use]
pub fn reaction(refusal: &Refusal) -> Reaction {
    match refusal.reason().class {
        ExitClass::Usage => Reaction::Confused,
        _ => Reaction::ThumbsDown,
    }
}

/// Writes why a command was refused and what to do, a reply to the comment of this id.
#[must_use]
pub fn refused(refusal: &Refusal, comment: u64, channel: Channel) -> String {
    let mut page = Page::marked(&Marker::Reply(comment));
    page.paragraph(&[Bold("Refused"), Own(": "), Own(refusal.reason().summary), Own(".")]);
    page.item(&[Own("Found: "), Code(refusal.message())]);
    if let Some(about) = refusal.about() {
        page.item(&[Own("About: "), Code(about)]);
    }
    let general = refusal.reason().hint;
    for hint in refusal.hints().filter(|hint| *hint != general) {
        page.item(&[Own("Next: "), Code(hint)]);
    }
    page.item(&[Own("Next: "), Own(general)]);
    page.item(&[Own("Reason code: "), Code(refusal.code())]);
    // What a hint offers to be written instead can be copied.
    let offered = refusal.hints().find_map(|hint| hint.split('`').skip(1).step_by(2).find_map(command_in));
    if let Some(command) = offered {
        page.paragraph(&[Own("The line to post:")]);
        page.paste(&command);
    }
    shorten(page.into_text(), channel.limit())
}

fn command_in(text: &str) -> Option<command::Command> {
    command::read(text).ok().flatten().map(|said| said.command)
}
