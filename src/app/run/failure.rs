//! What failed in a run, of which class it was, what happened, and what to do next.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::told::{self, Told};
use crate::{
    base::{ident::Id, reason::Result, text::visible, time::Timestamp},
    event::{RunEvent, StepOutcome, StepStatus},
    ledger::Ledger,
};

/// How the last attempt of each step ended, where it did not succeed.
#[derive(Debug, Default)]
pub(crate) struct Failures(BTreeMap<Id, (u32, StepOutcome)>);

impl Failures {
    /// Takes what a run has told.
    pub(crate) fn of_events(events: &[RunEvent]) -> Self {
        let mut failures = Self::default();
        for event in events {
            if let RunEvent::StepFinished { step, attempt, outcome, .. } = event {
                failures.take(step, *attempt, outcome);
            }
        }
        failures
    }

    /// Reads what the ledger holds of a run.
    ///
    /// # Errors
    /// Those of [`Ledger::for_each`]; `internal.error` for an outcome that cannot be read.
    pub(crate) fn of_run(ledger: &mut Ledger, run: &Id, now: Timestamp) -> Result<Self> {
        let mut failures = Self::default();
        told::each(ledger, run, now, |told| {
            match told {
                Told::Ended(ended) => failures.take(&ended.record.step, ended.record.attempt, &ended.outcome()?),
                Told::Resolved(resolution) => drop(failures.0.remove(&resolution.step)),
            }
            Ok(())
        })?;
        Ok(failures)
    }

    fn take(&mut self, step: &Id, attempt: u32, outcome: &StepOutcome) {
        // What never started because of another says nothing of its own.
        let telling = !matches!(
            outcome.status,
            StepStatus::Succeeded | StepStatus::Skipped | StepStatus::Blocked | StepStatus::Cancelled
        );
        match telling {
            true => drop(self.0.insert(step.clone(), (attempt, outcome.clone()))),
            false if attempt > 0 => drop(self.0.remove(step)),
            false => {}
        }
    }

    /// Returns what a step's last attempt says, in lines for people.
    pub(crate) fn lines(&self, step: &Id) -> String {
        let Some((_, outcome)) = self.0.get(step) else { return String::new() };
        let class = outcome.class.map(|class| format!(" ({})", class.word())).unwrap_or_default();
        let code = outcome.reason_code.as_deref().map(|code| format!(" [{code}]")).unwrap_or_default();
        let what = visible(outcome.what.as_deref().unwrap_or("no word"));
        let next = outcome.next.as_deref().map(|next| format!("    next: {}\n", visible(next))).unwrap_or_default();
        format!("    {what}{code}{class}\n{next}")
    }

    /// Returns why a step did not succeed, as its reason code and what happened; empty where nothing is told.
    pub(crate) fn reason(&self, step: &Id) -> (&str, &str) {
        let Some((_, outcome)) = self.0.get(step) else { return ("", "") };
        (outcome.reason_code.as_deref().unwrap_or_default(), outcome.what.as_deref().unwrap_or_default())
    }

    /// Returns all, for machines.
    pub(crate) fn result(&self) -> Vec<Value> {
        let row = |(step, (attempt, outcome)): (&Id, &(u32, StepOutcome))| {
            json!({
                "step": step,
                "attempt": attempt,
                "status": outcome.status.word(),
                "reasonCode": outcome.reason_code,
                "class": outcome.class,
                "what": outcome.what,
                "next": outcome.next,
            })
        };
        self.0.iter().map(row).collect()
    }
}
