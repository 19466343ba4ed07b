//! What a run shows in CI, by the real binary, held against the runner's own rules.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::{fd::AsFd as _, unix::fs::OpenOptionsExt as _},
    path::PathBuf,
    process::{Command, Stdio},
};

use countersign::{
    base::digest::Digest,
    event::{ActionRecord, RunEvent, RunOutcome, RunStatus, StepOutcome, StepStatus, StreamRecord},
    report::{
        Report, Style, formats,
        json_v1::{Envelope, Finding, Level},
        workflow::{Tokens, command, masks, output, plain, plain_json, silenced},
    },
};
use proptest::prelude::*;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Value, json};

use super::{
    runner_rules::{Runner, outputs},
    scene::{FILES, approve, has, plan, ran_something, real, real_plan, real_solo, solo, solo_with, tip},
    support::{Bench, Ran, ran},
};

/// The files that a runner gives each step.
const ORDERS: [&str; 5] = ["GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"];

/// Every output, always.
const OUTPUTS: [&str; 15] = [
    "decision",
    "reason-code",
    "result",
    "plan-digest",
    "head-sha",
    "plan-path",
    "view-path",
    "approval-path",
    "bundle-path",
    "run-id",
    "risk",
    "effect",
    "expires-at",
    "approvals-have",
    "approvals-need",
];

/// A secret of the job that nothing may show.
const TOKEN: &str = "ghs_0123456789abcdefghijABCDEFGHIJ012345";

/// The folder of the runner's files, apart from the checkout.
fn folder(bench: &Bench) -> PathBuf {
    bench.outside("runner")
}

/// The variables of a job's step, with fresh files.
fn step(bench: &Bench) -> Vec<(String, String)> {
    fs::create_dir_all(folder(bench)).unwrap();
    let mut all = vec![("GITHUB_ACTIONS".to_owned(), "true".to_owned()), ("GITHUB_TOKEN".into(), TOKEN.into())];
    for name in ORDERS {
        let path = folder(bench).join(name);
        let _ = fs::remove_file(&path);
        fs::write(&path, "").unwrap();
        all.push((name.to_owned(), path.display().to_string()));
    }
    all
}

/// What a step left behind.
struct Left {
    ran: Ran,
    outputs: BTreeMap<String, String>,
    summary: String,
    /// Standard error, as the runner takes it.
    log: Runner,
}

impl Left {
    fn of(bench: &Bench, ran: Ran) -> Self {
        let text = fs::read_to_string(folder(bench).join("GITHUB_OUTPUT")).unwrap();
        let pairs = outputs(&text).unwrap();
        let log = Runner::read(&ran.stderr);
        assert_eq!(log.stopped, None, "commands are taken again: {}", ran.stderr);
        assert!(Runner::read(&ran.stdout).taken.is_empty(), "standard output holds no command: {}", ran.stdout);
        let summary = fs::read_to_string(folder(bench).join("GITHUB_STEP_SUMMARY")).unwrap();
        Self { ran, outputs: pairs.into_iter().collect(), summary, log }
    }

    fn output(&self, name: &str) -> &str {
        &self.outputs[name]
    }
}

/// Runs the real binary as a step of a job.
fn job(bench: &Bench, args: &[&str], more: &[(&str, &str)]) -> Left {
    let output =
        bench.binary().args(args).envs(step(bench)).envs(more.iter().copied()).stdin(Stdio::null()).output().unwrap();
    Left::of(bench, ran(output))
}

/// Runs the tool in this process as a step of a job.
fn inside(bench: &Bench, args: &[&str], more: &[(&str, &str)]) -> Left {
    let variables = step(bench);
    let mut all: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    all.extend(more);
    Left::of(bench, bench.run_with(args, &all, "", false))
}

/// Pieces of which commands are made, put together at random.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "::",
        ":",
        "##[",
        "#",
        "[",
        "]",
        "error",
        "ERROR",
        "set-env name=A",
        "stop-commands",
        "add-path",
        "warning",
        "group",
        "endgroup",
        "\n",
        "\r",
        "\r\n",
        " ",
        "\t",
        "%",
        "%0A",
        "%0D",
        "%3A",
        "%25",
        "\u{85}",
        "\u{a0}",
        "\u{2028}",
        "\u{200b}",
        "\u{feff}",
        "\u{34f}",
        "\u{ad}",
        "\u{1b}[2K",
        "\u{8}",
        "\u{9b}",
        "\0",
        ",",
        "=",
        ";",
        "x",
        "é",
        "\\",
    ]);
    prop_oneof![
        prop::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat()),
        any::<String>(),
        prop::sample::select(vec!["::error::x", "  ::SET-ENV name=PATH::/x", "a ##[Add-Path]/x", "\u{feff}::error::x"])
            .prop_map(str::to_owned),
    ]
}

