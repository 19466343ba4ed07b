//! A ledger behind HTTP with a token, on git's own server.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use countersign::{
    base::secret::Secret,
    ledger::{Address, Remote},
};

use super::{
    git_server::{Door, GitServer, bare},
    scene::{Drafted, FILES, real, real_plan},
    support::{Bench, Ran, ran},
};

const TOKEN: &str = "t0ken-that-nobody-may-see-6f1c";

/// A repository with an approved plan, whose ledger lies in a bare repository beside it.
fn founded() -> (Bench, Drafted) {
    let bench = Bench::new(FILES);
    real(&bench, &["init", "--solo"]).exits(0);
    bench.commit("Set up countersign");
    let plan = real_plan(&bench, "plan");
    real(&bench, &["approve", &plan.file, "--digest", &plan.digest]).exits(0);
    let there = bare(&bench.outside("served"), "infra.git");
    bench.git(&["push", "-q", there.to_str().unwrap(), "main", "countersign/ledger"]);
    (bench, plan)
}

fn serve(bench: &Bench, door: Door) -> GitServer {
    let server = GitServer::start(&bench.outside("served"), door);
    bench.git(&["config", "countersign.remote", &server.url("infra.git")]);
    server
}

fn with_token(bench: &Bench, args: &[&str], token: &str) -> Ran {
    ran(bench.binary().args(args).env("COUNTERSIGN_GIT_TOKEN", token).stdin(Stdio::null()).output().unwrap())
}

/// The token as it travels.
fn encoded() -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(format!("x-access-token:{TOKEN}"))
}

/// The tip of the ledger on the other side.
fn tip(bench: &Bench) -> String {
    let served = bench.outside("served/infra.git");
    bench.git(&["--git-dir", served.to_str().unwrap(), "rev-parse", "refs/heads/countersign/ledger"])
}

/// The files below a folder that hold a text.
fn holding(folder: &Path, text: &[u8], found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            holding(&entry.path(), text, found);
        } else if kind.is_file() && fs::read(entry.path()).unwrap().windows(text.len()).any(|bytes| bytes == text) {
            found.push(entry.path().display().to_string());
        }
    }
}

#[test]
fn c05_a_ledger_behind_http_is_read_and_written_with_a_token_that_nobody_else_sees() {
    let (bench, plan) = founded();
    let server = serve(&bench, Door::Token(TOKEN.to_owned()));
    let before = tip(&bench);
    let temporary = bench.outside("temporary");
    fs::create_dir_all(&temporary).unwrap();
    let done = ran(bench
        .binary()
        .args(["execute", &plan.file, "--json"])
        .env("COUNTERSIGN_GIT_TOKEN", TOKEN)
        .env("TMPDIR", &temporary)
        .stdin(Stdio::null())
        .output()
        .unwrap())
    .exits(0);
    assert_eq!(done.json()["decision"], "completed");
    assert_ne!(before, tip(&bench), "the run is recorded on the other side");
    assert!(server.asked().iter().any(|asked| asked.path.ends_with("git-receive-pack")));
    let encoded = encoded();
    let mut found = Vec::new();
    for folder in [bench.repo(), bench.outside("homes"), temporary, bench.outside("served")] {
        for text in [TOKEN, &encoded] {
            holding(&folder, text.as_bytes(), &mut found);
        }
    }
    assert!(found.is_empty(), "{found:?}");
    for text in [TOKEN, &encoded] {
        assert!(!done.stdout.contains(text) && !done.stderr.contains(text));
    }
}

#[test]
fn c05_the_token_is_in_no_argument_of_any_process() {
    let (bench, _) = founded();
    let server = serve(&bench, Door::Token(TOKEN.to_owned()));
    with_token(&bench, &["ledger", "verify"], TOKEN).exits(0);
    let lines: Vec<String> = server.asked().into_iter().flat_map(|asked| asked.processes).collect();
    assert!(lines.iter().any(|line| line.contains("remote-http")), "git was seen: {lines:?}");
    for text in [TOKEN, &encoded()] {
        assert!(lines.iter().all(|line| !line.contains(text)), "{lines:?}");
    }
}

#[test]
fn c05_a_token_that_is_wrong_missing_or_may_only_read_is_refused_and_nothing_is_recorded() {
    let (bench, plan) = founded();
    let before = tip(&bench);
    let cases = [
        (Door::Token(TOKEN.to_owned()), "wrong"),
        (Door::Token(TOKEN.to_owned()), ""),
        (Door::ReadOnly(TOKEN.to_owned()), TOKEN),
    ];
    for (door, token) in cases {
        let _server = serve(&bench, door);
        let ran = with_token(&bench, &["execute", &plan.file, "--json"], token).refused(2, "ledger.credentials");
        let said = ran.json()["message"].to_string() + &ran.stdout;
        assert!(said.contains("git: "), "git's own first line: {said}");
        assert!(!said.contains(TOKEN));
        assert_eq!(before, tip(&bench));
        assert!(!bench.path("mark.txt").exists(), "nothing ran");
    }
}

