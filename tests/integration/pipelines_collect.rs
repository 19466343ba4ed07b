//! The collection of artifacts: files by pattern into a folder for each category, with a manifest of their digests.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use serde_json::{Value, json};

use crate::pipelines_support::{Project, has, stock};

const DIRECTIVE: &str = "directives/collect-artifacts.md";
const CATEGORIES: &str = "categories=reports=**/*.json,**/*.xml;docs=docs/**;programs=*.sh";

fn project() -> Option<Project> {
    has("python3").then(|| {
        let project = Project::new("collect", "");
        let script = project.bench.path("build/hello.sh");
        fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
        project.bench.git(&["add", "build/hello.sh"]);
        if !project.bench.git(&["status", "--porcelain"]).is_empty() {
            project.bench.commit("chore: a program");
        }
        project
    })
}

fn inputs<'i>(more: &[&'i str]) -> Vec<&'i str> {
    let named = |name: &str| more.iter().any(|input| input.starts_with(name));
    let mut all = more.to_vec();
    all.extend(
        [("folder=", "folder=build"), ("categories=", CATEGORIES)].iter().filter(|(n, _)| !named(n)).map(|(_, v)| *v),
    );
    all
}

#[test]
fn we24_artifacts_are_copied_by_category_with_a_manifest_that_is_read_back() {
    let Some(project) = project() else { return };
    let before = stock(&project.bench.repo(), "sha256sum", &["build/reports/unit.json"]);
    let (plan, outputs) = project.works(DIRECTIVE, &inputs(&["exclude=**/*.tmp"]));
    assert_eq!(outputs["collect"]["files"].to_string().trim_matches('"'), "5", "{outputs}");
    let manifest: Value = serde_json::from_str(&project.bench.read("artifacts/manifest.json")).unwrap();
    let rows = manifest["files"].as_array().unwrap();
    let told: Vec<(&str, &str)> =
        rows.iter().map(|row| (row["path"].as_str().unwrap(), row["source"].as_str().unwrap())).collect();
    assert_eq!(
        told,
        [
            ("docs/docs/notes.md", "build/docs/notes.md"),
            ("programs/hello.sh", "build/hello.sh"),
            ("reports/reports/deep/unit.json", "build/reports/deep/unit.json"),
            ("reports/reports/junit.xml", "build/reports/junit.xml"),
            ("reports/reports/unit.json", "build/reports/unit.json"),
        ]
    );
    // A program that is not ours comes to the same digests, of the copies and of what they were made from.
    for row in rows {
        for path in [format!("artifacts/{}", row["path"].as_str().unwrap()), row["source"].as_str().unwrap().to_owned()]
        {
            let sum = stock(&project.bench.repo(), "sha256sum", &[&path]);
            assert_eq!(row["sha256"], json!(sum[..64]), "{path}");
            assert_eq!(row["bytes"], json!(fs::metadata(project.bench.path(&path)).unwrap().len()), "{path}");
        }
    }
    let mode = fs::metadata(project.bench.path("artifacts/programs/hello.sh")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    assert_eq!(stock(&project.bench.repo(), "sha256sum", &["build/reports/unit.json"]), before, "copied, not moved");
    assert_eq!(project.bench.git(&["status", "--porcelain"]), "?? artifacts/");
    assert!(!project.bench.path("artifacts/docs/docs/draft.tmp").exists());
    project.refuses_a_replay(&plan);
    // The same files give the same manifest; a folder with something in it is refused.
    let said = project.fails(DIRECTIVE, &inputs(&["exclude=**/*.tmp"]));
    assert!(said.contains("is there already"), "{said}");
    let first = project.bench.read("artifacts/manifest.json");
    fs::remove_dir_all(project.bench.path("artifacts")).unwrap();
    project.works(DIRECTIVE, &inputs(&["exclude=**/*.tmp"]));
    assert_eq!(project.bench.read("artifacts/manifest.json"), first);
}

#[test]
fn we24_two_artifacts_for_one_place_and_wrong_words_are_refused_and_nothing_is_left() {
    let Some(project) = project() else { return };
    for (more, wanted) in [
        (
            &["flat=true"][..],
            "build/reports/deep/unit.json and build/reports/unit.json would both be reports/unit.json",
        ),
        (&["max_files=2"], "6 files are taken, expected 1 to 2"),
        (&["categories=reports=**/*.none"], "0 files are taken, expected 1 to 1000"),
        (&["categories=../out=**/*.json"], "`../out=**/*.json` is not a category"),
        (&["categories=reports"], "`reports` is not a category"),
        (&["categories=a=*.sh;a=**/*.md"], "the category `a` stands there twice"),
        (&["categories=a=*.sh,,x"], "holds an empty pattern"),
        (&["categories=a=[x"], "has a set of characters without an end"),
        (&["into=build"], "build and build hold one another"),
        (&["into=build/out"], "build and build/out hold one another"),
        (&["folder=missing"], "missing is not a folder"),
    ] {
        let said = project.fails(DIRECTIVE, &inputs(more));
        assert!(said.contains(wanted), "{more:?}: {said}");
        let left = project.bench.path("artifacts");
        let files = stock(&project.bench.repo(), "find", &[".", "-path", "./artifacts/*", "-type", "f", "-size", "+0"]);
        assert_eq!(files, "", "{more:?}");
        let _ = fs::remove_dir_all(left);
        let _ = fs::remove_dir_all(project.bench.path("build/out"));
        let _ = fs::remove_dir_all(project.bench.path("missing"));
    }
}

#[test]
fn we24_of_the_whole_checkout_the_folder_of_artifacts_is_passed_by() {
    let Some(project) = project() else { return };
    let (_, outputs) = project.works(DIRECTIVE, &inputs(&["folder=.", "categories=all=build/**,**/*.json"]));
    let count = outputs["collect"]["files"].to_string().trim_matches('"').parse::<u64>().unwrap();
    let manifest: Value = serde_json::from_str(&project.bench.read("artifacts/manifest.json")).unwrap();
    let rows = manifest["files"].as_array().unwrap();
    let sources: Vec<&str> = rows.iter().map(|row| row["source"].as_str().unwrap()).collect();
    assert!(sources.contains(&"build/hello.sh") && sources.len() as u64 == count, "{sources:?}");
    assert!(sources.iter().all(|source| !source.starts_with("artifacts/") && !source.starts_with(".git/")));
}

#[test]
fn we24_a_link_among_the_artifacts_and_a_file_that_no_commit_holds_are_refused() {
    let Some(project) = project() else { return };
    fs::write(project.bench.outside("secret.json"), "{}").unwrap();
    symlink(project.bench.outside("secret.json"), project.bench.path("build/reports/secret.json")).unwrap();
    project.bench.commit("chore: a link");
    let said = project.fails(DIRECTIVE, &inputs(&[]));
    assert!(said.contains("build/reports/secret.json is a symbolic link; exclude it"), "{said}");
    let _ = fs::remove_dir_all(project.bench.path("artifacts"));
    project.bench.git(&["rm", "-q", "build/reports/secret.json"]);
    symlink("reports", project.bench.path("build/more.json")).unwrap();
    project.bench.commit("chore: a link to a folder");
    let said = project.fails(DIRECTIVE, &inputs(&[]));
    assert!(said.contains("build/more.json is a symbolic link; exclude it"), "{said}");
    let _ = fs::remove_dir_all(project.bench.path("artifacts"));
    // One that is excluded is passed by, and what lies behind it is never taken.
    project.bench.write(".gitignore", "*.xml\n");
    project.bench.commit("chore: ignore");
    project.bench.write("build/stale.xml", "<old/>\n");
    let said = project.fails(DIRECTIVE, &inputs(&["exclude=more.json"]));
    assert!(said.contains("build/stale.xml cannot be read"), "{said}");
    let _ = fs::remove_dir_all(project.bench.path("artifacts"));
    let (_, outputs) = project.works(DIRECTIVE, &inputs(&["exclude=more.json,stale.xml"]));
    assert_eq!(outputs["collect"]["files"].to_string().trim_matches('"'), "6", "{outputs}");
}
