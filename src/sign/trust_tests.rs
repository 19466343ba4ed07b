//! Attacks on changes of the trust root, each beside the honest case it differs from.

use std::collections::BTreeMap;

use super::{
    issuer::{Gate, Runner},
    predicate::TrustRootUpdate,
    schemes::{
        Scheme,
        oidc::{KeySet, keyless, testing},
    },
    statement::Subject,
    tests::{at, code, document, key, listed, person},
    trust::{Document, Key, Principal, PrincipalKind, Version},
    *,
};
use crate::base::{digest::Digest, json as strict, reason::Result, time::Timestamp};

/// Version `document` with a statement signed by some keys, as of a time.
fn version_at(document: &Document, previous: Option<&TrustRoot>, signers: &[u8], time: Timestamp) -> Version {
    let bytes = strict::canonical(document).unwrap();
    let update =
        TrustRootUpdate { version: document.version, previous: previous.map(TrustRoot::digest), signed_at: time };
    let keys: Vec<PrivateKey> = signers.iter().map(|n| key(*n)).collect();
    let signers: Vec<&dyn Signer> = keys.iter().map(|key| key as &dyn Signer).collect();
    let subject = vec![Subject::new("trust-root", Digest::of(&bytes))];
    Version { envelope: Envelope::sign(subject, update, &signers).unwrap(), bytes }
}

pub(super) fn start(document: &Document, signers: &[u8]) -> Result<TrustRoot> {
    TrustRoot::start(&version_at(document, None, signers, at(0)))
}

/// The next version after a document, edited.
fn next(document: &Document, edit: impl FnOnce(&mut Document)) -> Document {
    let mut next = document.clone();
    next.version += 1;
    edit(&mut next);
    next
}

#[test]
fn b32_a_revoked_root_key_cannot_date_a_change_back() {
    let revoked = changed_document(|document| {
        document.root_threshold = 1;
        document.keys[0].revoked_at = Some(at(10));
    });
    let root = start(&revoked, &[2]).unwrap();
    let change = next(&revoked, |document| document.expires = at(200_000));
    for time in [5, 0, 20] {
        let stolen = version_at(&change, Some(&root), &[1], at(time));
        assert_eq!(code(root.accept(&stolen)), "trust.threshold", "{time}");
    }
    assert!(root.accept(&version_at(&change, Some(&root), &[2], at(20))).is_ok());
}

#[test]
fn b33_a_change_under_which_a_root_key_only_seems_to_have_signed_is_refused() {
    let document = document();
    let root = start(&document, &[1, 2]).unwrap();
    let change = next(&document, |document| document.expires = at(200_000));
    let honest = version_at(&change, Some(&root), &[1, 2], at(20));
    assert!(root.accept(&honest).is_ok());
    // The second signature is the first one again, under the id of the second key.
    let mut value = honest.envelope.to_value();
    value["signatures"][1]["sig"] = value["signatures"][0]["sig"].clone();
    let forged = Version { envelope: Envelope::from_value(&value).unwrap(), bytes: honest.bytes.clone() };
    assert_eq!(code(root.accept(&forged)), "signature.invalid");
    assert_eq!(code(TrustRoot::start(&forged)), "signature.invalid");
}

#[test]
fn b31_a_root_key_signs_from_its_first_second_on() {
    let from = |seconds: i64| changed_document(|document| document.keys[0].not_before = at(seconds));
    let first = |document: &Document| TrustRoot::start(&version_at(document, None, &[1, 2], at(0)));
    assert!(first(&from(0)).is_ok());
    assert_eq!(code(first(&from(1))), "trust.threshold");
}

fn changed_document(edit: impl FnOnce(&mut Document)) -> Document {
    let mut document = document();
    edit(&mut document);
    document
}

#[test]
fn b31_an_expired_root_key_cannot_date_a_change_before_the_last_one() {
    let document = changed_document(|document| document.keys[0].not_after = at(500));
    let root = TrustRoot::start(&version_at(&document, None, &[1, 2], at(400))).unwrap();
    let change = next(&document, |document| document.expires = at(200_000));
    let accept = |time| root.accept(&version_at(&change, Some(&root), &[1, 2], at(time)));
    assert_eq!(code(accept(399)), "trust.threshold", "before the version it follows");
    assert_eq!(code(accept(500)), "trust.threshold", "after the key's time");
    assert!(accept(499).is_ok());
}

