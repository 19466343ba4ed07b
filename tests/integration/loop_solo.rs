//! The whole loop as one person meets it, through the command line only.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{
    scene::{
        CANARY, FILES, approve, has, key_file, newest_approval, plan, python, ran_something, real, real_plan,
        real_solo, refused, runner, runs, solo, solo_with, tip,
    },
    support::{Bench, Ran, ran},
};

const CHECKS: [&str; 24] = [
    "plan.form",
    "trust.root",
    "clock",
    "plan.fresh",
    "subject.identity",
    "subject.head",
    "subject.base",
    "subject.tree",
    "subject.workspace",
    "forge.observed",
    "policy.same",
    "plan.conforms",
    "policy.decision",
    "ledger.heads",
    "ledger.checkpoint",
    "plan.recorded",
    "plan.not-rejected",
    "determinate",
    "approval.quorum",
    "approval.objection",
    "replay",
    "halt",
    "context.workload",
    "issue.ready",
];

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

// Setting up.

#[test]
fn init_copies_what_is_missing_overwrites_nothing_and_is_done_once() {
    let bench = Bench::new(FILES);
    bench.write("directives/inventory.md", "mine");
    let ran = bench.json(&["init", "--solo"]).exits(0).json();
    let written: Vec<_> = ran["result"]["written"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
    assert!(written.contains(&".countersign/policy.yml") && written.contains(&".countersign/trust.json"));
    assert!(!written.contains(&"directives/inventory.md"));
    assert_eq!(bench.read("directives/inventory.md"), "mine");
    assert_eq!(ran["result"]["tier"], "solo");
    let key = key_file(&bench, "ada", "ada");
    assert_eq!((mode(&key), mode(key.parent().unwrap())), (0o600, 0o700));
    assert!(!key.starts_with(bench.repo()), "a private key lies in the repository");
    assert!(fs::read_to_string(&key).unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));
    assert_eq!(mode(&key_file(&bench, "ada", &runner(&bench))), 0o600);
    let shown = bench.json(&["keys", "show"]).exits(0).json();
    assert_eq!((&shown["result"]["pinned"], &shown["result"]["digest"]), (&json!(true), &ran["result"]["trustRoot"]));
    let (before, policy) = (tip(&bench), bench.read(".countersign/policy.yml"));
    bench.json(&["init", "--solo"]).refused(2, "setup.exists");
    assert_eq!((before, policy), (tip(&bench), bench.read(".countersign/policy.yml")));
}

#[test]
fn nothing_works_before_init_and_its_commit_and_each_time_it_says_what_to_do() {
    let bench = Bench::new(FILES);
    for line in [&["plan", "mark"][..], &["list"], &["ledger", "verify"], &["halt", "--reason", "x"]] {
        let ran = bench.json(line).refused(2, "setup.missing");
        assert!(ran.stderr.contains("countersign init"), "{}", ran.stderr);
    }
    bench.run(&["init", "--solo"]).exits(0);
    bench.json(&["plan", "mark"]).refused(2, "setup.uncommitted");
    bench.commit("Set up");
    bench.json(&["plan", "mark"]).exits(0);
}

// Definitions.

