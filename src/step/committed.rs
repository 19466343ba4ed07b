//! What the commit that a plan is for holds, and whether the checkout holds the same where a step looks.
//!
//! What git's index or the repository's settings say of a file counts for nothing: every file is read and compared with
//! the commit's own object.

mod settings;

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fmt,
    fs::File,
    io::{Read as _, Seek as _},
    os::{fd::OwnedFd, unix::ffi::OsStrExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use git2::{ObjectType, Oid, RepositoryOpenFlags};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};

use super::{
    reasons::{GIT_FAILED, INPUT_UNCOMMITTED},
    workspace::{MAX_FILE, Workspace},
};
use crate::{
    base::{
        digest::Digest,
        path::RepoPath,
        reason::{IO, LIMIT_DEPTH, LIMIT_SIZE, Refusal, Result},
        text::excerpt,
    },
    git::{Repository, Tree, TreeItem},
};

/// The most places below one folder that are opened by themselves.
const MAX_PARTS: usize = 512;
/// The deepest nesting of folders.
const MAX_FOLDERS: usize = 128;
/// The largest file that stands for one stored elsewhere by Git LFS, in bytes.
const MAX_POINTER: usize = 1024;

/// The commit that a plan is for.
pub struct Committed {
    repository: PathBuf,
    commit: String,
    /// Opened repositories that nobody uses just now; threads cannot share one.
    idle: Mutex<Vec<Repository>>,
}

impl fmt::Debug for Committed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "commit {} of {}", self.commit, self.repository.display())
    }
}

/// What may differ from the commit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Apart<'a> {
    /// What steps of the plan may have written by now: nothing at or below it is compared.
    pub written: &'a [RepoPath],
    /// What is no part of the commit and may be read nevertheless: what the plan may write, and what it names as such.
    pub state: &'a [RepoPath],
}

impl Apart<'_> {
    fn is_written(&self, path: &Path) -> bool {
        self.written.iter().any(|written| path.starts_with(written.as_str()))
    }

    fn is_state(&self, path: &Path) -> bool {
        self.state.iter().any(|state| path.starts_with(state.as_str()))
    }

    fn leads_to_any(&self, path: &Path) -> bool {
        self.written.iter().chain(self.state).any(|other| Path::new(other.as_str()).starts_with(path))
    }
}

/// What lies at a path of the checkout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Paths that are not as the commit holds them.
    pub changed: Vec<String>,
    /// Paths that the commit does not hold.
    pub strange: Vec<String>,
    /// What of it may be read.
    pub readable: Readable,
}

/// What of a path may be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Readable {
    /// All of it.
    #[default]
    Whole,
    /// Files and folders below it, and the names of all else.
    Parts(Vec<PathBuf>),
}

/// Returns the settings of a checkout's repository and its submodules that hold credentials, each with its file.
///
/// # Errors
/// `git.failed` where one cannot be read.
pub fn credentials(workspace: &Workspace) -> Result<Vec<String>> {
    let git = workspace.path().join(".git");
    crate::git::settings::credentials(&git).map_err(|e| failed(&e))
}

impl Committed {
    /// Names a commit of the repository that a folder is the root of.
    #[must_use]
    pub fn new(repository: PathBuf, commit: String) -> Self {
        Self { repository, commit, idle: Mutex::default() }
    }

    /// Compares what lies at a path with the commit.
    ///
    /// `.git`, and what lies there, is no part of any commit: of it, settings by which git would run a program are found
    /// changed, and nothing else is looked at.
    ///
    /// # Errors
    /// `git.failed` where the commit cannot be read; `input.uncommitted` where the path itself is not committed and no state,
    /// and where what is not committed is a link, has another name elsewhere, or stands among too many other files to be
    /// left out; `io.failed`, `limit.size`, `limit.depth`.
    pub fn compare(&self, workspace: &Workspace, path: &RepoPath, apart: Apart<'_>) -> Result<Found> {
        let repository = self.opened()?;
        let found = self.walk(&repository, workspace, path, apart);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(repository);
        found
    }

