//! A run, and the checks before it, as JUnit XML.

use std::io::{self, Write};

use super::Format;
use crate::{
    event::StepStatus,
    plan::view::{escape_html, visible_line},
    report::{
        Renderer, Report,
        json_v1::{CheckLine, CheckResult, Envelope, Finding, Level},
        rows::{Row, rows},
    },
};

pub(super) const FORMAT: Format =
    Format { id: "junit", summary: "JUnit XML: one test case a step and a check", make: |_| Box::new(Junit) };

struct Junit;

impl Renderer for Junit {
    fn finish(&mut self, out: &mut dyn Write, report: &Report) -> io::Result<()> {
        let rows = rows(&report.events);
        let errors = report.findings.iter().filter(|finding| finding.level == Level::Error);
        let mut all = vec![
            ("checks", report.checks.iter().map(check).collect::<Vec<_>>()),
            ("findings", errors.map(finding).collect()),
            ("steps", rows.iter().map(step).collect()),
        ];
        // A command that was refused before any step is no empty, green suite; and no file is without a case.
        let told = all.iter().flat_map(|(_, cases)| cases).any(|case| matches!(case.0, Kind::Failure | Kind::Error));
        if (report.envelope.exit_code != 0 && !told) || all.iter().all(|(_, cases)| cases.is_empty()) {
            all.push(("command", vec![command(&report.envelope)]));
        }
        let suites: String = all.into_iter().map(|(name, cases)| suite(name, cases)).collect();
        write!(
            out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"countersign {}\">\n{suites}</testsuites>\n",
            attribute(&report.envelope.command)
        )
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pass,
    Failure,
    Error,
    Skipped,
}

type Case = (Kind, u64, String);

fn suite(name: &'static str, cases: Vec<Case>) -> String {
    if cases.is_empty() {
        return String::new();
    }
    let count = |kind| cases.iter().filter(|case| case.0 == kind).count();
    let millis = cases.iter().map(|case| case.1).sum();
    let mut text = format!(
        " <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{}\">\n",
        cases.len(),
        count(Kind::Failure),
        count(Kind::Error),
        count(Kind::Skipped),
        seconds(millis)
    );
    cases.iter().for_each(|case| text.push_str(&case.2));
    text.push_str(" </testsuite>\n");
    text
}

fn case(class: &str, name: &str, millis: u64, body: &str, kind: Kind) -> Case {
    let head = format!("  <testcase classname=\"{class}\" name=\"{}\" time=\"{}\"", attribute(name), seconds(millis));
    let text = if body.is_empty() { format!("{head}/>\n") } else { format!("{head}>{body}</testcase>\n") };
    (kind, millis, text)
}

fn command(envelope: &Envelope) -> Case {
    let (kind, body) = match envelope.exit_code {
        0 => (Kind::Pass, String::new()),
        _ => {
            let message = envelope.result.get("message").and_then(serde_json::Value::as_str);
            (Kind::Error, element(Kind::Error, &envelope.reason_code, message.unwrap_or(&envelope.decision)))
        }
    };
    case("command", &envelope.command, 0, &body, kind)
}

fn finding(finding: &Finding) -> Case {
    let about = finding.file.as_ref().or(finding.subject.as_ref()).cloned().unwrap_or_default();
    let place = [finding.line, finding.column].into_iter().flatten().map(|n| format!(":{n}")).collect::<String>();
    let name = format!("{about}{place} {}", finding.code);
    case("finding", name.trim(), 0, &element(Kind::Failure, &finding.code, &finding.message), Kind::Failure)
}

/// A check that did not run is an error, not a skipped test: CI would call that green.
fn check(check: &CheckLine) -> Case {
    let kind = match check.result {
        CheckResult::Passed => Kind::Pass,
        CheckResult::Failed => Kind::Failure,
        CheckResult::NotRun => Kind::Error,
    };
    let code = check.reason_code.as_deref().unwrap_or(check.result.word());
    case("check", &check.id, 0, &element(kind, code, &check.subject), kind)
}

fn step(row: &Row<'_>) -> Case {
    let kind = match row.status() {
        StepStatus::Succeeded => Kind::Pass,
        StepStatus::Skipped => Kind::Skipped,
        StepStatus::Failed | StepStatus::TimedOut => Kind::Failure,
        _ => Kind::Error,
    };
    let code = row.outcome.and_then(|outcome| outcome.reason_code.as_deref()).unwrap_or(row.status().word());
    let what = row.outcome.and_then(|outcome| outcome.what.as_deref()).unwrap_or("nobody knows how it ended");
    case("step", row.step.as_str(), row.millis, &element(kind, code, what), kind)
}

fn element(kind: Kind, code: &str, message: &str) -> String {
    let (code, message) = (attribute(code), attribute(message));
    match kind {
        Kind::Pass => String::new(),
        Kind::Skipped => format!("<skipped message=\"{code}\"/>"),
        Kind::Failure => format!("<failure type=\"{code}\" message=\"{message}\"/>"),
        Kind::Error => format!("<error type=\"{code}\" message=\"{message}\"/>"),
    }
}

fn attribute(text: &str) -> String {
    escape_html(&visible_line(text))
}

fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}
