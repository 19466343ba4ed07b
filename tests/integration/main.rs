//! The tool as people use it, on real repositories with real programs.

mod attacks;
mod fuzz_smoke;
mod loop_solo;
mod loop_team;
mod scene;
mod support;
mod threat_rows;
