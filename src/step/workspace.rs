//! The checkout a plan acts on: every path is opened beneath its root and through no link.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, ResolveFlags, Stat},
    io::Errno,
};

use super::reasons::{INPUT_DRIFT, PATH_EXISTS, PATH_KIND, PATH_MISSING, PATH_SYMLINK, SANDBOX_OPENAT2};
use crate::{
    base::{
        digest::Digest,
        path::RepoPath,
        reason::{IO, LIMIT_SIZE, Refusal, Result},
        text::visible,
    },
    plan::model::Read,
};

/// The largest file that this tool itself reads whole, in bytes.
pub const MAX_FILE: u64 = 256 * 1024 * 1024;

/// The checkout a plan acts on.
#[derive(Debug)]
pub struct Workspace {
    root: OwnedFd,
    path: PathBuf,
}

/// How a file is put in its place.
#[derive(Clone, Copy, Debug)]
pub struct Placing {
    /// Whether it may be run.
    pub executable: bool,
    /// Whether a file that is there already is replaced.
    pub replace: bool,
}

impl Workspace {
    /// Opens a checkout.
    ///
    /// # Errors
    /// `io.failed` where the folder cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |e: std::io::Error| Refusal::new(IO, format!("cannot open `{}`: {e}", path.display()));
        let path = path.canonicalize().map_err(failed)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(&path, flags, Mode::empty()).map_err(|e| failed(e.into()))?;
        Ok(Self { root, path })
    }

    /// Returns the folder, absolute and without links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the opened root.
    #[must_use]
    pub fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Opens a path beneath the root, through no link and on the same file system.
    ///
    /// # Errors
    /// `path.symlink`, `path.missing`, `sandbox.openat2`, `io.failed`.
    pub fn open_beneath(&self, path: &RepoPath, flags: OFlags, mode: Mode) -> Result<OwnedFd> {
        open_beneath(self.root(), path.as_str(), flags, mode).map_err(|e| explain(e, path))
    }

    /// Opens a path as a mere place, and tells what is there; nothing where nothing is.
    ///
    /// # Errors
    /// Those of [`Self::open_beneath`], and `path.kind` where it is neither a plain file nor a folder.
    pub fn locate(&self, path: &RepoPath) -> Result<Option<(OwnedFd, Stat)>> {
        self.locate_any(Path::new(path.as_str()))
    }

    /// Does what [`Self::locate`] does for a path of any name, as a commit may hold it.
    ///
    /// # Errors
    /// As [`Self::locate`].
    pub fn locate_any(&self, path: &Path) -> Result<Option<(OwnedFd, Stat)>> {
        let fd = match open_beneath(self.root(), path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(e) => return Err(explain(e, &path.display())),
        };
        let stat = rustix::fs::fstat(&fd).map_err(|e| explain(e, &path.display()))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile | FileType::Directory => Ok(Some((fd, stat))),
            FileType::Symlink => Err(explain(Errno::LOOP, &path.display())),
            _ => {
                let path = visible(&path.to_string_lossy());
                Err(Refusal::new(PATH_KIND, format!("`{path}` is neither a plain file nor a folder")).subject(path))
            }
        }
    }

    /// Opens a plain file for reading; a FIFO or a device is refused without being waited for.
    ///
    /// # Errors
    /// Those of [`Self::open_beneath`], `path.kind`.
    pub fn open_file(&self, path: &RepoPath) -> Result<(File, Stat)> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let fd = self.open_beneath(path, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&fd).map_err(|e| explain(e, path))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Refusal::new(PATH_KIND, format!("`{path}` is not a plain file")).subject(path.as_str()));
        }
        Ok((File::from(fd), stat))
    }

    /// Reads a file whole and compares it with the digest that was approved; tells also whether it may be run.
    ///
    /// # Errors
    /// Those of [`Self::open_file`], `limit.size`, `input.drift`.
    pub fn read_checked(&self, read: &Read) -> Result<(Vec<u8>, bool)> {
        let (file, stat) = self.open_file(&read.path)?;
        let mut content = Vec::new();
        file.take(MAX_FILE + 1).read_to_end(&mut content).map_err(|e| failed(&e, &read.path))?;
        if content.len() as u64 > MAX_FILE {
            return Err(Refusal::new(LIMIT_SIZE, format!("`{}` is larger than {MAX_FILE} bytes", read.path)));
        }
        compare(read, Digest::of(&content))?;
        Ok((content, stat.st_mode & 0o111 != 0))
    }

    /// Hashes a file and compares it with the digest that was approved.
    ///
    /// # Errors
    /// Those of [`Self::open_file`], `input.drift`.
    pub fn check_digest(&self, read: &Read) -> Result<Digest> {
        let (file, _) = self.open_file(&read.path)?;
        let (digest, _) = Digest::of_reader(file).map_err(|e| failed(&e, &read.path))?;
        compare(read, digest)?;
        Ok(digest)
    }

    /// Puts a file in its place at once: written beside it, flushed, then renamed.
    ///
    /// Missing folders are made. A link, a folder or a device in the place is refused. `acted` becomes true where a
    /// folder may have been made, the file may be in its place, or what was written beside it is left.
    ///
    /// # Errors
    /// `path.protected`, `path.exists`, `path.kind`, those of [`Self::open_beneath`].
    pub fn place(&self, path: &RepoPath, content: &[u8], placing: Placing, acted: &mut bool) -> Result<()> {
        path.check_writable()?;
        if let Some((_, stat)) = self.locate(path)? {
            if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
                return Err(Refusal::new(PATH_KIND, format!("`{path}` is a folder")).subject(path.as_str()));
            }
            if !placing.replace {
                return Err(Refusal::new(PATH_EXISTS, format!("`{path}` is there already")).subject(path.as_str()));
            }
        }
        if let Some((folder, _)) = path.as_str().rsplit_once('/') {
            *acted |= self.locate(&folder.parse()?)?.is_none();
        }
        let (folder, name) = self.parent(path)?;
        let temporary = format!(".countersign-{}", &Digest::framed("temporary", [path.as_str()]).hex()[..16]);
        let mode = if placing.executable { Mode::from_raw_mode(0o755) } else { Mode::from_raw_mode(0o644) };
        // What a killed run left behind under this name is ours, and may go.
        match rustix::fs::unlinkat(&folder, &temporary, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(e) => return Err(explain(e, path)),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let fd = open_beneath(folder.as_fd(), &temporary, flags, mode).map_err(|e| explain(e, path))?;
        let rename = if placing.replace { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
        let done = (|| {
            rustix::fs::fchmod(&fd, mode)?;
            let mut file = File::from(fd);
            file.write_all(content)?;
            file.sync_all()?;
            *acted = true;
            rustix::fs::renameat_with(&folder, &temporary, &folder, name, rename)?;
            Ok::<(), std::io::Error>(())
        })();
        done.map_err(|e| {
            // The first error is the one to report; that the leftover could not go either adds only a doubt.
            *acted |= rustix::fs::unlinkat(&folder, &temporary, AtFlags::empty()).is_err();
            failed(&e, path)
        })
    }

    /// Opens the folder that a path lies in, making it where it is missing; returns it with the last part.
    ///
    /// # Errors
    /// Those of [`Self::open_beneath`].
    pub fn parent<'a>(&self, path: &'a RepoPath) -> Result<(OwnedFd, &'a str)> {
        match path.as_str().rsplit_once('/') {
            None => {
                let root = self.root.try_clone().map_err(|e| failed(&e, path))?;
                Ok((root, path.as_str()))
            }
            Some((folder, name)) => Ok((self.make_folder(&folder.parse()?)?, name)),
        }
    }

    /// Makes a folder and those above it, where they are missing, and opens it.
    ///
    /// # Errors
    /// Those of [`Self::open_beneath`].
    pub fn make_folder(&self, path: &RepoPath) -> Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut here = self.root.try_clone().map_err(|e| failed(&e, path))?;
        for part in path.as_str().split('/').filter(|part| *part != ".") {
            match rustix::fs::mkdirat(&here, part, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(e) => return Err(explain(e, path)),
            }
            here = open_beneath(here.as_fd(), part, flags, Mode::empty()).map_err(|e| explain(e, path))?;
        }
        Ok(here)
    }
}

