//! Whether a pipeline does what its effect says, by what the file says: also where an action is not in order.

use super::super::reasons::PIPELINE_EFFECT;
use crate::base::{
    level::Effect,
    yaml::{Fields, Findings, Kind, Node},
};

/// Reports where the effect is below what the actions reach, or something is missing that it asks for.
pub(super) fn check(effect: Effect, fields: Fields<'_>, findings: &mut Findings<'_>) {
    let place = fields.get("effect").map_or(fields.place, |node| node.place);
    let least = actions(fields.get("actions")).filter_map(|(kind, body, _)| reach(kind, body)).max();
    let least = least.unwrap_or(Effect::Read);
    if effect < least {
        let message = format!("the effect is `{}`, and the actions reach `{}`", effect.word(), least.word());
        findings.report(place, PIPELINE_EFFECT, message);
    }
    if effect >= Effect::Recommend && is_empty(fields.get("evidence")) {
        let message = format!("a pipeline of effect `{}` needs an output as `evidence`", effect.word());
        findings.report(place, PIPELINE_EFFECT, message);
    }
    if effect >= Effect::Write && is_empty(fields.get("verify")) {
        let message = format!("a pipeline of effect `{}` needs an action under `verify`", effect.word());
        findings.report(place, PIPELINE_EFFECT, message);
    }
    for (kind, body, action) in actions(fields.get("verify")) {
        if reach(kind, body).is_some_and(|reach| reach > Effect::Read) {
            findings.report(action.place, PIPELINE_EFFECT, "`verify` runs programs that only read, and this writes");
        }
    }
}

/// Tells whether a list of actions holds one that runs a program.
pub(super) fn runs_a_program(list: &Node) -> bool {
    actions(Some(list)).any(|(kind, _, _)| kind == "run")
}

/// Returns the kind and the fields of each action of a list, and the action.
fn actions(list: Option<&Node>) -> impl Iterator<Item = (&str, &Node, &Node)> {
    let items = match list.map(|node| &node.kind) {
        Some(Kind::List(items)) => items.as_slice(),
        _ => &[],
    };
    items.iter().flat_map(|item| {
        let entries = if let Kind::Map(entries) = &item.kind { entries.as_slice() } else { &[] };
        entries.iter().map(move |(key, body)| (key.text.as_str(), body, item))
    })
}

/// Returns the least effect of a pipeline with such an action; none for a kind that there is not.
fn reach(kind: &str, body: &Node) -> Option<Effect> {
    let writes = match &body.kind {
        Kind::Map(entries) => entries.iter().any(|(key, value)| key.text == "writes" && !is_empty(Some(value))),
        _ => false,
    };
    match kind {
        "run" if !writes => Some(Effect::Read),
        "run" | "write" | "copy" | "patch" => Some(Effect::Recommend),
        "commit" | "tag" => Some(Effect::Write),
        _ => None,
    }
}

/// Tells whether a list is not there, or holds nothing.
fn is_empty(list: Option<&Node>) -> bool {
    list.is_none_or(|node| matches!(&node.kind, Kind::List(items) if items.is_empty()))
}
