//! The configuration: flags, then the project's file at the protected base, the user's file, and defaults.

pub(crate) mod key;
pub(crate) mod model;
mod raw;
mod shown;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use super::{
    files,
    reasons::CONFIG_VALUE,
    session::{Session, invalid},
    world::World,
};
use crate::{
    base::{
        planner::PlannerKind,
        reason::{Refusal, Result, USAGE},
        text::excerpt,
        time::parse_duration,
    },
    cli::planner_args::PlannerFlags,
    provider::{catalog, command::PRESETS},
};
use model::{Allowance, BudgetMode, Budgets, Config, KeySource, Origin, Set};
use raw::{Raw, RawAllowance};

/// Where the project's file lies.
pub(crate) const PROJECT: &str = ".countersign/config.yml";
/// The name of the user's file, in the folder of keys and pins.
const USER: &str = "config.yml";
/// The most bytes of a file.
const MAX_FILE: usize = 1 << 20;

const MAX_OUTPUT_TOKENS: u32 = 16_384;
const TIMEOUT: u64 = 300;
const MAX_REVISIONS: u32 = 5;
const TOKENS_PER_PLAN: u64 = 500_000;
const REQUESTS_PER_PLAN: u64 = 12;
const TIME_PER_PLAN: u64 = 1_800;

/// The configuration of a command, and where it was looked for.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// The configuration.
    pub(crate) config: Config,
    /// The user's file, where there is one.
    pub(crate) user: Option<PathBuf>,
    /// The commit at which the project's file was read, where there is one.
    pub(crate) project: Option<String>,
}

/// Reads the configuration; without a session there is no project's file.
///
/// # Errors
/// `definition.invalid` with every finding of a file, `usage.invalid` and `provider.unknown` for flags.
pub(crate) fn load(flags: &PlannerFlags, session: Option<&Session>, world: &World) -> Result<Loaded> {
    let mut layers = vec![(Origin::Flag, of_flags(flags, world)?)];
    let mut project = None;
    if let Some(session) = session
        && let Some(bytes) = session.checkout.blob(&session.facts.base_sha, PROJECT)?
    {
        layers.push((Origin::Project, parse(PROJECT, &bytes, Origin::Project)?));
        project = Some(session.facts.base_sha.clone());
    }
    let mut user = None;
    // Without a folder of one's own there is no file in it.
    if let Ok(folder) = world.env.config_dir() {
        let path = folder.join(USER);
        if path.exists() {
            let bytes = files::read(&path, MAX_FILE)?;
            layers.push((Origin::User, parse(&path.display().to_string(), &bytes, Origin::User)?));
            user = Some(path);
        }
    }
    Ok(Loaded { config: resolve(&layers)?, user, project })
}

fn parse(file: &str, bytes: &[u8], origin: Origin) -> Result<Raw> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Refusal::new(CONFIG_VALUE, format!("{file} is not UTF-8")).subject(file))?;
    if bytes.len() > MAX_FILE {
        return Err(Refusal::new(crate::base::reason::LIMIT_SIZE, format!("{file}: {} bytes", bytes.len())));
    }
    raw::read(file, text, origin).map_err(|places| invalid(file, places))
}

fn of_flags(flags: &PlannerFlags, world: &World) -> Result<Raw> {
    let planner = flags.planner.as_deref().map(planner).transpose()?;
    if let Some(name) = &flags.provider {
        raw::check_provider(name, &Default::default(), Origin::Flag)?;
    }
    if let Some(name) = &flags.model {
        crate::provider::check_model(name)?;
    }
    if let Some(endpoint) = &flags.endpoint {
        raw::check_endpoint(endpoint)?;
    }
    let timeout = flags.timeout.as_deref().map(parse_duration).transpose()?;
    Ok(Raw {
        planner,
        provider: flags.provider.clone(),
        model: flags.model.clone(),
        endpoint: flags.endpoint.clone(),
        key: flags.model_key.as_deref().map(|text| key_source(text, world)).transpose()?,
        max_output_tokens: flags.max_output_tokens,
        timeout: timeout.and_then(|seconds| u64::try_from(seconds).ok()),
        ..Raw::default()
    })
}

fn planner(given: &str) -> Result<PlannerKind> {
    let found = PlannerKind::ALL.iter().find(|(word, _)| *word == given).map(|(_, name)| *name);
    found.ok_or_else(|| {
        let all: Vec<&str> = PlannerKind::ALL.iter().map(|(word, _)| *word).collect();
        Refusal::new(USAGE, format!("`{}` is no planner", excerpt(given)))
            .hint(format!("the planners are {}", all.join(", ")))
    })
}

