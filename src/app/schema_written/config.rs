//! The configuration.

use serde_json::{Value, json};

use super::{duration, line, one_of, words};
use crate::{app::config::model::BudgetMode, base::planner::PlannerKind, provider::command::Form};

/// The configuration, of a project or a user.
pub(in crate::app) fn config() -> Value {
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
