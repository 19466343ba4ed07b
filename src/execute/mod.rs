//! Runs a verified plan: exactly its actions, in a sandbox, with every event on record.
//!
//! There is no planner here, no YAML, no template, no model and no policy: the plan holds every
//! choice already. The dispatcher decides what may start and records what happens; an executor sees
//! one attempt of one step to its end; `process` and `sandbox` start programs and hold them in.

mod cancel;
mod capture;
mod classify;
mod confined;
mod dispatcher;
mod doubt;
mod executor;
mod inputs;
mod links;
mod prepare;
mod preview;
mod process;
pub mod reasons;
mod redact;
pub mod sandbox;
mod scheduler;
mod scratch;
mod setting;
mod sink;
mod slots;

use std::{path::PathBuf, sync::Arc};

pub use cancel::Cancel;
pub use confined::{Confined, Ended as ConfinedEnd, Ending, run_confined};
pub use preview::{PreviewAction, PreviewStep, preview};
pub use process::limits::Limits;
pub use redact::Redactor;
pub use setting::RunSetting;
pub use sink::EventSink;

use crate::{
    base::reason::{IO, Refusal, Result},
    event::RunOutcome,
    step::workspace::Workspace,
    verify::VerifiedPlan,
};
use dispatcher::Dispatcher;
use executor::Shared;
use inputs::Inputs;
use reasons::SYSTEM_READ;
use sandbox::is_open_to_all;
use scheduler::Graph;

/// A plan that may start: all that could refuse it as a whole was looked at, and nothing is on record yet.
#[derive(Debug)]
pub struct Ready {
    plan: VerifiedPlan,
    setting: RunSetting,
    graph: Graph,
    workspace: Workspace,
    redactor: Arc<Redactor>,
}

impl Ready {
    /// Looks at everything that a run of the plan needs as a whole, before anybody claims it.
    ///
    /// # Errors
    /// `secret.too_short`, `plan.graph`, `path.system` where checkout, scratch or keys lie in what every program may read, `io.failed` where the checkout or the scratch folder cannot be used.
    pub fn new(plan: VerifiedPlan, setting: RunSetting) -> Result<Self> {
        let redactor = Arc::new(Redactor::new(&setting.secrets)?);
        let graph = Graph::new(plan.plan())?;
        let workspace = Workspace::open(&setting.workspace)?;
        let scratch = setting
            .scratch
            .canonicalize()
            .map_err(|e| Refusal::new(IO, format!("cannot use `{}`: {e}", setting.scratch.display())))?;
        if scratch.starts_with(workspace.path()) || workspace.path().starts_with(&scratch) {
            return Err(Refusal::new(IO, "the scratch folder and the checkout must lie apart"));
        }
        let real = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
        let private: Vec<PathBuf> = setting.private.iter().map(real).collect();
        for place in [workspace.path(), &scratch].into_iter().chain(private.iter().map(PathBuf::as_path)) {
            if is_open_to_all(place) {
                let why = format!("`{}` lies where every program may read", place.display());
                return Err(Refusal::new(SYSTEM_READ, why).hint("put it elsewhere, such as below your home or /tmp"));
            }
        }
        Ok(Self { plan, setting: RunSetting { scratch, private, ..setting }, graph, workspace, redactor })
    }

    /// Returns the plan.
    #[must_use]
    pub fn plan(&self) -> &VerifiedPlan {
        &self.plan
    }

    /// Takes the token that tells this claim from every earlier one.
    #[must_use]
    pub fn fenced(mut self, token: String) -> Self {
        self.setting.fencing = token;
        self
    }
}

/// Runs a plan to its end; whatever goes wrong is in the outcome.
///
/// Steps run in the order of their needs, at most [`RunSetting::parallel`] at once, and never two at
/// once of which one writes what the other reads or writes. An event is durable before the side
/// effect that it announces, and before whatever depends on it. When this returns, no process of any
/// step is left.
pub async fn run<S: EventSink>(ready: Ready, sink: &mut S, cancel: Cancel) -> RunOutcome {
    let Ready { plan, setting, graph, workspace, redactor } = ready;
    let shared = Arc::new(Shared {
        inputs: Inputs::new(plan.plan(), &setting),
        digest: plan.digest(),
        plan: plan.plan().clone(),
        setting,
        workspace,
        redactor,
        spare: scratch::Spare::default(),
        others: process::limits::processes_of_user(),
        kill: Cancel::default(),
    });
    drop(plan);
    Dispatcher::new(shared, graph, sink, cancel).run().await
}

#[cfg(test)]
mod tests;
