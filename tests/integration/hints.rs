//! What a refusal says: which thing is wrong, and what really helps.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::{
    forge_model::ForgeModel,
    scene::{Drafted, approve, key_file, plan, runs, solo, team, tip},
    support::Bench,
};

const OFF: &str = "enabled: true";

/// Switches execution off in the policy; returns the number of the line.
fn switch_off(bench: &Bench) -> usize {
    let policy = bench.read(".countersign/policy.yml");
    let line = policy.lines().position(|line| line.trim_start().starts_with(OFF)).unwrap() + 1;
    bench.write(".countersign/policy.yml", policy.replace(OFF, "enabled: false"));
    bench.commit("Switch execution off");
    line
}

#[test]
fn a_switch_of_the_policy_is_shown_before_anybody_approves() {
    let bench = solo();
    let at = format!(".countersign/policy.yml:{}", switch_off(&bench));
    let drafted = plan(&bench, "mark", &[]);
    let review = bench.run(&["review", &drafted.file]).exits(0).stdout;
    assert!(review.contains("execution is switched off") && review.contains(&at), "{review}");
    let told = bench.json(&["review", &drafted.file]).exits(0).json();
    assert_eq!(told["result"]["switchedOff"][0]["id"], "execution", "{told}");
    assert_eq!(told["result"]["switchedOff"][0]["at"], at, "{told}");
    let explained = bench.run(&["policy", "explain", &drafted.file]).exits(0).stdout;
    assert!(explained.contains(&format!("note execution: plan true; policy off ({at})")), "{explained}");
    let simulated = bench.run(&["policy", "simulate", &drafted.file, "--as", "ada"]).exits(0).stdout;
    assert!(simulated.contains("that would not be enough") && simulated.contains(&at), "{simulated}");
}

#[test]
fn a_denial_blames_no_approver() {
    let bench = solo();
    let at = switch_off(&bench);
    let drafted = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &drafted, &[]).exits(0);
    for command in ["status", "verify"] {
        let ran = bench.run(&[command, &drafted.file]);
        let told = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!told.contains("all of ()") && !told.contains("not counted"), "{command}: {told}");
        assert!(!told.contains("approval.method"), "{command}: {told}");
    }
    let verified = bench.json(&["verify", &drafted.file]).refused(3, "policy.execution_off").json();
    assert!(verified["hints"].to_string().contains(&format!("policy.yml:{at}")), "{verified}");
    let checks = verified["result"]["checks"].as_array().unwrap();
    let quorum = checks.iter().find(|check| check["id"] == "approval.quorum").unwrap().to_string();
    assert!(quorum.contains("not asked: denied"), "{quorum}");
}

#[test]
fn a_plan_that_was_taken_back_is_said_to_be_over() {
    let bench = solo();
    for approvals in [0, 1] {
        let drafted = plan(&bench, "mark", &["--seed", &format!("{approvals}f").repeat(16)]);
        for _ in 0..approvals {
            approve(&bench, "ada", &drafted, &[]).exits(0);
        }
        bench.json(&["revoke", "--plan", &drafted.file, "--reason", "not this"]).exits(0);
        for command in ["execute", "verify"] {
            let told = bench.json(&[command, &drafted.file]).refused(3, "approval.revoked").stderr;
            assert!(told.contains("the plan is over") && !told.contains("ask for one"), "{command}: {told}");
        }
        let told = bench.run(&["status", &drafted.file]).exits(0).stdout;
        assert!(told.contains("execution would be refused") && told.contains("[approval.revoked]"), "{told}");
        let again = bench.json(&["approve", &drafted.file, "--digest", &drafted.digest]);
        let told = again.refused(3, "approval.revoked").stderr;
        assert!(told.contains("the plan is over") && told.contains("`countersign plan`"), "{told}");
    }
    let help = bench.run(&["revoke", "--help"]).exits(0).stdout;
    assert!(help.contains("cannot be approved again"), "{help}");
}

