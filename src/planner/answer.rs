//! A planner's answer: strict JSON in a closed form, held against the directive and its pipelines.
//!
//! What is wrong is said, all of it, in words that the one who answered can act on. Nothing is mended here.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{DraftRequest, reasons::PLANNER_ANSWER, taint::Sources};
use crate::{
    base::{
        diagnostic::findings,
        ident::Id,
        json,
        reason::{Refusal, Result},
        text::{check_free, excerpt, visible},
        value::Scalar,
    },
    directive::{
        Directive,
        model::{StatedRisk, StepSpec, With, WithValue},
        template::Template,
    },
    plan::model::{Proposal, ProposedStep, ProposedValue, Risk, StepOutput, Written},
};

/// The most bytes of an answer's JSON.
pub const MAX_BYTES: usize = 1 << 20;
/// The most questions that are asked back at once.
const MAX_QUESTIONS: usize = 10;
/// The most characters of one line.
const MAX_LINE: usize = 1_000;

/// What a planner answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Answer {
    steps: Vec<Step>,
    risks: Vec<Risk>,
    assumptions: Vec<String>,
    questions: Vec<Question>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Step {
    id: Id,
    pipeline: Id,
    title: String,
    why: String,
    needs: Vec<Id>,
    /// Null is what some providers write where an optional input is left out.
    with: BTreeMap<Id, Option<Given>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Given {
    Value(Scalar),
    Input(Id),
    Output(StepOutput),
}

/// A question that a planner asks back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Question {
    /// Unique within the answer.
    pub id: Id,
    /// What it wants to know, on one line.
    pub question: String,
    /// The answers it can work with; none where any will do.
    pub options: Vec<String>,
    /// Whether no plan is worth anything without the answer.
    pub blocking: bool,
}

impl Question {
    /// Shows the question with its options on one line, every character that could mislead written out.
    #[must_use]
    pub fn shown(&self) -> String {
        let options = match self.options.as_slice() {
            [] => String::new(),
            options => format!(" [{}]", options.join(" | ")),
        };
        visible(&format!("{}{options}", self.question))
    }
}

impl Answer {
    /// Reads an answer.
    ///
    /// # Errors
    /// `planner.answer`, with what does not fit the form.
    pub fn read(text: &str) -> Result<Self> {
        let refuse = |why: &str| Refusal::new(PLANNER_ANSWER, format!("the answer cannot be read: {why}"));
        let value = json::parse(text.trim().as_bytes(), MAX_BYTES).map_err(|e| refuse(e.message()))?;
        let answer: Self = json::from_value(value).map_err(|e| refuse(e.message()))?;
        let found = answer.lines();
        if found.is_empty() { Ok(answer) } else { Err(wrong(found)) }
    }

    /// Returns the questions without whose answers there is no plan.
    pub fn blocking(&self) -> impl Iterator<Item = &Question> {
        self.questions.iter().filter(|question| question.blocking)
    }

    /// Returns all questions.
    #[must_use]
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }

    /// Makes the proposal, with where each value is from.
    #[must_use]
    pub fn into_proposal(self, sources: &Sources<'_>) -> Proposal {
        let value = |given: Given| match given {
            Given::Value(value) => {
                let origin = sources.origin(&value);
                ProposedValue::Value(Written { value, origin })
            }
            Given::Input(name) => ProposedValue::Input(name),
            Given::Output(output) => ProposedValue::Output(output),
        };
        let step = |step: Step| ProposedStep {
            id: step.id,
            pipeline: step.pipeline,
            title: step.title,
            why: step.why,
            needs: step.needs,
            with: step.with.into_iter().filter_map(|(name, given)| Some((name, value(given?)))).collect(),
        };
        Proposal { steps: self.steps.into_iter().map(step).collect(), risks: self.risks, assumptions: self.assumptions }
    }

    /// Finds what is wrong with the free text.
    fn lines(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut line = |where_: String, text: &str| {
            if let Err(refusal) = check_free(text, false) {
                found.push(format!("{where_}: {}", refusal.message()));
            } else if text.trim().is_empty() || text.chars().count() > MAX_LINE {
                found.push(format!("{where_}: one line of 1 to {MAX_LINE} characters is needed"));
            }
        };
        for step in &self.steps {
            line(format!("step `{}`, title", step.id), &step.title);
            line(format!("step `{}`, why", step.id), &step.why);
        }
        for (n, risk) in self.risks.iter().enumerate() {
            line(format!("risk {}", n + 1), &risk.text);
            if let Some(mitigation) = &risk.mitigation {
                line(format!("risk {}, mitigation", n + 1), mitigation);
            }
        }
        for (n, assumption) in self.assumptions.iter().enumerate() {
            line(format!("assumption {}", n + 1), assumption);
        }
        for question in &self.questions {
            line(format!("question `{}`", question.id), &question.question);
            for option in &question.options {
                line(format!("question `{}`, option", question.id), option);
            }
        }
        if self.questions.len() > MAX_QUESTIONS {
            found.push(format!("{} questions, the limit is {MAX_QUESTIONS}", self.questions.len()));
        }
        found
    }
}

