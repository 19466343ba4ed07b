//! The release family: changelog, version, commit and annotated tag, source archive.

use std::fs;

use serde_json::Value;

use crate::pipelines_support::{Project, has, root, stock};

const DIRECTIVE: &str = "directives/release.md";
const INPUTS: [&str; 3] = ["version=2.0.0", "since=v1.0.0", "name=app"];

/// The sample project, with a release behind it and some commits since.
fn project() -> Option<Project> {
    if !has("python3") || !has("sha256sum") {
        return None;
    }
    let project = Project::new("release", "");
    project.bench.git(&["tag", "-a", "v1.0.0", "-m", "Release 1.0.0"]);
    let commits = fs::read_to_string(root().join("tests/data/projects/release-commits.json")).unwrap();
    let commits: Value = serde_json::from_str(&commits).unwrap();
    for commit in commits.as_array().unwrap() {
        let (subject, body) = (commit["subject"].as_str().unwrap(), commit["body"].as_str().unwrap());
        project.bench.git(&["commit", "-q", "--allow-empty", "-m", subject, "-m", body]);
    }
    Some(project)
}

#[test]
fn release_writes_changelog_version_tag_and_archive_that_all_say_the_same() {
    let Some(project) = project() else { return };
    let before = project.bench.git(&["rev-parse", "HEAD"]);
    let (plan, outputs) = project.works(DIRECTIVE, &INPUTS);
    let git = |args: &[&str]| project.bench.git(args);
    // The tag: annotated, at the one new commit, which has the new version and the changelog.
    assert_eq!(git(&["cat-file", "-t", "v2.0.0"]), "tag");
    let commit = git(&["rev-parse", "v2.0.0^{commit}"]);
    assert_eq!(commit, git(&["rev-parse", "HEAD"]));
    assert_eq!(commit, outputs["tag"]["commit"].as_str().unwrap());
    assert_eq!(git(&["rev-parse", "HEAD~1"]), before);
    assert_eq!(git(&["show", "v2.0.0:VERSION"]), "2.0.0");
    assert_eq!(git(&["diff", "--name-only", "HEAD~1", "HEAD"]), "CHANGELOG.md\nVERSION");
    assert_eq!(git(&["status", "--porcelain"]), "");
    git(&["fsck", "--strict"]);
    // The changelog: every kind of commit under its heading, the newest section first, foreign text escaped.
    let text = git(&["show", "v2.0.0:CHANGELOG.md"]);
    let words = [
        "## 2.0.0 - ",
        "### Breaking changes",
        "### Features",
        "### Fixes",
        "### Other changes",
        "## 1.0.0",
        "- Begin",
    ];
    let places: Vec<usize> =
        words.iter().map(|word| text.find(word).unwrap_or_else(|| panic!("{word}:\n{text}"))).collect();
    assert!(places.is_sorted(), "{text}");
    assert!(text.contains("- **cli:** add a colour switch ("), "{text}");
    assert!(text.contains("close \\<b\\>files\\</b\\> in \\*every\\* case"), "{text}");
    assert!(!text.contains("set up countersign"), "what came before the last tag is not new:\n{text}");
    // The archive: stock tools agree with its sum, and it holds the tagged tree.
    let dist = project.bench.path("dist");
    assert_eq!(stock(&dist, "sha256sum", &["--check", "--strict", "SHA256SUMS"]), "app-2.0.0.tar.gz: OK");
    stock(&dist, "tar", &["-xzf", "app-2.0.0.tar.gz"]);
    assert_eq!(fs::read_to_string(dist.join("app-2.0.0/VERSION")).unwrap(), "2.0.0\n");
    assert_eq!(fs::read_to_string(dist.join("app-2.0.0/CHANGELOG.md")).unwrap().trim(), text);
    project.refuses_a_replay(&plan);
    assert_eq!(git(&["rev-parse", "HEAD"]), commit);
}

#[test]
fn release_of_a_tag_that_exists_is_refused_before_anything_is_committed() {
    let Some(project) = project() else { return };
    let plan = project.approved(DIRECTIVE, &INPUTS);
    project.bench.git(&["tag", "v2.0.0", "HEAD~1"]);
    let (head, tag) = (project.bench.git(&["rev-parse", "HEAD"]), project.bench.git(&["rev-parse", "v2.0.0"]));
    let ran = project.execute(&plan).exits(7);
    assert!(ran.stderr.contains("failed tag [step.exit]"), "{}", ran.stderr);
    assert!(ran.stderr.contains("blocked archive"), "{}", ran.stderr);
    assert_eq!(project.bench.git(&["rev-parse", "HEAD"]), head);
    assert_eq!(project.bench.git(&["rev-parse", "v2.0.0"]), tag);
    assert!(!project.bench.path("dist").exists());
    // The way back that the directive names.
    project.bench.git(&["restore", "CHANGELOG.md", "VERSION"]);
    assert_eq!(project.bench.git(&["status", "--porcelain"]), "");
}

#[test]
fn release_refuses_an_older_version_and_an_empty_range() {
    let Some(project) = project() else { return };
    let said = project.fails(DIRECTIVE, &["version=0.9.0", "since=v1.0.0", "name=app"]);
    assert!(said.contains("does not come after"), "{said}");
    project.bench.git(&["restore", "."]);
    let said = project.fails(DIRECTIVE, &["version=2.0.0", "since=HEAD", "name=app"]);
    assert!(said.contains("no commit in the range"), "{said}");
    assert_eq!(project.bench.git(&["tag"]), "v1.0.0");
}

#[test]
fn release_goes_on_after_a_repair_and_makes_its_commit_and_tag_once() {
    let Some(project) = project() else { return };
    let head = project.bench.git(&["rev-parse", "HEAD"]);
    // Something lies where the folder of the archive belongs.
    project.bench.write("dist", "in the way\n");
    let (said, plan) = project.failing(DIRECTIVE, &INPUTS);
    assert!(said.contains("succeeded tag") && said.contains("archive ["), "{said}");
    fs::remove_file(project.bench.path("dist")).unwrap();
    // It does not go on above a commit that somebody else made meanwhile.
    project.bench.git(&["commit", "-q", "--allow-empty", "-m", "feat: nobody agreed to this"]);
    project.resume(&plan).refused(6, "subject.head_moved");
    project.bench.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let said = project.resumes(&plan);
    assert!(said.contains("succeeded archive"), "{said}");
    for done in ["notes", "bump", "tag"] {
        assert!(!said.contains(&format!("started {done}")), "{said}");
    }
    assert_eq!(project.bench.git(&["rev-parse", "v2.0.0^{commit}~1"]), head);
    assert_eq!(project.bench.git(&["rev-parse", "HEAD~1"]), head);
    stock(&project.bench.path("dist"), "sha256sum", &["--check", "--strict", "SHA256SUMS"]);
    project.refuses_a_replay(&plan);
}

#[test]
fn publish_writes_down_exactly_the_image_and_the_binary_that_were_approved() {
    let Some(project) = project() else { return };
    let (image, binary) = (format!("sha256:{}", "a".repeat(64)), format!("sha256:{}", "b".repeat(64)));
    let (image_input, binary_input) = (format!("image_digest={image}"), format!("binary_digest={binary}"));
    let inputs = ["version=2.0.0", "image=ghcr.io/acme/app", &image_input, &binary_input];
    let (plan, _) = project.works("directives/publish.md", &inputs);
    // The form of the file that `.github/action/install` reads.
    assert_eq!(project.bench.read("dist/release"), format!("image=ghcr.io/acme/app@{image}\nbinary={binary}\n"));
    project.refuses_a_replay(&plan);
}
