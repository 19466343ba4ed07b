//! For people: plain lines, and on a terminal below them a picture of what runs.

use std::io::{self, Write};

use super::Format;
use crate::{
    base::{
        ident::Id,
        text::{count, visible_lines},
    },
    event::{RunEvent, RunStatus, StepOutcome, StepStatus},
    plan::view::visible_line,
    report::{
        Renderer, Report, Style,
        json_v1::{CheckResult, Envelope, Finding, Level},
        picture::Picture,
    },
};

pub(super) const FORMAT: Format =
    Format { id: "human", summary: "plain lines for people", make: |style| Box::new(Human::new(style)) };

const GREEN: &str = "32";
const RED: &str = "31";
const YELLOW: &str = "33";
const BOLD: &str = "1";

/// How many lines of a failed program's output are shown; all that was kept stands in the ledger.
const LAST_WORDS: usize = 12;
/// How many characters of each of these lines.
const LONGEST_WORDS: usize = 300;

struct Human {
    style: Style,
    /// What is drawn, where anything is.
    picture: Option<Picture>,
}

impl Human {
    fn new(style: Style) -> Self {
        let drawn = style.progress && !style.quiet;
        Self { style, picture: drawn.then(Picture::on_stderr) }
    }

    /// Writes a line above the picture, where it stays.
    fn line(&self, out: &mut dyn Write, text: &str) -> io::Result<()> {
        match &self.picture {
            Some(picture) => picture.above(|| writeln!(out, "{text}")),
            None => writeln!(out, "{text}"),
        }
    }

    fn step_finished(
        &mut self,
        out: &mut dyn Write,
        step: &Id,
        outcome: &StepOutcome,
        retrying: bool,
    ) -> io::Result<()> {
        let fine = matches!(outcome.status, StepStatus::Succeeded | StepStatus::Skipped);
        if let Some(picture) = &mut self.picture {
            picture.ended(step, (!retrying).then_some(fine));
        }
        if fine && self.style.quiet {
            return Ok(());
        }
        let color = if fine {
            GREEN
        } else if retrying {
            YELLOW
        } else {
            RED
        };
        let mut text = format!("{} {step}", self.style.color.paint(color, outcome.status.word()));
        if let Some(code) = &outcome.reason_code {
            text.push_str(&format!(" [{}]", visible_line(code)));
        }
        if let Some(what) = &outcome.what {
            text.push_str(&format!(": {}", visible_line(what)));
        }
        if let Some(class) = outcome.class {
            text.push_str(&format!(" ({})", class.word()));
        }
        if retrying {
            text.push_str("; it is tried again");
        }
        if let (Some(next), false) = (&outcome.next, retrying) {
            text.push_str(&format!("\n  next: {}", visible_line(next)));
        }
        if fine {
            for (name, value) in &outcome.outputs {
                text.push_str(&format!("\n  {name}: {}", visible_line(&value.to_string())));
            }
        }
        if !fine && !retrying {
            for line in last_words(outcome) {
                text.push_str(&format!("\n  | {}", shortened(&visible_lines(line))));
            }
        }
        self.line(out, &text)
    }
}

impl Renderer for Human {
    fn event(&mut self, out: &mut dyn Write, event: &RunEvent) -> io::Result<()> {
        match event {
            RunEvent::RunStarted { run, plan, steps, at: _ } => {
                if let Some(picture) = &mut self.picture {
                    picture.begin(u64::from(*steps));
                }
                if self.style.quiet {
                    return Ok(());
                }
                self.line(out, &format!("run {run} of plan {plan}, {}", count(*steps, "step")))
            }
            RunEvent::StepStarted { step, attempt, .. } => {
                if let Some(picture) = &mut self.picture {
                    picture.started(step, *attempt);
                }
                if self.style.quiet || self.style.progress {
                    return Ok(());
                }
                let again = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
                self.line(out, &format!("started {step}{again}"))
            }
            RunEvent::StepFinished { step, outcome, retrying, .. } => self.step_finished(out, step, outcome, *retrying),
            RunEvent::RunFinished { outcome, .. } => {
                if let Some(picture) = &mut self.picture {
                    picture.end();
                }
                let fine = outcome.status == RunStatus::Completed;
                if fine && self.style.quiet {
                    return Ok(());
                }
                let word = self.style.color.paint(if fine { GREEN } else { RED }, outcome.status.word());
                let code = outcome.reason_code.as_deref().map(|code| format!(" [{}]", visible_line(code)));
                self.line(out, &format!("run {word}{}", code.unwrap_or_default()))
            }
        }
    }

