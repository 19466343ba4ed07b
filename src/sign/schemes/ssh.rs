//! SSHSIG, <https://github.com/openssh/openssh-portable/blob/V_9_9_P2/PROTOCOL.sshsig>.

use ssh_key::{Algorithm, SshSig, public::KeyData};

use crate::base::reason::{Refusal, Result};
use crate::sign::{
    key::PublicKey,
    reasons::{KEY_MALFORMED, SIGNATURE_INVALID},
};

/// The namespace that every signature of ours has, so that one made for mail or git counts nothing here.
pub const NAMESPACE: &str = "countersign";

/// Verifies an armored SSHSIG over a message, strictly, with the key of the trust root.
///
/// # Errors
/// `signature.invalid` for another namespace, algorithm or key, and for a signature that does not hold.
pub fn verify(key: &PublicKey, message: &[u8], armored: &[u8]) -> Result<()> {
    let refuse = |why: &str| Refusal::new(SIGNATURE_INVALID, why.to_owned());
    let signature = SshSig::from_pem(armored).map_err(|_| refuse("not an SSH signature"))?;
    if signature.namespace() != NAMESPACE {
        return Err(refuse("the SSH signature was made for another purpose"));
    }
    match signature.public_key() {
        KeyData::Ed25519(public) if public.0 == *key.as_bytes() => {}
        _ => return Err(refuse("the SSH signature is by another key")),
    }
    if signature.algorithm() != Algorithm::Ed25519 {
        return Err(refuse("the SSH signature is of another algorithm"));
    }
    let signed = SshSig::signed_data(signature.namespace(), signature.hash_alg(), message)
        .map_err(|_| refuse("not an SSH signature"))?;
    key.verify(&signed, signature.signature_bytes())
}

/// Reads an OpenSSH public key line, `ssh-ed25519 AAAA... comment`.
///
/// # Errors
/// `key.malformed` for any other kind of key, `key.weak`.
pub fn public_key(line: &str) -> Result<PublicKey> {
    let refuse = || Refusal::new(KEY_MALFORMED, "not an OpenSSH ed25519 public key");
    let parsed = ssh_key::PublicKey::from_openssh(line.trim()).map_err(|_| refuse())?;
    match parsed.key_data() {
        KeyData::Ed25519(public) => PublicKey::from_bytes(&public.0),
        _ => Err(refuse().hint("only ed25519 keys are taken: make one with `ssh-keygen -t ed25519`")),
    }
}
