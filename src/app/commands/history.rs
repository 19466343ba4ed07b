//! `history`: decisions, runs and notes, the newest first.

use serde_json::json;

use super::ledger::{line, row};
use crate::{
    app::{output::Outcome, session::Session, world::World},
    base::reason::Result,
    cli::args::HistoryArgs,
};

/// Kinds of entries that are decisions, runs, or what people wrote about them.
const KINDS: [&str; 9] =
    ["plan", "approval", "rejection", "revocation", "claim", "outcome", "halt", "resolution", "note"];

pub(super) fn run(args: &HistoryArgs, world: &World) -> Result<Outcome> {
    let session = Session::open(world)?;
    let mut ledger = session.entries(world.now())?;
    let mut items = ledger.log(world.now(), args.limit.get(), |entry| KINDS.contains(&entry.record.kind()))?;
    items.reverse();
    let text: String = items.iter().map(line).collect();
    Ok(Outcome::done(json!(items.iter().map(row).collect::<Vec<_>>()), text))
}
