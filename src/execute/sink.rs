//! Where events go: the ledger first, reporters after it.

use crate::{base::reason::Result, event::RunEvent};

/// How safely an event must be kept before the run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It must survive a crash of this machine: the next thing to happen has a side effect, or had one.
    BeforeGoingOn,
    /// It may be lost with the process; nothing outside happened.
    Eventually,
}

/// Takes the events of a run. The calls block, and the run waits for them.
pub trait EventSink: Send {
    /// Records one event; when it returns, the event is as durable as asked.
    ///
    /// # Errors
    /// Any; the run stops before its next step, and its outcome is indeterminate.
    fn record(&mut self, event: &RunEvent, durability: Durability) -> Result<()>;

    /// Records events of steps without side effects, in order.
    ///
    /// # Errors
    /// As for [`Self::record`].
    fn record_batch(&mut self, events: &[RunEvent]) -> Result<()> {
        events.iter().try_for_each(|event| self.record(event, Durability::Eventually))
    }

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