fn compare(read: &Read, found: Digest) -> Result<()> {
    match read.digest {
        Some(expected) if expected != found => {
            Err(Refusal::new(INPUT_DRIFT, format!("`{}` is {found}, the plan was made with {expected}", read.path))
                .subject(read.path.as_str()))
        }
        _ => Ok(()),
    }
}

fn open_beneath(
    folder: BorrowedFd<'_>,
    path: impl rustix::path::Arg + Copy,
    flags: OFlags,
    mode: Mode,
) -> std::result::Result<OwnedFd, Errno> {
    let resolve =
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    // The kernel asks to try again where a rename elsewhere made it unsure.
    for _ in 0..64 {
        match rustix::fs::openat2(folder, path, flags, mode, resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => return other,
        }
    }
    Err(Errno::AGAIN)
}

fn explain(error: Errno, path: &impl std::fmt::Display) -> Refusal {
    let path = visible(&path.to_string());
    let (reason, why) = match error {
        Errno::LOOP => (PATH_SYMLINK, format!("`{path}` leads through a symbolic link")),
        Errno::XDEV => (PATH_KIND, format!("`{path}` lies on another file system")),
        Errno::NOENT => (PATH_MISSING, format!("`{path}` is not there")),
        Errno::NOTDIR => (PATH_KIND, format!("`{path}` leads through something that is not a folder")),
        Errno::NOSYS => (SANDBOX_OPENAT2, format!("cannot open `{path}` safely: {error}")),
        _ => (IO, format!("cannot use `{path}`: {error}")),
    };
    Refusal::new(reason, why).subject(path)
}

fn failed(error: &std::io::Error, path: &RepoPath) -> Refusal {
    match error.raw_os_error() {
        Some(code) if code == Errno::EXIST.raw_os_error() => {
            Refusal::new(PATH_EXISTS, format!("`{path}` is there already")).subject(path.as_str())
        }
        _ => Refusal::new(IO, format!("cannot use `{path}`: {error}")).subject(path.as_str()),
    }
}
