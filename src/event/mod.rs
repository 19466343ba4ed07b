//! What happens in a run, as serialisable data; the ledger and the reporters take the same events.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{digest::Digest, ident::Id, time::Timestamp, value::Scalar};

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepStatus {
    /// Waits for other steps.
    Pending,
    /// May start.
    Ready,
    /// Runs.
    Running,
    /// Its read-back runs.
    Verifying,
    /// Done, and read back.
    Succeeded,
    /// Ended otherwise than the plan allows.
    Failed,
    /// Ran into its time limit and was killed.
    TimedOut,
    /// Its program was never started.
    CouldNotStart,
    /// Not run, for a reason that is no failure.
    Skipped,
    /// Refused by a check just before its start.
    Denied,
    /// Stopped by an interrupt or a halt.
    Cancelled,
    /// Not run because a step it needs did not succeed.
    Blocked,
    /// Started, and nobody knows how it ended.
    Indeterminate,
}

impl StepStatus {
    /// Tells whether the step will not change any more in this run.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Ready | Self::Running | Self::Verifying)
    }
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    /// The plan is recorded, nobody has been asked.
    Drafted,
    /// The plan waits for people.
    AwaitingApproval,
    /// Enough people agreed.
    Approved,
    /// A run holds the approval.
    Claimed,
    /// Steps run.
    Running,
    /// The read-back runs.
    Verifying,
    /// All steps succeeded.
    Completed,
    /// A person said no.
    Rejected,
    /// Its time is over.
    Expired,
    /// A later revision took its place.
    Superseded,
    /// The approval was taken back.
    Revoked,
    /// A halt stopped it.
    Halted,
    /// A step failed.
    Failed,
    /// An interrupt stopped it before any doubt arose.
    Cancelled,
    /// A step started and nobody knows how it ended.
    Indeterminate,
}

impl RunStatus {
    /// Tells whether the plan can never run again under this status.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Rejected | Self::Expired | Self::Superseded | Self::Revoked)
    }
}

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
