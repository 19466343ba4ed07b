//! The lines of an event stream: what a command made, recorded and did, each as it happens.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    base::{digest::Digest, ident::Id, resolve_as::ResolveAs, time::Timestamp},
    event::StepOutcome,
    ledger::{Entry, Record},
    plan::model::Plan,
    report::json_v1::Envelope,
    sign::predicate::{Actor, RevocationTarget},
};

/// A person or program; the number counts, the login is for display.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Who {
    /// The numeric id of the account.
    pub id: u64,
    /// The login, as the record has it.
    pub login: String,
}

/// One line of the stream; `seq` is the entry of the ledger by which it is on record.
///
/// No line holds what a program printed, a value of an output, or a text that somebody wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all_fields = "camelCase")]
pub enum EventLine {
    /// A command began.
    #[serde(rename = "command.started")]
    CommandStarted {
        /// Version of these lines: 1.
        schema_version: u32,
        /// The command, such as `ledger log`.
        command: String,
        /// When.
        at: Timestamp,
    },
    /// A plan was made and sealed; it is not recorded yet.
    #[serde(rename = "plan.made")]
    PlanMade {
        /// SHA-256 of the plan.
        plan: Digest,
        /// The directive's name.
        directive: Id,
        /// How many steps it has.
        steps: u32,
        /// `read`, `write` and so on: the greatest effect of a step.
        effect: String,
        /// When.
        at: Timestamp,
    },
    /// A plan is on record, and can be approved.
    #[serde(rename = "plan.recorded")]
    PlanRecorded {
        /// SHA-256 of the plan.
        plan: Digest,
        /// The directive's name.
        directive: Id,
        /// Who asked for it.
        requested_by: Who,
        /// The plan whose place it takes.
        #[serde(skip_serializing_if = "Option::is_none")]
        supersedes: Option<Digest>,
        /// When it expires.
        expires: Timestamp,
        /// The entry.
        seq: u64,
        /// When.
        at: Timestamp,
    },
    /// A plan waits for people.
    #[serde(rename = "approval.needed")]
    ApprovalNeeded {
        /// SHA-256 of the plan.
        plan: Digest,
        /// How many people agreed so far, where they were counted.
        #[serde(skip_serializing_if = "Option::is_none")]
        have: Option<u64>,
        /// How many must, where they were counted.
        #[serde(skip_serializing_if = "Option::is_none")]
        need: Option<u64>,
        /// When.
        at: Timestamp,
    },
    /// Somebody agreed; whether it counts is found out when the plan is verified.
    #[serde(rename = "approval.recorded")]
    ApprovalRecorded {
        /// SHA-256 of the plan.
        plan: Digest,
        /// SHA-256 of the approval.
        approval: Digest,
        /// Who.
        by: Who,
        /// How: `key`, `ssh`, `terminal`, `comment` and so on.
        method: String,
        /// Until when it holds.
        expires: Timestamp,
        /// The entry.
        seq: u64,
        /// When.
        at: Timestamp,
    },
    /// Somebody said no, for good.
    #[serde(rename = "plan.rejected")]
    PlanRejected {
        /// SHA-256 of the plan.
        plan: Digest,
        /// Who.
        by: Who,
        /// The entry.
        seq: u64,
        /// When.
        at: Timestamp,
    },
    /// A person wrote something about a plan, or changed its labels; what, the ledger holds.
    #[serde(rename = "plan.noted")]
    PlanNoted {
        /// SHA-256 of the plan.
        plan: Digest,
        /// Who.
        by: Who,
        /// The entry.
        seq: u64,
        /// When.
        at: Timestamp,
    },
    /// An approval, all of a plan, or all of a key was taken back.
    #[serde(rename = "approval.revoked")]
    ApprovalRevoked {
        /// What was taken back.
        target: RevocationTarget,
        /// Who did.
        by: Who,
        /// The entry.
        seq: u64,
        /// When.
        at: Timestamp,
    },
    /// A run took its approvals.
    #[serde(rename = "run.claimed")]
    RunClaimed {
        /// SHA-256 of the plan.
        plan: Digest,
        /// The run.
        run: Id,
        /// 1 for the first, one more each time the run is gone on with.
        attempt: u32,
        /// The entry.
        seq: u64,
        /// When.
        at: Timestamp,
    },
    /// A step is about to act.
    #[serde(rename = "step.started")]
    StepStarted {
        /// The run.
        run: Id,
        /// The step.
        step: Id,
        /// 1 for the first attempt.
        attempt: u32,
        /// The entry.
        seq: u64,
        /// When.
        at: Timestamp,
    },
    /// An attempt of a step ended, or the step will not run.
    #[serde(rename = "step.finished")]
    StepFinished {
        /// The run.
        run: Id,
        /// The step.
        step: Id,
        /// The attempt, 0 where the step never started.
        attempt: u32,
        /// `succeeded`, `failed`, `skipped` and so on.
        status: String,
        /// The reason code, where it did not succeed.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason_code: Option<String>,
        /// How long its actions took, in milliseconds.
        millis: u64,
        /// Whether another attempt follows.
        retrying: bool,
        /// The entry.
        seq: u64,
        /// When.
        at: Timestamp,
    },
    /// Somebody said how a step of unknown outcome is to be taken.
    #[serde(rename = "step.resolved")]
    StepResolved {
        /// The run.
        run: Id,
        /// The step.
        step: Id,
        /// How.
        taken: ResolveAs,
        /// Who.
        by: Who,
        /// The entry.
        seq: u64,
        /// When.
        at: Timestamp,
    },
    /// A run is over, well or not.
    #[serde(rename = "run.finished")]
    RunFinished {
        /// SHA-256 of the plan.
        plan: Digest,
        /// The run.
        run: Id,
        /// `completed`, `failed`, `halted` and so on.
        status: Id,
        /// The reason code, where it is not `completed`.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason_code: Option<String>,
        /// The entry.
        seq: u64,
        /// When.
        at: Timestamp,
    },
    /// Everything in the repository stops, or goes on.
    #[serde(rename = "halt.changed")]
    HaltChanged {
        /// Whether it stops.
        halted: bool,
        /// Who said so.
        by: Who,
        /// The entry.
        seq: u64,
        /// When.
        at: Timestamp,
    },
    /// The command ended.
    #[serde(rename = "command.finished")]
    CommandFinished {
        /// What came of it: `done`, `completed`, `refused` and the like.
        decision: String,
        /// `ok`, or the reason code.
        reason_code: String,
        /// The exit code.
        exit_code: u8,
        /// When.
        at: Timestamp,
    },
}

