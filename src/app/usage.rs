//! What clap has to say: help and version end well, anything else is a mistake of usage.

use std::{ffi::OsString, io::Write as _};

use clap::{CommandFactory as _, error::ErrorKind};
use serde_json::json;

use super::{ci, output::words, world::World};
use crate::{
    base::{
        reason::{ExitClass, Refusal, USAGE},
        text::visible,
    },
    cli::Args,
    report::json_v1::Envelope,
};

/// Global options that take the next word, which is then no command.
const TAKING: [&str; 5] = ["-C", "--directory", "--color", "--ci", "--events"];

/// Prints what clap says of a line that it did not take, and returns the process exit code.
pub(crate) fn usage(error: &clap::Error, line: &[OsString], world: &mut World) -> u8 {
    // The line that names a CI could not be read; it may hold what somebody else typed.
    let ci = ci::here(&world.env);
    let console = &mut world.console;
    if !error.use_stderr() {
        let _ = write!(console.stdout, "{}", error.render()).and_then(|()| console.stdout.flush());
        return ExitClass::Done.code();
    }
    let refusal = refusal(error);
    if line.iter().any(|word| word == "--json") {
        let line = json!(Envelope::refused(command(line), &refusal)).to_string();
        let _ = writeln!(console.stdout, "{}", ci.map_or(line.clone(), |ci| ci.plain_json(&line)));
    }
    let text = match error.kind() {
        // Nothing was asked for yet: what there is to ask for is the answer.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => error.render().to_string(),
        _ => words(&refusal),
    };
    let _ = write!(console.stderr, "{}", ci.map_or(text.clone(), |ci| ci.plain(&text)));
    ExitClass::Usage.code()
}

/// Takes clap's own text apart: what is wrong, with the value and what may stand there, then tips, then the usage.
fn refusal(error: &clap::Error) -> Refusal {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Refusal::new(USAGE, "no command is named");
    }
    let text = error.render().to_string();
    let (mut what, mut hints) = (Vec::new(), Vec::new());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(tip) = line.strip_prefix("tip: ") {
            hints.push(visible(tip));
        } else if let Some(usage) = line.strip_prefix("Usage: ") {
            hints.push(format!("usage: {}", visible(usage)));
        } else if !line.starts_with("For more information") {
            what.push(visible(line.strip_prefix("error: ").unwrap_or(line)));
        }
    }
    hints.iter().rev().fold(Refusal::new(USAGE, what.join(" ")), Refusal::hint)
}

/// Returns the command as far as the line names one: `keys threshold`; empty where it names none.
fn command(line: &[OsString]) -> String {
    let root = Args::command();
    let mut at = &root;
    let mut names = Vec::new();
    let mut words = line.iter().skip(1).filter_map(|word| word.to_str());
    while let Some(word) = words.next() {
        if TAKING.contains(&word) {
            words.next();
        } else if !word.starts_with('-') {
            let Some(inner) = at.find_subcommand(word) else { break };
            names.push(inner.get_name());
            at = inner;
        }
    }
    names.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_behind_options_and_their_values() {
        let found = |line: &str| {
            let line: Vec<OsString> = line.split(' ').map(Into::into).collect();
            command(&line)
        };
        assert_eq!(found("countersign -C plan render p.json --format x"), "render");
        assert_eq!(found("countersign --json keys threshold many"), "keys threshold");
        assert_eq!(found("countersign render plan"), "render");
        assert_eq!(found("countersign nosuch"), "");
    }
}
