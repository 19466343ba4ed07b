//! What is found, and what passes.

use super::*;
use crate::base::digest::Digest;

fn found(text: &str) -> Option<&'static str> {
    find(text, &[]).map(|(_, what)| what)
}

fn item(name: &str, origin: Origin, text: &str) -> ContextItem {
    let digest = Digest::of(text.as_bytes());
    ContextItem { name: name.to_owned(), origin, text: text.to_owned(), digest, truncated: false, hidden: 0 }
}

/// A key as a machine makes it, and in no issuer's form.
const RANDOM: &str = "q7Zt2LwX9bKc4VnR8mPd3HsYf6JgT1aE";

#[test]
fn d21_a_secret_refuses_and_is_named_by_its_place_only() {
    let token = format!("ghp_{}", "a1B2".repeat(9));
    let items = [item("a.md", Origin::RepoAtBase, "fine"), item("b.md", Origin::Issue, &format!("one\ntwo {token}\n"))];
    let refusal = check(&items, &[]).unwrap_err();
    assert_eq!(refusal.code(), "planner.secret_in_context");
    assert_eq!(refusal.message(), "line 2 of `b.md` holds what looks like a GitHub token");
    assert_eq!(refusal.about(), Some("b.md"));
    assert!(!format!("{refusal:?}").contains(&token));
    assert!(check(&items[..1], &[]).is_ok());
}

#[test]
fn d21_a_secret_of_the_environment_is_found_whatever_its_form() {
    let known = [Secret::new("plain words".to_owned()), Secret::new("short".to_owned())];
    assert_eq!(check_text("x", "some plain words here", &known).unwrap_err().code(), "planner.secret_in_context");
    assert!(check_text("x", "a short word", &known).is_ok());
}

#[test]
fn d21_random_strings_and_assigned_secrets_are_found() {
    for bad in [
        RANDOM.to_owned(),
        format!("see https://example.org/hook/{RANDOM}/x"),
        format!("key {RANDOM}=="),
        "password: hunter2hunter3!x".to_owned(),
        "\"client_secret\": \"0f9e8d7c6b5a4f3e2d1c\",".to_owned(),
        "export DB_PASSWORD='tr0ub4dor&3-horse'".to_owned(),
        "api-key=0f9e8d7c6b5a4f3e".to_owned(),
        "AWS_SECRET_ACCESS_KEY = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
        format!("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n{RANDOM}"),
    ] {
        assert!(found(&bad).is_some(), "{bad}");
    }
}

#[test]
fn d21_what_is_public_or_written_by_people_passes() {
    for good in [
        "1f3a5c7e9b1d3f5a7c9e1b3d5f7a9c1e3b5d7f9a".to_owned(),
        format!("sha256:{}", "0f9e8d7c".repeat(8)),
        format!("integrity: sha512-{RANDOM}{RANDOM}=="),
        format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{RANDOM} ada@example.org"),
        format!("-----BEGIN PUBLIC KEY-----\n{RANDOM}{RANDOM}\n-----END PUBLIC KEY-----"),
        format!("![logo](data:image/png;base64,{RANDOM})"),
        "CertificateSigningRequestConditionTypeV1Beta2".to_owned(),
        "getHttp2ResponseCodeForRequestV1".to_owned(),
        "token: ${{ secrets.GITHUB_TOKEN }}".to_owned(),
        "password: the one that you were told on day 1".to_owned(),
        "let token = Token::parse(&text)?;".to_owned(),
        "Pair { secret_key: self.0.to_bytes(), public_key: None }".to_owned(),
        "secret_name: projects/1/secrets/release-2".to_owned(),
        "token_url=https://login1.example.org/oauth2/token".to_owned(),
        "password: xxxxxxxxxxxxxxxx1".to_owned(),
        "D-21 names the tests d21_a_secret_of_the_environment_is_found_whatever_its_form".to_owned(),
        "max_tokens: 4096".to_owned(),
        "6f9619ff-8b86-d011-b42d-00c04fc964ff".to_owned(),
    ] {
        assert_eq!(found(&good), None, "{good}");
    }
}

#[test]
fn d21_only_files_that_may_be_sent_are_sent() {
    let items = vec![
        item("directives/a.md", Origin::DirectiveAtBase, "do it"),
        item("docs/a.md", Origin::RepoAtBase, "a"),
        item("src/main.rs", Origin::RepoAtHead, "b"),
        item("issue 1", Origin::Issue, "c"),
    ];
    let all = Gathered { items, skipped: Vec::new() };
    let sent = restrict(all.clone(), &["docs/**".to_owned()]).unwrap();
    let names: Vec<_> = sent.items.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, ["directives/a.md", "docs/a.md", "issue 1"]);
    assert_eq!(sent.skipped, [Skipped { name: "src/main.rs".to_owned(), why: SkipReason::NotAllowed }]);
    assert_eq!(restrict(all.clone(), &[]).unwrap().items.len(), 2, "an empty list lets no file through");
    assert_eq!(restrict(all, &["[".to_owned()]).unwrap_err().code(), "planner.context");
}

#[test]
fn d18_a_line_that_is_made_to_be_slow_is_not() {
    // By the square of its length this would take hours, and the test would not end.
    let line = "token=".repeat(400_000);
    assert_eq!(found(&line), None);
}
