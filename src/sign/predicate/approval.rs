//! Decisions of people and of the policy about a plan: approvals, rejections, and what takes them back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Actor, LedgerHead};
use crate::{
    base::{digest::Digest, ident::Id, method::Method, time::Timestamp},
    sign::{evidence::Evidence, statement::Predicate},
};

/// Everything that an approval is for; any difference at execution refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Binding {
    /// Host of the forge, or `local`.
    pub host: String,
    /// Immutable id of the repository.
    pub repo_id: String,
    /// Immutable id of its owner.
    pub owner_id: String,
    /// Number of the pull or merge request.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub change_request: Option<u64>,
    /// Full name of the protected base.
    pub base_ref: String,
    /// Full id of the base commit.
    pub base_sha: String,
    /// Full id of the head commit.
    pub head_sha: String,
    /// SHA-256 over the manifest of guardrails and definitions, and the head's tree.
    pub tree_digest: Digest,
    /// SHA-256 of the directive.
    pub directive: Digest,
    /// SHA-256 of the plan.
    pub plan: Digest,
    /// SHA-256 of the view that the approver saw.
    pub view: Digest,
    /// Version of the renderer that made the view.
    pub renderer: String,
    /// SHA-256 of the policy.
    pub policy: Digest,
    /// SHA-256 of the trust root.
    pub trust_root: Digest,
    /// Version of the trust root.
    pub trust_root_version: u64,
    /// The environment.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub environment: Option<Id>,
    /// The last entry of the ledger when the approver decided.
    pub ledger: LedgerHead,
}

impl Binding {
    /// Returns the subjects that an approval with this binding is about, no more and no fewer.
    #[must_use]
    pub fn subjects(&self) -> [(&'static str, Digest); 5] {
        [
            ("plan", self.plan),
            ("view", self.view),
            ("policy", self.policy),
            ("directive", self.directive),
            ("trust-root", self.trust_root),
        ]
    }
}

/// The most uses of a session approval.
pub const MAX_USES: u32 = 100;

/// How often an approval may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Once.
    SingleRun,
    /// Up to `maxUses` times before it expires.
    Session,
}

impl Scope {
    /// Tells whether an approval of this scope may be for so many uses.
    #[must_use]
    pub fn allows(self, max_uses: u32) -> bool {
        match self {
            Self::SingleRun => max_uses == 1,
            Self::Session => (1..=MAX_USES).contains(&max_uses),
        }
    }
}

/// A person, or the policy, agrees to exactly one plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Approval {
    /// What it is for.
    pub binding: Binding,
    /// Who approves; the key that signs must be this principal's.
    pub approver: Actor,
    /// How.
    pub method: Method,
    /// The platform's record, where a gate signs for the person.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evidence: Option<Box<Evidence>>,
    /// How often it may be used.
    pub scope: Scope,
    /// Uses allowed, 1 for a single run, 1 to 100 for a session.
    pub max_uses: u32,
    /// Why, in the approver's words, at most 1,000 characters.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// 32 hex digits.
    pub nonce: String,
    /// When it was given.
    pub approved_at: Timestamp,
    /// From when on it holds.
    pub not_before: Timestamp,
    /// From when on it does not.
    pub expires: Timestamp,
}
predicate!(Approval, "approval");

/// A person says no; the end of that plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rejection {
    /// SHA-256 of the plan.
    pub plan: Digest,
    /// Who.
    pub rejected_by: Actor,
    /// How.
    pub method: Method,
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
    pub rejected_at: Timestamp,
}
predicate!(Rejection, "rejection");

/// What a revocation takes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RevocationTarget {
    /// An approval, by the SHA-256 of its envelope's payload.
    Approval(Digest),
    /// All approvals of a plan.
    Plan(Digest),
    /// A key, by its id: nothing it signed and that is not yet used counts any more.
    Key(Digest),
}

/// An approval, a plan's approvals or a key are taken back, from this entry on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Revocation {
    /// What.
    pub target: RevocationTarget,
    /// Who.
    pub revoked_by: Actor,
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
    pub revoked_at: Timestamp,
}
predicate!(Revocation, "revocation");
