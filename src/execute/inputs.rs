//! What a step finds in the checkout is what is committed, and what the plan's own steps have written.

use std::sync::{Arc, Mutex, PoisonError};

use super::setting::RunSetting;
use crate::{
    base::{
        path::RepoPath,
        reason::{Refusal, Result},
        text::excerpt,
    },
    plan::model::{Action, Plan, Read, Step},
    step::{
        committed::{Apart, Committed, Found, Readable},
        reasons::INPUT_DRIFT,
        state,
        workspace::Workspace,
    },
};

/// The commit that a plan is for, and what its steps may have changed since.
#[derive(Debug)]
pub(super) struct Inputs {
    committed: Committed,
    state: Vec<RepoPath>,
    /// What steps may have written that have begun; whoever compares holds what it was when it began.
    written: Mutex<Arc<Vec<RepoPath>>>,
    #[cfg(test)]
    unchecked: bool,
}

impl Inputs {
    /// Begins a run; steps that earlier runs of the plan began may have written already.
    pub(super) fn new(plan: &Plan, setting: &RunSetting) -> Self {
        let begun = |step: &&Step| {
            setting.finished.contains_key(&step.id) || setting.attempts.get(&step.id).is_some_and(|made| *made > 0)
        };
        Self {
            committed: Committed::new(setting.workspace.clone(), plan.subject.head_sha.clone()),
            state: state(plan),
            written: Mutex::new(Arc::new(plan.steps.iter().filter(begun).flat_map(Step::writes).cloned().collect())),
            #[cfg(test)]
            unchecked: setting.without_commit,
        }
    }

    /// Compares what a step may write, or this tool reads for it, with the commit; from now on it may be another.
    ///
    /// # Errors
    /// `input.drift`, and those of [`Committed::compare`].
    pub(super) fn begin(&self, step: &Step, workspace: &Workspace) -> Result<()> {
        let own: Vec<RepoPath> = step.writes().cloned().collect();
        let read_here = step.actions.iter().flat_map(|action| match action {
            Action::Copy(copy) => std::slice::from_ref(&copy.from.path),
            Action::Commit(commit) => commit.paths.as_slice(),
            _ => &[],
        });
        for path in &own {
            self.compare(path, workspace)?;
        }
        Arc::make_mut(&mut self.written.lock().unwrap_or_else(PoisonError::into_inner)).extend(own);
        // What the step itself makes it may take from there.
        for path in read_here {
            self.compare(path, workspace)?;
        }
        Ok(())
    }

    /// Compares what a program may read with the commit, and returns what of it that is.
    ///
    /// # Errors
    /// As [`Inputs::begin`].
    pub(super) fn readable(&self, read: &Read, workspace: &Workspace) -> Result<Readable> {
        Ok(self.compare(&read.path, workspace)?.readable)
    }

    fn compare(&self, path: &RepoPath, workspace: &Workspace) -> Result<Found> {
        #[cfg(test)]
        if self.unchecked {
            return Ok(Found { readable: everything(workspace, path), ..Found::default() });
        }
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let found = self.committed.compare(workspace, path, Apart { written: &written, state: &self.state })?;
        match found.changed.first() {
            None => Ok(found),
            Some(first) => {
                let more = found.changed.len() - 1;
                let what = format!("`{}` is not as the commit holds it", excerpt(first));
                let what = if more > 0 { format!("{what}, nor are {more} more") } else { what };
                Err(Refusal::new(INPUT_DRIFT, what).subject(excerpt(first)))
            }
        }
    }
}

/// What a test without a repository may read: all, of the root each entry by itself.
#[cfg(test)]
fn everything(workspace: &Workspace, path: &RepoPath) -> Readable {
    if *path != RepoPath::root() {
        return Readable::Whole;
    }
    let names = std::fs::read_dir(workspace.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.filter(|name| name != ".git").map(std::path::PathBuf::from);
    Readable::Parts(names.collect())
}
