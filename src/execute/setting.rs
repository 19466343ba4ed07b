//! What a run needs beside its plan.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use super::process::limits::Limits;
use crate::{
    base::{ident::Id, secret::Secret, time::Clock},
    event::StepOutcome,
    step::Identity,
};

/// What a run needs beside its plan.
#[derive(Clone, Debug)]
pub struct RunSetting {
    /// The run's id.
    pub run: Id,
    /// The checkout that the plan acts on.
    pub workspace: PathBuf,
    /// An existing private folder outside the checkout, for scratch files and scripts.
    pub scratch: PathBuf,
    /// Folders of the runner's own, its keys for one, that no step may see.
    pub private: Vec<PathBuf>,
    /// How many steps may run at once, at least 1.
    pub parallel: usize,
    /// Where the times of events come from.
    pub clock: Clock,
    /// The secrets, by name; a step gets those that it declares.
    pub secrets: BTreeMap<String, Secret>,
    /// Steps that an earlier run of this plan has finished; they are not run again.
    pub finished: BTreeMap<Id, StepOutcome>,
    /// The steps that this process runs, where others run the rest of the same run; the run's end is then not its to
    /// record. None means all.
    pub only: Option<BTreeSet<Id>>,
    /// How many attempts earlier runs of this plan have made, by step.
    pub attempts: BTreeMap<Id, u32>,
    /// The token that tells this claim from every earlier one.
    pub fencing: String,
    /// What each process may use of the machine.
    pub limits: Limits,
    /// How long a program may take between the termination signal and being killed.
    pub grace: Duration,
    /// The most bytes that are kept of each stream of output.
    pub output_cap: usize,
    /// Who commits and tags are by.
    pub identity: Identity,
    /// Leaves the sandbox off, so that a test can show that its attack works without it.
    #[cfg(test)]
    pub(crate) without_sandbox: bool,
    /// Leaves the comparison with the commit off: most tests of what steps do need no repository.
    #[cfg(test)]
    pub(crate) without_commit: bool,
}

impl RunSetting {
    /// Makes a setting with one step at a time, the default limits and nothing done before.
    #[must_use]
    pub fn new(run: Id, workspace: PathBuf, scratch: PathBuf) -> Self {
        Self {
            run,
            workspace,
            scratch,
            private: Vec::new(),
            parallel: 1,
            clock: Clock::System,
            secrets: BTreeMap::new(),
            finished: BTreeMap::new(),
            only: None,
            attempts: BTreeMap::new(),
            fencing: String::from("0"),
            limits: Limits::default(),
            grace: Duration::from_secs(2),
            output_cap: 100_000,
            identity: Identity::default(),
            #[cfg(test)]
            without_sandbox: false,
            #[cfg(test)]
            without_commit: true,
        }
    }
}
