//! Proof that an issuer signed a token, without the signature itself.
//!
//! A token is a bearer credential: whoever reads it whole can show it. So what is kept of it for good is header and
//! payload, and in place of the signature a proof of knowing it, which convinces everybody and is of no use to
//! anybody: Guillou and Quisquater, "A paradoxical identity-based signature scheme resulting from zero-knowledge",
//! CRYPTO '88 (GQ1 of ISO/IEC 14888-2), by the heuristic of Fiat and Shamir.
//!
//! An RS256 signature is the number S with S^e = m modulo n, where m is the padded digest of what is signed. The
//! prover takes R at random and fixes A = R^e; the challenge c comes from a hash over everything; the answer is
//! Z = R S^c. Whoever checks computes A = Z^e m^-c, and the hash again. With e = 65,537, a prime, and challenges of
//! 16 bits, who does not know S passes one round with probability 2^-16; all [`ROUNDS`] rounds with 2^-256.

use num_bigint::BigUint;

use super::refuse;
use crate::{
    base::{digest::Digest, reason::Result},
    sign::reasons::OIDC_PROOF,
};

/// How many rounds a proof has, each with a challenge of 16 bits.
pub(super) const ROUNDS: usize = 16;
/// The one public exponent that is taken: every issuer uses it, and the proof needs a prime above all challenges.
pub(super) const EXPONENT: u32 = 65_537;
/// The most bytes of a proof: its challenges, and an answer of 8,192 bits for each round.
pub(super) const MAX_PROOF: usize = 32 + ROUNDS * 1_024;
/// What stands before a SHA-256 in RSASSA-PKCS1-v1_5 (RFC 8017, section 9.2).
const DIGEST_INFO: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

/// The modulus of an issuer's RSA key, big-endian, without leading zeros, whose exponent is [`EXPONENT`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Modulus<'a>(pub(super) &'a [u8]);

/// Proves that the prover knows the issuer's signature over `signed`, for one purpose and no other.
///
/// `random` fills a buffer with bytes that nobody can guess, different at every call.
///
/// # Errors
/// `oidc.proof_invalid` where the signature does not hold, and those of `random`.
pub(super) fn prove(
    modulus: Modulus<'_>,
    signed: &[u8],
    purpose: &Digest,
    signature: &[u8],
    random: &mut dyn FnMut(&mut [u8]) -> Result<()>,
) -> Result<Vec<u8>> {
    let n = BigUint::from_bytes_be(modulus.0);
    let (exponent, secret) = (BigUint::from(EXPONENT), BigUint::from_bytes_be(signature));
    if secret >= n || secret.modpow(&exponent, &n) != modulus.padded(signed) {
        return refuse(OIDC_PROOF, "there is no signature to prove".to_owned());
    }
    let mut blinds = Vec::with_capacity(ROUNDS);
    while blinds.len() < ROUNDS {
        let mut bytes = vec![0; modulus.0.len()];
        random(&mut bytes)?;
        let blind = BigUint::from_bytes_be(&bytes);
        if blind < n && blind != BigUint::ZERO {
            blinds.push(blind);
        }
    }
    let fixed: Vec<Vec<u8>> = blinds.iter().map(|blind| modulus.bytes(&blind.modpow(&exponent, &n))).collect();
    let challenge = challenge(modulus, signed, purpose, &fixed);
    let mut proof = challenge.as_bytes().to_vec();
    for (blind, step) in blinds.iter().zip(steps(&challenge)) {
        proof.extend(modulus.bytes(&(blind * secret.modpow(&BigUint::from(step), &n) % &n)));
    }
    Ok(proof)
}

