//! What an entry records, and whose keys may sign it.

use super::{held::Held, opener::Opener, reasons::LEDGER_UNKNOWN_KIND};
use crate::{
    base::{
        digest::Digest,
        reason::{Refusal, Result},
        text,
        time::Timestamp,
    },
    sign::{
        envelope::Envelope,
        evidence::Evidence,
        predicate::{
            Actor, Approval, Checkpoint, Claim, Genesis, Halt, LedgerHead, Note, Outcome, PlanRecord, Rejection,
            Resolution, ReviewRecord, Revocation, StepFinished, StepStarted, Verification,
        },
        stated::Readable,
        statement::{Predicate as _, predicate_name},
        trust::{Duty, TrustRoot},
        verified::{Late, Signatory},
    },
};

/// Which duties let a key sign which kind of entry; a kind that is not listed is refused.
pub static DUTIES: [(&str, &[Duty]); 15] = [
    (Genesis::NAME, &[Duty::Root]),
    (PlanRecord::NAME, &[Duty::Planner, Duty::Approver, Duty::Executor]),
    (ReviewRecord::NAME, &[Duty::Planner, Duty::Approver, Duty::Executor, Duty::Policy]),
    (Approval::NAME, &[Duty::Approver, Duty::Policy, Duty::Gate]),
    (Rejection::NAME, &[Duty::Approver, Duty::Gate]),
    (Revocation::NAME, &[Duty::Approver, Duty::Root, Duty::Gate]),
    (Claim::NAME, &[Duty::Executor]),
    (StepStarted::NAME, &[Duty::Executor]),
    (StepFinished::NAME, &[Duty::Executor]),
    (Verification::NAME, &[Duty::Executor]),
    (Outcome::NAME, &[Duty::Executor]),
    (Checkpoint::NAME, &[Duty::Executor, Duty::Witness]),
    (Halt::NAME, &[Duty::Approver, Duty::Root, Duty::Gate]),
    (Resolution::NAME, &[Duty::Approver, Duty::Root, Duty::Gate]),
    (Note::NAME, &[Duty::Planner, Duty::Approver, Duty::Root]),
];

/// Kinds whose signatures are checked on every read, checkpoint or not: what permits, forbids or anchors.
pub static ALWAYS_VERIFIED: [&str; 7] =
    [Genesis::NAME, Approval::NAME, Rejection::NAME, Revocation::NAME, Checkpoint::NAME, Halt::NAME, Resolution::NAME];

/// How an entry's signatures are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signatures {
    /// All are verified.
    Verify,
    /// A signed checkpoint covers the entry: only [`ALWAYS_VERIFIED`] kinds are verified.
    Covered,
    /// As [`Signatures::Covered`], and approvals are verified when they are about to matter: [`Held::prove`].
    Deferred,
}

/// What an entry records.
#[derive(Clone, Debug)]
pub enum Record {
    /// The ledger began.
    Genesis(Genesis),
    /// A plan was recorded.
    Plan(PlanRecord),
    /// The policy was asked.
    Review(ReviewRecord),
    /// Somebody agreed; kept with its proof, because it permits.
    Approval(Held),
    /// Somebody said no.
    Rejection(Rejection),
    /// Something was taken back.
    Revocation(Revocation),
    /// A run took its approvals.
    Claim(Claim),
    /// A step was about to act.
    StepStarted(StepStarted),
    /// An attempt of a step ended.
    StepFinished(StepFinished),
    /// A step was read back.
    Verification(Verification),
    /// A run was over.
    Outcome(Outcome),
    /// All up to an entry was verified.
    Checkpoint(Checkpoint),
    /// Everything stopped, or went on.
    Halt(Halt),
    /// A step of unknown outcome was decided.
    Resolution(Resolution),
    /// Somebody wrote something about a plan.
    Note(Note),
}

