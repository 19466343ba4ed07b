//! The typed outputs of a step, read from what its program printed or wrote.

use std::{collections::BTreeMap, io::Read as _};

use super::{
    process::output::Captured,
    reasons::{OUTPUT_INVALID, OUTPUT_MISSING, SECRET_IN_OUTPUT},
    redact::{MARKER, Redactor},
    slots,
};
use crate::{
    base::{
        ident::Id,
        path::RepoPath,
        reason::{Refusal, Result},
        value::Scalar,
    },
    plan::model::{Capture, CaptureFrom, Output, Read, Step},
    step::{reasons::PATH_MISSING, workspace::Workspace},
};

/// Reads the outputs that come from standard output, of which only the redacted text is left by now.
///
/// # Errors
/// `output.missing`, `output.invalid`, `secret.in_output`.
pub(super) fn from_stdout(
    step: &Step,
    captures: &[Capture],
    stdout: &Captured,
    redactor: &Redactor,
) -> Result<BTreeMap<Id, Scalar>> {
    let mut found = BTreeMap::new();
    for capture in captures {
        let text = || -> Result<String> {
            if stdout.truncated {
                return Err(invalid(&capture.output, "the program printed more than is kept"));
            }
            String::from_utf8(stdout.kept.clone()).map_err(|_| invalid(&capture.output, "the program printed no UTF-8"))
        };
        let value = match &capture.from {
            CaptureFrom::Stdout => one_line_end_less(&text()?).to_owned(),
            CaptureFrom::StdoutLine(prefix) => line(&text()?, prefix, &capture.output)?,
            CaptureFrom::File(_) | CaptureFrom::FileDigest(_) => continue,
        };
        found.insert(capture.output.clone(), read(step, &capture.output, &value, redactor)?);
    }
    Ok(found)
}

/// Reads the outputs that come from files.
///
/// # Errors
/// `output.missing`, `output.invalid`, `secret.in_output`, and those of opening a file.
pub(super) fn from_files(
    step: &Step,
    captures: &[Capture],
    workspace: &Workspace,
    redactor: &Redactor,
) -> Result<BTreeMap<Id, Scalar>> {
    let mut found = BTreeMap::new();
    for capture in captures {
        let value = match &capture.from {
            CaptureFrom::Stdout | CaptureFrom::StdoutLine(_) => continue,
            CaptureFrom::File(path) => content(step, capture, path, workspace)?,
            CaptureFrom::FileDigest(path) => workspace
                .check_digest(&Read::new(path.clone()))
                .map_err(|why| missing_file(&capture.output, why))?
                .to_string(),
        };
        found.insert(capture.output.clone(), read(step, &capture.output, &value, redactor)?);
    }
    Ok(found)
}

/// Checks that every declared output and every piece of evidence is there.
///
/// # Errors
/// `output.missing`.
pub(super) fn check_complete(step: &Step, found: &BTreeMap<Id, Scalar>) -> Result<()> {
    match step.outputs.keys().chain(&step.evidence).find(|name| !found.contains_key(*name)) {
        Some(name) => Err(missing(name, "nothing gives it")),
        None => Ok(()),
    }
}

fn content(step: &Step, capture: &Capture, path: &RepoPath, workspace: &Workspace) -> Result<String> {
    let (file, _) = workspace.open_file(path).map_err(|why| missing_file(&capture.output, why))?;
    let most = u64::from(step.outputs.get(&capture.output).map_or(0, |output| output.max_length));
    let mut bytes = Vec::new();
    // Two more than the most: the final line feed, and one that shows it is too long.
    file.take(most + 2).read_to_end(&mut bytes).map_err(|e| missing(&capture.output, &e.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| invalid(&capture.output, &format!("`{path}` is not UTF-8")))?;
    Ok(one_line_end_less(&text).to_owned())
}

fn line(text: &str, prefix: &str, output: &Id) -> Result<String> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(prefix));
    let first = lines.next().ok_or_else(|| missing(output, &format!("no line begins with `{prefix}`")))?;
    match lines.next() {
        Some(_) => Err(invalid(output, &format!("more than one line begins with `{prefix}`"))),
        None => Ok(first.to_owned()),
    }
}

fn read(step: &Step, name: &Id, text: &str, redactor: &Redactor) -> Result<Scalar> {
    let Some(Output { kind, pattern, max_length }) = step.outputs.get(name) else {
        return Err(invalid(name, "the plan does not declare it"));
    };
    if text.contains(MARKER) || redactor.finds(text.as_bytes()) {
        return Err(Refusal::new(SECRET_IN_OUTPUT, format!("output `{name}`")).subject(name.as_str()));
    }
    if text.trim().is_empty() {
        return Err(missing(name, "it is empty"));
    }
    slots::read(*kind, pattern.as_deref(), *max_length, text).map_err(|why| invalid(name, why.message()))
}

fn one_line_end_less(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}

fn missing(name: &Id, why: &str) -> Refusal {
    Refusal::new(OUTPUT_MISSING, format!("output `{name}`: {why}")).subject(name.as_str())
}

fn invalid(name: &Id, why: &str) -> Refusal {
    Refusal::new(OUTPUT_INVALID, format!("output `{name}`: {why}")).subject(name.as_str())
}

/// A file that is not there is a missing output; a link or a device stays what it is.
fn missing_file(name: &Id, why: Refusal) -> Refusal {
    if why.is(PATH_MISSING) { missing(name, why.message()) } else { why }
}
