//! What only a successful verification can make.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    envelope::Envelope,
    predicate::TrustRootUpdate,
    reasons::{KEY_DUTY, KEY_REVOKED, KEY_VALIDITY, SIGNATURE_NONE, TRUST_THRESHOLD},
    schemes::Scheme,
    stated::{Readable, Stated, check_subjects, predicate_type},
    statement::Predicate,
    trust::{Duty, Key, Listed, Principal, TrustRoot},
    workload::Vouched,
};
use crate::base::{
    digest::Digest,
    reason::{Refusal, Result},
    text::count,
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

/// A key that signed a statement by whose time it was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Late {
    /// Id of the key.
    pub key: Digest,
    /// The version of the trust root that revoked it.
    pub version: u64,
}

impl Late {
    /// Finds the key, among those that an envelope names, that the earliest version revoked by a time.
    ///
    /// Nothing is verified: a key that is named and did not sign makes the signatures fail where they are looked at.
    #[must_use]
    pub fn of(envelope: &Envelope, root: &TrustRoot, at: Timestamp) -> Option<Self> {
        let named = envelope.signatures().iter().filter_map(|signature| signature.keyid.parse::<Digest>().ok());
        named
            .filter_map(|key| root.revoked_in(&key, at).map(|version| Self { key, version }))
            .min_by_key(|late| late.version)
    }

    /// Refuses the statement of somebody who had a version of the trust root, the one that revoked the key or a later one.
    ///
    /// # Errors
    /// `key.revoked`.
    pub fn check_unknown(self, version: u64) -> Result<()> {
        if version < self.version { Ok(()) } else { Err(self.refusal()) }
    }

    /// Returns what refuses whatever such a key signs.
    #[must_use]
    pub fn refusal(self) -> Refusal {
        let what = format!("key {}, by version {} of the trust root", self.key, self.version);
        Refusal::new(KEY_REVOKED, what).subject(self.key.to_string())
    }
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
        if let Some(late) = Late::of(envelope, root, at) {
            return Err(late.refusal());
        }
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
        let stated = Stated::<P>::of(&self.bytes)?;
        check_duties::<P>(&self.signatories, duties)?;
        Ok(Verified::new(stated, Digest::of(&self.bytes), self.signatories))
    }
}

/// Verifies the signatures of an envelope at a time, but for whether their keys were revoked by then, which [`Late::of`]
/// tells; returns who signed.
fn signatories(envelope: &Envelope, root: &TrustRoot, at: Timestamp) -> Result<Vec<Signatory>> {
    let message = envelope.message();
    let mut signatories: Vec<Signatory> = Vec::new();
    for signature in envelope.signatures() {
        let Ok(id) = signature.keyid.parse::<Digest>() else { continue };
        let Some(Listed { key, holder, verifier, .. }) = root.listed(&id) else { continue };
        let job = key.scheme.verify(verifier, &message, &signature.bytes, at)?;
        if at < key.not_before || at >= key.not_after {
            return Err(Refusal::new(KEY_VALIDITY, format!("key {id} at {at}")).subject(id.to_string()));
        }
        if signatories.iter().all(|known| known.key.id != id) {
            signatories.push(Signatory { key: Arc::clone(key), principal: Arc::clone(holder), job });
        }
    }
    if signatories.is_empty() {
        let why = format!("{}, none trusted", count(envelope.signatures().len(), "signature"));
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

impl<'a> Readable<'a> {
    /// Does what [`Verified::open`] does, but lets pass what a key signed that was revoked by then: whoever asks must
    /// judge that by [`Late::of`], and by what could be known at that place.
    ///
    /// # Errors
    /// As [`Verified::open`], without `key.revoked`.
    pub(crate) fn open<P: Predicate>(&self, root: &TrustRoot, duties: &[Duty], at: Timestamp) -> Result<Verified<P>> {
        let (stated, signatories) = self.signed(root, duties, at)?;
        Ok(Verified::new(stated, self.envelope().payload_digest(), signatories))
    }

    /// Does what [`Readable::open`] does, and returns what is stated and by whom, which proves nothing to others.
    ///
    /// # Errors
    /// As [`Readable::open`].
    pub(crate) fn signed<P: Predicate>(
        &self,
        root: &TrustRoot,
        duties: &[Duty],
        at: Timestamp,
    ) -> Result<(Stated<'a, P>, Vec<Signatory>)> {
        let signatories = signatories(self.envelope(), root, at)?;
        let stated = self.unverified()?;
        check_duties::<P>(&signatories, duties)?;
        Ok((stated, signatories))
    }
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
    let stated = Stated::<TrustRootUpdate>::of(envelope.unverified_payload())?;
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
        let why = format!("{}, none trusted", count(envelope.signatures().len(), "signature"));
        return Err(Refusal::new(SIGNATURE_NONE, why));
    }
    Ok((people.len(), root.document().root_threshold as usize))
}
