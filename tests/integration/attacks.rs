//! Attacks on the loop: each attack first, then its honest twin. Everywhere four things are asserted: the exit
//! class, the reason, that nothing ran, and that the ledger holds nothing new.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use countersign::{
    base::{digest::Digest, method::Method},
    plan::{
        model::{Action, Plan},
        seal,
        view::View,
    },
    sign::{
        Envelope,
        predicate::{Approval, PlanRecord, Scope},
        statement::Subject,
    },
};
use serde_json::Value;

use super::{
    scene::{
        CANARY, Drafted, FILES, append, approve, key, ledger, newest_approval, plan, ran_something, real, refused,
        root, runner, runs, solo, solo_with, team, tip,
    },
    support::{Bench, ran},
};

pub(crate) fn read_plan(bench: &Bench, plan: &Drafted) -> Plan {
    seal::open(fs::read(bench.path(&plan.file)).unwrap()).unwrap().plan().clone()
}

// The plan.

#[test]
fn a28_one_byte_of_the_plan_edited_is_another_plan() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &mark, &[]).exits(0);
    let bytes = fs::read_to_string(bench.path(&mark.file)).unwrap();
    let altered = [
        (bytes.replacen("hello\\n", "jello\\n", 1), 5, "plan.content_digest"),
        (bytes.replacen("\"title\":\"Leave", "\"title\":\"leave", 1), 5, "plan.deviates"),
        (bytes.replacen("mark.txt", "mark.txs", 1), 5, ""),
        (format!("{bytes}\n"), 5, "plan.non_canonical"),
        (bytes.replacen("{", "{ ", 1), 5, "plan.non_canonical"),
        (bytes.replacen("{", "{\"a\":1,\"a\":2,", 1), 5, ""),
        (bytes[..bytes.len() - 1].to_owned(), 5, ""),
        (String::new(), 5, ""),
    ];
    for (n, (content, code, reason)) in altered.into_iter().enumerate() {
        assert_ne!(content, bytes, "{n}");
        fs::write(bench.outside("altered.json"), content).unwrap();
        let before = tip(&bench);
        let ran = bench.json(&["execute", "../altered.json"]);
        assert_eq!(ran.code, code, "{n}: {}", ran.stdout);
        assert!(reason.is_empty() || ran.json()["reasonCode"] == reason, "{n}: {}", ran.stdout);
        assert!(!ran_something(&bench) && before == tip(&bench), "{n}");
    }
    refused(&bench, &["execute", &format!("sha256:{}", "0".repeat(64))], 2, "plan.unknown");
    runs(&bench, &["execute", &mark.file]);
}

#[test]
fn a28_the_recorded_bytes_of_a_plan_cannot_be_altered() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &mark, &[]).exits(0);
    let honest = tip(&bench);
    tamper(&bench, |folder| {
        let hex = &mark.digest[7..];
        let found = find(folder, &|path| path.to_str().unwrap().replace('/', "").ends_with(hex));
        let text = fs::read_to_string(&found).unwrap();
        fs::write(found, text.replacen("hello", "jello", 1)).unwrap();
    });
    let before = tip(&bench);
    let ran = bench.json(&["execute", &mark.digest]);
    assert!(ran.code != 0 && !ran_something(&bench) && before == tip(&bench), "{}", ran.stdout);
    bench.json(&["ledger", "verify"]).refused(5, "ledger.object");
    bench.git(&["update-ref", "refs/heads/countersign/ledger", &honest]);
    runs(&bench, &["execute", &mark.digest]);
}

/// Records a plan around `plan`, with the key of somebody who may.
pub(crate) fn record(bench: &Bench, plan: &Plan, file: &str) -> Drafted {
    let sealed = seal::seal(plan).unwrap();
    let hand = key(bench, "ada", "ada");
    let view = View::new(sealed.plan(), sealed.digest()).markdown().into_bytes();
    let subject = [
        ("plan", sealed.digest()),
        ("view", Digest::of(&view)),
        ("policy", plan.policy_digest),
        ("directive", plan.directive.digest),
        ("trust-root", plan.trust_root_digest),
    ];
    append(bench, vec![sealed.bytes().to_vec(), view], |seen| {
        let person = plan.planner.requested_by.clone();
        let record = PlanRecord {
            plan: sealed.digest(),
            policy: plan.policy_digest,
            trust_root: plan.trust_root_digest,
            directive: plan.directive.name.clone(),
            requested_by: countersign::sign::predicate::Actor { host: person.host, id: person.id, login: person.login },
            supersedes: None,
            expires: plan.expires_at,
            ledger: seen.head.clone(),
            recorded_at: seen.now,
        };
        Envelope::sign(subject.iter().map(|(n, d)| Subject::new(*n, *d)).collect(), record, &[&hand]).unwrap()
    })
    .unwrap();
    fs::write(bench.path(file), sealed.bytes()).unwrap();
    Drafted { digest: sealed.digest().to_string(), file: file.to_owned(), result: Value::Null }
}

