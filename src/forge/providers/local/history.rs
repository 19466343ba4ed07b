//! Who made the commits that a plan is for, and which commits lie before which.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use git2::{Commit, Oid};

use super::{Checkout, full_id, unreadable};
use crate::base::reason::Result;

/// How many commits are looked at for whoever changed a file last.
const MAX_LOOKED_AT: usize = 100_000;

impl Checkout {
    /// Tells whether a commit is another one or lies in its history; an unknown one does not.
    #[must_use]
    pub fn is_in_history(&self, commit: &str, of: &str) -> bool {
        let (Ok(commit), Ok(of)) = (Oid::from_str(commit), Oid::from_str(of)) else { return false };
        self.repo.is_in_history(commit, of).unwrap_or(false)
    }

    /// Returns those commits of some that are another one or lie in its history.
    #[must_use]
    pub fn in_history<'a>(&self, commits: impl IntoIterator<Item = &'a str>, of: &str) -> BTreeSet<String> {
        commits.into_iter().filter(|commit| self.is_in_history(commit, of)).map(str::to_owned).collect()
    }

    /// Returns the addresses of everybody who made a commit that the head has and the base has not; where they are the same
    /// commit, of that commit's people.
    ///
    /// # Errors
    /// `subject.commit_format`, `repository.unreadable`.
    pub fn contributors(&self, base: &str, head: &str) -> Result<BTreeSet<String>> {
        let mut people = BTreeSet::new();
        if base == head {
            people.extend(people_of(&self.repo.commit(full_id(head)?).map_err(unreadable)?));
            return Ok(people);
        }
        for id in self.repo.only_in_history(full_id(head)?, full_id(base)?).map_err(unreadable)? {
            people.extend(people_of(&self.repo.commit(id).map_err(unreadable)?));
        }
        Ok(people)
    }

    /// Returns the addresses of those who made, for each of some paths, the last commit that changed it, as `git log -1`
    /// finds it; for what nobody changed within 100,000 commits nobody answers.
    ///
    /// # Errors
    /// As [`Checkout::contributors`].
    pub fn last_authors(&self, commit: &str, paths: impl IntoIterator<Item = String>) -> Result<BTreeSet<String>> {
        let mut people = BTreeSet::new();
        let mut open: BTreeMap<Oid, BTreeSet<String>> =
            BTreeMap::from([(full_id(commit)?, paths.into_iter().collect())]);
        for _ in 0..MAX_LOOKED_AT {
            let Some((id, paths)) = open.pop_first() else { break };
            let commit = self.repo.commit(id).map_err(unreadable)?;
            let here = self.repo.tree(commit.tree_id()).map_err(unreadable)?;
            let mut parents = Vec::new();
            for parent in commit.parent_ids() {
                parents.push((parent, self.repo.tree_of(parent).map_err(unreadable)?));
            }
            let at = |tree: &git2::Tree<'_>, path: &str| {
                self.repo.entry(tree, Path::new(path)).map(|entry| (entry.id(), entry.filemode())).ok()
            };
            for path in paths {
                let now = at(&here, &path);
                match parents.iter().find(|(_, tree)| tree.id() == here.id() || at(tree, &path) == now) {
                    Some((parent, _)) => drop(open.entry(*parent).or_default().insert(path)),
                    None if now.is_some() => people.extend(people_of(&commit)),
                    None => {}
                }
            }
        }
        Ok(people)
    }
}

/// Returns the addresses of a commit's author, its committer and those that it names as co-authors.
fn people_of(commit: &Commit<'_>) -> BTreeSet<String> {
    let (author, committer) = (commit.author(), commit.committer());
    let made = [author.email(), committer.email()].into_iter().flatten().map(str::to_ascii_lowercase);
    let mut people: BTreeSet<String> = made.collect();
    for line in String::from_utf8_lossy(commit.message_bytes()).lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        if key.trim().eq_ignore_ascii_case("co-authored-by")
            && let Some((_, rest)) = value.split_once('<')
            && let Some((email, _)) = rest.split_once('>')
        {
            people.insert(email.trim().to_ascii_lowercase());
        }
    }
    people
}
