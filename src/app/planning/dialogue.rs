//! Question and answer, until there is a plan: at most two rounds of repair, or as many turns as a person wants.

use std::io::Write as _;

use serde_json::Value;

use super::super::{prompt, spending::Meter, world::World};
use crate::{
    base::{
        reason::{ExitClass, IO, Refusal, Result},
        text::visible,
    },
    plan::{
        SealedPlan,
        model::Usage,
        reasons::SECRET_IN_PLAN,
        view::{Color, View},
    },
    planner::{
        answer::Question as Asked,
        prompt::Prompt,
        reasons::{PLANNER_ANSWER, PLANNER_EXFILTRATION, PLANNER_GIVEN_UP, PLANNER_TAINTED},
    },
    provider::{Exchange, Origin, Progress, Question, Role, Source, Turn, reasons::PROVIDER_UNREACHABLE},
};

/// The rounds in which an answer may be put right.
const REPAIRS: usize = 2;
/// The turns that a person may take.
const TURNS: usize = 20;

/// What was read out of an answer.
pub(super) enum Read {
    /// A plan, and what else the planner would like to know.
    Plan(Box<SealedPlan>, Vec<String>),
    /// Questions without whose answers there is none.
    Questions(Vec<Asked>),
}

/// Reads the last exchange, knowing all of them and what they used.
pub(super) type Reader<'r> = dyn Fn(&[Exchange], Option<Usage>) -> Result<Read> + 'r;

/// A conversation with one source.
pub(super) struct Dialogue<'d> {
    pub(super) source: &'d mut dyn Source,
    pub(super) prompt: &'d Prompt,
    pub(super) schema: &'d Value,
    pub(super) model: &'d str,
    pub(super) max_output_tokens: u32,
    pub(super) meter: Meter,
    pub(super) exchanges: Vec<Exchange>,
    pub(super) notes: Vec<String>,
}

