//! `action`: the inputs of a CI step, which come as variables, become the command line that they stand for.
//!
//! A step's inputs are text from people and from earlier steps. Each reaches the command as one argument, behind
//! its own option or behind `--`, so none can be taken for an option, and no shell ever sees one.

use std::{ffi::OsString, path::Path};

use super::{
    files,
    reasons::{ACTION_INPUT, ACTION_VERSION},
    world::World,
};
use crate::{
    base::{
        digest::Digest,
        reason::{ExitClass, Refusal, Result},
        text::excerpt,
    },
    plan::seal,
};

/// Begins the name of the variable of each input: `COUNTERSIGN_INPUT_DIRECTIVE`.
const PREFIX: &str = "COUNTERSIGN_INPUT_";
/// The variable that GitHub's runner names the event's file in.
const EVENT: &str = "GITHUB_EVENT_PATH";

/// How an input becomes arguments.
enum Form {
    /// `--option=value`.
    Option(&'static str),
    /// `--option` where it is `true`, nothing where it is `false`.
    Flag(&'static str),
    /// `--option=line` for each line that is not empty.
    Lines(&'static str),
    /// `--policy`, or `--gate=` of a gate of the forge.
    Gate,
    /// The first thing that the command is about.
    Subject,
}

/// What each input is to each command; an input that a command does not take is refused.
const INPUTS: &[(&str, &[&str], Form)] = &[
    ("directive", &["plan", "try"], Form::Subject),
    ("inputs", &["plan", "try"], Form::Lines("--input")),
    ("change-request", &["plan"], Form::Option("--change-request")),
    ("plan", &["plan"], Form::Option("--out")),
    (
        "plan",
        &["propose", "review", "render", "approve", "reject", "verify", "execute", "bundle", "status"],
        Form::Subject,
    ),
    ("gate", &["approve"], Form::Gate),
    ("approval", &["approve"], Form::Option("--out")),
    ("view", &["render"], Form::Option("--out")),
    ("bundle", &["execute"], Form::Option("--bundle")),
    ("bundle", &["bundle"], Form::Option("--out")),
    ("dry-run", &["execute"], Form::Flag("--dry-run")),
    ("resume", &["execute"], Form::Option("--resume")),
    ("append-only", &["propose", "comment", "execute"], Form::Flag("--append-only")),
    ("event", &["comment"], Form::Option("--event")),
    ("reason", &["approve", "reject", "revoke", "resolve", "halt"], Form::Option("--reason")),
];

/// Inputs of this module's own.
const OWN: [&str; 6] = ["command", "digest", "working-directory", "strict", "version", "args"];

/// A command line made of inputs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) words: Vec<OsString>,
    /// Whether an approval that is still missing fails the step.
    strict: bool,
}

impl Line {
    /// Returns how the step ends: what only waits is no failure where the step says so.
    pub(crate) fn ends(&self, class: ExitClass) -> ExitClass {
        match class {
            ExitClass::Pending if !self.strict => ExitClass::Done,
            class => class,
        }
    }
}

/// Makes the command line that the inputs stand for.
///
/// # Errors
/// `variable.unreadable`, `action.input` for one that does not fit, `action.version` where another version was asked for, `io.failed`.
pub(crate) fn line(world: &World) -> Result<Line> {
    world.env.check()?;
    let inputs = Inputs { world };
    inputs.check_version()?;
    let command = inputs.command()?;
    let name = command.first().map_or("", String::as_str);
    inputs.check_taken(name)?;
    let mut words: Vec<String> = vec!["countersign".to_owned()];
    if let Some(folder) = inputs.single("working-directory")? {
        words.push(format!("--directory={folder}"));
    }
    words.extend(command.iter().cloned());
    let mut subject = None;
    for (input, commands, form) in INPUTS.iter().filter(|(_, commands, _)| commands.contains(&name)) {
        debug_assert!(!commands.is_empty());
        match form {
            Form::Subject => subject = inputs.single(input)?.map(str::to_owned),
            Form::Option(option) => words.extend(inputs.single(input)?.map(|value| format!("{option}={value}"))),
            Form::Flag(option) => words.extend(inputs.truth(input, false)?.then(|| (*option).to_owned())),
            Form::Gate => words.extend(inputs.single(input)?.map(|gate| match gate {
                "policy" => "--policy".to_owned(),
                gate => format!("--gate={gate}"),
            })),
            Form::Lines(option) => words.extend(inputs.lines(input).map(|line| format!("{option}={line}"))),
        }
    }
    if name == "comment" && inputs.text("event").is_none() {
        words.extend(world.env.text(EVENT).map(|path| format!("--event={path}")));
    }
    subject = inputs.bind(name, subject, &mut words)?;
    words.extend(inputs.lines("args").map(str::to_owned));
    if let Some(subject) = subject {
        words.extend(["--".to_owned(), subject]);
    }
    let strict = inputs.truth("strict", true)?;
    Ok(Line { words: words.into_iter().map(Into::into).collect(), strict })
}

struct Inputs<'a> {
    world: &'a World,
}

impl<'a> Inputs<'a> {
    /// Returns an input that is set and not only blank.
    fn text(&self, name: &str) -> Option<&'a str> {
        self.world.env.text(&variable(name)).filter(|text| !text.trim().is_empty())
    }

