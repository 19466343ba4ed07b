//! The work tree of a checkout: read for checking and for signing, through no symbolic link below its top.
//!
//! At a commit links are not read either, so what a link names is never shown, checked or taken for a definition.

use std::{fs::File, os::fd::OwnedFd, path::PathBuf};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags},
    io::Errno,
};

use super::{
    files,
    reasons::{WORK_TREE_FILE, WORK_TREE_LINK},
};
use crate::base::{
    diagnostic::Diagnostic,
    reason::{IO, LIMIT_COUNT, Reason, Refusal, Result, TEXT_UNSAFE},
    text::{is_unsafe, visible},
};

/// The most entries of one folder and all below it.
const MAX_ENTRIES: usize = 20_000;

/// The work tree of a checkout.
#[derive(Clone, Debug)]
pub(crate) struct WorkTree {
    top: PathBuf,
}

/// What lies below a folder.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// The paths of the regular files, in order.
    pub(crate) files: Vec<String>,
    /// What is there and is not read, in the order of the paths: links, devices, pipes, names that nobody can write down.
    pub(crate) odd: Vec<Diagnostic>,
    /// The paths of the folders, in order.
    pub(crate) folders: Vec<String>,
    /// Why the folder itself could not be listed, where it is there.
    pub(crate) unlisted: Option<Diagnostic>,
}

impl WorkTree {
    /// Makes the work tree below a folder; the way to the folder itself may hold links.
    pub(crate) fn at(top: impl Into<PathBuf>) -> Self {
        Self { top: top.into() }
    }

    /// Reads a regular file of at most `max` bytes by its path below the top; `None` where nothing is there.
    ///
    /// # Errors
    /// `worktree.link` where a part of the path is a link, `worktree.file` where it is no regular file, `limit.size`,
    /// `io.failed`.
    pub(crate) fn read(&self, path: &str, max: usize) -> Result<Option<Vec<u8>>> {
        match self.open(path, FileType::RegularFile)? {
            Some(file) => files::read_open(File::from(file), path, max).map(Some),
            None => Ok(None),
        }
    }

    /// Lists a folder with all that lies below it; a folder that is not there holds nothing.
    pub(crate) fn list(&self, folder: &str) -> Listing {
        let mut listing = Listing::default();
        let mut waiting = vec![folder.to_owned()];
        while let Some(next) = waiting.pop() {
            if let Err(refusal) = self.list_one(&next, &mut waiting, &mut listing) {
                let found = finding(&next, &refusal);
                if next == folder {
                    listing.unlisted = Some(found);
                } else {
                    listing.odd.push(found);
                }
            }
        }
        listing.files.sort();
        listing.folders.sort();
        listing.odd.sort_by(|a, b| a.file.cmp(&b.file));
        listing
    }

    fn list_one(&self, folder: &str, waiting: &mut Vec<String>, listing: &mut Listing) -> Result<()> {
        let Some(open) = self.open(folder, FileType::Directory)? else { return Ok(()) };
        let failed = |errno: Errno| io_failed(folder, errno);
        for entry in Dir::read_from(&open).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let bytes = entry.file_name().to_bytes();
            if matches!(bytes, b"." | b"..") {
                continue;
            }
            if listing.files.len() + listing.odd.len() + listing.folders.len() >= MAX_ENTRIES {
                let message = format!("more than {MAX_ENTRIES} files and folders");
                return Err(Refusal::new(LIMIT_COUNT, message));
            }
            let shown = format!("{folder}/{}", visible(&String::from_utf8_lossy(bytes)));
            let Some(name) = std::str::from_utf8(bytes).ok().filter(|name| !name.chars().any(is_unsafe)) else {
                let refusal = Refusal::new(TEXT_UNSAFE, "the name is not UTF-8, or holds what can mislead a reader");
                listing.odd.push(finding(&shown, &refusal.hint("rename it")));
                continue;
            };
            let path = format!("{folder}/{name}");
            let kind = rustix::fs::statat(&open, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW);
            match kind.map(|status| FileType::from_raw_mode(status.st_mode)) {
                Ok(FileType::RegularFile) => listing.files.push(path),
                Ok(FileType::Directory) => {
                    listing.folders.push(path.clone());
                    waiting.push(path);
                }
                Ok(other) => listing.odd.push(finding(&path, &misplaced(&path, other))),
                Err(errno) => listing.odd.push(finding(&path, &io_failed(&path, errno))),
            }
        }
        Ok(())
    }

    /// Opens what lies at a path, part by part, so that no part can be a link.
    fn open(&self, path: &str, wanted: FileType) -> Result<Option<OwnedFd>> {
        // A pipe without a writer must not hold us up, should one have taken a file's place since it was looked at.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let top = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut at = rustix::fs::open(&self.top, top, Mode::empty())
            .map_err(|errno| io_failed(&self.top.display().to_string(), errno))?;
        let mut end = 0;
        for part in path.split('/') {
            end += part.len();
            let (so_far, last) = (&path[..end], end == path.len());
            end += 1;
            let kind = match rustix::fs::statat(&at, part, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(status) => FileType::from_raw_mode(status.st_mode),
                Err(Errno::NOENT) => return Ok(None),
                Err(errno) => return Err(io_failed(so_far, errno)),
            };
            if kind != if last { wanted } else { FileType::Directory } {
                return Err(misplaced(so_far, kind));
            }
            at = rustix::fs::openat(&at, part, flags, Mode::empty()).map_err(|errno| match errno {
                Errno::LOOP => misplaced(so_far, FileType::Symlink),
                errno => io_failed(so_far, errno),
            })?;
        }
        Ok(Some(at))
    }
}

