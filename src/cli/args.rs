//! The command line's grammar.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

pub use super::{
    decision_args::{ApproveArgs, GateArg, HaltArgs, NoteArgs, RejectArgs, ResolveArgs, RevokeArgs, ScopeArg},
    forge_args::{CommentArgs, DispatchArgs, FetchArgs, ForgeArg, OpenArgs, ProposeArgs},
    key_args::{EnrolArgs, GateArgs, IssuerArgs, KeysCommand},
    plan_args::{DiffArgs, PlanArgs, PlanOnly, PolicyCommand, RenderArgs, ReportFiles, ReviewArgs, ViewFormat},
    record_args::{HistoryArgs, LedgerCommand, ListArgs, StatusArgs},
    run_args::{BundleArgs, ExecuteArgs, IdentityArg, VerifyArgs},
    setup_args::{ConfigCommand, DoctorArgs, InitArgs, ProvidersCommand, TryArgs},
};

/// Agents propose, people countersign, CI executes exactly that.
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version,
    max_term_width = 100,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Examples:\n  countersign try directives/inventory.md      see the whole loop in a scratch clone\n  countersign init --solo                      set this repository up\n  countersign plan directives/release.md -i version=1.2.0\n\nExit codes: 0 done, 1 internal, 2 usage, 3 refused, 4 approval pending, 5 verification failed,\n6 stale, 7 a step failed, 8 a limit, 9 contended, 10 outcome unknown, 11 no sandbox."
)]
pub struct Args {
    /// Options that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct Global {
    /// Work in this folder instead of the present one.
    #[arg(short = 'C', long = "directory", global = true, value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// Print one JSON object on standard output; text for people goes to standard error.
    #[arg(long, global = true)]
    pub json: bool,
    /// Say at the end how many requests were sent to the forge.
    #[arg(long, global = true)]
    pub stats: bool,
    /// Print nothing but errors; commands that show something still show it, and `--json` prints its object.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// When to use colour; NO_COLOR is honoured.
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value = "auto")]
    pub color: ColorChoice,
    /// Which CI takes outputs, summary and annotations; without it COUNTERSIGN_CI, else what the environment says.
    #[arg(long, global = true, value_name = "CI", value_enum)]
    pub ci: Option<CiChoice>,
    /// Append one JSON object a line to this file, as things happen; `-` is standard error.
    #[arg(long, global = true, value_name = "FILE")]
    pub events: Option<PathBuf>,
}

/// Which CI takes outputs, summary and annotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CiChoice {
    /// What the environment says.
    Auto,
    /// GitHub's runner.
    Github,
    /// None: plain text.
    None,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, and it lives as long as the process")]