#[test]
fn a_character_that_the_runner_ignores_hides_no_order() {
    for ignored in ["\u{34f}", "\u{ad}", "\u{200b}", "\u{2060}", "\u{feff}", "\0"] {
        let shown = plain(&format!("{ignored}::error::x"));
        assert!(Runner::read(&shown).taken.is_empty(), "{shown:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a39_a40_no_text_that_is_made_plain_gives_the_runner_an_order(text in hostile(), before in hostile()) {
        let shown = plain(&text);
        prop_assert!(Runner::read(&shown).taken.is_empty(), "{:?}", shown);
        prop_assert_eq!(&plain(&shown), &shown, "once is enough");
        prop_assert_eq!(shown.lines().count(), text.split_inclusive('\n').count(), "lines stay lines");
        let together = format!("{}\n{shown}", plain(&before));
        prop_assert!(Runner::read(&together).taken.is_empty());
        let bad = shown.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
        prop_assert_eq!(bad, None, "no CR, no ESC, no C0, no C1");
        let line = json!({ text.clone(): [text.clone()] }).to_string();
        let made = plain_json(&line);
        prop_assert!(Runner::read(&made).taken.is_empty(), "{:?}", made);
        prop_assert_eq!(serde_json::from_str::<Value>(&made).unwrap(), serde_json::from_str::<Value>(&line).unwrap());
    }

    #[test]
    fn a39_between_the_marks_nothing_is_taken_and_after_them_all_is(text in hostile(), seed in any::<[u8; 32]>()) {
        let mut tokens = Tokens::new(seed);
        let log = format!("{}::notice::after\n", silenced(&text, &mut tokens));
        let runner = Runner::read(&log);
        prop_assert_eq!(runner.names(), ["stop-commands", "(resume)", "notice"]);
        // The marks hold by themselves, also around text that nobody made plain.
        let token = tokens.fresh();
        let runner = Runner::read(&format!("::stop-commands::{token}\n{text}\n::{token}::\n::notice::after\n"));
        prop_assert_eq!(runner.names(), ["stop-commands", "(resume)", "notice"]);
    }

    #[test]
    fn a40_a_command_of_ours_says_what_we_meant_whatever_the_text(title in hostile(), file in hostile(), data in hostile()) {
        let line = command("error", &[("file", &file), ("title", &title)], &data);
        let runner = Runner::read(line.trim_end_matches('\n'));
        prop_assert_eq!(runner.names(), ["error"], "{:?}", line);
        let taken = &runner.taken[0];
        prop_assert_eq!(&taken.data, &plain(&data));
        for (name, value) in [("file", &file), ("title", &title)] {
            let got = taken.properties.get(name).map(|value| value.trim()).unwrap_or_default();
            prop_assert!(got == plain(value).trim(), "{:?} is not {:?}", got, value);
        }
        prop_assert!(taken.properties.keys().all(|key| ["file", "title"].contains(&key.as_str())));
    }

    #[test]
    fn a38_a_value_writes_no_key_but_its_own(text in hostile(), other in hostile(), seed in any::<[u8; 32]>()) {
        // Also where the value holds the mark that would have come next.
        let mark = Tokens::new(seed).fresh();
        for value in [text.clone(), format!("{text}\ncountersign_{mark}\ndecision=approved\n")] {
            let mut tokens = Tokens::new(seed);
            let file = output("plan-path", &value, &mut tokens) + &output("decision", &other, &mut tokens);
            let read = outputs(&file).unwrap();
            prop_assert_eq!(read, [("plan-path".to_owned(), value), ("decision".to_owned(), other.clone())]);
        }
    }

    #[test]
    fn a39_a40_a53_the_log_of_a_run_takes_no_order_from_what_programs_and_plans_say(text in hostile(), seed in any::<[u8; 32]>()) {
        let report = report(&text);
        for verbose in [false, true] {
            let style = Style { seed: Some(seed), verbose, ..Style::default() };
            let runner = Runner::read(&written(style, &report));
            prop_assert_eq!(&runner.stopped, &None);
            let mut names = runner.names();
            let debugs = names.iter().filter(|name| **name == "debug").count();
            names.retain(|name| *name != "debug");
            let marked = ["stop-commands", "(resume)"].repeat(if text.lines().all(|l| l.trim().is_empty()) { 0 } else { 2 });
            let expected = [&["group"][..], &marked, &["endgroup", "error", "error", "warning"]].concat();
            prop_assert_eq!(names, expected);
            prop_assert_eq!(debugs, if verbose { 2 } else { 0 });
            prop_assert!(runner.of("error").iter().all(|taken| taken.properties["title"].starts_with("Countersign")));
        }
        // Without a secret seed there is no mark, and then nothing of a program is shown.
        let silent = Runner::read(&written(Style::default(), &report));
        prop_assert_eq!(silent.names(), ["group", "endgroup", "error", "error", "warning"]);
    }
}

fn written(style: Style, report: &Report) -> String {
    let mut renderer = formats::find("github").unwrap().renderer(style);
    let mut out = Vec::new();
    report.events.iter().for_each(|event| renderer.event(&mut out, event).unwrap());
    renderer.finish(&mut out, report).unwrap();
    String::from_utf8(out).unwrap()
}

/// A run of one step that failed, with a text wherever there may be one.
fn report(text: &str) -> Report {
    let at = countersign::base::time::Timestamp::from_unix(1_900_000_000);
    let stream = || StreamRecord { digest: Digest::of(b"x"), bytes: 1, truncated: false, tail: text.to_owned() };
    let outcome = StepOutcome {
        status: StepStatus::Failed,
        reason_code: Some(text.to_owned()),
        class: None,
        what: Some(text.to_owned()),
        next: Some(text.to_owned()),
        actions: vec![ActionRecord {
            kind: "run".parse().unwrap(),
            target: text.to_owned(),
            digest: Some(Digest::of(b"x")),
            exit_code: Some(1),
            signal: None,
            stdout: Some(stream()),
            stderr: Some(stream()),
            sandbox: Some(text.to_owned()),
            survivors_killed: 0,
            millis: 7,
        }],
        verified: 0,
        outputs: BTreeMap::from([("sum".parse().unwrap(), countersign::base::value::Scalar::Text(text.to_owned()))]),
    };
    let finding = |level| Finding {
        code: text.to_owned(),
        level,
        message: text.to_owned(),
        file: Some(text.to_owned()),
        line: Some(3),
        column: None,
        snippet: None,
        help: Some(text.to_owned()),
        subject: Some(text.to_owned()),
    };
    let run: countersign::base::ident::Id = "run-1".parse().unwrap();
    let step: countersign::base::ident::Id = "bad".parse().unwrap();
    Report {
        events: vec![
            RunEvent::RunStarted { run, plan: Digest::of(b"plan"), steps: 1, at },
            RunEvent::StepStarted { step: step.clone(), attempt: 1, idempotency_key: Digest::of(b"key"), at },
            RunEvent::StepFinished { step, attempt: 1, outcome: Box::new(outcome), retrying: false, at },
            RunEvent::RunFinished {
                outcome: RunOutcome {
                    status: RunStatus::Failed,
                    reason_code: Some(text.to_owned()),
                    steps: BTreeMap::new(),
                },
                at,
            },
        ],
        findings: vec![finding(Level::Warning), finding(Level::Error), finding(Level::Note)],
        ..Report::new(Envelope { exit_code: 7, ..Envelope::done("execute", Value::Null) })
    }
}

#[test]
fn a39_without_the_guards_the_same_text_gives_orders() {
    // The negative control: what the tests above hold back is taken where nothing holds it back.
    let raw = "  ::error::x\nlook ##[Set-Env name=PATH]/evil\nshown\r::add-path::/evil\n";
    assert_eq!(Runner::read(raw).names().len(), 3);
    assert!(Runner::read(&plain(raw)).taken.is_empty());
    let raw = "plan-path=a\ndecision=approved\n";
    assert_eq!(outputs(raw).unwrap().len(), 2, "without a heredoc a line feed makes a second key");
}

#[test]
fn a38_outputs_have_fixed_names_and_tell_what_the_command_found() {
    let bench = real_solo();
    let drafted = job(&bench, &["plan", "mark", "--out", "../a\nplan-digest=evil\n.json"], &[]);
    assert_eq!(drafted.ran.code, 0, "{}", drafted.ran.stderr);
    assert_eq!(drafted.outputs.keys().map(String::as_str).collect::<std::collections::BTreeSet<_>>(), OUTPUTS.into());
    assert_eq!(drafted.output("plan-path"), "../a\nplan-digest=evil\n.json", "a value is one value");
    let digest = drafted.output("plan-digest").to_owned();
    assert!(digest.parse::<Digest>().is_ok(), "{digest}");
    assert_eq!((drafted.output("decision"), drafted.output("reason-code")), ("done", "ok"));
    assert_eq!((drafted.output("effect"), drafted.output("risk")), ("write", "none"));
    assert!(drafted.output("expires-at").ends_with('Z'));
    assert_eq!(serde_json::from_str::<Value>(drafted.output("result")).unwrap()["planDigest"], digest);

    let reviewed = job(&bench, &["review", &digest], &[]);
    assert_eq!((reviewed.output("decision"), reviewed.output("plan-digest")), ("needs-approval", digest.as_str()));
    let pending = job(&bench, &["verify", &digest], &[]);
    assert_eq!(pending.ran.code, 4);
    assert_eq!((pending.output("approvals-have"), pending.output("approvals-need")), ("0", "1"));
    assert!(pending.log.of("error").is_empty() && !pending.log.of("warning").is_empty(), "waiting is no failure");
    let approved = job(&bench, &["approve", &digest, "--digest", &digest, "--out", "../approval.json"], &[]);
    assert_eq!((approved.output("decision"), approved.output("approval-path")), ("approved", "../approval.json"));
    let executed = job(&bench, &["execute", &digest, "--bundle", "../bundle.json"], &[]);
    assert_eq!((executed.output("decision"), executed.output("bundle-path")), ("completed", "../bundle.json"));
    assert!(executed.output("run-id").starts_with("run-") && ran_something(&bench));
    let again = job(&bench, &["execute", &digest, "--json"], &[]);
    assert_eq!((again.ran.code, again.output("reason-code")), (6, "replay.consumed"));
    assert_eq!(again.output("run-id"), "", "no output is left over from a command before");
    assert!(!again.log.of("error").is_empty());
    assert_eq!(again.ran.json()["reasonCode"], "replay.consumed", "JSON stays one object on standard output");

    // What is not chosen is not written, and a word that is none refuses.
    let none = job(&bench, &["verify", &digest, "--ci", "none"], &[]);
    assert!(none.outputs.is_empty() && none.summary.is_empty() && none.log.taken.is_empty());
    let none = job(&bench, &["verify", &digest], &[("COUNTERSIGN_CI", "none")]);
    assert!(none.outputs.is_empty());
    assert_eq!(job(&bench, &["stats"], &[("COUNTERSIGN_CI", "travis")]).ran.code, 2);
    let text = bench.binary().args(["verify", &digest]).output().unwrap();
    assert!(
        Runner::read(&String::from_utf8(text.stderr).unwrap()).taken.is_empty(),
        "outside CI no command is written"
    );
}

#[test]
fn a38_outputs_are_appended_to_plain_files_that_are_there_and_to_nothing_else() {
    let bench = solo();
    let before = tip(&bench);
    let path = folder(&bench).join("GITHUB_OUTPUT");
    let precious = bench.outside("precious");
    fs::write(&precious, "untouched").unwrap();
    let make: [(&str, &dyn Fn()); 5] = [
        ("nothing", &|| {}),
        ("link", &|| std::os::unix::fs::symlink(&precious, &path).unwrap()),
        ("second name", &|| fs::hard_link(&precious, &path).unwrap()),
        ("folder", &|| fs::create_dir(&path).unwrap()),
        ("pipe", &|| assert!(Command::new("mkfifo").arg(&path).status().unwrap().success())),
    ];
    for (what, make) in make {
        let variables = step(&bench);
        fs::remove_file(&path).unwrap();
        make();
        let all: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let ran = bench.run_with(&["plan", "mark", "--json"], &all, "", false);
        assert_eq!((ran.code, ran.json()["reasonCode"].as_str()), (2, Some("runner.file_unsafe")), "{what}");
        assert_eq!(tip(&bench), before, "{what}: refused before anything was recorded");
        assert_eq!(fs::read_to_string(&precious).unwrap(), "untouched", "{what}");
        let _ = fs::remove_dir(&path);
    }
    // The honest twin, behind a line that somebody left open.
    let variables = step(&bench);
    fs::write(&path, "mine=1").unwrap();
    let all: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    bench.run_with(&["plan", "mark"], &all, "", false).exits(0);
    let read = outputs(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!((read.len(), &read[0]), (16, &("mine".to_owned(), "1".to_owned())));
}

#[test]
fn outputs_stay_within_their_limit_and_say_what_is_left_out() {
    let bench = solo();
    let variables = step(&bench);
    let path = folder(&bench).join("GITHUB_OUTPUT");
    fs::write(&path, format!("big={}\n", "x".repeat(499_600))).unwrap();
    let all: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let ran = bench.run_with(&["plan", "mark"], &all, "", false).exits(0);
    let read: BTreeMap<_, _> = outputs(&fs::read_to_string(&path).unwrap()).unwrap().into_iter().collect();
    assert!(read["result"].is_empty() && !read["plan-digest"].is_empty());
    assert!(ran.stderr.contains("`result` is left empty"), "{}", ran.stderr);
}

/// A program that prints orders, shows its variables, tries to write where it must not, and looks into the processes
/// around it, whose variables and memory hold what the job may ask tokens with.
const HOSTILE: &str = "import os, sys
for line in ['::error::injected', '  ::set-output name=decision::approved', 'x ##[ADD-PATH]/evil', 'a\\r::error::b',
             '::stop-commands::pause', '\\x1b[2J\\x9b1m::warning::w', 'section_start:1:evil\\r\\x1b[0K']:
    print(line)
    print(line, file=sys.stderr)
seen = sorted(name for name in os.environ if name.startswith(('GITHUB_', 'ACTIONS_', 'RUNNER_', 'CI')) or 'TOKEN' in name)
written = 0
for path in sys.argv[1:]:
    for target in [path, os.path.dirname(path) + '/new']:
        try:
            with open(target, 'a') as file:
                file.write('EVIL=1\\n')
            written += 1
        except OSError:
            pass
try:
    pids = {int(name) for name in os.listdir('/proc') if name.isdigit()}
except OSError:
    pids = set()
reached = 0
for pid in pids | {os.getppid()} | set(range(max(1, os.getpid() - 300), os.getpid())):
    for name in ['environ', 'mem', 'cmdline', 'maps', 'fd/0']:
        try:
            with open(f'/proc/{pid}/{name}', 'rb') as file:
                reached += 1
        except OSError:
            pass
print('sum=seen:' + ','.join(seen) + ';written:' + str(written) + ';reached:' + str(reached))
sys.exit(int(open('fail.txt').read()))
";

fn hostile_scene() -> Bench {
    let bench = Bench::new(FILES);
    let targets: Vec<String> = ORDERS.map(|name| folder(&bench).join(name).display().to_string()).into();
    let targets = targets.iter().map(|path| format!(", '{path}'")).collect::<String>();
    let pipeline = format!(
        "description: Print orders.
effect: analyze
outputs: {{sum: {{type: string, maxLength: 500, from: {{stdoutLine: 'sum='}}}}}}
actions:
  - run: {{program: python3, argv: [-I, -B, '{{{{ scripts.hostile.py }}}}'{targets}], reads: [README.md, fail.txt]}}
"
    );
    bench.write("pipelines/hostile.yml", pipeline);
    bench.write("pipelines/hostile/hostile.py", HOSTILE);
    bench.write(
        "directives/hostile.md",
        "---\ntitle: 'Print ::error:: orders ##[error]'\npipelines: [hostile]\nceiling: {effect: analyze, risk: low}\nsteps:\n  - {id: hostile, pipeline: hostile}\n---\nPrints.\n",
    );
    bench.write("fail.txt", "1");
    bench.commit("Files");
    real(&bench, &["init", "--solo"]).exits(0);
    bench.commit("Set up countersign");
    bench
}

#[test]
fn a38_a39_a40_a53_what_a_program_prints_gives_no_order_and_no_file_of_the_runner_is_in_its_reach() {
    if !has("python3") {
        return;
    }
    let bench = hostile_scene();
    for fails in [true, false] {
        if !fails {
            bench.write("fail.txt", "0");
            bench.commit("Let it pass");
        }
        let drafted = job(&bench, &["plan", "hostile", "--out", "../hostile.json"], &[]);
        assert_eq!(drafted.ran.code, 0, "{}", drafted.ran.stderr);
        let digest = drafted.output("plan-digest").to_owned();
        real(&bench, &["approve", &digest, "--digest", &digest]).exits(0);
        let given = [
            ("ACTIONS_RUNTIME_TOKEN", "runtime-token-0123456789"),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "id-token-0123456789"),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://example.invalid"),
            ("RUNNER_DEBUG", "1"),
            ("RUNNER_TEMP", "/tmp"),
            ("CI", "true"),
        ];
        let left = job(&bench, &["execute", &digest], &given);
        assert_eq!(left.ran.code, if fails { 7 } else { 0 }, "{}{}", left.ran.stdout, left.ran.stderr);
        let mut names = left.log.names();
        names.retain(|name| !["debug", "add-mask"].contains(name));
        let marked = ["group", "stop-commands", "(resume)", "stop-commands", "(resume)", "endgroup"];
        assert_eq!(names[..6], marked, "{}", left.ran.stderr);
        assert_eq!(names[6..], if fails { vec!["error"] } else { vec![] }, "{}", left.ran.stderr);
        assert!(left.ran.stderr.contains("injected"), "it is shown, and takes no effect: {}", left.ran.stderr);
        assert!(!left.ran.stderr.contains(['\r', '\x1b', '\u{9b}']));
        let seen = left.ran.stderr.lines().filter_map(|line| line.split_once("sum=")).next().unwrap().1;
        let nothing = "seen:;written:0;reached:0";
        assert!(seen.starts_with(nothing), "no variable of the runner, no file, no process: {seen}");
        for name in ["GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE"] {
            assert_eq!(fs::read_to_string(folder(&bench).join(name)).unwrap(), "", "{name}");
        }
        assert!(!folder(&bench).join("new").exists());
        assert_eq!(left.outputs.len(), 15);
    }
}

/// A step that says that it has begun, and goes on when it is told to.
const WAITER: &str = "with open('gate/started.fifo', 'w') as started:
    started.write('here\\n')
with open('gate/go.fifo') as go:
    go.read()
print('sum=done')
";

const WAIT: &str = "description: Wait to be told.
effect: analyze
timeout: 2m
outputs: {sum: {type: string, from: {stdoutLine: 'sum='}}}
actions:
  - run: {program: python3, argv: [-I, -B, '{{ scripts.wait.py }}'], reads: [gate], writes: [gate]}
";

const WAITING: &str = "---
title: Wait, then leave a mark
pipelines: [wait, mark]
ceiling: {effect: write, risk: low}
steps:
  - {id: wait, pipeline: wait}
  - {id: mark, pipeline: mark, needs: [wait]}
---
Waits.
";

const ALONE: &str = "---
title: Wait
pipelines: [wait]
ceiling: {effect: write, risk: low}
steps:
  - {id: wait, pipeline: wait}
---
Waits.
";

/// Executes a plan; while its first step runs, something happens to the runner's files.
fn meanwhile(directive: &str, happens: impl FnOnce(&Bench)) -> (Bench, Left) {
    let wait = WAIT.replace("effect: analyze", "effect: write").replace(
        "actions:",
        "verify:\n  - run: {program: sha256sum, argv: [README.md], reads: [README.md]}\nevidence: [sum]\nactions:",
    );
    let files = [
        ("pipelines/wait.yml", wait.as_str()),
        ("pipelines/wait/wait.py", WAITER),
        ("directives/waiting.md", WAITING),
        ("directives/alone.md", ALONE),
    ];
    let bench = Bench::new(&[FILES, &files].concat());
    real(&bench, &["init", "--solo"]).exits(0);
    bench.commit("Set up countersign");
    fs::create_dir_all(bench.path("gate")).unwrap();
    for name in ["gate/started.fifo", "gate/go.fifo"] {
        assert!(Command::new("mkfifo").arg(bench.path(name)).status().unwrap().success());
    }
    let drafted = real(&bench, &["plan", directive, "--json"]).exits(0).json();
    let digest = drafted["result"]["planDigest"].as_str().unwrap().to_owned();
    real(&bench, &["approve", &digest, "--digest", &digest]).exits(0);
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap();
    let started = OpenOptions::new().read(true).custom_flags(flags).open(bench.path("gate/started.fifo")).unwrap();
    let mut command = bench.binary();
    command.args(["execute", &digest, "--json"]).envs(step(&bench)).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let patience = Timespec { tv_sec: 20, tv_nsec: 0 };
    let mut fds = [PollFd::from_borrowed_fd(started.as_fd(), PollFlags::IN)];
    if poll(&mut fds, Some(&patience)).unwrap() == 0 {
        let _ = child.kill();
        let ran = ran(child.wait_with_output().unwrap());
        panic!("the step did not begin: {}{}", ran.stdout, ran.stderr);
    }
    happens(&bench);
    let mut go: File = OpenOptions::new().write(true).open(bench.path("gate/go.fifo")).unwrap();
    go.write_all(b"go\n").unwrap();
    drop(go);
    let ran = ran(child.wait_with_output().unwrap());
    let left = Left::of(&bench, ran);
    (bench, left)
}

#[test]
fn a38_a_run_stops_where_a_file_of_the_runner_changed_during_a_step_and_the_file_is_put_back() {
    if !has("python3") {
        return;
    }
    for (directive, steps) in [("waiting", 2), ("alone", 1)] {
        let (bench, left) = meanwhile(directive, |bench| {
            fs::write(folder(bench).join("GITHUB_ENV"), "LD_PRELOAD=/tmp/evil.so\n").unwrap();
            fs::remove_file(folder(bench).join("GITHUB_PATH")).unwrap();
            std::os::unix::fs::symlink("/etc/passwd", folder(bench).join("GITHUB_PATH")).unwrap();
        });
        let said = left.ran.json();
        assert_eq!((left.ran.code, said["reasonCode"].as_str()), (5, Some("runner.filecommand_tampered")), "{said}");
        assert_eq!(said["result"]["steps"].as_object().unwrap().len(), steps);
        assert_eq!(said["result"]["runReasonCode"], "runner.filecommand_tampered");
        assert!(!ran_something(&bench), "the step after it ran");
        assert_eq!(fs::read_to_string(folder(&bench).join("GITHUB_ENV")).unwrap(), "", "the order stands");
        let path = folder(&bench).join("GITHUB_PATH");
        assert!(path.symlink_metadata().unwrap().is_file() && fs::read_to_string(path).unwrap().is_empty());
        assert_eq!(left.output("decision"), "halted");
        assert!(left.ran.stderr.contains("GITHUB_ENV changed during a step; it was put back"), "{}", left.ran.stderr);
        assert_eq!(
            real(&bench, &["status", said["result"]["runId"].as_str().unwrap(), "--json"]).json()["result"]["status"],
            "halted"
        );
    }
    // The honest twin.
    let (bench, left) = meanwhile("waiting", |_| {});
    assert_eq!(left.ran.code, 0, "{}{}", left.ran.stdout, left.ran.stderr);
    assert!(ran_something(&bench));
}

#[test]
fn a38_files_of_the_runner_in_the_checkout_are_refused_before_anything_runs() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &mark, &[]).exits(0);
    let before = tip(&bench);
    bench.write(".git/inside", "");
    let path = bench.path(".git/inside").display().to_string();
    // The guard holds whether or not anything is shown.
    for ci in ["none", "github"] {
        let ran = bench.run_with(&["execute", &mark.file, "--json", "--ci", ci], &[("GITHUB_ENV", &path)], "", false);
        assert_eq!((ran.code, ran.json()["reasonCode"].as_str()), (3, Some("runner.filecommand_exposed")));
    }
    assert!(!ran_something(&bench) && tip(&bench) == before);
    let outside = bench.outside("env").display().to_string();
    fs::write(&outside, "").unwrap();
    bench.run_with(&["execute", &mark.file], &[("GITHUB_ENV", &outside)], "", false).exits(0);
}