#[test]
fn a44_a_server_that_sends_elsewhere_is_not_followed_and_no_other_host_sees_the_token() {
    let (bench, plan) = founded();
    let other = GitServer::start(&bench.outside("served"), Door::Token(TOKEN.to_owned()));
    let _server = serve(&bench, Door::Elsewhere(format!("http://{}", other.authority())));
    with_token(&bench, &["execute", &plan.file, "--json"], TOKEN).refused(9, "ledger.unreachable");
    assert!(other.asked().is_empty(), "{:?}", other.asked());
}

#[test]
fn e01_e02_e16_of_eight_runs_at_once_over_http_one_wins_and_no_entry_is_lost() {
    let (bench, plan) = founded();
    let server = GitServer::start(&bench.outside("served"), Door::Token(TOKEN.to_owned()));
    let clones: Vec<_> = (0..8)
        .map(|n| {
            let clone = bench.outside(&format!("clone-{n}"));
            bench.git(&["clone", "-q", bench.outside("served/infra.git").to_str().unwrap(), clone.to_str().unwrap()]);
            bench.git(&["-C", clone.to_str().unwrap(), "config", "countersign.remote", &server.url("infra.git")]);
            clone
        })
        .collect();
    let file = bench.repo().join(&plan.file);
    let children: Vec<_> = clones
        .iter()
        .map(|clone| {
            let mut command: Command = bench.binary();
            command.args(["execute", file.to_str().unwrap(), "--json"]).current_dir(clone);
            command.env("COUNTERSIGN_GIT_TOKEN", TOKEN).stdin(Stdio::null());
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let runs: Vec<_> = children.into_iter().map(|child| ran(child.wait_with_output().unwrap())).collect();
    let codes: Vec<_> = runs.iter().map(|run| (run.code, run.json()["reasonCode"].clone())).collect();
    assert_eq!(runs.iter().filter(|run| run.code == 0).count(), 1, "{codes:?}");
    assert!(runs.iter().filter(|run| run.code != 0).all(|run| [6, 9].contains(&run.code)), "{codes:?}");
    assert_eq!(clones.iter().filter(|clone| clone.join("mark.txt").exists()).count(), 1, "one ran");
    bench.git(&["config", "countersign.remote", &server.url("infra.git")]);
    let kinds = with_token(&bench, &["ledger", "log", "--json"], TOKEN).exits(0).stdout;
    assert_eq!(kinds.matches("\"claim\"").count(), 1, "{kinds}");
    with_token(&bench, &["ledger", "verify"], TOKEN).exits(0);
}

#[test]
fn a_job_that_checked_out_a_commit_takes_base_and_ledger_from_its_origin() {
    let (bench, plan) = founded();
    let clone = bench.outside("job");
    let folder = clone.to_str().unwrap();
    bench.git(&["clone", "-q", bench.outside("served/infra.git").to_str().unwrap(), folder]);
    bench.git(&["-C", folder, "checkout", "-q", "--detach"]);
    bench.git(&["-C", folder, "branch", "-q", "-D", "main"]);
    let step = |more: &[(&str, &str)]| {
        let mut command = bench.binary();
        command.arg("action").current_dir(&clone).stdin(Stdio::null()).env("COUNTERSIGN_LEDGER_REMOTE", "origin");
        command.env("COUNTERSIGN_INPUT_COMMAND", "execute").env("COUNTERSIGN_INPUT_DIGEST", &plan.digest);
        ran(command.envs(more.iter().copied()).output().unwrap())
    };
    step(&[("COUNTERSIGN_INPUT_DRY_RUN", "true")]).exits(0);
    assert!(!clone.join("mark.txt").exists());
    step(&[]).exits(0);
    assert!(clone.join("mark.txt").exists());
    let again = step(&[]).exits(6);
    assert!(again.stdout.contains("replay.consumed"), "{}", again.stdout);
}

#[test]
fn d01_whether_a_token_may_write_is_asked_and_nothing_is_written() {
    let (bench, _) = founded();
    let head = bench.git(&["rev-parse", "main"]);
    let ask = |door: Door, token: &str| {
        let server = GitServer::start(&bench.outside("served"), door);
        let remote = Remote::new(Address::parse(&server.url("infra.git")).unwrap());
        remote.with_token(&Secret::new(token.to_owned())).may_write(&bench.path(".git"), head.trim()).unwrap()
    };
    let served = bench.outside("served/infra.git");
    let refs = || bench.git(&["--git-dir", served.to_str().unwrap(), "for-each-ref"]);
    let before = refs();
    assert!(ask(Door::Token(TOKEN.to_owned()), TOKEN));
    assert!(!ask(Door::ReadOnly(TOKEN.to_owned()), TOKEN));
    assert!(!ask(Door::Token(TOKEN.to_owned()), "wrong"));
    assert_eq!(refs(), before);
    // A server that does not say is no server that says no.
    let server = GitServer::start(&bench.outside("served"), Door::Elsewhere("http://127.0.0.1:9".to_owned()));
    let remote = Remote::new(Address::parse(&server.url("infra.git")).unwrap());
    let refusal = remote.may_write(&bench.path(".git"), head.trim()).unwrap_err();
    assert_eq!(refusal.code(), "ledger.unreachable");
}
