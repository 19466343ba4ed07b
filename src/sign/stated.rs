//! What a payload states, as its bytes say: nothing here says who signed it.

use std::borrow::Cow;

use super::{
    envelope::{Envelope, MAX_ENVELOPE},
    reasons::{ATTESTATION_ABSENT, PAYLOAD_MALFORMED, SUBJECT_MISMATCH},
    statement::{MAX_SUBJECTS, Predicate, STATEMENT_TYPE, Statement, Subject, predicate_name},
};
use crate::base::{
    canonical,
    digest::Digest,
    json,
    reason::{LIMIT_COUNT, Refusal, Result},
    text,
};

/// Returns the predicate type of a payload.
///
/// # Errors
/// `payload.malformed`.
pub fn predicate_type(payload: &[u8]) -> Result<String> {
    let value = json::parse(payload, MAX_ENVELOPE).map_err(|e| malformed(&e))?;
    let named = value.get("predicateType").and_then(serde_json::Value::as_str);
    named.map(str::to_owned).ok_or_else(|| Refusal::new(PAYLOAD_MALFORMED, "predicateType is missing"))
}

/// An envelope whose payload was found canonical, so that it is read without being looked through again.
///
/// Nothing but that is known of it: who signed is [`Readable::open`]'s to say.
#[derive(Debug)]
pub struct Readable<'a> {
    envelope: &'a Envelope,
    text: &'a str,
    named: Cow<'a, str>,
}

impl<'a> Readable<'a> {
    /// Checks the form of an envelope's payload.
    ///
    /// # Errors
    /// `payload.malformed`.
    pub fn new(envelope: &'a Envelope) -> Result<Self> {
        let (text, named) = canonical_payload(envelope.unverified_payload())?;
        Ok(Self { envelope, text, named })
    }

    /// Returns the type of the predicate; empty where the payload names none.
    #[must_use]
    pub fn predicate_type(&self) -> &str {
        &self.named
    }

    /// Returns the envelope, of which only the form is known.
    #[must_use]
    pub fn envelope(&self) -> &'a Envelope {
        self.envelope
    }

    /// Reads the payload as a statement of one kind, without any word on who signed it.
    ///
    /// # Errors
    /// As [`read_statement`].
    pub fn unverified<P: Predicate>(&self) -> Result<Stated<'a, P>> {
        Stated::read(self.text, &self.named)
    }
}

/// Checks the form of a payload; returns its text and the type of its predicate, empty where it names none.
fn canonical_payload(payload: &[u8]) -> Result<(&str, Cow<'_, str>)> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Named<'a> {
        #[serde(borrow, default)]
        predicate_type: Cow<'a, str>,
    }
    let limit = MAX_ENVELOPE;
    let (text, named) = canonical::find(payload, limit, "predicateType").map_err(|e| malformed(&e))?;
    match named {
        Some(named) => Ok((text, named)),
        None => canonical::read::<Named<'_>>(payload, limit)
            .map(|named| (text, named.predicate_type))
            .map_err(|e| malformed(&e)),
    }
}

/// Reads a payload as a statement of one kind, without any word on who signed it.
///
/// # Errors
/// `attestation.absent`, `payload.malformed`, `limit.count`, `subject.mismatch`.
pub fn read_statement<P: Predicate>(payload: &[u8]) -> Result<Statement<P>> {
    Stated::of(payload).map(Stated::into_statement)
}

/// What a payload states and about what; its texts are those of the payload, nothing is copied.
#[derive(Debug)]
pub struct Stated<'a, P> {
    pub(super) subjects: Vec<(Cow<'a, str>, Digest)>,
    pub(super) predicate: P,
}

/// A statement as it is written.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, bound(deserialize = "P: serde::de::DeserializeOwned"))]
struct Written<'a, P> {
    #[serde(rename = "_type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    subject: Vec<WrittenSubject<'a>>,
    #[serde(borrow)]
    predicate_type: Cow<'a, str>,
    predicate: P,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSubject<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    digest: WrittenDigest<'a>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDigest<'a> {
    #[serde(borrow)]
    sha256: Cow<'a, str>,
}

impl<'a, P: Predicate> Stated<'a, P> {
    /// Reads a payload.
    ///
    /// # Errors
    /// As [`read_statement`].
    pub(super) fn of(payload: &'a [u8]) -> Result<Self> {
        let (text, named) = canonical_payload(payload)?;
        Self::read(text, &named)
    }

    /// Reads a canonical payload whose predicate type was found to be `named`.
    fn read(canonical: &'a str, named: &str) -> Result<Self> {
        if predicate_name(named) != Some(P::NAME) {
            return Err(Refusal::new(
                ATTESTATION_ABSENT,
                format!("found `{}`, needed `{}`", text::excerpt(named), P::NAME),
            ));
        }
        let malformed = |what: String| Refusal::new(PAYLOAD_MALFORMED, what);
        let written: Written<'_, P> = serde_json::from_str(canonical)
            .map_err(|e| malformed(format!("json.schema: {}", text::excerpt(&e.to_string()))))?;
        if written.kind != STATEMENT_TYPE || written.predicate_type != named {
            return Err(malformed(format!("_type is `{}`", text::excerpt(&written.kind))));
        }
        if written.subject.is_empty() || written.subject.len() > MAX_SUBJECTS {
            return Err(Refusal::new(LIMIT_COUNT, format!("{} subjects", written.subject.len())));
        }
        let mut subjects: Vec<(Cow<'a, str>, Digest)> = Vec::with_capacity(written.subject.len());
        for WrittenSubject { name, digest } in written.subject {
            let digest = Digest::from_hex(&digest.sha256)?;
            if subjects.iter().any(|(other, _)| *other == name) {
                return Err(Refusal::new(SUBJECT_MISMATCH, format!("subject `{}` twice", text::excerpt(&name))));
            }
            subjects.push((name, digest));
        }
        Ok(Self { subjects, predicate: written.predicate })
    }

    /// Returns the digest of the subject of a name.
    #[must_use]
    pub fn subject(&self, name: &str) -> Option<Digest> {
        self.subjects.iter().find(|(other, _)| other == name).map(|(_, digest)| *digest)
    }

    /// Returns what is stated.
    #[must_use]
    pub fn into_predicate(self) -> P {
        self.predicate
    }

    /// Returns the statement, its texts copied.
    #[must_use]
    pub fn into_statement(self) -> Statement<P> {
        let subject = self.subjects.into_iter().map(|(name, digest)| Subject::new(name, digest)).collect();
        Statement::new(subject, self.predicate)
    }
}

fn malformed(cause: &Refusal) -> Refusal {
    Refusal::new(PAYLOAD_MALFORMED, cause.to_string())
}

/// Checks that subjects are exactly the expected ones, no more and no fewer.
pub(super) fn check_subjects<T: AsRef<str>>(subjects: &[(T, Digest)], expected: &[(&str, Digest)]) -> Result<()> {
    let refuse =
        |name: &str| Err(Refusal::new(SUBJECT_MISMATCH, format!("subject `{}`", text::excerpt(name))).subject(name));
    for (name, digest) in expected {
        match subjects.iter().find(|(other, _)| other.as_ref() == *name) {
            Some((_, found)) if found == digest => {}
            _ => return refuse(name),
        }
    }
    match subjects.iter().find(|(other, _)| expected.iter().all(|(name, _)| other.as_ref() != *name)) {
        Some((extra, _)) => refuse(extra.as_ref()),
        None => Ok(()),
    }
}
