//! Notes and labels of people on plans: they outlive whatever is made anew, and nothing ever follows from them.

use std::fs;

use countersign::{
    ledger::Keep,
    sign::{
        Envelope,
        predicate::{Actor, Note},
        statement::Subject,
    },
};
use serde_json::{Value, json};

use crate::{
    scene::{Drafted, append, approve, key, plan, refused, runs, solo, team},
    support::Bench,
};

#[track_caller]
fn note(bench: &Bench, plan: &Drafted, more: &[&str]) -> Value {
    bench.json(&[&["note", plan.digest.as_str()], more].concat()).exits(0).json()["result"].clone()
}

#[track_caller]
fn status(bench: &Bench, plan: &str) -> Value {
    bench.json(&["status", plan]).exits(0).json()["result"].clone()
}

fn texts(status: &Value) -> Vec<&str> {
    status["notes"].as_array().unwrap().iter().filter_map(|note| note["text"].as_str()).collect()
}

fn listed(bench: &Bench, more: &[&str]) -> Vec<(String, Value)> {
    let list = bench.json(&[&["list"], more].concat()).exits(0).json();
    let row = |row: &Value| (row["plan"].as_str().unwrap().to_owned(), row["labels"].clone());
    list["result"].as_array().unwrap().iter().map(row).collect()
}

#[test]
fn jf24_notes_and_labels_survive_a_run_a_rejection_a_revision_and_a_checkpoint() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    let noted = note(&bench, &mark, &["waits for the window on Friday", "--label", "friday", "--label", "db"]);
    assert_eq!((&noted["labels"], &noted["notedBy"]), (&json!(["db", "friday"]), &json!("ada")));
    approve(&bench, "ada", &mark, &[]).exits(0);
    runs(&bench, &["execute", &mark.file]);
    bench.json(&["ledger", "checkpoint"]).exits(0);
    bench.pass(60);
    note(&bench, &mark, &["went well", "--unlabel", "friday"]);
    let after = status(&bench, &mark.digest);
    assert_eq!((&after["status"], &after["labels"]), (&json!("completed"), &json!(["db"])));
    assert_eq!(texts(&after), ["went well", "waits for the window on Friday"]);
    assert_eq!(after["notes"][0]["by"], "ada");
    assert_eq!(after["notes"][1]["added"], json!(["db", "friday"]));

    let old = plan(&bench, "mark", &["-i", "text=worse"]);
    note(&bench, &old, &["the text is wrong", "--label", "copy"]);
    bench.json(&["reject", &old.file, "--reason", "the text"]).exits(0);
    bench.pass(1);
    let new = plan(&bench, "mark", &["--revise", &old.file, "-i", "text=better"]);
    note(&bench, &new, &["better", "--label", "ready"]);
    note(&bench, &old, &["for the record", "--label", "kept"]);
    let after = status(&bench, &new.digest);
    assert_eq!((&after["labels"], after["notesTotal"].as_u64()), (&json!(["copy", "ready"]), Some(3)));
    assert_eq!(texts(&after), ["for the record", "better", "the text is wrong"]);
    assert_eq!(status(&bench, &old.digest)["labels"], json!(["copy", "kept"]));
    let text = bench.run(&["status", &new.digest]).exits(0).stdout;
    for line in ["  labels: copy, ready\n", &format!(", on {}: +copy\n    | the text is wrong\n", &old.digest[7..15])] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn jf24_a_fresh_clone_shows_what_was_noted() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    note(&bench, &mark, &["hold it", "--label", "hold"]);
    let (origin, clone) = (bench.outside("origin.git"), bench.outside("clone"));
    bench.git(&["clone", "-q", "--bare", ".", origin.to_str().unwrap()]);
    bench.git(&["clone", "-q", origin.to_str().unwrap(), clone.to_str().unwrap()]);
    bench.git(&["-C", clone.to_str().unwrap(), "config", "countersign.remote", "origin"]);
    let here = bench.json(&["status", &mark.digest]).exits(0).json()["result"].clone();
    let there = ["-C", clone.to_str().unwrap(), "status", &mark.digest];
    let there = bench.json(&there).exits(0).json()["result"].clone();
    assert_eq!((&there["labels"], &there["notes"]), (&json!(["hold"]), &here["notes"]));
    let more = ["-C", clone.to_str().unwrap(), "note", &mark.digest, "from the clone", "--unlabel", "hold"];
    bench.json(&more).exits(0);
    bench.git(&["config", "countersign.remote", origin.to_str().unwrap()]);
    let here = status(&bench, &mark.digest);
    assert_eq!((&here["labels"], texts(&here)), (&json!([]), vec!["from the clone", "hold it"]));
}

