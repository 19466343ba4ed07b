//! Vectors of public suites, read from the folder that `COUNTERSIGN_VECTORS` names.

use std::{fs, io::Write as _, path::PathBuf};

use serde_json::Value;

use super::json;

/// Returns the folder of one suite; without the variable it says on standard error that the test is skipped.
#[expect(clippy::disallowed_methods, reason = "tests have no other way to learn where the vectors are")]
pub(crate) fn suite(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("COUNTERSIGN_VECTORS").map(|root| PathBuf::from(root).join(name));
    if folder.is_none() {
        // Straight to the stream: the harness swallows what its macros print.
        writeln!(std::io::stderr(), "skipped: COUNTERSIGN_VECTORS is not set, `{name}` was not run").ok();
    }
    folder
}

fn files(folder: &PathBuf) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no vectors in {}", folder.display());
    files
}

/// Whether a lenient reader finds a number in the value that we refuse.
fn holds_refused_number(value: &Value, text: &[u8]) -> bool {
    match value {
        Value::Number(n) => {
            n.as_i64().is_none_or(|i| i.abs() > json::MAX_INTEGER) || text.windows(2).any(|pair| pair == b"-0")
        }
        Value::Array(items) => items.iter().any(|item| holds_refused_number(item, text)),
        Value::Object(members) => members.values().any(|member| holds_refused_number(member, text)),
        _ => false,
    }
}

#[test]
fn b07_b10_json_test_suite() {
    let Some(folder) = suite("jsontestsuite") else { return };
    let (mut accepted, mut refused) = (0, 0);
    for (name, bytes) in files(&folder.join("test_parsing")) {
        let result = json::parse(&bytes, 1 << 20);
        if !name.starts_with("y_") {
            assert!(result.is_err(), "{name} must be refused");
            refused += 1;
            continue;
        }
        let lenient: Value = serde_json::from_slice(&bytes).unwrap();
        match result {
            Ok(value) => assert_eq!(value, lenient, "{name}"),
            Err(refusal) if refusal.code() == "json.duplicate_key" => {
                assert!(name.contains("duplicated_key"), "{name}")
            }
            Err(refusal) => {
                assert_eq!(refusal.code(), "json.number", "{name}: {refusal}");
                assert!(holds_refused_number(&lenient, &bytes), "{name} holds no number to refuse");
            }
        }
        accepted += 1;
    }
    assert!(accepted > 90 && refused > 200, "{accepted} and {refused}: the suite is not whole");
    for (_, bytes) in files(&folder.join("test_transform")) {
        // Nothing here has one right answer; whatever is taken must have one canonical form.
        if let Ok(value) = json::parse(&bytes, 1 << 20) {
            let canonical = json::canonical(&value).unwrap();
            assert_eq!(json::parse_canonical(&canonical, 1 << 20).unwrap(), value);
        }
    }
}

#[test]
fn b12_rfc_8785_vectors() {
    let Some(folder) = suite("rfc8785") else { return };
    let inputs = files(&folder.join("testdata/input"));
    assert_eq!(inputs.len(), 6);
    let mut ours = 0;
    for (name, input) in inputs {
        let output = fs::read(folder.join("testdata/output").join(&name)).unwrap();
        let lenient: Value = serde_json::from_slice(&input).unwrap();
        assert_eq!(serde_json_canonicalizer::to_vec(&lenient).unwrap(), output, "{name}");
        match json::parse(&input, 1 << 20) {
            Ok(value) => {
                assert_eq!(json::canonical(&value).unwrap(), output, "{name}");
                assert_eq!(json::parse_canonical(&output, 1 << 20).unwrap(), value, "{name}");
                if input != output {
                    assert_eq!(json::parse_canonical(&input, 1 << 20).unwrap_err().code(), "json.non_canonical");
                }
                ours += 1;
            }
            Err(refusal) => {
                assert_eq!(refusal.code(), "json.number", "{name}");
                assert!(holds_refused_number(&lenient, &input), "{name}");
            }
        }
    }
    assert!(ours >= 4, "{ours} of the pairs hold no float");
}