#[test]
fn b32_a_revocation_is_never_taken_back_and_a_key_never_changes_hands() {
    let revoked = changed_document(|document| document.keys[3].revoked_at = Some(at(10)));
    let root = start(&revoked, &[1, 2]).unwrap();
    let accept =
        |edit: &dyn Fn(&mut Document)| root.accept(&version_at(&next(&revoked, edit), Some(&root), &[1, 2], at(20)));
    assert!(accept(&|document| document.expires = at(200_000)).is_ok());
    assert_eq!(code(accept(&|document| document.keys[3].revoked_at = None)), "trust.malformed");
    assert_eq!(code(accept(&|document| document.keys[3].revoked_at = Some(at(99)))), "trust.malformed");
    assert_eq!(code(accept(&|document| _ = document.keys.pop())), "trust.malformed");
    assert_eq!(code(accept(&|document| document.keys[3].principal = 1)), "trust.malformed");
}

#[test]
fn b32_it_is_known_which_version_revoked_a_key() {
    let first = document();
    let id = first.keys[3].id;
    let root = start(&first, &[1, 2]).unwrap();
    let follow = |root: &TrustRoot, edit: &dyn Fn(&mut Document)| {
        root.accept(&version_at(&next(root.document(), edit), Some(root), &[1, 2], at(20))).unwrap()
    };
    let second = follow(&root, &|document| document.keys[3].revoked_at = Some(at(10)));
    let third = follow(&second, &|document| document.expires = at(200_000));
    let (since, pinned) = (second.document().version, start(third.document(), &[1, 2]).unwrap());
    assert_eq!(since + 1, third.document().version);
    assert_eq!(root.revoked_in(&id, at(10)), None);
    assert_eq!([&second, &third].map(|root| root.revoked_in(&id, at(10))), [Some(since); 2]);
    assert_eq!([&second, &third].map(|root| root.revoked_in(&id, at(9))), [None; 2]);
    assert_eq!(pinned.revoked_in(&id, at(10)), Some(since + 1), "nobody here knows of the version before");
}

#[test]
fn b33_a_change_needs_the_old_and_the_new_root_keys_and_follows_the_last_version() {
    let first = document();
    let root = start(&first, &[1, 2]).unwrap();
    let renewed = next(&first, |document| document.expires = at(200_000));
    let accept = |document: &Document, previous: Option<&TrustRoot>, signers: &[u8]| {
        root.accept(&version_at(document, previous, signers, at(1)))
    };
    assert!(accept(&renewed, Some(&root), &[1, 2]).is_ok());
    for signers in [&[1][..], &[2], &[1, 11], &[1, 3]] {
        assert_eq!(code(accept(&renewed, Some(&root), signers)), "trust.threshold", "{signers:?}");
    }
    // Somebody lists keys of their own and signs with them; and the other way round.
    let usurped = next(&first, |document| {
        document.keys = vec![listed(4, 1, &[Duty::Root]), listed(5, 2, &[Duty::Root])];
    });
    assert_eq!(code(accept(&usurped, Some(&root), &[4, 5])), "signature.none");
    assert_eq!(code(accept(&usurped, Some(&root), &[4, 5, 1])), "trust.threshold");
    assert_eq!(code(accept(&usurped, Some(&root), &[1, 2])), "signature.none");
    assert!(accept(&usurped, Some(&root), &[1, 2, 4, 5]).is_ok());
    // Not the next one.
    assert_eq!(code(accept(&renewed, None, &[1, 2])), "trust.threshold");
    assert_eq!(code(accept(&first, Some(&root), &[1, 2])), "trust.threshold");
    let skipped = next(&renewed, |_| {});
    assert_eq!(code(accept(&skipped, Some(&root), &[1, 2])), "trust.threshold");
    type Edit = fn(&mut Document);
    let elsewhere: [Edit; 3] = [
        |document| document.repo_id = "8".into(),
        |document| document.host = "elsewhere".into(),
        |document| document.ledger.genesis = Digest::of(b"other"),
    ];
    for edit in elsewhere {
        assert_eq!(code(accept(&next(&first, edit), Some(&root), &[1, 2])), "trust.threshold");
    }
}

#[test]
fn b33_an_approver_becomes_a_root_holder_by_a_change_they_sign_too() {
    let first = changed_document(|document| {
        document.root_threshold = 1;
        document.keys[1].duties = vec![Duty::Approver];
    });
    let root = start(&first, &[1]).unwrap();
    let change = next(&first, |document| {
        document.root_threshold = 2;
        document.keys[1].duties = vec![Duty::Root, Duty::Approver];
    });
    assert_eq!(code(root.accept(&version_at(&change, Some(&root), &[1], at(1)))), "trust.threshold");
    assert!(root.accept(&version_at(&change, Some(&root), &[1, 2], at(1))).is_ok());
}

