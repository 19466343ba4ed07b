//! A version of the trust root that is not in force yet, and the signatures that it has so far.

use crate::{
    base::{
        digest::Digest,
        json,
        reason::{Refusal, Result},
        time::Timestamp,
    },
    sign::{
        Duty, Envelope, Signer, TrustRoot,
        predicate::TrustRootUpdate,
        reasons::{KEY_DUTY, SIGNATURE_NONE, TRUST_MALFORMED},
        stated::read_statement,
        statement::Subject,
        trust::{Document, Version},
        verified::count_root_holders,
    },
};

/// Name of the one subject of a statement about a trust root.
const SUBJECT: &str = "trust-root";

/// A version that is not in force yet: its document, and the statement with the signatures so far.
#[derive(Clone, Debug)]
pub struct Proposal {
    root: TrustRoot,
    version: Version,
    previous: Option<TrustRoot>,
}

/// How many holders of root keys have signed, and how many must, under one trust root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Distinct holders of valid root keys who signed.
    pub have: usize,
    /// How many must.
    pub need: usize,
}

impl Proposal {
    pub(super) fn make(
        document: &Document,
        previous: Option<&TrustRoot>,
        now: Timestamp,
        signers: &[&dyn Signer],
    ) -> Result<Self> {
        let bytes = json::canonical(document)?;
        let root = TrustRoot::parse(&bytes)?;
        // Times of versions never go backwards, even where the clocks of two signers differ.
        let signed_at = previous.and_then(TrustRoot::signed_at).map_or(now, |before| before.max(now));
        let update =
            TrustRootUpdate { version: document.version, previous: previous.map(TrustRoot::digest), signed_at };
        for signer in signers {
            check_signer(*signer, &root, previous)?;
        }
        let envelope = Envelope::sign(vec![Subject::new(SUBJECT, root.digest())], update, signers)?;
        Ok(Self { root, version: Version { bytes, envelope }, previous: previous.cloned() })
    }

    /// Takes up a version that others began to sign; `previous` is the trust root in force.
    ///
    /// # Errors
    /// `trust.*`, `payload.malformed`, `signature.invalid`.
    pub fn resume(version: Version, previous: Option<&TrustRoot>) -> Result<Self> {
        let root = TrustRoot::parse(&version.bytes)?;
        let statement = read_statement::<TrustRootUpdate>(version.envelope.unverified_payload())?;
        let fits = statement.subject == [Subject::new(SUBJECT, root.digest())]
            && statement.predicate.version == root.document().version
            && statement.predicate.previous == previous.map(TrustRoot::digest);
        if !fits {
            return Err(Refusal::new(TRUST_MALFORMED, "the statement is not about this version of the trust root"));
        }
        Ok(Self { root, version, previous: previous.cloned() })
    }

    /// Adds the signature of one more root key.
    ///
    /// # Errors
    /// `key.role`, `limit.count`, and those of the signer.
    pub fn countersign(&mut self, signer: &dyn Signer) -> Result<()> {
        check_signer(signer, &self.root, self.previous.as_ref())?;
        self.version.envelope = self.version.envelope.countersigned(signer)?;
        Ok(())
    }

    /// Adds signatures that others made; of a key that signed twice the present one stays.
    ///
    /// # Errors
    /// `dsse.malformed` where they are over another statement, `limit.count`.
    pub fn join(&mut self, earlier: &Envelope) -> Result<()> {
        let envelope = &mut self.version.envelope;
        let present: Vec<String> = envelope.signatures().iter().map(|signature| signature.keyid.clone()).collect();
        envelope.join(&earlier.without(|keyid| present.iter().any(|known| known == keyid)))
    }

    /// Returns how many have signed and how many must: under the version before, where there is one, and under this.
    ///
    /// # Errors
    /// `payload.malformed`, `signature.invalid`.
    pub fn signed(&self) -> Result<Vec<Signed>> {
        let envelope = &self.version.envelope;
        let statement = read_statement::<TrustRootUpdate>(envelope.unverified_payload())?;
        let roots = self.previous.iter().chain([&self.root]);
        roots
            .map(|root| match count_root_holders(envelope, root, statement.predicate.signed_at) {
                Ok((have, need)) => Ok(Signed { have, need }),
                Err(refusal) if refusal.is(SIGNATURE_NONE) => {
                    Ok(Signed { have: 0, need: root.document().root_threshold as usize })
                }
                Err(refusal) => Err(refusal),
            })
            .collect()
    }

    /// Returns whether enough have signed: whether the check at loading accepts it.
    ///
    /// # Errors
    /// As that check, except for missing signatures.
    pub fn is_complete(&self) -> Result<bool> {
        let accepted = match &self.previous {
            Some(previous) => previous.accept(&self.version),
            None => TrustRoot::start(&self.version),
        };
        match accepted {
            Ok(_) => Ok(true),
            Err(_) if self.signed()?.iter().any(|signed| signed.have < signed.need) => Ok(false),
            Err(refusal) => Err(refusal),
        }
    }

    /// Returns the number of the version.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.root.document().version
    }

    /// Returns the digest of the document: what is pinned.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.root.digest()
    }

    /// Returns the document's bytes and the envelope.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Returns the digest of the version before.
    #[must_use]
    pub fn previous(&self) -> Option<Digest> {
        self.previous.as_ref().map(TrustRoot::digest)
    }

    /// Returns the version as a trust root that was parsed and is not in force.
    #[must_use]
    pub fn unaccepted(&self) -> &TrustRoot {
        &self.root
    }
}

/// Refuses, before anything is signed, a signer whose signature would count nothing.
fn check_signer(signer: &dyn Signer, new: &TrustRoot, old: Option<&TrustRoot>) -> Result<()> {
    let id = signer.key_id();
    let counts =
        |root: &TrustRoot| root.key(&id).is_some_and(|(key, _)| key.duties.contains(&Duty::Root) && !key.is_revoked());
    if counts(new) || old.is_some_and(counts) {
        return Ok(());
    }
    Err(Refusal::new(KEY_DUTY, format!("key {id} is no root key")).subject(id.to_string()))
}
