//! What people wrote about plans, read when it is to be shown and never kept.
//!
//! Nothing that permits or forbids looks here: the state does not hold notes, and the rules ask of one only that its plan
//! is known. A revision has the notes and labels of the plans whose place it took: derived on every read, copied nowhere.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    format::RawEntry,
    open::Ledger,
    record::{Entry, Record, Signatures},
};
use crate::{
    base::{digest::Digest, ident::Id, reason::Result, time::Timestamp},
    sign::{
        TrustRoot,
        predicate::{Actor, MAX_LABELS, Note},
        statement::Predicate as _,
    },
};

/// A note as it is shown; its text is as stored, and whoever shows it makes it visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Its entry.
    pub seq: u64,
    /// When it was appended.
    pub at: Timestamp,
    /// The plan it was written on: the one that is asked about, or one whose place that took.
    pub plan: Digest,
    /// Who wrote it; their key's signature was verified.
    pub by: Actor,
    /// What they wrote.
    pub text: Option<String>,
    /// Labels that they added.
    pub added: Vec<Id>,
    /// Labels that they took off.
    pub removed: Vec<Id>,
    /// Whether the trust root had revoked their key by then: such a note is shown, and changes no label.
    pub late: bool,
}

/// What people wrote about a plan, and about those whose place it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Labels that the plan has.
    pub labels: BTreeSet<Id>,
    /// The newest notes, newest first.
    pub newest: Vec<Noted>,
    /// How many notes there are.
    pub total: u64,
}

/// The labels that each plan has.
#[derive(Clone, Debug, Default)]
pub struct Labels(BTreeMap<Digest, BTreeSet<Id>>);

impl Labels {
    /// Returns the labels of a plan.
    pub fn of(&self, plan: &Digest) -> impl Iterator<Item = &Id> {
        self.0.get(plan).into_iter().flatten()
    }

    /// Tells whether a plan has a label.
    #[must_use]
    pub fn has(&self, plan: &Digest, label: &Id) -> bool {
        self.0.get(plan).is_some_and(|labels| labels.contains(label))
    }

    /// A revision begins with the labels that its predecessor has when it is recorded; what that gets later is its own.
    fn take(&mut self, entry: &Entry) {
        match &entry.record {
            Record::Plan(record) => {
                let inherited = record.supersedes.and_then(|old| self.0.get(&old).cloned());
                inherited.map(|labels| self.0.insert(record.plan, labels));
            }
            Record::Note(note) if entry.late.is_none() => {
                change(self.0.entry(note.plan).or_default(), &note.add, &note.remove)
            }
            _ => {}
        }
    }
}

/// Changes the labels of a plan as a note says; what would be one too many is left out, the same for every reader.
fn change(labels: &mut BTreeSet<Id>, add: &[Id], remove: &[Id]) {
    labels.retain(|label| !remove.contains(label));
    for label in add {
        if labels.len() < MAX_LABELS {
            labels.insert(label.clone());
        }
    }
}

impl Ledger {
    /// Tells whether there is any note, so that whoever shows them need not read the entries once more.
    fn has_notes(&mut self, now: Timestamp) -> Result<bool> {
        Ok(self.read(now)?.state().counts().contains_key(Note::NAME))
    }

    /// Returns the labels that each plan has.
    ///
    /// # Errors
    /// As [`Ledger::for_each`], and those of a signature that does not hold.
    pub fn labels(&mut self, now: Timestamp) -> Result<Labels> {
        let mut labels = Labels::default();
        if self.has_notes(now)? {
            let root = self.root.clone();
            self.for_each(now, |entry, bytes| {
                prove(entry, bytes, &root)?;
                labels.take(entry);
                Ok(())
            })?;
        }
        Ok(labels)
    }

    /// Returns what people wrote about a plan and about those whose place it took, of texts the newest `limit`.
    ///
    /// # Errors
    /// As [`Ledger::labels`].
    pub fn notes(&mut self, plan: &Digest, limit: usize, now: Timestamp) -> Result<Notes> {
        if !self.has_notes(now)? {
            return Ok(Notes::default());
        }
        let (lineage, root) = (self.lineage_of(plan, now)?, self.root.clone());
        let (mut labels, mut newest, mut total) = (Labels::default(), VecDeque::new(), 0);
        self.for_each(now, |entry, bytes| {
            if !entry.record.plan().is_some_and(|about| lineage.contains(&about)) {
                return Ok(());
            }
            prove(entry, bytes, &root)?;
            labels.take(entry);
            if let Record::Note(note) = &entry.record {
                total += 1;
                newest.push_front(Noted::of(note, entry));
                newest.truncate(limit);
            }
            Ok(())
        })?;
        Ok(Notes { labels: labels.0.remove(plan).unwrap_or_default(), newest: newest.into(), total })
    }

    /// Returns a plan and all those whose place it took, one after another.
    fn lineage_of(&mut self, plan: &Digest, now: Timestamp) -> Result<BTreeSet<Digest>> {
        let mut before = BTreeMap::new();
        self.for_each(now, |entry, _| {
            if let Record::Plan(record) = &entry.record
                && let Some(old) = record.supersedes
            {
                before.insert(record.plan, old);
            }
            Ok(())
        })?;
        let mut lineage = BTreeSet::from([*plan]);
        let mut last = plan;
        while let Some(old) = before.get(last).filter(|old| lineage.insert(**old)) {
            last = old;
        }
        Ok(lineage)
    }
}

impl Noted {
    fn of(note: &Note, entry: &Entry) -> Self {
        Self {
            seq: entry.seq,
            at: entry.at,
            plan: note.plan,
            by: note.noted_by.clone(),
            text: note.text.clone(),
            added: note.add.clone(),
            removed: note.remove.clone(),
            late: entry.late.is_some(),
        }
    }
}

/// Verifies the signature of a note that only a checkpoint stood for so far: it is shown as somebody's word.
fn prove(entry: &Entry, bytes: &[u8], root: &TrustRoot) -> Result<()> {
    if matches!(entry.record, Record::Note(_)) && entry.signatories.is_empty() {
        let envelope = RawEntry::parse(bytes)?.envelope;
        Record::open(&envelope, root, entry.at, Signatures::Verify).map_err(|refusal| refusal.of_entry(entry.seq))?;
    }
    Ok(())
}
