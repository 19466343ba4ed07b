//! How a signature over a message is checked, by the scheme that the trust root gives the key.

pub mod oidc;
pub mod ssh;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::oidc::keyless::Voucher;
use super::{key::PublicKey, reasons::SIGNATURE_INVALID, workload::Vouched};
use crate::base::{
    reason::{Refusal, Result},
    time::Timestamp,
};

/// A signature scheme; a property of the key in the trust root, never of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Scheme {
    /// Raw ed25519 over the message.
    #[serde(rename = "ed25519")]
    Ed25519,
    /// SSHSIG with an ed25519 key and the namespace `countersign`.
    #[serde(rename = "ssh-ed25519")]
    SshEd25519,
    /// Ed25519 with a key that a job made for one statement, for which its CI system vouches.
    #[serde(rename = "oidc")]
    Oidc,
}

/// What signatures of a key are checked with.
#[derive(Clone, Debug)]
pub enum Verifier {
    /// A public key.
    Key(PublicKey),
    /// The rule for jobs that hold no key.
    Jobs(Box<Voucher>),
}

impl Verifier {
    /// Returns the public key, where there is one.
    #[must_use]
    pub fn public(&self) -> Option<&PublicKey> {
        match self {
            Self::Key(public) => Some(public),
            Self::Jobs(_) => None,
        }
    }
}

impl Scheme {
    /// Returns the word that files use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::SshEd25519 => "ssh-ed25519",
            Self::Oidc => "oidc",
        }
    }

    /// Verifies a signature that was made at a time; returns the job that made it, where the scheme shows one.
    ///
    /// # Errors
    /// `signature.invalid`, and `oidc.*` for a job's.
    pub fn verify(
        self,
        with: &Verifier,
        message: &[u8],
        signature: &[u8],
        at: Timestamp,
    ) -> Result<Option<Box<Vouched>>> {
        match (self, with) {
            (Self::Ed25519, Verifier::Key(key)) => key.verify(message, signature).map(|()| None),
            (Self::SshEd25519, Verifier::Key(key)) => ssh::verify(key, message, signature).map(|()| None),
            (Self::Oidc, Verifier::Jobs(jobs)) => jobs.verify(message, signature, at).map(|job| Some(Box::new(job))),
            _ => Err(Refusal::new(SIGNATURE_INVALID, "the scheme is not that of the key")),
        }
    }
}
