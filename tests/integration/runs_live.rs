//! Runs that live, die, are rejected, or cannot be recorded: what is said of each, and what is refused.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{
    attacks_live::{WAIT, WAITING, begun, draft, gated, killed, let_go, lines, started, wait_until_gone, waiting},
    scene::{Drafted, approve, has, plan, real, solo, tip},
    support::{Bench, Ran},
};

fn said(ran: &Ran) -> String {
    format!("{}{}", ran.stdout, ran.stderr)
}

/// The only run of a plan, as `status` shows it.
fn run_of(bench: &Bench, drafted: &Drafted) -> Value {
    real(bench, &["status", &drafted.file, "--json"]).exits(0).json()["result"]["runs"][0].clone()
}

/// As [`gated`], with a plan of one step.
fn gated_alone() -> (Bench, Drafted) {
    let (bench, _) = gated();
    let alone = WAITING.replace("  - {id: look, pipeline: look, needs: [wait]}\n", "");
    bench.write("directives/waiting.md", alone.replace("[wait, look]", "[wait]"));
    bench.git(&["commit", "-q", "-am", "Wait, no more"]);
    let drafted = draft(&bench);
    (bench, drafted)
}

/// A bare repository that holds the ledger from now on.
fn shared(bench: &Bench) -> PathBuf {
    let there = bench.outside("there.git");
    let made = Command::new("git").args(["init", "-q", "--bare"]).arg(&there).status().unwrap();
    assert!(made.success());
    let url = there.to_str().unwrap();
    bench.git(&["push", "-q", url, "main", "countersign/ledger"]);
    bench.git(&["config", "countersign.remote", url]);
    there
}

#[test]
fn e04_a_run_that_lives_is_neither_begun_again_nor_resolved_nor_resumed() {
    if !has("python3") {
        return;
    }
    let (bench, drafted) = gated();
    let pipe = started(&bench);
    let child = begun(&bench, &drafted, &pipe);
    let run = run_of(&bench, &drafted);
    assert_eq!((&run["status"], &run["executor"]), (&json!("running"), &json!("lives")));
    let name = run["run"].as_str().unwrap();
    let before = tip(&bench);
    let again = real(&bench, &["execute", &drafted.file, "--json"]).refused(9, "run.live");
    let hints = again.json()["hints"].to_string();
    assert!(hints.contains("claimed it at") && !hints.contains("resolve"), "{hints}");
    real(&bench, &["execute", &drafted.file, "--resume", name, "--json"]).refused(9, "run.live");
    for taken in ["retry", "skip", "abort"] {
        let line = ["resolve", name, "--step", "wait", "--as", taken, "--reason", "I looked", "--json"];
        real(&bench, &line).refused(9, "run.live");
    }
    assert_eq!(before, tip(&bench), "a refusal leaves nothing in the ledger");
    let_go(&bench, child).exits(0);
    assert_eq!(lines(&bench), 1);
    assert_eq!(run_of(&bench, &drafted)["status"], "completed");
    assert_eq!(
        fs::read_dir(bench.path(".git/countersign/runs")).unwrap().count(),
        0,
        "nothing stays of a run that is over"
    );
}

