//! The ledger's branch as git objects: read and written by plumbing, never through a checkout.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write as _},
    os::fd::AsRawFd as _,
    path::Path,
};

use git2::{ErrorCode, FileMode, ObjectType, Oid, Signature, build::TreeUpdateBuilder};
use rustix::fs::MemfdFlags;

use super::{
    blocks::Blocks,
    format::{MARKER, MARKER_NAME, MAX_OBJECT, entry_path, object_path, parse_path, segment_path},
    reasons::{LEDGER_CORRUPT, LEDGER_LOCKED, LEDGER_MISSING, LEDGER_SHALLOW, LEDGER_WRITE},
};
use crate::{
    base::{
        digest::Digest,
        reason::{IO, LIMIT_SIZE, Refusal, Result},
        time::Timestamp,
    },
    git::{Repository, Tree, TreeEntry, TreeItem, written},
};

/// The largest file of entries, in bytes: a full batch of the largest entries.
const MAX_FILE: usize = 80 << 20;
/// The size from which on a segment is full, in bytes; small in unit tests, which fill several.
const SEGMENT_SIZE: usize = if cfg!(test) { 16 << 10 } else { 4 << 20 };
/// From how many single files on a checkpoint joins them: each costs a reader more than its entries, and each joining
/// stores the whole segment anew. Small in unit tests, which append less.
const FOLD_FROM: usize = if cfg!(test) { 4 } else { 32 };
/// What the repository's own configuration is replaced with: nothing of the user's.
const CONFIG: &str = "[core]\n\trepositoryformatversion = 0\n\tlogAllRefUpdates = false\n";
/// Makes objects and references durable before an append returns. Unit tests prove order, not survival of
/// a power cut, and write thousands of objects.
const DURABLE: &str = if cfg!(test) { "" } else { "\tfsyncObjectFiles = true\n" };

/// A repository and the name of the ledger's reference in it.
pub(super) struct Store {
    repo: Repository,
    reference: String,
    /// Read by libgit2 for as long as it lives.
    _settings: File,
}

/// A file of entries in the tree of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EntryFile {
    /// Number of its first entry.
    pub(super) first: u64,
    /// Number of its last entry, where the name says it: in a segment.
    pub(super) last: Option<u64>,
    oid: Oid,
}

/// What one append adds.
pub(super) struct Addition<'a> {
    pub(super) first: u64,
    pub(super) entries: &'a [Vec<u8>],
    pub(super) objects: &'a [Vec<u8>],
    /// The files of which the single ones may become a segment, where the append holds a checkpoint.
    pub(super) fold: &'a [EntryFile],
    pub(super) message: &'a str,
    pub(super) at: Timestamp,
}

impl Store {
    /// Opens a repository: its working folder, its `.git`, a linked worktree, or a bare one.
    pub(super) fn open(path: &Path, reference: &str) -> Result<Self> {
        let unusable = |e: &dyn std::fmt::Display| Refusal::new(LEDGER_MISSING, format!("{}: {e}", path.display()));
        let repo = git2::Repository::open(path).map_err(|e| unusable(&e.message()))?;
        if repo.is_shallow() {
            return Err(Refusal::new(LEDGER_SHALLOW, path.display().to_string()));
        }
        // What was copied without its empty folders: libgit2 never sees packs in a folder that was not there at first.
        // Where none can be made, nothing can be fetched either, and that says why.
        let _ = std::fs::create_dir_all(repo.commondir().join("objects/pack"));
        let settings = settings().map_err(|e| Refusal::new(IO, format!("no file in memory: {e}")))?;
        let config = Path::new("/proc/self/fd").join(settings.as_raw_fd().to_string());
        let config = git2::Config::open(&config).map_err(|e| unusable(&e.message()))?;
        repo.set_config(&config).map_err(|e| unusable(&e.message()))?;
        let repo = Repository::new(repo).map_err(|e| damaged(&e))?;
        Ok(Self { repo, reference: reference.to_owned(), _settings: settings })
    }

    /// Returns the folder that holds the objects, shared by all worktrees.
    pub(super) fn objects_dir(&self) -> &Path {
        self.repo.objects().folder()
    }

    /// Returns the name of the ledger's reference.
    pub(super) fn reference(&self) -> &str {
        &self.reference
    }

    /// Returns the commit that the ledger's reference names, read from disk.
    pub(super) fn tip(&self) -> Result<Option<Oid>> {
        match self.repo.raw().find_reference(&self.reference) {
            Ok(reference) => {
                reference.target().map(Some).ok_or_else(|| corrupt("the ledger's reference is a symbolic one"))
            }
            Err(e) if e.code() == ErrorCode::NotFound => Ok(None),
            Err(e) => Err(corrupt(e.message())),
        }
    }

