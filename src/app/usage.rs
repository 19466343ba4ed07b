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

/// Options without a value that every command takes, and that change nothing of a help.
const BESIDE_HELP: [&str; 4] = ["--json", "--stats", "-q", "--quiet"];

/// Leaves out of a line that asks for help by the command `help` what clap would take for the name of a command.
pub(crate) fn plain_help(mut line: Vec<OsString>) -> Vec<OsString> {
    if line.iter().all(|word| word != "help") {
        return line;
    }
    let root = Args::command();
    let (mut at, mut words) = (&root, line.iter().enumerate().skip(1));
    let help = loop {
        let Some((n, word)) = words.next() else { return line };
        match word.to_str() {
            Some(word) if TAKING.contains(&word) => drop(words.next()),
            Some("help") if at.has_subcommands() => break n,
            Some(word) if word.starts_with('-') => {}
            Some(word) => match at.find_subcommand(word) {
                Some(inner) => at = inner,
                None => return line,
            },
            None => return line,
        }
    };
    let asked = line.split_off(help);
    line.extend(asked.into_iter().filter(|word| BESIDE_HELP.iter().all(|option| word != option)));
    line
}

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

    #[test]
    fn only_where_help_is_the_command_are_options_left_out() {
        let plain = |line: &str| {
            let line = plain_help(line.split(' ').map(Into::into).collect());
            line.join(std::ffi::OsStr::new(" ")).into_string().unwrap()
        };
        assert_eq!(plain("countersign help --json"), "countersign help");
        assert_eq!(plain("countersign --json help plan --quiet"), "countersign --json help plan");
        assert_eq!(plain("countersign -C help keys help --json show"), "countersign -C help keys help show");
        for same in ["countersign plan help --json", "countersign help --nosuch", "countersign list --json"] {
            assert_eq!(plain(same), same);
        }
    }
}
