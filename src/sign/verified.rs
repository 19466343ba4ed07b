//! What only a successful verification can make.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use super::{
    envelope::Envelope,
    predicate::TrustRootUpdate,
    reasons::{
        ATTESTATION_ABSENT, KEY_DUTY, KEY_REVOKED, KEY_VALIDITY, PAYLOAD_MALFORMED, SIGNATURE_NONE, SUBJECT_MISMATCH,
        TRUST_THRESHOLD,
    },
    schemes::Scheme,
    statement::{MAX_SUBJECTS, Predicate, STATEMENT_TYPE, Statement, Subject, predicate_name},
    trust::{Duty, Key, Listed, Principal, TrustRoot},
    workload::Vouched,
};
use crate::base::{
    canonical,
    digest::Digest,
    json,
    reason::{LIMIT_COUNT, Refusal, Result},
    text,
    time::Timestamp,
};

/// Who signed, as the trust root knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatory {
    /// The key.
    pub key: Arc<Key>,
    /// Whose it is.
    pub principal: Arc<Principal>,
    /// The job that signed, where it holds no key and its CI system vouches for it.
    pub job: Option<Box<Vouched>>,
}

/// A payload over which at least one signature of a trusted, valid key holds, and none fails.
#[derive(Clone, Debug)]
pub struct VerifiedPayload {
    bytes: Vec<u8>,
    signatories: Vec<Signatory>,
}

/// A statement whose signatures, type and fields were checked.
///
/// ```compile_fail
/// use countersign::{base::digest::Digest, sign::{predicate::Halt, verified::Verified}};
/// fn forge(predicate: Halt) -> Verified<Halt> {
///     Verified { predicate, subjects: Box::default(), payload: Digest::of(b""), signatories: Vec::new() }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Verified<P> {
    predicate: P,
    subjects: Box<[(Box<str>, Digest)]>,
    payload: Digest,
    signatories: Vec<Signatory>,
}

impl VerifiedPayload {
    /// Verifies the signatures of an envelope at a time.
    ///
    /// A signature that names a trusted key must hold; one that names no trusted key counts nothing.
    ///
    /// # Errors
    /// `signature.none`, `signature.invalid`, `key.validity`, `key.revoked`.
    pub fn open(envelope: &Envelope, root: &TrustRoot, at: Timestamp) -> Result<Self> {
        let signatories = signatories(envelope, root, at)?;
        Ok(Self { bytes: envelope.unverified_payload().to_vec(), signatories })
    }

    /// Returns the type of the predicate.
    ///
    /// # Errors
    /// `payload.malformed`.
    pub fn predicate_type(&self) -> Result<String> {
        predicate_type(&self.bytes)
    }

    /// Reads the payload as a statement of one kind, by signatories who all have one of the duties.
    ///
    /// # Errors
    /// `attestation.absent` for another kind, `payload.malformed`, `key.role`, `subject.mismatch`.
    pub fn read<P: Predicate>(self, duties: &[Duty]) -> Result<Verified<P>> {
        let (text, named) = canonical_payload(&self.bytes)?;
        let stated = Stated::<P>::read(text, &named)?;
        check_duties::<P>(&self.signatories, duties)?;
        Ok(Verified::new(stated, Digest::of(&self.bytes), self.signatories))
    }
}

/// Verifies the signatures of an envelope at a time, as [`VerifiedPayload::open`] does; returns who signed.
fn signatories(envelope: &Envelope, root: &TrustRoot, at: Timestamp) -> Result<Vec<Signatory>> {
    let message = envelope.message();
    let mut signatories: Vec<Signatory> = Vec::new();
    for signature in envelope.signatures() {
        let Ok(id) = signature.keyid.parse::<Digest>() else { continue };
        let Some(Listed { key, holder, verifier }) = root.listed(&id) else { continue };
        let job = key.scheme.verify(verifier, &message, &signature.bytes, at)?;
        if at < key.not_before || at >= key.not_after {
            return Err(Refusal::new(KEY_VALIDITY, format!("key {id} at {at}")).subject(id.to_string()));
        }
        if key.revoked_at.is_some_and(|revoked| at >= revoked) {
            return Err(Refusal::new(KEY_REVOKED, format!("key {id}")).subject(id.to_string()));
        }
        if signatories.iter().all(|known| known.key.id != id) {
            signatories.push(Signatory { key: Arc::clone(key), principal: Arc::clone(holder), job });
        }
    }
    if signatories.is_empty() {
        let why = format!("{} signatures, none trusted", envelope.signatures().len());
        return Err(Refusal::new(SIGNATURE_NONE, why));
    }
    Ok(signatories)
}

fn check_duties<P: Predicate>(signatories: &[Signatory], duties: &[Duty]) -> Result<()> {
    match signatories.iter().find(|signatory| !signatory.key.duties.iter().any(|duty| duties.contains(duty))) {
        None => Ok(()),
        Some(Signatory { key, .. }) => {
            Err(Refusal::new(KEY_DUTY, format!("key {} may not sign `{}`", key.id, P::NAME))
                .subject(key.id.to_string()))
        }
    }
}

