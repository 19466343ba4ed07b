//! The commands, one file each.

mod approve;
mod bundle;
mod comment;
mod completions;
mod config;
mod diff;
mod directives;
mod dispatch;
mod doctor;
mod execute;
mod fetch;
mod halt;
mod history;
mod init;
mod keys;
mod ledger;
mod list;
mod man;
mod note;
mod open;
mod pipelines;
mod plan;
mod policy;
mod propose;
mod providers;
mod reasons;
mod reject;
mod render;
mod resolve;
mod review;
mod revoke;
mod schema;
mod stats;
mod status;
mod r#try;
mod verify;

use super::{
    output::{Outcome, Printer},
    world::World,
};
use crate::{
    base::reason::{INTERNAL, Refusal, Result},
    cli::args::{Command, Global},
};

/// Runs one command.
pub(crate) fn run(command: Command, global: &Global, world: &mut World, printer: &Printer) -> Result<Outcome> {
    match command {
        Command::Try(args) => r#try::run(&args, global, world, printer),
        Command::Init(args) => init::run(&args, world),
        Command::Keys(command) => keys::run(&command, world),
        Command::Directives(command) => directives::run(&command, world),
        Command::Pipelines(command) => pipelines::run(&command, world),
        Command::Plan(args) => plan::run(&args, world),
        Command::Open(args) => open::run(&args, world),
        Command::Dispatch(args) => dispatch::run(&args, world),
        Command::Fetch(args) => fetch::run(&args, world),
        Command::Propose(args) => propose::run(&args, world),
        Command::Comment(args) => comment::run(&args, world),
        Command::Diff(args) => diff::run(&args, world),
        Command::Render(args) => render::run(&args, world, printer),
        Command::Review(args) => review::run(&args, world),
        Command::Policy(command) => policy::run(&command, world),
        Command::Approve(args) => approve::run(&args, world, printer),
        Command::Reject(args) => reject::run(&args, world),
        Command::Note(args) => note::run(&args, world),
        Command::Revoke(args) => revoke::run(&args, world),
        Command::Verify(args) => verify::run(&args, world),
        Command::Execute(args) => execute::run(&args, world, printer),
        Command::Resolve(args) => resolve::run(&args, world),
        Command::Halt(args) => halt::run(&args, world),
        Command::Bundle(args) => bundle::run(&args, world),
        Command::Ledger(command) => ledger::run(&command, world),
        Command::Status(args) => status::run(&args, world),
        Command::List(args) => list::run(&args, world),
        Command::History(args) => history::run(&args, world),
        Command::Stats => stats::run(world),
        Command::Doctor(args) => doctor::run(&args, world),
        Command::Action => Err(Refusal::new(INTERNAL, "a step's inputs name no other step")),
        Command::Providers(command) => providers::run(&command, world),
        Command::Config(command) => config::run(&command, world),
        Command::Schema(args) => schema::run(&args),
        Command::Reasons(args) => reasons::run(&args),
        Command::Completions(args) => Ok(completions::run(&args)),
        Command::Man => man::run(),
    }
}
