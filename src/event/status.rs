//! How a step and a run stand: the words that files, statements and outputs share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// Every status.
    pub const ALL: [Self; 13] = [
        Self::Pending,
        Self::Ready,
        Self::Running,
        Self::Verifying,
        Self::Succeeded,
        Self::Failed,
        Self::TimedOut,
        Self::CouldNotStart,
        Self::Skipped,
        Self::Denied,
        Self::Cancelled,
        Self::Blocked,
        Self::Indeterminate,
    ];

    /// Returns the word that files, statements and outputs use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Verifying => "verifying",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed-out",
            Self::CouldNotStart => "could-not-start",
            Self::Skipped => "skipped",
            Self::Denied => "denied",
            Self::Cancelled => "cancelled",
            Self::Blocked => "blocked",
            Self::Indeterminate => "indeterminate",
        }
    }

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
    /// Every status.
    pub const ALL: [Self; 15] = [
        Self::Drafted,
        Self::AwaitingApproval,
        Self::Approved,
        Self::Claimed,
        Self::Running,
        Self::Verifying,
        Self::Completed,
        Self::Rejected,
        Self::Expired,
        Self::Superseded,
        Self::Revoked,
        Self::Halted,
        Self::Failed,
        Self::Cancelled,
        Self::Indeterminate,
    ];

    /// Returns the word that files, statements and outputs use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Drafted => "drafted",
            Self::AwaitingApproval => "awaiting-approval",
            Self::Approved => "approved",
            Self::Claimed => "claimed",
            Self::Running => "running",
            Self::Verifying => "verifying",
            Self::Completed => "completed",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Revoked => "revoked",
            Self::Halted => "halted",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Indeterminate => "indeterminate",
        }
    }

    /// Tells whether the plan can never run again under this status.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Rejected | Self::Expired | Self::Superseded | Self::Revoked)
    }
}

#[cfg(test)]
mod tests {
    use super::{RunStatus, StepStatus};

    #[test]
    fn a_status_has_one_word_wherever_it_stands() {
        for status in StepStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.word());
        }
        for status in RunStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.word());
        }
    }
}