    /// Returns the commit at which the clone saw the ledger when it was made or last fetched, where it did.
    pub(super) fn fetched(&self) -> Option<Oid> {
        let branch = self.reference.strip_prefix("refs/heads/")?;
        self.repo.raw().find_reference(&format!("refs/remotes/origin/{branch}")).ok()?.target()
    }

    /// Tells whether the object database holds a commit.
    pub(super) fn has(&self, commit: Oid) -> bool {
        self.repo.raw().odb().is_ok_and(|odb| odb.refresh().is_ok() && odb.exists(commit))
    }

    /// Returns the parent of a commit, which has at most one.
    ///
    /// The raw object is read, so that neither grafts nor replacements say otherwise.
    pub(super) fn parent(&self, commit: Oid) -> Result<Option<Oid>> {
        let (_, parents) = self.commit(commit)?;
        match parents.as_slice() {
            [] => Ok(None),
            [parent] => Ok(Some(*parent)),
            _ => Err(corrupt(format!("commit {commit} is a merge"))),
        }
    }

    /// Returns the files of entries of a commit in order, after checking that its tree holds a ledger and nothing else.
    pub(super) fn files(&self, commit: Oid) -> Result<Vec<EntryFile>> {
        let (tree, _) = self.commit(commit)?;
        let mut files = Vec::new();
        let mut marked = false;
        for item in self.tree(tree)?.iter() {
            match (name(&item)?, item.kind()) {
                ("entries", ObjectType::Tree) => self.walk(item.id(), "entries", 2, &mut files)?,
                ("segments", ObjectType::Tree) => self.walk(item.id(), "segments", 0, &mut files)?,
                ("objects", ObjectType::Tree) => {}
                (MARKER_NAME, ObjectType::Blob) if item.item().mode() == u32::from(FileMode::Blob) => {
                    marked = self.blob(item.id(), MARKER.len())? == MARKER;
                }
                (name, _) => return Err(unexpected(name)),
            }
        }
        if !marked {
            return Err(corrupt("the marker is missing, or of another format"));
        }
        files.sort_by_key(|file| (file.first, file.last));
        Ok(files)
    }

    fn walk(&self, tree: Oid, path: &str, depth: usize, files: &mut Vec<EntryFile>) -> Result<()> {
        for item in self.tree(tree)?.iter() {
            let path = format!("{path}/{}", name(&item)?);
            match item.kind() {
                ObjectType::Tree if depth > 0 => self.walk(item.id(), &path, depth - 1, files)?,
                ObjectType::Blob if depth == 0 && item.item().mode() == u32::from(FileMode::Blob) => {
                    let (first, last) = parse_path(&path).ok_or_else(|| unexpected(&path))?;
                    files.push(EntryFile { first, last, oid: item.id() });
                }
                _ => return Err(unexpected(&path)),
            }
        }
        Ok(())
    }

    /// Returns the bytes of a file of entries.
    ///
    /// Git's own SHA-1 over them is left out where the object lies loose: the chain's SHA-256 over every
    /// entry decides what they are, and is checked by whoever reads them.
    pub(super) fn read(&self, file: &EntryFile) -> Result<Vec<u8>> {
        self.blob(file.oid, MAX_FILE)
    }

    /// Returns how many bytes a file of entries has, without reading them.
    pub(super) fn size(&self, file: &EntryFile) -> Result<usize> {
        match self.repo.objects().loose(file.oid).map_err(|e| damaged(&e))? {
            Some(blob) => checked(file.oid, blob.is_blob(), blob.size(), MAX_FILE),
            None => self.packed(file.oid, MAX_FILE),
        }
    }

    /// Begins to read a file of entries as [`Store::read`] does, without having a long one in memory together.
    pub(super) fn blocks(&self, file: &EntryFile) -> Result<Blocks> {
        match self.repo.objects().loose(file.oid).map_err(|e| damaged(&e))? {
            Some(blob) => {
                let size = checked(file.oid, blob.is_blob(), blob.size(), MAX_FILE)?;
                Blocks::new(blob, size)
            }
            None => Blocks::whole(self.blob(file.oid, MAX_FILE)?),
        }
    }