#[test]
fn a40_what_somebody_typed_or_wrote_gives_no_order_in_any_refusal() {
    let bench = solo();
    let title = "'##[error]x ::error::y'";
    bench.write("directives/bad.md", format!("---\ntitle: {title}\n::error::z: 1\n---\n"));
    bench.write("directives/worse.md", "---\ntitle: a\nunknown##[error]: 1\npipelines: [nowhere]\nsteps: []\n---\n");
    let lines: [&[&str]; 7] = [
        &["plan", "::error::x"],
        &["plan", "mark", "-i", "##[set-env name=A]b"],
        &["::error::x"],
        &["plan", "mark", "--nothing=\n::error::x"],
        &["status", "\n::add-path::/evil"],
        &["reasons", "##[add-path]/evil"],
        &["directives", "check"],
    ];
    for line in lines {
        for json in [&[][..], &["--json"]] {
            let left = inside(&bench, &[line, json].concat(), &[]);
            assert_eq!(left.ran.code, 2, "{line:?}: {}", left.ran.stderr);
            let rest: Vec<_> =
                left.log.names().into_iter().filter(|name| !["error", "add-mask"].contains(name)).collect();
            assert_eq!(rest, Vec::<&str>::new(), "{line:?}: {}", left.ran.stderr);
            assert!(left.log.of("error").iter().all(|taken| taken.properties["title"].starts_with("Countersign")));
        }
    }
    let left = inside(&bench, &["directives", "check"], &[]);
    let at = left.log.of("error");
    assert!(!at.is_empty() && at.iter().all(|taken| taken.properties["file"].starts_with("directives/")), "{at:?}");
    assert!(at.iter().any(|taken| taken.properties.contains_key("line") && taken.properties.contains_key("col")));
    // What goes into a file is no log, and stays what it is.
    bench.write("directives/bad.md", format!("---\ntitle: {title}\npipelines: [look]\nceiling: {{effect: analyze, risk: low}}\nsteps:\n  - {{id: look, pipeline: look}}\n---\n"));
    fs::remove_file(bench.path("directives/worse.md")).unwrap();
    let file = File::create(bench.outside("list.json")).unwrap();
    let mut command = bench.binary();
    command.args(["directives", "list", "--json"]).envs(step(&bench)).stdin(Stdio::null());
    assert!(command.stdout(file).stderr(Stdio::piped()).output().unwrap().status.success());
    assert!(fs::read_to_string(bench.outside("list.json")).unwrap().contains("##[error]x ::error::y"));
}

