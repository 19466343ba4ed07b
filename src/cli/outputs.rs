//! The files that a command line asks to be written, and those that it has read.

use std::path::Path;

use super::args::{Command, KeysCommand, LedgerCommand, SignerArgs};

/// A file that an option names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named<'a> {
    /// The option, such as `--out`.
    pub option: &'static str,
    /// The path, as it was typed.
    pub path: &'a Path,
}

impl Named<'_> {
    /// Tells whether it is no file but standard output.
    #[must_use]
    pub fn is_stdout(&self) -> bool {
        is_stdout(self.path)
    }
}

/// Tells whether a path that was asked to be written is `-`, which is standard output.
#[must_use]
pub fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

impl Command {
    /// Returns every file that the command will write at a path that was named to it.
    #[must_use]
    pub fn outputs(&self) -> Vec<Named<'_>> {
        const OUT: &str = "--out";
        let own = match self {
            Self::Plan(args) => vec![(OUT, args.out.as_deref())],
            Self::Render(args) => vec![(OUT, args.out.as_deref())],
            Self::Approve(args) => vec![(OUT, args.out.as_deref())],
            Self::Verify(args) => vec![("--svr", args.svr.as_deref())],
            Self::Execute(args) => vec![
                ("--bundle", args.bundle.as_deref()),
                ("--provenance", args.provenance.as_deref()),
                ("--csv", args.csv.as_deref()),
            ],
            Self::Ledger(LedgerCommand::Export { out } | LedgerCommand::Checkpoint { out, .. }) => {
                vec![(OUT, out.as_deref())]
            }
            Self::Keys(KeysCommand::Generate { out, .. }) => vec![(OUT, out.as_deref())],
            Self::Fetch(args) => vec![(OUT, Some(args.out.as_path()))],
            Self::Bundle(args) => vec![(OUT, Some(args.out.as_path()))],
            _ => Vec::new(),
        };
        let reports = self.report_files().map(|files| {
            [
                ("--junit", files.junit.as_deref()),
                ("--sarif", files.sarif.as_deref()),
                ("--summary", files.summary.as_deref()),
            ]
        });
        let all = own.into_iter().chain(reports.into_iter().flatten());
        all.filter_map(|(option, path)| Some(Named { option, path: path? })).collect()
    }

    /// Returns every path that a command which writes files may read from: of plans, bundles, answers and keys.
    ///
    /// A plan or a key that is named otherwise is among them too; there is no such file then.
    #[must_use]
    pub fn inputs(&self) -> Vec<&Path> {
        match self {
            Self::Plan(args) => {
                // A name is no path, whatever else lies there.
                let directive = Some(args.directive.as_str()).filter(|named| named.ends_with(".md"));
                let named = directive.into_iter().chain(args.revise.as_deref()).map(Path::new);
                named.chain(args.asking.answer.as_deref()).chain(of_signer(&args.signer)).collect()
            }
            Self::Render(args) => vec![Path::new(&args.plan)],
            Self::Review(args) => vec![Path::new(&args.plan)],
            Self::Bundle(args) => vec![Path::new(&args.plan)],
            Self::Approve(args) => std::iter::once(Path::new(&args.plan)).chain(of_signer(&args.signer)).collect(),
            Self::Execute(args) => std::iter::once(Path::new(&args.plan)).chain(of_signer(&args.signer)).collect(),
            Self::Verify(args) => args.plan.iter().map(Path::new).chain(args.bundle.as_deref()).collect(),
            Self::Ledger(LedgerCommand::Checkpoint { signer, .. }) => of_signer(signer).collect(),
            _ => Vec::new(),
        }
    }
}

fn of_signer(signer: &SignerArgs) -> impl Iterator<Item = &Path> {
    signer.key.iter().map(Path::new).chain(signer.ssh.as_deref())
}
