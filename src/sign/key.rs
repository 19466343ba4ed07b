//! Ed25519 keys: checked public keys, wiped private keys.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{
    Signature, Signer as _, SigningKey, VerifyingKey,
    pkcs8::{DecodePrivateKey as _, KeypairBytes, spki::der::pem::LineEnding},
};

use super::reasons::{KEY_MALFORMED, KEY_WEAK, SIGNATURE_INVALID};
use crate::base::{
    digest::Digest,
    reason::{Refusal, Result},
    secret::Secret,
};

/// What can sign the message of an envelope, several at once.
pub trait Signer: Send + Sync {
    /// Returns the id of the public key.
    fn key_id(&self) -> Digest;

    /// Signs a message.
    ///
    /// # Errors
    /// Where the key cannot be used: an agent said no, a passphrase was wrong.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>>;
}

/// A public key that is canonical, not weak, and free of torsion.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Takes 32 bytes.
    ///
    /// # Errors
    /// `key.malformed` for anything that is no point, `key.weak` for one that must not be trusted.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let raw: [u8; 32] = bytes
            .try_into()
            .map_err(|_| Refusal::new(KEY_MALFORMED, format!("a public key of {} bytes", bytes.len())))?;
        let key =
            VerifyingKey::from_bytes(&raw).map_err(|_| Refusal::new(KEY_MALFORMED, "not a point of the curve"))?;
        let point = key.to_edwards();
        if key.is_weak() || !point.is_torsion_free() || point.compress().to_bytes() != raw {
            return Err(Refusal::new(KEY_WEAK, "the key is of small or mixed order, or not canonical"));
        }
        Ok(Self(key))
    }

    /// Reads the base64 form of the trust root.
    ///
    /// # Errors
    /// As [`PublicKey::from_bytes`].
    pub fn from_base64(text: &str) -> Result<Self> {
        let bytes = STANDARD.decode(text).map_err(|_| Refusal::new(KEY_MALFORMED, "the public key is not base64"))?;
        Self::from_bytes(&bytes)
    }

    /// Returns the base64 form of the trust root.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0.as_bytes())
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Returns the key's id: the framed SHA-256 of its bytes, the same under every scheme.
    #[must_use]
    pub fn id(&self) -> Digest {
        Digest::framed("key", [self.0.as_bytes()])
    }

    /// Verifies strictly: no malleable or small-order signature passes.
    ///
    /// # Errors
    /// `signature.invalid`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        let signature = Signature::from_slice(signature).map_err(|_| invalid())?;
        self.0.verify_strict(message, &signature).map_err(|_| invalid())
    }
}

fn invalid() -> Refusal {
    Refusal::new(SIGNATURE_INVALID, "the signature does not fit the key and the message")
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

/// A private key: only the seed is kept, the public key always follows from it.
pub struct PrivateKey(SigningKey);

impl PrivateKey {
    /// Makes a key from 32 random bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Reads a PKCS#8 PEM, version 1 or 2; a public half that does not fit the seed is refused.
    ///
    /// # Errors
    /// `key.malformed`.
    pub fn from_pem(pem: &Secret) -> Result<Self> {
        SigningKey::from_pkcs8_pem(pem.expose().trim())
            .map(Self)
            .map_err(|_| Refusal::new(KEY_MALFORMED, "not a PKCS#8 PEM of an ed25519 key"))
    }

    /// Returns the PKCS#8 version 1 PEM, which OpenSSL reads too.
    ///
    /// # Errors
    /// `key.malformed`, which no key that exists can give.
    pub fn to_pem(&self) -> Result<Secret> {
        use ed25519_dalek::pkcs8::EncodePrivateKey as _;
        KeypairBytes { secret_key: self.0.to_bytes(), public_key: None }
            .to_pkcs8_pem(LineEnding::LF)
            .map(|pem| Secret::new(pem.to_string()))
            .map_err(|_| Refusal::new(KEY_MALFORMED, "the key cannot be written"))
    }

    /// Returns the public key.
    ///
    /// # Errors
    /// `key.weak`, which no key made from a seed can give.
    pub fn public(&self) -> Result<PublicKey> {
        PublicKey::from_bytes(self.0.verifying_key().as_bytes())
    }
}

impl Signer for PrivateKey {
    fn key_id(&self) -> Digest {
        Digest::framed("key", [self.0.verifying_key().as_bytes()])
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        Ok(self.0.sign(message).to_bytes().to_vec())
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.key_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_round_trip_gives_the_same_key() {
        let key = PrivateKey::from_seed(&[7; 32]);
        let again = PrivateKey::from_pem(&key.to_pem().unwrap()).unwrap();
        assert_eq!(key.key_id(), again.key_id());
        assert!(key.to_pem().unwrap().expose().starts_with("-----BEGIN PRIVATE KEY-----"));
    }

    #[test]
    fn b17_a_pair_whose_halves_disagree_is_refused() {
        use ed25519_dalek::pkcs8::{EncodePrivateKey as _, PublicKeyBytes};
        let other = PrivateKey::from_seed(&[8; 32]).public().unwrap();
        let pem = KeypairBytes { secret_key: [7; 32], public_key: Some(PublicKeyBytes(*other.as_bytes())) }
            .to_pkcs8_pem(LineEnding::LF)
            .unwrap();
        assert_eq!(PrivateKey::from_pem(&Secret::new(pem.to_string())).unwrap_err().code(), "key.malformed");
    }

    #[test]
    fn b16_weak_and_non_canonical_keys_are_refused() {
        let mut identity = [0_u8; 32];
        identity[0] = 1;
        let mut order_four = [0_u8; 32];
        order_four[0] = 0;
        let mut non_canonical = [0xff_u8; 32];
        non_canonical[0] = 0xee;
        non_canonical[31] = 0x7f;
        for bad in [identity, order_four, non_canonical] {
            assert!(matches!(PublicKey::from_bytes(&bad).unwrap_err().code(), "key.weak" | "key.malformed"));
        }
    }

    #[test]
    fn b52_debug_shows_no_key() {
        let key = PrivateKey::from_seed(&[7; 32]);
        assert!(!format!("{key:?}").contains(&hex::encode([7_u8; 32])));
    }
}
