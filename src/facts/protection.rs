//! What protects a branch, a workflow and its secrets.

/// A rule of a ruleset that holds for a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchRule {
    /// What it asks for.
    pub kind: RuleKind,
    /// Numeric id of the ruleset; absent where the forge does not say.
    pub ruleset: Option<u64>,
}

/// What a rule of a ruleset asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleKind {
    /// Nobody makes the branch.
    Creation,
    /// Nobody changes it but who may pass the rule by.
    Update,
    /// Nobody deletes it.
    Deletion,
    /// History is only added to.
    NonFastForward,
    /// History is linear.
    LinearHistory,
    /// Commits are signed.
    Signatures,
    /// Changes come through pull requests.
    PullRequest {
        /// How many must agree.
        approvals: u32,
        /// Whether an approval ends with the next push.
        dismisses_stale: bool,
        /// Whether owners of code must agree.
        code_owners: bool,
        /// Whether somebody else than who pushed last must agree.
        last_push: bool,
    },
    /// Checks must have ended well.
    StatusChecks(Vec<String>),
    /// Deployments must have ended well.
    Deployments(Vec<String>),
    /// Named files are out of reach of a push.
    FilePaths(Vec<String>),
    /// Workflows must have run.
    Workflows,
    /// Changes go through a queue.
    MergeQueue,
    /// One of the rules about names, messages, sizes and scans, by its name: they protect nothing of ours.
    Other(&'static str),
}

/// A ruleset: its name, and who may pass its rules by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruleset {
    /// Numeric id on the forge.
    pub id: u64,
    /// Name: untrusted text.
    pub name: String,
    /// Who may pass its rules by; absent where the credentials may not see it.
    pub bypass: Option<Vec<Bypass>>,
}

/// Somebody who may pass the rules of a ruleset by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bypass {
    /// Who, as a kind.
    pub actor: BypassActor,
    /// Numeric id of who it is, where the kind alone does not say.
    pub id: Option<u64>,
    /// Whether only by merging a pull request, so that it says nothing of a push.
    pub only_by_pull_request: bool,
}

/// What kind of somebody may pass rules by; there is no other value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BypassActor {
    /// An app.
    App,
    /// Administrators of the organisation.
    OrganizationAdmins,
    /// Everybody with a role in the repository.
    Role,
    /// A team.
    Team,
    /// Every deploy key.
    DeployKeys,
    /// One account.
    Account,
}

/// The protection of one branch, where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchProtection {
    /// Whether it holds for administrators too.
    pub enforced_for_admins: bool,
    /// Whether history may be replaced.
    pub allows_force_pushes: bool,
    /// Whether the branch may be deleted.
    pub allows_deletions: bool,
    /// Whether the branch takes no change at all.
    pub locked: bool,
    /// Reviews that are needed, where any are.
    pub reviews: Option<RequiredReviews>,
    /// Names of the checks that must end well.
    pub checks: Vec<String>,
    /// Who may push, where that is restricted: logins and slugs, for display.
    pub pushers: Option<Vec<String>>,
}

/// Reviews that a branch needs before a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequiredReviews {
    /// How many must agree.
    pub approvals: u32,
    /// Whether an approval ends with the next push.
    pub dismisses_stale: bool,
    /// Whether owners of code must agree.
    pub code_owners: bool,
    /// Whether somebody else than who pushed last must agree.
    pub last_push: bool,
}

/// What workflows may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowPermissions {
    /// Whether workflows run at all.
    pub enabled: bool,
    /// Which actions they may use.
    pub actions: AllowedActions,
    /// Whether actions must be pinned by full commit ids; absent where the forge does not say.
    pub pinned: Option<bool>,
    /// Whether the token of a job that asks for nothing can write.
    pub token_writes: bool,
    /// Whether a workflow may approve pull requests.
    pub approves_reviews: bool,
}

/// Which actions workflows may use; there is no other value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowedActions {
    /// All.
    All,
    /// Those of the same owner.
    LocalOnly,
    /// Those that somebody listed.
    Selected,
}
