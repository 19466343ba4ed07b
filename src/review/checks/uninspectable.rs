//! What a reader cannot see through.

use std::collections::BTreeMap;

use crate::{
    base::path::RepoPath,
    plan::{
        git_arguments::git_escape,
        model::{Action, Arg, Run, Script},
    },
    review::{Check, Context, Findings, Level, UNINSPECTABLE, programs, walk},
};

/// The longest script that a reader is taken to read, in lines.
pub const MAX_SCRIPT_LINES: usize = 200;
/// The longest line that a reader is taken to read, in characters.
const MAX_LINE: usize = 500;
/// The shortest run of letters and digits that is taken for encoded data.
const MIN_BLOB: usize = 120;

/// Marks steps whose doing the plan does not show: interpreters, encoded data, long scripts (C-32).
#[derive(Debug)]
pub struct Uninspectable;

impl Check for Uninspectable {
    fn id(&self) -> &'static str {
        UNINSPECTABLE
    }

    fn summary(&self) -> &'static str {
        "steps that cannot be seen through: interpreters, encoded data, long scripts"
    }

    fn run(&self, context: Context<'_>, findings: &mut Findings) {
        let scripts: BTreeMap<&RepoPath, &Script> =
            context.plan.scripts.iter().map(|script| (&script.path, script)).collect();
        for step in &context.plan.steps {
            for action in step.every_action() {
                if let Action::Run(run) = action {
                    if is_interpreter(run) {
                        let message = "runs code that it is handed";
                        findings.step(Level::Alarm, &step.id, message, &run.program.path);
                    }
                    if let Some(argument) = git_escape(run) {
                        findings.step(Level::Alarm, &step.id, "makes git run other programs", argument);
                    }
                    for path in handed_scripts(run) {
                        match scripts.get(path).map(|script| opaque(&script.content)) {
                            None => {
                                findings.step(Level::Alarm, &step.id, "its script is not in the plan", path.as_str())
                            }
                            Some(Some(why)) => {
                                findings.step(Level::Alarm, &step.id, format!("its script {why}"), path.as_str());
                            }
                            Some(None) => {}
                        }
                    }
                }
            }
            for text in walk::acting_texts(step) {
                if let Some(blob) = blob_in(text) {
                    findings.step(Level::Alarm, &step.id, "holds encoded data", blob);
                }
            }
        }
    }
}

/// Tells whether a run's program takes code from its arguments, by its mark or by its name.
fn is_interpreter(run: &Run) -> bool {
    run.program.interpreter
        || programs::is_interpreter(&run.program.path)
        || programs::is_interpreter(run.program.name.as_str())
}

fn handed_scripts(run: &Run) -> impl Iterator<Item = &RepoPath> {
    run.argv.iter().chain(run.env.values()).filter_map(|arg| match arg {
        Arg::Script(path) => Some(path),
        _ => None,
    })
}

/// Returns why a text cannot be read through, or none where it can.
fn opaque(text: &str) -> Option<String> {
    let lines = text.lines().count();
    if lines > MAX_SCRIPT_LINES {
        return Some(format!("has {lines} lines"));
    }
    if let Some(line) = text.lines().map(|line| line.chars().count()).find(|&length| length > MAX_LINE) {
        return Some(format!("has a line of {line} characters"));
    }
    blob_in(text).map(|_| "holds encoded data".to_owned())
}

/// Returns the first run of characters that reads like base64 or hex, line breaks inside it ignored.
fn blob_in(text: &str) -> Option<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '_' | '-'))).find(|run| {
        run.len() >= MIN_BLOB && {
            // A path is a run too: its parts are short words.
            run.split('/').any(|part| part.len() >= MIN_BLOB / 2) && run.bytes().any(|b| b.is_ascii_digit())
                || run.bytes().filter(|b| *b == b'/').count() * 30 < run.len()
                    && run.bytes().any(|b| b.is_ascii_uppercase())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c32_encoded_data_and_long_scripts_are_not_seen_through() {
        let base64 = "aGVsbG8gd29ybGQh".repeat(10);
        assert!(blob_in(&format!("echo {base64} | base64 -d")).is_some());
        assert!(blob_in(&"0123456789abcdef".repeat(10)).is_some());
        assert!(opaque(&"x\n".repeat(201)).is_some());
        assert!(opaque(&"x ".repeat(300)).is_some());
    }

    #[test]
    fn c32_plain_scripts_and_long_paths_are_seen_through() {
        assert!(opaque(&"x\n".repeat(200)).is_none());
        assert!(opaque("import json\nprint(json.dumps({'a': 1}))\n").is_none());
        assert!(blob_in(&"some/folder/in/a/deep/tree/".repeat(8)).is_none());
        assert!(blob_in(&"-".repeat(0)).is_none());
        assert!(blob_in("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad").is_none());
    }
}
