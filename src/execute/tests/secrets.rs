//! Secrets reach the step that declares them, and nothing that leaves the run.

use std::{collections::BTreeMap, sync::Arc};

use base64::Engine as _;

use super::support::*;
use crate::{
    base::{secret::Secret, value::ValueType},
    event::StepStatus,
    execute::redact::{MARKER, Redactor, Stream, UNDECIDED},
    plan::model::{Action, CaptureFrom},
};

const VALUE: &str = "pa'ss \"w/o<r>d\\&$1+=é";

fn redactor(value: &str) -> Arc<Redactor> {
    Arc::new(Redactor::new(&BTreeMap::from([("S".to_owned(), Secret::new(value.to_owned()))])).unwrap())
}

#[test]
fn c35_every_form_of_a_secret_is_found_wherever_the_pieces_break() {
    let std = base64::engine::general_purpose::STANDARD;
    let url = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let wide: Vec<u8> = VALUE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut forms: Vec<Vec<u8>> = vec![
        VALUE.into(),
        hex::encode(VALUE).into(),
        hex::encode_upper(VALUE).into(),
        wide.clone(),
        std.encode(&wide).into(),
        serde_json::to_string(VALUE).unwrap().into(),
        "pa%27ss%20%22w%2Fo%3Cr%3Ed%5C%26%241%2B%3D%C3%A9".into(),
        "pa%27ss+%22w%2fo%3cr%3ed%5c%26%241%2b%3d%c3%a9".into(),
        "pa&#39;ss &quot;w/o&lt;r&gt;d\\&amp;$1+=é".into(),
        "'pa'\\''ss \"w/o<r>d\\&$1+=é'".into(),
        "pa'ss \\\"w\\/o<r>d\\\\&$1+=\\u00e9".into(),
        "pa'ss \\\"w/o\\u003cr\\u003ed\\\\\\u0026$1+=é".replace("pa'", "pa\\u0027").into(),
    ];
    for before in 0..3 {
        let mut text = vec![b'x'; before];
        text.extend_from_slice(VALUE.as_bytes());
        text.extend_from_slice(b"tail");
        forms.push(std.encode(&text).into());
        forms.push(url.encode(&text).into());
    }
    let redactor = redactor(VALUE);
    for form in forms {
        let mut text = b"before ".to_vec();
        text.extend_from_slice(&form);
        text.extend_from_slice(b" after");
        assert!(redactor.finds(&text), "{}", String::from_utf8_lossy(&form));
        for size in [1, 2, 7, 64, text.len()] {
            let mut stream = Stream::new(redactor.clone());
            let mut out: Vec<u8> = text.chunks(size).flat_map(|piece| stream.push(piece)).collect();
            out.extend(stream.finish());
            let shown = String::from_utf8_lossy(&out);
            assert!(!redactor.finds(&out), "{shown}");
            assert!(shown.starts_with("before ") && shown.ends_with(" after"), "{shown}");
            assert_eq!(shown.matches(MARKER).count(), 1, "{shown}");
        }
    }
}

