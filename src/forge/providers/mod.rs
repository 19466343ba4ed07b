//! One file a provider.

pub mod local;
