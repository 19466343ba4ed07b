//! The key of a provider: from a variable or a file, and only to whom its owner meant it for.

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use super::model::{Config, KeySource, Origin};
use crate::{
    app::{
        files,
        reasons::{CONFIG_KEY_ENDPOINT, CONFIG_KEY_FILE},
        world::World,
    },
    base::{
        reason::{Refusal, Result},
        secret::Secret,
    },
    provider::{catalog::Wire, reasons::PROVIDER_NO_KEY},
};

/// The most bytes of a key.
const MAX_KEY: usize = 16 << 10;

/// The ways there are to go on without a key at hand, in the order in which people are told.
pub(crate) const WAYS: [&str; 3] = [
    "a model: put its key into OPENAI_API_KEY, ANTHROPIC_API_KEY or GEMINI_API_KEY, then `plan DIRECTIVE --planner model`",
    "an agent's command line (claude, codex, gemini, copilot, or one of your own): `plan DIRECTIVE --planner command`",
    "no program at all: `plan DIRECTIVE --planner manual` writes the question to files and takes the answer from one, and \
     `--planner fixed` takes the directive's own steps",
];

/// Says where the key of a provider would come from, whether it is there or not.
pub(crate) fn source(config: &Config, wire: &Wire, world: &World) -> Option<KeySource> {
    config.key().value.clone().or_else(|| {
        let set = wire.key_variables.iter().find(|name| world.env.text(name).is_some());
        set.or(wire.key_variables.first()).map(|name| KeySource::Env((*name).to_owned()))
    })
}

/// Reads the key of a provider; none where it needs none and none is named.
///
/// # Errors
/// `provider.no_key`, which names the ways there are; `config.key_endpoint` where the project alone says where the
/// key is to go; `config.key_file` where others may read the file.
pub(crate) fn read(config: &Config, wire: &Wire, world: &World) -> Result<Option<Secret>> {
    let Some(source) = source(config, wire, world) else { return Ok(None) };
    let value = match &source {
        KeySource::Env(name) => world.env.text(name).map(str::to_owned),
        KeySource::File(path) => Some(from_file(path)?),
    };
    let value = value.map(|text| text.trim_end_matches(['\r', '\n']).to_owned()).filter(|text| !text.is_empty());
    let Some(value) = value else { return Err(no_key(&format!("{source} holds no key for `{}`", wire.id))) };
    check_destination(config, wire)?;
    Ok(Some(Secret::new(value)))
}

/// Reads the key of a provider that the configuration says nothing about.
///
/// # Errors
/// `provider.no_key`.
pub(crate) fn read_usual(wire: &Wire, world: &World) -> Result<Option<Secret>> {
    if wire.key_variables.is_empty() {
        return Ok(None);
    }
    let found = wire.key_variables.iter().find_map(|name| world.env.text(name));
    let key = found.ok_or_else(|| no_key(&format!("no key is set for `{}`", wire.id)))?;
    Ok(Some(Secret::new(key.to_owned())))
}

/// Makes the refusal that names the ways there are.
pub(crate) fn no_key(message: &str) -> Refusal {
    let refusal = Refusal::new(PROVIDER_NO_KEY, message);
    WAYS.iter().rev().fold(refusal, |refusal, way| refusal.hint(*way))
}

/// A repository may say where its questions go, but not have somebody's key sent there: that says its owner.
fn check_destination(config: &Config, wire: &Wire) -> Result<()> {
    let endpoint = config.endpoint();
    let usual = endpoint.value.as_deref().is_none_or(|given| wire.endpoint == Some(given.trim_end_matches('/')));
    let meant = matches!(config.key().origin, Origin::Flag | Origin::User);
    if usual || meant || endpoint.origin != Origin::Project {
        return Ok(());
    }
    let shown = endpoint.value.as_deref().unwrap_or_default();
    Err(Refusal::new(CONFIG_KEY_ENDPOINT, format!("the project's file alone names {shown}")).subject(shown))
}

fn from_file(path: &Path) -> Result<String> {
    let shown = path.display().to_string();
    let refuse = |why: &str| Refusal::new(CONFIG_KEY_FILE, format!("{shown} {why}")).subject(shown.clone());
    let bytes = files::read(path, MAX_KEY)?;
    let mode = path.metadata().map_err(|e| refuse(&e.to_string()))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(refuse("can be read by others"));
    }
    String::from_utf8(bytes).map_err(|_| refuse("is not UTF-8"))
}