/// Returns the predicate type of a payload.
///
/// # Errors
/// `payload.malformed`.
pub fn predicate_type(payload: &[u8]) -> Result<String> {
    let value = json::parse(payload, super::envelope::MAX_ENVELOPE).map_err(|e| malformed(&e))?;
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

    /// Does what [`Verified::open`] does.
    ///
    /// # Errors
    /// As [`Verified::open`].
    pub fn open<P: Predicate>(&self, root: &TrustRoot, duties: &[Duty], at: Timestamp) -> Result<Verified<P>> {
        let (stated, signatories) = self.signed(root, duties, at)?;
        Ok(Verified::new(stated, self.envelope.payload_digest(), signatories))
    }

    /// Does what [`Verified::open`] does, and returns what is stated and by whom, which proves nothing to others.
    ///
    /// # Errors
    /// As [`Verified::open`].
    pub fn signed<P: Predicate>(
        &self,
        root: &TrustRoot,
        duties: &[Duty],
        at: Timestamp,
    ) -> Result<(Stated<'a, P>, Vec<Signatory>)> {
        let signatories = signatories(self.envelope, root, at)?;
        let stated = self.unverified()?;
        check_duties::<P>(&signatories, duties)?;
        Ok((stated, signatories))
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
    let limit = super::envelope::MAX_ENVELOPE;
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
    let (text, named) = canonical_payload(payload)?;
    Stated::read(text, &named).map(Stated::into_statement)
}

/// What a payload states and about what; its texts are those of the payload, nothing is copied.
#[derive(Debug)]
pub struct Stated<'a, P> {
    subjects: Vec<(Cow<'a, str>, Digest)>,
    predicate: P,
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

impl<P: Predicate> Verified<P> {
    fn new(stated: Stated<'_, P>, payload: Digest, signatories: Vec<Signatory>) -> Self {
        let subjects = stated.subjects.into_iter().map(|(name, digest)| (name.into(), digest)).collect();
        Self { predicate: stated.predicate, subjects, payload, signatories }
    }

    /// Opens an envelope that must hold a statement of one kind, signed under one of the duties.
    ///
    /// # Errors
    /// Those of [`VerifiedPayload::open`] and [`VerifiedPayload::read`].
    pub fn open(envelope: &Envelope, root: &TrustRoot, duties: &[Duty], at: Timestamp) -> Result<Self> {
        VerifiedPayload::open(envelope, root, at)?.read(duties)
    }

    /// Returns what is stated.
    #[must_use]
    pub fn predicate(&self) -> &P {
        &self.predicate
    }

    /// Returns SHA-256 of the payload: how other statements name this one.
    #[must_use]
    pub fn payload_digest(&self) -> Digest {
        self.payload
    }

    /// Returns who signed; at least one.
    #[must_use]
    pub fn signatories(&self) -> &[Signatory] {
        &self.signatories
    }

    /// Returns the digest of the subject of a name.
    #[must_use]
    pub fn subject(&self, name: &str) -> Option<Digest> {
        self.subjects.iter().find(|(other, _)| **other == *name).map(|(_, digest)| *digest)
    }

    /// Checks that the statement is about exactly these subjects, no more and no fewer.
    ///
    /// # Errors
    /// `subject.mismatch`, naming the first that differs.
    pub fn check_subjects(&self, expected: &[(&str, Digest)]) -> Result<()> {
        check_subjects(&self.subjects, expected)
    }
}

/// Verifies that enough root keys of both the old and the new trust root signed a change.
///
/// The time of signing is the signers' own word here, so a key that either root calls revoked counts nothing
/// whatever time they name. A key without the duty counts nothing rather than refusing: a key that gets the duty
/// by this change signs too.
pub(super) fn threshold(envelope: &Envelope, old: &TrustRoot, new: &TrustRoot) -> Result<TrustRootUpdate> {
    let (text, named) = canonical_payload(envelope.unverified_payload())?;
    let stated = Stated::<TrustRootUpdate>::read(text, &named)?;
    check_subjects(&stated.subjects, &[("trust-root", new.digest())])?;
    let update = stated.predicate;
    let mut held = BTreeSet::new();
    for root in [old, new] {
        let (people, needed) = count_knowing(&mut held, envelope, root, update.signed_at)?;
        if people < needed {
            return Err(Refusal::new(TRUST_THRESHOLD, format!("{people} of {needed} holders of root keys signed")));
        }
    }
    Ok(update)
}

/// Returns how many distinct holders of valid root keys signed an envelope, and how many must.
///
/// # Errors
/// `signature.none` where no key of the trust root signed, `signature.invalid` where one is said to have, but did not.
pub fn count_root_holders(envelope: &Envelope, root: &TrustRoot, at: Timestamp) -> Result<(usize, usize)> {
    count_knowing(&mut BTreeSet::new(), envelope, root, at)
}

/// Counts as [`count_root_holders`] does, and verifies no signature that was found to hold: under two trust roots that
/// list a key, which is named by its point, one signature needs one look.
fn count_knowing(
    held: &mut BTreeSet<(usize, Scheme)>,
    envelope: &Envelope,
    root: &TrustRoot,
    at: Timestamp,
) -> Result<(usize, usize)> {
    let message = envelope.message();
    let (mut people, mut known) = (BTreeSet::new(), 0_usize);
    for (number, signature) in envelope.signatures().iter().enumerate() {
        let Ok(id) = signature.keyid.parse::<Digest>() else { continue };
        let Some((key, verifier)) = root.key(&id) else { continue };
        // What jobs without a key sign with is more than a point, and may differ from version to version.
        if key.scheme == Scheme::Oidc || held.insert((number, key.scheme)) {
            key.scheme.verify(verifier, &message, &signature.bytes, at)?;
        }
        known += 1;
        if key.stands(at) && key.duties.contains(&Duty::Root) {
            people.insert(key.principal);
        }
    }
    if known == 0 {
        let why = format!("{} signatures, none trusted", envelope.signatures().len());
        return Err(Refusal::new(SIGNATURE_NONE, why));
    }
    Ok((people.len(), root.document().root_threshold as usize))
}

fn check_subjects<T: AsRef<str>>(subjects: &[(T, Digest)], expected: &[(&str, Digest)]) -> Result<()> {
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