    /// Returns an input of one line.
    fn single(&self, name: &str) -> Result<Option<&'a str>> {
        let Some(text) = self.text(name).map(str::trim) else { return Ok(None) };
        match text.chars().any(char::is_control) {
            true => Err(misfit(name, "has more than one line")),
            false => Ok(Some(text)),
        }
    }

    fn lines(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let text = self.text(name).unwrap_or_default();
        text.lines().map(|line| line.strip_suffix('\r').unwrap_or(line)).filter(|line| !line.trim().is_empty())
    }

    fn truth(&self, name: &str, otherwise: bool) -> Result<bool> {
        match self.single(name)? {
            None => Ok(otherwise),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(misfit(name, &format!("is `{}`, neither true nor false", excerpt(other)))),
        }
    }

    /// Returns the words of the command: `plan`, `policy check`.
    fn command(&self) -> Result<Vec<String>> {
        let text = self.single("command")?.ok_or_else(|| misfit("command", "is missing"))?;
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        let plain = |word: &String| {
            word.starts_with(|c: char| c.is_ascii_lowercase())
                && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
                && word != "action"
        };
        match words.len() <= 2 && words.iter().all(plain) {
            true => Ok(words),
            false => Err(misfit("command", &format!("`{}` is no command; options go into `args`", excerpt(text)))),
        }
    }

    /// Refuses an input that would silently have no effect.
    fn check_taken(&self, command: &str) -> Result<()> {
        for (input, _, _) in INPUTS {
            let taken = INPUTS.iter().any(|(name, commands, _)| name == input && commands.contains(&command));
            let set = self.text(input).is_some_and(|text| text.trim() != "false");
            if set && !taken && !OWN.contains(input) {
                return Err(misfit(input, &format!("means nothing to `{command}`")));
            }
        }
        Ok(())
    }

    /// Holds a plan to the digest that the step names, before anything of it is read.
    ///
    /// The bytes came from another job, by way of a place that others may write to.
    fn bind(&self, command: &str, subject: Option<String>, words: &mut Vec<String>) -> Result<Option<String>> {
        let Some(text) = self.single("digest")? else { return Ok(subject) };
        let digest: Digest = text.parse().map_err(|e: Refusal| e.subject(variable("digest")))?;
        let takes_plan = INPUTS.iter().any(|(name, commands, form)| {
            *name == "plan" && commands.contains(&command) && matches!(form, Form::Subject)
        });
        if !takes_plan {
            return Err(misfit("digest", &format!("means nothing to `{command}`")));
        }
        let Some(plan) = subject else { return Ok(Some(digest.to_string())) };
        let folder = self.single("working-directory")?.unwrap_or(".");
        if plan.parse::<Digest>().ok() != Some(digest) {
            let found = Digest::of(&files::read(&self.world.cwd.join(folder).join(Path::new(&plan)), seal::MAX_BYTES)?);
            if found != digest {
                return Err(Refusal::new(ACTION_INPUT, format!("`{}` has the digest {found}", excerpt(&plan)))
                    .hint("the plan's file is not the one that was planned; find out who put it there"));
            }
        }
        if command == "approve" && self.text("gate").is_none() {
            words.push(format!("--digest={digest}"));
        }
        Ok(Some(plan))
    }

    fn check_version(&self) -> Result<()> {
        let ours = env!("CARGO_PKG_VERSION");
        match self.single("version")? {
            Some(asked) if asked.trim_start_matches('v') != ours => {
                Err(Refusal::new(ACTION_VERSION, format!("{} was asked for, this is {ours}", excerpt(asked))))
            }
            _ => Ok(()),
        }
    }
}

