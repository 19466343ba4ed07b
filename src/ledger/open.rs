//! A ledger in a repository: opened, verified, and kept in step with its remote.

use std::{path::Path, sync::Arc};

use git2::Oid;

use super::{
    blocks::{Files, ReadFiles},
    chain::{Chain, Mode},
    keep::Keep,
    mark::Mark,
    reasons::{LEDGER_CONTENDED, LEDGER_CORRUPT, LEDGER_LOCKED, LEDGER_MISSING, LEDGER_ROLLBACK},
    record::Entry,
    remote::Remote,
    state::State,
    store::{EntryFile, Store},
    vouched::{covered, distrusted},
};
use crate::{
    base::{
        digest::Digest,
        reason::{Refusal, Result},
        time::Timestamp,
    },
    sign::{predicate::LedgerHead, reasons::TRUST_ROLLBACK, trust::TrustRoot},
};

/// How often a reader that finds the local branch locked looks again, before it says so.
const MAX_LOCKED: u32 = 8;

/// A ledger, with what has been verified of it in this process.
pub struct Ledger {
    pub(super) store: Store,
    pub(super) root: TrustRoot,
    pub(super) remote: Option<Remote>,
    pub(super) loaded: Option<Loaded>,
    pub(super) mode: Mode,
    pub(super) keep: Keep,
    pub(super) focus: Option<Digest>,
    pub(super) mark: Option<Mark>,
    pub(super) listener: Option<Listener>,
    /// Whether what entries name beside the chain must be there as well.
    pub(super) with_objects: bool,
}

/// Who is told of entries once they are appended, in order.
pub type Listener = Arc<dyn Fn(&[Entry]) + Send + Sync>;

/// A verified ledger at a commit.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) commit: Oid,
    pub(super) files: Vec<EntryFile>,
    pub(super) chain: Chain,
    pub(super) mode: Mode,
}

impl Ledger {
    /// Opens the ledger that a trust root names, in a repository: its folder, its `.git`, a linked worktree, or bare.
    ///
    /// Nothing is read yet. Every read begins with the whole chain, in [`Mode::Full`] unless told otherwise.
    ///
    /// # Errors
    /// `ledger.missing` where there is no repository, `ledger.shallow`.
    pub fn open(path: &Path, root: &TrustRoot) -> Result<Self> {
        let store = Store::open(path, &root.document().ledger.branch)?;
        Ok(Self {
            store,
            root: root.clone(),
            remote: None,
            loaded: None,
            mode: Mode::Full,
            keep: Keep::All,
            focus: None,
            mark: None,
            listener: None,
            with_objects: false,
        })
    }

    /// Takes a remote side as the truth: reads follow it, appends are decided there.
    #[must_use]
    pub fn with_remote(mut self, remote: Remote) -> Self {
        self.remote = Some(remote);
        self
    }

    /// Remembers the newest entry seen in a folder outside the repository, and refuses a ledger without it.
    #[must_use]
    pub fn with_mark(mut self, folder: &Path) -> Self {
        self.mark = Some(Mark::new(folder, &self.root.document().ledger.genesis));
        self
    }

    /// Tells somebody of every entry that this process appends, once it is durable.
    #[must_use]
    pub fn with_listener(mut self, listener: Listener) -> Self {
        self.listener = Some(listener);
        self
    }

    /// Chooses how much every read verifies.
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Chooses what every read keeps of plans that are over, and reads afresh.
    ///
    /// With less than all, memory grows with the number of plans that are under way, and some 80 bytes an entry.
    #[must_use]
    pub fn with_keep(mut self, keep: Keep) -> Self {
        (self.keep, self.loaded) = (keep, None);
        self
    }

