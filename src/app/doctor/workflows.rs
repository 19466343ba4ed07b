//! What jobs may do by default, and whether everything that workflows use is pinned.

use super::{
    line::{Line, Standing, holds},
    pages::Pages,
    seen::SeenFile,
};
use crate::{
    base::{
        reason::Result,
        text::excerpt,
        yaml::{self, Kind, Node},
    },
    facts::protection::WorkflowPermissions,
};

/// The most uses that are named of one file.
const MAX_NAMED: usize = 5;

/// Judges what a job may do that asks for nothing.
pub(super) fn settings(found: &Result<WorkflowPermissions>, pages: &Pages) -> Vec<Line> {
    let (token, reviews) = match found {
        Err(refusal) => (Line::unread("actions.token", "", refusal), Line::unread("actions.reviews", "", refusal)),
        Ok(found) => {
            let token = if found.token_writes { "may write everything" } else { "may read only" };
            let reviews = if found.approves_reviews { "a workflow may approve pull requests" } else { "off" };
            (
                Line::new("actions.token", "", holds(!found.token_writes, Standing::Weak), token),
                Line::new("actions.reviews", "", holds(!found.approves_reviews, Standing::Weak), reviews),
            )
        }
    };
    vec![
        token.fix("choose `Read repository contents and packages permissions`", pages.actions()),
        reviews.fix("untick `Allow GitHub Actions to create and approve pull requests`", pages.actions()),
    ]
}

/// Judges every workflow and action at the base commit: what it uses is named by a full commit id.
pub(super) fn pins(files: &[SeenFile], branch: &str, pages: &Pages) -> Vec<Line> {
    if files.is_empty() {
        return vec![Line::new("workflow.pinned", "", Standing::Ok, "there is no workflow at the base")];
    }
    files.iter().map(|file| pinned(file, branch, pages)).collect()
}

fn pinned(file: &SeenFile, branch: &str, pages: &Pages) -> Line {
    let fix = "name what is used by its full commit id: `uses: owner/name@<40 hex digits>`";
    let read = std::str::from_utf8(&file.bytes).map_err(|_| "it is not UTF-8".to_owned()).and_then(|text| {
        yaml::read(&file.path, text, 1, |root, _| uses(root)).map_err(|places| {
            places.first().map_or_else(String::new, |one| format!("line {}: {} [{}]", one.line, one.message, one.code))
        })
    });
    match read {
        Err(why) => Line::new("workflow.pinned", &file.path, Standing::Unknown, format!("cannot be read: {why}"))
            .fix("write it as plain YAML, without anchors and aliases", pages.file(branch, &file.path, None)),
        Ok(all) => {
            let loose: Vec<&(usize, String)> = all.iter().filter(|(_, used)| !is_pinned(used)).collect();
            let named = loose.iter().take(MAX_NAMED).map(|(line, used)| format!("{} (line {line})", excerpt(used)));
            let what = match loose.len() {
                0 => format!("{} uses", all.len()),
                n => format!("{n} of {} uses: {}", all.len(), named.collect::<Vec<_>>().join(", ")),
            };
            let first = loose.first().map(|(line, _)| *line);
            Line::new("workflow.pinned", &file.path, holds(loose.is_empty(), Standing::Weak), what)
                .fix(fix, pages.file(branch, &file.path, first))
        }
    }
}

/// Returns what a workflow or an action uses, with the line; none where it has neither jobs nor steps to look at.
fn uses(root: &Node) -> Option<Vec<(usize, String)>> {
    let mut all = Vec::new();
    if let Some(Kind::Map(jobs)) = field(root, "jobs").map(|node| &node.kind) {
        for (_, job) in jobs {
            take(job, &mut all);
            steps(job, &mut all);
        }
    } else {
        steps(field(root, "runs")?, &mut all);
        // An action that is an image names it in another field.
        all.extend(
            field(root, "runs")
                .and_then(|runs| field(runs, "image"))
                .and_then(text)
                .filter(|(_, image)| image.starts_with("docker://")),
        );
    }
    Some(all)
}

fn steps(of: &Node, all: &mut Vec<(usize, String)>) {
    if let Some(Kind::List(steps)) = field(of, "steps").map(|node| &node.kind) {
        steps.iter().for_each(|step| take(step, all));
    }
}

fn take(from: &Node, all: &mut Vec<(usize, String)>) {
    all.extend(field(from, "uses").and_then(text));
}

fn text(node: &Node) -> Option<(usize, String)> {
    match &node.kind {
        Kind::Scalar { text, .. } => Some((node.place.0, text.clone())),
        _ => None,
    }
}

fn field<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    match &node.kind {
        Kind::Map(entries) => entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| value),
        _ => None,
    }
}

/// Tells whether what is used is always the same bytes: of this commit, or named by its whole id.
fn is_pinned(used: &str) -> bool {
    let hex = |text: &str, length| text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if used.starts_with("./") {
        return !used.contains('@');
    }
    match used.strip_prefix("docker://") {
        Some(image) => image.split_once("@sha256:").is_some_and(|(_, digest)| hex(digest, 64)),
        None => used.split_once('@').is_some_and(|(_, commit)| hex(commit, 40)),
    }
}
