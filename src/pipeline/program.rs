//! The programs that pipelines may name, as the policy at the protected base lists them.

use std::collections::BTreeMap;

use super::reasons::PIPELINE_PROGRAM;
use crate::base::{diagnostic::nearest, digest::Digest, ident::Id, reason::Refusal};

/// The table of programs, by the name that pipelines use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgramTable(pub BTreeMap<Id, ProgramEntry>);

/// One program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramEntry {
    /// Absolute path.
    pub path: String,
    /// SHA-256 of the binary, where the policy pins it.
    pub digest: Option<Digest>,
    /// Whether it runs code it is handed.
    pub interpreter: bool,
    /// The only flags it may get; none means any.
    pub flags: Option<Vec<String>>,
    /// Whether it is the command line of an agent.
    pub agent_cli: bool,
    /// Variables denied otherwise that it may get.
    pub dangerous_env: Vec<String>,
}

impl ProgramTable {
    /// Returns the program of a name.
    ///
    /// # Errors
    /// `pipeline.program`, with the nearest name there is.
    pub fn get(&self, name: &Id) -> Result<&ProgramEntry, Refusal> {
        self.0.get(name).ok_or_else(|| {
            let refusal = Refusal::new(PIPELINE_PROGRAM, format!("the policy lists no program `{name}`"));
            match nearest(name.as_str(), self.0.keys().map(Id::as_str)) {
                Some(near) => refusal.hint(format!("did you mean `{near}`?")),
                None => refusal,
            }
        })
    }
}