    /// Asks about one plan, of which all is kept: in [`Mode::FromCheckpoint`] what the checkpoint covers of other plans is
    /// not read beyond its place in the chain, and the state knows nothing of them.
    ///
    /// Whoever asks about another plan is refused, and whoever appends has the whole read first.
    #[must_use]
    pub fn with_focus(mut self, plan: Digest) -> Self {
        (self.keep, self.focus, self.loaded) = (Keep::Only(plan), Some(plan), None);
        self
    }

    /// Tells whether a remote side is the truth, which every read asks.
    #[must_use]
    pub fn has_remote(&self) -> bool {
        self.remote.is_some()
    }

    /// Tells whether the ledger's branch exists here.
    ///
    /// # Errors
    /// `ledger.corrupt`.
    pub fn exists(&self) -> Result<bool> {
        Ok(self.store.tip()?.is_some())
    }

    /// Brings the newest entries here and verifies the whole ledger; what was verified before in this process is kept.
    ///
    /// # Errors
    /// `ledger.*`, and those of [`Chain::push`].
    pub fn read(&mut self, now: Timestamp) -> Result<&Chain> {
        self.sync(now)?;
        self.loaded.as_ref().map(|loaded| &loaded.chain).ok_or_else(missing)
    }

    /// Reads as [`Ledger::read`] does, and verifies the signatures of every approval of a plan, whatever covers them.
    ///
    /// # Errors
    /// As [`Ledger::read`], `internal.error` where [`Ledger::with_keep`] did not ask for the plan.
    pub fn read_for(&mut self, plan: &Digest, now: Timestamp) -> Result<&Chain> {
        self.sync(now)?;
        let loaded = self.loaded.as_mut().ok_or_else(missing)?;
        loaded.chain.prove(plan, &self.root)?;
        Ok(&loaded.chain)
    }

    /// Verifies the whole ledger anew, every signature, commit and object; returns how many entries and objects hold.
    ///
    /// # Errors
    /// As [`Ledger::read`], `ledger.object`.
    pub fn verify_all(&mut self, now: Timestamp) -> Result<(u64, u64)> {
        let before = self.loaded.take().and_then(|loaded| loaded.chain.head());
        let mode = std::mem::replace(&mut self.mode, Mode::Full);
        self.with_objects = true;
        let read = self.read(now).map(Chain::length);
        (self.mode, self.with_objects) = (mode, false);
        let entries = read?;
        let loaded = self.loaded.as_ref().ok_or_else(missing)?;
        if let Some(before) = before {
            loaded.chain.must_contain(&before)?;
        }
        Ok((entries, self.store.check_objects(loaded.commit)?))
    }

    /// Returns the state as of the last read.
    #[must_use]
    pub fn state(&self) -> Option<&State> {
        self.loaded.as_ref().map(|loaded| loaded.chain.state())
    }

    /// Returns the last entry as of the last read, as statements name it.
    #[must_use]
    pub fn head(&self) -> Option<LedgerHead> {
        self.loaded.as_ref()?.chain.head()
    }

    /// Returns an object that an entry names, after checking its digest.
    ///
    /// # Errors
    /// `ledger.missing` before the first read, `ledger.unknown_subject`, `ledger.object`.
    pub fn object(&self, digest: &Digest) -> Result<Vec<u8>> {
        let loaded = self.loaded.as_ref().ok_or_else(missing)?;
        self.store.object(loaded.commit, digest)
    }

    /// Hands every entry, verified again, to `take` beside its bytes; one file of entries is in memory at a time.
    ///
    /// # Errors
    /// As [`Ledger::read`], and any of `take`.
    pub fn for_each(&mut self, now: Timestamp, mut take: impl FnMut(&Entry, &[u8]) -> Result<()>) -> Result<()> {
        self.sync(now)?;
        let loaded = self.loaded.as_ref().ok_or_else(missing)?;
        let covered = covered(&self.store, &self.root, &loaded.files, self.mode)?;
        let trusted = covered.filter(|covered| !distrusted(&loaded.chain, covered));
        let (up_to, read) = trusted.map(|covered| (covered.up_to, covered.read)).unzip();
        let mut chain = Chain::new(&self.root, up_to).keeping(Keep::Nothing);
        let read = read.unwrap_or_default();
        follow(&self.store, &self.root, &mut chain, &loaded.files, read, now, &mut take)
    }

