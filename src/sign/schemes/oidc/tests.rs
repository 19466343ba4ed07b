//! Attacks on tokens, keys and claims; every token here is made by [`super::testing`].

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    KeySet, Purpose, Verified, audience,
    testing::{By, base64url, claims, ec_jwk, header, jwks, rsa_jwk, sign, token, token_of},
    unverified_issuer, verify,
};
use crate::{
    base::{
        digest::Digest,
        reason::{Refusal, Result},
        secret::Secret,
        time::Timestamp,
    },
    sign::{
        issuer::{Issuer, Provider, Runner},
        schemes::oidc::Algorithm,
        workload::{Expected, Workload, admit},
    },
};

const URL: &str = "https://token.actions.example.com";
const NOW: i64 = 1_900_000_000;

fn issuer() -> Issuer {
    Issuer {
        url: URL.to_owned(),
        provider: Provider::Github,
        algorithms: vec![Algorithm::Rs256],
        workflows: vec!["example/sample/.github/workflows/countersign.yml@refs/heads/main".to_owned()],
        events: vec!["workflow_dispatch".to_owned(), "push".to_owned()],
        runner: Runner::GithubHosted,
        jwks: None,
    }
}

fn aud() -> String {
    audience(Purpose::Execute, &Digest::of(b"plan"))
}

fn good() -> Value {
    claims(URL, &aud(), "42", "7", NOW)
}

fn key_set() -> KeySet {
    KeySet::parse(jwks().to_string().as_bytes()).unwrap()
}

fn check(token: &str) -> Result<Verified> {
    check_with(token, &issuer())
}

fn check_with(token: &str, issuer: &Issuer) -> Result<Verified> {
    verify(&Secret::new(token.to_owned()), &key_set(), issuer, &aud(), Timestamp::from_unix(NOW))
}

/// Verifies a token with these claims, signed as it should be.
fn check_claims(claims: &Value) -> Result<Verified> {
    check(&token(By::Rsa, &header(By::Rsa), claims))
}

/// Verifies and judges a token with these claims, for a plan in this environment.
fn judge(claims: &Value, environment: Option<&str>) -> Result<Workload> {
    let in_base = ["a".repeat(40)].into();
    let now = Timestamp::from_unix(NOW);
    let expected = Expected { repo_id: "42", owner_id: "7", environment, in_base: &in_base, now };
    admit(&check_claims(claims)?, &issuer(), &expected)
}

fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = good();
    claims[name] = value.into();
    claims
}

fn without(name: &str) -> Value {
    let mut claims = good();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[track_caller]
fn code<T>(result: Result<T>) -> &'static str {
    result.map(|_| ()).unwrap_err().code()
}

#[track_caller]
fn about<T>(result: Result<T>) -> (&'static str, String) {
    let refusal: Refusal = result.map(|_| ()).unwrap_err();
    (refusal.code(), refusal.about().unwrap_or_default().to_owned())
}

#[test]
fn a_good_token_holds_and_its_job_is_admitted() {
    let verified = check_claims(&good()).unwrap();
    assert_eq!((verified.issuer(), verified.key(), verified.audience()), (URL, "rsa-1", aud().as_str()));
    let job = judge(&good(), Some("production")).unwrap();
    assert_eq!((job.run_id.as_str(), job.check_run_id.as_deref()), ("1700", Some("9001")));
    let mut wide = issuer();
    wide.algorithms.push(Algorithm::Es256);
    assert!(check_with(&token(By::Ec, &header(By::Ec), &good()), &wide).is_ok());
    assert_eq!(unverified_issuer(&Secret::new(token(By::Stranger, &header(By::Rsa), &good()))).unwrap(), URL);
}

#[test]
fn b14_the_algorithm_is_the_trust_roots_and_the_keys_and_never_the_tokens() {
    for by in [By::Nobody, By::Hmac] {
        assert_eq!(code(check(&token(by, &header(by), &good()))), "oidc.algorithm_refused", "{by:?}");
    }
    // The key is the issuer's, and the trust root does not list its algorithm.
    assert_eq!(code(check(&token(By::Ec, &header(By::Ec), &good()))), "oidc.algorithm_refused");
    let mut wide = issuer();
    wide.algorithms.push(Algorithm::Es256);
    // The words are listed, and the key is of the other type.
    for (by, kid) in [(By::Ec, "rsa-1"), (By::Rsa, "ec-1")] {
        let mut header = header(by);
        header["kid"] = json!(kid);
        assert_eq!(code(check_with(&token(by, &header, &good()), &wide)), "oidc.algorithm_refused");
    }
    for word in ["RS384", "PS256", "rs256", "RS256 ", "", "None"] {
        let mut header = header(By::Rsa);
        header["alg"] = json!(word);
        assert_eq!(code(check(&token(By::Rsa, &header, &good()))), "oidc.algorithm_refused", "{word}");
    }
}

