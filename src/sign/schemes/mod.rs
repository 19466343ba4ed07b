//! How a signature over a message is checked, by the scheme that the trust root gives the key.

pub mod oidc;
pub mod ssh;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::key::PublicKey;
use crate::base::reason::Result;

/// A signature scheme; a property of the key in the trust root, never of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Scheme {
    /// Raw ed25519 over the message.
    #[serde(rename = "ed25519")]
    Ed25519,
    /// SSHSIG with an ed25519 key and the namespace `countersign`.
    #[serde(rename = "ssh-ed25519")]
    SshEd25519,
}

impl Scheme {
    /// Returns the word that files use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::SshEd25519 => "ssh-ed25519",
        }
    }

    /// Verifies a signature.
    ///
    /// # Errors
    /// `signature.invalid`.
    pub fn verify(self, key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<()> {
        match self {
            Self::Ed25519 => key.verify(message, signature),
            Self::SshEd25519 => ssh::verify(key, message, signature),
        }
    }
}
