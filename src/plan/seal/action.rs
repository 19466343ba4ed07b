//! The rules of one action.

use std::collections::BTreeSet;

use super::{
    super::{
        model::{Action, Arg, CommitFiles, PatchFile, Read, Run, Slot, Step, Tag, WriteFile},
        reasons::{PLAN_CONTENT, PLAN_LIMIT, PLAN_SCRIPT, PLAN_SLOT, PLAN_STEP},
    },
    demand,
    step::{Context, check_value_rule},
};
use crate::base::{
    digest::Digest,
    ident::is_commit_id,
    launch,
    path::RepoPath,
    reason::{PATH_INVALID, Refusal, Result},
    text::{MAX_MESSAGE, check_content, check_free, check_steering, excerpt, is_tag},
};

/// The most arguments, variables, paths or hosts of one program.
const MAX_ITEMS: usize = 1_000;

/// Checks one action of a step, or one of its read-back actions.
pub(super) fn check(context: &Context<'_>, step: &Step, action: &Action) -> Result<()> {
    match action {
        Action::Run(run) => check_run(context, step, run),
        Action::Write(write) => check_write(write),
        Action::Copy(copy) => {
            copy.from.path.check_file()?;
            check_read(&copy.from)?;
            copy.to.check_writable()
        }
        Action::Patch(patch) => check_patch(patch),
        Action::Commit(commit) => check_commit(commit),
        Action::Tag(tag) => check_tag(tag),
    }
}

/// Checks what is said of the content at a path: a file's digest or a folder's tree, not both.
fn check_read(read: &Read) -> Result<()> {
    let Some(tree) = &read.tree else { return Ok(()) };
    demand(is_commit_id(tree) && read.digest.is_none(), PLAN_STEP, || format!("`{}` has no tree of that id", read.path))
}

fn check_run(context: &Context<'_>, step: &Step, run: &Run) -> Result<()> {
    launch::check_program(&run.program.path)?;
    run.cwd.check_cwd()?;
    let lists = [run.argv.len(), run.env.len(), run.reads.len(), run.writes.len(), run.system_reads.len()];
    let longest = lists.into_iter().chain([run.network.len(), run.secrets.len()]).max().unwrap_or(0);
    demand(longest <= MAX_ITEMS, PLAN_LIMIT, || format!("a list of {longest} items, the limit is {MAX_ITEMS}"))?;

    check_argv(context, step, run)?;
    check_environment(context, step, run)?;
    check_start_size(run)?;
    check_unique(run.reads.iter().map(|read| &read.path), "a path to read")?;
    run.reads.iter().try_for_each(check_read)?;
    check_unique(&run.writes, "a path to write")?;
    check_unique(&run.system_reads, "a path to read")?;
    check_unique(&run.network, "a host")?;
    check_unique(&run.secrets, "a secret")?;
    check_unique(&run.ok_codes, "an exit code")?;
    run.writes.iter().try_for_each(RepoPath::check_writable)?;
    run.system_reads.iter().try_for_each(|path| launch::check_system_read(path))?;
    run.network.iter().try_for_each(|host| launch::check_host(&host.name, host.port))?;
    if let Some(kind) = run.limits.out_of_bounds() {
        let (least, most) = (kind.least, kind.most);
        return Err(Refusal::new(PLAN_LIMIT, format!("{} is not within {least} and {most}", kind.name)));
    }
    demand(!run.ok_codes.is_empty(), PLAN_STEP, || "no exit code means success".into())
}

fn check_argv(context: &Context<'_>, step: &Step, run: &Run) -> Result<()> {
    let mut script_seen = false;
    for argument in &run.argv {
        check_arg(context, step, argument)?;
        script_seen |= matches!(argument, Arg::Script(_));
        // What an interpreter is handed before its script may be code; behind it, it is the script's own.
        let steers = matches!(argument, Arg::Slot(_)) && run.program.interpreter && !script_seen;
        demand(!steers, PLAN_SLOT, || {
            format!(
                "`{}` runs code it is handed: a value known only at run time stands before any script",
                run.program.name
            )
        })?;
    }
    Ok(())
}

fn check_environment(context: &Context<'_>, step: &Step, run: &Run) -> Result<()> {
    for (name, value) in &run.env {
        launch::check_env_name(name, &context.limits.dangerous_env)?;
        check_arg(context, step, value)?;
    }
    for name in &run.secrets {
        launch::check_secret_name(name)?;
        let twice = run.env.contains_key(name);
        demand(!twice, PLAN_STEP, || format!("`{name}` is a variable and a secret"))?;
    }
    Ok(())
}

