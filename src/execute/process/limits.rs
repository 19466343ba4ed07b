//! What one program may use of the machine.

use std::{fs, os::unix::fs::MetadataExt as _};

use super::meter::Most;
use crate::base::limits::RunLimits;

/// How many of the user's processes are ours: the runner, whose own are hidden from it, and the keepers.
const OWN: u64 = 64;

/// Limits on each process of a step, in the units of `setrlimit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open descriptors.
    pub open_files: u64,
    /// Processes of the whole user; the kernel does not hold root to it.
    pub processes: Option<u64>,
    /// Address space, in bytes.
    pub address_space: Option<u64>,
    /// Data, in bytes.
    pub data: Option<u64>,
    /// Size of any one file, in bytes.
    pub file_size: Option<u64>,
    /// Processor time, in seconds.
    pub cpu_seconds: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { open_files: 1024, processes: None, address_space: None, data: None, file_size: None, cpu_seconds: None }
    }
}

impl Limits {
    /// Returns the limits of one program: what it declares, or the default, wherever nothing was set before.
    ///
    /// `others` is how many processes and threads the user has; where that is not known, their number has no limit.
    pub(in crate::execute) fn of_program(self, declared: &RunLimits, others: Option<u64>) -> Self {
        let [memory, processes, file, seconds, ..] = declared.effective().map(u64::from);
        Self {
            open_files: self.open_files,
            processes: self.processes.or(others.map(|others| others + OWN + processes)),
            address_space: self.address_space,
            data: self.data.or(Some(memory << 20)),
            file_size: self.file_size.or(Some(file << 20)),
            cpu_seconds: self.cpu_seconds.or(Some(seconds)),
        }
    }

    /// Returns what one program's processes may use together: what it declares, or the default.
    pub(in crate::execute) fn of_all(declared: &RunLimits) -> Most {
        let [_, processes, _, _, memory, disk] = declared.effective().map(u64::from);
        // Where the kernel counts processes, ours are among them.
        Most { memory: memory << 20, processes: processes + OWN, disk: disk << 20 }
    }

    /// Returns the limits as the kernel numbers them. There is never a core file.
    pub(super) fn resources(&self) -> Vec<(u32, u64)> {
        const CPU: u32 = 0;
        const FSIZE: u32 = 1;
        const DATA: u32 = 2;
        const CORE: u32 = 4;
        const NPROC: u32 = 6;
        const NOFILE: u32 = 7;
        const AS: u32 = 9;
        let optional = [
            (CPU, self.cpu_seconds),
            (FSIZE, self.file_size),
            (DATA, self.data),
            (NPROC, self.processes),
            (AS, self.address_space),
        ];
        let set = optional.into_iter().filter_map(|(resource, limit)| Some((resource, limit?)));
        [(CORE, 0), (NOFILE, self.open_files)].into_iter().chain(set).collect()
    }
}

/// Counts the processes and threads of this user, which the kernel counts too when one more is made.
pub(in crate::execute) fn processes_of_user() -> Option<u64> {
    let own = rustix::process::getuid().as_raw();
    let mut count = 0;
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let name = entry.file_name();
        let is_process = name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
        if is_process && entry.metadata().is_ok_and(|data| data.uid() == own) {
            // The folder of threads has a link for each beside its own two; one that has ended meanwhile counts for nothing.
            count += fs::metadata(entry.path().join("task")).map_or(0, |tasks| tasks.nlink().saturating_sub(2));
        }
    }
    Some(count)
}
