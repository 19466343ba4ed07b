//! Pipelines: what may be done, with typed inputs, exact actions and a read-back.

pub mod catalog;
mod demands;
mod flow;
mod lint;
pub mod model;
pub mod program;
mod raw;
pub mod reasons;
pub mod template;
#[cfg(test)]
mod tests;

pub use catalog::Catalog;
pub use demands::{Demands, Supply};
pub use model::Pipeline;
pub use program::{ProgramEntry, ProgramTable};
