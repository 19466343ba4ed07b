//! Files that a command line asks for: where they cannot be written, nothing is recorded and nothing runs.

use std::fs;

use super::{
    scene::{approve, note, plan, real_solo, refused, runs, solo},
    support::Bench,
};

/// A command line that writes a file, but for the file.
struct Line<'a> {
    words: Vec<&'a str>,
    /// Whether it does its work on the bench, where there is no forge, nobody is asked, and one plan runs once.
    works: bool,
}

/// Every command line that writes a file, but for the file.
fn lines<'a>(file: &'a str, digest: &'a str) -> Vec<Line<'a>> {
    let own = [
        vec!["plan", "mark", "--out"],
        vec!["render", file, "--out"],
        vec!["approve", file, "--key", "ada", "--digest", digest, "--out"],
        vec!["verify", file, "--svr"],
        vec!["bundle", file, "--out"],
        vec!["ledger", "export", "--out"],
        vec!["ledger", "checkpoint", "--out"],
        vec!["keys", "generate", "eve", "--out"],
    ];
    let idle = [
        vec!["plan", "mark", "--record"],
        vec!["review", file, "--record"],
        vec!["execute", file, "--bundle"],
        vec!["execute", file, "--provenance"],
        vec!["execute", file, "--csv"],
        vec!["fetch", "1700", "--digest", digest, "--out"],
    ];
    let reported = [
        (vec!["plan", "mark"], true),
        (vec!["review", file], true),
        (vec!["verify", file], true),
        (vec!["directives", "check"], true),
        (vec!["pipelines", "check"], true),
        (vec!["policy", "check"], true),
        // What it finds is of the machine.
        (vec!["doctor"], false),
        (vec!["execute", file], false),
    ];
    let reports = reported.into_iter().flat_map(|(words, works)| {
        ["--junit", "--sarif", "--summary"].map(|option| Line { words: [&words[..], &[option]].concat(), works })
    });
    let own = own.into_iter().map(|words| Line { words, works: true });
    own.chain(idle.into_iter().map(|words| Line { words, works: false })).chain(reports).collect()
}

/// Options that name a file to be read.
const INPUTS: [&str; 9] =
    ["--against", "--answer", "--event", "--jwks", "--public-key", "--replay", "--ssh", "--text", "verify --bundle"];

/// The options below a command that name a file to be written, each behind the words of its command.
fn written(command: &clap::Command, words: &str) -> Vec<String> {
    let named = |arg: &&clap::Arg| arg.get_value_names().is_some_and(|names| names == ["FILE"]);
    let options = command.get_arguments().filter(named).filter_map(|arg| Some(format!("--{}", arg.get_long()?)));
    let own = options
        // Of every command; `events.rs` has it.
        .filter(|option| option != "--events" && !INPUTS.contains(&option.as_str()))
        .map(|option| format!("{words} {option}").trim_start().to_owned())
        .filter(|option| !INPUTS.contains(&option.as_str()));
    let below = command.get_subcommands().flat_map(|sub| written(sub, &format!("{words} {}", sub.get_name())));
    own.chain(below).map(|option| option.trim_start().to_owned()).collect()
}

#[test]
fn every_option_that_names_a_file_to_be_written_is_looked_at_here() {
    let command = <countersign::cli::Args as clap::CommandFactory>::command();
    let mut known = written(&command, "");
    let mut here: Vec<String> = lines("file", "digest")
        .iter()
        .map(|line| {
            let nested = ["directives", "keys", "ledger", "pipelines", "policy"].contains(&line.words[0]);
            let command = &line.words[..if nested { 2 } else { 1 }];
            [command, &line.words[line.words.len() - 1..]].concat().join(" ")
        })
        .collect();
    known.sort();
    here.sort();
    assert_eq!(known, here);
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
    let long = format!("../{}", "x".repeat(256));
    let places =
        ["../nowhere/file", "../folder", "../plain/file", "/dev/full", "/dev/countersign", "/proc/x", "../new/"];
    for Line { words, .. } in lines(&file, &digest) {
        for place in places.into_iter().chain([long.as_str()]) {
            let ran = refused(&bench, &[&words[..], &[place]].concat(), 2, "output.unwritable");
            assert!(!ran.stderr.contains("besides"), "{}", ran.stderr);
        }
    }
    assert_eq!(fs::read(bench.outside("plain")).unwrap(), b"");
    // The honest twins: with a file that can be written each of them does its work, and nothing else is left behind.
    let works = lines(&file, &digest).into_iter().filter(|line| line.works).enumerate();
    let number = works.map(|(number, line)| {
        bench.json(&[&line.words[..], &[&format!("../folder/{number}")]].concat()).exits(0);
    });
    let number = number.count();
    runs(&bench, &["execute", &file, "--bundle", "../folder/bundle", "--junit", "../folder/junit"]);
    let left = |name: &str| name.starts_with(".countersign-");
    let names = fs::read_dir(bench.outside("folder")).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    assert_eq!(names.len(), number + 2, "{names:?}");
    assert!(!names.iter().any(|name| left(name)), "{names:?}");
}

