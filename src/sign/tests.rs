//! Attacks on envelopes, statements, keys and the trust root, each beside the honest case it differs from.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    envelope::{PAYLOAD_TYPE, pae},
    predicate::{Actor, Checkpoint, Halt, LedgerHead, TrustRootUpdate},
    schemes::Scheme,
    statement::{STATEMENT_TYPE, Subject},
    trust::{Document, Key, LedgerRef, Principal, PrincipalKind, TRUST_ROOT_TYPE, Version},
    *,
};
use crate::base::{digest::Digest, json as strict, reason::Result, time::Timestamp};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_800_000_000 + seconds)
}

fn key(n: u8) -> PrivateKey {
    PrivateKey::from_seed(&[n; 32])
}

fn listed(n: u8, principal: u64, duties: &[Duty]) -> Key {
    let public = key(n).public().unwrap();
    Key {
        id: public.id(),
        name: format!("key {n}"),
        scheme: Scheme::Ed25519,
        public: public.to_base64(),
        principal,
        duties: duties.to_vec(),
        not_before: at(-1000),
        not_after: at(1000),
        revoked_at: None,
    }
}

fn person(id: u64) -> Principal {
    Principal {
        id,
        login: format!("p{id}"),
        name: format!("P {id}"),
        kind: PrincipalKind::Person,
        roles: Vec::new(),
        emails: vec![format!("p{id}@example.org")],
    }
}

/// People 1, 2, 3: keys 1 and 2 are roots of people 1 and 2, key 11 is a second root of person 1, key 3 executes.
fn document() -> Document {
    Document {
        kind: TRUST_ROOT_TYPE.into(),
        version: 1,
        expires: at(100_000),
        host: "local".into(),
        repo_id: "7".into(),
        owner_id: "1".into(),
        repo: "example".into(),
        base_ref: "refs/heads/main".into(),
        ledger: LedgerRef { branch: "refs/heads/countersign/ledger".into(), genesis: Digest::of(b"genesis") },
        root_threshold: 2,
        principals: vec![person(1), person(2), person(3)],
        keys: vec![
            listed(1, 1, &[Duty::Root, Duty::Approver]),
            listed(2, 2, &[Duty::Root, Duty::Approver]),
            listed(11, 1, &[Duty::Root]),
            listed(3, 3, &[Duty::Executor]),
        ],
    }
}

fn parse(document: &Document) -> Result<TrustRoot> {
    TrustRoot::parse(&strict::canonical(document).unwrap())
}

fn root() -> TrustRoot {
    parse(&document()).unwrap()
}

fn changed(edit: impl FnOnce(&mut Document)) -> Result<TrustRoot> {
    let mut document = document();
    edit(&mut document);
    parse(&document)
}

fn halt() -> Halt {
    Halt {
        halted: true,
        by: Actor { host: "local".into(), id: 1, login: "p1".into() },
        reason: "stop".into(),
        nonce: "0".repeat(32),
        ledger: LedgerHead { genesis: Digest::of(b"genesis"), seq: 1, hash: Digest::of(b"1") },
        at: at(0),
    }
}

fn signed(signers: &[&dyn Signer]) -> Envelope {
    Envelope::sign(vec![Subject::new("plan", Digest::of(b"plan"))], halt(), signers).unwrap()
}

/// An envelope over any bytes, with signatures under any key id.
fn raw(payload: &[u8], signatures: &[(String, Vec<u8>)]) -> Envelope {
    let signatures: Vec<Value> =
        signatures.iter().map(|(keyid, sig)| json!({ "keyid": keyid, "sig": STANDARD.encode(sig) })).collect();
    let value = json!({ "payload": STANDARD.encode(payload), "payloadType": PAYLOAD_TYPE, "signatures": signatures });
    Envelope::parse(&serde_json::to_vec(&value).unwrap()).unwrap()
}

/// Any bytes under a good signature of key 1.
fn well_signed(payload: &[u8]) -> Envelope {
    let signature = key(1).sign(&pae(PAYLOAD_TYPE, payload)).unwrap();
    raw(payload, &[(key(1).key_id().to_string(), signature)])
}

