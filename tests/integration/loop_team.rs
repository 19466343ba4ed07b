//! The loop as several people meet it: who counts, how many, in which role, and how keys change hands.

use std::fs;

use serde_json::json;

use super::{
    scene::{CANARY, Drafted, approve, enrol, key_file, pin, plan, refused, root, runner, runs, team},
    support::Bench,
};

const PEOPLE: [(&str, &str); 3] = [("bob", "technical-lead"), ("cyd", "product-owner"), ("dan", "reviewer")];

/// The policy of a team, in which every change asks for what is given.
fn policy(requirement: &str) -> String {
    format!(
        "version: 1
expires: '2031-01-01T00:00:00Z'
execution: {{enabled: true, sideEffects: true}}
limits: {{steps: 100, planLifetime: 24h, approvalLifetime: 24h, parallel: 4, stepTimeout: 1h, output: 100000}}
programs:
  sha256sum: {{path: /usr/bin/sha256sum}}
rules:
  - id: reads
    when: {{effect: {{atMost: analyze}}, network: none, secrets: none, uninspectable: false}}
    then: permit
  - id: changes
    when: {{effect: {{atLeast: recommend}}, network: none, secrets: none, uninspectable: false}}
    then: {{needsApproval: {requirement}}}
"
    )
}

fn asking(requirement: &str) -> Bench {
    let bench = team(&PEOPLE, &[(".countersign/policy.yml", &policy(requirement))]);
    // The last commit is the runner's own, so that nobody of the team wrote what is approved.
    commit_as(&bench, "machine");
    bench
}

fn commit_as(bench: &Bench, who: &'static str) {
    let _ = fs::remove_file(bench.path(CANARY));
    let before = bench.person.replace(who);
    bench.commit("One more");
    bench.person.set(before);
}

#[track_caller]
fn pending(bench: &Bench, plan: &Drafted) {
    refused(bench, &["execute", &plan.file], 4, "approval.pending");
}

#[test]
fn a11_who_asked_planned_or_committed_does_not_count() {
    let bench = asking("{people: 1}");
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &mark, &[]).refused(3, "approver.self");
    refused(&bench, &["execute", &mark.file], 4, "approval.none");
    approve(&bench, "bob", &mark, &[]).exits(0);
    runs(&bench, &["execute", &mark.file]);

    // Bob committed last: now it is Bob who does not count, and Cyd who does.
    commit_as(&bench, "bob");
    let next = plan(&bench, "mark", &[]);
    approve(&bench, "bob", &next, &[]).refused(3, "approver.self");
    refused(&bench, &["execute", &next.file], 4, "approval.none");
    approve(&bench, "cyd", &next, &[]).exits(0);
    runs(&bench, &["execute", &next.file]);
}

#[test]
fn a11_a_co_author_does_not_count_either() {
    let bench = asking("{people: 1}");
    bench.person.set("machine");
    bench.commit("Together\n\nCo-authored-by: Dan <dan@example.com>");
    bench.person.set("ada");
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "dan", &mark, &[]).refused(3, "approver.self");
    refused(&bench, &["execute", &mark.file], 4, "approval.none");
    approve(&bench, "cyd", &mark, &[]).exits(0);
    runs(&bench, &["execute", &mark.file]);
}

#[test]
fn a11_who_changed_last_what_a_plan_runs_does_not_count_though_somebody_commits_after() {
    let each = "---
title: Leave a mark for each
pipelines: [mark]
ceiling: {effect: write, risk: low}
steps: [{id: mark, pipeline: mark, forEach: {lines: todo.list}, with: {text: '{{ item }}'}}]
---
";
    for file in ["pipelines/mark.yml", "directives/mark.md", "todo.list"] {
        let bench = asking("{people: 1}");
        if file == "todo.list" {
            bench.write("directives/mark.md", each);
            bench.write(file, "one");
            commit_as(&bench, "machine");
        }
        bench.write(file, format!("{}\n", bench.read(file)));
        commit_as(&bench, "bob");
        commit_as(&bench, "machine");
        commit_as(&bench, "ada");
        commit_as(&bench, "machine");
        let mark = plan(&bench, "mark", &[]);
        approve(&bench, "bob", &mark, &[]).refused(3, "approver.self");
        refused(&bench, &["execute", &mark.file], 4, "approval.none");
        approve(&bench, "dan", &mark, &[]).exits(0);
        runs(&bench, &["execute", &mark.file]);
        // A file that the plan does not run is nobody's work here.
        bench.write("directives/other.md", "---\n---\n");
        commit_as(&bench, "dan");
        commit_as(&bench, "machine");
        let next = plan(&bench, "mark", &[]);
        approve(&bench, "dan", &next, &[]).exits(0);
        runs(&bench, &["execute", &next.file]);
    }
}