/// What is said of two outputs on one file.
const ONE: &str = "name one file: ";
/// What is said of an output on what the command reads.
const READ: &str = "names a file that the command reads: ";

/// Lines that would write one file twice, or over what they read, and what is said; `~` stands for the plan's file.
const TWICE: [(&[&str], &str); 14] = [
    (&["execute", "~", "--bundle", "../x", "--csv", "../x"], ONE),
    (&["execute", "~", "--bundle", "../x", "--csv", "../folder/../x"], ONE),
    (&["execute", "~", "--bundle", "../x", "--csv", "../folder/link"], ONE),
    (&["execute", "~", "--provenance", "../x", "--junit", "./../x"], ONE),
    (&["execute", "~", "--bundle", "../x", "--events", "../x"], ONE),
    (&["execute", "~", "--bundle", "~"], READ),
    (&["execute", "~", "--csv", "../folder/plan"], READ),
    (&["render", "~", "--out", "~"], READ),
    (&["plan", "directives/mark.md", "--out", "./directives/mark.md"], READ),
    (&["plan", "mark", "--replay", "../x", "--out", "../x"], READ),
    (&["review", "~", "--replay", "../x", "--summary", "../x"], READ),
    (&["review", "~", "--answer", "../x", "--junit", "../x"], READ),
    (&["note", "~", "--text", "../x", "--events", "../x"], READ),
    (&["ledger", "verify", "--against", "../x", "--events", "../x"], READ),
];

#[test]
fn two_outputs_on_one_file_and_an_output_on_what_is_read_are_refused_before_anything_runs() {
    let (bench, file, _) = approved();
    fs::create_dir(bench.outside("folder")).unwrap();
    std::os::unix::fs::symlink(bench.outside("x"), bench.outside("folder/link")).unwrap();
    std::os::unix::fs::symlink(bench.repo().join(&file), bench.outside("folder/plan")).unwrap();
    fs::write(bench.outside("x"), "before").unwrap();
    let plan = fs::read(bench.repo().join(&file)).unwrap();
    for (line, said) in TWICE {
        let line: Vec<&str> = line.iter().map(|word| if *word == "~" { &file } else { *word }).collect();
        let ran = refused(&bench, &line, 2, "usage.invalid");
        assert!(ran.stderr.contains(said), "{line:?}: {}", ran.stderr);
    }
    assert_eq!(fs::read(bench.outside("x")).unwrap(), b"before");
    assert_eq!(fs::read(bench.repo().join(&file)).unwrap(), plan);
    // The honest twin: a file for each.
    runs(&bench, &["execute", &file, "--bundle", "../x", "--csv", "../y", "--events", "../z"]);
}

/// Lines that would write where people and git write what may run, and the folder that is named.
const KEPT: [(&[&str], &str); 11] = [
    (&["directives", "check", "--summary", "directives/mark.md"], "directives"),
    (&["directives", "check", "--summary", "directives/new/../new.md"], "directives"),
    (&["pipelines", "check", "--junit", "pipelines/mark.yml"], "pipelines"),
    (&["policy", "check", "--summary", ".countersign/policy.yml"], ".countersign"),
    (&["policy", "check", "--events", ".countersign/policy.yml"], ".countersign"),
    (&["plan", "mark", "--out", "directives/mark.md"], "directives"),
    (&["plan", "mark", "--out", "way/plan.json"], "pipelines"),
    (&["-C", "directives", "plan", "mark", "--out", "plan.json"], "directives"),
    (&["-C", "src", "plan", "mark", "--sarif", "../pipelines/x"], "pipelines"),
    (&["ledger", "export", "--out", ".git/HEAD"], ".git"),
    (&["keys", "generate", "eve", "--out", ".countersign/eve.pem"], ".countersign"),
];

