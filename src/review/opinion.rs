//! What a second reviewer, a model, says of a plan: strict JSON in a closed form, its claims held against what is there.
//!
//! An opinion is shown and decides nothing: no type of this room or of the policy's takes one for an approval. That
//! what a claim names is there does not make it true; that it is not there means that the claim counts for nothing.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Level, reasons::REVIEW_OPINION};
use crate::{
    base::{
        json,
        reason::{Refusal, Result},
        text::{check_free, excerpt},
    },
    plan::model::Plan,
};

/// What stands beside every opinion, wherever it is shown.
pub const LABEL: &str = "unverified: written by a model";
/// The most bytes of an opinion's JSON.
pub const MAX_BYTES: usize = 256 << 10;
/// The most findings of one opinion.
const MAX_FINDINGS: usize = 50;
/// The most things that one finding may name.
const MAX_EVIDENCE: usize = 10;
/// The most characters of one line.
const MAX_LINE: usize = 1_000;

/// What a second reviewer comes to. There is no word for consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The plan should not run as it is.
    Object,
    /// There is something to know.
    Annotate,
    /// Nothing was found, which says nothing about the plan.
    None,
}

impl Verdict {
    /// Returns the verdict in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Object => "objects",
            Self::Annotate => "annotates",
            Self::None => "says nothing against it, which is no approval",
        }
    }
}

/// The kinds of things that a claim may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A file at the plan's head commit.
    File,
    /// A step of the plan.
    Step,
    /// A pipeline that the plan uses.
    Pipeline,
    /// An input of the plan or of one of its steps.
    Input,
}

impl Kind {
    /// Returns the word that the answer uses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Step => "step",
            Self::Pipeline => "pipeline",
            Self::Input => "input",
        }
    }
}

/// One thing that a claim names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Evidence {
    /// What kind of thing it is.
    pub kind: Kind,
    /// Its path, id or name.
    pub name: String,
}

/// One finding, held against what is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// How much it asks of a reader, in the model's own estimate.
    pub severity: Level,
    /// The step it is about; none where it is about the plan.
    pub step: Option<String>,
    /// What is claimed, in the model's own words.
    pub claim: String,
    /// What it names.
    pub evidence: Vec<Evidence>,
    /// Whether everything that it names is there, and it names something. What is not founded does not count.
    pub founded: bool,
    /// Why it is not founded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfounded: Option<String>,
}

/// An opinion; frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Opinion {
    verdict: Verdict,
    /// Whether the objection counts: it is one, and at least one of its findings is founded.
    objects: bool,
    findings: Vec<Claim>,
}

/// What claims are held against.
#[derive(Clone, Copy, Debug)]
pub struct Known<'k> {
    /// The plan.
    pub plan: &'k Plan,
    /// The paths of all files at the plan's head commit.
    pub files: &'k BTreeSet<String>,
}

