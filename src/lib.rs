//! Agents propose, people countersign, CI executes exactly that.

pub mod base;
pub mod directive;
pub mod event;
pub mod facts;
pub mod pipeline;
pub mod plan;
pub mod planner;
pub mod sign;
pub mod verify;
