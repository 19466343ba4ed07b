//! Signatures of a job that holds no key: by one that it made for this statement, for which its CI system vouches.
//!
//! The job makes an ed25519 key, signs, and asks its CI system for a token whose audience commits to key and
//! statement. What it writes down is the public key, the signature, the token without its last part, and a proof of
//! having had that part (`proof`). The private key and the token end with the process.
//!
//! Everything that such a signature is checked with stands in the trust root, the issuer's keys included: it can be
//! verified for good, by anybody, with no network.

use std::collections::BTreeMap;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::{Deserialize, Serialize};

use super::{
    Algorithm, Claims, MAX_TOKEN, Purpose, Verified, audience, check_audience, check_times, jws,
    proof::{self, Modulus},
    refuse,
};
use crate::{
    base::{
        canonical,
        digest::Digest,
        json,
        reason::{Refusal, Result},
        secret::Secret,
        text::excerpt,
        time::Timestamp,
    },
    sign::{
        issuer::{self, Gate, IssuerKey},
        key::{PrivateKey, PublicKey, Signer as _},
        reasons::{OIDC_ALGORITHM, OIDC_ISSUER, OIDC_JWKS, OIDC_KEY_UNKNOWN, SIGNATURE_INVALID, TRUST_MALFORMED},
        workload::{self, Vouched},
    },
};

/// The largest signature of this scheme, in bytes.
const MAX_SIGNATURE: usize = 2 * (MAX_TOKEN + proof::MAX_PROOF);

/// A signature of this scheme, as it is written: canonical JSON.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// The public key that the job made, base64.
    key: String,
    /// The proof of the token's signature, base64.
    proof: String,
    /// The ed25519 signature over the message, base64.
    sig: String,
    /// Header and payload of the token, as they stand in it.
    token: String,
}

/// Whose jobs may sign without a key, ready for use: an issuer's, under the rule that the trust root gives.
#[derive(Clone, Debug)]
pub struct Voucher {
    url: String,
    gate: Gate,
    keys: BTreeMap<String, (Vec<u8>, Option<Timestamp>)>,
    repo_id: String,
    owner_id: String,
}

/// Returns the id under which the trust root lists the jobs of an issuer as a key of a program.
///
/// The program and the rule are part of it, but for the issuer's keys: another rule is another key, and what an earlier
/// one let sign is verified by that one for good.
///
/// # Errors
/// Never for a rule that exists; the canonicaliser's type says otherwise.
pub fn id(url: &str, principal: u64, gate: &Gate) -> Result<Digest> {
    let rule = json::canonical(&Gate { keys: Vec::new(), ..gate.clone() })?;
    Ok(Digest::framed("oidc-key", [url.as_bytes(), principal.to_string().as_bytes(), &rule]))
}

impl Voucher {
    /// Takes the rule for jobs of an issuer, in the trust root of a repository.
    ///
    /// # Errors
    /// `trust.malformed`, `text.*`.
    pub fn new(url: &str, gate: &Gate, repo_id: &str, owner_id: &str) -> Result<Self> {
        issuer::check_gate(url, gate)?;
        let malformed = |why: String| Err(Refusal::new(TRUST_MALFORMED, why));
        let mut keys = BTreeMap::new();
        for key in &gate.keys {
            let modulus = URL_SAFE_NO_PAD.decode(&key.n).unwrap_or_default();
            if super::jwks::check_rsa(&modulus, &[1, 0, 1]).is_err() {
                return malformed(format!("the key `{}` of an issuer is none", excerpt(&key.kid)));
            }
            if keys.insert(key.kid.clone(), (modulus, key.withdrawn_at)).is_some() {
                return malformed(format!("the key `{}` of an issuer is listed twice", excerpt(&key.kid)));
            }
        }
        Ok(Self {
            url: url.to_owned(),
            gate: gate.clone(),
            keys,
            repo_id: repo_id.to_owned(),
            owner_id: owner_id.to_owned(),
        })
    }

