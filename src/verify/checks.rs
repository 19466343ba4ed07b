//! The checks themselves, in order.

use std::collections::BTreeSet;

use super::{
    case::{Case, Conformance, Identity, Purpose},
    reasons::{
        BASE_MOVED, CHANGE_CLOSED, CLOCK_SKEW, FORGE_UNASKED, FORK_REFUSED, HALTED, HEAD_MOVED, ISSUE_UNASKED,
        PLAN_DEVIATES, PLAN_EXPIRED, PLAN_OTHER, PLAN_REQUESTER, PLAN_SUPERSEDED, PLAN_UNRECORDED, POLICY_CHANGED,
        REPLAY_RUN, TREE_CHANGED, WORKSPACE_DIRTY,
    },
};
use crate::{
    approval::{
        ApprovalStatus,
        evidence::newest_word,
        reasons::{APPROVAL_OBJECTION, PLAN_REJECTED},
    },
    base::{
        ident::Id,
        path::RepoPath,
        reason::{CONTEXT_MISMATCH, REPLAY_CONSUMED, Reason, Refusal, Result},
        text::excerpt,
    },
    facts::change_request::ReviewState,
    ledger::{
        reasons::{LEDGER_ROLLBACK, RUN_INDETERMINATE},
        state::PlanState,
    },
    plan::{
        SealedPlan,
        model::{Action, Plan},
    },
    policy,
    sign::{
        reasons::{OIDC_AUDIENCE, OIDC_ISSUER, OIDC_TOKEN_MISSING, TRUST_ROLLBACK},
        schemes::oidc,
        trust::PrincipalKind,
        workload::{Expected, admit},
    },
};

/// How far the machine's clock may be behind the ledger, and a plan ahead of the clock, in seconds.
const SKEW: i64 = 60;
/// How far the machine's clock and the forge's may differ, in seconds.
const FORGE_SKEW: i64 = 300;

