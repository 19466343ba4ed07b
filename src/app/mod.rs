//! The application: one file a command, and all sequencing of I/O.

mod access;
mod action;
mod aftermath;
mod agents;
mod bundle;
mod choice;
mod ci;
pub mod commands;
mod config;
mod context;
mod conversation;
mod definitions;
mod doctor;
mod draft;
pub mod events;
mod files;
mod forge;
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod identity;
mod keyless;
pub mod keys;
mod ledger;
mod lint;
mod logins;
mod named;
mod named_plan;
mod notes;
mod output;
pub mod outputs;
mod person;
mod pipeline_files;
mod pipeline_v1;
mod planning;
mod privileges;
mod prompt;
mod provenance;
pub mod reasons;
mod recorder;
mod run;
pub mod schema;
mod schema_written;
mod session;
mod signer;
mod situation;
mod sources;
mod spending;
mod standing;
mod statements;
mod switches;
mod tracking;
mod trigger;
mod undo;
mod usage;
mod work_tree;
pub mod world;

use std::ffi::OsString;

use crate::{
    base::{
        reason::{ExitClass, Refusal, Result, USAGE},
        text::visible,
    },
    cli::{
        self, Args,
        args::{Command, ReportFiles},
    },
};
use output::Printer;
use world::World;

/// Runs one command line in a world and returns the process exit code, 0 to 11.
pub fn main(line: Vec<OsString>, world: &mut World) -> u8 {
    let line = usage::plain_help(line);
    let args = match cli::parse(&line) {
        Ok(args) => args,
        Err(error) => return usage::usage(&error, &line, world),
    };
    if matches!(args.command, Command::Action) {
        return act(&args, world);
    }
    world.line = line;
    command(args, world).code()
}

/// Runs the command line that the inputs of a CI step stand for.
fn act(args: &Args, world: &mut World) -> u8 {
    let line = match action::line(world) {
        Ok(line) => line,
        Err(refusal) => {
            let printer = Printer::new(&args.global, &args.command, world);
            return printer
                .finish(Err(refusal), &crate::cli::args::ReportFiles::default(), world)
                .unwrap_or(ExitClass::Internal)
                .code();
        }
    };
    match cli::parse(&line.words) {
        Ok(mut meant) => {
            meant.global.json |= args.global.json;
            meant.global.quiet |= args.global.quiet;
            world.line = line.words.iter().map(Into::into).collect();
            line.ends(command(meant, world)).code()
        }
        Err(error) => usage::usage(&error, &line.words, world),
    }
}

/// Turns to the folder that the option names.
fn turn_to(args: &Args, world: &mut World) -> Result<()> {
    let Some(folder) = &args.global.directory else { return Ok(()) };
    let whole = world.cwd.join(folder);
    if !whole.is_dir() {
        let what = format!("--directory: `{}` is no folder", visible(&folder.display().to_string()));
        return Err(Refusal::new(USAGE, what).subject("--directory"));
    }
    world.cwd = whole;
    Ok(())
}

fn command(args: Args, world: &mut World) -> ExitClass {
    let mut printer = Printer::new(&args.global, &args.command, world);
    let begun =
        world.env.check().and_then(|()| printer.begin(&args.global, world)).and_then(|()| turn_to(&args, world));
    let asked = begun.and_then(|()| outputs::check(&args.command, &args.global, printer.is_logged(world), world));
    let reports = match &asked {
        Ok(()) => args.command.report_files().cloned().unwrap_or_default(),
        Err(_) => ReportFiles::default(),
    };
    let told = asked.and_then(|()| printer.tell_events(&args.global, world));
    world.console.draws = printer.style().progress;
    let result = told.and_then(|()| commands::run(args.command, &args.global, world, &printer));
    let class = printer.finish(result, &reports, world).unwrap_or(ExitClass::Internal);
    if world.events.broken() {
        printer.say(world, "note: not every event could be written");
    }
    if args.global.stats {
        printer.say(world, &format!("forge: {} requests", world.reached.calls()));
    }
    class
}
