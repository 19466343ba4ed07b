//! The command line's grammar.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use super::planner_args::{AskArgs, PlannerFlags, SecondArgs};
pub use super::{
    decision_args::{ApproveArgs, GateArg, HaltArgs, RejectArgs, ResolveArg, ResolveArgs, RevokeArgs, ScopeArg},
    forge_args::{CommentArgs, DispatchArgs, FetchArgs, ForgeArg, OpenArgs, ProposeArgs},
    key_args::{EnrolArgs, GateArgs, IssuerArgs, KeysCommand},
    run_args::{BundleArgs, ExecuteArgs, IdentityArg, VerifyArgs},
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
        after_help = "Examples:\n  countersign approve plan.json                          at the terminal: read, then type\n  countersign approve plan.json --key ada --digest sha256:<64 hex>\n  countersign approve plan.json --ssh ~/.ssh/id_ed25519 --digest sha256:<64 hex>\n  countersign approve plan.json --policy"
    )]
    Approve(ApproveArgs),
    /// Reject a plan, for good.
    #[command(after_help = "Example:\n  countersign reject plan.json --reason 'touches the wrong table'")]
    Reject(RejectArgs),
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
    /// Show decisions and runs, the newest first.
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

/// Arguments of `plan`.
#[derive(Debug, ClapArgs)]
pub struct PlanArgs {
    /// The directive: its path, or its name.
    #[arg(value_name = "DIRECTIVE")]
    pub directive: String,
    /// An input, `name=value`; may be given more than once.
    #[arg(short, long = "input", value_name = "NAME=VALUE")]
    pub input: Vec<String>,
    /// Write the plan to this file.
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Do not record the plan in the ledger; nobody can approve it then.
    #[arg(long)]
    pub no_record: bool,
    /// Draft only, without any key: for a job that may not sign; `propose` records it.
    #[arg(long, requires = "out", conflicts_with_all = ["no_record", "signing-key", "ssh"])]
    pub draft: bool,
    /// Plan for this change request; its head must have been fetched.
    #[arg(long, value_name = "NUMBER")]
    pub change_request: Option<u64>,
    /// Who asks, where it is not the holder of the key: the numeric id on the forge and the login.
    #[arg(long, value_name = "ID:LOGIN")]
    pub requested_by: Option<String>,
    /// How long the plan is valid, at most what directive and policy allow.
    #[arg(long, value_name = "DURATION")]
    pub expires: Option<String>,
    /// Draft the same plan again: the seed that `plan --json` gave.
    #[arg(long, value_name = "HEX")]
    pub seed: Option<String>,
    /// Draft the same plan again: the time it was made at.
    #[arg(long, value_name = "TIME")]
    pub created_at: Option<String>,
    /// The plan that this one revises; its approvals end.
    #[arg(long, value_name = "PLAN")]
    pub revise: Option<String>,
    /// Who drafts, and who is asked.
    #[command(flatten)]
    pub asking: AskArgs,
    /// Name or path of the key that records the plan.
    #[command(flatten)]
    pub signer: SignerArgs,
    /// Where the result is written too.
    #[command(flatten)]
    pub files: ReportFiles,
}

/// Arguments of `diff`.
#[derive(Debug, ClapArgs)]
pub struct DiffArgs {
    /// The earlier plan: a file, or a digest that the ledger knows.
    #[arg(value_name = "OLD")]
    pub old: String,
    /// The later plan.
    #[arg(value_name = "NEW")]
    pub new: String,
}

/// A plan and nothing else.
#[derive(Debug, ClapArgs)]
pub struct PlanOnly {
    /// The plan: a file, or a digest that the ledger knows.
    #[arg(value_name = "PLAN")]
    pub plan: String,
}