#[test]
fn annotations_are_bounded_and_the_rest_is_counted() {
    let finding = |level, n: u64| Finding {
        code: format!("code-{n}"),
        level,
        message: "m".to_owned(),
        file: Some("a.md".to_owned()),
        line: Some(n),
        column: None,
        snippet: None,
        help: None,
        subject: None,
    };
    let findings = (1..=12).map(|n| finding(Level::Error, n)).chain((1..=25).map(|n| finding(Level::Warning, n)));
    let report = Report {
        findings: findings.collect(),
        ..Report::new(Envelope { exit_code: 2, ..Envelope::done("directives check", Value::Null) })
    };
    let runner = Runner::read(&written(Style::default(), &report));
    assert_eq!((runner.of("error").len(), runner.of("warning").len()), (10, 10));
    assert!(
        runner.shown.contains(&"and 2 more errors, 15 more warnings: see the job summary".to_owned()),
        "{runner:?}"
    );
}

#[test]
fn a31_c35_debug_switches_say_more_and_show_no_secret() {
    let secret = "correct-horse-battery-staple-42";
    let bench = solo_with(&[
        ("pipelines/print.yml", "description: Print what is there.\neffect: analyze\nactions:\n  - run: {program: show, argv: [], secrets: [API_TOKEN]}\n"),
        ("directives/print.md", "---\ntitle: Print\npipelines: [print]\nenvironment: staging\nceiling: {effect: analyze, risk: low}\nsteps:\n  - {id: print, pipeline: print}\n---\nx\n"),
        (".countersign/policy.yml", "version: 1
expires: '2031-01-01T00:00:00Z'
execution: {enabled: true, sideEffects: true}
programs: {show: {path: /usr/bin/printenv}}
environments: [staging]
secrets: {API_TOKEN: {environment: [staging]}}
rules:
  - {id: all, when: {effect: {atMost: analyze}, secrets: [API_TOKEN], uninspectable: false}, then: {needsApproval: {people: 1, separation: none}}}
"),
    ]);
    let plain = |log: &Runner| log.shown.iter().map(|line| format!("{line}\n")).collect::<String>();
    let mut sizes = Vec::new();
    for debug in [&[][..], &[("ACTIONS_STEP_DEBUG", "true"), ("RUNNER_DEBUG", "1"), ("CI_DEBUG_TRACE", "true")]] {
        let print = plan(&bench, "print", &[]);
        approve(&bench, "ada", &print, &[]).exits(0);
        let left = inside(&bench, &["execute", &print.file], &[&[("API_TOKEN", secret)], debug].concat());
        assert_eq!(left.ran.code, 0, "{}", left.ran.stderr);
        let masked: Vec<_> = left.log.of("add-mask").iter().map(|taken| taken.data.as_str()).collect();
        assert_eq!(masked, [TOKEN, secret], "what the process was handed is masked");
        assert!(left.log.names().starts_with(&["add-mask", "add-mask"]), "before anything else");
        let rest = left.log.taken.iter().filter(|taken| taken.name != "add-mask");
        let mut everything =
            format!("{}{}{}{:?}", plain(&left.log), left.ran.stdout, left.summary, rest.collect::<Vec<_>>());
        everything.push_str(&format!("{:?}", left.outputs));
        assert!(!everything.contains(secret) && !everything.contains(TOKEN), "{everything}");
        assert!(everything.contains("API_TOKEN=[redacted]"), "{everything}");
        sizes.push(left.log.of("debug").len());
        bench.pass(60);
    }
    assert_eq!(sizes[0], 0);
    assert!(sizes[1] > 0, "the switch says more");
}

#[test]
fn c35_masks_hide_every_long_line_and_no_short_one() {
    let pem =
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8\nabc\n-----END PRIVATE KEY-----\n";
    let taken = Runner::read(&masks(pem)).taken;
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].data, "MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8");
    assert_eq!(masks("true"), "");
    assert_eq!(Runner::read(&masks("a%0Ab::c%25d\r\nsecond line")).taken[0].data, "a%0Ab::c%25d");
}

