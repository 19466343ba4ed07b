//! Plans: the document, the seal that checks it, its view, and the difference between two.

pub mod diff;
pub mod fence;
pub mod git_arguments;
pub mod model;
pub mod proposal;
pub mod reasons;
pub mod seal;
#[cfg(test)]
pub(crate) mod testing;
pub mod usage;
pub mod view;

pub use seal::SealedPlan;