    /// Verifies what is here, then what the remote has beyond it, and moves the local branch there.
    pub(super) fn sync(&mut self, now: Timestamp) -> Result<Option<Oid>> {
        let Some(mark) = self.mark.clone() else { return self.bring(now) };
        // Read first: whoever appends moves the branch before the mark.
        let seen = mark.read()?;
        let tip = self.bring(now)?;
        if let Some(chain) = self.loaded.as_ref().map(|loaded| &loaded.chain).filter(|_| tip.is_some()) {
            if let Some(seen) = &seen {
                chain.must_contain(seen)?;
            }
            if let Some(head) = chain.head().filter(|head| Some(head) != seen.as_ref()) {
                mark.raise(&head)?;
            }
        }
        Ok(tip)
    }

    fn bring(&mut self, now: Timestamp) -> Result<Option<Oid>> {
        // Another process may move the branch at any moment; each round starts from what is there then.
        let mut locked = 0;
        for attempt in 1..=super::append::MAX_TRIES {
            if attempt > 1 {
                super::append::pause(attempt);
            }
            let local = self.store.tip()?;
            let Some(remote) = self.remote.clone() else {
                return self.settle(local, now);
            };
            let there = remote.head(&self.store)?;
            let Some(there) = there else {
                return match local.or(self.store.fetched()) {
                    None => self.settle(None, now),
                    Some(_) => Err(Refusal::new(LEDGER_MISSING, "the remote has no ledger, and there is one here")
                        .hint("where it was never there, push it once: git push REMOTE countersign/ledger")),
                };
            };
            if local == Some(there) {
                return self.settle(local, now);
            }
            // A fresh clone remembers nothing but what it was made with: what is older is no ledger to go by, wherever it
            // is read.
            if let (None, Some(fetched)) = (local, self.store.fetched())
                && fetched != there
                && self.store.has(fetched)
            {
                self.load(fetched, now)?;
            }
            // Where the branch here could not be moved it is behind what was read there: no news, and no rollback.
            if let Some(local) = local
                && !self.has_passed(local)?
            {
                self.load(local, now)?;
            }
            if !self.store.has(there) {
                remote.fetch(&self.store)?;
            }
            self.load(there, now)?;
            match self.store.swap(local, there) {
                Ok(true) => return Ok(Some(there)),
                Ok(false) => {}
                // Whoever holds the lock moves the branch to what was just read, or to what follows it.
                Err(refusal) if refusal.is(LEDGER_LOCKED) && locked < MAX_LOCKED => locked += 1,
                Err(refusal) => return Err(refusal),
            }
        }
        Err(Refusal::new(LEDGER_CONTENDED, "the local branch kept moving"))
    }

    fn settle(&mut self, tip: Option<Oid>, now: Timestamp) -> Result<Option<Oid>> {
        match tip {
            Some(commit) => self.load(commit, now)?,
            None if self.loaded.is_some() => return Err(Refusal::new(LEDGER_MISSING, "the branch was deleted")),
            None => {}
        }
        Ok(tip)
    }

