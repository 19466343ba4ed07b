//! Secrets reach the step that declares them, and nothing that leaves the run.

use std::{collections::BTreeMap, sync::Arc};

use base64::Engine as _;

use super::support::*;
use crate::{
    base::{secret::Secret, value::ValueType},
    event::StepStatus,
    execute::redact::{MARKER, Redactor, Stream},
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
