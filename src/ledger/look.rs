//! What an entry says by itself, looked at on any thread, whatever is known of those before it.

use std::collections::HashSet;

use super::{
    fingerprint::Fingerprints,
    format::RawEntry,
    layered::Layered,
    record::{Record, Signatures},
};
use crate::{
    base::{digest::Digest, reason::Result, time::Timestamp},
    sign::{Signatory, trust::TrustRoot},
};

/// What an envelope records, and who signed it as far as that was asked.
pub(super) type Opened = (Record, Vec<Signatory>);

/// An entry that was looked at by itself, nothing said of its place.
pub(super) struct Seen {
    pub(super) seq: u64,
    pub(super) prev: Digest,
    pub(super) at: Timestamp,
    pub(super) hash: Digest,
    pub(super) statement: u128,
    pub(super) opened: Result<Opened>,
}

/// How entries are looked at by themselves: on any thread, whatever is known of those before.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) root: &'a TrustRoot,
    pub(super) covered: Option<u64>,
    pub(super) deferring: bool,
    pub(super) statements: &'a Fingerprints,
}

impl Look<'_> {
    /// Looks at an entry: its form, its hash, and what it records, as far as its signatures are to be verified at the
    /// place that it claims. Whether that is its place, `Chain::step` says.
    pub(super) fn at(self, bytes: &[u8]) -> Result<Seen> {
        let raw = RawEntry::parse(bytes)?;
        let signatures = match covers(self.covered, raw.seq) {
            true if self.deferring => Signatures::Deferred,
            true => Signatures::Covered,
            false => Signatures::Verify,
        };
        let opened = Record::open(&raw.envelope, self.root, raw.at, signatures);
        Ok(Seen::new(raw, opened, self.statements))
    }
}

impl Seen {
    /// Keeps of an entry what its place will be asked for.
    pub(super) fn new(raw: RawEntry, opened: Result<Opened>, statements: &Fingerprints) -> Self {
        let statement = statements.of(raw.envelope.unverified_payload());
        Self { seq: raw.seq, prev: raw.prev, at: raw.at, hash: raw.hash, statement, opened }
    }
}

/// Tells whether a signed checkpoint covers an entry.
pub(super) fn covers(covered: Option<u64>, seq: u64) -> bool {
    covered.is_some_and(|covered| seq <= covered)
}

/// The statements of a ledger, told apart by their fingerprints.
#[derive(Clone, Debug, Default)]
pub(super) struct Statements {
    pub(super) keys: Fingerprints,
    pub(super) seen: Layered<HashSet<u128>>,
}

impl Statements {
    /// Tells whether a statement was seen.
    pub(super) fn has(&self, statement: u128) -> bool {
        self.seen.layers().iter().any(|layer| layer.contains(&statement))
    }
}
