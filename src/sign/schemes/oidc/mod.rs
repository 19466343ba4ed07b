//! OIDC ID tokens: what a CI system says of the job that runs, signed by the CI system.
//!
//! RFC 7515 (compact serialisation only), RFC 7517, RFC 7519. Which issuer, which algorithms and which audience
//! count is never read from the token: the trust root and the caller say so.

mod claims;
pub mod jwks;
mod jws;
pub mod keyless;
#[cfg(test)]
mod keyless_tests;
mod proof;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use claims::Claims;
pub(in crate::sign) use claims::is_commit;
pub use jwks::KeySet;

use crate::{
    base::{
        digest::Digest,
        reason::{Reason, Refusal, Result},
        secret::Secret,
        text::excerpt,
        time::{SKEW, Timestamp},
    },
    sign::{
        issuer::Issuer,
        reasons::{
            OIDC_ALGORITHM, OIDC_AUDIENCE, OIDC_CLAIM_MALFORMED, OIDC_CLAIM_MISSING, OIDC_EXPIRED, OIDC_ISSUER,
            OIDC_JWKS_CHANGED, OIDC_LIFETIME, OIDC_NOT_YET,
        },
    },
};

/// The longest that a token may be valid, from issue to expiry, in seconds.
pub const MAX_LIFETIME: i64 = 3_600;
/// The largest token, in bytes.
pub const MAX_TOKEN: usize = 16 << 10;

/// An algorithm of a token's signature; what the trust root does not list for an issuer is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
}

impl Algorithm {
    /// Every algorithm, with the word that files and tokens use for it.
    pub const ALL: [(&'static str, Self); 2] = [("RS256", Self::Rs256), ("ES256", Self::Es256)];

    /// Returns the word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// What a token is asked for: it goes into the audience, so that a token for one purpose counts for no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To execute a plan; the digest is the plan's.
    Execute,
    /// To vouch for a signature of a job without a key; the digest commits to key and statement.
    Approval,
}

/// Returns the only audience that counts: `urn:countersign:v1:<purpose>:sha256:<64 hex>`.
#[must_use]
pub fn audience(purpose: Purpose, digest: &Digest) -> String {
    let purpose = match purpose {
        Purpose::Execute => "execute",
        Purpose::Approval => "approval",
    };
    format!("urn:countersign:v1:{purpose}:{digest}")
}

/// A token of which everything holds: signature, issuer, audience and times.
///
/// Nothing outside of this module can make one, and it does not hold the token itself.
///
/// ```compile_fail
/// use countersign::sign::schemes::oidc::{Claims, Verified};
/// fn forge(claims: Claims, other: Verified) -> Verified {
///     Verified { claims, ..other }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Verified {
    claims: Claims,
    issuer: String,
    audience: String,
    key: String,
    token: Digest,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

impl Verified {
    /// Returns all claims.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Returns the URL of the issuer, byte for byte that of the trust root.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns the audience.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// Returns the id of the issuer's key that signed.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns SHA-256 of the token, which may be recorded where the token may not.
    #[must_use]
    pub fn token(&self) -> Digest {
        self.token
    }

    /// Returns when the issuer made it, by the issuer's clock.
    #[must_use]
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// Checks that the token has been issued and has not expired, by a clock that may differ by [`SKEW`].
    ///
    /// # Errors
    /// `oidc.token_not_yet`, `oidc.token_expired`.
    pub fn check_fresh(&self, now: Timestamp) -> Result<()> {
        if self.issued_at > now.plus(SKEW) {
            return refuse(OIDC_NOT_YET, format!("it is of {}, now is {now}", self.issued_at));
        }
        if now >= self.expires_at.plus(SKEW) {
            return refuse(OIDC_EXPIRED, format!("it expired at {}, now is {now}", self.expires_at));
        }
        Ok(())
    }
}

/// Verifies a token: its form, then its signature, then issuer, audience and times.
///
/// `keys` are the issuer's, fetched just now; `audience` is what the token was asked for.
///
/// # Errors
/// `oidc.*`, by what does not hold.
pub fn verify(token: &Secret, keys: &KeySet, issuer: &Issuer, audience: &str, now: Timestamp) -> Result<Verified> {
    let compact = jws::parse(token.expose())?;
    if !issuer.algorithms.contains(&compact.algorithm) {
        let what = format!("{} is not listed for {}", compact.algorithm.word(), excerpt(&issuer.url));
        return refuse(OIDC_ALGORITHM, what);
    }
    if issuer.jwks.is_some_and(|pinned| pinned != keys.digest()) {
        return refuse(OIDC_JWKS_CHANGED, format!("the keys have {}", keys.digest()));
    }
    keys.verify(&compact)?;
    let claims = Claims::read(&compact.payload)?;
    let iss = claims.text("iss")?;
    if iss != issuer.url {
        return refuse(OIDC_ISSUER, format!("the token is of `{}`", excerpt(iss)));
    }
    check_audience(&claims, audience)?;
    let (issued_at, expires_at) = check_times(&claims, now)?;
    let verified = Verified {
        issuer: iss.to_owned(),
        claims,
        audience: audience.to_owned(),
        key: compact.key,
        token: Digest::of(token.expose().as_bytes()),
        issued_at,
        expires_at,
    };
    verified.check_fresh(now)?;
    Ok(verified)
}

/// Returns the issuer that a token names, so that the right keys can be fetched; nothing says that it is true.
///
/// # Errors
/// `oidc.token_malformed`, `oidc.claim_missing`, `oidc.claim_malformed`.
pub fn unverified_issuer(token: &Secret) -> Result<String> {
    Claims::read(&jws::parse(token.expose())?.payload)?.text("iss").map(str::to_owned)
}

/// The audience is one text; a list, also of one, may name others to whom the token is as good.
fn check_audience(claims: &Claims, expected: &str) -> Result<()> {
    if claims.is_list("aud") {
        return refuse(OIDC_AUDIENCE, "the audience is a list".to_owned());
    }
    let found = claims.text("aud")?;
    if found != expected {
        return refuse(OIDC_AUDIENCE, format!("it is `{}`", excerpt(found)));
    }
    Ok(())
}

/// Checks the times against each other, and `nbf` against now; returns `iat` and `exp`.
fn check_times(claims: &Claims, now: Timestamp) -> Result<(Timestamp, Timestamp)> {
    let [iat, exp, nbf] = ["iat", "exp", "nbf"].map(|name| claims.seconds(name));
    let (iat, exp, nbf) = (iat?, exp?, nbf?);
    let lifetime = exp.since(iat);
    if !(1..=MAX_LIFETIME).contains(&lifetime) {
        return refuse(OIDC_LIFETIME, format!("{lifetime} seconds from issue to expiry"));
    }
    if nbf > now.plus(SKEW) {
        return refuse(OIDC_NOT_YET, format!("it is not valid before {nbf}, now is {now}"));
    }
    Ok((iat, exp))
}

fn refuse<T>(reason: Reason, message: String) -> Result<T> {
    Err(Refusal::new(reason, message))
}

/// Refuses a claim: the message and the subject name it.
fn refuse_claim<T>(reason: Reason, name: &str, why: &str) -> Result<T> {
    debug_assert!(reason == OIDC_CLAIM_MISSING || reason == OIDC_CLAIM_MALFORMED);
    Err(Refusal::new(reason, format!("`{name}` {why}")).subject(name))
}
