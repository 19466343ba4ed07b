//! One file for each kind of action.

mod commit;
mod copy;
mod patch;
mod run;
mod tag;
mod write;

pub use commit::Commit;

use super::Kind;
use crate::plan::model::Action;

/// Every kind, in the order of the documentation.
pub static ALL: &[&dyn Kind] = &[&run::Run, &write::Write, &copy::Copy, &patch::Patch, &commit::Commit, &tag::Tag];

/// Returns the kind that an action belongs to.
#[must_use]
pub fn kind_of(action: &Action) -> &'static dyn Kind {
    match action {
        Action::Run(_) => &run::Run,
        Action::Write(_) => &write::Write,
        Action::Copy(_) => &copy::Copy,
        Action::Patch(_) => &patch::Patch,
        Action::Commit(_) => &commit::Commit,
        Action::Tag(_) => &tag::Tag,
    }
}