    /// Writes the commit of one append on top of another, without moving the reference.
    pub(super) fn write(&self, parent: Option<Oid>, addition: &Addition<'_>) -> Result<Oid> {
        let failed = |e: git2::Error| self.unwritten(&e);
        let base = match parent {
            Some(commit) => self.repo.raw_tree(self.commit(commit)?.0).map_err(|e| damaged(&e))?,
            None => {
                let empty = self.repo.raw().treebuilder(None).and_then(|builder| builder.write()).map_err(failed)?;
                self.repo.raw_tree(empty).map_err(|e| damaged(&e))?
            }
        };
        let mut update = TreeUpdateBuilder::new();
        let mut put = |path: String, bytes: &[u8]| -> Result<()> {
            update.upsert(path, self.repo.raw().blob(bytes).map_err(failed)?, FileMode::Blob);
            Ok(())
        };
        if parent.is_none() {
            put(MARKER_NAME.to_owned(), MARKER)?;
        }
        for object in addition.objects {
            if object.len() > MAX_OBJECT {
                return Err(Refusal::new(LIMIT_SIZE, format!("an object of {} bytes", object.len())));
            }
            put(object_path(&Digest::of(object)), object)?;
        }
        put(entry_path(addition.first), &joined(addition.entries))?;
        self.fold(addition, &mut update)?;
        let tree = update.create_updated(self.repo.raw(), &base).map_err(failed)?;
        let tree = self.repo.raw_tree(tree).map_err(|e| damaged(&e))?;
        let who = Signature::new("countersign", "countersign@localhost", &git2::Time::new(addition.at.unix(), 0))
            .map_err(failed)?;
        let parent = parent.map(|id| self.repo.commit(id)).transpose().map_err(|e| damaged(&e))?;
        let parents: Vec<_> = parent.iter().collect();
        self.repo.raw().commit(None, &who, &who, addition.message, &tree, &parents).map_err(failed)
    }

    /// Joins single files, and the last segment where it is small, into segments of the same bytes.
    ///
    /// A segment ends with the file that fills it, so that none grows beyond what a reader takes.
    fn fold(&self, addition: &Addition<'_>, update: &mut TreeUpdateBuilder) -> Result<()> {
        let split = addition.fold.partition_point(|file| file.last.is_some());
        let (segments, mut singles) = addition.fold.split_at(split);
        if singles.len() < FOLD_FROM {
            return Ok(());
        }
        if let Some(small) = segments.last()
            && self.size(small)? < SEGMENT_SIZE
        {
            singles = &addition.fold[split - 1..];
        }
        let mut bytes = Vec::new();
        let mut first = singles[0].first;
        let nexts = singles.iter().skip(1).map(|file| file.first).chain([addition.first]);
        for (file, next) in singles.iter().zip(nexts) {
            let joined = self.read(file)?;
            if !bytes.is_empty() && bytes.len() + joined.len() > MAX_FILE {
                self.segment(first, file.first, &mut bytes, update)?;
                first = file.first;
            }
            bytes.extend_from_slice(&joined);
            update.remove(file.last.map_or_else(|| entry_path(file.first), |last| segment_path(file.first, last)));
            if bytes.len() >= SEGMENT_SIZE || next == addition.first {
                self.segment(first, next, &mut bytes, update)?;
                first = next;
            }
        }
        Ok(())
    }

    /// Writes the entries from `first` up to, and without, `next` as a segment.
    fn segment(&self, first: u64, next: u64, bytes: &mut Vec<u8>, update: &mut TreeUpdateBuilder) -> Result<()> {
        let blob = self.repo.raw().blob(bytes).map_err(|e| self.unwritten(&e))?;
        update.upsert(segment_path(first, next - 1), blob, FileMode::Blob);
        bytes.clear();
        Ok(())
    }

    /// Moves the reference if it still names `old` (or does not exist where `old` is `None`); tells whether it did.
    ///
    /// The comparison happens under git's own lock of the reference.
    pub(super) fn swap(&self, old: Option<Oid>, new: Oid) -> Result<bool> {
        let expected = old.unwrap_or(Oid::ZERO_SHA1);
        match self.repo.raw().reference_matching(&self.reference, new, true, expected, "countersign: append") {
            Ok(_) => Ok(true),
            Err(e) if matches!(e.code(), ErrorCode::Modified | ErrorCode::NotFound | ErrorCode::Exists) => Ok(false),
            Err(e) if e.code() == ErrorCode::Locked => Err(Refusal::new(LEDGER_LOCKED, e.message().to_owned())),
            Err(e) => {
                let what = format!("`{}`", self.reference);
                Err(Refusal::new(LEDGER_WRITE, written::failed(&what, self.repo.raw().commondir(), &e)))
            }
        }
    }