#[test]
fn a_directive_that_lies_where_a_step_may_write_is_planned_and_executed_by_nobody() {
    let bench = solo();
    bench.write("docs/stray.md", bench.read("directives/mark.md"));
    bench.commit("A directive elsewhere");
    fs::create_dir(bench.path("sub")).unwrap();
    for line in
        [&["plan", "docs/stray.md"][..], &["plan", "./docs/stray.md"], &["-C", "sub", "plan", "../docs/stray.md"]]
    {
        let ran = refused(&bench, line, 2, "directive.place");
        assert!(ran.stderr.contains("`docs/stray.md` does not lie below `directives/`"), "{}", ran.stderr);
    }
    // Nor by who makes the plan by hand: it says nothing that the commit does not hold, but for the place.
    let mut stray = read_plan(&bench, &plan(&bench, "mark", &[]));
    stray.directive.name = "stray".parse().unwrap();
    stray.directive.path = "docs/stray.md".parse().unwrap();
    for input in stray.planner.inputs.iter_mut().filter(|input| input.name == "directives/mark.md") {
        input.name = "docs/stray.md".to_owned();
    }
    let stray = record(&bench, &stray, "../stray.json");
    approve(&bench, "ada", &stray, &[]).exits(0);
    let ran = refused(&bench, &["execute", &stray.file], 5, "plan.deviates");
    assert!(ran.stderr.contains("`docs/stray.md` does not lie below `directives/`"), "{}", ran.stderr);
    // The honest twin: the same below `directives/`, in a folder.
    bench.git(&["mv", "docs/stray.md", "directives/stray.md"]);
    bench.commit("Where it belongs");
    let twin = plan(&bench, "stray", &[]);
    approve(&bench, "ada", &twin, &[]).exits(0);
    runs(&bench, &["execute", &twin.file]);
}

#[test]
fn jf17_a_step_that_does_something_else_than_its_pipeline_runs_for_nobody() {
    let bench = solo();
    let honest = read_plan(&bench, &plan(&bench, "mark", &[]));
    let mut content = honest.clone();
    for action in &mut content.steps[0].actions {
        if let Action::Write(write) = action {
            write.content = "owned\n".to_owned();
            write.content_digest = Digest::of(b"owned\n");
        }
    }
    let mut why = honest.clone();
    why.steps[0].why = "Because it is harmless".to_owned();
    for (n, mut hostile) in [content, why].into_iter().enumerate() {
        hostile.nonce = format!("{n:032x}");
        let hostile = record(&bench, &hostile, &format!("../hostile-{n}.json"));
        approve(&bench, "ada", &hostile, &[]).exits(0);
        refused(&bench, &["execute", &hostile.file], 5, "plan.deviates");
    }
    let mut twin = honest.clone();
    twin.nonce = "f".repeat(32);
    let twin = record(&bench, &twin, "../twin.json");
    approve(&bench, "ada", &twin, &[]).exits(0);
    runs(&bench, &["execute", &twin.file]);
}

#[test]
fn a_plan_that_is_no_plain_file_is_refused_at_once() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &mark, &[]).exits(0);
    assert!(Command::new("mkfifo").arg(bench.outside("fifo")).status().unwrap().success());
    fs::File::create(bench.outside("huge")).unwrap().set_len(1 << 40).unwrap();
    for command in ["execute", "verify", "review", "render", "approve", "status", "bundle"] {
        let more: &[&str] = if command == "bundle" { &["--out", "../b.json"] } else { &[] };
        for (place, code) in [("../fifo", 2), (".", 2), ("/dev/zero", 2), ("../nowhere", 2), ("../huge", 8)] {
            let before = tip(&bench);
            let ran = bench.json(&[&[command, place], more].concat());
            assert!(
                ran.code == code || ran.json()["reasonCode"] == "file.unreadable",
                "{command} {place}: {}",
                ran.stdout
            );
            assert!(ran.code != 0 && !ran_something(&bench) && before == tip(&bench), "{command} {place}");
        }
    }
    runs(&bench, &["execute", &mark.file]);
}

// The approval.

type Forgery = fn(&mut Approval);