#[test]
fn jf1_definitions_are_listed_checked_and_shown_with_every_error_in_one_pass() {
    let bench = solo();
    let names = |ran: &Ran| -> Vec<String> {
        ran.json()["result"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&bench.json(&["directives", "list"]).exits(0)), ["careful", "inventory", "look", "mark"]);
    assert!(names(&bench.json(&["pipelines", "list"]).exits(0)).contains(&"mark".to_owned()));
    bench.json(&["directives", "check"]).exits(0);
    bench.json(&["pipelines", "check"]).exits(0);
    let shown = bench.json(&["pipelines", "show", "look"]).exits(0);
    assert_eq!(
        (&shown.json()["result"]["effect"], &shown.json()["result"]["attempts"]),
        (&json!("analyze"), &json!(1))
    );
    assert!(shown.stderr.contains("program: sha256sum"), "{}", shown.stderr);
    let missing = bench.json(&["pipelines", "show", "lok"]).refused(2, "pipeline.missing");
    assert!(missing.stderr.contains("`look`"), "{}", missing.stderr);

    bench.write(
        "directives/look.md",
        "---\ntitel: Look\npipelines: [lok]\nsteps:\n  - {id: a, pipelin: look}\n---\nx\n",
    );
    let ran = bench.json(&["directives", "check"]).refused(2, "check.findings");
    let places = ran.json();
    let text = places["error"].to_string() + &places.to_string() + &ran.stderr;
    for part in ["directives/look.md:2:1", "`title`", "`pipeline`", "directives/look.md:5"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

// Planning.

#[test]
fn what_is_named_wrongly_is_the_callers_mistake_and_says_what_to_name() {
    let bench = solo();
    for path in ["../../etc/passwd", "/etc/passwd", "directives/../../x.md", "directives/\u{202e}.md"] {
        let ran = bench.json(&["plan", path]).refused(2, "directive.missing");
        assert!(ran.stderr.contains("from the top of the repository"), "{path}: {}", ran.stderr);
    }
    let mark = plan(&bench, "mark", &[]);
    for line in [&["plan", "mark"][..], &["approve", &mark.file, "--key", "ada", "--digest", &mark.digest]] {
        bench.json(&[line, &["--expires", "soon"]].concat()).refused(2, "time.length");
    }
    fs::remove_file(bench.path(".countersign/policy.yml")).unwrap();
    bench.json(&["policy", "check"]).refused(2, "setup.missing");
}

#[test]
fn jf12_the_same_seed_and_time_give_the_same_bytes_in_two_clones() {
    let bench = solo();
    let first = plan(&bench, "mark", &["-i", "text=good morning"]);
    let bytes = fs::read(bench.path(&first.file)).unwrap();
    let clone = bench.outside("elsewhere/a clone");
    bench.git(&["clone", "-q", ".", clone.to_str().unwrap()]);
    let (seed, at) = (first.result["seed"].as_str().unwrap(), first.result["createdAt"].as_str().unwrap());
    bench.pass(3600);
    let again = ["plan", "mark", "-i", "text=good morning", "--seed", seed, "--created-at", at, "--no-record"];
    let place = ["-C", clone.to_str().unwrap(), "--out", "again.json"];
    bench.json(&[&again[..], &place].concat()).exits(0);
    assert_eq!(fs::read(clone.join("again.json")).unwrap(), bytes);
    let other = bench.json(&["plan", "mark", "-i", "text=good morning", "--created-at", at, "--no-record"]).exits(0);
    assert_ne!(other.json()["result"]["planDigest"], first.digest.as_str(), "another seed, another plan");
}

#[test]
fn jf20_inputs_are_typed_and_all_their_errors_come_at_once_with_the_nearest_name() {
    let bench = solo();
    let ran = bench.json(&["plan", "mark", "-i", "txt=x", "-i", "count=12", "-i", "target=stagin"]);
    let ran = ran.refused(2, "definition.invalid");
    for part in ["`text`", "count", "`staging`"] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    bench.json(&["plan", "mark", "-i", "text=DROP; rm"]).refused(2, "definition.invalid");
    bench.json(&["plan", "mark", "-i", "text"]).refused(2, "input.form");
    bench.json(&["plan", "mark", "-i", "text=a", "-i", "text=b"]).refused(2, "input.form");
    let ran = bench.json(&["plan", "marc"]).refused(2, "directive.missing");
    assert!(ran.stderr.contains("directives/mark.md"), "{}", ran.stderr);
    plan(&bench, "mark", &["-i", "text=fine", "-i", "count=9", "-i", "target=production"]);
}

#[test]
fn diff_says_in_words_what_a_revision_changes() {
    let bench = solo();
    let (old, same) = (plan(&bench, "mark", &[]), plan(&bench, "mark", &["-i", "text=hello"]));
    let careful = plan(&bench, "careful", &[]);
    let ran = bench.json(&["diff", &old.file, &careful.file]).exits(0).json();
    assert_eq!(ran["decision"], "widened");
    let text = bench.run(&["diff", &old.file, &careful.file]).stdout;
    assert!(text.contains("ready") && text.contains("look"), "{text}");
    assert_eq!(bench.json(&["diff", &old.file, &old.file]).exits(0).json()["decision"], "same");
    assert_ne!(bench.json(&["diff", &old.digest, &same.digest]).exits(0).json()["decision"], "widened");
}

#[test]
fn the_view_has_four_forms_and_one_digest() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    let mut digests = Vec::new();
    for format in ["terminal", "markdown", "json", "html"] {
        let ran = bench.json(&["render", &mark.file, "--format", format]).exits(0).json();
        assert!(ran["result"]["content"].as_str().unwrap().contains(CANARY), "{format}");
        digests.push(ran["result"]["view"].clone());
    }
    let again = bench.json(&["render", &mark.digest, "-f", "markdown", "-o", "../view.md"]).exits(0).json();
    digests.push(again["result"]["view"].clone());
    assert!(digests.iter().all(|digest| *digest == digests[0]));
    let written = fs::read(bench.outside("view.md")).unwrap();
    assert_eq!(digests[0], countersign::base::digest::Digest::of(&written).to_string());
    approve(&bench, "ada", &mark, &[]).exits(0);
    assert_eq!(newest_approval(&bench).0.binding.view.to_string(), digests[0]);
}

#[test]
fn the_comment_of_a_plan_can_be_read_before_it_is_posted() {
    let bench = solo();
    let shown = |directive: &str| {
        let plan = plan(&bench, directive, &["--no-record"]);
        let before = tip(&bench);
        let text = bench.run(&["render", &plan.file, "--format", "comment"]).exits(0).stdout;
        let view = bench.run(&["render", &plan.file, "--format", "markdown"]).exits(0).stdout;
        assert!(text.contains(&view), "the view stands in the comment whole");
        assert_eq!(before, tip(&bench));
        (text, plan.digest)
    };
    let (text, digest) = shown("mark");
    assert!(text.starts_with("<!-- countersign:plan:mark:v1 -->\n\n### ` mark `: waits for approval\n"), "{text}");
    assert!(text.contains(&format!("\n```text\ncountersign approve {digest}\n```\n")), "{text}");
    let (text, digest) = shown("look");
    assert!(text.contains("permitted by the policy") && text.contains(&format!("\ncountersign execute {digest}\n")));
}

// Reviewing.

#[test]
fn jf5_a_review_exits_0_whatever_the_decision_and_runs_nothing() {
    let bench = solo_with(&[
        (
            "pipelines/forever.yml",
            "description: Not to be undone.\neffect: irreversible\noutputs: {s: {type: string, from: stdout}}\nevidence: [s]\nactions:\n  - run: {program: sha256sum, argv: [README.md], reads: [README.md]}\nverify:\n  - run: {program: sha256sum, argv: [README.md], reads: [README.md]}\n",
        ),
        (
            "directives/forever.md",
            "---\ntitle: Forever\npipelines: [forever]\nenvironment: production\nceiling: {effect: irreversible, risk: low}\nsteps:\n  - {id: a, pipeline: forever}\n---\nx\n",
        ),
    ]);
    let before = tip(&bench);
    let decisions = [("look", "permit"), ("mark", "needs-approval"), ("forever", "deny")];
    for (directive, decision) in decisions {
        let drafted = plan(&bench, directive, &["--no-record"]);
        let ran = bench.json(&["review", &drafted.file]).exits(0).json();
        assert_eq!((&ran["decision"], &ran["exitCode"]), (&json!(decision), &json!(0)), "{ran}");
        assert_eq!(ran["result"]["approved"], decision == "permit");
        let explained = bench.json(&["policy", "explain", &drafted.file]);
        assert!(explained.stdout.contains("policy.yml"), "{}", explained.stdout);
    }
    assert!(!ran_something(&bench));
    assert_eq!(before, tip(&bench));
}

#[test]
fn jf8_the_policy_explains_itself_from_both_sides_and_is_checked() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    let text = bench.run(&["policy", "explain", &mark.file]).exits(0).stdout;
    for part in ["changes-need-me", "mark", ".countersign/policy.yml:"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let simulated = |people: &[&str]| {
        let people = people.iter().flat_map(|login| ["--as", login]);
        let line: Vec<&str> = ["policy", "simulate", &mark.file].into_iter().chain(people).collect();
        bench.json(&line).exits(0).json()
    };
    assert_ne!(simulated(&[])["result"], simulated(&["ada"])["result"]);
    bench.json(&["policy", "check"]).exits(0);
    let policy = bench.read(".countersign/policy.yml").replace("then: permit", "then: permitt");
    bench.write(".countersign/policy.yml", policy.replace("uninspectable: true", "uninspectabel: true"));
    let ran = bench.json(&["policy", "check"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    for part in ["`permit`", "`uninspectable`", ".countersign/policy.yml:"] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
}

// Approving.

#[test]
fn a01_a08_an_approval_names_all_64_digits_of_exactly_this_plan() {
    let bench = solo();
    let (mark, other) = (plan(&bench, "mark", &[]), plan(&bench, "look", &[]));
    let short = &mark.digest[..15];
    refused(&bench, &["approve", &mark.file, "--key", "ada"], 2, "approval.unbound");
    refused(&bench, &["approve", &mark.file, "--key", "ada", "--digest", short], 2, "approval.digest_short");
    refused(&bench, &["approve", &mark.file, "--key", "ada", "--digest", &other.digest], 5, "approval.scope_mismatch");
    refused(&bench, &["execute", &mark.file], 4, "approval.none");
    let ran = approve(&bench, "ada", &mark, &["--key", "ada", "--out", "../approval.json"]).exits(0).json();
    assert_eq!((&ran["decision"], &ran["result"]["method"]), (&json!("approved"), &json!("key")));
    assert!(bench.outside("approval.json").exists());
    runs(&bench, &["execute", &mark.file]);
}

#[test]
fn jf7_the_policy_approves_only_where_it_permits_and_signs_as_its_digest() {
    let bench = solo();
    let (mark, look) = (plan(&bench, "mark", &[]), plan(&bench, "look", &[]));
    refused(&bench, &["approve", &mark.file, "--policy"], 3, "approval.policy_may_not");
    let ran = bench.json(&["approve", &look.file, "--policy"]).exits(0).json();
    let policy = countersign::base::digest::Digest::of(bench.read(".countersign/policy.yml").as_bytes());
    assert_eq!(ran["result"]["approvedBy"], format!("policy@{policy}"));
    bench.json(&["execute", &look.file]).exits(0);
}

#[test]
fn jf13_a_session_is_bounded_by_its_uses_and_a_single_run_by_one() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    for line in [&["--scope", "session"][..], &["--scope", "session", "--max-uses", "0"], &["--max-uses", "2"]] {
        let all = [&["approve", &mark.file, "--digest", &mark.digest], line].concat();
        refused(&bench, &all, 2, "usage.invalid");
    }
    approve(&bench, "ada", &mark, &["--scope", "session", "--max-uses", "2", "--reason", "twice"]).exits(0);
    runs(&bench, &["execute", &mark.file]);
    runs(&bench, &["execute", &mark.file]);
    refused(&bench, &["execute", &mark.file], 6, "replay.consumed");
}

#[test]
fn a26_plans_and_approvals_expire_and_neither_may_ask_for_too_long() {
    let bench = solo();
    refused(&bench, &["plan", "mark", "--expires", "25h"], 2, "expiry.too_long");
    let mark = plan(&bench, "mark", &["--expires", "2h"]);
    let long = ["approve", &mark.file, "--digest", &mark.digest, "--expires", "3h"];
    refused(&bench, &long, 2, "expiry.too_long");
    approve(&bench, "ada", &mark, &["--expires", "1h"]).exits(0);
    bench.json(&["verify", &mark.file]).exits(0);
    bench.pass(3600);
    refused(&bench, &["execute", &mark.file], 6, "expired.approval");
    approve(&bench, "ada", &mark, &["--expires", "1h"]).exits(0);
    bench.json(&["verify", &mark.file]).exits(0);
    bench.pass(3600);
    refused(&bench, &["execute", &mark.file], 6, "expired.plan");
    refused(&bench, &["approve", &mark.file, "--digest", &mark.digest], 6, "expired.plan");
}

#[test]
fn a27_a_rejection_needs_a_reason_and_is_final() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &mark, &[]).exits(0);
    refused(&bench, &["reject", &mark.file, "--reason", "  "], 2, "reason.length");
    bench.json(&["reject", &mark.file]).refused(2, "usage.invalid");
    bench.json(&["reject", &mark.file, "--reason", "the wrong text"]).exits(0);
    refused(&bench, &["execute", &mark.file], 3, "plan.rejected");
    let ran = bench.json(&["approve", &mark.file, "--digest", &mark.digest]);
    assert_ne!(ran.code, 0, "a rejected plan was approved: {}", ran.stdout);
    assert_eq!(bench.json(&["status", &mark.file]).exits(0).json()["result"]["status"], "rejected");
    let next = plan(&bench, "mark", &["--revise", &mark.file]);
    approve(&bench, "ada", &next, &[]).exits(0);
    runs(&bench, &["execute", &next.file]);
}