impl Known<'_> {
    fn has(&self, evidence: &Evidence) -> bool {
        let (plan, name) = (self.plan, evidence.name.as_str());
        match evidence.kind {
            Kind::File => self.files.contains(name),
            Kind::Step => self.has_step(name),
            Kind::Pipeline => plan.steps.iter().any(|step| step.pipeline.as_str() == name),
            Kind::Input => {
                let of_steps = plan.steps.iter().flat_map(|step| step.with.keys());
                plan.inputs.keys().chain(of_steps).any(|input| input.as_str() == name)
            }
        }
    }

    fn has_step(&self, id: &str) -> bool {
        self.plan.steps.iter().any(|step| step.id.as_str() == id)
    }

    /// Says why a finding is not founded.
    fn against(&self, stated: &Stated) -> Option<String> {
        let step = stated.step.iter().filter(|id| !self.has_step(id)).map(|id| format!("step `{}`", excerpt(id)));
        let named = stated.evidence.iter().filter(|evidence| !self.has(evidence));
        let named = named.map(|evidence| format!("{} `{}`", evidence.kind.word(), excerpt(&evidence.name)));
        let missing: Vec<String> = step.chain(named).collect();
        match (missing.is_empty(), stated.evidence.is_empty()) {
            (false, _) => Some(format!("names {}, which is not there", missing.join(", "))),
            (true, true) => Some("names nothing that could be looked at".to_owned()),
            (true, false) => None,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Answer {
    findings: Vec<Stated>,
    verdict: Verdict,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Stated {
    severity: Level,
    #[serde(default)]
    step: Option<String>,
    claim: String,
    evidence: Vec<Evidence>,
}

impl Opinion {
    /// Reads an answer, and holds its claims against what is there.
    ///
    /// # Errors
    /// `review.opinion`, with what does not fit the form; nothing of the answer counts then.
    pub fn read(text: &str, known: &Known<'_>) -> Result<Self> {
        let refuse = |why: &str| Refusal::new(REVIEW_OPINION, format!("the answer cannot be read: {why}"));
        let value = json::parse(text.trim().as_bytes(), MAX_BYTES).map_err(|e| refuse(e.message()))?;
        let answer: Answer = json::from_value(value).map_err(|e| refuse(e.message()))?;
        if let Some(why) = misfit(&answer) {
            return Err(refuse(&why));
        }
        let checked = |stated: Stated| {
            let unfounded = known.against(&stated);
            let Stated { severity, step, claim, evidence } = stated;
            Claim { severity, step, claim, evidence, founded: unfounded.is_none(), unfounded }
        };
        let findings: Vec<Claim> = answer.findings.into_iter().map(checked).collect();
        let objects = answer.verdict == Verdict::Object && findings.iter().any(|claim| claim.founded);
        Ok(Self { verdict: answer.verdict, objects, findings })
    }

    /// Returns what the reviewer came to, in its own word.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Tells whether it is an objection that counts.
    #[must_use]
    pub fn objects(&self) -> bool {
        self.objects
    }

    /// Returns all findings, also those that do not count.
    #[must_use]
    pub fn findings(&self) -> &[Claim] {
        &self.findings
    }

    /// Returns the findings that count.
    pub fn founded(&self) -> impl Iterator<Item = &Claim> {
        self.findings.iter().filter(|claim| claim.founded)
    }
}

/// Returns the JSON Schema of an answer: closed objects, every member required.
///
/// Bounds stand in descriptions, as in every schema that providers are given, and are checked when the answer is read.
#[must_use]
pub fn schema() -> Value {
    let evidence = object(&json!({
        "kind": { "type": "string", "enum": ["file", "step", "pipeline", "input"] },
        "name": { "type": "string", "description": "the path, id or name, exactly as it stands in the plan" },
    }));
    let finding = object(&json!({
        "severity": { "type": "string", "enum": ["note", "warning", "alarm"] },
        "step": { "anyOf": [{ "type": "string", "description": "the id of the step" }, { "type": "null" }] },
        "claim": { "type": "string", "description": "what is wrong or to be known, on one line" },
        "evidence": { "type": "array", "items": evidence, "description": "at least one thing that the claim rests on" },
    }));
    object(&json!({
        "findings": { "type": "array", "items": finding },
        "verdict": { "type": "string", "enum": ["object", "annotate", "none"] },
    }))
}

fn object(properties: &Value) -> Value {
    let names: Vec<&String> = properties.as_object().into_iter().flat_map(|members| members.keys()).collect();
    json!({ "type": "object", "properties": properties, "required": names, "additionalProperties": false })
}

/// Says what does not fit the form beside the types.
fn misfit(answer: &Answer) -> Option<String> {
    let count = answer.findings.len();
    if count > MAX_FINDINGS {
        return Some(format!("{count} findings, the limit is {MAX_FINDINGS}"));
    }
    for (n, finding) in answer.findings.iter().enumerate() {
        let named = finding.evidence.len();
        if named > MAX_EVIDENCE {
            return Some(format!("finding {}: it names {named} things, the limit is {MAX_EVIDENCE}", n + 1));
        }
        let texts = finding.evidence.iter().map(|evidence| &evidence.name).chain(&finding.step).chain([&finding.claim]);
        for text in texts {
            if let Err(refusal) = check_free(text, false) {
                return Some(format!("finding {}: {}", n + 1, refusal.message()));
            }
            if text.trim().is_empty() || text.chars().count() > MAX_LINE {
                return Some(format!("finding {}: a line of 1 to {MAX_LINE} characters is needed", n + 1));
            }
        }
    }
    None
}
