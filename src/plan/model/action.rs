//! What a step does: programs that run, files that are written, commits and tags.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{digest::Digest, ident::Id, level::Effect, limits::RunLimits, path::RepoPath, value::ValueType};

/// One action of a step, fully expanded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::large_enum_variant, reason = "nearly every action is a run")]
pub enum Action {
    /// Runs a program, never through a shell.
    Run(Run),
    /// Writes a file.
    Write(WriteFile),
    /// Copies a file.
    Copy(CopyFile),
    /// Replaces exact text in a file.
    Patch(PatchFile),
    /// Commits files to the current branch, by this tool itself, with no hooks.
    Commit(CommitFiles),
    /// Makes an annotated tag on the current commit, by this tool itself.
    Tag(Tag),
}

impl Action {
    /// Returns what this action declares to read.
    #[must_use]
    pub fn reads(&self) -> &[Read] {
        match self {
            Self::Run(run) => &run.reads,
            Self::Copy(copy) => std::slice::from_ref(&copy.from),
            Self::Write(_) | Self::Patch(_) | Self::Commit(_) | Self::Tag(_) => &[],
        }
    }

    /// Returns the paths that this action declares to write; a commit and a tag change no file.
    #[must_use]
    pub fn writes(&self) -> &[RepoPath] {
        match self {
            Self::Run(run) => &run.writes,
            Self::Write(write) => std::slice::from_ref(&write.path),
            Self::Copy(copy) => std::slice::from_ref(&copy.to),
            Self::Patch(patch) => std::slice::from_ref(&patch.path),
            Self::Commit(_) | Self::Tag(_) => &[],
        }
    }

    /// Returns the least effect that a step with this action can truly have.
    ///
    /// A commit or a tag is a write, and whatever changes files is more than reading.
    #[must_use]
    pub fn least_effect(&self) -> Effect {
        match self {
            Self::Run(run) if run.writes.is_empty() => Effect::Read,
            Self::Run(_) | Self::Write(_) | Self::Copy(_) | Self::Patch(_) => Effect::Recommend,
            Self::Commit(_) | Self::Tag(_) => Effect::Write,
        }
    }
}

/// Runs a program with an argument list, in a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Run {
    /// The program.
    pub program: Program,
    /// The arguments after the program's own name.
    pub argv: Vec<Arg>,
    /// Working folder.
    pub cwd: RepoPath,
    /// The whole environment, beside the fixed one that the view lists.
    pub env: BTreeMap<String, Arg>,
    /// What may be read, beside the system's own libraries: files and folders in the repository.
    pub reads: Vec<Read>,
    /// What may be written: files and folders in the repository.
    pub writes: Vec<RepoPath>,
    /// What may be read outside the repository, absolute.
    pub system_reads: Vec<String>,
    /// Where it may connect to; none means no socket at all.
    pub network: Vec<Host>,
    /// Names of the secrets that it gets, each as an environment variable of that name.
    pub secrets: Vec<String>,
    /// Exit codes that mean success.
    pub ok_codes: Vec<u8>,
    /// What its processes may use of the machine, where it is not the default.
    #[serde(skip_serializing_if = "RunLimits::is_default", default)]
    pub limits: RunLimits,
    /// Where the typed outputs of the step come from, if from this action.
    pub captures: Vec<Capture>,
}

/// The program that a run action starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Program {
    /// Name in the policy's list of programs.
    pub name: Id,
    /// Absolute path, from the policy.
    pub path: String,
    /// SHA-256 of the binary where the policy pins it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<Digest>,
    /// Whether the program runs code it is handed: a shell, an interpreter, a build tool.
    pub interpreter: bool,
}

/// One argument, or the value of one environment variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Arg {
    /// Fixed text.
    Literal(String),
    /// The absolute path, at run time, of a script in the plan's `scripts`.
    Script(RepoPath),
    /// A value known only at run time.
    Slot(Slot),
    /// The absolute path, at run time, of the step's private scratch folder, then `/` and a plain file name.
    Scratch(String),
}

/// A value known only at run time; it may fill a value, never a program, flag, host or variable name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Slot {
    /// Fixed text before the value, such as `--message=`; empty where the value is the whole argument.
    pub prefix: String,
    /// The step that hands the value on; it must stand in `needs`, directly or through others.
    pub from_step: Id,
    /// The output's name.
    pub output: Id,
    /// The type, the same as the output's.
    #[serde(rename = "type")]
    pub kind: ValueType,
    /// A regular expression the whole value must match.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pattern: Option<String>,
    /// The most bytes the value may have.
    pub max_length: u32,
}

/// A file or folder in the repository that a program may read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Read {
    /// The path.
    pub path: RepoPath,
    /// SHA-256 that the file must have just before the step, where it was a file at the head commit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<Digest>,
    /// Git's id of the folder as the head commit holds it, where it does: what is read below it is what is committed there,
    /// and what the plan itself has written.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tree: Option<String>,
}

impl Read {
    /// Reads a path of which nothing is known yet.
    #[must_use]
    pub fn new(path: RepoPath) -> Self {
        Self { path, digest: None, tree: None }
    }

    /// Tells whether the plan says what is read there.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.digest.is_some() || self.tree.is_some()
    }
}

/// A place on the network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Host {
    /// Lower-case letters, digits, hyphens and dots, or an IP address.
    pub name: String,
    /// TCP port.
    pub port: u16,
}

/// Where one output of a step comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Capture {
    /// The output's name.
    pub output: Id,
    /// How it is read.
    pub from: CaptureFrom,
}

/// How an output is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CaptureFrom {
    /// The whole standard output, without the final line feed.
    Stdout,
    /// The one line of standard output that begins with this text, without it.
    StdoutLine(String),
    /// The content of a file in the repository, without the final line feed.
    File(RepoPath),
    /// The SHA-256 of a file in the repository.
    FileDigest(RepoPath),
}

/// Writes a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WriteFile {
    /// Where to.
    pub path: RepoPath,
    /// Whether the file may be run.
    pub executable: bool,
    /// SHA-256 of `content`.
    pub content_digest: Digest,
    /// The whole content.
    pub content: String,
    /// Whether a file that is there already is replaced; otherwise it is a failure.
    pub replace: bool,
}

/// Copies a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CopyFile {
    /// Where from; the digest is required where the file was there at the head commit.
    pub from: Read,
    /// Where to.
    pub to: RepoPath,
    /// Whether a file that is there already is replaced; otherwise it is a failure.
    pub replace: bool,
}

/// Replaces exact text in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatchFile {
    /// The file.
    pub path: RepoPath,
    /// The exact text that must be there.
    pub find: String,
    /// What takes its place.
    pub replace: String,
    /// How often the text must be there, 1 to 10,000.
    pub count: u32,
}

/// Commits files to the current branch, by this tool itself, with no hooks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommitFiles {
    /// The files; nothing else is committed.
    pub paths: Vec<RepoPath>,
    /// The message.
    pub message: String,
}

/// Makes an annotated tag on the current commit, by this tool itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tag {
    /// The tag's name, without `refs/tags/`.
    pub name: String,
    /// The message.
    pub message: String,
}
