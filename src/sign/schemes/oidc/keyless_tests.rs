//! Attacks on signatures of jobs that hold no key.

use serde_json::{Value, json};

use super::{
    KeySet,
    keyless::{Unvouched, Voucher, keys_of},
    testing::{self, By, base64url, claims, header, jwks, rsa_modulus, token},
};
use crate::{
    base::{
        digest::Digest,
        json,
        reason::{Refusal, Result},
        secret::Secret,
        time::Timestamp,
    },
    sign::{
        issuer::{Gate, IssuerKey, Runner},
        workload::Vouched,
    },
};

const URL: &str = "https://token.actions.example.com";
const NOW: i64 = 1_900_000_000;
const MESSAGE: &[u8] = b"what people said";

fn gate() -> Gate {
    Gate {
        workflows: vec!["example/sample/.github/workflows/countersign.yml@refs/heads/main".to_owned()],
        events: vec!["workflow_dispatch".to_owned()],
        runner: Runner::GithubHosted,
        environment: None,
        keys: keys_of(&KeySet::parse(jwks().to_string().as_bytes()).unwrap()).unwrap(),
    }
}

fn voucher(gate: &Gate) -> Result<Voucher> {
    Voucher::new(URL, gate, "42", "7")
}

fn at() -> Timestamp {
    Timestamp::from_unix(NOW)
}

fn random(buffer: &mut [u8]) -> Result<()> {
    getrandom::fill(buffer).unwrap();
    Ok(())
}

/// A job's signature over a message, whose token has these claims, by this key of the issuer.
fn signed_by(by: By, message: &[u8], change: impl FnOnce(&mut Value)) -> Result<Vec<u8>> {
    let unvouched = Unvouched::sign(&[9; 32], message).unwrap();
    let mut claims = claims(URL, &unvouched.audience(), "42", "7", NOW);
    change(&mut claims);
    let token = Secret::new(token(by, &header(by), &claims));
    unvouched.vouched(&voucher(&gate()).unwrap(), &token, at(), &mut random)
}

fn signed(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    signed_by(By::Rsa, MESSAGE, change).unwrap()
}

fn verify(message: &[u8], signature: &[u8], at: Timestamp) -> Result<Vouched> {
    voucher(&gate()).unwrap().verify(message, signature, at)
}

#[track_caller]
fn refused(signature: &[u8], code: &str) -> Refusal {
    let refusal = verify(MESSAGE, signature, at()).unwrap_err();
    assert_eq!(refusal.code(), code, "{}", refusal.message());
    refusal
}

/// Changes one member of a signature as it is written.
fn bent(signature: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut written: Value = serde_json::from_slice(signature).unwrap();
    change(&mut written);
    json::canonical(&written).unwrap()
}

#[test]
fn b40_a_job_signs_and_whoever_has_the_trust_root_can_tell_for_good() {
    let signature = signed(|_| {});
    let vouched = verify(MESSAGE, &signature, at()).unwrap();
    assert_eq!((vouched.key.as_str(), vouched.job.run_id.as_str()), ("rsa-1", "1700"));
    // It is the time of signing that counts: nobody asks for the present one.
    for (seconds, fits) in [(-61, false), (-60, true), (359, true), (360, false)] {
        assert_eq!(verify(MESSAGE, &signature, at().plus(seconds)).is_ok(), fits, "{seconds}");
    }
}

#[test]
fn b46_a_jobs_signature_holds_no_token() {
    let unvouched = Unvouched::sign(&[9; 32], MESSAGE).unwrap();
    let whole = token(By::Rsa, &header(By::Rsa), &claims(URL, &unvouched.audience(), "42", "7", NOW));
    let secret = Secret::new(whole.clone());
    let signature = unvouched.vouched(&voucher(&gate()).unwrap(), &secret, at(), &mut random).unwrap();
    let text = String::from_utf8(signature).unwrap();
    let (shown, last) = whole.rsplit_once('.').unwrap();
    assert!(text.contains(shown) && !text.contains(last));
    for alphabet in [base64::engine::general_purpose::STANDARD, base64::engine::general_purpose::STANDARD_NO_PAD] {
        let again = base64::Engine::encode(&alphabet, testing::sign(By::Rsa, shown.as_bytes()));
        assert!(!text.contains(&again[..40]));
    }
}

