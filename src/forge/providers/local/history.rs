//! Who made the commits that a plan is for, and which commits lie before which.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use git2::{Commit, ErrorCode, Oid};

use super::{Checkout, full_id, unreadable};
use crate::{
    base::reason::{LIMIT_COUNT, Refusal, Result},
    facts::people::co_author,
    git::{Tree, TreeItem},
};

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
    /// finds it; for what is not there nobody answers.
    ///
    /// # Errors
    /// As [`Checkout::contributors`]; `limit.count` where 100,000 commits do not tell.
    pub fn last_authors(&self, commit: &str, paths: impl IntoIterator<Item = String>) -> Result<BTreeSet<String>> {
        self.last_authors_within(MAX_LOOKED_AT, commit, paths.into_iter().collect())
    }

    fn last_authors_within(&self, most: usize, commit: &str, paths: BTreeSet<String>) -> Result<BTreeSet<String>> {
        let mut people = BTreeSet::new();
        let first = self.repo.commit(full_id(commit)?).map_err(unreadable)?;
        // The newest first: what went apart at a merge comes together again where the branches began.
        let mut open = BTreeMap::from([((Reverse(first.time().seconds()), first.id()), paths)]);
        let mut looked_at = 0;
        while let Some(((_, id), paths)) = open.pop_first() {
            let Some(path) = paths.first() else { continue };
            if looked_at == most {
                let what = format!("who changed `{path}` last is not told by {most} commits");
                return Err(Refusal::new(LIMIT_COUNT, what).hint("a commit that changes the file tells"));
            }
            looked_at += 1;
            let commit = self.repo.commit(id).map_err(unreadable)?;
            let here = self.repo.tree(commit.tree_id()).map_err(unreadable)?;
            let mut parents = Vec::new();
            for parent in commit.parent_ids() {
                let parent = self.repo.commit(parent).map_err(unreadable)?;
                let tree = self.repo.tree(parent.tree_id()).map_err(unreadable)?;
                parents.push(((Reverse(parent.time().seconds()), parent.id()), tree));
            }
            for path in paths {
                let Some(now) = self.held(&here, &path)? else { continue };
                let mut same = None;
                for (parent, tree) in &parents {
                    if tree.id() == here.id() || self.held(tree, &path)? == Some(now) {
                        same = Some(*parent);
                        break;
                    }
                }
                match same {
                    Some(parent) => drop(open.entry(parent).or_default().insert(path)),
                    None => people.extend(people_of(&commit)),
                }
            }
        }
        Ok(people)
    }

    /// Returns what a tree holds at a path, if anything.
    fn held(&self, tree: &Tree, path: &str) -> Result<Option<TreeItem>> {
        match self.repo.entry(tree, Path::new(path)) {
            Ok(item) => Ok(Some(item)),
            Err(e) if e.code() == ErrorCode::NotFound => Ok(None),
            Err(e) => Err(unreadable(e)),
        }
    }
}

/// Returns the addresses of a commit's author, its committer and those that it names as co-authors.
fn people_of(commit: &Commit<'_>) -> BTreeSet<String> {
    let (author, committer) = (commit.author(), commit.committer());
    let made = [author.email(), committer.email()].into_iter().flatten().map(str::to_ascii_lowercase);
    let mut people: BTreeSet<String> = made.collect();
    let message = String::from_utf8_lossy(commit.message_bytes());
    people.extend(message.lines().filter_map(co_author).map(str::to_ascii_lowercase));
    people
}

#[cfg(test)]
mod tests {
    use git2::{Signature, Time, build::TreeUpdateBuilder};
    use tempfile::TempDir;

    use super::*;

    /// A repository to which commits are added, each a second after the one before.
    struct Made {
        folder: TempDir,
        repo: git2::Repository,
        seconds: i64,
    }

    impl Made {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let repo = git2::Repository::init(folder.path()).unwrap();
            Self { folder, repo, seconds: 1_800_000_000 }
        }

