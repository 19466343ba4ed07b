//! The ledger.

pub mod chain;
pub mod format;
pub mod reasons;
pub mod record;
pub mod state;
pub mod status;
mod transition;
