//! The lines in words, for machines, and as findings.

use serde_json::{Value, json};

use super::line::{Line, Standing};
use crate::{
    base::text::visible,
    report::json_v1::{Finding, Level},
};

/// Writes the lines for people: what is worst first, aligned, each with its fix and page.
pub(crate) fn text(lines: &[Line]) -> String {
    let width = lines.iter().map(|line| line.id.len()).max().unwrap_or(0);
    let mut text = String::new();
    let bad = lines.iter().filter(|line| line.standing != Standing::Ok).count();
    text.push_str(&match bad {
        0 => format!("protected: all {} lines\n", lines.len()),
        n => format!("not protected, or not known: {n} of {} lines, the worst first\n", lines.len()),
    });
    for line in lines {
        let subject = if line.subject.is_empty() { String::new() } else { format!("{}: ", visible(&line.subject)) };
        text.push_str(&format!("{:<7} {:<width$} {subject}{}\n", line.standing.word(), line.id, visible(&line.found)));
        for (word, value) in [("fix", &line.fix), ("page", &line.page)] {
            if let Some(value) = value {
                text.push_str(&format!("{:<7} {:<width$} {word}: {}\n", "", "", visible(value)));
            }
        }
    }
    text
}

/// Returns the lines for machines.
pub(crate) fn rows(lines: &[Line]) -> Vec<Value> {
    lines
        .iter()
        .map(|line| {
            json!({
                "id": line.id,
                "subject": line.subject,
                "result": line.standing.word(),
                "found": line.found,
                "fix": line.fix,
                "page": line.page,
            })
        })
        .collect()
}

/// Returns how many lines there are of each standing.
pub(crate) fn counts(lines: &[Line]) -> Value {
    let of = |standing: Standing| lines.iter().filter(|line| line.standing == standing).count();
    Value::Object(Standing::ALL.iter().map(|one| (one.word().to_owned(), json!(of(*one)))).collect())
}

/// Returns what is not well as findings, for files and CI.
pub(crate) fn findings(lines: &[Line]) -> Vec<Finding> {
    lines
        .iter()
        .filter(|line| line.standing != Standing::Ok)
        .map(|line| Finding {
            code: line.id.to_owned(),
            level: if line.standing == Standing::Unknown { Level::Warning } else { Level::Error },
            message: format!("{}: {}", line.standing.word(), line.found),
            file: None,
            line: None,
            column: None,
            snippet: None,
            help: line.fix.clone().map(|fix| match &line.page {
                Some(page) => format!("{fix}: {page}"),
                None => fix,
            }),
            subject: Some(line.subject.clone()).filter(|subject| !subject.is_empty()),
        })
        .collect()
}
