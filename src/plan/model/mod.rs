//! The plan document, `https://countersign.dev/plan/v1`: plain data, no checks of its own.
//!
//! Only [`super::seal`] turns a document into a [`super::SealedPlan`]; nothing else may act on one.

mod action;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::action::{
    Action, Arg, Capture, CaptureFrom, CommitFiles, CopyFile, Host, PatchFile, Program, Read, Run, Slot, Tag, WriteFile,
};
pub use super::proposal::{Proposal, ProposedStep, ProposedValue, StepOutput, Written};
pub use super::usage::Usage;
pub use crate::base::level::{Effect, OnFailure, Severity};
use crate::base::{
    digest::Digest,
    ident::Id,
    method::Method,
    path::RepoPath,
    planner::PlannerKind,
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
    /// The methods of approval that the directive accepts; none means any the policy accepts.
    pub gate: Vec<Method>,
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
    /// How many addresses of authors belong to nobody in the trust root, where no forge tells whose they are. Whoever wrote
    /// under one of them may be an approver, and is not told from one.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub strangers: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Who drafted a plan, and from what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlannerRef {
    /// Which planner.
    pub kind: PlannerKind,
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
    /// What the step is for, where the directive asks for one step an item.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub item: Option<Item>,
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

impl Step {
    /// Returns what the step does, and then what reads it back.
    pub fn every_action(&self) -> impl Iterator<Item = &Action> {
        self.actions.iter().chain(&self.verify)
    }

    /// Returns the paths that the step declares to write.
    pub fn writes(&self) -> impl Iterator<Item = &RepoPath> {
        self.every_action().flat_map(Action::writes)
    }
}

/// One of many things that the same is done for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Item {
    /// The step of the directive that is repeated.
    pub of: Id,
    /// The thing, one line.
    pub value: String,
    /// Where it is from.
    pub origin: Origin,
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
