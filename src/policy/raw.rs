//! From the policy's YAML to a checked [`Body`]; the format is described in `docs/policy.md`.
//!
//! Everything is looked at in one pass, and every finding is kept: a value that is wrong becomes a
//! finding and a harmless stand-in, and a file with any finding compiles to nothing.

mod conditions;
mod program;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    base::{
        ident::Id,
        json::MAX_INTEGER,
        permission::Permission,
        text,
        time::Timestamp,
        yaml::{Findings, Kind, Node, Place},
    },
    review::words::{ForbiddenWords, Mode},
};

use super::{
    condition::{Condition, Test},
    model::{Body, Execution, Gates, Limits, SecretUse, VERSION},
    planning::{self, Planning},
    reasons::{
        POLICY_DUPLICATE, POLICY_EMPTY, POLICY_ENVIRONMENT_ALIAS, POLICY_UNKNOWN_NAME, POLICY_VALUE, POLICY_VERSION,
    },
};

/// The most entries any list of the policy may have.
const MAX_ITEMS: usize = 1_000;
/// The longest of any length of time, a year, in seconds.
const YEAR: i64 = 31_536_000;

const FIELDS: [&str; 13] = [
    "version",
    "expires",
    "execution",
    "limits",
    "environments",
    "programs",
    "secrets",
    "dangerousEnv",
    "agents",
    "forbiddenWords",
    "gates",
    "planning",
    "rules",
];

/// Reads the whole file.
pub(super) fn read(root: &Node, findings: &mut Findings<'_>) -> Option<Body> {
    let fields = root.fields("a policy", &FIELDS, findings)?;
    let version = fields.require("version", findings);
    if let Some(node) = version
        && let Some(number) = node.integer(0, MAX_INTEGER, findings)
        && number != VERSION
    {
        findings.report(node.place, POLICY_VERSION, format!("version {number}; this tool reads version {VERSION}"));
    }
    let expires = fields.require("expires", findings).and_then(|node| node.parsed(findings));
    let execution = fields.require("execution", findings).and_then(|node| read_execution(node, findings));
    let limits = fields.get("limits").map_or(Some(Limits::DEFAULT), |node| read_limits(node, findings));
    let environments = fields.get("environments").map_or_else(BTreeMap::new, |node| read_environments(node, findings));
    let programs = fields.get("programs").map_or_else(BTreeMap::new, |node| program::read(node, findings));
    let secrets = fields.get("secrets").map_or_else(BTreeMap::new, |node| read_secrets(node, findings));
    let dangerous_env = fields
        .get("dangerousEnv")
        .map_or_else(BTreeSet::new, |node| names(node, findings).into_iter().map(|(_, name)| name).collect());
    let agents = fields.get("agents").map_or_else(BTreeSet::new, |node| {
        node.items(MAX_ITEMS, findings)
            .iter()
            .filter_map(|item| item.integer(0, MAX_INTEGER, findings))
            .filter_map(|n| u64::try_from(n).ok())
            .collect()
    });
    let forbidden_words = fields.get("forbiddenWords").and_then(|node| read_words(node, findings));
    let gates = fields.get("gates").map_or(Some(Gates::DEFAULT), |node| read_gates(node, findings));
    let planning =
        fields.get("planning").map_or_else(|| Some(Planning::default()), |node| planning::read(node, findings));
    let approval_lifetime = limits.map_or(YEAR, |limits| limits.approval_lifetime);
    let context = rules::Context { approval_lifetime, agents: &agents };
    let rules =
        fields.require("rules", findings).map_or_else(Default::default, |node| rules::read(node, &context, findings));
    let listed = |name: &str| fields.get(name).map(keys).unwrap_or_default();
    let names = Names {
        programs: listed("programs"),
        secrets: listed("secrets"),
        environments: environments.keys().map(Id::as_str).collect(),
    };
    check_names(&rules.conditions, &names, &secrets, findings);
    let has_words = fields.get("forbiddenWords").is_some();
    for condition in &rules.conditions {
        if matches!(condition.test, Test::Words(_)) && !has_words {
            findings.report(condition.place, POLICY_UNKNOWN_NAME, "the policy has no `forbiddenWords` to look for");
        }
    }
    // Of a file with a finding, for which these stand in, nothing but more findings comes.
    Some(Body {
        expires: expires.unwrap_or(Timestamp::from_unix(i64::MAX)),
        execution: execution.unwrap_or(Execution {
            enabled: false,
            side_effects: false,
            enabled_at: root.place,
            side_effects_at: root.place,
        }),
        limits: limits.unwrap_or(Limits::DEFAULT),
        environments,
        programs,
        secrets,
        dangerous_env,
        agents,
        forbidden_words,
        gates: gates.unwrap_or(Gates::DEFAULT),
        planning: planning.unwrap_or_default(),
        rules: rules.sound,
        rules_whole: rules.whole,
    })
}

