//! The claims of a token, read by name and type.

use serde_json::{Map, Value};

use super::{MAX_TOKEN, jws, refuse_claim};
use crate::{
    base::{reason::Result, text::check_steering, time::Timestamp},
    sign::reasons::{OIDC_CLAIM_MALFORMED, OIDC_CLAIM_MISSING},
};

/// The most bytes of one claim that is read.
const MAX_CLAIM: usize = 1_000;

/// The claims of a token; what is not asked for is not looked at.
#[derive(Clone, Debug)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// Reads a payload, which must be one strict JSON object.
    pub(super) fn read(payload: &[u8]) -> Result<Self> {
        jws::object(payload, "payload", MAX_TOKEN).map(Self)
    }

    /// Returns a claim that must be there: printable ASCII, 1 to 1,000 bytes.
    ///
    /// # Errors
    /// `oidc.claim_missing`, `oidc.claim_malformed`; both name the claim.
    pub fn text(&self, name: &str) -> Result<&str> {
        match self.optional_text(name)? {
            Some(text) => Ok(text),
            None => refuse_claim(OIDC_CLAIM_MISSING, name, "is not there"),
        }
    }

    /// Returns a claim that may be absent; what is there must be a text.
    ///
    /// # Errors
    /// `oidc.claim_malformed`, with the name of the claim.
    pub fn optional_text(&self, name: &str) -> Result<Option<&str>> {
        let malformed = |why| refuse_claim(OIDC_CLAIM_MALFORMED, name, why);
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => malformed("is empty"),
            Some(Value::String(text)) if text.len() > MAX_CLAIM => malformed("is too long"),
            Some(Value::String(text)) if check_steering(text).is_err() => malformed("is not plain text"),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => malformed("is not a text"),
        }
    }

    /// Returns a claim that is a decimal number in a text, without leading zeros: an id or a count.
    ///
    /// # Errors
    /// As [`Claims::text`].
    pub fn decimal(&self, name: &str) -> Result<&str> {
        let text = self.text(name)?;
        if text.len() > 20 || !text.bytes().all(|b| b.is_ascii_digit()) || (text.len() > 1 && text.starts_with('0')) {
            return refuse_claim(OIDC_CLAIM_MALFORMED, name, "is not a decimal number");
        }
        Ok(text)
    }

    /// Returns a claim that is the full id of a commit.
    ///
    /// # Errors
    /// As [`Claims::text`].
    pub fn commit(&self, name: &str) -> Result<&str> {
        let text = self.text(name)?;
        if !is_commit(text) {
            return refuse_claim(OIDC_CLAIM_MALFORMED, name, "is not the full id of a commit");
        }
        Ok(text)
    }

    /// Returns a claim that is a whole number of seconds since 1970.
    ///
    /// # Errors
    /// As [`Claims::text`].
    pub fn seconds(&self, name: &str) -> Result<Timestamp> {
        let Some(value) = self.0.get(name) else {
            return refuse_claim(OIDC_CLAIM_MISSING, name, "is not there");
        };
        match value.as_i64() {
            Some(seconds) if Timestamp::from_unix(seconds).unix() == seconds => Ok(Timestamp::from_unix(seconds)),
            _ => refuse_claim(OIDC_CLAIM_MALFORMED, name, "is not a number of seconds"),
        }
    }

    /// Tells whether a claim is a list.
    pub(super) fn is_list(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(Value::is_array)
    }

    /// Tells whether a claim is there and is anything but an empty text.
    #[must_use]
    pub fn says_something(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| value.as_str() != Some(""))
    }
}

/// Tells whether a text is the full id of a commit: 40 lower-case hex digits.
pub(in crate::sign) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
