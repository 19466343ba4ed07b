//! What happens in a run, as serialisable data; the ledger and the reporters take the same events.

mod status;

pub use status::{RunStatus, StepStatus};

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{digest::Digest, ident::Id, time::Timestamp, value::Scalar};

/// Why something failed, in the six classes that decide what may be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorClass {
    /// May pass by itself: a timeout, a busy server. The only class that is retried.
    Transient,
    /// Something was not allowed.
    Permission,
    /// The other side understood and said no.
    BusinessRule,
    /// The pipeline, the machine or the environment is not set up for it.
    Configuration,
    /// It was done but could not be read back.
    Verification,
    /// A defect of our own.
    Internal,
}

impl ErrorClass {
    /// Returns its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Permission => "permission",
            Self::BusinessRule => "business-rule",
            Self::Configuration => "configuration",
            Self::Verification => "verification",
            Self::Internal => "internal",
        }
    }
}

/// One stream of a program's output: what was kept, and the digest of all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StreamRecord {
    /// SHA-256 of the full stream, also of what was not kept.
    pub digest: Digest,
    /// Length of the full stream, in bytes.
    pub bytes: u64,
    /// Whether the kept text is shorter than the stream.
    pub truncated: bool,
    /// The last part of the text, redacted and made visible, at most 2,000 bytes.
    pub tail: String,
}

/// One action that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ActionRecord {
    /// `run`, `write`, `copy`, `patch`, `commit` or `tag`.
    pub kind: Id,
    /// Path of the program or the file.
    pub target: String,
    /// SHA-256 of the program's binary, or of the file after the action.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<Digest>,
    /// The program's exit code, where it ended by itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signal: Option<i32>,
    /// Standard output.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stdout: Option<StreamRecord>,
    /// Standard error.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stderr: Option<StreamRecord>,
    /// What the sandbox enforced, such as `landlock-abi=7 seccomp net=none`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sandbox: Option<String>,
    /// Processes that outlived the program and were killed.
    pub survivors_killed: u32,
    /// Wall-clock time, in milliseconds.
    pub millis: u64,
}

/// How one attempt of a step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepOutcome {
    /// The status, a final one.
    pub status: StepStatus,
    /// The stable reason code, where the status is no success.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason_code: Option<String>,
    /// The class of the error, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub class: Option<ErrorClass>,
    /// What happened, one line.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub what: Option<String>,
    /// What to do next, one line.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
    /// The actions that ran, the read-back after them.
    pub actions: Vec<ActionRecord>,
    /// How many of `actions`, from the end, are read-back.
    pub verified: u32,
    /// The typed outputs.
    pub outputs: BTreeMap<Id, Scalar>,
}

/// What happens in a run, in the order in which it happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RunEvent {
    /// The run holds its claim and begins.
    RunStarted {
        /// The run.
        run: Id,
        /// SHA-256 of the plan.
        plan: Digest,
        /// How many steps the plan has.
        steps: u32,
        /// When.
        at: Timestamp,
    },
    /// A step is about to act; the event is durable before it does, where the step has a side effect.
    StepStarted {
        /// The step.
        step: Id,
        /// 1 for the first attempt.
        attempt: u32,
        /// The same for every attempt of this step of this run, and no other's; the program gets it too.
        idempotency_key: Digest,
        /// When.
        at: Timestamp,
    },
    /// An attempt of a step ended, or the step will not run.
    StepFinished {
        /// The step.
        step: Id,
        /// The attempt, 0 where the step never started.
        attempt: u32,
        /// How.
        outcome: Box<StepOutcome>,
        /// Whether another attempt follows.
        retrying: bool,
        /// When.
        at: Timestamp,
    },
    /// The run is over.
    RunFinished {
        /// How.
        outcome: RunOutcome,
        /// When.
        at: Timestamp,
    },
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunOutcome {
    /// The status of the run.
    pub status: RunStatus,
    /// The stable reason code, where the status is not `completed`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason_code: Option<String>,
    /// The status of every step.
    pub steps: BTreeMap<Id, StepStatus>,
}
