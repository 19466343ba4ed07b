//! The tool as people use it, on real repositories with real programs.
#![expect(unreachable_pub, reason = "a test binary has no outside")]

mod readme;
mod reference;
mod support;