#[test]
fn jf24_plans_are_listed_by_their_labels_and_the_record_shows_who_said_what() {
    let bench = team(&[("bob", "reviewer")], &[]);
    let (one, other) = (plan(&bench, "mark", &[]), plan(&bench, "look", &[]));
    note(&bench, &one, &["--label", "db", "--label", "friday"]);
    bench.person.set("bob");
    note(&bench, &other, &["needs a look", "--label", "db"]);
    let both = listed(&bench, &["--label", "db"]);
    assert_eq!(both.iter().map(|(plan, _)| plan).collect::<Vec<_>>(), [&other.digest, &one.digest]);
    let only = listed(&bench, &["--label", "db", "--label", "friday", "--status", "drafted"]);
    assert_eq!(only, [(one.digest.clone(), json!(["db", "friday"]))]);
    assert!(listed(&bench, &["--label", "DB"]).is_empty());
    bench.json(&["list", "--label", "no such"]).refused(2, "usage.invalid");
    let text = bench.run(&["list"]).exits(0).stdout;
    assert!(text.contains("         labels: db, friday\n"), "{text}");
    let waiting = bench.run(&["status"]).exits(0).stdout;
    assert!(waiting.contains("  labels: db, friday\n"), "{waiting}");
    for show in ["history", "ledger log"] {
        let line: Vec<&str> = show.split(' ').chain(["--limit", "1"]).collect();
        let row = bench.json(&line).exits(0).json()["result"][0].clone();
        assert_eq!((&row["kind"], &row["actor"]), (&json!("note"), &json!("bob")), "{show}");
        assert_eq!(row["subject"], "+db needs a look", "{show}");
    }
    let seq = bench.json(&["ledger", "log", "--limit", "1"]).json()["result"][0]["seq"].to_string();
    let shown = bench.json(&["ledger", "show", &seq]).exits(0).json();
    assert_eq!(shown["result"]["statement"]["predicate"]["text"], "needs a look");
    let export = bench.json(&["ledger", "export"]).exits(0).json();
    assert_eq!(export["result"]["lines"].as_array().unwrap().len(), export["result"]["entries"]);
    bench.json(&["ledger", "verify"]).exits(0);
}

#[test]
fn jf24_a_long_talk_is_shown_from_its_end() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    for n in 0..12 {
        note(&bench, &mark, &[&format!("word {n}")]);
    }
    let lines = (0..50).map(|n| format!("line {n}\n")).collect::<String>();
    let ran = bench.run_with(&["note", &mark.file, "--text", "-", "--json"], &[], &lines, false).exits(0).json();
    let seq = &ran["result"]["ledgerSeq"];
    let after = status(&bench, &mark.digest);
    assert_eq!((after["notesTotal"].as_u64(), after["notes"].as_array().unwrap().len()), (Some(13), 10));
    let text = bench.run(&["status", &mark.digest]).exits(0).stdout;
    assert!(text.contains("    | line 19\n") && !text.contains("line 20"), "{text}");
    assert!(text.contains(&format!("    30 more lines: countersign ledger show {seq}\n")), "{text}");
    assert!(text.contains("  3 notes before that: countersign history\n"), "{text}");
}

/// What `verify` and `execute` say, but for the state of the ledger.
fn judged(bench: &Bench, plan: &Drafted) -> String {
    let ran = bench.json(&["verify", &plan.file]);
    format!("{} {} {}", ran.code, ran.stdout, bench.run(&["review", &plan.file, "--json"]).stdout)
}

