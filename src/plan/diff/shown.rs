//! How values and texts that differ are shown.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

/// How a value is shown; `None` where it is not there.
pub(super) trait Shown {
    fn shown(&self) -> Option<String>;
}

impl<T: Serialize> Shown for T {
    /// Text as it is, lists with commas, members each behind its name.
    fn shown(&self) -> Option<String> {
        match serde_json::to_value(self) {
            Ok(Value::Null) => None,
            Ok(value) => Some(words(&value)),
            Err(e) => Some(e.to_string()),
        }
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| format!("{}: {}", spaced(name), words(value)))
            .collect::<Vec<_>>()
            .join("; "),
        other => other.to_string(),
    }
}

/// Writes a name such as `fromStep` in words.
fn spaced(name: &str) -> String {
    name.chars().fold(String::new(), |mut out, c| {
        if c.is_ascii_uppercase() {
            out.push(' ');
        }
        out.push(c.to_ascii_lowercase());
        out
    })
}

/// Products of line counts above which texts are shown as replaced whole: the search for the least
/// difference takes time by that product, and both texts may come from an attacker.
const MAX_SEARCH: usize = 4_000_000;

/// Returns the lines that differ, with three lines around each.
pub(super) fn unified(old: &str, new: &str) -> String {
    if old.lines().count().saturating_mul(new.lines().count()) > MAX_SEARCH {
        let marked = |mark: &str, text: &str| text.lines().map(|line| format!("{mark}{line}\n")).collect::<String>();
        return format!("@@ all of it @@\n{}{}", marked("-", old), marked("+", new));
    }
    let text = similar::TextDiff::from_lines(old, new);
    let mut out = String::new();
    for hunk in text.unified_diff().context_radius(3).iter_hunks() {
        let _ = writeln!(out, "{}", hunk.header());
        for change in hunk.iter_changes() {
            let line = change.value();
            let _ = writeln!(out, "{}{}", change.tag(), line.strip_suffix('\n').unwrap_or(line));
            if !line.ends_with('\n') {
                out.push_str("\\ no line feed at the end\n");
            }
        }
    }
    out
}
