//! A run's events, folded into one row a step.

use crate::{
    base::ident::Id,
    event::{RunEvent, StepOutcome, StepStatus},
};

/// How one step ended.
pub(super) struct Row<'a> {
    pub(super) step: &'a Id,
    /// Attempts that started.
    pub(super) attempts: u32,
    /// Wall-clock time of all actions of all attempts, in milliseconds.
    pub(super) millis: u64,
    /// The last outcome; none where the step started and no end is known.
    pub(super) outcome: Option<&'a StepOutcome>,
}

impl Row<'_> {
    pub(super) fn status(&self) -> StepStatus {
        self.outcome.map_or(StepStatus::Indeterminate, |outcome| outcome.status)
    }
}

/// Returns one row a step, in the order in which they were first heard of.
pub(super) fn rows(events: &[RunEvent]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for event in events {
        let (step, outcome) = match event {
            RunEvent::StepStarted { step, .. } => (step, None),
            RunEvent::StepFinished { step, outcome, .. } => (step, Some(&**outcome)),
            RunEvent::RunStarted { .. } | RunEvent::RunFinished { .. } => continue,
        };
        let at = rows.iter().position(|row| row.step == step).unwrap_or_else(|| {
            rows.push(Row { step, attempts: 0, millis: 0, outcome: None });
            rows.len() - 1
        });
        let Some(row) = rows.get_mut(at) else { continue };
        match outcome {
            None => row.attempts += 1,
            Some(outcome) => {
                row.millis += outcome.actions.iter().map(|action| action.millis).sum::<u64>();
            }
        }
        // A new attempt is under way: what the last one said no longer stands.
        row.outcome = outcome;
    }
    rows
}
