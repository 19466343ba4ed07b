//! What protects branches, workflows and secrets: read for `doctor`, with rights that a job's token has not.

use serde::Deserialize;
use serde_json::Value;

use super::{
    GitHub,
    address::part,
    decode::{self, malformed, unknown, word},
};
use crate::{
    base::reason::Result,
    facts::protection::{
        AllowedActions, BranchProtection, BranchRule, Bypass, BypassActor, RequiredReviews, RuleKind, Ruleset,
        WorkflowPermissions,
    },
    forge::reasons::MISSING,
};

/// Rules of rulesets that protect nothing of ours.
const OTHERS: [&str; 11] = [
    "commit_message_pattern",
    "commit_author_email_pattern",
    "committer_email_pattern",
    "branch_name_pattern",
    "tag_name_pattern",
    "code_scanning",
    "copilot_code_review",
    "license_compliance_scanning",
    "max_file_path_length",
    "file_extension_restriction",
    "max_file_size",
];

#[derive(Deserialize)]
struct RawRule {
    #[serde(rename = "type")]
    kind: String,
    ruleset_id: Option<u64>,
    #[serde(default)]
    parameters: Value,
}

#[derive(Deserialize)]
struct RawPullRequestRule {
    required_approving_review_count: u32,
    dismiss_stale_reviews_on_push: bool,
    require_code_owner_review: bool,
    require_last_push_approval: bool,
}

#[derive(Deserialize)]
struct RawStatusChecksRule {
    required_status_checks: Vec<RawContext>,
}

#[derive(Deserialize)]
struct RawContext {
    context: String,
}

#[derive(Deserialize)]
struct RawDeploymentsRule {
    required_deployment_environments: Vec<String>,
}

#[derive(Deserialize)]
struct RawPathsRule {
    restricted_file_paths: Vec<String>,
}

#[derive(Deserialize)]
struct RawRuleset {
    id: u64,
    name: String,
    // Left out for who may not change the ruleset.
    bypass_actors: Option<Vec<RawBypass>>,
}

#[derive(Deserialize)]
struct RawBypass {
    actor_id: Option<u64>,
    actor_type: String,
    // Left out where it is always.
    bypass_mode: Option<String>,
}

impl RawBypass {
    fn bypass(self) -> Result<Bypass> {
        const ACTORS: [(&str, BypassActor); 6] = [
            ("Integration", BypassActor::App),
            ("OrganizationAdmin", BypassActor::OrganizationAdmins),
            ("RepositoryRole", BypassActor::Role),
            ("Team", BypassActor::Team),
            ("DeployKey", BypassActor::DeployKeys),
            ("User", BypassActor::Account),
        ];
        const MODES: [(&str, bool); 3] = [("always", false), ("pull_request", true), ("exempt", false)];
        Ok(Bypass {
            actor: word("bypass actor", &ACTORS, &self.actor_type)?,
            id: self.actor_id,
            only_by_pull_request: word("bypass mode", &MODES, self.bypass_mode.as_deref().unwrap_or("always"))?,
        })
    }
}

#[derive(Deserialize)]
struct RawProtection {
    enforce_admins: RawEnabled,
    allow_force_pushes: RawEnabled,
    allow_deletions: RawEnabled,
    lock_branch: Option<RawEnabled>,
    required_pull_request_reviews: Option<RawReviews>,
    required_status_checks: Option<RawStatusChecks>,
    restrictions: Option<RawRestrictions>,
}

#[derive(Deserialize)]
struct RawEnabled {
    enabled: bool,
}

#[derive(Deserialize)]
struct RawReviews {
    dismiss_stale_reviews: bool,
    require_code_owner_reviews: bool,
    #[serde(default)]
    required_approving_review_count: u32,
    #[serde(default)]
    require_last_push_approval: bool,
}

#[derive(Deserialize)]
struct RawStatusChecks {
    contexts: Vec<String>,
}

#[derive(Deserialize)]
struct RawRestrictions {
    users: Vec<RawLogin>,
    teams: Vec<RawSlug>,
    apps: Vec<RawSlug>,
}

#[derive(Deserialize)]
struct RawLogin {
    login: String,
}

#[derive(Deserialize)]
struct RawSlug {
    slug: String,
}

#[derive(Deserialize)]
struct RawActions {
    enabled: bool,
    // Left out where nothing runs.
    allowed_actions: Option<String>,
    sha_pinning_required: Option<bool>,
}

#[derive(Deserialize)]
struct RawToken {
    default_workflow_permissions: String,
    can_approve_pull_request_reviews: bool,
}

#[derive(Deserialize)]
struct RawSecrets {
    total_count: u64,
    secrets: Vec<RawSecret>,
}

#[derive(Deserialize)]
struct RawSecret {
    name: String,
}

impl GitHub {
    pub(super) fn read_branch_rules(&self, branch: &str) -> Result<Vec<BranchRule>> {
        let path = self.line.address.repo(&format!("/rules/branches/{}", part(branch)?));
        let raw: Vec<RawRule> = self.line.list("branch rules", &path, None)?;
        raw.into_iter()
            .map(|raw| Ok(BranchRule { ruleset: raw.ruleset_id, kind: rule(&raw.kind, raw.parameters)? }))
            .collect()
    }