#[test]
fn a_revision_takes_the_place_of_its_parent() {
    let bench = solo();
    let old = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &old, &[]).exits(0);
    let new = plan(&bench, "mark", &["--revise", &old.file, "-i", "text=better"]);
    refused(&bench, &["execute", &old.file], 6, "plan.superseded");
    refused(&bench, &["execute", &new.file], 4, "approval.none");
    approve(&bench, "ada", &new, &[]).exits(0);
    runs(&bench, &["execute", &new.file]);
    assert_eq!(bench.read(CANARY), "better\n");
}

#[test]
fn revocation_of_an_approval_a_plan_and_a_key_each_stop_the_run() {
    let bench = solo();
    let one = plan(&bench, "mark", &[]);
    let given = approve(&bench, "ada", &one, &[]).exits(0).json();
    let approval = given["result"]["approval"].as_str().unwrap();
    bench.json(&["revoke", "--reason", "x"]).refused(2, "usage.invalid");
    bench.json(&["revoke", "--approval", approval, "--reason", "a mistake"]).exits(0);
    refused(&bench, &["execute", &one.file], 3, "approval.revoked");
    approve(&bench, "ada", &one, &[]).exits(0);
    runs(&bench, &["execute", &one.file]);

    bench.pass(1);
    let two = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &two, &[]).exits(0);
    bench.json(&["revoke", "--plan", &two.file, "--reason", "all of them"]).exits(0);
    refused(&bench, &["execute", &two.file], 3, "approval.revoked");

    bench.pass(1);
    let three = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &three, &[]).exits(0);
    let keys = bench.json(&["keys", "show"]).exits(0).json();
    let key =
        keys["result"]["keys"].as_array().unwrap().iter().find(|key| key["login"] == "ada").unwrap()["id"].clone();
    bench.json(&["revoke", "--signed-by", key.as_str().unwrap(), "--reason", "lost"]).exits(0);
    refused(&bench, &["execute", &three.file], 3, "approval.revoked");
}

