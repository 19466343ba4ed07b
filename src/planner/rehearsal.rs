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
        yaml::{Findings, Place},
    },
    directive::{
        Directive,
        fan_out::{ForEach, ItemSource},
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
/// does not list, is not, nor what is done by a pipeline that could not be read.
#[must_use]
pub fn rehearse(
    directive: &Directive,
    catalog: &Catalog,
    programs: &ProgramTable,
    limits: &seal::Limits,
) -> Vec<Diagnostic> {
    let given = directive.inputs().iter();
    let inputs = given.filter_map(|(name, spec)| Some((name.clone(), spec.default.clone()?))).collect();
    let stage = Stage { directive, material: Material { catalog, programs, inputs: &inputs }, limits };
    let mut findings = directive.findings();
    for step in directive.steps() {
        stage.step(step, &mut findings);
    }
    findings.into_list()
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
            Ok(steps) => {
                for (step, place) in steps.iter().zip(&for_each.places) {
                    self.draft(step, *place, findings);
                }
            }
            Err(refusal) => findings.refuse(place_of_item(for_each, &items, &refusal), &refusal),
        }
    }

    fn draft(&self, step: &StepSpec, place: Place, findings: &mut Findings<'_>) {
        let is_known = step.unread.is_empty() && step.with.values().all(|with| self.is_known(&with.value));
        if !is_known {
            return;
        }
        if let Err(refusal) = self.try_out(step)
            // Of these the pipelines' own check tells.
            && !refusal.is(PIPELINE_PROGRAM)
            && !refusal.is(PIPELINE_UNKNOWN)
        {
            findings.refuse(place_of_value(step, place, &refusal), &refusal);
        }
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

/// Returns where the item stands that a refusal names, the last where it stands twice; else where the list begins.
fn place_of_item(for_each: &ForEach, items: &[String], refusal: &Refusal) -> Place {
    let is_named = |item: &String| refusal.message().contains(&format!("`{}`", excerpt(item)));
    let at = items.iter().rposition(is_named).and_then(|n| for_each.places.get(n));
    at.copied().unwrap_or(for_each.place)
}

/// Returns where the value stands that a refusal names; else the place that is given.
fn place_of_value(step: &StepSpec, place: Place, refusal: &Refusal) -> Place {
    let is_named = |value: &WithValue| match value {
        WithValue::Fixed(Scalar::Text(text)) => {
            !text.is_empty() && refusal.message().contains(&format!("`{}`", excerpt(text)))
        }
        WithValue::Fixed(_) | WithValue::Template(_) => false,
    };
    // The value of an item stands in the list, and nothing in `with` is to blame.
    let own = step.one_of.is_none().then(|| step.with.values().find(|with| is_named(&with.value))).flatten();
    own.map_or(place, |with| with.place)
}
