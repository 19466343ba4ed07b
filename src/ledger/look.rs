//! What an entry says by itself, looked at on any thread, whatever is known of those before it.

use std::collections::HashSet;

use super::{
    fingerprint::Fingerprints,
    focus::{Focus, PassedOver},
    format::{Plain, RawEntry},
    layered::Layered,
    record::{Record, Signatures},
};
use crate::{
    base::{digest::Digest, reason::Result, time::Timestamp},
    sign::{Late, Signatory, trust::TrustRoot},
};

/// What an envelope records, and who signed it as far as that was asked.
pub(super) type Opened = (Record, Vec<Signatory>);

/// An entry that was looked at by itself, nothing said of its place.
pub(super) struct Seen {
    pub(super) seq: u64,
    pub(super) prev: Digest,
    pub(super) at: Timestamp,
    pub(super) hash: Digest,
    /// The key among those that signed, or are said to have, which was revoked by then; not asked of what is passed over.
    pub(super) late: Option<Late>,
    pub(super) content: Content,
}

/// What an entry holds, as far as it was read.
pub(super) enum Content {
    /// Its statement was read, and is told from others by 128 bits.
    Read(u128, Result<Box<Opened>>),
    /// It is covered, and about another plan than the reader asks about.
    PassedOver(PassedOver),
}

/// How entries are looked at by themselves: on any thread, whatever is known of those before.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) root: &'a TrustRoot,
    pub(super) covered: Option<u64>,
    pub(super) deferring: bool,
    pub(super) statements: &'a Fingerprints,
    pub(super) focus: Option<&'a Focus>,
}

impl Look<'_> {
    /// Looks at an entry: its form, its hash, and what it records, as far as its signatures are to be verified at the
    /// place that it claims. Whether that is its place, `Chain::step` says.
    pub(super) fn at(self, bytes: &[u8]) -> Result<Seen> {
        if let Some(passed) = self.pass_over(bytes) {
            return Ok(passed);
        }
        let raw = RawEntry::parse(bytes)?;
        let signatures = match covers(self.covered, raw.seq) {
            true if self.deferring => Signatures::Deferred,
            true => Signatures::Covered,
            false => Signatures::Verify,
        };
        let opened = Record::open(&raw.envelope, self.root, raw.at, signatures);
        Ok(Seen::new(&raw, opened, self.root, self.statements))
    }

    /// Looks no further than at the place of a covered entry that concerns other plans than the one that is asked about.
    fn pass_over(&self, bytes: &[u8]) -> Option<Seen> {
        let focus = self.focus?;
        let plain = Plain::read(bytes).filter(|plain| covers(self.covered, plain.seq))?;
        let passed = focus.passes_over(plain.payload)?;
        let Plain { seq, prev, at, .. } = plain;
        Some(Seen { seq, prev, at, hash: Digest::of(bytes), late: None, content: Content::PassedOver(passed) })
    }
}

impl Seen {
    /// Keeps of an entry what its place will be asked for.
    pub(super) fn new(raw: &RawEntry, opened: Result<Opened>, root: &TrustRoot, statements: &Fingerprints) -> Self {
        let content = Content::Read(statements.of(raw.envelope.unverified_payload()), opened.map(Box::new));
        let late = Late::of(&raw.envelope, root, raw.at);
        Self { seq: raw.seq, prev: raw.prev, at: raw.at, hash: raw.hash, late, content }
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