// At the terminal.

/// What a person types, driven by a real pseudo-terminal; the answers come when the question stands there.
const TYPIST: &str = r#"
import os, pty, sys, select
answers = sys.argv[1].split('|') if sys.argv[1] else []
pid, fd = pty.fork()
if pid == 0:
    os.execvpe(sys.argv[2], sys.argv[2:], os.environ)
seen = b''
def more():
    global seen
    try:
        data = os.read(fd, 65536)
    except OSError:
        return False
    seen += data
    return bool(data)
at = 0
for answer in answers:
    while seen.find(b': ', seen.rfind(b'Type ', at)) < 0 or seen.rfind(b'Type ') < at:
        if not more(): break
    at = len(seen)
    os.write(fd, b'\x04' if answer == 'EOF' else answer.encode() + b'\n')
while more(): pass
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(status))
"#;

fn typed(bench: &Bench, answers: &[&str], args: &[&str]) -> Ran {
    typed_at("dumb", bench, answers, args)
}

/// As [`typed`], at a terminal of some kind.
fn typed_at(kind: &str, bench: &Bench, answers: &[&str], args: &[&str]) -> Ran {
    let binary = bench.binary();
    let mut command = python();
    command.args(["-I", "-c", TYPIST, &answers.join("|")]).arg(binary.get_program()).args(args);
    command.current_dir(bench.repo()).env_clear();
    for (key, value) in binary.get_envs() {
        command.env(key, value.unwrap());
    }
    command.env("TERM", kind);
    ran(command.stdin(Stdio::null()).output().unwrap())
}

/// The newest entry of the ledger, as `ledger log` shows it.
fn newest(bench: &Bench) -> Value {
    let log = real(bench, &["ledger", "log", "--limit", "1", "--json"]).exits(0).json();
    let seq = log["result"][0]["seq"].to_string();
    real(bench, &["ledger", "show", &seq, "--json"]).exits(0).json()["result"].clone()
}

#[test]
fn we7_at_a_real_terminal_only_the_digest_and_yes_approve() {
    if !has("python3") {
        return;
    }
    let bench = real_solo();
    let mark = real_plan(&bench, "plan");
    let short = &mark.digest[7..15];
    let ran = typed(&bench, &["wrong", short, "y", "yes"], &["approve", &mark.file]).exits(0);
    for part in ["Leave a mark", CANARY, &mark.digest, "changes-need-me"] {
        assert!(ran.stdout.contains(part), "{part} was not shown: {}", ran.stdout);
    }
    let entry = newest(&bench);
    assert_eq!(entry["kind"], "approval");
    assert_eq!(entry["statement"]["predicate"]["method"], "terminal");
    let _ = fs::remove_file(bench.path(CANARY));
    real(&bench, &["execute", &mark.file]).exits(0);
    assert!(ran_something(&bench));
}

