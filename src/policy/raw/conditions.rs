//! Conditions of rules.

use crate::{
    base::{
        ident::Id,
        planner::PlannerKind,
        text,
        yaml::{Findings, Key, Kind, Node},
    },
    plan::model::{Effect, Host, Severity},
    policy::{
        condition::{Condition, DAYS, Hosts, Listed, Test, Use, Window, Writes},
        path_pattern::PathPattern,
        reasons::{POLICY_EMPTY, POLICY_VALUE},
        rule::Role,
    },
};

use super::MAX_ITEMS;

const KNOWN: [&str; 15] = [
    "effect",
    "pipelines",
    "directives",
    "environments",
    "planner",
    "network",
    "secrets",
    "programs",
    "hosts",
    "writes",
    "risks",
    "steps",
    "uninspectable",
    "words",
    "window",
];

/// Reads the conditions of a rule; there must be one at least, so that no rule matches everything.
pub(super) fn read(node: &Node, role: Option<Role>, findings: &mut Findings<'_>) -> Vec<Condition> {
    if node.fields("`when`", &KNOWN, findings).is_none() {
        return Vec::new();
    }
    let entries = node.entries(findings);
    if entries.is_empty() {
        findings.report(node.place, POLICY_EMPTY, "a rule without a condition would match every step");
    }
    entries
        .iter()
        .filter_map(|(key, value)| {
            let items = if let Kind::List(items) = &value.kind {
                items.iter().map(|item| item.place).collect()
            } else {
                vec![]
            };
            read_one(key, value, role, findings).map(|test| Condition { place: key.place, test, items })
        })
        .collect()
}

fn read_one(key: &Key, node: &Node, role: Option<Role>, findings: &mut Findings<'_>) -> Option<Test> {
    Some(match key.text.as_str() {
        "effect" => {
            let fields = bounds(node, "`effect`", &["atLeast", "atMost"], findings)?;
            let mut word = |name: &str| fields.get(name).map(|node| node.word(&Effect::ALL, findings));
            let (at_least, at_most) = (present(word("atLeast"))?, present(word("atMost"))?);
            if let (Some(least), Some(most)) = (at_least, at_most)
                && least > most
            {
                findings.report(node.place, POLICY_VALUE, "`atLeast` is above `atMost`, so no step matches");
            }
            Test::Effect { at_least, at_most }
        }
        "pipelines" => Test::Pipelines(ids(node, findings)),
        "directives" => Test::Directives(ids(node, findings)),
        "environments" => Test::Environments(ids(node, findings)),
        "planner" => Test::Planner(super::words(node, &PlannerKind::ALL, findings)),
        "network" => Test::Network(node.word(&[("none", Use::None), ("declared", Use::Some)], findings)?),
        "words" => Test::Words(node.word(&[("none", Use::None), ("any", Use::Some)], findings)?),
        "secrets" if is_word(node) => Test::Secrets(node.word(&[("none", ())], findings).map(|()| Listed::None)?),
        "secrets" => Test::Secrets(Listed::These(super::names(node, findings).into_iter().map(|(_, s)| s).collect())),
        "programs" if is_word(node) => Test::Programs(node.word(&[("none", ())], findings).map(|()| Listed::None)?),
        "programs" => Test::Programs(Listed::These(ids(node, findings))),
        "hosts" if is_word(node) => Test::Hosts(node.word(&[("any", ())], findings).map(|()| Hosts::Any)?),
        "hosts" => Test::Hosts(Hosts::These(hosts(node, findings))),
        "writes" if is_word(node) => Test::Writes(node.word(&[("none", ())], findings).map(|()| Writes::None)?),
        "writes" => Test::Writes(writes(node, role, findings)?),
        "risks" => {
            let fields = bounds(node, "`risks`", &["count", "atMost"], findings)?;
            let count = present(fields.get("count").map(|node| node.integer(0, 1_000, findings)))?;
            let at_most = present(fields.get("atMost").map(|node| node.word(&Severity::ALL, findings)))?;
            Test::Risks { count: count.and_then(|n| u32::try_from(n).ok()), at_most }
        }
        "steps" => {
            let fields = node.fields("`steps`", &["atMost"], findings)?;
            let most = fields.require("atMost", findings)?.integer(1, 10_000, findings)?;
            Test::Steps(u32::try_from(most).ok()?)
        }
        "uninspectable" => Test::Uninspectable(node.boolean(findings)?),
        "window" => Test::Window(window(node, findings)?),
        // Unknown fields are reported already.
        _ => return None,
    })
}

/// Turns "there, but wrong" into none, and "not there" into nothing asked.
fn present<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(None) => None,
        Some(Some(value)) => Some(Some(value)),
    }
}

fn is_word(node: &Node) -> bool {
    matches!(node.kind, Kind::Scalar { .. })
}

fn ids(node: &Node, findings: &mut Findings<'_>) -> Vec<Id> {
    super::ids(node, findings).into_iter().map(|(_, id)| id).collect()
}

