//! Why an approval that was given does not count.

use super::{
    binding::Field,
    reasons::{
        APPROVAL_EARLY, APPROVAL_EVIDENCE, APPROVAL_EXPIRED, APPROVAL_LIFETIME, APPROVAL_METHOD, APPROVAL_POLICY,
        APPROVAL_REVOKED, APPROVAL_SCOPE, APPROVAL_STALE, APPROVAL_TOO_OLD, APPROVAL_UNBOUND, APPROVAL_USES,
        APPROVER_AGAIN, APPROVER_NOT_PERSON, APPROVER_PERMISSION, APPROVER_RENAMED, APPROVER_ROLE, APPROVER_SELF,
        APPROVER_UNKNOWN, GATE_UNPROTECTED, REPLAY_ATTEMPT,
    },
};
use crate::base::{
    permission::Permission,
    reason::{REPLAY_CONSUMED, Reason, Refusal},
    time::Timestamp,
};

/// Why an approval does not count, with what was found.
#[derive(Clone, Debug)]
pub enum Invalidation {
    /// It names something else, or something that has changed since.
    Differs(Field),
    /// It expired.
    Expired(Timestamp),
    /// It does not hold yet.
    NotYet(Timestamp),
    /// It is valid for longer than the policy allows.
    TooLong,
    /// It, all approvals of its plan, or its key was revoked.
    Revoked,
    /// All its uses are consumed.
    UsedUp,
    /// Its number of uses does not fit its scope.
    Uses,
    /// It was given by a method that is not accepted.
    Method,
    /// It is the policy's own, and the policy does not permit the plan.
    PolicyMayNot,
    /// The approver had a hand in the plan.
    SelfApproval,
    /// The approver is a program.
    NotAPerson,
    /// The policy lists the approver as an agent.
    Agent,
    /// The approver has none of the roles asked for.
    Role,
    /// It was given longer ago than the policy lets it count.
    TooOld,
    /// The approver, or the key, counts already.
    Again,
    /// The approver named is not the holder of the key.
    Impostor,
    /// The forge's record that it stands on is gone, or was changed.
    EvidenceGone(&'static str),
    /// The approver may do too little in the repository.
    Permission(Permission),
    /// The approver's login on the forge is another than in the trust root, or the account is gone.
    Renamed(Option<String>),
    /// The environment protects nothing.
    Unprotected,
    /// The words with which the run was released do not hold the digest.
    DigestUnnamed,
    /// It was given to another run, or to another attempt of it.
    OtherRun,
    /// Its signature or key does not hold now.
    Signature(Refusal),
}

impl Invalidation {
    /// Returns the stable reason.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Differs(
                Field::Plan
                | Field::Host
                | Field::Repository
                | Field::Owner
                | Field::ChangeRequest
                | Field::Environment
                | Field::Directive,
            ) => APPROVAL_SCOPE,
            Self::Differs(_) => APPROVAL_STALE,
            Self::Expired(_) => APPROVAL_EXPIRED,
            Self::NotYet(_) => APPROVAL_EARLY,
            Self::TooLong => APPROVAL_LIFETIME,
            Self::Revoked => APPROVAL_REVOKED,
            Self::UsedUp => REPLAY_CONSUMED,
            Self::Uses => APPROVAL_USES,
            Self::Method => APPROVAL_METHOD,
            Self::PolicyMayNot => APPROVAL_POLICY,
            Self::SelfApproval => APPROVER_SELF,
            Self::NotAPerson | Self::Agent => APPROVER_NOT_PERSON,
            Self::Role => APPROVER_ROLE,
            Self::TooOld => APPROVAL_TOO_OLD,
            Self::Again => APPROVER_AGAIN,
            Self::Impostor => APPROVER_UNKNOWN,
            Self::EvidenceGone(_) => APPROVAL_EVIDENCE,
            Self::Permission(_) => APPROVER_PERMISSION,
            Self::Renamed(_) => APPROVER_RENAMED,
            Self::Unprotected => GATE_UNPROTECTED,
            Self::DigestUnnamed => APPROVAL_UNBOUND,
            Self::OtherRun => REPLAY_ATTEMPT,
            Self::Signature(refusal) => refusal.reason(),
        }
    }

    /// Returns one sentence for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Differs(field) => format!("the {} differs from the one it was given for", field.words()),
            Self::EvidenceGone(what) => format!("the {what} that it stands on is gone or was changed"),
            Self::Permission(had) => format!("the approver's permission in the repository was `{}`", had.word()),
            Self::Renamed(Some(live)) => format!("the approver is called `{live}` on the forge now"),
            Self::Renamed(None) => "the forge has no account of the approver any more".to_owned(),
            Self::Revoked => "it was taken back".to_owned(),
            Self::Agent => "the policy lists the approver as a program".to_owned(),
            Self::Expired(at) => format!("it expired at {at}"),
            Self::NotYet(at) => format!("it holds from {at} on"),
            Self::Signature(refusal) => refusal.message().to_owned(),
            other => other.reason().summary.to_owned(),
        }
    }
}
