//! What the processes of a step may use of the machine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The limits that a program declares; where one is absent its default holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunLimits {
    /// Data that each process may hold, in MiB, 32 to 1,048,576; by default 8,192.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory_mib: Option<u32>,
    /// Processes and threads beside those that the user has when the run begins, 1 to 65,536; by default 4,096.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub processes: Option<u32>,
    /// Size of any one file that is written, in MiB, 1 to 1,048,576; by default 4,096.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file_mib: Option<u32>,
    /// Processor time of each process, in seconds, 1 to 86,400; by default 86,400.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub processor_seconds: Option<u32>,
    /// Memory that all processes hold together, in MiB, 32 to 1,048,576; by default 16,384.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub step_memory_mib: Option<u32>,
    /// Disk that is taken at all places it may write, by whomever, in MiB, 1 to 1,048,576; by default 65,536.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub disk_mib: Option<u32>,
}

/// One limit: its bounds, its default, and how it is said.
#[derive(Clone, Copy, Debug)]
pub struct LimitKind {
    /// Its name in a pipeline.
    pub name: &'static str,
    /// Its name for people, with its unit.
    pub label: &'static str,
    /// The least that may be declared.
    pub least: u32,
    /// The most that may be declared.
    pub most: u32,
    /// What holds where nothing is declared.
    pub default: u32,
}

/// The limits there are, in the order of [`RunLimits::declared`].
pub const KINDS: [LimitKind; 6] = [
    LimitKind { name: "memoryMib", label: "memory of each process in MiB", least: 32, most: 1_048_576, default: 8_192 },
    LimitKind {
        name: "processes",
        label: "processes beside those of the user",
        least: 1,
        most: 65_536,
        default: 4_096,
    },
    LimitKind { name: "fileMib", label: "size of any file in MiB", least: 1, most: 1_048_576, default: 4_096 },
    LimitKind {
        name: "processorSeconds",
        label: "processor time of each process in seconds",
        least: 1,
        most: 86_400,
        default: 86_400,
    },
    LimitKind {
        name: "stepMemoryMib",
        label: "memory of all its processes in MiB",
        least: 32,
        most: 1_048_576,
        default: 16_384,
    },
    LimitKind {
        name: "diskMib",
        label: "disk taken where it may write in MiB",
        least: 1,
        most: 1_048_576,
        default: 65_536,
    },
];

impl RunLimits {
    /// Makes limits of values in the order of [`KINDS`].
    #[must_use]
    pub fn of(declared: [Option<u32>; KINDS.len()]) -> Self {
        let [memory_mib, processes, file_mib, processor_seconds, step_memory_mib, disk_mib] = declared;
        Self { memory_mib, processes, file_mib, processor_seconds, step_memory_mib, disk_mib }
    }

    /// Returns what is declared, in the order of [`KINDS`].
    #[must_use]
    pub fn declared(&self) -> [Option<u32>; KINDS.len()] {
        let Self { memory_mib, processes, file_mib, processor_seconds, step_memory_mib, disk_mib } = *self;
        [memory_mib, processes, file_mib, processor_seconds, step_memory_mib, disk_mib]
    }

    /// Returns what holds, in the order of [`KINDS`].
    #[must_use]
    pub fn effective(&self) -> [u32; KINDS.len()] {
        let mut all = KINDS.map(|kind| kind.default);
        for (one, declared) in all.iter_mut().zip(self.declared()) {
            *one = declared.unwrap_or(*one);
        }
        all
    }

    /// Tells whether nothing is declared.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the first limit that is out of its bounds.
    #[must_use]
    pub fn out_of_bounds(&self) -> Option<LimitKind> {
        let within = |(kind, value): (&LimitKind, Option<u32>)| {
            value.is_none_or(|value| (kind.least..=kind.most).contains(&value))
        };
        KINDS.iter().zip(self.declared()).find(|pair| !within(*pair)).map(|(kind, _)| *kind)
    }
}
