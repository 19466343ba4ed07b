//! Arguments of what drafts, shows and judges plans.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use super::{
    args::SignerArgs,
    planner_args::{AskArgs, SecondArgs},
};

/// Arguments of `plan`.
#[derive(Debug, Default, ClapArgs)]
pub struct PlanArgs {
    /// The directive: its path, or its name.
    #[arg(value_name = "DIRECTIVE")]
    pub directive: String,
    /// An input, `name=value`; may be given more than once.
    #[arg(short, long = "input", value_name = "NAME=VALUE")]
    pub input: Vec<String>,
    /// Write the plan to this file; `-` is standard output.
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
    /// The earlier plan: a file, or a digest on the ledger, of which the first 8 digits are enough.
    #[arg(value_name = "OLD")]
    pub old: String,
    /// The later plan.
    #[arg(value_name = "NEW")]
    pub new: String,
}

/// A plan and nothing else.
#[derive(Debug, ClapArgs)]
pub struct PlanOnly {
    /// The plan: a file, or a digest on the ledger, of which the first 8 digits are enough.
    #[arg(value_name = "PLAN")]
    pub plan: String,
}

/// Arguments of `review`.
#[derive(Debug, Default, ClapArgs)]
pub struct ReviewArgs {
    /// The plan: a file, or a digest on the ledger, of which the first 8 digits are enough.
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
    /// Write the result as JUnit XML to this file; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write the findings and failed checks as SARIF to this file; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
    /// Write the job summary, in Markdown, to this file; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
}

/// Arguments of `render`.
#[derive(Debug, ClapArgs)]
pub struct RenderArgs {
    /// The plan: a file, or a digest on the ledger, of which the first 8 digits are enough.
    #[arg(value_name = "PLAN")]
    pub plan: String,
    /// The form.
    #[arg(short, long, value_enum, default_value = "terminal")]
    pub format: ViewFormat,
    /// Write to this file instead of standard output, which `-` is too.
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
        /// The plan: a file, or a digest on the ledger, of which the first 8 digits are enough.
        #[arg(value_name = "PLAN")]
        plan: String,
        /// Login of a person; may be given more than once.
        #[arg(long = "as", value_name = "LOGIN")]
        people: Vec<String>,
    },
}
