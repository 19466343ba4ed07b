//! The application: one file a command, and all sequencing of I/O.

mod bundle;
mod ci;
pub mod commands;
mod conversation;
mod definitions;
mod doctor;
mod draft;
mod files;
mod forge;
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod identity;
pub mod keys;
mod ledger;
mod output;
mod prompt;
mod provenance;
pub mod reasons;
mod recorder;
pub mod schema;
mod schema_written;
mod session;
mod signer;
mod situation;
mod standing;
mod statements;
pub mod world;

use std::ffi::OsString;

use clap::Parser as _;

use crate::{base::reason::ExitClass, cli::Args};
use output::Printer;
use world::World;

/// Runs one command line in a world and returns the process exit code, 0 to 11.
pub fn main(line: Vec<OsString>, world: &mut World) -> u8 {
    let args = match Args::try_parse_from(&line) {
        Ok(args) => args,
        Err(error) => return output::usage(&error, &line, world),
    };
    let mut printer = Printer::new(&args.global, &args.command, world);
    let begun = printer.begin(&args.global, world);
    if let Some(folder) = &args.global.directory {
        world.cwd = world.cwd.join(folder);
    }
    let files = args.command.report_files().cloned().unwrap_or_default();
    let result = begun.and_then(|()| commands::run(args.command, &args.global, world, &printer));
    printer.finish(result, &files, world).unwrap_or(ExitClass::Internal).code()
}