#[test]
fn we17_at_a_real_terminal_a_run_draws_and_leaves_plain_lines_and_a_pipe_sees_nothing_of_it() {
    if !has("python3") {
        return;
    }
    let bench = real_solo();
    for (kind, more, draws) in
        [("xterm", "--color=never", true), ("dumb", "--color=never", false), ("xterm", "--quiet", false)]
    {
        let mark = real_plan(&bench, &format!("plan-{kind}{more}"));
        real(&bench, &["approve", &mark.file, "--digest", &mark.digest]).exits(0);
        let shown = typed_at(kind, &bench, &[], &["execute", &mark.file, more]).exits(0).stdout;
        assert_eq!(shown.contains('\u{1b}'), draws, "{kind} {more}: {shown:?}");
        assert_eq!(shown.contains("succeeded mark"), more != "--quiet", "{kind} {more}: {shown:?}");
        // Whatever was drawn is taken away again, and the cursor is where it was.
        assert!(!shown.contains("\u{1b}[?25l") || shown.contains("\u{1b}[?25h"), "{shown:?}");
    }
    let mark = real_plan(&bench, "plan-pipe");
    real(&bench, &["approve", &mark.file, "--digest", &mark.digest]).exits(0);
    let ran = real(&bench, &["execute", &mark.file]).exits(0);
    assert!(ran.stderr.contains("started mark\nsucceeded mark\n"), "{}", ran.stderr);
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains('\u{1b}'));
}

#[test]
fn we7_a_no_five_wrong_answers_eof_and_the_timeout_are_signed_rejections() {
    if !has("python3") {
        return;
    }
    let bench = real_solo();
    let cases: [(&[&str], &[&str], &str); 4] = [
        (&["no"], &[], "the person at the terminal said no"),
        (&["a", "b", "c", "d", "e"], &[], "five wrong answers were given"),
        (&["EOF"], &[], "the input ended before an answer was given"),
        (&[], &["--timeout", "1s"], "nobody answered in time"),
    ];
    for (n, (answers, more, cause)) in cases.into_iter().enumerate() {
        let mark = real_plan(&bench, &format!("plan-{n}"));
        typed(&bench, answers, &[&["approve", mark.file.as_str()], more].concat()).exits(3);
        let entry = newest(&bench);
        assert_eq!((&entry["kind"], &entry["statement"]["predicate"]["reason"]), (&json!("rejection"), &json!(cause)));
        let ran = real(&bench, &["execute", &mark.file, "--json"]);
        assert!(ran.code == 3 && !ran_something(&bench), "{}", ran.stdout);
    }
}

#[test]
fn we7_a_pipe_is_nobody_and_is_a_signed_rejection() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    let typed = format!("{}\nyes\n", &mark.digest[7..15]);
    let ran = bench.run_with(&["approve", &mark.file, "--json"], &[], &typed, false).refused(3, "approval.rejected");
    assert_eq!(ran.json()["decision"], "rejected");
    refused(&bench, &["execute", &mark.file], 3, "plan.rejected");
}

// By SSH key.

fn keygen(bench: &Bench, name: &str) -> String {
    let file = bench.outside(name);
    let words = ["-q", "-t", "ed25519", "-N", "", "-C", "ada", "-f"];
    assert!(Command::new("/usr/bin/ssh-keygen").args(words).arg(&file).status().unwrap().success());
    file.to_str().unwrap().to_owned()
}

/// Checks the approval in a ledger entry as somebody without our tool would, and that an altered one does not hold.
fn stock_openssh_verifies(bench: &Bench, entry: &str) {
    let folder = bench.outside("signature");
    let told = bench.json(&["ledger", "show", entry, "--openssh", "../signature"]).exits(0).json();
    assert_eq!(told["result"]["openssh"].as_array().unwrap().len(), 3);
    let signature =
        fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).find(|path| path.extension().is_some());
    let holds = |message: &[u8]| {
        fs::write(folder.join("heard"), message).unwrap();
        let mut command = Command::new("/usr/bin/ssh-keygen");
        command.args(["-Y", "verify", "-I", "ada", "-n", "countersign", "-f"]).arg(folder.join("allowed_signers"));
        command.arg("-s").arg(signature.as_ref().unwrap()).stdout(std::process::Stdio::null());
        command.stdin(fs::File::open(folder.join("heard")).unwrap()).status().unwrap().success()
    };
    let message = fs::read(folder.join("message")).unwrap();
    assert!(holds(&message));
    assert!(!holds(&[message.as_slice(), b" "].concat()));
    bench.json(&["ledger", "show", "0", "--openssh", "../none"]).refused(2, "ssh.no_signature");
}

#[test]
fn an_ssh_key_is_enrolled_and_approves_and_its_method_is_what_it_is() {
    if !has("ssh-keygen") {
        return;
    }
    let bench = solo();
    let file = keygen(&bench, "id_ed25519");
    let stray = keygen(&bench, "stray");
    let public = format!("{file}.pub");
    bench.json(&["keys", "enrol", "--login", "ada", "--public-key", &public]).exits(0);
    bench.commit("Enrol an SSH key");
    let mark = plan(&bench, "mark", &[]);
    let digest = ["--digest", &mark.digest];
    refused(&bench, &[&["approve", &mark.file, "--ssh", &stray], &digest[..]].concat(), 2, "key.missing");
    refused(&bench, &["approve", &mark.file, "--ssh", &file], 2, "approval.unbound");
    let ran = bench.json(&[&["approve", &mark.file, "--ssh", &file], &digest[..]].concat()).exits(0).json();
    assert_eq!(ran["result"]["method"], "ssh");
    stock_openssh_verifies(&bench, &ran["result"]["ledgerSeq"].to_string());
    runs(&bench, &["execute", &mark.file]);
}

// Verifying and executing.