/// Signs an approval of a plan that differs from the honest one as told, and puts it into the ledger.
fn forge(bench: &Bench, honest: &Approval, plan: &Drafted, alter: Forgery) -> Result<(), String> {
    let sealed = seal::open(fs::read(bench.path(&plan.file)).unwrap()).unwrap();
    let hand = key(bench, "ada", "ada");
    let made = append(bench, Vec::new(), |seen| {
        let mut approval = honest.clone();
        approval.binding.plan = sealed.digest();
        approval.binding.view = View::new(sealed.plan(), sealed.digest()).digest();
        approval.binding.ledger = seen.head.clone();
        approval.nonce = Digest::of(plan.digest.as_bytes()).to_string()[7..39].to_owned();
        (approval.approved_at, approval.not_before) = (seen.now, seen.now);
        approval.expires = seen.now.plus(3600);
        alter(&mut approval);
        let binding = &approval.binding;
        let subject = [
            ("plan", binding.plan),
            ("view", binding.view),
            ("policy", binding.policy),
            ("directive", binding.directive),
            ("trust-root", binding.trust_root),
        ];
        Envelope::sign(subject.iter().map(|(n, d)| Subject::new(*n, *d)).collect(), approval, &[&hand]).unwrap()
    });
    made.map(|_| ()).map_err(|refusal| refusal.code().to_owned())
}

#[test]
fn a09_an_approval_for_anything_else_does_not_count_whichever_field_differs() {
    let cases: &[(&str, i32, &str, Forgery)] = &[
        ("host", 5, "approval.scope_mismatch", |a| a.binding.host = "elsewhere".into()),
        ("repository", 5, "approval.scope_mismatch", |a| a.binding.repo_id = "0".repeat(32)),
        ("owner", 5, "approval.scope_mismatch", |a| a.binding.owner_id = "7".into()),
        ("change request", 5, "approval.scope_mismatch", |a| a.binding.change_request = Some(7)),
        ("environment", 5, "approval.scope_mismatch", |a| a.binding.environment = Some("production".parse().unwrap())),
        ("directive", 5, "approval.scope_mismatch", |a| a.binding.directive = Digest::of(b"x")),
        ("base branch", 6, "approval.stale", |a| a.binding.base_ref = "refs/heads/other".into()),
        ("base commit", 6, "approval.stale", |a| a.binding.base_sha = "0".repeat(40)),
        ("head commit", 6, "approval.stale", |a| a.binding.head_sha = "0".repeat(40)),
        ("tree", 6, "approval.stale", |a| a.binding.tree_digest = Digest::of(b"x")),
        ("policy", 6, "approval.stale", |a| a.binding.policy = Digest::of(b"x")),
        ("trust root", 6, "approval.stale", |a| a.binding.trust_root = Digest::of(b"x")),
        ("c31 view", 6, "approval.stale", |a| a.binding.view = Digest::of(b"x")),
        ("c31 renderer", 6, "approval.stale", |a| a.binding.renderer = "another".into()),
        ("ssh", 3, "approver.unauthorised", |a| a.method = Method::Ssh),
        ("policy method", 5, "key.role", |a| a.method = Method::Policy),
        ("uses", 5, "ledger.order", |a| a.max_uses = 5),
        ("session uses", 5, "ledger.order", |a| (a.scope, a.max_uses) = (Scope::Session, 101)),
        ("lifetime", 3, "approval.lifetime", |a| a.expires = a.approved_at.plus(25 * 3600)),
        ("expired", 6, "expired.approval", |a| a.expires = a.approved_at),
        ("early", 6, "approval.not_yet", |a| a.not_before = a.approved_at.plus(600)),
        ("somebody else", 5, "ledger.actor", |a| a.approver.id = 2),
        ("honest", 0, "", |_| ()),
        ("terminal", 0, "", |a| a.method = Method::Terminal),
    ];
    let bench = solo();
    let first = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &first, &[]).exits(0);
    let (honest, _) = newest_approval(&bench);
    for (what, code, reason, alter) in cases {
        bench.pass(1);
        let drafted = plan(&bench, "mark", &[]);
        match forge(&bench, &honest, &drafted, *alter) {
            Err(found) => assert_eq!((found.as_str(), *code != 0), (*reason, true), "{what}"),
            Ok(()) if *code == 0 => drop(runs(&bench, &["execute", &drafted.file])),
            Ok(()) => {
                let ran = bench.json(&["execute", &drafted.file]);
                let found = ran.json()["reasonCode"].as_str().unwrap().to_owned();
                assert_eq!((ran.code, found.as_str()), (*code, *reason), "{what}");
                refused(&bench, &["execute", &drafted.file], *code, reason);
            }
        }
    }
}

