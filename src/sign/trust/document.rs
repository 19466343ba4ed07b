//! The trust root as it is written: people and programs, their keys, and what they may sign.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    base::{digest::Digest, ident::Id, time::Timestamp},
    sign::{
        issuer::{Gate, Issuer},
        schemes::Scheme,
    },
};

/// The `_type` of every trust root of this version.
pub const TRUST_ROOT_TYPE: &str = "https://countersign.dev/trust-root/v1";
/// What a key may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Duty {
    /// Changes of the trust root, and the ledger's genesis; a person's notes.
    Root,
    /// Plans and reviews; a person's notes.
    Planner,
    /// Approvals, rejections, revocations, halts, resolutions and notes.
    Approver,
    /// Claims, steps, outcomes and checkpoints.
    Executor,
    /// Checkpoints, from outside the repository.
    Witness,
    /// Approvals that the policy itself permits.
    Policy,
    /// Decisions of people, which the platform's record proves; a program's key, and its only duty.
    Gate,
}

impl Duty {
    /// Every duty, with the word that files use for it.
    pub const ALL: [(&'static str, Self); 7] = [
        (Self::Root.word(), Self::Root),
        (Self::Planner.word(), Self::Planner),
        (Self::Approver.word(), Self::Approver),
        (Self::Executor.word(), Self::Executor),
        (Self::Witness.word(), Self::Witness),
        (Self::Policy.word(), Self::Policy),
        (Self::Gate.word(), Self::Gate),
    ];

    /// Returns the word that files use for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Planner => "planner",
            Self::Approver => "approver",
            Self::Executor => "executor",
            Self::Witness => "witness",
            Self::Policy => "policy",
            Self::Gate => "gate",
        }
    }
}

/// The host of a repository that is on no forge.
pub const LOCAL: &str = "local";

/// What kind of principal somebody is; only people count as people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PrincipalKind {
    /// A person.
    Person,
    /// A program: a bot, an agent, a service, a job.
    Agent,
}

/// The document, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Document {
    /// Always [`TRUST_ROOT_TYPE`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// 1 for the first, one more for each change.
    pub version: u64,
    /// From when on it is refused.
    pub expires: Timestamp,
    /// Host of the forge, or `local`.
    pub host: String,
    /// The forge on that host whose word is asked before anything runs; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub forge: Option<ForgeKind>,
    /// Immutable id of the repository on that host.
    pub repo_id: String,
    /// Immutable id of its owner on that host.
    pub owner_id: String,
    /// Name of the repository, for display.
    pub repo: String,
    /// Full name of the protected base, such as `refs/heads/main`.
    pub base_ref: String,
    /// The ledger.
    pub ledger: LedgerRef,
    /// Root keys that must sign a change, 1 to the number of principals with a root key.
    pub root_threshold: u32,
    /// People and programs.
    pub principals: Vec<Principal>,
    /// Their keys.
    pub keys: Vec<Key>,
    /// Whose tokens say which CI job runs; where there is one, nothing executes without its word.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub issuers: Vec<Issuer>,
}

/// Which interface a forge speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ForgeKind {
    /// GitHub, in the cloud or on a host of one's own.
    Github,
}

/// Where the ledger is, and how it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LedgerRef {
    /// Full name of the branch, under `refs/heads/`.
    pub branch: String,
    /// SHA-256 of the genesis entry's bytes.
    pub genesis: Digest,
}

/// A person or a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Principal {
    /// Numeric id on the host, unique.
    pub id: u64,
    /// Login on the host, unique, for display.
    pub login: String,
    /// Name, for display.
    pub name: String,
    /// Person or program.
    pub kind: PrincipalKind,
    /// Roles that the policy asks for, such as `technical-lead`.
    pub roles: Vec<Id>,
    /// E-mail addresses under which the principal commits.
    pub emails: Vec<String>,
}

/// A key of a principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Key {
    /// Id of the key: the framed SHA-256 of its 32 bytes, or of what is said of jobs that hold none.
    pub id: Digest,
    /// Name, for display.
    pub name: String,
    /// Scheme of its signatures.
    pub scheme: Scheme,
    /// The public key, base64 of 32 bytes; for the scheme `oidc` the URL of the issuer that vouches for jobs.
    pub public: String,
    /// Whose it is.
    pub principal: u64,
    /// What it may sign.
    pub duties: Vec<Duty>,
    /// From when on it is valid.
    pub not_before: Timestamp,
    /// From when on it is not.
    pub not_after: Timestamp,
    /// Which jobs sign with it, where the scheme is `oidc`; absent for every other.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gate: Option<Gate>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revoked_at: Option<Timestamp>,
}

impl Key {
    /// Tells whether the key is valid at a time and was never revoked, whenever that was.
    #[must_use]
    pub fn stands(&self, at: Timestamp) -> bool {
        self.not_before <= at && at < self.not_after && !self.is_revoked()
    }

    /// Tells whether this version revokes the key, from whatever time on.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.revoked_at.is_some()
    }

    /// Tells whether the key was revoked by a time.
    #[must_use]
    pub fn is_revoked_at(&self, at: Timestamp) -> bool {
        self.revoked_at.is_some_and(|revoked| revoked <= at)
    }
}
