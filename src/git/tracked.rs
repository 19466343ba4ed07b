//! Tracked files: whether they are as the index noted them when git looked last, and what git does not look at.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::Path,
};

use git2::{Error, IndexEntry, IndexTime, ObjectType, Oid};
use rustix::{
    fd::{AsFd, OwnedFd},
    fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, openat, statat},
};

use super::{
    Repository,
    tree::{SUBMODULE, Tree},
};

/// The flag of an entry that somebody said to take for unchanged.
const ASSUMED: u16 = 1 << 15;
/// The flags of an entry that stand for one side of a conflict.
const STAGE: u16 = 0b11 << 12;
/// The extended flag of an entry that is only intended to be added.
const INTENDED: u16 = 1 << 13;
/// The extended flag of an entry that is left out of a sparse checkout.
const LEFT_OUT: u16 = 1 << 14;
/// The deepest nesting of folders that is looked into: each is held open.
const MAX_FOLDERS: usize = 64;
/// How a folder is opened, and no link to one.
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Repository {
    /// Tells whether the index and the work tree surely hold what a tree holds, and differ in no tracked file. Where
    /// that is not sure only a comparison that reads files tells.
    ///
    /// # Errors
    /// An index that cannot be read; as [`Repository::tree`].
    pub fn is_surely_unmodified(&self, tree: &Tree) -> Result<bool, Error> {
        let mut index = self.raw.index()?;
        // First when it was written, then what it says: an index that is written meanwhile is taken for an older one.
        let written = index.path().and_then(|path| fs::metadata(path).ok());
        let (Some(written), Some(folder)) = (written, self.raw.workdir()) else { return Ok(false) };
        index.read(false)?;
        let Ok(folder) = openat(CWD, folder, FOLDER, Mode::empty()) else { return Ok(false) };
        let noted = index.iter().map(|entry| (entry.path.clone(), entry)).collect();
        let empty = Oid::hash_object(ObjectType::Blob, b"")?;
        let mut walk = Walk { repository: self, noted, written: (written.mtime(), written.mtime_nsec()), empty };
        Ok(walk.agrees(&folder, tree, &mut Vec::new(), 0)? && walk.noted.is_empty())
    }

    /// Returns the paths of files that lie in the work tree, are not byte for byte what the index names, and of which
    /// libgit2 does not say so: those that somebody marked to be taken for unchanged, or to be left out, and those that
    /// git marked, by no bytes, as changed while the index was written.
    ///
    /// # Errors
    /// An index or a file that cannot be read.
    pub fn unseen(&self) -> Result<Vec<Vec<u8>>, Error> {
        let empty = Oid::hash_object(ObjectType::Blob, b"")?;
        let Some(folder) = self.raw.workdir() else { return Ok(Vec::new()) };
        let mut unseen = Vec::new();
        for entry in self.raw.index()?.iter() {
            let hidden = entry.flags & ASSUMED != 0 || entry.flags_extended & LEFT_OUT != 0;
            let marked = entry.file_size == 0 && entry.id != empty;
            if (hidden || marked)
                && entry.mode != SUBMODULE
                && differs(&folder.join(OsStr::from_bytes(&entry.path)), &entry)?
            {
                unseen.push(entry.path);
            }
        }
        Ok(unseen)
    }

    /// Returns the paths of other repositories of which the index names another commit than a tree does, or none, or
    /// which the tree does not name.
    ///
    /// # Errors
    /// An index that cannot be read; as [`Repository::visit`].
    pub fn moved_submodules(&self, tree: &Tree) -> Result<Vec<Vec<u8>>, Error> {
        let mut named = HashMap::new();
        self.visit(tree, |folder, entry| {
            if entry.item().is_submodule() {
                named.insert([folder, entry.name()].concat(), entry.id());
            }
        })?;
        let mut moved = Vec::new();
        for entry in self.raw.index()?.iter().filter(|entry| entry.mode == SUBMODULE) {
            if named.remove(&entry.path) != Some(entry.id) {
                moved.push(entry.path);
            }
        }
        moved.extend(named.into_keys());
        Ok(moved)
    }
}

/// Tells whether what lies at a path is anything but what an entry of the index names; nothing is no difference.
fn differs(path: &Path, entry: &IndexEntry) -> Result<bool, Error> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(false) };
    if found.is_symlink() {
        let target = fs::read_link(path).unwrap_or_default();
        return Ok(Oid::hash_object(ObjectType::Blob, target.as_os_str().as_bytes())? != entry.id);
    }
    Ok(!found.is_file() || Oid::hash_file(ObjectType::Blob, path)? != entry.id)
}

