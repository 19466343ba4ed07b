//! The kinds of action a pipeline may use.
//!
//! A kind knows what its action touches, and either does the work itself, here, or asks for a
//! program to be run in the sandbox. Adding one: a file in `kinds/`, a `mod` line and an entry in
//! [`kinds::ALL`].

pub mod committed;
pub mod kinds;
pub mod reasons;
pub mod workspace;

use crate::{
    base::{digest::Digest, path::RepoPath, reason::Result, time::Timestamp},
    plan::model::{Action, Plan, Read, Run, Step},
};
use workspace::Workspace;

/// Who commits and tags are by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
}

impl Default for Identity {
    fn default() -> Self {
        Self { name: "countersign".into(), email: "countersign@localhost".into() }
    }
}

/// What a kind needs to act.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The checkout that the plan acts on.
    pub workspace: &'a Workspace,
    /// When the plan was sealed; the time of commits and tags, so that they come out the same each time.
    pub created_at: Timestamp,
    /// Who commits and tags are by.
    pub identity: &'a Identity,
}

/// What an action touches, for the scheduler and for the checks before the step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touch {
    /// Paths that are read.
    pub reads: Vec<Read>,
    /// Paths that are written.
    pub writes: Vec<RepoPath>,
    /// Whether objects or references of the repository itself are written.
    pub repository: bool,
}

/// How an action gets done.
#[derive(Debug)]
pub enum Work<'a> {
    /// It is done; the digest of the file, commit object or tag object it made.
    Done(Option<Digest>),
    /// A program has to be run.
    Program(&'a Run),
}

/// One kind of action.
pub trait Kind: Sync {
    /// Returns the word that pipelines use.
    fn word(&self) -> &'static str;

    /// Says in one line what the kind does.
    fn summary(&self) -> &'static str;

    /// Tells whether the action is of this kind.
    fn handles(&self, action: &Action) -> bool;

    /// Returns the program, file or name that the action is about.
    fn target(&self, action: &Action) -> String;

    /// Returns what the action touches.
    fn touch(&self, action: &Action) -> Touch;

    /// Does the action, or asks for its program to be run.
    ///
    /// # Errors
    /// Those of the kind; see its file.
    fn act<'a>(&self, action: &'a Action, context: &Context<'_>) -> Result<Work<'a>>;
}

/// Returns the kind that an action belongs to.
#[must_use]
pub fn kind_of(action: &Action) -> &'static dyn Kind {
    // Every variant of `Action` has its kind in the list; a test holds them together.
    kinds::ALL.iter().copied().find(|kind| kind.handles(action)).unwrap_or(kinds::ALL[0])
}

/// Returns what may lie in the checkout though no commit holds it: what steps write, and what they name to be read though it
/// was no part of the head commit when the plan was made.
#[must_use]
pub fn state(plan: &Plan) -> Vec<RepoPath> {
    let reads = plan.steps.iter().flat_map(Step::every_action).flat_map(Action::reads);
    let unknown = reads.filter(|read| !read.is_pinned()).map(|read| &read.path);
    let all = plan.steps.iter().flat_map(Step::writes).chain(unknown);
    all.filter(|path| **path != RepoPath::root()).cloned().collect()
}

#[cfg(test)]
mod tests;