#[test]
fn we8_k_of_n_counts_distinct_people() {
    let bench = asking("{people: 2}");
    let mark = plan(&bench, "mark", &[]);
    refused(&bench, &["execute", &mark.file], 4, "approval.none");
    approve(&bench, "bob", &mark, &[]).exits(0);
    pending(&bench, &mark);
    let again = approve(&bench, "bob", &mark, &[]);
    pending(&bench, &mark);
    assert!(again.code == 0 || again.code == 6, "{}", again.stderr);
    let status = bench.json(&["status", &mark.file]).exits(0).json();
    assert_eq!((&status["result"]["approvalsHave"], &status["result"]["approvalsNeed"]), (&json!(1), &json!(2)));
    approve(&bench, "cyd", &mark, &[]).exits(0);
    runs(&bench, &["execute", &mark.file]);
}

#[test]
fn a12_one_person_with_two_keys_is_one_person() {
    let bench = asking("{people: 2}");
    bench.person.set("bob");
    bench.run(&["keys", "generate", "bob-two"]).exits(0);
    let public = bench.run(&["keys", "public", "bob-two"]).exits(0).stdout;
    fs::write(bench.outside("bob-two.pub"), public).unwrap();
    bench.person.set("ada");
    bench.json(&["keys", "enrol", "--login", "bob", "--public-key", "../bob-two.pub"]).exits(0);
    commit_as(&bench, "machine");
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "bob", &mark, &["--key", "bob"]).exits(0);
    approve(&bench, "bob", &mark, &["--key", "bob-two"]).exits(0);
    pending(&bench, &mark);
    approve(&bench, "cyd", &mark, &[]).exits(0);
    runs(&bench, &["execute", &mark.file]);
}

#[test]
fn we8_required_roles_must_all_be_there() {
    let both = "{allOf: [{people: 1, roles: [product-owner]}, {people: 1, roles: [technical-lead]}]}";
    let bench = asking(both);
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "bob", &mark, &[]).exits(0);
    pending(&bench, &mark);
    approve(&bench, "dan", &mark, &[]).refused(3, "approver.role");
    pending(&bench, &mark);
    approve(&bench, "cyd", &mark, &[]).exits(0);
    runs(&bench, &["execute", &mark.file]);
}

#[test]
fn we8_any_of_and_k_of_n_parts_combine() {
    let parts =
        "{people: 1, roles: [product-owner]}, {people: 1, roles: [technical-lead]}, {people: 1, roles: [reviewer]}";
    for (asked, first, second) in [
        (format!("{{anyOf: [{parts}]}}"), "cyd", None),
        (format!("{{kOf: {{k: 2, of: [{parts}]}}}}"), "dan", Some("bob")),
    ] {
        let bench = asking(&asked);
        let mark = plan(&bench, "mark", &[]);
        refused(&bench, &["execute", &mark.file], 4, "approval.none");
        approve(&bench, first, &mark, &[]).exits(0);
        if let Some(second) = second {
            pending(&bench, &mark);
            approve(&bench, second, &mark, &[]).exits(0);
        }
        runs(&bench, &["execute", &mark.file]);
    }
}