fn read_execution(node: &Node, findings: &mut Findings<'_>) -> Option<Execution> {
    let fields = node.fields("`execution`", &["enabled", "sideEffects"], findings)?;
    let mut switch = |name| fields.require(name, findings).and_then(|node| Some((node.boolean(findings)?, node.place)));
    let (enabled, side_effects) = (switch("enabled"), switch("sideEffects"));
    let ((enabled, enabled_at), (side_effects, side_effects_at)) = (enabled?, side_effects?);
    Some(Execution { enabled, side_effects, enabled_at, side_effects_at })
}

fn read_limits(node: &Node, findings: &mut Findings<'_>) -> Option<Limits> {
    const KNOWN: [&str; 7] =
        ["steps", "planLifetime", "approvalLifetime", "parallel", "stepTimeout", "output", "checkpointAge"];
    let fields = node.fields("`limits`", &KNOWN, findings)?;
    let mut limits = Limits::DEFAULT;
    let mut number = |name: &str, most: i64| fields.get(name).and_then(|node| node.integer(1, most, findings));
    if let Some(steps) = number("steps", 10_000).and_then(|n| u32::try_from(n).ok()) {
        limits.steps = steps;
    }
    if let Some(parallel) = number("parallel", 256).and_then(|n| u32::try_from(n).ok()) {
        limits.parallel = parallel;
    }
    if let Some(output) = number("output", 1 << 30).and_then(|n| u64::try_from(n).ok()) {
        limits.output = output;
    }
    let mut length = |name: &str, most: i64| fields.get(name).and_then(|node| node.duration(most, findings));
    if let Some(seconds) = length("planLifetime", YEAR) {
        limits.plan_lifetime = seconds;
    }
    if let Some(seconds) = length("approvalLifetime", YEAR) {
        limits.approval_lifetime = seconds;
    }
    if let Some(seconds) = length("stepTimeout", 86_400) {
        limits.step_timeout = seconds;
    }
    limits.checkpoint_age = length("checkpointAge", YEAR);
    Some(limits)
}

fn read_gates(node: &Node, findings: &mut Findings<'_>) -> Option<Gates> {
    const KNOWN: [&str; 5] = ["permission", "digestInRelease", "forks", "directivesAtHead", "exactLogins"];
    let fields = node.fields("`gates`", &KNOWN, findings)?;
    let mut gates = Gates::DEFAULT;
    if let Some(permission) = fields.get("permission").and_then(|node| node.word(&Permission::ALL, findings)) {
        gates.permission = permission;
    }
    let mut switch = |name: &str| fields.get(name).and_then(|node| node.boolean(findings));
    for (name, field) in [
        ("digestInRelease", &mut gates.digest_in_release),
        ("forks", &mut gates.forks),
        ("directivesAtHead", &mut gates.directives_at_head),
        ("exactLogins", &mut gates.exact_logins),
    ] {
        if let Some(on) = switch(name) {
            *field = on;
        }
    }
    Some(gates)
}

fn read_environments(node: &Node, findings: &mut Findings<'_>) -> BTreeMap<Id, Place> {
    let mut all: BTreeMap<Id, Place> = BTreeMap::new();
    for item in node.items(MAX_ITEMS, findings) {
        let Some(environment) = item.parsed::<Id>(findings) else { continue };
        match all.keys().find(|known| known.as_str().eq_ignore_ascii_case(environment.as_str())) {
            Some(known) if *known == environment => {
                findings.report(item.place, POLICY_DUPLICATE, format!("`{environment}` is listed already"));
            }
            Some(known) => findings.report(
                item.place,
                POLICY_ENVIRONMENT_ALIAS,
                format!("`{environment}` and `{known}` differ by upper and lower case only"),
            ),
            None => {
                all.insert(environment, item.place);
            }
        }
    }
    all
}

fn read_secrets(node: &Node, findings: &mut Findings<'_>) -> BTreeMap<String, SecretUse> {
    let mut all = BTreeMap::new();
    for (key, value) in node.entries(findings) {
        if !is_variable(&key.text) {
            findings.report(key.place, POLICY_VALUE, format!("not a variable's name: `{}`", text::excerpt(&key.text)));
            continue;
        }
        let Some(fields) = value.fields("a secret", &["environment"], findings) else { continue };
        let environments =
            fields.get("environment").map(|node| ids(node, findings).into_iter().map(|(_, id)| id).collect());
        all.insert(key.text.clone(), SecretUse { place: key.place, environments });
    }
    all
}