fn open_at(envelope: &Envelope, root: &TrustRoot, time: Timestamp) -> Result<Verified<Halt>> {
    Verified::open(envelope, root, &[Duty::Approver], time)
}

fn open(envelope: &Envelope) -> Result<Verified<Halt>> {
    open_at(envelope, &root(), at(0))
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
    result.unwrap_err().code()
}

#[test]
fn the_honest_case_verifies() {
    let opened = open(&signed(&[&key(1), &key(2)])).unwrap();
    assert_eq!(opened.predicate(), &halt());
    assert_eq!(opened.signatories().len(), 2);
    opened.check_subjects(&[("plan", Digest::of(b"plan"))]).unwrap();
}

#[test]
fn b01_a_signature_over_the_bytes_under_another_type_counts_nothing() {
    let payload = signed(&[]).unverified_payload().to_vec();
    for other in ["application/json", "", "application/vnd.in-toto+json "] {
        let signature = key(1).sign(&pae(other, &payload)).unwrap();
        assert_eq!(code(open(&raw(&payload, &[(key(1).key_id().to_string(), signature)]))), "signature.invalid");
    }
    let bare = key(1).sign(&payload).unwrap();
    assert_eq!(code(open(&raw(&payload, &[(key(1).key_id().to_string(), bare)]))), "signature.invalid");
    assert!(open(&well_signed(&payload)).is_ok());
}

#[test]
fn b02_a_valid_statement_of_another_kind_is_absent() {
    let envelope = signed(&[&key(1)]);
    let other: Result<Verified<Checkpoint>> = Verified::open(&envelope, &root(), &[Duty::Approver], at(0));
    assert_eq!(code(other), "attestation.absent");
    let mut value: Value = serde_json::from_slice(envelope.unverified_payload()).unwrap();
    for name in ["https://countersign.dev/halt/v2", "https://countersign.dev/halt/v1/", "halt", ""] {
        value["predicateType"] = json!(name);
        assert_eq!(code(open(&well_signed(&strict::canonical(&value).unwrap()))), "attestation.absent", "{name}");
    }
}

#[test]
fn b03_a_good_signature_over_a_bad_payload_is_refused() {
    let good = signed(&[]).unverified_payload().to_vec();
    let edit = |change: &dyn Fn(&mut Value)| {
        let mut value: Value = serde_json::from_slice(&good).unwrap();
        change(&mut value);
        strict::canonical(&value).unwrap()
    };
    let cases: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"{".to_vec(),
        b"null".to_vec(),
        b"\xff".to_vec(),
        [&good[..], b" "].concat(),
        [&good[..], b"\n"].concat(),
        edit(&|value| value["_type"] = json!("https://in-toto.io/Statement/v0.1")),
        edit(&|value| value["extra"] = json!(1)),
        edit(&|value| value["predicate"]["extra"] = json!(1)),
        edit(&|value| value["predicate"]["halted"] = json!("true")),
        edit(&|value| value["predicate"] = json!({})),
        edit(&|value| value["predicate"] = Value::Null),
        edit(&|value| value["subject"] = json!("plan")),
    ];
    for payload in cases {
        let refused = code(open(&well_signed(&payload)));
        let shown = String::from_utf8_lossy(&payload);
        assert!(matches!(refused, "payload.malformed" | "attestation.absent"), "{refused}: {shown}");
    }
    assert!(open(&well_signed(&good)).is_ok());
    let float = String::from_utf8(good).unwrap().replace("\"seq\":1", "\"seq\":1.0");
    assert_eq!(code(open(&well_signed(float.as_bytes()))), "payload.malformed");
}

#[test]
fn b04_what_is_handed_out_is_what_was_verified() {
    let envelope = signed(&[&key(1)]);
    let opened = open(&envelope).unwrap();
    assert_eq!(opened.payload_digest(), Digest::of(envelope.unverified_payload()));
    let other = String::from_utf8(envelope.unverified_payload().to_vec()).unwrap().replace("stop", "STOP");
    let signature = envelope.signatures()[0].clone();
    assert_eq!(code(open(&raw(other.as_bytes(), &[(signature.keyid, signature.bytes)]))), "signature.invalid");
}

