//! Rules, and what they ask of people.

use std::collections::BTreeSet;

use crate::{
    base::{
        ident::Id,
        method::Method,
        text::{self, excerpt},
        yaml::{Findings, Kind, Node, YAML_VALUE},
    },
    policy::{
        condition::Condition,
        reasons::{POLICY_DUPLICATE, POLICY_EMPTY, POLICY_THRESHOLD, POLICY_UNBOUNDED, POLICY_VALUE},
        requirement::{Leaf, Requirement, Separation},
        rule::{Role, Rule, Then},
    },
};

use super::{MAX_ITEMS, conditions};

/// The most people any rule may ask for.
const MAX_PEOPLE: i64 = 20;
/// The deepest that requirements may be nested.
const MAX_DEPTH: usize = 8;
/// The fields of a requirement that asks for people.
const OF_LEAF: [&str; 5] = ["people", "roles", "methods", "separation", "within"];
/// The fields of which a requirement that has parts has one.
const COMBINATORS: [&str; 3] = ["allOf", "anyOf", "kOf"];

/// What the rest of the file says that rules need.
pub(super) struct Context<'a> {
    /// The longest that an approval may live, in seconds.
    pub(super) approval_lifetime: i64,
    /// Principals that never count.
    pub(super) agents: &'a BTreeSet<u64>,
}

/// The rules, as far as they could be read.
#[derive(Default)]
pub(super) struct Rules {
    /// Those in which nothing is wrong.
    pub(super) sound: Vec<Rule>,
    /// Whether these are all.
    pub(super) whole: bool,
    /// The conditions of all rules, also of those that have another finding.
    pub(super) conditions: Vec<Condition>,
}

/// Reads all rules; there must be one at least, since an empty list could permit nothing.
pub(super) fn read(node: &Node, context: &Context<'_>, findings: &mut Findings<'_>) -> Rules {
    let items = node.items(MAX_ITEMS, findings);
    if items.is_empty() && matches!(node.kind, Kind::List(_)) {
        findings.report(node.place, POLICY_EMPTY, "a policy without a rule denies everything");
    }
    let mut rules = Rules { whole: true, ..Rules::default() };
    let mut ids: Vec<Id> = Vec::new();
    for item in items {
        let before = findings.count();
        let rule = read_rule(item, context, &mut rules.conditions, findings);
        if let Some(rule) = &rule {
            if ids.contains(&rule.id) {
                findings.report(rule.place, POLICY_DUPLICATE, format!("another rule is called `{}`", rule.id));
            }
            ids.push(rule.id.clone());
        }
        match rule {
            Some(rule) if findings.count() == before => rules.sound.push(rule),
            _ => rules.whole = false,
        }
    }
    rules
}

fn read_rule(
    node: &Node,
    context: &Context<'_>,
    conditions: &mut Vec<Condition>,
    findings: &mut Findings<'_>,
) -> Option<Rule> {
    let fields = node.fields("a rule", &["id", "when", "then"], findings)?;
    let id = fields.require("id", findings).and_then(|node| node.parsed::<Id>(findings));
    let then = fields.require("then", findings).and_then(|node| read_then(node, context, findings));
    let when_node = fields.require("when", findings);
    let role = then.as_ref().map(Then::role);
    let when = when_node.map(|node| conditions::read(node, role, findings));
    conditions.extend(when.iter().flatten().cloned());
    if role == Some(Role::Permit) && !when_node.is_some_and(has_ceiling) {
        let message = "the rule permits without saying up to which effect";
        findings.report_help(node.place, POLICY_UNBOUNDED, message, "add `effect: {atMost: analyze}` to `when`");
    }
    let (id, then, when) = (id?, then?, when?);
    Some(Rule { id, place: node.place, when, then })
}

/// Tells whether conditions say up to which effect; the value itself is looked at elsewhere.
fn has_ceiling(when: &Node) -> bool {
    let field = |node: &Node, name: &str| match &node.kind {
        Kind::Map(entries) => entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| value.clone()),
        _ => None,
    };
    field(when, "effect").is_some_and(|effect| field(&effect, "atMost").is_some())
}

/// What `then` can be.
const OUTCOMES: &str = "`then` is `permit`, or has exactly one of `needsApproval` and `deny`";

