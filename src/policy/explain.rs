//! A decision as people and programs read it: every rule, both sides, with the line of the policy.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use crate::base::{digest::Digest, ident::Id, text::visible, time::Timestamp, yaml::Place};

use super::{
    condition::Hit,
    decision::{ConditionTrace, Decision, Outcome, Purpose, RuleTrace},
};

/// A decision as `--json` and the ledger show it; frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionV1 {
    /// SHA-256 of the plan's bytes.
    pub plan: Digest,
    /// SHA-256 of the policy's bytes.
    pub policy: Digest,
    /// `review` or `execute`.
    pub purpose: String,
    /// The instant that windows and expiry were held against.
    pub decided_at: Timestamp,
    /// `permit`, `needs-approval` or `deny`.
    pub decision: String,
    /// The stable reason code of the first cause.
    pub reason_code: String,
    /// All causes in one line.
    pub summary: String,
    /// What is asked for, where people are asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requirement: Option<String>,
    /// Why.
    pub causes: Vec<CauseV1>,
    /// Checks that stand above all rules.
    pub guards: Vec<GuardV1>,
    /// The steps.
    pub steps: Vec<StepV1>,
    /// Entries of the policy that no step made use of.
    pub unused: Vec<UnusedV1>,
}

/// One cause; frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CauseV1 {
    /// Stable reason code.
    pub code: String,
    /// What was found.
    pub message: String,
    /// The step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<Id>,
    /// The rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Id>,
    /// `FILE:LINE` of the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// One guard; frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GuardV1 {
    /// Stable id.
    pub id: String,
    /// Whether it passed.
    pub passed: bool,
    /// Whether the decision depends on it.
    pub binding: bool,
    /// What the plan has.
    pub plan: String,
    /// What the policy asks for.
    pub policy: String,
    /// `FILE:LINE` of the policy, of a switch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// One step; frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepV1 {
    /// The step.
    pub id: Id,
    /// `permit`, `needs-approval` or `deny`.
    pub decision: String,
    /// The rules that cover it.
    pub allowed_by: Vec<Id>,
    /// Every rule, in file order.
    pub rules: Vec<RuleV1>,
}

/// One rule's part; frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleV1 {
    /// The rule.
    pub id: Id,
    /// `FILE:LINE` of the policy.
    pub at: String,
    /// `permit`, `needsApproval` or `deny`.
    pub then: String,
    /// `yes`, `partly` or `no`.
    pub matches: String,
    /// Every condition, in file order.
    pub conditions: Vec<ConditionV1>,
}

/// One condition from both sides; frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConditionV1 {
    /// The field's name in the file.
    pub name: String,
    /// `FILE:LINE` of the policy.
    pub at: String,
    /// `yes`, `partly` or `no`.
    pub holds: String,
    /// What the plan has.
    pub plan: String,
    /// What the policy asks for.
    pub policy: String,
}

/// One entry of the policy that no step made use of; frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnusedV1 {
    /// `rule`, `program` or `secret`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// `FILE:LINE` of the policy.
    pub at: String,
}

