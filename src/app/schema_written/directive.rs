//! The front matter of a directive.

use serde_json::{Value, json};

use super::{duration, effect, id, inputs, line, number, scalar, severity, words};
use crate::base::{level::OnFailure, method::Method, planner::PlannerKind};

/// Front matter of a directive.
pub(in crate::app) fn directive() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["title", "pipelines"],
        "properties": {
            "title": line(),
            "pipelines": { "type": "array", "minItems": 1, "items": id(), "description": "The only pipelines a plan may use." },
            "inputs": inputs(),
            "context": { "type": "array", "items": { "type": "string" }, "description": "Globs of files for planners that read." },
            "intent": { "type": "string" },
            "ceiling": {
                "type": "object",
                "additionalProperties": false,
                "properties": { "effect": effect(), "risk": severity() },
            },
            "environment": id(),
            "issue": {
                "type": "object",
                "additionalProperties": false,
                "required": ["input"],
                "description": "The issue that a plan is made for, and what it must be.",
                "properties": {
                    "input": id(),
                    "ready": {
                        "type": "array",
                        "minItems": 1,
                        "uniqueItems": true,
                        "items": { "anyOf": [
                            { "enum": ["open", "description", "acceptance-criteria", "parent-open"] },
                            {
                                "type": "object",
                                "additionalProperties": false,
                                "minProperties": 1,
                                "maxProperties": 1,
                                "properties": { "description": number(65_536), "acceptance-criteria": number(100) },
                            },
                        ] },
                    },
                },
            },
            "gate": { "type": "array", "items": words(&Method::ALL) },
            "risks": {
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["text", "severity"],
                    "properties": { "text": line(), "severity": severity(), "mitigation": line() },
                },
            },
            "assumptions": { "type": "array", "items": line() },
            "lifetime": duration(),
            "planner": words(&PlannerKind::ALL),
            "model": line(),
            "steps": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["id", "pipeline"],
                    "properties": {
                        "id": id(),
                        "pipeline": id(),
                        "title": line(),
                        "why": line(),
                        "needs": { "type": "array", "items": id() },
                        "with": { "type": "object", "additionalProperties": scalar() },
                        "forEach": for_each(),
                    },
                },
            },
        },
    })
}

/// What a step is repeated for.
fn for_each() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "description": "One step for each of these, `{{ item }}` in `with`.",
        "oneOf": [{ "required": ["list"] }, { "required": ["files"] }, { "required": ["lines"] }],
        "properties": {
            "list": { "type": "array", "minItems": 1, "items": line() },
            "files": { "type": "array", "minItems": 1, "items": line(), "description": "Patterns of files at the plan's commit." },
            "lines": { "type": "string", "description": "A file at the plan's commit, an item a line." },
            "onFailure": { "enum": OnFailure::ALL.map(|(word, _)| word), "default": "continue" },
        },
    })
}