#[test]
fn b14_a_header_that_brings_a_key_along_is_refused() {
    let brought: [(&str, Value); 8] = [
        ("jwk", rsa_jwk()),
        ("jku", json!("https://evil.example/keys")),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("typ", json!("at+jwt")),
    ];
    for (name, value) in brought {
        let mut header = header(By::Rsa);
        header[name] = value;
        let found = about(check(&token(By::Rsa, &header, &good())));
        assert_eq!(found, ("oidc.header_refused", name.to_owned()));
    }
}

#[test]
fn b15_only_the_compact_form_is_read_and_only_in_its_one_form() {
    let whole = token(By::Rsa, &header(By::Rsa), &good());
    let parts: Vec<&str> = whole.split('.').collect();
    let [head, payload, signature] = parts[..] else { panic!("three parts") };
    let json_form = json!({ "payload": payload, "signatures": [
        { "protected": head, "signature": signature }, { "protected": head, "signature": signature }
    ] });
    let flat = json!({ "payload": payload, "protected": head, "signature": signature });
    let forms = [
        json_form.to_string(),
        flat.to_string(),
        format!("{whole}.{signature}"),
        format!("{head}.{payload}"),
        format!("{head}.{payload}."),
        format!("{head}..{signature}"),
        format!(".{payload}.{signature}"),
        String::new(),
        "..".to_owned(),
        format!("{whole}="),
        format!("{whole}=="),
        format!("{head}=.{payload}.{signature}"),
        format!(" {whole}"),
        format!("{whole}\n"),
        format!("{head}.{payload}\n.{signature}"),
        format!("{head}.{payload} .{signature}"),
        format!("{head}.{payload}.{signature}, {head}.{payload}.{signature}"),
        whole.replace(['-', '_'], "+"),
        format!("{head}.{}.{signature}", "A".repeat(16 << 10)),
    ];
    for form in forms {
        assert_eq!(code(check(&form)), "oidc.token_malformed", "{form}");
    }
    // The last character of a signature of 256 bytes has bits to spare: another one decodes to the same bytes.
    let last = signature.chars().last().unwrap();
    let spare = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let twin = spare.chars().nth(spare.find(last).unwrap() | 1).unwrap();
    let bent = format!("{head}.{payload}.{}{twin}", &signature[..signature.len() - 1]);
    assert_ne!(bent, whole);
    assert_eq!(code(check(&bent)), "oidc.token_malformed");
}

