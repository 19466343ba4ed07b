//! The files that a command line asks to be written, and those that it has read.

use std::path::{Path, PathBuf};

use super::{
    args::{Command, ExecuteArgs, KeysCommand, LedgerCommand, PolicyCommand, ReportFiles, SignerArgs},
    planner_args::PlannerFlags,
};

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

/// The option that takes down what is asked and answered: the only file that is written while a command works.
pub const RECORD: &str = "--record";

impl Command {
    /// Returns every file that the command will write at a path that was named to it.
    #[must_use]
    pub fn outputs(&self) -> Vec<Named<'_>> {
        const OUT: &str = "--out";
        let own = match self {
            Self::Plan(args) => vec![(OUT, args.out.as_deref()), (RECORD, args.asking.record.as_deref())],
            Self::Review(args) => vec![(RECORD, args.second.record.as_deref())],
            Self::Render(args) => vec![(OUT, args.out.as_deref())],
            Self::Approve(args) => vec![(OUT, args.out.as_deref())],
            Self::Verify(args) => vec![("--svr", args.svr.as_deref())],
            // Its reports are among them.
            Self::Execute(args) => return args.outputs(),
            Self::Ledger(LedgerCommand::Export { out } | LedgerCommand::Checkpoint { out, .. }) => {
                vec![(OUT, out.as_deref())]
            }
            Self::Keys(KeysCommand::Generate { out, .. }) => vec![(OUT, out.as_deref())],
            Self::Fetch(args) => vec![(OUT, Some(args.out.as_path()))],
            Self::Bundle(args) => vec![(OUT, Some(args.out.as_path()))],
            _ => Vec::new(),
        };
        named(own.into_iter().chain(self.report_files().into_iter().flat_map(of_reports)))
    }

    /// Returns every path that the command may read from: of directives, plans, bundles, answers, recordings and keys.
    ///
    /// A plan or a key that is named otherwise is among them too; there is no such file then.
    #[must_use]
    pub fn inputs(&self) -> Vec<&Path> {
        // Every command is named: one that is added has to say what it reads.
        match self {
            Self::Try(args) => of_directive(&args.directive).into_iter().collect(),
            Self::Open(args) => of_directive(&args.directive).into_iter().collect(),
            Self::Plan(args) => {
                let asking = &args.asking;
                let named = of_directive(&args.directive).into_iter().chain(args.revise.as_deref().map(Path::new));
                let played = asking.answer.as_deref().into_iter().chain(asking.replay.as_deref());
                named.chain(played).chain(of_model(&asking.flags)).chain(of_signer(&args.signer)).collect()
            }
            Self::Review(args) => {
                let second = &args.second;
                let played = second.answer.as_deref().into_iter().chain(second.replay.as_deref());
                std::iter::once(Path::new(&args.plan)).chain(played).chain(of_model(&second.flags)).collect()
            }
            Self::Propose(args) => std::iter::once(args.plan.as_path()).chain(of_signer(&args.signer)).collect(),
            Self::Comment(args) => vec![&args.event],
            Self::Diff(args) => vec![Path::new(&args.old), Path::new(&args.new)],
            Self::Render(args) => vec![Path::new(&args.plan)],
            Self::Bundle(args) => vec![Path::new(&args.plan)],
            Self::Policy(PolicyCommand::Explain(args)) => vec![Path::new(&args.plan)],
            Self::Policy(PolicyCommand::Simulate { plan, .. }) => vec![Path::new(plan)],
            Self::Approve(args) => of_plan(&args.plan, &args.signer),
            Self::Reject(args) => of_plan(&args.plan, &args.signer),
            Self::Execute(args) => of_plan(&args.plan, &args.signer),
            Self::Note(args) => {
                let text = args.text.as_deref().filter(|text| !is_stdout(text));
                text.into_iter().chain(of_plan(&args.plan, &args.signer)).collect()
            }
            Self::Revoke(args) => args.plan.iter().map(Path::new).chain(of_signer(&args.signer)).collect(),
            Self::Resolve(args) => of_signer(&args.signer).collect(),
            Self::Halt(args) => of_signer(&args.signer).collect(),
            Self::Verify(args) => args.plan.iter().map(Path::new).chain(args.bundle.as_deref()).collect(),
            Self::Status(args) => args.subject.iter().map(Path::new).collect(),
            Self::Keys(command) => of_keys(command),
            Self::Ledger(LedgerCommand::Verify { against }) => against.iter().map(PathBuf::as_path).collect(),
            Self::Ledger(LedgerCommand::Checkpoint { signer, .. }) => of_signer(signer).collect(),
            Self::Ledger(LedgerCommand::Log { .. } | LedgerCommand::Show { .. } | LedgerCommand::Export { .. })
            | Self::Policy(PolicyCommand::Check(_))
            | Self::Init(_)
            | Self::Directives(_)
            | Self::Pipelines(_)
            | Self::Dispatch(_)
            | Self::Fetch(_)
            | Self::List(_)
            | Self::History(_)
            | Self::Stats
            | Self::Doctor(_)
            | Self::Action
            | Self::Providers(_)
            | Self::Config(_)
            | Self::Schema(_)
            | Self::Reasons(_)
            | Self::Completions(_)
            | Self::Man => Vec::new(),
        }
    }
}

