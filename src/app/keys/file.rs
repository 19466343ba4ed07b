//! Private key files: made once, never overwritten, and read only where nobody else could have read them.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::{fs::OFlags, process::geteuid};
use zeroize::Zeroizing;

use super::{
    guard::MemoryGuard,
    reasons::{KEY_EXISTS, KEY_FILE, KEY_IN_REPOSITORY, KEY_PERMISSIONS, KEY_RANDOM},
};
use crate::{
    base::{
        digest::Digest,
        ident::Id,
        reason::{IO, LIMIT_SIZE, Refusal, Result},
        secret::Secret,
    },
    sign::{PrivateKey, PublicKey, Signer},
};

/// The largest key file, in bytes.
pub const MAX_KEY_FILE: u64 = 16 * 1024;

/// Whether a private key may lie in a git work tree, where one `git add` would publish it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Only outside of every work tree.
    OutsideRepositories,
    /// Anywhere; the person said so.
    Anywhere,
}

/// A private key in memory, with core dumps off for as long as it is there.
#[derive(Debug)]
pub struct HeldKey {
    key: PrivateKey,
    _guard: MemoryGuard,
}

impl HeldKey {
    /// Makes a key from the randomness of the operating system.
    ///
    /// # Errors
    /// `key.random`, `io.failed`.
    pub fn random() -> Result<Self> {
        let guard = MemoryGuard::hold()?;
        let mut seed = Zeroizing::new([0_u8; 32]);
        getrandom::fill(seed.as_mut()).map_err(|e| Refusal::new(KEY_RANDOM, e.to_string()))?;
        Ok(Self { key: PrivateKey::from_seed(&seed), _guard: guard })
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// `key.file` where there is no plain file, `key.permissions` where it is not mine alone,
    /// `limit.size`, `key.malformed`.
    pub fn load(path: &Path) -> Result<Self> {
        let guard = MemoryGuard::hold()?;
        let pem = Secret::new(read_private(path, MAX_KEY_FILE, Readers::OwnerOnly)?);
        let key = PrivateKey::from_pem(&pem).map_err(|e| e.subject(path.display().to_string()))?;
        Ok(Self { key, _guard: guard })
    }

    /// Takes a key that was handed over as PEM text, such as a CI secret.
    ///
    /// # Errors
    /// `limit.size`, `key.malformed`.
    pub fn from_secret(pem: &Secret) -> Result<Self> {
        let guard = MemoryGuard::hold()?;
        let length = pem.expose().len() as u64;
        if length > MAX_KEY_FILE {
            return Err(Refusal::new(LIMIT_SIZE, format!("a key of {length} bytes, the limit is {MAX_KEY_FILE}")));
        }
        Ok(Self { key: PrivateKey::from_pem(pem)?, _guard: guard })
    }

    /// Returns the public key.
    ///
    /// # Errors
    /// As [`PrivateKey::public`].
    pub fn public(&self) -> Result<PublicKey> {
        self.key.public()
    }

    /// Writes the key as PKCS#8 PEM, mode 0600, to a path where nothing is yet.
    ///
    /// # Errors
    /// `key.exists`, `key.in_repository`, `key.permissions` where others may write in the folder, `io.failed`.
    pub fn save(&self, path: &Path, place: Place) -> Result<()> {
        let folder = folder_of(path)?;
        // Before the folder is made as well as after: nothing is left behind by a refusal.
        if place == Place::OutsideRepositories {
            refuse_work_tree(folder)?;
        }
        make_private_folder(folder)?;
        let pem = self.key.to_pem()?;
        write_new(path, pem.expose().as_bytes())
            .map_err(|e| if e.is(KEY_EXISTS) { e } else { e.hint("nothing was written") })
    }
}

impl Signer for HeldKey {
    fn key_id(&self) -> Digest {
        self.key.key_id()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        self.key.sign(message)
    }
}

/// Returns where a key of a name lies unless a path is given: `<config_dir>/keys/<name>.pem`.
#[must_use]
pub fn default_path(config_dir: &Path, name: &Id) -> PathBuf {
    config_dir.join("keys").join(format!("{name}.pem"))
}

/// Who besides the owner may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// Nobody.
    OwnerOnly,
    /// Anybody; but only the owner may write.
    Anybody,
}

