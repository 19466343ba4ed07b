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
    /// Whether more is said than people usually want to know; never anything that is otherwise kept back.
    pub verbose: bool,
    /// Random bytes of this process, for marks in a log that nobody can foresee.
    pub seed: Option<[u8; 32]>,
}
