//! `run`: runs a program, never through a shell.

use crate::{
    base::reason::Result,
    plan::model::Action,
    step::{Context, Kind, Touch, Work, foreign},
};

/// Runs a program in the sandbox.
#[derive(Debug)]
pub(super) struct Run;

impl Kind for Run {
    fn word(&self) -> &'static str {
        "run"
    }

    fn summary(&self) -> &'static str {
        "runs a program with an argument list, in the sandbox"
    }

    fn target(&self, action: &Action) -> String {
        match action {
            Action::Run(run) => run.program.path.clone(),
            _ => String::new(),
        }
    }

    fn touch(&self, action: &Action) -> Touch {
        match action {
            Action::Run(run) => Touch { reads: run.reads.clone(), writes: run.writes.clone(), repository: false },
            _ => Touch::default(),
        }
    }

    fn act<'a>(&self, action: &'a Action, _: &Context<'_>, _: &mut bool) -> Result<Work<'a>> {
        match action {
            Action::Run(run) => Ok(Work::Program(run)),
            _ => Err(foreign(self, action)),
        }
    }
}
