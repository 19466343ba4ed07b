//! What a command prints: text for people, or one JSON object.

use std::{ffi::OsString, io::Write as _};

use serde_json::{Value, json};

use super::world::World;
use crate::{
    base::reason::{ExitClass, Reason, Refusal, Result, USAGE},
    cli::args::{ColorChoice, Command, Global},
    plan::view::Color,
    report::{Style, json_v1::Envelope},
};

/// What came of a command that was not refused.
#[derive(Debug)]
pub(crate) struct Outcome {
    decision: String,
    reason: Option<(String, ExitClass)>,
    result: Value,
    text: String,
    subject: Option<String>,
    hints: Vec<String>,
}

impl Outcome {
    /// A command that did what it was asked; `text` is for people, `result` for machines.
    pub(crate) fn done(result: Value, text: impl Into<String>) -> Self {
        Self { decision: "done".to_owned(), reason: None, result, text: text.into(), subject: None, hints: Vec::new() }
    }

    /// Returns the result for machines.
    pub(crate) fn result(&self) -> &Value {
        &self.result
    }

    /// Returns the text for people.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns how the process would end.
    pub(crate) fn class(&self) -> ExitClass {
        self.reason.as_ref().map_or(ExitClass::Done, |(_, class)| *class)
    }

    /// Names the decision, such as `permit`.
    pub(crate) fn decision(mut self, decision: &str) -> Self {
        decision.clone_into(&mut self.decision);
        self
    }

    /// Gives the result a reason code and an exit class of its own.
    pub(crate) fn because(self, reason: Reason) -> Self {
        let hinted = reason.hint.to_owned();
        let mut coded = self.coded(reason.code, reason.class);
        coded.hints.push(hinted);
        coded
    }

    /// Gives the result a reason code and an exit class that may differ from the code's own.
    pub(crate) fn coded(mut self, code: &str, class: ExitClass) -> Self {
        self.reason = Some((code.to_owned(), class));
        self
    }

    /// Adds what to do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds what the reader must know besides: to the text, and to the result.
    pub(crate) fn note(mut self, note: &str) -> Self {
        self.text.push_str(&format!("  note: {note}\n"));
        if let Value::Object(members) = &mut self.result {
            members.insert("note".to_owned(), Value::from(note));
        }
        self
    }

    /// Names what it is about.
    pub(crate) fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }
}

/// Prints in the way that the global options ask for.
#[derive(Clone, Debug)]
pub(crate) struct Printer {
    command: String,
    json: bool,
    style: Style,
}

impl Printer {
    pub(crate) fn new(global: &Global, command: &Command, world: &World) -> Self {
        let wanted = match global.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => world.console.stdout_is_terminal && world.env.text("NO_COLOR").is_none(),
        };
        let style = Style {
            color: if wanted { Color::Always } else { Color::Never },
            progress: world.console.stderr_is_terminal && !global.quiet && !global.json,
            quiet: global.quiet,
        };
        Self { command: name_of(command), json: global.json, style }
    }

    /// Returns how to write for people.
    pub(crate) fn style(&self) -> Style {
        self.style
    }

    /// Writes a line for people while the command works: to standard error, so that output stays clean.
    pub(crate) fn say(&self, world: &mut World, line: &str) {
        if !self.style.quiet {
            // A closed error output takes nothing from the command.
            let _ = writeln!(world.console.stderr, "{line}");
        }
    }

    /// Prints the result, or the refusal, and returns how the process ends.
    pub(crate) fn finish(&self, result: Result<Outcome>, world: &mut World) -> Result<ExitClass> {
        match result {
            // What cannot be printed is at least said on the other output.
            Ok(outcome) => self.print(outcome, world).or_else(|refusal| Ok(self.refuse(&refusal, world))),
            Err(refusal) => Ok(self.refuse(&refusal, world)),
        }
    }

    fn print(&self, outcome: Outcome, world: &mut World) -> Result<ExitClass> {
        let (code, class) = outcome.reason.unwrap_or_else(|| ("ok".to_owned(), ExitClass::Done));
        let console = &mut world.console;
        let ended = |text: &str| if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let written = if self.json {
            if !self.style.quiet {
                let _ = write!(console.stderr, "{}{}", outcome.text, ended(&outcome.text));
            }
            let envelope = Envelope {
                decision: outcome.decision,
                reason_code: code,
                exit_code: class.code(),
                hints: outcome.hints,
                subject: outcome.subject,
                ..Envelope::done(self.command.clone(), outcome.result)
            };
            writeln!(console.stdout, "{}", json!(envelope))
        } else {
            write!(console.stdout, "{}{}", outcome.text, ended(&outcome.text))
        };
        match written.and_then(|()| console.stdout.flush()) {
            Ok(()) => Ok(class),
            // The reader went away, as `head` does: not a failure of ours.
            Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(class),
            Err(e) => Err(Refusal::new(crate::base::reason::IO, format!("standard output: {e}"))),
        }
    }

    fn refuse(&self, refusal: &Refusal, world: &mut World) -> ExitClass {
        let class = refusal.reason().class;
        let console = &mut world.console;
        if self.json {
            let _ = writeln!(console.stdout, "{}", json!(Envelope::refused(self.command.clone(), refusal)));
        }
        let _ = write!(console.stderr, "{}", words(refusal));
        class
    }
}