pub enum Command {
    /// Try the whole loop on this repository, in a scratch clone, with throw-away keys.
    #[command(after_help = "Example:\n  countersign try directives/inventory.md")]
    Try(TryArgs),
    /// Set this repository up: policy, trust root, example, keys, ledger.
    #[command(
        after_help = "Example:\n  countersign init --solo && git add .countersign directives pipelines && git commit -m 'Set up countersign'"
    )]
    Init(InitArgs),
    /// Make, show and change keys and the trust root.
    #[command(subcommand, after_help = "Examples:\n  countersign keys show\n  countersign keys generate ada")]
    Keys(KeysCommand),
    /// List and check directives.
    #[command(subcommand, after_help = "Example:\n  countersign directives check")]
    Directives(ListCheck),
    /// List, check and show pipelines.
    #[command(subcommand, after_help = "Example:\n  countersign pipelines check")]
    Pipelines(PipelinesCommand),
    /// Draft a plan from a directive, seal it and record it.
    #[command(after_help = "Example:\n  countersign plan directives/release.md -i version=1.2.0 --out plan.json")]
    Plan(PlanArgs),
    /// Record a draft that another job made, and ask for approval where people see it.
    #[command(
        after_help = "Example:\n  countersign plan deploy --change-request 7 --draft --out plan.json && countersign propose plan.json"
    )]
    Propose(ProposeArgs),
    /// Open a draft change request for the present branch, or find the one that is open, so that a plan can name it.
    #[command(
        after_help = "Example:\n  git push -u origin HEAD && countersign open directives/release.md && countersign plan release --change-request 7"
    )]
    Open(OpenArgs),
    /// Start a workflow on the forge, by `workflow_dispatch`.
    #[command(after_help = "Example:\n  countersign dispatch release.yml -i version=1.2.0")]
    Dispatch(DispatchArgs),
    /// Take the archive that a run of CI left behind, by its digest.
    #[command(after_help = "Example:\n  countersign fetch 1700 --digest sha256:<64 hex> --out bundle.zip")]
    Fetch(FetchArgs),
    /// Do what a comment on the forge asks for, if who wrote it may: the one entry for comment commands.
    #[command(after_help = "Example:\n  countersign comment --event \"$GITHUB_EVENT_PATH\"")]
    Comment(CommentArgs),
    /// Show what changed between two plans, in a reviewer's words.
    #[command(after_help = "Example:\n  countersign diff old.json new.json")]
    Diff(DiffArgs),
    /// Show the view of a plan: what an approver signs.
    #[command(after_help = "Example:\n  countersign render plan.json --format markdown")]
    Render(RenderArgs),
    /// Check a plan against the policy; never executes, and exits 0 whatever the decision.
    #[command(
        after_help = "Examples:\n  countersign review plan.json --json\n  countersign review plan.json --model MODEL          asks a model too; what it says is shown, and approves nothing"
    )]
    Review(ReviewArgs),
    /// Check, explain and simulate the policy.
    #[command(subcommand, after_help = "Examples:\n  countersign policy check\n  countersign policy explain plan.json")]
    Policy(PolicyCommand),
    /// Approve exactly this plan: by key, by SSH key, by policy, or at the terminal.
    #[command(
        after_help = "Examples:\n  countersign approve plan.json                          at the terminal: read, then type\n  countersign approve plan.json --key ada --digest sha256:<64 hex>\n  countersign approve plan.json --ssh ~/.ssh/id_ed25519 --digest sha256:<64 hex>\n  countersign approve plan.json --policy\n\nAsked at the terminal, `no`, the end of input, five wrong answers and silence are a signed rejection, which ends the plan; so is asking where nobody types: in a pipe, without --key, --ssh or --policy."
    )]
    Approve(ApproveArgs),
    /// Reject a plan, for good.
    #[command(after_help = "Example:\n  countersign reject plan.json --reason 'touches the wrong table'")]
    Reject(RejectArgs),
    /// Write something about a plan, or put labels on it, whatever became of it; it permits and forbids nothing.
    #[command(
        after_help = "Examples:\n  countersign note plan.json 'waits for the window on Friday' --label friday\n  countersign note plan.json --unlabel friday\n  git log -1 --format=%B | countersign note plan.json --text -"
    )]
    Note(NoteArgs),
    /// Take back an approval, or all approvals of a plan.
    #[command(after_help = "Example:\n  countersign revoke --plan plan.json --reason 'found a mistake'")]
    Revoke(RevokeArgs),
    /// Run every check that execution runs, and execute nothing.
    #[command(
        after_help = "Examples:\n  countersign verify plan.json\n  countersign verify --bundle bundle.json --offline --trust-root sha256:<64 hex>"
    )]
    Verify(VerifyArgs),
    /// Verify, claim and execute an approved plan.
    #[command(after_help = "Example:\n  countersign execute plan.json --bundle bundle.json")]
    Execute(ExecuteArgs),
    /// Say how a step of unknown outcome is to be taken.
    #[command(
        after_help = "Example:\n  countersign resolve run-1a2b3c --step migrate --as retry --reason 'checked: nothing was applied'"
    )]
    Resolve(ResolveArgs),
    /// Stop everything in this repository before its next step, or let it go on.
    #[command(
        after_help = "Example:\n  countersign halt --reason 'incident 42'\n  countersign halt --lift --reason 'incident 42 is over'"
    )]
    Halt(HaltArgs),
    /// Write everything about a plan into one file that verifies offline.
    #[command(after_help = "Example:\n  countersign bundle plan.json --out bundle.json")]
    Bundle(BundleArgs),
    /// Verify, read and export the ledger.
    #[command(subcommand, after_help = "Examples:\n  countersign ledger verify\n  countersign ledger log")]
    Ledger(LedgerCommand),
    /// Show where a plan or a run stands.
    #[command(after_help = "Example:\n  countersign status plan.json")]
    Status(StatusArgs),
    /// List plans and where they stand.
    #[command(after_help = "Example:\n  countersign list --status awaiting-approval")]
    List(ListArgs),
    /// Show decisions, runs and notes, the newest first.
    #[command(after_help = "Example:\n  countersign history --limit 20")]
    History(HistoryArgs),
    /// Count plans, decisions, runs and steps, and what planning used.
    #[command(after_help = "Example:\n  countersign stats --json")]
    Stats,
    /// Check this machine: sandbox, git, keys, trust root, ledger; and what protects the gate on the forge.
    #[command(after_help = "Example:\n  countersign doctor --forge github")]
    Doctor(DoctorArgs),
    /// Run the command that the inputs of a CI step stand for: COUNTERSIGN_INPUT_COMMAND and its like.
    #[command(
        after_help = "Example:\n  COUNTERSIGN_INPUT_COMMAND=verify COUNTERSIGN_INPUT_PLAN=plan.json countersign action"
    )]
    Action,
    /// List what can be asked for plans, and say what is missing to ask it.
    #[command(subcommand, after_help = "Example:\n  countersign providers check")]
    Providers(ProvidersCommand),
    /// Show the configuration.
    #[command(subcommand, after_help = "Example:\n  countersign config show --origin")]
    Config(ConfigCommand),
    /// Print the JSON Schema of a format, or list the formats.
    #[command(after_help = "Example:\n  countersign schema plan")]
    Schema(SchemaArgs),
    /// List the reason codes, or explain one.
    #[command(after_help = "Example:\n  countersign reasons approval.stale")]
    Reasons(ReasonsArgs),
    /// Print shell completions.
    #[command(after_help = "Example:\n  countersign completions bash > /etc/bash_completion.d/countersign")]
    Completions(CompletionsArgs),
    /// Print the manual page, in roff.
    #[command(after_help = "Example:\n  countersign man > countersign.1")]
    Man,
}