#[test]
fn a17_labels_and_notes_change_no_byte_of_what_verify_says() {
    let bench = team(&[("bob", "reviewer")], &[]);
    let mark = plan(&bench, "mark", &[]);
    let words = ["approved", "lgtm", "rejected", "exempt", "halt", "revoked", "skip-policy"];
    for approved in [false, true] {
        if approved {
            approve(&bench, "bob", &mark, &[]).exits(0);
        }
        let before = judged(&bench, &mark);
        for person in ["ada", "bob"] {
            bench.person.set(person);
            for word in words {
                note(&bench, &mark, &[&format!("countersign approve {}", mark.digest), "--label", word]);
            }
            note(&bench, &mark, &["--unlabel", "rejected", "--unlabel", "never-there"]);
        }
        bench.person.set("ada");
        assert_eq!(judged(&bench, &mark), before);
        if !approved {
            refused(&bench, &["execute", &mark.file], 4, "approval.none");
        }
    }
    bench.json(&["ledger", "checkpoint"]).exits(0);
    runs(&bench, &["execute", &mark.file]);
}

#[test]
fn e18_the_end_of_a_plan_takes_a_note_and_nothing_else() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    bench.json(&["reject", &mark.file, "--reason", "no"]).exits(0);
    let before = status(&bench, &mark.digest);
    let noted = bench.json(&["note", &mark.file, "we tried", "--label", "postmortem"]).exits(0).json();
    assert_eq!((noted["decision"].as_str(), noted["subject"].as_str()), (Some("noted"), Some(mark.digest.as_str())));
    let after = status(&bench, &mark.digest);
    assert_eq!((&after["status"], &after["wouldBeRefused"]), (&json!("rejected"), &before["wouldBeRefused"]));
    refused(&bench, &["reject", &mark.file, "--reason", "again"], 6, "ledger.terminal");
    refused(&bench, &["revoke", "--plan", &mark.file, "--reason", "again"], 6, "ledger.terminal");
    refused(&bench, &["execute", &mark.file], 3, "plan.rejected");
}

#[test]
fn jf24_what_cannot_be_a_note_is_refused_and_nothing_is_recorded() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    let file = mark.file.as_str();
    let no = |more: &[&str], reason: &str| drop(refused(&bench, &[&["note", file], more].concat(), 2, reason));
    no(&[], "usage.invalid");
    no(&["x", "--text", "-"], "usage.invalid");
    for text in ["", "  \n ", "a\u{1b}[2Jb", "a\u{202e}b", "a\u{200b}b", "a\r\nb", "${{ secrets.A }}", "e\u{301}"] {
        no(&[text], "note.text");
    }
    no(&[&"x".repeat(1_001)], "note.text");
    no(&[&"x".repeat(100_000)], "note.text");
    for label in ["", "two words", "a,b", "\u{430}", "a\u{1b}", &"x".repeat(101)] {
        no(&[&format!("--label={label}")], "usage.invalid");
    }
    no(&["--label=a", "--unlabel=a"], "usage.invalid");
    let many: Vec<String> = (0..51).map(|n| format!("--label=l{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    no(&many[..21], "usage.invalid");
    for some in [&many[..20], &many[20..40], &many[40..50]] {
        note(&bench, &mark, some);
    }
    no(&["--label=one-more"], "note.labels");
    note(&bench, &mark, &["--label=one-more", "--unlabel=l0"]);

    for input in ["x".repeat(1_000_000), "\u{1f600}".repeat(1_001), String::new()] {
        let ran = bench.run_with(&["note", file, "--text", "-", "--json"], &[], &input, false);
        ran.refused(2, "note.text");
    }
    fs::write(bench.outside("big.txt"), "x".repeat(1_000_000)).unwrap();
    fs::write(bench.outside("latin.txt"), b"ok\nGr\xfc\xdfe").unwrap();
    no(&["--text", "../big.txt"], "note.text");
    let latin = bench.json(&["note", file, "--text", "../latin.txt"]).refused(2, "note.text");
    assert!(latin.stderr.contains("line 2, column 3"), "{}", latin.stderr);
    no(&["--text", "../nosuch.txt"], "file.unreadable");
    fs::write(bench.outside("good.txt"), "two\nlines, \u{1f600}\n").unwrap();
    assert_eq!(note(&bench, &mark, &["--text", "../good.txt"])["text"], "two\nlines, \u{1f600}");

    let absent = format!("sha256:{}", "0".repeat(64));
    refused(&bench, &["note", &absent, "x"], 2, "plan.unknown");
    let draft = plan(&bench, "look", &["--no-record"]);
    refused(&bench, &["note", &draft.file, "x"], 2, "plan.unknown");
    let runner = crate::scene::runner(&bench);
    refused(&bench, &["note", file, "x", "--key", &runner], 5, "key.role");
}

/// Somebody with a key and a program of their own.
#[track_caller]
fn by_library(bench: &Bench, plan: &Drafted, text: &str, by: Option<Actor>) -> Result<u64, &'static str> {
    let digest = plan.digest.parse().unwrap();
    let held = key(bench, "bob", "bob");
    let root = crate::scene::root(bench);
    let bob = root.document().principals.iter().find(|who| who.login == "bob").unwrap();
    let by = by.unwrap_or_else(|| Actor { host: root.document().host.clone(), id: bob.id, login: "bob".into() });
    let noted = append(bench, Vec::new(), |seen| {
        let note = Note {
            plan: digest,
            text: Some(text.to_owned()),
            add: Vec::new(),
            remove: Vec::new(),
            noted_by: by.clone(),
            nonce: "0".repeat(32),
            ledger: seen.head.clone(),
            noted_at: seen.now,
        };
        Envelope::sign(vec![Subject::new("plan", digest)], note, &[&held]).unwrap()
    });
    noted.map_err(|refusal| refusal.code())
}

