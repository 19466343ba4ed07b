//! What a policy says of a plan, and why, from both sides.

use serde::Serialize;

use crate::base::{
    digest::Digest,
    ident::Id,
    reason::{Reason, Refusal},
    time::Timestamp,
    yaml::Place,
};

use super::{
    condition::Hit,
    reasons::{POLICY_NEEDS_APPROVAL, POLICY_OBJECTION, POLICY_PERMITTED},
    requirement::{Candidate, Requirement, RequirementStatus},
};

/// What a decision is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To know what would be needed: switches are shown, and do not deny.
    Review,
    /// To execute now: switches deny.
    Execute,
}

/// The three outcomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The plan may run without anybody.
    Permit,
    /// The plan may run when this is met.
    NeedsApproval(Requirement),
    /// The plan must not run.
    Deny,
}

impl Outcome {
    /// Returns the word that outputs and the ledger use.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::NeedsApproval(_) => "needs-approval",
            Self::Deny => "deny",
        }
    }
}

/// One cause of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The stable reason.
    pub reason: Reason,
    /// What was found, lower case, no period.
    pub message: String,
    /// The step, where it is about one.
    pub step: Option<Id>,
    /// The rule, where one is responsible.
    pub rule: Option<Id>,
    /// The place in the policy, where there is one.
    pub place: Option<Place>,
}

/// One check of the whole plan that stands above all rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Stable id.
    pub id: &'static str,
    /// Whether it passed.
    pub passed: bool,
    /// Whether the decision depends on it; a switch does not, in a review.
    pub binding: bool,
    /// What the plan has.
    pub plan: String,
    /// What the policy asks for.
    pub policy: String,
    /// The place in the policy, where there is one.
    pub place: Option<Place>,
}

/// A switch of the policy that will refuse the execution, whoever approves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SwitchedOff {
    /// `execution` or `side-effects`.
    pub id: &'static str,
    /// `FILE:LINE` of the policy.
    pub at: String,
}

impl SwitchedOff {
    /// Says it in one sentence, lower case, no period.
    #[must_use]
    pub fn sentence(&self) -> String {
        let (what, verb) = if self.id == "execution" { ("execution", "is") } else { ("side effects", "are") };
        format!("{what} {verb} switched off by {}: no approval changes that", self.at)
    }
}

/// What a step comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepDecision {
    /// The step.
    pub step: Id,
    /// `permit`, `needs-approval` or `deny`.
    pub outcome: &'static str,
    /// The rules that cover it.
    pub allowed_by: Vec<Id>,
    /// Every rule, in file order.
    pub rules: Vec<RuleTrace>,
}

/// How far one rule matches one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleTrace {
    /// The rule.
    pub rule: Id,
    /// Where it begins.
    pub place: Place,
    /// `permit`, `needsApproval` or `deny`.
    pub then: &'static str,
    /// How far it matches.
    pub hit: Hit,
    /// Every condition, in file order.
    pub conditions: Vec<ConditionTrace>,
}

/// How far one condition holds, from both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionTrace {
    /// The field's name in the file.
    pub name: &'static str,
    /// Where it stands.
    pub place: Place,
    /// How far it holds.
    pub hit: Hit,
    /// What the plan has.
    pub plan: String,
    /// What the policy asks for.
    pub policy: String,
}

/// An entry of the policy that no step of the plan made use of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unused {
    /// `rule`, `program`, `secret` or `environment`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
}

/// What a policy says of a plan; made by [`super::evaluate::evaluate`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub(super) plan: Digest,
    pub(super) policy: Digest,
    pub(super) file: String,
    pub(super) purpose: Purpose,
    pub(super) now: Timestamp,
    pub(super) outcome: Outcome,
    pub(super) causes: Vec<Cause>,
    pub(super) guards: Vec<Guard>,
    pub(super) steps: Vec<StepDecision>,
    pub(super) unused: Vec<Unused>,
}

impl Decision {
    /// Returns the digest of the plan.
    #[must_use]
    pub fn plan(&self) -> Digest {
        self.plan
    }

    /// Returns the digest of the policy.
    #[must_use]
    pub fn policy(&self) -> Digest {
        self.policy
    }

    /// Returns the name of the policy's file.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns what the decision is for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Returns the instant that windows and expiry were held against.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns the outcome.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Returns why; never empty.
    #[must_use]
    pub fn causes(&self) -> &[Cause] {
        &self.causes
    }

    /// Returns the checks that stand above all rules, each with its result.
    #[must_use]
    pub fn guards(&self) -> &[Guard] {
        &self.guards
    }

    /// Returns the switches that will refuse the execution, also where they do not bind the decision yet.
    #[must_use]
    pub fn switched_off(&self) -> Vec<SwitchedOff> {
        let off = self.guards.iter().filter(|guard| !guard.passed && ["execution", "side-effects"].contains(&guard.id));
        let at = |guard: &Guard| guard.place.map_or_else(|| self.file.clone(), |at| format!("{}:{}", self.file, at.0));
        off.map(|guard| SwitchedOff { id: guard.id, at: at(guard) }).collect()
    }

    /// Returns what each step comes to, and each rule's part in it.
    #[must_use]
    pub fn steps(&self) -> &[StepDecision] {
        &self.steps
    }

    /// Returns the entries of the policy that no step made use of.
    #[must_use]
    pub fn unused(&self) -> &[Unused] {
        &self.unused
    }

    /// Returns the stable reason of the first cause.
    #[must_use]
    pub fn reason(&self) -> Reason {
        let fallback = match self.outcome {
            Outcome::Permit => POLICY_PERMITTED,
            Outcome::NeedsApproval(_) => POLICY_NEEDS_APPROVAL,
            Outcome::Deny => super::reasons::POLICY_DEFAULT_DENY,
        };
        self.causes.first().map_or(fallback, |cause| cause.reason)
    }

    /// Returns all causes in one line, joined by ` | `.
    #[must_use]
    pub fn summary(&self) -> String {
        self.causes.iter().map(|cause| cause.message.as_str()).collect::<Vec<_>>().join(" | ")
    }

    /// Tells how far these approvals would meet the decision; `None` where no approval is asked for,
    /// or none could help.
    #[must_use]
    pub fn status(&self, candidates: &[Candidate], now: Timestamp) -> Option<RequirementStatus> {
        match &self.outcome {
            Outcome::NeedsApproval(requirement) => Some(requirement.status(candidates, now)),
            Outcome::Permit | Outcome::Deny => None,
        }
    }

    /// Returns the refusal that a denial is; `None` for any other outcome.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        if self.outcome != Outcome::Deny {
            return None;
        }
        let mut refusal = Refusal::new(self.reason(), self.summary());
        if let Some(cause) = self.causes.first() {
            if let Some(step) = &cause.step {
                refusal = refusal.subject(step.as_str());
            }
            if let Some(place) = cause.place {
                refusal = refusal.hint(format!("see {}:{}", self.file, place.0));
            }
        }
        Some(refusal)
    }

    /// Returns the decision as a denial, for an objection; there is no opinion that makes it anything else.
    #[must_use]
    pub fn objected(mut self, message: impl Into<String>) -> Self {
        let cause = Cause { reason: POLICY_OBJECTION, message: message.into(), step: None, rule: None, place: None };
        match self.outcome {
            Outcome::Deny => self.causes.push(cause),
            // What spoke for it is no reason of a denial.
            Outcome::Permit | Outcome::NeedsApproval(_) => self.causes = vec![cause],
        }
        self.outcome = Outcome::Deny;
        self
    }
}
