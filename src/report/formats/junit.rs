//! A run, and the checks before it, as JUnit XML.

use std::io::{self, Write};

use super::{Format, human::status};
use crate::{
    event::StepStatus,
    plan::view::{escape_html, visible_line},
    report::{
        Renderer, Report,
        json_v1::{CheckLine, CheckResult},
        rows::{Row, rows},
    },
};

pub(super) const FORMAT: Format =
    Format { id: "junit", summary: "JUnit XML: one test case a step and a check", make: |_| Box::new(Junit) };

struct Junit;

impl Renderer for Junit {
    fn finish(&mut self, out: &mut dyn Write, report: &Report) -> io::Result<()> {
        let rows = rows(&report.events);
        let mut suites = suite("checks", report.checks.iter().map(check).collect());
        suites.push_str(&suite("steps", rows.iter().map(step).collect()));
        // A command that was refused before any step is no empty, green suite.
        if report.envelope.exit_code != 0 && rows.iter().all(Row::is_fine) && !report.checks.iter().any(is_bad) {
            let code = attribute(&report.envelope.reason_code);
            let body = format!("<error type=\"{code}\" message=\"{}\"/>", attribute(&report.envelope.decision));
            suites.push_str(&suite("command", vec![case("command", &report.envelope.command, 0, &body, Kind::Error)]));
        }
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

fn is_bad(check: &CheckLine) -> bool {
    check.result != CheckResult::Passed
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
    let code = row.outcome.and_then(|outcome| outcome.reason_code.as_deref()).unwrap_or(status(row.status()));
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