#[test]
fn we8_an_approval_given_too_long_ago_no_longer_counts() {
    let bench = asking("{people: 1, within: 1h}");
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "bob", &mark, &[]).exits(0);
    bench.pass(3601);
    refused(&bench, &["execute", &mark.file], 6, "approval.too_old");
    approve(&bench, "bob", &mark, &[]).exits(0);
    runs(&bench, &["execute", &mark.file]);
}

#[test]
fn we8_a_method_that_is_not_accepted_does_not_count() {
    let bench = asking("{people: 1, methods: [terminal]}");
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "bob", &mark, &[]).refused(3, "approval.method");
    refused(&bench, &["execute", &mark.file], 4, "approval.none");
    bench.person.set("bob");
    let typed = format!("{}\nyes\n", &mark.digest[7..15]);
    bench.run_with(&["approve", &mark.file], &[], &typed, true).exits(0);
    bench.person.set("ada");
    runs(&bench, &["execute", &mark.file]);
}

#[test]
fn a13_neither_an_agent_nor_the_runner_can_approve() {
    let bench = asking("{people: 1}");
    enrol(&bench, "bot", &["--agent", "--duty", "planner"]);
    bench.commit("Enrol an agent");
    commit_as(&bench, "machine");
    pin(&bench, "bot");
    let mark = plan(&bench, "mark", &[]);
    bench.person.set("bot");
    refused(&bench, &["approve", &mark.file, "--digest", &mark.digest, "--key", "bot"], 5, "key.role");
    bench.person.set("ada");
    let runner = runner(&bench);
    refused(&bench, &["approve", &mark.file, "--digest", &mark.digest, "--key", &runner], 5, "key.role");
    // An agent drafts, and a person other than its keeper approves.
    bench.person.set("bot");
    let drafted = plan(&bench, "mark", &["-i", "text=by a bot"]);
    bench.person.set("ada");
    approve(&bench, "bob", &drafted, &[]).exits(0);
    runs(&bench, &["execute", &drafted.file]);
}

#[test]
fn a13_an_agent_cannot_be_given_the_duty_to_approve() {
    let bench = asking("{people: 1}");
    let before = fs::read(bench.path(".countersign/trust.json")).unwrap();
    bench.person.set("bot");
    bench.run(&["keys", "generate", "bot"]).exits(0);
    let public = bench.run(&["keys", "public", "bot"]).exits(0).stdout;
    fs::write(bench.outside("bot.pub"), public).unwrap();
    bench.person.set("ada");
    let line = ["keys", "enrol", "--login", "bot", "--public-key", "../bot.pub", "--agent", "--duty", "approver"];
    let ran = bench.json(&line);
    assert_ne!(ran.code, 0, "{}", ran.stdout);
    assert_eq!(before, fs::read(bench.path(".countersign/trust.json")).unwrap());
}

#[test]
fn a_key_that_is_revoked_in_the_trust_root_no_longer_approves_or_counts() {
    let bench = asking("{people: 1}");
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "bob", &mark, &[]).exits(0);
    bench.json(&["verify", &mark.file]).exits(0);
    let keys = bench.json(&["keys", "show"]).exits(0).json();
    let bobs = keys["result"]["keys"].as_array().unwrap().iter().find(|k| k["login"] == "bob").unwrap()["id"].clone();
    bench.pass(60);
    bench.json(&["keys", "revoke", bobs.as_str().unwrap(), "--reason", "laptop lost"]).exits(0);
    commit_as(&bench, "machine");
    refused(&bench, &["execute", &mark.file], 6, "subject.head_moved");
    let next = plan(&bench, "mark", &[]);
    let ran = approve(&bench, "bob", &next, &["--key", "bob"]);
    assert_eq!((ran.code, ran.json()["reasonCode"].as_str()), (5, Some("key.revoked")));
    approve(&bench, "cyd", &next, &[]).exits(0);
    runs(&bench, &["execute", &next.file]);
}

