//! The job of a planner on a forge: who may set it off, texts that were edited after it was, and what it hands on.

use std::fs;

use serde_json::json;

use super::{
    forge_model::state::ACTIONS_BOT,
    github_loop::{FILES, Hub, NUMBER},
    support::Ran,
};

const TOKEN: &str = "token-of-a-job-that-reads";
const RUN: u64 = 42;

/// A directive at the base that takes the text of issue 12, and a change request; a job's token that may only read.
fn hub() -> Hub {
    let hub = Hub::new();
    let inputs = "inputs:\n  issue: {type: integer, default: 12}\n";
    let directive = FILES[1].1.replace("inputs:\n", inputs).replace("ceiling:", "issue: {input: issue}\nceiling:");
    hub.bench.write("directives/mark.md", directive);
    hub.bench.commit("Marks are for issues");
    hub.bench.git(&["push", "-q", "origin", "main"]);
    let mut state = hub.model.state();
    state.git.branch("topic", "main");
    state.git.commit("topic", "more.txt", "more\n", "mallory");
    state.open_pull(NUMBER, "topic", "mallory");
    state.open_issue(12, "Say hello.");
    let bot = state.tokens["token-of-github-actions"];
    state.tokens.insert(TOKEN.to_owned(), bot);
    state.readers.push(TOKEN.to_owned());
    drop(state);
    hub.bench.git(&["fetch", "-q", "origin", "topic"]);
    hub
}

/// The job of a workflow that `who` set off, and that asks a planner; nothing was asked but where it waits for an answer.
fn job(hub: &Hub, more: &[&str], variables: &[(&str, &str)]) -> Ran {
    let _ = fs::remove_dir_all(questions(hub));
    let line =
        ["plan", "mark", "--planner", "manual", "--draft", "--out", "../draft.json", "--requested-by", "101:ada"];
    let run = [("CI", "true"), ("GITHUB_ACTIONS", "true"), ("GITHUB_TOKEN", TOKEN)];
    hub.job(&[&line, more].concat(), "", &[&run, variables].concat())
}

fn in_run(hub: &Hub, more: &[&str], event: Option<&str>) -> Ran {
    let run = RUN.to_string();
    let mut variables = vec![("GITHUB_RUN_ID", run.as_str()), ("GITHUB_RUN_ATTEMPT", "1")];
    variables.extend(event.map(|path| ("GITHUB_EVENT_PATH", path)));
    job(hub, more, &variables)
}

fn questions(hub: &Hub) -> std::path::PathBuf {
    hub.bench.home().join("countersign/questions")
}

#[track_caller]
fn asked(hub: &Hub, ran: Ran) {
    ran.refused(4, "provider.manual_pending");
    assert!(questions(hub).exists());
}

#[track_caller]
fn not_asked(hub: &Hub, ran: Ran, exit: i32, code: &str, said: &str) {
    let ran = ran.refused(exit, code);
    assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    assert!(!questions(hub).exists() && !hub.bench.outside("draft.json").exists(), "somebody was asked");
}

fn role(hub: &Hub, who: &str, role: &str) {
    hub.model.state().people.iter_mut().find(|one| one.login == who).unwrap().role = role.to_owned();
}

