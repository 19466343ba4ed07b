//! Agents propose, people countersign, CI executes exactly that.

pub mod base;
pub mod event;
pub mod execute;
pub mod facts;
pub mod plan;
pub mod sign;
pub mod step;
pub mod verify;
