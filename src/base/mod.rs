//! Identifiers, digests, strict JSON, time, text safety and reason codes. No I/O.

pub mod bounds;
pub mod canonical;
pub mod diagnostic;
pub mod digest;
pub mod examined;
pub mod ident;
pub mod json;
pub mod launch;
pub mod leak;
pub mod level;
pub mod limits;
pub mod method;
pub mod parallel;
pub mod path;
pub mod permission;
pub mod planner;
pub mod reason;
pub mod resolve_as;
pub mod secret;
mod sha256;
pub mod shell;
mod spelled;
pub mod text;
pub mod time;
pub mod value;
#[cfg(test)]
pub(crate) mod vectors;
pub mod yaml;
