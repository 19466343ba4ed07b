//! The manual planner: a person takes the prompt away and brings the answer.

use crate::{
    base::{planner::PlannerKind, reason::Result},
    planner::{Asks, Draft, DraftRequest, Planner, assemble},
};

/// The manual planner.
#[derive(Clone, Copy, Debug)]
pub struct Manual;

impl Planner for Manual {
    fn kind(&self) -> PlannerKind {
        PlannerKind::Manual
    }

    fn summary(&self) -> &'static str {
        "writes the prompt to a file, and reads the answer that a person brings"
    }

    fn asks(&self) -> Asks {
        Asks::Person
    }

    fn draft(&self, request: &DraftRequest<'_>) -> Result<Draft> {
        assemble::proposed(request, self.kind())
    }
}
