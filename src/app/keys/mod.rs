//! Keys of people and programs: where they lie, how they sign, and the files of the trust root.

pub mod file;
pub mod guard;
pub mod reasons;
pub mod ssh;
pub mod ssh_export;
