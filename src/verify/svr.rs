//! Simple Verification Result, <https://in-toto.io/attestation/svr/v0.1>: what passed, for tools of others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Report;
use crate::{base::time::Timestamp, sign::statement::Predicate};

/// What was verified, by whom, when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerificationResult {
    /// Who verified.
    pub verifier: Verifier,
    /// When.
    pub time_created: Timestamp,
    /// What holds: `COUNTERSIGN_` and the id of each check that passed, in capitals.
    pub properties: Vec<String>,
}

/// Who verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Verifier {
    /// A URI that changes when what is checked changes.
    pub id: String,
}

impl Predicate for VerificationResult {
    const NAME: &'static str = "svr";

    fn predicate_type() -> String {
        "https://in-toto.io/attestation/svr/v0.1".to_owned()
    }
}

impl VerificationResult {
    /// Makes the result of a report in which every check passed; `None` where one did not.
    #[must_use]
    pub fn of(report: &Report, now: Timestamp) -> Option<Self> {
        if report.checks.is_empty() || report.refusal().is_some() {
            return None;
        }
        let property = |id: &str| format!("COUNTERSIGN_{}", id.to_ascii_uppercase().replace(['.', '-'], "_"));
        let mut properties: Vec<String> = report.checks.iter().map(|check| property(check.id)).collect();
        properties.push("COUNTERSIGN_VERIFIED".to_owned());
        Some(Self {
            verifier: Verifier { id: "https://countersign.dev/verify/v1".to_owned() },
            time_created: now,
            properties,
        })
    }
}
