//! The comments we write on a change request, and where each of them goes.
//!
//! A reviewer on a phone has two minutes: what will happen, what to look at, and the line to paste stand
//! first, the view follows in full or no approval is asked for here. Everything is rendered from stored
//! bytes; no comment is ever read for state, our own least of all. What comes from a plan, a program or
//! a person stands in code, where it mentions nobody and commands nothing (A-46, C-30).

mod asks;
mod change;
mod help;
mod marker;
mod outcome;
mod page;
mod plan;
mod reply;
mod request;
mod shorten;
mod standing;
mod sticky;

pub use self::{
    asks::Ask,
    change::{DiffReply, Since},
    help::help,
    marker::Marker,
    outcome::ResultComment,
    page::Link,
    plan::{PlanComment, Rendered},
    reply::{reaction, refused},
    request::request,
    standing::{RunLine, Standing, StatusReply},
    sticky::{Mode, Placement, Write, place},
};

/// Where a comment is posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// GitHub, which takes 65,536 characters.
    GitHub,
    /// GitLab, which takes 1,000,000.
    GitLab,
}

impl Channel {
    /// Returns the most characters of a comment that we write.
    #[must_use]
    pub const fn limit(self) -> usize {
        match self {
            Self::GitHub => 60_000,
            Self::GitLab => 1_000_000,
        }
    }

    /// Returns the name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
        }
    }
}

/// Counts as the forge that counts most: in UTF-16, where characters beyond the basic plane are two.
fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

#[cfg(test)]
mod tests;
