//! What a command prints: text for people, or one JSON object.

use std::{borrow::Cow, io::Write as _};

use serde_json::{Value, json};

use super::{
    ci::{self, Provider},
    events, outputs, signer,
    world::World,
};
use crate::{
    base::{
        reason::{ExitClass, INTERNAL, Reason, Refusal, Result},
        text::visible,
    },
    cli::{
        args::{ColorChoice, Command, Global, ReportFiles},
        outputs::Named,
    },
    event::RunEvent,
    plan::{SealedPlan, view::Color},
    report::{
        Renderer, Report, Style,
        events_v1::EventLine,
        formats,
        json_v1::{CheckLine, Envelope, Finding},
    },
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
    shows: Shows,
}

/// What files and CI show of a result, beside what is printed.
#[derive(Debug, Default)]
struct Shows {
    plan: Option<SealedPlan>,
    events: Vec<RunEvent>,
    checks: Vec<CheckLine>,
    findings: Vec<Finding>,
}

impl Outcome {
    /// A command that did what it was asked; `text` is for people, `result` for machines.
    pub(crate) fn done(result: Value, text: impl Into<String>) -> Self {
        Self {
            decision: "done".to_owned(),
            reason: None,
            result,
            text: text.into(),
            subject: None,
            hints: Vec::new(),
            shows: Shows::default(),
        }
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

    /// Adds a member to the result for machines.
    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        if let Value::Object(members) = &mut self.result {
            members.insert(name.to_owned(), value);
        }
        self
    }

    /// Adds what to do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Puts what an earlier outcome of the same command said before the text, and its note beside this one's.
    pub(crate) fn after(mut self, before: &Self) -> Self {
        self.text.insert_str(0, &before.text);
        if let (Value::Object(members), Some(note)) = (&mut self.result, before.result.get("note")) {
            let both = match (note.as_str(), members.get("note").and_then(Value::as_str)) {
                (Some(first), Some(second)) => format!("{first}; {second}"),
                (first, second) => first.or(second).unwrap_or_default().to_owned(),
            };
            members.insert("note".to_owned(), Value::from(both));
        }
        self
    }

    /// Adds what the reader must know besides: to the text, and to the result.
    pub(crate) fn note(mut self, note: &str) -> Self {
        self.text.push_str(&format!("  note: {note}\n"));
        if let Value::Object(members) = &mut self.result {
            let before = members.get("note").and_then(Value::as_str);
            let all = before.map_or_else(|| note.to_owned(), |before| format!("{before}; {note}"));
            members.insert("note".to_owned(), Value::from(all));
        }
        self
    }

    /// Names what it is about.
    pub(crate) fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Names the plan that it is about, for files and CI to show.
    pub(crate) fn plan(mut self, plan: &SealedPlan) -> Self {
        self.shows.plan = Some(plan.clone());
        self
    }

    /// Gives the events of a run, for files and CI to show.
    pub(crate) fn events(mut self, events: Vec<RunEvent>) -> Self {
        self.shows.events = events;
        self
    }

    /// Gives the checks that were made, for files and CI to show.
    pub(crate) fn checks(mut self, checks: Vec<CheckLine>) -> Self {
        self.shows.checks = checks;
        self
    }

    /// Gives what was found, for files and CI to show.
    pub(crate) fn findings(mut self, findings: Vec<Finding>) -> Self {
        self.shows.findings = findings;
        self
    }

    /// Returns everything there is to say, the text for people, and how the process ends.
    fn into_report(self, command: &str) -> (Report, String, ExitClass) {
        let (code, class) = self.reason.unwrap_or_else(|| ("ok".to_owned(), ExitClass::Done));
        let envelope = Envelope {
            decision: self.decision,
            reason_code: code,
            exit_code: class.code(),
            hints: self.hints,
            subject: self.subject,
            ..Envelope::done(command, self.result)
        };
        let Shows { plan, events, checks, findings } = self.shows;
        (Report { events, checks, findings, plan, ..Report::new(envelope) }, self.text, class)
    }
}