#[test]
fn e04_what_a_crash_left_is_called_indeterminate_where_that_is_known_and_elsewhere_with_what_to_do() {
    if !has("python3") {
        return;
    }
    let (bench, drafted) = waiting();
    let name = killed(&bench, &drafted);
    let shown = |args: &[&str]| real(&bench, &[args, &["--json"]].concat()).exits(0).json()["result"].clone();
    let status = shown(&["status", &drafted.file]);
    assert_eq!((&status["status"], &status["runs"][0]["executor"]), (&json!("indeterminate"), &json!("gone")));
    assert_eq!(status["runs"][0]["steps"]["wait"], "indeterminate");
    assert_eq!(shown(&["list"])[0]["status"], "indeterminate");
    assert_eq!(shown(&["stats"])["runs"], json!({ "indeterminate": 1 }));
    assert_eq!(shown(&["status"])["runs"][0]["status"], "indeterminate");
    // A later claim is another process's, perhaps on another machine; without a file nothing is known either.
    let file = bench.path(".git/countersign/runs").join(&name);
    let claim = fs::read_to_string(&file).unwrap();
    fs::write(&file, "1").unwrap();
    assert_eq!(shown(&["list"])[0]["status"], "running");
    fs::write(&file, claim).unwrap();
    assert_eq!(shown(&["list"])[0]["status"], "indeterminate");
    fs::remove_dir_all(bench.path(".git/countersign/runs")).unwrap();
    assert_eq!(shown(&["list"])[0]["status"], "running");
    let told = said(&real(&bench, &["status", &name]));
    assert!(told.contains("if its job is gone, it is indeterminate") && told.contains("countersign resolve"), "{told}");
    let line = ["resolve", &name, "--step", "wait", "--as", "skip", "--reason", "I looked"];
    assert!(said(&real(&bench, &line).exits(0)).contains("make sure that its job is gone"));
}

#[test]
fn c37_what_a_killed_run_left_on_disk_goes_with_the_next_command_and_what_a_living_one_has_stays() {
    if !has("python3") {
        return;
    }
    let (bench, drafted) = waiting();
    let temporary = bench.outside("temporary");
    fs::create_dir(&temporary).unwrap();
    let folders = || {
        fs::read_dir(&temporary)
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("countersign-scratch-"))
            .count()
    };
    let with = |args: &[&str]| {
        let mut command = bench.binary();
        command.args(args).env("TMPDIR", &temporary).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let mut pipe = started(&bench);
    let mut child = with(&["execute", &drafted.file]).spawn().unwrap();
    super::attacks_live::wait_for(&pipe);
    let name = run_of(&bench, &drafted)["run"].as_str().unwrap().to_owned();
    let line = ["resolve", &name, "--step", "wait", "--as", "retry", "--reason", "I looked"];
    assert!(!with(&line).output().unwrap().status.success());
    assert!(!with(&["execute", &drafted.file]).output().unwrap().status.success());
    assert_eq!(folders(), 1, "it lives");
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until_gone(&mut pipe);
    assert_eq!(folders(), 1, "what was private to the run lies there");
    assert!(with(&line).output().unwrap().status.success());
    assert_eq!(folders(), 0);
}

#[test]
fn a27_a_rejection_of_a_plan_that_runs_says_so_and_stops_it_before_its_next_step() {
    if !has("python3") {
        return;
    }
    let (bench, drafted) = gated();
    let pipe = started(&bench);
    let child = begun(&bench, &drafted, &pipe);
    let name = run_of(&bench, &drafted)["run"].as_str().unwrap().to_owned();
    let told = real(&bench, &["reject", &drafted.file, "--reason", "not now"]).exits(0);
    assert!(
        told.stdout.contains(&format!("run {name} is under way")) && told.stdout.contains("halt"),
        "{}",
        told.stdout
    );
    assert!(!told.stdout.contains("can never run"), "{}", told.stdout);
    let ran = let_go(&bench, child).refused(3, "run.halted");
    assert_eq!(ran.json()["result"]["steps"], json!({ "wait": "succeeded", "look": "cancelled" }));
    assert_eq!(run_of(&bench, &drafted)["status"], "halted");
    real(&bench, &["execute", &drafted.file, "--resume", &name]).exits(3);
}

#[test]
fn a27_a_plan_that_was_carried_out_is_shown_as_that_with_its_rejection_beside_it() {
    if !has("python3") {
        return;
    }
    let (bench, drafted) = gated_alone();
    let pipe = started(&bench);
    let child = begun(&bench, &drafted, &pipe);
    real(&bench, &["reject", &drafted.file, "--reason", "not now"]).exits(0);
    let_go(&bench, child).exits(0);
    let list = real(&bench, &["list"]).exits(0);
    assert!(list.stdout.contains(" completed ") && list.stdout.contains("rejected by"), "{}", list.stdout);
    let status = real(&bench, &["status", &drafted.file]).exits(0);
    assert!(status.stdout.contains(": completed\n") && status.stdout.contains("not now"), "{}", status.stdout);
    let stats = real(&bench, &["stats", "--json"]).exits(0).json();
    assert_eq!(stats["result"]["plans"]["completed"], 1, "{stats}");
}

