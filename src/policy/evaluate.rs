//! The decision: every step covered, nothing denied, everybody asked who must be.

use std::collections::BTreeSet;

use crate::{
    base::{digest::Digest, ident::Id, method::Method, time::Timestamp},
    plan::model::Plan,
    review::ReviewReport,
};

use super::{
    condition::{Hit, Subject, Test, runs},
    decision::{Cause, ConditionTrace, Decision, Outcome, Purpose, RuleTrace, StepDecision, Unused},
    guards,
    model::Policy,
    reasons::{
        POLICY_DEFAULT_DENY, POLICY_DENIED, POLICY_GATE, POLICY_GATE_CONFLICT, POLICY_HOST, POLICY_NEEDS_APPROVAL,
        POLICY_PERMITTED, POLICY_UNINSPECTABLE,
    },
    requirement::{Leaf, Requirement, Separation},
    rule::{Role, Rule, Then},
};

/// What is asked of a policy.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The plan.
    pub plan: &'a Plan,
    /// SHA-256 of the sealed bytes that `plan` was read from.
    pub digest: Digest,
    /// The review of the same plan, made with [`Policy::review_settings`].
    pub report: &'a ReviewReport,
    /// The present time.
    pub now: Timestamp,
    /// What the decision is for.
    pub purpose: Purpose,
}

/// Decides about a plan; pure, and every doubt denies.
///
/// Guards come first: switches, expiry, limits, and the tables of programs and secrets. Then each
/// step by itself: a rule that denies and matches, even in part, denies the plan. A step that no
/// rule covers denies the plan. Otherwise every rule that needs approval and matches, even in part,
/// adds its requirement, and all of them must be met; a rule that permits takes none away. Only a
/// plan without any requirement is permitted by the policy itself.
#[must_use]
pub fn evaluate(question: Question<'_>) -> Decision {
    let Question { policy, plan, digest, now, purpose, .. } = question;
    let mut checked = guards::run(question);
    let mut steps = Vec::new();
    let mut asked: Vec<&Rule> = Vec::new();
    for index in 0..plan.steps.len() {
        let (step, rules) = decide_step(question, index, &mut checked.causes);
        for rule in rules {
            if !asked.iter().any(|other| other.id == rule.id) {
                asked.push(rule);
            }
        }
        steps.push(step);
    }
    let (outcome, mut causes) = if checked.causes.is_empty() {
        conclude(policy, plan, &asked, &steps)
    } else {
        (Outcome::Deny, std::mem::take(&mut checked.causes))
    };
    if causes.is_empty() {
        // Not reachable; were it, it would be a denial.
        causes.push(cause(POLICY_DEFAULT_DENY, "nothing was evaluated".to_owned(), None, None));
    }
    let unused = unused(question, &steps);
    Decision {
        plan: digest,
        policy: policy.digest(),
        file: policy.file().to_owned(),
        purpose,
        now,
        outcome,
        causes,
        guards: checked.guards,
        steps,
        unused,
    }
}

