//! Attacks that need real processes: races, crashes, interrupts and the network.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Write as _},
    net::TcpListener,
    os::fd::AsFd as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, Signal, kill_process},
};
use serde_json::{Value, json};

use super::{
    scene::{Drafted, FILES, approve, has, plan, real, refused, solo_with, tip},
    support::{Bench, Ran, ran},
};

/// The longest that a test waits for what must come.
const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// Leaves a line for each time that it runs, says that it is there, and goes on only when the gate is open.
const WAITER: &str = "import os, sys
with open('lines.txt', 'a') as lines:
    lines.write('ran\\n')
if not os.path.exists('gate/open'):
    if os.fork() == 0:
        os.setsid()
    with open('gate/started.fifo', 'w') as started:
        started.write('here\\n')
        started.flush()
        os.pause() if hasattr(os, 'pause') else __import__('signal').pause()
print('sum=done')
";

pub(crate) const WAIT: &str = "description: Leave a line and wait.
effect: write
timeout: 2m
outputs: {sum: {type: string, from: {stdoutLine: 'sum='}}}
evidence: [sum]
actions:
  - run: {program: python3, argv: [-I, -B, '{{ scripts.wait.py }}'], reads: [gate, lines.txt], writes: [lines.txt, gate]}
verify:
  - run: {program: sha256sum, argv: [lines.txt], reads: [lines.txt]}
";

pub(crate) const WAITING: &str = "---
title: Leave a line and wait
pipelines: [wait, look]
ceiling: {effect: write, risk: low}
steps:
  - {id: wait, pipeline: wait}
  - {id: look, pipeline: look, needs: [wait]}
---
Waits.
";

/// A repository with an approved plan whose first step waits; set up by the real binary, at the real time.
pub(crate) fn waiting() -> (Bench, Drafted) {
    let files = [("pipelines/wait.yml", WAIT), ("pipelines/wait/wait.py", WAITER), ("directives/waiting.md", WAITING)];
    let bench = Bench::new(&[FILES, &files].concat());
    real(&bench, &["init", "--solo"]).exits(0);
    bench.commit("Set up countersign");
    bench.write("lines.txt", "");
    fs::create_dir_all(bench.path("gate")).unwrap();
    assert!(Command::new("mkfifo").arg(bench.path("gate/started.fifo")).status().unwrap().success());
    let drafted = draft(&bench);
    (bench, drafted)
}

pub(crate) fn draft(bench: &Bench) -> Drafted {
    let ran = real(bench, &["plan", "waiting", "--out", "../waiting.json", "--json"]).exits(0).json();
    let digest = ran["result"]["planDigest"].as_str().unwrap().to_owned();
    real(bench, &["approve", "../waiting.json", "--digest", &digest]).exits(0);
    Drafted { digest, file: "../waiting.json".to_owned(), result: Value::Null }
}

/// The end of the pipe that the test reads: it becomes readable when the step is in its middle.
pub(crate) fn started(bench: &Bench) -> File {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap();
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().read(true).custom_flags(flags).open(bench.path("gate/started.fifo")).unwrap()
}

/// Waits until something can be read, or the last writer is gone.
pub(crate) fn wait_for(pipe: &File) -> PollFlags {
    let mut fds = [PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)];
    assert_ne!(poll(&mut fds, Some(&PATIENCE)).unwrap(), 0, "nothing came");
    fds[0].revents()
}

/// Waits until no process holds the writing end any more.
pub(crate) fn wait_until_gone(pipe: &mut File) {
    let mut rest = [0_u8; 64];
    while !wait_for(pipe).contains(PollFlags::HUP) || pipe.read(&mut rest).unwrap_or(0) > 0 {
        // What was written before is read away, else it would hide the end.
        let _ = pipe.read(&mut rest);
    }
}

