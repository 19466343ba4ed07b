//! Changes of the trust root: each makes the next version and the signed statement about it.

pub use super::proposal::{Proposal, Signed};
use super::{
    possible,
    reasons::{ISSUER_UNKNOWN, KEY_UNKNOWN, PRINCIPAL_UNKNOWN, TRUST_CHANGE},
};
use crate::{
    base::{
        digest::Digest,
        ident::Id,
        reason::{Refusal, Result},
        text::excerpt,
        time::Timestamp,
    },
    sign::{
        Duty, PublicKey, Signer, TrustRoot,
        issuer::{Gate, Issuer, IssuerKey},
        reasons::TRUST_MALFORMED,
        schemes::{Scheme, oidc::keyless},
        trust::{Document, ForgeKind, Key, LedgerRef, Principal, PrincipalKind, TRUST_ROOT_TYPE},
    },
};

/// A public key that is to be listed.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Name, for display.
    pub name: String,
    /// Scheme of its signatures.
    pub scheme: Scheme,
    /// The checked public key.
    pub public: PublicKey,
    /// Whose it is.
    pub principal: u64,
    /// What it may sign.
    pub duties: Vec<Duty>,
    /// From when on it is valid.
    pub not_before: Timestamp,
    /// From when on it is not.
    pub not_after: Timestamp,
}

impl NewKey {
    fn listed(&self) -> Key {
        let mut duties = self.duties.clone();
        duties.sort_unstable();
        duties.dedup();
        Key {
            id: self.public.id(),
            name: self.name.clone(),
            scheme: self.scheme,
            public: self.public.to_base64(),
            principal: self.principal,
            duties,
            not_before: self.not_before,
            not_after: self.not_after,
            gate: None,
            revoked_at: None,
        }
    }
}

/// Jobs of an issuer that are to sign for people without a key of their own.
#[derive(Clone, Debug)]
pub struct NewGate {
    /// The issuer's URL.
    pub url: String,
    /// The program as which they sign.
    pub principal: u64,
    /// Which jobs, and the keys that the issuer has now.
    pub gate: Gate,
    /// From when on they sign; and from when on keys that the issuer has no more count nothing.
    pub not_before: Timestamp,
    /// From when on they do not.
    pub not_after: Timestamp,
}

impl NewGate {
    /// Returns the id of the key as which the jobs are listed.
    pub(crate) fn id(&self) -> Result<Digest> {
        keyless::id(&self.url, self.principal, &self.gate)
    }

    /// Lists the jobs as a key.
    ///
    /// What the same rule lists of the issuer's keys stays, as what vouched before. Another rule of the same program
    /// ends, and stays, as what verifies what it let sign.
    fn list(&self, keys: &mut Vec<Key>) -> Result<()> {
        let id = self.id()?;
        let before = keys.iter().position(|key| key.id == id).map(|at| keys.remove(at));
        let others = keys.iter_mut().filter(|key| key.gate.is_some());
        for other in others.filter(|key| key.public == self.url && key.principal == self.principal) {
            other.not_after = other.not_after.min(self.not_before).max(other.not_before.plus(1));
        }
        let mut gate = self.gate.clone();
        for old in before.iter().filter_map(|key| key.gate.as_ref()).flat_map(|gate| &gate.keys) {
            match gate.keys.iter().find(|key| key.kid == old.kid) {
                Some(now) if now.n == old.n => {}
                Some(_) => {
                    let why = format!("the issuer has another key under the id `{}`", excerpt(&old.kid));
                    return Err(Refusal::new(TRUST_MALFORMED, why));
                }
                None => {
                    let withdrawn_at = old.withdrawn_at.or(Some(self.not_before));
                    gate.keys.push(IssuerKey { withdrawn_at, ..old.clone() });
                }
            }
        }
        keys.push(Key {
            id,
            name: format!("jobs of {}", self.url),
            scheme: Scheme::Oidc,
            public: self.url.clone(),
            principal: self.principal,
            duties: vec![Duty::Gate],
            not_before: before.as_ref().map_or(self.not_before, |key| key.not_before),
            not_after: self.not_after,
            gate: Some(gate),
            revoked_at: before.and_then(|key| key.revoked_at),
        });
        Ok(())
    }
}

/// What the first version says.
#[derive(Clone, Debug)]
pub struct TrustDraft {
    /// Host of the forge, or `local`.
    pub host: String,
    /// The forge on that host; absent where there is none.
    pub forge: Option<ForgeKind>,
    /// Immutable id of the repository on that host.
    pub repo_id: String,
    /// Immutable id of its owner on that host.
    pub owner_id: String,
    /// Name of the repository, for display.
    pub repo: String,
    /// Full name of the protected base.
    pub base_ref: String,
    /// The ledger.
    pub ledger: LedgerRef,
    /// From when on it is refused.
    pub expires: Timestamp,
    /// Holders of root keys who must sign a change.
    pub root_threshold: u32,
    /// People and programs.
    pub principals: Vec<Principal>,
    /// Their keys.
    pub keys: Vec<NewKey>,
}