    fn opened(&self) -> Result<Repository> {
        if let Some(idle) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(idle);
        }
        let none: [&str; 0] = [];
        let opened = git2::Repository::open_ext(&self.repository, RepositoryOpenFlags::NO_SEARCH, none);
        opened.and_then(Repository::new).map_err(|e| failed(&e))
    }

    fn walk(&self, repository: &Repository, workspace: &Workspace, path: &RepoPath, apart: Apart<'_>) -> Result<Found> {
        let root = Oid::from_str(&self.commit).and_then(|id| repository.tree_of(id)).map_err(|e| failed(&e))?;
        let mut walk = Walk { repository, workspace, apart, changed: Vec::new(), strange: Vec::new() };
        let readable = match walk.path(&root, path)? {
            Seen::Whole => Readable::Whole,
            Seen::Parts(parts) if parts.len() <= MAX_PARTS => Readable::Parts(parts),
            Seen::Parts(parts) => {
                let why = format!("beside {} places below `{path}` lies what is not committed", parts.len());
                return Err(uncommitted(&walk.strange, &why));
            }
            Seen::Strange => return Err(uncommitted(&walk.strange, "no commit holds it, and no step writes it")),
        };
        Ok(Found { changed: walk.changed, strange: walk.strange, readable })
    }
}

/// A walk through the checkout beside the trees of a commit.
struct Walk<'a> {
    repository: &'a Repository,
    workspace: &'a Workspace,
    apart: Apart<'a>,
    changed: Vec<String>,
    strange: Vec<String>,
}

/// What of an entry may be read.
enum Seen {
    /// All of it.
    Whole,
    /// These places, and the names of all else.
    Parts(Vec<PathBuf>),
    /// Nothing: the commit does not hold it.
    Strange,
}

/// An entry of a folder of the checkout.
struct Entry<'a> {
    folder: &'a OwnedFd,
    name: &'a [u8],
    stat: Stat,
}

impl Entry<'_> {
    fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }

    fn open(&self, flags: OFlags) -> std::io::Result<OwnedFd> {
        let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        Ok(rustix::fs::openat(self.folder, self.name, flags, Mode::empty())?)
    }
}

