//! The only door to execution.

use crate::{base::digest::Digest, plan::model::Plan};

/// A plan of which every required check has just passed, in this process.
///
/// Nothing outside this room can make one, and `execute` takes nothing else.
#[derive(Debug)]
pub struct VerifiedPlan {
    plan: Plan,
    digest: Digest,
}

impl VerifiedPlan {
    /// Returns the plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the SHA-256 of the plan's bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Makes one without any check, for unit tests of `execute`.
    #[cfg(test)]
    pub(crate) fn unchecked(plan: Plan, digest: Digest) -> Self {
        Self { plan, digest }
    }
}
