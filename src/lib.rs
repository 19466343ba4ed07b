//! Agents propose, people countersign, CI executes exactly that.

pub mod app;
pub mod approval;
pub mod base;
pub mod cli;
pub mod directive;
pub mod event;
pub mod execute;
pub mod facts;
pub mod forge;
pub mod git;
pub mod ledger;
pub mod pipeline;
pub mod plan;
pub mod planner;
pub mod policy;
pub mod provider;
pub mod report;
pub mod review;
pub mod sign;
pub mod step;
pub mod verify;
