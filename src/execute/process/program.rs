//! The program of a run action: opened once, checked, hashed and executed through the same descriptor.

use std::{
    collections::HashMap,
    fs::File,
    io::Read as _,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::{FileExt as _, MetadataExt as _},
    },
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use rustix::fs::{Mode, OFlags};

use crate::{
    base::{
        digest::Digest,
        reason::{Refusal, Result},
    },
    execute::reasons::{PROGRAM_DRIFT, PROGRAM_MISSING, PROGRAM_SCRIPT, PROGRAM_UNTRUSTED},
    plan::model,
};

/// An opened program.
#[derive(Debug)]
pub(in crate::execute) struct Program {
    file: File,
    path: String,
    real: PathBuf,
    digest: Digest,
}

/// What tells one state of a file from another: device, inode, size, time of change and of modification.
type Identity = (u64, u64, u64, i64, i64, i64, i64);

static DIGESTS: Mutex<Option<HashMap<Identity, Digest>>> = Mutex::new(None);

impl Program {
    /// Opens a program and checks that nobody but root or the runner could have put it there.
    ///
    /// # Errors
    /// `program.missing`, `program.untrusted`, `program.script`, `program.drift`.
    pub(in crate::execute) fn open(program: &model::Program, workspace: &Path) -> Result<Self> {
        let path = program.path.as_str();
        let untrusted = |why: &str| Refusal::new(PROGRAM_UNTRUSTED, format!("`{path}` {why}")).subject(path);
        let missing = |e: &dyn std::fmt::Display| {
            Refusal::new(PROGRAM_MISSING, format!("cannot open `{path}`: {e}")).subject(path)
        };
        if !Path::new(path).is_absolute() {
            return Err(untrusted("is not an absolute path"));
        }
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|e| missing(&e))?;
        let file = File::from(fd);
        let metadata = file.metadata().map_err(|e| missing(&e))?;
        let real = Path::new(path).canonicalize().map_err(|e| missing(&e))?;
        if !metadata.is_file() || metadata.mode() & 0o111 == 0 {
            return Err(untrusted("is not an executable file"));
        }
        if metadata.mode() & 0o6000 != 0 {
            return Err(untrusted("runs with the rights of its owner (setuid or setgid)"));
        }
        if !owned_well(&metadata) {
            return Err(untrusted("belongs to, or may be written by, somebody else"));
        }
        if real.starts_with(workspace) {
            return Err(untrusted("lies in the checkout"));
        }
        for folder in real.ancestors().skip(1) {
            let metadata = folder.metadata().map_err(|e| missing(&e))?;
            // In a sticky folder others may add files, and cannot replace this one.
            let sticky = metadata.mode() & 0o1000 != 0 && (metadata.uid() == 0 || is_me(metadata.uid()));
            if !sticky && !owned_well(&metadata) {
                return Err(untrusted(&format!("lies in `{}`, where somebody else may replace it", folder.display())));
            }
        }
        let mut start = [0_u8; 2];
        if file.read_at(&mut start, 0).is_ok_and(|n| n == 2) && &start == b"#!" {
            return Err(Refusal::new(PROGRAM_SCRIPT, format!("`{path}` begins with #!")).subject(path));
        }
        let digest = digest_of(&file, path)?;
        if let Some(expected) = program.digest
            && expected != digest
        {
            return Err(
                Refusal::new(PROGRAM_DRIFT, format!("`{path}` is {digest}, the plan says {expected}")).subject(path)
            );
        }
        Ok(Self { file, path: path.to_owned(), real, digest })
    }

    /// Returns the descriptor that is executed.
    pub(in crate::execute) fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Returns the path the plan names.
    pub(in crate::execute) fn path(&self) -> &str {
        &self.path
    }

    /// Returns the path without links.
    pub(in crate::execute) fn real(&self) -> &Path {
        &self.real
    }

    /// Returns the SHA-256 of the binary.
    pub(in crate::execute) fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns a second descriptor of the same file, for the sandbox's rule.
    pub(in crate::execute) fn place(&self) -> Result<OwnedFd> {
        self.file
            .try_clone()
            .map(OwnedFd::from)
            .map_err(|e| Refusal::new(PROGRAM_MISSING, format!("cannot hold `{}` open: {e}", self.path)))
    }
}

fn owned_well(metadata: &std::fs::Metadata) -> bool {
    (metadata.uid() == 0 || is_me(metadata.uid())) && (metadata.mode() & 0o022 == 0)
}

fn is_me(uid: u32) -> bool {
    uid == rustix::process::geteuid().as_raw()
}

/// Hashes a program, once for each state of the file.
fn digest_of(file: &File, path: &str) -> Result<Digest> {
    let failed = |e: std::io::Error| Refusal::new(PROGRAM_MISSING, format!("cannot read `{path}`: {e}")).subject(path);
    let m = file.metadata().map_err(failed)?;
    let identity = (m.dev(), m.ino(), m.size(), m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec());
    if let Some(found) = cache(|digests| digests.get(&identity).copied()) {
        return Ok(found);
    }
    let mut reader = file.try_clone().map_err(failed)?;
    std::io::Seek::rewind(&mut reader).map_err(failed)?;
    let (digest, _) = Digest::of_reader(reader.take(u64::MAX)).map_err(failed)?;
    cache(|digests| digests.insert(identity, digest));
    Ok(digest)
}

fn cache<T>(use_it: impl FnOnce(&mut HashMap<Identity, Digest>) -> T) -> T {
    use_it(DIGESTS.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(HashMap::new))
}
