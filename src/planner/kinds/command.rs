//! The command planner: an agent's command line, which gets text and gives text.

use crate::{
    base::{planner::PlannerKind, reason::Result},
    planner::{Asks, Draft, DraftRequest, Planner, assemble},
};

/// The command planner.
#[derive(Clone, Copy, Debug)]
pub struct CommandLine;

impl Planner for CommandLine {
    fn kind(&self) -> PlannerKind {
        PlannerKind::Command
    }

    fn summary(&self) -> &'static str {
        "asks an agent's own command line, in a sandbox, without tools"
    }

    fn asks(&self) -> Asks {
        Asks::Command
    }

    fn draft(&self, request: &DraftRequest<'_>) -> Result<Draft> {
        assemble::proposed(request, self.kind())
    }
}
