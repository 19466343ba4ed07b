//! The repository's ledger as commands use it, and the statements that they append.

use super::session::Session;
use crate::{
    base::{
        reason::{Refusal, Result},
        text,
        time::Timestamp,
    },
    ledger::{Ledger, Mode, Remote},
};

use super::reasons::REASON_LENGTH;

/// Opens the ledger and verifies it up to its head; a signed checkpoint stands for the signatures before it.
pub(crate) fn open(session: &Session, now: Timestamp) -> Result<Ledger> {
    let mut ledger = unread(session)?.with_mode(Mode::FromCheckpoint);
    ledger.read(now)?;
    Ok(ledger)
}

/// Opens the ledger without reading it, with its remote where one is configured.
pub(crate) fn unread(session: &Session) -> Result<Ledger> {
    let ledger = Ledger::open(session.checkout.git_dir(), &session.root)?;
    Ok(match session.checkout.ledger_remote()? {
        Some(url) => ledger.with_remote(Remote::new(&url)?),
        None => ledger,
    })
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