/// Reads a map that must hold at least one of its fields.
fn bounds<'n>(
    node: &'n Node,
    what: &'static str,
    known: &[&str],
    findings: &mut Findings<'_>,
) -> Option<crate::base::yaml::Fields<'n>> {
    let fields = node.fields(what, known, findings)?;
    if known.iter().all(|name| fields.get(name).is_none()) {
        findings.report(node.place, POLICY_EMPTY, format!("{what} needs one of {}", known.join(", ")));
        return None;
    }
    Some(fields)
}

fn hosts(node: &Node, findings: &mut Findings<'_>) -> Vec<Host> {
    let items = node.items(MAX_ITEMS, findings);
    if items.is_empty() && matches!(node.kind, Kind::List(_)) {
        findings.report(node.place, POLICY_EMPTY, "a list without an item would match nothing");
    }
    let mut list = Vec::new();
    for item in items {
        let Some(given) = item.text(findings) else { continue };
        match host(given) {
            Some(host) => list.push(host),
            None => findings.report_help(
                item.place,
                POLICY_VALUE,
                format!("not a host and port: `{}`", text::excerpt(given)),
                "write it as name:port, in lower case, without a user or a path; `hosts: any` is any host",
            ),
        }
    }
    list
}

fn host(given: &str) -> Option<Host> {
    let (name, port) = given.rsplit_once(':')?;
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b':' | b'[' | b']');
    let port_digits = !port.is_empty() && !port.starts_with('0') && port.bytes().all(|b| b.is_ascii_digit());
    let fits = !name.is_empty() && name.len() <= 253 && name.bytes().all(plain) && port_digits;
    fits.then(|| port.parse().ok().map(|port| Host { name: name.to_owned(), port })).flatten()
}

fn writes(node: &Node, role: Option<Role>, findings: &mut Findings<'_>) -> Option<Writes> {
    let fields = node.fields("`writes`", &["within", "touching"], findings)?;
    let mut patterns = |list: &Node| -> Vec<PathPattern> {
        let items = list.items(MAX_ITEMS, findings);
        if items.is_empty() && matches!(list.kind, Kind::List(_)) {
            findings.report(list.place, POLICY_EMPTY, "a list without an item would match nothing");
        }
        items
            .iter()
            .filter_map(|item| {
                let pattern = item.text(findings)?;
                findings.keep(item.place, PathPattern::new(pattern))
            })
            .collect()
    };
    match (fields.get("within"), fields.get("touching")) {
        (Some(list), None) => Some(Writes::Within(patterns(list))),
        (None, Some(list)) => {
            let made = patterns(list);
            if role == Some(Role::Permit) {
                let message =
                    "`touching` asks for any write there; a rule that permits says what all writes are `within`";
                findings.report(list.place, POLICY_VALUE, message);
            }
            Some(Writes::Touching(made))
        }
        _ => {
            let message = "`writes` is `none`, or has exactly one of `within` and `touching`";
            findings.report(node.place, POLICY_VALUE, message);
            None
        }
    }
}

fn window(node: &Node, findings: &mut Findings<'_>) -> Option<Window> {
    let fields = bounds(node, "`window`", &["days", "from", "to"], findings)?;
    let days = fields.get("days").map_or([true; 7], |list| days(list, findings));
    let from = present(fields.get("from").map(|node| minute(node, findings)))?.unwrap_or(0);
    let to = present(fields.get("to").map(|node| minute(node, findings)))?.unwrap_or(24 * 60);
    if from >= to {
        let message = "`from` is not before `to`; a window over midnight is two rules";
        findings.report(node.place, POLICY_VALUE, message);
    }
    Some(Window { days, from, to })
}

fn days(list: &Node, findings: &mut Findings<'_>) -> [bool; 7] {
    let mut on = [false; 7];
    let items = list.items(7, findings);
    if items.is_empty() && matches!(list.kind, Kind::List(_)) {
        findings.report(list.place, POLICY_EMPTY, "a window without a day is never open");
    }
    for item in items {
        let Some(given) = item.text(findings) else { continue };
        let (first, last) = given.split_once("..").unwrap_or((given, given));
        let position = |day: &str| DAYS.iter().position(|known| *known == day);
        match (position(first), position(last)) {
            (Some(first), Some(last)) if first <= last => on[first..=last].fill(true),
            _ => {
                let message = format!("not a day or days such as `mon` or `mon..fri`: `{}`", text::excerpt(given));
                findings.report_near(item.place, POLICY_VALUE, message, first, DAYS);
            }
        }
    }
    on
}

fn minute(node: &Node, findings: &mut Findings<'_>) -> Option<u32> {
    let given = node.text(findings)?;
    let digits = |part: &str| (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok());
    let read = given.split_once(':').and_then(|(hours, minutes)| {
        let (hours, minutes): (u32, u32) = (digits(hours)??, digits(minutes)??);
        let total = hours * 60 + minutes;
        (minutes < 60 && total <= 24 * 60).then_some(total)
    });
    if read.is_none() {
        let message = format!("not a time of day such as '08:00': `{}`", text::excerpt(given));
        findings.report(node.place, POLICY_VALUE, message);
    }
    read
}