#[test]
fn b32_what_a_revoked_key_approves_in_a_clone_that_is_behind_stops_nobody_and_runs_nothing() {
    let bench = asking("{people: 1}");
    let (origin, stale) = (bench.outside("origin.git"), bench.outside("stale"));
    let (origin, stale) = (origin.to_str().unwrap(), stale.to_str().unwrap());
    let mark = plan(&bench, "mark", &[]);
    bench.git(&["clone", "-q", "--bare", ".", origin]);
    bench.git(&["clone", "-q", origin, stale]);
    bench.git(&["-C", stale, "config", "countersign.remote", "origin"]);
    bench.git(&["remote", "add", "origin", origin]);
    bench.git(&["config", "countersign.remote", "origin"]);
    bench.pass(60);
    let keys = bench.json(&["keys", "show"]).exits(0).json();
    let bobs = keys["result"]["keys"].as_array().unwrap().iter().find(|k| k["login"] == "bob").unwrap()["id"].clone();
    let told = bench.run(&["keys", "revoke", bobs.as_str().unwrap(), "--reason", "laptop lost"]).exits(0).stdout;
    assert!(told.contains("countersign ledger checkpoint"), "{told}");
    bench.pass(60);
    let behind = approve(&bench, "bob", &mark, &["-C", stale]);
    assert_eq!(behind.code, 0, "{}{}", behind.stdout, behind.stderr);
    commit_as(&bench, "machine");
    bench.json(&["ledger", "verify"]).exits(0);
    bench.json(&["status", &mark.digest]).exits(0);
    let ran = refused(&bench, &["execute", &mark.file], 6, "subject.head_moved").json();
    let quorum = ran["result"]["checks"].as_array().unwrap().iter().find(|check| check["id"] == "approval.quorum");
    assert_eq!(quorum.unwrap()["result"], "failed", "{ran}");
    assert_eq!(ran["result"]["approvalsHave"], 0, "{ran}");
    let next = plan(&bench, "mark", &[]);
    refused(&bench, &["execute", &next.file], 4, "approval.none");
    bench.json(&["halt", "--reason", "a key was lost"]).exits(0);
    bench.json(&["ledger", "checkpoint"]).exits(0);
    bench.json(&["ledger", "verify"]).exits(0);
    let late = approve(&bench, "bob", &mark, &["-C", stale]);
    assert_eq!(late.json()["reasonCode"], "trust.rollback", "{}", late.stdout);
}

#[test]
fn a_key_is_valid_within_its_window_only_and_the_trust_root_is_renewed() {
    let bench = asking("{people: 1}");
    enrol(&bench, "eve", &["--valid", "30d"]);
    commit_as(&bench, "machine");
    pin(&bench, "eve");
    bench.person.set("ada");
    bench.pass(31 * 86_400);
    let mark = plan(&bench, "mark", &[]);
    let ran = approve(&bench, "eve", &mark, &["--key", "eve"]);
    assert_eq!((ran.code, ran.json()["reasonCode"].as_str()), (6, Some("key.validity")));
    approve(&bench, "bob", &mark, &[]).exits(0);
    runs(&bench, &["execute", &mark.file]);
    let before = root(&bench).document().expires;
    bench.json(&["keys", "renew", "--valid", "360d"]).exits(0);
    commit_as(&bench, "machine");
    assert!(root(&bench).document().expires > before);
    bench.json(&["list"]).exits(0);
}

#[test]
fn the_directives_gate_is_one_more_condition() {
    let gated = super::scene::FILES[1].1.replace("ceiling:", "gate: [terminal]\nceiling:");
    let bench = team(&PEOPLE, &[("directives/mark.md", &gated), (".countersign/policy.yml", &policy("{people: 1}"))]);
    commit_as(&bench, "machine");
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "bob", &mark, &[]).refused(3, "approval.method");
    refused(&bench, &["execute", &mark.file], 4, "approval.none");
    bench.person.set("cyd");
    let typed = format!("{}\nyes\n", &mark.digest[7..15]);
    bench.run_with(&["approve", &mark.file], &[], &typed, true).exits(0);
    bench.person.set("ada");
    runs(&bench, &["execute", &mark.file]);
}

