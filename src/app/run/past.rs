//! What a run did before it is resumed.

use std::collections::BTreeMap;

use super::told::{self, Told};
use crate::{
    base::{ident::Id, reason::Result, resolve_as::ResolveAs, time::Timestamp},
    event::{StepOutcome, StepStatus},
    ledger::{Ledger, run::StepState},
};

/// What a run did before it is resumed.
#[derive(Default)]
pub(crate) struct Past {
    /// The steps that are done, with how.
    pub(crate) finished: BTreeMap<Id, StepOutcome>,
    /// The attempts of each step.
    pub(crate) attempts: BTreeMap<Id, u32>,
}

impl Past {
    /// Reads it from the ledger.
    ///
    /// # Errors
    /// Those of [`Ledger::for_each`]; `internal.error` for an outcome that cannot be read.
    pub(crate) fn of(ledger: &mut Ledger, run: &Id, now: Timestamp) -> Result<Self> {
        let mut past = Self::default();
        told::each(ledger, run, now, |told| {
            let Told::Ended(ended) = told else { return Ok(()) };
            if !ended.record.retrying {
                let outcome = ended.outcome()?;
                if outcome.status == StepStatus::Succeeded {
                    past.finished.insert(ended.record.step.clone(), outcome);
                }
            }
            Ok(())
        })?;
        let state = ledger.read(now)?.state();
        let Some(known) = state.run(run) else { return Ok(past) };
        for (step, state) in &known.steps {
            past.attempts.insert(step.clone(), state.attempt());
            if let StepState::Resolved { taken: ResolveAs::Skip, .. } = state {
                past.finished.insert(step.clone(), skipped());
            }
        }
        Ok(past)
    }
}

/// The outcome of a step that a person declared done.
fn skipped() -> StepOutcome {
    StepOutcome {
        status: StepStatus::Skipped,
        reason_code: None,
        class: None,
        what: Some("taken as done by a signed resolution".to_owned()),
        next: None,
        actions: Vec::new(),
        verified: 0,
        outputs: BTreeMap::new(),
    }
}
