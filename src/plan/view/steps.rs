//! One step, whole: every field, every action.

use super::{
    author::{Author, written_by},
    document::{Page, Span, fixed, is_of_base, number, origin, scalar, text, word},
};
use crate::{
    base::{
        ident::Id,
        limits::KINDS,
        path::RepoPath,
        value::{Scalar, ValueType},
    },
    plan::model::{Action, Arg, Capture, CaptureFrom, OnFailure, Output, ProposedStep, Read, Run, Step},
};

/// Shows a step; `proposed` is what a planner said it should be, where one did.
pub(super) fn step(
    page: &mut Page,
    (step, proposed): (&Step, Option<&ProposedStep>),
    author: Author,
    (place, of): (usize, usize),
) {
    page.heading(3, [fixed("Step "), number(place), fixed(" of "), number(of), fixed(": "), word(&step.id)]);
    page.item([fixed("Effect: "), fixed(step.effect.word())]);
    for (label, words) in [("Title", &step.title), ("Why", &step.why)] {
        let mut spans = author.label(label);
        spans.push(text(words));
        page.item(spans);
    }
    page.item([fixed("Pipeline: "), word(&step.pipeline), fixed(" "), word(step.pipeline_digest)]);
    if let Some(item) = &step.item {
        let mut spans = vec![fixed("For: "), text(&item.value), fixed(", one of "), word(&item.of)];
        spans.extend([fixed(", from "), word(origin(item.origin))]);
        if !is_of_base(item.origin) {
            spans.push(fixed(": look twice"));
        }
        page.item(spans);
    }
    page.listed("Needs", step.needs.iter().map(|id| vec![word(id)]).collect());
    let input = |(name, value): (&Id, &Scalar)| {
        let mut spans = vec![word(name), fixed(" = "), scalar(value)];
        spans.extend(written_by(proposed, name));
        spans
    };
    page.listed("Inputs", step.with.iter().map(input).collect());
    page.item([fixed("Time limit: "), number(step.timeout_seconds), fixed(" s")]);
    page.item([
        fixed("Attempts: "),
        number(step.retry.max_attempts),
        fixed(", wait before the next: "),
        number(step.retry.backoff_seconds),
        fixed(" s"),
    ]);
    page.item([fixed("On failure: "), fixed(on_failure(step.on_failure))]);
    page.item([fixed("Twice is the same as once: "), fixed(if step.idempotent { "yes" } else { "no" })]);
    page.listed(
        "Outputs",
        step.outputs
            .iter()
            .map(|(name, output)| {
                let mut spans = vec![word(name), fixed(": ")];
                spans.extend(shown_output(output));
                spans
            })
            .collect(),
    );
    page.listed("Evidence", step.evidence.iter().map(|id| vec![word(id)]).collect());
    for (i, it) in step.actions.iter().enumerate() {
        page.heading(
            4,
            [fixed("Action "), number(i + 1), fixed(" of "), number(step.actions.len()), fixed(": "), fixed(kind(it))],
        );
        action(page, it);
    }
    for (i, it) in step.verify.iter().enumerate() {
        page.heading(
            4,
            [
                fixed("Read-back "),
                number(i + 1),
                fixed(" of "),
                number(step.verify.len()),
                fixed(": "),
                fixed(kind(it)),
            ],
        );
        action(page, it);
    }
}

fn on_failure(what: OnFailure) -> &'static str {
    match what {
        OnFailure::Halt => "halt: no further step starts",
        OnFailure::Continue => "continue: steps that need this one are blocked, the others go on",
        OnFailure::Skip => "skip: steps that need this one go on without it",
    }
}

/// The word for an action's kind.
pub(super) fn kind(action: &Action) -> &'static str {
    match action {
        Action::Run(_) => "run",
        Action::Write(_) => "write",
        Action::Copy(_) => "copy",
        Action::Patch(_) => "patch",
        Action::Commit(_) => "commit",
        Action::Tag(_) => "tag",
    }
}

pub(super) fn action(page: &mut Page, action: &Action) {
    match action {
        Action::Run(it) => run(page, it),
        Action::Write(it) => {
            page.item([fixed("Path: "), word(&it.path)]);
            page.item([fixed(if it.executable { "Made executable" } else { "Not executable" })]);
            replaced(page, it.replace);
            page.item([fixed("Digest: "), word(it.content_digest)]);
            page.lines([fixed("Content")], &it.content);
        }
        Action::Copy(it) => {
            page.item([fixed("From: "), word(&it.from.path), fixed(", "), pin(it.from.digest.as_ref())]);
            page.item([fixed("To: "), word(&it.to)]);
            replaced(page, it.replace);
        }
        Action::Patch(it) => {
            page.item([fixed("Path: "), word(&it.path)]);
            page.item([fixed("Times the text must be there: "), number(it.count)]);
            page.lines([fixed("Find")], &it.find);
            page.lines([fixed("Put in its place")], &it.replace);
        }
        Action::Commit(it) => {
            page.listed("Paths", paths(&it.paths));
            page.lines([fixed("Message")], &it.message);
        }
        Action::Tag(it) => {
            page.item([fixed("Name: "), text(&it.name)]);
            page.lines([fixed("Message")], &it.message);
        }
    }
}

