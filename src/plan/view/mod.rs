//! The view: what a reviewer reads, computed from nothing but the plan, and never shortened.
//!
//! A [`View`] holds what must be seen first (counts, lists, what cannot be seen through) beside the
//! whole plan. `document` lays it out as blocks in which our own words and the plan's are different
//! types; the formats only decide how each looks, so none of them can let plan text act as markup.

mod author;
mod document;
mod html;
mod markdown;
mod notes;
mod order;
pub(in crate::plan) mod pieces;
mod places;
pub mod reasons;
mod steps;
mod summary;
mod terminal;
mod text;

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

pub use self::{
    html::{escape as escape_html, page as html_page},
    markdown::code_span,
    notes::{Note, NoteKind},
    summary::{ProgramUse, Summary, Use},
    terminal::Color,
    text::line as visible_line,
};
use super::model::Plan;
use crate::base::{
    digest::Digest,
    ident::Id,
    json,
    launch::FIXED,
    reason::{Refusal, Result},
};

/// Version of everything that decides the bytes of the Markdown, bound in every approval.
pub const RENDERER: &str = "view/1";
/// The heading under which a view begins to show every step, whole.
pub const STEPS_HEADING: &str = "Steps, in the order of execution";
/// Bytes that a job summary on GitHub may have.
pub const GITHUB_SUMMARY_LIMIT: usize = 1_048_576;

/// What a reviewer reads about one plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct View {
    /// Version of this format, 1.
    pub schema_version: u32,
    /// Always [`RENDERER`].
    pub renderer: String,
    /// SHA-256 of the plan's bytes.
    pub plan: Digest,
    /// Counts and lists over all steps.
    pub summary: Summary,
    /// What nobody can tell from the plan alone.
    pub uninspectable: Vec<Note>,
    /// What deserves a second look.
    pub look_twice: Vec<Note>,
    /// Ids of the steps in the order of execution; steps that may run at the same time keep the plan's order.
    pub order: Vec<Id>,
    /// The environment every program gets, beside its own.
    pub fixed_environment: Vec<Variable>,
    /// The plan, whole.
    pub document: Plan,
}

/// One variable of the fixed environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value, or in angle brackets what the value will be.
    pub value: String,
}

/// How a view is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Plain text, with or without colour.
    Terminal(Color),
    /// Markdown; the bytes an approval is bound to.
    Markdown,
    /// Canonical JSON.
    Json,
    /// One page that needs nothing else.
    Html,
}

impl View {
    /// Computes the view of a plan; `digest` is the SHA-256 of the plan's sealed bytes.
    #[must_use]
    pub fn new(plan: &Plan, digest: Digest) -> Self {
        let order = order::execution_order(&plan.steps);
        Self {
            schema_version: 1,
            renderer: RENDERER.to_owned(),
            plan: digest,
            summary: Summary::of(plan),
            uninspectable: notes::uninspectable(plan),
            look_twice: notes::look_twice(plan),
            order: order.iter().filter_map(|&i| plan.steps.get(i)).map(|step| step.id.clone()).collect(),
            fixed_environment: fixed_environment(plan),
            document: plan.clone(),
        }
    }

    /// Writes the view down in a format.
    ///
    /// # Errors
    /// `internal.error` or `json.number` where the plan holds what canonical JSON cannot.
    pub fn render(&self, format: Format) -> Result<String> {
        match format {
            Format::Terminal(color) => Ok(self.terminal(color)),
            Format::Markdown => Ok(self.markdown()),
            Format::Html => Ok(self.html()),
            Format::Json => self.json(),
        }
    }

    /// Returns plain text; colours are the only control sequences, and only where asked for.
    #[must_use]
    pub fn terminal(&self, color: Color) -> String {
        terminal::render(&document::layout(self), color)
    }

    /// Returns the Markdown that approvals are bound to.
    #[must_use]
    pub fn markdown(&self) -> String {
        markdown::render(&document::layout(self))
    }

    /// Returns one static HTML page without scripts.
    #[must_use]
    pub fn html(&self) -> String {
        // What tells two plans apart comes first: a browser shows no more of it on a tab.
        let plan = &self.document;
        let repo = visible_line(&plan.subject.repo);
        let title = format!("{} {}, {repo}: plan to countersign", plan.directive.name, self.plan.short());
        html::render(&title, &document::layout(self))
    }

    /// Returns the view as canonical JSON.
    ///
    /// # Errors
    /// `internal.error` or `json.number` where the plan holds what canonical JSON cannot.
    pub fn json(&self) -> Result<String> {
        String::from_utf8(json::canonical(self)?)
            .map_err(|e| Refusal::new(crate::base::reason::INTERNAL, e.to_string()))
    }

    /// Returns the SHA-256 of the Markdown: what an approval binds as `view`.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.markdown().as_bytes())
    }

    /// Returns the Markdown where all of it fits a channel that takes `max_bytes`.
    ///
    /// # Errors
    /// `view.too_large` where it does not; a view is never shortened.
    pub fn fits(&self, channel: &str, max_bytes: usize) -> Result<String> {
        let markdown = self.markdown();
        if markdown.len() > max_bytes {
            return Err(Refusal::new(
                reasons::VIEW_TOO_LARGE,
                format!("the view has {} bytes, {channel} takes {max_bytes}", markdown.len()),
            )
            .subject(self.plan.to_string()));
        }
        Ok(markdown)
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.terminal(Color::Never))
    }
}

/// Lists what `execute` sets for every program (C-41).
fn fixed_environment(plan: &Plan) -> Vec<Variable> {
    let epoch = plan.created_at.unix().to_string();
    let own = [
        ("HOME", "<a private empty folder>"),
        ("TMPDIR", "<the step's private scratch folder>"),
        ("SOURCE_DATE_EPOCH", epoch.as_str()),
        ("COUNTERSIGN_RUN", "<the run's id>"),
        ("COUNTERSIGN_STEP", "<the step's id>"),
        ("COUNTERSIGN_IDEMPOTENCY_KEY", "<the same for every attempt of the step in a run>"),
        ("COUNTERSIGN_FENCING", "<sequence number of the claim>"),
        ("COUNTERSIGN_SCRATCH", "<the step's private scratch folder>"),
    ];
    let all = FIXED.into_iter().chain(own);
    all.map(|(name, value)| Variable { name: name.to_owned(), value: value.to_owned() }).collect()
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
