//! The configuration: flags, then the project's file, the user's file, and defaults.

pub(crate) mod model;
