//! What a policy that compiles may still have wrong: entries that can have no effect.

use std::collections::BTreeSet;

use crate::base::{diagnostic::Diagnostic, examined::Examined, ident::Id, text::count, time::Timestamp, yaml::Place};

use super::{
    condition::{Condition, Hosts, Listed, Test, Use},
    evaluate::collect_leaves,
    model::Policy,
    reasons::{POLICY_EXPIRED, POLICY_THRESHOLD, POLICY_UNUSED},
    requirement::Candidate,
    rule::{Role, Rule, Then},
};

/// How long before its end a policy is warned of, in seconds.
const NOTICE: i64 = 30 * 86_400;

/// The names of what lies beside the policy; none where nobody knows which there are.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// The pipelines.
    pub pipelines: Option<Vec<String>>,
    /// The directives.
    pub directives: Option<Vec<String>>,
}

/// Reads a policy for `policy check`: all that keeps it from compiling, and all that can have no effect, in file order.
#[must_use]
pub fn examine(file: &str, bytes: &[u8], beside: &Beside, now: Timestamp) -> Examined<Policy> {
    let mut examined = Policy::examine(file, bytes);
    let more = examined.legible().map(|policy| findings(policy, beside, now)).unwrap_or_default();
    examined.join(more);
    examined
}

/// Returns everything about the policy that can have no effect, in file order.
fn findings(policy: &Policy, beside: &Beside, now: Timestamp) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut add = |place: Place, message: String| {
        found.push(Diagnostic::new(policy.file(), place, POLICY_UNUSED.code, message).with_source(policy.text()));
    };
    // What a rule names that could not be read is not known.
    if policy.body.rules_whole {
        unreferenced(policy, &mut add);
    }
    for (n, rule) in policy.rules().iter().enumerate() {
        if let Some(message) = shadow(rule, policy.rules(), n) {
            add(rule.place, message);
        }
        if let Some((condition, message)) = contradiction(rule) {
            add(condition.place, format!("the rule `{}` never matches: {message}", rule.id));
        }
    }
    found.extend(policy.rules().iter().flat_map(|rule| &rule.when).flat_map(|one| unknown(policy, one, beside)));
    let left = policy.expires().since(now);
    if left < NOTICE {
        let message = if left <= 0 {
            "the policy has expired".to_owned()
        } else {
            format!("the policy expires in {}", count(left / 86_400, "day"))
        };
        found.push(Diagnostic::new(policy.file(), (0, 0), POLICY_EXPIRED.code, message));
    }
    found.sort_by_key(|finding| (finding.line, finding.column));
    found
}

/// Returns the names in a condition that nothing beside the policy has.
fn unknown(policy: &Policy, condition: &Condition, beside: &Beside) -> Vec<Diagnostic> {
    let (what, list, known) = match (&condition.test, beside) {
        (Test::Pipelines(list), Beside { pipelines: Some(known), .. }) => ("pipeline", list, known),
        (Test::Directives(list), Beside { directives: Some(known), .. }) => ("directive", list, known),
        _ => return Vec::new(),
    };
    let unknown = list.iter().zip(&condition.items).filter(|(name, _)| !known.iter().any(|one| one == name.as_str()));
    let found = unknown.map(|(name, place)| {
        let message = format!("there is no {what} `{name}`, so that this never matches");
        Diagnostic::new(policy.file(), *place, POLICY_UNUSED.code, message)
            .with_source(policy.text())
            .with_nearest(name.as_str(), known.iter().map(String::as_str))
    });
    found.collect()
}

/// Returns the rules whose requirement these people could not meet, all together, however they approve.
///
/// `people` are candidates as the trust root has them, one for each person, key and method, approved at `now`.
#[must_use]
pub fn out_of_reach(policy: &Policy, people: &[Candidate], now: Timestamp) -> Vec<Diagnostic> {
    let unmet = policy.rules().iter().filter_map(|rule| match &rule.then {
        Then::NeedsApproval(requirement) => Some((rule, requirement.status(people, now))),
        Then::Permit | Then::Deny(_) => None,
    });
    unmet
        .filter(|(_, status)| !status.satisfied)
        .map(|(rule, status)| {
            let message =
                format!("the rule `{}` asks for {}, and the trust root has not so many", rule.id, status.asks);
            Diagnostic::new(policy.file(), rule.place, POLICY_THRESHOLD.code, message).with_source(policy.text())
        })
        .collect()
}