/// Decides about one step; adds the causes of a denial, and returns the rules that ask for people.
fn decide_step<'a>(question: Question<'a>, index: usize, causes: &mut Vec<Cause>) -> (StepDecision, Vec<&'a Rule>) {
    let step = &question.plan.steps[index];
    let subject = Subject { plan: question.plan, step, report: question.report, now: question.now };
    let before = causes.len();
    let mut covering: Vec<&Rule> = Vec::new();
    let mut asking: Vec<&Rule> = Vec::new();
    let mut traces = Vec::new();
    for rule in question.policy.rules() {
        let trace = trace(rule, subject);
        match (&rule.then, trace.hit) {
            (_, Hit::No) | (Then::Permit, Hit::Partly) => {}
            (Then::Permit, Hit::Yes) => covering.push(rule),
            (Then::NeedsApproval(_), hit) => {
                asking.push(rule);
                if hit == Hit::Yes {
                    covering.push(rule);
                }
            }
            (Then::Deny(why), _) => {
                causes.push(cause(POLICY_DENIED, format!("step `{}`: {why}", step.id), Some(&step.id), Some(rule)));
            }
        }
        traces.push(trace);
    }
    let names = |wanted: fn(&Test) -> bool| {
        covering.iter().any(|rule| rule.when.iter().any(|condition| wanted(&condition.test)))
    };
    if covering.is_empty() {
        let message = format!("step `{}`: {}", step.id, why_uncovered(question.policy, &traces));
        causes.push(cause(POLICY_DEFAULT_DENY, message, Some(&step.id), None));
    } else {
        if let Some(why) = question.report.uninspectable(&step.id).next()
            && !names(|test| matches!(test, Test::Uninspectable(true)))
        {
            let message =
                format!("step `{}`: {}, and no rule with `uninspectable: true` covers it", step.id, why.message);
            causes.push(cause(POLICY_UNINSPECTABLE, message, Some(&step.id), None));
        }
        let host = runs(step).flat_map(|run| &run.network).next();
        if let Some(host) = host
            && !names(|test| matches!(test, Test::Hosts(_)))
        {
            let place = format!("{}:{}", host.name, host.port);
            let message = format!("step `{}`: may connect to {place}, and no rule with `hosts` covers it", step.id);
            causes.push(cause(POLICY_HOST, message, Some(&step.id), None));
        }
    }
    let outcome = match (causes.len() > before, asking.is_empty()) {
        (true, _) => "deny",
        (false, false) => "needs-approval",
        (false, true) => "permit",
    };
    let allowed_by = covering.iter().map(|rule| rule.id.clone()).collect();
    (StepDecision { step: step.id.clone(), outcome, allowed_by, rules: traces }, asking)
}

fn trace(rule: &Rule, subject: Subject<'_>) -> RuleTrace {
    let role: Role = rule.then.role();
    let conditions: Vec<ConditionTrace> = rule
        .when
        .iter()
        .map(|condition| {
            let (hit, plan) = condition.meets(subject, role);
            ConditionTrace { name: condition.name(), place: condition.place, hit, plan, policy: condition.shown() }
        })
        .collect();
    // A rule without a condition matches nothing; the loader refuses one.
    let hit = conditions.iter().map(|condition| condition.hit).min().unwrap_or(Hit::No);
    RuleTrace { rule: rule.id.clone(), place: rule.place, then: rule.then.word(), hit, conditions }
}

/// Says for every rule that could have covered a step what kept it from doing so.
fn why_uncovered(policy: &Policy, traces: &[RuleTrace]) -> String {
    let misses: Vec<String> = traces
        .iter()
        .filter(|trace| trace.then != "deny")
        .map(|trace| {
            let failing: Vec<String> = trace
                .conditions
                .iter()
                .filter(|condition| condition.hit != Hit::Yes)
                .map(|condition| {
                    let at = policy.at(condition.place);
                    format!("{} is {}, not {} ({at})", condition.name, condition.plan, condition.policy)
                })
                .collect();
            format!("`{}`: {}", trace.rule, failing.join(" | "))
        })
        .collect();
    if misses.is_empty() {
        return "rejected by default, no rule permits anything".to_owned();
    }
    format!("rejected by default, no rule covers it; {}", misses.join(" | "))
}