#[test]
fn a_plan_is_found_by_the_beginning_of_its_digest() {
    let bench = solo();
    let drafted = plan(&bench, "mark", &[]);
    plan(&bench, "mark", &["--seed", &"2f".repeat(16)]);
    let digits = &drafted.digest[7..];
    let (least, labelled) = (&digits[..8], format!("sha256:{}", &digits[..20]));
    for named in [least, &digits[..63], &labelled] {
        for command in ["render", "review", "status", "verify", "execute"] {
            let told = bench.json(&[command, named]).json();
            assert_eq!(told["subject"], drafted.digest, "{command} {named}: {told}");
        }
    }
    assert_eq!(bench.json(&["diff", least, &drafted.file]).exits(0).json()["decision"], "same");
    for named in [&digits[..7], "00000000", "sha256:00000000", "0000000G"] {
        bench.json(&["status", named]).refused(2, "plan.unknown");
    }
    // What is agreed to is named whole all the same.
    bench.json(&["approve", least, "--digest", least]).refused(2, "approval.digest_short");
    bench.json(&["approve", least, "--digest", &drafted.digest]).exits(0);
    runs(&bench, &["execute", least]);
    // With a file of that name it is not clear which is meant.
    bench.write(least, "{}");
    bench.json(&["status", least]).refused(2, "plan.ambiguous");
    bench.json(&["status", &format!("./{least}")]).refused(5, "plan.type");
    let over = bench.json(&["reject", &digits[..9], "--reason", "no"]).refused(6, "ledger.terminal").stderr;
    assert!(over.contains(&drafted.digest), "{over}");
}

#[test]
fn a_plan_for_an_older_commit_is_said_to_be_one() {
    let bench = solo();
    let drafted = plan(&bench, "mark", &[]);
    for command in [&["list"][..], &["status"]] {
        assert!(!bench.run(command).exits(0).stdout.contains("older commit"), "{command:?}");
    }
    bench.write("other.txt", "in between");
    bench.commit("Something in between");
    let next = "made for an older commit of main; once more: countersign plan mark";
    for command in [&["list"][..], &["status"], &["status", &drafted.file]] {
        let told = bench.run(command).exits(0).stdout;
        assert!(told.contains(next), "{command:?}: {told}");
    }
    let listed = bench.json(&["list"]).exits(0).json();
    assert_eq!(listed["result"][0]["wouldBeRefused"], "subject.base_moved", "{listed}");
    let waiting = bench.json(&["status"]).exits(0).json();
    assert_eq!(waiting["result"]["waiting"][0]["wouldBeRefused"], "subject.base_moved", "{waiting}");
    // Where this checkout is behind, the plan is not the older one.
    let late = plan(&bench, "mark", &[]);
    bench.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let told = bench.run(&["status", &late.file]).exits(0).stdout;
    assert!(told.contains("made for a commit that main here does not have"), "{told}");
}

#[test]
fn who_cannot_count_is_refused_before_anything_is_signed() {
    let bench = team(&[("bob", "reviewer")], &[]);
    let drafted = plan(&bench, "mark", &[]);
    let before = tip(&bench);
    let told = approve(&bench, "ada", &drafted, &[]).refused(3, "approver.self").stderr;
    assert!(told.contains("nothing was signed"), "{told}");
    let ran = bench.run_with(&["approve", &drafted.file, "--json"], &[], "", true);
    ran.refused(3, "approver.self");
    assert_eq!(tip(&bench), before);
}

#[test]
fn who_has_no_forge_is_told_how_to_begin_anew_with_one() {
    let bench = solo();
    let drafted = plan(&bench, "mark", &[]);
    let approve = ["approve", &drafted.file, "--gate", "review"];
    for line in [&["propose", &drafted.file][..], &["open", "mark"], &["dispatch", "x.yml"], &approve] {
        let told = bench.json(line).refused(2, "forge.none").stderr;
        assert!(told.contains("git branch -m countersign/ledger") && !told.contains("GITHUB_TOKEN"), "{told}");
    }
    let told = bench.json(&["init", "--forge", "github"]).refused(2, "setup.exists").stderr;
    assert!(told.contains("git branch -m countersign/ledger"), "{told}");
    let told = bench.json(&["init", "--solo"]).refused(2, "setup.exists").stderr;
    assert!(!told.contains("git branch -m"), "{told}");
    // What is said really leads on.
    bench.git(&["rm", "-qr", ".countersign"]);
    bench.git(&["branch", "-m", "countersign/ledger", "countersign/ledger-before"]);
    let model = ForgeModel::start();
    let host = model.host();
    let init = ["init", "--forge", "github", "--host", &host, "--repository", "acme/infra"];
    bench.run_with(&init, &[("GITHUB_TOKEN", "token-of-ada")], "", false).exits(0);
    bench.commit("Set up countersign anew");
    assert_eq!(bench.json(&["list"]).exits(0).json()["result"], serde_json::json!([]));
    bench.json(&["open", "mark"]).refused(5, "forge.unasked");
}

