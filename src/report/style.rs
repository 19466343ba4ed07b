//! How to write for people.

use crate::plan::view::Color;

/// How to write for people; whoever reads the environment and knows the terminal decides it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether colours are written: not in a pipe, not under `NO_COLOR`.
    pub color: Color,
    /// Whether bars and spinners are drawn on standard error: on a terminal only.
    pub progress: bool,
    /// Whether only the result and what went wrong is written.
    pub quiet: bool,
}
