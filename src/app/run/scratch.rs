//! The private folder of a run, which dies with it: what a killed process left behind the next one removes.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use crate::base::{
    reason::{IO, Refusal, Result, USAGE},
    text::visible,
};

/// The variable that names the folder for what is temporary.
const TMPDIR: &str = "TMPDIR";
/// What that folder is where the variable names none.
const USUAL: &str = "/tmp";
const PREFIX: &str = "countersign-scratch-";
/// How often a folder is made that somebody else takes for one of the dead.
const TRIES: u32 = 5;

/// A private folder, locked for as long as this process lives.
#[derive(Debug)]
pub(crate) struct RunScratch {
    folder: tempfile::TempDir,
    _lock: File,
}

impl RunScratch {
    /// Makes a folder among the machine's temporary files.
    ///
    /// # Errors
    /// `io.failed`.
    pub(crate) fn make() -> Result<Self> {
        Self::make_in(&temporary(tempfile::env::temp_dir())?)
    }

    fn make_in(parent: &Path) -> Result<Self> {
        let failed = |e: io::Error| {
            let why = format!("no private folder in `{}`: {e}", parent.display());
            Refusal::new(IO, why).hint("let TMPDIR name a folder that exists and that you may write to")
        };
        for _ in 0..TRIES {
            let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent).map_err(failed)?;
            let Ok(lock) = open(folder.path()) else { continue };
            // Between the making and the lock somebody may have swept it away.
            if lock.try_lock().is_ok() && folder.path().exists() {
                return Ok(Self { folder, _lock: lock });
            }
        }
        Err(failed(io::Error::other("others remove it")))
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Returns the folder for what is temporary, of which `TMPDIR` says `given`; an empty one is the usual one.
///
/// # Errors
/// `usage.invalid` where it is relative: it would be another one wherever the command is called, such as one in the work
/// tree.
pub(crate) fn temporary(given: PathBuf) -> Result<PathBuf> {
    if given.as_os_str().is_empty() {
        return Ok(PathBuf::from(USUAL));
    }
    if given.is_absolute() {
        return Ok(given);
    }
    let what = format!("{TMPDIR}: `{}` is not an absolute path", visible(&given.display().to_string()));
    Err(Refusal::new(USAGE, what).subject(TMPDIR).hint("unset TMPDIR, or let it name a folder by its absolute path"))
}

/// Removes the folders of this user's runs of which no process is left; what cannot be removed stays.
pub(crate) fn sweep() {
    if let Ok(folder) = temporary(tempfile::env::temp_dir()) {
        sweep_in(&folder);
    }
}

fn sweep_in(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        let path = entry.path();
        if let Ok(folder) = open(&path)
            && folder.try_lock().is_ok()
        {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Opens a folder of this user's; no link is followed.
fn open(path: &Path) -> io::Result<File> {
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
    let folder = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    match folder.metadata()?.uid() == rustix::process::geteuid().as_raw() {
        true => Ok(folder),
        false => Err(io::ErrorKind::PermissionDenied.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c37_what_a_killed_run_left_is_removed_and_what_a_living_one_has_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let living = RunScratch::make_in(parent.path()).unwrap();
        let dead = parent.path().join("countersign-scratch-dead");
        fs::create_dir_all(dead.join("step/tmp")).unwrap();
        fs::write(dead.join("step/tmp/service.conf"), "password=hunter2hunter2").unwrap();
        let other = parent.path().join("other");
        fs::create_dir(&other).unwrap();
        std::os::unix::fs::symlink(&other, parent.path().join("countersign-scratch-link")).unwrap();
        sweep_in(parent.path());
        assert!(living.path().exists() && other.exists());
        assert!(!dead.exists());
        let path = living.path().to_owned();
        drop(living);
        assert!(!path.exists());
    }
}
