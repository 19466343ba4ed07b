//! A run as the state holds it, and where its steps stand.

use std::collections::BTreeMap;

use crate::{
    base::{ident::Id, resolve_as::ResolveAs, time::Timestamp},
    event::{RunStatus, StepStatus},
    sign::predicate::Claim,
};

/// A run: the claim that holds it, and what its steps did.
#[derive(Clone, Debug)]
pub struct Run {
    /// The newest claim; a resumed run has had others.
    pub claim: Claim,
    /// The entry of the first claim.
    pub first_claim: u64,
    /// The entry of the newest claim: the fencing token of its steps.
    pub fencing: u64,
    /// When the newest claim was appended.
    pub claimed_at: Timestamp,
    /// Steps that said anything.
    pub steps: BTreeMap<Id, StepState>,
    /// The entry that last started each step of which it is not known how it ended: a resolution must have seen it.
    pub opened: BTreeMap<Id, u64>,
    /// How the run ended; `Indeterminate` is no end, a resolution and a new claim lead out of it.
    pub outcome: Option<RunStatus>,
    /// The entry that ended it.
    pub ended: Option<u64>,
    /// Whether the last entry of the run is a read-back.
    pub verifying: bool,
}

/// Where a step of a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// It started, and nothing was heard since.
    Open {
        /// The attempt.
        attempt: u32,
    },
    /// An attempt ended.
    Finished {
        /// The attempt, 0 where it never started.
        attempt: u32,
        /// How it ended; `Indeterminate` where the executor itself did not know.
        status: StepStatus,
        /// Whether another attempt was to follow.
        retrying: bool,
    },
    /// Nobody knew how it ended, and a person decided.
    Resolved {
        /// The attempt of unknown outcome.
        attempt: u32,
        /// How it is taken.
        taken: ResolveAs,
    },
}

impl StepState {
    /// Tells whether only a signed resolution leads on, should the executor be gone.
    #[must_use]
    pub fn is_unknown(self) -> bool {
        matches!(self, Self::Open { .. } | Self::Finished { status: StepStatus::Indeterminate, .. })
    }

    /// Returns the attempt.
    #[must_use]
    pub fn attempt(self) -> u32 {
        match self {
            Self::Open { attempt } | Self::Finished { attempt, .. } | Self::Resolved { attempt, .. } => attempt,
        }
    }
}

impl Run {
    /// Tells whether the run has ended for good.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.outcome.is_some_and(|status| status != RunStatus::Indeterminate)
    }

    /// Tells whether a step is done, by its program or by a resolution.
    #[must_use]
    pub fn has_succeeded(&self, step: &Id) -> bool {
        matches!(
            self.steps.get(step),
            Some(
                StepState::Finished { status: StepStatus::Succeeded, .. }
                    | StepState::Resolved { taken: ResolveAs::Skip, .. }
            )
        )
    }

    /// Tells whether a new claim may go on with the run: it was neither completed nor given up.
    #[must_use]
    pub fn can_resume(&self) -> bool {
        let aborted = |state: &StepState| matches!(state, StepState::Resolved { taken: ResolveAs::Abort, .. });
        self.outcome != Some(RunStatus::Completed) && !self.steps.values().any(aborted)
    }

    /// Returns the steps that started and of which nobody knows, but perhaps a living executor, how they ended.
    pub fn unknown_steps(&self) -> impl Iterator<Item = &Id> {
        self.steps.iter().filter(|(_, state)| state.is_unknown()).map(|(step, _)| step)
    }
}
