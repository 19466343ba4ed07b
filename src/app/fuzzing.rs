//! Every parser that meets bytes of others, behind one signature: for the fuzz targets and their smoke test.
//!
//! No entry point returns anything: whatever the bytes, it must come back soon and without a panic. Where a
//! parser promises more, such as one byte form of a document, its entry point asserts the promise.

use std::{
    collections::{BTreeMap, BTreeSet},
    hint::black_box,
};

use super::bundle;
use crate::{
    approval::command::{self, Said},
    base::{
        canonical,
        diagnostic::Diagnostic,
        digest::Digest,
        ident::Id,
        json,
        path::RepoPath,
        secret::Secret,
        text,
        time::{Timestamp, parse_duration},
        yaml,
    },
    directive::{Directive, template::Template},
    ledger::{Address, Chain, format::RawEntry},
    pipeline::Pipeline,
    plan::{seal, view::View},
    policy::{Policy, path_pattern::PathPattern},
    report::comment::{Channel, refused},
    sign::{
        Duty, Envelope, TrustRoot, Verified,
        issuer::{Issuer, Provider, Runner},
        key::{PrivateKey, PublicKey},
        predicate::Approval,
        schemes::{
            oidc::{self, Algorithm, KeySet},
            ssh,
        },
        stated::{predicate_type, read_statement},
        workload::{Expected, admit},
    },
};

/// The most bytes that any of the entry points is asked to take.
const MAX_INPUT: usize = 4 << 20;

/// The name of a parser, and a function that hands it bytes.
pub type EntryPoint = (&'static str, fn(&[u8]));

/// Names and functions, one for each parser.
#[must_use]
pub fn entry_points() -> &'static [EntryPoint] {
    &[
        ("json", strict_json),
        ("canonical", canonical_json),
        ("yaml", human_yaml),
        ("directive", directive),
        ("pipeline", pipeline),
        ("template", template),
        ("policy", policy),
        ("plan", plan),
        ("envelope", envelope),
        ("statement", statement),
        ("trust_root", trust_root),
        ("ledger", ledger),
        ("bundle", bundle_file),
        ("ssh_key", ssh_key),
        ("sshsig", sshsig),
        ("jwks", jwks),
        ("id_token", id_token),
        ("remote_url", remote_url),
        ("comment", comment),
        ("words", words),
    ]
}

/// Runs the entry point of a name, where there is one.
pub fn run(name: &str, bytes: &[u8]) {
    if let Some((_, entry)) = entry_points().iter().find(|(known, _)| *known == name) {
        entry(bytes);
    }
}

/// Shows findings as people see them, so that the places they name are looked up too.
fn show(findings: Result<(), Vec<Diagnostic>>) {
    for finding in findings.err().into_iter().flatten() {
        black_box(finding.to_string());
    }
}

fn strict_json(bytes: &[u8]) {
    if let Ok(value) = json::parse(bytes, MAX_INPUT) {
        // What was read can be written in one form, and that form is read as the same.
        let written = json::canonical(&value);
        let again = written.as_ref().ok().map(|written| json::parse_canonical(written, 2 * MAX_INPUT));
        assert!(matches!(again, Some(Ok(again)) if again == value), "a value has no canonical form");
    }
}

fn canonical_json(bytes: &[u8]) {
    // The quick reader and the slow one agree on what is canonical.
    let quick = canonical::check(bytes, MAX_INPUT).is_ok();
    let slow = json::parse_canonical(bytes, MAX_INPUT).is_ok();
    assert_eq!(quick, slow, "the two readers of canonical JSON disagree");
}

fn human_yaml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    show(yaml::read("file.yml", text, 1, |node, findings| {
        black_box(node.fields("thing", &["a", "b"], findings).is_some());
        Some(())
    }));
}

fn directive(bytes: &[u8]) {
    show(Directive::read("directives/sample.md", bytes).map(|directive| {
        black_box(directive.resolve(&BTreeMap::new()).is_ok());
    }));
}