impl Dialogue<'_> {
    /// Asks without anybody at the terminal; questions of the planner end it.
    pub(super) fn alone(&mut self, read: &Reader<'_>, world: &mut World) -> Result<SealedPlan> {
        let mut turns = self.first();
        match self.hear(&mut turns, read, world)? {
            Read::Plan(plan, asides) => {
                self.notes.extend(asides);
                Ok(*plan)
            }
            Read::Questions(asked) => Err(super::questions(&asked)),
        }
    }

    /// Asks with a person at the terminal, who answers questions and says what to change, until the plan is taken.
    pub(super) fn with_person(&mut self, read: &Reader<'_>, world: &mut World) -> Result<SealedPlan> {
        let mut lines = prompt::Lines::open(&mut world.console)?;
        let mut turns = self.first();
        for _ in 0..TURNS {
            let said = match self.hear(&mut turns, read, world)? {
                Read::Questions(asked) => {
                    let mut said = String::new();
                    for question in asked {
                        let text = format!("{}\n> ", question.shown());
                        let answer = lines.ask(&mut world.console, &text)?.ok_or_else(given_up)?;
                        said.push_str(&format!("Answer to `{}`: {answer}\n", question.id));
                    }
                    said
                }
                Read::Plan(plan, asides) => {
                    let view = View::new(plan.plan(), plan.digest()).terminal(Color::Never);
                    say(world, &view)?;
                    for aside in &asides {
                        say(world, &format!("{}\n", visible(aside)))?;
                    }
                    let text = "Type `seal` to take this plan, `stop` to make none, or what should be different.\n> ";
                    match lines.ask(&mut world.console, text)?.ok_or_else(given_up)?.trim() {
                        "seal" => return Ok(*plan),
                        "stop" | "" => return Err(given_up()),
                        said => format!("A person says: {said}\nAnswer once more, whole.\n"),
                    }
                }
            };
            turns.push(Turn { role: Role::Asker, text: said });
        }
        Err(Refusal::new(PLANNER_GIVEN_UP, format!("no plan after {TURNS} turns")))
    }

    fn first(&self) -> Vec<Turn> {
        vec![Turn { role: Role::Asker, text: self.prompt.task.clone() }]
    }

    /// Asks, and has what is wrong with the answer put right at most twice; the answers become turns.
    fn hear(&mut self, turns: &mut Vec<Turn>, read: &Reader<'_>, world: &mut World) -> Result<Read> {
        // A person puts an answer right in its file, and sees here what is wrong with it.
        let most = if self.source.origin() == Origin::Manual { 0 } else { REPAIRS };
        let mut repairs = 0;
        loop {
            let text = self.exchange(turns, self.prompt.stable, world)?;
            turns.push(Turn { role: Role::Model, text });
            let usage = Some(self.meter.usage());
            match read(&self.exchanges, usage) {
                Err(refusal) if repairs < most && may_be_repaired(&refusal) => {
                    repairs += 1;
                    let mut findings: Vec<String> = refusal.hints().map(str::to_owned).collect();
                    if findings.is_empty() || !refusal.is(PLANNER_ANSWER) {
                        findings.insert(0, refusal.message().to_owned());
                    }
                    self.notes.push(format!("answer {} was not taken: {}", self.exchanges.len(), refusal.message()));
                    turns.push(Turn { role: Role::Asker, text: Prompt::repair(&findings) });
                }
                Err(refusal) => return Err(refusal),
                Ok(read) => return Ok(read),
            }
        }
    }

    /// Asks one question, within the budgets; returns the text of the answer.
    ///
    /// `stable` is how many bytes of the first turn further questions will begin with, too.
    pub(super) fn exchange(&mut self, turns: &[Turn], stable: usize, world: &mut World) -> Result<String> {
        let question = Question {
            system: &self.prompt.system,
            turns,
            stable,
            schema: self.schema,
            model: self.model,
            max_output_tokens: self.max_output_tokens,
            seed: 0,
        };
        let bytes = question.system.len()
            + turns.iter().map(|turn| turn.text.len()).sum::<usize>()
            + self.schema.to_string().len();
        // A cassette was paid for when it was recorded.
        let paid = self.source.origin() != Origin::Replay;
        if paid {
            self.notes.extend(self.meter.before(bytes, self.max_output_tokens)?);
        }
        let draws = world.console.draws;
        let asked = if self.model.is_empty() { "the planner" } else { self.model };
        let asked = format!("{}, question {}", visible(asked), self.exchanges.len() + 1);
        let stderr = &mut world.console.stderr;
        let mut shown = false;
        let mut progress = |progress: Progress| {
            if draws {
                let text = match progress {
                    Progress::Asked => format!("{asked}: waiting for the answer"),
                    Progress::Received(bytes) => format!("{asked}: {bytes} bytes of the answer"),
                    Progress::Waiting(seconds) => format!("{asked}: the provider asks to wait for {seconds} s"),
                };
                shown |= write!(stderr, "\r\x1b[K{text}").and_then(|()| stderr.flush()).is_ok();
            }
        };
        let answered = self.source.ask(&question, &mut progress);
        if shown {
            let _ = write!(stderr, "\r\x1b[K").and_then(|()| stderr.flush());
        }
        let exchange = match answered {
            Ok(exchange) => exchange,
            Err(refusal) => {
                if paid {
                    self.notes.extend(self.meter.after_failure(bytes, self.source.cost()));
                }
                return Err(refusal);
            }
        };
        if paid {
            self.notes.extend(self.meter.after(&exchange));
        }
        let text = exchange.text.clone();
        self.exchanges.push(exchange);
        Ok(text)
    }
}

/// Tells whether an answer may be asked for again: not where it tried what it may not.
fn may_be_repaired(refusal: &Refusal) -> bool {
    let reason = refusal.reason();
    ![PLANNER_TAINTED, PLANNER_EXFILTRATION].contains(&reason)
        && !reason.is_akin(SECRET_IN_PLAN)
        && matches!(reason.class, ExitClass::Usage | ExitClass::Refused | ExitClass::Verification | ExitClass::Limit)
        && !reason.is_akin(PROVIDER_UNREACHABLE)
}

fn given_up() -> Refusal {
    Refusal::new(PLANNER_GIVEN_UP, "the person at the terminal made no plan of it")
}

fn say(world: &mut World, text: &str) -> Result<()> {
    let stderr = &mut world.console.stderr;
    stderr
        .write_all(text.as_bytes())
        .and_then(|()| stderr.flush())
        .map_err(|e| Refusal::new(IO, format!("standard error: {e}")))
}
