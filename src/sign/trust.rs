//! The trust root: whose keys count, for what, and until when.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    envelope::Envelope,
    issuer::{self, Gate, Issuer},
    key::PublicKey,
    reasons::{TRUST_EXPIRED, TRUST_MALFORMED, TRUST_PIN, TRUST_ROLLBACK, TRUST_THRESHOLD},
    schemes::{
        Scheme, Verifier,
        oidc::keyless::{self, Voucher},
    },
    verified,
};
use crate::base::{
    canonical,
    digest::Digest,
    ident::Id,
    reason::{Refusal, Result},
    text,
    time::Timestamp,
};

/// The `_type` of every trust root of this version.
pub const TRUST_ROOT_TYPE: &str = "https://countersign.dev/trust-root/v1";
/// The largest trust root, in bytes.
pub const MAX_TRUST_ROOT: usize = 1 << 20;

/// What a key may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Duty {
    /// Changes of the trust root, and the ledger's genesis.
    Root,
    /// Plans and reviews.
    Planner,
    /// Approvals, rejections, revocations, halts and resolutions.
    Approver,
    /// Claims, steps, outcomes and checkpoints.
    Executor,
    /// Checkpoints, from outside the repository.
    Witness,
    /// Approvals that the policy itself permits.
    Policy,
    /// Decisions of people, which the platform's record proves; a program's key, and its only duty.
    Gate,
}

impl Duty {
    /// Every duty, with the word that files use for it.
    pub const ALL: [(&'static str, Self); 7] = [
        ("root", Self::Root),
        ("planner", Self::Planner),
        ("approver", Self::Approver),
        ("executor", Self::Executor),
        ("witness", Self::Witness),
        ("policy", Self::Policy),
        ("gate", Self::Gate),
    ];
}

/// The host of a repository that is on no forge.
pub const LOCAL: &str = "local";

/// What kind of principal somebody is; only people count as people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PrincipalKind {
    /// A person.
    Person,
    /// A program: a bot, an agent, a service, a job.
    Agent,
}

/// The document, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Document {
    /// Always [`TRUST_ROOT_TYPE`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// 1 for the first, one more for each change.
    pub version: u64,
    /// From when on it is refused.
    pub expires: Timestamp,
    /// Host of the forge, or `local`.
    pub host: String,
    /// The forge on that host whose word is asked before anything runs; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub forge: Option<ForgeKind>,
    /// Immutable id of the repository on that host.
    pub repo_id: String,
    /// Immutable id of its owner on that host.
    pub owner_id: String,
    /// Name of the repository, for display.
    pub repo: String,
    /// Full name of the protected base, such as `refs/heads/main`.
    pub base_ref: String,
    /// The ledger.
    pub ledger: LedgerRef,
    /// Root keys that must sign a change, 1 to the number of principals with a root key.
    pub root_threshold: u32,
    /// People and programs.
    pub principals: Vec<Principal>,
    /// Their keys.
    pub keys: Vec<Key>,
    /// Whose tokens say which CI job runs; where there is one, nothing executes without its word.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub issuers: Vec<Issuer>,
}

/// Which interface a forge speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ForgeKind {
    /// GitHub, in the cloud or on a host of one's own.
    Github,
}

/// Where the ledger is, and how it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LedgerRef {
    /// Full name of the branch, under `refs/heads/`.
    pub branch: String,
    /// SHA-256 of the genesis entry's bytes.
    pub genesis: Digest,
}

/// A person or a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Principal {
    /// Numeric id on the host, unique.
    pub id: u64,
    /// Login on the host, unique, for display.
    pub login: String,
    /// Name, for display.
    pub name: String,
    /// Person or program.
    pub kind: PrincipalKind,
    /// Roles that the policy asks for, such as `technical-lead`.
    pub roles: Vec<Id>,
    /// E-mail addresses under which the principal commits.
    pub emails: Vec<String>,
}

/// A key of a principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Key {
    /// Id of the key: the framed SHA-256 of its 32 bytes, or of what is said of jobs that hold none.
    pub id: Digest,
    /// Name, for display.
    pub name: String,
    /// Scheme of its signatures.
    pub scheme: Scheme,
    /// The public key, base64 of 32 bytes; for the scheme `oidc` the URL of the issuer that vouches for jobs.
    pub public: String,
    /// Whose it is.
    pub principal: u64,
    /// What it may sign.
    pub duties: Vec<Duty>,
    /// From when on it is valid.
    pub not_before: Timestamp,
    /// From when on it is not.
    pub not_after: Timestamp,
    /// Which jobs sign with it, where the scheme is `oidc`; absent for every other.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gate: Option<Gate>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revoked_at: Option<Timestamp>,
}

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

