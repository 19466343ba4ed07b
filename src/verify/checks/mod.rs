//! The checks themselves, in order.

mod record;
mod subject;

use std::collections::BTreeSet;

pub use record::not_ended;
pub use subject::{same_base, same_change};

use super::{
    case::{Case, Conformance, Identity},
    reasons::{CHECK_MISSING, CLOCK_SKEW, ISSUE_UNASKED, PLAN_DEVIATES, PLAN_EXPIRED, PLAN_OTHER, POLICY_CHANGED},
};
use crate::{
    approval::{ApprovalStatus, evidence::newest_word, reasons::APPROVAL_OBJECTION},
    base::{
        reason::{CONTEXT_MISMATCH, REPLAY_CONSUMED, Reason, Refusal, Result},
        text::{count, excerpt},
        time::SKEW,
    },
    facts::change_request::ReviewState,
    plan::SealedPlan,
    policy,
    sign::{
        reasons::{OIDC_AUDIENCE, OIDC_ISSUER, OIDC_TOKEN_MISSING, TRUST_ROLLBACK},
        schemes::oidc,
        trust::PrincipalKind,
        workload::{Expected, admit},
    },
};

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
    Check { id: "subject.identity", run: subject::identity },
    Check { id: "subject.head", run: subject::head },
    Check { id: "subject.base", run: subject::base },
    Check { id: "subject.tree", run: subject::tree },
    Check { id: "subject.workspace", run: subject::workspace },
    Check { id: "forge.observed", run: subject::forge_observed },
    Check { id: "policy.same", run: policy_same },
    Check { id: "plan.conforms", run: plan_conforms },
    Check { id: "policy.decision", run: policy_decision },
    Check { id: "ledger.heads", run: record::ledger_heads },
    Check { id: "ledger.checkpoint", run: record::ledger_checkpoint },
    Check { id: "plan.recorded", run: record::plan_recorded },
    Check { id: "plan.not-rejected", run: record::plan_not_rejected },
    Check { id: "determinate", run: record::determinate },
    Check { id: "approval.quorum", run: approval_quorum },
    Check { id: "approval.objection", run: approval_objection },
    Check { id: "replay", run: record::replay },
    Check { id: "halt", run: record::halt },
    Check { id: "context.workload", run: context_workload },
    Check { id: "issue.ready", run: issue_ready },
];

/// The checks that evidence alone can answer long after: whether what ran was what was approved.
pub static AUDIT: &[Check] = &[
    Check { id: "plan.form", run: plan_form },
    Check { id: "trust.root", run: trust_root },
    Check { id: "plan.fresh", run: plan_fresh },
    Check { id: "subject.identity", run: subject::identity },
    Check { id: "policy.decision", run: policy_decision },
    Check { id: "ledger.heads", run: record::ledger_heads },
    Check { id: "plan.recorded", run: record::plan_recorded },
    Check { id: "plan.not-rejected", run: record::plan_not_rejected },
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
        return refuse(CHECK_MISSING, "the decision is not of this plan, policy and instant".to_owned());
    }
    match decision.refusal() {
        Some(refusal) => Err(refusal),
        None => Ok(decision.summary()),
    }
}

fn approval_quorum(plan: &SealedPlan, case: &Case<'_>, approvals: &ApprovalStatus) -> Result<String> {
    let grant = approvals.grant().map_err(|refusal| match refusal.is(REPLAY_CONSUMED) {
        true => refusal.hint(case.after_use(plan)),
        false => refusal,
    })?;
    let who: BTreeSet<&str> = approvals.counted.iter().map(|counted| counted.login.as_str()).collect();
    let names = who.iter().copied().collect::<Vec<_>>().join(", ");
    Ok(format!("{} by {}", count(grant.approvals().len(), "approval"), excerpt(&names)))
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