pub(crate) fn execute(bench: &Bench, drafted: &Drafted, more: &[&str]) -> Child {
    let mut command = bench.binary();
    command.args(["execute", &drafted.file, "--json"]).args(more);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Starts the plan, and returns when its step is in the middle of its work.
#[track_caller]
pub(crate) fn begun(bench: &Bench, drafted: &Drafted, pipe: &File) -> Child {
    begun_with(bench, drafted, pipe, &[])
}

#[track_caller]
pub(crate) fn begun_with(bench: &Bench, drafted: &Drafted, pipe: &File, more: &[&str]) -> Child {
    let mut child = execute(bench, drafted, more);
    let mut fds = [PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)];
    if poll(&mut fds, Some(&PATIENCE)).unwrap() == 0 {
        let _ = child.kill();
        let ran = ran(child.wait_with_output().unwrap());
        panic!("the step did not begin: {}{}", ran.stdout, ran.stderr);
    }
    child
}

pub(crate) fn lines(bench: &Bench) -> usize {
    bench.read("lines.txt").lines().count()
}

/// Starts the plan, and kills the tool in the middle of the step.
pub(crate) fn killed(bench: &Bench, drafted: &Drafted) -> String {
    let mut pipe = started(bench);
    let mut child = begun(bench, drafted, &pipe);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until_gone(&mut pipe);
    let status = real(bench, &["status", &drafted.file, "--json"]).exits(0).json();
    // Whether an executor still lives, no ledger can know: the step is unknown, and the person is told so.
    assert_eq!(status["result"]["runs"][0]["unknown"], json!(["wait"]), "{status}");
    status["result"]["runs"][0]["run"].as_str().unwrap().to_owned()
}

#[test]
fn e04_a_kill_in_the_middle_of_a_step_is_indeterminate_until_somebody_signs_how_to_take_it() {
    if !has("python3") {
        return;
    }
    for (taken, code, reason, times) in [("retry", 0, "ok", 2), ("skip", 0, "ok", 1), ("abort", 6, "replay.run", 1)] {
        let (bench, drafted) = waiting();
        let run = killed(&bench, &drafted);
        fs::write(bench.path("gate/open"), "").unwrap();
        let before = tip(&bench);
        real(&bench, &["execute", &drafted.file, "--json"]).refused(10, "indeterminate");
        real(&bench, &["execute", &drafted.file, "--resume", &run, "--json"]).refused(10, "indeterminate");
        assert_eq!(lines(&bench), 1);
        assert_eq!(before, tip(&bench), "a refusal leaves nothing in the ledger");
        let resolve = |step: &str| {
            real(&bench, &["resolve", &run, "--step", step, "--as", taken, "--reason", "I looked", "--json"])
        };
        resolve("look").refused(2, "resolve.nothing");
        resolve("wait").exits(0);
        resolve("wait").refused(2, "resolve.nothing");
        if taken != "abort" {
            let plain = real(&bench, &["execute", &drafted.file, "--json"]).json();
            assert!(plain["hints"][0].as_str().unwrap().contains(&format!("--resume {run}")), "{plain}");
        }
        let ran = real(&bench, &["execute", &drafted.file, "--resume", &run, "--json"]).refused(code, reason);
        assert_eq!(lines(&bench), times, "{taken}: {}", ran.stdout);
        if taken == "retry" {
            assert_eq!(ran.json()["result"]["steps"], json!({"wait": "succeeded", "look": "succeeded"}));
        }
        assert_ne!(real(&bench, &["execute", &drafted.file]).code, 0);
        assert_eq!(lines(&bench), times);
        real(&bench, &["ledger", "verify"]).exits(0);
    }
}

#[test]
fn c17_an_interrupt_ends_the_whole_tree_and_the_run_can_go_on() {
    if !has("python3") {
        return;
    }
    for signal in [Signal::INT, Signal::TERM] {
        let (bench, drafted) = waiting();
        let mut pipe = started(&bench);
        let child = begun(&bench, &drafted, &pipe);
        kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), signal).unwrap();
        let ran = ran(child.wait_with_output().unwrap());
        wait_until_gone(&mut pipe);
        assert_eq!((ran.code, ran.json()["exitCode"].as_i64()), (ran.code, Some(i64::from(ran.code))));
        assert!([7, 10].contains(&ran.code), "{}", ran.stdout);
        let result = ran.json()["result"].clone();
        assert_ne!(result["steps"]["look"], "succeeded");
        let run = result["runId"].as_str().unwrap();
        fs::write(bench.path("gate/open"), "").unwrap();
        if ran.code == 10 {
            let line = ["resolve", run, "--step", "wait", "--as", "retry", "--reason", "it was ended"];
            real(&bench, &line).exits(0);
        }
        real(&bench, &["execute", &drafted.file, "--resume", run]).exits(0);
        assert_eq!(lines(&bench), 2);
    }
}