impl Key {
    /// Tells whether the key is valid at a time and was never revoked, whenever that was.
    #[must_use]
    pub fn stands(&self, at: Timestamp) -> bool {
        self.not_before <= at && at < self.not_after && self.revoked_at.is_none()
    }
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
        let keys = check(&document, earlier)?;
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
        while let Some(next) = versions.get(&(current.document.version + 1)) {
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
            let still_revoked = key.revoked_at.is_none() || now.is_some_and(|now| now.revoked_at == key.revoked_at);
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

    /// Checks that this version is not older than the highest one that was seen.
    ///
    /// # Errors
    /// `trust.rollback`.
    pub fn check_seen(&self, highest: u64) -> Result<()> {
        let version = self.document.version;
        if version < highest {
            return Err(Refusal::new(TRUST_ROLLBACK, format!("version {version}, but version {highest} was seen")));
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

fn check(document: &Document, earlier: Option<&TrustRoot>) -> Result<BTreeMap<Digest, Listed>> {
    let refuse = |why: String| Err(Refusal::new(TRUST_MALFORMED, why));
    if document.kind != TRUST_ROOT_TYPE {
        return refuse(format!("_type is `{}`", text::excerpt(&document.kind)));
    }
    if document.version == 0 {
        return refuse("version is 0".into());
    }
    if !document.ledger.branch.starts_with("refs/heads/") || !document.base_ref.starts_with("refs/") {
        return refuse("the ledger branch and the base must be full reference names".into());
    }
    for steering in [&document.host, &document.repo_id, &document.owner_id, &document.base_ref, &document.ledger.branch]
    {
        text::check_steering(steering)?;
    }
    text::check_free(&document.repo, false)?;
    if document.forge.is_some() && document.host == LOCAL {
        return refuse(format!("there is no forge on the host `{LOCAL}`"));
    }
    issuer::check(&document.issuers)?;
    let principals = check_principals(document)?;
    let mut keys = BTreeMap::new();
    let mut root_holders = BTreeSet::new();
    for key in &document.keys {
        text::check_free(&key.name, false)?;
        let known = earlier.and_then(|root| root.listed(&key.id)).and_then(|listed| listed.verifier_of(key));
        let (id, verifier) = known.map_or_else(|| verifier(document, key), |verifier| Ok((key.id, verifier)))?;
        if id != key.id {
            return refuse(format!("key `{}` does not have the id it claims", text::excerpt(&key.name)));
        }
        let Some(holder) = principals.get(&key.principal) else {
            return refuse(format!("key {} belongs to nobody", key.id));
        };
        let kind = &holder.kind;
        let listed = Listed { key: Arc::new(key.clone()), holder: Arc::clone(holder), verifier };
        if keys.insert(key.id, listed).is_some() {
            return refuse(format!("key {} is listed twice", key.id));
        }
        let distinct: BTreeSet<Duty> = key.duties.iter().copied().collect();
        if distinct.is_empty() || distinct.len() != key.duties.len() {
            return refuse(format!("key {} has no duty, or one twice", key.id));
        }
        if *kind == PrincipalKind::Agent && (distinct.contains(&Duty::Approver) || distinct.contains(&Duty::Root)) {
            return refuse(format!("key {} lets a program approve or change the trust root", key.id));
        }
        // Who signs for people must be no person's hand, and nothing else: it neither plans nor executes.
        if distinct.contains(&Duty::Gate) && (*kind != PrincipalKind::Agent || distinct.len() != 1) {
            return refuse(format!("key {} is a gate's and something else, or a person's", key.id));
        }
        if key.scheme == Scheme::Oidc && !distinct.contains(&Duty::Gate) {
            return refuse(format!("key {} lets jobs without a key do something else than sign for people", key.id));
        }
        if key.not_before >= key.not_after {
            return refuse(format!("key {} is never valid", key.id));
        }
        if distinct.contains(&Duty::Root) && key.revoked_at.is_none() {
            root_holders.insert(key.principal);
        }
    }
    let threshold = document.root_threshold as usize;
    if threshold == 0 || threshold > root_holders.len() {
        return refuse(format!("root threshold {threshold} with {} holders of a root key", root_holders.len()));
    }
    Ok(keys)
}

/// Returns the id that a key must have, and what its signatures are checked with.
fn verifier(document: &Document, key: &Key) -> Result<(Digest, Verifier)> {
    match (key.scheme, &key.gate) {
        (Scheme::Oidc, Some(gate)) => {
            let voucher = Voucher::new(&key.public, gate, &document.repo_id, &document.owner_id)?;
            Ok((keyless::id(&key.public, key.principal, gate)?, Verifier::Jobs(Box::new(voucher))))
        }
        (Scheme::Ed25519 | Scheme::SshEd25519, None) => {
            let public = PublicKey::from_base64(&key.public)?;
            Ok((public.id(), Verifier::Key(public)))
        }
        _ => Err(Refusal::new(TRUST_MALFORMED, format!("key {} is not what its scheme needs", key.id))),
    }
}

fn check_principals(document: &Document) -> Result<BTreeMap<u64, Arc<Principal>>> {
    let refuse = |why: String| Err(Refusal::new(TRUST_MALFORMED, why));
    let mut principals = BTreeMap::new();
    let (mut logins, mut emails) = (BTreeSet::new(), BTreeSet::new());
    for principal in &document.principals {
        text::check_steering(&principal.login)?;
        text::check_free(&principal.name, false)?;
        let known = principals.insert(principal.id, Arc::new(principal.clone())).is_some();
        if known || !logins.insert(principal.login.to_ascii_lowercase()) {
            return refuse(format!("principal {} or its login is listed twice", principal.id));
        }
        for email in &principal.emails {
            text::check_steering(email)?;
            if !emails.insert(email.to_ascii_lowercase()) {
                return refuse(format!("the address `{}` belongs to two principals", text::excerpt(email)));
            }
        }
    }
    Ok(principals)
}
