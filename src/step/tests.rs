use std::{fs, os::unix::fs::PermissionsExt as _, os::unix::fs::symlink, path::PathBuf};

use git2::Repository;

use super::{
    Context, Identity, Kind, Work, kind_of, kinds,
    workspace::{Placing, Workspace},
};
use crate::{
    base::{digest::Digest, reason::Result, time::Timestamp},
    plan::model::{Action, CommitFiles, CopyFile, PatchFile, Read, Tag, WriteFile},
};

struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("checkout")).unwrap();
        fs::create_dir(dir.path().join("outside")).unwrap();
        Self { dir }
    }

    fn with_commit() -> Self {
        let bench = Self::new();
        let repository = Repository::init(bench.path("")).unwrap();
        fs::write(bench.path("a.txt"), "1").unwrap();
        let mut index = repository.index().unwrap();
        index.add_path("a.txt".as_ref()).unwrap();
        index.write().unwrap();
        let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
        let who = git2::Signature::new("a", "a@b", &git2::Time::new(1, 0)).unwrap();
        repository.commit(Some("HEAD"), &who, &who, "first", &tree, &[]).unwrap();
        bench
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join("checkout").join(path)
    }

    fn act(&self, action: &Action) -> Result<Option<Digest>> {
        self.act_as(kind_of(action), action)
    }

    fn act_as(&self, kind: &dyn Kind, action: &Action) -> Result<Option<Digest>> {
        let workspace = Workspace::open(&self.path("")).unwrap();
        let identity = Identity::default();
        let context =
            Context { workspace: &workspace, created_at: Timestamp::from_unix(1_700_000_000), identity: &identity };
        match kind.act(action, &context, &mut false)? {
            Work::Done(digest) => Ok(digest),
            Work::Program(_) => unreachable!("no action here runs a program"),
        }
    }

    fn code(&self, action: &Action) -> &'static str {
        self.act(action).unwrap_err().code()
    }
}

fn write(path: &str, content: &str, replace: bool) -> Action {
    Action::Write(WriteFile {
        path: path.parse().unwrap(),
        executable: false,
        content_digest: Digest::of(content.as_bytes()),
        content: content.into(),
        replace,
    })
}

fn patch(path: &str, find: &str, count: u32) -> Action {
    Action::Patch(PatchFile { path: path.parse().unwrap(), find: find.into(), replace: "new".into(), count })
}

fn copy(from: &str, digest: Option<Digest>, to: &str) -> Action {
    let from = Read { path: from.parse().unwrap(), digest, tree: None };
    Action::Copy(CopyFile { from, to: to.parse().unwrap(), replace: false })
}

fn commit(paths: &[&str]) -> Action {
    Action::Commit(CommitFiles { paths: paths.iter().map(|p| p.parse().unwrap()).collect(), message: "m".into() })
}

fn tag(name: &str) -> Action {
    Action::Tag(Tag { name: name.into(), message: "m".into() })
}

#[test]
fn every_file_in_kinds_is_registered_and_every_word_is_unique() {
    let mut words: Vec<&str> = kinds::ALL.iter().map(|kind| kind.word()).collect();
    words.sort_unstable();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/step/kinds");
    let mut files: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "mod")
        .collect();
    files.sort();
    assert_eq!(words, files);
    assert!(kinds::ALL.iter().all(|kind| !kind.summary().is_empty()));
}

#[test]
fn no_kind_reports_an_action_of_another_kind_as_done() {
    let bench = Bench::with_commit();
    let digest = Some(Digest::of(b"1"));
    let actions = [
        write("new.txt", "x", true),
        patch("a.txt", "1", 1),
        copy("a.txt", digest, "b.txt"),
        commit(&["a.txt"]),
        tag("v1"),
    ];
    for kind in kinds::ALL {
        for action in actions.iter().filter(|action| kind_of(action).word() != kind.word()) {
            let refused = bench.act_as(*kind, action).unwrap_err();
            assert_eq!(refused.code(), "internal.error", "{}: {action:?}", kind.word());
        }
    }
}

