//! The log on GitHub: a group a step, and annotations at the end.
//!
//! What programs printed stands between marks that stop the runner from taking commands; every other text that is
//! not ours goes through the one escaper.

use std::io::{self, Write};

use super::Format;
use crate::{
    base::{ident::Id, reason::ExitClass, text::count},
    event::{ActionRecord, RunEvent, StepOutcome, StepStatus},
    report::{
        Renderer, Report, Style,
        json_v1::{CheckResult, Finding, Level},
        rows::rows,
        workflow::{Tokens, command, plain, silenced},
    },
};

pub(super) const FORMAT: Format = Format {
    id: "github",
    summary: "the log on GitHub: a group a step, and annotations",
    make: |style| Box::new(Github { style, tokens: style.seed.map(Tokens::new) }),
};

/// The most annotations of a level that GitHub shows of one step of a job.
const MAX_ANNOTATIONS: usize = 10;

struct Github {
    style: Style,
    /// Without them nothing is shown that a program printed.
    tokens: Option<Tokens>,
}

impl Renderer for Github {
    fn event(&mut self, out: &mut dyn Write, event: &RunEvent) -> io::Result<()> {
        match event {
            RunEvent::RunStarted { .. } | RunEvent::StepStarted { .. } if self.style.quiet => Ok(()),
            RunEvent::RunStarted { run, plan, steps, .. } => {
                writeln!(out, "run {run} of plan {plan}, {}", count(*steps, "step"))
            }
            RunEvent::StepStarted { step, attempt, .. } => {
                let again = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
                writeln!(out, "started {step}{again}")
            }
            RunEvent::StepFinished { step, outcome, retrying, .. } => self.step(out, step, outcome, *retrying),
            RunEvent::RunFinished { outcome, .. } => {
                let code = outcome.reason_code.as_deref().map(|code| format!(" [{}]", one_line(code)));
                writeln!(out, "run {}{}", outcome.status.word(), code.unwrap_or_default())
            }
        }
    }

    fn finish(&mut self, out: &mut dyn Write, report: &Report) -> io::Result<()> {
        let all = counted(annotations(report));
        let mut left = Vec::new();
        for (level, name, words) in [(Level::Error, "error", "errors"), (Level::Warning, "warning", "warnings")] {
            let of_level: Vec<_> = all.iter().filter(|one| one.level == level).collect();
            for one in of_level.iter().take(MAX_ANNOTATIONS) {
                one.write(out, name)?;
            }
            match of_level.len().saturating_sub(MAX_ANNOTATIONS) {
                0 => {}
                more => left.push(format!("{more} more {words}")),
            }
        }
        if left.is_empty() { Ok(()) } else { writeln!(out, "and {}: see the job summary", left.join(", ")) }
    }
}

impl Github {
    fn step(&mut self, out: &mut dyn Write, step: &Id, outcome: &StepOutcome, retrying: bool) -> io::Result<()> {
        let fine = is_fine(outcome.status);
        if fine && self.style.quiet {
            return Ok(());
        }
        let millis: u64 = outcome.actions.iter().map(|action| action.millis).sum();
        let title = format!("{} {step}, {millis} ms", outcome.status.word());
        write!(out, "{}", command("group", &[], &title))?;
        for action in &outcome.actions {
            self.action(out, action)?;
        }
        for (name, value) in &outcome.outputs {
            writeln!(out, "  {name}: {}", one_line(&value.to_string()))?;
        }
        write!(out, "{}", command("endgroup", &[], ""))?;
        if fine {
            return Ok(());
        }
        // Outside the group, which is folded when the page opens.
        let code = outcome.reason_code.as_deref().map(|code| format!(" [{}]", one_line(code))).unwrap_or_default();
        let what = outcome.what.as_deref().map(|what| format!(": {}", one_line(what))).unwrap_or_default();
        let again = if retrying { "; it is tried again" } else { "" };
        writeln!(out, "{} {step}{code}{what}{again}", outcome.status.word())?;
        match (&outcome.next, retrying) {
            (Some(next), false) => writeln!(out, "  next: {}", one_line(next)),
            _ => Ok(()),
        }
    }

    fn action(&mut self, out: &mut dyn Write, action: &ActionRecord) -> io::Result<()> {
        let ended = match (action.exit_code, action.signal) {
            (Some(code), _) => format!(", exit code {code}"),
            (None, Some(signal)) => format!(", signal {signal}"),
            (None, None) => String::new(),
        };
        writeln!(out, "{} {}{ended}, {} ms", action.kind, one_line(&action.target), action.millis)?;
        if self.style.verbose {
            let digest = action.digest.map(|digest| digest.to_string());
            for (name, value) in [("digest", digest.as_deref()), ("sandbox", action.sandbox.as_deref())] {
                let line = value.map(|value| command("debug", &[], &format!("{name}: {value}")));
                write!(out, "{}", line.unwrap_or_default())?;
            }
        }
        for stream in [&action.stdout, &action.stderr].into_iter().flatten() {
            let lines: Vec<&str> = stream.tail.lines().filter(|line| !line.trim().is_empty()).collect();
            if lines.is_empty() {
                continue;
            }
            // Behind a bar, so that a problem matcher of the job takes no line for a compiler's.
            let text: String = lines.iter().map(|line| format!("  | {line}\n")).collect();
            match &mut self.tokens {
                Some(tokens) => write!(out, "{}", silenced(&text, tokens))?,
                None => writeln!(out, "  {} of output", count(lines.len(), "line"))?,
            }
        }
        Ok(())
    }
}

