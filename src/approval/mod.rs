//! Approvals: what they bind, when they stop counting, and whether there are enough.

pub mod binding;
pub mod command;
pub mod evidence;
pub mod invalidate;
pub mod reasons;
pub mod status;
#[cfg(test)]
mod tests;

pub use binding::Ground;
pub use invalidate::Invalidation;
pub use status::{ApprovalStatus, Grant, Recorded};