/// The parts of a summary that a reader would see.
fn headings(summary: &str) -> Vec<&str> {
    summary.lines().filter(|line| line.starts_with('#')).collect()
}

#[test]
fn c29_c31_a_summary_holds_the_view_of_the_plan_byte_for_byte() {
    let bench = real_solo();
    let drafted = job(&bench, &["plan", "careful", "--out", "../careful.json"], &[]);
    let digest = drafted.output("plan-digest").to_owned();
    real(&bench, &["render", &digest, "--format", "markdown", "--out", "../view.md"]).exits(0);
    let view = fs::read_to_string(bench.outside("view.md")).unwrap();
    for args in [&["review", &digest][..], &["verify", &digest]] {
        let left = job(&bench, args, &[]);
        assert!(left.summary.ends_with(&view), "{args:?}: {}", left.summary);
        assert!(left.summary.contains("```mermaid\nflowchart TD\n  s0[\"mark · write\"]\n  s1(\"ready · analyze\")\n"));
        assert!(left.summary.contains("  s0 --> s1\n  s1 --> s2\n```\n"), "{}", left.summary);
        assert!(!left.summary.contains("<details"));
    }
    assert!(drafted.summary.ends_with(&view));
    real(&bench, &["approve", &digest, "--digest", &digest]).exits(0);
    let executed = job(&bench, &["execute", &digest], &[]);
    assert_eq!(executed.ran.code, 7);
    let heads = headings(&executed.summary);
    assert_eq!(heads, ["## Countersign ` execute `: ` failed `", "### Order of the steps", "### Steps", "### Checks"]);
    assert!(executed.summary.contains("| ` mark ` | write | succeeded |"), "{}", executed.summary);
    assert!(executed.summary.contains("| ` look ` | analyze | blocked |"), "{}", executed.summary);
    assert!(executed.summary.contains("s1(\"ready · analyze · failed\")"), "{}", executed.summary);
    assert_eq!(executed.summary.matches("| passed |").count(), 24, "every check of verify");
    assert_eq!(executed.log.of("group").len(), 3);
}

