//! The command line: mistakes are the caller's, are named, and every command shows how it is used.

use std::fs;

use clap::CommandFactory as _;

use super::{
    scene::{plan, solo},
    support::{Bench, Ran},
};

/// A mistake of the command line: class 2, and what is named is the option or the variable.
#[track_caller]
fn mistake(ran: Ran, says: &str) {
    let code = ran.json()["reasonCode"].as_str().unwrap_or_default().to_owned();
    assert_eq!(ran.code, 2, "{says}: {code}: {}", ran.stderr);
    assert!(ran.stderr.contains(says), "`{says}` is not named: {}", ran.stderr);
}

#[test]
fn a_value_that_was_typed_wrongly_is_a_mistake_of_usage() {
    let bench = solo();
    let lines: &[(&[&str], &str)] = &[
        (&["plan", "mark", "--created-at", "yesterday"], "--created-at"),
        (&["plan", "mark", "--revise", "sha256:12"], "sha256:12"),
        (&["plan", "mark", "--expires", "soon"], "--expires"),
        (&["keys", "trust", "sha256:12"], "DIGEST"),
        (&["keys", "revoke", "nosuch", "--reason", "x"], "KEY"),
        (&["keys", "renew", "--valid", "long"], "--valid"),
        (&["keys", "generate", "a/b"], "NAME"),
        (&["keys", "enrol", "--login", "b", "--public-key", "nosuch"], "nosuch"),
        (&["keys", "enrol", "--login", "b", "--public-key", "README.md", "--role", "Bad Role!"], "--role"),
        (&["verify", "sha256:12"], "sha256:12"),
        (&["execute", "sha256:12"], "sha256:12"),
        (&["render", "."], "/."),
        (&["render", "/dev/null"], "/dev/null"),
        (&["verify", "--bundle", "nosuch", "--offline"], "nosuch"),
        (&["verify", "--bundle", "README.md", "--offline", "--trust-root", "sha256:12"], "--trust-root"),
        (&["fetch", "42", "--digest", "sha256:00", "--out", "x"], "--digest"),
        (&["revoke", "--approval", "sha256:12", "--reason", "x"], "--approval"),
        (&["list", "--limit", "0"], "--limit"),
        (&["history", "--limit", "0"], "--limit"),
        (&["ledger", "log", "--limit", "0"], "--limit"),
        (&["halt", "--lift", "--reason", "x"], "there is no halt to lift"),
        (&["list", "--events", "/nonexist/x"], "there is no such folder"),
        (&["plan", "/etc/passwd.md"], "passwd.md"),
    ];
    for (line, says) in lines {
        mistake(bench.json(line), says);
    }
    fs::rename(bench.path(".countersign/policy.yml"), bench.outside("policy.yml")).unwrap();
    fs::create_dir(bench.path(".countersign/policy.yml")).unwrap();
    mistake(bench.json(&["policy", "check"]), ".countersign/policy.yml");
    fs::remove_dir(bench.path(".countersign/policy.yml")).unwrap();
    fs::rename(bench.outside("policy.yml"), bench.path(".countersign/policy.yml")).unwrap();
    let drafted = plan(&bench, "mark", &[]);
    mistake(bench.json(&["approve", &drafted.file, "--digest", "sha256:12"]), "--digest");
    mistake(bench.json(&["verify", &drafted.file, "--trust-root", "sha256:12"]), "--trust-root");
    for uses in [&["--scope", "session"][..], &["--scope", "session", "--max-uses", "500"], &["--max-uses", "0"]] {
        let line = [&["approve", &drafted.file, "--digest", &drafted.digest][..], uses].concat();
        mistake(bench.json(&line), "--max-uses");
    }
    mistake(bench.json(&["execute", &drafted.file, "--resume", "a/b"]), "--resume");
    let pin = [("COUNTERSIGN_TRUST_ROOT", "nonsense")];
    mistake(bench.run_with(&["list", "--json"], &pin, "", false), "COUNTERSIGN_TRUST_ROOT");
    mistake(bench.run_with(&["keys", "renew", "--json"], &pin, "", false), "COUNTERSIGN_TRUST_ROOT");
}

#[test]
fn the_same_value_in_a_document_is_none() {
    let bench = solo();
    let drafted = plan(&bench, "mark", &[]);
    let text = fs::read_to_string(bench.path(&drafted.file)).unwrap();
    for (from, to) in [
        ("\"createdAt\":\"2030", "\"createdAt\":\"yesterday"),
        ("\"policyDigest\":\"sha256:", "\"policyDigest\":\"sha256:zz"),
    ] {
        let spoiled = text.replacen(from, to, 1);
        assert_ne!(spoiled, text);
        fs::write(bench.outside("spoiled.json"), spoiled).unwrap();
        bench.run(&["render", "../spoiled.json"]).exits(5);
    }
}