/// Says a refusal in words: places first, then what and why, then what to do.
fn words(refusal: &Refusal) -> String {
    let mut text = String::new();
    for place in refusal.places() {
        text.push_str(&format!("{place}\n"));
    }
    text.push_str(&format!("error: {} [{}]\n", refusal.message(), refusal.code()));
    if refusal.reason().summary != refusal.message() {
        text.push_str(&format!("  {}\n", refusal.reason().summary));
    }
    for hint in refusal.hints() {
        text.push_str(&format!("  hint: {hint}\n"));
    }
    text
}

/// Prints what clap has to say: help and version end well, anything else is a mistake of usage.
pub(crate) fn usage(error: &clap::Error, line: &[OsString], world: &mut World) -> u8 {
    let console = &mut world.console;
    if !error.use_stderr() {
        let _ = write!(console.stdout, "{}", error.render()).and_then(|()| console.stdout.flush());
        return ExitClass::Done.code();
    }
    if line.iter().any(|word| word == "--json") {
        let message = error.kind().to_string();
        let envelope = Envelope::refused("", &Refusal::new(USAGE, message));
        let _ = writeln!(console.stdout, "{}", json!(envelope));
    }
    let _ = write!(console.stderr, "{}", error.render());
    ExitClass::Usage.code()
}

/// Returns the command's name as typed, such as `ledger log`.
fn name_of(command: &Command) -> String {
    use crate::cli::args::{
        KeysCommand as Keys, LedgerCommand as Ledger, ListCheck, PipelinesCommand as Pipelines, PolicyCommand as Policy,
    };
    match command {
        Command::Try(_) => "try",
        Command::Init(_) => "init",
        Command::Keys(Keys::Generate { .. }) => "keys generate",
        Command::Keys(Keys::Show) => "keys show",
        Command::Keys(Keys::Enrol(_)) => "keys enrol",
        Command::Keys(Keys::Revoke { .. }) => "keys revoke",
        Command::Keys(Keys::Renew { .. }) => "keys renew",
        Command::Keys(Keys::Threshold { .. }) => "keys threshold",
        Command::Keys(Keys::Sign { .. }) => "keys sign",
        Command::Keys(Keys::Trust { .. }) => "keys trust",
        Command::Keys(Keys::Public { .. }) => "keys public",
        Command::Directives(ListCheck::List) => "directives list",
        Command::Directives(ListCheck::Check) => "directives check",
        Command::Pipelines(Pipelines::List) => "pipelines list",
        Command::Pipelines(Pipelines::Check) => "pipelines check",
        Command::Pipelines(Pipelines::Show { .. }) => "pipelines show",
        Command::Plan(_) => "plan",
        Command::Diff(_) => "diff",
        Command::Render(_) => "render",
        Command::Review(_) => "review",
        Command::Policy(Policy::Check) => "policy check",
        Command::Policy(Policy::Explain(_)) => "policy explain",
        Command::Policy(Policy::Simulate { .. }) => "policy simulate",
        Command::Approve(_) => "approve",
        Command::Reject(_) => "reject",
        Command::Revoke(_) => "revoke",
        Command::Verify(_) => "verify",
        Command::Execute(_) => "execute",
        Command::Resolve(_) => "resolve",
        Command::Halt(_) => "halt",
        Command::Bundle(_) => "bundle",
        Command::Ledger(Ledger::Verify) => "ledger verify",
        Command::Ledger(Ledger::Log { .. }) => "ledger log",
        Command::Ledger(Ledger::Show { .. }) => "ledger show",
        Command::Ledger(Ledger::Export { .. }) => "ledger export",
        Command::Ledger(Ledger::Checkpoint { .. }) => "ledger checkpoint",
        Command::Status(_) => "status",
        Command::List(_) => "list",
        Command::History(_) => "history",
        Command::Stats => "stats",
        Command::Doctor => "doctor",
        Command::Action => "action",
        Command::Schema(_) => "schema",
        Command::Reasons(_) => "reasons",
        Command::Completions(_) => "completions",
        Command::Man => "man",
    }
    .to_owned()
}