    /// Verifies the ledger at a commit, which must hold every entry verified before.
    pub(super) fn load(&mut self, commit: Oid, now: Timestamp) -> Result<()> {
        let before = self.loaded.as_ref().filter(|loaded| {
            let whole = loaded.chain.focus().is_none_or(|focus| self.focus == Some(focus));
            whole && (loaded.mode == Mode::Full || self.mode != Mode::Full)
        });
        if before.is_some_and(|loaded| loaded.commit == commit) {
            return Ok(());
        }
        let files = self.store.files(commit)?;
        let known = before.filter(|loaded| files.starts_with(&loaded.files));
        let mut chain = match known {
            Some(loaded) if self.descends(commit, loaded.commit, files.len() - loaded.files.len())? => {
                self.replay(loaded.chain.clone(), (commit, &files[loaded.files.len()..]), ReadFiles::new(), now)?
            }
            _ => {
                let singles = files.iter().filter(|file| file.last.is_none()).count();
                self.check_linear(commit, if self.mode == Mode::Full { usize::MAX } else { singles })?;
                let mut covered = covered(&self.store, &self.root, &files, self.mode)?;
                let up_to = covered.as_ref().map(|covered| covered.up_to);
                let read = covered.as_mut().map(|covered| std::mem::take(&mut covered.read)).unwrap_or_default();
                let focus = self.focus.filter(|_| up_to.is_some());
                let first = Chain::new(&self.root, up_to).keeping(self.keep).deferring().about(focus);
                let chain = self.replay(first, (commit, &files), read, now)?;
                match covered {
                    // The key that vouched was taken back since: its word counts nothing any more.
                    Some(covered) if distrusted(&chain, &covered) => self.replay(
                        Chain::new(&self.root, None).keeping(self.keep),
                        (commit, &files),
                        ReadFiles::new(),
                        now,
                    )?,
                    _ => chain,
                }
            }
        };
        if chain.length() == 0 {
            return Err(Refusal::new(LEDGER_CORRUPT, "the ledger is empty"));
        }
        chain.prove_live(&self.root, now)?;
        if let Some(seen) = self.loaded.as_ref().and_then(|loaded| loaded.chain.head()) {
            chain.must_contain(&seen)?;
        }
        let (highest, ours) = (chain.state().trust_root_version(), self.root.document().version);
        if highest > ours {
            return Err(Refusal::new(
                TRUST_ROLLBACK,
                format!("version {ours}, and the ledger names version {highest}"),
            ));
        }
        self.hold(Loaded { commit, files, chain, mode: self.mode });
        Ok(())
    }

    /// Takes a verified ledger in place of the one before, of which it no longer needs to be a copy.
    pub(super) fn hold(&mut self, loaded: Loaded) {
        self.loaded.insert(loaded).chain.settle();
    }

    fn replay(
        &self,
        mut chain: Chain,
        (commit, files): (Oid, &[EntryFile]),
        read: ReadFiles,
        now: Timestamp,
    ) -> Result<Chain> {
        let objects = if self.with_objects { Some(self.store.objects(commit)?) } else { None };
        let mut take = |entry: &Entry, _: &[u8]| match &objects {
            Some(objects) => entry.record.objects().iter().try_for_each(|digest| objects.must_hold(digest)),
            None => Ok(()),
        };
        follow(&self.store, &self.root, &mut chain, files, read, now, &mut take)?;
        Ok(chain)
    }

    /// Refuses a ledger that lacks an entry seen before, wherever it was seen.
    ///
    /// # Errors
    /// `ledger.missing`, `ledger.transplant`, `ledger.rollback`.
    pub fn must_contain(&self, seen: &LedgerHead) -> Result<()> {
        match &self.loaded {
            Some(loaded) => loaded.chain.must_contain(seen),
            None => Err(Refusal::new(LEDGER_ROLLBACK, format!("entry {} was seen before", seen.seq))),
        }
    }
}

/// Verifies the entries of files after those before them.
fn follow(
    store: &Store,
    root: &TrustRoot,
    chain: &mut Chain,
    files: &[EntryFile],
    read: ReadFiles,
    now: Timestamp,
    take: &mut impl FnMut(&Entry, &[u8]) -> Result<()>,
) -> Result<()> {
    let mut files = Files::new(store, files, read);
    chain.push_all(|| files.next(), root, now, take)
}

pub(super) fn missing() -> Refusal {
    Refusal::new(LEDGER_MISSING, "there is no ledger in this repository")
        .hint("in a clone, say where it is: git config countersign.remote origin")
}
