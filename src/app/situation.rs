//! Everything that `verify` looks at, gathered just now.

use std::sync::Arc;

use super::{draft, session::Session};
use crate::{
    base::{digest::Digest, reason::Result, time::Timestamp},
    facts::Facts,
    ledger::Ledger,
    plan::SealedPlan,
    policy::{
        self, Decision, Policy,
        evaluate::{Question, evaluate},
    },
    review::{ReviewReport, review},
    sign::{TrustRoot, predicate::LedgerHead},
    verify::{Case, Chain, Conformance, Purpose},
};

/// Everything that `verify` looks at.
pub(crate) struct Situation {
    pub(crate) policy: Policy,
    pub(crate) decision: Decision,
    pub(crate) ledger: Ledger,
    plan: Digest,
    root: Arc<TrustRoot>,
    facts: Facts,
    modified: Vec<String>,
    conformance: Conformance,
    purpose: Purpose,
    named: Option<Digest>,
    now: Timestamp,
}

impl Situation {
    /// Observes the repository, reads the ledger and asks the policy, for one plan.
    pub(crate) fn gather(
        session: &Session,
        policy: Policy,
        plan: &SealedPlan,
        named: Option<Digest>,
        purpose: Purpose,
        clock: Timestamp,
    ) -> Result<Self> {
        let (ledger, seen) = super::ledger::open_beside(session, clock, || {
            let decision = decide(&policy, plan, clock, policy::Purpose::Execute);
            let conformance = draft::conformance(session, &policy, plan)?;
            Ok((decision, conformance, session.fresh_facts()?, session.checkout.modified()?))
        })?;
        let (decision, conformance, facts, modified) = seen?;
        Ok(Self {
            conformance,
            facts,
            modified,
            root: Arc::new(session.root.clone()),
            policy,
            decision,
            ledger,
            plan: plan.digest(),
            purpose,
            named,
            now: clock,
        })
    }

    /// Hands the case to the door.
    pub(crate) fn with_case<T>(&mut self, ask: impl FnOnce(&Case<'_>) -> T) -> Result<T> {
        let chain = self.ledger.read_for(&self.plan, self.now)?;
        let must_contain = |head: &LedgerHead| chain.must_contain(head);
        let case = Case {
            named: self.named,
            root: &self.root,
            policy: &self.policy,
            decision: &self.decision,
            facts: &self.facts,
            modified: &self.modified,
            conformance: &self.conformance,
            chain: Chain { state: chain.state(), must_contain: &must_contain, last_at: chain.last_at() },
            purpose: self.purpose.clone(),
            now: self.now,
        };
        Ok(ask(&case))
    }
}

/// Reviews a plan and asks the policy about it.
pub(crate) fn decide(policy: &Policy, plan: &SealedPlan, now: Timestamp, purpose: policy::Purpose) -> Decision {
    let report = report(policy, plan);
    evaluate(Question { policy, plan: plan.plan(), digest: plan.digest(), report: &report, now, purpose })
}

/// Reviews a plan under the settings of a policy.
pub(crate) fn report(policy: &Policy, plan: &SealedPlan) -> ReviewReport {
    review(plan.plan(), plan.digest(), &policy.review_settings())
}