/// One annotation: its title is ours, its message goes through the escaper.
struct Annotation<'a> {
    level: Level,
    title: String,
    message: String,
    finding: Option<&'a Finding>,
}

impl Annotation<'_> {
    fn write(&self, out: &mut dyn Write, name: &'static str) -> io::Result<()> {
        let number = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
        let file = self.finding.and_then(|finding| finding.file.as_deref()).unwrap_or_default();
        let (line, column) = (self.finding.and_then(|f| f.line), self.finding.and_then(|f| f.column));
        let properties =
            [("file", file), ("line", &number(line)), ("col", &number(column)), ("title", self.title.as_str())];
        write!(out, "{}", command(name, &properties, &self.message))
    }
}

/// What deserves an annotation, the most telling first.
fn annotations(report: &Report) -> Vec<Annotation<'_>> {
    let envelope = &report.envelope;
    let refused = envelope.exit_code != ExitClass::Done.code();
    // To wait for people is no failure, nor is a step that the plan lets fail.
    let waits = envelope.exit_code == ExitClass::Pending.code();
    let level = if waits || !refused { Level::Warning } else { Level::Error };
    let titled = |code: &str| format!("Countersign {code}");
    let mut all = Vec::new();
    for row in rows(&report.events) {
        let Some(outcome) = row.outcome.filter(|outcome| tells(outcome.status)) else { continue };
        let said = [outcome.what.as_deref(), outcome.next.as_deref()].into_iter().flatten();
        all.push(Annotation {
            level,
            title: titled(outcome.reason_code.as_deref().unwrap_or(outcome.status.word())),
            message: std::iter::once(format!("step {} {}", row.step, outcome.status.word()))
                .chain(said.map(str::to_owned))
                .collect::<Vec<_>>()
                .join("\n"),
            finding: None,
        });
    }
    for check in report.checks.iter().filter(|check| check.result != CheckResult::Passed) {
        let title = titled(check.reason_code.as_deref().unwrap_or(check.result.word()));
        all.push(Annotation { level, title, message: format!("{}: {}", check.id, check.subject), finding: None });
    }
    for finding in report.findings.iter().filter(|finding| finding.level != Level::Note) {
        let about = finding.subject.as_ref().map(|subject| format!("{subject}: ")).unwrap_or_default();
        let help = finding.help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default();
        let message = format!("{about}{}{help}", finding.message);
        all.push(Annotation { level: finding.level, title: titled(&finding.code), message, finding: Some(finding) });
    }
    if refused && all.iter().all(|one| one.level != level) {
        let message = envelope.result.get("message").and_then(serde_json::Value::as_str);
        let mut lines = vec![message.unwrap_or(&envelope.decision).to_owned()];
        lines.extend(envelope.hints.iter().cloned());
        let title = titled(&envelope.reason_code);
        all.insert(0, Annotation { level, title, message: lines.join("\n"), finding: None });
    }
    all
}

/// Says once what would be said several times, and how often.
fn counted(all: Vec<Annotation<'_>>) -> Vec<Annotation<'_>> {
    let mut kept: Vec<(Annotation<'_>, usize)> = Vec::new();
    for one in all {
        let place = |one: &Annotation<'_>| one.finding.map(|found| (found.file.clone(), found.line, found.column));
        let same = kept.iter_mut().find(|(other, _)| {
            (other.level, &other.title, &other.message, place(other))
                == (one.level, &one.title, &one.message, place(&one))
        });
        match same {
            Some((_, times)) => *times += 1,
            None => kept.push((one, 1)),
        }
    }
    for (one, times) in kept.iter_mut().filter(|(_, times)| *times > 1) {
        one.message.push_str(&format!(" ({times} times)"));
    }
    kept.into_iter().map(|(one, _)| one).collect()
}

fn is_fine(status: StepStatus) -> bool {
    matches!(status, StepStatus::Succeeded | StepStatus::Skipped)
}

/// Steps that were only held up by another say nothing of their own.
fn tells(status: StepStatus) -> bool {
    !is_fine(status) && !matches!(status, StepStatus::Blocked | StepStatus::Cancelled)
}

fn one_line(text: &str) -> String {
    plain(&text.replace('\n', "\\n"))
}
