//! The tool as people use it, on real repositories with real programs.

mod readme;
mod reference;
mod support;