impl From<&Decision> for DecisionV1 {
    fn from(decision: &Decision) -> Self {
        let at = |place: Place| format!("{}:{}", decision.file(), place.0);
        let requirement = match decision.outcome() {
            Outcome::NeedsApproval(requirement) => Some(requirement.words()),
            Outcome::Permit | Outcome::Deny => None,
        };
        let condition = |c: &ConditionTrace| ConditionV1 {
            name: c.name.to_owned(),
            at: at(c.place),
            holds: word(c.hit).to_owned(),
            plan: c.plan.clone(),
            policy: c.policy.clone(),
        };
        let rule = |r: &RuleTrace| RuleV1 {
            id: r.rule.clone(),
            at: at(r.place),
            then: r.then.to_owned(),
            matches: word(r.hit).to_owned(),
            conditions: r.conditions.iter().map(condition).collect(),
        };
        Self {
            plan: decision.plan(),
            policy: decision.policy(),
            purpose: purpose(decision.purpose()).to_owned(),
            decided_at: decision.now(),
            decision: decision.outcome().word().to_owned(),
            reason_code: decision.reason().code.to_owned(),
            summary: decision.summary(),
            requirement,
            causes: decision
                .causes()
                .iter()
                .map(|cause| CauseV1 {
                    code: cause.reason.code.to_owned(),
                    message: cause.message.clone(),
                    step: cause.step.clone(),
                    rule: cause.rule.clone(),
                    at: cause.place.map(at),
                })
                .collect(),
            guards: decision
                .guards()
                .iter()
                .map(|guard| GuardV1 {
                    id: guard.id.to_owned(),
                    passed: guard.passed,
                    binding: guard.binding,
                    plan: guard.plan.clone(),
                    policy: guard.policy.clone(),
                    at: guard.place.map(|place| format!("{}:{}", decision.file(), place.0)),
                })
                .collect(),
            steps: decision
                .steps()
                .iter()
                .map(|step| StepV1 {
                    id: step.step.clone(),
                    decision: step.outcome.to_owned(),
                    allowed_by: step.allowed_by.clone(),
                    rules: step.rules.iter().map(rule).collect(),
                })
                .collect(),
            unused: decision
                .unused()
                .iter()
                .map(|unused| UnusedV1 {
                    kind: unused.kind.to_owned(),
                    name: unused.name.clone(),
                    at: at(unused.place),
                })
                .collect(),
        }
    }
}

fn word(hit: Hit) -> &'static str {
    match hit {
        Hit::Yes => "yes",
        Hit::Partly => "partly",
        Hit::No => "no",
    }
}

fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Review => "review",
        Purpose::Execute => "execute",
    }
}

impl DecisionV1 {
    /// Shows the whole decision as text, for `policy explain`; no text of the plan can leave its line.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        let mut line = |indent: usize, text: String| {
            let _ = writeln!(out, "{}{}", " ".repeat(indent), visible(&text));
        };
        line(0, format!("decision: {} [{}]", self.decision, self.reason_code));
        line(0, format!("plan:     {}", self.plan));
        line(0, format!("policy:   {}", self.policy));
        line(0, format!("at:       {} (for {})", self.decided_at, self.purpose));
        if let Some(requirement) = &self.requirement {
            line(0, format!("asks for: {requirement}"));
        }
        line(0, "because:".to_owned());
        for cause in &self.causes {
            let at = cause.at.as_deref().map(|at| format!(" ({at})")).unwrap_or_default();
            line(2, format!("{}{at} [{}]", cause.message, cause.code));
        }
        line(0, "above all rules:".to_owned());
        for guard in &self.guards {
            let result = match (guard.passed, guard.binding) {
                (true, _) => "ok  ",
                (false, true) => "FAIL",
                (false, false) => "note",
            };
            let at = guard.at.as_deref().filter(|_| !guard.passed).map(|at| format!(" ({at})")).unwrap_or_default();
            line(2, format!("{result} {}: plan {}; policy {}{at}", guard.id, guard.plan, guard.policy));
        }
        for step in &self.steps {
            let by = step.allowed_by.iter().map(Id::as_str).collect::<Vec<_>>().join(", ");
            let by = if by.is_empty() { "nobody".to_owned() } else { by };
            line(0, format!("step {}: {}, allowed by {by}", step.id, step.decision));
            for rule in &step.rules {
                line(2, format!("{} ({}) {}: matches {}", rule.id, rule.at, rule.then, rule.matches));
                // The first condition that does not hold says enough; a match shows them all.
                let misses = rule.conditions.iter().filter(|c| c.holds != "yes").take(1);
                let shown: Vec<&ConditionV1> =
                    if rule.matches == "yes" { rule.conditions.iter().collect() } else { misses.collect() };
                for condition in shown {
                    let ConditionV1 { name, at, holds, plan, policy } = condition;
                    line(4, format!("{name} {holds}: plan has {plan}; policy asks {policy} ({at})"));
                }
            }
        }
        if !self.unused.is_empty() {
            line(0, "not used by this plan:".to_owned());
            for unused in &self.unused {
                line(2, format!("{} {} ({})", unused.kind, unused.name, unused.at));
            }
        }
        out
    }
}