impl ExecuteArgs {
    /// Returns every file that the run will write at a path that was named to it, its reports among them.
    #[must_use]
    pub fn outputs(&self) -> Vec<Named<'_>> {
        let own = [
            ("--bundle", self.bundle.as_deref()),
            ("--provenance", self.provenance.as_deref()),
            ("--csv", self.csv.as_deref()),
        ];
        named(own.into_iter().chain(of_reports(&self.files)))
    }
}

/// An option, and the path that it names, where it is given.
type Asked<'a> = (&'static str, Option<&'a Path>);

fn named<'a>(options: impl Iterator<Item = Asked<'a>>) -> Vec<Named<'a>> {
    options.filter_map(|(option, path)| Some(Named { option, path: path? })).collect()
}

fn of_reports(files: &ReportFiles) -> [Asked<'_>; 3] {
    [("--junit", files.junit.as_deref()), ("--sarif", files.sarif.as_deref()), ("--summary", files.summary.as_deref())]
}

fn of_keys(command: &KeysCommand) -> Vec<&Path> {
    let (file, signer) = match command {
        KeysCommand::Enrol(args) => (args.public_key.as_deref(), Some(&args.signer)),
        KeysCommand::Gate(args) => (args.jwks.as_deref(), Some(&args.signer)),
        KeysCommand::Issuer(args) => (None, Some(&args.signer)),
        KeysCommand::Revoke { signer, .. }
        | KeysCommand::Renew { signer, .. }
        | KeysCommand::Threshold { signer, .. }
        | KeysCommand::Sign { signer } => (None, Some(signer)),
        KeysCommand::Public { name } => (Some(Path::new(name)), None),
        KeysCommand::Generate { .. } | KeysCommand::Show | KeysCommand::Trust { .. } => (None, None),
    };
    file.into_iter().chain(signer.into_iter().flat_map(of_signer)).collect()
}

/// Returns a directive's path; a name is none, whatever else lies there.
fn of_directive(named: &str) -> Option<&Path> {
    Some(Path::new(named)).filter(|_| named.ends_with(".md"))
}

fn of_plan<'a>(plan: &'a str, signer: &'a SignerArgs) -> Vec<&'a Path> {
    std::iter::once(Path::new(plan)).chain(of_signer(signer)).collect()
}

/// Returns the file of a provider's key, where it is in one.
fn of_model(flags: &PlannerFlags) -> Option<&Path> {
    flags.model_key.as_deref()?.strip_prefix("file:").map(Path::new)
}

fn of_signer(signer: &SignerArgs) -> impl Iterator<Item = &Path> {
    signer.key.iter().map(Path::new).chain(signer.ssh.as_deref())
}
