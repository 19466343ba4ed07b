//! The command line: arguments, and what they ask the application for.

pub mod args;
mod decision_args;
mod forge_args;
mod key_args;
mod names;
mod narrow;
pub mod outputs;
mod plan_args;
pub mod planner_args;
mod record_args;
mod run_args;
mod setup_args;

pub use args::Args;
pub use narrow::parse;
