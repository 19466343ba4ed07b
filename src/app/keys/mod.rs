//! Keys of people and programs: where they lie, how they sign, and the files of the trust root.

#[cfg(test)]
mod bench;
pub mod change;
pub mod commands;
pub mod file;
pub mod guard;
pub mod pin;
mod possible;
mod proposal;
pub mod reasons;
pub mod renewal;
pub mod ssh;
pub mod ssh_export;
pub mod trust_store;
