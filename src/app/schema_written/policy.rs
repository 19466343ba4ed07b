//! The policy.

use serde_json::{Value, json};

use super::{duration, effect, id, line, number, one_of, severity, words};
use crate::{
    base::{method::Method, permission::Permission, planner::PlannerKind},
    policy::requirement::Separation,
    review::words::Mode,
};

/// The policy.
pub(in crate::app) fn policy() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["version", "expires", "execution", "rules"],
        "properties": {
            "version": { "const": 1 },
            "expires": { "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$" },
            "execution": {
                "type": "object",
                "additionalProperties": false,
                "required": ["enabled", "sideEffects"],
                "properties": { "enabled": { "type": "boolean" }, "sideEffects": { "type": "boolean" } },
            },
            "limits": limits(),
            "environments": { "type": "array", "items": id() },
            "programs": programs(),
            "secrets": {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": { "environment": { "type": "array", "items": id() } },
                },
            },
            "dangerousEnv": names(),
            "agents": { "type": "array", "items": { "type": "integer", "minimum": 0 } },
            "forbiddenWords": {
                "type": "object",
                "additionalProperties": false,
                "required": ["words"],
                "properties": {
                    "words": { "type": "array", "minItems": 1, "items": line() },
                    "mode": words(&Mode::ALL),
                },
            },
            "gates": gates(),
            "planning": planning(),
            "rules": rules(),
        },
        "$defs": { "requirement": requirement() },
    })
}

/// The bounds of plans, approvals and steps.
fn limits() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "steps": number(10_000),
            "planLifetime": duration(),
            "approvalLifetime": duration(),
            "parallel": number(256),
            "stepTimeout": duration(),
            "output": { "type": "integer", "minimum": 1 },
            "checkpointAge": duration(),
        },
    })
}

/// The programs, by their names.
fn programs() -> Value {
    let names = names();
    json!({
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "additionalProperties": false,
            "required": ["path"],
            "properties": {
                "path": { "type": "string", "pattern": "^/" },
                "digest": { "type": "string", "pattern": "^sha256:[0-9a-f]{64}$" },
                "interpreter": { "type": "boolean" },
                "flags": names,
                "agentCli": { "type": "boolean" },
                "dangerousEnv": names,
            },
        },
    })
}

/// What decisions on the forge need.
fn gates() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "permission": words(&Permission::ALL),
            "digestInRelease": { "type": "boolean" },
            "forks": { "type": "boolean" },
            "directivesAtHead": { "type": "boolean" },
            "exactLogins": { "type": "boolean" },
        },
    })
}

/// Who may be asked for plans, and what of theirs counts.
fn planning() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "planners": { "type": "array", "minItems": 1, "items": words(&PlannerKind::ALL) },
            "models": { "type": "array", "minItems": 1, "items": line() },
            "tainted": { "enum": ["refuse", "allow"] },
            "outgoing": { "enum": ["limit", "allow"] },
            "maxRevisions": { "type": "integer", "minimum": 1, "maximum": 1_000 },
            "reviewObjection": { "enum": ["deny", "note"] },
        },
    })
}

/// The rules.
fn rules() -> Value {
    json!({
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "additionalProperties": false,
            "required": ["id", "when", "then"],
            "properties": {
                "id": id(),
                "when": when(),
                "then": {
                    "oneOf": [
                        { "const": "permit" },
                        one_of(&[("needsApproval", json!({ "$ref": "#/$defs/requirement" })), ("deny", line())]),
                    ],
                },
            },
        },
    })
}

fn when() -> Value {
    let ids = json!({ "type": "array", "minItems": 1, "items": id() });
    let texts = json!({ "type": "array", "minItems": 1, "items": { "type": "string" } });
    let or = |word: &str, list: &Value| json!({ "oneOf": [{ "const": word }, list] });
    let bounds = |properties: Value| json!({ "type": "object", "additionalProperties": false, "minProperties": 1, "properties": properties });
    json!({
        "type": "object",
        "additionalProperties": false,
        "minProperties": 1,
        "properties": {
            "effect": bounds(json!({ "atLeast": effect(), "atMost": effect() })),
            "pipelines": ids,
            "directives": ids,
            "environments": ids,
            "planner": { "type": "array", "minItems": 1, "items": words(&PlannerKind::ALL) },
            "network": { "enum": ["none", "declared"] },
            "secrets": or("none", &texts),
            "programs": or("none", &ids),
            "hosts": or("any", &texts),
            "writes": or("none", &one_of(&[("within", texts.clone()), ("touching", texts.clone())])),
            "risks": bounds(json!({ "count": { "type": "integer", "minimum": 0 }, "atMost": severity() })),
            "steps": bounds(json!({ "atMost": { "type": "integer", "minimum": 1 } })),
            "uninspectable": { "type": "boolean" },
            "words": { "enum": ["none", "any"] },
            "window": bounds(json!({
                "days": { "type": "array", "minItems": 1, "items": { "type": "string" } },
                "from": { "type": "string", "pattern": "^[0-9]{2}:[0-9]{2}$" },
                "to": { "type": "string", "pattern": "^[0-9]{2}:[0-9]{2}$" },
            })),
        },
    })
}

fn requirement() -> Value {
    let again = json!({ "$ref": "#/$defs/requirement" });
    let parts = json!({ "type": "array", "minItems": 1, "items": again });
    json!({
        "oneOf": [
            {
                "type": "object",
                "additionalProperties": false,
                "required": ["people"],
                "properties": {
                    "people": { "type": "integer", "minimum": 1, "maximum": 20 },
                    "roles": { "type": "array", "minItems": 1, "items": id() },
                    "methods": { "type": "array", "minItems": 1, "items": words(&Method::OF_PEOPLE) },
                    "separation": words(&Separation::ALL),
                    "within": duration(),
                },
            },
            one_of(&[
                ("allOf", parts.clone()),
                ("anyOf", parts.clone()),
                ("kOf", json!({
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["k", "of"],
                    "properties": { "k": { "type": "integer", "minimum": 1 }, "of": parts },
                })),
            ]),
        ],
    })
}

fn names() -> Value {
    json!({ "type": "array", "items": { "type": "string" } })
}
