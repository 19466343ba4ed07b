mod decide;
mod features;
mod file;
mod properties;

use crate::{
    base::{diagnostic::Diagnostic, digest::Digest, time::Timestamp},
    plan::model::Plan,
    review::{self, samples},
};

use super::{Decision, Policy, Purpose, check, evaluate};

/// What every policy of these tests begins with.
const HEAD: &str = "
version: 1
expires: '2027-11-20T00:00:00Z'
execution: {enabled: true, sideEffects: true}
environments: [staging, production]
programs:
  git: {path: /usr/bin/git}
  python3: {path: /usr/bin/python3, interpreter: true}
  deployer: {path: /usr/local/bin/deployer, flags: [-out, -input]}
secrets:
  DATABASE_URL: {environment: [staging]}
  TOKEN: {}
";

fn now() -> Timestamp {
    samples::time("2026-11-20T12:00:00Z")
}

fn compile(text: &str) -> Policy {
    Policy::compile("policy.yml", text.as_bytes())
        .unwrap_or_else(|found| panic!("{}", found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

fn findings_at(policy: &Policy, now: Timestamp) -> Vec<Diagnostic> {
    check::examine(policy.file(), policy.text().as_bytes(), &check::Beside::default(), now).findings().to_vec()
}

fn policy(rules: &str) -> Policy {
    compile(&format!("{HEAD}rules:\n{rules}"))
}

fn decide_for(policy: &Policy, plan: &Plan, purpose: Purpose, now: Timestamp) -> Decision {
    let digest = Digest::of(b"plan");
    let report = review::review(plan, digest, &policy.review_settings());
    evaluate::evaluate(evaluate::Question { policy, plan, digest, report: &report, now, purpose })
}

fn decide(policy: &Policy, plan: &Plan) -> Decision {
    decide_for(policy, plan, Purpose::Execute, now())
}

/// The outcome's word and the first reason code.
fn verdict(policy: &Policy, plan: &Plan) -> (&'static str, &'static str) {
    let decision = decide(policy, plan);
    (decision.outcome().word(), decision.reason().code)
}
