//! Agents propose, people countersign, CI executes exactly that.

pub mod base;
pub mod event;
pub mod facts;
pub mod ledger;
pub mod plan;
pub mod sign;
pub mod verify;