#[test]
fn b06_a_signature_has_one_base64_form() {
    let text = String::from_utf8(signed(&[&key(1)]).to_bytes().unwrap()).unwrap();
    assert!(Envelope::parse(text.as_bytes()).is_ok());
    let sig = text.split("\"sig\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    for bad in [sig.trim_end_matches('=').to_owned(), format!("{sig}="), format!(" {sig}"), format!("{sig}\\n")] {
        assert_eq!(code(Envelope::parse(text.replace(&sig, &bad).as_bytes())), "dsse.base64", "{bad}");
    }
}

#[test]
fn b07_a_key_twice_is_refused_outside_and_inside() {
    let text = String::from_utf8(signed(&[&key(1)]).to_bytes().unwrap()).unwrap();
    let twice = text.replacen('{', r#"{"\u0070ayload":"e30=","#, 1);
    assert_eq!(code(Envelope::parse(twice.as_bytes())), "json.duplicate_key");
    let inside = String::from_utf8(signed(&[]).unverified_payload().to_vec()).unwrap();
    let inside = inside.replace("\"halted\":true", "\"halted\":true,\"halted\":false");
    assert_eq!(code(open(&well_signed(inside.as_bytes()))), "payload.malformed");
}

#[test]
fn b14_the_scheme_is_the_keys_and_never_the_messages() {
    let ssh = changed(|document| document.keys[0].scheme = Scheme::SshEd25519).unwrap();
    let envelope = signed(&[&key(1)]);
    assert_eq!(code(open_at(&envelope, &ssh, at(0))), "signature.invalid");
    let mut value = envelope.to_value();
    value["signatures"][0]["alg"] = json!("none");
    value["signatures"][0]["jwk"] = json!({ "kty": "OKP" });
    assert!(open(&Envelope::from_value(&value).unwrap()).is_ok(), "never read");
    let document = strict::canonical(&document()).unwrap();
    let other = String::from_utf8(document).unwrap().replacen("\"ed25519\"", "\"none\"", 1);
    assert_eq!(code(TrustRoot::parse(other.as_bytes())), "json.schema");
}

#[test]
fn b16_a_second_form_of_a_signature_is_refused() {
    // S plus the order of the group: the same signature to a lenient verifier.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let envelope = signed(&[&key(1)]);
    let mut second = envelope.signatures()[0].bytes.clone();
    let mut carry = 0_u16;
    for (byte, order) in second[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    let id = key(1).key_id().to_string();
    assert_eq!(code(open(&raw(envelope.unverified_payload(), &[(id, second)]))), "signature.invalid");
}

#[test]
fn b16_a_weak_key_is_no_part_of_a_trust_root() {
    let mut identity = [0_u8; 32];
    identity[0] = 1;
    let weak = changed(|document| {
        document.keys[0].public = STANDARD.encode(identity);
        document.keys[0].id = Digest::framed("key", [identity]);
    });
    assert_eq!(code(weak), "key.weak");
}

#[test]
fn b18_a_key_id_lends_no_authority() {
    let payload = signed(&[]).unverified_payload().to_vec();
    let by_executor = key(3).sign(&pae(PAYLOAD_TYPE, &payload)).unwrap();
    let claim = |keyid: &str| code(open(&raw(&payload, &[(keyid.to_owned(), by_executor.clone())])));
    assert_eq!(claim(&key(1).key_id().to_string()), "signature.invalid");
    for unknown in ["", "p1", "../trust.json", &key(9).key_id().to_string(), &key(1).key_id().hex()] {
        assert_eq!(claim(unknown), "signature.none", "{unknown}");
    }
    assert_eq!(code(changed(|document| document.keys[3].id = key(1).key_id())), "trust.malformed");
}

#[test]
fn b19_one_key_or_one_person_counts_once() {
    let once = signed(&[&key(1)]);
    let signature = &once.signatures()[0];
    let entry = (signature.keyid.clone(), signature.bytes.clone());
    let opened = open(&raw(once.unverified_payload(), &[entry.clone(), entry.clone(), entry])).unwrap();
    assert_eq!(opened.signatories().len(), 1);

    for signers in [[1, 1], [1, 11], [11, 11]] {
        assert_eq!(code(start(&document(), &signers)), "trust.threshold", "{signers:?}");
    }
    assert!(start(&document(), &[1, 2]).is_ok());
    let twice = changed(|document| document.keys.push(listed(1, 2, &[Duty::Root])));
    assert_eq!(code(twice), "trust.malformed");
}

#[test]
fn b20_a_threshold_is_at_least_one_and_at_most_the_people() {
    for threshold in [0, 3, u32::MAX] {
        assert_eq!(code(changed(|document| document.root_threshold = threshold)), "trust.malformed", "{threshold}");
    }
    for threshold in [1, 2] {
        assert!(changed(|document| document.root_threshold = threshold).is_ok());
    }
    let negative = String::from_utf8(strict::canonical(&document()).unwrap()).unwrap();
    let negative = negative.replace("\"rootThreshold\":2", "\"rootThreshold\":-1");
    assert_eq!(code(TrustRoot::parse(negative.as_bytes())), "json.schema");
}

#[test]
fn b21_nothing_to_verify_is_no_success() {
    assert_eq!(code(open(&signed(&[]))), "signature.none");
    assert_eq!(code(open(&signed(&[&key(9)]))), "signature.none");
    assert_eq!(code(start(&document(), &[])), "signature.none");
    assert_eq!(code(TrustRoot::load(&BTreeMap::new(), &Digest::of(b""), at(0))), "trust.pin_mismatch");
    assert_eq!(code(changed(|document| document.keys.clear())), "trust.malformed");
}

#[test]
fn b22_one_bad_signature_of_a_trusted_key_refuses_whatever_stands_beside_it() {
    let envelope = signed(&[&key(1), &key(2)]);
    let mut entries: Vec<(String, Vec<u8>)> =
        envelope.signatures().iter().map(|entry| (entry.keyid.clone(), entry.bytes.clone())).collect();
    entries[1].1[5] ^= 1;
    for _ in 0..2 {
        assert_eq!(code(open(&raw(envelope.unverified_payload(), &entries))), "signature.invalid");
        entries.reverse();
    }
}

#[test]
fn b25_subjects_are_exactly_the_expected_ones() {
    let (plan, view) = (Digest::of(b"plan"), Digest::of(b"view"));
    let with = |subjects: Vec<Subject>| open(&Envelope::sign(subjects, halt(), &[&key(1)]).unwrap());
    let good = with(vec![Subject::new("plan", plan), Subject::new("view", view)]).unwrap();
    assert!(good.check_subjects(&[("plan", plan), ("view", view)]).is_ok());
    assert!(good.check_subjects(&[("view", view), ("plan", plan)]).is_ok());
    for wrong in [
        &[("plan", plan)][..],
        &[],
        &[("plan", view), ("view", view)],
        &[("plan", plan), ("view", view), ("policy", plan)],
        &[("Plan", plan), ("view", view)],
    ] {
        assert_eq!(code(good.check_subjects(wrong)), "subject.mismatch", "{wrong:?}");
    }
    assert_eq!(code(with(vec![Subject::new("plan", plan), Subject::new("plan", view)])), "subject.mismatch");
    assert_eq!(code(with(Vec::new())), "limit.count");
    let many = (0..33).map(|n| Subject::new(format!("s{n}"), plan)).collect();
    assert_eq!(code(with(many)), "limit.count");
    for (digest, expected) in [
        (json!({ "sha256": plan.hex().to_uppercase() }), "digest.format"),
        (json!({ "sha256": &plan.hex()[..40] }), "digest.format"),
        (json!({ "sha256": plan.to_string() }), "digest.format"),
        (json!({ "sha1": "00" }), "payload.malformed"),
        (json!({ "sha1": "00", "sha256": plan.hex() }), "payload.malformed"),
    ] {
        let mut value: Value = serde_json::from_slice(signed(&[]).unverified_payload()).unwrap();
        assert_eq!(value["_type"], STATEMENT_TYPE);
        value["subject"][0]["digest"] = digest;
        assert_eq!(code(open(&well_signed(&strict::canonical(&value).unwrap()))), expected);
    }
}

#[test]
fn b30_a_key_signs_only_what_is_its_duty() {
    assert_eq!(code(open(&signed(&[&key(3)]))), "key.role");
    assert_eq!(code(open(&signed(&[&key(11)]))), "key.role", "a root key does not approve");
    assert_eq!(code(open(&signed(&[&key(1), &key(3)]))), "key.role", "not even beside one that may");
    let executor: Result<Verified<Halt>> = Verified::open(&signed(&[&key(3)]), &root(), &[Duty::Executor], at(0));
    assert!(executor.is_ok());
    for duty in [Duty::Approver, Duty::Root] {
        let agent = changed(|document| {
            document.principals[2].kind = PrincipalKind::Agent;
            document.keys[3].duties = vec![duty];
        });
        assert_eq!(code(agent), "trust.malformed", "a program neither approves nor changes the trust root");
    }
    assert_eq!(code(changed(|document| document.keys[3].duties.clear())), "trust.malformed");
    assert_eq!(code(changed(|document| document.keys[3].principal = 9)), "trust.malformed");
}

#[test]
fn b31_a_key_counts_from_its_first_second_to_before_its_last() {
    let envelope = signed(&[&key(1)]);
    for (time, valid) in [(-1001, false), (-1000, true), (999, true), (1000, false), (50_000, false)] {
        let opened = open_at(&envelope, &root(), at(time));
        match valid {
            true => assert!(opened.is_ok(), "{time}"),
            false => assert_eq!(code(opened), "key.validity", "{time}"),
        }
    }
    assert_eq!(code(changed(|document| document.keys[0].not_after = at(-1000))), "trust.malformed");
}

#[test]
fn b32_a_revoked_key_counts_nothing_from_then_on() {
    let root = changed(|document| {
        document.keys[0].revoked_at = Some(at(10));
    })
    .unwrap();
    let envelope = signed(&[&key(1)]);
    assert!(open_at(&envelope, &root, at(9)).is_ok());
    assert_eq!(code(open_at(&envelope, &root, at(10))), "key.revoked");
}

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

fn start(document: &Document, signers: &[u8]) -> Result<TrustRoot> {
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

fn mutated(bytes: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let length = bytes.len();
    prop::collection::vec((0..length, any::<u8>(), 0_u8..4), 1..6).prop_map(move |edits| {
        let mut bytes = bytes.clone();
        for (at, byte, how) in edits {
            let at = at.min(bytes.len().saturating_sub(1));
            match how {
                _ if bytes.is_empty() => bytes.push(byte),
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => _ = bytes.remove(at),
                _ => bytes.truncate(at),
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_envelope_parser_panic(bytes in mutated(signed(&[&key(1), &key(2)]).to_bytes().unwrap())) {
        if let Ok(envelope) = Envelope::parse(&bytes) {
            prop_assert_eq!(&Envelope::parse(&envelope.to_bytes().unwrap()).unwrap(), &envelope);
            // What still opens says what was signed, to the byte.
            if let Ok(opened) = open(&envelope) {
                prop_assert_eq!(opened.predicate(), &halt());
            }
        }
    }

    #[test]
    fn no_payload_makes_the_statement_reader_panic(payload in mutated(signed(&[]).unverified_payload().to_vec())) {
        let _ = open(&well_signed(&payload));
    }

    #[test]
    fn no_bytes_make_the_trust_root_parser_panic(bytes in mutated(strict::canonical(&document()).unwrap())) {
        if let Ok(root) = TrustRoot::parse(&bytes) {
            prop_assert_eq!(strict::canonical(root.document()).unwrap(), bytes);
        }
    }

    #[test]
    fn no_bytes_make_the_key_readers_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = PublicKey::from_bytes(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = PublicKey::from_base64(&text);
        let _ = schemes::ssh::public_key(&text);
        let _ = schemes::ssh::verify(&key(1).public().unwrap(), b"message", &bytes);
    }
}