#[test]
fn a09_an_envelope_cannot_be_copied_to_another_plan_or_altered_or_signed_by_a_stranger() {
    let bench = solo();
    let (mark, other) = (plan(&bench, "mark", &[]), plan(&bench, "mark", &["-i", "text=other"]));
    approve(&bench, "ada", &mark, &[]).exits(0);
    let (_, envelope) = newest_approval(&bench);
    let before = tip(&bench);
    assert_eq!(append(&bench, vec![], |_| envelope.clone()).unwrap_err().code(), "ledger.duplicate");
    let payload = String::from_utf8(envelope.unverified_payload().to_vec()).unwrap();
    let moved = payload.replace(&mark.digest[7..], &other.digest[7..]);
    assert_ne!(moved, payload);
    let signature = &envelope.signatures()[0];
    let forged = Envelope::from_encoded(
        &encoded(moved.as_bytes()),
        [(signature.keyid.as_str(), encoded(&signature.bytes).as_str())],
    );
    assert_eq!(append(&bench, vec![], |_| forged.clone().unwrap()).unwrap_err().code(), "signature.invalid");
    let stranger = countersign::app::keys::file::HeldKey::random().unwrap();
    let by_stranger = forged.clone().unwrap().without(|_| true).countersigned(&stranger).unwrap();
    assert_eq!(append(&bench, vec![], |_| by_stranger.clone()).unwrap_err().code(), "signature.none");
    assert_eq!(before, tip(&bench));
    refused(&bench, &["execute", &other.file], 4, "approval.none");
    runs(&bench, &["execute", &mark.file]);
}

fn encoded(bytes: &[u8]) -> String {
    const WORD: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let word = three.iter().enumerate().fold(0_u32, |word, (n, b)| word | u32::from(*b) << (16 - 8 * n));
        for n in 0..4 {
            text.push(if n <= three.len() { WORD[(word >> (18 - 6 * n) & 63) as usize] as char } else { '=' });
        }
    }
    text
}

#[test]
fn a13_an_approval_signed_by_the_runner_is_not_even_recorded() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &mark, &[]).exits(0);
    let (mut approval, _) = newest_approval(&bench);
    let hand = key(&bench, "ada", &runner(&bench));
    let before = tip(&bench);
    (approval.approver.id, approval.nonce) = (2, "1".repeat(32));
    let refusal = append(&bench, vec![], |seen| {
        approval.binding.ledger = seen.head.clone();
        let binding = &approval.binding;
        let subject = [("plan", binding.plan), ("view", binding.view), ("policy", binding.policy)];
        Envelope::sign(subject.iter().map(|(n, d)| Subject::new(*n, *d)).collect(), approval.clone(), &[&hand]).unwrap()
    });
    let code = refusal.map(|_| String::new()).unwrap_or_else(|r| r.code().to_owned());
    if code.is_empty() {
        // The policy's key may sign the policy's own approvals; of a plan that needs people, they do not count.
        bench.json(&["revoke", "--plan", &mark.file, "--reason", "only the forged one is left"]).exits(0);
        refused(&bench, &["execute", &mark.file], 3, "approval.revoked");
    } else {
        assert_eq!((code.as_str(), before), ("key.role", tip(&bench)));
    }
}

#[test]
fn a23_e01_an_approval_is_used_once() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &mark, &[]).exits(0);
    runs(&bench, &["execute", &mark.file]);
    refused(&bench, &["execute", &mark.file], 6, "replay.consumed");
    refused(&bench, &["execute", &mark.digest], 6, "replay.consumed");
}

// What the plan stands on.

