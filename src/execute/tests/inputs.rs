//! Steps find what is committed, and what the plan's own steps have written: looked at just before each of them.

use std::fs;

use git2::{IndexAddOption, Repository, Signature, Time};

use super::support::*;
use crate::{
    base::digest::Digest,
    event::{RunStatus, StepStatus},
    execute::RunSetting,
    plan::model::{Action, CommitFiles, CopyFile, PatchFile, Plan, Read, Step},
};

/// A checkout with `src/a` and `docs/b` committed; returns the commit.
fn committed() -> (Bench, String) {
    let bench = Bench::new();
    bench.write("src/a", "honest\n");
    bench.write("docs/b", "honest\n");
    let repository = Repository::init(bench.workspace()).unwrap();
    let mut index = repository.index().unwrap();
    index.add_all(["*"], IndexAddOption::DEFAULT, None).unwrap();
    index.write().unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let who = Signature::new("a", "a@b", &Time::new(1, 0)).unwrap();
    let commit = repository.commit(Some("HEAD"), &who, &who, "first", &tree, &[]).unwrap();
    (bench, commit.to_string())
}

/// The plan of some steps for a commit.
fn plan_at(commit: &str, steps: Vec<Step>) -> Plan {
    let mut plan = plan(steps);
    plan.subject.head_sha = commit.to_owned();
    for step in &mut plan.steps {
        for action in step.actions.iter_mut().chain(&mut step.verify) {
            if let Action::Run(run) = action {
                // As a planner pins what the commit holds; its object is looked up by the commit, not by this.
                run.reads.iter_mut().for_each(|read| read.tree = Some("0".repeat(40)));
            }
        }
    }
    plan
}

fn checking(bench: &Bench) -> RunSetting {
    RunSetting { without_commit: false, ..bench.setting() }
}

#[tokio::test]
async fn what_changed_since_the_plan_was_verified_is_neither_read_nor_written_nor_committed() {
    let path = || "src/a".parse().unwrap();
    let actions = [
        Action::Run(reading(sh("cat src/a"), &["src"])),
        Action::Run(reading(sh("cat src/a"), &["src/a"])),
        Action::Run(reading(sh("cat src/a"), &["."])),
        Action::Run(writing(sh("cat src/a"), &["src"])),
        Action::Copy(CopyFile { from: Read::new(path()), to: "docs/c".parse().unwrap(), replace: true }),
        Action::Patch(PatchFile { path: path(), find: "e".into(), replace: "o".into(), count: 1 }),
        Action::Commit(CommitFiles { paths: vec![path()], message: "evil".into() }),
    ];
    for (n, action) in actions.into_iter().enumerate() {
        let (bench, commit) = committed();
        let one = || plan_at(&commit, vec![acting(step("one", vec![action.clone()]))]);
        bench.write("src/a", "the evil\n");
        let held = bench.run(one(), checking(&bench)).await.step("one");
        assert_eq!((held.status, code(&held)), (StepStatus::Denied, "input.drift"), "{n}");
        assert!(held.actions.is_empty() && !bench.workspace().join("docs/c").exists(), "{n}");
        assert_eq!(bench.read("src/a").as_deref(), Some("the evil\n"), "{n}");
        // Without the comparison, and with what was committed, it is done.
        if !matches!(action, Action::Patch(_)) {
            let free = bench.run(one(), bench.setting()).await.step("one");
            assert_eq!(free.status, StepStatus::Succeeded, "{n}: {}", errors(&free));
        }
        let (bench, commit) = committed();
        if !matches!(action, Action::Commit(_)) {
            let honest = plan_at(&commit, vec![acting(step("one", vec![action.clone()]))]);
            let done = bench.run(honest, checking(&bench)).await.step("one");
            assert_eq!(done.status, StepStatus::Succeeded, "{n}: {}", errors(&done));
        }
    }
}

#[tokio::test]
async fn what_a_step_wrote_is_there_for_those_after_it_and_for_the_run_that_goes_on() {
    let (bench, commit) = committed();
    let write = acting(step("write", vec![Action::Run(writing(sh("echo new > src/a; echo more > src/c"), &["src"]))]));
    let read = after(step("read", vec![Action::Run(reading(sh("cat src/a src/c"), &["src"]))]), &["write"]);
    let made = || plan_at(&commit, vec![write.clone(), read.clone()]);
    let ran = bench.run(made(), checking(&bench)).await;
    assert_eq!(ran.outcome.status, RunStatus::Completed, "{}", errors(&ran.step("read")));
    assert_eq!(output(&ran.step("read")), "new\nmore\n");
    // A run that goes on finds what the first step left; one that begins finds a change that nobody approved.
    let mut setting = checking(&bench);
    setting.finished.insert(id("write"), ran.step("write"));
    assert_eq!(bench.run(made(), setting).await.step("read").status, StepStatus::Succeeded);
    let again = bench.run(made(), checking(&bench)).await.step("write");
    assert_eq!((again.status, code(&again)), (StepStatus::Denied, "input.drift"));
}

#[tokio::test]
async fn what_no_commit_holds_is_listed_and_not_read() {
    let (bench, commit) = committed();
    bench.write("src/strange", "evil\n");
    fs::create_dir(bench.workspace().join("src/folder")).unwrap();
    bench.write("src/folder/x", "evil\n");
    for place in ["src", "."] {
        let script = "ls src; cat src/a; cat src/strange || cat src/folder/x || echo not read";
        let read = plan_at(&commit, vec![step("one", vec![Action::Run(reading(sh(script), &[place]))])]);
        let done = bench.run(read, checking(&bench)).await.step("one");
        assert_eq!(done.status, StepStatus::Succeeded, "{}", errors(&done));
        assert_eq!(output(&done), "a\nfolder\nstrange\nhonest\nnot read\n", "{place}");
    }
    // A file that is named is read where the plan says that no commit holds it.
    let mut named =
        plan_at(&commit, vec![step("one", vec![Action::Run(reading(sh("cat src/strange"), &["src/strange"]))])]);
    if let Action::Run(run) = &mut named.steps[0].actions[0] {
        run.reads = vec![Read::new("src/strange".parse().unwrap())];
    }
    assert_eq!(output(&bench.run(named, checking(&bench)).await.step("one")), "evil\n");
    let mut pinned = plan_at(&commit, vec![step("one", vec![Action::Run(reading(sh("cat src/a"), &["src/a"]))])]);
    if let Action::Run(run) = &mut pinned.steps[0].actions[0] {
        run.reads = vec![Read { digest: Some(Digest::of(b"honest\n")), ..Read::new("src/a".parse().unwrap()) }];
    }
    assert_eq!(output(&bench.run(pinned, checking(&bench)).await.step("one")), "honest\n");
}