#[test]
fn verify_lists_all_checks_by_id_and_writes_a_signed_result() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    let ids = |ran: &Ran| -> Vec<String> {
        let json = ran.json();
        json["result"]["checks"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap().to_owned()).collect()
    };
    let before = bench.json(&["verify", &mark.file, "--svr", "../svr.json"]).refused(4, "approval.none");
    assert_eq!(ids(&before), CHECKS);
    assert!(!bench.outside("svr.json").exists(), "there is no result of what was not verified");
    approve(&bench, "ada", &mark, &[]).exits(0);
    let after = bench.json(&["verify", &mark.file, "--svr", "../svr.json"]).exits(0);
    assert_eq!(ids(&after), CHECKS);
    assert_eq!(after.json()["decision"], "verified");
    let svr: Value = serde_json::from_slice(&fs::read(bench.outside("svr.json")).unwrap()).unwrap();
    let payload = svr["payload"].as_str().unwrap();
    let payload = base64_decode(payload);
    assert!(
        payload.contains("https://in-toto.io/attestation/svr/v0.") && payload.contains("COUNTERSIGN_PLAN_CONFORMS")
    );
    assert!(!ran_something(&bench));
}

fn base64_decode(text: &str) -> String {
    let mut bits = Vec::new();
    for b in text.bytes().filter(|b| *b != b'=') {
        let n = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".iter().position(|c| *c == b);
        bits.push(n.unwrap());
    }
    let bytes = bits.chunks(4).flat_map(|four| {
        let word = four.iter().enumerate().fold(0, |word, (n, six)| word | six << (18 - 6 * n));
        [(word >> 16) as u8, (word >> 8) as u8, word as u8].into_iter().take(four.len() * 6 / 8)
    });
    String::from_utf8(bytes.collect()).unwrap()
}

#[test]
fn we23_a_dry_run_checks_everything_and_does_nothing() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    refused(&bench, &["execute", &mark.file, "--dry-run"], 4, "approval.none");
    approve(&bench, "ada", &mark, &[]).exits(0);
    let before = tip(&bench);
    let ran = bench.json(&["execute", &mark.file, "--dry-run"]).exits(0).json();
    assert_eq!((&ran["decision"], &ran["result"]["wouldRun"][0]["step"]), (&json!("would-run"), &json!("mark")));
    assert!(!ran_something(&bench) && before == tip(&bench));
    runs(&bench, &["execute", &mark.file]);
}

#[test]
fn we4_a_run_is_resumed_after_a_failed_step_and_finished_steps_are_skipped() {
    let bench = solo();
    let careful = plan(&bench, "careful", &[]);
    approve(&bench, "ada", &careful, &[]).exits(0);
    let ran = bench.json(&["execute", &careful.file]).refused(7, "run.failed").json();
    let run = ran["result"]["runId"].as_str().unwrap();
    assert_eq!(ran["result"]["steps"], json!({"mark": "succeeded", "ready": "failed", "look": "blocked"}));
    let stands = bench.json(&["status", run]).exits(0).json();
    assert_eq!((&stands["result"]["status"], &stands["decision"]), (&json!("failed"), &json!("failed")));
    bench.json(&["execute", &careful.file]).refused(6, "replay.consumed");
    bench.json(&["execute", &careful.file, "--resume", "run-0000000000000000"]).refused(2, "run.unknown");
    fs::remove_file(bench.path(CANARY)).unwrap();
    bench.write("ready.txt", "yes");
    let ran = bench.json(&["execute", &careful.file, "--resume", run]).exits(0).json();
    assert_eq!(ran["result"]["runId"], run);
    assert!(!ran_something(&bench), "a finished step ran again");
    bench.json(&["execute", &careful.file, "--resume", run]).refused(6, "replay.run");
}

