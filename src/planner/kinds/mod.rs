//! The planners, one file each.

pub mod fixed;