/// Prints in the way that the global options ask for.
#[derive(Clone, Debug)]
pub(crate) struct Printer {
    command: String,
    json: bool,
    /// Whether the text is what was asked for.
    shows: bool,
    style: Style,
    ci: Option<&'static dyn Provider>,
    /// Whether standard output is asked for in the place of a file, and what is said goes to the other.
    hands: bool,
}

impl Printer {
    pub(crate) fn new(global: &Global, command: &Command, world: &World) -> Self {
        let wanted = match global.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let (env, terminal) = (&world.env, world.console.stdout_is_terminal);
                terminal && env.text("NO_COLOR").is_none() && env.text("TERM") != Some("dumb")
            }
        };
        let style = Style {
            color: if wanted { Color::Always } else { Color::Never },
            progress: is_watched(global, world),
            quiet: global.quiet,
            ..Style::default()
        };
        Self {
            command: command.name().to_owned(),
            json: global.json,
            shows: command.shows(),
            style,
            ci: None,
            hands: command.outputs().iter().any(Named::is_stdout),
        }
    }

    /// Finds out which CI this is and whether it can be served, and keeps the job's secrets out of its log.
    pub(crate) fn begin(&mut self, global: &Global, world: &mut World) -> Result<()> {
        let Some(ci) = ci::choose(global.ci, &world.env)? else { return Ok(()) };
        self.ci = Some(ci);
        self.style = Style {
            color: Color::Never,
            progress: false,
            quiet: self.style.quiet,
            verbose: ci.is_verbose(&world.env),
            seed: Some(world.entropy.bytes()?),
        };
        let named = ci.secret_variables().iter().chain(signer::SECRET_VARIABLES);
        let secrets: Vec<String> = named.filter_map(|name| world.env.text(name).map(str::to_owned)).collect();
        self.mask(world, secrets.iter().map(String::as_str));
        ci.check(&world.env)
    }

    /// Begins the stream of events, where it is asked for.
    pub(crate) fn tell_events(&self, global: &Global, world: &World) -> Result<()> {
        let Some(path) = &global.events else { return Ok(()) };
        let path = if path.as_os_str() == "-" { path.clone() } else { world.cwd.join(path) };
        world.events.open(&path, self.ci)?;
        let (command, at) = (self.command.clone(), world.now());
        world.events.tell(&EventLine::CommandStarted { schema_version: events::VERSION, command, at });
        Ok(())
    }

    /// Keeps secrets out of the log of the CI, where there is one that reads along.
    pub(crate) fn mask<'a>(&self, world: &mut World, secrets: impl IntoIterator<Item = &'a str>) {
        let console = &mut world.console;
        // Nobody takes the command out of a terminal or a file again.
        let Some(ci) = self.ci.filter(|_| !console.stderr_is_terminal && !console.stderr_is_file) else { return };
        for secret in secrets {
            let _ = write!(console.stderr, "{}", ci.masks(secret));
        }
        let _ = console.stderr.flush();
    }

    /// Tells whether a CI may read standard output along: its own log is a pipe too, so that no pipe can be told from it.
    pub(crate) fn is_logged(&self, world: &World) -> bool {
        self.ci.is_some() && !world.console.stdout_is_file
    }

    /// Returns how to write for people.
    pub(crate) fn style(&self) -> Style {
        self.style
    }

    /// Returns what writes the events of a run down as they happen.
    pub(crate) fn log(&self) -> Result<Box<dyn Renderer + Send>> {
        let id = self.ci.map_or("human", Provider::log_format);
        let format = formats::find(id).ok_or_else(|| Refusal::new(INTERNAL, format!("no format `{id}`")))?;
        Ok(format.renderer(self.style))
    }

    /// Writes a line for people while the command works: to standard error, so that output stays clean.
    pub(crate) fn say(&self, world: &mut World, line: &str) {
        if !self.style.quiet {
            // A closed error output takes nothing from the command.
            let _ = writeln!(world.console.stderr, "{}", self.plain(line));
        }
    }

    /// Makes a text harmless to the log of a CI.
    fn plain<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.ci.map_or(Cow::Borrowed(text), |ci| Cow::Owned(ci.plain(text)))
    }

    /// Writes the files that were asked for, prints the result, or the refusal, and returns how the process ends.
    pub(crate) fn finish(&self, result: Result<Outcome>, asked: &ReportFiles, world: &mut World) -> Result<ExitClass> {
        let (report, said) = match result {
            Ok(outcome) => {
                let (report, text, class) = outcome.into_report(&self.command);
                (report, Ok((text, class)))
            }
            Err(refusal) => {
                let envelope = Envelope::refused(self.command.clone(), &refusal);
                let findings = refusal.places().iter().map(Finding::from).collect();
                (Report { findings, ..Report::new(envelope) }, Err(refusal))
            }
        };
        let pending = report.envelope.exit_code == ExitClass::Pending.code();
        if let Some(line) = EventLine::waiting(&report.envelope, pending, world.now()) {
            world.events.tell(&line);
        }
        world.events.tell(&EventLine::finished(&report.envelope, world.now()));
        let kept = write_files(&report, asked, world)
            .and_then(|()| self.publish(&report, world))
            .and_then(|()| hand_over(world));
        match (said, kept) {
            // What cannot be printed is at least said on the other output.
            (Ok((text, class)), Ok(())) => {
                let printed = self.print(&report, &text, world);
                Ok(printed.map_or_else(|refusal| self.refuse(&refusal, world), |()| class))
            }
            (Ok((text, class)), Err(refusal)) => {
                // It was done, and who asked must know both.
                self.say(world, text.trim_end());
                let refused = self.refuse(&refusal, world);
                Ok(if class == ExitClass::Done { refused } else { class })
            }
            (Err(refusal), kept) => {
                let class = self.refuse(&refusal, world);
                if let Err(besides) = kept {
                    let text = self.plain(besides.message()).into_owned();
                    let _ = writeln!(world.console.stderr, "besides: {text} [{}]", besides.code());
                }
                self.annotate(&report, world);
                Ok(class)
            }
        }
    }

    /// Hands outputs and summary over to the CI.
    fn publish(&self, report: &Report, world: &mut World) -> Result<()> {
        let Some(ci) = self.ci else { return Ok(()) };
        for remark in ci.publish(report, &world.env, &world.entropy)? {
            self.say(world, &format!("note: {remark}"));
        }
        Ok(())
    }

    /// Writes what the CI shows beside the log: annotations.
    fn annotate(&self, report: &Report, world: &mut World) {
        if self.ci.is_some()
            && let Ok(mut log) = self.log()
        {
            let _ = log.finish(world.console.stderr.as_mut(), report);
            let _ = world.console.stderr.flush();
        }
    }

    fn print(&self, report: &Report, text: &str, world: &mut World) -> Result<()> {
        let console = &mut world.console;
        let ended = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        // A file is no log: what was asked for goes there as it is.
        let logged = self.ci.filter(|_| !console.stdout_is_file);
        let written = if self.hands {
            if !self.style.quiet {
                let _ = write!(console.stderr, "{}{ended}", self.plain(text));
            }
            Ok(())
        } else if self.json {
            if !self.style.quiet {
                let _ = write!(console.stderr, "{}{ended}", self.plain(text));
            }
            let line = json!(report.envelope).to_string();
            writeln!(console.stdout, "{}", logged.map_or(line.clone(), |ci| ci.plain_json(&line)))
        } else if self.style.quiet && !self.shows && report.envelope.exit_code == ExitClass::Done.code() {
            Ok(())
        } else {
            write!(console.stdout, "{}{ended}", logged.map_or(Cow::Borrowed(text), |ci| Cow::Owned(ci.plain(text))))
        };
        let written = written.and_then(|()| console.stdout.flush());
        self.annotate(report, world);
        match written {
            // The reader went away, as `head` does: not a failure of ours.
            Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Refusal::new(crate::base::reason::IO, format!("standard output: {e}")))
            }
            _ => Ok(()),
        }
    }

    fn refuse(&self, refusal: &Refusal, world: &mut World) -> ExitClass {
        let class = refusal.reason().class;
        let console = &mut world.console;
        if self.json {
            let line = json!(Envelope::refused(self.command.clone(), refusal)).to_string();
            let logged = self.ci.filter(|_| !console.stdout_is_file);
            let _ = writeln!(console.stdout, "{}", logged.map_or(line.clone(), |ci| ci.plain_json(&line)));
        }
        let _ = write!(console.stderr, "{}", self.plain(&words(refusal)));
        class
    }
}