/// Arguments of `review`.
#[derive(Debug, Default, ClapArgs)]
pub struct ReviewArgs {
    /// The plan: a file, or a digest that the ledger knows.
    #[arg(value_name = "PLAN")]
    pub plan: String,
    /// Whether a second reviewer is asked, and which.
    #[command(flatten)]
    pub second: SecondArgs,
    /// Where the result is written too.
    #[command(flatten)]
    pub files: ReportFiles,
}

/// Where the result is written too: each file whole or not at all, also where the command is refused.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct ReportFiles {
    /// Write the result as JUnit XML to this file.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write the findings and failed checks as SARIF to this file.
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
    /// Write the job summary, in Markdown, to this file.
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
}

/// Arguments of `render`.
#[derive(Debug, ClapArgs)]
pub struct RenderArgs {
    /// The plan: a file, or a digest that the ledger knows.
    #[arg(value_name = "PLAN")]
    pub plan: String,
    /// The form.
    #[arg(short, long, value_enum, default_value = "terminal")]
    pub format: ViewFormat,
    /// Write to this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// The form of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ViewFormat {
    /// For a terminal.
    Terminal,
    /// Markdown; its bytes are what an approval binds.
    Markdown,
    /// JSON.
    Json,
    /// One page of HTML.
    Html,
    /// What a planner was asked and what it answered, from the ledger or from beside the file; no part of the view.
    Asked,
    /// The comment that a change request would get, as the policy and GitHub's limit have it.
    Comment,
}

/// What to do with the policy.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Check the policy in the work tree, every error in one pass, and entries that can never match.
    #[command(after_help = "Example:\n  countersign policy check")]
    Check(ReportFiles),
    /// Explain the decision on a plan from both sides: the step, and the line of the policy.
    #[command(after_help = "Example:\n  countersign policy explain plan.json")]
    Explain(PlanOnly),
    /// Say what would be decided if these people approved.
    #[command(after_help = "Example:\n  countersign policy simulate plan.json --as ada --as bob")]
    Simulate {
        /// The plan: a file, or a digest that the ledger knows.
        #[arg(value_name = "PLAN")]
        plan: String,
        /// Login of a person; may be given more than once.
        #[arg(long = "as", value_name = "LOGIN")]
        people: Vec<String>,
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

/// What to do with the ledger.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Verify the whole chain: every entry, signature and role.
    #[command(after_help = "Example:\n  countersign ledger verify")]
    Verify,
    /// List entries, the newest first.
    #[command(after_help = "Example:\n  countersign ledger log --limit 20")]
    Log {
        /// How many at the most.
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Show one entry, whole.
    #[command(after_help = "Examples:\n  countersign ledger show 7\n  countersign ledger show 7 --openssh signature")]
    Show {
        /// The entry's number, from 0.
        #[arg(value_name = "SEQ")]
        seq: u64,
        /// Write its OpenSSH signatures to this folder, for `ssh-keygen -Y verify`.
        #[arg(long, value_name = "DIR")]
        openssh: Option<PathBuf>,
    },
    /// Print all entries as JSON lines.
    #[command(after_help = "Example:\n  countersign ledger export --out ledger.jsonl")]
    Export {
        /// Write to this file instead of standard output.
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Verify everything and sign that it was so.
    #[command(after_help = "Example:\n  countersign ledger checkpoint")]
    Checkpoint {
        /// The key that signs; it must have the duty `executor` or `witness`.
        #[command(flatten)]
        signer: SignerArgs,
    },
}

/// Arguments of `status`.
#[derive(Debug, ClapArgs)]
pub struct StatusArgs {
    /// The plan (a file or a digest) or the run; without it the repository: halted or not, what runs, what waits.
    #[arg(value_name = "PLAN|RUN")]
    pub subject: Option<String>,
}

/// Arguments of `list`.
#[derive(Debug, ClapArgs)]
pub struct ListArgs {
    /// Only plans of this status.
    #[arg(long)]
    pub status: Option<String>,
    /// How many at the most.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
}

/// Arguments of `history`.
#[derive(Debug, ClapArgs)]
pub struct HistoryArgs {
    /// How many at the most.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
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