/// A walk through a work tree beside a tree and the index.
struct Walk<'r> {
    repository: &'r Repository,
    /// Entries of the index that nothing was compared with yet, by path.
    noted: HashMap<Vec<u8>, IndexEntry>,
    /// When the index was written: seconds and nanoseconds.
    written: (i64, i64),
    /// The id of an empty file.
    empty: Oid,
}

impl Walk<'_> {
    fn agrees(&mut self, folder: &OwnedFd, tree: &Tree, path: &mut Vec<u8>, depth: usize) -> Result<bool, Error> {
        for entry in tree.iter() {
            let length = path.len();
            path.extend_from_slice(entry.name());
            let agrees = match entry.kind() {
                ObjectType::Tree if depth < MAX_FOLDERS => {
                    // A link in a folder's place leads to files that no commit holds.
                    let Ok(below) = openat(folder, entry.name(), FOLDER, Mode::empty()) else { return Ok(false) };
                    path.push(b'/');
                    self.agrees(&below, &self.repository.tree(entry.id())?, path, depth + 1)?
                }
                ObjectType::Blob => {
                    let noted = self.noted.remove(path.as_slice());
                    let noted = noted.filter(|noted| noted.id == entry.id() && noted.mode == entry.item().mode());
                    noted.is_some_and(|noted| self.is_as_noted(folder, entry.name(), &noted))
                }
                _ => false,
            };
            if !agrees {
                return Ok(false);
            }
            path.truncate(length);
        }
        Ok(true)
    }

    /// Tells whether a file was not touched since the index took note of it.
    fn is_as_noted(&self, folder: impl AsFd, name: &[u8], noted: &IndexEntry) -> bool {
        let seen = noted.flags & (ASSUMED | STAGE) == 0 && noted.flags_extended & (INTENDED | LEFT_OUT) == 0;
        // What was changed again in the moment in which the index was written may have the same times.
        let later = (i64::from(noted.mtime.seconds()), i64::from(noted.mtime.nanoseconds())) >= self.written;
        // By this size git says of a file that it must be looked at.
        let smudged = noted.file_size == 0 && noted.id != self.empty;
        if !seen || later || smudged {
            return false;
        }
        let Ok(stat) = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else { return false };
        mode(&stat) == noted.mode
            && is(noted.mtime, stat.st_mtime, stat.st_mtime_nsec)
            && is(noted.ctime, stat.st_ctime, stat.st_ctime_nsec)
            && noted.file_size == low(stat.st_size.cast_unsigned())
            && noted.ino == low(stat.st_ino)
            && (noted.uid, noted.gid) == (stat.st_uid, stat.st_gid)
    }
}

/// Returns the mode that git gives a file, zero where it keeps none of its kind.
fn mode(stat: &Stat) -> u32 {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Symlink => 0o120_000,
        FileType::RegularFile if stat.st_mode & 0o100 != 0 => 0o100_755,
        FileType::RegularFile => 0o100_644,
        _ => 0,
    }
}

/// Tells whether a time is the one that was noted.
fn is(noted: IndexTime, seconds: i64, nanoseconds: u64) -> bool {
    noted.seconds().cast_unsigned() == low(seconds.cast_unsigned()) && u64::from(noted.nanoseconds()) == nanoseconds
}

