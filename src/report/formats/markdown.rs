//! A job summary: a table of ids and fixed words; every other text stands in inline code.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use super::{Format, human::status};
use crate::{
    plan::view::code_span,
    report::{Renderer, Report, json_v1::Finding, rows::rows},
};

pub(super) const FORMAT: Format =
    Format { id: "markdown", summary: "a job summary in Markdown", make: |_| Box::new(Markdown) };

struct Markdown;

impl Renderer for Markdown {
    fn finish(&mut self, out: &mut dyn Write, report: &Report) -> io::Result<()> {
        out.write_all(page(report).as_bytes())
    }
}

fn page(report: &Report) -> String {
    let envelope = &report.envelope;
    let mut page = format!("## Countersign {}: {}\n\n", cell(&envelope.command), cell(&envelope.decision));
    let _ = writeln!(page, "- Reason: {}", cell(&envelope.reason_code));
    let _ = writeln!(page, "- Exit code: {}", envelope.exit_code);
    if let Some(subject) = &envelope.subject {
        let _ = writeln!(page, "- Subject: {}", code_span(subject));
    }
    if let Some(message) = envelope.result.get("message").and_then(serde_json::Value::as_str) {
        let _ = writeln!(page, "- Message: {}", code_span(message));
    }
    for hint in &envelope.hints {
        let _ = writeln!(page, "- Next: {}", code_span(hint));
    }
    let rows = rows(&report.events);
    if !rows.is_empty() {
        page.push_str("\n### Steps\n\n| Step | Status | Attempts | Reason |\n| --- | --- | --- | --- |\n");
    }
    for row in &rows {
        let code = row.outcome.and_then(|outcome| outcome.reason_code.as_deref()).map_or("-".to_owned(), cell);
        let _ =
            writeln!(page, "| {} | {} | {} | {code} |", cell(row.step.as_str()), status(row.status()), row.attempts);
    }
    if !report.checks.is_empty() {
        page.push_str("\n### Checks\n\n| Check | Result | Reason |\n| --- | --- | --- |\n");
    }
    for check in &report.checks {
        let code = check.reason_code.as_deref().map_or("-".to_owned(), cell);
        let _ = writeln!(page, "| {} | {} | {code} |", cell(&check.id), check.result.word());
    }
    if !report.findings.is_empty() {
        page.push_str("\n### Findings\n\n");
    }
    report.findings.iter().for_each(|finding| page.push_str(&item(finding)));
    page
}

fn item(finding: &Finding) -> String {
    let mut text = format!("- {}", cell(&finding.code));
    if let Some(file) = &finding.file {
        let place = match (finding.line, finding.column) {
            (Some(line), Some(column)) => format!("{file}:{line}:{column}"),
            (Some(line), None) => format!("{file}:{line}"),
            (None, _) => file.clone(),
        };
        let _ = write!(text, " at {}", code_span(&place));
    }
    if let Some(subject) = &finding.subject {
        let _ = write!(text, " in {}", code_span(subject));
    }
    let _ = write!(text, ": {}", code_span(&finding.message));
    if let Some(help) = &finding.help {
        let _ = write!(text, ", help: {}", code_span(help));
    }
    text.push('\n');
    text
}

/// An id in inline code. Only what looks like one goes into a table or a heading: a `|` ends a cell even in code.
fn cell(id: &str) -> String {
    let fits = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._- ".contains(&b));
    if fits { code_span(id) } else { "(not an id)".to_owned() }
}
