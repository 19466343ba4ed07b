//! Planning: from a directive, the pipelines and the observed world to a plan document.
//!
//! Planners are pure: facts, clock and seed come in as values, and the same request gives the same bytes.

use std::collections::BTreeMap;

use crate::{
    base::{
        digest::Digest, ident::Id, path::RepoPath, planner::PlannerKind, reason::Result, time::Timestamp, value::Scalar,
    },
    directive::Directive,
    facts::Facts,
    pipeline::{Catalog, ProgramTable},
    plan::model::{Person, Plan, PlannerInput, Proposal, Usage},
};

pub mod answer;
mod assemble;
pub mod budget;
pub mod context;
pub mod items;
mod kinds;
pub mod outgoing;
pub mod prompt;
pub mod reasons;
pub mod rehearsal;
pub mod scan;
pub mod schema;
pub mod taint;
#[cfg(test)]
mod testing;

pub use kinds::{command, fixed, manual, model};

/// Everything that a planner works from.
#[derive(Clone, Copy, Debug)]
pub struct DraftRequest<'r> {
    /// The directive.
    pub directive: &'r Directive,
    /// Full id of the commit the directive was read at.
    pub directive_commit: &'r str,
    /// The pipelines at the protected base.
    pub catalog: &'r Catalog,
    /// The programs that the policy lists.
    pub programs: &'r ProgramTable,
    /// The directive's inputs, as [`Directive::resolve`] gives them.
    pub inputs: &'r BTreeMap<Id, Scalar>,
    /// The observed repository.
    pub facts: &'r Facts,
    /// Who asked.
    pub requested_by: &'r Person,
    /// SHA-256 of the policy.
    pub policy_digest: Digest,
    /// SHA-256 of the trust root.
    pub trust_root_digest: Digest,
    /// When the plan is made.
    pub now: Timestamp,
    /// How long the plan is to live, in seconds, where the directive does not say less.
    pub lifetime_seconds: i64,
    /// Bytes that make the nonce; random, but in tests.
    pub seed: &'r [u8],
    /// The plan that this one revises, and its revision.
    pub parent: Option<(Digest, u32)>,
    /// What the steps read, as the head commit holds it.
    pub at_head: &'r AtHead,
    /// What the directive's own steps are repeated for, as [`items::find`] gives it.
    pub items: &'r items::Items,
    /// What was proposed, for planners that ask somebody.
    pub proposed: Option<&'r Proposed>,
    /// Whether the policy lets values steer that are not from the protected base.
    pub tainted: taint::Tainted,
    /// Whether the policy lets planners write what they like where it goes out.
    pub outgoing: outgoing::Outgoing,
}

/// What the head commit holds, and whose work it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AtHead {
    /// SHA-256 of files.
    pub files: BTreeMap<RepoPath, Digest>,
    /// Git's ids of folders.
    pub folders: BTreeMap<RepoPath, String>,
    /// Principals whose work the change and the plan's definitions are, by numeric id, in order.
    pub authors: Vec<u64>,
    /// How many addresses of authors belong to nobody in the trust root, where no forge tells whose they are.
    pub strangers: u32,
}

/// A proposal, and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// What was proposed.
    pub proposal: Proposal,
    /// The model that answered, as the source says.
    pub model: Option<String>,
    /// SHA-256 of the exact bytes that were sent.
    pub prompt: Option<Digest>,
    /// SHA-256 of the exact bytes that came back.
    pub response: Option<Digest>,
    /// What was read beside the definitions, with where it came from.
    pub inputs: Vec<PlannerInput>,
    /// What it used.
    pub usage: Option<Usage>,
}

/// Whom a planner asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Nobody: it needs nothing but its request.
    Nobody,
    /// A language model over HTTP.
    Model,
    /// An agent's command line.
    Command,
    /// A person, through files.
    Person,
}

/// What a planner made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The document; only the seal makes something of it that anything may act on.
    pub plan: Plan,
    /// Pipelines that the directive may use and the plan does not.
    pub unused: Vec<Id>,
}

/// A way to make a plan.
pub trait Planner: Sync {
    /// Returns which it is.
    fn kind(&self) -> PlannerKind;

    /// Returns what it does, on one line.
    fn summary(&self) -> &'static str;

    /// Returns whom it asks before it drafts.
    fn asks(&self) -> Asks;

    /// Makes a plan document.
    ///
    /// # Errors
    /// The planner's own codes, and those of values that do not fit.
    fn draft(&self, request: &DraftRequest<'_>) -> Result<Draft>;
}

/// Returns the planner of a kind.
#[must_use]
pub fn of(kind: PlannerKind) -> &'static dyn Planner {
    match kind {
        PlannerKind::Fixed => &fixed::Fixed,
        PlannerKind::Model => &model::Model,
        PlannerKind::Command => &command::CommandLine,
        PlannerKind::Manual => &manual::Manual,
    }
}
