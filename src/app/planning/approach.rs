//! The way to whom is asked: who it is, what it may still cost, and the source itself.

use std::{path::Path, time::Duration};

use super::super::{
    choice::{self, Choice},
    config::model::Config,
    privileges,
    session::Session,
    sources::{self, Opened},
    spending::{Attempt, Journal, Meter},
    world::World,
};
use super::dialogue::Dialogue;
use crate::{
    base::{
        digest::Digest,
        ident::Id,
        reason::{INTERNAL, Refusal, Result},
    },
    ledger::Ledger,
    provider::{self, catalog, wires},
};

/// What goes beside a question to whom it is asked.
pub(super) struct Channel<'c> {
    /// The file of a person's answer.
    pub(super) answer: Option<&'c Path>,
    /// Where the exchange is recorded.
    pub(super) record: Option<&'c Path>,
    /// The cassette that answers in the place of whom the configuration names.
    pub(super) replay: Option<&'c Path>,
    /// The command that goes on where a person is asked by files; `--answer FILE` is added to it.
    pub(super) again: &'c str,
}

/// Who is asked, and what of it counts.
pub(super) struct Approach {
    pub(super) opened: Opened,
    /// The model's name; empty where whoever is asked has no choice, or makes it.
    pub(super) model: String,
    pub(super) meter: Meter,
}

/// Refuses where this process holds what nobody who reads strangers' text may hold; returns what a person is to be told.
pub(super) fn check_privileges(session: &Session, world: &World) -> Result<Vec<String>> {
    let variables: Vec<&str> = catalog::ALL.iter().flat_map(|wire| wire.key_variables).copied().collect();
    let token = privileges::reach::ask(session, world);
    privileges::check(&privileges::Asked { model_keys: &variables, token, sockets: None }, &world.env)
}

/// Opens whom the configuration names, or a cassette, which needs nothing that asking needs.
pub(super) fn approach(
    config: &Config,
    channel: &Channel<'_>,
    (directive, ledger): (&Id, &mut Ledger),
    session: &Session,
    world: &World,
) -> Result<Approach> {
    let choice = channel.replay.is_none().then(|| choice::choose(config, world)).transpose()?;
    let model = match &choice {
        Some(Choice::Http(http)) => http.model.clone(),
        Some(Choice::Command { model, .. }) => model.clone(),
        Some(Choice::Fixed | Choice::Manual) | None => config.model().value.clone().unwrap_or_default(),
    };
    let journal = Journal::of(session.checkout.git_dir());
    let marked = config.prompt_cache().value && matches!(&choice, Some(Choice::Http(http)) if marks(http.wire.id));
    let meter = Meter::open(config, directive, &model, (ledger, &journal), world.now())?.marking(marked);
    let most = meter.millis_left().map_or(Duration::MAX, Duration::from_millis);
    let opened = match (choice, channel.replay) {
        (Some(choice), _) => open(choice, (config, most), channel, session, world)?,
        (None, Some(file)) => sources::replay(file, world)?,
        (None, None) => return Err(Refusal::new(INTERNAL, "there is nobody to ask")),
    };
    Ok(Approach { opened, model, meter })
}

/// Keeps what an attempt used, where whoever was asked is paid; returns what it was, for people.
///
/// # Errors
/// `io.failed`.
pub(super) fn keep(
    (directive, plan): (&Id, Option<Digest>),
    dialogue: &Dialogue<'_>,
    session: &Session,
    world: &World,
) -> Result<Option<String>> {
    let usage = dialogue.meter.usage();
    let paid = matches!(dialogue.source.origin(), provider::Origin::Http | provider::Origin::Command);
    if !paid || usage.requests == 0 {
        return Ok(None);
    }
    let said = format!("tokens sent {}, received {}", usage.input_tokens, usage.output_tokens);
    let attempt = Attempt { directive: directive.clone(), at: world.now(), plan, usage };
    Journal::of(session.checkout.git_dir()).add(&attempt)?;
    Ok(Some(said))
}

/// Tells whether a provider's protocol has a mark for its cache.
fn marks(id: &str) -> bool {
    wires::named(id).is_some_and(|wire| wire.marks_cache())
}

/// Opens who was chosen; an answer may take `most` at most.
fn open(
    choice: Choice,
    (config, most): (&Config, Duration),
    channel: &Channel<'_>,
    session: &Session,
    world: &World,
) -> Result<Opened> {
    let opened = match choice {
        Choice::Fixed => return Err(Refusal::new(INTERNAL, "`fixed` asks nobody")),
        Choice::Http(http) => {
            let timeout = http.timeout.min(most);
            let mark_cache = config.prompt_cache().value;
            let settings = provider::http::Settings { timeout, mark_cache, ..provider::http::Settings::default() };
            // What is reached at an address of one's own speaks the protocol that most servers speak.
            let id = if http.wire.id == catalog::LOCAL { "openai" } else { http.wire.id };
            let wire = wires::named(id).ok_or_else(|| Refusal::new(INTERNAL, format!("`{id}` has no wire")))?;
            let secrets = http.key.iter().cloned().collect();
            let source = provider::http::HttpSource::new(wire, Some(&http.endpoint), http.key, settings)?;
            Opened { source: Box::new(source), secrets }
        }
        Choice::Command { agent, timeout, .. } => {
            sources::agent(*agent, timeout.min(most), Some(session.checkout.workdir()), world)?
        }
        Choice::Manual => {
            let folder = session.config_dir.join("questions");
            sources::manual(folder, channel.answer, channel.again.to_owned(), world)?
        }
    };
    match channel.record {
        Some(file) => sources::record(opened, file, world),
        None => Ok(opened),
    }
}
