//! An approval as the state holds it: proven, or not looked at yet.

use super::record::{Record, Signatures};
use crate::{
    base::{digest::Digest, reason::Result, time::Timestamp},
    sign::{envelope::Envelope, predicate::Approval, trust::TrustRoot, verified::Verified},
};

/// An approval with its proof, or one that a signed checkpoint covers and that counts for nothing until it is proven.
#[derive(Clone, Debug)]
pub enum Held {
    /// Its signatures were verified.
    Proven(Box<Verified<Approval>>),
    /// Only its form and its place in the chain were.
    Covered(Box<Covered>),
}

/// An approval whose signatures nobody has looked at in this process.
#[derive(Clone, Debug)]
pub struct Covered {
    envelope: Envelope,
    approval: Approval,
    payload: Digest,
    at: Timestamp,
}

impl Held {
    /// Takes an approval on a checkpoint's word, of an entry that was appended at a time.
    pub(super) fn covered(envelope: &Envelope, approval: Approval, at: Timestamp) -> Self {
        let payload = envelope.payload_digest();
        Self::Covered(Box::new(Covered { envelope: envelope.clone(), approval, payload, at }))
    }

    /// Returns what the approval states, proven or not: enough to say what followed from it in the past.
    #[must_use]
    pub fn stated(&self) -> &Approval {
        match self {
            Self::Proven(approval) => approval.predicate(),
            Self::Covered(covered) => &covered.approval,
        }
    }

    /// Returns SHA-256 of the statement: how claims and revocations name the approval.
    #[must_use]
    pub fn payload(&self) -> Digest {
        match self {
            Self::Proven(approval) => approval.payload_digest(),
            Self::Covered(covered) => covered.payload,
        }
    }

    /// Returns the approval, where its signatures were verified: the only form that may permit anything.
    #[must_use]
    pub fn proven(&self) -> Option<&Verified<Approval>> {
        match self {
            Self::Proven(approval) => Some(approval),
            Self::Covered(_) => None,
        }
    }

    /// Returns the keys that signed, or that are said to have: a signature that names a trusted key and does not
    /// hold is refused when it is looked at, so these are never fewer.
    #[must_use]
    pub fn keys(&self) -> Vec<Digest> {
        match self {
            Self::Proven(approval) => approval.signatories().iter().map(|signatory| signatory.key.id).collect(),
            Self::Covered(covered) => {
                covered.envelope.signatures().iter().filter_map(|signature| signature.keyid.parse().ok()).collect()
            }
        }
    }

    /// Verifies the signatures as for an entry that nothing covers; does nothing where that was done.
    ///
    /// # Errors
    /// As [`Record::open`].
    pub fn prove(&mut self, root: &TrustRoot) -> Result<()> {
        if let Self::Covered(covered) = self
            && let (Record::Approval(proven), _) =
                Record::open(&covered.envelope, root, covered.at, Signatures::Verify)?
        {
            *self = proven;
        }
        Ok(())
    }
}