impl Walk<'_> {
    fn path(&mut self, root: &Tree, named: &RepoPath) -> Result<Seen> {
        let path = Path::new(named.as_str());
        if path.starts_with(".git") {
            if !self.workspace.path().join(".git").is_dir() {
                let why = "`.git` is no folder here, but leads to that of another checkout";
                return Err(Refusal::new(GIT_FAILED, why)
                    .subject(".git")
                    .hint("a step of the plan reads it: work in the main checkout, or in a clone"));
            }
            self.changed.extend(settings::unsafe_settings(self.repository.raw())?);
            return Ok(Seen::Whole);
        }
        if self.apart.is_written(path) {
            return Ok(Seen::Whole);
        }
        if *named == RepoPath::root() {
            let folder = self.workspace.root().try_clone_to_owned().map_err(|e| unreadable(path, &e))?;
            return self.folder(&folder, Some(root), Path::new(""), 0);
        }
        let held = match self.repository.entry(root, path) {
            Ok(item) => Some(item),
            Err(e) if e.code() == git2::ErrorCode::NotFound => None,
            Err(e) => return Err(failed(&e)),
        };
        match (held, self.workspace.locate(named)?) {
            (None, None) => Ok(Seen::Whole),
            (Some(_), None) => {
                self.changed.push(shown(path));
                Ok(Seen::Whole)
            }
            (held, Some((_, stat))) => {
                let (folder, name) = self.workspace.parent(named)?;
                let entry = Entry { folder: &folder, name: name.as_bytes(), stat };
                self.entry(&entry, held, path, 0)
            }
        }
    }

    /// Compares a folder; the path of the root is empty.
    fn folder(&mut self, folder: &OwnedFd, tree: Option<&Tree>, path: &Path, depth: usize) -> Result<Seen> {
        if depth > MAX_FOLDERS {
            let why = format!("`{}` lies more than {MAX_FOLDERS} folders deep", excerpt(&shown(path)));
            return Err(Refusal::new(LIMIT_DEPTH, why));
        }
        let mut names = BTreeSet::new();
        for entry in Dir::read_from(folder).map_err(|e| unreadable(path, &e.into()))? {
            let entry = entry.map_err(|e| unreadable(path, &e.into()))?;
            names.insert(entry.file_name().to_bytes().to_vec());
        }
        self.missing(tree, &names, path);
        // The root holds `.git`, which is granted by its name alone.
        let at_root = path.as_os_str().is_empty();
        let (mut parts, mut whole) = (Vec::new(), !at_root);
        for name in names.iter().filter(|name| !matches!(name.as_slice(), b"." | b"..")) {
            if at_root && name == b".git" {
                continue;
            }
            let stat = rustix::fs::statat(folder, name.as_slice(), AtFlags::SYMLINK_NOFOLLOW)
                .map_err(|e| unreadable(path, &e.into()))?;
            let held = tree.and_then(|tree| tree.get(name)).map(|entry| entry.item());
            let child = path.join(OsStr::from_bytes(name));
            match self.entry(&Entry { folder, name, stat }, held, &child, depth)? {
                Seen::Whole => parts.push(child),
                Seen::Strange => whole = false,
                Seen::Parts(some) => {
                    whole = false;
                    parts.extend(some);
                }
            }
        }
        Ok(if whole { Seen::Whole } else { Seen::Parts(parts) })
    }

    /// Notes what the commit holds in a folder and the checkout lacks.
    fn missing(&mut self, tree: Option<&Tree>, names: &BTreeSet<Vec<u8>>, path: &Path) {
        for entry in tree.into_iter().flat_map(Tree::iter) {
            // Another repository's folder may be empty, and git leaves an empty one out.
            if entry.item().is_submodule() || names.contains(entry.name()) {
                continue;
            }
            let child = path.join(OsStr::from_bytes(entry.name()));
            if !self.apart.is_written(&child) {
                self.changed.push(shown(&child));
            }
        }
    }

    /// Compares one entry of a folder.
    fn entry(&mut self, entry: &Entry<'_>, held: Option<TreeItem>, path: &Path, depth: usize) -> Result<Seen> {
        if self.apart.is_written(path) {
            return Ok(Seen::Whole);
        }
        let folder = |entry: &Entry<'_>| entry.open(OFlags::DIRECTORY).map_err(|e| unreadable(path, &e));
        match (held.map(|held| (held, held.kind())), entry.kind()) {
            (Some((held, ObjectType::Tree)), FileType::Directory) => {
                let tree = self.repository.tree(held.id()).map_err(|e| failed(&e))?;
                self.folder(&folder(entry)?, Some(&tree), path, depth + 1)
            }
            (Some((held, ObjectType::Blob)), _) => {
                if !self.same(entry, held, path)? {
                    self.changed.push(shown(path));
                }
                Ok(Seen::Whole)
            }
            // A folder of another repository is no part of this commit.
            (None | Some((_, ObjectType::Commit)), kind) => match kind {
                _ if self.apart.is_state(path) => Ok(Seen::Whole),
                FileType::Directory if self.apart.leads_to_any(path) => {
                    self.folder(&folder(entry)?, None, path, depth + 1)
                }
                _ => self.stranger(entry, path),
            },
            _ => {
                self.changed.push(shown(path));
                Ok(Seen::Whole)
            }
        }
    }

    /// Takes note of what the commit does not hold, and refuses what would be read under another name.
    fn stranger(&mut self, entry: &Entry<'_>, path: &Path) -> Result<Seen> {
        let why = match entry.kind() {
            FileType::Symlink if self.leads_inside(entry)? => "it is a link",
            FileType::RegularFile if entry.stat.st_nlink > 1 => "it has another name elsewhere",
            _ => {
                self.strange.push(shown(path));
                return Ok(Seen::Strange);
            }
        };
        Err(uncommitted(&[shown(path)], &format!("{why}, and no commit holds it")))
    }

    /// Tells whether a link may lead to something of the checkout, by the letters of its target alone.
    fn leads_inside(&self, entry: &Entry<'_>) -> Result<bool> {
        let target = rustix::fs::readlinkat(entry.folder, entry.name, Vec::new())
            .map_err(|e| Refusal::new(IO, format!("cannot read a link: {e}")))?;
        let target = target.to_bytes();
        Ok(!target.starts_with(b"/") || target.starts_with(self.workspace.path().as_os_str().as_encoded_bytes()))
    }

    /// Tells whether a file or link is what the commit holds.
    fn same(&self, entry: &Entry<'_>, held: TreeItem, path: &Path) -> Result<bool> {
        let executable = match (held.mode(), entry.kind()) {
            (0o120_000, FileType::Symlink) => {
                let target = rustix::fs::readlinkat(entry.folder, entry.name, Vec::new());
                return is(held.id(), target.map_err(|e| unreadable(path, &e.into()))?.to_bytes());
            }
            (0o120_000, _) => return Ok(false),
            (mode, FileType::RegularFile) => mode == 0o100_755,
            _ => return Ok(false),
        };
        if executable != (entry.stat.st_mode & 0o100 != 0) {
            return Ok(false);
        }
        let opened = entry.open(OFlags::NONBLOCK | OFlags::NOCTTY).map_err(|e| unreadable(path, &e))?;
        let (mut file, mut content) = (File::from(opened), Vec::new());
        (&mut file).take(MAX_FILE + 1).read_to_end(&mut content).map_err(|e| unreadable(path, &e))?;
        if content.len() as u64 > MAX_FILE {
            return self.stored_elsewhere(held.id(), file, path)?.ok_or_else(|| {
                let path = excerpt(&shown(path));
                Refusal::new(LIMIT_SIZE, format!("`{path}` is larger than {MAX_FILE} bytes")).subject(path)
            });
        }
        Ok(is(held.id(), &content)? || self.stored_elsewhere(held.id(), file, path)? == Some(true))
    }

    /// Tells whether a file is the one that a pointer of Git LFS names; `None` where the commit holds no such pointer.
    fn stored_elsewhere(&self, id: Oid, mut file: File, path: &Path) -> Result<Option<bool>> {
        let blob = self.repository.blob(id).map_err(|e| failed(&e))?;
        let Some((digest, size)) = pointer(&blob) else { return Ok(None) };
        file.rewind().map_err(|e| unreadable(path, &e))?;
        let found = Digest::of_reader(file).map_err(|e| unreadable(path, &e))?;
        Ok(Some(found == (digest, size)))
    }
}

