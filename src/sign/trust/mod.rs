//! The trust root: whose keys count, for what, and until when.

mod check;
mod document;

use std::{collections::BTreeMap, sync::Arc};

pub use document::{Document, Duty, ForgeKind, Key, LOCAL, LedgerRef, Principal, PrincipalKind, TRUST_ROOT_TYPE};

use super::{
    envelope::Envelope,
    issuer::{Issuer, Runner},
    reasons::{TRUST_EXPIRED, TRUST_MALFORMED, TRUST_PIN, TRUST_THRESHOLD},
    schemes::{Scheme, Verifier},
    verified,
};
use crate::base::{
    canonical,
    digest::Digest,
    reason::{Refusal, Result},
    time::Timestamp,
};

/// The largest trust root, in bytes.
pub const MAX_TRUST_ROOT: usize = 1 << 20;

/// A checked trust root, with its keys ready for use.
#[derive(Clone, Debug)]
pub struct TrustRoot {
    document: Document,
    digest: Digest,
    keys: BTreeMap<Digest, Listed>,
    people: BTreeMap<u64, usize>,
    addresses: BTreeMap<String, usize>,
    signed_at: Option<Timestamp>,
}

/// A key, whose it is, and what its signatures are checked with.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) key: Arc<Key>,
    pub(super) holder: Arc<Principal>,
    pub(super) verifier: Verifier,
    /// The version that revoked the key; where it was so in the pinned version already, that one.
    revoked_in: Option<u64>,
}

impl Listed {
    /// Returns what the signatures of a key of the same id are checked with, where it is the same point under a
    /// scheme that needs no more: the id is made of the point.
    fn verifier_of(&self, key: &Key) -> Option<Verifier> {
        let point = key.scheme != Scheme::Oidc && key.gate.is_none() && matches!(self.verifier, Verifier::Key(_));
        (point && self.key.public == key.public).then(|| self.verifier.clone())
    }
}

/// One version of the trust root beside the present one: its bytes, and the envelope that introduced it.
#[derive(Clone, Debug)]
pub struct Version {
    /// The document's bytes.
    pub bytes: Vec<u8>,
    /// The signed statement about it.
    pub envelope: Envelope,
}