#[test]
fn we10_everything_is_read_back_from_the_ledger() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &mark, &[]).exits(0);
    let files = ["--junit", "../junit.xml", "--provenance", "../provenance.json", "--bundle", "../run.json"];
    let ran = runs(&bench, &[&["execute", &mark.file], &files[..]].concat()).json();
    let run = ran["result"]["runId"].as_str().unwrap();
    assert!(fs::read_to_string(bench.outside("junit.xml")).unwrap().contains("<testsuite"));
    assert!(bench.outside("provenance.json").exists() && bench.outside("run.json").exists());
    let digest = countersign::base::digest::Digest::of(bench.read(CANARY).as_bytes()).to_string();
    assert_eq!(ran["result"]["products"][CANARY], digest);

    let status = bench.json(&["status", &mark.digest]).exits(0).json();
    assert_eq!((&status["result"]["status"], &status["result"]["runs"][0]["run"]), (&json!("completed"), &json!(run)));
    assert_eq!(bench.json(&["status", run]).exits(0).json()["result"]["steps"], json!({"mark": "succeeded"}));
    bench.json(&["status", "run-0000000000000000"]).refused(2, "run.unknown");
    let list = bench.json(&["list"]).exits(0).json()["result"].to_string();
    assert!(list.contains(&mark.digest) && list.contains("completed"), "{list}");
    assert!(!bench.json(&["list", "--status", "rejected"]).exits(0).stdout.contains(&mark.digest));
    assert!(bench.json(&["history"]).exits(0).stdout.contains(run));
    assert!(bench.json(&["stats"]).exits(0).json()["result"].is_object());

    let kinds: Vec<_> = bench.json(&["ledger", "log"]).exits(0).json()["result"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|row| row["kind"].as_str().unwrap().to_owned())
        .collect();
    let expected = ["genesis", "plan", "approval", "claim", "step-started", "step-finished", "verification", "outcome"];
    assert_eq!(kinds, expected);
    assert_eq!(bench.json(&["ledger", "verify"]).exits(0).json()["result"]["entries"], 8);
    assert_eq!(bench.json(&["ledger", "show", "2"]).exits(0).json()["result"]["kind"], "approval");
    let ran = bench.json(&["ledger", "show", "99"]).refused(5, "ledger.no_entry");
    assert!(ran.stderr.contains("entries 0 to 7"), "{}", ran.stderr);
    bench.json(&["ledger", "export", "--out", "../ledger.jsonl"]).exits(0);
    let lines = fs::read_to_string(bench.outside("ledger.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 8);
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    // Who signed stays known where a checkpoint stands for the signatures.
    let signers = || {
        let rows = bench.json(&["ledger", "log"]).exits(0).json()["result"].clone();
        let rows = rows.as_array().unwrap().iter().filter(|row| row["kind"] != "checkpoint");
        rows.map(|row| row["signedBy"].clone()).collect::<Vec<_>>()
    };
    let before = signers();
    assert!(before.iter().all(|by| by.as_array().unwrap().len() == 1), "{before:?}");
    bench.json(&["ledger", "checkpoint"]).exits(0);
    assert_eq!(signers(), before);
    // A checkpoint that is kept elsewhere shows a ledger that was set back, and one of another ledger.
    let kept = ["ledger", "verify", "--against", "../kept.json"];
    bench.json(&["ledger", "checkpoint", "--out", "../kept.json"]).exits(0);
    assert_eq!(bench.json(&kept).exits(0).json()["result"]["agreesWith"], json!([8]));
    let tip = bench.git(&["rev-parse", "countersign/ledger"]);
    bench.git(&["update-ref", "refs/heads/countersign/ledger", &format!("{tip}~2")]);
    fs::remove_dir_all(bench.home().join("countersign/ledgers")).unwrap();
    bench.json(&["ledger", "verify"]).exits(0);
    bench.json(&kept).refused(5, "ledger.rollback");
    bench.git(&["update-ref", "refs/heads/countersign/ledger", &tip]);
    let stranger = solo();
    fs::copy(bench.outside("kept.json"), stranger.outside("kept.json")).unwrap();
    let refused = stranger.json(&kept);
    assert_eq!(refused.code, 5, "{}", refused.stdout);
    assert_eq!(bench.json(&["ledger", "log", "--limit", "1"]).exits(0).json()["result"][0]["kind"], "checkpoint");
    bench.json(&["ledger", "verify"]).exits(0);
}

#[test]
fn a_bundle_verifies_offline_in_an_empty_folder_with_the_pin_alone() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &mark, &[]).exits(0);
    runs(&bench, &["execute", &mark.file]);
    bench.json(&["bundle", &mark.file, "--out", "../bundle.json"]).exits(0);
    let pin = bench.json(&["keys", "show"]).json()["result"]["digest"].as_str().unwrap().to_owned();
    let empty = tempfile::tempdir().unwrap();
    fs::copy(bench.outside("bundle.json"), empty.path().join("bundle.json")).unwrap();
    let verify = |file: &str, pin: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(["verify", "--bundle", file, "--offline", "--json", "--trust-root", pin]);
        ran(command.current_dir(empty.path()).env_clear().stdin(Stdio::null()).output().unwrap())
    };
    let told = verify("bundle.json", &pin).exits(0).json();
    assert_eq!((&told["decision"], &told["result"]["outcome"]), (&json!("verified"), &json!("completed")));
    verify("bundle.json", &format!("sha256:{}", "0".repeat(64))).refused(5, "trust.pin_mismatch");
    let text = fs::read_to_string(empty.path().join("bundle.json")).unwrap();
    for (n, (from, to)) in
        [("\"seq\":2", "\"seq\":3"), (&mark.digest[7..], &"0".repeat(64)[..])].into_iter().enumerate()
    {
        let file = format!("altered-{n}.json");
        fs::write(empty.path().join(&file), text.replacen(from, to, 1)).unwrap();
        let told = verify(&file, &pin);
        assert!(told.code == 5 || text == text.replacen(from, to, 1), "{n}: {}", told.stdout);
    }
    // The binary itself: every piece of the bundle altered in one byte is found out.
    let bytes = text.into_bytes();
    for at in (0..bytes.len()).step_by(bytes.len() / 25) {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        fs::write(empty.path().join("byte.json"), altered).unwrap();
        let around = String::from_utf8_lossy(&bytes[at.saturating_sub(300)..bytes.len().min(at + 300)]);
        assert_ne!(verify("byte.json", &pin).code, 0, "byte {at}: {around}");
    }
}

// Stopping.

#[test]
fn a_halt_stops_everything_and_is_lifted() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &mark, &[]).exits(0);
    bench.json(&["halt", "--reason", "incident 42"]).exits(0);
    let ran = refused(&bench, &["execute", &mark.file], 3, "halted");
    assert!(ran.stdout.contains("incident 42"));
    bench.json(&["halt", "--lift", "--reason", "it is over"]).exits(0);
    runs(&bench, &["execute", &mark.file]);
}

#[test]
fn switches_of_the_policy_win_over_any_approval() {
    for (switch, reason) in [("enabled", "policy.execution_off"), ("sideEffects", "policy.side_effects_off")] {
        let bench = solo();
        let policy = bench.read(".countersign/policy.yml");
        bench.write(".countersign/policy.yml", policy.replace(&format!("{switch}: true"), &format!("{switch}: false")));
        bench.commit("Switch it off");
        let mark = plan(&bench, "mark", &[]);
        let look = plan(&bench, "look", &[]);
        approve(&bench, "ada", &mark, &[]).exits(0);
        bench.json(&["approve", &look.file, "--policy"]).exits(0);
        refused(&bench, &["execute", &mark.file], 3, reason);
        // Without side effects, reading still may.
        assert_eq!(bench.json(&["execute", &look.file]).code, if switch == "enabled" { 3 } else { 0 });
    }
}

// Around the loop.

