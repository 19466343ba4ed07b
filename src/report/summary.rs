//! A job summary: what came of it, a picture of the steps, how each ended, the checks, and the view.
//!
//! Tables and headings hold ids, fixed words, and foreign text in inline code only. The view is never shortened:
//! where it does not fit, it is left out, and the summary says how to see the whole.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    Report, graph,
    json_v1::Finding,
    rows::{Row, rows},
};
use crate::{
    base::ident::Id,
    plan::{
        SealedPlan,
        view::{View, code_span},
    },
};

/// The most characters of a foreign text in a table; all of it stands in the record.
const MAX_CELL: usize = 300;

/// Returns the summary in at most `max_bytes`, or nothing where not even the result fits.
#[must_use]
pub fn summary(report: &Report, max_bytes: usize) -> Option<String> {
    let head = head(report);
    let picture = report.plan.as_ref().map(|plan| picture(report, plan)).unwrap_or_default();
    let tables = tables(report);
    // What is executed has been agreed to; before that, the view is what matters.
    let shown = report.plan.as_ref().filter(|_| report.envelope.command != "execute");
    let view = shown.map(|plan| View::new(plan.plan(), plan.digest()).markdown());
    let whole = view.as_ref().map(|view| format!("\n---\n\n{view}")).unwrap_or_default();
    let elsewhere = match (&shown, &view) {
        (Some(plan), Some(view)) => elsewhere(plan, view.len()),
        _ => String::new(),
    };
    let short = "\nThe rest does not fit here: see the log, or give `--json`.\n".to_owned();
    [
        format!("{head}{picture}{tables}{whole}"),
        format!("{head}{picture}{tables}{elsewhere}"),
        format!("{head}{tables}{elsewhere}"),
        format!("{head}{elsewhere}{short}"),
    ]
    .into_iter()
    .find(|text| text.len() <= max_bytes)
}

fn elsewhere(plan: &SealedPlan, bytes: usize) -> String {
    format!(
        "\n### The view does not fit here\n\nIt has {bytes} bytes and is never shortened, so nobody can approve from this \
         page. `countersign render {}` shows the whole.\n",
        plan.digest()
    )
}

fn head(report: &Report) -> String {
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
    page
}

fn picture(report: &Report, plan: &SealedPlan) -> String {
    let ended = rows(&report.events);
    let statuses: BTreeMap<&Id, _> = ended.iter().map(|row| (row.step, row.status())).collect();
    match graph::mermaid(plan.plan(), &statuses) {
        Some(text) => format!("\n### Order of the steps\n\n```mermaid\n{text}```\n"),
        None => format!("\n{} steps: too many for a picture.\n", plan.plan().steps.len()),
    }
}

fn tables(report: &Report) -> String {
    let mut page = String::new();
    let rows = rows(&report.events);
    if !rows.is_empty() {
        page.push_str("\n### Steps\n\n| Step | Effect | Status | Time | What happened | What to do next |\n");
        page.push_str("| --- | --- | --- | ---: | --- | --- |\n");
    }
    for row in &rows {
        let steps = report.plan.iter().flat_map(|plan| &plan.plan().steps);
        let effect = steps.filter(|step| step.id == *row.step).map(|step| step.effect.word()).next();
        let _ = writeln!(
            page,
            "| {} | {} | {}{} | {} | {} | {} |",
            cell(row.step.as_str()),
            effect.unwrap_or("-"),
            row.status().word(),
            if row.attempts > 1 { format!(", attempt {}", row.attempts) } else { String::new() },
            duration(row.millis),
            what(row),
            row.outcome.and_then(|outcome| outcome.next.as_deref()).map_or("-".to_owned(), foreign),
        );
    }
    if !report.checks.is_empty() {
        page.push_str("\n### Checks\n\n| Check | Result | Reason | What was seen |\n| --- | --- | --- | --- |\n");
    }
    for check in &report.checks {
        let code = check.reason_code.as_deref().map_or("-".to_owned(), cell);
        let seen = foreign(&check.subject);
        let _ = writeln!(page, "| {} | {} | {code} | {seen} |", cell(&check.id), check.result.word());
    }
    if !report.findings.is_empty() {
        page.push_str("\n### Findings\n\n");
    }
    report.findings.iter().for_each(|finding| page.push_str(&item(finding)));
    page
}

fn what(row: &Row<'_>) -> String {
    let code = row.outcome.and_then(|outcome| outcome.reason_code.as_deref()).map(cell);
    let said = row.outcome.and_then(|outcome| outcome.what.as_deref()).map(foreign);
    match (code, said) {
        (Some(code), Some(said)) => format!("{code}: {said}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "-".to_owned(),
    }
}

fn duration(millis: u64) -> String {
    match millis {
        0..1000 => format!("{millis} ms"),
        _ => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
    }
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

/// An id in inline code. Only what looks like one goes into a heading, or bare into a table.
fn cell(id: &str) -> String {
    let fits = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._- ".contains(&b));
    if fits { code_span(id) } else { "(not an id)".to_owned() }
}

/// A foreign text in a table: a `|` would end the cell even in code, so it is written as an escape.
fn foreign(text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_CELL).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    code_span(&shown).replace('|', "\\x7c")
}