#[test]
fn b40_a_jobs_signature_is_for_one_message_by_the_key_that_it_made() {
    let signature = signed(|_| {});
    assert_eq!(verify(b"something else", &signature, at()).unwrap_err().code(), "signature.invalid");
    // A token that vouched for one message does not vouch for another, whoever signs that.
    let (ours, other) = (signature, signed_by(By::Rsa, b"something else", |_| {}).unwrap());
    let theirs: Value = serde_json::from_slice(&other).unwrap();
    refused(&bent(&ours, |written| written["sig"] = theirs["sig"].clone()), "signature.invalid");
    refused(&bent(&ours, |written| written["proof"] = theirs["proof"].clone()), "oidc.proof_invalid");
    refused(&bent(&ours, |written| written["token"] = theirs["token"].clone()), "oidc.proof_invalid");
    let moved = |written: &mut Value| {
        written["token"] = theirs["token"].clone();
        written["proof"] = theirs["proof"].clone();
    };
    refused(&bent(&ours, moved), "oidc.proof_invalid");
    // A key of somebody else's, over the same message: the token commits to the key, too.
    let stranger = Unvouched::sign(&[8; 32], MESSAGE).unwrap();
    let token = token(By::Rsa, &header(By::Rsa), &claims(URL, &stranger.audience(), "42", "7", NOW));
    let made = stranger.vouched(&voucher(&gate()).unwrap(), &Secret::new(token), at(), &mut random).unwrap();
    let theirs: Value = serde_json::from_slice(&made).unwrap();
    let swapped = |written: &mut Value| {
        written["key"] = theirs["key"].clone();
        written["sig"] = theirs["sig"].clone();
    };
    refused(&bent(&ours, swapped), "oidc.proof_invalid");
}

#[test]
fn b40_the_audience_is_that_of_this_signature_and_no_list() {
    for audience in [
        json!("https://github.com/example"),
        json!(super::audience(super::Purpose::Approval, &Digest::of(b"another"))),
        json!([Unvouched::sign(&[9; 32], MESSAGE).unwrap().audience()]),
        json!(super::audience(super::Purpose::Execute, &Digest::of(b"plan"))),
    ] {
        refused(&signed(|claims| claims["aud"] = audience.clone()), "oidc.audience_mismatch");
    }
    // The purpose is part of it: what was asked for to execute does not sign.
    let execute = Unvouched::sign(&[9; 32], MESSAGE).unwrap().audience().replace(":approval:", ":execute:");
    refused(&signed(|claims| claims["aud"] = json!(execute)), "oidc.audience_mismatch");
}

#[test]
fn b42_every_claim_of_a_job_that_signs_is_looked_at() {
    for (name, value, code) in [
        ("iss", json!("https://token.actions.example.com/"), "oidc.issuer_untrusted"),
        ("repository_id", json!("43"), "oidc.claim_mismatch"),
        ("repository_owner_id", json!("8"), "oidc.claim_mismatch"),
        ("event_name", json!("pull_request_target"), "oidc.event_refused"),
        ("event_name", json!("push"), "oidc.event_refused"),
        ("ref", json!("refs/pull/7/merge"), "oidc.fork"),
        ("head_ref", json!("topic"), "oidc.fork"),
        ("ref_type", json!("tag"), "oidc.claim_mismatch"),
        ("ref_protected", json!("false"), "oidc.claim_mismatch"),
        ("runner_environment", json!("self-hosted"), "oidc.runner_refused"),
        ("workflow_ref", json!("example/other/.github/workflows/x.yml@refs/heads/main"), "oidc.workflow_unpinned"),
        ("job_workflow_ref", json!("example/other/.github/workflows/x.yml@refs/heads/main"), "oidc.workflow_unpinned"),
        ("exp", json!(NOW + 3_601), "oidc.token_lifetime"),
        ("iat", json!("1900000000"), "oidc.claim_malformed"),
        ("run_id", Value::Null, "oidc.claim_malformed"),
        ("jti", json!(7), "oidc.claim_malformed"),
    ] {
        refused(&signed(|claims| claims[name] = value.clone()), code);
    }
    for name in ["iss", "aud", "exp", "iat", "nbf", "jti", "run_id", "event_name", "workflow_sha", "job_workflow_sha"] {
        refused(&signed(|claims| drop(claims.as_object_mut().unwrap().remove(name))), "oidc.claim_missing");
    }
}

