//! Single pieces of a plan in the words of its view, for whoever shows one without the rest.
//!
//! All text of the plan in them stands in quotes where it could be taken for our words, and is safe to show.

use super::{
    document::{Page, Span},
    steps,
    terminal::{self, Color},
};
use crate::plan::model::{Action, Arg, Capture, Output};

/// Returns an action as the view shows it: several lines, each with its line feed.
pub(in crate::plan) fn action(action: &Action) -> String {
    let mut page = Page::default();
    page.paragraph(steps::kind(action));
    steps::action(&mut page, action);
    terminal::render(&page.blocks, Color::Never)
}

/// Returns an argument, or the value of a variable, on one line.
pub(in crate::plan) fn argument(argument: &Arg) -> String {
    line(&steps::arg(argument))
}

/// Returns where an output comes from, on one line.
pub(in crate::plan) fn capture(capture: &Capture) -> String {
    line(&steps::capture(capture))
}

/// Returns what an output may be, on one line.
pub(in crate::plan) fn output(output: &Output) -> String {
    line(&steps::shown_output(output))
}

fn line(spans: &[Span]) -> String {
    terminal::joined(spans, Color::Never, None)
}