impl EventLine {
    /// Returns the line of a sealed plan.
    #[must_use]
    pub fn made(plan: &Plan, digest: Digest, at: Timestamp) -> Self {
        Self::PlanMade {
            plan: digest,
            directive: plan.directive.name.clone(),
            steps: u32::try_from(plan.steps.len()).unwrap_or(u32::MAX),
            effect: plan.effect.word().to_owned(),
            at,
        }
    }

    /// Returns the line of an entry of the ledger; none for an entry that tells nothing of a plan or a run.
    #[must_use]
    pub fn recorded(entry: &Entry) -> Option<Self> {
        let (seq, at) = (entry.seq, entry.at);
        Some(match &entry.record {
            Record::Plan(plan) => Self::PlanRecorded {
                plan: plan.plan,
                directive: plan.directive.clone(),
                requested_by: who(&plan.requested_by),
                supersedes: plan.supersedes,
                expires: plan.expires,
                seq,
                at,
            },
            Record::Approval(held) => {
                let approval = held.stated();
                Self::ApprovalRecorded {
                    plan: approval.binding.plan,
                    approval: held.payload(),
                    by: who(&approval.approver),
                    method: approval.method.word().to_owned(),
                    expires: approval.expires,
                    seq,
                    at,
                }
            }
            Record::Rejection(no) => Self::PlanRejected { plan: no.plan, by: who(&no.rejected_by), seq, at },
            Record::Note(note) => Self::PlanNoted { plan: note.plan, by: who(&note.noted_by), seq, at },
            Record::Revocation(back) => {
                Self::ApprovalRevoked { target: back.target.clone(), by: who(&back.revoked_by), seq, at }
            }
            Record::Claim(claim) => {
                Self::RunClaimed { plan: claim.plan, run: claim.run.clone(), attempt: claim.attempt, seq, at }
            }
            Record::StepStarted(step) => {
                Self::StepStarted { run: step.run.clone(), step: step.step.clone(), attempt: step.attempt, seq, at }
            }
            Record::StepFinished(step) => {
                let outcome: Option<StepOutcome> = serde_json::from_value(step.outcome.clone()).ok();
                let word = |name: &str| step.outcome[name].as_str().map(str::to_owned);
                Self::StepFinished {
                    run: step.run.clone(),
                    step: step.step.clone(),
                    attempt: step.attempt,
                    status: word("status").unwrap_or_default(),
                    reason_code: word("reasonCode"),
                    millis: outcome.iter().flat_map(|outcome| &outcome.actions).map(|action| action.millis).sum(),
                    retrying: step.retrying,
                    seq,
                    at,
                }
            }
            Record::Outcome(run) => Self::RunFinished {
                plan: run.plan,
                run: run.run.clone(),
                status: run.status.clone(),
                reason_code: run.reason_code.clone(),
                seq,
                at,
            },
            Record::Halt(halt) => Self::HaltChanged { halted: halt.halted, by: who(&halt.by), seq, at },
            Record::Resolution(how) => Self::StepResolved {
                run: how.run.clone(),
                step: how.step.clone(),
                taken: how.resolve_as,
                by: who(&how.resolved_by),
                seq,
                at,
            },
            Record::Genesis(_) | Record::Review(_) | Record::Verification(_) | Record::Checkpoint(_) => return None,
        })
    }

    /// Returns the line of a result by which a plan waits for people; none for any other result.
    #[must_use]
    pub fn waiting(envelope: &Envelope, pending: bool, at: Timestamp) -> Option<Self> {
        let asked = pending || envelope.decision == "needs-approval";
        let result = &envelope.result;
        let named = result["planDigest"].as_str().or(envelope.subject.as_deref());
        let plan = named.filter(|_| asked)?.parse().ok()?;
        Some(Self::ApprovalNeeded {
            plan,
            have: result["approvalsHave"].as_u64(),
            need: result["approvalsNeed"].as_u64(),
            at,
        })
    }

    /// Returns the last line of a command.
    #[must_use]
    pub fn finished(envelope: &Envelope, at: Timestamp) -> Self {
        Self::CommandFinished {
            decision: envelope.decision.clone(),
            reason_code: envelope.reason_code.clone(),
            exit_code: envelope.exit_code,
            at,
        }
    }
}

fn who(actor: &Actor) -> Who {
    Who { id: actor.id, login: actor.login.clone() }
}
