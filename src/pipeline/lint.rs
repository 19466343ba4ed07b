//! Whether a directive fits the pipelines there are, and what its steps' inputs are bound to.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    catalog::Catalog,
    model::Pipeline,
    template::{Bound, OutputRef},
};
use crate::{
    base::{
        diagnostic::Diagnostic,
        ident::Id,
        reason::{Refusal, Result},
        value::{Scalar, ValueType},
        yaml::Findings,
    },
    directive::{
        Directive,
        input::InputSpec,
        model::{StepSpec, WithValue},
        reasons::{DIRECTIVE_CEILING, DIRECTIVE_STEP, DIRECTIVE_WITH},
        template::{Part, Template},
    },
};

/// Returns what does not fit.
///
/// Nothing is said of pipelines that are there and could not be read, of which `is_unread` tells.
pub(super) fn lint(catalog: &Catalog, directive: &Directive, is_unread: &dyn Fn(&Id) -> bool) -> Vec<Diagnostic> {
    let mut findings = directive.findings();
    for (name, place) in directive.pipeline_places().iter().filter(|(name, _)| !is_unread(name)) {
        findings.keep(*place, catalog.get(name));
    }
    for step in directive.steps() {
        // A pipeline that is not there was reported above, where the directive lists it.
        if let Ok(pipeline) = catalog.get(&step.pipeline.0) {
            lint_step(catalog, directive, (step, pipeline), is_unread, &mut findings);
        }
    }
    findings.into_list()
}

fn lint_step(
    catalog: &Catalog,
    directive: &Directive,
    (step, pipeline): (&StepSpec, &Pipeline),
    is_unread: &dyn Fn(&Id) -> bool,
    findings: &mut Findings<'_>,
) {
    let ceiling = directive.ceiling().effect;
    if pipeline.effect() > ceiling {
        let (effect, most) = (pipeline.effect().word(), ceiling.word());
        let message = format!("the pipeline `{}` has effect `{effect}`, the ceiling is `{most}`", pipeline.name());
        findings.report(step.pipeline.1, DIRECTIVE_CEILING, message);
    }
    for (name, with) in &step.with {
        let Some(input) = pipeline.inputs().get(name) else {
            let message = format!("the pipeline `{}` has no input `{name}`", pipeline.name());
            let known = pipeline.inputs().keys().map(Id::as_str);
            findings.report_near(with.key, DIRECTIVE_WITH, message, name.as_str(), known);
            continue;
        };
        let checked = match &with.value {
            WithValue::Fixed(value) => input.spec.check(value),
            WithValue::Template(template) => match template.whole() {
                Some(Part::Output { step: from, .. }) if gives_unread(directive, from, is_unread) => Ok(()),
                Some(Part::Output { step: from, output }) => {
                    output_ref(catalog, directive, step, pipeline, name, (from, output)).map(|_| ())
                }
                Some(Part::Input(given)) => check_kinds(directive.inputs().get(given), input, given),
                _ if input.kind() == ValueType::Integer || input.kind() == ValueType::Boolean => {
                    Err(Refusal::new(DIRECTIVE_WITH, format!("`{template}` is text, and `{name}` takes none")))
                }
                _ => Ok(()),
            },
        };
        findings.keep(with.place, checked);
    }
    for name in step.unread.iter().filter(|name| !pipeline.inputs().contains_key(*name)) {
        let message = format!("the pipeline `{}` has no input `{name}`", pipeline.name());
        let known = pipeline.inputs().keys().map(Id::as_str);
        findings.report_near(step.place, DIRECTIVE_WITH, message, name.as_str(), known);
    }
    let handed = |name: &Id| step.with.contains_key(name) || step.unread.contains(name);
    for (name, _) in pipeline.inputs().iter().filter(|(name, input)| input.is_required() && !handed(name)) {
        let message = format!("the step `{}` hands no `{name}` to the pipeline `{}`", step.id, pipeline.name());
        findings.report(step.place, DIRECTIVE_WITH, message);
    }
}

/// Tells whether the pipeline of a step is one that could not be read.
fn gives_unread(directive: &Directive, step: &Id, is_unread: &dyn Fn(&Id) -> bool) -> bool {
    directive.steps().iter().any(|one| one.id == *step && is_unread(&one.pipeline.0))
}

/// A whole input keeps its type; text takes any type.
fn check_kinds(given: Option<&InputSpec>, wanted: &InputSpec, name: &Id) -> Result<()> {
    // An input that is not declared is reported when the directive is read.
    let Some(given) = given else { return Ok(()) };
    let numeric = |kind| matches!(kind, ValueType::Integer | ValueType::Boolean);
    let fits = given.kind() == wanted.kind()
        || wanted.kind() == ValueType::String
        || !numeric(given.kind()) && !numeric(wanted.kind());
    if fits {
        return Ok(());
    }
    Err(Refusal::new(DIRECTIVE_WITH, format!("the input `{name}` is of another type than the pipeline takes")))
}

