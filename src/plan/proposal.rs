//! What a planner other than `fixed` proposed, as the plan keeps it: enough to expand the same steps again.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{Origin, Risk};
use crate::base::{ident::Id, value::Scalar};

/// The steps that a planner proposed, and what it said beside them.
///
/// `verify` expands it anew against the pipelines at the base commit, and the plan must be what comes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Proposal {
    /// The steps, in the planner's order; at least one.
    pub steps: Vec<ProposedStep>,
    /// What it says may go wrong, beside what the directive states.
    pub risks: Vec<Risk>,
    /// What it takes for granted, beside what the directive states.
    pub assumptions: Vec<String>,
}

/// One proposed step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProposedStep {
    /// Unique within the plan.
    pub id: Id,
    /// One of the pipelines that the directive allows.
    pub pipeline: Id,
    /// One line of free text.
    pub title: String,
    /// Why the step is there, one line of free text.
    pub why: String,
    /// The steps that must have succeeded before.
    pub needs: Vec<Id>,
    /// What the pipeline's inputs are; one that is missing takes its default.
    pub with: BTreeMap<Id, ProposedValue>,
}

/// What one input of a proposed step is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ProposedValue {
    /// A value that the planner wrote.
    Value(Written),
    /// The directive's input of this name.
    Input(Id),
    /// An output of an earlier step, known at run time.
    Output(StepOutput),
}

/// A value that a planner wrote, with where it is from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Written {
    /// The value.
    pub value: Scalar,
    /// Where it is from: what the planner read that holds it, or `model` where nothing does.
    pub origin: Origin,
}

/// An output of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepOutput {
    /// The step.
    pub step: Id,
    /// Its output.
    pub output: Id,
}
