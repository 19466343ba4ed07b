//! Tracked files that differ from the present commit, as git tells them.

use std::collections::BTreeSet;

use super::{Checkout, unreadable};
use crate::base::{reason::Result, text::visible};

impl Checkout {
    /// Returns the paths of tracked files that differ from the present commit, in the index or the work tree. Of another
    /// repository within this one it counts which commit the index names; what is checked out there is no part of the commit.
    ///
    /// # Errors
    /// `repository.unreadable`.
    pub fn modified(&self) -> Result<Vec<String>> {
        let head = self.repo.head().and_then(|head| self.repo.tree(head.tree_id())).map_err(unreadable)?;
        // Which is nearly always so, and takes a fraction of the time.
        if self.repo.is_surely_unmodified(&head).map_err(unreadable)? {
            return Ok(Vec::new());
        }
        self.check_head()?;
        let mut options = git2::StatusOptions::new();
        options.include_untracked(false).include_ignored(false).exclude_submodules(true);
        let statuses = self.repo.raw().statuses(Some(&mut options)).map_err(unreadable)?;
        let mut paths: BTreeSet<Vec<u8>> = statuses.iter().map(|entry| entry.path_bytes().to_vec()).collect();
        // What libgit2 leaves out or does not see.
        paths.extend(self.repo.moved_submodules(&head).map_err(unreadable)?);
        paths.extend(self.repo.unseen().map_err(unreadable)?);
        Ok(paths.iter().map(|path| visible(&String::from_utf8_lossy(path))).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::ffi::OsStrExt as _, path::Path};

    use git2::{IndexEntry, IndexTime, Oid, Repository, Signature};
    use tempfile::TempDir;

    use super::*;

    /// A repository with one commit, in which a file has a name that is not UTF-8.
    fn committed() -> (TempDir, Repository) {
        let folder = tempfile::tempdir().unwrap();
        let repo = Repository::init(folder.path()).unwrap();
        let mut index = repo.index().unwrap();
        for name in [b"a".as_slice(), b"b\xff"] {
            fs::write(folder.path().join(name_of(name)), "good").unwrap();
            index.add_path(name_of(name)).unwrap();
        }
        index.add(&submodule(1)).unwrap();
        index.write().unwrap();
        let tree = repo.find_tree(index.write_tree().unwrap()).unwrap();
        let who = Signature::now("a", "a@b").unwrap();
        repo.commit(Some("HEAD"), &who, &who, "Add", &tree, &[]).unwrap();
        drop(tree);
        (folder, repo)
    }

    fn name_of(bytes: &[u8]) -> &Path {
        Path::new(std::ffi::OsStr::from_bytes(bytes))
    }

    fn submodule(id: u8) -> IndexEntry {
        let never = IndexTime::new(0, 0);
        IndexEntry {
            ctime: never,
            mtime: never,
            dev: 0,
            ino: 0,
            mode: 0o160_000,
            uid: 0,
            gid: 0,
            file_size: 0,
            id: Oid::from_bytes(&[id; 20]).unwrap(),
            flags: 0,
            flags_extended: 0,
            path: b"sub".to_vec(),
        }
    }

    fn modified(folder: &TempDir) -> Vec<String> {
        Checkout::discover(folder.path()).unwrap().modified().unwrap()
    }

    #[test]
    fn a_file_whose_name_is_no_text_is_found_too() {
        let (folder, _) = committed();
        assert!(modified(&folder).is_empty());
        fs::write(folder.path().join(name_of(b"b\xff")), "evil").unwrap();
        assert_eq!(modified(&folder), ["b\u{fffd}"]);
    }

    #[test]
    fn a_file_that_somebody_said_to_take_for_unchanged_is_found() {
        let (folder, repo) = committed();
        let flags = [(1 << 15, 0), (0, 1 << 14)];
        for (flags, flags_extended) in flags {
            fs::write(folder.path().join("a"), "good").unwrap();
            let mut index = repo.index().unwrap();
            let entry = index.get_path(Path::new("a"), 0).unwrap();
            index.add(&IndexEntry { flags: entry.flags | flags, flags_extended, ..entry }).unwrap();
            index.write().unwrap();
            assert!(modified(&folder).is_empty());
            fs::write(folder.path().join("a"), "evil").unwrap();
            assert_eq!(modified(&folder), ["a"]);
        }
        // One that is not there was left out.
        fs::remove_file(folder.path().join("a")).unwrap();
        assert!(modified(&folder).is_empty());
    }

    #[test]
    fn another_commit_of_another_repository_is_found_where_the_index_names_it() {
        let (folder, repo) = committed();
        let mut index = repo.index().unwrap();
        index.add(&submodule(2)).unwrap();
        index.write().unwrap();
        assert_eq!(modified(&folder), ["sub"]);
        index.remove(Path::new("sub"), 0).unwrap();
        index.write().unwrap();
        assert_eq!(modified(&folder), ["sub"]);
    }

    #[test]
    fn a_file_that_was_emptied_as_the_index_was_written_is_found() {
        let (folder, repo) = committed();
        let path = folder.path().join("a");
        fs::write(&path, "").unwrap();
        // As git leaves it: the times of the file as it is, no bytes, and the id of what was added.
        let mut index = repo.index().unwrap();
        let added = index.get_path(Path::new("a"), 0).unwrap().id;
        index.add_path(Path::new("a")).unwrap();
        let seen = index.get_path(Path::new("a"), 0).unwrap();
        index.add(&IndexEntry { id: added, ..seen }).unwrap();
        index.write().unwrap();
        assert_eq!(modified(&folder), ["a"]);
    }
}
