//! The quick-start job: `inventory`.

use crate::pipelines_support::{Project, has, stock};

const DIRECTIVE: &str = "directives/inventory.md";

#[test]
fn inventory_reports_what_the_commit_holds_and_cannot_be_replayed() {
    if !has("python3") {
        return;
    }
    let project = Project::new("release", "");
    project.bench.write("untracked.txt", "not counted\n");
    let (plan, outputs) = project.works(DIRECTIVE, &[]);
    let head = project.bench.git(&["rev-parse", "HEAD"]);
    let files = project.bench.git(&["ls-tree", "-r", "--name-only", "HEAD"]).lines().count();
    assert_eq!(outputs["count"]["commit"], head);
    assert_eq!(outputs["count"]["files"].to_string().trim_matches('"'), files.to_string());
    let report = project.bench.read("countersign-report.md");
    assert!(report.contains(&format!("Commit `{head}`: {files} files")), "{report}");
    assert!(!report.contains("untracked.txt"), "{report}");
    let sum = stock(&project.bench.repo(), "sha256sum", &["README.md"]);
    assert!(report.contains(&format!("- readme: `sha256:{}`", &sum[..64])), "{report}");
    assert!(report.contains("- licence: `none`"), "{report}");
    project.refuses_a_replay(&plan);
}

#[test]
fn what_ships_passes_the_tools_own_checks() {
    let project = Project::new("release", "");
    project.tool(&["policy", "check"]).exits(0);
    // The one secret that a shipped pipeline asks for is the policy's to list, as docs/pipelines/README.md says.
    let unlisted = project.tool(&["pipelines", "check"]).exits(2).stderr;
    assert!(unlisted.contains("the policy lists no secret `DATABASE_URL`"), "{unlisted}");
    project.policy("secrets: {}", "secrets: {DATABASE_URL: {}}");
    for kind in ["pipelines", "directives"] {
        project.tool(&[kind, "check"]).exits(0);
    }
}

#[test]
fn inventory_does_not_overwrite_a_file_that_is_no_report() {
    if !has("python3") {
        return;
    }
    let project = Project::new("release", "");
    project.bench.write("countersign-report.md", "my own notes\n");
    let (said, plan) = project.failing(DIRECTIVE, &[]);
    assert!(said.contains("is not an older report"), "{said}");
    assert_eq!(project.bench.read("countersign-report.md"), "my own notes\n");
    // The person moves the notes away; only the step that failed runs again.
    std::fs::remove_file(project.bench.path("countersign-report.md")).unwrap();
    let said = project.resumes(&plan);
    assert!(said.contains("started report") && !said.contains("started count"), "{said}");
    assert!(project.bench.read("countersign-report.md").contains("# What is in this repository"));
}