#[test]
fn a01_a02_a03_what_moves_after_the_approval_makes_it_stale() {
    type Move = fn(&Bench);
    let cases: [(&str, i32, &str, Move); 8] = [
        ("head", 6, "subject.head_moved", |b| b.commit("Another")),
        ("policy", 6, "subject.head_moved", |b| {
            b.write(".countersign/policy.yml", b.read(".countersign/policy.yml") + "\n");
            b.commit("Change the policy");
        }),
        ("branch with another head", 6, "subject.head_moved", |b| {
            b.git(&["checkout", "-q", "-b", "feature"]);
            b.commit("On a branch");
        }),
        ("base", 6, "subject.base_moved", |b| {
            let head = b.git(&["rev-parse", "HEAD"]);
            b.write(".countersign/policy.yml", b.read(".countersign/policy.yml") + "\n");
            b.commit("Change the policy");
            b.git(&["checkout", "-q", "--detach", &head]);
        }),
        ("base, set back", 6, "subject.base_moved", |b| {
            b.git(&["checkout", "-q", "--detach"]);
            b.git(&["branch", "-q", "-f", "main", "HEAD~1"]);
        }),
        ("workspace", 5, "subject.workspace_dirty", |b| b.write("README.md", "changed\n")),
        ("index", 5, "subject.workspace_dirty", |b| {
            b.write("new.txt", "new\n");
            b.git(&["add", "new.txt"]);
        }),
        ("directive in the work tree", 5, "subject.workspace_dirty", |b| {
            b.write("directives/mark.md", b.read("directives/mark.md") + "\n");
        }),
    ];
    for (what, code, reason, attack) in cases {
        let bench = solo();
        bench.commit("One more");
        let mark = plan(&bench, "mark", &[]);
        approve(&bench, "ada", &mark, &[]).exits(0);
        let (honest, main) = (bench.git(&["rev-parse", "HEAD"]), bench.git(&["rev-parse", "main"]));
        attack(&bench);
        let before = tip(&bench);
        let ran = bench.json(&["execute", &mark.file]);
        let found = ran.json()["reasonCode"].as_str().unwrap().to_owned();
        assert_eq!((ran.code, found.as_str()), (code, reason), "{what}: {}", ran.stderr);
        assert!(!ran_something(&bench) && before == tip(&bench), "{what}");
        bench.git(&["checkout", "-q", "-f", "--detach", &honest]);
        bench.git(&["branch", "-q", "-f", "main", &main]);
        let _ = fs::remove_file(bench.path("new.txt"));
        bench.git(&["reset", "-q", "--hard"]);
        runs(&bench, &["execute", &mark.file]);
    }
}

#[test]
fn a34_a_policy_in_the_work_tree_or_on_a_branch_decides_nothing() {
    let bench = solo();
    let lax = "rules:\n  - {id: all, when: {effect: {atMost: write}, uninspectable: false}, then: permit}\n";
    let policy = bench.read(".countersign/policy.yml");
    let lax = policy[..policy.find("rules:").unwrap()].to_owned() + lax;
    bench.write(".countersign/policy.yml", &lax);
    let mark = plan(&bench, "mark", &[]);
    refused(&bench, &["approve", &mark.file, "--policy"], 3, "approval.policy_may_not");
    bench.git(&["checkout", "-q", "-b", "feature"]);
    bench.commit("A policy of my own");
    let mark = plan(&bench, "mark", &["-i", "text=mine"]);
    refused(&bench, &["approve", &mark.file, "--policy"], 3, "approval.policy_may_not");
    refused(&bench, &["execute", &mark.file], 4, "approval.none");
    // On the protected base it is the policy.
    bench.git(&["branch", "-f", "main", "feature"]);
    let mark = plan(&bench, "mark", &["-i", "text=permitted"]);
    bench.json(&["approve", &mark.file, "--policy"]).exits(0);
    runs(&bench, &["execute", &mark.file]);
}

#[test]
fn a_directive_or_a_policy_that_is_a_link_is_not_there() {
    let bench = solo();
    fs::write(bench.outside("evil.md"), bench.read("directives/mark.md")).unwrap();
    symlink("../../evil.md", bench.path("directives/evil.md")).unwrap();
    symlink("mark.md", bench.path("directives/near.md")).unwrap();
    bench.commit("Link");
    for name in ["evil", "near"] {
        let ran = bench.json(&["plan", name]);
        assert!(ran.code == 2 && !ran_something(&bench), "{}", ran.stdout);
    }
    plan(&bench, "mark", &[]);
    fs::rename(bench.path(".countersign/policy.yml"), bench.outside("policy.yml")).unwrap();
    symlink("../../policy.yml", bench.path(".countersign/policy.yml")).unwrap();
    bench.commit("Link the policy");
    assert_eq!(bench.json(&["plan", "mark"]).code, 2);
}

#[test]
fn a_clock_that_is_set_back_or_forth_is_noticed() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &mark, &[]).exits(0);
    let now = bench.now.get();
    bench.now.set(now.plus(-3600));
    let before = tip(&bench);
    let ran = bench.json(&["execute", &mark.file]);
    let reason = ran.json()["reasonCode"].as_str().unwrap().to_owned();
    assert!(["clock.skew", "ledger.time"].contains(&reason.as_str()), "{}", ran.stdout);
    assert!(!ran_something(&bench) && before == tip(&bench));
    bench.now.set(now.plus(25 * 3600));
    refused(&bench, &["execute", &mark.file], 6, "expired.plan");
    bench.now.set(now);
    runs(&bench, &["execute", &mark.file]);
}