/// One check: what it looks at, and what it says.
pub struct Check {
    /// The stable id.
    pub id: &'static str,
    pub(super) run: fn(&SealedPlan, &Case<'_>, &ApprovalStatus) -> Result<String>,
}

/// The checks that must all pass before anything runs.
pub static REQUIRED: &[Check] = &[
    Check { id: "plan.form", run: plan_form },
    Check { id: "trust.root", run: trust_root },
    Check { id: "clock", run: clock },
    Check { id: "plan.fresh", run: plan_fresh },
    Check { id: "subject.identity", run: subject_identity },
    Check { id: "subject.head", run: subject_head },
    Check { id: "subject.base", run: subject_base },
    Check { id: "subject.tree", run: subject_tree },
    Check { id: "subject.workspace", run: subject_workspace },
    Check { id: "forge.observed", run: forge_observed },
    Check { id: "policy.same", run: policy_same },
    Check { id: "plan.conforms", run: plan_conforms },
    Check { id: "policy.decision", run: policy_decision },
    Check { id: "ledger.heads", run: ledger_heads },
    Check { id: "plan.recorded", run: plan_recorded },
    Check { id: "plan.not-rejected", run: plan_not_rejected },
    Check { id: "determinate", run: determinate },
    Check { id: "approval.quorum", run: approval_quorum },
    Check { id: "approval.objection", run: approval_objection },
    Check { id: "replay", run: replay },
    Check { id: "halt", run: halt },
    Check { id: "context.workload", run: context_workload },
    Check { id: "issue.ready", run: issue_ready },
];

/// The checks that evidence alone can answer long after: whether what ran was what was approved.
pub static AUDIT: &[Check] = &[
    Check { id: "plan.form", run: plan_form },
    Check { id: "trust.root", run: trust_root },
    Check { id: "plan.fresh", run: plan_fresh },
    Check { id: "subject.identity", run: subject_identity },
    Check { id: "policy.same", run: policy_same },
    Check { id: "policy.decision", run: policy_decision },
    Check { id: "ledger.heads", run: ledger_heads },
    Check { id: "plan.recorded", run: plan_recorded },
    Check { id: "plan.not-rejected", run: plan_not_rejected },
    Check { id: "approval.quorum", run: approval_quorum },
];

fn refuse<T>(reason: Reason, message: String) -> Result<T> {
    Err(Refusal::new(reason, message))
}

/// Refuses unless what the plan names is what is there.
fn same(reason: Reason, what: &str, planned: &str, found: &str) -> Result<String> {
    if planned == found {
        return Ok(found.to_owned());
    }
    Err(Refusal::new(reason, format!("{what}: the plan has `{}`, here is `{}`", excerpt(planned), excerpt(found)))
        .subject(what))
}

fn plan_form(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    match case.named {
        Some(named) if named != plan.digest() => {
            refuse(PLAN_OTHER, format!("named was {named}, the bytes have {}", plan.digest()))
        }
        _ => Ok(plan.digest().to_string()),
    }
}

fn trust_root(_: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let (here, seen) = (case.root.document().version, case.chain.state.trust_root_version());
    if here < seen {
        return refuse(TRUST_ROLLBACK, format!("version {here}, the ledger has seen version {seen}"));
    }
    Ok(format!("version {here}, {}", case.root.digest()))
}

fn clock(_: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    if case.now.plus(SKEW) < case.chain.last_at {
        return refuse(
            CLOCK_SKEW,
            format!("now is {}, the ledger's last entry is of {}", case.now, case.chain.last_at),
        );
    }
    let said = case.facts.forge.as_ref().and_then(|observed| observed.said_at);
    if let Some(said) = said.filter(|said| case.now.since(*said).abs() > FORGE_SKEW) {
        return refuse(CLOCK_SKEW, format!("now is {}, the forge says {said}", case.now));
    }
    Ok(case.now.to_string())
}

fn plan_fresh(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let document = plan.plan();
    if document.created_at > case.now.plus(SKEW) {
        return refuse(CLOCK_SKEW, format!("the plan is of {}, now is {}", document.created_at, case.now));
    }
    if case.now >= document.expires_at {
        return refuse(PLAN_EXPIRED, format!("it expired at {}", document.expires_at));
    }
    Ok(format!("until {}", document.expires_at))
}

fn subject_identity(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let (planned, here) = (&plan.plan().subject, case.facts);
    let number = |n: Option<u64>| n.map_or_else(|| "none".to_owned(), |n| n.to_string());
    same(CONTEXT_MISMATCH, "host", &planned.host, &here.host)?;
    same(CONTEXT_MISMATCH, "repository", &planned.repo_id, &here.repo_id)?;
    same(CONTEXT_MISMATCH, "owner", &planned.owner_id, &here.owner_id)?;
    same(CONTEXT_MISMATCH, "change request", &number(planned.change_request), &number(here.change_request))?;
    Ok(format!("{}/{}", here.host, here.repo_id))
}

/// The head is the plan's, or a commit that the resumed run itself made and recorded.
fn subject_head(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let (planned, here) = (&plan.plan().subject.head_sha, &case.facts.head_sha);
    if planned != here && case.made(here) {
        return Ok(format!("{here}, made by the run itself"));
    }
    same(HEAD_MOVED, "head commit", planned, here)
}

fn subject_base(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let (planned, here) = (&plan.plan().subject, case.facts);
    same(BASE_MOVED, "base branch", &planned.base_ref, &here.base_ref)?;
    if planned.base_sha != here.base_sha && case.made(&here.base_sha) {
        return Ok(format!("{}, made by the run itself", here.base_sha));
    }
    same(BASE_MOVED, "base commit", &planned.base_sha, &here.base_sha)
}

fn subject_tree(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    if case.made(&case.facts.head_sha) || case.made(&case.facts.base_sha) {
        return Ok("changed by the run itself".to_owned());
    }
    same(TREE_CHANGED, "tree", &plan.plan().subject.tree_digest.to_string(), &case.facts.tree_digest.to_string())
}

/// No tracked file is changed; for a resumed run none but those that the plan declares to write.
fn subject_workspace(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let declared = match case.purpose {
        Purpose::Start | Purpose::Join { .. } => Vec::new(),
        Purpose::Resume(_) => declared_writes(plan.plan()),
    };
    let expected =
        |path: &&String| path.parse::<RepoPath>().is_ok_and(|path| declared.iter().any(|write| path.is_within(write)));
    let mut others = case.modified.iter().filter(|path| !expected(path));
    match others.next() {
        Some(first) => refuse(WORKSPACE_DIRTY, format!("{} files, such as `{}`", 1 + others.count(), excerpt(first))),
        None => {
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
fn forge_observed(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let (Some(_), planned) = (case.root.document().forge, &plan.plan().subject) else {
        return Ok("the trust root names no forge".to_owned());
    };
    let Some(observed) = &case.facts.forge else {
        return refuse(FORGE_UNASKED, "the trust root names a forge".to_owned());
    };
    same(BASE_MOVED, "base commit on the forge", &case.facts.base_sha, &observed.base_tip)?;
    let Some(number) = planned.change_request else { return Ok(format!("base at {}", observed.base_tip)) };
    let Some(change) = observed.change.as_ref().filter(|change| change.number == number) else {
        return refuse(FORGE_UNASKED, format!("nothing was seen of change request {number}"));
    };
    if !change.open {
        return refuse(CHANGE_CLOSED, format!("change request {number}"));
    }
    same(HEAD_MOVED, "head commit on the forge", &planned.head_sha, &change.head_sha)?;
    same(BASE_MOVED, "base branch on the forge", &planned.base_ref, &change.base_ref)?;
    if change.head_repo_id.map(|id| id.to_string()).as_deref() != Some(planned.repo_id.as_str())
        && !case.policy.gates().forks
    {
        return refuse(FORK_REFUSED, format!("change request {number}"));
    }
    Ok(format!("change request {number} at {}", change.head_sha))
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

fn policy_same(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let document = plan.plan();
    let policy = case.policy.digest();
    same(POLICY_CHANGED, "policy", &document.policy_digest.to_string(), &policy.to_string())?;
    same(POLICY_CHANGED, "trust root", &document.trust_root_digest.to_string(), &case.root.digest().to_string())?;
    Ok(policy.to_string())
}

fn plan_conforms(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    match case.conformance {
        Conformance::Conforms { plan: checked, base_sha } if *checked == plan.digest() => {
            Ok(format!("definitions at {base_sha}"))
        }
        Conformance::Conforms { .. } => refuse(PLAN_DEVIATES, "another plan was compared".to_owned()),
        Conformance::Deviates(how) => refuse(PLAN_DEVIATES, how.clone()),
    }
}

fn policy_decision(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let decision = case.decision;
    let asked = decision.plan() == plan.digest()
        && decision.policy() == case.policy.digest()
        && decision.purpose() == policy::Purpose::Execute
        && decision.now() == case.now;
    if !asked {
        return refuse(
            super::reasons::CHECK_MISSING,
            "the decision is not of this plan, policy and instant".to_owned(),
        );
    }
    match decision.refusal() {
        Some(refusal) => Err(refusal),
        None => Ok(decision.summary()),
    }
}

fn ledger_heads(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let (state, digest) = (case.chain.state, plan.digest());
    let heads = state
        .plan(&digest)
        .map(|known| &known.record.ledger)
        .into_iter()
        .chain(state.approvals_of(&digest).map(|approval| &approval.approval.stated().binding.ledger));
    let mut seen = 0;
    for head in heads {
        (case.chain.must_contain)(head)
            .map_err(|e| Refusal::new(LEDGER_ROLLBACK, e.message().to_owned()).subject(head.hash.to_string()))?;
        seen += 1;
    }
    Ok(format!("{seen} heads stand in the chain"))
}

/// Returns what the ledger knows of the plan.
fn known<'a>(plan: &SealedPlan, case: &'a Case<'_>) -> Result<&'a PlanState> {
    let known = case.chain.state.plan(&plan.digest());
    known.ok_or_else(|| Refusal::new(PLAN_UNRECORDED, plan.digest().to_string()))
}

fn plan_recorded(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let known = known(plan, case)?;
    let (named, recorded) = (&plan.plan().planner.requested_by, &known.record.requested_by);
    if (named.id, &named.host) != (recorded.id, &recorded.host) {
        let what = format!("the plan says `{}` asked for it, the record `{}`", named.login, recorded.login);
        return refuse(PLAN_REQUESTER, excerpt(&what));
    }
    match known.superseded_by {
        Some(later) => refuse(PLAN_SUPERSEDED, format!("by {later}")),
        None => Ok(format!("entry {}", known.seq)),
    }
}

fn plan_not_rejected(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    match &known(plan, case)?.rejection {
        Some(no) => refuse(PLAN_REJECTED, format!("by {}: {}", excerpt(&no.rejected_by.login), excerpt(&no.reason))),
        None => Ok("no rejection".to_owned()),
    }
}

fn approval_quorum(plan: &SealedPlan, case: &Case<'_>, approvals: &ApprovalStatus) -> Result<String> {
    let grant = approvals.grant().map_err(|refusal| match refusal.code() == REPLAY_CONSUMED.code {
        true => refusal.hint(case.after_use(plan)),
        false => refusal,
    })?;
    let who: Vec<&str> = approvals.counted.iter().map(|counted| counted.login.as_str()).collect();
    Ok(format!("{} by {}", grant.approvals().len(), excerpt(&who.join(", "))))
}

/// Nobody who may approve objects, or had an objection dismissed by somebody else.
fn approval_objection(_: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let Some(observed) = &case.facts.forge else { return Ok("no forge was asked".to_owned()) };
    let people = case.root.document().principals.iter().filter(|who| who.kind == PrincipalKind::Person);
    for person in people {
        let word = newest_word(&observed.reviews, person.id).map(|review| review.state);
        let how = match word {
            Some(ReviewState::ChangesRequested) => "asks for changes",
            // What it said before cannot be told; only its author may take it back.
            Some(ReviewState::Dismissed) => "had a review that was dismissed, and has not spoken since",
            _ => continue,
        };
        return refuse(APPROVAL_OBJECTION, format!("{} {how}", excerpt(&person.login)));
    }
    Ok("nobody who may approve objects".to_owned())
}

fn replay(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let state = case.chain.state;
    match &case.purpose {
        Purpose::Start => match state.last_run(&plan.digest()) {
            Some(run) if !run.is_over() => refuse(REPLAY_RUN, format!("run {} holds the approval", run.claim.run)),
            _ => Ok("no other run".to_owned()),
        },
        Purpose::Resume(name) => match state.run_of(&plan.digest(), name) {
            None if state.knows_run(name) => refuse(REPLAY_RUN, format!("run {name} is of another plan")),
            None => refuse(REPLAY_RUN, format!("there is no run {name}")),
            Some(run) if !run.can_resume() => refuse(REPLAY_RUN, format!("run {name} is completed, or was given up")),
            Some(run) => Ok(format!("attempt {} of run {name}", run.claim.attempt + 1)),
        },
        Purpose::Join { run, steps } => join(plan, case, run, steps),
    }
}

/// The run is claimed for this plan and not over; each step waits for nothing and has never been started.
fn join(plan: &SealedPlan, case: &Case<'_>, name: &Id, steps: &BTreeSet<Id>) -> Result<String> {
    let run = match case.chain.state.last_run(&plan.digest()) {
        Some(last) if last.claim.run == *name && !last.is_over() => last,
        _ => return refuse(REPLAY_RUN, format!("run {name} is not the one that holds the approval, or is over")),
    };
    for id in steps {
        let Some(step) = plan.plan().steps.iter().find(|step| step.id == *id) else {
            return refuse(REPLAY_RUN, format!("the plan has no step `{id}`"));
        };
        if run.steps.contains_key(id) {
            return refuse(REPLAY_RUN, format!("step `{id}` of run {name} was started already"));
        }
        if let Some(need) = step.needs.iter().find(|need| !run.has_succeeded(need)) {
            return refuse(REPLAY_RUN, format!("step `{id}` waits for `{need}`"));
        }
    }
    if steps.is_empty() {
        return refuse(REPLAY_RUN, "no step is named".to_owned());
    }
    Ok(format!("{} steps of run {name}", steps.len()))
}

fn determinate(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let state = case.chain.state;
    let Some(run) = state.last_run(&plan.digest()) else { return Ok("no step has started".to_owned()) };
    if matches!(&case.purpose, Purpose::Join { .. }) {
        // Steps of other processes are under way: only they know. `replay` refuses any that was started before.
        return Ok(format!("the steps of run {} that were started are others'", run.claim.run));
    }
    match run.unknown_steps().next() {
        Some(step) => Err(Refusal::new(RUN_INDETERMINATE, format!("step `{step}` of run {}", run.claim.run))
            .subject(step.to_string())
            .hint(format!(
                "look what happened, then `countersign resolve {} --step {step} --as retry|skip|abort --reason ...`",
                run.claim.run
            ))
            .hint(format!(
                "{} claimed it at {}, and may still be at it: make sure first that its job is gone",
                excerpt(&run.claim.claimed_by.login),
                run.claimed_at
            ))),
        None => Ok("every step that started has ended".to_owned()),
    }
}

fn halt(_: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    match case.chain.state.halt() {
        Some(halt) => refuse(HALTED, format!("by {}: {}", excerpt(&halt.by.login), excerpt(&halt.reason))),
        None => Ok("not halted".to_owned()),
    }
}

/// Where the trust root lists an issuer, the job that runs is shown by a token made for this plan, and admitted.
fn context_workload(plan: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let shown = match case.identity {
        Identity::Shown(shown) => shown,
        Identity::Refused(refusal) => return Err(refusal.clone()),
        Identity::NotShown if case.root.document().issuers.is_empty() => {
            return Ok("no issuer is trusted: identity not asked".to_owned());
        }
        Identity::NotShown => return refuse(OIDC_TOKEN_MISSING, "no token shows which CI job this is".to_owned()),
    };
    let token = &shown.token;
    if token.audience() != oidc::audience(oidc::Purpose::Execute, &plan.digest()) {
        return refuse(OIDC_AUDIENCE, format!("it is `{}`", excerpt(token.audience())));
    }
    let Some(issuer) = case.root.issuer(token.issuer()) else {
        return refuse(OIDC_ISSUER, format!("the token is of `{}`", excerpt(token.issuer())));
    };
    let expected = Expected {
        repo_id: &case.root.document().repo_id,
        owner_id: &case.root.document().owner_id,
        environment: plan.plan().environment.as_ref().map(crate::base::ident::Id::as_str),
        in_base: &shown.in_base,
        now: case.now,
    };
    let job = admit(token, issuer, &expected)?;
    for said in &shown.said {
        let proven = token.claims().text(said.claim)?;
        if proven != said.value {
            let what = format!("{} is `{}`, the token says `{}`", said.variable, excerpt(&said.value), excerpt(proven));
            return Err(Refusal::new(CONTEXT_MISMATCH, what).subject(said.variable));
        }
    }
    Ok(format!("run {} attempt {} of {}", job.run_id, job.run_attempt, excerpt(&job.job_workflow_ref)))
}

/// The issue that the directive asks for is what the directive asks of it, as the forge says now.
fn issue_ready(_: &SealedPlan, case: &Case<'_>, _: &ApprovalStatus) -> Result<String> {
    let Some(tracked) = case.tracked else { return Ok("the directive asks for no issue".to_owned()) };
    let Some(observed) = &case.facts.forge else {
        return refuse(ISSUE_UNASKED, format!("issue {}", tracked.number));
    };
    tracked.judge(observed.issue.as_ref())
}
