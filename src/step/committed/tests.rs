use std::{fs, os::unix::fs::symlink};

use git2::{Repository, Signature};

use super::*;

/// A checkout of one commit.
struct Bench {
    folder: tempfile::TempDir,
    commit: Committed,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for (path, content) in [("a", "1"), ("src/b", "2"), ("src/in/c", "3"), ("other/d", "4")] {
            fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            fs::write(at(path), content).unwrap();
        }
        symlink("../a", at("src/link")).unwrap();
        let sum = Digest::of(b"the real content");
        let pointer = format!("version https://git-lfs.github.com/spec/v1\noid {sum}\nsize 16\n");
        fs::write(at("other/large"), pointer).unwrap();
        let repository = Repository::init(folder.path()).unwrap();
        let mut index = repository.index().unwrap();
        index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
        index.write().unwrap();
        let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
        let who = Signature::new("a", "a@b", &git2::Time::new(1, 0)).unwrap();
        let commit = repository.commit(Some("HEAD"), &who, &who, "first", &tree, &[]).unwrap();
        let commit = Committed::new(folder.path().to_owned(), commit.to_string());
        Self { folder, commit }
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn compare(&self, path: &str, written: &[&str], state: &[&str]) -> Result<Found> {
        let paths = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<RepoPath>>();
        let workspace = Workspace::open(self.folder.path()).unwrap();
        let (written, state) = (paths(written), paths(state));
        self.commit.compare(&workspace, &path.parse().unwrap(), Apart { written: &written, state: &state })
    }

    #[track_caller]
    fn changed(&self, path: &str, expected: &[&str]) {
        assert_eq!(self.compare(path, &[], &[]).unwrap().changed, expected);
    }

    #[track_caller]
    fn parts(&self, path: &str, state: &[&str], expected: &[&str], strange: &[&str]) {
        let found = self.compare(path, &[], state).unwrap();
        let Readable::Parts(parts) = found.readable else { panic!("all of it") };
        assert_eq!(parts.iter().map(|part| part.to_str().unwrap()).collect::<Vec<_>>(), expected);
        assert_eq!((found.strange, found.changed), (strange.iter().map(|s| (*s).to_owned()).collect(), Vec::new()));
    }
}

#[test]
fn what_is_as_committed_is_readable_whole() {
    let bench = Bench::new();
    for path in ["a", "src", "src/in", "other/d", "src/b", ".git", "nowhere"] {
        assert_eq!(bench.compare(path, &[], &[]).unwrap(), Found::default(), "{path}");
    }
    bench.parts(".", &[], &["a", "other", "src"], &[]);
}

#[test]
fn every_difference_is_seen_wherever_it_is_looked_for() {
    let bench = Bench::new();
    bench.write("src/in/c", "4");
    for path in [".", "src", "src/in", "src/in/c"] {
        bench.changed(path, &["src/in/c"]);
    }
    bench.changed("other", &[]);
    fs::remove_file(bench.folder.path().join("src/in/c")).unwrap();
    bench.changed("src", &["src/in/c"]);
    bench.changed("src/in/c", &["src/in/c"]);
    bench.write("src/in/c", "3");
    bench.changed("src", &[]);
    for path in ["src/link", "src/b"] {
        fs::remove_file(bench.folder.path().join(path)).unwrap();
        symlink("../other/d", bench.folder.path().join(path)).unwrap();
    }
    bench.changed("src", &["src/b", "src/link"]);
    fs::remove_file(bench.folder.path().join("src/b")).unwrap();
    fs::create_dir(bench.folder.path().join("src/b")).unwrap();
    bench.changed("src", &["src/b", "src/link"]);
}

#[test]
fn what_a_step_may_have_written_is_not_compared() {
    let bench = Bench::new();
    bench.write("src/in/c", "other");
    bench.write("src/in/new", "other");
    fs::remove_file(bench.folder.path().join("src/b")).unwrap();
    let found = bench.compare("src", &["src/in", "src/b"], &[]).unwrap();
    assert_eq!((found.changed, found.strange, found.readable), (vec![], vec![], Readable::Whole));
}

