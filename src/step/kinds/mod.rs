//! One file for each kind of action.

mod commit;
mod copy;
mod patch;
mod run;
mod tag;
mod write;

use super::Kind;

/// Every kind, in the order of the documentation.
pub static ALL: &[&dyn Kind] = &[&run::Run, &write::Write, &copy::Copy, &patch::Patch, &commit::Commit, &tag::Tag];
