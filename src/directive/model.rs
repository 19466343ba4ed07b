//! The directive itself, and the values given to it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    fan_out::{ForEach, OneOf},
    input::InputSpec,
    raw,
    reasons::{INPUT_MISSING, INPUT_UNKNOWN},
    template::Template,
};
use crate::base::{
    diagnostic::Diagnostic,
    digest::Digest,
    examined::Examined,
    ident::Id,
    level::{Effect, OnFailure, Readiness, Severity},
    method::Method,
    path::RepoPath,
    planner::PlannerKind,
    reason::Refusal,
    value::Scalar,
    yaml::{Findings, Place},
};

/// The most bytes of a directive.
pub const MAX_BYTES: usize = 256 * 1024;

/// A directive that was read whole and found in order.
#[derive(Clone, Debug)]
pub struct Directive {
    pub(super) name: Id,
    pub(super) path: RepoPath,
    pub(super) digest: Digest,
    pub(super) text: String,
    pub(super) body: String,
    pub(super) fields: Front,
}

/// The fields of the front matter.
#[derive(Clone, Debug)]
pub(super) struct Front {
    pub(super) title: String,
    pub(super) pipelines: Vec<(Id, Place)>,
    pub(super) inputs: BTreeMap<Id, InputSpec>,
    pub(super) context: Vec<String>,
    pub(super) intent: Option<String>,
    pub(super) ceiling: Ceiling,
    pub(super) environment: Option<(Id, Place)>,
    pub(super) issue: Option<IssueSpec>,
    pub(super) gate: Vec<Method>,
    pub(super) risks: Vec<StatedRisk>,
    pub(super) assumptions: Vec<String>,
    pub(super) lifetime: Option<i64>,
    pub(super) planner: Option<PlannerKind>,
    pub(super) model: Option<String>,
    pub(super) steps: Vec<StepSpec>,
}

/// What no plan of a directive may go above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// The highest effect of a step.
    pub effect: Effect,
    /// The highest severity of a risk.
    pub risk: Severity,
}

/// The issue that a plan is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueSpec {
    /// The input that is its number.
    pub input: Id,
    /// What it must be, in file order; never empty.
    pub ready: Vec<Readiness>,
}

/// A risk that a directive states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedRisk {
    /// What may go wrong, on one line.
    pub text: String,
    /// How bad it would be.
    pub severity: Severity,
    /// What is done about it.
    pub mitigation: Option<String>,
}

/// A step that a directive asks for.
#[derive(Clone, Debug)]
pub struct StepSpec {
    /// Unique within the directive.
    pub id: Id,
    /// The pipeline's name, and where it stands.
    pub pipeline: (Id, Place),
    /// One line; by default the pipeline's description.
    pub title: Option<String>,
    /// One line; by default the title.
    pub why: Option<String>,
    /// The steps that must have succeeded before.
    pub needs: Vec<Id>,
    /// What the pipeline's inputs are.
    pub with: BTreeMap<Id, With>,
    /// The inputs whose value could not be read; none in a directive without a finding.
    pub unread: BTreeSet<Id>,
    /// What the step is repeated for, where it is.
    pub for_each: Option<ForEach>,
    /// Which item of which step it is for, where it came of one that is repeated.
    pub one_of: Option<OneOf>,
    /// What its failure means for the others, where it is not what the pipeline says.
    pub on_failure: Option<OnFailure>,
    /// Where the step begins.
    pub place: Place,
}

/// What one input of a step's pipeline is.
#[derive(Clone, Debug)]
pub struct With {
    /// Where the name stands.
    pub key: Place,
    /// Where the value stands.
    pub place: Place,
    /// The value.
    pub value: WithValue,
}

/// A value, or a text to fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WithValue {
    /// A value as it is.
    Fixed(Scalar),
    /// Text with places for inputs of the directive and the item; or one output of a step, as the whole text.
    Template(Template),
}

/// The folder below which directives lie, and where no step may write.
pub const FOLDER: &str = "directives/";

impl Directive {
    /// Reads a directive from the bytes of the file at `path`, which must end in `.md`.
    ///
    /// # Errors
    /// Every finding, in file order.
    pub fn read(path: &str, bytes: &[u8]) -> Result<Self, Vec<Diagnostic>> {
        Self::examine(path, bytes, &|_| true).whole()
    }

    /// Reads a directive as [`Directive::read`] does, and keeps what could be read beside the findings.
    ///
    /// `may_be_meant` tells of a name whether there is such a pipeline, so that no other is offered.
    #[must_use]
    pub fn examine(path: &str, bytes: &[u8], may_be_meant: &dyn Fn(&str) -> bool) -> Examined<Self> {
        raw::read(path, bytes, may_be_meant)
    }

    /// Returns the file's name without folder and ending.
    #[must_use]
    pub fn name(&self) -> &Id {
        &self.name
    }

    /// Returns the path in the repository.
    #[must_use]
    pub fn path(&self) -> &RepoPath {
        &self.path
    }

