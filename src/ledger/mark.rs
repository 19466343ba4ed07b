//! The newest entry that a person's machine has seen, kept outside the repository: whoever may write to the
//! repository can set its ledger back, and every entry that is left would still hold.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use super::reasons::LEDGER_ROLLBACK;
use crate::{
    base::{
        digest::Digest,
        json,
        reason::{IO, Refusal, Result},
    },
    sign::predicate::LedgerHead,
};

/// The largest mark, in bytes.
const MAX_MARK: usize = 1_000;

/// The file that holds the newest entry seen of one ledger.
#[derive(Clone, Debug)]
pub(super) struct Mark(PathBuf);

impl Mark {
    /// Names the file in a folder; a ledger is known by its genesis.
    pub(super) fn new(folder: &Path, genesis: &Digest) -> Self {
        Self(folder.join(format!("{}.json", hex::encode(genesis.as_bytes()))))
    }

    /// Returns the newest entry seen; `None` where none was.
    pub(super) fn read(&self) -> Result<Option<LedgerHead>> {
        let bytes = match fs::read(&self.0) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(self.failed(&e)),
        };
        let head = json::from_canonical(&bytes, MAX_MARK).map_err(|e| {
            Refusal::new(LEDGER_ROLLBACK, format!("{}: {}", self.0.display(), e.message()))
                .hint("compare the ledger's head with somebody else's, then remove the file")
        })?;
        Ok(Some(head))
    }

    /// Remembers an entry, unless a newer one was seen.
    pub(super) fn raise(&self, head: &LedgerHead) -> Result<()> {
        let failed = |e: std::io::Error| self.failed(&e);
        let folder = self.0.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(failed)?;
        // Of two processes the one that saw less must not have the last word.
        let lock = File::create(self.0.with_extension("lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        if self.read()?.is_some_and(|seen| seen.seq >= head.seq) {
            return Ok(());
        }
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        file.write_all(&json::canonical(head)?).map_err(failed)?;
        file.persist(&self.0).map_err(|e| self.failed(&e.error))?;
        Ok(())
    }

    fn failed(&self, e: &std::io::Error) -> Refusal {
        Refusal::new(IO, format!("{}: {e}", self.0.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(seq: u64) -> LedgerHead {
        LedgerHead { genesis: Digest::of(b"g"), seq, hash: Digest::of(&seq.to_be_bytes()) }
    }

    #[test]
    fn e06_a_mark_only_rises() {
        let folder = tempfile::tempdir().unwrap();
        let mark = Mark::new(&folder.path().join("ledgers"), &Digest::of(b"g"));
        assert_eq!(mark.read().unwrap(), None);
        for seq in [3, 7, 5] {
            mark.raise(&head(seq)).unwrap();
        }
        assert_eq!(mark.read().unwrap(), Some(head(7)));
        fs::write(&mark.0, "{}").unwrap();
        assert_eq!(mark.read().unwrap_err().code(), "ledger.rollback");
    }
}
