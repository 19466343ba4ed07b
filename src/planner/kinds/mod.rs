//! The planners, one file each.

pub mod command;
pub mod fixed;
pub mod manual;
pub mod model;
