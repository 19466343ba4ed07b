//! What one program may use of the machine.

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
        Self {
            open_files: 1024,
            processes: None,
            address_space: None,
            data: None,
            file_size: Some(16 << 30),
            cpu_seconds: Some(86_400),
        }
    }
}

impl Limits {
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
