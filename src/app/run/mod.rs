//! What a run is on this machine: its claim, who holds it, its private files, what it did before, how it ended.

pub(crate) mod batch;
pub(crate) mod claim;
pub(crate) mod ending;
pub(crate) mod failure;
pub(crate) mod lock;
pub(crate) mod past;
pub(crate) mod scratch;
pub(crate) mod start;
pub(crate) mod told;
