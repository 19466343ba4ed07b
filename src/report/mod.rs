//! What people and machines read about a command: events as they happen, and the result at the end.
//!
//! Everything here takes plain data and writes to what it is given; the environment is read elsewhere
//! and comes in as a [`Style`].

pub mod comment;
pub mod events_v1;
pub mod formats;
mod graph;
pub mod json_v1;
mod picture;
mod rows;
pub mod style;
mod summary;
pub mod workflow;

use std::io::{self, Write};

use json_v1::{CheckLine, Envelope, Finding};

use crate::{event::RunEvent, plan::SealedPlan};

pub use style::Style;
pub use summary::summary;

/// Everything there is to say when a command ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The result itself.
    pub envelope: Envelope,
    /// The events of the run, where the command ran one.
    pub events: Vec<RunEvent>,
    /// The checks, where the command made any.
    pub checks: Vec<CheckLine>,
    /// Findings at places in files and in plans.
    pub findings: Vec<Finding>,
    /// The plan it is about, where it is known.
    pub plan: Option<SealedPlan>,
}

impl Report {
    /// Makes a report of a result alone.
    #[must_use]
    pub fn new(envelope: Envelope) -> Self {
        Self { envelope, events: Vec::new(), checks: Vec::new(), findings: Vec::new(), plan: None }
    }
}

/// One way to write a report down.
pub trait Renderer {
    /// Takes an event as it happens; formats that need the whole run write nothing yet.
    ///
    /// # Errors
    /// Any error of the writer.
    fn event(&mut self, out: &mut dyn Write, event: &RunEvent) -> io::Result<()> {
        let _ = (out, event);
        Ok(())
    }

    /// Writes the result.
    ///
    /// # Errors
    /// Any error of the writer.
    fn finish(&mut self, out: &mut dyn Write, report: &Report) -> io::Result<()>;
}

#[cfg(test)]
pub(crate) mod tests;
