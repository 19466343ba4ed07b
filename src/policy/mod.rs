//! Policy: who must agree to what, read from a file that people write, default deny.
//!
//! [`Policy::compile`] reads the file, [`evaluate`](evaluate::evaluate) decides about a plan, and the
//! [`Decision`] explains itself from both sides: what the plan holds, and the line of the policy.

pub mod check;
mod combinator;
pub mod condition;
pub mod decision;
pub mod evaluate;
pub mod explain;
mod guards;
pub mod model;
pub mod path_pattern;
pub mod planning;
mod raw;
pub mod reasons;
pub mod requirement;
pub mod rule;
pub mod starter;

#[cfg(test)]
mod tests;

pub use decision::{Decision, Outcome, Purpose};
pub use model::{Gates, Policy};
pub use requirement::{Candidate, Requirement, RequirementKind, RequirementStatus};