fn read_words(node: &Node, findings: &mut Findings<'_>) -> Option<ForbiddenWords> {
    let fields = node.fields("`forbiddenWords`", &["words", "mode"], findings)?;
    let list = fields.require("words", findings)?;
    let words: Vec<String> =
        list.items(MAX_ITEMS, findings).iter().filter_map(|item| item.line(findings).map(str::to_owned)).collect();
    if words.is_empty() {
        findings.report(list.place, POLICY_EMPTY, "a list of forbidden words without a word");
    }
    let mode = fields.get("mode").map_or(Some(Mode::Word), |node| node.word(&Mode::ALL, findings))?;
    Some(ForbiddenWords::new(words, mode))
}

/// The names that the lists of the policy have, also those of entries with a finding.
struct Names<'n> {
    programs: Vec<&'n str>,
    secrets: Vec<&'n str>,
    environments: Vec<&'n str>,
}

/// Returns the keys of a map.
fn keys(node: &Node) -> Vec<&str> {
    if let Kind::Map(entries) = &node.kind {
        entries.iter().map(|(key, _)| key.text.as_str()).collect()
    } else {
        Vec::new()
    }
}

/// Reports names that rules and secrets use and that no list of the policy has.
fn check_names(
    conditions: &[Condition],
    names: &Names<'_>,
    secrets: &BTreeMap<String, SecretUse>,
    findings: &mut Findings<'_>,
) {
    use super::condition::Listed;
    for (name, secret) in secrets {
        for environment in secret.environments.iter().flatten() {
            if !names.environments.contains(&environment.as_str()) {
                let message = format!("the secret `{name}` names the environment `{environment}`, which is not listed");
                unknown(secret.place, message, environment.as_str(), &names.environments, findings);
            }
        }
    }
    for condition in conditions {
        let (what, list, used, known): (_, _, Vec<&str>, _) = match &condition.test {
            Test::Environments(list) => {
                ("environment", "environments", list.iter().map(Id::as_str).collect(), &names.environments)
            }
            Test::Programs(Listed::These(list)) => {
                ("program", "programs", list.iter().map(Id::as_str).collect(), &names.programs)
            }
            Test::Secrets(Listed::These(list)) => {
                ("secret", "secrets", list.iter().map(String::as_str).collect(), &names.secrets)
            }
            _ => continue,
        };
        for name in used.into_iter().filter(|name| !known.contains(name)) {
            let message = format!("the {what} `{name}` is not listed under `{list}`");
            unknown(condition.place, message, name, known, findings);
        }
    }
}

fn unknown(place: Place, message: String, given: &str, known: &[&str], findings: &mut Findings<'_>) {
    findings.report_near(place, POLICY_UNKNOWN_NAME, message, given, known.iter().copied());
}

/// Reads a list of ids that must not be empty, nor name one twice.
fn ids(node: &Node, findings: &mut Findings<'_>) -> Vec<(Place, Id)> {
    let items = node.items(MAX_ITEMS, findings);
    let list = items.iter().filter_map(|item| item.parsed(findings).map(|id| (item.place, id))).collect();
    unique(node, items.is_empty(), list, findings)
}

/// Reads a list of words out of those there are that must not be empty, nor name one twice.
pub(super) fn words<T: Copy + PartialEq + std::fmt::Display>(
    node: &Node,
    all: &[(&str, T)],
    findings: &mut Findings<'_>,
) -> Vec<T> {
    let items = node.items(MAX_ITEMS, findings);
    let list = items.iter().filter_map(|item| item.word(all, findings).map(|word| (item.place, word))).collect();
    unique(node, items.is_empty(), list, findings).into_iter().map(|(_, word)| word).collect()
}

/// Reads a list of variables' names that names none twice.
fn names(node: &Node, findings: &mut Findings<'_>) -> Vec<(Place, String)> {
    let mut list = Vec::new();
    for item in node.items(MAX_ITEMS, findings) {
        let Some(name) = item.text(findings) else { continue };
        if is_variable(name) {
            list.push((item.place, name.to_owned()));
        } else {
            findings.report(item.place, POLICY_VALUE, format!("not a variable's name: `{}`", text::excerpt(name)));
        }
    }
    unique(node, false, list, findings)
}

fn unique<T: PartialEq + std::fmt::Display>(
    node: &Node,
    empty: bool,
    list: Vec<(Place, T)>,
    findings: &mut Findings<'_>,
) -> Vec<(Place, T)> {
    if empty && matches!(node.kind, Kind::List(_)) {
        findings.report(node.place, POLICY_EMPTY, "a list without an item would match nothing");
    }
    for (n, (place, item)) in list.iter().enumerate() {
        if list[..n].iter().any(|(_, other)| other == item) {
            findings.report(*place, POLICY_DUPLICATE, format!("`{item}` is listed already"));
        }
    }
    list
}

fn is_variable(name: &str) -> bool {
    let start = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    name.len() <= 100 && name.bytes().next().is_some_and(start) && name.bytes().all(|b| start(b) || b.is_ascii_digit())
}