/// Binds every input of a step's pipeline, by what the directive hands over or by default.
pub(super) fn bind(
    catalog: &Catalog,
    directive: &Directive,
    step: &StepSpec,
    inputs: &BTreeMap<Id, Scalar>,
) -> Result<BTreeMap<Id, Bound>> {
    let pipeline = catalog.get(&step.pipeline.0)?;
    if let Some(name) = step.with.keys().find(|name| !pipeline.inputs().contains_key(*name)) {
        return Err(Refusal::new(DIRECTIVE_WITH, format!("the pipeline `{}` has no input `{name}`", pipeline.name())));
    }
    let mut bound = BTreeMap::new();
    for (name, input) in pipeline.inputs() {
        let value = match step.with.get(name).map(|with| &with.value) {
            Some(WithValue::Fixed(value)) => value.clone(),
            Some(WithValue::Template(template)) => {
                if let Some(Part::Output { step: from, output }) = template.whole() {
                    let source = output_ref(catalog, directive, step, pipeline, name, (from, output))?;
                    bound.insert(name.clone(), Bound::Output(source));
                    continue;
                }
                fill(template, inputs, input)?
            }
            None => input.default.clone().ok_or_else(|| {
                Refusal::new(DIRECTIVE_WITH, format!("the step `{}` hands no `{name}` over", step.id))
            })?,
        };
        input.spec.check(&value).map_err(|refusal| refusal.subject(format!("step {}, input {name}", step.id)))?;
        bound.insert(name.clone(), Bound::Value(value));
    }
    Ok(bound)
}

fn fill(template: &Template, inputs: &BTreeMap<Id, Scalar>, wanted: &InputSpec) -> Result<Scalar> {
    // A whole input keeps its type, but where text is wanted.
    if let Some(Part::Input(name)) = template.whole()
        && wanted.kind() != ValueType::String
        && let Some(value) = inputs.get(name)
    {
        return Ok(value.clone());
    }
    template.filled(inputs).map(Scalar::Text).map_err(|why| Refusal::new(DIRECTIVE_WITH, why))
}

/// Finds the output that an input is to take, and what it must be to fit both sides.
fn output_ref(
    catalog: &Catalog,
    directive: &Directive,
    step: &StepSpec,
    pipeline: &Pipeline,
    input: &Id,
    (from, output): (&Id, &Id),
) -> Result<OutputRef> {
    let refuse = |why: String| Refusal::new(DIRECTIVE_WITH, format!("`{from}.{output}`: {why}"));
    let source = directive.steps().iter().find(|one| one.id == *from);
    let source = source.ok_or_else(|| refuse(format!("there is no step `{from}`")))?;
    if !needs_transitively(directive, step, from) {
        let message = format!("the step `{}` takes an output of `{from}` and does not need it", step.id);
        return Err(Refusal::new(DIRECTIVE_STEP, message).hint(format!("add `{from}` to `needs`")));
    }
    let giver = catalog.get(&source.pipeline.0)?;
    let given = giver.outputs().get(output).ok_or_else(|| {
        let near = crate::base::diagnostic::nearest(output.as_str(), giver.outputs().keys().map(Id::as_str));
        let refusal = refuse(format!("the pipeline `{}` has no output `{output}`", giver.name()));
        near.map_or(refusal.clone(), |near| refusal.hint(format!("did you mean `{near}`?")))
    })?;
    let wanted = pipeline.inputs().get(input).ok_or_else(|| refuse(format!("there is no input `{input}`")))?;
    if !pipeline.takes_output(input) {
        return Err(refuse(format!("`{input}` stands where only values that are known may stand")));
    }
    let textual = !matches!(given.kind, ValueType::Integer | ValueType::Boolean);
    if given.kind != wanted.kind() && !(wanted.kind() == ValueType::String && textual) {
        return Err(refuse(format!("`{input}` is of another type")));
    }
    if wanted.min.is_some() || wanted.kind() == ValueType::Integer && wanted.max.is_some() {
        return Err(refuse(format!("the bounds of `{input}` cannot be held at run time; use a `pattern`")));
    }
    if wanted.pattern.is_some() && !matches!(given.kind, ValueType::String | ValueType::Path) {
        return Err(refuse(format!("`{input}` has a `pattern`, which the output's type takes none of")));
    }
    // The slot holds one pattern: where both sides have one, the giver's is checked when it hands on.
    let pattern = wanted.pattern.clone().or_else(|| given.pattern.clone());
    let most = wanted.max.and_then(|max| u32::try_from(max).ok()).unwrap_or(u32::MAX);
    Ok(OutputRef {
        step: from.clone(),
        output: output.clone(),
        kind: given.kind,
        pattern,
        max_length: given.max_length.min(most),
    })
}

fn needs_transitively(directive: &Directive, step: &StepSpec, wanted: &Id) -> bool {
    let (mut open, mut seen): (Vec<&Id>, BTreeSet<&Id>) = (step.needs.iter().collect(), BTreeSet::new());
    while let Some(id) = open.pop() {
        if id == wanted {
            return true;
        }
        if seen.insert(id) {
            let next = directive.steps().iter().find(|one| one.id == *id);
            open.extend(next.map(|one| one.needs.iter()).into_iter().flatten());
        }
    }
    false
}