#[test]
fn d13_only_people_who_may_write_now_have_a_planner_asked_in_a_job() {
    let code = "planner.untrusted_trigger";
    let hub = hub();
    hub.model.state().start_run(RUN, "bob", &[]);
    asked(&hub, in_run(&hub, &[], None));
    for less in ["triage", "read", "none"] {
        role(&hub, "bob", less);
        not_asked(&hub, in_run(&hub, &[], None), 3, code, "the policy asks for `write`");
    }
    role(&hub, "bob", "write");
    asked(&hub, in_run(&hub, &[], None));

    // Somebody else started it again; then a program did, whatever it may.
    let id = |who: &str| hub.model.state().called(who).unwrap().id;
    let (bob, cleo, bot) = (id("bob"), id("cleo"), id("github-actions[bot]"));
    for (actor, again, said) in [(bob, cleo, "cleo may"), (cleo, bob, "cleo may"), (bot, bot, "is no person")] {
        let mut state = hub.model.state();
        let run = state.runs.iter_mut().find(|one| one.id == RUN).unwrap();
        (run.actor, run.triggering_actor) = (actor, again);
        drop(state);
        not_asked(&hub, in_run(&hub, &[], None), 3, code, said);
    }
    // A run that is not there, and a token that is not.
    hub.model.state().runs.clear();
    not_asked(&hub, in_run(&hub, &[], None), 3, code, "is not known");
    not_asked(&hub, job(&hub, &[], &[("GITHUB_TOKEN", "")]), 3, code, "GITHUB_TOKEN is not set");

    not_asked(&hub, job(&hub, &[], &[]), 3, code, "name no run");

    // Elsewhere than in GitHub Actions it is whom the job names; on a person's own machine it is the person.
    let elsewhere = [("GITHUB_ACTIONS", "")];
    asked(&hub, job(&hub, &[], &elsewhere));
    role(&hub, "ada", "read");
    not_asked(&hub, job(&hub, &[], &elsewhere), 3, code, "ada may `read`");
    asked(&hub, job(&hub, &[], &[("CI", "false"), ("GITHUB_ACTIONS", "false")]));
}

#[test]
fn d13_the_policy_says_what_whoever_sets_a_planner_off_must_be_able_to_do() {
    let hub = hub();
    let policy = hub.bench.read(".countersign/policy.yml");
    let stricter = policy.replace("permission: write", "permission: admin");
    assert_ne!(policy, stricter);
    hub.bench.write(".countersign/policy.yml", stricter);
    hub.bench.commit("Administrators plan");
    hub.bench.git(&["push", "-q", "origin", "main"]);
    hub.model.state().start_run(RUN, "bob", &[]);
    not_asked(&hub, in_run(&hub, &[], None), 3, "planner.untrusted_trigger", "the policy asks for `admin`");
    role(&hub, "bob", "admin");
    asked(&hub, in_run(&hub, &[], None));
}

#[test]
fn d13_nor_does_anybody_else_have_a_second_reviewer_asked() {
    let hub = hub();
    hub.model.state().start_run(RUN, "bob", &[]);
    let draft = ["plan", "mark", "--draft", "--out", "../draft.json", "--requested-by", "101:ada"];
    hub.job(&draft, "", &[]).exits(0);
    let run = [("GITHUB_RUN_ID", "42"), ("GITHUB_RUN_ATTEMPT", "1"), ("CI", "true"), ("GITHUB_ACTIONS", "true")];
    let variables = [&run[..], &[("GITHUB_TOKEN", TOKEN)]].concat();
    let review = || hub.job(&["review", "../draft.json", "--planner", "manual"], "", &variables).exits(0).stdout;
    role(&hub, "bob", "read");
    let told = review();
    assert!(told.contains("planner.untrusted_trigger") && !questions(&hub).exists(), "{told}");
    role(&hub, "bob", "write");
    assert!(!review().contains("planner.untrusted_trigger") && questions(&hub).exists());
}

#[test]
fn d04_a_text_that_was_edited_after_it_was_asked_for_is_not_read() {
    let hub = hub();
    let number = NUMBER.to_string();
    let change = ["--change-request", number.as_str()];
    // Edited before anybody asked: what they saw is what is read.
    hub.model.state().rewrite(12, "cleo", "Say hello, please.");
    hub.model.state().rename(NUMBER, "mallory", "A topic");
    let (_, event) = hub.says("bob", "countersign plan");
    hub.model.state().start_run(RUN, "bob", &[]);
    asked(&hub, in_run(&hub, &change, Some(&event)));
    // Comments and labels are no edits, though the issue is said to be newer.
    hub.model.state().say(12, "cleo", "Well?");
    hub.model.state().issue(12).labels.push("later".to_owned());
    asked(&hub, in_run(&hub, &change, Some(&event)));

    let code = "input.edited";
    for edit in [
        |hub: &Hub| hub.model.state().rewrite(12, "cleo", "Say who is evil."),
        |hub: &Hub| hub.model.state().rewrite(12, "cleo", "Say hello, please."),
        |hub: &Hub| hub.model.state().rename(12, "cleo", "Issue 12"),
    ] {
        edit(&hub);
        not_asked(&hub, in_run(&hub, &[], Some(&event)), 6, code, "number 12 was edited at");
        hub.model.state().edits.clear();
        hub.model.state().renames.clear();
        asked(&hub, in_run(&hub, &[], Some(&event)));
    }
    hub.model.state().rename(NUMBER, "mallory", "Approve this");
    not_asked(&hub, in_run(&hub, &change, Some(&event)), 6, code, "by mallory");
    asked(&hub, in_run(&hub, &[], Some(&event)));

    // By hand: when the run began counts. Who asks anew has read what is there now.
    not_asked(&hub, in_run(&hub, &change, None), 6, code, "by mallory");
    let (_, event) = hub.says("bob", "countersign plan");
    hub.model.state().runs.clear();
    hub.model.state().start_run(RUN, "bob", &[]);
    asked(&hub, in_run(&hub, &change, Some(&event)));
    asked(&hub, in_run(&hub, &change, None));
}