#[test]
fn what_only_reads_the_ledger_makes_no_temporary_file() {
    let (bench, drafted) = waiting();
    for line in [&["list"][..], &["status", &drafted.file], &["ledger", "verify"], &["ledger", "log"]] {
        let output = bench.binary().env("TMPDIR", bench.outside("nowhere")).args(line).output().unwrap();
        ran(output).exits(0);
    }
}

#[test]
fn e01_e16_of_eight_processes_with_one_approval_exactly_one_wins() {
    if !has("python3") {
        return;
    }
    let (bench, drafted) = waiting();
    fs::write(bench.path("gate/open"), "").unwrap();
    let all: Vec<Child> = (0..8).map(|_| execute(&bench, &drafted, &[])).collect();
    let ended: Vec<Ran> = all.into_iter().map(|child| ran(child.wait_with_output().unwrap())).collect();
    let codes: Vec<i32> = ended.iter().map(|ran| ran.code).collect();
    let told: Vec<_> = ended.iter().map(|ran| format!("{}{}", ran.stdout, ran.stderr)).collect();
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?} {told:#?}");
    for loser in ended.iter().filter(|ran| ran.code != 0) {
        let reason = loser.json()["reasonCode"].as_str().unwrap().to_owned();
        let known = [
            "replay.consumed",
            "replay.run",
            "ledger.busy",
            "ledger.terminal",
            "run.indeterminate",
            "indeterminate",
            "ledger.contended",
            "run.live",
        ];
        assert!(known.contains(&reason.as_str()), "{}", loser.stdout);
    }
    assert_eq!(lines(&bench), 1);
    real(&bench, &["ledger", "verify"]).exits(0);
    let log = real(&bench, &["ledger", "log", "--json"]).exits(0).json();
    let claims = log["result"].as_array().unwrap().iter().filter(|row| row["kind"] == "claim").count();
    assert_eq!(claims, 1);
}

/// As [`waiting`], but the step goes on when it is told to, not when it is killed.
pub(crate) fn gated() -> (Bench, Drafted) {
    let (bench, _) = waiting();
    let script = WAITER.replace(
        "os.pause() if hasattr(os, 'pause') else __import__('signal').pause()",
        "pass\n    open('gate/go.fifo').read()",
    );
    let script = script.replace("    if os.fork() == 0:\n        os.setsid()\n", "");
    bench.write("pipelines/wait/wait.py", script);
    assert!(Command::new("mkfifo").arg(bench.path("gate/go.fifo")).status().unwrap().success());
    bench.git(&["add", "pipelines"]);
    bench.git(&["commit", "-q", "-m", "Wait for a word"]);
    let drafted = draft(&bench);
    (bench, drafted)
}

/// Tells a gated step to go on, and waits for the end of the run.
pub(crate) fn let_go(bench: &Bench, child: Child) -> Ran {
    OpenOptions::new().write(true).open(bench.path("gate/go.fifo")).unwrap().write_all(b"go").unwrap();
    ran(child.wait_with_output().unwrap())
}

#[test]
fn what_can_no_longer_be_written_after_a_run_is_told_beside_what_was_done() {
    if !has("python3") {
        return;
    }
    let (bench, drafted) = gated();
    let pipe = started(&bench);
    fs::create_dir(bench.outside("reports")).unwrap();
    let child = begun_with(&bench, &drafted, &pipe, &["--junit", "../reports/run.xml"]);
    fs::remove_dir(bench.outside("reports")).unwrap();
    let ran = let_go(&bench, child);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("completed") && ran.stderr.contains("io.failed"), "{}", ran.stderr);
    assert!(!bench.outside("reports").exists());
    assert_eq!(lines(&bench), 1);
}