// The ledger.

/// Changes the ledger's files by hand, and commits that onto its branch.
fn tamper(bench: &Bench, change: impl FnOnce(&Path)) {
    let folder = bench.outside("by-hand");
    let place = folder.to_str().unwrap();
    bench.git(&["worktree", "add", "-q", "--detach", place, "countersign/ledger"]);
    change(&folder);
    bench.git(&["-C", place, "add", "-A"]);
    bench.git(&["-C", place, "commit", "-q", "--allow-empty", "-m", "by hand"]);
    let commit = bench.git(&["-C", place, "rev-parse", "HEAD"]);
    bench.git(&["worktree", "remove", "--force", place]);
    bench.git(&["update-ref", "refs/heads/countersign/ledger", &commit]);
}

fn find(folder: &Path, fits: &dyn Fn(&Path) -> bool) -> std::path::PathBuf {
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        if next.is_dir() {
            open.extend(fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()));
        } else if fits(&next) {
            return next;
        }
    }
    panic!("no such file in the ledger");
}

/// A repository with an approved plan, and the commit of its ledger.
fn approved() -> (Bench, Drafted, String) {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &mark, &[]).exits(0);
    let honest = tip(&bench);
    (bench, mark, honest)
}

fn put_back(bench: &Bench, honest: &str) {
    bench.git(&["update-ref", "refs/heads/countersign/ledger", honest]);
}

#[test]
fn e08_an_altered_entry_is_found_wherever_it_stands() {
    let (bench, mark, honest) = approved();
    for seq in 0..3 {
        tamper(&bench, |folder| {
            let at = format!("{seq:02}");
            let found = find(folder, &|path| {
                path.to_str().unwrap().contains("entries")
                    && path.file_stem().is_some_and(|stem| stem.to_str().unwrap().ends_with(&at))
            });
            let text = fs::read_to_string(&found).unwrap();
            fs::write(found, text.replacen("\"seq\":", "\"seq\":1", 1)).unwrap();
        });
        let before = tip(&bench);
        for command in [&["execute", &mark.file][..], &["verify", &mark.file], &["ledger", "verify"], &["list"]] {
            let ran = bench.json(command);
            assert_eq!(ran.code, 5, "entry {seq}, {command:?}: {}", ran.stdout);
        }
        assert!(!ran_something(&bench) && before == tip(&bench));
        put_back(&bench, &honest);
    }
    runs(&bench, &["execute", &mark.file]);
}

#[test]
fn e06_a_ledger_that_was_truncated_deleted_or_swapped_is_found_out() {
    let (bench, mark, honest) = approved();
    let branch = "refs/heads/countersign/ledger";
    // Without the newest entry.
    put_back(&bench, &format!("{honest}~1"));
    refused(&bench, &["execute", &mark.file], 5, "ledger.rollback");
    put_back(&bench, &honest);
    // Without the branch.
    bench.git(&["update-ref", "-d", branch]);
    refused(&bench, &["execute", &mark.file], 5, "ledger.missing");
    // With the ledger of another repository.
    let other = solo();
    bench.git(&["fetch", "-q", other.repo().to_str().unwrap(), &format!("+{branch}:{branch}")]);
    let ran = bench.json(&["execute", &mark.file]);
    assert!(ran.code == 5 && !ran_something(&bench), "{}", ran.stdout);
    put_back(&bench, &honest);
    runs(&bench, &["execute", &mark.file]);
}

#[test]
fn e06_a_used_approval_does_not_come_back_when_the_ledger_is_set_back() {
    let (bench, mark, before_the_run) = approved();
    runs(&bench, &["execute", &mark.file]);
    let after = tip(&bench);
    put_back(&bench, &before_the_run);
    refused(&bench, &["execute", &mark.file], 5, "ledger.rollback");
    assert_eq!(bench.json(&["ledger", "verify"]).refused(5, "ledger.rollback").json()["exitCode"], 5);
    put_back(&bench, &after);
    refused(&bench, &["execute", &mark.file], 6, "replay.consumed");
    bench.json(&["ledger", "verify"]).exits(0);
}

#[test]
fn b36_an_approval_of_a_fork_does_not_count_in_another_repository() {
    let (bench, mark, _) = approved();
    let (_, envelope) = newest_approval(&bench);
    let other = Bench::new(FILES);
    other.run(&["reasons"]).exits(0);
    other.run(&["init", "--solo"]).exits(0);
    other.commit("Another repository");
    fs::copy(bench.path(&mark.file), other.path("../stolen.json")).unwrap();
    let ran = other.json(&["execute", "../stolen.json"]);
    assert!(ran.code != 0 && !ran_something(&other), "{}", ran.stdout);
    assert!(ran.stdout.contains("context.mismatch"), "{}", ran.stdout);
    assert!(append(&other, vec![], |_| envelope.clone()).is_err());
}