    /// Returns the issuer's URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Verifies a signature over a message that was made at a time; returns the job that made it.
    ///
    /// Whether the workflows' commits lie in the history of the base cannot be told here: [`workload::Workload::check_commits`].
    ///
    /// # Errors
    /// `signature.invalid`, `oidc.*`.
    pub fn verify(&self, message: &[u8], signature: &[u8], at: Timestamp) -> Result<Vouched> {
        let malformed = |what: &str| Refusal::new(SIGNATURE_INVALID, format!("a job's signature: {what}"));
        let written: Written =
            canonical::read(signature, MAX_SIGNATURE).map_err(|refusal| malformed(refusal.message()))?;
        let bytes = |text: &str| STANDARD.decode(text).map_err(|_| malformed("not base64 in its one form"));
        let key = PublicKey::from_bytes(&bytes(&written.key)?)?;
        key.verify(message, &bytes(&written.sig)?)?;
        let commitment = commitment(&key, message);
        let token = jws::parse_shown(&written.token)?;
        if token.algorithm != Algorithm::Rs256 {
            return refuse(OIDC_ALGORITHM, format!("{} cannot be proven", token.algorithm.word()));
        }
        proof::verify(self.modulus(&token.key, at)?, token.signed, &commitment, &bytes(&written.proof)?)?;
        let claims = Claims::read(&token.payload)?;
        let iss = claims.text("iss")?;
        if iss != self.url {
            return refuse(OIDC_ISSUER, format!("the token is of `{}`", excerpt(iss)));
        }
        let audience = audience(Purpose::Approval, &commitment);
        check_audience(&claims, &audience)?;
        let (issued_at, expires_at) = check_times(&claims, at)?;
        let issuer = iss.to_owned();
        let shown = Digest::of(token.signed);
        let verified = Verified { issuer, claims, audience, key: token.key, token: shown, issued_at, expires_at };
        verified.check_fresh(at)?;
        let job = workload::admit_gate(&verified, &self.gate, &self.repo_id, &self.owner_id)?;
        Ok(Vouched { key: verified.key, job })
    }

    /// Finds the key of the issuer that a token names, and that counted at a time.
    fn modulus(&self, kid: &str, at: Timestamp) -> Result<Modulus<'_>> {
        match self.keys.get(kid) {
            None => refuse(OIDC_KEY_UNKNOWN, format!("the trust root lists no key `{}` of the issuer", excerpt(kid))),
            Some((_, Some(withdrawn))) if at >= *withdrawn => {
                refuse(OIDC_KEY_UNKNOWN, format!("the key `{}` was withdrawn at {withdrawn}", excerpt(kid)))
            }
            Some((modulus, _)) => Ok(Modulus(modulus)),
        }
    }
}

/// Returns what a token must commit to: the key that a job made, and what it signed with it.
fn commitment(key: &PublicKey, message: &[u8]) -> Digest {
    Digest::framed("job-signature", [key.as_bytes().as_slice(), message])
}

/// A message signed with a key made for it, for which nobody has vouched yet.
pub struct Unvouched {
    key: PublicKey,
    sig: Vec<u8>,
    commitment: Digest,
}

impl Unvouched {
    /// Makes a key of 32 bytes that nobody can guess, signs, and forgets the private half.
    ///
    /// # Errors
    /// `key.weak`, which no key made from a seed can give.
    pub fn sign(seed: &[u8; 32], message: &[u8]) -> Result<Self> {
        let private = PrivateKey::from_seed(seed);
        let key = private.public()?;
        Ok(Self { sig: private.sign(message)?, commitment: commitment(&key, message), key })
    }

    /// Returns the audience of the token that can vouch for this, and for nothing else.
    #[must_use]
    pub fn audience(&self) -> String {
        audience(Purpose::Approval, &self.commitment)
    }

    /// Puts the signature together, with a proof in place of the token's last part.
    ///
    /// `random` fills a buffer with bytes that nobody can guess, different at every call.
    ///
    /// # Errors
    /// `oidc.*` where the token is not one that the voucher's keys signed; whether its claims do, who verifies says.
    pub fn vouched(
        &self,
        voucher: &Voucher,
        token: &Secret,
        at: Timestamp,
        random: &mut dyn FnMut(&mut [u8]) -> Result<()>,
    ) -> Result<Vec<u8>> {
        let compact = jws::parse(token.expose())?;
        if compact.algorithm != Algorithm::Rs256 {
            return refuse(OIDC_ALGORITHM, format!("{} cannot be proven", compact.algorithm.word()));
        }
        let modulus = voucher.modulus(&compact.key, at)?;
        let proof = proof::prove(modulus, compact.signed, &self.commitment, &compact.signature, random)?;
        let shown = std::str::from_utf8(compact.signed).unwrap_or_default().to_owned();
        json::canonical(&Written {
            key: STANDARD.encode(self.key.as_bytes()),
            proof: STANDARD.encode(proof),
            sig: STANDARD.encode(&self.sig),
            token: shown,
        })
    }
}

/// Reads the keys of an issuer's JWKS document that can vouch: RSA, for signatures, with the exponent 65,537.
///
/// # Errors
/// `oidc.jwks_malformed`, also where there is none.
pub fn keys_of(jwks: &super::KeySet) -> Result<Vec<IssuerKey>> {
    let keys = jwks.rsa(proof::EXPONENT);
    if keys.is_empty() {
        return refuse(OIDC_JWKS, "no RSA key whose exponent is 65,537".to_owned());
    }
    let listed =
        |(kid, n): (&str, &[u8])| IssuerKey { kid: kid.to_owned(), n: URL_SAFE_NO_PAD.encode(n), withdrawn_at: None };
    Ok(keys.into_iter().map(listed).collect())
}
