//! What a run says of itself, and what is said of a step that it left in doubt.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Actor, LedgerHead};
use crate::{
    base::{digest::Digest, ident::Id, resolve_as::ResolveAs, time::Timestamp},
    sign::{evidence::Evidence, statement::Predicate},
};

/// The CI job that an issuer's token showed; the token itself is never recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Job {
    /// URL of the issuer.
    pub issuer: String,
    /// Id of the issuer's key that signed the token.
    pub key: String,
    /// SHA-256 of the token; its audience names the plan.
    pub token: Digest,
    /// Id of the run in the CI system.
    pub run: String,
    /// Attempt of that run.
    pub attempt: String,
    /// The workflow that holds the job: path and reference.
    pub workflow: String,
}

/// A run takes the approvals of a plan for itself; only the first to be appended does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Claim {
    /// SHA-256 of the plan.
    pub plan: Digest,
    /// The run, unique in the ledger.
    pub run: Id,
    /// 1 for the first, one more each time the run is resumed.
    pub attempt: u32,
    /// The approvals used, by the SHA-256 of their envelopes' payloads.
    pub approvals: Vec<Digest>,
    /// Who executes.
    pub claimed_by: Actor,
    /// Which CI job executes, where an issuer showed it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub job: Option<Box<Job>>,
    /// 32 hex digits; how the run knows its own claim again.
    pub nonce: String,
    /// The last entry before.
    pub ledger: LedgerHead,
    /// When.
    pub claimed_at: Timestamp,
}
predicate!(Claim, "claim");

/// A step is about to act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepStarted {
    /// SHA-256 of the plan.
    pub plan: Digest,
    /// The run.
    pub run: Id,
    /// The step.
    pub step: Id,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Sequence number of the claim: the fencing token that the program gets too.
    pub fencing: u64,
    /// The same for every attempt of this step of this plan.
    pub idempotency_key: Digest,
    /// When.
    pub started_at: Timestamp,
}
predicate!(StepStarted, "step-started");

/// An attempt of a step ended, or the step will not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepFinished {
    /// SHA-256 of the plan.
    pub plan: Digest,
    /// The run.
    pub run: Id,
    /// The step.
    pub step: Id,
    /// The attempt, 0 where the step never started.
    pub attempt: u32,
    /// Sequence number of the claim: a run that goes on may block a step again, alike, within the same second.
    pub fencing: u64,
    /// Whether another attempt follows.
    pub retrying: bool,
    /// How it ended: an [`crate::event::StepOutcome`] as JSON, at most 48 KiB.
    pub outcome: serde_json::Value,
    /// When.
    pub finished_at: Timestamp,
}
predicate!(StepFinished, "step-finished");

/// What was claimed to be done was looked up again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Verification {
    /// SHA-256 of the plan.
    pub plan: Digest,
    /// The run.
    pub run: Id,
    /// The step whose work was read back.
    pub step: Id,
    /// The attempt.
    pub attempt: u32,
    /// `pass` or `fail`.
    pub verdict: Id,
    /// How many read-back actions ran.
    pub checks: u32,
    /// When.
    pub verified_at: Timestamp,
}
predicate!(Verification, "verification");

/// A run is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outcome {
    /// SHA-256 of the plan.
    pub plan: Digest,
    /// The run.
    pub run: Id,
    /// The run's status, a word of [`crate::event::RunStatus`].
    pub status: Id,
    /// The stable reason code, where the status is not `completed`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason_code: Option<String>,
    /// The status of every step, words of [`crate::event::StepStatus`].
    pub steps: BTreeMap<Id, Id>,
    /// SHA-256 of each declared output file after the run.
    pub products: BTreeMap<String, Digest>,
    /// Number of the last entry of the ledger before it: a run that goes on may end again, alike, within the same second.
    pub after: u64,
    /// When.
    pub finished_at: Timestamp,
}
predicate!(Outcome, "outcome");

/// A person says how a step of unknown outcome is to be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resolution {
    /// SHA-256 of the plan.
    pub plan: Digest,
    /// The run.
    pub run: Id,
    /// The step.
    pub step: Id,
    /// How.
    pub resolve_as: ResolveAs,
    /// Who.
    pub resolved_by: Actor,
    /// The platform's record, where a gate signs for the person.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evidence: Option<Evidence>,
    /// Why, 1 to 1,000 characters.
    pub reason: String,
    /// 32 hex digits.
    pub nonce: String,
    /// The last entry before.
    pub ledger: LedgerHead,
    /// When.
    pub resolved_at: Timestamp,
}
predicate!(Resolution, "resolution");