/// Checks a proof.
///
/// # Errors
/// `oidc.proof_invalid`.
pub(super) fn verify(modulus: Modulus<'_>, signed: &[u8], purpose: &Digest, proof: &[u8]) -> Result<()> {
    let invalid = || refuse(OIDC_PROOF, "it does not fit the token, its purpose and the issuer's key".to_owned());
    let Some((claimed, answers)) = proof.split_first_chunk::<32>() else { return invalid() };
    if modulus.0.is_empty() || answers.len() != ROUNDS * modulus.0.len() {
        return invalid();
    }
    let (n, exponent) = (BigUint::from_bytes_be(modulus.0), BigUint::from(EXPONENT));
    let Some(inverse) = modulus.padded(signed).modinv(&n) else { return invalid() };
    let claimed = Digest::from_bytes(*claimed);
    let mut fixed = Vec::with_capacity(ROUNDS);
    for (answer, step) in answers.chunks(modulus.0.len()).zip(steps(&claimed)) {
        let answer = BigUint::from_bytes_be(answer);
        if answer >= n || answer == BigUint::ZERO {
            return invalid();
        }
        let root = answer.modpow(&exponent, &n) * inverse.modpow(&BigUint::from(step), &n) % &n;
        fixed.push(modulus.bytes(&root));
    }
    if challenge(modulus, signed, purpose, &fixed) == claimed { Ok(()) } else { invalid() }
}

impl Modulus<'_> {
    /// Returns the padded SHA-256 of what is signed, as a number: EMSA-PKCS1-v1_5.
    fn padded(self, signed: &[u8]) -> BigUint {
        let digest = Digest::of(signed);
        let filled = self.0.len().saturating_sub(3 + DIGEST_INFO.len() + 32);
        let parts: [&[u8]; 5] = [&[0, 1], &vec![0xff; filled], &[0], &DIGEST_INFO, digest.as_bytes()];
        BigUint::from_bytes_be(&parts.concat())
    }

    /// Writes a number below the modulus in as many bytes as the modulus has.
    fn bytes(self, number: &BigUint) -> Vec<u8> {
        let bytes = number.to_bytes_be();
        [vec![0; self.0.len().saturating_sub(bytes.len())], bytes].concat()
    }
}

/// Returns the challenge: nothing can be fixed after it is known.
fn challenge(modulus: Modulus<'_>, signed: &[u8], purpose: &Digest, fixed: &[Vec<u8>]) -> Digest {
    let before: [&[u8]; 3] = [modulus.0, signed, purpose.as_bytes()];
    Digest::framed("token-proof", before.into_iter().chain(fixed.iter().map(Vec::as_slice)))
}

/// Takes a challenge apart into one number of 16 bits a round.
fn steps(challenge: &Digest) -> impl Iterator<Item = u16> {
    challenge.as_bytes().as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair))
}

#[cfg(test)]
mod tests {
    use super::{super::testing, *};

    const SIGNED: &[u8] = b"header.payload";

    fn counting() -> impl FnMut(&mut [u8]) -> Result<()> {
        let mut count = 0_u64;
        move |buffer: &mut [u8]| {
            for (index, chunk) in buffer.chunks_mut(32).enumerate() {
                count += 1;
                let bytes = Digest::of(format!("{count}/{index}").as_bytes());
                chunk.copy_from_slice(&bytes.as_bytes()[..chunk.len()]);
            }
            // Below any modulus, whose highest bit is set.
            buffer[0] &= 0x7f;
            Ok(())
        }
    }

    fn made() -> (Vec<u8>, Digest, Vec<u8>) {
        let (modulus, purpose) = (testing::rsa_modulus(), Digest::of(b"purpose"));
        let signature = testing::sign(testing::By::Rsa, SIGNED);
        let proof = prove(Modulus(&modulus), SIGNED, &purpose, &signature, &mut counting()).unwrap();
        (modulus, purpose, proof)
    }

    #[test]
    fn b46_a_proof_convinces_and_holds_no_signature() {
        let (modulus, purpose, proof) = made();
        verify(Modulus(&modulus), SIGNED, &purpose, &proof).unwrap();
        assert_eq!(proof.len(), 32 + ROUNDS * modulus.len());
        let signature = testing::sign(testing::By::Rsa, SIGNED);
        assert!(!proof.windows(signature.len()).any(|window| window == signature));
    }

