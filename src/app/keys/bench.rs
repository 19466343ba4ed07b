//! Keys, people and trust roots for the tests of this room.

use super::change::{NewKey, TrustDraft};
use crate::{
    base::{digest::Digest, time::Timestamp},
    sign::{
        Duty, PrivateKey,
        schemes::Scheme,
        trust::{LedgerRef, Principal, PrincipalKind},
    },
};

/// A fixed second.
pub(super) fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// The key of person `n`.
pub(super) fn key(n: u8) -> PrivateKey {
    PrivateKey::from_seed(&[n; 32])
}

/// Person `n`.
pub(super) fn person(n: u8) -> Principal {
    Principal {
        id: u64::from(n),
        login: format!("person{n}"),
        name: format!("Person {n}"),
        kind: PrincipalKind::Person,
        roles: Vec::new(),
        emails: Vec::new(),
    }
}

/// A root and approver key of person `n`.
pub(super) fn listed(n: u8) -> NewKey {
    NewKey {
        name: format!("key {n}"),
        scheme: Scheme::Ed25519,
        public: key(n).public().unwrap(),
        principal: u64::from(n),
        duties: vec![Duty::Root, Duty::Approver],
        not_before: now().plus(-60),
        not_after: now().plus(1_000_000_000),
    }
}

/// A draft with root keys of these people.
pub(super) fn draft(threshold: u32, people: &[u8]) -> TrustDraft {
    TrustDraft {
        forge: None,
        host: "local".into(),
        repo_id: "7".into(),
        owner_id: "3".into(),
        repo: "example".into(),
        base_ref: "refs/heads/main".into(),
        ledger: LedgerRef { branch: "refs/heads/countersign/ledger".into(), genesis: Digest::of(b"genesis") },
        expires: now().plus(31_536_000),
        root_threshold: threshold,
        principals: people.iter().map(|n| person(*n)).collect(),
        keys: people.iter().map(|n| listed(*n)).collect(),
    }
}
