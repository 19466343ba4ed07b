//! An agent's own command line as a source: text on standard input, text on standard output, and nothing else.
//!
//! What starts the program is not here: [`Launcher`] is, and what implements it holds the program in. The prompt never
//! stands in an argument, and neither does a key.

mod answer;
mod presets;
#[cfg(test)]
mod tests;

use std::{
    fmt::Write as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{
    Cost, Exchange, Origin, Progress, Question, Role, Source,
    reasons::{PROVIDER_AGENT_FAILED, PROVIDER_AGENT_FORM, PROVIDER_AGENT_OUTPUT, PROVIDER_AGENT_TIMEOUT},
};
use crate::base::{
    reason::{Refusal, Result},
    text,
};

pub use answer::Form;
pub(super) use answer::unfenced;
pub use presets::{PRESETS, Preset, preset};

/// The most bytes of an answer that are taken.
pub const MAX_ANSWER: usize = 4 << 20;
/// The most bytes of what a program said besides that a refusal quotes.
const MAX_QUOTED: usize = 400;

/// An agent, as a preset or a person describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// The word that files and flags use.
    pub name: String,
    /// Program and arguments; the program is a name to look for, or an absolute path.
    pub argv: Vec<String>,
    /// The argument that comes before the model's name; none where the agent takes none.
    pub model_flag: Option<String>,
    /// Variables with fixed values.
    pub settings: Vec<(String, String)>,
    /// Variables that may hold its key; the first that is set is passed, and no other.
    pub key_variables: Vec<String>,
    /// Further variables that are passed where they are set.
    pub variables: Vec<String>,
    /// Files of its login, below the user's home; given as copies, and only where no key is set.
    pub login: Vec<String>,
    /// Variables with fixed values where the login is used.
    pub login_settings: Vec<(String, String)>,
    /// Files that are put into its private home.
    pub files: Vec<(String, String)>,
    /// Absolute paths that it may read.
    pub reads: Vec<PathBuf>,
    /// Whether it may open connections to port 443.
    pub network: bool,
    /// In what its answer is wrapped.
    pub form: Form,
}

/// One start of an agent.
#[derive(Debug)]
pub struct Errand<'e> {
    /// The agent.
    pub agent: &'e Agent,
    /// Its arguments, the program not among them.
    pub argv: Vec<String>,
    /// What it reads on standard input.
    pub input: &'e [u8],
    /// How long it may take.
    pub timeout: Duration,
    /// The most bytes of its answer.
    pub most: usize,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With this code.
    Code(i32),
    /// By this signal, or nobody saw how.
    Signal(Option<i32>),
    /// Its time was over.
    Timeout,
}

/// What a program printed, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// Standard output, without keys.
    pub stdout: Vec<u8>,
    /// How many bytes that were, kept or not.
    pub bytes: u64,
    /// Whether something of it is missing.
    pub truncated: bool,
    /// Standard error, without keys.
    pub stderr: String,
    /// How it ended.
    pub ending: Ending,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// What starts an agent, holds it in, and sees it to its end.