#[test]
fn a_mistake_that_the_grammar_finds_is_told_like_any_other() {
    let bench = Bench::new(&[]);
    let said = |line: &[&str]| bench.json(line).exits(2).json();
    let wrong = said(&["render", "p.json", "--format", "banana"]);
    assert_eq!(wrong["command"], "render");
    assert_eq!(wrong["reasonCode"], "usage.invalid");
    let message = wrong.to_string();
    assert!(message.contains("banana") && message.contains("markdown"), "{message}");
    assert_eq!(said(&["keys", "threshold", "many"])["command"], "keys threshold");
    assert_eq!(said(&["ledger", "log", "--nosuch"])["command"], "ledger log");
    assert_eq!(said(&["nosuch"])["command"], "");
    for line in [&["render", "p", "--format", "banana"][..], &["nosuch"], &["plan"], &["keys", "threshold", "x"]] {
        let told = bench.run(line).exits(2);
        assert!(told.stderr.contains("[usage.invalid]") && told.stderr.contains("hint:"), "{}", told.stderr);
        assert_eq!(told.stdout, "");
    }
    // A hostile value gives the reader's terminal no orders.
    let told = bench.run(&["render", "p", "--format", "\u{1b}[31mred"]).exits(2);
    assert!(!told.stderr.contains('\u{1b}'), "{:?}", told.stderr);
}

#[test]
fn a_trial_says_where_everything_is() {
    let bench = Bench::new(super::scene::FILES);
    let ran = bench.json(&["try", "mark", "--keep", "../kept"]).exits(0).json();
    let result = &ran["result"];
    assert!(result["planDigest"].as_str().unwrap().starts_with("sha256:"), "{ran}");
    assert!(result["runId"].as_str().unwrap().starts_with("run-"), "{ran}");
    assert!(fs::metadata(result["bundlePath"].as_str().unwrap()).unwrap().is_file());
    assert!(fs::metadata(result["scratch"].as_str().unwrap()).unwrap().is_dir());
}

#[test]
fn a_trial_is_made_of_a_repository_that_is_set_up() {
    let bench = Bench::new(&[]);
    let set_up = bench.run(&["init", "--solo", "--login", "ada"]).exits(0);
    assert!(set_up.stdout.contains("ledger on refs/heads/countersign/ledger"), "{}", set_up.stdout);
    // As `init` left it, and then with the set-up committed.
    bench.json(&["try", "mark", "--keep", "../none"]).refused(2, "directive.missing");
    for folder in ["../kept", "../kept-again"] {
        let before = (bench.git(&["for-each-ref"]), bench.git(&["status", "--porcelain"]));
        let ran = bench.json(&["try", "directives/inventory.md", "--keep", folder]).exits(0).json();
        assert!(ran["result"]["runId"].as_str().unwrap().starts_with("run-"), "{ran}");
        assert_eq!((bench.git(&["for-each-ref"]), bench.git(&["status", "--porcelain"])), before);
        bench.commit("Set up");
    }
    // Also where the ledger's branch came from elsewhere, or another branch than the base is checked out.
    let ledger = bench.git(&["rev-parse", "countersign/ledger"]);
    bench.git(&["update-ref", "refs/remotes/origin/countersign/ledger", &ledger]);
    bench.git(&["checkout", "-q", "-b", "other"]);
    bench.json(&["try", "inventory"]).exits(0);
}

#[test]
fn help_is_help_whatever_options_stand_behind_it() {
    let bench = Bench::new(&[]);
    let help = bench.run(&["help"]).exits(0).stdout;
    assert!(help.contains("Usage: countersign"), "{help}");
    assert_eq!(bench.run(&["help", "--json"]).exits(0).stdout, help);
    assert!(bench.run(&["help", "plan", "--json"]).exits(0).stdout.contains("Usage: countersign plan"));
    bench.run(&["help", "--nosuch"]).exits(2);
}

#[test]
fn a_directive_is_named_by_any_path_that_leads_to_it() {
    let bench = solo();
    fs::create_dir(bench.path("sub")).unwrap();
    let whole = bench.path("directives/mark.md").display().to_string();
    for line in [
        &["plan", &whole][..],
        &["plan", "../repo/directives/mark.md"],
        &["-C", "sub", "plan", "../directives/mark.md"],
        &["-C", "directives", "plan", "mark.md"],
        &["-C", "sub", "plan", "directives/mark.md"],
        &["-C", "sub", "plan", "mark"],
    ] {
        bench.pass(1);
        let drafted = bench.json(&[line, &["--no-record", "--out", "../p.json"]].concat()).exits(0).json();
        assert!(drafted["result"]["planDigest"].as_str().unwrap().starts_with("sha256:"), "{line:?}: {drafted}");
    }
    fs::write(bench.outside("mark.md"), bench.read("directives/mark.md")).unwrap();
    let outside = bench.outside("mark.md").display().to_string();
    for line in [&["plan", &outside][..], &["plan", "../mark.md"], &["-C", "sub", "plan", "../../mark.md"]] {
        bench.json(line).refused(2, "directive.missing");
    }
    // What lies here and is not committed is told from what is not there.
    bench.write("directives/new.md", bench.read("directives/mark.md"));
    bench.json(&["-C", "directives", "plan", "new.md"]).refused(2, "setup.uncommitted");
    bench.json(&["-C", "directives", "try", "new.md", "--keep", "../../trial"]).exits(0);
}

