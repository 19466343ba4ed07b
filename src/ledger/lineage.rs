//! Which commits of the ledger's branch follow which: one parent each, as many as there were appends.

use git2::Oid;

use super::open::Ledger;
use crate::base::reason::Result;

impl Ledger {
    /// Tells whether a commit is the verified one, or lies in its history.
    pub(super) fn has_passed(&self, commit: Oid) -> Result<bool> {
        let mut passed = self.loaded.as_ref().map(|loaded| loaded.commit);
        while let Some(one) = passed.filter(|one| *one != commit) {
            passed = self.store.parent(one)?;
        }
        Ok(passed.is_some())
    }

    /// Tells whether one commit was reached from another by as many appends.
    pub(super) fn descends(&self, mut commit: Oid, ancestor: Oid, appends: usize) -> Result<bool> {
        for _ in 0..appends {
            match self.store.parent(commit)? {
                Some(parent) => commit = parent,
                None => return Ok(false),
            }
        }
        Ok(commit == ancestor)
    }

    /// Refuses a merge among the newest commits, or where all are walked, a history that never begins.
    pub(super) fn check_linear(&self, mut commit: Oid, limit: usize) -> Result<()> {
        for _ in 0..limit {
            match self.store.parent(commit)? {
                Some(parent) => commit = parent,
                None => return Ok(()),
            }
        }
        Ok(())
    }
}