#[test]
fn a_hint_is_a_line_that_can_be_typed() {
    let bench = solo();
    let drafted = plan(&bench, "mark", &[]);
    let told = bench.json(&["execute", &drafted.file]).refused(4, "approval.none").stderr;
    assert!(told.contains("`countersign approve PLAN`"), "{told}");
    let told = bench.run(&["keys", "generate", "new", "--out", "../new.pem"]).exits(0).stdout;
    let next = told.lines().find(|line| line.contains("keys public")).unwrap();
    let file = next.split('\'').nth(1).unwrap();
    assert!(!bench.run(&["keys", "public", file]).exits(0).stdout.is_empty(), "{told}");
    assert!(told.contains("keys enrol --login LOGIN --public-key key.pub"), "{told}");
    for line in [&["keys", "public", "nosuch"][..], &["approve", &drafted.file, "--key", "nosuch"]] {
        let told = bench.json(line).refused(2, "key.file").stderr;
        assert!(told.contains("/keys are") && told.contains("ada"), "{told}");
    }
    let told = bench.json(&["policy", "simulate", &drafted.file, "--as", "nosuch"]).refused(2, "usage.invalid").stderr;
    assert!(told.contains("the trust root knows ada"), "{told}");
    let other = format!("sha256:{}", "0".repeat(64));
    let told = bench.json(&["keys", "trust", &other]).refused(5, "trust.pin_mismatch").stderr;
    assert!(told.contains("nothing was pinned") && !told.contains("does not descend"), "{told}");
    bench.write("README.md", "# Other\n");
    let told = bench.json(&["verify", &drafted.file]).stderr;
    assert!(told.contains("commit or stash") && !told.contains("self-hosted"), "{told}");
    assert!(!told.contains("1 files"), "{told}");
}

#[test]
fn the_review_is_told_apart_from_the_policy() {
    let bench = solo();
    let drafted = plan(&bench, "mark", &[]);
    let told = bench.run(&["policy", "explain", &drafted.file]).exits(0).stdout;
    let line = told.lines().find(|line| line.contains(" review: ")).unwrap();
    assert!(line.contains(&format!("checks of {}; policy all ", drafted.digest)), "{line}");
    assert_eq!(line.matches(&drafted.digest).count(), 1, "{line}");
}

#[test]
fn two_drafts_of_the_same_are_not_wider_because_time_went_by() {
    let bench = solo();
    let one = plan(&bench, "mark", &[]);
    bench.pass(90);
    let two = plan(&bench, "mark", &[]);
    let told = bench.run(&["diff", &one.file, &two.file]).exits(0).stdout;
    assert!(told.contains("0 widened") && told.contains("expiry"), "{told}");
}

fn completed(bench: &Bench) -> Drafted {
    let drafted = plan(bench, "mark", &[]);
    approve(bench, "ada", &drafted, &[]).exits(0);
    runs(bench, &["execute", &drafted.file]);
    drafted
}

#[test]
fn the_hint_of_a_used_approval_is_one_that_helps() {
    let bench = solo();
    let done = completed(&bench);
    let ran = bench.run(&["execute", &done.file]).exits(6);
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert!(told.contains("make a new plan"), "{told}");
    assert!(!told.contains("approve the plan again"), "{told}");
}

