//! The ledger: an append-only chain of signed statements on a branch of the repository.
//!
//! ```text
//! branch ──store──> files ──format──> entries ──chain──> verified ──transition──> State ──status──> RunStatus
//! ```
//!
//! The hash chain proves order and completeness, the signatures prove authority, and the transitions
//! prove that what happened was allowed to. A reader starts at the genesis that the trust root pins and
//! believes nothing else. A writer runs the same code on its own entries before it writes them.
//!
//! The tree of the branch: `ledger.json` (the marker), `entries/<seq / 10000>/<seq / 100 % 100>/<first>.jsonl`
//! (one file for each append), `segments/<first>-<last>.jsonl` (the same bytes joined, when a checkpoint is
//! appended and there are many) and `objects/sha256/<2 hex>/<62 hex>` (what entries name by digest).

mod address;
mod append;
mod blocks;
pub mod chain;
mod fingerprint;
mod focus;
pub mod format;
pub mod held;
mod keep;
mod layered;
mod lineage;
pub mod log;
mod look;
mod mark;
mod notes;
mod objects;
mod open;
mod opener;
mod origin;
mod past;
pub mod reasons;
pub mod record;
pub mod remote;
pub mod run;
mod standing;
pub mod state;
pub mod status;
mod store;
mod transition;
mod transition_run;
mod vouched;

#[cfg(test)]
mod tests;

pub use address::Address;
pub use append::{Appended, Batch, NewEntry, View};
pub use chain::{Chain, Mode};
pub use format::genesis_entry;
pub use held::Held;
pub use keep::Keep;
pub use notes::{Labels, Noted, Notes};
pub use open::{Ledger, Listener};
pub use record::{Entry, Record};
pub use remote::Remote;
pub use state::State;