impl TrustRoot {
    /// Reads and checks the bytes of a trust root, alone: whether it is the pinned one is
    /// [`TrustRoot::load`]'s to say.
    ///
    /// # Errors
    /// `json.*`, `trust.malformed`, `key.weak`.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Self::parse_after(bytes, None)
    }

    /// Does what [`TrustRoot::parse`] does, and looks only at those points of the curve that an earlier version lacks.
    fn parse_after(bytes: &[u8], earlier: Option<&Self>) -> Result<Self> {
        let document = Self::unverified(bytes)?;
        let keys = check::check(&document, earlier)?;
        let (mut people, mut addresses) = (BTreeMap::new(), BTreeMap::new());
        for (index, principal) in document.principals.iter().enumerate() {
            people.insert(principal.id, index);
            addresses.extend(principal.emails.iter().map(|email| (email.to_ascii_lowercase(), index)));
        }
        Ok(Self { document, digest: Digest::of(bytes), keys, people, addresses, signed_at: None })
    }

    /// Loads the newest of all versions, which must descend from the pinned one by signed changes, and which
    /// must not have expired.
    ///
    /// `versions` holds every version from the pinned one on, by version number.
    ///
    /// # Errors
    /// Those of [`TrustRoot::descend`], `trust.expired`.
    pub fn load(versions: &BTreeMap<u64, Version>, pin: &Digest, now: Timestamp) -> Result<Self> {
        let current = Self::descend(versions, pin)?;
        current.check_fresh(now)?;
        Ok(current)
    }

    /// Does what [`TrustRoot::load`] does for a trust root that is about to be renewed: it may have expired.
    ///
    /// # Errors
    /// `trust.pin_mismatch` where no version has the pinned digest, `trust.threshold` where a change
    /// lacks signatures of either the old or the new root keys.
    pub fn descend(versions: &BTreeMap<u64, Version>, pin: &Digest) -> Result<Self> {
        let mut pinned = versions.values().filter(|version| Digest::of(&version.bytes) == *pin);
        let start = pinned.next().ok_or_else(|| Refusal::new(TRUST_PIN, format!("no version has the digest {pin}")))?;
        let mut current = Self::start(start)?;
        while let Some(next) = current.document.version.checked_add(1).and_then(|next| versions.get(&next)) {
            current = current.accept(next)?;
        }
        Ok(current)
    }

    /// Takes a version whose digest is trusted already; its own root keys must have signed it.
    ///
    /// # Errors
    /// Those of [`TrustRoot::parse`], `trust.threshold`, `signature.*`.
    pub fn start(version: &Version) -> Result<Self> {
        let mut root = Self::parse(&version.bytes)?;
        let update = verified::threshold(&version.envelope, &root, &root)?;
        if update.version != root.document.version {
            return Err(Refusal::new(
                TRUST_THRESHOLD,
                format!("version {} was signed as another", root.document.version),
            ));
        }
        root.signed_at = Some(update.signed_at);
        Ok(root)
    }

    /// Takes the next version, which enough root keys of this one and of the next must have signed.
    ///
    /// # Errors
    /// Those of [`TrustRoot::parse`], `trust.threshold`, `signature.*`, `trust.malformed` where a revocation
    /// was taken back or a key changed hands.
    pub fn accept(&self, next: &Version) -> Result<Self> {
        let mut candidate = Self::parse_after(&next.bytes, Some(self))?;
        let update = verified::threshold(&next.envelope, self, &candidate)?;
        let (old, new) = (&self.document, &candidate.document);
        let continues = update.version == new.version
            && old.version.checked_add(1) == Some(new.version)
            && update.previous == Some(self.digest)
            && self.signed_at.is_none_or(|before| before <= update.signed_at)
            && new.host == old.host
            && new.repo_id == old.repo_id
            && new.ledger.genesis == old.ledger.genesis;
        if !continues {
            let why = format!("version {} does not continue version {}", new.version, old.version);
            return Err(Refusal::new(TRUST_THRESHOLD, why));
        }
        for key in &old.keys {
            let now = candidate.key(&key.id).map(|(now, _)| now);
            let same_hands = now.is_none_or(|now| now.principal == key.principal && now.scheme == key.scheme);
            let still_revoked = !key.is_revoked() || now.is_some_and(|now| now.revoked_at == key.revoked_at);
            if !same_hands || !still_revoked {
                let why = format!("version {} takes back what was said of key {}", new.version, key.id);
                return Err(Refusal::new(TRUST_MALFORMED, why).subject(key.id.to_string()));
            }
        }
        candidate.signed_at = Some(update.signed_at);
        Ok(candidate)
    }

    /// Checks that the trust root has not expired.
    ///
    /// # Errors
    /// `trust.expired`.
    pub fn check_fresh(&self, now: Timestamp) -> Result<()> {
        if now >= self.document.expires {
            return Err(Refusal::new(TRUST_EXPIRED, format!("it expired at {}", self.document.expires)));
        }
        Ok(())
    }

    /// Returns what a document says, nothing of it checked but its form: for finding the pin that it has to meet.
    ///
    /// # Errors
    /// `json.*`, `limit.*`.
    pub fn unverified(bytes: &[u8]) -> Result<Document> {
        canonical::read(bytes, MAX_TRUST_ROOT)
    }

    /// Returns when this version was signed, as its signers say; absent where it was only parsed.
    #[must_use]
    pub fn signed_at(&self) -> Option<Timestamp> {
        self.signed_at
    }

    /// Returns the document.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Tells whether jobs are taken on machines that outlive them.
    #[must_use]
    pub fn takes_self_hosted(&self) -> bool {
        self.document.issuers.iter().any(|issuer| issuer.runner == Runner::SelfHosted)
    }

    /// Returns SHA-256 of the document's bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns a key, and what its signatures are checked with.
    #[must_use]
    pub fn key(&self, id: &Digest) -> Option<(&Key, &Verifier)> {
        self.listed(id).map(|listed| (listed.key.as_ref(), &listed.verifier))
    }

    /// Returns the version that revoked a key, where it was revoked by a time.
    ///
    /// Of a key that was revoked before the pinned version nobody here knows more than that one: its number is given.
    #[must_use]
    pub fn revoked_in(&self, id: &Digest, at: Timestamp) -> Option<u64> {
        let listed = self.listed(id)?;
        listed.revoked_in.filter(|_| listed.key.is_revoked_at(at))
    }

    pub(super) fn listed(&self, id: &Digest) -> Option<&Listed> {
        self.keys.get(id)
    }

    /// Returns a principal.
    #[must_use]
    pub fn principal(&self, id: u64) -> Option<&Principal> {
        self.document.principals.get(*self.people.get(&id)?)
    }

    /// Returns the issuer of exactly this URL.
    #[must_use]
    pub fn issuer(&self, url: &str) -> Option<&Issuer> {
        self.document.issuers.iter().find(|issuer| issuer.url == url)
    }

    /// Returns the principal who commits under an address, compared without regard to ASCII case.
    #[must_use]
    pub fn principal_of_email(&self, email: &str) -> Option<&Principal> {
        self.document.principals.get(*self.addresses.get(&email.to_ascii_lowercase())?)
    }
}
