//! What was seen of a repository's settings; what could not be read is kept as the refusal that it met.

use std::collections::BTreeMap;

use crate::{
    base::{permission::Permission, reason::Result, time::Timestamp},
    facts::{
        account::Account,
        environment::Environment,
        protection::{BranchProtection, BranchRule, Ruleset, WorkflowPermissions},
    },
    sign::trust::{Key, Principal},
};

/// Everything that was seen.
pub(crate) struct Seen {
    /// Host, as the trust root names it.
    pub(super) host: String,
    /// Owner and name.
    pub(super) full_name: String,
    /// The environments that the policy lists.
    pub(super) environments: Vec<SeenEnvironment>,
    /// All other environments: a key may lie there too.
    pub(super) others: Result<Vec<SeenEnvironment>>,
    /// Names of the secrets that every job may read.
    pub(super) repository_secrets: Result<Vec<String>>,
    /// The protected base.
    pub(super) base: SeenBranch,
    /// The ledger's branch.
    pub(super) ledger: SeenBranch,
    pub(super) workflows: Result<WorkflowPermissions>,
    /// Files of workflows and actions at the base commit.
    pub(super) files: Vec<SeenFile>,
    /// Who owns what, at the base commit.
    pub(super) owners: Option<SeenFile>,
    pub(super) people: Vec<SeenPerson>,
    /// The least that the policy asks of a person's permission.
    pub(super) least: Permission,
    pub(super) keys: Vec<Key>,
    /// When the trust root expires.
    pub(super) trust_expires: Timestamp,
    /// Whom the token stands for, and what that account may do, where it is a person.
    pub(super) token: Result<(Account, Option<Result<Permission>>)>,
}

/// An environment.
pub(super) struct SeenEnvironment {
    pub(super) name: String,
    pub(super) environment: Result<Environment>,
    /// Patterns of branches that may use it; empty where it lists none itself.
    pub(super) patterns: Result<Vec<String>>,
    /// Who is in each team among its reviewers, by the team's number.
    pub(super) teams: BTreeMap<u64, Result<Vec<Account>>>,
    /// Names of its secrets.
    pub(super) secrets: Result<Vec<String>>,
}

/// A branch and what protects it.
pub(super) struct SeenBranch {
    /// Name, without `refs/heads/`.
    pub(super) name: String,
    /// Full id of the commit that it points to.
    pub(super) tip: Result<String>,
    pub(super) rules: Result<Vec<BranchRule>>,
    /// The rulesets that the rules come from, by number.
    pub(super) rulesets: BTreeMap<u64, Result<Ruleset>>,
    pub(super) protection: Result<Option<BranchProtection>>,
}

/// A file at the base commit.
pub(super) struct SeenFile {
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
}

/// A person of the trust root.
pub(super) struct SeenPerson {
    pub(super) principal: Principal,
    /// The account that has the number now.
    pub(super) account: Result<Account>,
    /// What it may do; absent where there is no such account.
    pub(super) permission: Option<Result<Permission>>,
}
