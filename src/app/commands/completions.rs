//! `completions`: what a shell needs to complete the command line.

use clap::CommandFactory as _;
use serde_json::json;

use crate::{
    app::output::Outcome,
    cli::{Args, args::CompletionsArgs},
};

pub(super) fn run(args: &CompletionsArgs) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "countersign", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    Outcome::done(json!({ "shell": args.shell.to_string(), "script": script }), script)
}
