//! One file per command, and the sequencing of I/O.

pub mod keys;
