//! The outputs of a command: always the same names, so that none is left over from a command before.

use serde_json::Value;

use crate::report::Report;

/// Every output, and where in the result it may stand.
pub(super) const NAMES: [(&str, &[&str]); 15] = [
    ("decision", &[]),
    ("reason-code", &[]),
    ("result", &[]),
    ("plan-digest", &["planDigest", "plan"]),
    ("head-sha", &["headSha"]),
    ("plan-path", &["planPath"]),
    ("view-path", &["viewPath"]),
    ("approval-path", &["approvalPath"]),
    ("bundle-path", &["bundlePath"]),
    ("run-id", &["runId", "run"]),
    ("risk", &["risk"]),
    ("effect", &["effect"]),
    ("expires-at", &["expiresAt"]),
    ("approvals-have", &["approvalsHave"]),
    ("approvals-need", &["approvalsNeed"]),
];

/// Returns name and value of every output; what the command says nothing about is empty.
pub(super) fn of(report: &Report) -> Vec<(&'static str, String)> {
    let envelope = &report.envelope;
    let found = |members: &[&str]| {
        members.iter().filter_map(|name| envelope.result.get(name)).find_map(|value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    };
    let plan = report.plan.as_ref();
    NAMES
        .iter()
        .map(|(name, members)| {
            let value = match *name {
                "decision" => Some(envelope.decision.clone()),
                "reason-code" => Some(envelope.reason_code.clone()),
                "result" => Some(envelope.result.to_string()),
                name => found(members).or_else(|| {
                    let document = plan?.plan();
                    Some(match name {
                        "plan-digest" => plan?.digest().to_string(),
                        "head-sha" => document.subject.head_sha.clone(),
                        "risk" => document
                            .risks
                            .iter()
                            .map(|risk| risk.severity)
                            .max()
                            .map_or("none", |most| most.word())
                            .to_owned(),
                        "effect" => document.effect.word().to_owned(),
                        "expires-at" => document.expires_at.to_string(),
                        _ => return None,
                    })
                }),
            };
            (*name, value.unwrap_or_default())
        })
        .collect()
}
