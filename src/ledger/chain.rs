//! Verifies entries one after the other: hashes, numbers, times, signatures, and the places they name.

use super::{
    append::NewEntry,
    blocks::Block,
    fingerprint::Fingerprints,
    focus::Focus,
    format::{NO_PREVIOUS, RawEntry, entry_bytes, lines},
    keep::Keep,
    layered::Layered,
    look::{Content, Look, Opened, Seen, Statements, covers},
    origin::{check_checkpoint_origin, check_origin},
    reasons::{
        LEDGER_CHAIN, LEDGER_DUPLICATE, LEDGER_EQUIVOCATION, LEDGER_HEAD, LEDGER_ROLLBACK, LEDGER_TIME,
        LEDGER_TRANSPLANT,
    },
    record::{Entry, Record, Signatures},
    state::State,
};
use crate::{
    base::{
        digest::Digest,
        parallel,
        reason::{INTERNAL, Refusal, Result},
        time::{SKEW, Timestamp},
    },
    sign::{
        envelope::Envelope,
        predicate::{Checkpoint, LedgerHead},
        trust::TrustRoot,
        verified::Late,
    },
};

/// How much of the ledger is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Every hash, signature and commit.
    Full,
    /// Every hash; signatures only after the newest signed checkpoint, and of what permits or forbids.
    FromCheckpoint,
}

/// What has been verified so far: the hashes of all entries, and the state they make.
#[derive(Clone, Debug)]
pub struct Chain {
    genesis: Digest,
    hashes: Layered<Vec<Digest>>,
    statements: Statements,
    last: Timestamp,
    covered: Option<u64>,
    /// Whether covered approvals are verified only when they are about to matter.
    deferring: bool,
    focus: Option<Focus>,
    state: State,
}

impl Chain {
    /// Begins before the genesis; signatures of entries up to `covered` are taken on a checkpoint's word.
    #[must_use]
    pub fn new(root: &TrustRoot, covered: Option<u64>) -> Self {
        Self {
            genesis: root.document().ledger.genesis,
            hashes: Layered::default(),
            statements: Statements::default(),
            last: Timestamp::from_unix(0),
            covered,
            deferring: false,
            focus: None,
            state: State::default(),
        }
    }

    /// Chooses what is kept of plans that are over; all, unless told otherwise.
    #[must_use]
    pub fn keeping(mut self, keep: Keep) -> Self {
        self.state = State::new(keep);
        self
    }

    /// Puts off the signatures of covered approvals, for [`Chain::prove_live`] and [`Chain::prove`].
    ///
    /// Until then they count for nothing: what may permit takes only proven ones.
    #[must_use]
    pub(super) fn deferring(mut self) -> Self {
        self.deferring = true;
        self
    }

    /// Passes over what a checkpoint covers and concerns other plans than one; of others that are not covered, only form,
    /// place and signatures are verified. Such a chain is for asking about that plan, never for adding to.
    #[must_use]
    pub(super) fn about(mut self, plan: Option<Digest>) -> Self {
        self.focus = plan.map(Focus::on);
        self.state.partial = plan.is_some();
        self
    }

    /// Returns the one plan that may be asked about; `None` where all may.
    pub(super) fn focus(&self) -> Option<Digest> {
        self.focus.as_ref().map(|focus| focus.plan)
    }

    /// Verifies the signatures that were put off, of every approval that may still let something run.
    pub(super) fn prove_live(&mut self, root: &TrustRoot, now: Timestamp) -> Result<()> {
        let live = self.state.live_approvals(now);
        self.state.prove(&live, root)
    }

    /// Verifies the signatures that were put off, of every approval of a plan that is kept.
    pub(super) fn prove(&mut self, plan: &Digest, root: &TrustRoot) -> Result<()> {
        self.state.check_kept(plan)?;
        let ids = self.state.plan(plan).map(|known| known.approvals.clone()).unwrap_or_default();
        self.state.prove(&ids, root)
    }