#[test]
fn quiet_prints_only_what_was_asked_for() {
    let bench = Bench::new(super::scene::FILES);
    let silent = |line: &[&str]| {
        let ran = bench.run(&[line, &["-q"]].concat()).exits(0);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""), "{line:?}");
    };
    silent(&["init", "--solo"]);
    bench.commit("Set up");
    silent(&["plan", "mark", "--out", "../p.json"]);
    let digest = countersign::base::digest::Digest::of(&fs::read(bench.outside("p.json")).unwrap()).to_string();
    silent(&["policy", "check"]);
    silent(&["approve", "../p.json", "--digest", &digest]);
    silent(&["verify", "../p.json"]);
    silent(&["execute", "../p.json"]);
    silent(&["ledger", "verify"]);
    // What shows something shows it.
    for line in [
        &["render", "../p.json"][..],
        &["review", "../p.json"],
        &["schema", "plan"],
        &["keys", "show"],
        &["keys", "public", "ada"],
        &["list"],
        &["status", "../p.json"],
        &["history"],
        &["completions", "bash"],
        &["reasons"],
        &["policy", "explain", "../p.json"],
        &["diff", "../p.json", "../p.json"],
    ] {
        let ran = bench.run(&[line, &["-q"]].concat()).exits(0);
        assert!(!ran.stdout.is_empty(), "{line:?} is asked for and says nothing");
    }
    let json = bench.run(&["verify", "../p.json", "-q", "--json"]);
    assert!(!json.stdout.is_empty() && json.stderr.is_empty() || json.code != 0, "{}", json.stderr);
    // An error is never quiet.
    assert!(!bench.run(&["render", "../nowhere", "-q"]).exits(2).stderr.is_empty());
    let over = bench.run(&["verify", "../p.json", "-q"]).exits(6);
    assert!(over.stdout.contains("refused"), "a plan that is over verifies no more, and that is told");
}

#[test]
fn every_command_shows_an_example() {
    fn look(command: &clap::Command, bare: &mut Vec<String>, seen: &mut usize) {
        if command.get_name() == "help" {
            return;
        }
        *seen += 1;
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        if !(after.contains("Example") && after.contains("countersign ")) {
            bare.push(command.get_bin_name().unwrap_or(command.get_name()).to_owned());
        }
        command.get_subcommands().for_each(|inner| look(inner, bare, seen));
    }
    let mut command = countersign::cli::Args::command();
    command.build();
    let (mut bare, mut seen) = (Vec::new(), 0);
    look(&command, &mut bare, &mut seen);
    assert_eq!(bare, Vec::<String>::new());
    assert!(seen > 60, "{seen} commands");
}

#[test]
fn a_list_of_statuses_is_given_where_a_word_is_none() {
    let bench = solo();
    let told = bench.run(&["list", "--status", "banana"]).exits(2).stderr;
    for word in ["awaiting-approval", "completed", "superseded", "indeterminate"] {
        assert!(told.contains(word), "{told}");
    }
}

#[test]
fn a_plan_that_could_only_be_refused_is_not_recorded() {
    let bench = solo();
    let before = super::scene::tip(&bench);
    for at in ["2001-01-01T00:00:00Z", "2099-01-01T00:00:00Z"] {
        let ran = bench.json(&["plan", "mark", "--created-at", at, "--out", "../n.json"]);
        mistake(ran, "--created-at");
        assert!(!bench.outside("n.json").exists());
    }
    assert_eq!(super::scene::tip(&bench), before);
    // A draft for comparison may be of any time.
    bench.json(&["plan", "mark", "--created-at", "2001-01-01T00:00:00Z", "--no-record"]).exits(0);
}

#[test]
fn a_key_is_not_written_into_a_folder_that_is_not_there() {
    let bench = Bench::new(&[]);
    bench.json(&["keys", "generate", "a", "--out", "../nowhere/a.pem"]).refused(2, "output.unwritable");
    assert!(!bench.outside("nowhere").exists());
    bench.json(&["keys", "generate", "a"]).exits(0);
}
