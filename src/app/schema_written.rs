//! JSON Schemas of the files that people write, for editors; the readers themselves check more and say it better.

use serde_json::{Value, json};

use super::config::model::BudgetMode;
use crate::{
    base::{
        level::{Effect, OnFailure, Severity},
        limits::KINDS,
        method::Method,
        permission::Permission,
        planner::PlannerKind,
        value::ValueType,
    },
    policy::requirement::Separation,
    provider::command::Form,
    review::words::Mode,
};

/// Front matter of a directive.
pub(super) fn directive() -> Value {
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

/// A pipeline.
pub(super) fn pipeline() -> Value {
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

/// The configuration, of a project or a user.
pub(super) fn config() -> Value {
    let whole = || json!({ "type": "integer", "minimum": 0, "maximum": crate::base::json::MAX_INTEGER });
    let object = |properties: Value, required: &[&str]| json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties });
    let allowance = || {
        let amounts = json!({ "tokens": whole(), "requests": whole(), "money": whole(), "time": duration() });
        object(amounts, &[])
    };
    let agent = json!({
        "argv": { "type": "array", "minItems": 1, "items": { "type": "string" } },
        "env": { "type": "array", "items": { "type": "string" } },
        "reads": { "type": "array", "items": { "type": "string", "pattern": "^/" } },
        "network": { "type": "boolean" },
        "modelFlag": line(),
        "answer": words(&Form::ALL),
    });
    let price = json!({
        "inputPerMillion": whole(),
        "outputPerMillion": whole(),
        "cachedPerMillion": whole(),
        "cacheWritePerMillion": whole(),
    });
    let properties = json!({
        "version": { "const": 1 },
        "planner": words(&PlannerKind::ALL),
        "provider": line(),
        "model": line(),
        "endpoint": { "type": "string", "pattern": "^https?://" },
        "key": one_of(&[("env", line()), ("file", json!({ "type": "string", "pattern": "^/" }))]),
        "maxOutputTokens": { "type": "integer", "minimum": 1, "maximum": 1_000_000 },
        "timeout": duration(),
        "maxRevisions": { "type": "integer", "minimum": 0, "maximum": 100 },
        "send": { "type": "array", "items": { "type": "string" }, "description": "Globs of what may be sent to a model." },
        "promptCache": {
            "type": "boolean",
            "description": "Whether what stays the same in questions is marked for the provider's cache.",
        },
        "currency": { "type": "string", "pattern": "^[A-Z]{3}$" },
        "budgets": object(
            json!({
                "mode": words(&BudgetMode::ALL),
                "perPlan": allowance(),
                "perDirective": allowance(),
                "perDay": allowance(),
            }),
            &[],
        ),
        "prices": {
            "type": "object",
            "description": "In millionths of the currency per million tokens.",
            "additionalProperties": object(price, &["inputPerMillion", "outputPerMillion"]),
        },
        "agents": {
            "type": "object",
            "description": "In the user's file only.",
            "additionalProperties": object(agent, &["argv"]),
        },
    });
    object(properties, &["version"])
}

/// The policy.
pub(super) fn policy() -> Value {
    let names = json!({ "type": "array", "items": { "type": "string" } });
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
            "limits": {
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
            },
            "environments": { "type": "array", "items": id() },
            "programs": {
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
            },
            "secrets": {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": { "environment": { "type": "array", "items": id() } },
                },
            },
            "dangerousEnv": names,
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
            "gates": {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "permission": words(&Permission::ALL),
                    "digestInRelease": { "type": "boolean" },
                    "forks": { "type": "boolean" },
                    "directivesAtHead": { "type": "boolean" },
                    "exactLogins": { "type": "boolean" },
                },
            },
            "planning": {
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
            },
            "rules": {
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
            },
        },
        "$defs": { "requirement": requirement() },
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

fn inputs() -> Value {
    json!({
        "type": "object",
        "propertyNames": id(),
        "additionalProperties": {
            "type": "object",
            "additionalProperties": false,
            "required": ["type"],
            "properties": {
                "type": value_type(),
                "required": { "type": "boolean" },
                "default": scalar(),
                "pattern": { "type": "string" },
                "min": { "type": "integer" },
                "max": { "type": "integer" },
                "values": { "type": "array", "minItems": 1, "items": scalar() },
                "description": line(),
                "dash": { "type": "boolean" },
            },
        },
    })
}

/// Exactly one of several fields.
fn one_of(fields: &[(&str, Value)]) -> Value {
    let properties: serde_json::Map<String, Value> =
        fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
        "properties": properties,
    })
}

fn id() -> Value {
    json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{1,100}$" })
}

fn line() -> Value {
    json!({ "type": "string", "minLength": 1 })
}

fn scalar() -> Value {
    json!({ "type": ["string", "integer", "boolean"] })
}

/// One of the words that a file may say.
fn words<T>(all: &[(&str, T)]) -> Value {
    json!({ "enum": all.iter().map(|(word, _)| word).collect::<Vec<_>>() })
}

/// A whole number from 1 on.
fn number(most: u32) -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": most })
}

fn duration() -> Value {
    json!({ "type": "string", "pattern": "^[0-9]{1,9}[smhd]$" })
}

fn effect() -> Value {
    words(&Effect::ALL)
}

fn severity() -> Value {
    words(&Severity::ALL)
}

fn value_type() -> Value {
    words(&ValueType::ALL)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use serde_json::Value;

    use crate::base::method::Method;

    fn valid(schema: &Value, yaml: &str, what: &str) {
        let value: Value = serde_yaml::from_str(yaml).unwrap();
        let validator = jsonschema::validator_for(schema).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{what}: {}", errors.join("\n"));
        let mut typo = value;
        typo["nonsense"] = Value::Bool(true);
        assert!(!validator.is_valid(&typo), "{what}: an unknown field passes");
    }

    fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|found| found == ending)).collect()
    }

    #[test]
    fn every_method_of_approval_fits_wherever_it_may_stand() {
        let list = |all: &[(&str, Method)]| all.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        let directive = format!("{{title: t, pipelines: [p], gate: [{}]}}", list(&Method::ALL));
        valid(&super::directive(), &directive, "gate");
        let people = list(&Method::OF_PEOPLE);
        let rule =
            format!("{{id: a, when: {{pipelines: [p]}}, then: {{needsApproval: {{people: 1, methods: [{people}]}}}}}}");
        let head = "version: 1, expires: '2030-01-01T00:00:00Z', execution: {enabled: true, sideEffects: true}";
        valid(&super::policy(), &format!("{{{head}, rules: [{rule}]}}"), "methods");
    }

    #[test]
    fn everything_that_ships_fits_its_schema() {
        for path in files("directives", "md") {
            let text = fs::read_to_string(&path).unwrap();
            valid(&super::directive(), text.split("---\n").nth(1).unwrap(), &path.display().to_string());
        }
        for path in files("pipelines", "yml") {
            valid(&super::pipeline(), &fs::read_to_string(&path).unwrap(), &path.display().to_string());
        }
        for tier in [crate::policy::starter::Starter::Solo, crate::policy::starter::Starter::Team] {
            let name = "git".parse().unwrap();
            let lines = [(&name, "/usr/bin/git", false)];
            let text = crate::policy::starter::text(tier, &lines, "2030-01-01T00:00:00Z".parse().unwrap());
            valid(&super::policy(), &text, "starter policy");
        }
    }
}