    /// Returns the state that the entries so far make.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Returns the last entry, as statements name it; `None` before the genesis.
    #[must_use]
    pub fn head(&self) -> Option<LedgerHead> {
        Some(LedgerHead { genesis: self.genesis, seq: self.length().checked_sub(1)?, hash: self.tip()? })
    }

    /// Returns when the last entry was appended; the beginning of time before the genesis.
    #[must_use]
    pub fn last_at(&self) -> Timestamp {
        self.last
    }

    /// Returns how many entries were verified.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.hashes.layers().iter().map(|layer| layer.len() as u64).sum()
    }

    /// Returns the hash of the last entry.
    fn tip(&self) -> Option<Digest> {
        let [old, new] = self.hashes.layers();
        new.last().or(old.last()).copied()
    }

    /// Returns the hash of an entry.
    #[must_use]
    pub fn hash_at(&self, seq: u64) -> Option<Digest> {
        let (seq, [old, new]) = (usize::try_from(seq).ok()?, self.hashes.layers());
        old.get(seq).or_else(|| new.get(seq.checked_sub(old.len())?)).copied()
    }

    /// Verifies the next entry and takes it into the state.
    ///
    /// # Errors
    /// `ledger.*`, `replay.consumed`, `json.*`, `dsse.*`, `signature.*`, `key.*`, naming the entry. The
    /// chain must not be used any further after one.
    pub fn push(&mut self, bytes: &[u8], root: &TrustRoot, now: Timestamp) -> Result<Entry> {
        self.take(bytes, root, now)?.ok_or_else(passed_over)
    }

    /// Does what [`Chain::push`] does; returns no entry where it is passed over.
    ///
    /// # Errors
    /// As [`Chain::push`].
    pub(super) fn take(&mut self, bytes: &[u8], root: &TrustRoot, now: Timestamp) -> Result<Option<Entry>> {
        self.placed(|chain| {
            let seen = chain.look(&chain.statements.keys, chain.focus.as_ref(), root).at(bytes)?;
            chain.step(seen, root, now)
        })
    }

    /// Verifies entries that follow each other, as [`Chain::push`] does, and hands each to `take` beside its bytes.
    ///
    /// `next` gives them in blocks of files. What an entry says by itself is read, and its signatures are verified, on
    /// all processors, while blocks before and after it are taken in and given.
    ///
    /// # Errors
    /// As [`Chain::push`], of the first that does not follow; `ledger.chain` where a file has another place than its
    /// name says; any of `next` and `take`.
    pub(super) fn push_all<'f>(
        &mut self,
        next: impl FnMut() -> Result<Option<Block<'f>>>,
        root: &TrustRoot,
        now: Timestamp,
        take: &mut impl FnMut(&Entry, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let (keys, focus) = (self.statements.keys.clone(), self.focus.clone());
        let look = self.look(&keys, focus.as_ref(), root);
        let look_at_all = |block: Block<'f>| {
            let seen =
                lines(&block.bytes).map(|lines| lines.map(|line| (line.len(), look.at(line))).collect::<Vec<_>>());
            (block, seen)
        };
        parallel::pipe(next, look_at_all, |(block, seen)| {
            let file = block.file;
            let misplaced = |what: &str| Refusal::new(LEDGER_CHAIN, format!("the file of entry {} {what}", file.first));
            if block.first && self.length() != file.first {
                return Err(misplaced(&format!("stands where entry {} should follow", self.length())));
            }
            let mut begin = 0;
            for (length, seen) in seen? {
                if let Some(entry) = self.placed(|chain| chain.step(seen?, root, now))? {
                    take(&entry, &block.bytes[begin..begin + length])?;
                }
                begin += length + 1;
            }
            if block.last && file.last.is_some_and(|last| self.length() != last + 1) {
                return Err(misplaced("does not hold what its name says"));
            }
            Ok(())
        })
    }

    /// Makes the next entry, verifies it as a reader will, takes it in, and returns it with its bytes.
    ///
    /// # Errors
    /// As [`Chain::push`]; `key.revoked` for a key that the trust root has revoked, whatever the ledger knows of that.
    pub fn extend(
        &mut self,
        envelope: &Envelope,
        at: Timestamp,
        root: &TrustRoot,
        now: Timestamp,
    ) -> Result<(Entry, Vec<u8>)> {
        let opened = Record::open(envelope, root, at, Signatures::Verify);
        self.add(envelope, at, opened, root, now)
    }

    /// Makes the next entries as [`Chain::extend`] does; their signatures are verified on all processors.
    ///
    /// # Errors
    /// As [`Chain::push`].
    pub(super) fn extend_all(
        &mut self,
        new: &[NewEntry],
        root: &TrustRoot,
        now: Timestamp,
    ) -> Result<(Vec<Entry>, Vec<Vec<u8>>)> {
        let opened = parallel::map(new, |new| Record::open(&new.envelope, root, new.at, Signatures::Verify));
        new.iter().zip(opened).map(|(new, opened)| self.add(&new.envelope, new.at, opened, root, now)).collect()
    }

    /// Makes the next entry of an envelope that was opened, all signatures verified, at its time.
    fn add(
        &mut self,
        envelope: &Envelope,
        at: Timestamp,
        opened: Result<Opened>,
        root: &TrustRoot,
        now: Timestamp,
    ) -> Result<(Entry, Vec<u8>)> {
        let opened =
            opened.and_then(|opened| Late::of(envelope, root, at).map_or(Ok(opened), |late| Err(late.refusal())));
        let prev = self.tip().unwrap_or(NO_PREVIOUS);
        let bytes = entry_bytes(self.length(), prev, envelope, at)?;
        let entry = self.named(|chain| {
            let raw = RawEntry::parse(&bytes)?;
            if raw.envelope != *envelope || raw.at != at {
                return Err(Refusal::new(LEDGER_CHAIN, "an entry reads otherwise than it was written"));
            }
            chain.step(Seen::new(&raw, opened, root, &chain.statements.keys), root, now)?.ok_or_else(passed_over)
        })?;
        Ok((entry, bytes))
    }

    /// Names the entry in a refusal that names nothing.
    fn named<T>(&mut self, take: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let seq = self.length();
        take(self).map_err(|refusal| match refusal.about() {
            Some(_) => refusal,
            None => refusal.subject(format!("entry {seq}")),
        })
    }

    /// Says of an entry that is there which one it is, whatever else the refusal is about.
    fn placed<T>(&mut self, take: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let seq = self.length();
        take(self).map_err(|refusal| refusal.of_entry(seq))
    }

    fn look<'a>(&self, statements: &'a Fingerprints, focus: Option<&'a Focus>, root: &'a TrustRoot) -> Look<'a> {
        Look { root, covered: self.covered, deferring: self.deferring, statements, focus }
    }

    /// Takes in an entry that was looked at, in its place; returns it unless it is passed over.
    fn step(&mut self, seen: Seen, root: &TrustRoot, now: Timestamp) -> Result<Option<Entry>> {
        let seq = self.length();
        let prev = self.tip().unwrap_or(NO_PREVIOUS);
        if seen.seq != seq || seen.prev != prev {
            return Err(Refusal::new(
                LEDGER_CHAIN,
                format!("entry {} stands where entry {seq} should follow", seen.seq),
            ));
        }
        if seq == 0 && seen.hash != self.genesis {
            return Err(Refusal::new(LEDGER_TRANSPLANT, format!("the genesis {} is not the pinned one", seen.hash)));
        }
        if seen.at < self.last.plus(-SKEW) || seen.at > now.plus(SKEW) {
            return Err(Refusal::new(LEDGER_TIME, format!("{} after {}, at {now}", seen.at, self.last)));
        }
        let (statement, opened) = match seen.content {
            Content::Read(statement, opened) => (statement, opened),
            Content::PassedOver(passed) => {
                self.state.pass_over(passed);
                self.follow(seen.hash, seen.at);
                return Ok(None);
            }
        };
        if self.statements.seen.contains(statement) {
            return Err(Refusal::new(LEDGER_DUPLICATE, "an earlier entry holds the same statement"));
        }
        let (record, signatories) = *opened?;
        if let Some(late) = seen.late {
            let named = record.trust_root_version().unwrap_or_default();
            late.check_unknown(named.max(self.state.trust_root_version()))?;
        }
        if let Some(head) = record.seen() {
            self.check_seen(head, &record)?;
        }
        let entry = Entry { seq, at: seen.at, hash: seen.hash, record, signatories, late: seen.late };
        check_origin(&entry.record, seq, root)?;
        self.state.apply_for(self.focus.as_ref(), &entry)?;
        // After the rules: what they let a claim name is its own plan's, and kept.
        if let Record::Claim(claim) = &entry.record
            && !covers(self.covered, seq)
        {
            self.state.prove(&claim.approvals, root)?;
        }
        self.statements.seen.grow().insert(statement);
        self.follow(seen.hash, seen.at);
        self.state.let_go(&entry.record, self.last.plus(-SKEW));
        Ok(Some(entry))
    }

    fn follow(&mut self, hash: Digest, at: Timestamp) {
        self.hashes.grow().push(hash);
        self.last = self.last.max(at);
    }

    /// Makes one of what was shared with a copy and what came since, where the copy is gone.
    pub(super) fn settle(&mut self) {
        self.hashes.grow();
        self.statements.seen.grow();
        self.state.past.settle();
    }

    fn check_seen(&self, seen: &LedgerHead, record: &Record) -> Result<()> {
        if seen.genesis != self.genesis {
            return Err(Refusal::new(LEDGER_TRANSPLANT, format!("a statement names the genesis {}", seen.genesis)));
        }
        match self.hash_at(seen.seq) {
            Some(hash) if hash == seen.hash => Ok(()),
            Some(_) if matches!(record, Record::Checkpoint(_)) => Err(Refusal::new(
                LEDGER_EQUIVOCATION,
                format!("a checkpoint has another entry {}, {}", seen.seq, seen.hash),
            )),
            _ => Err(Refusal::new(LEDGER_HEAD, format!("entry {} with the hash {}", seen.seq, seen.hash))),
        }
    }

    /// Checks that a place seen elsewhere is in this ledger: in an approval, a checkpoint, a job summary.
    ///
    /// # Errors
    /// `ledger.transplant`, `ledger.rollback`.
    pub fn must_contain(&self, seen: &LedgerHead) -> Result<()> {
        if seen.genesis != self.genesis {
            return Err(Refusal::new(LEDGER_TRANSPLANT, format!("seen elsewhere with the genesis {}", seen.genesis)));
        }
        if self.hash_at(seen.seq) == Some(seen.hash) {
            return Ok(());
        }
        Err(Refusal::new(LEDGER_ROLLBACK, format!("entry {} with the hash {} was seen before", seen.seq, seen.hash)))
    }

    /// Checks a verified checkpoint from outside the ledger against it.
    ///
    /// # Errors
    /// `ledger.transplant`, `ledger.equivocation` where it fixes another entry at the same place,
    /// `ledger.rollback` where it knows more entries than there are.
    pub fn must_agree(&self, checkpoint: &Checkpoint, root: &TrustRoot) -> Result<()> {
        check_checkpoint_origin(checkpoint, root)?;
        match self.hash_at(checkpoint.ledger.seq) {
            Some(hash) if hash != checkpoint.ledger.hash && checkpoint.ledger.genesis == self.genesis => {
                Err(Refusal::new(
                    LEDGER_EQUIVOCATION,
                    format!("entry {} is {hash} here and {} there", checkpoint.ledger.seq, checkpoint.ledger.hash),
                ))
            }
            _ => self.must_contain(&checkpoint.ledger),
        }
    }
}

/// A chain that is asked about one plan is only read.
fn passed_over() -> Refusal {
    Refusal::new(INTERNAL, "an entry was to be taken in by a reader that passes entries over")
}