// The trust root.

#[test]
fn b33_a_trust_root_that_is_edited_unpinned_or_rolled_back_is_refused() {
    let bench = team(&[("bob", "reviewer")], &[]);
    bench.json(&["keys", "renew", "--valid", "300d"]).exits(0);
    bench.commit("Renew");
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "bob", &mark, &[]).exits(0);
    let honest = bench.git(&["rev-parse", "HEAD"]);
    let version = root(&bench).document().version;

    let edited = bench.read(".countersign/trust.json").replacen("\"bob\"", "\"eve\"", 1);
    bench.write(".countersign/trust.json", edited);
    bench.commit("Edit the trust root");
    refused(&bench, &["execute", &mark.file], 5, "trust.files");
    let document = format!(".countersign/trust/{version}.json");
    bench.write(&document, bench.read(".countersign/trust.json"));
    bench.commit("Edit its version too");
    let ran = bench.json(&["execute", &mark.file]);
    assert!(ran.code == 5 && !ran_something(&bench), "{}", ran.stdout);
    bench.git(&["reset", "-q", "--hard", &honest]);

    bench.person.set("stranger");
    refused(&bench, &["execute", &mark.file], 5, "trust.unpinned");
    bench.person.set("ada");

    // Back to the version before: correctly signed, and older than the one the approval names.
    let older = bench.read(&format!(".countersign/trust/{}.json", version - 1));
    bench.write(".countersign/trust.json", older);
    fs::remove_file(bench.path(&document)).unwrap();
    fs::remove_file(bench.path(&format!(".countersign/trust/{version}.intoto.json"))).unwrap();
    bench.commit("Roll back");
    let ran = refused(&bench, &["execute", &mark.file], 5, "trust.rollback");
    assert!(ran.stdout.contains(&format!("version {version}")));
    bench.git(&["reset", "-q", "--hard", &honest]);
    runs(&bench, &["execute", &mark.file]);
}

// The environment.

#[test]
fn a44_hostile_variables_change_nothing() {
    let (bench, mark, _) = approved();
    let wrong = format!("sha256:{}", "0".repeat(64));
    let pin = [("COUNTERSIGN_TRUST_ROOT", wrong.as_str())];
    let before = tip(&bench);
    bench.run_with(&["execute", &mark.file, "--json"], &pin, "", false).refused(5, "trust.pin_mismatch");
    assert!(!ran_something(&bench) && before == tip(&bench));

    // The real binary, with everything that steers git and programs pointing elsewhere.
    let live = super::scene::real_solo();
    let drafted = super::scene::real_plan(&live, "plan");
    real(&live, &["approve", &drafted.file, "--digest", &drafted.digest]).exits(0);
    let empty = live.outside("empty");
    fs::create_dir(&empty).unwrap();
    let names = [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_CONFIG_GLOBAL",
        "GIT_INDEX_FILE",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
        "PATH",
        "BASH_ENV",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "IFS",
        "ENV",
    ];
    let output =
        live.binary().args(["execute", &drafted.file]).envs(names.map(|name| (name, &empty))).output().unwrap();
    ran(output).exits(0);
    assert!(ran_something(&live));
}

