//! Agents propose, people countersign, CI executes exactly that.

pub mod app;
pub mod approval;
pub mod base;
pub mod cli;
pub mod directive;
pub mod event;
pub mod facts;
pub mod forge;
pub mod ledger;
pub mod plan;
pub mod policy;
pub mod report;
pub mod review;
pub mod sign;
pub mod verify;
