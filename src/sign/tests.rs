//! Attacks on envelopes, statements, keys and the trust root, each beside the honest case it differs from.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    envelope::{PAYLOAD_TYPE, pae},
    predicate::{Actor, Checkpoint, Halt, LedgerHead},
    schemes::Scheme,
    statement::{STATEMENT_TYPE, Subject},
    trust::{Document, Key, LedgerRef, Principal, PrincipalKind, TRUST_ROOT_TYPE},
    trust_tests::start,
    *,
};
use crate::base::{digest::Digest, json as strict, reason::Result, time::Timestamp};

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_800_000_000 + seconds)
}

pub(super) fn key(n: u8) -> PrivateKey {
    PrivateKey::from_seed(&[n; 32])
}

pub(super) fn listed(n: u8, principal: u64, duties: &[Duty]) -> Key {
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
        gate: None,
    }
}

pub(super) fn person(id: u64) -> Principal {
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
pub(super) fn document() -> Document {
    Document {
        kind: TRUST_ROOT_TYPE.into(),
        version: 1,
        expires: at(100_000),
        host: "local".into(),
        forge: None,
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
        issuers: Vec::new(),
    }
}

pub(super) fn parse(document: &Document) -> Result<TrustRoot> {
    TrustRoot::parse(&strict::canonical(document).unwrap())
}

pub(super) fn root() -> TrustRoot {
    parse(&document()).unwrap()
}

pub(super) fn changed(edit: impl FnOnce(&mut Document)) -> Result<TrustRoot> {
    let mut document = document();
    edit(&mut document);
    parse(&document)
}

fn halt() -> Halt {
    Halt {
        evidence: None,
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

pub(super) fn code<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
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

/// An SSHSIG as OpenSSH lays it out, with any public key, namespace and algorithm written in it.
fn sshsig(public: &PublicKey, namespace: &str, algorithm: &str, signature: &[u8]) -> Vec<u8> {
    fn field(out: &mut Vec<u8>, bytes: &[u8]) {
        out.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
        out.extend_from_slice(bytes);
    }
    let (mut key, mut sig, mut blob) = (Vec::new(), Vec::new(), b"SSHSIG\0\0\0\x01".to_vec());
    field(&mut key, b"ssh-ed25519");
    field(&mut key, public.as_bytes());
    field(&mut sig, algorithm.as_bytes());
    field(&mut sig, signature);
    for part in [&key[..], namespace.as_bytes(), b"", b"sha512", &sig] {
        field(&mut blob, part);
    }
    let text = STANDARD.encode(blob);
    let lines: Vec<&str> = text.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n")).into_bytes()
}

#[test]
fn b14_an_openssh_signature_names_the_trusted_key_our_namespace_and_ed25519() {
    let (mine, other) = (key(1).public().unwrap(), key(2).public().unwrap());
    let sign = |namespace: &str| {
        let data = ssh_key::SshSig::signed_data(namespace, ssh_key::HashAlg::Sha512, b"message").unwrap();
        key(1).sign(&data).unwrap()
    };
    let verify = |armored: &[u8]| schemes::ssh::verify(&mine, b"message", armored);
    let good = sign("countersign");
    verify(&sshsig(&mine, "countersign", "ssh-ed25519", &good)).unwrap();
    let raw = key(1).sign(b"message").unwrap();
    for bad in [
        sshsig(&other, "countersign", "ssh-ed25519", &good),
        sshsig(&mine, "git", "ssh-ed25519", &sign("git")),
        sshsig(&mine, "countersign", "ssh-ed25519", &sign("git")),
        sshsig(&mine, "countersign", "rsa-sha2-512", &good),
        sshsig(&mine, "countersign", "ssh-ed25519", &raw),
        sshsig(&mine, "countersign", "ssh-ed25519", &good[..63]),
        sshsig(&mine, "countersign", "ssh-ed25519", &[0; 64]),
        Vec::new(),
    ] {
        assert_eq!(code(verify(&bad)), "signature.invalid");
    }
}

#[test]
fn b16_no_second_encoding_of_a_point_is_a_key() {
    // y + p for the nineteen y that still fit 255 bits, with either sign.
    let mut points = 0;
    for y in 0_u8..19 {
        for sign in [0_u8, 0x80] {
            let mut bytes = [0xff_u8; 32];
            bytes[0] = 0xed + y;
            bytes[31] = 0x7f | sign;
            assert!(PublicKey::from_bytes(&bytes).is_err(), "{y}, {sign}");
            points += u8::from(ed25519_dalek::VerifyingKey::from_bytes(&bytes).is_ok());
        }
    }
    assert!(points > 0, "some of them are points to a lenient reader");
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