#[test]
fn c35_a_secret_is_redacted_wherever_it_would_be_written() {
    let secret = "correct-horse-battery-staple-42";
    let pipeline = "description: Print what is there.
effect: analyze
actions:
  - run: {program: show, argv: [], secrets: [API_TOKEN]}
";
    let directive = "---\ntitle: Print\npipelines: [print]\nenvironment: staging\nceiling: {effect: analyze, risk: low}\nsteps:\n  - {id: print, pipeline: print}\n---\nx\n";
    let policy = "version: 1
expires: '2031-01-01T00:00:00Z'
execution: {enabled: true, sideEffects: true}
programs: {show: {path: /usr/bin/printenv}}
environments: [staging]
secrets: {API_TOKEN: {environment: [staging]}}
rules:
  - {id: all, when: {effect: {atMost: analyze}, secrets: [API_TOKEN], uninspectable: false}, then: {needsApproval: {people: 1, separation: none}}}
";
    let bench = solo_with(&[
        ("pipelines/print.yml", pipeline),
        ("directives/print.md", directive),
        (".countersign/policy.yml", policy),
    ]);
    let print = plan(&bench, "print", &[]);
    approve(&bench, "ada", &print, &[]).exits(0);
    let before = tip(&bench);
    bench.json(&["execute", &print.file]).refused(3, "secret.missing");
    bench
        .run_with(&["execute", &print.file, "--json"], &[("API_TOKEN", "short")], "", false)
        .refused(3, "secret.too_short");
    assert_eq!(before, tip(&bench), "nothing was claimed");
    let hostile = [("API_TOKEN", secret), ("GITHUB_TOKEN", "never-declared-never-given")];
    let ran = bench.run_with(&["execute", &print.file, "--json"], &hostile, "", false).exits(0);
    let mut everything = ran.stdout + &ran.stderr;
    ledger(&bench)
        .for_each(bench.now.get(), |_, bytes| {
            let line: Value = serde_json::from_slice(bytes).unwrap();
            let envelope = Envelope::from_value(&line["envelope"]).unwrap();
            everything.push_str(&String::from_utf8_lossy(envelope.unverified_payload()));
            Ok(())
        })
        .unwrap();
    assert!(!everything.contains(secret), "the secret was written");
    assert!(!everything.contains("never-declared"), "what was not declared was given");
    assert!(everything.contains("API_TOKEN="), "the program saw its secret: {everything}");
}

#[test]
fn a31_a_switch_of_the_machine_forbids_and_no_approval_overrides_it() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &mark, &[]).exits(0);
    let before = tip(&bench);
    for (name, value, reason) in [
        ("COUNTERSIGN_EXECUTION", "off", "policy.execution_off"),
        ("COUNTERSIGN_EXECUTION", "true", "policy.execution_off"),
        ("COUNTERSIGN_SIDE_EFFECTS", "off", "policy.side_effects_off"),
        ("COUNTERSIGN_SIDE_EFFECTS", "0", "policy.side_effects_off"),
    ] {
        bench.run_with(&["execute", &mark.file, "--json"], &[(name, value)], "", false).refused(3, reason);
        assert!(!ran_something(&bench) && tip(&bench) == before, "{name}={value}");
    }
    // What changes nothing goes on where only side effects are off.
    let look = plan(&bench, "look", &[]);
    bench.run(&["approve", &look.file, "--policy", "--json"]).exits(0);
    let switched = [("COUNTERSIGN_SIDE_EFFECTS", "off")];
    bench.run_with(&["execute", &look.file, "--json"], &switched, "", false).exits(0);
    refused(&bench, &["execute", &mark.file, "--parallel", "0"], 2, "usage.invalid");
    let on = [("COUNTERSIGN_EXECUTION", "on"), ("COUNTERSIGN_SIDE_EFFECTS", "on")];
    bench.run_with(&["execute", &mark.file, "--json"], &on, "", false).exits(0);
    assert!(ran_something(&bench));
}

#[test]
fn a_file_named_like_a_digest_stands_for_no_other_plan() {
    let bench = solo();
    let (one, other) = (plan(&bench, "mark", &[]), plan(&bench, "mark", &["-i", "text=other"]));
    let digits = one.digest.strip_prefix("sha256:").unwrap();
    for name in [&digits[..8], digits] {
        fs::copy(bench.outside(other.file.trim_start_matches("../")), bench.path(name)).unwrap();
        for command in [&["render", name][..], &["verify", name], &["reject", name, "--reason", "no"]] {
            bench.json(command).refused(2, "plan.ambiguous");
        }
        fs::copy(bench.outside(one.file.trim_start_matches("../")), bench.path(name)).unwrap();
        bench.json(&["verify", name]).refused(4, "approval.none");
        fs::remove_file(bench.path(name)).unwrap();
        bench.json(&["render", name]).exits(0);
    }
}

#[test]
fn no_report_of_a_run_lies_where_its_steps_write() {
    let bench = solo();
    let drafted = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &drafted, &[]).exits(0);
    for flag in ["--csv", "--bundle", "--provenance"] {
        bench.json(&["execute", &drafted.file, flag, CANARY]).refused(2, "output.unwritable");
    }
    assert!(!bench.path(CANARY).exists());
    // A report tells of a refusal too, before any step could have put a link there.
    for flag in ["--junit", "--summary"] {
        bench.json(&["execute", &drafted.file, flag, CANARY]).refused(2, "output.unwritable");
        fs::remove_file(bench.path(CANARY)).unwrap();
    }
    bench.json(&["execute", &drafted.file, "--csv", "steps.csv"]).exits(0);
}
