//! The steps of a plan as a picture: a Mermaid flow chart of ids, effects and statuses, and no other text.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::{
    base::ident::Id,
    event::StepStatus,
    plan::model::{Effect, Plan},
};

/// The most steps that are drawn.
const MAX_STEPS: usize = 100;
/// The most arrows that are drawn.
const MAX_ARROWS: usize = 280;

/// Returns the picture, or nothing where it would be too large to read or to be drawn.
///
/// The form says what the effect word says too: rounded for what only looks, square for what can be changed back,
/// a hexagon for what cannot.
pub(super) fn mermaid(plan: &Plan, statuses: &BTreeMap<&Id, StepStatus>) -> Option<String> {
    let arrows: usize = plan.steps.iter().map(|step| step.needs.len()).sum();
    if plan.steps.is_empty() || plan.steps.len() > MAX_STEPS || arrows > MAX_ARROWS {
        return None;
    }
    let places: BTreeMap<&Id, usize> = plan.steps.iter().enumerate().map(|(place, step)| (&step.id, place)).collect();
    let mut text = "flowchart TD\n".to_owned();
    for (place, step) in plan.steps.iter().enumerate() {
        let mut label = format!("{} · {}", step.id, step.effect.word());
        if let Some(status) = statuses.get(&step.id) {
            let _ = write!(label, " · {}", status.word());
        }
        let (open, close) = match step.effect {
            Effect::Read | Effect::Analyze | Effect::Recommend => ("(", ")"),
            Effect::Notify | Effect::Write => ("[", "]"),
            Effect::Irreversible => ("{{", "}}"),
        };
        let _ = writeln!(text, "  s{place}{open}\"{label}\"{close}");
    }
    for (place, step) in plan.steps.iter().enumerate() {
        for needed in &step.needs {
            let from = places.get(needed)?;
            let _ = writeln!(text, "  s{from} --> s{place}");
        }
    }
    Some(text)
}