fn check_arg(context: &Context<'_>, step: &Step, argument: &Arg) -> Result<()> {
    match argument {
        Arg::Literal(text) => check_steering(text),
        Arg::Script(path) => {
            let own = path.as_str().starts_with(&format!("pipelines/{}/", step.pipeline));
            let known = context.scripts.binary_search_by(|script| script.path.cmp(path)).is_ok();
            demand(own && known, PLAN_SCRIPT, || format!("the plan holds no script `{path}` of this pipeline"))
        }
        Arg::Slot(slot) => check_slot(context, slot),
        Arg::Scratch(name) => {
            let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
            let fits = plain && (1..=100).contains(&name.len()) && !name.starts_with(['.', '-']);
            demand(fits, PATH_INVALID, || "the name of a private file is no plain file name".into())
        }
    }
}

fn check_slot(context: &Context<'_>, slot: &Slot) -> Result<()> {
    let refuse = |why: &str| {
        Err(Refusal::new(PLAN_SLOT, format!("the value `{}` of step `{}`: {why}", slot.output, slot.from_step)))
    };
    check_steering(&slot.prefix)?;
    if slot.prefix.starts_with('-') && !slot.prefix.ends_with('=') {
        return refuse("it would become part of a flag");
    }
    if let Some(among) = &context.among {
        let Some(source) = among.graph.before(&slot.from_step, among.index) else {
            return refuse("the step does not surely end before");
        };
        let Some(output) = among.steps.get(source).and_then(|step| step.outputs.get(&slot.output)) else {
            return refuse("there is no such output");
        };
        if output.kind != slot.kind {
            return refuse("its type is another");
        }
    }
    check_value_rule(slot.kind, slot.pattern.as_deref(), slot.max_length).or_else(|refusal| refuse(refusal.message()))
}

/// Counts what the program is started with, at the most that slots can add.
fn check_start_size(run: &Run) -> Result<()> {
    // A script and a private file become absolute paths of a length not known here.
    const PLACE: usize = 1024;
    let size = |argument: &Arg| match argument {
        Arg::Literal(text) => text.len(),
        Arg::Slot(slot) => slot.prefix.len() + slot.max_length as usize,
        Arg::Script(path) => PLACE + path.as_str().len(),
        Arg::Scratch(name) => PLACE + name.len(),
    };
    let arguments = run.argv.iter().map(size);
    let variables = run.env.iter().map(|(name, value)| name.len() + 1 + size(value));
    launch::check_argument_sizes(arguments.chain(variables).chain([run.program.path.len()]))
}

fn check_write(write: &WriteFile) -> Result<()> {
    write.path.check_writable()?;
    check_content(&write.content)?;
    demand(Digest::of(write.content.as_bytes()) == write.content_digest, PLAN_CONTENT, || {
        format!("the content of `{}` is another", write.path)
    })
}

fn check_patch(patch: &PatchFile) -> Result<()> {
    patch.path.check_writable()?;
    check_content(&patch.find)?;
    check_content(&patch.replace)?;
    demand(!patch.find.is_empty(), PLAN_STEP, || format!("nothing is looked for in `{}`", patch.path))?;
    demand((1..=10_000).contains(&patch.count), PLAN_STEP, || format!("{} places in `{}`", patch.count, patch.path))
}

fn check_commit(commit: &CommitFiles) -> Result<()> {
    let count = commit.paths.len();
    demand((1..=MAX_ITEMS).contains(&count), PLAN_STEP, || format!("a commit of {count} files"))?;
    check_unique(&commit.paths, "a file to commit")?;
    commit.paths.iter().try_for_each(RepoPath::check_writable)?;
    check_message(&commit.message)
}

fn check_tag(tag: &Tag) -> Result<()> {
    demand(is_tag(&tag.name), PLAN_STEP, || format!("`{}` is no name of a tag", excerpt(&tag.name)))?;
    check_message(&tag.message)
}

fn check_message(message: &str) -> Result<()> {
    check_free(message, true)?;
    let fits = !message.trim().is_empty() && message.len() <= MAX_MESSAGE;
    demand(fits, PLAN_STEP, || format!("a message is empty or longer than {MAX_MESSAGE} bytes"))
}

fn check_unique<T: Ord>(items: impl IntoIterator<Item = T>, what: &str) -> Result<()> {
    let mut seen = BTreeSet::new();
    let repeated = !items.into_iter().all(|item| seen.insert(item));
    demand(!repeated, PLAN_STEP, || format!("{what} stands twice"))
}