/// Tells whether a person looks on: at a terminal that can be drawn on, and that no program reads along.
fn is_watched(global: &Global, world: &World) -> bool {
    let can_draw = world.env.text("TERM").is_some_and(|term| !matches!(term, "" | "dumb"));
    let events = global.events.as_ref().is_some_and(|path| path.as_os_str() == "-");
    world.console.stderr_is_terminal && can_draw && !global.quiet && !global.json && !events
}

/// Writes each file that was asked for, whole or not at all.
fn write_files(report: &Report, asked: &ReportFiles, world: &World) -> Result<()> {
    for (id, path) in [("junit", &asked.junit), ("sarif", &asked.sarif), ("markdown", &asked.summary)] {
        let (Some(path), Some(format)) = (path, formats::find(id)) else { continue };
        let mut bytes = Vec::new();
        let written = format.renderer(Style::default()).finish(&mut bytes, report);
        written.map_err(|e| Refusal::new(crate::base::reason::IO, e.to_string()))?;
        outputs::write(path, &bytes, world)?;
    }
    Ok(())
}

/// Prints what was asked for on standard output in the place of a file, byte for byte.
fn hand_over(world: &mut World) -> Result<()> {
    let bytes = world.handed.take();
    let stdout = &mut world.console.stdout;
    match stdout.write_all(&bytes).and_then(|()| stdout.flush()) {
        // The reader went away, as `head` does: not a failure of ours.
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Refusal::new(crate::base::reason::IO, format!("standard output: {e}")))
        }
        _ => Ok(()),
    }
}

