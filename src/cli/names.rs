//! What commands are called, and which of them are asked for what they print.

use super::args::{
    Command, ConfigCommand, KeysCommand as Keys, LedgerCommand as Ledger, ListCheck, PipelinesCommand as Pipelines,
    PolicyCommand as Policy, ProvidersCommand as Providers,
};

impl Command {
    /// Returns the command's name as typed, such as `ledger log`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Try(_) => "try",
            Self::Init(_) => "init",
            Self::Keys(Keys::Generate { .. }) => "keys generate",
            Self::Keys(Keys::Show) => "keys show",
            Self::Keys(Keys::Enrol(_)) => "keys enrol",
            Self::Keys(Keys::Revoke { .. }) => "keys revoke",
            Self::Keys(Keys::Renew { .. }) => "keys renew",
            Self::Keys(Keys::Threshold { .. }) => "keys threshold",
            Self::Keys(Keys::Issuer(_)) => "keys issuer",
            Self::Keys(Keys::Gate(_)) => "keys gate",
            Self::Keys(Keys::Sign { .. }) => "keys sign",
            Self::Keys(Keys::Trust { .. }) => "keys trust",
            Self::Keys(Keys::Public { .. }) => "keys public",
            Self::Directives(ListCheck::List) => "directives list",
            Self::Directives(ListCheck::Check(_)) => "directives check",
            Self::Pipelines(Pipelines::List) => "pipelines list",
            Self::Pipelines(Pipelines::Check(_)) => "pipelines check",
            Self::Pipelines(Pipelines::Show { .. }) => "pipelines show",
            Self::Plan(_) => "plan",
            Self::Open(_) => "open",
            Self::Dispatch(_) => "dispatch",
            Self::Fetch(_) => "fetch",
            Self::Propose(_) => "propose",
            Self::Comment(_) => "comment",
            Self::Diff(_) => "diff",
            Self::Render(_) => "render",
            Self::Review(_) => "review",
            Self::Policy(Policy::Check(_)) => "policy check",
            Self::Policy(Policy::Explain(_)) => "policy explain",
            Self::Policy(Policy::Simulate { .. }) => "policy simulate",
            Self::Approve(_) => "approve",
            Self::Reject(_) => "reject",
            Self::Note(_) => "note",
            Self::Revoke(_) => "revoke",
            Self::Verify(_) => "verify",
            Self::Execute(_) => "execute",
            Self::Resolve(_) => "resolve",
            Self::Halt(_) => "halt",
            Self::Bundle(_) => "bundle",
            Self::Ledger(Ledger::Verify { .. }) => "ledger verify",
            Self::Ledger(Ledger::Log { .. }) => "ledger log",
            Self::Ledger(Ledger::Show { .. }) => "ledger show",
            Self::Ledger(Ledger::Export { .. }) => "ledger export",
            Self::Ledger(Ledger::Checkpoint { .. }) => "ledger checkpoint",
            Self::Status(_) => "status",
            Self::List(_) => "list",
            Self::History(_) => "history",
            Self::Stats => "stats",
            Self::Doctor(_) => "doctor",
            Self::Action => "action",
            Self::Providers(Providers::List) => "providers list",
            Self::Providers(Providers::Show { .. }) => "providers show",
            Self::Providers(Providers::Check { .. }) => "providers check",
            Self::Config(ConfigCommand::Show { .. }) => "config show",
            Self::Schema(_) => "schema",
            Self::Reasons(_) => "reasons",
            Self::Completions(_) => "completions",
            Self::Man => "man",
        }
    }

    /// Tells whether the command is asked for what it prints, and so prints it with `--quiet` too.
    #[must_use]
    pub fn shows(&self) -> bool {
        match self {
            Self::Render(args) => args.out.is_none(),
            Self::Ledger(Ledger::Export { out }) => out.is_none(),
            Self::Keys(Keys::Show | Keys::Public { .. })
            | Self::Directives(ListCheck::List)
            | Self::Pipelines(Pipelines::List | Pipelines::Show { .. })
            | Self::Policy(Policy::Explain(_) | Policy::Simulate { .. })
            | Self::Ledger(Ledger::Log { .. } | Ledger::Show { .. })
            | Self::Providers(Providers::List | Providers::Show { .. })
            | Self::Config(_)
            | Self::Diff(_)
            | Self::Review(_)
            | Self::Status(_)
            | Self::List(_)
            | Self::History(_)
            | Self::Stats
            | Self::Schema(_)
            | Self::Reasons(_)
            | Self::Completions(_)
            | Self::Man => true,
            _ => false,
        }
    }
}