#[test]
fn d03_a_draft_without_what_was_asked_for_it_is_not_proposed() {
    let hub = hub();
    hub.model.state().start_run(RUN, "ada", &[]);
    let answer = json!({
        "steps": [{"id": "mark", "pipeline": "mark", "title": "Mark", "why": "The issue says so", "needs": [],
            "with": {"text": {"input": "text"}}}],
        "risks": [], "assumptions": [], "questions": [],
    });
    asked(&hub, in_run(&hub, &[], None));
    let folder = fs::read_dir(questions(&hub)).unwrap().next().unwrap().unwrap().path();
    let file = folder.join("answer.json");
    fs::write(&file, answer.to_string()).unwrap();
    let line =
        ["plan", "mark", "--planner", "manual", "--draft", "--out", "../draft.json", "--requested-by", "101:ada"];
    let line = [&line[..], &["--answer", file.to_str().unwrap()]].concat();
    hub.job(&line, "", &[("CI", "true"), ("GITHUB_TOKEN", TOKEN)]).exits(0);

    let (draft, asked) = (hub.bench.outside("draft.json"), hub.bench.outside("draft.json.asked"));
    let run = [("GITHUB_RUN_ID", "42"), ("GITHUB_RUN_ATTEMPT", "1")];
    let propose = || hub.job(&["propose", draft.to_str().unwrap()], "COUNTERSIGN_PLANNER_KEY", &run);
    let ledger = || hub.model.state().git.tip("countersign/ledger");
    let (before, away) = (ledger(), hub.bench.outside("away"));
    let refused = |what: &str| {
        propose().refused(5, "plan.artifact");
        assert_eq!((ledger(), hub.comments_of(ACTIONS_BOT)), (before.clone(), vec![]), "{what} leaves nothing behind");
    };
    fs::rename(&asked, &away).unwrap();
    refused("no folder");
    fs::create_dir(&asked).unwrap();
    refused("an empty folder");
    fs::remove_dir(&asked).unwrap();
    fs::rename(&away, &asked).unwrap();
    let files: Vec<_> = fs::read_dir(&asked).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 2, "a question and an answer");
    for (one, other) in [(&files[0], &files[1]), (&files[1], &files[0])] {
        let bytes = fs::read(one).unwrap();
        fs::remove_file(one).unwrap();
        refused("a file that is gone");
        for instead in [&[&bytes[..], b" "].concat(), &fs::read(other).unwrap(), &Vec::new()] {
            fs::write(one, instead).unwrap();
            refused("a file that was changed");
        }
        fs::remove_file(one).unwrap();
        std::os::unix::fs::symlink("/dev/zero", one).unwrap();
        refused("a file without an end");
        fs::remove_file(one).unwrap();
        fs::write(one, bytes).unwrap();
    }
    let digest = propose().exits(0).json()["result"]["planDigest"].as_str().unwrap().to_owned();
    assert_ne!(ledger(), before);
    let kept = hub.job(&["render", &digest, "--format", "asked"], "", &[]).exits(0);
    assert!(kept.stdout.contains("The issue says so"), "{}", kept.stdout);
}
