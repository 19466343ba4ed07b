//! What a plan is for is what is here: repository, commits, tree, files, and what the forge says of them.

use super::{refuse, same};
use crate::{
    approval::ApprovalStatus,
    base::{
        path::RepoPath,
        reason::{CONTEXT_MISMATCH, Refusal, Result},
        text::excerpt,
    },
    facts::change_request::ChangeRequest,
    plan::{
        SealedPlan,
        model::{Action, Plan, Subject},
    },
    verify::{
        case::{Case, Purpose},
        reasons::{
            BASE_MOVED, CHANGE_CLOSED, FORGE_UNASKED, FORK_REFUSED, GIT_SETTINGS, HEAD_MOVED, TREE_CHANGED,
            WORKSPACE_DIRTY,
        },
    },
};

pub(super) fn identity(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let (planned, here) = (&plan.plan().subject, case.facts);
    let number = |n: Option<u64>| n.map_or_else(|| "none".to_owned(), |n| n.to_string());
    same(CONTEXT_MISMATCH, "host", &planned.host, &here.host)?;
    same(CONTEXT_MISMATCH, "repository", &planned.repo_id, &here.repo_id)?;
    same(CONTEXT_MISMATCH, "owner", &planned.owner_id, &here.owner_id)?;
    same(CONTEXT_MISMATCH, "change request", &number(planned.change_request), &number(here.change_request))?;
    Ok(format!("{}/{}", here.host, here.repo_id))
}

/// The head is the plan's, or a commit that the resumed run itself made and recorded.
pub(super) fn head(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let (planned, here) = (&plan.plan().subject.head_sha, &case.facts.head_sha);
    if planned != here && case.made(here) {
        return Ok(format!("{here}, made by the run itself"));
    }
    same(HEAD_MOVED, "head commit", planned, here)
}

pub(super) fn base(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let (planned, here) = (&plan.plan().subject, case.facts);
    same(BASE_MOVED, "base branch", &planned.base_ref, &here.base_ref)?;
    if planned.base_sha != here.base_sha && case.made(&here.base_sha) {
        return Ok(format!("{}, made by the run itself", here.base_sha));
    }
    same(BASE_MOVED, "base commit", &planned.base_sha, &here.base_sha)
}

pub(super) fn tree(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    if case.made(&case.facts.head_sha) || case.made(&case.facts.base_sha) {
        return Ok("changed by the run itself".to_owned());
    }
    same(TREE_CHANGED, "tree", &plan.plan().subject.tree_digest.to_string(), &case.facts.tree_digest.to_string())
}

/// What helps on a runner that outlives its job, where no file may lie that no commit holds.
const CHECK_OUT_ANEW: &str =
    "the trust root takes self-hosted runners, so nothing else may lie there: check out anew, or `git clean -ffdx`";

/// No tracked file is changed; for a resumed run none but those that the plan declares to write.
pub(super) fn workspace(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let declared = match case.purpose {
        Purpose::Start | Purpose::Join { .. } => Vec::new(),
        Purpose::Resume(_) => declared_writes(plan.plan()),
    };
    let expected =
        |path: &&String| path.parse::<RepoPath>().is_ok_and(|path| declared.iter().any(|write| path.is_within(write)));
    let others = case.modified.iter().filter(|path| !expected(path));
    // No commit holds what lies there: it cannot be committed, and no stash takes it away.
    let (settings, files): (Vec<&String>, Vec<&String>) = others.partition(|path| path.starts_with(".git/"));
    let told = |all: &[&String], what: &str| match all {
        [one] => format!("`{}`", excerpt(one)),
        all => format!("{} {what}, such as `{}`", all.len(), all.first().map_or_else(String::new, |one| excerpt(one))),
    };
    match (files.is_empty(), settings.is_empty()) {
        (false, _) => {
            let refusal = Refusal::new(WORKSPACE_DIRTY, told(&files, "files"));
            Err(if case.root.takes_self_hosted() { refusal.hint(CHECK_OUT_ANEW) } else { refusal })
        }
        (true, false) => Err(Refusal::new(GIT_SETTINGS, told(&settings, "settings"))),
        (true, true) => {
            let but = if case.modified.is_empty() { "" } else { " but those that the plan writes" };
            let left_out = match case.left_out {
                [] => String::new(),
                [one] => format!("; no step can read `{}`, which no commit holds", excerpt(one)),
                [first, more @ ..] => {
                    format!("; no step can read `{}` and {} more, which no commit holds", excerpt(first), more.len())
                }
            };
            Ok(format!("no tracked file is changed{but}{left_out}"))
        }
    }
}

/// What the forge says of base and change request is what is here and what the plan is for.
pub(super) fn forge_observed(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let (Some(_), planned) = (case.root.document().forge, &plan.plan().subject) else {
        return Ok("the trust root names no forge".to_owned());
    };
    let Some(observed) = &case.facts.forge else {
        return refuse(FORGE_UNASKED, "the trust root names a forge".to_owned());
    };
    let based = same_base(&case.facts.base_sha, &observed.base_tip)?;
    let Some(number) = planned.change_request else { return Ok(based) };
    let Some(change) = observed.change.as_ref().filter(|change| change.number == number) else {
        return refuse(FORGE_UNASKED, format!("nothing was seen of change request {number}"));
    };
    let found = same_change(planned, change)?;
    if change.head_repo_id.map(|id| id.to_string()).as_deref() != Some(planned.repo_id.as_str())
        && !case.policy.gates().forks
    {
        return refuse(FORK_REFUSED, format!("change request {number}"));
    }
    Ok(found)
}

/// Compares the base commit that must still be there with what the forge shows at the tip of the base now.
///
/// # Errors
/// `subject.base_moved`.
pub fn same_base(base_sha: &str, tip: &str) -> Result<String> {
    same(BASE_MOVED, "base commit on the forge", base_sha, tip).map(|tip| format!("base at {tip}"))
}

/// Compares what a plan is for with what the forge shows of its change request now.
///
/// # Errors
/// `subject.change_closed`, `subject.head_moved`, `subject.base_moved` where it is for another branch.
pub fn same_change(planned: &Subject, change: &ChangeRequest) -> Result<String> {
    if !change.open {
        return refuse(CHANGE_CLOSED, format!("change request {}", change.number));
    }
    same(HEAD_MOVED, "head commit on the forge", &planned.head_sha, &change.head_sha)?;
    same(BASE_MOVED, "base branch on the forge", &planned.base_ref, &change.base_ref)?;
    Ok(format!("change request {} at {}", change.number, change.head_sha))
}

fn declared_writes(plan: &Plan) -> Vec<&RepoPath> {
    let actions = plan.steps.iter().flat_map(|step| &step.actions);
    actions
        .flat_map(|action| match action {
            Action::Commit(commit) => commit.paths.as_slice(),
            other => other.writes(),
        })
        .collect()
}