/// Holds a proposal against the directive and its pipelines; returns the directive with the proposal's steps.
///
/// # Errors
/// `planner.answer`, with everything that does not fit.
pub fn adopt(request: &DraftRequest<'_>, proposal: &Proposal) -> Result<Directive> {
    let directive = request.directive;
    let place = (1, 1);
    let mut found = Vec::new();
    let mut steps = Vec::new();
    if proposal.steps.is_empty() {
        found.push("there is no step".to_owned());
    }
    for (n, step) in proposal.steps.iter().enumerate() {
        if proposal.steps[..n].iter().any(|earlier| earlier.id == step.id) {
            found.push(format!("step `{}`: the id stands twice", step.id));
        }
        if !directive.pipelines().any(|name| *name == step.pipeline) {
            let known: Vec<&str> = directive.pipelines().map(Id::as_str).collect();
            let id = &step.id;
            found.push(format!("step `{id}`: the directive allows {}, not `{}`", known.join(", "), step.pipeline));
        }
        for need in &step.needs {
            if !proposal.steps.iter().any(|other| other.id == *need && other.id != step.id) {
                found.push(format!("step `{}`: it needs `{need}`, and there is no other step of that id", step.id));
            }
        }
        let mut with = BTreeMap::new();
        for (name, value) in &step.with {
            match with_value(directive, value) {
                Ok(value) => drop(with.insert(name.clone(), With { key: place, place, value })),
                Err(why) => found.push(format!("step `{}`, input `{name}`: {why}", step.id)),
            }
        }
        steps.push(StepSpec {
            id: step.id.clone(),
            pipeline: (step.pipeline.clone(), place),
            title: Some(step.title.clone()),
            why: Some(step.why.clone()),
            needs: step.needs.clone(),
            with,
            unread: BTreeSet::new(),
            for_each: None,
            one_of: None,
            on_failure: None,
            place,
        });
    }
    let ceiling = directive.ceiling().risk;
    for risk in proposal.risks.iter().filter(|risk| risk.severity > ceiling) {
        let (severity, most) = (risk.severity.word(), ceiling.word());
        found.push(format!("the risk `{}` is {severity}, the directive's ceiling is {most}", excerpt(&risk.text)));
    }
    let risks = proposal.risks.iter().map(|risk| StatedRisk {
        text: risk.text.clone(),
        severity: risk.severity,
        mitigation: risk.mitigation.clone(),
    });
    let adopted = directive.proposing(steps, risks.collect(), proposal.assumptions.clone());
    // What is wrong with a step in itself would only be repeated here.
    if found.is_empty() {
        found.extend(request.catalog.lint(&adopted).into_iter().map(|finding| finding.message));
    }
    if found.is_empty() { Ok(adopted) } else { Err(wrong(found)) }
}

fn with_value(directive: &Directive, value: &ProposedValue) -> std::result::Result<WithValue, String> {
    // Made of ids, so that nothing in them can be more than a name.
    let place = |text: String| Template::parse(&text).map(WithValue::Template).map_err(|e| e.message().to_owned());
    match value {
        ProposedValue::Value(written) => Ok(WithValue::Fixed(written.value.clone())),
        ProposedValue::Input(name) if directive.inputs().contains_key(name) => {
            place(format!("{{{{ inputs.{name} }}}}"))
        }
        ProposedValue::Input(name) => Err(format!("the directive has no input `{name}`")),
        ProposedValue::Output(from) => place(format!("{{{{ steps.{}.outputs.{} }}}}", from.step, from.output)),
    }
}

/// Makes the refusal of an answer; its hints are the findings.
fn wrong(found: Vec<String>) -> Refusal {
    let many = findings(found.len());
    let refusal = Refusal::new(PLANNER_ANSWER, format!("{many} in the answer: {}", excerpt(&found.join("; "))));
    found.into_iter().fold(refusal, Refusal::hint)
}