#[test]
fn a33_a_branch_of_a_jobs_workflow_counts_with_a_commit_of_the_base() {
    let vouched = verify(MESSAGE, &signed(|_| {}), at()).unwrap();
    vouched.job.check_commits(&["a".repeat(40)].into()).unwrap();
    let refusal = vouched.job.check_commits(&["b".repeat(40)].into()).unwrap_err();
    assert_eq!(refusal.code(), "oidc.workflow_unpinned");
}

#[test]
fn b47_only_keys_of_the_trust_root_vouch_and_not_after_they_were_withdrawn() {
    let signature = signed(|_| {});
    let with = |change: fn(&mut Gate)| {
        let mut gate = gate();
        change(&mut gate);
        voucher(&gate).unwrap().verify(MESSAGE, &signature, at())
    };
    let code = |result: Result<Vouched>| result.unwrap_err().code();
    assert_eq!(code(with(|gate| gate.keys[0].kid = "rsa-2".to_owned())), "oidc.key_unknown");
    assert_eq!(code(with(|gate| gate.keys[0].withdrawn_at = Some(at()))), "oidc.key_unknown");
    assert!(with(|gate| gate.keys[0].withdrawn_at = Some(at().plus(1))).is_ok());
    let other = |gate: &mut Gate| {
        let mut modulus = rsa_modulus();
        modulus[40] ^= 1;
        gate.keys[0].n = base64url(modulus);
    };
    assert_eq!(code(with(other)), "oidc.proof_invalid");
    // A key that the attacker brings along.
    assert_eq!(signed_by(By::Stranger, MESSAGE, |_| {}).unwrap_err().code(), "oidc.proof_invalid");
    for by in [By::Ec, By::Hmac, By::Nobody] {
        assert_eq!(signed_by(by, MESSAGE, |_| {}).unwrap_err().code(), "oidc.algorithm_refused", "{by:?}");
    }
}

#[test]
fn b47_what_is_no_key_or_no_rule_is_no_trust_root() {
    let with = |change: &dyn Fn(&mut Gate)| {
        let mut gate = gate();
        change(&mut gate);
        voucher(&gate).unwrap_err().code()
    };
    let key = |n: Vec<u8>| IssuerKey { kid: "x".to_owned(), n: base64url(n), withdrawn_at: None };
    let mut even = rsa_modulus();
    *even.last_mut().unwrap() &= 0xfe;
    for n in [vec![3], even, [vec![0], rsa_modulus()].concat(), vec![0xff; 128], vec![0xff; 1_025]] {
        assert_eq!(with(&|gate| gate.keys = vec![key(n.clone())]), "trust.malformed");
    }
    assert_eq!(with(&|gate| gate.keys = Vec::new()), "trust.malformed");
    assert_eq!(with(&|gate| gate.keys.push(gate.keys[0].clone())), "trust.malformed");
    assert_eq!(with(&|gate| gate.keys[0].n.push('=')), "trust.malformed");
    assert_eq!(with(&|gate| gate.workflows = Vec::new()), "trust.malformed");
    assert_eq!(with(&|gate| gate.workflows[0] = "example/sample".to_owned()), "trust.malformed");
    assert_eq!(with(&|gate| gate.events = vec!["pull_request_review".to_owned()]), "trust.malformed");
    for url in ["http://token.actions.example.com", "https://token.actions.example.com/", "token.actions.example.com"] {
        assert_eq!(Voucher::new(url, &gate(), "42", "7").unwrap_err().code(), "trust.malformed", "{url}");
    }
}

#[test]
fn b46_a_jobs_signature_has_one_form() {
    let good = signed(|_| {});
    refused(&[good.as_slice(), b" "].concat(), "signature.invalid");
    refused(b"{}", "signature.invalid");
    refused(&[0; 64], "signature.invalid");
    refused(&bent(&good, |written| written["more"] = json!(1)), "signature.invalid");
    refused(&bent(&good, |written| written["key"] = json!("AAAA")), "key.malformed");
    refused(&bent(&good, |written| written["proof"] = json!("=")), "signature.invalid");
    let whole = |written: &mut Value| {
        written["token"] = json!(format!("{}.AAAA", written["token"].as_str().unwrap()));
    };
    refused(&bent(&good, whole), "oidc.token_malformed");
    refused(&vec![b'a'; 200_000], "signature.invalid");
}