#[test]
fn anybody_may_halt_and_reject_who_may_approve_and_nobody_else() {
    let bench = asking("{people: 1}");
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "bob", &mark, &[]).exits(0);
    bench.person.set("dan");
    bench.json(&["halt", "--reason", "stop"]).exits(0);
    bench.person.set("ada");
    refused(&bench, &["execute", &mark.file], 3, "halted");
    let runner = runner(&bench);
    refused(&bench, &["halt", "--lift", "--reason", "go", "--key", &runner], 5, "key.role");
    bench.json(&["halt", "--lift", "--reason", "go"]).exits(0);
    bench.person.set("dan");
    bench.json(&["reject", &mark.file, "--reason", "no"]).exits(0);
    bench.person.set("ada");
    refused(&bench, &["execute", &mark.file], 3, "plan.rejected");
}

#[test]
fn b33_a_change_of_the_trust_root_waits_for_the_signatures_of_its_threshold() {
    let bench = team(&PEOPLE, &[]);
    bench.json(&["keys", "renew", "--valid", "300d", "--key", "ada"]).exits(0);
    bench.commit("One is enough");
    // Two of one holder cannot be: there must be a second holder first.
    assert_ne!(bench.json(&["keys", "threshold", "2"]).code, 0);
    enrol(&bench, "rob", &["--duty", "root"]);
    pin(&bench, "rob");
    bench.person.set("ada");
    // That two must sign is itself signed by two.
    bench.json(&["keys", "threshold", "2"]).exits(0);
    bench.person.set("rob");
    bench.json(&["keys", "sign"]).exits(0);
    bench.commit("From now on two");
    bench.person.set("ada");
    assert_eq!(root(&bench).document().root_threshold, 2);
    let version = root(&bench).document().version;
    bench.json(&["keys", "sign"]).refused(2, "trust.nothing_pending");

    let ran = bench.json(&["keys", "renew", "--valid", "200d"]).exits(0).json();
    assert_eq!((&ran["result"]["complete"], &ran["result"]["needed"]), (&json!(false), &json!(2)));
    bench.commit("Half signed");
    assert_eq!(root(&bench).document().version, version, "one signature changes nothing");
    bench.json(&["keys", "sign"]);
    bench.commit("Twice the same");
    assert_eq!(root(&bench).document().version, version, "the same holder twice is one holder");
    bench.json(&["list"]).refused(5, "trust.files");
    bench.person.set("bob");
    bench.json(&["keys", "sign", "--key", "bob"]).refused(5, "key.role");
    bench.person.set("rob");
    bench.json(&["keys", "sign"]).exits(0);
    bench.commit("Both");
    assert_eq!(root(&bench).document().version, version + 1);
    bench.json(&["list"]).exits(0);
}

#[test]
fn a_newcomer_pins_what_they_were_told_and_nothing_else() {
    let bench = team(&PEOPLE, &[]);
    bench.person.set("newcomer");
    let ran = bench.json(&["list"]).refused(5, "trust.unpinned");
    assert!(ran.stderr.contains("COUNTERSIGN_TRUST_ROOT") || ran.stderr.contains("keys trust"), "{}", ran.stderr);
    let shown = bench.json(&["keys", "show"]).exits(0).json();
    assert_eq!(shown["result"]["pinned"], false);
    bench.json(&["keys", "trust", &format!("sha256:{}", "1".repeat(64))]).refused(5, "trust.pin_mismatch");
    bench.json(&["list"]).refused(5, "trust.unpinned");
    bench.json(&["keys", "trust", shown["result"]["digest"].as_str().unwrap()]).exits(0);
    bench.json(&["list"]).exits(0);
}

#[test]
fn a_key_others_can_read_signs_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = asking("{people: 1}");
    let mark = plan(&bench, "mark", &[]);
    let file = key_file(&bench, "bob", "bob");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = approve(&bench, "bob", &mark, &["--key", "bob"]);
    assert_eq!((ran.code, ran.json()["reasonCode"].as_str()), (2, Some("key.permissions")));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    approve(&bench, "bob", &mark, &["--key", "bob"]).exits(0);
    runs(&bench, &["execute", &mark.file]);
}
