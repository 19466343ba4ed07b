//! The bulk-edit family: an expression or a patch over many files, then the tests of the repository.

use serde_json::Value;

use crate::pipelines_support::{Project, has, stock};

const REGEX: &str = "directives/bulk-edit.md";
const PATCH: &str = "directives/bulk-edit-patch.md";

fn project() -> Option<Project> {
    has("python3").then(|| Project::new("bulk-edit", ""))
}

fn regex(pattern: &str, replacement: &str, most: u32) -> Vec<String> {
    vec![
        "folder=src".to_owned(),
        format!("pattern={pattern}"),
        format!("replacement={replacement}"),
        format!("max_matches={most}"),
    ]
}

fn as_refs(inputs: &[String]) -> Vec<&str> {
    inputs.iter().map(String::as_str).collect()
}

#[test]
fn bulk_edit_by_expression_changes_every_match_and_the_tests_pass() {
    let Some(project) = project() else { return };
    let inputs = regex(r"\bget_(total|tax)\b", r"compute_\1", 7);
    let (plan, outputs) = project.works(REGEX, &as_refs(&inputs));
    let count = |step: &str, name: &str| outputs[step][name].to_string().trim_matches('"').to_owned();
    assert_eq!((count("edit", "files"), count("edit", "matches")), ("2".to_owned(), "7".to_owned()));
    assert_eq!((count("syntax", "checked"), count("tests", "tests")), ("3".to_owned(), "1".to_owned()));
    let bill = project.bench.read("src/shop/bill.py");
    assert!(bill.contains("from shop.price import compute_tax, compute_total") && !bill.contains("get_"), "{bill}");
    assert_eq!(
        project.bench.git(&["status", "--porcelain"]),
        "M src/shop/bill.py\n M src/shop/price.py\n?? bulk-edit-report.json"
    );
    let report: Value = serde_json::from_str(&project.bench.read("bulk-edit-report.json")).unwrap();
    for row in report["files"].as_array().unwrap() {
        let sum = stock(&project.bench.repo(), "sha256sum", &[row["path"].as_str().unwrap()]);
        assert_eq!(row["after"], format!("sha256:{}", &sum[..64]));
    }
    // Not even in a clean checkout.
    project.bench.git(&["restore", "src"]);
    project.refuses_a_replay(&plan);
}

#[test]
fn bulk_edit_with_no_match_or_too_many_writes_nothing() {
    let Some(project) = project() else { return };
    let said = project.fails(REGEX, &as_refs(&regex("nowhere", "x", 7)));
    assert!(said.contains("0 matches in 0 of 3 files, expected 1 to 7"), "{said}");
    let said = project.fails(REGEX, &as_refs(&regex(r"\bget_(total|tax)\b", r"compute_\1", 6)));
    assert!(said.contains("7 matches in 2 of 3 files, expected 1 to 6"), "{said}");
    assert_eq!(project.bench.git(&["status", "--porcelain"]), "");
}

#[test]
fn bulk_edit_that_breaks_the_code_fails_the_run_until_it_is_repaired() {
    let Some(project) = project() else { return };
    let (said, plan) = project.failing(REGEX, &as_refs(&regex("def get_tax", "def tax", 1)));
    assert!(said.contains("succeeded edit") && said.contains("failed tests"), "{said}");
    assert!(said.contains("ImportError"), "{said}");
    // A person repairs the other file by hand; the edit is not done twice.
    project.change("src/shop/bill.py", "get_tax", "tax");
    let said = project.resumes(&plan);
    assert!(said.contains("succeeded tests") && !said.contains("started edit"), "{said}");
}

#[test]
fn bulk_edit_by_patch_applies_exactly_the_agreed_bytes() {
    let Some(project) = project() else { return };
    let sum = stock(&project.bench.repo(), "sha256sum", &["rename.patch"]);
    let digest = format!("digest=sha256:{}", &sum[..64]);
    let inputs = ["folder=src", "patch=rename.patch", &digest, "max_files=2"];
    let wrong = format!("digest=sha256:{}", "0".repeat(64));
    let said = project.fails(PATCH, &["folder=src", "patch=rename.patch", &wrong, "max_files=2"]);
    assert!(said.contains("has the digest"), "{said}");
    let said = project.fails(PATCH, &["folder=src", "patch=rename.patch", &digest, "max_files=1"]);
    assert!(said.contains("expected 1 to 1"), "{said}");
    assert_eq!(project.bench.git(&["status", "--porcelain"]), "");
    let (plan, outputs) = project.works(PATCH, &inputs);
    assert_eq!(outputs["apply"]["files"].to_string().trim_matches('"'), "2");
    assert_eq!(project.bench.git(&["diff", "--stat", "--", "src"]).lines().count(), 3);
    stock(&project.bench.repo(), "git", &["apply", "--check", "--reverse", "rename.patch"]);
    // Not even in a clean checkout.
    project.bench.git(&["restore", "src"]);
    project.refuses_a_replay(&plan);
}