/// Reads what Git LFS leaves in place of a file: the SHA-256 and the size of the file.
fn pointer(content: &[u8]) -> Option<(Digest, u64)> {
    let text = std::str::from_utf8(content).ok().filter(|text| text.len() <= MAX_POINTER)?;
    let mut lines = text.strip_prefix("version https://git-lfs.github.com/spec/v1\n")?.lines();
    let digest = lines.find_map(|line| line.strip_prefix("oid "))?.parse().ok()?;
    let size = lines.find_map(|line| line.strip_prefix("size "))?.parse().ok()?;
    Some((digest, size))
}

fn is(id: Oid, content: &[u8]) -> Result<bool> {
    Ok(Oid::hash_object(ObjectType::Blob, content).map_err(|e| failed(&e))? == id)
}

/// Returns a path as text, for people: what is not UTF-8 in it is lost.
fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn uncommitted(strange: &[String], why: &str) -> Refusal {
    let named: Vec<String> = strange.iter().take(3).map(|path| format!("`{}`", excerpt(path))).collect();
    let refusal = Refusal::new(INPUT_UNCOMMITTED, format!("{why}: {}", named.join(", ")));
    strange.iter().take(1).fold(refusal, |refusal, path| refusal.subject(excerpt(path)))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Refusal {
    let path = excerpt(&shown(path));
    Refusal::new(IO, format!("cannot read `{path}`: {error}")).subject(path)
}

fn failed(error: &git2::Error) -> Refusal {
    Refusal::new(GIT_FAILED, error.message().to_owned())
}

#[cfg(test)]
mod tests;
