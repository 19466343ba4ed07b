//! What the ledger tells of the steps of a run.

use crate::{
    base::{
        ident::Id,
        reason::{INTERNAL, Refusal, Result},
        time::Timestamp,
    },
    event::StepOutcome,
    ledger::{Ledger, Record},
    sign::predicate::{Resolution, StepFinished},
};

/// One thing that the ledger tells of a step.
pub(crate) enum Told<'l> {
    /// An attempt ended.
    Ended(Ended<'l>),
    /// A person decided about a step of unknown outcome.
    Resolved(&'l Resolution),
}

/// How an attempt of a step ended.
pub(crate) struct Ended<'l> {
    pub(crate) record: &'l StepFinished,
    seq: u64,
}

impl Ended<'_> {
    /// Reads the outcome.
    ///
    /// # Errors
    /// `internal.error` where it cannot be read.
    pub(crate) fn outcome(&self) -> Result<StepOutcome> {
        serde_json::from_value(self.record.outcome.clone())
            .map_err(|e| Refusal::new(INTERNAL, format!("entry {}: {e}", self.seq)))
    }
}

/// Hands over what the ledger tells of the steps of a run, in its order.
///
/// # Errors
/// Those of [`Ledger::for_each`], and any of `take`.
pub(crate) fn each(
    ledger: &mut Ledger,
    run: &Id,
    now: Timestamp,
    mut take: impl FnMut(Told<'_>) -> Result<()>,
) -> Result<()> {
    ledger.for_each(now, |entry, _| match &entry.record {
        Record::StepFinished(record) if record.run == *run => take(Told::Ended(Ended { record, seq: entry.seq })),
        Record::Resolution(resolution) if resolution.run == *run => take(Told::Resolved(resolution)),
        _ => Ok(()),
    })
}