        /// Adds a commit with files as its first parent has them, and some of its own.
        fn commit(&mut self, who: &str, parents: &[Oid], files: &[(&str, &str)]) -> Oid {
            self.seconds += 1;
            let who = Signature::new(who, &format!("{who}@example.com"), &Time::new(self.seconds, 0)).unwrap();
            let parents: Vec<_> = parents.iter().map(|id| self.repo.find_commit(*id).unwrap()).collect();
            let empty = || self.repo.find_tree(self.repo.treebuilder(None).unwrap().write().unwrap()).unwrap();
            let base = parents.first().map_or_else(empty, |parent| parent.tree().unwrap());
            let mut update = TreeUpdateBuilder::new();
            for (path, text) in files {
                update.upsert(*path, self.repo.blob(text.as_bytes()).unwrap(), git2::FileMode::Blob);
            }
            let tree = self.repo.find_tree(update.create_updated(&self.repo, &base).unwrap()).unwrap();
            self.repo.commit(None, &who, &who, "m", &tree, &parents.iter().collect::<Vec<_>>()).unwrap()
        }

        fn last(&self, most: usize, commit: Oid, paths: &[&str]) -> Result<Vec<String>> {
            let checkout = Checkout::discover(self.folder.path()).unwrap();
            let paths = paths.iter().map(|path| (*path).to_owned()).collect();
            Ok(checkout.last_authors_within(most, &commit.to_string(), paths)?.into_iter().collect())
        }
    }

    #[test]
    fn paths_that_went_apart_at_merges_are_followed_together_again() {
        let mut made = Made::new();
        let mut base = made.commit("ada", &[], &[("a", "1"), ("b", "1")]);
        for round in 0..30 {
            // On each side one of the files differs, so that a merge sends each path to another side.
            let text = round.to_string();
            let one = made.commit("eve", &[base], &[("b", &text)]);
            let other = made.commit("eve", &[base], &[("a", &text)]);
            base = made.commit("eve", &[one, other], &[("b", "1")]);
        }
        assert_eq!(made.last(91, base, &["a", "b", "absent"]).unwrap(), ["ada@example.com"]);
    }

    #[test]
    fn whoever_cannot_be_found_is_not_left_out() {
        let mut made = Made::new();
        let mut head = made.commit("ada", &[], &[("d/a", "1")]);
        for round in 0..5 {
            head = made.commit("eve", &[head], &[("b", &round.to_string())]);
        }
        assert_eq!(made.last(6, head, &["d/a", "b"]).unwrap(), ["ada@example.com", "eve@example.com"]);
        let refused = made.last(5, head, &["d/a", "b"]).unwrap_err();
        assert_eq!(refused.code(), "limit.count");
        assert!(refused.message().contains("`d/a`"), "{}", refused.message());
        assert_eq!(made.last(5, head, &["d/absent", "b"]).unwrap(), ["eve@example.com"]);
        // A folder that is missing is not one in which nothing is.
        let tree = made.repo.find_commit(head).unwrap().tree().unwrap().get_name("d").unwrap().id().to_string();
        std::fs::remove_file(made.repo.path().join("objects").join(&tree[..2]).join(&tree[2..])).unwrap();
        assert_eq!(made.last(6, head, &["d/a"]).unwrap_err().code(), "repository.unreadable");
    }

    #[test]
    fn the_address_of_a_co_author_is_the_last_in_its_line() {
        let mut made = Made::new();
        let id = made.commit("ada", &[], &[("a", "1")]);
        let commit = made.repo.find_commit(id).unwrap();
        let message = "m\n\nCo-authored-by: A <B> <Eve@example.com>\n";
        let id = commit.amend(None, None, None, None, Some(message), None).unwrap();
        assert_eq!(made.last(1, id, &["a"]).unwrap(), ["ada@example.com", "eve@example.com"]);
    }
}