/// Concludes where nothing denies.
fn conclude(policy: &Policy, plan: &Plan, asked: &[&Rule], steps: &[StepDecision]) -> (Outcome, Vec<Cause>) {
    let mut requirements: Vec<Requirement> = Vec::new();
    let mut causes = Vec::new();
    for rule in asked {
        let Then::NeedsApproval(requirement) = &rule.then else { continue };
        let message = format!("rule `{}` asks for {}", rule.id, requirement.words());
        causes.push(cause(POLICY_NEEDS_APPROVAL, message, None, Some(rule)));
        requirements.push(requirement.clone());
    }
    let by_policy = plan.gate.is_empty() || plan.gate.contains(&Method::Policy);
    // What somebody proposes and nobody has merged is nothing that a policy lets pass by itself.
    let merged = plan.directive.commit == plan.subject.base_sha;
    if requirements.is_empty() && by_policy && merged {
        let rules: BTreeSet<&Id> = steps.iter().flat_map(|step| &step.allowed_by).collect();
        let rules: Vec<&str> = rules.into_iter().map(Id::as_str).collect();
        let message = format!("permitted by the policy, by {}", rules.join(", "));
        return (Outcome::Permit, vec![cause(POLICY_PERMITTED, message, None, None)]);
    }
    if requirements.is_empty() {
        let message = match merged {
            true => "the directive's gate asks for a person".to_owned(),
            false => "the directive is a proposal that is not merged".to_owned(),
        };
        causes.push(cause(POLICY_GATE, message, None, None));
        requirements.push(Requirement::Leaf(gate_leaf(policy)));
    }
    // Two rules that ask for the same ask once: whoever fills the one fills the other.
    let mut distinct: Vec<Requirement> = Vec::new();
    for requirement in requirements {
        if !distinct.contains(&requirement) {
            distinct.push(requirement);
        }
    }
    let mut requirements = distinct;
    let joined = match requirements.len() {
        1 => requirements.remove(0),
        _ => Requirement::AllOf(requirements),
    };
    match joined.limited_to(&plan.gate) {
        Some(requirement) => (Outcome::NeedsApproval(requirement), causes),
        None => {
            let gate: Vec<&str> = plan.gate.iter().map(|method| method.word()).collect();
            let message = format!("the directive accepts {} only, and the policy none of them", gate.join(", "));
            (Outcome::Deny, vec![cause(POLICY_GATE_CONFLICT, message, None, None)])
        }
    }
}

/// Returns what a directive's gate asks for by itself: one person, the author only where the whole
/// policy is of the lower tier.
fn gate_leaf(policy: &Policy) -> Leaf {
    let mut leaves = Vec::new();
    for rule in policy.rules() {
        if let Then::NeedsApproval(requirement) = &rule.then {
            collect_leaves(requirement, &mut leaves);
        }
    }
    let lower = !leaves.is_empty() && leaves.iter().all(|leaf| leaf.separation == Separation::None);
    Leaf {
        people: 1,
        roles: BTreeSet::new(),
        methods: BTreeSet::new(),
        separation: if lower { Separation::None } else { Separation::Strict },
        within_seconds: policy.limits().approval_lifetime,
        barred: policy.agents().clone(),
    }
}

/// Adds every leaf of a requirement.
pub(super) fn collect_leaves<'a>(requirement: &'a Requirement, leaves: &mut Vec<&'a Leaf>) {
    match requirement {
        Requirement::AllOf(parts) | Requirement::AnyOf(parts) | Requirement::KOf { of: parts, .. } => {
            parts.iter().for_each(|part| collect_leaves(part, leaves));
        }
        Requirement::Leaf(leaf) => leaves.push(leaf),
    }
}

fn cause(reason: crate::base::reason::Reason, message: String, step: Option<&Id>, rule: Option<&Rule>) -> Cause {
    Cause {
        reason,
        message,
        step: step.cloned(),
        rule: rule.map(|rule| rule.id.clone()),
        place: rule.map(|rule| rule.place),
    }
}

/// Returns the entries of the policy that no step of this plan made use of.
fn unused(question: Question<'_>, steps: &[StepDecision]) -> Vec<Unused> {
    let policy = question.policy;
    let runs: Vec<_> = question.plan.steps.iter().flat_map(runs).collect();
    let mut all = Vec::new();
    for rule in policy.rules() {
        let hit = steps.iter().flat_map(|step| &step.rules).any(|trace| trace.rule == rule.id && trace.hit != Hit::No);
        if !hit {
            all.push(Unused { kind: "rule", name: rule.id.to_string(), place: rule.place });
        }
    }
    for program in policy.programs() {
        if !runs.iter().any(|run| run.program.name == program.name) {
            all.push(Unused { kind: "program", name: program.name.to_string(), place: program.place });
        }
    }
    for (name, secret) in policy.secrets() {
        if !runs.iter().any(|run| run.secrets.iter().any(|used| used == name)) {
            all.push(Unused { kind: "secret", name: name.to_owned(), place: secret.place });
        }
    }
    all
}
