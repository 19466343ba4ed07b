//! The plan document, `https://countersign.dev/plan/v1`: plain data, no checks of its own.
//!
//! Only [`super::seal`] turns a document into a [`super::SealedPlan`]; nothing else may act on one.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::proposal::{Proposal, ProposedStep, ProposedValue, StepOutput, Written};
pub use super::usage::Usage;
pub use crate::base::level::{Effect, OnFailure, Severity};
use crate::base::{
    digest::Digest,
    ident::Id,
    limits::RunLimits,
    path::RepoPath,
    time::Timestamp,
    value::{Scalar, ValueType},
};

/// The `_type` that every plan of this version carries.
pub const PLAN_TYPE: &str = "https://countersign.dev/plan/v1";

/// A plan: everything a later job needs, and no choice left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// Always [`PLAN_TYPE`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// The directive the plan was drafted from.
    pub directive: DirectiveRef,
    /// What repository and commits the plan is for.
    pub subject: Subject,
    /// The environment the plan acts on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub environment: Option<Id>,
    /// When the plan was sealed.
    pub created_at: Timestamp,
    /// From when on the plan is refused.
    pub expires_at: Timestamp,
    /// 32 hex digits that make the plan unlike any other.
    pub nonce: String,
    /// The plan that this one revises.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent: Option<Digest>,
    /// 1 for a first plan, one more for each revision.
    pub revision: u32,
    /// Who drafted the plan, from what.
    pub planner: PlannerRef,
    /// SHA-256 of the compiled policy's canonical bytes.
    pub policy_digest: Digest,
    /// SHA-256 of the trust root's canonical bytes.
    pub trust_root_digest: Digest,
    /// The highest effect of all steps; every reader computes it again.
    pub effect: Effect,
    /// The directive's inputs, as the person gave them or by default.
    pub inputs: BTreeMap<Id, Scalar>,
    /// What may go wrong.
    pub risks: Vec<Risk>,
    /// What is taken for granted.
    pub assumptions: Vec<String>,
    /// The methods of approval that the directive accepts, words of the policy; none means any the policy accepts.
    pub gate: Vec<Id>,
    /// Why the directive exists, in its own words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub intent: Option<String>,
    /// The scripts that steps run, whole.
    pub scripts: Vec<Script>,
    /// The steps; `needs` makes them a graph without cycles.
    pub steps: Vec<Step>,
}

/// The directive a plan came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DirectiveRef {
    /// File name without folder and ending.
    pub name: Id,
    /// Its path in the repository.
    pub path: RepoPath,
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// Full id of the commit it was read at.
    pub commit: String,
}

/// The repository and commits that a plan is for; every field is compared again before execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subject {
    /// Host of the forge, or `local`.
    pub host: String,
    /// Numeric or otherwise immutable id of the repository on that host.
    pub repo_id: String,
    /// Immutable id of the repository's owner on that host.
    pub owner_id: String,
    /// Name for display.
    pub repo: String,
    /// Number of the pull or merge request.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub change_request: Option<u64>,
    /// Full name of the protected base, such as `refs/heads/main`.
    pub base_ref: String,
    /// Full id of the base commit.
    pub base_sha: String,
    /// Full id of the commit the plan acts on.
    pub head_sha: String,
    /// SHA-256 over the manifest of the guardrails and definitions at the base and the head tree id.
    pub tree_digest: Digest,
    /// Principals, by numeric id, in order, whose work it is: they made commits from base to head, or were the last to change
    /// the directive, a pipeline or a script of the plan.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub authors: Vec<u64>,
}

/// Who drafted a plan, and from what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlannerRef {
    /// `fixed`, `model`, `command` or `manual`.
    pub kind: Id,
    /// Version of this tool.
    pub version: String,
    /// Login of the person who asked for the plan, for display; who may not approve it is decided by id.
    pub requested_by: Person,
    /// The model, where one was asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model: Option<String>,
    /// SHA-256 of the exact bytes sent to the model.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prompt_digest: Option<Digest>,
    /// SHA-256 of the exact bytes the model answered.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub response_digest: Option<Digest>,
    /// What the planner read, with where it came from.
    pub inputs: Vec<PlannerInput>,
    /// What it proposed; none where the directive's own steps were expanded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub proposal: Option<Proposal>,
    /// What the drafting used, where a model was asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub usage: Option<Usage>,
}

