//! The files that a command line asks to be written.

use std::path::Path;

use super::args::{Command, KeysCommand, LedgerCommand};

impl Command {
    /// Returns every file that the command will write at a path that was named to it.
    #[must_use]
    pub fn outputs(&self) -> Vec<&Path> {
        let own = match self {
            Self::Plan(args) => vec![&args.out],
            Self::Render(args) => vec![&args.out],
            Self::Approve(args) => vec![&args.out],
            Self::Verify(args) => vec![&args.svr],
            Self::Execute(args) => vec![&args.bundle, &args.provenance, &args.csv],
            Self::Ledger(LedgerCommand::Export { out } | LedgerCommand::Checkpoint { out, .. }) => vec![out],
            Self::Keys(KeysCommand::Generate { out, .. }) => vec![out],
            Self::Fetch(args) => return vec![&args.out],
            Self::Bundle(args) => return vec![&args.out],
            _ => Vec::new(),
        };
        let reports = self.report_files().map(|files| [&files.junit, &files.sarif, &files.summary]);
        own.into_iter().chain(reports.into_iter().flatten()).filter_map(|path| path.as_deref()).collect()
    }
}