/// Reports entries of the lists that no rule can ever need.
fn unreferenced(policy: &Policy, add: &mut impl FnMut(Place, String)) {
    let conditions = || policy.rules().iter().flat_map(|rule| &rule.when);
    let covering = || policy.rules().iter().filter(|rule| rule.then.role() != Role::Deny);
    let mut environments: BTreeSet<&Id> =
        policy.secrets().filter_map(|(_, s)| s.environments.as_ref()).flatten().collect();
    for condition in conditions() {
        if let Test::Environments(list) = &condition.test {
            environments.extend(list);
        }
    }
    for (environment, place) in &policy.body.environments {
        if !environments.contains(environment) {
            add(*place, format!("no rule and no secret names the environment `{environment}`"));
        }
    }
    let opaque = covering().any(|rule| rule.when.iter().any(|c| matches!(c.test, Test::Uninspectable(true))));
    for program in policy.programs().filter(|program| program.interpreter && !opaque) {
        let name = &program.name;
        add(program.place, format!("no rule with `uninspectable: true` lets the interpreter `{name}` be used"));
    }
    let secretive = covering().any(|rule| !rule.when.iter().any(|c| matches!(c.test, Test::Secrets(Listed::None))));
    for (name, secret) in policy.secrets().filter(|_| !secretive) {
        add(secret.place, format!("every rule asks for steps without secrets, so `{name}` is never used"));
    }
    if policy.forbidden_words_unused() {
        add((0, 0), "no rule has a condition `words`, so `forbiddenWords` only warns".to_owned());
    }
    let mut roles = BTreeSet::new();
    for rule in policy.rules() {
        if let Then::NeedsApproval(requirement) = &rule.then {
            let mut leaves = Vec::new();
            collect_leaves(requirement, &mut leaves);
            roles.extend(leaves.into_iter().flat_map(|leaf| &leaf.roles));
        }
    }
    let mut seen: Vec<&Id> = Vec::new();
    for role in roles {
        if let Some(other) = seen.iter().find(|other| other.as_str().eq_ignore_ascii_case(role.as_str())) {
            add((0, 0), format!("the roles `{role}` and `{other}` differ by upper and lower case only"));
        }
        seen.push(role);
    }
}

/// Says which other rule makes this one needless: the same conditions, and a stronger or equal end.
fn shadow(rule: &Rule, all: &[Rule], index: usize) -> Option<String> {
    let asked = |rule: &Rule| -> BTreeSet<(&'static str, String)> {
        rule.when.iter().map(|condition| (condition.name(), condition.shown())).collect()
    };
    let mine = asked(rule);
    all.iter().enumerate().filter(|(n, _)| *n != index).find_map(|(n, other)| {
        // The other matches whenever this one does where all it asks for is asked for here too.
        let wider = asked(other).is_subset(&mine);
        match (&rule.then, &other.then) {
            (Then::Permit | Then::NeedsApproval(_), Then::Deny(_)) if wider => {
                Some(format!("the rule `{}` has no effect: `{}` denies all that it matches", rule.id, other.id))
            }
            (mine, theirs) if wider && mine == theirs && n < index => Some(format!(
                "the rule `{}` has no effect: `{}` does the same for all that it matches",
                rule.id, other.id
            )),
            _ => None,
        }
    })
}

/// Returns a condition that cannot hold together with another of the same rule.
fn contradiction(rule: &Rule) -> Option<(&Condition, &'static str)> {
    let has = |wanted: fn(&Test) -> bool| rule.when.iter().any(|condition| wanted(&condition.test));
    let ceiling = rule.then.role() == Role::Permit;
    rule.when.iter().find_map(|condition| {
        let message = match &condition.test {
            Test::Hosts(Hosts::Any | Hosts::These(_)) if !ceiling && has(|t| matches!(t, Test::Network(Use::None))) => {
                "it asks for hosts and for no network"
            }
            Test::Network(Use::Some) if has(|t| matches!(t, Test::Programs(Listed::None))) => {
                "only programs use the network, and it asks for none"
            }
            Test::Secrets(Listed::These(_)) if !ceiling && has(|t| matches!(t, Test::Programs(Listed::None))) => {
                "only programs get secrets, and it asks for none"
            }
            _ => return None,
        };
        Some((condition, message))
    })
}

impl Policy {
    fn forbidden_words_unused(&self) -> bool {
        let asked = self.rules().iter().flat_map(|rule| &rule.when).any(|c| matches!(c.test, Test::Words(_)));
        self.body.forbidden_words.is_some() && !asked
    }
}
