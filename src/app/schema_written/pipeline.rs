//! A pipeline.

use serde_json::{Value, json};

use super::{duration, effect, id, inputs, line, one_of, scalar, value_type, words};
use crate::base::{level::OnFailure, limits::KINDS};

/// A pipeline.
pub(in crate::app) fn pipeline() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["description", "effect", "actions"],
        "properties": {
            "description": line(),
            "effect": effect(),
            "inputs": inputs(),
            "idempotent": { "type": "boolean" },
            "timeout": duration(),
            "retry": {
                "type": "object",
                "additionalProperties": false,
                "properties": { "attempts": { "type": "integer", "minimum": 1, "maximum": 5 }, "backoff": duration() },
            },
            "onFailure": words(&OnFailure::ALL),
            "outputs": {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["type", "from"],
                    "properties": {
                        "type": value_type(),
                        "pattern": { "type": "string" },
                        "maxLength": { "type": "integer", "minimum": 1, "maximum": 65_536 },
                        "from": {
                            "oneOf": [
                                { "const": "stdout" },
                                one_of(&[("stdoutLine", line()), ("file", line()), ("fileDigest", line())]),
                            ],
                        },
                    },
                },
            },
            "evidence": { "type": "array", "items": id() },
            "actions": { "type": "array", "minItems": 1, "maxItems": 20, "items": action() },
            "verify": { "type": "array", "maxItems": 20, "items": one_of(&[("run", run())]) },
        },
    })
}

fn action() -> Value {
    let flag = json!({ "type": "boolean" });
    let text = json!({ "type": "string" });
    let fields = |required: &[&str], properties: Value| json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties });
    one_of(&[
        ("run", run()),
        (
            "write",
            fields(&["path", "content"], json!({ "path": text, "content": text, "executable": flag, "replace": flag })),
        ),
        ("copy", fields(&["from", "to"], json!({ "from": text, "to": text, "replace": flag }))),
        (
            "patch",
            fields(
                &["path", "find", "replace"],
                json!({
                    "path": text, "find": text, "replace": text,
                    "count": { "type": "integer", "minimum": 1, "maximum": 10_000 },
                }),
            ),
        ),
        (
            "commit",
            fields(
                &["paths", "message"],
                json!({
                    "paths": { "type": "array", "minItems": 1, "items": text }, "message": text,
                }),
            ),
        ),
        ("tag", fields(&["name", "message"], json!({ "name": text, "message": text }))),
    ])
}

fn run() -> Value {
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["program"],
        "properties": {
            "program": id(),
            "argv": { "type": "array", "items": scalar() },
            "cwd": { "type": "string" },
            "env": { "type": "object", "additionalProperties": scalar() },
            "reads": texts,
            "writes": texts,
            "systemReads": texts,
            "network": texts,
            "secrets": texts,
            "okCodes": { "type": "array", "minItems": 1, "items": { "type": "integer", "minimum": 0, "maximum": 255 } },
            "limits": {
                "type": "object",
                "additionalProperties": false,
                "properties": KINDS.iter().map(|kind| {
                    let bounds = json!({ "type": "integer", "minimum": kind.least, "maximum": kind.most });
                    (kind.name.to_owned(), bounds)
                }).collect::<serde_json::Map<_, _>>(),
            },
        },
    })
}
