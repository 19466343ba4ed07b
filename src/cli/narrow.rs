//! A line parsed by the grammar of the one command that it names.
//!
//! The whole grammar holds some sixty commands, and takes longer to build than all that `verify` reads. Where a line is
//! anything but one of these commands, well written, the whole grammar decides what it is and what is said of it.

use std::ffi::OsString;

use clap::{Args as ClapArgs, FromArgMatches as _, Parser as _};

use super::args::{Args, Command, Global};

/// Parses a command line.
///
/// # Errors
/// What clap finds wrong with it, or what it asks for in place of a command: help, or the version.
pub fn parse(line: &[OsString]) -> Result<Args, clap::Error> {
    narrow(line).map_or_else(|| Args::try_parse_from(line), Ok)
}

/// Parses a line whose first word is a command without commands of its own, of those that people and jobs call most.
fn narrow(line: &[OsString]) -> Option<Args> {
    match line.get(1)?.to_str()? {
        "approve" => by(line, "approve", Command::Approve),
        "execute" => by(line, "execute", Command::Execute),
        "list" => by(line, "list", Command::List),
        "plan" => by(line, "plan", Command::Plan),
        "propose" => by(line, "propose", Command::Propose),
        "render" => by(line, "render", Command::Render),
        "review" => by(line, "review", Command::Review),
        "status" => by(line, "status", Command::Status),
        "verify" => by(line, "verify", Command::Verify),
        _ => None,
    }
}

/// Parses a line by what every command takes, and what the one takes that it names.
fn by<A: ClapArgs>(line: &[OsString], name: &'static str, command: fn(A) -> Command) -> Option<Args> {
    let root = Global::augment_args(clap::Command::new("countersign"));
    let own = A::augment_args(clap::Command::new(name));
    let matches = root.disable_help_subcommand(true).subcommand(own).try_get_matches_from(line).ok()?;
    let (_, own) = matches.subcommand()?;
    let command = command(A::from_arg_matches(own).ok()?);
    Some(Args { global: Global::from_arg_matches(&matches).ok()?, command })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(Into::into).collect()
    }

    #[test]
    fn one_commands_grammar_reads_what_the_whole_one_reads() {
        for line in [
            "countersign verify p.json",
            "countersign verify p.json --json --trust-root sha256:00",
            "countersign verify --bundle b.json --offline -C elsewhere --color never --quiet",
            "countersign plan d -i a=1 -i b=2 --out p.json --events -",
            "countersign approve p.json --policy --stats --ci none",
            "countersign approve p.json --key ada --digest sha256:00 --max-uses 2",
            "countersign execute p.json --dry-run --parallel 2",
            "countersign review p.json --json",
            "countersign render p.json --format html",
            "countersign propose p.json",
            "countersign status",
            "countersign list",
        ] {
            let line = words(line);
            let (narrow, whole) = (narrow(&line).unwrap(), Args::try_parse_from(&line).unwrap());
            assert_eq!(format!("{narrow:?}"), format!("{whole:?}"), "{line:?}");
        }
    }

    #[test]
    fn whatever_else_a_line_says_is_for_the_whole_grammar() {
        for line in [
            "countersign",
            "countersign --version",
            "countersign help verify",
            "countersign verify",
            "countersign verify --help",
            "countersign verify --version",
            "countersign verify p.json --nosuch",
            "countersign verify p.json --json --json",
            "countersign verify p.json q.json",
            "countersign verify --bundle b.json p.json",
            "countersign --json verify p.json",
            "countersign keys show",
            "countersign verif p.json",
        ] {
            assert!(narrow(&words(line)).is_none(), "{line}");
        }
    }
}
