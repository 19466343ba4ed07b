//! Arguments of decisions: approving, rejecting, revoking, resolving, halting.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum, builder::PossibleValue};

use super::args::SignerArgs;
use crate::base::resolve_as::ResolveAs;

/// Arguments of `approve`.
#[derive(Debug, ClapArgs)]
pub struct ApproveArgs {
    /// The plan: a file, or a digest on the ledger, of which the first 8 digits are enough.
    #[arg(value_name = "PLAN")]
    pub plan: String,
    /// The key that signs; without one you are asked at the terminal.
    #[command(flatten)]
    pub signer: SignerArgs,
    /// The plan's full digest, as you read it in the view; needed with --key and --ssh.
    #[arg(long, value_name = "DIGEST")]
    pub digest: Option<String>,
    /// Sign for the people whose decision the forge has on record; for a job that holds a gate's key.
    #[arg(long, value_enum, conflicts_with_all = ["policy", "ssh", "digest"])]
    pub gate: Option<GateArg>,
    /// Let the policy approve, where it permits.
    #[arg(long, conflicts_with_all = ["signing-key", "ssh", "digest"])]
    pub policy: bool,
    /// How often the approval may be used.
    #[arg(long, value_enum, default_value = "single-run")]
    pub scope: ScopeArg,
    /// Uses of a session approval, 1 to 100.
    #[arg(long, value_name = "N")]
    pub max_uses: Option<u32>,
    /// How long the approval is valid, at most what the policy allows.
    #[arg(long, value_name = "DURATION")]
    pub expires: Option<String>,
    /// Why.
    #[arg(long)]
    pub reason: Option<String>,
    /// How long to wait at the terminal before it counts as a rejection.
    #[arg(long, value_name = "DURATION", default_value = "300s")]
    pub timeout: String,
    /// Write the approval to this file too; `-` is standard output.
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Which records of the forge count as decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GateArg {
    /// The release of this very job from the plan's environment.
    Environment,
    /// Reviews of the change request at exactly the plan's head.
    Review,
}

/// How often an approval may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScopeArg {
    /// Once.
    SingleRun,
    /// Up to --max-uses times.
    Session,
}

/// Arguments of `reject`.
#[derive(Debug, ClapArgs)]
pub struct RejectArgs {
    /// The plan: a file, or a digest on the ledger, of which the first 8 digits are enough.
    #[arg(value_name = "PLAN")]
    pub plan: String,
    /// Why; it is recorded and the planner is told.
    #[arg(long)]
    pub reason: String,
    /// The key that signs.
    #[command(flatten)]
    pub signer: SignerArgs,
}

/// Arguments of `note`.
#[derive(Debug, ClapArgs)]
pub struct NoteArgs {
    /// The plan, whatever became of it: a file, or a digest on the ledger, of which the first 8 digits are enough.
    #[arg(value_name = "PLAN")]
    pub plan: String,
    /// What you have to say, 1 to 1,000 characters.
    #[arg(value_name = "TEXT", conflicts_with = "text")]
    pub words: Option<String>,
    /// Read it from this file, or with `-` from standard input; it may be of several lines.
    #[arg(long, value_name = "FILE")]
    pub text: Option<PathBuf>,
    /// Put this label on the plan: 1 to 100 of `A-Z a-z 0-9 _ -`; may be given several times.
    #[arg(long, value_name = "LABEL")]
    pub label: Vec<String>,
    /// Take this label off the plan; may be given several times.
    #[arg(long, value_name = "LABEL")]
    pub unlabel: Vec<String>,
    /// The key that signs.
    #[command(flatten)]
    pub signer: SignerArgs,
}

/// Arguments of `revoke`.
#[derive(Debug, ClapArgs)]
#[command(group(clap::ArgGroup::new("target").required(true).args(["approval", "plan", "revoked_key"])))]
pub struct RevokeArgs {
    /// One approval, by its digest.
    #[arg(long, value_name = "DIGEST")]
    pub approval: Option<String>,
    /// All approvals of a plan, a file or a digest, and so the plan itself: it never runs, and cannot be approved again.
    #[arg(long, value_name = "PLAN")]
    pub plan: Option<String>,
    /// Everything a key signed that is not yet used, by the key's full id.
    #[arg(long = "signed-by", value_name = "KEY")]
    pub revoked_key: Option<String>,
    /// Why.
    #[arg(long)]
    pub reason: String,
    /// The key that signs.
    #[command(flatten)]
    pub signer: SignerArgs,
}

/// Arguments of `resolve`.
#[derive(Debug, ClapArgs)]
pub struct ResolveArgs {
    /// The run.
    #[arg(value_name = "RUN")]
    pub run: String,
    /// The step.
    #[arg(long)]
    pub step: String,
    /// How it is to be taken.
    #[arg(long = "as", value_enum)]
    pub resolve_as: ResolveAs,
    /// Why.
    #[arg(long)]
    pub reason: String,
    /// The key that signs.
    #[command(flatten)]
    pub signer: SignerArgs,
}

impl ValueEnum for ResolveAs {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Retry => "It may run again",
            Self::Skip => "It counts as done",
            Self::Abort => "The run is over",
        };
        Some(PossibleValue::new(self.word()).help(help))
    }
}

/// Arguments of `halt`.
#[derive(Debug, ClapArgs)]
pub struct HaltArgs {
    /// Let everything go on again.
    #[arg(long)]
    pub lift: bool,
    /// Why.
    #[arg(long)]
    pub reason: String,
    /// The key that signs.
    #[command(flatten)]
    pub signer: SignerArgs,
}