fn variable(input: &str) -> String {
    format!("{PREFIX}{}", input.to_ascii_uppercase().replace('-', "_"))
}

fn misfit(input: &str, what: &str) -> Refusal {
    Refusal::new(ACTION_INPUT, format!("`{input}` {what}")).subject(input)
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, io};

    use super::*;
    use crate::{
        app::world::{Console, Entropy, Environment},
        base::time::Clock,
    };

    fn world(inputs: &[(&str, &str)]) -> World {
        let inputs = inputs.iter().map(|(name, value)| match name.strip_prefix('$') {
            Some(plain) => (plain.to_owned(), *value),
            None => (variable(name), *value),
        });
        World {
            env: Environment::fixed(inputs),
            clock: Clock::System,
            entropy: Entropy::Counter(Cell::new(0)),
            cwd: std::env::temp_dir(),
            reached: Default::default(),
            events: Default::default(),
            handed: Default::default(),
            line: Vec::new(),
            console: Console {
                stdin: Box::new(io::empty()),
                stdout: Box::new(io::sink()),
                stderr: Box::new(io::sink()),
                stdin_is_terminal: false,
                stdout_is_terminal: false,
                stderr_is_terminal: false,
                draws: false,
                stdout_is_file: false,
                stderr_is_file: false,
            },
        }
    }

    fn words(inputs: &[(&str, &str)]) -> std::result::Result<String, &'static str> {
        let line = line(&world(inputs)).map_err(|e| e.code())?;
        Ok(line.words.iter().skip(1).map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn inputs_become_one_command_line() {
        assert_eq!(
            words(&[("command", "plan"), ("directive", "release"), ("inputs", "a=1\n\nb=2 3\r\n"), ("plan", "p.json")]),
            Ok("plan --input=a=1 --input=b=2 3 --out=p.json -- release".into())
        );
        assert_eq!(
            words(&[("command", "execute"), ("plan", "p.json"), ("dry-run", "true"), ("working-directory", "sub")]),
            Ok("--directory=sub execute --dry-run -- p.json".into())
        );
        assert_eq!(words(&[("command", "execute"), ("plan", "p"), ("dry-run", "false")]), Ok("execute -- p".into()));
        assert_eq!(
            words(&[("command", "execute"), ("plan", "p"), ("resume", "run-1")]),
            Ok("execute --resume=run-1 -- p".into())
        );
        assert_eq!(words(&[("command", "policy check")]), Ok("policy check".into()));
        let approve = |gate| words(&[("command", "approve"), ("plan", "p"), ("gate", gate)]);
        assert_eq!(approve("policy"), Ok("approve --policy -- p".into()));
        assert_eq!(approve("environment"), Ok("approve --gate=environment -- p".into()));
        assert_eq!(words(&[("command", "comment"), ("$GITHUB_EVENT_PATH", "/e")]), Ok("comment --event=/e".into()));
        assert_eq!(words(&[("command", "doctor"), ("args", "--forge\ngithub")]), Ok("doctor --forge github".into()));
        let digest = Digest::of(b"x");
        assert_eq!(
            words(&[("command", "execute"), ("digest", &digest.to_string())]),
            Ok(format!("execute -- {digest}")),
            "a digest alone is the plan that the ledger knows"
        );
    }

    #[test]
    fn a41_no_input_becomes_an_option_or_a_second_argument() {
        assert_eq!(
            words(&[("command", "plan"), ("directive", "--no-record"), ("inputs", "--seed=1")]),
            Ok("plan --input=--seed=1 -- --no-record".into())
        );
        for (name, value) in
            [("directive", "a\nb"), ("plan", "a\rb"), ("command", "plan --json"), ("command", "action")]
        {
            let mut all = vec![("command", "plan"), ("directive", "d")];
            all.retain(|(other, _)| *other != name);
            all.push((name, value));
            assert_eq!(words(&all), Err("action.input"), "{name}={value}");
        }
        assert_eq!(words(&[("command", "-C/tmp")]), Err("action.input"));
        assert_eq!(words(&[]), Err("action.input"));
    }

    #[test]
    fn an_input_that_means_nothing_to_the_command_is_refused() {
        assert_eq!(words(&[("command", "verify"), ("plan", "p"), ("directive", "d")]), Err("action.input"));
        assert_eq!(words(&[("command", "verify"), ("plan", "p"), ("dry-run", "true")]), Err("action.input"));
        assert_eq!(words(&[("command", "verify"), ("plan", "p"), ("dry-run", "false")]), Ok("verify -- p".into()));
        assert_eq!(words(&[("command", "execute"), ("plan", "p"), ("dry-run", "yes")]), Err("action.input"));
        assert_eq!(words(&[("command", "plan"), ("directive", "d"), ("digest", "sha256:0")]), Err("digest.format"));
    }

    #[test]
    fn a36_a_plan_from_another_job_is_held_to_its_digest_before_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plan.json");
        std::fs::write(&file, b"what was planned").unwrap();
        let (path, digest) = (file.to_str().unwrap(), Digest::of(b"what was planned").to_string());
        let other = Digest::of(b"something else").to_string();
        let given = |digest: &str| words(&[("command", "propose"), ("plan", path), ("digest", digest)]);
        assert_eq!(given(&digest), Ok(format!("propose -- {path}")));
        assert_eq!(given(&other), Err("action.input"));
        assert_eq!(given(&digest[..20]), Err("digest.format"));
        assert_eq!(
            words(&[("command", "approve"), ("plan", path), ("digest", &digest)]),
            Ok(format!("approve --digest={digest} -- {path}"))
        );
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("endless")).unwrap();
        let endless = folder.path().join("endless");
        assert_eq!(
            words(&[("command", "verify"), ("plan", endless.to_str().unwrap()), ("digest", &digest)]),
            Err("file.unreadable")
        );
    }

    #[test]
    fn the_version_asked_for_is_the_one_that_runs() {
        let ours = env!("CARGO_PKG_VERSION");
        assert!(words(&[("command", "stats"), ("version", &format!("v{ours}"))]).is_ok());
        assert_eq!(words(&[("command", "stats"), ("version", "99.0.0")]), Err("action.version"));
    }

    #[test]
    fn what_waits_is_no_failure_where_the_step_says_so() {
        let ends = |strict: &str, class| line(&world(&[("command", "stats"), ("strict", strict)])).unwrap().ends(class);
        assert_eq!(ends("false", ExitClass::Pending), ExitClass::Done);
        assert_eq!(ends("", ExitClass::Pending), ExitClass::Pending);
        assert_eq!(ends("false", ExitClass::Refused), ExitClass::Refused);
    }
}
