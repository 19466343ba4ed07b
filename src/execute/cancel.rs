//! The way to stop a run from outside: an interrupt, a termination signal, a lost lock.

use std::sync::Arc;

use tokio::sync::watch;

/// A switch that goes one way; its copies are the same switch.
#[derive(Clone, Debug)]
pub struct Cancel(Arc<watch::Sender<bool>>);

impl Default for Cancel {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Cancel {
    /// Stops whatever holds a copy.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }

    /// Tells whether [`Self::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until [`Self::cancel`] is called.
    pub async fn cancelled(&self) {
        let mut receiver = self.0.subscribe();
        // The sender lives as long as `self`, so there is no other end to the wait.
        let _ = receiver.wait_for(|cancelled| *cancelled).await;
    }
}
