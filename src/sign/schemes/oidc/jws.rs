//! The compact serialisation of a signed token, and no other.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{Algorithm, MAX_TOKEN, refuse};
use crate::{
    base::{
        json,
        reason::{Refusal, Result},
        text::{check_steering, excerpt},
    },
    sign::reasons::{OIDC_ALGORITHM, OIDC_HEADER, OIDC_TOKEN_MALFORMED},
};

/// The most bytes of a key's id.
pub(super) const MAX_KEY_ID: usize = 200;
/// Headers that bring a key along, point to one, or change what is signed.
const REFUSED: [&str; 8] = ["jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc"];

/// A token taken apart; nothing in it is verified.
pub(super) struct Compact<'a> {
    /// The algorithm that the header names.
    pub(super) algorithm: Algorithm,
    /// The key that the header names.
    pub(super) key: String,
    /// The bytes that are signed: header and payload as they stand in the token.
    pub(super) signed: &'a [u8],
    /// The payload's bytes.
    pub(super) payload: Vec<u8>,
    /// The signature's bytes.
    pub(super) signature: Vec<u8>,
}

/// Takes a token apart: three parts of base64url without padding, the first a JSON object.
///
/// # Errors
/// `oidc.token_malformed`, `oidc.header_refused`, `oidc.algorithm_refused`.
pub(super) fn parse(token: &str) -> Result<Compact<'_>> {
    if token.len() > MAX_TOKEN {
        return malformed(format!("{} bytes, the limit is {MAX_TOKEN}", token.len()));
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        return malformed(format!("{} parts in place of 3", parts.len()));
    };
    let (algorithm, key) = read_header(&decode(header, "header")?)?;
    Ok(Compact {
        algorithm,
        key,
        signed: token.as_bytes().get(..header.len() + 1 + payload.len()).unwrap_or_default(),
        payload: decode(payload, "payload")?,
        signature: decode(signature, "signature")?,
    })
}

/// A token without its signature taken apart; nothing in it is verified.
pub(super) struct Shown<'a> {
    /// The algorithm that the header names.
    pub(super) algorithm: Algorithm,
    /// The key that the header names.
    pub(super) key: String,
    /// The bytes that were signed.
    pub(super) signed: &'a [u8],
    /// The payload's bytes.
    pub(super) payload: Vec<u8>,
}

/// Takes the first two parts of a token apart, as [`parse`] does; a third is refused.
///
/// # Errors
/// As [`parse`].
pub(super) fn parse_shown(token: &str) -> Result<Shown<'_>> {
    if token.len() > MAX_TOKEN {
        return malformed(format!("{} bytes, the limit is {MAX_TOKEN}", token.len()));
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload] = parts[..] else { return malformed(format!("{} parts in place of 2", parts.len())) };
    let (algorithm, key) = read_header(&decode(header, "header")?)?;
    Ok(Shown { algorithm, key, signed: token.as_bytes(), payload: decode(payload, "payload")? })
}

/// Reads one strict JSON object.
pub(super) fn object(bytes: &[u8], what: &str, limit: usize) -> Result<Map<String, Value>> {
    match json::parse(bytes, limit) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => malformed(format!("the {what} is no JSON object")),
        Err(refusal) => malformed(format!("the {what} is no strict JSON: {}", refusal.message())),
    }
}

/// Decodes base64url; its one form only: no padding, no white space, no bits left over.
pub(super) fn decode(text: &str, what: &str) -> Result<Vec<u8>> {
    match URL_SAFE_NO_PAD.decode(text) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => malformed(format!("the {what} is no base64url in its one form")),
    }
}

fn read_header(bytes: &[u8]) -> Result<(Algorithm, String)> {
    let header = object(bytes, "header", MAX_TOKEN)?;
    if let Some(name) = REFUSED.iter().find(|name| header.contains_key(**name)) {
        return Err(Refusal::new(OIDC_HEADER, format!("the header holds `{name}`")).subject(*name));
    }
    if header.get("typ").is_some_and(|kind| kind != "JWT") {
        return Err(Refusal::new(OIDC_HEADER, "the header's `typ` is not `JWT`").subject("typ"));
    }
    let word = |name: &str| header.get(name).and_then(Value::as_str);
    let named = word("alg").unwrap_or_default();
    let Some((_, algorithm)) = Algorithm::ALL.iter().find(|(word, _)| *word == named) else {
        return refuse(OIDC_ALGORITHM, format!("the token says `{}`", excerpt(named)));
    };
    match word("kid") {
        Some(key) if (1..=MAX_KEY_ID).contains(&key.len()) && check_steering(key).is_ok() => {
            Ok((*algorithm, key.to_owned()))
        }
        _ => malformed("the header names no key".to_owned()),
    }
}

fn malformed<T>(why: String) -> Result<T> {
    refuse(OIDC_TOKEN_MALFORMED, why)
}