fn replaced(page: &mut Page, replace: bool) {
    page.item([fixed(if replace { "Takes the place of a file that is there" } else { "Fails where a file is there" })]);
}

fn run(page: &mut Page, run: &Run) {
    let program = &run.program;
    page.item([
        fixed("Program: "),
        text(&program.path),
        fixed(", named "),
        word(&program.name),
        fixed(if program.interpreter { ", an interpreter, " } else { ", a plain program, " }),
        pin(program.digest.as_ref()),
    ]);
    page.listed(
        "Arguments",
        run.argv
            .iter()
            .enumerate()
            .map(|(i, it)| {
                let mut spans = vec![number(i + 1), fixed(": ")];
                spans.extend(arg(it));
                spans
            })
            .collect(),
    );
    page.listed(
        "Variables",
        run.env
            .iter()
            .map(|(name, it)| {
                let mut spans = vec![text(name), fixed(" = ")];
                spans.extend(arg(it));
                spans
            })
            .collect(),
    );
    page.item([fixed("Working folder: "), word(&run.cwd)]);
    page.listed("May read", run.reads.iter().map(read).collect());
    page.listed("May read outside the repository", run.system_reads.iter().map(|path| vec![text(path)]).collect());
    page.listed("May write", paths(&run.writes));
    page.listed("May connect to", run.network.iter().map(|h| vec![text(&format!("{}:{}", h.name, h.port))]).collect());
    page.listed("Gets the secrets", run.secrets.iter().map(|name| vec![text(name)]).collect());
    page.listed("Exit codes that mean success", run.ok_codes.iter().map(|code| vec![number(*code)]).collect());
    if !run.limits.is_default() {
        let declared = KINDS.iter().zip(run.limits.declared());
        let declared = declared.filter_map(|(kind, value)| Some(vec![fixed(kind.label), fixed(": "), number(value?)]));
        page.listed("Limits that are not the default", declared.collect());
    }
    page.listed("Hands on", run.captures.iter().map(capture).collect());
}

fn pin(digest: Option<&crate::base::digest::Digest>) -> Span {
    digest.map_or(fixed("not pinned"), word)
}

fn read(read: &Read) -> Vec<Span> {
    match &read.tree {
        Some(tree) => vec![word(&read.path), fixed(", what is committed there: tree "), word(tree)],
        None => vec![word(&read.path), fixed(", "), pin(read.digest.as_ref())],
    }
}

fn paths(paths: &[RepoPath]) -> Vec<Vec<Span>> {
    paths.iter().map(|path| vec![word(path)]).collect()
}

pub(super) fn arg(arg: &Arg) -> Vec<Span> {
    match arg {
        Arg::Literal(literal) => vec![text(literal)],
        Arg::Script(path) => vec![fixed("the script "), word(path)],
        Arg::Scratch(name) => vec![fixed("the file "), text(name), fixed(" in the step's scratch folder")],
        Arg::Slot(slot) => {
            let mut spans = Vec::new();
            if !slot.prefix.is_empty() {
                spans.extend([text(&slot.prefix), fixed(" followed by ")]);
            }
            let source = format!("{}.{}", slot.from_step, slot.output);
            spans.extend([fixed("<value of "), word(source), fixed(": ")]);
            spans.extend(bounds(slot.kind, slot.pattern.as_deref(), slot.max_length));
            spans.push(fixed(">"));
            spans
        }
    }
}

pub(super) fn shown_output(output: &Output) -> Vec<Span> {
    bounds(output.kind, output.pattern.as_deref(), output.max_length)
}

fn bounds(kind: ValueType, pattern: Option<&str>, max_length: u32) -> Vec<Span> {
    let name = ValueType::ALL.iter().find(|(_, k)| *k == kind).map_or("value", |(name, _)| name);
    let mut spans = vec![fixed(name)];
    match pattern {
        Some(pattern) => spans.extend([fixed(", pattern "), text(pattern)]),
        None => spans.push(fixed(", any text of that type")),
    }
    spans.extend([fixed(", max "), number(max_length), fixed(" bytes")]);
    spans
}

pub(super) fn capture(capture: &Capture) -> Vec<Span> {
    let mut spans = vec![word(&capture.output), fixed(" from ")];
    match &capture.from {
        CaptureFrom::Stdout => spans.push(fixed("all of its standard output")),
        CaptureFrom::StdoutLine(prefix) => spans.extend([fixed("the line of standard output after "), text(prefix)]),
        CaptureFrom::File(path) => spans.extend([fixed("the content of "), word(path)]),
        CaptureFrom::FileDigest(path) => spans.extend([fixed("the SHA-256 of "), word(path)]),
    }
    spans
}