#[test]
fn e23_a_remote_that_is_gone_when_a_step_has_acted_leaves_a_doubt_with_a_name() {
    if !has("python3") {
        return;
    }
    let (bench, drafted) = gated();
    let there = shared(&bench);
    let pipe = started(&bench);
    let child = begun(&bench, &drafted, &pipe);
    fs::rename(&there, bench.outside("away.git")).unwrap();
    let ran = let_go(&bench, child).refused(10, "run.indeterminate");
    let told = ran.json();
    let name = told["result"]["runId"].as_str().unwrap().to_owned();
    assert_eq!(told["result"]["steps"]["wait"], "indeterminate", "{told}");
    assert!(told["hints"][0].as_str().unwrap().contains(&format!("countersign resolve {name} --step wait")), "{told}");
    fs::rename(bench.outside("away.git"), &there).unwrap();
    assert_eq!(run_of(&bench, &drafted)["status"], "indeterminate");
    real(&bench, &["execute", &drafted.file, "--resume", &name, "--json"]).refused(10, "indeterminate");
    real(&bench, &["resolve", &name, "--step", "wait", "--as", "skip", "--reason", "it is there"]).exits(0);
    real(&bench, &["execute", &drafted.file, "--resume", &name]).exits(0);
    assert_eq!(lines(&bench), 1);
}

#[test]
fn e23_an_entry_that_the_remote_does_not_take_leaves_no_doubt() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new(super::scene::FILES);
    real(&bench, &["init", "--solo"]).exits(0);
    bench.commit("Set up countersign");
    let there = shared(&bench);
    let drafted = super::scene::real_plan(&bench, "plan");
    let hook = there.join("hooks/pre-receive");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let approve = ["approve", &drafted.file, "--digest", &drafted.digest, "--json"];
    real(&bench, &approve).refused(3, "ledger.refused");
    fs::remove_file(&hook).unwrap();
    real(&bench, &approve).exits(0);
    // A claim that is not there claimed nothing.

    fs::write(&hook, "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    real(&bench, &["execute", &drafted.file, "--json"]).refused(3, "ledger.refused");
    fs::remove_file(&hook).unwrap();

    real(&bench, &["execute", &drafted.file]).exits(0);
}

#[test]
fn e05_a_step_that_was_killed_by_its_time_limit_is_not_run_again_without_a_signature() {
    if !has("python3") {
        return;
    }
    let (bench, _) = waiting();
    bench.write("pipelines/wait.yml", WAIT.replace("timeout: 2m", "timeout: 1s"));
    bench.git(&["commit", "-q", "-am", "Wait a second"]);
    let drafted = draft(&bench);
    let _pipe = started(&bench);
    let ran = real(&bench, &["execute", &drafted.file, "--json"]).refused(10, "run.indeterminate");
    let told = ran.json();
    let name = told["result"]["runId"].as_str().unwrap().to_owned();
    assert_eq!(told["result"]["failures"][0]["class"], "transient", "{told}");
    real(&bench, &["execute", &drafted.file, "--resume", &name, "--json"]).refused(10, "indeterminate");
    assert_eq!(lines(&bench), 1);
    let line = ["resolve", &name, "--step", "wait", "--as", "skip", "--reason", "it did its work", "--json"];
    real(&bench, &line).exits(0);
    real(&bench, &["execute", &drafted.file, "--resume", &name]).exits(0);
    assert_eq!(lines(&bench), 1);
}

