//! Arguments of what sets a repository up and looks at the set-up.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::{args::ForgeArg, plan_args::ReportFiles, planner_args::PlannerFlags};

/// Arguments of `try`.
#[derive(Debug, ClapArgs)]
pub struct TryArgs {
    /// The directive to try.
    #[arg(value_name = "DIRECTIVE")]
    pub directive: String,
    /// An input, `name=value`; may be given more than once.
    #[arg(short, long = "input", value_name = "NAME=VALUE")]
    pub input: Vec<String>,
    /// Keep the scratch clone at this place, which must not exist.
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// Arguments of `init`.
#[derive(Debug, ClapArgs)]
pub struct InitArgs {
    /// Your login, for display; by default the part of your git address before the @.
    #[arg(long)]
    pub login: Option<String>,
    /// Your name, for display; by default git's user.name.
    #[arg(long)]
    pub name: Option<String>,
    /// The address under which you commit; by default git's user.email.
    #[arg(long)]
    pub email: Option<String>,
    /// Set up for this forge: people by their accounts, gates that sign for them, and the workflow. Needs GITHUB_TOKEN.
    #[arg(long, value_enum)]
    pub forge: Option<ForgeArg>,
    /// The repository on the forge, `owner/name`; by default that of git's remote `origin`.
    #[arg(long, value_name = "OWNER/NAME", requires = "forge")]
    pub repository: Option<String>,
    /// The commit of the action that the workflow takes, 40 hex digits: the one that its tag `action-v...` names.
    #[arg(long, value_name = "COMMIT", requires = "forge")]
    pub action: Option<String>,
    /// The host of the forge; by default that of git's remote `origin`.
    #[arg(long, value_name = "HOST", requires = "forge")]
    pub host: Option<String>,
    /// A repository of one person: you may approve your own plans. The lower tier is shown in every record.
    #[arg(long)]
    pub solo: bool,
    /// The protected base, by its branch name; by default the present branch.
    #[arg(long, value_name = "BRANCH")]
    pub base: Option<String>,
    /// How long the trust root and your keys are valid.
    #[arg(long, value_name = "DURATION", default_value = "365d")]
    pub valid: String,
}

/// What to do with providers and agents.
#[derive(Debug, Subcommand)]
pub enum ProvidersCommand {
    /// List providers behind HTTP, agents' command lines, and people.
    #[command(after_help = "Example:\n  countersign providers list")]
    List,
    /// Show one: what it needs, what it is given, and how it is started.
    #[command(after_help = "Example:\n  countersign providers show claude")]
    Show {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Say what is missing: key, program or endpoint. Fails where the one that is named, or every one, lacks something.
    #[command(after_help = "Examples:\n  countersign providers check\n  countersign providers check anthropic")]
    Check {
        /// The one to check; by default each.
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// Ask the agent that is named a question that costs next to nothing, as `plan` would.
        #[arg(long, requires = "name")]
        ask: bool,
        /// Where and with what it would be asked.
        #[command(flatten)]
        flags: PlannerFlags,
    },
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show every value: flags, then `.countersign/config.yml` at the protected base, your own config.yml, and defaults.
    #[command(after_help = "Example:\n  countersign config show --origin")]
    Show {
        /// Say where each value comes from.
        #[arg(long)]
        origin: bool,
        /// Flags, as `plan` takes them.
        #[command(flatten)]
        flags: PlannerFlags,
    },
}

/// Arguments of `doctor`.
#[derive(Debug, ClapArgs)]
pub struct DoctorArgs {
    /// Read the settings of the repository on the forge too, with the token in GITHUB_TOKEN.
    #[arg(long, value_name = "FORGE")]
    pub forge: Option<ForgeArg>,
    /// Where the result is written too.
    #[command(flatten)]
    pub files: ReportFiles,
}