#[test]
fn what_no_commit_holds_is_left_out_but_for_state() {
    let bench = Bench::new();
    bench.write("src/new", "x");
    bench.write("src/deps/x/y", "x");
    bench.parts("src", &[], &["src/b", "src/in", "src/link"], &["src/deps", "src/new"]);
    bench.parts(".", &["src/new"], &["a", "other", "src/b", "src/in", "src/link", "src/new"], &["src/deps"]);
    bench.parts("src", &["src/deps/x/z"], &["src/b", "src/in", "src/link"], &["src/deps/x/y", "src/new"]);
    bench.parts("src", &["src/deps/x/y"], &["src/b", "src/deps", "src/in", "src/link"], &["src/new"]);
    assert_eq!(bench.compare("src", &[], &["src"]).unwrap(), Found::default());
    assert_eq!(bench.compare("src/new", &[], &[]).unwrap_err().code(), "input.uncommitted");
    assert_eq!(bench.compare("src/new", &[], &["src/new"]).unwrap(), Found::default());
}

#[test]
fn another_name_of_something_is_refused() {
    let bench = Bench::new();
    symlink("/somewhere/else", bench.folder.path().join("src/out")).unwrap();
    bench.parts("src", &[], &["src/b", "src/in", "src/link"], &["src/out"]);
    symlink("b", bench.folder.path().join("src/b2")).unwrap();
    assert_eq!(bench.compare("src", &[], &[]).unwrap_err().code(), "input.uncommitted");
    fs::remove_file(bench.folder.path().join("src/b2")).unwrap();
    symlink(bench.folder.path().canonicalize().unwrap().join("a"), bench.folder.path().join("src/b2")).unwrap();
    assert_eq!(bench.compare(".", &[], &[]).unwrap_err().code(), "input.uncommitted");
    fs::remove_file(bench.folder.path().join("src/b2")).unwrap();
    fs::hard_link(bench.folder.path().join("a"), bench.folder.path().join("src/b2")).unwrap();
    assert_eq!(bench.compare("src", &[], &[]).unwrap_err().code(), "input.uncommitted");
}

#[test]
fn a_file_that_is_stored_elsewhere_is_the_one_that_its_pointer_names() {
    let bench = Bench::new();
    bench.changed("other", &[]);
    bench.write("other/large", "the real content");
    bench.changed("other", &[]);
    bench.write("other/large", "the evil content");
    bench.changed("other", &["other/large"]);
}

#[test]
fn too_many_places_beside_what_is_left_out_are_refused() {
    let bench = Bench::new();
    let names: Vec<String> = (0..=MAX_PARTS).map(|n| format!("src/state-{n}")).collect();
    names.iter().for_each(|name| bench.write(name, "x"));
    bench.write("src/strange", "x");
    let state: Vec<&str> = names.iter().map(String::as_str).collect();
    let refusal = bench.compare("src", &[], &state).unwrap_err();
    assert_eq!(refusal.code(), "input.uncommitted");
    assert!(refusal.message().contains("`src/strange`"), "{}", refusal.message());
}

#[test]
fn what_no_plan_can_name_is_compared_and_read_like_anything_else() {
    let bench = Bench::new();
    for path in ["src/\u{fc}n\u{ef}/x", "src/tail.", "src/a:b"] {
        bench.write(path, "x");
    }
    let repository = Repository::open(bench.folder.path()).unwrap();
    let mut index = repository.index().unwrap();
    index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let who = Signature::new("a", "a@b", &git2::Time::new(1, 0)).unwrap();
    let commit = repository.commit(None, &who, &who, "more", &tree, &[]).unwrap();
    let bench = Bench { commit: Committed::new(bench.folder.path().to_owned(), commit.to_string()), ..bench };
    assert_eq!(bench.compare("src", &[], &[]).unwrap(), Found::default());
    bench.write("src/\u{fc}n\u{ef}/x", "y");
    bench.write("src/a:b", "y");
    bench.changed("src", &["src/a:b", "src/\u{fc}n\u{ef}/x"]);
    bench.write("src/\u{fc}n\u{ef}/x", "x");
    bench.write("src/a:b", "x");
    bench.write("src/\u{fc}n\u{ef}/strange", "x");
    let parts = ["src/a:b", "src/b", "src/in", "src/link", "src/tail.", "src/\u{fc}n\u{ef}/x"];
    bench.parts("src", &[], &parts, &["src/\u{fc}n\u{ef}/strange"]);
}
