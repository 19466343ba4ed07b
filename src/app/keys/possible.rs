//! Whether a change of the trust root can be made, said in the words of who asks for it.

use std::collections::BTreeSet;

use super::{change::Change, reasons::TRUST_CHANGE};
use crate::{
    base::{
        reason::{Refusal, Result},
        text::excerpt,
    },
    sign::{
        Duty,
        trust::{Document, Principal, PrincipalKind},
    },
};

/// Refuses a change after which the trust root would contradict itself.
///
/// # Errors
/// `trust.change`.
pub(super) fn check(change: &Change, document: &Document) -> Result<()> {
    let why = match change {
        Change::EnrolPrincipal(principal) => taken(principal, document),
        Change::EnrolKey(key) => {
            let listed = document.keys.iter().find(|listed| listed.id == key.public.id());
            let holder = document.principals.iter().find(|principal| principal.id == key.principal);
            let decides = key.duties.iter().any(|duty| matches!(duty, Duty::Approver | Duty::Root));
            match (listed, holder) {
                (Some(listed), _) => Some(format!("the key is listed already, as `{}`", excerpt(&listed.name))),
                (None, Some(holder)) if holder.kind == PrincipalKind::Agent && decides => Some(format!(
                    "`{}` is a program, and no program approves or changes the trust root; give it another --duty",
                    excerpt(&holder.login)
                )),
                _ => None,
            }
        }
        Change::RevokeKey { key, .. } => {
            let left = holders(document, |id| id != *key);
            let listed = document.keys.iter().find(|listed| listed.id == *key);
            match (left, document.root_threshold as usize) {
                _ if listed.is_none() => None,
                _ if listed.is_some_and(|listed| listed.is_revoked()) => Some("the key is revoked already".to_owned()),
                (0, _) => Some("it is the last root key, and nobody could change the trust root any more".to_owned()),
                (left, need) if left < need => {
                    Some(format!("{need} people with root keys must sign a change, and {left} would be left"))
                }
                _ => None,
            }
        }
        Change::SetThreshold(0) => Some("at least 1 holder of a root key must sign a change".to_owned()),
        Change::SetThreshold(need) => {
            let have = holders(document, |_| true);
            let people = if have == 1 { "holder" } else { "holders" };
            (*need as usize > have)
                .then(|| format!("{need} would have to sign a change, and there is {have} {people} of a root key"))
        }
        _ => None,
    };
    why.map_or(Ok(()), |why| Err(Refusal::new(TRUST_CHANGE, why)))
}

/// Says what of a principal belongs to somebody else already.
fn taken(new: &Principal, document: &Document) -> Option<String> {
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    document.principals.iter().find_map(|known| {
        let login = excerpt(&known.login);
        if known.id == new.id || same(&known.login, &new.login) {
            return Some(format!("`{login}` is listed already, with the id {}", known.id));
        }
        let shared = new.emails.iter().find(|email| known.emails.iter().any(|theirs| same(theirs, email)))?;
        Some(format!("the address `{}` is that of `{login}`", excerpt(shared)))
    })
}

/// Counts people with a root key that was not revoked, among the keys that are looked at.
fn holders(document: &Document, counts: impl Fn(crate::base::digest::Digest) -> bool) -> usize {
    let keys = document.keys.iter().filter(|key| !key.is_revoked() && key.duties.contains(&Duty::Root));
    keys.filter(|key| counts(key.id)).map(|key| key.principal).collect::<BTreeSet<u64>>().len()
}
