//! Entries as rows for people: what, when, about what, by whom.

use std::io::Write;

use super::{
    format::RawEntry,
    open::Ledger,
    reasons::LEDGER_NO_ENTRY,
    record::{Entry, Record},
};
use crate::{
    base::{
        digest::Digest,
        reason::{IO, Refusal, Result},
        time::Timestamp,
    },
    sign::{predicate::Note, trust::TrustRoot},
};

/// One entry as a row; all text is as stored, and a renderer escapes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogItem {
    /// Position.
    pub seq: u64,
    /// When it was appended.
    pub at: Timestamp,
    /// The kind, such as `approval`.
    pub kind: &'static str,
    /// The plan it is about.
    pub plan: Option<Digest>,
    /// What else it is about: a run, a step, a target, a directive.
    pub subject: Option<String>,
    /// Login of who decided or acted, as the statement says.
    pub actor: Option<String>,
    /// Logins of whose keys signed; where a checkpoint covers the entry, on that checkpoint's word.
    pub signed_by: Vec<String>,
    /// SHA-256 of the entry's bytes.
    pub hash: Digest,
    /// SHA-256 of the statement.
    pub payload: Digest,
}

impl LogItem {
    /// Returns the row of a verified entry and its bytes; `root` says whose a key is.
    ///
    /// # Errors
    /// As [`RawEntry::parse`].
    pub fn new(entry: &Entry, bytes: &[u8], root: &TrustRoot) -> Result<Self> {
        let envelope = RawEntry::parse(bytes)?.envelope;
        let signed_by = match entry.signatories.as_slice() {
            // Whoever signed the checkpoint that covers the entry had verified these signatures.
            [] => {
                let keys = envelope.signatures().iter().filter_map(|signature| signature.keyid.parse().ok());
                let holders = keys.filter_map(|key| root.key(&key)).map(|(key, _)| key.principal);
                holders.filter_map(|holder| root.principal(holder)).map(|holder| holder.login.clone()).collect()
            }
            verified => verified.iter().map(|signatory| signatory.principal.login.clone()).collect(),
        };
        Ok(Self {
            seq: entry.seq,
            at: entry.at,
            kind: entry.record.kind(),
            plan: entry.record.plan(),
            subject: subject(&entry.record),
            actor: entry.record.actor().map(|actor| actor.login.clone()),
            signed_by,
            hash: entry.hash,
            payload: envelope.payload_digest(),
        })
    }
}

fn subject(record: &Record) -> Option<String> {
    use crate::sign::predicate::RevocationTarget;
    match record {
        Record::Genesis(genesis) => Some(format!("{} {}", genesis.host, genesis.repo_id)),
        Record::Plan(plan) => Some(plan.directive.to_string()),
        Record::Review(review) => Some(review.decision.to_string()),
        Record::Approval(_) => None,
        Record::Rejection(rejection) => Some(rejection.reason.clone()),
        Record::Revocation(revocation) => Some(match &revocation.target {
            RevocationTarget::Approval(id) => format!("approval {id}"),
            RevocationTarget::Plan(id) => format!("plan {id}"),
            RevocationTarget::Key(id) => format!("key {id}"),
        }),
        Record::Claim(claim) => Some(format!("run {}, attempt {}", claim.run, claim.attempt)),
        Record::StepStarted(step) => Some(format!("run {}, step {}, attempt {}", step.run, step.step, step.attempt)),
        Record::StepFinished(step) => Some(format!("run {}, step {}, attempt {}", step.run, step.step, step.attempt)),
        Record::Verification(read) => Some(format!("run {}, step {}, {}", read.run, read.step, read.verdict)),
        Record::Outcome(outcome) => Some(format!("run {}, {}", outcome.run, outcome.status)),
        Record::Checkpoint(checkpoint) => Some(format!("entry {}", checkpoint.ledger.seq)),
        Record::Halt(halt) => Some(if halt.halted { "halted" } else { "lifted" }.to_owned()),
        Record::Resolution(resolution) => Some(format!("run {}, step {}", resolution.run, resolution.step)),
        Record::Note(note) => Some(noted(note)),
    }
}

/// Says what a note changes and says, on one line where its text is one.
fn noted(note: &Note) -> String {
    let added = note.add.iter().map(|label| format!("+{label}"));
    let removed = note.remove.iter().map(|label| format!("-{label}"));
    let words: Vec<String> = added.chain(removed).chain(note.text.clone()).collect();
    words.join(" ")
}

impl Ledger {
    /// Returns the entries that `keep` lets pass as rows, oldest first, at most the last `limit`.
    ///
    /// # Errors
    /// As [`Ledger::for_each`].
    pub fn log(&mut self, now: Timestamp, limit: usize, keep: impl Fn(&Entry) -> bool) -> Result<Vec<LogItem>> {
        let mut items = std::collections::VecDeque::new();
        let root = self.root.clone();
        self.for_each(now, |entry, bytes| {
            if keep(entry) {
                items.push_back(LogItem::new(entry, bytes, &root)?);
                if items.len() > limit {
                    items.pop_front();
                }
            }
            Ok(())
        })?;
        Ok(items.into())
    }

    /// Writes all entries as JSON lines, byte for byte as they are stored.
    ///
    /// # Errors
    /// As [`Ledger::for_each`], `io.failed`.
    pub fn export(&mut self, now: Timestamp, mut out: impl Write) -> Result<()> {
        let failed = |e: std::io::Error| Refusal::new(IO, e.to_string());
        self.for_each(now, |_, bytes| out.write_all(bytes).and_then(|()| out.write_all(b"\n")).map_err(failed))?;
        out.flush().map_err(failed)
    }

    /// Returns one entry and its bytes.
    ///
    /// # Errors
    /// As [`Ledger::for_each`], `ledger.no_entry` where there is no such entry.
    pub fn show(&mut self, now: Timestamp, seq: u64) -> Result<(Entry, Vec<u8>)> {
        let mut found = None;
        self.for_each(now, |entry, bytes| {
            if entry.seq == seq {
                found = Some((entry.clone(), bytes.to_vec()));
            }
            Ok(())
        })?;
        found.ok_or_else(|| {
            let last = self.head().map(|head| head.seq).unwrap_or_default();
            Refusal::new(LEDGER_NO_ENTRY, format!("there is no entry {seq}; the ledger has entries 0 to {last}"))
        })
    }
}
