//! The keys of an issuer, as its JWKS document lists them.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::{Map, Value};

use super::{
    Algorithm,
    jws::{self, Compact, MAX_KEY_ID},
    refuse,
};
use crate::{
    base::{
        digest::Digest,
        json,
        reason::{Refusal, Result},
        text::{check_steering, excerpt},
    },
    sign::reasons::{OIDC_ALGORITHM, OIDC_JWKS, OIDC_KEY_UNKNOWN, OIDC_SIGNATURE},
};

/// The largest JWKS document, in bytes.
pub const MAX_BYTES: usize = 256 << 10;
/// The most keys in one.
const MAX_KEYS: usize = 64;
/// Sizes of RSA keys that count, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;
/// What only a private or a shared key has.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The keys of an issuer, each under its id.
#[derive(Clone, Debug)]
pub struct KeySet {
    keys: BTreeMap<String, Key>,
    digest: Digest,
}

#[derive(Clone, Debug)]
enum Key {
    /// Modulus and exponent, big-endian, without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// A point on P-256, uncompressed.
    P256(Vec<u8>),
    /// For something else than signing tokens with an algorithm that we know.
    Other,
}

impl KeySet {
    /// Reads a JWKS document.
    ///
    /// # Errors
    /// `oidc.jwks_malformed`: also for an id that stands twice, a key without one, a private or shared key, and an
    /// RSA key of less than 2,048 bits.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let document = json::parse(bytes, MAX_BYTES)
            .map_err(|refusal| Refusal::new(OIDC_JWKS, format!("no strict JSON: {}", refusal.message())))?;
        let Some(listed) = document.get("keys").and_then(Value::as_array) else { return malformed("there is no list") };
        if listed.len() > MAX_KEYS {
            return malformed(&format!("{} keys, the limit is {MAX_KEYS}", listed.len()));
        }
        let mut keys = BTreeMap::new();
        for key in listed {
            let Some(members) = key.as_object() else { return malformed("a key is no object") };
            let id = match members.get("kid").and_then(Value::as_str) {
                Some(id) if (1..=MAX_KEY_ID).contains(&id.len()) && check_steering(id).is_ok() => id,
                _ => return malformed("a key has no id"),
            };
            if keys.insert(id.to_owned(), Key::read(members)?).is_some() {
                return malformed(&format!("the key `{}` is listed twice", excerpt(id)));
            }
        }
        Ok(Self { keys, digest: Digest::of(bytes) })
    }

    /// Returns SHA-256 of the document's bytes: what a trust root may pin.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the RSA keys for signatures that have a public exponent: ids and moduli, big-endian.
    pub(super) fn rsa(&self, exponent: u32) -> Vec<(&str, &[u8])> {
        let wanted: Vec<u8> = exponent.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
        let fits = self.keys.iter().filter_map(|(id, key)| match key {
            Key::Rsa { n, e } if *e == wanted => Some((id.as_str(), n.as_slice())),
            _ => None,
        });
        fits.collect()
    }

    /// Verifies a token's signature with the one key that it names; the key's type decides, with the algorithm.
    pub(super) fn verify(&self, token: &Compact<'_>) -> Result<()> {
        let Some(key) = self.keys.get(&token.key) else {
            return refuse(OIDC_KEY_UNKNOWN, format!("the issuer lists no key `{}`", excerpt(&token.key)));
        };
        let holds = match (key, token.algorithm) {
            (Key::Rsa { n, e }, Algorithm::Rs256) => RsaPublicKeyComponents { n, e }
                .verify(&RSA_PKCS1_2048_8192_SHA256, token.signed, &token.signature)
                .is_ok(),
            (Key::P256(point), Algorithm::Es256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(token.signed, &token.signature).is_ok()
            }
            _ => {
                let what = format!("the key `{}` is not for {}", excerpt(&token.key), token.algorithm.word());
                return refuse(OIDC_ALGORITHM, what);
            }
        };
        if holds { Ok(()) } else { refuse(OIDC_SIGNATURE, format!("key `{}`", excerpt(&token.key))) }
    }
}

impl Key {
    fn read(members: &Map<String, Value>) -> Result<Self> {
        if let Some(name) = PRIVATE.iter().find(|name| members.contains_key(**name)) {
            return malformed(&format!("a key holds `{name}`, which is nobody's business"));
        }
        let word = |name: &str| members.get(name).and_then(Value::as_str);
        let number = |name: &str| {
            jws::decode(word(name).unwrap_or_default(), name).or_else(|_| malformed("a key's number is no base64url"))
        };
        let fits = |name: &str, wanted: &str| members.get(name).is_none_or(|value| value == wanted);
        let verifies = members
            .get("key_ops")
            .is_none_or(|ops| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op == "verify")));
        let for_signatures = fits("use", "sig") && verifies;
        match word("kty") {
            None => malformed("a key has no type"),
            Some("oct") => malformed("a key is a shared one"),
            Some("RSA") if for_signatures && fits("alg", "RS256") => {
                let (n, e) = (number("n")?, number("e")?);
                check_rsa(&n, &e)?;
                Ok(Self::Rsa { n, e })
            }
            Some("EC") if for_signatures && fits("alg", "ES256") && word("crv") == Some("P-256") => {
                let (x, y) = (number("x")?, number("y")?);
                if x.len() != 32 || y.len() != 32 {
                    return malformed("a point has other than 32 bytes a coordinate");
                }
                Ok(Self::P256([vec![4], x, y].concat()))
            }
            Some(_) => Ok(Self::Other),
        }
    }
}

/// Checks size and form: what is too small, even, or written in more bytes than needed is no key.
pub(super) fn check_rsa(n: &[u8], e: &[u8]) -> Result<()> {
    let leading = |bytes: &[u8]| bytes.first().copied().unwrap_or(0);
    let odd = |bytes: &[u8]| bytes.last().is_some_and(|last| last % 2 == 1);
    let bits = (8 * n.len()).saturating_sub(leading(n).leading_zeros() as usize);
    if leading(n) == 0 || !odd(n) || !RSA_BITS.contains(&bits) {
        return malformed(&format!("an RSA modulus of {bits} bits"));
    }
    if leading(e) == 0 || !odd(e) || e == [1] || e.len() > 4 {
        return malformed("an RSA exponent that is even, 1, or beyond 32 bits");
    }
    Ok(())
}

fn malformed<T>(why: &str) -> Result<T> {
    refuse(OIDC_JWKS, why.to_owned())
}
