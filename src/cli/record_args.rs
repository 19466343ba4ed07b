//! Arguments of what reads the ledger.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::{Args as ClapArgs, Subcommand};

use super::args::SignerArgs;

/// What to do with the ledger.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Verify the whole chain: every entry, signature and role.
    #[command(
        after_help = "Examples:\n  countersign ledger verify\n  countersign ledger verify --against ../checkpoint.json"
    )]
    Verify {
        /// A checkpoint that was kept elsewhere, which the ledger must agree with; may be given several times.
        #[arg(long, value_name = "FILE")]
        against: Vec<PathBuf>,
    },
    /// List entries, the newest first.
    #[command(after_help = "Example:\n  countersign ledger log --limit 20")]
    Log {
        /// How many at the most, 1 and up.
        #[arg(long, value_name = "N", default_value = "50")]
        limit: NonZeroUsize,
    },
    /// Show one entry, whole.
    #[command(after_help = "Examples:\n  countersign ledger show 7\n  countersign ledger show 7 --openssh signature")]
    Show {
        /// The entry's number, from 0.
        #[arg(value_name = "SEQ", value_parser = entry_number)]
        seq: u64,
        /// Write its OpenSSH signatures to this folder, for `ssh-keygen -Y verify`.
        #[arg(long, value_name = "DIR")]
        openssh: Option<PathBuf>,
    },
    /// Print all entries as JSON lines.
    #[command(after_help = "Example:\n  countersign ledger export --out ledger.jsonl")]
    Export {
        /// Write to this file instead of standard output, which `-` is too.
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Verify everything and sign that it was so.
    #[command(
        after_help = "Examples:\n  countersign ledger checkpoint\n  countersign ledger checkpoint --out ../checkpoint.json"
    )]
    Checkpoint {
        /// Write the signed checkpoint to this file too, to keep where nobody who holds the repository can change it;
        /// `-` is standard output.
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
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
    /// Only plans with this label; may be given several times, for plans with all of them.
    #[arg(long, value_name = "LABEL")]
    pub label: Vec<String>,
    /// How many at the most, 1 and up.
    #[arg(long, value_name = "N", default_value = "50")]
    pub limit: NonZeroUsize,
}

/// Arguments of `history`.
#[derive(Debug, ClapArgs)]
pub struct HistoryArgs {
    /// How many at the most, 1 and up.
    #[arg(long, value_name = "N", default_value = "50")]
    pub limit: NonZeroUsize,
}

/// Reads the number of an entry.
fn entry_number(given: &str) -> Result<u64, String> {
    given.parse().map_err(|_| "it is no number of an entry, such as 7".to_owned())
}