#[test]
fn the_next_command_is_one_that_works() {
    let bench = solo();
    let drafted = plan(&bench, "mark", &[]);
    let told = bench.run(&["review", &drafted.file]).exits(0).stdout;
    assert!(told.ends_with(&format!("next: countersign approve {}\n", drafted.file)), "{told}");
    let over = |file: &str, word: &str| {
        let told = bench.run(&["review", file]).exits(0).stdout;
        assert!(told.contains(&format!("the plan is over: {word}")), "{told}");
        assert!(!told.contains("countersign approve"), "{told}");
    };
    let draft = plan(&bench, "mark", &["--no-record", "--seed", &"ef".repeat(16)]);
    let told = bench.run(&["review", &draft.file]).exits(0).stdout;
    assert!(told.ends_with("the plan is on no record: nobody can approve it\nnext: countersign plan mark\n"), "{told}");
    let newer = plan(&bench, "mark", &["--revise", &drafted.file, "--feedback", "again"]);
    over(&drafted.file, "superseded");
    bench.run(&["reject", &newer.file, "--reason", "no"]).exits(0);
    over(&newer.file, "rejected");
    over(&completed(&bench).file, "completed");
    let late = plan(&bench, "mark", &["--expires", "1h", "--seed", &"cd".repeat(16)]);
    bench.pass(7200);
    over(&late.file, "expired");
}

