//! What a run is on this machine: who holds it, where its private files lie, what it did before, what failed.

pub(crate) mod failure;
pub(crate) mod lock;
pub(crate) mod past;
pub(crate) mod scratch;