#[test]
fn we15_the_class_of_a_failure_what_happened_and_what_to_do_stand_in_all_four_places() {
    let bench = solo();
    let drafted = plan(&bench, "careful", &[]);
    approve(&bench, "ada", &drafted, &[]).exits(0);
    let ran = bench.json(&["execute", &drafted.file]).refused(7, "run.failed");
    let failure = ran.json()["result"]["failures"][0].clone();
    let (what, next) = (failure["what"].as_str().unwrap().to_owned(), failure["next"].as_str().unwrap().to_owned());
    let class = failure["class"].as_str().unwrap().to_owned();
    assert_eq!(failure["step"], "ready");
    assert!(!what.is_empty() && !next.is_empty());
    assert_eq!(ran.json()["result"]["failures"].as_array().unwrap().len(), 1);
    let console = ran.stderr;
    let status = bench.run(&["status", &drafted.file]).exits(0).stdout;
    for told in [console, status] {
        for part in [&what, &next, &class] {
            assert!(told.contains(part.as_str()), "{part} is not in {told}");
        }
    }
    let shown = bench.json(&["status", &drafted.file]).exits(0).json();
    assert_eq!(shown["result"]["runs"][0]["failures"], json!([failure]));
}

#[test]
fn a_repository_that_is_halted_says_so_by_whom_why_and_since_when() {
    let bench = solo();
    let drafted = plan(&bench, "mark", &[]);
    let calm = bench.run(&["status"]).exits(0).stdout;
    assert!(calm.starts_with("not halted\n") && calm.contains(&drafted.digest), "{calm}");
    assert!(!bench.run(&["list"]).exits(0).stdout.contains("halted"));
    bench.run(&["halt", "--reason", "incident 42"]).exits(0);
    for command in ["status", "list", "stats"] {
        let told = bench.run(&[command]).exits(0).stdout;
        assert!(told.lines().next().unwrap().contains("halted by ada since"), "{command}: {told}");
        assert!(told.lines().next().unwrap().ends_with(": incident 42"), "{command}: {told}");
    }
    assert!(bench.run(&["doctor"]).stdout.contains(": incident 42; nothing executes"));
    let shown = bench.json(&["status"]).exits(0).json();
    assert_eq!((&shown["decision"], &shown["result"]["halt"]["by"]), (&json!("halted"), &json!("ada")));
    bench.run(&["halt", "--lift", "--reason", "over"]).exits(0);
    assert_eq!(bench.json(&["status"]).exits(0).json()["result"]["halted"], false);
}

#[test]
fn a_folder_for_temporary_files_that_is_not_there_is_said_as_that() {
    let (bench, drafted) = gated_alone();
    let mut command = bench.binary();
    let command = command.args(["execute", &drafted.file, "--json"]).env("TMPDIR", bench.outside("nowhere"));
    let ran = super::support::ran(command.output().unwrap()).refused(1, "io.failed");
    assert!(ran.json()["hints"][0].as_str().unwrap().contains("TMPDIR"), "{}", ran.stdout);
    let log = super::support::ran(bench.binary().args(["ledger", "log"]).output().unwrap()).exits(0);
    assert!(!log.stdout.contains("claim"), "{}", log.stdout);
}

/// The keeper of the step under way: the runner's child.
fn keeper_of(runner: u32) -> i32 {
    let tasks = fs::read_dir(format!("/proc/{runner}/task")).unwrap();
    let children = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default());
    let children: Vec<i32> =
        children.flat_map(|all| all.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>()).collect();
    let [keeper] = children[..] else { panic!("{children:?}") };
    keeper
}

#[test]
fn c17_whoever_ends_runner_and_keeper_together_leaves_no_step_behind() {
    if !has("python3") {
        return;
    }
    let (bench, drafted) = gated_alone();
    let mut pipe = started(&bench);
    let mut child = begun(&bench, &drafted, &pipe);
    let keeper = rustix::process::Pid::from_raw(keeper_of(child.id())).unwrap();
    child.kill().unwrap();
    rustix::process::kill_process(keeper, rustix::process::Signal::KILL).unwrap();
    child.wait().unwrap();
    // The step held the pipe; nobody is there to end it.
    wait_until_gone(&mut pipe);
    assert_eq!(run_of(&bench, &drafted)["executor"], "gone");
    assert_eq!(lines(&bench), 1);
}
