//! Tests over real repositories in temporary folders.

mod append;
mod edit;
mod focus;
mod machine;
mod notes;
mod past;
mod reading;
mod revoked;
mod rules;
mod speed;
mod support;
mod tampering;
mod upstream;