    pub(super) fn read_ruleset(&self, id: u64) -> Result<Ruleset> {
        let answer = self.line.get(&self.line.address.repo(&format!("/rulesets/{id}")))?;
        let raw: RawRuleset = decode::json("ruleset", &answer.body)?;
        if raw.id != id {
            return Err(malformed("ruleset", &format!("it is {}", raw.id)));
        }
        let bypass = raw.bypass_actors.map(|all| all.into_iter().map(RawBypass::bypass).collect()).transpose()?;
        Ok(Ruleset { id, name: raw.name, bypass })
    }

    pub(super) fn read_branch_protection(&self, branch: &str) -> Result<Option<BranchProtection>> {
        let path = self.line.address.repo(&format!("/branches/{}/protection", part(branch)?));
        let answer = match self.line.get(&path) {
            // The other 404 says that the credentials may not see it.
            Err(refusal) if refusal.is(MISSING) && refusal.message().starts_with("Branch not protected") => {
                return Ok(None);
            }
            other => other?,
        };
        let raw: RawProtection = decode::json("branch protection", &answer.body)?;
        Ok(Some(BranchProtection {
            enforced_for_admins: raw.enforce_admins.enabled,
            allows_force_pushes: raw.allow_force_pushes.enabled,
            allows_deletions: raw.allow_deletions.enabled,
            locked: raw.lock_branch.is_some_and(|lock| lock.enabled),
            reviews: raw.required_pull_request_reviews.map(|reviews| RequiredReviews {
                approvals: reviews.required_approving_review_count,
                dismisses_stale: reviews.dismiss_stale_reviews,
                code_owners: reviews.require_code_owner_reviews,
                last_push: reviews.require_last_push_approval,
            }),
            checks: raw.required_status_checks.map(|checks| checks.contexts).unwrap_or_default(),
            pushers: raw.restrictions.map(|who| {
                let slugs = who.teams.into_iter().chain(who.apps).map(|one| one.slug);
                who.users.into_iter().map(|user| user.login).chain(slugs).collect()
            }),
        }))
    }

    pub(super) fn read_workflow_permissions(&self) -> Result<WorkflowPermissions> {
        let actions = self.line.get(&self.line.address.repo("/actions/permissions"))?;
        let actions: RawActions = decode::json("actions permissions", &actions.body)?;
        let token = self.line.get(&self.line.address.repo("/actions/permissions/workflow"))?;
        let token: RawToken = decode::json("workflow permissions", &token.body)?;
        const ALLOWED: [(&str, AllowedActions); 3] = [
            ("all", AllowedActions::All),
            ("local_only", AllowedActions::LocalOnly),
            ("selected", AllowedActions::Selected),
        ];
        let allowed = match (&actions.allowed_actions, actions.enabled) {
            (Some(found), _) => word("allowed actions", &ALLOWED, found)?,
            (None, false) => AllowedActions::All,
            (None, true) => return Err(malformed("actions permissions", "which actions are allowed is not said")),
        };
        Ok(WorkflowPermissions {
            enabled: actions.enabled,
            actions: allowed,
            pinned: actions.sha_pinning_required,
            token_writes: word(
                "default workflow permissions",
                &[("read", false), ("write", true)],
                &token.default_workflow_permissions,
            )?,
            approves_reviews: token.can_approve_pull_request_reviews,
        })
    }

    /// Names of the secrets of an environment, or those that every job may read.
    pub(super) fn read_secrets(&self, environment: Option<&str>) -> Result<Vec<String>> {
        let places = match environment {
            Some(name) => vec![format!("/environments/{}/secrets", part(name)?)],
            None => vec!["/actions/secrets".to_owned(), "/actions/organization-secrets".to_owned()],
        };
        let mut names = Vec::new();
        for place in places {
            let split = |raw: RawSecrets| (raw.total_count, raw.secrets);
            let found = self.line.counted("secrets", &self.line.address.repo(&place), split)?;
            names.extend(found.into_iter().map(|secret: RawSecret| secret.name));
        }
        Ok(names)
    }
}

fn rule(kind: &str, parameters: Value) -> Result<RuleKind> {
    Ok(match kind {
        "creation" => RuleKind::Creation,
        "update" => RuleKind::Update,
        "deletion" => RuleKind::Deletion,
        "non_fast_forward" => RuleKind::NonFastForward,
        "required_linear_history" => RuleKind::LinearHistory,
        "required_signatures" => RuleKind::Signatures,
        "merge_queue" => RuleKind::MergeQueue,
        "workflows" => RuleKind::Workflows,
        "pull_request" => {
            let raw: RawPullRequestRule = decode::value(kind, parameters)?;
            RuleKind::PullRequest {
                approvals: raw.required_approving_review_count,
                dismisses_stale: raw.dismiss_stale_reviews_on_push,
                code_owners: raw.require_code_owner_review,
                last_push: raw.require_last_push_approval,
            }
        }
        "required_status_checks" => {
            let raw: RawStatusChecksRule = decode::value(kind, parameters)?;
            RuleKind::StatusChecks(raw.required_status_checks.into_iter().map(|one| one.context).collect())
        }
        "required_deployments" => RuleKind::Deployments(
            decode::value::<RawDeploymentsRule>(kind, parameters)?.required_deployment_environments,
        ),
        "file_path_restriction" => {
            RuleKind::FilePaths(decode::value::<RawPathsRule>(kind, parameters)?.restricted_file_paths)
        }
        other => match OTHERS.iter().find(|known| **known == other) {
            Some(known) => RuleKind::Other(known),
            None => return Err(unknown("rule", other)),
        },
    })
}