/// An entry whose place, signatures and fields were checked.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Position, 0 for the genesis.
    pub seq: u64,
    /// When it was appended.
    pub at: Timestamp,
    /// SHA-256 of its bytes.
    pub hash: Digest,
    /// What it records.
    pub record: Record,
    /// Who signed; empty where a checkpoint covers the entry and the signatures were not looked at.
    pub signatories: Vec<Signatory>,
    /// The key that signed, or is said to have, though the trust root had revoked it by then: what it would permit, the
    /// entry does not.
    pub late: Option<Late>,
}

impl Entry {
    /// Returns how claims and revocations name the approval that the entry holds, where it holds one.
    #[must_use]
    pub fn approval(&self) -> Option<Digest> {
        match &self.record {
            Record::Approval(held) => Some(held.payload()),
            _ => None,
        }
    }
}

impl Record {
    /// Opens the envelope of an entry that was appended at a time.
    ///
    /// A key that the trust root had revoked by then is let pass: whether the entry may stand depends on what the ledger
    /// knew at its place, which [`Late::check_unknown`] judges.
    ///
    /// # Errors
    /// `ledger.unknown_kind`, `ledger.actor`, and those of [`Verified::open`] but `key.revoked`.
    pub fn open(
        envelope: &Envelope,
        root: &TrustRoot,
        at: Timestamp,
        signatures: Signatures,
    ) -> Result<(Self, Vec<Signatory>)> {
        let readable = Readable::new(envelope)?;
        let named = readable.predicate_type();
        let Some((kind, duties)) = predicate_name(named).and_then(|kind| DUTIES.iter().find(|(name, _)| *name == kind))
        else {
            return Err(Refusal::new(LEDGER_UNKNOWN_KIND, format!("`{}`", text::excerpt(named))));
        };
        let verify = match signatures {
            Signatures::Verify => true,
            Signatures::Covered => ALWAYS_VERIFIED.contains(kind),
            Signatures::Deferred => ALWAYS_VERIFIED.contains(kind) && *kind != Approval::NAME,
        };
        let opener = Opener { readable: &readable, root, at, duties, verify };
        match *kind {
            Genesis::NAME => opener.open(Self::Genesis),
            PlanRecord::NAME => opener.open(Self::Plan),
            ReviewRecord::NAME => opener.open(Self::Review),
            Approval::NAME => opener.open_approval(),
            Rejection::NAME => opener.open(Self::Rejection),
            Revocation::NAME => opener.open_revocation(),
            Claim::NAME => opener.open(Self::Claim),
            StepStarted::NAME => opener.open(Self::StepStarted),
            StepFinished::NAME => opener.open(Self::StepFinished),
            Verification::NAME => opener.open(Self::Verification),
            Outcome::NAME => opener.open(Self::Outcome),
            Checkpoint::NAME => opener.open(Self::Checkpoint),
            Halt::NAME => opener.open(Self::Halt),
            Note::NAME => opener.open_note(),
            _ => opener.open(Self::Resolution),
        }
    }

    /// Returns what lies beside the entries because this one names it, by SHA-256.
    #[must_use]
    pub fn objects(&self) -> Vec<Digest> {
        let words = self.decision().and_then(|(_, evidence)| evidence).map(Evidence::words);
        match self {
            Self::Plan(plan) => vec![plan.plan, plan.policy, plan.trust_root],
            _ => words.into_iter().collect(),
        }
    }

