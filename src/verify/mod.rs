//! The only door to execution.
//!
//! `verify` runs these checks, in this order, each with its own reason codes. All must pass; a check
//! that did not run is a refusal. Every entry point goes through here: the command line, and what CI
//! calls.
//!
//! | no. | id | what must hold |
//! |---|---|---|
//! | 1 | `plan.form` | the bytes are a sealed plan, and the one that was named |
//! | 2 | `trust.root` | the trust root is the newest one seen |
//! | 3 | `clock` | the clock does not contradict the ledger |
//! | 4 | `plan.fresh` | the plan is not from the future and has not expired |
//! | 5 | `subject.identity` | host, repository, owner and change request are the plan's |
//! | 6 | `subject.head` | the head commit is the plan's |
//! | 7 | `subject.base` | the base is the plan's, by name and commit |
//! | 8 | `subject.tree` | guardrails and tree are the plan's |
//! | 9 | `subject.workspace` | no tracked file is changed |
//! | 10 | `forge.observed` | the forge was asked, and its base and change request are the plan's |
//! | 11 | `policy.same` | policy and trust root are those the plan was made under |
//! | 12 | `plan.conforms` | every step is exactly what its pipeline expands to |
//! | 13 | `policy.decision` | the policy does not deny, and execution is switched on |
//! | 14 | `ledger.heads` | every head that a statement names stands in the chain |
//! | 15 | `ledger.checkpoint` | the newest checkpoint is not older than the policy lets it be |
//! | 16 | `plan.recorded` | a planner recorded the plan, and nothing took its place |
//! | 17 | `plan.not-rejected` | nobody rejected it, or took all of it back |
//! | 18 | `determinate` | no step's outcome is unknown |
//! | 19 | `approval.quorum` | enough approvals count, by distinct people with distinct keys |
//! | 20 | `approval.objection` | nobody who may approve objects |
//! | 21 | `replay` | no other run holds or has used the approval |
//! | 22 | `halt` | the repository is not halted |
//! | 23 | `context.workload` | the CI job is one that may execute, where the trust root lists who says so |
//! | 24 | `issue.ready` | the issue that the plan is made for, where its directive asks for one, is ready |

mod case;
mod checks;
#[cfg(test)]
mod forge_tests;
mod issue;
pub mod reasons;
pub mod svr;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use crate::{
    approval::{ApprovalStatus, Grant},
    base::{
        digest::Digest,
        reason::{Reason, Refusal, Result},
    },
    plan::{SealedPlan, model::Plan},
};

pub use case::{Case, Chain, Conformance, Identity, Purpose, Said, Shown, authors};
pub use checks::{AUDIT, REQUIRED, not_ended, same_base, same_change};
pub use issue::Tracked;

/// A plan of which every required check has just passed, in this process.
///
/// Nothing outside this room can make one, and `execute` takes nothing else.
///
/// ```compile_fail
/// use countersign::verify::VerifiedPlan;
/// fn forge(plan: countersign::plan::model::Plan) -> VerifiedPlan {
///     VerifiedPlan { digest: countersign::base::digest::Digest::of(b""), plan, grant: None }
/// }
/// ```
#[derive(Debug)]
pub struct VerifiedPlan {
    plan: Plan,
    digest: Digest,
    grant: Option<Grant>,
}

impl VerifiedPlan {
    /// Returns the plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the SHA-256 of the plan's bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the approvals that the run's claim uses up, by SHA-256 of their payloads.
    #[must_use]
    pub fn approvals(&self) -> &[Digest] {
        self.grant.as_ref().map(Grant::approvals).unwrap_or_default()
    }

    /// Makes one without any check, for unit tests of `execute`.
    #[cfg(test)]
    pub(crate) fn unchecked(plan: Plan, digest: Digest) -> Self {
        Self { plan, digest, grant: None }
    }
}

/// One check and how it went.
#[derive(Clone, Debug)]
pub struct CheckResult {
    /// The stable id.
    pub id: &'static str,
    /// How it went.
    pub verdict: Verdict,
}

/// How a check went.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It holds; what was looked at.
    Passed(String),
    /// It does not hold.
    Failed(Refusal),
}

impl CheckResult {
    /// Tells whether the check holds.
    #[must_use]
    pub fn passed(&self) -> bool {
        matches!(self.verdict, Verdict::Passed(_))
    }

    /// Returns the reason, where it does not hold.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match &self.verdict {
            Verdict::Passed(_) => None,
            Verdict::Failed(refusal) => Some(refusal.reason()),
        }
    }
}

/// What came of all checks, and how the approvals stand.
#[derive(Debug)]
pub struct Report {
    /// Every check, in order.
    pub checks: Vec<CheckResult>,
    /// How the approvals stand.
    pub approvals: ApprovalStatus,
}

impl Report {
    /// Returns the refusal of the first check that does not hold.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        self.checks.iter().find_map(|check| match &check.verdict {
            Verdict::Failed(refusal) => Some(refusal),
            Verdict::Passed(_) => None,
        })
    }
}

/// Runs every required check; the door opens only where all hold.
///
/// # Errors
/// The second value: the first refusal, in the order of the list above.
pub fn verify(plan: SealedPlan, case: &Case<'_>) -> (Report, Result<VerifiedPlan>) {
    let report = run(REQUIRED, &plan, case);
    let verdict = open(plan, &report);
    (report, verdict)
}

/// Returns the checks that [`audit`] cannot make: they ask where and when a plan runs.
pub fn only_where_it_runs() -> impl Iterator<Item = &'static str> {
    REQUIRED.iter().map(|check| check.id).filter(|id| AUDIT.iter().all(|check| check.id != *id))
}

/// Runs the checks that a bundle can prove long after, without the repository; opens no door.
#[must_use]
pub fn audit(plan: &SealedPlan, case: &Case<'_>) -> Report {
    run(AUDIT, plan, case)
}

fn run(checks: &'static [checks::Check], plan: &SealedPlan, case: &Case<'_>) -> Report {
    let approvals = case.weigh(plan);
    let checks = checks
        .iter()
        .map(|check| CheckResult {
            id: check.id,
            verdict: match (check.run)(plan, case, &approvals) {
                Ok(subject) => Verdict::Passed(subject),
                Err(refusal) => Verdict::Failed(refusal),
            },
        })
        .collect();
    Report { checks, approvals }
}

/// Opens the door: every required check is in the report, in order, and passed.
fn open(plan: SealedPlan, report: &Report) -> Result<VerifiedPlan> {
    if let Some(refusal) = report.refusal() {
        return Err(refusal.clone());
    }
    let ran: Vec<&str> = report.checks.iter().filter(|check| check.passed()).map(|check| check.id).collect();
    if !REQUIRED.iter().map(|check| check.id).eq(ran) {
        return Err(Refusal::new(reasons::CHECK_MISSING, "the checks that ran are not those required"));
    }
    let grant = report.approvals.grant()?;
    if grant.plan() != plan.digest() {
        return Err(Refusal::new(reasons::CHECK_MISSING, "the grant is for another plan"));
    }
    Ok(VerifiedPlan { digest: plan.digest(), plan: plan.plan().clone(), grant: Some(grant) })
}
