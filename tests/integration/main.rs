//! The tool as people use it, on real repositories with real programs.

mod fuzz_smoke;
mod support;
