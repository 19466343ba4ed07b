//! The steps of a directive, and whether they fit each other.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{
    input::Inputs,
    model::{StepSpec, With, WithValue},
    reasons::{DIRECTIVE_PIPELINE, DIRECTIVE_STEP, INPUT_UNKNOWN, TEMPLATE_PLACE},
    template::{Part, Template},
};
use crate::base::{
    ident::Id,
    text::check_steering,
    value::Scalar,
    yaml::{Fields, Findings, Node, Place},
};

/// The most steps; the policy decides how many of them a plan may have.
const MAX_STEPS: usize = 10_000;

/// Reads the list `steps`; what is wrong is reported.
///
/// `pipelines` are those that the directive lists, none where the list could not be read whole; `may_be_meant` tells of
/// a name whether there is such a pipeline.
pub(super) fn read(
    fields: Fields<'_>,
    pipelines: Option<&Vec<(Id, Place)>>,
    inputs: &Inputs,
    may_be_meant: &dyn Fn(&str) -> bool,
    findings: &mut Findings<'_>,
) -> Vec<StepSpec> {
    let Some(node) = fields.get("steps") else { return Vec::new() };
    let mut steps: Vec<(StepSpec, Vec<Place>)> = Vec::new();
    let mut ids = Vec::new();
    for item in node.items(MAX_STEPS, findings) {
        steps.extend(read_step(item, inputs, &mut ids, findings));
    }
    let mut seen = BTreeSet::new();
    for (step, need_places) in &steps {
        if !seen.insert(&step.id) {
            findings.report(step.place, DIRECTIVE_STEP, format!("the step `{}` stands twice", step.id));
        }
        let (pipeline, place) = &step.pipeline;
        if let Some(pipelines) = pipelines
            && !pipelines.iter().any(|(name, _)| name == pipeline)
        {
            let known = pipelines.iter().map(|(name, _)| name.as_str()).filter(|name| may_be_meant(name));
            let message = format!("`{pipeline}` is not among the directive's pipelines");
            findings.report_near(*place, DIRECTIVE_PIPELINE, message, pipeline.as_str(), known);
        }
        for (need, place) in step.needs.iter().zip(need_places) {
            if *need == step.id {
                findings.report(*place, DIRECTIVE_STEP, format!("the step `{need}` needs itself"));
            } else if !ids.contains(need) {
                let message = format!("`{need}` is no step of this directive");
                findings.report_near(*place, DIRECTIVE_STEP, message, need.as_str(), ids.iter().map(Id::as_str));
            }
        }
    }
    let steps: Vec<StepSpec> = steps.into_iter().map(|(step, _)| step).collect();
    check_cycles(&steps, findings);
    steps
}

fn check_cycles(steps: &[StepSpec], findings: &mut Findings<'_>) {
    let known: BTreeSet<&Id> = steps.iter().map(|step| &step.id).collect();
    let mut done: BTreeSet<&Id> = BTreeSet::new();
    loop {
        let before = done.len();
        for step in steps {
            if step.needs.iter().all(|need| done.contains(need) || !known.contains(need) || *need == step.id) {
                done.insert(&step.id);
            }
        }
        if done.len() == before {
            break;
        }
    }
    if let Some(step) = steps.iter().find(|step| !done.contains(&step.id)) {
        let message = format!("the step `{}` needs itself through other steps", step.id);
        findings.report(step.place, DIRECTIVE_STEP, message);
    }
}

/// Reads a step; its id is noted also where the rest of it cannot be read, so that others may need it.
fn read_step(
    item: &Node,
    inputs: &Inputs,
    ids: &mut Vec<Id>,
    findings: &mut Findings<'_>,
) -> Option<(StepSpec, Vec<Place>)> {
    let fields = item.fields("a step", &["id", "pipeline", "title", "why", "needs", "with"], findings)?;
    let id = fields.require("id", findings).and_then(|node| node.parsed::<Id>(findings));
    ids.extend(id.clone());
    let pipeline = fields
        .require("pipeline", findings)
        .and_then(|node| node.parsed::<Id>(findings).map(|name| (name, node.place)));
    let title = fields.get("title").and_then(|node| node.line(findings)).map(str::to_owned);
    let why = fields.get("why").and_then(|node| node.line(findings)).map(str::to_owned);
    let (mut needs, mut need_places) = (Vec::new(), Vec::new());
    for node in fields.get("needs").map(|node| node.items(MAX_STEPS, findings)).unwrap_or_default() {
        let Some(need) = node.parsed::<Id>(findings) else { continue };
        if needs.contains(&need) {
            findings.report(node.place, DIRECTIVE_STEP, format!("`{need}` stands twice"));
            continue;
        }
        needs.push(need);
        need_places.push(node.place);
    }
    let (mut with, mut unread) = (BTreeMap::new(), BTreeSet::new());
    for (key, node) in fields.get("with").map(|node| node.entries(findings)).unwrap_or_default() {
        let name = findings.keep(key.place, key.text.parse::<Id>());
        let value = read_with(node, inputs, findings);
        match (name, value) {
            (Some(name), Some(value)) => {
                with.insert(name, With { key: key.place, place: node.place, value });
            }
            (Some(name), None) => _ = unread.insert(name),
            (None, _) => {}
        }
    }
    let step = StepSpec { id: id?, pipeline: pipeline?, title, why, needs, with, unread, place: item.place };
    Some((step, need_places))
}

fn read_with(node: &Node, inputs: &Inputs, findings: &mut Findings<'_>) -> Option<WithValue> {
    let value = node.scalar(findings)?;
    let Scalar::Text(text) = &value else { return Some(WithValue::Fixed(value)) };
    findings.keep(node.place, check_steering(text))?;
    let template = findings.keep(node.place, Template::parse(text))?;
    if template.is_fixed() {
        return Some(WithValue::Fixed(value));
    }
    for part in template.parts() {
        match part {
            Part::Input(name) if !inputs.declares(name) => {
                let message = format!("the directive has no input `{name}`");
                findings.report_near(node.place, INPUT_UNKNOWN, message, name.as_str(), inputs.names());
            }
            Part::Text(_) | Part::Input(_) => {}
            Part::Output { .. } if template.whole().is_some() => {}
            Part::Output { .. } => {
                findings.report(node.place, TEMPLATE_PLACE, format!("`{part}` must be the whole value"));
            }
            Part::Script(_) | Part::Scratch(_) => {
                findings.report(node.place, TEMPLATE_PLACE, format!("`{part}` belongs to pipelines only"));
            }
        }
    }
    Some(WithValue::Template(template))
}
