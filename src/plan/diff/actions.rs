//! Actions of one step in two plans, matched by their place.

use super::{Changes, Direction, shown::Shown as _, steps::pattern_change};
use crate::{
    base::limits::KINDS,
    plan::{
        model::{
            Action, Arg, Capture, CommitFiles, CopyFile, Host, PatchFile, Program, Read, Run, Slot, Tag, WriteFile,
        },
        view::pieces,
    },
};

pub(super) fn compare_all(changes: &mut Changes, what: &str, old: &[Action], new: &[Action]) {
    for (i, (before, after)) in old.iter().zip(new).enumerate() {
        compare(changes, &format!("{what} {}", i + 1), before, after);
    }
    for (i, action) in new.iter().enumerate().skip(old.len()) {
        changes.whole(Direction::Widened, format!("{what} {}: added", i + 1), None, Some(&pieces::action(action)));
    }
    for (i, action) in old.iter().enumerate().skip(new.len()) {
        changes.whole(Direction::Changed, format!("{what} {}: removed", i + 1), Some(&pieces::action(action)), None);
    }
}

fn compare(changes: &mut Changes, what: &str, old: &Action, new: &Action) {
    match (old, new) {
        (Action::Run(old), Action::Run(new)) => run(changes, what, old, new),
        (Action::Write(old), Action::Write(new)) => write(changes, what, old, new),
        (Action::Copy(old), Action::Copy(new)) => copy(changes, what, old, new),
        (Action::Patch(old), Action::Patch(new)) => patch(changes, what, old, new),
        (Action::Commit(old), Action::Commit(new)) => commit(changes, what, old, new),
        (Action::Tag(old), Action::Tag(new)) => tag(changes, what, old, new),
        _ => {
            let (before, after) = (pieces::action(old), pieces::action(new));
            changes.whole(Direction::Widened, format!("{what}: of another kind"), Some(&before), Some(&after));
        }
    }
}

fn run(changes: &mut Changes, what: &str, old: &Run, new: &Run) {
    let Run { program, argv, cwd, env, reads, writes, system_reads, network, secrets, ok_codes, limits, captures } =
        old;
    let of = |field: &str| format!("{what}: {field}");
    compare_program(changes, what, program, &new.program);
    arguments(changes, what, argv, &new.argv);
    changes.value(&of("working folder"), cwd, &new.cwd);
    for (name, arg) in env {
        match new.env.get(name) {
            None => values(changes, Direction::Narrowed, &of(&format!("variable {name} removed")), Some(arg), None),
            Some(after) => argument(changes, &of(&format!("variable {name}")), arg, after),
        }
    }
    for (name, arg) in new.env.iter().filter(|(name, _)| !env.contains_key(*name)) {
        values(changes, Direction::Widened, &of(&format!("variable {name} added")), None, Some(arg));
    }
    compare_reads(changes, &of("reads"), reads, &new.reads);
    changes.allowed(&of("writes"), writes, &new.writes);
    changes.allowed(&of("reads outside the repository"), system_reads, &new.system_reads);
    let places = |hosts: &[Host]| hosts.iter().map(|Host { name, port }| format!("{name}:{port}")).collect::<Vec<_>>();
    changes.allowed(&of("hosts"), &places(network), &places(&new.network));
    changes.allowed(&of("secrets"), secrets, &new.secrets);
    changes.allowed(&of("exit codes that mean success"), ok_codes, &new.ok_codes);
    for ((kind, before), after) in KINDS.iter().zip(limits.effective()).zip(new.limits.effective()) {
        changes.level(&of(kind.label), &before, &after);
    }
    let shown = |captures: &[Capture]| captures.iter().map(pieces::capture).collect::<Vec<_>>();
    changes.listed(&of("hands on"), &shown(captures), &shown(&new.captures));
}

fn compare_program(changes: &mut Changes, what: &str, old: &Program, new: &Program) {
    let Program { name, path, digest, interpreter } = old;
    if path != &new.path {
        changes.push(Direction::Widened, format!("{what}: program"), path.shown(), new.path.shown());
    }
    changes.value(&format!("{what}: name of the program"), name, &new.name);
    if *digest != new.digest {
        let (direction, how) = match (digest, new.digest) {
            (Some(_), None) => (Direction::Widened, "program no longer pinned"),
            (None, _) => (Direction::Narrowed, "program now pinned"),
            (Some(_), Some(_)) => (Direction::Widened, "binary of the program"),
        };
        changes.push(direction, format!("{what}: {how}"), digest.shown(), new.digest.shown());
    }
    changes.level(&format!("{what}: program is an interpreter"), interpreter, &new.interpreter);
}

fn arguments(changes: &mut Changes, what: &str, old: &[Arg], new: &[Arg]) {
    for (i, (before, after)) in old.iter().zip(new).enumerate() {
        argument(changes, &format!("{what}: argument {}", i + 1), before, after);
    }
    for (i, arg) in new.iter().enumerate().skip(old.len()) {
        values(changes, Direction::Widened, &format!("{what}: argument {} added", i + 1), None, Some(arg));
    }
    for (i, arg) in old.iter().enumerate().skip(new.len()) {
        values(changes, Direction::Widened, &format!("{what}: argument {} removed", i + 1), Some(arg), None);
    }
}