fn read_then(node: &Node, context: &Context<'_>, findings: &mut Findings<'_>) -> Option<Then> {
    if let Kind::Scalar { .. } = &node.kind {
        let given = node.text(findings)?;
        if given == "permit" {
            return Some(Then::Permit);
        }
        let message = format!("`{}` is no outcome: {OUTCOMES}", excerpt(given));
        findings.report_near(node.place, YAML_VALUE, message, given, ["permit", "needsApproval", "deny"]);
        return None;
    }
    let fields = node.fields("`then`", &["needsApproval", "deny"], findings)?;
    match (fields.get("needsApproval"), fields.get("deny")) {
        (Some(asked), None) => read_requirement(asked, context, 0, findings).map(Then::NeedsApproval),
        (None, Some(why)) => why.line(findings).map(|why| Then::Deny(why.to_owned())),
        // Unknown fields are reported already.
        (None, None) if !node.entries(findings).is_empty() => None,
        _ => {
            findings.report(node.place, POLICY_VALUE, OUTCOMES);
            None
        }
    }
}

fn read_requirement(
    node: &Node,
    context: &Context<'_>,
    depth: usize,
    findings: &mut Findings<'_>,
) -> Option<Requirement> {
    if depth > MAX_DEPTH {
        findings.report(node.place, POLICY_VALUE, format!("requirements are nested deeper than {MAX_DEPTH}"));
        return None;
    }
    let fields = node.fields("a requirement", &[&OF_LEAF[..], &COMBINATORS[..]].concat(), findings)?;
    let combined: Vec<&str> = COMBINATORS.into_iter().filter(|name| fields.get(name).is_some()).collect();
    let of_leaf = OF_LEAF.iter().any(|name| fields.get(name).is_some());
    let parts = |node: &Node, findings: &mut Findings<'_>| -> Option<Vec<Requirement>> {
        let items = node.items(MAX_ITEMS, findings);
        if items.is_empty() && matches!(node.kind, Kind::List(_)) {
            findings.report(node.place, POLICY_EMPTY, "a requirement without parts could never be met");
        }
        // Every part is read, so that its findings are reported too.
        let read: Vec<_> = items.iter().map(|item| read_requirement(item, context, depth + 1, findings)).collect();
        read.into_iter().collect()
    };
    match (combined.as_slice(), of_leaf) {
        ([], _) => read_leaf(node, context, findings).map(Requirement::Leaf),
        (["allOf"], false) => parts(fields.get("allOf")?, findings).map(Requirement::AllOf),
        (["anyOf"], false) => parts(fields.get("anyOf")?, findings).map(Requirement::AnyOf),
        (["kOf"], false) => {
            let inner = fields.get("kOf")?;
            let inner_fields = inner.fields("`kOf`", &["k", "of"], findings)?;
            let of = inner_fields.require("of", findings).and_then(|node| parts(node, findings));
            let k_node = inner_fields.require("k", findings)?;
            let most = of.as_ref().map_or(MAX_PEOPLE, |of| i64::try_from(of.len()).unwrap_or(MAX_PEOPLE));
            let k = threshold(k_node, most, "parts", findings)?;
            Some(Requirement::KOf { k, of: of? })
        }
        _ => {
            let message = "a requirement is people, or one of `allOf`, `anyOf` and `kOf`, and not several of them";
            findings.report(node.place, POLICY_VALUE, message);
            None
        }
    }
}

fn read_leaf(node: &Node, context: &Context<'_>, findings: &mut Findings<'_>) -> Option<Leaf> {
    let fields = node.fields("a requirement", &OF_LEAF, &mut *findings)?;
    let people = fields.require("people", findings).and_then(|node| threshold(node, MAX_PEOPLE, "people", findings));
    let roles = fields
        .get("roles")
        .map_or_else(BTreeSet::new, |node| super::ids(node, findings).into_iter().map(|(_, id)| id).collect());
    let methods: Vec<Method> =
        fields.get("methods").map(|node| super::words(node, &Method::OF_PEOPLE, findings)).unwrap_or_default();
    let separation =
        fields.get("separation").map_or(Some(Separation::Strict), |node| node.word(&Separation::ALL, findings));
    let within_seconds = fields
        .get("within")
        .map_or(Some(context.approval_lifetime), |node| node.duration(context.approval_lifetime, findings));
    Some(Leaf {
        people: people?,
        roles,
        methods: methods.into_iter().collect(),
        separation: separation?,
        within_seconds: within_seconds?,
        barred: context.agents.clone(),
    })
}

/// Reads a number of people or parts, at least one and at most `most` (B-20).
fn threshold(node: &Node, most: i64, of: &str, findings: &mut Findings<'_>) -> Option<u32> {
    let number = node.integer(i64::MIN, i64::MAX, findings)?;
    if (1..=most).contains(&number) {
        return u32::try_from(number).ok();
    }
    let message = format!("{} {of} is not within 1 and {most}", text::excerpt(&number.to_string()));
    findings.report(node.place, POLICY_THRESHOLD, message);
    None
}
