//! What must hold of a trust root by itself, before anybody has signed it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Document, Duty, Key, LOCAL, Listed, Principal, PrincipalKind, TRUST_ROOT_TYPE, TrustRoot};
use crate::{
    base::{
        digest::Digest,
        reason::{Refusal, Result},
        text,
    },
    sign::{
        issuer,
        key::PublicKey,
        reasons::TRUST_MALFORMED,
        schemes::{
            Scheme, Verifier,
            oidc::keyless::{self, Voucher},
        },
    },
};

/// Checks a document, and makes its keys ready for use; points of the curve that an earlier version has are not looked at again.
pub(super) fn check(document: &Document, earlier: Option<&TrustRoot>) -> Result<BTreeMap<Digest, Listed>> {
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
        let before = earlier.and_then(|root| root.listed(&key.id));
        let known = before.and_then(|listed| listed.verifier_of(key));
        let (id, verifier) = known.map_or_else(|| verifier(document, key), |verifier| Ok((key.id, verifier)))?;
        if id != key.id {
            return refuse(format!("key `{}` does not have the id it claims", text::excerpt(&key.name)));
        }
        let Some(holder) = principals.get(&key.principal) else {
            return refuse(format!("key {} belongs to nobody", key.id));
        };
        let kind = &holder.kind;
        let since = before.and_then(|listed| listed.revoked_in).unwrap_or(document.version);
        let revoked_in = key.is_revoked().then_some(since);
        let listed = Listed { key: Arc::new(key.clone()), holder: Arc::clone(holder), verifier, revoked_in };
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
        if distinct.contains(&Duty::Root) && !key.is_revoked() {
            root_holders.insert(key.principal);
        }
    }
    let threshold = document.root_threshold as usize;
    if threshold == 0 || threshold > root_holders.len() {
        return refuse(format!(
            "root threshold {threshold} with {} of a root key",
            text::count(root_holders.len(), "holder")
        ));
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
