//! Findings and failed checks as SARIF 2.1.0.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use serde_json::{Value, json};

use super::{Format, json};
use crate::{
    plan::view::visible_line,
    report::{
        Renderer, Report,
        json_v1::{CheckResult, Finding, Level},
    },
};

pub(super) const FORMAT: Format =
    Format { id: "sarif", summary: "findings and failed checks as SARIF 2.1.0", make: |_| Box::new(Sarif) };

/// The file that a result belongs to that names none, where no plan is known.
const POLICY: &str = ".countersign/policy.yml";

struct Sarif;

impl Renderer for Sarif {
    fn finish(&mut self, out: &mut dyn Write, report: &Report) -> io::Result<()> {
        json::line(out, &document(report))
    }
}

fn document(report: &Report) -> Value {
    let mut findings = report.findings.clone();
    findings.extend(report.checks.iter().filter(|check| check.result != CheckResult::Passed).map(|check| Finding {
        code: check.reason_code.clone().unwrap_or_else(|| check.id.clone()),
        level: Level::Error,
        message: format!("check {}: {}", check.id, check.result.word()),
        file: None,
        line: None,
        column: None,
        snippet: None,
        help: None,
        subject: Some(check.subject.clone()),
    }));
    // A refusal that names no place is still a result: an empty list would read as all clear.
    if findings.is_empty() && report.envelope.exit_code != 0 {
        let envelope = &report.envelope;
        let message = envelope.result.get("message").and_then(Value::as_str).unwrap_or(&envelope.decision);
        findings.push(Finding {
            code: envelope.reason_code.clone(),
            level: Level::Error,
            message: message.to_owned(),
            file: None,
            line: None,
            column: None,
            snippet: None,
            help: envelope.hints.first().cloned(),
            subject: envelope.subject.clone(),
        });
    }
    // Who shows these files takes no result without a place: what has none belongs to the directive.
    let elsewhere = report.plan.as_ref().map_or(POLICY, |plan| plan.plan().directive.path.as_str());
    let codes: BTreeSet<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "countersign",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": "https://countersign.dev",
                "rules": codes.iter().map(|code| json!({ "id": code })).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": report.envelope.exit_code == 0,
                "exitCode": report.envelope.exit_code,
            }],
            "results": findings.iter().map(|finding| result(finding, elsewhere)).collect::<Vec<_>>(),
        }]
    })
}

fn result(finding: &Finding, elsewhere: &str) -> Value {
    let mut text = visible_line(&finding.message);
    if let Some(subject) = &finding.subject {
        text = format!("{}: {text}", visible_line(subject));
    }
    if let Some(help) = &finding.help {
        text.push_str(&format!("; {}", visible_line(help)));
    }
    let level = match finding.level {
        Level::Note => "note",
        Level::Warning => "warning",
        Level::Error => "error",
    };
    let mut result = json!({ "ruleId": finding.code, "level": level, "message": { "text": text } });
    let file = finding.file.as_deref().unwrap_or(elsewhere);
    // A line is asked for even where the whole file is meant.
    let mut region = json!({ "startLine": finding.line.unwrap_or(1) });
    if let (Some(column), Some(_)) = (finding.column, finding.line) {
        region["startColumn"] = json!(column);
    }
    if let (Some(snippet), Some(_)) = (&finding.snippet, finding.line) {
        region["snippet"] = json!({ "text": snippet });
    }
    let place = json!({ "artifactLocation": { "uri": uri(file) }, "region": region });
    result["locations"] = json!([{ "physicalLocation": place }]);
    result
}

/// A path as a URI reference: everything but the plain characters of paths is percent-encoded.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
