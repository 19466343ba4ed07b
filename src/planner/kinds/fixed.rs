//! The fixed planner: the directive's own steps, and nothing else.

use crate::{
    base::{
        planner::PlannerKind,
        reason::{Refusal, Result},
    },
    planner::{Asks, Draft, DraftRequest, Planner, assemble, items, reasons::PLANNER_NO_STEPS},
};

/// The fixed planner.
#[derive(Clone, Copy, Debug)]
pub struct Fixed;

impl Planner for Fixed {
    fn kind(&self) -> PlannerKind {
        PlannerKind::Fixed
    }

    fn summary(&self) -> &'static str {
        "expands the directive's own steps, and decides nothing"
    }

    fn asks(&self) -> Asks {
        Asks::Nobody
    }

    fn draft(&self, request: &DraftRequest<'_>) -> Result<Draft> {
        let directive = request.directive;
        if directive.steps().is_empty() {
            let message = format!("the directive `{}` has no steps", directive.name());
            return Err(Refusal::new(PLANNER_NO_STEPS, message).subject(directive.path().as_str()));
        }
        let mut planner = assemble::reference(request, self.kind())?;
        planner.inputs = items::readings(request)?;
        assemble::assemble(request, &items::spread(request)?, planner)
    }
}
