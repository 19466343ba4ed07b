//! Arguments of verification and execution.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::args::{ReportFiles, SignerArgs};

/// Arguments of `verify`.
#[derive(Debug, ClapArgs)]
pub struct VerifyArgs {
    /// The plan: a file, or a digest on the ledger, of which the first 8 digits are enough.
    #[arg(value_name = "PLAN", required_unless_present = "bundle")]
    pub plan: Option<String>,
    /// Verify a bundle instead.
    #[arg(long, value_name = "FILE", conflicts_with = "plan", requires = "offline")]
    pub bundle: Option<PathBuf>,
    /// Use nothing but the bundle and the pinned digest.
    #[arg(long, requires = "bundle")]
    pub offline: bool,
    /// The trust root's digest that you were told; by default the pinned one.
    #[arg(long, value_name = "DIGEST")]
    pub trust_root: Option<String>,
    /// Write the verification result, a signed statement, to this file; `-` is standard output.
    #[arg(long, value_name = "FILE", conflicts_with = "bundle")]
    pub svr: Option<PathBuf>,
    /// Where the result is written too.
    #[command(flatten)]
    pub files: ReportFiles,
    /// What shows which CI job this is; by default a token wherever the trust root lists an issuer.
    #[arg(long, value_enum, conflicts_with = "bundle")]
    pub identity: Option<IdentityArg>,
}

/// What shows which CI job runs; COUNTERSIGN_IDENTITY says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum IdentityArg {
    /// Nothing beside the key that signs.
    Key,
    /// A token of an issuer that the trust root lists.
    Oidc,
}

/// Arguments of `execute`.
#[derive(Debug, ClapArgs)]
pub struct ExecuteArgs {
    /// The plan: a file, or a digest on the ledger, of which the first 8 digits are enough.
    #[arg(value_name = "PLAN")]
    pub plan: String,
    /// Run every check and print what would run; execute and record nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Go on with a run that stopped; finished steps are skipped.
    #[arg(long, value_name = "RUN")]
    pub resume: Option<String>,
    /// Claim a run and start nothing: other jobs then run its steps with --join, and the last goes on with --resume.
    #[arg(long, conflicts_with_all = ["resume", "dry_run", "bundle", "provenance", "csv"])]
    pub claim: bool,
    /// Run some steps of a run that was claimed with --claim; each once, whoever comes first.
    #[arg(long, value_name = "RUN", requires = "only", conflicts_with_all = ["resume", "claim"])]
    pub join: Option<String>,
    /// With --join: a step that waits for nothing more; may be given more than once.
    #[arg(long, value_name = "STEP", requires = "join")]
    pub only: Vec<String>,
    /// Write the evidence bundle to this file; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<PathBuf>,
    /// Write SLSA provenance of the declared output files, a signed statement, to this file; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub provenance: Option<PathBuf>,
    /// Write a table of all steps to this file, as comma-separated values: what each was for, and how it ended; `-`
    /// is standard output.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Steps at once, at most what the policy allows.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub parallel: Option<u32>,
    /// Change no comment on the forge: write a new one each time, for auditors.
    #[arg(long)]
    pub append_only: bool,
    /// What shows which CI job this is; by default a token wherever the trust root lists an issuer.
    #[arg(long, value_enum)]
    pub identity: Option<IdentityArg>,
    /// The key that signs the record; it must have the duty `executor`.
    #[command(flatten)]
    pub signer: SignerArgs,
    /// Where the result is written too.
    #[command(flatten)]
    pub files: ReportFiles,
}

/// Arguments of `bundle`.
#[derive(Debug, ClapArgs)]
pub struct BundleArgs {
    /// The plan: a file, or a digest on the ledger, of which the first 8 digits are enough.
    #[arg(value_name = "PLAN")]
    pub plan: String,
    /// Where to write it; `-` is standard output.
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
}
