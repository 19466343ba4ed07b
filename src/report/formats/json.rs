//! JSON: one line an event, and one for the result.

use std::io::{self, Write};

use serde::Serialize;

use super::Format;
use crate::{
    event::RunEvent,
    report::{Renderer, Report},
};

pub(super) const FORMAT: Format =
    Format { id: "json", summary: "one JSON object a line: events, then the result", make: |_| Box::new(Json) };

struct Json;

/// The last line: the envelope, and beside it what the report holds, under `checks` and `findings` of `result`.
impl Renderer for Json {
    fn event(&mut self, out: &mut dyn Write, event: &RunEvent) -> io::Result<()> {
        line(out, event)
    }

    fn finish(&mut self, out: &mut dyn Write, report: &Report) -> io::Result<()> {
        let mut envelope = report.envelope.clone();
        if !(report.checks.is_empty() && report.findings.is_empty()) {
            if envelope.result.is_null() {
                envelope.result = serde_json::Value::Object(serde_json::Map::new());
            }
            // A result that is no object, or has a member of that name, says more than we could add.
            if let Some(members) = envelope.result.as_object_mut() {
                add(members, "checks", &report.checks)?;
                add(members, "findings", &report.findings)?;
            }
        }
        line(out, &envelope)
    }
}

fn add<T: Serialize>(
    members: &mut serde_json::Map<String, serde_json::Value>,
    name: &str,
    list: &[T],
) -> io::Result<()> {
    if !list.is_empty() && !members.contains_key(name) {
        members.insert(name.to_owned(), serde_json::to_value(list)?);
    }
    Ok(())
}

/// Writes a value on one line, with everything that could act on a terminal as `\u` escapes.
pub(super) fn line<T: Serialize>(out: &mut dyn Write, value: &T) -> io::Result<()> {
    writeln!(out, "{}", escaped(&serde_json::to_string(value)?))
}

/// Unsafe characters can stand only inside strings of JSON, so escaping them leaves the value the same.
pub(super) fn escaped(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if crate::base::text::is_unsafe(c) && c != '\n' {
            let mut units = [0_u16; 2];
            for unit in c.encode_utf16(&mut units) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(c);
        }
    }
    shown
}
