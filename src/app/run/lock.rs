//! Which runs live on this machine: whoever carries one out holds a lock on a file, which dies with the process.
//!
//! The ledger knows that a step started and cannot know whether anybody is still at it. A lock that is held says who
//! must be waited for. A lock that is free says for sure that nobody is at the run any more, where the file names the
//! claim that is the newest: a later one is another process's, perhaps elsewhere. Without a file nothing is known.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    app::reasons::RUN_LIVE,
    base::{
        ident::Id,
        reason::{IO, Refusal, Result},
    },
    ledger::{run::Run, status::Executor},
};

/// How often a lock is tried: who only looks holds it for a moment.
const TRIES: u32 = 5;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(2);

/// Whether other processes may carry out steps of the same run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// They may not.
    Alone,
    /// They may: each has steps of its own.
    Beside,
}

/// A run that this process carries out.
#[derive(Debug)]
pub(crate) struct RunLock {
    path: PathBuf,
    /// Holds the lock until it is closed, by whatever end.
    file: File,
}

impl RunLock {
    /// Takes a run.
    ///
    /// # Errors
    /// `run.live` while another process of this machine carries it out; `io.failed`.
    pub(crate) fn take(git_dir: &Path, run: &Id, hold: Hold) -> Result<Self> {
        let path = place(git_dir, run);
        let failed = |e: io::Error| Refusal::new(IO, format!("cannot write `{}`: {e}", path.display()));
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        for _ in 0..TRIES {
            let file = open(&path).map_err(failed)?;
            if !try_lock(&file, hold).map_err(failed)? {
                return Err(live(run));
            }
            // Whoever let the run go may have removed the file that was locked here.
            if is_at(&file, &path) {
                if hold == Hold::Alone {
                    // What another process claimed is no more.
                    let _ = file.set_len(0);
                }
                return Ok(Self { path, file });
            }
        }
        Err(live(run))
    }

    /// Notes the claim that this process carries out alone: the number of its entry.
    pub(crate) fn claimed(&mut self, fencing: u64) {
        // Where it cannot be written, nothing will be known of this process once it is gone.
        let _ = write!(self.file, "{fencing}").and_then(|()| self.file.flush());
    }

    /// Lets a run go of which everything is on record: nothing need be known of it any more.
    pub(crate) fn forget(self) {
        // A file that stays only says that nobody is at the run.
        let _ = fs::remove_file(&self.path);
    }
}

/// Tells what is known here of who carries out a run; of one that is over nobody is asked.
pub(crate) fn executor(git_dir: &Path, run: Option<&Run>) -> Executor {
    let Some(run) = run.filter(|run| !run.is_over()) else { return Executor::Unseen };
    let path = place(git_dir, &run.claim.run);
    match is_held(&path) {
        Some(true) => Executor::Lives,
        Some(false) if fs::read_to_string(&path).is_ok_and(|claim| claim == run.fencing.to_string()) => Executor::Gone,
        Some(false) | None => Executor::Unseen,
    }
}

/// Refuses a run that another process of this machine carries out.
///
/// # Errors
/// `run.live`.
pub(crate) fn check_free(git_dir: &Path, run: &Id) -> Result<()> {
    match is_held(&place(git_dir, run)) {
        Some(true) => Err(live(run)),
        Some(false) | None => Ok(()),
    }
}

/// Tells whether somebody holds the lock; `None` where there is none.
fn is_held(path: &Path) -> Option<bool> {
    let file = File::open(path).ok()?;
    try_lock(&file, Hold::Alone).ok().map(|free| !free)
}

fn live(run: &Id) -> Refusal {
    Refusal::new(RUN_LIVE, format!("run {run}")).subject(run.as_str())
}

fn place(git_dir: &Path, run: &Id) -> PathBuf {
    git_dir.join("countersign").join("runs").join(run.as_str())
}

/// Opens the file, for reading where another user made it: that is enough for a lock.
fn open(path: &Path) -> io::Result<File> {
    match OpenOptions::new().create(true).append(true).open(path) {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => File::open(path),
        opened => opened,
    }
}

fn try_lock(file: &File, hold: Hold) -> io::Result<bool> {
    for attempt in 0..TRIES {
        if attempt > 0 {
            std::thread::sleep(PAUSE);
        }
        let tried = match hold {
            Hold::Alone => file.try_lock(),
            Hold::Beside => file.try_lock_shared(),
        };
        match tried {
            Ok(()) => return Ok(true),
            Err(fs::TryLockError::WouldBlock) => {}
            Err(fs::TryLockError::Error(e)) => return Err(e),
        }
    }
    Ok(false)
}

fn is_at(file: &File, path: &Path) -> bool {
    let same = |a: fs::Metadata, b: fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    file.metadata().and_then(|here| fs::metadata(path).map(|there| same(here, there))).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e04_a_run_is_held_once_and_what_is_left_of_a_dead_holder_names_its_claim() {
        let dir = tempfile::tempdir().unwrap();
        let (git, run): (_, Id) = (dir.path(), "run-1".parse().unwrap());
        let take = |hold| RunLock::take(git, &run, hold).map_err(|e| e.code());
        let noted = || fs::read_to_string(place(git, &run)).unwrap();
        assert_eq!(is_held(&place(git, &run)), None);
        let mut held = take(Hold::Alone).unwrap();
        held.claimed(17);
        assert_eq!(is_held(&place(git, &run)), Some(true));
        assert_eq!(take(Hold::Alone).unwrap_err(), "run.live");
        assert_eq!(take(Hold::Beside).unwrap_err(), "run.live");
        assert_eq!(check_free(git, &run).unwrap_err().code(), "run.live");
        drop(held);
        assert_eq!(
            (is_held(&place(git, &run)), noted().as_str()),
            (Some(false), "17"),
            "as one that was killed leaves it"
        );
        let shards = [take(Hold::Beside).unwrap(), take(Hold::Beside).unwrap()];
        assert_eq!(take(Hold::Alone).unwrap_err(), "run.live");
        drop(shards);
        let again = take(Hold::Alone).unwrap();
        assert_eq!(noted(), "", "the claim of before is another's");
        again.forget();
        assert_eq!(is_held(&place(git, &run)), None);
    }
}