/// Nobody but the program knows which arguments allow more, so each change of one counts as wider.
fn argument(changes: &mut Changes, what: &str, old: &Arg, new: &Arg) {
    let (before, after) = (Some(old), Some(new));
    match (old, new) {
        (Arg::Slot(old), Arg::Slot(new)) => {
            let Slot { prefix, from_step, output, kind, pattern, max_length } = old;
            if (prefix, from_step, output, kind) != (&new.prefix, &new.from_step, &new.output, &new.kind) {
                values(changes, Direction::Widened, what, before, after);
            }
            pattern_change(changes, what, pattern.as_ref(), new.pattern.as_ref());
            changes.level(&format!("{what}: most bytes"), max_length, &new.max_length);
        }
        _ if old != new => values(changes, Direction::Widened, what, before, after),
        _ => {}
    }
}

/// Shows arguments, or values of a variable; what is no fixed text stands in the words of the view, beside which a
/// fixed text that says the same is in quotes.
fn values(changes: &mut Changes, direction: Direction, what: &str, before: Option<&Arg>, after: Option<&Arg>) {
    let literal = |arg: Option<&Arg>| match arg {
        None => Some(None),
        Some(Arg::Literal(text)) => Some(Some(text.clone())),
        Some(_) => None,
    };
    match (literal(before), literal(after)) {
        (Some(before), Some(after)) => changes.push(direction, what, before, after),
        _ => {
            let (before, after) = (before.map(pieces::argument), after.map(pieces::argument));
            changes.whole(direction, what, before.as_deref(), after.as_deref());
        }
    }
}

/// A path that is read at any content is read wider than at one.
fn compare_reads(changes: &mut Changes, what: &str, old: &[Read], new: &[Read]) {
    let paths = |reads: &[Read]| reads.iter().map(|read| read.path.clone()).collect::<Vec<_>>();
    changes.allowed(what, &paths(old), &paths(new));
    if old != new && paths(old) == paths(new) && old.iter().all(|read| new.contains(read)) {
        changes.push(Direction::Changed, format!("{what}: order"), None, None);
    }
    let mut seen = Vec::new();
    for read in old.iter().filter(|read| !new.contains(read)) {
        if let Some(after) = new.iter().find(|after| after.path == read.path)
            && !seen.contains(&&read.path)
        {
            seen.push(&read.path);
            pinned(changes, &format!("{what}: {}", read.path), read, after);
        }
    }
}

fn pinned(changes: &mut Changes, what: &str, old: &Read, new: &Read) {
    let Read { path: _, digest, tree } = old;
    let direction = |old: bool, new: bool| match (old, new) {
        (true, false) => Direction::Widened,
        (false, true) => Direction::Narrowed,
        _ => Direction::Changed,
    };
    if *digest != new.digest {
        let direction = direction(digest.is_some(), new.digest.is_some());
        changes.push(direction, format!("{what}: content"), digest.shown(), new.digest.shown());
    }
    if *tree != new.tree {
        let direction = direction(tree.is_some(), new.tree.is_some());
        changes.push(direction, format!("{what}: what is committed there"), tree.shown(), new.tree.shown());
    }
}

fn write(changes: &mut Changes, what: &str, old: &WriteFile, new: &WriteFile) {
    let WriteFile { path, executable, content_digest, content, replace } = old;
    moved(changes, &format!("{what}: writes"), path, &new.path);
    changes.level(&format!("{what}: executable"), executable, &new.executable);
    changes.text(Direction::Widened, &format!("{what}: content of {}", new.path), content, &new.content);
    if *content_digest != new.content_digest && *content == new.content {
        changes.push(Direction::Changed, format!("{what}: digest"), content_digest.shown(), new.content_digest.shown());
    }
    changes.level(&format!("{what}: replaces a file"), replace, &new.replace);
}

fn copy(changes: &mut Changes, what: &str, old: &CopyFile, new: &CopyFile) {
    let CopyFile { from, to, replace } = old;
    moved(changes, &format!("{what}: copies from"), &from.path, &new.from.path);
    pinned(changes, &format!("{what}: copies from"), from, &new.from);
    moved(changes, &format!("{what}: copies to"), to, &new.to);
    changes.level(&format!("{what}: replaces a file"), replace, &new.replace);
}

fn patch(changes: &mut Changes, what: &str, old: &PatchFile, new: &PatchFile) {
    let PatchFile { path, find, replace, count } = old;
    moved(changes, &format!("{what}: patches"), path, &new.path);
    changes.text(Direction::Widened, &format!("{what}: text to find"), find, &new.find);
    changes.text(Direction::Widened, &format!("{what}: text to put in its place"), replace, &new.replace);
    changes.level(&format!("{what}: times"), count, &new.count);
}

fn commit(changes: &mut Changes, what: &str, old: &CommitFiles, new: &CommitFiles) {
    let CommitFiles { paths, message } = old;
    changes.allowed(&format!("{what}: commits"), paths, &new.paths);
    changes.text(Direction::Changed, &format!("{what}: message"), message, &new.message);
}

fn tag(changes: &mut Changes, what: &str, old: &Tag, new: &Tag) {
    let Tag { name, message } = old;
    if *name != new.name {
        changes.push(Direction::Widened, format!("{what}: tag"), name.shown(), new.name.shown());
    }
    changes.text(Direction::Changed, &format!("{what}: message"), message, &new.message);
}

fn moved<T: PartialEq + serde::Serialize>(changes: &mut Changes, what: &str, old: &T, new: &T) {
    if old != new {
        changes.push(Direction::Widened, what, old.shown(), new.shown());
    }
}