#[test]
fn a_write_is_whole_and_only_where_the_plan_says() {
    let bench = Bench::new();
    assert_eq!(bench.act(&write("a/b.txt", "x", false)).unwrap(), Some(Digest::of(b"x")));
    assert_eq!(fs::read_to_string(bench.path("a/b.txt")).unwrap(), "x");
    assert_eq!(fs::metadata(bench.path("a/b.txt")).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(bench.code(&write("a/b.txt", "y", false)), "path.exists");
    bench.act(&write("a/b.txt", "y", true)).unwrap();
    assert_eq!(fs::read_dir(bench.path("a")).unwrap().count(), 1, "nothing is left beside it");
    assert_eq!(bench.code(&write("a", "y", true)), "path.kind");
    for protected in [".git/config", ".github/x", "pipelines/x", "a/.git/config"] {
        assert_eq!(bench.code(&write(protected, "y", true)), "path.protected", "{protected}");
    }
    let Action::Write(mut tampered) = write("c.txt", "x", false) else { unreachable!() };
    tampered.content = "y".into();
    assert_eq!(bench.code(&Action::Write(tampered)), "content.drift");
}

#[test]
fn a_write_tells_whether_it_may_have_changed_anything() {
    let bench = Bench::new();
    fs::create_dir(bench.path("held")).unwrap();
    let workspace = Workspace::open(&bench.path("")).unwrap();
    let place = |path: &str, replace| {
        let (placing, mut acted) = (Placing { executable: false, replace }, false);
        let done = workspace.place(&path.parse().unwrap(), b"x", placing, &mut acted).is_ok();
        (done, acted)
    };
    assert_eq!(place("a.txt", false), (true, true));
    assert_eq!(place("a.txt", false), (false, false), "it is there already");
    assert_eq!(place("held", true), (false, false), "it is a folder");
    // A folder lies where its own temporary file goes.
    let temporary = format!(".countersign-{}", &Digest::framed("temporary", ["held/x"]).hex()[..16]);
    fs::create_dir(bench.path("held").join(temporary)).unwrap();
    assert_eq!(place("held/x", true), (false, false));
    assert_eq!(place("new/x", true), (true, true));
}

#[test]
fn c07_no_kind_follows_a_link() {
    let bench = Bench::new();
    let outside = bench.dir.path().join("outside");
    fs::write(outside.join("victim"), "old").unwrap();
    symlink(outside.join("victim"), bench.path("file")).unwrap();
    symlink(&outside, bench.path("folder")).unwrap();
    symlink("../outside", bench.path("relative")).unwrap();
    for path in ["file", "folder/victim", "folder/new", "relative/victim"] {
        for action in [write(path, "x", true), patch(path, "old", 1), copy(path, None, "c")] {
            assert_eq!(bench.code(&action), "path.symlink", "{path}");
        }
    }
    assert_eq!(fs::read_to_string(outside.join("victim")).unwrap(), "old");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

#[test]
fn c08_what_is_no_plain_file_is_refused_without_waiting_for_it() {
    let bench = Bench::new();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        bench.path("fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    assert_eq!(bench.code(&copy("fifo", None, "c")), "path.kind");
    assert_eq!(bench.code(&write("fifo", "x", true)), "path.kind");
}

#[test]
fn c22_a_copy_is_of_the_approved_file() {
    let bench = Bench::new();
    fs::write(bench.path("a"), "x").unwrap();
    fs::set_permissions(bench.path("a"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(bench.code(&copy("a", Some(Digest::of(b"y")), "b")), "input.drift");
    bench.act(&copy("a", Some(Digest::of(b"x")), "b")).unwrap();
    assert_eq!(fs::metadata(bench.path("b")).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(bench.code(&copy("none", None, "c")), "path.missing");
}

#[test]
fn a_patch_fits_exactly_or_not_at_all() {
    let bench = Bench::new();
    fs::write(bench.path("a"), "old old\n").unwrap();
    for (find, count) in [("old", 1), ("old", 3), ("none", 1), ("", 8)] {
        assert_eq!(bench.code(&patch("a", find, count)), "patch.mismatch", "{find} {count}");
    }
    bench.act(&patch("a", "old", 2)).unwrap();
    assert_eq!(fs::read_to_string(bench.path("a")).unwrap(), "new new\n");
    fs::write(bench.path("a"), b"old\xff").unwrap();
    assert_eq!(bench.code(&patch("a", "old", 1)), "patch.mismatch");
}

#[test]
fn a_commit_holds_the_named_files_runs_no_hook_and_comes_out_the_same() {
    let made = || {
        let bench = Bench::with_commit();
        fs::create_dir_all(bench.path(".git/hooks")).unwrap();
        let hook = bench.path(".git/hooks/pre-commit");
        fs::write(&hook, "#!/bin/sh\ntouch ran; exit 1\n").unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(bench.path("a.txt"), "2").unwrap();
        fs::write(bench.path("other.txt"), "no").unwrap();
        fs::create_dir(bench.path("d")).unwrap();
        fs::write(bench.path("d/new.txt"), "3").unwrap();
        let digest = bench.act(&commit(&["a.txt", "d/new.txt"])).unwrap();
        (bench, digest)
    };
    let (bench, digest) = made();
    assert_eq!(made().1, digest);
    let repository = Repository::open(bench.path("")).unwrap();
    let head = repository.head().unwrap().peel_to_commit().unwrap();
    assert_eq!((head.parent_count(), head.message().unwrap()), (1, "m"));
    assert_eq!(head.author().to_string(), "countersign <countersign@localhost>");
    assert_eq!(head.time().seconds(), 1_700_000_000);
    let tree = head.tree().unwrap();
    assert!(tree.get_path("d/new.txt".as_ref()).is_ok() && tree.get_name("other.txt").is_none());
    let dirty: Vec<_> = repository.statuses(None).unwrap().iter().map(|s| s.path().unwrap().to_owned()).collect();
    assert_eq!(dirty, ["other.txt"]);
    assert!(!bench.path("ran").exists());
    assert_eq!(bench.code(&commit(&["a.txt"])), "commit.empty");
    assert_eq!(bench.code(&commit(&["none.txt"])), "path.missing");
    assert_eq!(bench.code(&commit(&[".github/x"])), "path.protected");
    fs::remove_file(bench.path("a.txt")).unwrap();
    bench.act(&commit(&["a.txt"])).unwrap();
    let head = repository.head().unwrap().peel_to_commit().unwrap();
    assert!(head.tree().unwrap().get_name("a.txt").is_none());
}

#[test]
fn a_commit_moves_a_detached_head_and_no_branch() {
    let bench = Bench::with_commit();
    let repository = Repository::open(bench.path("")).unwrap();
    let first = repository.head().unwrap().peel_to_commit().unwrap().id();
    let branch = repository.head().unwrap().name().unwrap().to_owned();
    repository.set_head_detached(first).unwrap();
    fs::write(bench.path("a.txt"), "2").unwrap();
    bench.act(&commit(&["a.txt"])).unwrap();
    assert_ne!(repository.head().unwrap().target(), Some(first));
    assert_eq!(repository.find_reference(&branch).unwrap().target(), Some(first));
}

#[test]
fn a_tag_is_annotated_and_never_moved() {
    let bench = Bench::with_commit();
    bench.act(&tag("v1.0.0")).unwrap();
    let repository = Repository::open(bench.path("")).unwrap();
    let found = repository.find_reference("refs/tags/v1.0.0").unwrap().peel_to_tag().unwrap();
    assert_eq!((found.message().unwrap(), found.tagger().unwrap().when().seconds()), (Some("m"), 1_700_000_000));
    assert_eq!(bench.code(&tag("v1.0.0")), "tag.exists");
    for bad in ["-d", "a..b", "a b", "x.lock", ""] {
        assert_eq!(bench.code(&tag(bad)), "tag.name", "{bad}");
    }
}

#[test]
fn a_reference_that_somebody_holds_is_told_from_one_that_moved_and_nothing_is_staged() {
    let bench = Bench::with_commit();
    let repository = Repository::open(bench.path("")).unwrap();
    let branch = repository.head().unwrap().name().unwrap().to_owned();
    let first = repository.refname_to_id(&branch).unwrap();
    let index = fs::read(bench.path(".git/index")).unwrap();
    fs::write(bench.path("a.txt"), "2").unwrap();
    fs::write(bench.path(&format!(".git/{branch}.lock")), "").unwrap();
    assert_eq!(bench.code(&commit(&["a.txt"])), "git.locked");
    assert_eq!(repository.refname_to_id(&branch).unwrap(), first);
    assert_eq!(fs::read(bench.path(".git/index")).unwrap(), index);
    fs::write(bench.path(".git/refs/tags/v1.lock"), "").unwrap();
    assert_eq!(bench.code(&tag("v1")), "git.locked");
}