#[test]
fn c29_a_view_that_does_not_fit_the_summary_is_left_out_whole_and_its_place_is_named() {
    let bench = solo();
    let variables = step(&bench);
    let path = folder(&bench).join("GITHUB_STEP_SUMMARY");
    let before = format!("{}\n", "x".repeat(1_048_576 - 2_500));
    fs::write(&path, &before).unwrap();
    let all: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let drafted = bench.run_with(&["plan", "mark", "--json"], &all, "", false).exits(0).json();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.len() <= 1_048_576, "{}", text.len());
    let ours = text.strip_prefix(&before).unwrap();
    assert!(ours.contains("never shortened") && !ours.contains("# Plan to countersign"), "{ours}");
    assert!(ours.contains(&format!("countersign render {}", drafted["result"]["planDigest"].as_str().unwrap())));
    // Where nothing fits, nothing is written, and the log says so.
    let full = "x".repeat(1_048_570);
    fs::write(&path, &full).unwrap();
    let ran = bench.run_with(&["plan", "mark"], &all, "", false).exits(0);
    assert_eq!(fs::read_to_string(&path).unwrap(), full);
    assert!(ran.stderr.contains("no room left"), "{}", ran.stderr);
}

#[test]
fn files_of_reports_are_written_for_every_command_that_takes_them_and_also_where_it_is_refused() {
    let bench = real_solo();
    let drafted = real_plan(&bench, "files");
    let files = |name: &str| {
        let path = |ending: &str| format!("../{name}.{ending}");
        [("--junit", path("xml")), ("--sarif", path("sarif")), ("--summary", path("md"))]
    };
    bench.write("directives/bad.md", "---\ntitle: a\nunknown: 1\n---\n");
    let lines: [(&str, &[&str], i32); 7] = [
        ("plan", &["plan", "look"], 0),
        ("review", &["review", &drafted.file], 0),
        ("verify", &["verify", &drafted.file], 4),
        ("execute", &["execute", &drafted.file], 4),
        ("directives", &["directives", "check"], 2),
        ("pipelines", &["pipelines", "check"], 0),
        ("policy", &["policy", "check"], 0),
    ];
    for (name, line, code) in lines {
        let options = files(name);
        let more: Vec<&str> = options.iter().flat_map(|(option, path)| [*option, path.as_str()]).collect();
        let ran = real(&bench, &[line, &more].concat());
        assert_eq!(ran.code, code, "{name}: {}", ran.stderr);
        let read = |ending: &str| fs::read_to_string(bench.outside(&format!("{name}.{ending}"))).unwrap();
        junit(&read("xml"), code != 0);
        sarif(&serde_json::from_str(&read("sarif")).unwrap(), code);
        assert!(read("md").starts_with("## Countersign ` "), "{name}");
    }
    let approved = ["approve", &drafted.file, "--digest", &drafted.digest];
    real(&bench, &approved).exits(0);
    // A file that cannot be written is refused before anything runs for its sake.
    real(&bench, &["execute", &drafted.file, "--junit", "../nowhere/run.xml"]).exits(2);
    assert!(!bench.outside("nowhere").exists() && !ran_something(&bench));
}

