//! Attacks through the checkout: what steps read is what is committed, whatever git's index and settings say of it.

use std::{fs, os::unix::fs::symlink};

use crate::{
    pipelines_support::{Approved, Project, has, sqlite, stock},
    scene,
};

const SQLITE: &str = "directives/database-migration.md";
const EVIL: &str = "CREATE TABLE evil(id INTEGER);\n";

/// Refuses a plan that was approved before something was done to the checkout, and leaves its approval for later.
#[track_caller]
fn refused(project: &Project, plan: &Approved, reason: &str) {
    let before = project.bench.git(&["rev-parse", "countersign/ledger"]);
    let named = plan.file.to_str().unwrap();
    for command in ["verify", "execute"] {
        let ran = project.tool(&[command, named, "--json"]);
        assert_eq!(ran.json()["reasonCode"], reason, "{command}: {}", ran.stdout);
        assert!(ran.code != 0 && !ran.stderr.contains("started "), "{}", ran.stderr);
    }
    assert!(!project.bench.path("data/app.db").exists());
    assert_eq!(project.bench.git(&["rev-parse", "countersign/ledger"]), before, "nothing was claimed");
}

#[test]
fn files_that_git_was_told_not_to_look_at_are_compared_all_the_same() {
    let Some(project) = sqlite() else { return };
    let plan = project.approved(SQLITE, &["target=0002"]);
    let file = "migrations/0002_create_orders.sql";
    let honest = project.bench.read(file);
    for flag in ["--assume-unchanged", "--skip-worktree"] {
        project.bench.git(&["update-index", flag, file]);
        project.bench.write(file, format!("{honest}{EVIL}"));
        refused(&project, &plan, "subject.workspace_dirty");
        fs::remove_file(project.bench.path(file)).unwrap();
        refused(&project, &plan, "subject.workspace_dirty");
        project.bench.write(file, &honest);
        project.bench.git(&["update-index", &flag.replacen("--", "--no-", 1), file]);
    }
    project.execute(&plan).exits(0);
}

#[test]
fn settings_by_which_git_looks_at_less_hide_nothing() {
    let Some(project) = sqlite() else { return };
    let plan = project.approved(SQLITE, &["target=0002"]);
    let file = project.bench.path("migrations/0002_create_orders.sql");
    let (honest, times) = (fs::read_to_string(&file).unwrap(), fs::metadata(&file).unwrap());
    for (key, value) in [("core.checkStat", "minimal"), ("core.trustctime", "false"), ("core.fileMode", "false")] {
        project.bench.git(&["config", key, value]);
    }
    project.bench.git(&["update-index", "--refresh"]);
    let put = |content: &str| {
        fs::write(&file, content).unwrap();
        let handle = fs::File::options().write(true).open(&file).unwrap();
        handle.set_modified(times.modified().unwrap()).unwrap();
    };
    let evil = honest.replacen("CREATE", "create", 1);
    assert_eq!(evil.len(), honest.len());
    put(&evil);
    refused(&project, &plan, "subject.workspace_dirty");
    put(&honest);
    stock(&project.bench.repo(), "chmod", &["755", file.to_str().unwrap()]);
    refused(&project, &plan, "subject.workspace_dirty");
    stock(&project.bench.repo(), "chmod", &["644", file.to_str().unwrap()]);
    project.execute(&plan).exits(0);
}