/// Says a refusal in words: places first, then what and why, then what to do.
pub(super) fn words(refusal: &Refusal) -> String {
    let mut text = String::new();
    for place in refusal.places() {
        text.push_str(&format!("{place}\n"));
    }
    text.push_str(&format!("error: {} [{}]\n", refusal.message(), refusal.code()));
    if let Some(subject) = refusal.about().filter(|subject| !refusal.message().contains(*subject)) {
        text.push_str(&format!("  about: {}\n", visible(subject)));
    }
    if refusal.reason().summary != refusal.message() {
        text.push_str(&format!("  {}\n", refusal.reason().summary));
    }
    for hint in refusal.hints() {
        text.push_str(&format!("  hint: {hint}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::{app::world::Environment, cli::Args};

    #[test]
    fn a_terminal_that_cannot_draw_gets_no_colours() {
        for (variables, color) in [
            (&[("TERM", "xterm")][..], Color::Always),
            (&[], Color::Always),
            (&[("TERM", "dumb")], Color::Never),
            (&[("TERM", "xterm"), ("NO_COLOR", "1")], Color::Never),
        ] {
            let env = Environment::fixed(variables.iter().copied());
            let mut world = World { env, ..World::of_process() };
            world.console.stdout_is_terminal = true;
            let args = Args::try_parse_from(["countersign", "list"]).unwrap();
            assert_eq!(Printer::new(&args.global, &args.command, &world).style.color, color, "{variables:?}");
            let args = Args::try_parse_from(["countersign", "list", "--color", "always"]).unwrap();
            assert_eq!(Printer::new(&args.global, &args.command, &world).style.color, Color::Always);
        }
    }
}
