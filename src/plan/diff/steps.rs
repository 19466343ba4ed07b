//! Steps of two plans, matched by id.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Changes, Direction, actions, shown::Shown as _};
use crate::{
    base::ident::Id,
    plan::{
        model::{OnFailure, Output, Retry, Step},
        view::pieces,
    },
};

/// Compares all steps; returns the ids of those added and those removed.
pub(super) fn compare_all(changes: &mut Changes, old: &[Step], new: &[Step]) -> (Vec<Id>, Vec<Id>) {
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    for step in new {
        changes.step = Some(step.id.clone());
        match old.iter().find(|before| before.id == step.id) {
            Some(before) => compare(changes, before, step),
            None => {
                let effect = format!("new step, effect {}", step.effect.word());
                changes.push(Direction::Widened, effect, None, Some(step.title.clone()));
                actions::compare_all(changes, "action", &[], &step.actions);
                added.push(step.id.clone());
            }
        }
    }
    for step in old.iter().filter(|step| !new.iter().any(|after| after.id == step.id)) {
        changes.step = Some(step.id.clone());
        // A step that is gone may have been the backup that made the others safe.
        let effect = format!("step is gone, effect {}", step.effect.word());
        changes.push(Direction::Changed, effect, Some(step.title.clone()), None);
        removed.push(step.id.clone());
    }
    changes.step = None;
    let kept = |steps: &[Step], gone: &[Id]| {
        steps.iter().map(|step| step.id.clone()).filter(|id| !gone.contains(id)).collect::<Vec<_>>()
    };
    let (before, after) = (kept(old, &removed), kept(new, &added));
    if before != after {
        changes.push(Direction::Changed, "order of the steps", before.shown(), after.shown());
    }
    (added, removed)
}

fn compare(changes: &mut Changes, old: &Step, new: &Step) {
    let Step {
        id: _,
        title,
        pipeline,
        pipeline_digest,
        with,
        why,
        item,
        needs,
        effect,
        actions: old_actions,
        outputs,
        evidence,
        retry,
        timeout_seconds,
        on_failure,
        idempotent,
        verify,
    } = old;
    changes.level("effect", effect, &new.effect);
    changes.value("pipeline", pipeline, &new.pipeline);
    changes.value("pipeline: text", pipeline_digest, &new.pipeline_digest);
    named(changes, "input", with, &new.with);
    // Waiting for less is running sooner, with less behind it.
    changes.required("needs", needs, &new.needs);
    actions::compare_all(changes, "action", old_actions, &new.actions);
    actions::compare_all(changes, "read-back", verify, &new.verify);
    if new.verify.len() < verify.len() {
        let count = |n: usize| Some(n.to_string());
        changes.push(Direction::Widened, "fewer read-backs", count(verify.len()), count(new.verify.len()));
    }
    compare_outputs(changes, outputs, &new.outputs);
    changes.required("evidence", evidence, &new.evidence);
    let Retry { max_attempts, backoff_seconds } = retry;
    changes.level("attempts", max_attempts, &new.retry.max_attempts);
    changes.value("wait before the next attempt", backoff_seconds, &new.retry.backoff_seconds);
    changes.level("time limit in seconds", timeout_seconds, &new.timeout_seconds);
    if *on_failure != new.on_failure {
        let rank = |what| match what {
            OnFailure::Halt => 0,
            OnFailure::Continue => 1,
            OnFailure::Skip => 2,
        };
        let wider = rank(new.on_failure) > rank(*on_failure);
        let direction = if wider { Direction::Widened } else { Direction::Narrowed };
        changes.push(direction, "on failure", on_failure.shown(), new.on_failure.shown());
    }
    // A step that calls itself idempotent may be run again.
    changes.level("twice is the same as once", idempotent, &new.idempotent);
    changes.value("item", item, &new.item);
    changes.value("title", title, &new.title);
    changes.value("why", why, &new.why);
}

fn compare_outputs(changes: &mut Changes, old: &BTreeMap<Id, Output>, new: &BTreeMap<Id, Output>) {
    for (name, output) in old {
        let what = format!("output {name}");
        match new.get(name) {
            None => changes.push(Direction::Changed, format!("{what}: removed"), Some(pieces::output(output)), None),
            Some(after) => {
                let Output { kind, pattern, max_length } = output;
                changes.value(&format!("{what}: type"), kind, &after.kind);
                pattern_change(changes, &what, pattern.as_ref(), after.pattern.as_ref());
                changes.level(&format!("{what}: most bytes"), max_length, &after.max_length);
            }
        }
    }
    for (name, output) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
        changes.push(Direction::Changed, format!("output {name}: added"), None, Some(pieces::output(output)));
    }
}

/// A pattern that goes allows more; of two patterns nobody can tell.
pub(super) fn pattern_change(changes: &mut Changes, what: &str, old: Option<&String>, new: Option<&String>) {
    let direction = match (old, new) {
        (Some(_), None) => Direction::Widened,
        (None, Some(_)) => Direction::Narrowed,
        _ => Direction::Changed,
    };
    if old != new {
        changes.push(direction, format!("{what}: pattern"), old.shown(), new.shown());
    }
}

/// Compares two maps of values that allow nothing by themselves.
pub(super) fn named<T: PartialEq + Serialize>(
    changes: &mut Changes,
    what: &str,
    old: &BTreeMap<Id, T>,
    new: &BTreeMap<Id, T>,
) {
    for name in old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))) {
        let (before, after) = (old.get(name), new.get(name));
        if before != after {
            changes.push(Direction::Changed, format!("{what} {name}"), before.shown(), after.shown());
        }
    }
}