impl Command {
    /// Returns the files that the result is to be written to besides.
    #[must_use]
    pub fn report_files(&self) -> Option<&ReportFiles> {
        match self {
            Self::Plan(args) => Some(&args.files),
            Self::Review(args) => Some(&args.files),
            Self::Verify(args) => Some(&args.files),
            Self::Execute(args) => Some(&args.files),
            Self::Doctor(args) => Some(&args.files),
            Self::Directives(ListCheck::Check(files))
            | Self::Pipelines(PipelinesCommand::Check(files))
            | Self::Policy(PolicyCommand::Check(files)) => Some(files),
            _ => None,
        }
    }
}

/// Which key signs.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct SignerArgs {
    /// Name or path of your ed25519 key; by default the only one that fits.
    #[arg(long = "key", id = "signing-key", value_name = "KEY", conflicts_with = "ssh")]
    pub key: Option<String>,
    /// Path of your OpenSSH key; a passphrase is asked for by ssh-keygen, an agent is used where there is one.
    #[arg(long, value_name = "FILE")]
    pub ssh: Option<PathBuf>,
}

/// List or check.
#[derive(Debug, Subcommand)]
pub enum ListCheck {
    /// List them.
    #[command(after_help = "Example:\n  countersign directives list")]
    List,
    /// Check them all, and show every error in one pass.
    #[command(after_help = "Example:\n  countersign directives check")]
    Check(ReportFiles),
}

/// What to do with pipelines.
#[derive(Debug, Subcommand)]
pub enum PipelinesCommand {
    /// List them.
    #[command(after_help = "Example:\n  countersign pipelines list")]
    List,
    /// Check them all, and show every error in one pass.
    #[command(after_help = "Example:\n  countersign pipelines check")]
    Check(ReportFiles),
    /// Show one, with all defaults filled in.
    #[command(after_help = "Example:\n  countersign pipelines show inventory")]
    Show {
        /// The pipeline's name.
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// Arguments of `schema`.
#[derive(Debug, ClapArgs)]
pub struct SchemaArgs {
    /// The format; without it, all names are listed.
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
}

/// Arguments of `reasons`.
#[derive(Debug, ClapArgs)]
pub struct ReasonsArgs {
    /// The code; without it, all are listed.
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

/// Arguments of `completions`.
#[derive(Debug, ClapArgs)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_grammar_is_sound() {
        super::Args::command().debug_assert();
    }

    fn commands(of: &clap::Command) -> Vec<clap::Command> {
        of.get_subcommands().flat_map(|sub| std::iter::once(sub.clone()).chain(commands(sub))).collect()
    }

    #[test]
    fn every_command_has_help_with_an_example_or_subcommands() {
        for command in commands(&super::Args::command()) {
            let has_example = command.get_after_help().is_some_and(|help| help.to_string().contains("Example"));
            assert!(has_example || command.has_subcommands(), "{}", command.get_name());
        }
    }
}
