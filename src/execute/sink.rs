//! Where events go: the ledger first, reporters after it.

use crate::{base::reason::Result, event::RunEvent};

/// Takes the events of a run. The calls block, and the run waits for them.
pub trait EventSink: Send {
    /// Records one event; when it returns, the event survives a crash of this machine.
    ///
    /// # Errors
    /// Any; no further step starts. A step that acted, and of which the end is not on record, is indeterminate. A start
    /// that is refused leaves nothing in doubt, unless the reason itself is one of those of which nobody knows whether
    /// the event was recorded.
    fn record(&mut self, event: &RunEvent) -> Result<()> {
        self.record_batch(std::slice::from_ref(event))
    }

    /// Records events in order, all as durable as one.
    ///
    /// # Errors
    /// As for [`Self::record`].
    fn record_batch(&mut self, events: &[RunEvent]) -> Result<()>;

    /// Looks around on this machine after an attempt of a step, before anything else starts.
    ///
    /// # Errors
    /// The reason why nothing more may be done here; no further step starts.
    fn after_step(&mut self) -> Result<()> {
        Ok(())
    }

    /// Tells whether [`Self::may_continue`] may have to wait for something beyond this machine, so that the steps under
    /// way must go on meanwhile.
    fn waits(&self) -> bool {
        true
    }

    /// Tells whether the run may go on: no halt, no revocation, nothing expired.
    ///
    /// # Errors
    /// The reason why not; no further step starts.
    fn may_continue(&mut self) -> Result<()>;
}