    /// Returns the kind, as the predicate type names it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Genesis(_) => Genesis::NAME,
            Self::Plan(_) => PlanRecord::NAME,
            Self::Review(_) => ReviewRecord::NAME,
            Self::Approval(_) => Approval::NAME,
            Self::Rejection(_) => Rejection::NAME,
            Self::Revocation(_) => Revocation::NAME,
            Self::Claim(_) => Claim::NAME,
            Self::StepStarted(_) => StepStarted::NAME,
            Self::StepFinished(_) => StepFinished::NAME,
            Self::Verification(_) => Verification::NAME,
            Self::Outcome(_) => Outcome::NAME,
            Self::Checkpoint(_) => Checkpoint::NAME,
            Self::Halt(_) => Halt::NAME,
            Self::Resolution(_) => Resolution::NAME,
            Self::Note(_) => Note::NAME,
        }
    }

    /// Returns the plan that the record is about, where it is about one.
    #[must_use]
    pub fn plan(&self) -> Option<Digest> {
        match self {
            Self::Plan(r) => Some(r.plan),
            Self::Review(r) => Some(r.plan),
            Self::Approval(r) => Some(r.stated().binding.plan),
            Self::Rejection(r) => Some(r.plan),
            Self::Claim(r) => Some(r.plan),
            Self::StepStarted(r) => Some(r.plan),
            Self::StepFinished(r) => Some(r.plan),
            Self::Verification(r) => Some(r.plan),
            Self::Outcome(r) => Some(r.plan),
            Self::Resolution(r) => Some(r.plan),
            Self::Note(r) => Some(r.plan),
            Self::Genesis(_) | Self::Revocation(_) | Self::Checkpoint(_) | Self::Halt(_) => None,
        }
    }

    /// Returns the run that the record is about, where it is about one.
    #[must_use]
    pub fn run(&self) -> Option<&crate::base::ident::Id> {
        match self {
            Self::Claim(r) => Some(&r.run),
            Self::StepStarted(r) => Some(&r.run),
            Self::StepFinished(r) => Some(&r.run),
            Self::Verification(r) => Some(&r.run),
            Self::Outcome(r) => Some(&r.run),
            Self::Resolution(r) => Some(&r.run),
            _ => None,
        }
    }

    /// Returns the place in the ledger that the signer saw, where the statement names one.
    #[must_use]
    pub fn seen(&self) -> Option<&LedgerHead> {
        match self {
            Self::Plan(r) => Some(&r.ledger),
            Self::Review(r) => Some(&r.ledger),
            Self::Approval(r) => Some(&r.stated().binding.ledger),
            Self::Rejection(r) => Some(&r.ledger),
            Self::Revocation(r) => Some(&r.ledger),
            Self::Claim(r) => Some(&r.ledger),
            Self::Checkpoint(r) => Some(&r.ledger),
            Self::Halt(r) => Some(&r.ledger),
            Self::Resolution(r) => Some(&r.ledger),
            Self::Note(r) => Some(&r.ledger),
            Self::Genesis(_)
            | Self::StepStarted(_)
            | Self::StepFinished(_)
            | Self::Verification(_)
            | Self::Outcome(_) => None,
        }
    }

    /// Returns the version of the trust root that the statement names, where it names one.
    #[must_use]
    pub fn trust_root_version(&self) -> Option<u64> {
        match self {
            Self::Approval(r) => Some(r.stated().binding.trust_root_version),
            Self::Checkpoint(r) => Some(r.trust_root_version),
            _ => None,
        }
    }

    /// Returns who the statement says decided or acted.
    #[must_use]
    pub fn actor(&self) -> Option<&Actor> {
        match self {
            Self::Plan(r) => Some(&r.requested_by),
            Self::Review(r) => Some(&r.reviewed_by),
            Self::Claim(r) => Some(&r.claimed_by),
            other => other.decider(),
        }
    }

    /// Returns who decided: the person whose own key must have signed.
    pub(super) fn decider(&self) -> Option<&Actor> {
        self.decision().map(|(who, _)| who)
    }

    /// Returns who decided, and the platform's record of it where a gate signed for them.
    pub(super) fn decision(&self) -> Option<(&Actor, Option<&Evidence>)> {
        match self {
            Self::Approval(r) => Some((&r.stated().approver, r.stated().evidence.as_deref())),
            Self::Rejection(r) => Some((&r.rejected_by, r.evidence.as_ref())),
            Self::Revocation(r) => Some((&r.revoked_by, r.evidence.as_ref())),
            Self::Halt(r) => Some((&r.by, r.evidence.as_ref())),
            Self::Resolution(r) => Some((&r.resolved_by, r.evidence.as_ref())),
            Self::Note(r) => Some((&r.noted_by, None)),
            _ => None,
        }
    }
}