#[test]
fn b34_b35_a_trust_root_is_pinned_and_fresh() {
    let document = document();
    let first = version_at(&document, None, &[1, 2], at(0));
    let pin = Digest::of(&first.bytes);
    let versions = BTreeMap::from([(1, first)]);
    assert!(TrustRoot::load(&versions, &pin, at(99_999)).is_ok());
    assert_eq!(code(TrustRoot::load(&versions, &pin, at(100_000))), "trust.expired");
    assert_eq!(code(TrustRoot::load(&versions, &Digest::of(b"other"), at(0))), "trust.pin_mismatch");
    assert!(TrustRoot::descend(&versions, &pin).is_ok(), "so that it can be renewed");
}

#[test]
fn b35_a_pinned_document_still_needs_its_own_signatures() {
    let document = document();
    let other = version_at(&next(&document, |_| {}), None, &[1, 2], at(0));
    let swapped = Version { bytes: strict::canonical(&document).unwrap(), envelope: other.envelope };
    assert_eq!(code(TrustRoot::start(&swapped)), "subject.mismatch");
}

#[test]
fn b35_a_first_version_that_was_signed_as_another_is_refused() {
    let mut update = TrustRootUpdate { version: 1, previous: None, signed_at: at(0) };
    let bytes = strict::canonical(&document()).unwrap();
    let signed = |update: &TrustRootUpdate| {
        let subject = vec![Subject::new("trust-root", Digest::of(&bytes))];
        let envelope = Envelope::sign(subject, update.clone(), &[&key(1), &key(2)]).unwrap();
        TrustRoot::start(&Version { bytes: bytes.clone(), envelope })
    };
    assert!(signed(&update).is_ok());
    update.version = 2;
    assert_eq!(code(signed(&update)), "trust.threshold");
}

/// The jobs of an issuer, as a key of a program.
fn jobs(principal: u64, duties: &[Duty]) -> Key {
    let url = "https://token.actions.example.com";
    let gate = Gate {
        workflows: vec!["example/sample/.github/workflows/countersign.yml@refs/heads/main".to_owned()],
        events: vec!["workflow_dispatch".to_owned()],
        runner: Runner::GithubHosted,
        environment: None,
        keys: keyless::keys_of(&KeySet::parse(testing::jwks().to_string().as_bytes()).unwrap()).unwrap(),
    };
    Key {
        id: keyless::id(url, principal, &gate).unwrap(),
        scheme: Scheme::Oidc,
        public: url.to_owned(),
        gate: Some(gate),
        ..listed(9, principal, duties)
    }
}

#[test]
fn b30_jobs_without_a_key_are_a_programs_gate_and_nothing_else() {
    let with = |key: Key| {
        let mut document = document();
        document.principals.push(Principal { kind: PrincipalKind::Agent, ..person(90) });
        document.keys.push(key);
        tests::parse(&document)
    };
    assert!(with(jobs(90, &[Duty::Gate])).is_ok());
    for duty in [Duty::Executor, Duty::Planner, Duty::Policy, Duty::Witness, Duty::Approver, Duty::Root] {
        assert_eq!(code(with(jobs(90, &[duty]))), "trust.malformed", "{duty:?}");
        assert_eq!(code(with(jobs(90, &[Duty::Gate, duty]))), "trust.malformed", "{duty:?}");
    }
    let person = document().principals[0].id;
    assert_eq!(code(with(jobs(person, &[Duty::Gate]))), "trust.malformed");
    // What the scheme needs is there, and what another needs is not.
    let good = jobs(90, &[Duty::Gate]);
    assert_eq!(code(with(Key { gate: None, ..good.clone() })), "trust.malformed");
    assert_eq!(code(with(Key { gate: good.gate.clone(), ..listed(9, 90, &[Duty::Gate]) })), "trust.malformed");
    assert_eq!(
        code(with(Key { id: keyless::id(&good.public, 91, good.gate.as_ref().unwrap()).unwrap(), ..good.clone() })),
        "trust.malformed"
    );
    // A rule that is edited is no longer the one that has the id.
    let mut edited = good.clone();
    edited.gate.as_mut().unwrap().events.push("push".to_owned());
    assert_eq!(code(with(edited)), "trust.malformed");
    assert!(code(with(Key { scheme: Scheme::Ed25519, gate: None, ..good })).starts_with("key."));
}

#[test]
fn the_word_of_a_duty_is_the_one_in_the_file() {
    for (word, duty) in Duty::ALL {
        assert_eq!(serde_json::to_value(duty).unwrap(), word);
    }
}
