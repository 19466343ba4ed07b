//! Appends entries: exactly one writer moves the ledger from one head to the next.
//!
//! With a remote, the remote decides: the commit is pushed under a lease on the head it was built on,
//! and only then does the local branch follow. Without one, git's own lock of the reference decides.

use std::time::Duration;

use git2::Oid;

use super::{
    chain::Chain,
    format::{MAX_BATCH, RawEntry},
    open::{Ledger, Loaded, missing},
    reasons::{LEDGER_CHAIN, LEDGER_CONTENDED, LEDGER_EXISTS, LEDGER_LOCKED, LEDGER_UNCERTAIN},
    record::{Entry, Record},
    remote::{Push, Remote},
    state::State,
    store::Addition,
};
use crate::{
    base::{
        digest::Digest,
        reason::{LIMIT_COUNT, Refusal, Result, USAGE},
        time::{Clock, Timestamp},
    },
    sign::{envelope::Envelope, predicate::LedgerHead},
};

/// How often an append is tried before it refuses `ledger.contended`.
pub(super) const MAX_TRIES: u32 = 60;
/// The longest wait between two tries, in milliseconds.
const MAX_WAIT: u64 = 32;

/// What a writer sees when it makes its statements.
pub struct View<'a> {
    /// Everything the ledger says.
    pub state: &'a State,
    /// The last entry, which the statements name.
    pub head: LedgerHead,
    /// The time of this try, for the statements and the entries.
    pub now: Timestamp,
}

/// A signed statement to be appended.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// The statement.
    pub envelope: Envelope,
    /// When it is appended.
    pub at: Timestamp,
}

/// What one append adds, all of it or nothing.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Statements, in order; at least one.
    pub entries: Vec<NewEntry>,
    /// The bytes that the statements name by digest.
    pub objects: Vec<Vec<u8>>,
}

/// What was appended.
#[derive(Clone, Debug)]
pub struct Appended {
    /// The last entry now.
    pub head: LedgerHead,
    /// The new entries, verified as every reader will verify them.
    pub entries: Vec<Entry>,
    /// How many tries it took.
    pub tries: u32,
}

/// What one try made, and would record.
struct Try {
    parent: Oid,
    commit: Oid,
    head: LedgerHead,
    chain: Chain,
    entries: Vec<Entry>,
    lines: Vec<Vec<u8>>,
}

impl Ledger {
    /// Writes the first entry, whose digest the trust root pins; the branch must not exist, here or there.
    ///
    /// # Errors
    /// `ledger.exists`, `ledger.transplant` for another genesis than the pinned one, and those of [`Ledger::append`].
    pub fn create_genesis(&mut self, genesis: &[u8], objects: &[Vec<u8>], clock: Clock) -> Result<Appended> {
        let now = clock.now();
        let exists = || Refusal::new(LEDGER_EXISTS, self.store.reference().to_owned());
        if self.store.tip()?.is_some() {
            return Err(exists());
        }
        let remote = self.remote.clone();
        if let Some(remote) = &remote
            && remote.head(&self.store)?.is_some()
        {
            return Err(exists());
        }
        let mut chain = Chain::new(&self.root, None).keeping(self.keep);
        let entry = chain.push(genesis, &self.root, now)?;
        let head = chain.head().ok_or_else(nothing)?;
        if let Some(late) = entry.late {
            return Err(late.refusal());
        }
        let lines = [genesis.to_vec()];
        let addition = Addition { first: 0, entries: &lines, objects, fold: &[], message: "genesis", at: entry.at };
        let commit = self.store.write(None, &addition)?;
        if let Some(remote) = &remote {
            let pushed = remote.push(&self.store, None, commit)?;
            let won = pushed == Push::Won || remote.head(&self.store)? == Some(commit);
            if !won {
                return Err(exists());
            }
        }
        if !self.store.swap(None, commit)? {
            return Err(exists());
        }
        Ok(self.finish(commit, head, chain, vec![entry], 1))
    }