/// Reads `env:NAME` or `file:PATH`; the text is not repeated, since somebody may have given the key itself.
fn key_source(given: &str, world: &World) -> Result<KeySource> {
    if let Some(name) = given.strip_prefix("env:") {
        raw::check_key_variable(name, Origin::Flag)?;
        return Ok(KeySource::Env(name.to_owned()));
    }
    if let Some(path) = given.strip_prefix("file:").filter(|path| !path.is_empty()) {
        return Ok(KeySource::File(world.cwd.join(path)));
    }
    Err(Refusal::new(USAGE, "--model-key takes env:NAME or file:PATH")
        .hint("a key given as an argument can be seen by others on this machine: if you gave one, make a new one"))
}

/// Returns every name that `provider` may have.
pub(crate) fn provider_names<'n>(agents: impl Iterator<Item = &'n String>) -> Vec<String> {
    let known = catalog::ALL.iter().map(|wire| wire.id).chain(PRESETS.iter().map(|preset| preset.id));
    known.map(str::to_owned).chain(agents.cloned()).collect()
}

/// Joins what the places set, the first that sets a value before all others.
fn resolve(layers: &[(Origin, Raw)]) -> Result<Config> {
    fn pick<T>(layers: &[(Origin, Raw)], get: impl Fn(&Raw) -> Option<T>) -> Option<Set<T>> {
        layers.iter().find_map(|(origin, raw)| Some(Set::new(get(raw)?, *origin)))
    }
    fn or<T>(found: Option<Set<T>>, default: T) -> Set<T> {
        found.unwrap_or(Set::new(default, Origin::Default))
    }
    fn optional<T>(found: Option<Set<T>>) -> Set<Option<T>> {
        found.map_or(Set::new(None, Origin::Default), |set| Set::new(Some(set.value), set.origin))
    }
    let allowance = |get: &dyn Fn(&Raw) -> &RawAllowance| Allowance {
        tokens: pick(layers, |raw| get(raw).tokens),
        requests: pick(layers, |raw| get(raw).requests),
        money: pick(layers, |raw| get(raw).money),
        time: pick(layers, |raw| get(raw).time),
    };
    let mut per_plan = allowance(&|raw| &raw.budgets.per_plan);
    per_plan.tokens.get_or_insert(Set::new(TOKENS_PER_PLAN, Origin::Default));
    per_plan.requests.get_or_insert(Set::new(REQUESTS_PER_PLAN, Origin::Default));
    per_plan.time.get_or_insert(Set::new(TIME_PER_PLAN, Origin::Default));
    let mut config = Config {
        planner: or(pick(layers, |raw| raw.planner), PlannerKind::Fixed),
        provider: optional(pick(layers, |raw| raw.provider.clone())),
        model: optional(pick(layers, |raw| raw.model.clone())),
        endpoint: optional(pick(layers, |raw| raw.endpoint.clone())),
        key: optional(pick(layers, |raw| raw.key.clone())),
        max_output_tokens: or(pick(layers, |raw| raw.max_output_tokens), MAX_OUTPUT_TOKENS),
        timeout: or(pick(layers, |raw| raw.timeout), TIMEOUT),
        max_revisions: or(pick(layers, |raw| raw.max_revisions), MAX_REVISIONS),
        send: optional(pick(layers, |raw| raw.send.clone())),
        prompt_cache: or(pick(layers, |raw| raw.prompt_cache), true),
        budgets: Budgets {
            mode: or(pick(layers, |raw| raw.budgets.mode), BudgetMode::Strict),
            currency: or(pick(layers, |raw| raw.currency.clone()), "USD".to_owned()),
            per_plan,
            per_directive: allowance(&|raw| &raw.budgets.per_directive),
            per_day: allowance(&|raw| &raw.budgets.per_day),
        },
        prices: Default::default(),
        agents: Default::default(),
    };
    for (origin, raw) in layers {
        for (model, price) in &raw.prices {
            config.prices.entry(model.clone()).or_insert(Set::new(*price, *origin));
        }
        for (name, agent) in &raw.agents {
            config.agents.entry(name.clone()).or_insert(Set::new(agent.clone(), *origin));
        }
    }
    if let Some(name) = &config.provider.value {
        let agents = config.agents.iter().map(|(name, set)| (name.clone(), set.value.clone())).collect();
        raw::check_provider(name, &agents, Origin::User)?;
    }
    Ok(config)
}