#[test]
fn b15_header_and_payload_are_strict_json() {
    let (head, body) = (header(By::Rsa).to_string(), good().to_string());
    let twice = |text: &str, member: &str| text.replacen('{', &format!("{{{member},"), 1);
    let cases = [
        (twice(&head, r#""alg":"none""#), body.clone()),
        (twice(&head, r#""kid":"rsa-2""#), body.clone()),
        (head.clone(), twice(&body, r#""repository_id":"666""#)),
        (head.clone(), twice(&body, r#""aud":"x""#)),
        (head.clone(), format!("{body}{body}")),
        (head.clone(), format!("[{body}]")),
        (head.clone(), body.replace("1900000300", "1900000300.0")),
        (head.clone(), body.replace("1900000300", "19e8")),
        (format!("[{head}]"), body.clone()),
        (head.replace("\"kid\":\"rsa-1\"", "\"kid\":1"), body.clone()),
        (head.replace("\"kid\":\"rsa-1\",", ""), body.clone()),
    ];
    for (head, body) in cases {
        let token = token_of(By::Rsa, head.as_bytes(), body.as_bytes());
        assert_eq!(code(check(&token)), "oidc.token_malformed", "{head} {body}");
    }
    assert!(check(&token_of(By::Rsa, head.as_bytes(), body.as_bytes())).is_ok());
}

#[test]
fn b14_a_token_that_was_altered_or_signed_by_a_stranger_is_refused() {
    assert_eq!(code(check(&token(By::Stranger, &header(By::Rsa), &good()))), "oidc.signature_invalid");
    let whole = token(By::Rsa, &header(By::Rsa), &good());
    let other = token(By::Rsa, &header(By::Rsa), &with("repository_id", "666"));
    let (signed, _) = whole.rsplit_once('.').unwrap();
    let (_, signature) = other.rsplit_once('.').unwrap();
    assert_eq!(code(check(&format!("{signed}.{signature}"))), "oidc.signature_invalid");
    // An ECDSA signature in DER, or cut short, is none in a token.
    let mut wide = issuer();
    wide.algorithms = vec![Algorithm::Es256];
    let (signed, signature) = {
        let token = token(By::Ec, &header(By::Ec), &good());
        let (signed, _) = token.rsplit_once('.').unwrap();
        (signed.to_owned(), sign(By::Ec, signed.as_bytes()))
    };
    for bad in [&signature[..63], &[signature.as_slice(), &[0]].concat(), &[0; 64]] {
        assert_eq!(code(check_with(&format!("{signed}.{}", base64url(bad)), &wide)), "oidc.signature_invalid");
    }
    assert!(check_with(&format!("{signed}.{}", base64url(&signature)), &wide).is_ok());
}

#[test]
fn b47_a_key_is_named_exactly_and_once() {
    for kid in ["rsa-2", "RSA-1", "rsa-1 ", "rsa", "ec-2"] {
        let mut header = header(By::Rsa);
        header["kid"] = json!(kid);
        assert_eq!(code(check(&token(By::Rsa, &header, &good()))), "oidc.key_unknown", "{kid}");
    }
    let set = |keys: Value| KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).map(|_| ());
    let changed = |name: &str, value: Value| {
        let mut key = rsa_jwk();
        key[name] = value;
        key
    };
    let mut unnamed = rsa_jwk();
    unnamed.as_object_mut().unwrap().remove("kid");
    let modulus = rsa_jwk()["n"].as_str().unwrap().to_owned();
    let bad = [
        json!([rsa_jwk(), rsa_jwk()]),
        json!([rsa_jwk(), { "kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "rsa-1" }]),
        json!([unnamed]),
        json!([changed("kid", json!(1))]),
        json!([changed("kid", json!(""))]),
        json!([changed("kty", json!("oct"))]),
        json!([changed("kty", Value::Null)]),
        json!([changed("d", json!("AQAB"))]),
        json!([changed("k", json!("AQAB"))]),
        // 1,024 bits, an even modulus, a leading zero; exponents 1, 2, and padded.
        json!([changed("n", json!(&modulus[..172]))]),
        json!([changed("n", json!(format!("{}AA", &modulus[..340])))]),
        json!([changed("n", json!(format!("AA{modulus}")))]),
        json!([changed("n", json!("A".repeat(8_000)))]),
        json!([changed("e", json!("AQ"))]),
        json!([changed("e", json!("Ag"))]),
        json!([changed("e", json!("AAEAAQ"))]),
        json!([changed("e", json!("AQAB="))]),
        json!([changed("e", json!(65_537))]),
        json!([{ "kty": "EC", "crv": "P-256", "kid": "ec-1", "x": "AA", "y": "AA" }]),
        json!(["rsa-1"]),
        json!({ "rsa-1": rsa_jwk() }),
    ];
    for keys in bad {
        assert_eq!(code(set(keys.clone())), "oidc.jwks_malformed", "{keys}");
    }
    assert_eq!(code(KeySet::parse(b"{\"keys\":[],\"keys\":[]}")), "oidc.jwks_malformed");
    assert_eq!(code(KeySet::parse(&vec![b' '; 300 << 10])), "oidc.jwks_malformed");
    let many: Vec<Value> = (0..65).map(|n| changed("kid", json!(n.to_string()))).collect();
    assert_eq!(code(set(json!(many))), "oidc.jwks_malformed");
    // A key for something else is listed, and verifies nothing.
    for (name, value) in [("use", "enc"), ("alg", "RSA-OAEP")] {
        let text = json!({ "keys": [changed(name, json!(value))] }).to_string();
        let set = KeySet::parse(text.as_bytes()).unwrap();
        let token = Secret::new(token(By::Rsa, &header(By::Rsa), &good()));
        let found = verify(&token, &set, &issuer(), &aud(), Timestamp::from_unix(NOW));
        assert_eq!(code(found), "oidc.algorithm_refused", "{name}");
    }
    assert!(set(json!([rsa_jwk(), ec_jwk()])).is_ok());
}

#[test]
fn b47_pinned_keys_are_those_and_no_others() {
    let token = token(By::Rsa, &header(By::Rsa), &good());
    let mut pinned = issuer();
    pinned.jwks = Some(key_set().digest());
    assert!(check_with(&token, &pinned).is_ok());
    pinned.jwks = Some(Digest::of(b"other keys"));
    assert_eq!(code(check_with(&token, &pinned)), "oidc.jwks_changed");
}

#[test]
fn b39_the_issuer_is_compared_byte_for_byte() {
    for other in [
        "https://token.actions.example.com/",
        "https://token.actions.example.com/enterprise",
        "https://token.actions.example.com.evil.example",
        "http://token.actions.example.com",
        "HTTPS://token.actions.example.com",
        "https://token.actions.example.co",
    ] {
        assert_eq!(code(check_claims(&with("iss", other))), "oidc.issuer_untrusted", "{other}");
    }
    // A token that holds, of another issuer that is trusted for something else.
    let verified = check_claims(&good()).unwrap();
    let mut other = issuer();
    other.url = "https://other.example".to_owned();
    let in_base = ["a".repeat(40)].into();
    let now = Timestamp::from_unix(NOW);
    let expected = Expected { repo_id: "42", owner_id: "7", environment: Some("production"), in_base: &in_base, now };
    assert_eq!(code(admit(&verified, &other, &expected)), "oidc.issuer_untrusted");
}

#[test]
fn b40_the_audience_is_one_text_and_exactly_ours() {
    let other = audience(Purpose::Execute, &Digest::of(b"another plan"));
    for wrong in [
        other.as_str(),
        "https://github.com/example",
        &aud().to_uppercase(),
        &aud()[..aud().len() - 1],
        &aud().replace("execute", "approval"),
        &format!("{} ", aud()),
    ] {
        assert_eq!(code(check_claims(&with("aud", wrong))), "oidc.audience_mismatch", "{wrong}");
    }
    for list in [json!([aud()]), json!([aud(), "x"]), json!([])] {
        assert_eq!(code(check_claims(&with("aud", list))), "oidc.audience_mismatch");
    }
}

#[test]
fn b48_times_are_whole_seconds_within_bounds() {
    let times = |iat: i64, nbf: i64, exp: i64| {
        let mut claims = good();
        (claims["iat"], claims["nbf"], claims["exp"]) = (json!(iat), json!(nbf), json!(exp));
        check_claims(&claims).map(|_| ())
    };
    assert_eq!(code(times(NOW - 400, NOW - 400, NOW - 60)), "oidc.token_expired");
    assert!(times(NOW - 400, NOW - 400, NOW - 59).is_ok());
    assert_eq!(code(times(NOW + 61, NOW, NOW + 300)), "oidc.token_not_yet");
    assert!(times(NOW + 60, NOW + 60, NOW + 300).is_ok());
    assert_eq!(code(times(NOW, NOW + 61, NOW + 300)), "oidc.token_not_yet");
    assert_eq!(code(times(NOW, NOW, NOW + 3_601)), "oidc.token_lifetime");
    assert!(times(NOW, NOW, NOW + 3_600).is_ok());
    assert_eq!(code(times(NOW, NOW, NOW)), "oidc.token_lifetime");
    assert_eq!(code(times(NOW, NOW, NOW - 10)), "oidc.token_lifetime");
    assert_eq!(code(times(0, 0, i64::from(u32::MAX))), "oidc.token_lifetime");
    assert_eq!(code(times(-5, NOW, NOW + 300)), "oidc.claim_malformed");
    for name in ["iat", "nbf", "exp"] {
        for wrong in [json!(NOW.to_string()), json!(true), json!(null), json!([NOW])] {
            assert_eq!(about(check_claims(&with(name, wrong))), ("oidc.claim_malformed", name.to_owned()));
        }
        assert_eq!(about(check_claims(&without(name))), ("oidc.claim_missing", name.to_owned()));
    }
    // What held when it was verified has expired when it is judged.
    let verified = check_claims(&good()).unwrap();
    assert_eq!(code(verified.check_fresh(Timestamp::from_unix(NOW + 360))), "oidc.token_expired");
    assert_eq!(code(verified.check_fresh(Timestamp::from_unix(NOW - 61))), "oidc.token_not_yet");
}

/// What becomes of a claim that is taken away, changed, or of another type.
struct Row(&'static str, Option<&'static str>, &'static [(&'static str, &'static str)]);

/// Every claim that GitHub makes: what its absence refuses, where it does, and what each other value refuses.
const TABLE: &[Row] = &[
    Row("iss", Some("oidc.claim_missing"), &[("https://evil.example", "oidc.issuer_untrusted")]),
    Row("aud", Some("oidc.claim_missing"), &[("urn:x", "oidc.audience_mismatch")]),
    Row("jti", Some("oidc.claim_missing"), &[("another", "")]),
    Row("repository_id", Some("oidc.claim_missing"), &[("43", "oidc.claim_mismatch"), ("042", "oidc.claim_mismatch")]),
    Row("repository_owner_id", Some("oidc.claim_missing"), &[("8", "oidc.claim_mismatch")]),
    Row("repository_visibility", Some("oidc.claim_missing"), &[("public", "")]),
    Row(
        "run_id",
        Some("oidc.claim_missing"),
        &[("1701", ""), ("x", "oidc.claim_malformed"), ("01", "oidc.claim_malformed")],
    ),
    Row("run_attempt", Some("oidc.claim_missing"), &[("2", ""), ("-1", "oidc.claim_malformed")]),
    Row("check_run_id", None, &[("9002", ""), ("x", "oidc.claim_malformed")]),
    Row(
        "event_name",
        Some("oidc.claim_missing"),
        &[
            ("push", ""),
            ("pull_request", "oidc.event_refused"),
            ("pull_request_target", "oidc.event_refused"),
            ("issue_comment", "oidc.event_refused"),
            ("Push", "oidc.event_refused"),
        ],
    ),
    Row("actor_id", Some("oidc.claim_missing"), &[("2", ""), ("ada", "oidc.claim_malformed")]),
    Row("ref", Some("oidc.claim_missing"), &[("refs/pull/5/merge", "oidc.fork"), ("refs/pull/5/head", "oidc.fork")]),
    Row("ref_type", Some("oidc.claim_missing"), &[("tag", "oidc.claim_mismatch")]),
    Row("ref_protected", None, &[("false", "oidc.claim_mismatch"), ("yes", "oidc.claim_malformed")]),
    Row("head_ref", None, &[("feature", "oidc.fork")]),
    Row("sha", Some("oidc.claim_missing"), &[("bbbb", "oidc.claim_malformed")]),
    Row(
        "workflow_ref",
        Some("oidc.claim_missing"),
        &[
            ("example/sample/.github/workflows/countersign.yml@refs/heads/evil", "oidc.workflow_unpinned"),
            ("example/sample/.github/workflows/other.yml@refs/heads/main", "oidc.workflow_unpinned"),
            ("evil/sample/.github/workflows/countersign.yml@refs/heads/main", "oidc.workflow_unpinned"),
            ("example/sample/.github/workflows/countersign.yml@refs/pull/5/merge", "oidc.workflow_unpinned"),
        ],
    ),
    Row(
        "workflow_sha",
        Some("oidc.claim_missing"),
        &[("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "oidc.workflow_unpinned"), ("main", "oidc.claim_malformed")],
    ),
    Row(
        "job_workflow_ref",
        Some("oidc.claim_missing"),
        &[
            ("example/sample/.github/workflows/countersign.yml@refs/heads/main2", "oidc.workflow_unpinned"),
            ("example/sample/.github/workflows/countersign.yml", "oidc.workflow_unpinned"),
        ],
    ),
    Row(
        "job_workflow_sha",
        Some("oidc.claim_missing"),
        &[("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "oidc.workflow_unpinned"), ("main", "oidc.claim_malformed")],
    ),
    Row(
        "environment",
        Some("oidc.environment_missing"),
        &[
            ("staging", "oidc.claim_mismatch"),
            ("Production", "oidc.claim_mismatch"),
            ("production ", "oidc.claim_mismatch"),
        ],
    ),
    Row("runner_environment", Some("oidc.claim_missing"), &[("self-hosted", "oidc.runner_refused")]),
    // Names that people change, and the subject whose form differs between repositories: never read.
    Row("sub", None, &[("repo:evil/evil:ref:refs/heads/main", "")]),
    Row("repository", None, &[("evil/evil", "")]),
    Row("repository_owner", None, &[("evil", "")]),
    Row("actor", None, &[("mallory", "")]),
    Row("workflow", None, &[("other", "")]),
    Row("run_number", None, &[("18", "")]),
    Row("base_ref", None, &[("main", "")]),
];

#[test]
fn a22_a32_a33_a47_b42_every_claim_that_is_taken_away_changed_or_of_another_type_refuses() {
    let times = ["iat", "nbf", "exp"];
    let known: Vec<&str> = TABLE.iter().map(|row| row.0).chain(times).collect();
    for name in good().as_object().unwrap().keys() {
        assert!(known.contains(&name.as_str()), "`{name}` is not in the table");
    }
    let outcome = |claims: &Value| judge(claims, Some("production")).map_or_else(|refusal| refusal.code(), |_| "");
    for Row(name, absent, others) in TABLE {
        assert_eq!(outcome(&without(name)), absent.unwrap_or(""), "without `{name}`");
        for (value, refused) in *others {
            assert_eq!(outcome(&with(name, *value)), *refused, "`{name}` is `{value}`");
        }
        let unread = others.iter().all(|(_, refused)| refused.is_empty()) && absent.is_none();
        if unread && *name != "check_run_id" {
            continue;
        }
        for wrong in [json!(1), json!(true), json!(null), json!({}), json!(["a"])] {
            let found = about(judge(&with(name, wrong.clone()), Some("production")));
            match *name {
                "aud" if wrong.is_array() => assert_eq!(found.0, "oidc.audience_mismatch"),
                "head_ref" => assert_eq!(found.0, "oidc.fork"),
                _ => assert_eq!(found, ("oidc.claim_malformed", (*name).to_owned()), "`{name}` is {wrong}"),
            }
        }
        if *name != "head_ref" {
            for text in ["", "two\nlines", "\u{202e}gpj", &"x".repeat(1_001)] {
                assert_eq!(outcome(&with(name, text)), "oidc.claim_malformed", "`{name}` is `{text}`");
            }
        }
    }
}

#[test]
fn a22_a_job_in_an_environment_that_the_plan_does_not_name_is_refused() {
    assert_eq!(about(judge(&good(), None)), ("oidc.claim_mismatch", "environment".to_owned()));
    assert!(judge(&without("environment"), None).is_ok());
}

#[test]
fn b43_a_reusable_workflow_counts_with_the_workflow_that_calls_it_and_at_its_commit_only() {
    let reusable = format!("tools/countersign/.github/workflows/countersign.yml@{}", "c".repeat(40));
    let mut issuer = issuer();
    issuer.workflows.push(reusable.clone());
    let in_base = ["a".repeat(40)].into();
    let now = Timestamp::from_unix(NOW);
    let expected = Expected { repo_id: "42", owner_id: "7", environment: Some("production"), in_base: &in_base, now };
    let judge = |claims: &Value| admit(&check_claims(claims).unwrap(), &issuer, &expected);
    let mut called = with("job_workflow_ref", reusable);
    called["job_workflow_sha"] = json!("c".repeat(40));
    assert!(judge(&called).is_ok());
    for (name, value) in [
        ("job_workflow_sha", "a".repeat(40)),
        ("workflow_ref", "example/sample/.github/workflows/evil.yml@refs/heads/main".to_owned()),
        ("repository_id", "43".to_owned()),
    ] {
        let mut changed = called.clone();
        changed[name] = json!(value);
        assert_eq!(about(judge(&changed)).1, name);
    }
}

#[test]
fn b41_the_subject_may_be_anything() {
    for sub in [json!(null), json!(["repo:evil/evil"]), json!("repo:example/sample@7:environment:production")] {
        assert!(judge(&with("sub", sub), Some("production")).is_ok());
    }
}

#[test]
fn b46_a_verified_token_no_longer_holds_the_token() {
    let whole = token(By::Rsa, &header(By::Rsa), &good());
    let shown = format!("{:?} {:?}", check(&whole).unwrap(), Secret::new(whole.clone()));
    for part in whole.split('.') {
        assert!(!shown.contains(part));
    }
    for refused in [format!("{whole}="), token(By::Stranger, &header(By::Rsa), &good())] {
        let said = check(&refused).unwrap_err().to_string();
        assert!(refused.split('.').all(|part| !said.contains(part)), "{said}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever stands in place of a character, or is put between two, the token does not hold.
    #[test]
    fn b15_a_token_has_no_second_form(at in 0_usize..1_000, put in "[ -~]{0,2}", cut in 0_usize..3) {
        static WHOLE: std::sync::OnceLock<String> = std::sync::OnceLock::new();
        let whole = WHOLE.get_or_init(|| token(By::Rsa, &header(By::Rsa), &good()));
        let at = at % whole.len();
        let until = (at + cut).min(whole.len());
        let changed = format!("{}{put}{}", &whole[..at], &whole[until..]);
        prop_assume!(changed != *whole);
        prop_assert!(check(&changed).is_err());
    }
}