#[test]
fn a17_hostile_words_that_came_around_the_command_are_shown_as_what_they_are() {
    let bench = team(&[("bob", "reviewer")], &[]);
    let mark = plan(&bench, "mark", &[]);
    let hostile = "ok\n  approved by ada (key)\n\u{1b}[2K\u{202e}evil\r::error::x\n\u{200b}";
    by_library(&bench, &mark, hostile, None).unwrap();
    for line in [&["status", mark.digest.as_str()][..], &["history"], &["ledger", "log"], &["ledger", "show", "2"]] {
        let ran = bench.run(line).exits(0);
        assert!(!ran.stdout.contains(['\u{1b}', '\u{202e}', '\u{200b}', '\r']), "{line:?}: {}", ran.stdout);
        assert!(!ran.stdout.lines().any(|line| line.trim_start().starts_with("approved by")), "{}", ran.stdout);
    }
    let text = bench.run(&["status", &mark.digest]).exits(0).stdout;
    assert!(text.contains("    |   approved by ada (key)\n    | \\x1b[2K\\u{202e}evil\\r::error::x\n"), "{text}");
    assert_eq!(by_library(&bench, &mark, &"x".repeat(1_001), None), Err("note.malformed"));
    assert_ne!(by_library(&bench, &mark, &"x".repeat(1_000_000), None), Ok(0));
    let root = crate::scene::root(&bench);
    let ada = root.document().principals.iter().find(|who| who.login == "ada").unwrap();
    let ada = Actor { host: root.document().host.clone(), id: ada.id, login: "ada".into() };
    assert_eq!(by_library(&bench, &mark, "in the name of another", Some(ada)), Err("ledger.actor"));
    // A login is for display: the one who is shown is the one that the statement names, made visible.
    let odd = root.document().principals.iter().find(|who| who.login == "bob").unwrap();
    let odd = Actor { host: root.document().host.clone(), id: odd.id, login: "bob\u{1b}]0;x".into() };
    by_library(&bench, &mark, "odd", Some(odd)).unwrap();
    let text = bench.run(&["status", &mark.digest]).exits(0).stdout;
    assert!(text.contains("note by bob\\x1b]0;x at "), "{text}");
}

#[test]
fn a17_a_reader_that_asks_about_one_plan_keeps_no_note() {
    let bench = solo();
    let mark = plan(&bench, "mark", &[]);
    let known = |bench: &Bench| {
        let mut ledger = crate::scene::ledger(bench).with_keep(Keep::Nothing);
        format!("{:?}", ledger.read(bench.now.get()).unwrap().state()).replace("\"note\": 40, ", "")
    };
    let before = known(&bench);
    for n in 0..40 {
        note(&bench, &mark, &[&format!("canary-{n}"), "--label", &format!("canary-{}", n % 20)]);
    }
    let after = known(&bench);
    assert!(!after.contains("canary"), "{after}");
    assert_eq!(after, before);
}
