//! One static page about a run.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use super::Format;
use crate::{
    plan::view::{escape_html, html_page, visible_line},
    report::{Renderer, Report, rows::rows},
};

pub(super) const FORMAT: Format =
    Format { id: "html", summary: "one static page that needs nothing else", make: |_| Box::new(Html) };

struct Html;

impl Renderer for Html {
    fn finish(&mut self, out: &mut dyn Write, report: &Report) -> io::Result<()> {
        out.write_all(page(report).as_bytes())
    }
}

fn page(report: &Report) -> String {
    let envelope = &report.envelope;
    let mut body = format!("<h1>{} {}</h1>\n<ul>\n", code(&envelope.command), code(&envelope.decision));
    let _ = writeln!(body, "<li>Reason: {}</li>", code(&envelope.reason_code));
    let _ = writeln!(body, "<li>Exit code: {}</li>", envelope.exit_code);
    if let Some(subject) = &envelope.subject {
        let _ = writeln!(body, "<li>Subject: {}</li>", code(subject));
    }
    if let Some(message) = envelope.result.get("message").and_then(serde_json::Value::as_str) {
        let _ = writeln!(body, "<li>Message: {}</li>", code(message));
    }
    for hint in &envelope.hints {
        let _ = writeln!(body, "<li>Next: {}</li>", code(hint));
    }
    body.push_str("</ul>\n");
    let steps = rows(&report.events).into_iter().map(|row| {
        let outcome = row.outcome;
        let optional = |text: Option<&String>| text.map_or_else(String::new, |text| code(text));
        vec![
            code(row.step.as_str()),
            row.status().word().to_owned(),
            row.attempts.to_string(),
            format!("{} ms", row.millis),
            optional(outcome.and_then(|outcome| outcome.reason_code.as_ref())),
            optional(outcome.and_then(|outcome| outcome.what.as_ref())),
            optional(outcome.and_then(|outcome| outcome.next.as_ref())),
        ]
    });
    table(&mut body, "Steps", &["Step", "Status", "Attempts", "Time", "Reason", "What", "Next"], steps.collect());
    let checks = report.checks.iter().map(|check| {
        let reason = check.reason_code.as_deref().map_or_else(String::new, code);
        vec![code(&check.id), check.result.word().to_owned(), code(&check.subject), reason]
    });
    table(&mut body, "Checks", &["Check", "Result", "Subject", "Reason"], checks.collect());
    let findings = report.findings.iter().map(|finding| {
        let number = |n: Option<u64>| n.map_or_else(String::new, |n| n.to_string());
        let about = finding.file.as_ref().or(finding.subject.as_ref()).map_or_else(String::new, |text| code(text));
        let help = finding.help.as_deref().map_or_else(String::new, code);
        vec![code(&finding.code), about, number(finding.line), number(finding.column), code(&finding.message), help]
    });
    table(&mut body, "Findings", &["Code", "Where", "Line", "Column", "Message", "Help"], findings.collect());
    html_page("Countersign report", &body)
}

/// Writes a table; its cells are markup already.
fn table(body: &mut String, title: &'static str, heads: &[&'static str], rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return;
    }
    let _ = write!(body, "<h2>{title}</h2>\n<table>\n<thead><tr>");
    heads.iter().for_each(|head| body.push_str(&format!("<th scope=\"col\">{head}</th>")));
    body.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        body.push_str("<tr>");
        row.iter().for_each(|cell| body.push_str(&format!("<td>{cell}</td>")));
        body.push_str("</tr>\n");
    }
    body.push_str("</tbody>\n</table>\n");
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escape_html(&visible_line(text)))
}
