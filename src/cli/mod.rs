//! The command line: arguments, and what they ask the application for.

pub mod args;
pub mod planner_args;

pub use args::Args;
