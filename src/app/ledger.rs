//! The repository's ledger as commands use it, and the statements that they append.

use std::{path::Path, sync::Arc};

use super::{access::Access, events::Events, reasons::REASON_LENGTH, session::Session, world::World};
use crate::{
    base::{
        reason::{INTERNAL, Refusal, Result},
        text,
        time::Timestamp,
    },
    forge::Checkout,
    ledger::{Batch, Entry, Keep, Ledger, Mode, NewEntry},
    sign::{Envelope, Signer, TrustRoot, predicate::Checkpoint, statement::Subject},
};

/// Opens the ledger and verifies it up to its head; a signed checkpoint stands for the signatures before it.
pub(crate) fn open(session: &Session, keep: Keep, now: Timestamp) -> Result<Ledger> {
    read(unread(session)?.with_keep(keep), now)
}

/// A ledger that is being read on a thread of its own.
pub(crate) struct Reading(std::thread::JoinHandle<Result<Ledger>>);

/// Begins to open the ledger as [`open`] does, while something else is done.
///
/// Replaying a thousand entries takes as long as all other checks together.
pub(crate) fn begin(session: &Session, keep: Keep, now: Timestamp) -> Result<Reading> {
    Ok(Reading::of(unread(session)?.with_keep(keep), now))
}

impl Reading {
    /// Begins to read a ledger.
    pub(crate) fn of(ledger: Ledger, now: Timestamp) -> Self {
        Self(std::thread::spawn(move || read(ledger, now)))
    }

    /// Waits for the end, and returns the ledger.
    pub(crate) fn finish(self) -> Result<Ledger> {
        self.0.join().map_err(|_| Refusal::new(INTERNAL, "the ledger's reader stopped"))?
    }
}

fn read(ledger: Ledger, now: Timestamp) -> Result<Ledger> {
    let mut ledger = ledger.with_mode(Mode::FromCheckpoint);
    ledger.read(now)?;
    Ok(ledger)
}

/// Opens the ledger without reading it, with its remote where one is configured.
pub(crate) fn unread(session: &Session) -> Result<Ledger> {
    unread_at(&session.checkout, &session.root, &session.config_dir, &session.access, &session.events)
}

/// Does what [`unread`] does, before there is a session.
pub(crate) fn unread_at(
    checkout: &Checkout,
    root: &TrustRoot,
    config_dir: &Path,
    access: &Access,
    events: &Events,
) -> Result<Ledger> {
    let events = events.clone();
    let mut ledger = Ledger::open(checkout.git_dir(), root)?;
    ledger = ledger.with_listener(Arc::new(move |entries: &[Entry]| events.recorded(entries)));
    // A machine without a folder of its own, as in CI, has nothing to remember with; the remote does that there.
    if config_dir.is_dir() {
        ledger = ledger.with_mark(&config_dir.join("ledgers"));
    }
    let Some(url) = checkout.ledger_remote(access.ledger())? else { return Ok(ledger) };
    Ok(ledger.with_remote(access.remote(&url, &root.document().host)?))
}

/// Checks a reason that goes into a statement: one line of 1 to 1,000 characters, safe to show.
pub(crate) fn reason(given: &str) -> Result<String> {
    let trimmed = given.trim();
    let length = trimmed.chars().count();
    if !(1..=1000).contains(&length) {
        return Err(Refusal::new(REASON_LENGTH, format!("{length} characters")));
    }
    text::check_free(trimmed, false).map_err(|e| Refusal::new(REASON_LENGTH, e.message().to_owned()))?;
    Ok(trimmed.to_owned())
}

/// Entries after the newest checkpoint from which on a run leaves a new one.
const CHECKPOINT_EVERY: u64 = 200;

/// Verifies every signature anew, signs that everything up to the present head holds, and appends that.
pub(crate) fn checkpoint(ledger: &mut Ledger, session: &Session, signer: &dyn Signer, world: &World) -> Result<u64> {
    ledger.verify_all(world.now())?;
    append_checkpoint(ledger, session, signer, world)
}

/// Appends a checkpoint of what this process has verified.
fn append_checkpoint(ledger: &mut Ledger, session: &Session, signer: &dyn Signer, world: &World) -> Result<u64> {
    let document = session.root.document();
    let appended = ledger.append(world.clock, |seen| {
        let checkpoint = Checkpoint {
            host: document.host.clone(),
            repo_id: document.repo_id.clone(),
            ledger: seen.head.clone(),
            trust_root_version: document.version.max(seen.state.trust_root_version()),
            checked_at: seen.now,
        };
        let subject = vec![Subject::new("ledger", seen.head.hash)];
        let envelope = Envelope::sign(subject, checkpoint, &[signer])?;
        Ok(Batch { entries: vec![NewEntry { envelope, at: seen.now }], objects: Vec::new() })
    })?;
    Ok(appended.head.seq)
}

/// Appends a checkpoint where many entries came since the last.
///
/// What is new was verified by this process, entry by entry; what is older, by it too or on the word of the
/// checkpoint before. So one stands on the other, and the first on the genesis.
pub(crate) fn checkpoint_if_due(
    ledger: &mut Ledger,
    session: &Session,
    signer: &dyn Signer,
    world: &World,
) -> Result<()> {
    let chain = ledger.read(world.now())?;
    let since = chain.state().checkpoint().map_or(0, |(seq, _)| seq);
    if chain.length().saturating_sub(since) >= CHECKPOINT_EVERY {
        append_checkpoint(ledger, session, signer, world)?;
    }
    Ok(())
}
