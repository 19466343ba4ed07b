//! The formats: one file and one line each.

mod github;
mod html;
mod human;
mod json;
mod junit;
mod markdown;
mod sarif;

use super::{Renderer, Style};

pub(super) use self::human::last_words;

/// A format a report can be written in.
#[derive(Debug)]
pub struct Format {
    /// The word that the command line takes.
    pub id: &'static str,
    /// One line for the help.
    pub summary: &'static str,
    make: fn(Style) -> Box<dyn Renderer + Send>,
}

impl Format {
    /// Makes a renderer of this format.
    #[must_use]
    pub fn renderer(&self, style: Style) -> Box<dyn Renderer + Send> {
        (self.make)(style)
    }
}

/// Every format.
pub static ALL: &[Format] =
    &[github::FORMAT, html::FORMAT, human::FORMAT, json::FORMAT, junit::FORMAT, markdown::FORMAT, sarif::FORMAT];

/// Returns the format of a word.
#[must_use]
pub fn find(id: &str) -> Option<&'static Format> {
    ALL.iter().find(|format| format.id == id)
}

/// Returns the same JSON with everything that could act on a terminal as escapes.
pub(super) fn json_escaped(json: &str) -> String {
    json::escaped(json)
}
