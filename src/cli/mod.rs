//! The command line: arguments, and what they ask the application for.

pub mod args;
pub mod planner_args;
mod outputs;

pub use args::Args;
