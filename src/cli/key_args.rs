//! Arguments about keys and the trust root.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::args::SignerArgs;

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make an ed25519 key: PKCS#8 PEM, mode 0600, outside the repository.
    #[command(after_help = "Example:\n  countersign keys generate ada")]
    Generate {
        /// The key's name; the file is NAME.pem.
        #[arg(value_name = "NAME")]
        name: String,
        /// Where to write it, instead of the folder of your keys.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Show the trust root: who may sign what, until when.
    #[command(after_help = "Example:\n  countersign keys show")]
    Show,
    /// Add a person or a program, with a key.
    #[command(
        after_help = "Examples:\n  countersign keys enrol --login bob --public-key bob.pub --email bob@example.com --role technical-lead\n  countersign keys enrol --login bob --public-key ~/.ssh/id_ed25519.pub --email bob@example.com"
    )]
    Enrol(EnrolArgs),
    /// Revoke a key in the trust root, from now on.
    #[command(after_help = "Example:\n  countersign keys revoke sha256:<64 hex> --reason 'laptop lost'")]
    Revoke {
        /// The key's full id.
        #[arg(value_name = "KEY")]
        key: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// The root key that signs.
        #[command(flatten)]
        signer: SignerArgs,
    },
    /// Renew the trust root's time of expiry.
    #[command(after_help = "Example:\n  countersign keys renew --valid 365d")]
    Renew {
        /// How long from now on.
        #[arg(long, value_name = "DURATION", default_value = "365d")]
        valid: String,
        /// The root key that signs.
        #[command(flatten)]
        signer: SignerArgs,
    },
    /// Say how many holders of root keys must sign a change of the trust root.
    #[command(after_help = "Example:\n  countersign keys threshold 2")]
    Threshold {
        /// How many; there must be as many people with root keys.
        #[arg(value_name = "N")]
        count: u32,
        /// The root key that signs.
        #[command(flatten)]
        signer: SignerArgs,
    },
    /// Say whose tokens show which CI job runs; from then on nothing executes without one.
    #[command(
        after_help = "Examples:\n  countersign keys issuer https://token.actions.githubusercontent.com --workflow owner/repo/.github/workflows/countersign.yml@refs/heads/main --event workflow_dispatch\n  countersign keys issuer https://token.actions.githubusercontent.com --remove"
    )]
    Issuer(IssuerArgs),
    /// Let jobs sign for people without a key of their own: their CI system vouches for each signature.
    #[command(
        after_help = "Examples:\n  countersign keys gate https://token.actions.githubusercontent.com --id 0 --workflow owner/repo/.github/workflows/countersign.yml@refs/heads/main\n  countersign keys gate https://token.actions.githubusercontent.com --workflow owner/repo/.github/workflows/comment.yml@refs/heads/main --event issue_comment --jwks keys.json"
    )]
    Gate(GateArgs),
    /// Add your root signature to a change of the trust root that waits for more.
    #[command(after_help = "Example:\n  countersign keys sign")]
    Sign {
        /// The root key that signs.
        #[command(flatten)]
        signer: SignerArgs,
    },
    /// Pin the trust root of this repository, after you compared its digest with somebody you know.
    #[command(after_help = "Example:\n  countersign keys trust sha256:<64 hex>")]
    Trust {
        /// The full digest that you were told.
        #[arg(value_name = "DIGEST")]
        digest: String,
    },
    /// Print a public key, in the form that `enrol` takes.
    #[command(after_help = "Example:\n  countersign keys public ada > ada.pub")]
    Public {
        /// The key's name, or the path of its file.
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// Arguments of `keys enrol`.
#[derive(Debug, ClapArgs)]
pub struct EnrolArgs {
    /// Login, for display; unique.
    #[arg(long)]
    pub login: String,
    /// Name, for display; by default the login.
    #[arg(long)]
    pub name: Option<String>,
    /// File with the public key: of `keys public`, or an OpenSSH `.pub` file. Who decides on a forge needs none.
    #[arg(long, value_name = "FILE")]
    pub public_key: Option<PathBuf>,
    /// Numeric id on the host; by default the next free one. On a forge the account's own, which must be given.
    #[arg(long)]
    pub id: Option<u64>,
    /// An address under which the person commits; may be given more than once.
    #[arg(long)]
    pub email: Vec<String>,
    /// A role that the policy asks for; may be given more than once.
    #[arg(long)]
    pub role: Vec<String>,
    /// What the key may sign; may be given more than once.
    #[arg(long, value_name = "DUTY", default_value = "approver", value_parser = ["root", "planner", "approver", "executor", "witness", "policy", "gate"])]
    pub duty: Vec<String>,
    /// It is a program, not a person.
    #[arg(long)]
    pub agent: bool,
    /// How long the key is valid from now on.
    #[arg(long, value_name = "DURATION", default_value = "365d")]
    pub valid: String,
    /// The root key that signs.
    #[command(flatten)]
    pub signer: SignerArgs,
}

/// Arguments of `keys issuer`.
#[derive(Debug, ClapArgs)]
pub struct IssuerArgs {
    /// The issuer's URL, exactly as its tokens say it.
    #[arg(value_name = "URL")]
    pub url: String,
    /// A workflow that may execute: its path, `@`, and a full branch name or a commit's full id; may be given more than once.
    #[arg(long, value_name = "WORKFLOW", required_unless_present = "remove")]
    pub workflow: Vec<String>,
    /// An event that may start it; may be given more than once.
    #[arg(long, value_name = "EVENT", default_value = "workflow_dispatch")]
    pub event: Vec<String>,
    /// What kind of machine must run the job.
    #[arg(long, default_value = "github-hosted", value_parser = ["github-hosted", "self-hosted"])]
    pub runner: String,
    /// An algorithm of its signatures; may be given more than once.
    #[arg(long, default_value = "RS256", value_parser = ["RS256", "ES256"])]
    pub algorithm: Vec<String>,
    /// SHA-256 of its JWKS document, where no other keys are to count.
    #[arg(long, value_name = "DIGEST")]
    pub jwks: Option<String>,
    /// Trust it no more.
    #[arg(long, conflicts_with_all = ["workflow", "jwks"])]
    pub remove: bool,
    /// The root key that signs.
    #[command(flatten)]
    pub signer: SignerArgs,
}

/// Arguments of `keys gate`.
#[derive(Debug, ClapArgs)]
pub struct GateArgs {
    /// The issuer's URL, exactly as its tokens say it.
    #[arg(value_name = "URL")]
    pub url: String,
    /// A workflow whose jobs may sign: its path, `@`, and a full branch name or a commit's full id; may be given more than once.
    #[arg(long, value_name = "WORKFLOW", required = true)]
    pub workflow: Vec<String>,
    /// An event that may start it; may be given more than once.
    #[arg(long, value_name = "EVENT", default_value = "workflow_dispatch")]
    pub event: Vec<String>,
    /// What kind of machine must run the job.
    #[arg(long, default_value = "github-hosted", value_parser = ["github-hosted", "self-hosted"])]
    pub runner: String,
    /// The environment of jobs that answer comments and read reviews, where they are in one.
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// The program as which the jobs sign, by its login.
    #[arg(long, value_name = "LOGIN", default_value = "countersign-gate")]
    pub login: String,
    /// Its numeric id on the forge, where it is not listed yet; an account of its own is not needed.
    #[arg(long, value_name = "ID")]
    pub id: Option<u64>,
    /// The issuer's JWKS document, where the keys are not to be asked for now.
    #[arg(long, value_name = "FILE")]
    pub jwks: Option<PathBuf>,
    /// How long jobs may sign.
    #[arg(long, value_name = "DURATION", default_value = "365d")]
    pub valid: String,
    /// The root key that signs.
    #[command(flatten)]
    pub signer: SignerArgs,
}
