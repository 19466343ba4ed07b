//! The command line: arguments, and what they ask the application for.

pub mod args;
mod decision_args;
mod forge_args;
mod key_args;
mod names;
mod outputs;
pub mod planner_args;
mod run_args;

pub use args::Args;
