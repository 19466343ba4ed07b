//! The kinds of action a pipeline may use.
//!
//! A kind knows what its action touches, and either does the work itself, here, or asks for a
//! program to be run in the sandbox. Adding one: a file in `kinds/`, a `mod` line, an entry in
//! [`kinds::ALL`] and an arm of [`kind_of`].

pub mod committed;
pub mod kinds;
pub mod reasons;
pub mod workspace;

use crate::{
    base::{
        digest::Digest,
        path::RepoPath,
        reason::{INTERNAL, Refusal, Result},
        time::Timestamp,
    },
    plan::model::{Action, Plan, Read, Run, Step},
};
pub use kinds::kind_of;
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

    /// Returns the program, file or name that the action is about.
    fn target(&self, action: &Action) -> String;

    /// Returns what the action touches.
    fn touch(&self, action: &Action) -> Touch;

    /// Does the action, or asks for its program to be run.
    ///
    /// `acted` becomes true as soon as something outside may have changed, whatever comes of the rest; a refusal that
    /// leaves it alone did nothing.
    ///
    /// # Errors
    /// Those of the kind; see its file. `internal.error` for an action of another kind.
    fn act<'a>(&self, action: &'a Action, context: &Context<'_>, acted: &mut bool) -> Result<Work<'a>>;
}

/// Refuses an action that is of another kind than the one that was asked to do it.
fn foreign(kind: &dyn Kind, action: &Action) -> Refusal {
    Refusal::new(INTERNAL, format!("`{}` was asked to do what `{}` does", kind.word(), kind_of(action).word()))
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
