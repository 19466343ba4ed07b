//! What a plan of a directive would be refused for, whatever its inputs: found by drafting what can be drafted without.

use std::collections::BTreeMap;

use super::{
    assemble::{self, Material},
    context::Pattern,
};
use crate::{
    base::{
        diagnostic::Diagnostic,
        reason::{Refusal, Result},
        text::excerpt,
        value::Scalar,
        yaml::{Findings, MAX_FINDINGS, Place},
    },
    directive::{
        Directive,
        fan_out::{ItemSource, Unfit},
        model::{StepSpec, WithValue},
        template::{Part, Template},
    },
    pipeline::{
        Catalog, ProgramTable,
        reasons::{PIPELINE_PROGRAM, PIPELINE_UNKNOWN},
    },
    plan::seal,
};

/// Drafts each step of a directive of which everything is known without inputs, and returns what is refused.
///
/// An input that has a default is known. What a step takes from files of a commit, or from a program that the policy
/// does not list, is not, nor what is done by a pipeline that could not be read. A step on whose lines something is
/// `known` to be wrong is not tried: it would be refused for the same, in other words.
#[must_use]
pub fn rehearse<'d>(
    directive: &Directive,
    catalog: &Catalog,
    programs: &ProgramTable,
    limits: &seal::Limits,
    known: impl IntoIterator<Item = &'d Diagnostic>,
) -> Vec<Diagnostic> {
    let given = directive.inputs().iter();
    let inputs = given.filter_map(|(name, spec)| Some((name.clone(), spec.default.clone()?))).collect();
    let stage = Stage { directive, material: Material { catalog, programs, inputs: &inputs }, limits };
    let mut findings = directive.findings();
    let known: Vec<Place> = known.into_iter().map(|found| (found.line, found.column)).collect();
    let steps = directive.steps();
    for step in steps {
        if findings.is_full() {
            break;
        }
        let end = end(step, steps);
        if !known.iter().any(|place| (step.place..end).contains(place)) {
            stage.step(step, &mut findings);
        }
    }
    findings.into_list()
}

/// Returns a place behind everything of a step, and not behind the beginning of another.
fn end(step: &StepSpec, steps: &[StepSpec]) -> Place {
    let with = step.with.values().flat_map(|with| [with.key, with.place]);
    let items = step.for_each.iter().flat_map(|for_each| for_each.places.iter().copied().chain([for_each.place]));
    let last = with.chain(items).chain([step.pipeline.1]).fold(step.place, Place::max);
    let next = steps.iter().map(|other| other.place).filter(|place| *place > step.place);
    next.fold((last.0 + 1, 0), Place::min)
}

/// What steps are tried with.
struct Stage<'s> {
    directive: &'s Directive,
    material: Material<'s>,
    limits: &'s seal::Limits,
}

impl Stage<'_> {
    fn step(&self, step: &StepSpec, findings: &mut Findings<'_>) {
        let Some(for_each) = &step.for_each else {
            self.draft(step, step.place, findings);
            return;
        };
        let texts: &[Template] = match &for_each.source {
            ItemSource::List(list) => list,
            ItemSource::Files(globs) => globs,
            ItemSource::Lines(_) => &[],
        };
        let filled: Vec<Option<String>> = texts.iter().map(|text| text.filled(self.material.inputs).ok()).collect();
        if matches!(for_each.source, ItemSource::Files(_)) {
            for (glob, place) in filled.iter().zip(&for_each.places) {
                findings.keep(*place, glob.as_deref().map(Pattern::new).transpose());
            }
            return;
        }
        // Of a list, and whole: what is not known may be what is there already.
        let Some(items) = filled.into_iter().collect::<Option<Vec<_>>>() else { return };
        if items.is_empty() && !matches!(for_each.source, ItemSource::List(_)) {
            return;
        }
        match step.for_items(&items) {
            Ok(made) => self.draft_items(step, &made, &for_each.places, findings),
            Err(Unfit { refusal, item }) => {
                let at = item.and_then(|item| for_each.places.get(item)).copied();
                findings.refuse(at.unwrap_or(for_each.place), &refusal);
            }
        }
    }

    /// Drafts the steps that one is repeated as, and tells once of what they have in common.
    fn draft_items(&self, step: &StepSpec, made: &[StepSpec], places: &[Place], findings: &mut Findings<'_>) {
        let mut causes: BTreeMap<String, (Refusal, Place)> = BTreeMap::new();
        for (one, place) in made.iter().zip(places) {
            // More could not be told.
            if findings.count() + causes.len() >= MAX_FINDINGS {
                break;
            }
            let Some(refusal) = self.refusal(one) else { continue };
            // The steps have names of their own, which tell no two causes apart.
            let cause = refusal.message().replace(&format!("`{}`", one.id), "");
            causes
                .entry(format!("{} {cause}", refusal.code()))
                // What is the same for two items is the fault of none of them.
                .and_modify(|(_, place)| *place = step.place)
                .or_insert((refusal, *place));
        }
        for (refusal, place) in causes.values() {
            findings.refuse(*place, refusal);
        }
    }

    fn draft(&self, step: &StepSpec, place: Place, findings: &mut Findings<'_>) {
        if let Some(refusal) = self.refusal(step) {
            findings.refuse(place_of_value(step, place, &refusal), &refusal);
        }
    }

    /// Returns what a step is refused for, where everything is known of it.
    fn refusal(&self, step: &StepSpec) -> Option<Refusal> {
        let is_known = step.unread.is_empty() && step.with.values().all(|with| self.is_known(&with.value));
        let refusal = is_known.then(|| self.try_out(step).err()).flatten()?;
        // Of these the pipelines' own check tells.
        (!refusal.is(PIPELINE_PROGRAM) && !refusal.is(PIPELINE_UNKNOWN)).then_some(refusal)
    }

    fn is_known(&self, value: &WithValue) -> bool {
        match value {
            WithValue::Fixed(_) => true,
            WithValue::Template(template) => {
                matches!(template.whole(), Some(Part::Output { .. })) || template.filled(self.material.inputs).is_ok()
            }
        }
    }

    fn try_out(&self, spec: &StepSpec) -> Result<()> {
        let mut scripts = BTreeMap::new();
        let step = assemble::step(self.material, (self.directive, spec), &mut scripts)?;
        let scripts: Vec<_> = scripts.into_values().collect();
        seal::rehearse(&step, &scripts, self.limits)
    }
}

/// Returns where the value stands that a refusal names; else the place that is given.
fn place_of_value(step: &StepSpec, place: Place, refusal: &Refusal) -> Place {
    let is_named = |value: &WithValue| match value {
        WithValue::Fixed(Scalar::Text(text)) => {
            !text.is_empty() && refusal.message().contains(&format!("`{}`", excerpt(text)))
        }
        WithValue::Fixed(_) | WithValue::Template(_) => false,
    };
    step.with.values().find(|with| is_named(&with.value)).map_or(place, |with| with.place)
}
