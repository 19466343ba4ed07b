//! Files that a command line asks for: where they cannot be written, nothing is recorded and nothing runs.

use std::fs;

use super::{
    scene::{approve, plan, refused, runs, solo},
    support::Bench,
};

/// Every command line that writes a file, but for the file.
fn lines<'a>(file: &'a str, digest: &'a str) -> Vec<Vec<&'a str>> {
    vec![
        vec!["plan", "mark", "--out"],
        vec!["plan", "mark", "--junit"],
        vec!["render", file, "--out"],
        vec!["review", file, "--sarif"],
        vec!["approve", file, "--key", "ada", "--digest", digest, "--out"],
        vec!["verify", file, "--svr"],
        vec!["execute", file, "--bundle"],
        vec!["execute", file, "--provenance"],
        vec!["execute", file, "--junit"],
        vec!["execute", file, "--sarif"],
        vec!["execute", file, "--summary"],
        vec!["bundle", file, "--out"],
        vec!["ledger", "export", "--out"],
        vec!["policy", "check", "--summary"],
    ]
}

fn approved() -> (Bench, String, String) {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &mark, &[]).exits(0);
    (bench, mark.file, mark.digest)
}

#[test]
fn what_cannot_be_written_is_refused_before_anything_is_recorded_or_run() {
    let (bench, file, digest) = approved();
    fs::create_dir(bench.outside("folder")).unwrap();
    fs::write(bench.outside("plain"), "").unwrap();
    for line in lines(&file, &digest) {
        for place in ["../nowhere/file", "../folder", "../plain/file", "/dev/full"] {
            let ran = refused(&bench, &[&line[..], &[place]].concat(), 2, "output.unwritable");
            assert!(!ran.stderr.contains("besides"), "{}", ran.stderr);
        }
    }
    assert_eq!(fs::read(bench.outside("plain")).unwrap(), b"");
    // The honest twins: with a file that can be written each of them does its work, and nothing else is left behind.
    for (number, line) in lines(&file, &digest).iter().enumerate().filter(|(_, line)| line[0] != "execute") {
        bench.json(&[&line[..], &[&format!("../folder/{number}")]].concat()).exits(0);
    }
    runs(&bench, &["execute", &file, "--bundle", "../folder/bundle", "--junit", "../folder/junit"]);
    let left = |name: &str| name.starts_with(".countersign-");
    let names = fs::read_dir(bench.outside("folder")).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    assert_eq!(names.len(), lines(&file, &digest).len() - 5 + 2, "{names:?}");
    assert!(!names.iter().any(|name| left(name)), "{names:?}");
}
