//! Looks for files in a step's write folders that have another name elsewhere, which would change with them.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

use super::reasons::{PATH_LINKED, PATH_TOO_MANY};
use crate::{
    base::{
        path::RepoPath,
        reason::{IO, Refusal, Result},
        text::visible,
    },
    step::reasons::PATH_KIND,
};

/// The most entries that are looked at, all folders of a step together.
const MAX_ENTRIES: usize = 200_000;
/// The deepest folder that is looked into.
const MAX_DEPTH: usize = 100;

/// A file, or a folder, whatever it is called.
type Node = (u64, u64);

/// What is known of a file with several names.
struct Linked {
    names: u64,
    found: u64,
    path: String,
}

/// Folders that a step may write, looked through.
#[derive(Default)]
pub(super) struct Look {
    seen: BTreeSet<Node>,
    linked: BTreeMap<Node, Linked>,
    entries: usize,
}

impl Look {
    /// Refuses a single file that has another name.
    ///
    /// # Errors
    /// `path.kind`.
    pub(super) fn file(path: &RepoPath, names: u64) -> Result<()> {
        if names == 1 {
            return Ok(());
        }
        let why = format!("`{path}` has another name elsewhere, which would change with it");
        Err(Refusal::new(PATH_KIND, why).subject(path.as_str()))
    }

    /// Looks through a folder; no link is followed.
    ///
    /// # Errors
    /// `path.too_many` where it is too large or too deep to be looked through; `io.failed`.
    pub(super) fn folder(&mut self, path: &RepoPath, place: &OwnedFd) -> Result<()> {
        self.walk(place.as_fd(), c".", path.as_str(), 0)
    }

    fn walk(&mut self, parent: BorrowedFd<'_>, name: &std::ffi::CStr, path: &str, depth: usize) -> Result<()> {
        let failed = |e: rustix::io::Errno| Refusal::new(IO, format!("cannot look through `{}`: {e}", visible(path)));
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(parent, name, flags, Mode::empty()).map_err(failed)?;
        let stat = rustix::fs::fstat(&folder).map_err(failed)?;
        // One folder may lie in another that is declared too; its files are not to be counted twice.
        if !self.seen.insert((stat.st_dev, stat.st_ino)) {
            return Ok(());
        }
        if depth > MAX_DEPTH {
            return Err(too_many(path));
        }
        for entry in Dir::read_from(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return Err(too_many(path));
            }
            let stat = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
            let below = || format!("{path}/{}", name.to_string_lossy());
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => self.walk(folder.as_fd(), name, &below(), depth + 1)?,
                FileType::RegularFile if stat.st_nlink > 1 => {
                    let fresh = || Linked { names: stat.st_nlink, found: 0, path: below() };
                    self.linked.entry((stat.st_dev, stat.st_ino)).or_insert_with(fresh).found += 1;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Refuses where a file has a name that none of the folders holds.
    ///
    /// # Errors
    /// `path.linked`.
    pub(super) fn finish(self) -> Result<()> {
        match self.linked.into_values().find(|file| file.found < file.names) {
            Some(file) => {
                let path = visible(&file.path);
                Err(Refusal::new(PATH_LINKED, format!("`{path}`")).subject(path))
            }
            None => Ok(()),
        }
    }
}

fn too_many(path: &str) -> Refusal {
    Refusal::new(PATH_TOO_MANY, format!("`{}`", visible(path))).subject(visible(path))
}