fn pipeline(bytes: &[u8]) {
    let scripts = BTreeMap::from([("run.py".to_owned(), b"print(1)\n".to_vec())]);
    show(Pipeline::read("sample", bytes, &scripts).map(|pipeline| {
        black_box(pipeline.digest());
    }));
}

fn template(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(template) = Template::parse(text) {
        assert!(text.starts_with(template.prefix()), "the fixed beginning is where the text begins");
        black_box((template.whole().is_some(), template.inputs().count()));
    }
}

fn policy(bytes: &[u8]) {
    show(Policy::compile("policy.yml", bytes).map(|policy| {
        black_box(policy.review_settings());
    }));
}

fn plan(bytes: &[u8]) {
    let limits = seal::Limits { max_steps: seal::MAX_STEPS, ..seal::Limits::default() };
    let Ok(sealed) = seal::open_with(bytes.to_vec(), &limits) else { return };
    let again = seal::seal_with(sealed.plan(), &limits);
    assert!(again.is_ok_and(|again| again.bytes() == bytes), "a plan has another byte form");
    let view = View::new(sealed.plan(), sealed.digest());
    black_box((view.html(), view.to_string(), view.json().is_ok()));
}

fn envelope(bytes: &[u8]) {
    if let Ok(envelope) = Envelope::parse(bytes) {
        let again = envelope.to_bytes().and_then(|written| Envelope::parse(&written));
        assert!(again.is_ok_and(|again| again == envelope), "an envelope changes on its way");
        black_box(predicate_type(envelope.unverified_payload()).is_ok());
    }
}

fn statement(bytes: &[u8]) {
    if let Ok(statement) = read_statement::<Approval>(bytes) {
        assert!(json::canonical(&statement).is_ok_and(|written| written == bytes), "a statement has another byte form");
    }
    black_box(predicate_type(bytes).is_ok());
}

fn trust_root(bytes: &[u8]) {
    if let Ok(root) = TrustRoot::parse(bytes) {
        assert_eq!(root.digest(), Digest::of(bytes));
        black_box(root.document().keys.iter().filter(|key| root.key(&key.id).is_some()).count());
    }
}

/// A trust root, then the ledger's entries, one a line.
fn ledger(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let root = lines.next().and_then(|line| TrustRoot::parse(line).ok());
    let end = Timestamp::from_unix(i64::MAX);
    // Each line costs the same: more of them show nothing new.
    for line in lines.take(1_000) {
        black_box(RawEntry::parse(line).is_ok());
        if let Some(root) = &root {
            // An entry on its own: most mutated chains end early.
            black_box(Chain::new(root, None).push(line, root, end).is_ok());
        }
        if let (Some(root), Ok(entry)) = (&root, RawEntry::parse(line)) {
            let duties = [Duty::Approver, Duty::Policy];
            black_box(Verified::<Approval>::open(&entry.envelope, root, &duties, entry.at).is_ok());
        }
    }
    let Some(root) = root else { return };
    let mut chain = Chain::new(&root, None);
    for line in bytes.split(|byte| *byte == b'\n').skip(1) {
        if chain.push(line, &root, end).is_err() {
            return;
        }
    }
}

fn bundle_file(bytes: &[u8]) {
    if let Some(pin) = bundle::first_root(bytes) {
        black_box(bundle::audit(bytes, &pin).is_ok());
    }
}

fn ssh_key(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(key) = ssh::public_key(text) {
        assert!(PublicKey::from_base64(&key.to_base64()).is_ok_and(|again| again.id() == key.id()));
    }
    black_box(super::keys::ssh::parse_public(text).is_ok());
}

fn sshsig(bytes: &[u8]) {
    if let Ok(key) = PrivateKey::from_seed(&[7; 32]).public() {
        black_box(ssh::verify(&key, b"message", bytes).is_ok());
    }
}

