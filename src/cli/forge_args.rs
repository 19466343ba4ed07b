//! Arguments of what speaks with a forge: proposals, comments, change requests, workflows.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::args::SignerArgs;

/// A forge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ForgeArg {
    /// GitHub, in the cloud or on a host of one's own.
    Github,
}

/// Arguments of `propose`.
#[derive(Debug, ClapArgs)]
pub struct ProposeArgs {
    /// The draft's file.
    #[arg(value_name = "FILE")]
    pub plan: PathBuf,
    /// Change no comment: write a new one each time, for auditors.
    #[arg(long)]
    pub append_only: bool,
    /// The planner's key.
    #[command(flatten)]
    pub signer: SignerArgs,
}

/// Arguments of `comment`.
#[derive(Debug, ClapArgs)]
pub struct CommentArgs {
    /// The file in which the forge says what happened.
    #[arg(long, value_name = "FILE")]
    pub event: PathBuf,
    /// Change no comment: write a new one each time, for auditors.
    #[arg(long)]
    pub append_only: bool,
}

/// Arguments of `open`.
#[derive(Debug, ClapArgs)]
pub struct OpenArgs {
    /// The directive that the change request is for, by name or path.
    #[arg(value_name = "DIRECTIVE")]
    pub directive: String,
    /// The branch, which must be on the forge at the commit that is checked out here; by default the present one.
    #[arg(long, value_name = "BRANCH")]
    pub branch: Option<String>,
}

/// Arguments of `dispatch`.
#[derive(Debug, ClapArgs)]
pub struct DispatchArgs {
    /// The workflow's file name, such as `release.yml`.
    #[arg(value_name = "WORKFLOW")]
    pub workflow: String,
    /// The branch to start it at; by default the base that the trust root names.
    #[arg(long = "ref", value_name = "BRANCH")]
    pub branch: Option<String>,
    /// An input of the workflow, `name=value`; may be given more than once.
    #[arg(short, long = "input", value_name = "NAME=VALUE")]
    pub input: Vec<String>,
}

/// Arguments of `fetch`.
#[derive(Debug, ClapArgs)]
pub struct FetchArgs {
    /// The number of the run.
    #[arg(value_name = "RUN")]
    pub run: u64,
    /// SHA-256 of the archive, as the job that uploaded it told it.
    #[arg(long, value_name = "DIGEST")]
    pub digest: String,
    /// Where to write it; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}
