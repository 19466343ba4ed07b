//! What the README and the guide tell people to type is run here, as it stands there.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use crate::support::{Bench, Ran, ran};

/// The shell blocks below a heading, each with the word after `sh`: the person who types it.
fn blocks(document: &str, heading: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).unwrap();
    let (_, below) = text.split_once(&format!("\n## {heading}\n")).expect("the heading is there");
    let below = below.split("\n## ").next().unwrap();
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in below.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) if info == "sh" || info.starts_with("sh ") => {
                open = Some((info[2..].trim().to_owned(), String::new()));
            }
            (None, Some(_)) => open = Some(("-".to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take().filter(|(person, _)| person != "-")),
            (Some((_, block)), None) => *block = format!("{block}{line}\n"),
            (None, None) => {}
        }
    }
    blocks
}

/// Runs a block with the built tool first in the search path.
fn shell(bench: &Bench, folder: &Path, block: &str) -> Ran {
    let programs = bench.outside("programs");
    fs::create_dir_all(&programs).unwrap();
    let link = programs.join("countersign");
    if !link.exists() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_countersign"), &link).unwrap();
    }
    let home = bench.home();
    fs::create_dir_all(home.join(".ssh")).unwrap();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
    let person = bench.person.get();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-eu", "-c", block])
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .env("HOME", &home)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", person)
        .env("GIT_AUTHOR_EMAIL", format!("{person}@example.com"))
        .env("GIT_COMMITTER_NAME", person)
        .env("GIT_COMMITTER_EMAIL", format!("{person}@example.com"))
        .output()
        .unwrap();
    ran(output)
}

#[test]
fn the_quick_start_of_the_readme_runs() {
    let bench = Bench::new(&[]);
    let blocks = blocks("README.md", "Quick start in your own repository");
    assert!(blocks.len() >= 3, "{blocks:?}");
    for (_, block) in &blocks {
        shell(&bench, &bench.repo(), block).exits(0);
    }
    assert!(bench.path("countersign-report.md").exists());
    assert!(bench.path("bundle.json").exists());
}

#[test]
fn the_guide_for_two_people_runs_in_two_clones() {
    let bench = Bench::new(&[]);
    let origin = bench.outside("origin.git");
    let clone = |to: &Path| {
        bench.git(&["clone", "-q", "--bare", ".", origin.to_str().unwrap()]);
        bench.git(&["clone", "-q", origin.to_str().unwrap(), to.to_str().unwrap()]);
    };
    let (ada, bob) = (bench.outside("ada"), bench.outside("bob"));
    clone(&ada);
    bench.git(&["clone", "-q", origin.to_str().unwrap(), bob.to_str().unwrap()]);
    let blocks = blocks("docs/guide.md", "Step by step");
    assert!(blocks.len() >= 8, "{blocks:?}");
    for (person, block) in &blocks {
        let (name, folder) = match person.as_str() {
            "ada" => ("ada", &ada),
            "bob" => ("bob", &bob),
            other => panic!("`{other}` takes no part in the guide"),
        };
        bench.person.set(name);
        shell(&bench, folder, block).exits(0);
    }
    assert!(ada.join("countersign-report.md").exists());
    assert!(bench.outside("bundle.json").exists());
}