#[test]
fn doctor_schema_reasons_completions_and_man_answer() {
    let bench = solo();
    bench.json(&["doctor"]).exits(0);
    bench.pass(400 * 86_400);
    let ran = bench.json(&["doctor"]).refused(2, "doctor.findings");
    assert!(ran.stdout.contains("trust.expired") && ran.stdout.contains("keys renew"), "{}", ran.stdout);
    let names = bench.json(&["schema"]).exits(0).json();
    for name in names["result"].as_array().unwrap() {
        let name = name["name"].as_str().or(name.as_str()).unwrap();
        let schema = bench.run(&["schema", name]).exits(0).stdout;
        assert!(serde_json::from_str::<Value>(&schema).unwrap().is_object(), "{name}");
    }
    bench.json(&["schema", "pln"]).refused(2, "schema.unknown");
    assert!(bench.run(&["reasons"]).exits(0).stdout.contains("replay.consumed"));
    assert_eq!(bench.json(&["reasons", "halted"]).exits(0).json()["result"]["exitCode"], 3);
    assert!(
        bench.json(&["reasons", "replay.consume"]).refused(2, "reasons.unknown").stderr.contains("replay.consumed")
    );
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(bench.run(&["completions", shell]).exits(0).stdout.contains("countersign"), "{shell}");
    }
    assert!(bench.run(&["man"]).exits(0).stdout.starts_with(".ie") || bench.run(&["man"]).stdout.contains(".TH"));
}

#[test]
fn b53_every_command_prints_one_object_that_agrees_with_how_the_process_ends() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &mark, &[]).exits(0);
    let (file, zero) = (mark.file.as_str(), format!("sha256:{}", "0".repeat(64)));
    let lines: Vec<(Vec<&str>, &str)> = vec![
        (vec!["init"], "init"),
        (vec!["keys", "generate", "spare"], "keys generate"),
        (vec!["keys", "show"], "keys show"),
        (vec!["keys", "public", "ada"], "keys public"),
        (vec!["keys", "enrol", "--login", "x", "--public-key", "nowhere"], "keys enrol"),
        (vec!["keys", "revoke", &zero, "--reason", "x"], "keys revoke"),
        (vec!["keys", "renew", "--valid", "nonsense"], "keys renew"),
        (vec!["keys", "sign"], "keys sign"),
        (vec!["keys", "trust", &zero], "keys trust"),
        (vec!["directives", "list"], "directives list"),
        (vec!["directives", "check"], "directives check"),
        (vec!["pipelines", "list"], "pipelines list"),
        (vec!["pipelines", "check"], "pipelines check"),
        (vec!["pipelines", "show", "mark"], "pipelines show"),
        (vec!["plan", "look"], "plan"),
        (vec!["diff", file, file], "diff"),
        (vec!["render", file], "render"),
        (vec!["review", file], "review"),
        (vec!["policy", "check"], "policy check"),
        (vec!["policy", "explain", file], "policy explain"),
        (vec!["policy", "simulate", file, "--as", "ada"], "policy simulate"),
        (vec!["approve", file], "approve"),
        (vec!["verify", &zero], "verify"),
        (vec!["execute", file], "execute"),
        (vec!["resolve", "run-1", "--step", "mark", "--as", "skip", "--reason", "x"], "resolve"),
        (vec!["halt", "--reason", "x"], "halt"),
        (vec!["bundle", file, "--out", "../b.json"], "bundle"),
        (vec!["ledger", "verify"], "ledger verify"),
        (vec!["ledger", "log"], "ledger log"),
        (vec!["ledger", "show", "0"], "ledger show"),
        (vec!["ledger", "export"], "ledger export"),
        (vec!["ledger", "checkpoint"], "ledger checkpoint"),
        (vec!["status", file], "status"),
        (vec!["list"], "list"),
        (vec!["history"], "history"),
        (vec!["stats"], "stats"),
        (vec!["reject", file, "--reason", "x"], "reject"),
        (vec!["revoke", "--plan", file, "--reason", "x"], "revoke"),
        (vec!["doctor"], "doctor"),
        (vec!["schema", "plan"], "schema"),
        (vec!["reasons", "ok"], "reasons"),
        (vec!["completions", "bash"], "completions"),
        (vec!["man"], "man"),
        (vec!["try", "nothing"], "try"),
        (vec!["approve", "/dev/null"], "approve"),
    ];
    for (line, command) in lines {
        let ran = bench.json(&line);
        let told = ran.json();
        let object = told.as_object().unwrap();
        for field in ["schemaVersion", "command", "decision", "reasonCode", "exitCode"] {
            assert!(object.contains_key(field), "{line:?} has no {field}");
        }
        assert_eq!((&told["schemaVersion"], &told["command"]), (&json!(1), &json!(command)));
        assert_eq!(told["exitCode"], ran.code, "{line:?}");
        assert_eq!(told["reasonCode"] == "ok", told["decision"] != "refused" && told["reasonCode"] == "ok", "{line:?}");
        assert_eq!(ran.stdout.lines().count(), 1, "{line:?}");
        assert!(ran.code == 0 || !ran.stderr.is_empty(), "{line:?} says nothing to people");
    }
}

#[test]
fn a_pipeline_whose_file_ends_otherwise_is_told_and_not_ignored() {
    let bench = solo();
    bench.run(&["pipelines", "check"]).exits(0);
    bench.write("pipelines/other.yaml", bench.read("pipelines/mark.yml"));
    let found = bench.run(&["pipelines", "check", "--json"]).refused(2, "check.findings");
    let finding = &found.json()["result"]["findings"][0];
    assert_eq!((&finding["code"], &finding["file"]), (&json!("pipeline.ending"), &json!("pipelines/other.yaml")));
}