    fn finish(&mut self, out: &mut dyn Write, report: &Report) -> io::Result<()> {
        for check in &report.checks {
            if self.style.quiet && check.result == CheckResult::Passed {
                continue;
            }
            let color = if check.result == CheckResult::Passed { GREEN } else { RED };
            let word = self.style.color.paint(color, &format!("{:<7}", check.result.word()));
            let code = check.reason_code.as_deref().map(|code| format!(" [{}]", visible_line(code)));
            let id = visible_line(&check.id);
            self.line(out, &format!("{word} {id} {}{}", visible_line(&check.subject), code.unwrap_or_default()))?;
        }
        for finding in &report.findings {
            self.line(out, &shown(finding, self.style))?;
        }
        self.envelope(out, &report.envelope)
    }
}

impl Human {
    fn envelope(&self, out: &mut dyn Write, envelope: &Envelope) -> io::Result<()> {
        let fine = envelope.exit_code == 0;
        if fine && self.style.quiet {
            return Ok(());
        }
        let word = self.style.color.paint(if fine { GREEN } else { RED }, &visible_line(&envelope.decision));
        let mut text = format!("{}: {word}", self.style.color.paint(BOLD, &visible_line(&envelope.command)));
        if !fine {
            text.push_str(&format!(" [{}]", visible_line(&envelope.reason_code)));
        }
        if let Some(subject) = &envelope.subject {
            text.push_str(&format!(" {}", visible_line(subject)));
        }
        if let Some(message) = envelope.result.get("message").and_then(serde_json::Value::as_str) {
            text.push_str(&format!("\n  {}", visible_line(message)));
        }
        for hint in &envelope.hints {
            text.push_str(&format!("\n  hint: {}", visible_line(hint)));
        }
        self.line(out, &text)
    }
}

/// The end of what the last program of a step said, on its error output if there was any.
pub(in crate::report) fn last_words(outcome: &StepOutcome) -> Vec<&str> {
    let streams = outcome.actions.last().map(|action| [&action.stderr, &action.stdout]);
    let said = streams.into_iter().flatten().flatten().map(|stream| stream.tail.trim());
    let Some(tail) = said.into_iter().find(|tail| !tail.is_empty()) else { return Vec::new() };
    let lines: Vec<&str> = tail.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LAST_WORDS)..].to_vec()
}

/// Returns as much of a line as a person reads.
fn shortened(line: &str) -> String {
    match line.char_indices().nth(LONGEST_WORDS) {
        Some((end, _)) => format!("{} [... {} bytes more]", &line[..end], line.len() - end),
        None => line.to_owned(),
    }
}

fn shown(finding: &Finding, style: Style) -> String {
    let (word, color) = match finding.level {
        Level::Error => ("error", RED),
        Level::Warning => ("warning", YELLOW),
        Level::Note => ("note", BOLD),
    };
    let mut text = style.color.paint(color, word);
    text.push_str(&format!(" [{}]: ", visible_line(&finding.code)));
    for part in [&finding.file, &finding.subject].into_iter().flatten() {
        text.push_str(&visible_line(part));
        text.push_str(&finding.line.map_or_else(String::new, |line| format!(":{line}")));
        text.push_str(&finding.column.map_or_else(String::new, |column| format!(":{column}")));
        text.push_str(": ");
    }
    text.push_str(&visible_line(&finding.message));
    if let Some(snippet) = &finding.snippet {
        text.push_str(&format!("\n  | {}", visible_lines(&snippet.replace(['\n', '\t'], " "))));
        if let Some(column) = finding.column.and_then(|n| usize::try_from(n).ok()) {
            text.push_str(&format!("\n  | {}^", " ".repeat(column.saturating_sub(1).min(snippet.len()))));
        }
    }
    if let Some(help) = &finding.help {
        text.push_str(&format!("\n  help: {}", visible_line(help)));
    }
    text
}