/// Reads a small text file that belongs to me or to root, through no symbolic link, from a plain file only.
///
/// Every check is made on the open file, so that nothing can be swapped between a check and its use.
pub(super) fn read_private(path: &Path, limit: u64, readers: Readers) -> Result<String> {
    let shown = path.display().to_string();
    let refuse = |reason, why: String| Refusal::new(reason, why).subject(shown.clone());
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path).map_err(|e| {
        let why = match rustix::io::Errno::from_io_error(&e) {
            Some(rustix::io::Errno::LOOP) => format!("`{shown}` is a symbolic link"),
            _ => format!("`{shown}`: {e}"),
        };
        refuse(KEY_FILE, why)
    })?;
    let status = file.metadata().map_err(|e| refuse(IO, e.to_string()))?;
    if !status.is_file() {
        return Err(refuse(KEY_FILE, format!("`{shown}` is not a plain file")));
    }
    if status.uid() != geteuid().as_raw() && status.uid() != 0 {
        return Err(refuse(KEY_PERMISSIONS, format!("`{shown}` belongs to user {}", status.uid())));
    }
    let forbidden = match readers {
        Readers::OwnerOnly => 0o077,
        Readers::Anybody => 0o022,
    };
    if status.mode() & forbidden != 0 {
        let why = format!("`{shown}` has mode {:04o}", status.mode() & 0o7777);
        return Err(refuse(KEY_PERMISSIONS, why).hint(format!("chmod 600 '{shown}'")));
    }
    if status.len() > limit {
        return Err(refuse(LIMIT_SIZE, format!("`{shown}` has {} bytes, the limit is {limit}", status.len())));
    }
    // The whole room at once: a buffer that grows would leave copies behind.
    let room = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|e| refuse(IO, e.to_string()))?;
    if bytes.len() as u64 > limit {
        return Err(refuse(LIMIT_SIZE, format!("`{shown}` grew while it was read")));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| refuse(KEY_FILE, format!("`{shown}` is not text")))?;
    Ok(text.to_owned())
}

/// Makes a folder and what is missing above it, mode 0700; in one that exists nobody else may write.
pub(super) fn make_private_folder(folder: &Path) -> Result<()> {
    let shown = folder.display().to_string();
    let failed = |e: std::io::Error| Refusal::new(IO, format!("`{shown}`: {e}")).subject(shown.clone());
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let status = std::fs::metadata(folder).map_err(failed)?;
    let (mine, mode) = (status.uid() == geteuid().as_raw() || status.uid() == 0, status.mode());
    let (shared, sticky) = (mode & 0o022 != 0, mode & 0o1000 != 0);
    if !mine || (shared && !sticky) {
        return Err(Refusal::new(KEY_PERMISSIONS, format!("others may write in `{shown}`"))
            .subject(shown.clone())
            .hint(format!("chmod 700 '{shown}'")));
    }
    Ok(())
}

/// Writes a file of mode 0600 whole, or not at all, to a path where nothing is yet.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    let shown = path.display().to_string();
    let failed = |e: std::io::Error| match e.kind() {
        ErrorKind::AlreadyExists => Refusal::new(KEY_EXISTS, format!("`{shown}` exists")).subject(shown.clone()),
        _ => Refusal::new(IO, format!("`{shown}`: {e}")).subject(shown.clone()),
    };
    let folder = folder_of(path)?;
    staged(folder, bytes).map_err(failed)?.persist_noclobber(path).map_err(|e| failed(e.error))?;
    sync_folder(folder).map_err(failed)
}

/// Puts a file, mode as given, in the place of what is there, whole or not at all.
pub(super) fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let failed = |e: std::io::Error| Refusal::new(IO, format!("`{}`: {e}", path.display()));
    let folder = folder_of(path)?;
    let staged = staged(folder, bytes).map_err(failed)?;
    staged.as_file().set_permissions(std::fs::Permissions::from_mode(mode)).map_err(failed)?;
    staged.persist(path).map_err(|e| failed(e.error))?;
    sync_folder(folder).map_err(failed)
}

fn folder_of(path: &Path) -> Result<&Path> {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Ok(Path::new(".")),
        Some(folder) if path.file_name().is_some() => Ok(folder),
        _ => Err(Refusal::new(KEY_FILE, format!("`{}` names no file", path.display()))),
    }
}

/// A temporary file of mode 0600 in the same folder, written and on the disk.
fn staged(folder: &Path, bytes: &[u8]) -> std::io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix(".countersign-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Refuses a folder in a git work tree, looked at through every symbolic link.
fn refuse_work_tree(folder: &Path) -> Result<()> {
    let failed = |e: std::io::Error| Refusal::new(IO, format!("`{}`: {e}", folder.display()));
    let absolute = std::path::absolute(folder).map_err(failed)?;
    // What does not exist yet is made below the nearest folder that does.
    let there = absolute.ancestors().find(|candidate| candidate.exists()).unwrap_or(Path::new("/"));
    let real = there.canonicalize().map_err(failed)?;
    match real.ancestors().find(|candidate| candidate.join(".git").symlink_metadata().is_ok()) {
        None => Ok(()),
        Some(tree) => Err(Refusal::new(
            KEY_IN_REPOSITORY,
            format!("`{}` is in the work tree `{}`", folder.display(), tree.display()),
        )
        .subject(folder.display().to_string())),
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
