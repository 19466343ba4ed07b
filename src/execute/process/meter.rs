//! What the processes of a program use together: the kernel bounds each of them, this their sum.
//!
//! Memory and processes are looked at while the program runs, disk also once it has ended.

use std::{
    collections::BTreeSet,
    fs::{self, Metadata},
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use super::tree;

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
    /// Memory that is not a file's, of all processes.
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
    pub(in crate::execute) most: Most,
    /// Each is a file or a folder, which counts with all below it, whoever put it there.
    pub(in crate::execute) places: Vec<OwnedFd>,
}

impl Meter {
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
        let named = self.places.iter().all(|place| {
            let path = format!("/proc/self/fd/{}", place.as_raw_fd());
            fs::metadata(&path).map_or(true, |data| sum.add(Path::new(&path), &data, 0))
        });
        // A file that is open has its blocks, whether it has a name or not.
        named && pids.iter().all(|pid| sum.add_unnamed(*pid))
    }
}

/// Returns a process's memory that no file stands for, in bytes; one that has ended has none.
fn memory_of(pid: i32) -> u64 {
    let Ok(line) = fs::read_to_string(format!("/proc/{pid}/statm")) else { return 0 };
    let mut pages = line.split(' ').skip(1).map_while(|number| number.parse::<u64>().ok());
    let (resident, shared) = (pages.next().unwrap_or(0), pages.next().unwrap_or(0));
    resident.saturating_sub(shared).saturating_mul(rustix::param::page_size() as u64)
}

/// Blocks of files, each counted once.
struct Sum {
    left: u64,
    seen: BTreeSet<(u64, u64)>,
}

impl Sum {
    /// Adds a file, or a folder and what lies below it; tells whether it fits. What goes away meanwhile takes nothing.
    fn add(&mut self, path: &Path, data: &Metadata, depth: usize) -> bool {
        if !self.take(data) {
            return false;
        }
        if !data.is_dir() {
            return true;
        }
        let Ok(entries) = fs::read_dir(path) else { return true };
        depth < MAX_DEPTH
            && entries.flatten().all(|entry| {
                entry.metadata().map_or(true, |data| data.is_symlink() || self.add(&entry.path(), &data, depth + 1))
            })
    }

    /// Adds the files that a process has open and that no folder names.
    fn add_unnamed(&mut self, pid: i32) -> bool {
        let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return true };
        entries.flatten().all(|entry| match fs::metadata(entry.path()) {
            Ok(data) if data.is_file() && data.nlink() == 0 => self.take(&data),
            _ => true,
        })
    }

    fn take(&mut self, data: &Metadata) -> bool {
        if self.seen.insert((data.dev(), data.ino())) {
            match self.left.checked_sub(data.blocks().saturating_mul(BLOCK)) {
                Some(left) => self.left = left,
                None => return false,
            }
        }
        true
    }
}