/// The rules that readers of JUnit XML share: nesting, counts, attributes, and text that is XML at all.
#[track_caller]
fn junit(text: &str, bad: bool) {
    assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\""), "{text}");
    assert!(text.ends_with("</testsuites>\n"));
    let attribute = |tag: &str, name: &str| {
        let (_, rest) = tag.split_once(&format!(" {name}=\"")).unwrap_or_else(|| panic!("no {name}: {tag}"));
        rest.split('"').next().unwrap().to_owned()
    };
    let (mut cases, mut failures, mut errors, mut skipped, mut open) = (0, 0, 0, 0, Vec::new());
    let mut declared = [0; 4];
    let (mut suites, mut all_bad) = (0, 0);
    for tag in text.split('<').skip(2) {
        let (inside, after) = tag.split_once('>').expect("every tag is closed");
        assert!(after.trim().is_empty(), "no text between tags: {after}");
        let name = inside.split([' ', '/']).find(|part| !part.is_empty()).unwrap();
        if let Some(closed) = inside.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(closed));
            if closed == "testsuite" {
                assert_eq!(declared, [cases, failures, errors, skipped], "the counts are right");
                (cases, failures, errors, skipped) = (0, 0, 0, 0);
            }
            continue;
        }
        let parent = open.last().map(String::as_str);
        match name {
            "testsuites" => assert_eq!(parent, None),
            "testsuite" => {
                assert_eq!(parent, Some("testsuites"));
                suites += 1;
                assert!(!attribute(inside, "name").is_empty());
                declared =
                    ["tests", "failures", "errors", "skipped"].map(|name| attribute(inside, name).parse().unwrap());
                attribute(inside, "time").parse::<f64>().unwrap();
            }
            "testcase" => {
                assert_eq!(parent, Some("testsuite"));
                cases += 1;
                assert!(!attribute(inside, "name").is_empty() && !attribute(inside, "classname").is_empty());
                attribute(inside, "time").parse::<f64>().unwrap();
            }
            "failure" | "error" => {
                assert_eq!(parent, Some("testcase"));
                all_bad += 1;
                *(if name == "failure" { &mut failures } else { &mut errors }) += 1;
                assert!(!attribute(inside, "type").is_empty() && !attribute(inside, "message").is_empty());
            }
            "skipped" => {
                assert_eq!(parent, Some("testcase"));
                skipped += 1;
            }
            other => panic!("no element of JUnit: {other}"),
        }
        if !inside.ends_with('/') {
            open.push(name.to_owned());
        }
    }
    assert!(open.is_empty() && suites > 0, "{text}");
    assert_eq!(all_bad > 0, bad, "a refusal is never green, and green is never red: {text}");
}

