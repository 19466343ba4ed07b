//! The folders that hold a repository's objects: its own, and those of others that it borrows from.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashSet},
    fs,
    io::{self, ErrorKind},
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
};

use git2::{Error, ErrorClass, ErrorCode, Oid};

use super::{
    damaged,
    loose::LooseObject,
    midx,
    pack::{Header, Pack},
};

/// How many folders of objects are looked into, as folders name others.
const MAX_FOLDERS: usize = 64;

/// Folders of objects; all places of their packs' indexes lie in the packs.
pub struct Objects {
    folders: Vec<PathBuf>,
    /// By the paths of their indexes.
    packs: RefCell<BTreeMap<PathBuf, Pack>>,
    /// By the paths of the indexes over many packs, as they were when they were looked through.
    indexes: RefCell<BTreeMap<PathBuf, Version>>,
    /// What was looked through.
    whole: RefCell<HashSet<Oid>>,
}

/// Which file it is, and as of when: device, inode, bytes, and when it was changed last.
type Version = (u64, u64, u64, i64, i64);

impl Objects {
    /// Opens a folder of objects, and those that it names as places of more.
    ///
    /// # Errors
    /// A pack or an index that is damaged.
    pub(super) fn open(folder: &Path) -> Result<Self, Error> {
        let mut folders = vec![folder.to_owned()];
        let mut at = 0;
        while let Some(folder) = folders.get(at).cloned() {
            for other in alternates(&folder).map_err(|e| unreadable(&folder, &e))? {
                if !folders.contains(&other) && folders.len() < MAX_FOLDERS {
                    folders.push(other);
                }
            }
            at += 1;
        }
        let objects =
            Self { folders, packs: RefCell::default(), indexes: RefCell::default(), whole: RefCell::default() };
        objects.look()?;
        Ok(objects)
    }

    /// Returns the repository's own folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folders[0]
    }

    /// Refuses an object that is damaged so that libgit2 would not come back from it. One that is not there is not.
    ///
    /// # Errors
    /// A loose object that is cut short, or longer than it says; a packed one of no kind, or made from itself.
    pub fn check(&self, id: Oid) -> Result<(), Error> {
        if self.whole.borrow().contains(&id) {
            return Ok(());
        }
        let mut is_loose = false;
        for folder in &self.folders {
            is_loose |= LooseObject::check(folder, id)?;
        }
        if self.known_header(id)?.is_none() && !is_loose {
            self.header(id)?;
        }
        self.whole.borrow_mut().insert(id);
        Ok(())
    }

    /// Opens an object that lies loose.
    ///
    /// # Errors
    /// As [`LooseObject::open`].
    pub fn loose(&self, id: Oid) -> Result<Option<LooseObject>, Error> {
        for folder in &self.folders {
            if let Some(object) = LooseObject::open(folder, id)? {
                return Ok(Some(object));
            }
        }
        Ok(None)
    }

    /// Returns what an object is that a pack holds, also one that was not there before, as after fetching.
    ///
    /// # Errors
    /// An object of no kind, or made from itself; a pack or an index that is damaged.
    pub fn header(&self, id: Oid) -> Result<Option<Header>, Error> {
        if let Some(header) = self.known_header(id)? {
            return Ok(Some(header));
        }
        self.look()?;
        self.known_header(id)
    }

    fn known_header(&self, id: Oid) -> Result<Option<Header>, Error> {
        for pack in self.packs.borrow().values() {
            if let Some(header) = pack.header(id).map_err(|e| damaged(id, &e))? {
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    /// Opens the packs that are not open yet.
    fn look(&self) -> Result<(), Error> {
        let mut packs = self.packs.borrow_mut();
        for folder in &self.folders {
            let folder = folder.join("pack");
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                Err(e) => return Err(unreadable(&folder, &e)),
            };
            for entry in entries {
                let path = entry.map_err(|e| unreadable(&folder, &e))?.path();
                let is_index = path.extension().is_some_and(|ending| ending == "idx");
                if is_index && !packs.contains_key(&path) {
                    match Pack::open(&path) {
                        Ok(pack) => drop(packs.insert(path, pack)),
                        // Another process removes packs whose objects it has packed anew, the pack before its index.
                        Err(e) if e.kind() == ErrorKind::NotFound => {}
                        Err(e) => return Err(unreadable(&path, &e)),
                    }
                } else if path.file_name().is_some_and(|name| name == "multi-pack-index") {
                    self.look_through(path)?;
                }
            }
        }
        Ok(())
    }

    /// Looks through an index over many packs, unless it is the one that was looked through: it has a line for every object.
    fn look_through(&self, path: PathBuf) -> Result<(), Error> {
        let failed = |e: io::Error| unreadable(&path, &e);
        let data = fs::metadata(&path).map_err(failed)?;
        let version = (data.dev(), data.ino(), data.len(), data.mtime(), data.mtime_nsec());
        if self.indexes.borrow().get(&path) != Some(&version) {
            midx::check(&path).map_err(failed)?;
            self.indexes.borrow_mut().insert(path, version);
        }
        Ok(())
    }

    /// Looks through every loose object of the repository's own folder, before they are copied.
    ///
    /// # Errors
    /// As [`Objects::check`].
    pub fn check_loose(&self) -> Result<(), Error> {
        for first in 0..=u8::MAX {
            let first = format!("{first:02x}");
            let Ok(entries) = fs::read_dir(self.folder().join(&first)) else { continue };
            for entry in entries {
                let name = entry.map_err(|e| unreadable(self.folder(), &e))?.file_name();
                let id = name.to_str().and_then(|rest| Oid::from_str(&format!("{first}{rest}")).ok());
                id.map_or(Ok(false), |id| LooseObject::check(self.folder(), id))?;
            }
        }
        Ok(())
    }
}

/// Returns the folders that a folder of objects names as places of more.
fn alternates(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let text = match fs::read(folder.join("info/alternates")) {
        Ok(text) => text,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let lines = text.split(|b| *b == b'\n').filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    Ok(lines.map(|line| folder.join(Path::new(std::ffi::OsStr::from_bytes(line)))).collect())
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::new(ErrorCode::GenericError, ErrorClass::Odb, format!("{}: {error}", path.display()))
}