#[test]
fn no_output_goes_where_it_is_written_what_may_run() {
    let bench = solo();
    fs::create_dir_all(bench.path("src")).unwrap();
    fs::create_dir_all(bench.path("directives/new")).unwrap();
    std::os::unix::fs::symlink("pipelines", bench.path("way")).unwrap();
    let kept = ["directives/mark.md", "pipelines/mark.yml", ".countersign/policy.yml", ".git/HEAD"];
    let before = kept.map(|file| bench.read(file));
    for (line, folder) in KEPT {
        let ran = refused(&bench, line, 2, "usage.invalid");
        assert!(ran.stderr.contains(&format!("names a file below `{folder}/`: ")), "{line:?}: {}", ran.stderr);
    }
    assert_eq!(kept.map(|file| bench.read(file)), before);
    assert!(!bench.path("pipelines/plan.json").exists() && !bench.path("directives/plan.json").exists());
    // Nor among the keys, by whatever name one is used.
    let key = crate::scene::key_file(&bench, "ada", "ada");
    let pem = fs::read(&key).unwrap();
    let ran = refused(&bench, &["plan", "mark", "--key", "ada", "--out", key.to_str().unwrap()], 2, "usage.invalid");
    assert!(ran.stderr.contains("among your keys and pins"), "{}", ran.stderr);
    assert_eq!(fs::read(&key).unwrap(), pem);
    // The honest twins: beside them, and in folders of the same names elsewhere.
    fs::create_dir_all(bench.path("src/directives")).unwrap();
    bench.json(&["policy", "check", "--summary", "src/directives/summary.md"]).exits(0);
    bench.json(&["directives", "check", "--summary", "directives.md"]).exits(0);
}

#[test]
fn a_dash_is_standard_output_for_every_file_that_is_asked_for() {
    let (bench, file, digest) = approved();
    // A private key never goes there, which is looked at below. A plan runs once, and last: then nothing
    // verifies any more.
    let works = |line: &Line<'_>| line.works && line.words[0] != "keys" || line.words.ends_with(&["--bundle"]);
    let mut all: Vec<_> = lines(&file, &digest).into_iter().filter(works).collect();
    all.sort_by_key(|line| line.words[0] == "execute");
    for Line { words: line, .. } in all {
        let ran = bench.run(&[&line[..], &["-"]].concat()).exits(0);
        assert!(!bench.path("-").exists(), "{line:?}");
        let printed = ran.stdout.trim_end();
        let is_report = matches!(line.last(), Some(&"--junit" | &"--summary"));
        match line[0] {
            // What is read on is what was asked for, and nothing else.
            "render" => assert_eq!(ran.stdout, bench.run(&["render", &file]).stdout),
            "ledger" => assert!(printed.lines().all(|line| line.starts_with('{')), "{printed}"),
            _ if is_report => assert!(printed.starts_with("<?xml") || printed.starts_with('#'), "{printed}"),
            _ => drop(serde_json::from_str::<serde_json::Value>(printed).unwrap_or_else(|e| panic!("{line:?}: {e}"))),
        }
        assert!(!ran.stderr.is_empty(), "{line:?}: people are told on the other");
        // Two things on one output are neither of them.
        refused(&bench, &[&line[..], &["-"]].concat(), 2, "usage.invalid");
    }
    let both = bench.run(&["execute", &file, "--bundle", "-", "--csv", "-"]).exits(2);
    assert!(both.stderr.contains("--bundle and --csv name one file: standard output"), "{}", both.stderr);
    assert!(bench.run(&["plan", "mark", "--out", "-"]).exits(0).stderr.contains("next: countersign review sha256:"));
}

#[test]
fn what_is_asked_and_answered_is_recorded_in_a_file_and_in_nothing_else() {
    let (bench, file, _) = approved();
    for line in [&["plan", "mark", "--record", "-"][..], &["review", &file, "--record", "-"]] {
        let ran = bench.run(line).exits(2);
        assert!(ran.stdout.is_empty() && ran.stderr.contains("--record -: what is asked"), "{}", ran.stderr);
        assert!(!bench.path("-").exists());
    }
    let ran = refused(&bench, &["review", &file, "--record", "../x", "--summary", "../x"], 2, "usage.invalid");
    assert!(ran.stderr.contains("--record and --summary name one file: "), "{}", ran.stderr);
}

