//! Arguments that say who drafts and who is asked.

use std::path::PathBuf;

use clap::Args;

/// Arguments that go before the configuration's files.
#[derive(Clone, Debug, Default, Args)]
pub struct PlannerFlags {
    /// Who drafts: fixed (the directive's own steps), model, command (an agent's command line) or manual (files).
    #[arg(long, value_name = "NAME")]
    pub planner: Option<String>,
    /// Which provider or agent is asked; see `countersign providers list`.
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,
    /// Which model is asked, as the provider names it.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Where the provider is reached, where that is elsewhere than usual.
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// Where the provider's key is: `env:NAME` or `file:PATH`; never the key itself.
    #[arg(long, value_name = "WHERE")]
    pub model_key: Option<String>,
    /// The most tokens of one answer.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_output_tokens: Option<u32>,
    /// How long one answer may take.
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
}

/// Arguments of planners that ask somebody.
#[derive(Clone, Debug, Default, Args)]
pub struct AskArgs {
    /// Who drafts, and who is asked.
    #[command(flatten)]
    pub flags: PlannerFlags,
    /// With the planner `manual`: the file of the answer.
    #[arg(long, value_name = "FILE")]
    pub answer: Option<PathBuf>,
    /// An answer to a question that the planner asked; may be given more than once.
    #[arg(long, value_name = "ID=TEXT")]
    pub reply: Vec<String>,
    /// What should be different from the plan that is revised, beside what was said when it was rejected.
    #[arg(long, value_name = "TEXT", requires = "revise")]
    pub feedback: Vec<String>,
    /// Talk with the planner at this terminal until the plan is good; it ends in a sealed plan or in nothing.
    #[arg(short = 'I', long)]
    pub interactive: bool,
    /// Write what is asked and answered to this new file, so that it can be played again.
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    pub record: Option<PathBuf>,
    /// Ask nobody: take the answers from a file that `--record` wrote. The plan says so.
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
}

/// Arguments of a second reviewer; any of them asks one.
#[derive(Clone, Debug, Default, Args)]
pub struct SecondArgs {
    /// Ask a model for a second opinion, the one that the configuration names; so does every flag that says whom or how. It
    /// may object or annotate, is shown, and never approves.
    #[arg(long)]
    pub ask: bool,
    /// Who is asked.
    #[command(flatten)]
    pub flags: PlannerFlags,
    /// How many opinions are asked for, one after the other, each knowing what the earlier ones found.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=3))]
    pub rounds: Option<u8>,
    /// With `--planner manual`: the file of the answer.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["replay", "rounds"])]
    pub answer: Option<PathBuf>,
    /// Write what is asked and answered to this new file, so that it can be played again.
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    pub record: Option<PathBuf>,
    /// Ask nobody: take the answers from a file that `--record` wrote.
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
}

impl SecondArgs {
    /// Tells whether anybody is to be asked.
    #[must_use]
    pub fn asks(&self) -> bool {
        let PlannerFlags { planner, provider, model, endpoint, model_key, max_output_tokens, timeout } = &self.flags;
        let texts = [planner, provider, model, endpoint, model_key, timeout];
        let files = [&self.answer, &self.record, &self.replay];
        self.ask
            || texts.iter().any(|flag| flag.is_some())
            || files.iter().any(|flag| flag.is_some())
            || max_output_tokens.is_some()
            || self.rounds.is_some()
    }
}
