//! The private folders of one attempt of a step.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    base::{
        digest::Digest,
        path::RepoPath,
        reason::{IO, Refusal, Result},
    },
    plan::model::{Action, Arg, Plan, Step},
    step::reasons::CONTENT_DRIFT,
};

/// Folders of attempts that are over and left nothing in them, for those to come.
///
/// Making and removing four folders for each of a thousand steps costs more than the steps.
#[derive(Debug, Default)]
pub(super) struct Spare(Mutex<Vec<tempfile::TempDir>>);

impl Spare {
    fn all(&self) -> MutexGuard<'_, Vec<tempfile::TempDir>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The folders of one attempt, private; what is in them is gone with it.
#[derive(Debug)]
pub(super) struct Scratch<'a> {
    /// Holds the others; none only while it is dropped.
    root: Option<tempfile::TempDir>,
    path: PathBuf,
    spare: &'a Spare,
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        let untouched = self.is_untouched().unwrap_or(false);
        self.spare.all().extend(self.root.take().filter(|_| untouched));
    }
}

impl<'a> Scratch<'a> {
    /// Makes the folders and writes the scripts that the step's actions name, with those beside them.
    ///
    /// # Errors
    /// `io.failed`, `content.drift` where a script in the plan has not the digest that the plan states.
    pub(super) fn new(plan: &Plan, step: &Step, below: &Path, spare: &'a Spare) -> Result<Self> {
        let failed = |e: io::Error| Refusal::new(IO, format!("cannot make the scratch folder: {e}"));
        let left = spare.all().pop();
        let fresh = left.is_none();
        let root = match left {
            Some(root) => root,
            None => tempfile::Builder::new().prefix("step-").tempdir_in(below).map_err(failed)?,
        };
        let scratch = Self { path: root.path().to_owned(), root: Some(root), spare };
        for folder in scratch.folders().into_iter().filter(|_| fresh) {
            fs::create_dir(&folder).map_err(failed)?;
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).map_err(failed)?;
        }
        let folders = script_folders(step);
        for script in plan.scripts.iter().filter(|script| folders.contains(&folder_of(&script.path))) {
            let digest = Digest::of(script.content.as_bytes());
            if digest != script.digest {
                let why = format!("script `{}` is {digest}, the plan says {}", script.path, script.digest);
                return Err(Refusal::new(CONTENT_DRIFT, why).subject(script.path.as_str()));
            }
            let place = scratch.scripts().join(script.path.as_str());
            if let Some(folder) = place.parent() {
                fs::create_dir_all(folder).map_err(failed)?;
            }
            fs::write(&place, &script.content).map_err(failed)?;
            fs::set_permissions(&place, fs::Permissions::from_mode(0o400)).map_err(failed)?;
        }
        Ok(scratch)
    }

    /// The folder for temporary files.
    pub(super) fn files(&self) -> PathBuf {
        self.path.join("tmp")
    }

    /// The home folder of the programs.
    pub(super) fn home(&self) -> PathBuf {
        self.path.join("home")
    }

    /// The folder for the scripts of the plan.
    pub(super) fn scripts(&self) -> PathBuf {
        self.path.join("scripts")
    }

    fn folders(&self) -> [PathBuf; 3] {
        [self.files(), self.home(), self.scripts()]
    }

    /// Tells whether the folders are as they were made: theirs is the right mode, and nothing is in or at them.
    fn is_untouched(&self) -> io::Result<bool> {
        let folders = self.folders();
        for folder in &folders {
            let status = folder.symlink_metadata()?;
            let plain = status.is_dir() && status.permissions().mode() & 0o7777 == 0o700;
            if !plain || fs::read_dir(folder)?.next().is_some() || has_attributes(folder)? {
                return Ok(false);
            }
        }
        Ok(fs::read_dir(&self.path)?.count() == folders.len())
    }
}

/// Tells whether somebody has written extended attributes to a folder, in which a later step could read.
fn has_attributes(folder: &Path) -> io::Result<bool> {
    let nothing: &mut [u8] = &mut [];
    match rustix::fs::llistxattr(folder, nothing) {
        Ok(length) => Ok(length > 0),
        Err(rustix::io::Errno::NOTSUP) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

fn script_folders(step: &Step) -> Vec<&str> {
    let mut folders = Vec::new();
    for action in step.every_action() {
        if let Action::Run(run) = action {
            for arg in run.argv.iter().chain(run.env.values()) {
                if let Arg::Script(path) = arg {
                    folders.push(folder_of(path));
                }
            }
        }
    }
    folders
}

fn folder_of(path: &RepoPath) -> &str {
    path.as_str().rsplit_once('/').map_or(".", |(folder, _)| folder)
}
