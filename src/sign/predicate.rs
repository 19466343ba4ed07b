//! What our statements say. In every predicate an unknown field is an error.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{evidence::Evidence, statement::Predicate};
use crate::base::{digest::Digest, ident::Id, time::Timestamp};

macro_rules! predicate {
    ($type:ident, $name:literal) => {
        impl Predicate for $type {
            const NAME: &'static str = $name;
        }
    };
}

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

/// How a decision was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// By an ed25519 key, from the command line.
    Key,
    /// By an OpenSSH key.
    Ssh,
    /// At the terminal: the view was shown and the digest typed.
    Terminal,
    /// By the policy itself, where it permits.
    Policy,
    /// By a comment on the forge, which a gate read.
    Comment,
    /// By a review on the forge, which a gate read.
    Review,
    /// By the release of a job that waited at an environment, which a gate read.
    Environment,
}

impl Method {
    /// Every method, with the word that files use for it.
    pub const ALL: [(&'static str, Self); 7] = [
        ("key", Self::Key),
        ("ssh", Self::Ssh),
        ("terminal", Self::Terminal),
        ("policy", Self::Policy),
        ("comment", Self::Comment),
        ("review", Self::Review),
        ("environment", Self::Environment),
    ];

    /// Returns the word that files use.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL[self as usize].0
    }

    /// Tells whether the platform's record proves it and a gate signs, not the person.
    #[must_use]
    pub fn is_of_platform(self) -> bool {
        matches!(self, Self::Comment | Self::Review | Self::Environment)
    }
}

/// How often an approval may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Once.
    SingleRun,
    /// Up to `maxUses` times before it expires.
    Session,
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
    /// When.
    pub finished_at: Timestamp,
}
predicate!(Outcome, "outcome");

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

/// How a step of unknown outcome is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResolveAs {
    /// It may run again.
    Retry,
    /// It counts as done; steps that need it may run.
    Skip,
    /// The run is over.
    Abort,
}

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
