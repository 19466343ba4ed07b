//! Which provider or agent is asked: what the configuration names, or the only one that there is; never a guess.

use std::time::Duration;

use super::{
    agents,
    config::{key, model::Config, provider_names},
    world::World,
};
use crate::{
    base::{
        planner::PlannerKind,
        reason::{Refusal, Result, USAGE},
        secret::Secret,
    },
    provider::{
        catalog::{self, Wire},
        command::{Agent, PRESETS, preset},
        reasons::{PROVIDER_NO_ENDPOINT, PROVIDER_UNKNOWN},
    },
};

/// Who is asked.
#[derive(Clone, Debug)]
pub(crate) enum Choice {
    /// Nobody: the directive's own steps.
    Fixed,
    /// A model behind HTTP.
    Http(Http),
    /// An agent's command line.
    Command {
        /// The agent.
        agent: Box<Agent>,
        /// The model's name; empty for the agent's own choice.
        model: String,
        /// How long one answer may take.
        timeout: Duration,
    },
    /// A person.
    Manual,
}

/// A model behind HTTP, with all that is needed to ask it.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    /// The provider.
    pub(crate) wire: &'static Wire,
    /// Where it is reached.
    pub(crate) endpoint: String,
    /// The model's name.
    pub(crate) model: String,
    /// The key; none where none is needed.
    pub(crate) key: Option<Secret>,
    /// How long one answer may take.
    pub(crate) timeout: Duration,
}

/// Chooses, from the configuration and from what is set and installed here.
///
/// # Errors
/// `provider.no_key`, `provider.no_endpoint`, `provider.unknown`, `provider.agent_missing`, and `usage.invalid` where more
/// than one could be meant.
pub(crate) fn choose(config: &Config, world: &World) -> Result<Choice> {
    match config.planner().value {
        PlannerKind::Fixed => Ok(Choice::Fixed),
        PlannerKind::Manual => Ok(Choice::Manual),
        PlannerKind::Model => http(config, world).map(Choice::Http),
        PlannerKind::Command => command(config, world),
    }
}

fn http(config: &Config, world: &World) -> Result<Http> {
    let wire = match config.provider().value.as_deref() {
        Some(name) => catalog::find(name).ok_or_else(|| other(name, "an agent's command line", "command"))?,
        None => {
            let set = |wire: &&Wire| wire.key_variables.iter().any(|name| world.env.text(name).is_some());
            let found: Vec<&'static Wire> = catalog::ALL.iter().filter(set).collect();
            only(&found, |wire| wire.id, "a key is set for")?
                .ok_or_else(|| key::no_key("no key is set for any provider"))?
        }
    };
    let endpoint = config.endpoint().value.as_deref().or(wire.endpoint).ok_or_else(|| {
        Refusal::new(PROVIDER_NO_ENDPOINT, format!("`{}` is reached nowhere yet", wire.id)).subject(wire.id)
    })?;
    let model = config.model().value.as_deref().unwrap_or(wire.model);
    Ok(Http {
        wire,
        endpoint: endpoint.to_owned(),
        model: model.to_owned(),
        key: key::read(config, wire, world)?,
        timeout: Duration::from_secs(config.timeout().value),
    })
}

fn command(config: &Config, world: &World) -> Result<Choice> {
    let agent =
        match config.provider().value.as_deref() {
            Some(name) => agent(config, name)?,
            None => {
                let all = known_agents(config);
                let found: Vec<&Agent> = all.iter().filter(|agent| agents::find(agent, world).is_ok()).collect();
                only(&found, |agent| &agent.name, "there are programs of")?.cloned().ok_or_else(|| {
                    let names: Vec<&str> = all.iter().map(|agent| agent.name.as_str()).collect();
                    let message = format!("none of {} is in PATH", names.join(", "));
                    key::WAYS.iter().rev().fold(
                        Refusal::new(crate::provider::reasons::PROVIDER_AGENT_MISSING, message),
                        |refusal, way| refusal.hint(*way),
                    )
                })?
            }
        };
    agents::find(&agent, world)?;
    let model = config.model().value.clone().unwrap_or_default();
    let timeout = Duration::from_secs(config.timeout().value);
    Ok(Choice::Command { agent: Box::new(agent), model, timeout })
}

/// Returns the agent of a name: a preset, or one that the user's file describes.
///
/// # Errors
/// `provider.unknown`; `usage.invalid` for a provider behind HTTP.
pub(crate) fn agent(config: &Config, name: &str) -> Result<Agent> {
    if let Some(preset) = preset(name) {
        return Ok(preset.agent());
    }
    if let Some(entry) = config.agents().get(name) {
        return Ok(entry.value.agent(name));
    }
    if catalog::find(name).is_some() {
        return Err(other(name, "a provider behind HTTP", "model"));
    }
    let known = provider_names(config.agents().keys()).join(", ");
    Err(Refusal::new(PROVIDER_UNKNOWN, format!("`{}`", crate::base::text::excerpt(name)))
        .hint(format!("there are {known}")))
}

/// Returns every agent that is known here: presets first.
pub(crate) fn known_agents(config: &Config) -> Vec<Agent> {
    let own = config.agents().iter().map(|(name, entry)| entry.value.agent(name));
    PRESETS.iter().map(|preset| preset.agent()).chain(own).collect()
}

fn other(name: &str, what: &str, planner: &str) -> Refusal {
    Refusal::new(USAGE, format!("`{name}` is {what}")).hint(format!("use --planner {planner} --provider {name}"))
}

/// Returns the only one, or none; refuses where there are more, since who is asked is told everything.
fn only<T: Copy>(found: &[T], name: impl Fn(&T) -> &str, what: &str) -> Result<Option<T>> {
    if found.len() > 1 {
        let names: Vec<&str> = found.iter().map(&name).collect();
        return Err(Refusal::new(USAGE, format!("{what} {}", names.join(", ")))
            .hint(format!("say which: --provider {}", names[0])));
    }
    Ok(found.first().copied())
}