pub trait Launcher {
    /// Starts it and waits.
    ///
    /// # Errors
    /// Where it is not there, or may not be started; how it ended is in the answer.
    fn launch(&mut self, errand: &Errand<'_>) -> Result<Printed>;
}

/// An agent that answers questions.
#[derive(Debug)]
pub struct CommandSource<L> {
    agent: Agent,
    launcher: L,
    timeout: Duration,
    cost: Cost,
}

impl<L: Launcher> CommandSource<L> {
    /// Makes a source of an agent and of what starts it; each answer may take so long.
    pub fn new(agent: Agent, launcher: L, timeout: Duration) -> Self {
        Self { agent, launcher, timeout, cost: Cost::default() }
    }
}

impl<L: Launcher> Source for CommandSource<L> {
    fn ask(&mut self, question: &Question<'_>, progress: &mut dyn FnMut(Progress)) -> Result<Exchange> {
        self.cost = Cost::default();
        let sent = prompt(question).into_bytes();
        let mut argv: Vec<String> = self.agent.argv.iter().skip(1).cloned().collect();
        if let Some(flag) = self.agent.model_flag.as_ref().filter(|_| !question.model.is_empty()) {
            // What is no name could be taken for a flag, or for more than one argument.
            super::check_model(question.model)?;
            // After a subcommand, before all that may end the options.
            let at = usize::from(argv.first().is_some_and(|first| !first.starts_with('-')));
            argv.splice(at..at, [flag.clone(), question.model.to_owned()]);
        }
        progress(Progress::Asked);
        let errand = Errand { agent: &self.agent, argv, input: &sent, timeout: self.timeout, most: MAX_ANSWER };
        let started = Instant::now();
        let launched = self.launcher.launch(&errand);
        // What could not be seen to its end may have asked its model all the same.
        let millis = launched.as_ref().map_or_else(
            |_| u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            |printed| printed.millis,
        );
        self.cost = Cost { requests: 1, millis };
        let printed = launched?;
        progress(Progress::Received(printed.stdout.len()));
        self.check(&printed)?;
        let taken = self.agent.form.take(&printed.stdout).map_err(|why| {
            Refusal::new(PROVIDER_AGENT_FORM, format!("`{}`: {}", self.agent.name, text::excerpt(&why)))
                .subject(self.agent.name.clone())
        })?;
        Ok(Exchange {
            sent,
            received: printed.stdout,
            text: unfenced(&taken.text).to_owned(),
            model: taken.model.or_else(|| Some(question.model.to_owned()).filter(|name| !name.is_empty())),
            usage: taken.usage,
            requests: self.cost.requests,
            millis: self.cost.millis,
        })
    }

    fn cost(&self) -> Cost {
        self.cost
    }

    fn origin(&self) -> Origin {
        Origin::Command
    }
}

impl<L> CommandSource<L> {
    /// Refuses what did not end as it must: by itself, with code 0, and within the limit.
    fn check(&self, printed: &Printed) -> Result<()> {
        let name = &self.agent.name;
        let refuse = |reason, what: String| Err(Refusal::new(reason, format!("`{name}` {what}")).subject(name.clone()));
        let said = || match printed.stderr.trim() {
            "" => text::excerpt(String::from_utf8_lossy(&printed.stdout).trim()),
            words => {
                let from = words.char_indices().rev().nth(MAX_QUOTED).map_or(0, |(at, _)| at);
                text::visible(&words[from..])
            }
        };
        match printed.ending {
            Ending::Timeout => {
                let seconds = self.timeout.as_secs();
                refuse(PROVIDER_AGENT_TIMEOUT, format!("gave no answer within {seconds} s, and was ended"))
            }
            Ending::Code(0) if printed.truncated || printed.bytes > MAX_ANSWER as u64 => {
                refuse(PROVIDER_AGENT_OUTPUT, format!("printed {} bytes, the limit is {MAX_ANSWER}", printed.bytes))
            }
            Ending::Code(0) => Ok(()),
            Ending::Code(code) => refuse(PROVIDER_AGENT_FAILED, format!("ended with code {code}: {}", said())),
            Ending::Signal(Some(signal)) => {
                refuse(PROVIDER_AGENT_FAILED, format!("was ended by signal {signal}: {}", said()))
            }
            Ending::Signal(None) => refuse(PROVIDER_AGENT_FAILED, "ended, and nobody saw how".to_owned()),
        }
    }
}

/// Writes a question as one text: the task, the turns, and the schema.
#[must_use]
pub fn prompt(question: &Question<'_>) -> String {
    let mut out = question.system.trim_end().to_owned();
    for turn in question.turns {
        match turn.role {
            Role::Asker => out.push_str("\n\n"),
            Role::Model => out.push_str("\n\nYour earlier answer was:\n\n"),
        }
        out.push_str(turn.text.trim_end());
    }
    // Writing to a string does not fail.
    let _ = write!(
        out,
        "\n\nAnswer with one JSON object and nothing else: no words around it, no code fence, no tools. It must satisfy \
         this JSON Schema:\n\n{:#}\n",
        question.schema
    );
    out
}