/// The essentials of the SARIF 2.1.0 schema, and what code scanning asks for besides.
#[track_caller]
fn sarif(value: &Value, code: i32) {
    let only = |value: &Value, known: &[&str]| {
        let members = value.as_object().unwrap();
        assert!(members.keys().all(|key| known.contains(&key.as_str())), "{value}");
    };
    only(value, &["$schema", "version", "runs"]);
    assert_eq!(value["version"], "2.1.0");
    assert!(value["$schema"].as_str().unwrap().contains("sarif-2.1.0"));
    let runs = value["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1);
    only(&runs[0], &["tool", "columnKind", "invocations", "results"]);
    assert!(["utf16CodeUnits", "unicodeCodePoints"].contains(&runs[0]["columnKind"].as_str().unwrap()));
    let driver = &runs[0]["tool"]["driver"];
    only(driver, &["name", "semanticVersion", "informationUri", "rules"]);
    assert!(driver["name"].is_string());
    let rules: Vec<&str> =
        driver["rules"].as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    let mut unique = rules.clone();
    unique.dedup();
    assert_eq!(unique, rules, "rules are unique");
    let invocation = &runs[0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"].as_bool(), Some(code == 0));
    assert_eq!(invocation["exitCode"].as_i64(), Some(i64::from(code)));
    let results = runs[0]["results"].as_array().unwrap();
    assert!(code == 0 || !results.is_empty(), "a refusal is a result");
    for result in results {
        only(result, &["ruleId", "level", "message", "locations"]);
        assert!(rules.contains(&result["ruleId"].as_str().unwrap()));
        assert!(["none", "note", "warning", "error"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let locations = result["locations"].as_array().unwrap();
        assert_eq!(locations.len(), 1, "code scanning takes no result without a place");
        let place = &locations[0]["physicalLocation"];
        only(place, &["artifactLocation", "region"]);
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(!uri.is_empty() && !uri.starts_with('/') && uri.bytes().all(|b| b.is_ascii_graphic()), "{uri}");
        only(&place["region"], &["startLine", "startColumn", "snippet"]);
        assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
        assert!(place["region"]["startColumn"].as_u64().is_none_or(|column| column >= 1));
    }
}