#[test]
fn what_is_named_otherwise_than_by_a_file_is_not_overwritten_by_one() {
    let (bench, _, digest) = approved();
    let short = digest.trim_start_matches("sha256:").get(..8).unwrap();
    bench.json(&["render", short, "--out", short]).exits(0);
    assert!(bench.path(short).is_file());
    // By now it is a file, and is read.
    let ran = refused(&bench, &["render", short, "--out", short], 2, "usage.invalid");
    assert!(ran.stderr.contains(READ), "{}", ran.stderr);
    let ran = bench.json(&["ledger", "checkpoint", "--key", "ada", "--out", "ada"]).exits(5);
    assert!(ran.stderr.contains("key `ada` may not sign this"), "the name of a key is no file: {}", ran.stderr);
}

#[test]
fn a_private_key_and_what_a_ci_reads_along_never_go_to_standard_output_by_a_dash() {
    let bench = solo();
    let ran = bench.run(&["keys", "generate", "other", "--out", "-"]).exits(2);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("a private key is written to a file"), "{}", ran.stderr);
    assert!(!bench.path("-").exists());
    let folder = bench.outside("runner");
    fs::create_dir(&folder).unwrap();
    let mut variables = vec![("GITHUB_ACTIONS", "true".to_owned()), ("CI", "true".to_owned())];
    for name in ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"] {
        fs::write(folder.join(name), "").unwrap();
        variables.push((name, folder.join(name).display().to_string()));
    }
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let ran = bench.run_with(&["plan", "mark", "--out", "-"], &variables, "", false).exits(2);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("output.unwritable"), "{}", ran.stderr);
    // A pipe to another program cannot be told from the runner's own.
    assert!(ran.stderr.contains("standard output must be a file") && ran.stderr.contains("`> FILE`"), "{}", ran.stderr);
}

/// How a shell ends that may not mount.
const NO_MOUNT: i32 = 99;

/// A shell in a room of its own, with a small disk at a place that only it sees.
fn on_a_small_disk(bench: &Bench, script: &str) -> std::process::Output {
    let disk = bench.outside("disk");
    fs::create_dir_all(&disk).unwrap();
    let disk = disk.display();
    let whole =
        format!("mount -t tmpfs -o size=6m tmpfs '{disk}' || exit {NO_MOUNT}\ncd '{disk}' || exit 98\n{script}");
    let tool = bench.binary();
    let mut shell = std::process::Command::new("unshare");
    shell.args(["--mount", "--propagation", "private", "sh", "-c", &whole, "sh"]).arg(tool.get_program());
    shell.current_dir(bench.repo()).env_clear().env("PATH", std::env::var("PATH").unwrap());
    shell.envs(tool.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("REPO", bench.repo());
    shell.output().unwrap()
}

/// Tells whether a disk may be mounted here; where all is set up for it, it must be so.
fn may_mount(bench: &Bench) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    // 1 is what `unshare` itself ends with where nobody may leave the room.
    let ended = on_a_small_disk(bench, "exit 0");
    let (may, told) = (ended.status.success(), String::from_utf8_lossy(&ended.stderr));
    assert!(may || matches!(ended.status.code(), Some(1 | NO_MOUNT)), "{:?}: {told}", ended.status);
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    assert!(may || !is_root || std::env::var_os("CI").is_none(), "in CI as root a disk must be mounted: {told}");
    may
}

#[test]
fn on_a_full_disk_it_is_said_what_could_not_be_written_and_why() {
    let bench = real_solo();
    if !may_mount(&bench) {
        note("nobody may mount a disk here: what is said on a full one was not looked at");
        return;
    }
    let script = r#"cp -a "$REPO" repo && cd repo || exit 97
fill() { rm -f ../fill; head -c $(( ($(df --output=avail -k . | tail -n 1) - $1) * 1024 )) /dev/zero > ../fill; }
for left in 0 4 8 12; do fill $left; "$1" plan mark; echo "exit $?"; done
exit 0"#;
    let output = on_a_small_disk(&bench, script);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let (told, ends) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert_eq!(ends.matches("exit 1\n").count(), 4, "{ends}{told}");
    let refusals: Vec<&str> = told.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(refusals.len(), 4, "{told}");
    for refusal in refusals {
        assert!(refusal.contains("an object of the ledger could not be written"), "{refusal}");
        assert!(refusal.contains("No space left on device") && !refusal.contains("no error"), "{refusal}");
    }
}
