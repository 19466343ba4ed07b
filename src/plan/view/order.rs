//! The order in which steps run.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::model::Step;

/// Returns the indices of all steps so that each comes after the steps it needs, otherwise in the plan's order.
///
/// Needs that name no step are passed over, and steps on a cycle come last: a sealed plan has neither,
/// and a view must still show every step of one that was never sealed.
pub(super) fn execution_order(steps: &[Step]) -> Vec<usize> {
    let by_id: BTreeMap<_, _> = steps.iter().enumerate().rev().map(|(i, step)| (&step.id, i)).collect();
    let mut waits: Vec<BTreeSet<usize>> =
        steps.iter().map(|step| step.needs.iter().filter_map(|id| by_id.get(id).copied()).collect()).collect();
    let mut frees: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (i, needed) in waits.iter().enumerate() {
        for &n in needed {
            frees[n].push(i);
        }
    }
    let mut ready: BTreeSet<usize> = (0..steps.len()).filter(|&i| waits[i].is_empty()).collect();
    let mut order = Vec::with_capacity(steps.len());
    while let Some(i) = ready.pop_first() {
        order.push(i);
        for &next in &frees[i] {
            waits[next].remove(&i);
            if waits[next].is_empty() {
                ready.insert(next);
            }
        }
    }
    order.extend((0..steps.len()).filter(|&i| !waits[i].is_empty()));
    order
}

/// Tells whether `needs` runs in a circle.
pub(super) fn has_cycle(steps: &[Step]) -> bool {
    let order = execution_order(steps);
    let place: BTreeMap<_, _> = order.iter().enumerate().rev().map(|(place, &i)| (&steps[i].id, place)).collect();
    order.iter().enumerate().any(|(at, &i)| steps[i].needs.iter().any(|id| place.get(id).is_some_and(|&p| p >= at)))
}