/// Makes the finding of a file that could not be read.
pub(crate) fn finding(path: &str, refusal: &Refusal) -> Diagnostic {
    let hint = refusal.hints().next().unwrap_or_default();
    Diagnostic::new(path, (0, 0), refusal.code(), refusal.message()).with_help(hint)
}

/// Makes the refusal of a folder that lies where a file is looked for.
pub(crate) fn folder_in_the_place_of_a_file(path: &str) -> Refusal {
    misplaced(path, FileType::Directory)
}

fn misplaced(path: &str, kind: FileType) -> Refusal {
    let (reason, what): (Reason, _) = match kind {
        FileType::Symlink => (WORK_TREE_LINK, "is a symbolic link"),
        FileType::Directory => (WORK_TREE_FILE, "is a folder, and a file is needed"),
        FileType::RegularFile => (WORK_TREE_FILE, "is a file, and a folder is needed"),
        _ => (WORK_TREE_FILE, "is neither a file nor a folder"),
    };
    Refusal::new(reason, format!("`{path}` {what}")).subject(path)
}

fn io_failed(path: &str, errno: Errno) -> Refusal {
    Refusal::new(IO, format!("`{path}`: {}", std::io::Error::from(errno))).subject(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn room() -> (tempfile::TempDir, WorkTree) {
        let room = tempfile::tempdir().unwrap();
        let top = room.path().join("top");
        std::fs::create_dir_all(top.join("a/b")).unwrap();
        std::fs::write(room.path().join("key"), "a private key").unwrap();
        std::fs::write(top.join("a/b/file"), "text").unwrap();
        (room, WorkTree::at(top))
    }

    #[test]
    fn a_link_in_any_part_of_a_path_is_refused_and_nothing_behind_it_is_read() {
        let (room, tree) = room();
        assert_eq!(tree.read("a/b/file", 10).unwrap().unwrap(), b"text");
        assert_eq!(tree.read("a/none/file", 10).unwrap(), None);
        symlink(room.path(), tree.top.join("out")).unwrap();
        symlink(room.path().join("key"), tree.top.join("a/leak")).unwrap();
        symlink("b", tree.top.join("a/inside")).unwrap();
        for (path, named) in [("out/key", "`out`"), ("a/leak", "`a/leak`"), ("a/inside/file", "`a/inside`")] {
            let refusal = tree.read(path, 100).unwrap_err();
            assert_eq!(refusal.code(), "worktree.link", "{path}");
            assert!(refusal.message().contains(named) && !refusal.message().contains("private"), "{refusal}");
        }
        let listing = tree.list("a");
        assert_eq!(listing.files, ["a/b/file"]);
        let odd: Vec<_> = listing.odd.iter().map(|found| (found.file.as_str(), found.code)).collect();
        assert_eq!(odd, [("a/inside", "worktree.link"), ("a/leak", "worktree.link")]);
        assert_eq!(tree.list("out").unlisted.unwrap().code, "worktree.link");
    }

    #[test]
    fn what_is_no_file_or_too_large_is_refused_and_what_is_not_there_is_not() {
        let (_room, tree) = room();
        rustix::fs::mknodat(rustix::fs::CWD, tree.top.join("a/pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        for (path, code) in [("a/pipe", "worktree.file"), ("a/b", "worktree.file"), ("a/b/file/x", "worktree.file")] {
            assert_eq!(tree.read(path, 10).unwrap_err().code(), code, "{path}");
        }
        assert_eq!(tree.read("a/b/file", 3).unwrap_err().code(), "limit.size");
        assert!(tree.list("nothing").unlisted.is_none());
        assert_eq!(tree.list("a/b/file").unlisted.unwrap().code, "worktree.file");
        let listing = tree.list("a");
        assert_eq!((listing.odd.len(), listing.folders.len()), (1, 1));
    }

    #[test]
    fn a_name_that_cannot_be_written_down_is_a_finding() {
        use std::os::unix::ffi::OsStrExt as _;
        let (_room, tree) = room();
        std::fs::write(tree.top.join("a").join(std::ffi::OsStr::from_bytes(b"\xff.md")), "x").unwrap();
        std::fs::write(tree.top.join("a/line\nbreak.md"), "x").unwrap();
        let odd = tree.list("a").odd;
        assert!(odd.len() == 2 && odd.iter().all(|found| found.code == "text.unsafe"), "{odd:?}");
        assert!(odd.iter().all(|found| !found.file.contains('\n')));
    }
}
