//! What the processes of a program use together: the kernel bounds each of them, this their sum.
//!
//! Memory and processes are looked at while the program runs, disk also once it has ended.

use std::{
    collections::BTreeSet,
    ffi::CStr,
    fs,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat},
    io::Errno,
};

use super::{limits::Limits, tree};
use crate::{
    base::limits::RunLimits,
    execute::sandbox::{Grant, Right},
};

/// The least time between two looks.
const PAUSE: Duration = Duration::from_millis(250);
/// Looking may take one part in so many of the time.
const SHARE: u32 = 20;
/// The deepest folder that is looked into; what lies deeper is over the limit.
const MAX_DEPTH: usize = 200;
/// What the kernel counts blocks in, in bytes.
const BLOCK: u64 = 512;

/// What there may be no more of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::execute) enum Excess {
    /// Memory of all processes that no file stands for, shared or not.
    Memory,
    /// Processes and threads.
    Processes,
    /// Disk, taken by files with and without a name.
    Disk,
}

impl Excess {
    /// Says what there was too much of, and by which of a pipeline's `limits`.
    pub(in crate::execute) fn told(self) -> &'static str {
        match self {
            Self::Memory => "hold more memory together than `stepMemoryMib` allows",
            Self::Processes => "are more than `processes` allows",
            Self::Disk => "can write where more disk is taken than `diskMib` allows",
        }
    }
}

/// The most that there may be of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::execute) struct Most {
    /// In bytes.
    pub(in crate::execute) memory: u64,
    /// Processes and threads.
    pub(in crate::execute) processes: u64,
    /// In bytes.
    pub(in crate::execute) disk: u64,
}

/// Measures a program's processes, and the places that it may write.
#[derive(Debug)]
pub(in crate::execute) struct Meter {
    most: Most,
    /// Each is a file or a folder, which counts with all below it, whoever put it there.
    places: Vec<OwnedFd>,
}

impl Meter {
    /// Measures a program with what it declares, and the places of `grants` that it may write.
    pub(in crate::execute) fn new(declared: &RunLimits, grants: Vec<Grant>) -> Arc<Self> {
        let writable = grants.into_iter().filter(|grant| grant.right == Right::Write);
        Arc::new(Self { most: Limits::of_all(declared), places: writable.map(|grant| grant.place).collect() })
    }

    /// Waits until the processes below a keeper use too much, which may be never.
    pub(super) async fn exceeded(self: &Arc<Self>, keeper: i32) -> Excess {
        let mut pause = PAUSE;
        loop {
            tokio::time::sleep(pause).await;
            let (began, meter) = (Instant::now(), self.clone());
            if let Ok(Some(excess)) = tokio::task::spawn_blocking(move || meter.look(keeper)).await {
                return excess;
            }
            pause = PAUSE.max(began.elapsed() * SHARE);
        }
    }

    /// Tells whether what lies where the program could write is too much.
    pub(super) fn is_disk_exceeded(&self) -> bool {
        !self.fits_on_disk(&[])
    }

    fn look(&self, keeper: i32) -> Option<Excess> {
        let processes = tree::below_keeper(keeper);
        let threads: u64 = processes.iter().map(|process| process.threads).sum();
        let pids: Vec<i32> = processes.iter().map(|process| process.pid).collect();
        if threads > self.most.processes {
            Some(Excess::Processes)
        } else if pids.iter().map(|pid| memory_of(*pid)).sum::<u64>() > self.most.memory {
            Some(Excess::Memory)
        } else if !self.fits_on_disk(&pids) {
            Some(Excess::Disk)
        } else {
            None
        }
    }

    fn fits_on_disk(&self, pids: &[i32]) -> bool {
        let mut sum = Sum { left: self.most.disk, seen: BTreeSet::new() };
        // A file that is open has its blocks, whether it has a name or not.
        self.places.iter().all(|place| sum.add(place.as_fd(), c"", 0)) && pids.iter().all(|pid| sum.add_unnamed(*pid))
    }
}

/// Returns a process's memory that no file stands for, in bytes; one that has ended has none.
///
/// Memory that processes share counts for each of them: by whom it is shared cannot be seen.
fn memory_of(pid: i32) -> u64 {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { return 0 };
    let parts = ["RssAnon:", "RssShmem:"];
    let kib = status.lines().filter(|line| parts.iter().any(|part| line.starts_with(part)));
    kib.filter_map(|line| line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()).sum::<u64>() << 10
}

/// Blocks of files, each counted once.
struct Sum {
    left: u64,
    seen: BTreeSet<(u64, u64)>,
}

impl Sum {
    /// Adds a file, or a folder and what lies below it; tells whether it fits.
    ///
    /// What goes away meanwhile takes nothing. What does not let itself be looked at does not fit: the program could
    /// hide there whatever it likes.
    fn add(&mut self, parent: BorrowedFd<'_>, name: &CStr, depth: usize) -> bool {
        let stat = match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH) {
            Ok(stat) => stat,
            Err(e) => return e == Errno::NOENT,
        };
        if !self.take((stat.st_dev, stat.st_ino), stat.st_blocks) {
            return false;
        }
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return true;
        }
        let name = if name.is_empty() { c"." } else { name };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = match openat(parent, name, flags, Mode::empty()) {
            Ok(folder) => folder,
            // Another took its place.
            Err(e) => return matches!(e, Errno::NOENT | Errno::NOTDIR | Errno::LOOP),
        };
        let Ok(entries) = Dir::read_from(&folder) else { return false };
        depth < MAX_DEPTH
            && entries.map_while(std::result::Result::ok).all(|entry| {
                matches!(entry.file_name().to_bytes(), b"." | b"..")
                    || self.add(folder.as_fd(), entry.file_name(), depth + 1)
            })
    }

    /// Adds the files that a process has open and that no folder names.
    fn add_unnamed(&mut self, pid: i32) -> bool {
        let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return true };
        entries.flatten().all(|entry| match fs::metadata(entry.path()) {
            Ok(data) if data.is_file() && data.nlink() == 0 => self.take((data.dev(), data.ino()), data.blocks()),
            _ => true,
        })
    }

    fn take(&mut self, file: (u64, u64), blocks: impl TryInto<u64>) -> bool {
        if self.seen.insert(file) {
            let bytes = blocks.try_into().unwrap_or(u64::MAX).saturating_mul(BLOCK);
            match self.left.checked_sub(bytes) {
                Some(left) => self.left = left,
                None => return false,
            }
        }
        true
    }
}
