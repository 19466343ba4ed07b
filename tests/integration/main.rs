//! The tool as people use it, on real repositories with real programs.

mod attacks;
mod loop_solo;
mod loop_team;
mod scene;
mod support;