    #[test]
    fn b40_a_proof_is_for_one_token_one_purpose_and_one_key() {
        let (modulus, purpose, proof) = made();
        let refused = |modulus: &[u8], signed: &[u8], purpose: &Digest, proof: &[u8]| {
            assert_eq!(verify(Modulus(modulus), signed, purpose, proof).unwrap_err().code(), "oidc.proof_invalid");
        };
        refused(&modulus, b"header.another", &purpose, &proof);
        refused(&modulus, SIGNED, &Digest::of(b"another purpose"), &proof);
        let mut other = modulus.clone();
        other[100] ^= 1;
        refused(&other, SIGNED, &purpose, &proof);
        refused(&[], SIGNED, &purpose, &proof);
        for short in [&proof[..0], &proof[..31], &proof[..32], &proof[..proof.len() - 1]] {
            refused(&modulus, SIGNED, &purpose, short);
        }
        refused(&modulus, SIGNED, &purpose, &[proof.as_slice(), &[0]].concat());
        for at in (0..proof.len()).step_by(97) {
            let mut bent = proof.clone();
            bent[at] ^= 1;
            refused(&modulus, SIGNED, &purpose, &bent);
        }
    }

    #[test]
    fn b40_answers_that_are_no_numbers_below_the_modulus_are_refused() {
        let (modulus, purpose, proof) = made();
        let size = modulus.len();
        let n = BigUint::from_bytes_be(&modulus);
        for round in [0, ROUNDS - 1] {
            let at = 32 + round * size;
            let answer = BigUint::from_bytes_be(&proof[at..at + size]);
            for bad in [BigUint::ZERO, n.clone(), &answer + &n] {
                let bytes = bad.to_bytes_be();
                if bytes.len() > size {
                    continue;
                }
                let mut bent = proof.clone();
                bent[at..at + size].fill(0);
                bent[at + size - bytes.len()..at + size].copy_from_slice(&bytes);
                assert!(verify(Modulus(&modulus), SIGNED, &purpose, &bent).is_err());
            }
        }
    }

    /// The attack of who has no signature: choose answers and challenge first, and let the rest follow.
    #[test]
    fn b40_who_knows_no_signature_proves_nothing() {
        let (modulus, purpose, _) = made();
        let answers = vec![7_u8; ROUNDS * modulus.len()].into_iter().map(|byte| byte & 0x7f);
        let chosen = [Digest::of(b"chosen").as_bytes().to_vec(), answers.collect()].concat();
        assert!(verify(Modulus(&modulus), SIGNED, &purpose, &chosen).is_err());
        let zero = [vec![0; 32], vec![1; ROUNDS * modulus.len()]].concat();
        assert!(verify(Modulus(&modulus), SIGNED, &purpose, &zero).is_err());
        for not_it in [testing::sign(testing::By::Stranger, SIGNED), vec![0; modulus.len()], vec![0xff; modulus.len()]]
        {
            let refused = prove(Modulus(&modulus), SIGNED, &purpose, &not_it, &mut counting()).unwrap_err();
            assert_eq!(refused.code(), "oidc.proof_invalid");
        }
    }

    #[test]
    fn b46_no_two_proofs_of_one_signature_share_an_answer() {
        let (modulus, purpose, first) = made();
        let signature = testing::sign(testing::By::Rsa, SIGNED);
        let mut random = |buffer: &mut [u8]| {
            getrandom::fill(buffer).unwrap();
            Ok(())
        };
        let second = prove(Modulus(&modulus), SIGNED, &purpose, &signature, &mut random).unwrap();
        verify(Modulus(&modulus), SIGNED, &purpose, &second).unwrap();
        assert!(first.chunks(modulus.len()).zip(second.chunks(modulus.len())).all(|(a, b)| a != b));
    }
}