    /// Says that no object could be written, and why.
    fn unwritten(&self, error: &git2::Error) -> Refusal {
        Refusal::new(LEDGER_WRITE, written::failed("an object of the ledger", self.objects_dir(), error))
    }

    pub(super) fn commit(&self, id: Oid) -> Result<(Oid, Vec<Oid>)> {
        let (kind, content) = self.repo.content(id).map_err(|e| damaged(&e))?;
        if kind != ObjectType::Commit {
            return Err(corrupt(format!("{id} is not a commit")));
        }
        let text = std::str::from_utf8(&content).map_err(|_| corrupt("a commit is not UTF-8"))?;
        let mut found: BTreeMap<&str, Vec<Oid>> = BTreeMap::new();
        for line in text.lines().take_while(|line| !line.is_empty()) {
            if let Some((field @ ("tree" | "parent"), hex)) = line.split_once(' ') {
                let oid = Oid::from_str(hex).map_err(|e| corrupt(e.message()))?;
                found.entry(field).or_default().push(oid);
            }
        }
        match found.remove("tree").as_deref() {
            Some([tree]) => Ok((*tree, found.remove("parent").unwrap_or_default())),
            _ => Err(corrupt(format!("commit {id} has no tree"))),
        }
    }

    pub(super) fn tree(&self, id: Oid) -> Result<Tree> {
        self.repo.tree(id).map_err(|e| damaged(&e))
    }

    /// Returns what a tree holds at a path, if anything.
    pub(super) fn at(&self, tree: Oid, path: &str) -> Result<Option<TreeItem>> {
        match self.repo.entry(&self.tree(tree)?, Path::new(path)) {
            Ok(item) => Ok(Some(item)),
            Err(e) if e.code() == ErrorCode::NotFound => Ok(None),
            Err(e) => Err(damaged(&e)),
        }
    }

    /// Returns the bytes of a blob. Where it lies loose its SHA-1 is left out: whoever asks knows by another digest what
    /// it must be, or by the bytes themselves.
    pub(super) fn blob(&self, id: Oid, max: usize) -> Result<Vec<u8>> {
        if let Some(blob) = self.repo.objects().loose(id).map_err(|e| damaged(&e))? {
            checked(id, blob.is_blob(), blob.size(), max)?;
            return blob.read(id).map_err(|e| damaged(&e));
        }
        self.packed(id, max)?;
        self.repo.blob(id).map_err(|e| damaged(&e))
    }

    /// Returns how many bytes a blob has that lies in a pack.
    fn packed(&self, id: Oid, max: usize) -> Result<usize> {
        let header = self.repo.objects().header(id).map_err(|e| damaged(&e))?;
        let header = header.ok_or_else(|| corrupt(format!("object {id} is missing")))?;
        let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        let size = checked(id, header.is_blob, bytes(header.size), max)?;
        // What differs from a large object is small, and reading it is not.
        checked(id, true, bytes(header.largest), MAX_FILE)?;
        Ok(size)
    }
}

/// Refuses an object that is no file of at most so many bytes; returns how many it has.
fn checked(id: Oid, is_blob: bool, size: usize, max: usize) -> Result<usize> {
    if is_blob && size <= max {
        return Ok(size);
    }
    Err(corrupt(format!("object {id} is no file, or of {size} bytes")))
}

fn name<'t>(entry: &TreeEntry<'t>) -> Result<&'t str> {
    std::str::from_utf8(entry.name()).map_err(|_| corrupt("a file name is not UTF-8"))
}

/// Says what git's files of objects are damaged in.
fn damaged(error: &git2::Error) -> Refusal {
    corrupt(error.message()).hint("git fsck names every object that is damaged; another clone may have it whole")
}

/// Writes settings to a file that lies in memory only, so that nothing of it stays, however the process ends.
fn settings() -> io::Result<File> {
    let mut file = File::from(rustix::fs::memfd_create("countersign-settings", MemfdFlags::CLOEXEC)?);
    write!(file, "{CONFIG}{DURABLE}")?;
    Ok(file)
}

/// Returns the bytes of a file of entries.
pub(super) fn joined(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.iter().map(|entry| entry.len() + 1).sum());
    for entry in entries {
        bytes.extend_from_slice(entry);
        bytes.push(b'\n');
    }
    bytes
}

pub(super) fn corrupt(what: impl Into<String>) -> Refusal {
    Refusal::new(LEDGER_CORRUPT, what)
}

pub(super) fn unexpected(path: &str) -> Refusal {
    corrupt(format!("`{}` has no place in a ledger", crate::base::text::excerpt(path)))
}
