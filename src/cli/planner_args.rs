//! Arguments that say who drafts and who is asked.

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