#[test]
fn c05_a_setting_by_which_git_would_run_a_program_stops_a_step_that_reads_gits_folder() {
    if !has("python3") {
        return;
    }
    let project = Project::new("release", "");
    let plan = project.approved("directives/inventory.md", &[]);
    let trace = project.bench.outside("trace");
    let smudge = format!("id > {}; cat", trace.display());
    let before = project.bench.git(&["rev-parse", "countersign/ledger"]);
    let attributes = project.bench.path(".git/info/attributes");
    let evil = |what: &str| {
        let ran = project.tool(&["execute", plan.file.to_str().unwrap(), "--json"]);
        assert_eq!(ran.json()["reasonCode"], "subject.git_settings", "{what}: {}", ran.stdout);
        assert!(ran.stdout.contains("may run a program"), "{what}: {}", ran.stdout);
        assert!(!trace.exists());
        assert_eq!(project.bench.git(&["rev-parse", "countersign/ledger"]), before, "nothing was claimed");
    };
    fs::create_dir_all(attributes.parent().unwrap()).unwrap();
    fs::write(&attributes, "* filter=e\n").unwrap();
    evil("attributes that no commit holds");
    fs::remove_file(&attributes).unwrap();
    project.bench.git(&["config", "filter.e.smudge", &smudge]);
    evil("a filter");
    project.bench.git(&["config", "--unset", "filter.e.smudge"]);
    project.bench.git(&["config", "include.path", "more"]);
    evil("settings from elsewhere");
    project.bench.git(&["config", "--unset", "include.path"]);
    let submodule = project.bench.path(".git/modules/some/lib");
    fs::create_dir_all(submodule.join("info")).unwrap();
    fs::write(submodule.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    let plain = "[core]\n\tbare = false\n\tworktree = ../../../../lib\n[remote \"origin\"]\n\turl = ../lib\n";
    fs::write(submodule.join("config"), format!("{plain}[filter \"e\"]\n\tsmudge = {smudge}\n")).unwrap();
    evil("a filter of a submodule");
    fs::write(submodule.join("config"), plain).unwrap();
    fs::write(submodule.join("info/attributes"), "* filter=e\n").unwrap();
    evil("attributes of a submodule");
    fs::remove_file(submodule.join("info/attributes")).unwrap();
    std::os::unix::fs::symlink("/tmp", project.bench.path(".git/modules/more")).unwrap();
    evil("a submodule elsewhere");
    fs::remove_file(project.bench.path(".git/modules/more")).unwrap();
    // A name without a value is git's short form of `true`.
    let config = fs::read_to_string(project.bench.path(".git/config")).unwrap();
    fs::write(project.bench.path(".git/config"), format!("{config}[advice]\n\tdetachedHead\n")).unwrap();
    // What a runner and Git LFS set is no hindrance.
    project.bench.git(&["config", "credential.interactive", "never"]);
    project.bench.git(&["config", "filter.lfs.smudge", "git-lfs smudge -- %f"]);
    project.execute(&plan).exits(0);
}

#[test]
fn e08_a_damaged_object_of_the_checkout_is_refused_and_not_waited_for() {
    let bench = scene::solo();
    let named = bench.git(&["ls-tree", "-r", "--name-only", "HEAD", "directives"]);
    let directive = named.lines().next().unwrap();
    let plan = scene::plan(&bench, directive.strip_prefix("directives/").unwrap().strip_suffix(".md").unwrap(), &[]);
    for what in ["HEAD", "HEAD^{tree}", "HEAD:directives", &format!("HEAD:{directive}"), "HEAD:.countersign/policy.yml"]
    {
        let id = bench.git(&["rev-parse", what]);
        let object = bench.path(&format!(".git/objects/{}/{}", &id[..2], &id[2..]));
        let whole = fs::read(&object).unwrap();
        fs::remove_file(&object).unwrap();
        for length in [whole.len() - 1, whole.len() - 5, whole.len() / 2, 3, 0] {
            fs::write(&object, &whole[..length]).unwrap();
            for line in [&["verify", &plan.file][..], &["execute", &plan.file], &["plan", "directives/none.md"]] {
                let ran = scene::refused(&bench, line, 1, "repository.unreadable");
                assert!(ran.stdout.contains("git fsck"), "{}", ran.stdout);
            }
        }
        fs::write(&object, whole).unwrap();
    }
    assert_ne!(bench.json(&["verify", &plan.file]).json()["reasonCode"], "repository.unreadable");
}

#[test]
fn a_file_that_no_commit_holds_is_read_by_no_step() {
    let Some(project) = sqlite() else { return };
    project.works(SQLITE, &["target=0001"]);
    let plan = project.approved(SQLITE, &["target=0002"]);
    project.bench.write("migrations/0002_more.sql", EVIL);
    let verified = project.tool(&["verify", plan.file.to_str().unwrap()]).exits(0);
    assert!(verified.stdout.contains("no step can read `migrations/0002_more.sql`"), "{}", verified.stdout);
    // Ignored or not makes no difference: whoever can write `.git/info/exclude` can ignore.
    project.bench.write(".git/info/exclude", "migrations/0002_more.sql\n");
    let ran = project.execute(&plan).exits(7);
    assert!(ran.stderr.contains("Permission denied: 'migrations/0002_more.sql'"), "{}", ran.stderr);
    let tables = stock(&project.bench.repo(), "sqlite3", &["data/app.db", ".tables"]);
    assert!(!tables.contains("evil") && !tables.contains("orders"), "{tables}");
    fs::remove_file(project.bench.path("migrations/0002_more.sql")).unwrap();
    project.resumes(&plan);
}

#[test]
fn what_is_committed_is_not_read_under_another_name() {
    let Some(project) = sqlite() else { return };
    project.bench.write("tests/drop.sql", EVIL);
    project.bench.commit("test: what is to be dropped");
    let plan = project.approved(SQLITE, &["target=0002"]);
    let name = project.bench.path("migrations/0002_more.sql");
    symlink("../tests/drop.sql", &name).unwrap();
    refused(&project, &plan, "input.uncommitted");
    fs::remove_file(&name).unwrap();
    fs::hard_link(project.bench.path("tests/drop.sql"), &name).unwrap();
    refused(&project, &plan, "input.uncommitted");
    fs::remove_file(&name).unwrap();
    project.execute(&plan).exits(0);
}

#[test]
fn another_repository_inside_is_read_by_no_step() {
    let Some(project) = sqlite() else { return };
    let other = project.bench.outside("other");
    fs::create_dir(&other).unwrap();
    stock(&other, "git", &["init", "-q"]);
    fs::write(other.join("0002_vendored.sql"), EVIL).unwrap();
    stock(&other, "git", &["add", "."]);
    let who = ["-c", "user.name=o", "-c", "user.email=o@example.org"];
    stock(&other, "git", &[&who[..], &["commit", "-qm", "one"]].concat());
    let add =
        ["-c", "protocol.file.allow=always", "submodule", "add", "-q", other.to_str().unwrap(), "migrations/vendor"];
    project.bench.git(&add);
    project.bench.commit("feat: a repository inside");
    let plan = project.approved(SQLITE, &["target=0002"]);
    let verified = project.tool(&["verify", plan.file.to_str().unwrap()]).exits(0);
    assert!(verified.stdout.contains("no step can read `migrations/vendor`"), "{}", verified.stdout);
}

#[test]
fn the_view_says_which_tree_of_a_folder_is_read() {
    let Some(project) = sqlite() else { return };
    let plan = project.approved(SQLITE, &["target=0002"]);
    let tree = project.bench.git(&["rev-parse", "HEAD:migrations"]);
    let shown = project.tool(&["render", plan.file.to_str().unwrap()]).exits(0).stdout;
    assert!(shown.contains(&format!("migrations, what is committed there: tree {}", tree.trim())), "{shown}");
}

#[test]
fn a_linked_worktree_is_refused_to_a_step_that_reads_gits_folder_before_anything_is_claimed() {
    if !has("python3") {
        return;
    }
    let project = Project::new("release", "");
    let plan = project.approved("directives/inventory.md", &[]);
    let linked = project.bench.outside("linked");
    let linked = linked.to_str().unwrap();
    project.bench.git(&["worktree", "add", "-q", "--detach", linked, "HEAD"]);
    let before = project.bench.git(&["rev-parse", "countersign/ledger"]);
    for command in ["verify", "execute"] {
        let ran = project.tool(&["-C", linked, command, plan.file.to_str().unwrap(), "--json"]);
        assert_eq!(ran.json()["reasonCode"], "git.failed", "{command}: {}", ran.stdout);
        assert!(ran.stdout.contains("main checkout"), "{command}: {}", ran.stdout);
    }
    assert_eq!(project.bench.git(&["rev-parse", "countersign/ledger"]), before, "nothing was claimed");
}