fn jwks(bytes: &[u8]) {
    if let Ok(keys) = KeySet::parse(bytes) {
        assert_eq!(keys.digest(), Digest::of(bytes));
    }
}

/// The keys of an issuer, then a token; both in the form in which they are fetched.
fn id_token(bytes: &[u8]) {
    let Some(at) = bytes.iter().position(|byte| *byte == b'\n') else { return };
    let Ok(text) = std::str::from_utf8(&bytes[at + 1..]) else { return };
    let token = Secret::new(text.to_owned());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if oidc::unverified_issuer(&token).is_ok() {
        assert!(text.bytes().all(plain) && text.matches('.').count() == 2, "a token in another form");
    }
    let Ok(keys) = KeySet::parse(&bytes[..at]) else { return };
    let issuer = Issuer {
        url: "https://issuer.example".to_owned(),
        provider: Provider::Github,
        algorithms: vec![Algorithm::Rs256, Algorithm::Es256],
        workflows: vec!["example/sample/.github/workflows/countersign.yml@refs/heads/main".to_owned()],
        events: vec!["workflow_dispatch".to_owned()],
        runner: Runner::GithubHosted,
        jwks: None,
    };
    let now = Timestamp::from_unix(1_900_000_000);
    if let Ok(verified) = oidc::verify(&token, &keys, &issuer, "urn:fuzz", now) {
        let in_base = BTreeSet::from(["a".repeat(40)]);
        let expected =
            Expected { repo_id: "42", owner_id: "7", environment: Some("production"), in_base: &in_base, now };
        black_box(admit(&verified, &issuer, &expected).is_ok());
    }
}

fn remote_url(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if Address::parse(text).is_ok() {
        // What git takes for the name of a transport helper: `ext::sh -c ...`.
        let scheme = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
        let helper = text.split_once("::").is_some_and(|(name, _)| name.bytes().all(scheme));
        assert!(!helper && !text.starts_with('-'), "a transport helper or an option is no URL");
    }
}

/// A comment: the command in it, or the reply that says why there is none.
fn comment(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match command::read(text) {
        Ok(Some(Said { command, reason })) => {
            // Not with the reason itself: on a line of its own it may be a quote, or a command.
            let again = command::read(&format!("{}\n\nx", command.line()));
            assert!(
                again.is_ok_and(|again| again.is_some_and(|said| said.command == command)),
                "a command has no line"
            );
            assert!(reason.is_none_or(|reason| text::check_free(&reason, false).is_ok()), "a reason hides something");
        }
        Ok(None) => {}
        Err(refusal) => {
            let reply = refused(&refusal, 1, Channel::GitHub);
            assert!(matches!(command::read(&reply), Ok(None)), "a reply is a command");
        }
    }
}

/// Short texts: durations, instants, paths, ids, digests, patterns, and what people read.
fn words(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(at) = text.parse::<Timestamp>() {
        assert_eq!(at.to_string(), text, "an instant has one text");
        black_box(at.plus(i64::MAX).since(at.plus(i64::MIN)));
    }
    black_box(parse_duration(text).is_ok());
    if let Ok(path) = text.parse::<RepoPath>() {
        assert_eq!(path.as_str(), text, "a path has one text");
        assert!(!text.starts_with('/') && text.split('/').all(|part| part != ".."), "a path leads out");
        black_box(path.check_writable().is_ok());
    }
    if let Ok(id) = text.parse::<Id>() {
        assert_eq!(id.as_str(), text);
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text);
    }
    black_box(PathPattern::new(text).is_ok());
    black_box(text::check_steering(text).is_ok() || text::check_free(text, true).is_ok());
    black_box(text::check_content(text).is_ok() || text::mixed_script_words(text).is_empty());
    let shown = text::visible(text) + &text::visible_lines(text) + &text::excerpt(text);
    assert!(shown.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()), "a control character is shown raw");
}
