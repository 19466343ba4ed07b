//! Whole runs with real programs: each guard is first shown to be needed, then to hold.

mod cost;
mod doubt;
mod inputs;
mod isolation;
mod outcomes;
mod processes;
mod recording;
mod secrets;
mod support;
