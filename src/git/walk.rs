//! Which commits lie before which, found by walking from the newest on.

use std::collections::{BinaryHeap, HashMap};

use git2::{Error, Oid};

use super::Repository;

/// Whose history a commit is of, as far as it is known: bits of [`FIRST`] and [`SECOND`].
type Histories = u8;
const FIRST: Histories = 1;
const SECOND: Histories = 2;
const BOTH: Histories = FIRST | SECOND;

impl Repository {
    /// Tells whether a commit is another one, or lies in its history.
    ///
    /// # Errors
    /// As [`Repository::commit`].
    pub fn is_in_history(&self, commit: Oid, of: Oid) -> Result<bool, Error> {
        let mut walk = Walk::new(self, commit, of)?;
        while walk.known[&commit] != BOTH && walk.may_say_more(|histories| histories != BOTH) {
            walk.go_on()?;
        }
        Ok(walk.known[&commit] == BOTH)
    }

    /// Returns the commits of one history that another does not have, in no order. Where times of commits run backwards some
    /// that both have may be among them.
    ///
    /// # Errors
    /// As [`Repository::commit`].
    pub fn only_in_history(&self, of: Oid, not_of: Oid) -> Result<Vec<Oid>, Error> {
        let mut walk = Walk::new(self, of, not_of)?;
        while walk.may_say_more(|histories| histories == FIRST) {
            walk.go_on()?;
        }
        Ok(walk.known.into_iter().filter(|(_, histories)| *histories == FIRST).map(|(id, _)| id).collect())
    }
}

/// The histories of two commits, as far as they are walked.
struct Walk<'r> {
    repository: &'r Repository,
    known: HashMap<Oid, Histories>,
    /// Commits whose parents are not looked at yet, by time.
    waiting: BinaryHeap<(i64, Oid)>,
}

impl<'r> Walk<'r> {
    fn new(repository: &'r Repository, first: Oid, second: Oid) -> Result<Self, Error> {
        let mut walk = Self { repository, known: HashMap::new(), waiting: BinaryHeap::new() };
        walk.reach(first, FIRST)?;
        walk.reach(second, SECOND)?;
        Ok(walk)
    }

    /// Takes note that a commit is of some histories; what is new of it is to be said of its parents, too.
    fn reach(&mut self, id: Oid, of: Histories) -> Result<(), Error> {
        let before = self.known.get(&id).copied().unwrap_or_default();
        if before | of != before {
            self.waiting.push((self.repository.commit(id)?.time().seconds(), id));
            self.known.insert(id, before | of);
        }
        Ok(())
    }

    /// Tells whether a commit waits whose histories are as asked for.
    fn may_say_more(&self, asked: impl Fn(Histories) -> bool) -> bool {
        self.waiting.iter().any(|(_, id)| asked(self.known[id]))
    }

    /// Looks at the parents of the newest commit that waits.
    fn go_on(&mut self) -> Result<(), Error> {
        let Some((_, id)) = self.waiting.pop() else { return Ok(()) };
        let of = self.known[&id];
        let parents: Vec<Oid> = self.repository.commit(id)?.parent_ids().collect();
        parents.into_iter().try_for_each(|parent| self.reach(parent, of))
    }
}