#[test]
fn c35_lines_and_leaves_of_structured_secrets_are_secrets_too() {
    let lines = redactor("-----BEGIN KEY-----\nabcdefghijkl\nshort\n");
    assert_eq!(lines.text("x abcdefghijkl y short"), format!("x {MARKER} y short"));
    let json = redactor(r#"{"user":"name","password":"correct horse"}"#);
    assert_eq!(json.text("user name, correct horse"), format!("user name, {MARKER}"));
    // A secret that overlaps itself leaves no part behind.
    assert_eq!(redactor("abababab").text("xabababababay"), format!("x{MARKER}ay"));
    let plain = "nothing here\n".repeat(1000);
    assert_eq!(redactor("abababab").text(&plain), plain);
}

/// A JSON web token with a signature of this length, in characters.
fn jwt(signature: usize) -> String {
    let part = |json: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json);
    let head = part(r#"{"alg":"RS256","kid":"1","typ":"JWT"}"#);
    format!(
        "{head}.{}.{}",
        part(r#"{"aud":"urn:x","sub":"repo:a/b"}"#),
        "aB3_-".repeat(signature).split_at(signature).0
    )
}

/// Lets a text through in pieces of a size.
fn redacted(redactor: &Arc<Redactor>, text: &str, size: usize) -> String {
    let mut stream = Stream::new(redactor.clone());
    let mut out: Vec<u8> = text.as_bytes().chunks(size).flat_map(|piece| stream.push(piece)).collect();
    out.extend(stream.finish());
    String::from_utf8(out).unwrap()
}

#[test]
fn b46_what_has_the_form_of_a_token_is_redacted_wherever_the_pieces_break() {
    let tail = "a1B2".repeat(9);
    let long = jwt(3 * UNDECIDED);
    let mut secrets = vec![jwt(342), long.clone()];
    secrets.extend(["ghp_", "ghs_", "gho_", "github_pat_", "glpat-", "glcbt-"].map(|prefix| format!("{prefix}{tail}")));
    for redactor in [Arc::new(Redactor::new(&BTreeMap::new()).unwrap()), redactor(VALUE)] {
        for secret in &secrets {
            for (before, after) in [("before ", " after"), ("Authorization: Bearer ", "\n"), ("t=\"", "\""), ("", "")] {
                let text = format!("{before}{secret}{after}");
                let expected = format!("{before}{MARKER}{after}");
                let sizes = if secret.len() > 1000 { [1000, 4096, text.len()] } else { [1, 7, text.len()] };
                for size in sizes {
                    assert_eq!(redacted(&redactor, &text, size), expected, "{size}");
                }
                assert!(redactor.finds(text.as_bytes()));
            }
        }
        // A given secret and a token that touch leave nothing between them.
        let text = format!("x {}{} y", jwt(86), if redactor.finds(VALUE.as_bytes()) { VALUE } else { "" });
        for size in [1, 5, 64, text.len()] {
            assert_eq!(redacted(&redactor, &text, size), format!("x {MARKER} y"), "{size}");
        }
    }
}

#[test]
fn b46_what_only_looks_like_the_beginning_of_a_token_is_kept_and_not_held_back_for_ever() {
    let redactor = redactor("abababab");
    let blob = "Zm9v".repeat(UNDECIDED);
    let text = format!("eyJ eyJhbGciOiJIUzI1NiJ9. ghp_short task-{} {blob}", "word-".repeat(8));
    for size in [1000, 4096, text.len()] {
        assert_eq!(redacted(&redactor, &text, size), text);
    }
    let mut stream = Stream::new(redactor);
    assert!(stream.push(blob.as_bytes()).len() >= blob.len() - UNDECIDED - 1000);
}

#[tokio::test]
async fn b46_a_token_that_a_step_prints_or_writes_is_in_no_event_and_no_output() {
    let bench = Bench::new();
    let token = jwt(86);
    let (head, rest) = token.split_at(30);
    let print = format!("printf %s {head}; sleep 0.05; printf '%s\\n' {rest}; echo {token} >&2");
    let ran = bench.run(plan(vec![step("a", vec![Action::Run(sh(&print))])]), bench.setting()).await;
    assert_eq!((output(&ran.step("a")), errors(&ran.step("a"))), (format!("{MARKER}\n"), format!("{MARKER}\n")));
    let everything = serde_json::to_string(&ran.events).unwrap();
    assert!(!everything.contains(token.rsplit('.').next().unwrap()), "{everything}");
    for from in [CaptureFrom::Stdout, CaptureFrom::File("o.txt".parse().unwrap())] {
        let leaks = capturing(writing(sh(&format!("printf %s {token} | tee o.txt")), &["o.txt"]), "out", from);
        let one = giving(step("one", vec![Action::Run(leaks)]), "out", ValueType::String, None, 2000);
        let outcome = bench.run(plan(vec![one]), bench.setting()).await.step("one");
        assert_eq!((code(&outcome), outcome.outputs.len()), ("secret.in_output", 0));
    }
}

#[test]
fn c36_a_secret_too_short_to_be_found_safely_is_refused() {
    for short in ["", "1234567", "   abc    "] {
        let secrets = BTreeMap::from([("S".to_owned(), Secret::new(short.to_owned()))]);
        assert_eq!(Redactor::new(&secrets).unwrap_err().code(), "secret.too_short");
    }
}

#[tokio::test]
async fn c35_c37_a_secret_reaches_only_the_step_that_declares_it_and_no_record() {
    let bench = Bench::new();
    let mut setting = bench.setting();
    setting.secrets = BTreeMap::from([("TOKEN".to_owned(), Secret::new("s3cr3t-value".to_owned()))]);
    let mut declared =
        sh("printf 's3cr3t-%s' value; echo; echo $TOKEN >&2; printf %s \"$TOKEN\" | od -An -tx1 | tr -d ' \n'");
    declared.secrets = vec!["TOKEN".into()];
    let undeclared = sh("echo [$TOKEN]");
    let steps = vec![step("a", vec![Action::Run(declared.clone())]), step("b", vec![Action::Run(undeclared)])];
    let ran = bench.run(plan(steps), setting.clone()).await;
    assert_eq!(output(&ran.step("a")), format!("{MARKER}\n{MARKER}"));
    assert_eq!(errors(&ran.step("a")), format!("{MARKER}\n"));
    assert_eq!(output(&ran.step("b")), "[]\n");
    let everything = serde_json::to_string(&ran.events).unwrap();
    assert!(!everything.contains("s3cr3t"));
    for from in [CaptureFrom::Stdout, CaptureFrom::File("o.txt".parse().unwrap())] {
        let mut leaks = capturing(writing(sh("printf %s \"$TOKEN\" | tee o.txt"), &["o.txt"]), "out", from);
        leaks.secrets = vec!["TOKEN".into()];
        let one = giving(step("one", vec![Action::Run(leaks)]), "out", ValueType::String, None, 100);
        let outcome = bench.run(plan(vec![one]), setting.clone()).await.step("one");
        assert_eq!((code(&outcome), outcome.outputs.len()), ("secret.in_output", 0));
    }
    let outcome = bench.one(declared).await;
    assert_eq!((code(&outcome), outcome.status), ("secret.missing", StepStatus::Denied));
}