    /// Pushes a ledger that was made without a remote to a remote that has none.
    ///
    /// # Errors
    /// `ledger.missing`, `ledger.exists` where the remote has a ledger, `ledger.unreachable`.
    pub fn publish(&mut self, remote: Remote, clock: Clock) -> Result<()> {
        self.remote = None;
        self.sync(clock.now())?;
        let commit = self.store.tip()?.ok_or_else(missing)?;
        let pushed = remote.push(&self.store, None, commit)?;
        if pushed != Push::Won && remote.head(&self.store)? != Some(commit) {
            return Err(Refusal::new(LEDGER_EXISTS, "the remote has a ledger already"));
        }
        self.remote = Some(remote);
        Ok(())
    }

    /// Appends what `build` makes on the verified present state.
    ///
    /// `build` is asked again after every lost race, on the state that the winner left: it re-makes its
    /// statements on the new head, or refuses. Everything is verified as a reader will before it is
    /// written, and is durable when this returns.
    ///
    /// # Errors
    /// Any of `build`; those of [`Chain::push`] for what must not follow, such as `replay.consumed` and
    /// `ledger.terminal`; `ledger.contended`, `ledger.locked`, `ledger.write_failed`, `ledger.refused`, `ledger.uncertain`. After
    /// `ledger.uncertain` alone may the entries have been recorded, or be recorded later.
    pub fn append(&mut self, clock: Clock, mut build: impl FnMut(&View<'_>) -> Result<Batch>) -> Result<Appended> {
        let mut locked = None;
        // What was pushed and may arrive yet: to forget it would be to make it twice, or to call it never made.
        let mut sent = Vec::new();
        for attempt in 1..=MAX_TRIES {
            if attempt > 1 {
                pause(attempt);
            }
            match self.try_append(clock, &mut sent, &mut build) {
                Ok(Some(done)) => {
                    let appended = self.finish(done.commit, done.head, done.chain, done.entries, attempt);
                    if let Some(listener) = &self.listener {
                        listener(&appended.entries);
                    }
                    return Ok(appended);
                }
                Ok(None) => {}
                Err(refusal) if refusal.is(LEDGER_LOCKED) => locked = Some(refusal),
                Err(refusal) => return Err(doubted(refusal, &sent)),
            }
        }
        let contended = || Refusal::new(LEDGER_CONTENDED, format!("{MAX_TRIES} tries"));
        Err(doubted(locked.unwrap_or_else(contended), &sent))
    }

    /// Tries once; `None` where somebody else was first, or nobody knows yet who was.
    fn try_append(
        &mut self,
        clock: Clock,
        sent: &mut Vec<Try>,
        build: &mut impl FnMut(&View<'_>) -> Result<Batch>,
    ) -> Result<Option<Try>> {
        let now = clock.now();
        // Whoever adds must know all that the rules ask about.
        self.focus = None;
        let parent = self.sync(now)?.ok_or_else(missing)?;
        if let Some(arrived) = self.arrived(parent, sent)? {
            return Ok(Some(arrived));
        }
        let loaded = self.loaded.as_ref().ok_or_else(missing)?;
        let head = loaded.chain.head().ok_or_else(missing)?;
        let batch = build(&View { state: loaded.chain.state(), head, now })?;
        if batch.entries.is_empty() || batch.entries.len() > MAX_BATCH {
            let found = batch.entries.len();
            return Err(Refusal::new(
                if found == 0 { USAGE } else { LIMIT_COUNT },
                format!("a batch of {found} entries"),
            ));
        }
        let mut chain = loaded.chain.clone();
        let first = chain.length();
        let (entries, lines) = chain.extend_all(&batch.entries, &self.root, now)?;
        let head = chain.head().ok_or_else(nothing)?;
        let checkpointed = entries.iter().any(|entry| matches!(entry.record, Record::Checkpoint(_)));
        let addition = Addition {
            first,
            entries: &lines,
            objects: &batch.objects,
            fold: if checkpointed { &loaded.files } else { &[] },
            message: entries.first().map_or("append", |entry| entry.record.kind()),
            at: batch.entries.last().map_or(now, |entry| entry.at),
        };
        let commit = self.store.write(Some(parent), &addition)?;
        let made = Try { parent, commit, head, chain, entries, lines };
        match self.remote.clone() {
            None => Ok(self.store.swap(Some(parent), commit)?.then_some(made)),
            Some(remote) => self.push(&remote, made, sent, now),
        }
    }

    /// Pushes; after a push of which nothing is known, looks for the own entry and never guesses.
    fn push(&mut self, remote: &Remote, made: Try, sent: &mut Vec<Try>, now: Timestamp) -> Result<Option<Try>> {
        match remote.push(&self.store, Some(made.parent), made.commit)? {
            Push::Won => {
                // The remote has it. Should the local branch have moved meanwhile, the next read brings them together.
                let _ = self.store.swap(Some(made.parent), made.commit);
                Ok(Some(made))
            }
            Push::Lost => Ok(None),
            Push::Unknown => {
                sent.push(made);
                let tip = self.sync(now)?.ok_or_else(missing)?;
                self.arrived(tip, sent)
            }
        }
    }

    /// Returns the one of several pushes that the ledger holds by now, and forgets those that can no longer arrive:
    /// their lease is on a head that the remote has left.
    fn arrived(&self, tip: Oid, sent: &mut Vec<Try>) -> Result<Option<Try>> {
        for at in 0..sent.len() {
            if self.holds_all(&sent[at].lines)? {
                return Ok(Some(sent.swap_remove(at)));
            }
        }
        sent.retain(|made| made.parent == tip);
        Ok(None)
    }

    fn holds_all(&self, lines: &[Vec<u8>]) -> Result<bool> {
        let loaded = self.loaded.as_ref().ok_or_else(missing)?;
        let holds = |line: &Vec<u8>| Ok(loaded.chain.hash_at(RawEntry::parse(line)?.seq) == Some(Digest::of(line)));
        lines.iter().try_fold(true, |all, line| Ok(all && holds(line)?))
    }

    /// Takes in what is recorded by now, so that nothing may fail any more.
    fn finish(&mut self, commit: Oid, head: LedgerHead, chain: Chain, entries: Vec<Entry>, tries: u32) -> Appended {
        // After an ambiguous push others may have followed; what was read since is newer and stays.
        let newer = self.loaded.as_ref().is_some_and(|loaded| loaded.chain.length() >= chain.length());
        if !newer {
            // Otherwise what was loaded before stays: the next read goes on from there, and says what is wrong.
            if let Ok(files) = self.store.files(commit) {
                self.hold(Loaded { commit, files, chain, mode: self.mode });
            }
        }
        if let Some(mark) = &self.mark {
            // The entry is recorded, so this is no failure of the append; the next read raises the mark again.
            let _ = mark.raise(&head);
        }
        Appended { head, entries, tries }
    }
}

/// Says that nobody knows what became of the entries, where a push of them may arrive yet.
fn doubted(refusal: Refusal, sent: &[Try]) -> Refusal {
    if sent.is_empty() {
        return refusal;
    }
    Refusal::new(LEDGER_UNCERTAIN, format!("after an interrupted push: {refusal}"))
}

fn nothing() -> Refusal {
    Refusal::new(LEDGER_CHAIN, "nothing was appended")
}

/// Waits a little, differently in every process and thread, so that two losers do not meet again.
pub(super) fn pause(attempt: u32) {
    let mut random = [0_u8; 8];
    if getrandom::fill(&mut random).is_err() {
        random = [0x55; 8];
    }
    let limit = (1_u64 << attempt.min(10)).min(MAX_WAIT) * 1_000;
    std::thread::sleep(Duration::from_micros(u64::from_le_bytes(random) % limit));
}