/// Returns the lower half of a number, which is what the index keeps of it.
fn low(number: u64) -> u32 {
    (number & u64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        os::unix::fs::{PermissionsExt as _, symlink},
        time::{Duration, SystemTime},
    };

    use tempfile::TempDir;

    use super::{
        super::tests::{git, opened},
        *,
    };

    /// Long before any index that a test writes.
    const BEFORE: Duration = Duration::from_secs(1_000_000_000);

    fn put(path: &Path, content: &str) {
        fs::write(path, content).unwrap();
        File::options().write(true).open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH + BEFORE).unwrap();
    }

    fn committed() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "-q", "-b", "main"]);
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        for name in ["a.txt", "a/b/c.txt", "a/d.txt", "z"] {
            put(&folder.path().join(name), name);
        }
        fs::set_permissions(folder.path().join("z"), fs::Permissions::from_mode(0o755)).unwrap();
        git(folder.path(), &["add", "-A"]);
        git(folder.path(), &["commit", "-q", "-m", "Add"]);
        folder
    }

    fn sure(folder: &Path) -> bool {
        let repository = opened(folder).unwrap();
        let head = repository.head().unwrap().tree_id();
        repository.is_surely_unmodified(&repository.tree(head).unwrap()).unwrap()
    }

    #[test]
    fn what_nobody_touched_is_surely_unmodified() {
        let folder = committed();
        assert!(sure(folder.path()));
        // What git does not track is not asked for.
        fs::write(folder.path().join("a/new.txt"), "new").unwrap();
        assert!(sure(folder.path()));
        assert!(
            opened(folder.path()).unwrap().raw().statuses(None).unwrap().iter().all(|found| found.status().is_wt_new())
        );
    }

    #[test]
    fn what_somebody_may_have_touched_is_not_sure() {
        type Change = fn(&Path);
        let changes: [(&str, Change); 12] = [
            ("another content", |top| fs::write(top.join("a/d.txt"), "another").unwrap()),
            ("another content of as many bytes, at the same time", |top| put(&top.join("a/d.txt"), "A/D.TXT")),
            ("another file of the same content", |top| {
                fs::rename(top.join("a.txt"), top.join("old")).unwrap();
                put(&top.join("a.txt"), "a.txt");
            }),
            ("gone", |top| fs::remove_file(top.join("a/b/c.txt")).unwrap()),
            ("executable", |top| fs::set_permissions(top.join("a.txt"), fs::Permissions::from_mode(0o755)).unwrap()),
            ("a link in a file's place", |top| {
                fs::rename(top.join("a.txt"), top.join("old")).unwrap();
                symlink("old", top.join("a.txt")).unwrap();
            }),
            ("a link in a folder's place", |top| {
                fs::rename(top.join("a"), top.join("old")).unwrap();
                symlink("old", top.join("a")).unwrap();
            }),
            ("staged", |top| {
                put(&top.join("a.txt"), "staged");
                git(top, &["add", "a.txt"]);
            }),
            ("added", |top| {
                put(&top.join("new"), "new");
                git(top, &["add", "new"]);
            }),
            ("removed from the index", |top| git(top, &["rm", "-q", "--cached", "z"])),
            ("said to be unchanged", |top| git(top, &["update-index", "--assume-unchanged", "z"])),
            ("left out of a sparse checkout", |top| git(top, &["update-index", "--skip-worktree", "z"])),
        ];
        for (what, change) in changes {
            let folder = committed();
            assert!(sure(folder.path()), "{what}");
            change(folder.path());
            assert!(!sure(folder.path()), "{what}");
        }
    }

    #[test]
    fn whatever_the_index_noted_of_a_file_must_hold() {
        let folder = committed();
        let repository = opened(folder.path()).unwrap();
        let noted = repository.raw().index().unwrap().get_path(Path::new("a.txt"), 0).unwrap();
        let again = || repository.raw().index().unwrap().get_path(Path::new("a.txt"), 0).unwrap();
        let later = |time: IndexTime| IndexTime::new(time.seconds(), time.nanoseconds() ^ 1);
        let empty = Oid::hash_object(ObjectType::Blob, b"").unwrap();
        let walk = Walk { repository: &repository, noted: HashMap::new(), written: (i64::MAX, 0), empty };
        let top = openat(CWD, folder.path(), FOLDER, Mode::empty()).unwrap();
        assert!(walk.is_as_noted(&top, b"a.txt", &noted));
        for other in [
            IndexEntry { ctime: later(noted.ctime), ..again() },
            IndexEntry { mtime: later(noted.mtime), ..again() },
            IndexEntry { ino: !noted.ino, ..again() },
            IndexEntry { uid: !noted.uid, ..again() },
            IndexEntry { gid: !noted.gid, ..again() },
            IndexEntry { file_size: noted.file_size + 1, ..again() },
            IndexEntry { file_size: 0, ..again() },
            IndexEntry { mode: 0o100_755, ..again() },
            IndexEntry { mode: 0o120_000, ..again() },
            // Assumed to be unchanged, and two sides of a conflict.
            IndexEntry { flags: noted.flags | 1 << 15, ..again() },
            IndexEntry { flags: noted.flags | 1 << 12, ..again() },
            IndexEntry { flags: noted.flags | 1 << 13, ..again() },
            IndexEntry { flags_extended: 1 << 13, ..again() },
            IndexEntry { flags_extended: 1 << 14, ..again() },
        ] {
            assert!(!walk.is_as_noted(&top, b"a.txt", &other), "{:?} {:?}", other.flags, other.mode);
        }
        let before = Walk { written: (0, 0), ..walk };
        assert!(!before.is_as_noted(&top, b"a.txt", &noted));
    }

    #[test]
    fn what_was_touched_as_the_index_was_written_is_not_sure() {
        let folder = committed();
        let index = folder.path().join(".git/index");
        File::options().write(true).open(index).unwrap().set_modified(SystemTime::UNIX_EPOCH + BEFORE).unwrap();
        assert!(!sure(folder.path()));
    }
}
