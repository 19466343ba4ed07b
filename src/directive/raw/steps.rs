//! The steps of a directive, and whether they fit each other.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{
    fan_out::{ForEach, ItemSource},
    input::Inputs,
    model::{StepSpec, With, WithValue},
    reasons::{DIRECTIVE_ITEMS, DIRECTIVE_PIPELINE, DIRECTIVE_STEP, INPUT_UNKNOWN, TEMPLATE_PLACE},
    template::{Part, Template},
};
use crate::base::{
    bounds::MAX_STEPS,
    ident::Id,
    level::OnFailure,
    text::check_steering,
    value::Scalar,
    yaml::{Fields, Findings, Node, Place},
};

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
    check_outputs(&steps, findings);
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

/// A step that is repeated has as many outputs of a name as there are items, and none that another step could take.
fn check_outputs(steps: &[StepSpec], findings: &mut Findings<'_>) {
    let repeated: BTreeSet<&Id> = steps.iter().filter(|step| step.for_each.is_some()).map(|step| &step.id).collect();
    for with in steps.iter().flat_map(|step| step.with.values()) {
        let WithValue::Template(template) = &with.value else { continue };
        if let Some(Part::Output { step, .. }) = template.whole()
            && repeated.contains(step)
        {
            let message = format!("`{step}` is repeated, and has an output for each item");
            findings.report_help(with.place, DIRECTIVE_STEP, message, "let each step write a file, and read the files");
        }
    }
}

/// Reads a step; its id is noted also where the rest of it cannot be read, so that others may need it.
fn read_step(
    item: &Node,
    inputs: &Inputs,
    ids: &mut Vec<Id>,
    findings: &mut Findings<'_>,
) -> Option<(StepSpec, Vec<Place>)> {
    let known = ["id", "pipeline", "title", "why", "needs", "with", "forEach"];
    let fields = item.fields("a step", &known, findings)?;
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
    let repeated = fields.get("forEach");
    let for_each = repeated.and_then(|node| read_for_each(node, inputs, findings));
    let (mut with, mut unread) = (BTreeMap::new(), BTreeSet::new());
    for (key, node) in fields.get("with").map(|node| node.entries(findings)).unwrap_or_default() {
        let name = findings.keep(key.place, key.text.parse::<Id>());
        let value = read_with(node, inputs, repeated.is_some(), findings);
        match (name, value) {
            (Some(name), Some(value)) => {
                with.insert(name, With { key: key.place, place: node.place, value });
            }
            (Some(name), None) => _ = unread.insert(name),
            (None, _) => {}
        }
    }
    if let Some(node) = repeated
        && unread.is_empty()
        && !with.values().any(|with| with.value.takes_item())
    {
        let message = "every step would do the same: nothing of `with` takes `{{ item }}`";
        findings.report(node.place, DIRECTIVE_ITEMS, message);
    }
    let step = StepSpec {
        id: id?,
        pipeline: pipeline?,
        title,
        why,
        needs,
        with,
        unread,
        for_each,
        one_of: None,
        on_failure: None,
        place: item.place,
    };
    Some((step, need_places))
}

/// Reads what a step is repeated for: exactly one of `list`, `files` and `lines`.
fn read_for_each(node: &Node, inputs: &Inputs, findings: &mut Findings<'_>) -> Option<ForEach> {
    let fields = node.fields("`forEach`", &["list", "files", "lines", "onFailure"], findings)?;
    let on_failure = fields.get("onFailure").and_then(|node| node.word(&OnFailure::ALL, findings));
    let mut places = Vec::new();
    let mut text = |node: &Node, findings: &mut Findings<'_>| {
        let template = read_item_text(node, inputs, findings)?;
        places.push(node.place);
        Some(template)
    };
    let lines = fields.get("lines").and_then(|node| text(node, findings));
    let mut texts = |name: &str| -> Option<Vec<Template>> {
        let items = fields.get(name)?.items(MAX_STEPS, findings);
        Some(items.iter().filter_map(|node| text(node, findings)).collect())
    };
    let (list, files) = (texts("list"), texts("files"));
    let mut sources =
        [list.map(ItemSource::List), files.map(ItemSource::Files), lines.map(ItemSource::Lines)].into_iter().flatten();
    let named = ["list", "files", "lines"].into_iter().filter(|name| fields.get(name).is_some()).count();
    if named != 1 {
        findings.report(node.place, DIRECTIVE_ITEMS, "`forEach` takes one of `list`, `files` and `lines`");
        return None;
    }
    let source = sources.next()?;
    Some(ForEach { source, on_failure: on_failure.unwrap_or(OnFailure::Continue), place: node.place, places })
}

/// Reads a text of `forEach`, which takes inputs of the directive and nothing else.
fn read_item_text(node: &Node, inputs: &Inputs, findings: &mut Findings<'_>) -> Option<Template> {
    let text = node.line(findings)?;
    let template = read_template(node, text, inputs, findings)?;
    for part in template.parts().iter().filter(|part| !matches!(part, Part::Text(_) | Part::Input(_))) {
        findings.report(node.place, TEMPLATE_PLACE, format!("`{part}` cannot stand in `forEach`"));
    }
    Some(template)
}

fn read_with(node: &Node, inputs: &Inputs, repeated: bool, findings: &mut Findings<'_>) -> Option<WithValue> {
    let value = node.scalar(findings)?;
    let Scalar::Text(text) = &value else { return Some(WithValue::Fixed(value)) };
    let template = read_template(node, text, inputs, findings)?;
    if template.is_fixed() {
        return Some(WithValue::Fixed(value));
    }
    for part in template.parts() {
        match part {
            Part::Text(_) | Part::Input(_) => {}
            Part::Item if repeated => {}
            Part::Item => {
                let message = "`{{ item }}` means nothing where the step has no `forEach`";
                findings.report(node.place, TEMPLATE_PLACE, message);
            }
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

/// Reads a template, and reports inputs that the directive does not have.
fn read_template(node: &Node, text: &str, inputs: &Inputs, findings: &mut Findings<'_>) -> Option<Template> {
    findings.keep(node.place, check_steering(text))?;
    let template = findings.keep(node.place, Template::parse(text))?;
    for name in template.inputs().filter(|name| !inputs.declares(name)) {
        let message = format!("the directive has no input `{name}`");
        findings.report_near(node.place, INPUT_UNKNOWN, message, name.as_str(), inputs.names());
    }
    Some(template)
}