#[test]
fn a_key_that_cannot_be_read_is_named() {
    let bench = solo();
    let file = key_file(&bench, "ada", "ada");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let told = bench.json(&["plan", "mark"]).refused(2, "key.permissions").stderr;
    assert!(told.contains("ada.pem"), "{told}");
    assert_eq!(told.matches("chmod 600").count(), 1, "{told}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let pem = fs::read_to_string(&file).unwrap();
    fs::write(&file, "junk").unwrap();
    let told = bench.json(&["plan", "mark"]).refused(2, "key.malformed").stderr;
    assert!(told.contains("ada.pem"), "{told}");
    // A key of somebody else that cannot be read takes nothing from one that can.
    fs::write(&file, pem).unwrap();
    fs::write(key_file(&bench, "ada", "old"), "junk").unwrap();
    bench.json(&["plan", "mark"]).exits(0);
}

#[test]
fn a_change_of_the_trust_root_that_cannot_be_is_said_to_be_so() {
    let bench = team(&[("bob", "technical-lead")], &[]);
    let shown = bench.json(&["keys", "show"]).json();
    let ada = shown["result"]["keys"].as_array().unwrap().iter().find(|key| key["login"] == "ada").unwrap();
    let ada = ada["id"].as_str().unwrap().to_owned();
    let vain = |line: &[&str], says: &str| {
        let ran = bench.json(line).refused(2, "trust.change");
        assert!(ran.stderr.contains(says) && !ran.stderr.contains("contradicts itself"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("do not edit it"), "{}", ran.stderr);
        assert_eq!(bench.git(&["status", "--porcelain"]), "");
    };
    vain(&["keys", "threshold", "2"], "1 holder of a root key");
    vain(&["keys", "threshold", "0"], "at least 1");
    vain(&["keys", "revoke", &ada, "--reason", "x"], "last root key");
    vain(&["keys", "enrol", "--login", "bob", "--public-key", "../bob.pub"], "listed already");
    let bob = shown["result"]["keys"].as_array().unwrap().iter().find(|key| key["login"] == "bob").unwrap();
    let revoke = ["keys", "revoke", bob["id"].as_str().unwrap(), "--reason", "x"];
    bench.json(&revoke).exits(0);
    bench.commit("Revoke a key");
    vain(&revoke, "revoked already");
    let runner = shown["result"]["keys"].as_array().unwrap().iter().find(|key| key["login"] != "ada").unwrap();
    let program = runner["login"].as_str().unwrap();
    bench.run(&["keys", "generate", "x", "--out", "../x.pem"]).exits(0);
    let public = bench.run(&["keys", "public", "../x.pem"]).exits(0).stdout;
    fs::write(bench.outside("x.pub"), public).unwrap();
    vain(&["keys", "enrol", "--login", program, "--public-key", "../x.pub"], "a program");
    vain(&["keys", "enrol", "--login", "BOB", "--public-key", "../x.pub"], "listed already");
    vain(
        &["keys", "enrol", "--login", "eve", "--email", "bob@example.com", "--public-key", "../x.pub"],
        "bob@example.com",
    );
}

#[test]
fn what_is_wrong_with_a_document_names_the_document() {
    let bench = solo();
    let drafted = plan(&bench, "mark", &[]);
    fs::write(bench.outside("junk.json"), "junk").unwrap();
    for line in [["diff", &drafted.file, "../junk.json"], ["diff", "../junk.json", &drafted.file]] {
        let told = bench.run(&line).stderr;
        assert!(told.contains("junk.json") && told.contains("[json.malformed]"), "{told}");
    }
    let told = bench.run(&["render", "../junk.json"]).stderr;
    assert!(told.contains("junk.json"), "{told}");
    // What the message names already is not said twice.
    let told = bench.run(&["render", "../nowhere.json"]).stderr;
    assert_eq!(told.matches("nowhere.json").count(), 1, "{told}");

    let pins = bench.home().join("countersign/pins");
    let pin = fs::read_dir(&pins).unwrap().next().unwrap().unwrap().path();
    let kept = fs::read(&pin).unwrap();
    fs::write(&pin, "junk").unwrap();
    let told = bench.run(&["list"]).stderr;
    assert!(told.contains("/pins/"), "{told}");
    fs::write(&pin, kept).unwrap();

    let trust = bench.read(".countersign/trust.json");
    for junk in ["junk".to_owned(), " ".repeat(3_000_000)] {
        bench.write(".countersign/trust.json", &junk);
        bench.commit("Spoil the trust root");
        for line in [&["list"][..], &["keys", "show"], &["keys", "renew"]] {
            let told = bench.run(line).stderr;
            assert!(told.contains(".countersign/trust.json"), "{line:?}: {told}");
        }
    }
    bench.write(".countersign/trust.json", trust);
    bench.commit("Put it back");
    bench.run(&["list"]).exits(0);
}

#[test]
fn who_is_enrolled_is_a_name_and_is_told() {
    let bench = team(&[("bob", "technical-lead")], &[]);
    bench.person.set("ada");
    bench.run(&["keys", "generate", "new", "--out", "../new.pem"]).exits(0);
    let public = bench.run(&["keys", "public", "../new.pem"]).exits(0).stdout;
    fs::write(bench.outside("new.pub"), public).unwrap();
    let long = "x".repeat(500);
    let enrolling = ["keys", "enrol", "--public-key", "../new.pub", "--login"];
    for login in ["", "b b", "../x", "-rf", "a/b", &long, "b\u{f6}b"] {
        let ran = bench.json(&["keys", "enrol", "--public-key", "../new.pub", &format!("--login={login}")]);
        assert!(ran.refused(2, "usage.invalid").stderr.contains("--login"), "{login}");
    }
    for email in ["nonsense", "", "a@", "@b", "a b@c", "a@b@c"] {
        let email = format!("--email={email}");
        let line = [&enrolling[..], &["eve", &email]].concat();
        assert!(bench.json(&line).refused(2, "usage.invalid").stderr.contains("--email"), "{email}");
    }
    assert_eq!(bench.git(&["status", "--porcelain"]), "");
    let told = bench.run(&[&enrolling[..], &["eve", "--role", "qa", "--duty", "approver"]].concat()).exits(0).stdout;
    assert!(told.contains("eve") && told.contains("approver") && told.contains("qa"), "{told}");
    bench.commit("Enrol eve");
    let shown = bench.run(&["keys", "show"]).exits(0).stdout;
    assert!(shown.contains("roles qa") && shown.contains("roles technical-lead"), "{shown}");
    assert!(shown.contains("from 2030-01-01T12:00:00Z"), "{shown}");
    // The names that forges give to programs are names.
    bench.json(&["keys", "generate", "bot", "--out", "../bot.pem"]).exits(0);
    let public = bench.run(&["keys", "public", "../bot.pem"]).exits(0).stdout;
    fs::write(bench.outside("bot.pub"), public).unwrap();
    let bot =
        ["keys", "enrol", "--agent", "--login", "some-app[bot]", "--duty", "executor", "--public-key", "../bot.pub"];
    bench.json(&bot).exits(0);
}
