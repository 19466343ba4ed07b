//! Agents propose, people countersign, CI executes exactly that.

pub mod app;
pub mod base;
pub mod cli;
pub mod event;
pub mod facts;
pub mod forge;
pub mod plan;
pub mod report;
pub mod sign;
pub mod verify;
