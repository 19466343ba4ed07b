//! The command line: arguments, and what they ask the application for.

pub mod args;
mod outputs;

pub use args::Args;
