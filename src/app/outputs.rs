//! The files that a command line asks for: told apart before anything runs; `-` is standard output.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    rc::Rc,
};

use super::{files, reasons::OUTPUT_UNWRITABLE, world::World};
use crate::{
    base::{
        reason::{Refusal, Result, USAGE},
        text::visible,
    },
    cli::{
        args::{Command, Global, KeysCommand},
        outputs::{Named, RECORD, is_stdout},
    },
    forge::providers::local::GUARDED,
};

/// What a command has for standard output in the place of a file, until it is printed.
#[derive(Clone, Debug, Default)]
pub struct Handed(Rc<RefCell<Vec<u8>>>);

impl Handed {
    /// Returns what there is, and keeps nothing.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.0.take()
    }
}

/// Writes a file that was asked for, whole or not at all; what is asked for at `-` is printed when the command ends.
///
/// # Errors
/// `internal.io`.
pub(crate) fn write(path: &Path, bytes: &[u8], world: &World) -> Result<()> {
    if is_stdout(path) {
        world.handed.0.borrow_mut().extend_from_slice(bytes);
        return Ok(());
    }
    files::write(&world.cwd.join(path), bytes)
}

/// Says in words where a file went.
pub(crate) fn shown(path: &Path) -> String {
    if is_stdout(path) { "standard output".to_owned() } else { visible(&path.display().to_string()) }
}

/// Where git keeps a repository.
const GIT: &str = ".git";

/// Refuses files that could not be written, that would overwrite each other, what the command reads, or what says what
/// may run.
///
/// # Errors
/// `usage.invalid`, `output.unwritable`.
pub(crate) fn check(command: &Command, global: &Global, is_logged: bool, world: &World) -> Result<()> {
    let outputs = command.outputs();
    for output in &outputs {
        match output.is_stdout() {
            true => stdout(output, command, global, is_logged)?,
            false => files::ready(&world.cwd.join(output.path))?,
        }
    }
    // Events on `-` go to standard error, and are in nobody's way.
    let events = global.events.as_deref().filter(|path| !is_stdout(path));
    let events = events.map(|path| Named { option: "--events", path });
    let mut seen: Vec<(&str, Vec<PathBuf>)> = Vec::new();
    for output in outputs.iter().chain(&events) {
        let places = places(output.path, world);
        let shown = shown(output.path);
        if let Some((other, _)) = seen.iter().find(|(_, others)| meet(others, &places)) {
            let why = format!("{other} and {} name one file: {shown}", output.option);
            return Err(Refusal::new(USAGE, why).subject(output.option).hint("name a file of its own for each"));
        }
        // A plan or a key may be named otherwise than by a file: there is nothing to overwrite then.
        let is_read = |input: &&Path| world.cwd.join(input).exists() && meet(&self::places(input, world), &places);
        if !output.is_stdout() && command.inputs().iter().any(is_read) {
            let why = format!("{} names a file that the command reads: {shown}", output.option);
            return Err(Refusal::new(USAGE, why)
                .subject(output.option)
                .hint("name another file: it would be overwritten"));
        }
        if let Some(folder) = kept(&places, &world.cwd) {
            let why = format!("{} names a file below `{folder}/`: {shown}", output.option);
            return Err(Refusal::new(USAGE, why)
                .subject(output.option)
                .hint("name a file elsewhere: what lies there says what may run, and is written by people and git"));
        }
        // A key that is made goes where keys are, and never over another.
        if !matches!(command, Command::Keys(KeysCommand::Generate { .. })) && is_of_the_person(&places, world) {
            let why = format!("{} names a file among your keys and pins: {shown}", output.option);
            return Err(Refusal::new(USAGE, why).subject(output.option).hint("name a file elsewhere"));
        }
        seen.push((output.option, places));
    }
    Ok(())
}

/// Tells whether one of the places lies in the folder of the person's keys and pins.
fn is_of_the_person(places: &[PathBuf], world: &World) -> bool {
    let folder = world.env.config_dir().ok().and_then(|folder| folder.canonicalize().ok());
    folder.is_some_and(|folder| places.iter().any(|place| place.starts_with(&folder)))
}

/// Refuses standard output where it holds something else, or where it would be no copy.
fn stdout(output: &Named<'_>, command: &Command, global: &Global, is_logged: bool) -> Result<()> {
    let option = output.option;
    let refuse = |reason, why: &str| Err(Refusal::new(reason, format!("{option} -: {why}")).subject(option));
    if matches!(command, Command::Keys(KeysCommand::Generate { .. })) {
        let refused = refuse(USAGE, "a private key is written to a file that nobody else can read, and nowhere else");
        return refused.map_err(|e| e.hint("leave --out away: the key goes to the folder of your keys"));
    }
    if option == RECORD {
        let refused = refuse(USAGE, "what is asked and answered is taken down in a new file, which others cannot read");
        return refused.map_err(|e| e.hint("name a file that is not there yet"));
    }
    if global.json {
        let refused = refuse(USAGE, "with --json standard output is one JSON object");
        return refused.map_err(|e| e.hint("name a file, or leave --json away"));
    }
    if is_logged {
        // What is written out for the log would be another file, and what is not might give the runner an order.
        let why =
            "in a CI job standard output must be a file: the runner takes orders from its log, which may be any pipe";
        return refuse(OUTPUT_UNWRITABLE, why)
            .map_err(|e| e.hint("name a file, or redirect: `> FILE`, not `| PROGRAM`"));
    }
    Ok(())
}

/// Returns where a file is: by its folder and its name, and where a link that lies there leads to.
fn places(path: &Path, world: &World) -> Vec<PathBuf> {
    if is_stdout(path) {
        return vec![path.to_owned()];
    }
    let whole = world.cwd.join(path);
    let folder = whole.parent().and_then(|folder| folder.canonicalize().ok());
    let itself = folder.and_then(|folder| Some(folder.join(whole.file_name()?)));
    itself.into_iter().chain(whole.canonicalize().ok()).collect()
}

/// Returns the folder of the work tree, or of git, below which one of the places lies and nothing may be written.
fn kept(places: &[PathBuf], cwd: &Path) -> Option<&'static str> {
    // Anybody's: of a linked work tree they lie elsewhere.
    if places.iter().any(|place| place.components().any(|part| part.as_os_str() == GIT)) {
        return Some(GIT);
    }
    let here = cwd.canonicalize().ok()?;
    // Nothing is opened for it: whether there is a repository that can be used is for the command to say.
    let top = here.ancestors().find(|folder| folder.join(GIT).exists())?;
    GUARDED.into_iter().find(|name| {
        let folder = top.join(name);
        let linked = folder.canonicalize().ok();
        places.iter().any(|place| place.starts_with(&folder) || linked.iter().any(|linked| place.starts_with(linked)))
    })
}

fn meet(some: &[PathBuf], others: &[PathBuf]) -> bool {
    some.iter().any(|place| others.contains(place))
}
