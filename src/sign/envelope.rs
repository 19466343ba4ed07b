//! DSSE envelopes, <https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md>.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use serde_json::{Value, json};

use super::{
    key::Signer,
    reasons::{DSSE_BASE64, DSSE_MALFORMED, DSSE_PAYLOAD_TYPE},
    statement::{Predicate, Statement, Subject},
};
use crate::base::reason::Refusal;
use crate::base::{
    digest::Digest,
    json,
    reason::{LIMIT_COUNT, Result},
};

/// The one payload type that is accepted.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The largest envelope, in bytes: a payload of 1 MiB in base64, and what stands around it.
pub const MAX_ENVELOPE: usize = 1_500_000;
/// The most signatures an envelope may have.
pub const MAX_SIGNATURES: usize = 16;

/// A payload and signatures over it; nothing in it has been verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    payload: Vec<u8>,
    signatures: Vec<Signature>,
}

/// One signature; the key id is a hint and carries no authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Text form of the key's id.
    pub keyid: String,
    /// The raw signature, or the armored SSHSIG.
    pub bytes: Vec<u8>,
}

impl Envelope {
    /// Signs a statement with every signer.
    ///
    /// # Errors
    /// Those of the signers.
    pub fn sign<P: Predicate>(subject: Vec<Subject>, predicate: P, signers: &[&dyn Signer]) -> Result<Self> {
        let payload = json::canonical(&Statement::new(subject, predicate))?;
        let message = pae(PAYLOAD_TYPE, &payload);
        let signatures = signers
            .iter()
            .map(|signer| Ok(Signature { keyid: signer.key_id().to_string(), bytes: signer.sign(&message)? }))
            .collect::<Result<_>>()?;
        Ok(Self { payload, signatures })
    }

    /// Reads an envelope; members that the specification does not name are ignored and never read.
    ///
    /// # Errors
    /// `dsse.*`, `json.*`, `limit.*`.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Self::from_value(&json::parse(bytes, MAX_ENVELOPE)?)
    }

    /// Reads an envelope from a value that a strict parser made.
    ///
    /// # Errors
    /// As [`Envelope::parse`].
    pub fn from_value(value: &Value) -> Result<Self> {
        let malformed = |what: &str| Refusal::new(DSSE_MALFORMED, what.to_owned());
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let payload_type = text("payloadType").ok_or_else(|| malformed("payloadType is missing"))?;
        if payload_type != PAYLOAD_TYPE {
            return Err(Refusal::new(DSSE_PAYLOAD_TYPE, format!("`{}`", crate::base::text::excerpt(payload_type))));
        }
        let payload = decode(text("payload").ok_or_else(|| malformed("payload is missing"))?)?;
        let listed =
            value.get("signatures").and_then(Value::as_array).ok_or_else(|| malformed("signatures are missing"))?;
        if listed.len() > MAX_SIGNATURES {
            return Err(Refusal::new(LIMIT_COUNT, format!("{} signatures", listed.len())));
        }
        let signatures = listed
            .iter()
            .map(|entry| {
                let sig =
                    entry.get("sig").and_then(Value::as_str).ok_or_else(|| malformed("a signature lacks `sig`"))?;
                let keyid = match entry.get("keyid") {
                    None | Some(Value::Null) => "",
                    Some(Value::String(keyid)) => keyid,
                    Some(_) => return Err(malformed("a `keyid` is not a string")),
                };
                Ok(Signature { keyid: keyid.to_owned(), bytes: decode(sig)? })
            })
            .collect::<Result<_>>()?;
        Ok(Self { payload, signatures })
    }

    /// Reads an envelope from the base64 texts of its payload and of its signatures, each beside its key id.
    ///
    /// # Errors
    /// `dsse.base64`, `limit.count`.
    pub fn from_encoded<'a>(payload: &str, signatures: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let signatures: Vec<Signature> = signatures
            .into_iter()
            .take(MAX_SIGNATURES + 1)
            .map(|(keyid, sig)| Ok(Signature { keyid: keyid.to_owned(), bytes: decode(sig)? }))
            .collect::<Result<_>>()?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(Refusal::new(LIMIT_COUNT, format!("more than {MAX_SIGNATURES} signatures")));
        }
        Ok(Self { payload: decode(payload)?, signatures })
    }

    /// Returns the envelope as a JSON value.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let signatures: Vec<Value> = self
            .signatures
            .iter()
            .map(|signature| json!({ "keyid": signature.keyid, "sig": STANDARD.encode(&signature.bytes) }))
            .collect();
        json!({ "payload": STANDARD.encode(&self.payload), "payloadType": PAYLOAD_TYPE, "signatures": signatures })
    }

    /// Returns the canonical bytes of the envelope.
    ///
    /// # Errors
    /// Never for an envelope that exists; the canonicaliser's type says otherwise.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        json::canonical(&self.to_value())
    }

    /// Returns the envelope with one more signature over the same payload; the signer's earlier one is replaced.
    ///
    /// # Errors
    /// That of the signer, `limit.count`.
    pub fn countersigned(&self, signer: &dyn Signer) -> Result<Self> {
        let keyid = signer.key_id().to_string();
        let mut signatures = self.signatures.clone();
        signatures.retain(|signature| signature.keyid != keyid);
        if signatures.len() >= MAX_SIGNATURES {
            return Err(Refusal::new(LIMIT_COUNT, format!("{} signatures", signatures.len())));
        }
        signatures.push(Signature { keyid, bytes: signer.sign(&self.message())? });
        Ok(Self { payload: self.payload.clone(), signatures })
    }

    /// Returns the envelope without the signatures of some key ids.
    #[must_use]
    pub fn without(&self, unwanted: impl Fn(&str) -> bool) -> Self {
        let mut left = self.clone();
        left.signatures.retain(|signature| !unwanted(&signature.keyid));
        left
    }

    /// Adds the signatures of another envelope over the same payload.
    ///
    /// # Errors
    /// `dsse.malformed` where the payloads differ, `limit.count`.
    pub fn join(&mut self, other: &Self) -> Result<()> {
        if self.payload != other.payload {
            return Err(Refusal::new(DSSE_MALFORMED, "the envelopes hold different payloads"));
        }
        for signature in &other.signatures {
            if !self.signatures.contains(signature) {
                self.signatures.push(signature.clone());
            }
        }
        if self.signatures.len() > MAX_SIGNATURES {
            return Err(Refusal::new(LIMIT_COUNT, format!("{} signatures", self.signatures.len())));
        }
        Ok(())
    }

    /// Returns the unverified payload, for display and for asking which check applies.
    #[must_use]
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// Returns the signatures.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Returns SHA-256 of the payload: how other statements name this one.
    #[must_use]
    pub fn payload_digest(&self) -> Digest {
        Digest::of(&self.payload)
    }

    /// Returns the bytes that the signatures are over.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        pae(PAYLOAD_TYPE, &self.payload)
    }
}