/// One change.
#[derive(Clone, Debug)]
pub enum Change {
    /// A person or program is listed.
    EnrolPrincipal(Principal),
    /// A key of a listed principal is listed.
    EnrolKey(NewKey),
    /// A principal has these roles, and no others.
    SetRoles {
        /// The principal.
        principal: u64,
        /// The roles.
        roles: Vec<Id>,
    },
    /// A key counts no more; this can never be taken back.
    RevokeKey {
        /// Id of the key.
        key: Digest,
        /// From when on.
        at: Timestamp,
    },
    /// The trust root holds until a later time.
    RenewExpiry(Timestamp),
    /// A key holds until a later time; one that ended or was revoked never counts again.
    ProlongKey {
        /// Id of the key.
        key: Digest,
        /// From when on it is not valid.
        until: Timestamp,
    },
    /// A program outside of the repository signs checkpoints.
    AddWitness {
        /// The program, with its login.
        principal: Principal,
        /// Its key; the duty is always [`Duty::Witness`] alone.
        key: NewKey,
    },
    /// So many holders of root keys must sign a change.
    SetThreshold(u32),
    /// An issuer says which CI job runs; one of the same URL is replaced.
    SetIssuer(Issuer),
    /// An issuer says so no more.
    RemoveIssuer(String),
    /// Jobs of an issuer sign for people, without a key of their own; another rule of the same issuer and program ends.
    SetGate(NewGate),
}

impl Change {
    fn apply(&self, document: &mut Document) -> Result<()> {
        match self {
            Self::EnrolPrincipal(principal) => document.principals.push(principal.clone()),
            Self::EnrolKey(key) => {
                find_principal(document, key.principal)?;
                document.keys.push(key.listed());
            }
            Self::SetRoles { principal, roles } => {
                let mut roles = roles.clone();
                roles.sort();
                roles.dedup();
                find_principal(document, *principal)?.roles = roles;
            }
            Self::RevokeKey { key, at } => {
                let listed = document.keys.iter_mut().find(|listed| listed.id == *key);
                let listed = listed.ok_or_else(|| Refusal::new(KEY_UNKNOWN, format!("key {key}")))?;
                listed.revoked_at = Some(*at);
            }
            Self::RenewExpiry(expires) => document.expires = *expires,
            Self::ProlongKey { key, until } => {
                let listed = document.keys.iter_mut().find(|listed| listed.id == *key);
                let listed = listed.ok_or_else(|| Refusal::new(KEY_UNKNOWN, format!("key {key}")))?;
                listed.not_after = listed.not_after.max(*until);
            }
            Self::AddWitness { principal, key } => {
                if principal.kind != PrincipalKind::Agent || key.principal != principal.id {
                    return Err(Refusal::new(TRUST_MALFORMED, "a witness is a program that owns the witness key"));
                }
                document.principals.push(principal.clone());
                document.keys.push(Key { duties: vec![Duty::Witness], ..key.listed() });
            }
            Self::SetThreshold(threshold) => document.root_threshold = *threshold,
            Self::SetIssuer(issuer) => {
                document.issuers.retain(|listed| listed.url != issuer.url);
                document.issuers.push(issuer.clone());
            }
            Self::RemoveIssuer(url) => {
                let before = document.issuers.len();
                document.issuers.retain(|listed| listed.url != *url);
                if document.issuers.len() == before {
                    return Err(Refusal::new(ISSUER_UNKNOWN, format!("`{}`", excerpt(url))));
                }
            }
            Self::SetGate(gate) => {
                find_principal(document, gate.principal)?;
                gate.list(&mut document.keys)?;
            }
        }
        Ok(())
    }
}

fn find_principal(document: &mut Document, id: u64) -> Result<&mut Principal> {
    let found = document.principals.iter_mut().find(|principal| principal.id == id);
    found.ok_or_else(|| Refusal::new(PRINCIPAL_UNKNOWN, format!("principal {id}")))
}

impl TrustDraft {
    /// Makes version 1 and has it signed.
    ///
    /// # Errors
    /// `trust.malformed` where the draft contradicts itself, `key.role` where a signer has no root key in it,
    /// and those of the signers.
    pub fn propose(self, now: Timestamp, signers: &[&dyn Signer]) -> Result<Proposal> {
        let document = Document {
            kind: TRUST_ROOT_TYPE.to_owned(),
            version: 1,
            expires: self.expires,
            host: self.host,
            forge: self.forge,
            repo_id: self.repo_id,
            owner_id: self.owner_id,
            repo: self.repo,
            base_ref: self.base_ref,
            ledger: self.ledger,
            root_threshold: self.root_threshold,
            principals: self.principals,
            keys: self.keys.iter().map(NewKey::listed).collect(),
            issuers: Vec::new(),
        };
        Proposal::make(&document, None, now, signers)
    }
}

/// Makes the next version of a trust root and has it signed.
///
/// # Errors
/// `principal.unknown`, `key.unknown`, `trust.change` where the next version would contradict
/// itself, `key.role` where a signer has no root key in either version, and those of the signers.
pub fn propose(root: &TrustRoot, changes: &[Change], now: Timestamp, signers: &[&dyn Signer]) -> Result<Proposal> {
    let mut document = root.document().clone();
    document.version += 1;
    for change in changes {
        possible::check(change, &document)?;
        change.apply(&mut document)?;
    }
    // The version before is whole: what does not hold together now is what was asked for.
    Proposal::make(&document, Some(root), now, signers).map_err(|refusal| match refusal.is(TRUST_MALFORMED) {
        true => Refusal::new(TRUST_CHANGE, refusal.message()),
        false => refusal,
    })
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
