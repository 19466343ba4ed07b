//! What a pipeline asks of the policy, whether or not the rest of the file is in order.

use std::collections::BTreeSet;

use super::{program::ProgramTable, reasons::PIPELINE_SECRET};
use crate::base::{
    ident::Id,
    launch,
    yaml::{Findings, Place},
};

/// What a pipeline asks of the policy, each with where it stands.
#[derive(Clone, Debug, Default)]
pub struct Demands {
    /// The programs that it runs.
    pub programs: Vec<(Id, Place)>,
    /// The secrets that its programs get.
    pub secrets: Vec<(String, Place)>,
    /// The variables that it sets.
    pub variables: Vec<(String, Place)>,
    /// Where it says how long a step may take, where it does.
    pub timeout: Option<Place>,
}

/// What the policy has for pipelines.
#[derive(Clone, Copy, Debug)]
pub struct Supply<'p> {
    /// The programs that it lists.
    pub programs: &'p ProgramTable,
    /// The secrets that it lists.
    pub secrets: &'p BTreeSet<String>,
    /// The variables that it lets pass, which are denied otherwise.
    pub variables: &'p [String],
}

impl Demands {
    /// Reports what the policy does not have.
    pub(super) fn check(&self, supply: Supply<'_>, findings: &mut Findings<'_>) {
        for (name, place) in &self.programs {
            findings.keep(*place, supply.programs.get(name));
        }
        for (name, place) in self.secrets.iter().filter(|(name, _)| !supply.secrets.contains(name)) {
            let message = format!("the policy lists no secret `{name}`");
            findings.report_near(*place, PIPELINE_SECRET, message, name, supply.secrets.iter().map(String::as_str));
        }
        for (name, place) in &self.variables {
            findings.keep(*place, launch::check_env_name(name, supply.variables));
        }
    }
}