/// DSSE's pre-authentication encoding: lengths are in bytes, in decimal, without leading zeros.
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

/// Decodes the one canonical, padded form of either alphabet.
fn decode(text: &str) -> Result<Vec<u8>> {
    // A text that both alphabets decode decodes to the same bytes.
    STANDARD
        .decode(text)
        .or_else(|_| URL_SAFE.decode(text))
        .map_err(|_| Refusal::new(DSSE_BASE64, format!("`{}`", crate::base::text::excerpt(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b05_pae_gives_the_vector_of_the_specification() {
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        assert_eq!(pae("\u{e9}", "\u{e9}".as_bytes()), "DSSEv1 2 \u{e9} 2 \u{e9}".as_bytes());
    }

    fn envelope(payload: &str, payload_type: &str) -> Vec<u8> {
        format!(r#"{{"payload":"{payload}","payloadType":"{payload_type}","signatures":[]}}"#).into_bytes()
    }

    #[test]
    fn b01_another_payload_type_is_refused() {
        for other in ["application/json", "application/vnd.in-toto+json;x=1", "APPLICATION/vnd.in-toto+json", ""] {
            assert_eq!(Envelope::parse(&envelope("e30=", other)).unwrap_err().code(), "dsse.payload_type");
        }
    }

    #[test]
    fn b06_only_the_canonical_base64_form_is_taken() {
        assert!(Envelope::parse(&envelope("e30=", PAYLOAD_TYPE)).is_ok());
        assert!(Envelope::parse(&envelope("_-8=", PAYLOAD_TYPE)).is_ok(), "the URL-safe alphabet");
        for bad in ["e30", "e31=", "e30 =", "e30==", "e3\\n0=", "_+8="] {
            assert_eq!(Envelope::parse(&envelope(bad, PAYLOAD_TYPE)).unwrap_err().code(), "dsse.base64", "{bad}");
        }
    }

    #[test]
    fn b11_more_than_sixteen_signatures_are_refused() {
        let signatures = vec![r#"{"keyid":"","sig":""}"#; 17].join(",");
        let bytes = format!(r#"{{"payload":"","payloadType":"{PAYLOAD_TYPE}","signatures":[{signatures}]}}"#);
        assert_eq!(Envelope::parse(bytes.as_bytes()).unwrap_err().code(), "limit.count");
    }

    #[test]
    fn members_beside_the_specified_ones_are_ignored() {
        let bytes = format!(r#"{{"approved":true,"payload":"e30=","payloadType":"{PAYLOAD_TYPE}","signatures":[]}}"#);
        assert_eq!(Envelope::parse(bytes.as_bytes()).unwrap().unverified_payload(), b"{}");
    }
}
