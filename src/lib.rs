//! Agents propose, people countersign, CI executes exactly that.

pub mod base;
pub mod event;
pub mod facts;
pub mod plan;
pub mod policy;
pub mod review;
pub mod sign;
pub mod verify;