#[test]
fn we11_a_halt_during_a_run_stops_it_before_the_next_step() {
    if !has("python3") {
        return;
    }
    let (bench, drafted) = gated();
    let pipe = started(&bench);
    let child = begun(&bench, &drafted, &pipe);
    real(&bench, &["halt", "--reason", "incident 42"]).exits(0);
    let ran = let_go(&bench, child).refused(3, "run.halted");
    assert_eq!(ran.json()["result"]["steps"]["wait"], "succeeded");
    assert_ne!(ran.json()["result"]["steps"]["look"], "succeeded");
    let run = ran.json()["result"]["runId"].as_str().unwrap().to_owned();
    real(&bench, &["execute", &drafted.file, "--resume", &run]).exits(3);
    real(&bench, &["halt", "--lift", "--reason", "over"]).exits(0);
    real(&bench, &["execute", &drafted.file, "--resume", &run]).exits(0);
    assert_eq!(lines(&bench), 1);
}

/// A server that answers everything, on a port of its own, and counts who came.
fn server() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let came = Arc::new(AtomicUsize::new(0));
    let counter = came.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counter.fetch_add(1, Ordering::SeqCst);
            let Ok(mut stream) = stream else { continue };
            let mut request = [0_u8; 1024];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
        }
    });
    (port, came)
}

#[test]
fn c10_curl_in_a_step_reaches_what_it_declared_and_nothing_else() {
    let Some(curl) = ["/usr/bin/curl", "/bin/curl"].into_iter().find(|path| PathBuf::from(path).is_file()) else {
        assert!(!has("curl"));
        return;
    };
    let (port, came) = server();
    let pipeline = |network: &str| {
        format!(
            "description: Fetch something.
effect: analyze
outputs: {{said: {{type: string, from: stdout}}}}
actions:
  - run: {{program: curl, argv: [-q, --silent, --show-error, --max-time, '20', 'http://127.0.0.1:{port}/']{network}}}
"
        )
    };
    let directive = |name: &str| {
        format!(
            "---\ntitle: Fetch\npipelines: [{name}]\nceiling: {{effect: analyze, risk: low}}\nsteps:\n  - {{id: fetch, pipeline: {name}}}\n---\nx\n"
        )
    };
    let policy = format!(
        "version: 1
expires: '2031-01-01T00:00:00Z'
execution: {{enabled: true, sideEffects: true}}
programs: {{curl: {{path: {curl}}}}}
rules:
  - {{id: inside, when: {{effect: {{atMost: analyze}}, network: none, uninspectable: false}}, then: {{needsApproval: {{people: 1, separation: none}}}}}}
  - {{id: named, when: {{effect: {{atMost: analyze}}, hosts: ['127.0.0.1:{port}'], uninspectable: false}}, then: {{needsApproval: {{people: 1, separation: none}}}}}}
"
    );
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let elsewhere = other.local_addr().unwrap().port();
    let bench = solo_with(&[
        ("pipelines/silent.yml", &pipeline("")),
        ("pipelines/open.yml", &pipeline(&format!(", network: ['127.0.0.1:{port}']"))),
        ("pipelines/elsewhere.yml", &pipeline(&format!(", network: ['127.0.0.1:{elsewhere}']"))),
        ("directives/silent.md", &directive("silent")),
        ("directives/open.md", &directive("open")),
        ("directives/elsewhere.md", &directive("elsewhere")),
        (".countersign/policy.yml", &policy),
    ]);
    let silent = plan(&bench, "silent", &[]);
    approve(&bench, "ada", &silent, &[]).exits(0);
    let ran = bench.json(&["execute", &silent.file]).refused(7, "run.failed");
    assert!(ran.stderr.contains("the step declares no network"), "{}", ran.stderr);
    assert_eq!(came.load(Ordering::SeqCst), 0, "a step without network reached it");
    // A host that no rule names is refused before anybody could approve.
    let elsewhere = plan(&bench, "elsewhere", &[]);
    refused(&bench, &["approve", &elsewhere.file, "--digest", &elsewhere.digest], 3, "policy.denied_plan");
    refused(&bench, &["execute", &elsewhere.file], 3, "policy.default_deny");
    let open = plan(&bench, "open", &[]);
    approve(&bench, "ada", &open, &[]).exits(0);
    bench.json(&["execute", &open.file]).exits(0);
    assert_eq!(came.load(Ordering::SeqCst), 1);
}
