//! The table of programs.

use std::collections::BTreeMap;

use crate::{
    base::{
        ident::Id,
        text,
        yaml::{Findings, Node, Place},
    },
    policy::{
        model::Program,
        reasons::{POLICY_AGENT_PROGRAM, POLICY_INTERPRETER, POLICY_VALUE},
    },
    review::programs,
};

use super::MAX_ITEMS;

/// Reads the table; a program that is known to run code must say so (C-02), and so must an agent (D-12).
pub(super) fn read(node: &Node, findings: &mut Findings<'_>) -> BTreeMap<Id, Program> {
    let mut all = BTreeMap::new();
    for (key, value) in node.entries(findings) {
        let Some(name) = findings.keep(key.place, key.text.parse::<Id>()) else { continue };
        if let Some(program) = read_one(&name, key.place, value, findings) {
            all.insert(name, program);
        }
    }
    all
}

fn read_one(name: &Id, place: Place, node: &Node, findings: &mut Findings<'_>) -> Option<Program> {
    const KNOWN: [&str; 6] = ["path", "digest", "interpreter", "flags", "agentCli", "dangerousEnv"];
    let fields = node.fields("a program", &KNOWN, findings)?;
    let path_node = fields.require("path", findings);
    let path = path_node.and_then(|node| {
        let path = node.text(findings)?;
        if is_program_path(path) {
            return Some(path.to_owned());
        }
        let message = format!("not a plain absolute path: `{}`", text::excerpt(path));
        findings.report_help(node.place, POLICY_VALUE, message, "write it as /usr/bin/NAME; no PATH is searched");
        None
    });
    let digest = fields.get("digest").map(|node| node.parsed(findings));
    let mut flag = |name: &str| fields.get(name).map_or(Some(false), |node| node.boolean(findings));
    let interpreter = flag("interpreter");
    let agent_cli = flag("agentCli");
    let flags = fields.get("flags").map(|node| {
        let items = node.items(MAX_ITEMS, findings);
        items.iter().filter_map(|item| read_flag(item, findings)).collect::<Vec<_>>()
    });
    let dangerous_env = fields
        .get("dangerousEnv")
        .map_or_else(Vec::new, |node| super::names(node, findings).into_iter().map(|(_, name)| name).collect());
    let known = |test: fn(&str) -> bool| test(name.as_str()) || path.as_deref().is_some_and(test);
    if interpreter == Some(false) && known(programs::is_interpreter) {
        let message = format!("`{name}` runs code that it is handed, and is not marked so");
        findings.report_help(place, POLICY_INTERPRETER, message, "add `interpreter: true`");
    }
    if agent_cli == Some(false) && known(programs::is_agent) {
        let message = format!("`{name}` is an agent's command line");
        findings.report_help(place, POLICY_AGENT_PROGRAM, message, "remove it; add `agentCli: true` if it is meant");
    }
    let digest = match digest {
        None => None,
        Some(digest) => Some(digest?),
    };
    Some(Program {
        name: name.clone(),
        place,
        path: path?,
        digest,
        interpreter: interpreter?,
        flags,
        agent_cli: agent_cli?,
        dangerous_env,
    })
}

fn read_flag(node: &Node, findings: &mut Findings<'_>) -> Option<String> {
    let flag = node.text(findings)?;
    findings.keep(node.place, text::check_steering(flag))?;
    if flag.starts_with('-') {
        return Some(flag.to_owned());
    }
    let message = format!("a flag begins with `-`, and `{}` does not", text::excerpt(flag));
    findings.report(node.place, POLICY_VALUE, message);
    None
}

fn is_program_path(path: &str) -> bool {
    path.len() <= 1024
        && text::check_steering(path).is_ok()
        && path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")))
}
