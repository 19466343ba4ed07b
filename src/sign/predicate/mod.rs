//! What our statements say. In every predicate an unknown field is an error.

macro_rules! predicate {
    ($type:ident, $name:literal) => {
        impl Predicate for $type {
            const NAME: &'static str = $name;
        }
    };
}

mod approval;
mod note;
mod run;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    approval::{Approval, Binding, MAX_USES, Rejection, Revocation, RevocationTarget, Scope},
    note::{MAX_CHANGES, MAX_LABELS, MAX_NOTE, Note},
    run::{Claim, Job, Outcome, Resolution, StepFinished, StepStarted, Verification},
};
use super::{evidence::Evidence, statement::Predicate};
use crate::base::{digest::Digest, ident::Id, time::Timestamp};

/// A place in the ledger: the entry that was the last when a statement was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LedgerHead {
    /// SHA-256 of the genesis entry's bytes.
    pub genesis: Digest,
    /// Sequence number of the entry, 0 for the genesis.
    pub seq: u64,
    /// SHA-256 of the entry's bytes.
    pub hash: Digest,
}

/// A principal of the trust root, as a statement names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Actor {
    /// Host of the forge that knows the id, or `local`.
    pub host: String,
    /// Numeric id on that host.
    pub id: u64,
    /// Login, for display.
    pub login: String,
}

/// The first entry of a ledger: whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Genesis {
    /// Host of the forge, or `local`.
    pub host: String,
    /// Immutable id of the repository on that host.
    pub repo_id: String,
    /// Immutable id of the owner on that host.
    pub owner_id: String,
    /// 32 hex digits.
    pub nonce: String,
    /// When the ledger was made.
    pub created_at: Timestamp,
}
predicate!(Genesis, "genesis");

/// A trust root is the next version of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrustRootUpdate {
    /// Version of the subject.
    pub version: u64,
    /// SHA-256 of the version before; absent for version 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous: Option<Digest>,
    /// When it was signed.
    pub signed_at: Timestamp,
}
predicate!(TrustRootUpdate, "trust-root");

/// A plan was recorded: who asked for it. The bytes lie in the ledger's objects under the digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanRecord {
    /// SHA-256 of the plan's bytes.
    pub plan: Digest,
    /// SHA-256 of the policy's bytes.
    pub policy: Digest,
    /// SHA-256 of the trust root's bytes.
    pub trust_root: Digest,
    /// Name of the directive.
    pub directive: Id,
    /// Who asked.
    pub requested_by: Actor,
    /// The plan that this one takes the place of.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub supersedes: Option<Digest>,
    /// When the plan expires.
    pub expires: Timestamp,
    /// The last entry before.
    pub ledger: LedgerHead,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}
predicate!(PlanRecord, "plan");

/// What the policy says of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReviewRecord {
    /// SHA-256 of the plan's bytes.
    pub plan: Digest,
    /// SHA-256 of the policy's bytes.
    pub policy: Digest,
    /// `permit`, `needs-approval` or `deny`.
    pub decision: Id,
    /// The stable reason code of the decision.
    pub reason_code: String,
    /// SHA-256 of the whole report, canonical.
    pub report: Digest,
    /// Who let the review run.
    pub reviewed_by: Actor,
    /// The last entry before.
    pub ledger: LedgerHead,
    /// When.
    pub reviewed_at: Timestamp,
}
predicate!(ReviewRecord, "review");

/// Everything up to an entry was verified; readers may resume from here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Checkpoint {
    /// Host of the forge, or `local`.
    pub host: String,
    /// Immutable id of the repository.
    pub repo_id: String,
    /// The entry up to which all was verified.
    pub ledger: LedgerHead,
    /// The highest version of the trust root seen.
    pub trust_root_version: u64,
    /// When.
    pub checked_at: Timestamp,
}
predicate!(Checkpoint, "checkpoint");

/// Everything in the repository stops before its next step, or may go on again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Halt {
    /// `true` stops, `false` lets go on.
    pub halted: bool,
    /// Who.
    pub by: Actor,
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
    pub at: Timestamp,
}
predicate!(Halt, "halt");
