//! Counts and lists over all steps of a plan.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    base::{digest::Digest, ident::Id},
    plan::model::{Action, Effect, Plan, Step},
};

/// Counts and lists over all steps, read-back included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Summary {
    /// How many steps.
    pub steps: u32,
    /// The highest effect, computed from the steps.
    pub effect: Effect,
    /// How many steps of each effect, the most dangerous first; effects without a step are there too.
    pub effects: Vec<EffectCount>,
    /// What steps are repeated for, in the plan's order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub items: Vec<ItemCount>,
    /// Repository paths that may be written, or are.
    pub writes: Vec<Use>,
    /// Programs that run.
    pub programs: Vec<ProgramUse>,
    /// Places on the network, `host:port`.
    pub hosts: Vec<Use>,
    /// Names of secrets.
    pub secrets: Vec<Use>,
    /// Paths that are committed.
    pub commits: Vec<Use>,
    /// Tags that are made.
    pub tags: Vec<Use>,
}

/// How many steps have an effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EffectCount {
    /// The effect.
    pub effect: Effect,
    /// How many steps.
    pub steps: u32,
}

/// How many things one step of the directive is repeated for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ItemCount {
    /// The step of the directive.
    pub of: Id,
    /// How many steps came of it, one an item.
    pub items: u32,
}

/// Something that steps use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Use {
    /// A path, a `host:port`, the name of a secret or a tag.
    pub what: String,
    /// The steps, in the plan's order.
    pub steps: Vec<Id>,
}

/// A program that steps run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProgramUse {
    /// Absolute path.
    pub path: String,
    /// SHA-256 of the binary, where the policy pins it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Whether it runs code that it is handed.
    pub interpreter: bool,
    /// The steps, in the plan's order.
    pub steps: Vec<Id>,
}

type Uses = BTreeMap<String, Vec<Id>>;

impl Summary {
    pub(super) fn of(plan: &Plan) -> Self {
        let (mut writes, mut hosts, mut secrets) = (Uses::new(), Uses::new(), Uses::new());
        let (mut commits, mut tags) = (Uses::new(), Uses::new());
        let mut programs: BTreeMap<(String, Option<Digest>, bool), Vec<Id>> = BTreeMap::new();
        for (step, action) in all_actions(plan) {
            match action {
                Action::Run(run) => {
                    let program = &run.program;
                    let key = (program.path.clone(), program.digest, program.interpreter);
                    add_id(programs.entry(key).or_default(), step);
                    run.writes.iter().for_each(|path| add(&mut writes, path.to_string(), step));
                    run.network.iter().for_each(|host| add(&mut hosts, format!("{}:{}", host.name, host.port), step));
                    run.secrets.iter().for_each(|name| add(&mut secrets, name.clone(), step));
                }
                Action::Write(file) => add(&mut writes, file.path.to_string(), step),
                Action::Copy(file) => add(&mut writes, file.to.to_string(), step),
                Action::Patch(file) => add(&mut writes, file.path.to_string(), step),
                Action::Commit(files) => {
                    files.paths.iter().for_each(|path| add(&mut commits, path.to_string(), step));
                }
                Action::Tag(tag) => add(&mut tags, tag.name.clone(), step),
            }
        }
        let mut items: Vec<ItemCount> = Vec::new();
        for item in plan.steps.iter().filter_map(|step| step.item.as_ref()) {
            match items.iter_mut().find(|count| count.of == item.of) {
                Some(count) => count.items += 1,
                None => items.push(ItemCount { of: item.of.clone(), items: 1 }),
            }
        }
        let count = |effect| plan.steps.iter().filter(|step| step.effect == effect).count();
        Self {
            steps: u32::try_from(plan.steps.len()).unwrap_or(u32::MAX),
            effect: plan.steps.iter().map(|step| step.effect).max().unwrap_or(Effect::Read),
            effects: Effect::ALL
                .iter()
                .rev()
                .map(|&(_, effect)| EffectCount { effect, steps: u32::try_from(count(effect)).unwrap_or(u32::MAX) })
                .collect(),
            items,
            writes: list(writes),
            programs: programs
                .into_iter()
                .map(|((path, digest, interpreter), steps)| ProgramUse { path, digest, interpreter, steps })
                .collect(),
            hosts: list(hosts),
            secrets: list(secrets),
            commits: list(commits),
            tags: list(tags),
        }
    }
}

/// Returns every action of a plan with its step, read-back after the actions.
pub(super) fn all_actions(plan: &Plan) -> impl Iterator<Item = (&Step, &Action)> {
    plan.steps.iter().flat_map(|step| step.every_action().map(move |action| (step, action)))
}

fn add(uses: &mut Uses, what: String, step: &Step) {
    add_id(uses.entry(what).or_default(), step);
}

fn add_id(ids: &mut Vec<Id>, step: &Step) {
    if ids.last() != Some(&step.id) {
        ids.push(step.id.clone());
    }
}

fn list(uses: Uses) -> Vec<Use> {
    uses.into_iter().map(|(what, steps)| Use { what, steps: unique(steps) }).collect()
}

fn unique(ids: Vec<Id>) -> Vec<Id> {
    let mut seen = BTreeSet::new();
    ids.into_iter().filter(|id| seen.insert(id.clone())).collect()
}