/// A person, by immutable id; the login is for display only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Person {
    /// Host of the forge that knows the id, or `local`.
    pub host: String,
    /// Numeric id on that host.
    pub id: u64,
    /// Login, for display.
    pub login: String,
}

/// One thing a planner read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlannerInput {
    /// What it is: a path, an issue number, an input's name.
    pub name: String,
    /// Where it came from.
    pub origin: Origin,
    /// SHA-256 of its bytes.
    pub digest: Digest,
}

/// The taint label of a value: where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Origin {
    /// The directive at the protected base.
    #[serde(rename = "directive@base")]
    DirectiveAtBase,
    /// A file at the protected base.
    #[serde(rename = "repo@base")]
    RepoAtBase,
    /// A file at the head under review.
    #[serde(rename = "repo@head")]
    RepoAtHead,
    /// The person who asked for the plan.
    #[serde(rename = "requester")]
    Requester,
    /// The text of an issue.
    #[serde(rename = "issue")]
    Issue,
    /// The text of a change request.
    #[serde(rename = "change-request")]
    ChangeRequest,
    /// A page of the web.
    #[serde(rename = "web")]
    Web,
    /// A model's answer.
    #[serde(rename = "model")]
    Model,
}

/// What may go wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Risk {
    /// One line of free text.
    pub text: String,
    /// How bad it would be.
    pub severity: Severity,
    /// What is done about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mitigation: Option<String>,
}

/// A script that steps run, whole, as it was at the base commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Script {
    /// Its path in the repository, below `pipelines/NAME/`.
    pub path: RepoPath,
    /// SHA-256 of `content`.
    pub digest: Digest,
    /// The text, UTF-8.
    pub content: String,
}

/// One step: a pipeline with concrete inputs, expanded to its exact actions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// Unique within the plan.
    pub id: Id,
    /// One line of free text.
    pub title: String,
    /// The pipeline's name.
    pub pipeline: Id,
    /// SHA-256 of the pipeline's YAML bytes at the base commit.
    pub pipeline_digest: Digest,
    /// The pipeline's inputs. A value known only at run time stands in `actions` as a slot, not here.
    pub with: BTreeMap<Id, Scalar>,
    /// Why the step is there, one line of free text.
    pub why: String,
    /// Ids of the steps that must have succeeded before.
    pub needs: Vec<Id>,
    /// The pipeline's declared effect.
    pub effect: Effect,
    /// What is done, in order.
    pub actions: Vec<Action>,
    /// What the step hands on: each must be present, non-empty and of its type.
    pub outputs: BTreeMap<Id, Output>,
    /// Output names that are the step's evidence; at least one for an effect above `analyze`.
    pub evidence: Vec<Id>,
    /// How often a failed attempt may be tried again.
    pub retry: Retry,
    /// Wall-clock limit of the whole step, 1 to 86,400 s.
    pub timeout_seconds: u32,
    /// What a failure of this step means for the others.
    pub on_failure: OnFailure,
    /// Whether running the step twice is the same as once.
    pub idempotent: bool,
    /// Read-back actions, run after the step; each must succeed, and one is required where the effect is `write` or more.
    pub verify: Vec<Action>,
}

/// How often a failed attempt may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retry {
    /// All attempts together, 1 to 5; above 1 only where the step is idempotent.
    pub max_attempts: u32,
    /// The wait before the second attempt, doubled for each further one, at most 60 s.
    pub backoff_seconds: u32,
}

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
    /// The absolute path, at run time, of a script in [`Plan::scripts`].
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

/// What a step hands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Output {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ValueType,
    /// A regular expression the whole value must match.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pattern: Option<String>,
    /// The most bytes the value may have, 1 to 65,536.
    pub max_length: u32,
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
