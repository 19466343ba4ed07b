//! The model planner: one question to a language model, one answer in a closed form.

use crate::{
    base::{planner::PlannerKind, reason::Result},
    planner::{Asks, Draft, DraftRequest, Planner, assemble},
};

/// The model planner.
#[derive(Clone, Copy, Debug)]
pub struct Model;

impl Planner for Model {
    fn kind(&self) -> PlannerKind {
        PlannerKind::Model
    }

    fn summary(&self) -> &'static str {
        "asks a language model over HTTP, once, without tools"
    }

    fn asks(&self) -> Asks {
        Asks::Model
    }

    fn draft(&self, request: &DraftRequest<'_>) -> Result<Draft> {
        assemble::proposed(request, self.kind())
    }
}