    /// Returns the SHA-256 of the file.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the whole file.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the Markdown behind the front matter.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Returns the title.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.fields.title
    }

    /// Returns the only pipelines that a plan may use.
    pub fn pipelines(&self) -> impl Iterator<Item = &Id> {
        self.fields.pipelines.iter().map(|(name, _)| name)
    }

    /// Returns the pipelines with where they stand.
    #[must_use]
    pub fn pipeline_places(&self) -> &[(Id, Place)] {
        &self.fields.pipelines
    }

    /// Returns the declared inputs.
    #[must_use]
    pub fn inputs(&self) -> &BTreeMap<Id, InputSpec> {
        &self.fields.inputs
    }

    /// Returns the globs of the files that planners read.
    #[must_use]
    pub fn context(&self) -> &[String] {
        &self.fields.context
    }

    /// Returns why the directive exists.
    #[must_use]
    pub fn intent(&self) -> Option<&str> {
        self.fields.intent.as_deref()
    }

    /// Returns what no plan may go above.
    #[must_use]
    pub fn ceiling(&self) -> Ceiling {
        self.fields.ceiling
    }

    /// Returns the environment that plans act on.
    #[must_use]
    pub fn environment(&self) -> Option<&Id> {
        self.fields.environment.as_ref().map(|(name, _)| name)
    }

    /// Returns the environment with where it stands.
    #[must_use]
    pub fn environment_place(&self) -> Option<&(Id, Place)> {
        self.fields.environment.as_ref()
    }

    /// Returns which input is the number of the issue that plans are made for, and what that must be.
    #[must_use]
    pub fn issue(&self) -> Option<&IssueSpec> {
        self.fields.issue.as_ref()
    }

    /// Returns the methods of approval that are accepted; none means any that the policy accepts.
    #[must_use]
    pub fn gate(&self) -> &[Method] {
        &self.fields.gate
    }

    /// Returns what may go wrong.
    #[must_use]
    pub fn risks(&self) -> &[StatedRisk] {
        &self.fields.risks
    }

    /// Returns what is taken for granted.
    #[must_use]
    pub fn assumptions(&self) -> &[String] {
        &self.fields.assumptions
    }

    /// Returns how long a plan is to live, in seconds.
    #[must_use]
    pub fn lifetime(&self) -> Option<i64> {
        self.fields.lifetime
    }

    /// Returns the steps, in file order.
    #[must_use]
    pub fn steps(&self) -> &[StepSpec] {
        &self.fields.steps
    }

    /// Returns the planner that drafts for this directive, where it says.
    #[must_use]
    pub fn planner(&self) -> Option<PlannerKind> {
        self.fields.planner
    }

    /// Returns the model that is asked for this directive, where it says.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.fields.model.as_deref()
    }

    /// Returns the same directive with steps that were proposed in the place of its own, and with what was said beside.
    ///
    /// It is still the file's directive: pipelines, ceiling and all else that bounds a plan stay as they are.
    #[must_use]
    pub fn proposing(&self, steps: Vec<StepSpec>, risks: Vec<StatedRisk>, assumptions: Vec<String>) -> Self {
        let mut proposed = self.clone();
        proposed.fields.steps = steps;
        proposed.fields.risks.extend(risks);
        proposed.fields.assumptions.extend(assumptions);
        proposed
    }

    /// Starts to collect findings about this file.
    #[must_use]
    pub fn findings(&self) -> Findings<'_> {
        Findings::new(self.path.as_str(), &self.text, 1)
    }

    /// Reads the values that a person gave as `name=value`, and fills in the defaults.
    ///
    /// # Errors
    /// Every finding: unknown names with the nearest there is, missing ones, and values that do not fit.
    pub fn resolve(&self, given: &BTreeMap<String, String>) -> Result<BTreeMap<Id, Scalar>, Vec<Diagnostic>> {
        let mut found = Vec::new();
        for name in given.keys() {
            if !self.inputs().contains_key(name.as_str()) {
                let shown = crate::base::text::excerpt(name);
                let message = format!("the directive `{}` has no input `{shown}`", self.name);
                let known = self.inputs().keys().map(Id::as_str);
                found.push(Diagnostic::new("-i", (0, 0), INPUT_UNKNOWN.code, message).with_nearest(name, known));
            }
        }
        let mut values = BTreeMap::new();
        for (name, input) in self.inputs() {
            let value = match (given.get(name.as_str()), &input.default) {
                (Some(text), _) => input.spec.read(text),
                (None, Some(default)) => Ok(default.clone()),
                (None, None) => Err(Refusal::new(INPUT_MISSING, "it is required, and was not given")),
            };
            match value {
                Ok(value) => {
                    values.insert(name.clone(), value);
                }
                Err(refusal) => {
                    let message = format!("input `{name}`: {}", refusal.message());
                    let mut diagnostic = Diagnostic::new("-i", (0, 0), refusal.code(), message);
                    diagnostic.help = refusal.hints().next().map(str::to_owned);
                    found.push(diagnostic);
                }
            }
        }
        if found.is_empty() { Ok(values) } else { Err(found) }
    }
}
