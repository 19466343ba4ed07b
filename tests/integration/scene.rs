//! A repository that is set up, with people, a canary and a ledger that can be watched.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use countersign::{
    app::keys::{file::HeldKey, trust_store},
    base::{digest::Digest, time::Clock},
    ledger::{Batch, Ledger, NewEntry, Record, View},
    sign::{Envelope, TrustRoot, predicate::Approval},
};
use serde_json::Value;

use super::support::{Bench, Ran, ran};

/// The file that the pipeline `mark` writes: where it lies, something ran.
pub(crate) const CANARY: &str = "mark.txt";

/// Pipelines and directives that are quick, do something, and can be seen through.
pub(crate) const FILES: &[(&str, &str)] = &[
    (
        "pipelines/mark.yml",
        "description: Leave a mark.
effect: write
idempotent: true
inputs: {text: {type: string, default: hello}}
outputs: {sum: {type: digest, from: {fileDigest: mark.txt}}}
evidence: [sum]
actions:
  - write: {path: mark.txt, content: \"{{ inputs.text }}\\n\", replace: true}
  - run: {program: sha256sum, argv: [mark.txt], reads: [mark.txt]}
verify:
  - run: {program: sha256sum, argv: [mark.txt], reads: [mark.txt]}
",
    ),
    (
        "directives/mark.md",
        "---
title: Leave a mark
pipelines: [mark]
inputs:
  text: {type: string, default: hello, pattern: '[a-z ]+'}
  count: {type: integer, default: 3, min: 1, max: 9}
  target: {type: enum, values: [staging, production], default: staging}
ceiling: {effect: write, risk: low}
steps:
  - {id: mark, pipeline: mark, with: {text: '{{ inputs.text }}'}}
---
Leaves a mark.
",
    ),
    (
        "pipelines/look.yml",
        "description: Take the digest of the readme.
effect: analyze
outputs: {sum: {type: string, maxLength: 200, from: stdout}}
actions:
  - run: {program: sha256sum, argv: [README.md], reads: [README.md]}
",
    ),
    (
        "directives/look.md",
        "---
title: Look
pipelines: [look]
ceiling: {effect: analyze, risk: low}
steps:
  - {id: look, pipeline: look}
---
Looks.
",
    ),
    (
        "pipelines/ready.yml",
        "description: Go on only where somebody has made ready.
effect: analyze
outputs: {sum: {type: string, maxLength: 200, from: stdout}}
actions:
  - run: {program: sha256sum, argv: [ready.txt], reads: [ready.txt]}
",
    ),
    (
        "directives/careful.md",
        "---
title: Mark, wait, look
pipelines: [mark, ready, look]
ceiling: {effect: write, risk: low}
steps:
  - {id: mark, pipeline: mark}
  - {id: ready, pipeline: ready, needs: [mark]}
  - {id: look, pipeline: look, needs: [ready]}
---
The second step fails until somebody has written `ready.txt`.
",
    ),
];

/// A plan that was drafted and recorded.
#[derive(Clone, Debug)]
pub(crate) struct Drafted {
    pub digest: String,
    pub file: String,
    pub result: Value,
}

/// Sets a repository up for one person.
pub(crate) fn solo() -> Bench {
    founded(&["init", "--solo"], &[])
}

/// Sets a repository up for one person, with more files.
pub(crate) fn solo_with(files: &[(&str, &str)]) -> Bench {
    founded(&["init", "--solo"], files)
}

/// Sets a repository up for a team: `ada` founds it, everybody named is enrolled with a role and has pinned it.
pub(crate) fn team(people: &[(&'static str, &str)], files: &[(&str, &str)]) -> Bench {
    let bench = founded(&["init"], files);
    for (login, role) in people {
        enrol(&bench, login, &["--role", role]);
    }
    bench.commit("Enrol people");
    for (login, _) in people {
        pin(&bench, login);
    }
    bench.person.set("ada");
    bench
}

fn founded(init: &[&str], files: &[(&str, &str)]) -> Bench {
    let all: Vec<_> = FILES.iter().chain(files).copied().collect();
    let bench = Bench::new(&all);
    bench.run(init).exits(0);
    bench.commit("Set up countersign");
    bench
}

/// Makes a key for a person and enrols it as `ada`; the trust root is not yet committed.
pub(crate) fn enrol(bench: &Bench, login: &'static str, more: &[&str]) -> Value {
    bench.person.set(login);
    bench.run(&["keys", "generate", login]).exits(0);
    let public = bench.run(&["keys", "public", login]).exits(0).stdout;
    fs::write(bench.outside(&format!("{login}.pub")), public).unwrap();
    bench.person.set("ada");
    let (file, email) = (format!("../{login}.pub"), format!("{login}@example.com"));
    let line = ["keys", "enrol", "--login", login, "--public-key", &file, "--email", &email];
    bench.json(&[&line, more].concat()).exits(0).json()["result"].clone()
}

/// Pins the present trust root for a person.
pub(crate) fn pin(bench: &Bench, login: &'static str) {
    bench.person.set(login);
    let digest = bench.json(&["keys", "show"]).exits(0).json()["result"]["digest"].as_str().unwrap().to_owned();
    bench.run(&["keys", "trust", &digest]).exits(0);
}

/// Drafts and records a plan as the present person.
#[track_caller]
pub(crate) fn plan(bench: &Bench, directive: &str, more: &[&str]) -> Drafted {
    let n = bench.now.get();
    let file = format!("../plan-{directive}-{}.json", Digest::of(format!("{more:?}{n}").as_bytes()).short());
    let ran = bench.json(&[&["plan", directive, "--out", &file], more].concat()).exits(0);
    let result = ran.json()["result"].clone();
    Drafted { digest: result["planDigest"].as_str().unwrap().to_owned(), file, result }
}

/// Approves a plan by key, as a person.
#[track_caller]
pub(crate) fn approve(bench: &Bench, person: &'static str, plan: &Drafted, more: &[&str]) -> Ran {
    let before = bench.person.replace(person);
    let ran = bench.json(&[&["approve", &plan.file, "--digest", &plan.digest], more].concat());
    bench.person.set(before);
    ran
}

/// The commit that the ledger's branch names; empty where there is none.
pub(crate) fn tip(bench: &Bench) -> String {
    bench.git(&["for-each-ref", "--format=%(objectname)", "refs/heads/countersign/ledger"])
}

/// Whether anything ran.
pub(crate) fn ran_something(bench: &Bench) -> bool {
    bench.path(CANARY).exists()
}

/// Runs an attack: the class and the reason are as they must be, nothing ran, the ledger holds nothing new.
#[track_caller]
pub(crate) fn refused(bench: &Bench, args: &[&str], code: i32, reason: &str) -> Ran {
    let _ = fs::remove_file(bench.path(CANARY));
    let before = tip(bench);
    let ran = bench.json(args).refused(code, reason);
    assert_eq!(ran.json()["exitCode"], code, "the exit code that is said is the one there is");
    assert!(!ran_something(bench), "something ran");
    assert_eq!(before, tip(bench), "the ledger holds something new");
    ran
}

/// The honest twin: the plan runs and leaves its mark.
#[track_caller]
pub(crate) fn runs(bench: &Bench, args: &[&str]) -> Ran {
    let _ = fs::remove_file(bench.path(CANARY));
    let ran = bench.json(args).exits(0);
    assert!(ran_something(bench), "nothing ran: {}", ran.stdout);
    ran
}

/// The trust root at the head commit, as an attacker with the library reads it.
pub(crate) fn root(bench: &Bench) -> TrustRoot {
    let bytes = bench.git(&["show", &format!("HEAD:{}", trust_store::CURRENT)]).into_bytes();
    TrustRoot::parse(&bytes).unwrap()
}

/// A person's key.
pub(crate) fn key(bench: &Bench, person: &str, name: &str) -> HeldKey {
    HeldKey::load(&key_file(bench, person, name)).unwrap()
}

/// The file of a person's key.
pub(crate) fn key_file(bench: &Bench, person: &str, name: &str) -> PathBuf {
    bench.outside("homes").join(person).join("countersign/keys").join(format!("{name}.pem"))
}

/// The name of the runner's key in the home of the founder.
pub(crate) fn runner(bench: &Bench) -> String {
    let folder = key_file(bench, "ada", "x").parent().unwrap().to_owned();
    let mut names = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path().file_stem().unwrap().to_owned());
    names.find_map(|n| n.into_string().ok().filter(|n| n.starts_with("runner-"))).unwrap()
}

/// The ledger, opened with the library.
pub(crate) fn ledger(bench: &Bench) -> Ledger {
    Ledger::open(&bench.path(".git"), &root(bench)).unwrap()
}

/// Appends a statement with the library, around every command.
pub(crate) fn append(
    bench: &Bench,
    objects: Vec<Vec<u8>>,
    mut build: impl FnMut(&View<'_>) -> Envelope,
) -> Result<u64, countersign::base::reason::Refusal> {
    let clock = Clock::Fixed(bench.now.get());
    ledger(bench)
        .append(clock, |seen| {
            Ok(Batch { entries: vec![NewEntry { envelope: build(seen), at: seen.now }], objects: objects.clone() })
        })
        .map(|appended| appended.head.seq)
}

/// The newest approval in the ledger.
pub(crate) fn newest_approval(bench: &Bench) -> (Approval, Envelope) {
    let mut found = None;
    ledger(bench)
        .for_each(bench.now.get(), |entry, bytes| {
            if let Record::Approval(approval) = &entry.record {
                let line: Value = serde_json::from_slice(bytes).unwrap();
                let envelope = Envelope::from_value(&line["envelope"]).unwrap();
                found = Some((approval.stated().clone(), envelope));
            }
            Ok(())
        })
        .unwrap();
    found.unwrap()
}

/// Runs the real binary.
pub(crate) fn real(bench: &Bench, args: &[&str]) -> Ran {
    ran(bench.binary().args(args).stdin(Stdio::null()).output().unwrap())
}

/// Tells whether a program is on this machine; prints a note where it is not, and the test is to end.
pub(crate) fn has(program: &str) -> bool {
    let found = ["/usr/bin", "/bin", "/usr/local/bin"].iter().any(|dir| PathBuf::from(dir).join(program).is_file());
    if !found {
        note(&format!("skipped: there is no {program}"));
    }
    found
}

/// Says something beside the test's own output.
pub(crate) fn note(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Python, for a pseudo-terminal.
pub(crate) fn python() -> Command {
    Command::new("/usr/bin/python3")
}

/// A repository that the real binary set up, at the real time.
pub(crate) fn real_solo() -> Bench {
    let bench = Bench::new(FILES);
    real(&bench, &["init", "--solo"]).exits(0);
    bench.commit("Set up countersign");
    bench
}

/// Drafts and records a plan with the real binary.
pub(crate) fn real_plan(bench: &Bench, name: &str) -> Drafted {
    let file = format!("../{name}.json");
    let ran = real(bench, &["plan", "mark", "--out", &file, "--json"]).exits(0).json();
    Drafted { digest: ran["result"]["planDigest"].as_str().unwrap().to_owned(), file, result: ran["result"].clone() }
}
