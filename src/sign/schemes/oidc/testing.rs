//! An issuer with keys of its own that signs whatever it is told; for unit tests and integration tests alike.

use std::sync::OnceLock;

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// Two RSA keys and one on P-256, made once a process.
pub(crate) struct Keys {
    rsa: [RsaKeyPair; 2],
    ec: EcdsaKeyPair,
}

/// Which key signs, and what the header says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The RSA key that the issuer lists as `rsa-1`.
    Rsa,
    /// An RSA key that it does not list.
    Stranger,
    /// The key on P-256 that it lists as `ec-1`.
    Ec,
    /// HMAC with the bytes of the public RSA key.
    Hmac,
    /// Nobody: four bytes in place of a signature.
    Nobody,
}

/// Returns the keys.
pub(crate) fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys {
        rsa: [KeySize::Rsa2048, KeySize::Rsa2048].map(|size| RsaKeyPair::generate(size).unwrap()),
        ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
    })
}

/// Returns base64url without padding.
pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns modulus and exponent of a public key in PKCS #1.
fn components(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let integer = |at: usize| {
        let (length, begin) = match der[at + 1] {
            0x82 => (usize::from(der[at + 2]) << 8 | usize::from(der[at + 3]), at + 4),
            0x81 => (usize::from(der[at + 2]), at + 3),
            short => (usize::from(short), at + 2),
        };
        let bytes = &der[begin..begin + length];
        (bytes.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>(), begin + length)
    };
    let (n, after) = integer(4);
    (n, integer(after).0)
}

/// Returns the modulus of the RSA key that is listed.
#[allow(dead_code, reason = "shared by two programs that each use a part")]
pub(crate) fn rsa_modulus() -> Vec<u8> {
    components(keys().rsa[0].public_key().as_ref()).0
}

/// Returns the listed keys as JWKs.
pub(crate) fn rsa_jwk() -> Value {
    let (n, e) = components(keys().rsa[0].public_key().as_ref());
    json!({ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "rsa-1", "n": base64url(n), "e": base64url(e) })
}

/// Returns the key on P-256 as a JWK.
pub(crate) fn ec_jwk() -> Value {
    let point = keys().ec.public_key().as_ref();
    json!({
        "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "ec-1",
        "x": base64url(&point[1..33]), "y": base64url(&point[33..]),
    })
}

/// Returns the JWKS document of the issuer.
pub(crate) fn jwks() -> Value {
    json!({ "keys": [rsa_jwk(), ec_jwk()] })
}

/// Returns the header that goes with a key.
pub(crate) fn header(by: By) -> Value {
    match by {
        By::Rsa | By::Stranger => json!({ "alg": "RS256", "typ": "JWT", "kid": "rsa-1", "x5t": "rsa-1" }),
        By::Ec => json!({ "alg": "ES256", "typ": "JWT", "kid": "ec-1" }),
        By::Hmac => json!({ "alg": "HS256", "typ": "JWT", "kid": "rsa-1" }),
        By::Nobody => json!({ "alg": "none", "typ": "JWT", "kid": "rsa-1" }),
    }
}

/// Signs bytes.
pub(crate) fn sign(by: By, message: &[u8]) -> Vec<u8> {
    let random = SystemRandom::new();
    let rsa = |key: &RsaKeyPair| {
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
        signature
    };
    match by {
        By::Rsa => rsa(&keys().rsa[0]),
        By::Stranger => rsa(&keys().rsa[1]),
        By::Ec => keys().ec.sign(&random, message).unwrap().as_ref().to_vec(),
        By::Hmac => {
            let secret = hmac::Key::new(hmac::HMAC_SHA256, keys().rsa[0].public_key().as_ref());
            hmac::sign(&secret, message).as_ref().to_vec()
        }
        By::Nobody => vec![0; 4],
    }
}

/// Makes a token.
pub(crate) fn token(by: By, header: &Value, claims: &Value) -> String {
    token_of(by, header.to_string().as_bytes(), claims.to_string().as_bytes())
}

/// Makes a token of exactly these bytes.
pub(crate) fn token_of(by: By, header: &[u8], claims: &[u8]) -> String {
    let signed = format!("{}.{}", base64url(header), base64url(claims));
    let signature = sign(by, signed.as_bytes());
    format!("{signed}.{}", base64url(signature))
}

/// Returns the claims of a job that may execute, as GitHub makes them.
pub(crate) fn claims(issuer: &str, audience: &str, repo_id: &str, owner_id: &str, now: i64) -> Value {
    let commit = "a".repeat(40);
    let workflow = "example/sample/.github/workflows/countersign.yml@refs/heads/main";
    json!({
        "iss": issuer, "aud": audience, "sub": "repo:example/sample:environment:production",
        "jti": "6f6d5b0e-0c9a-4a54-9a4f-000000000001",
        "iat": now, "nbf": now - 600, "exp": now + 300,
        "repository": "example/sample", "repository_id": repo_id,
        "repository_owner": "example", "repository_owner_id": owner_id, "repository_visibility": "private",
        "run_id": "1700", "run_number": "17", "run_attempt": "1", "check_run_id": "9001",
        "event_name": "workflow_dispatch", "actor": "ada", "actor_id": "1",
        "ref": "refs/heads/main", "ref_type": "branch", "ref_protected": "true", "head_ref": "", "base_ref": "",
        "sha": commit, "workflow": "countersign", "workflow_ref": workflow, "workflow_sha": commit,
        "job_workflow_ref": workflow, "job_workflow_sha": commit,
        "environment": "production", "runner_environment": "github-hosted",
    })
}
