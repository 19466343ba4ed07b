//! Plans for which a model behind HTTP, an agent's command line, or a model with a person beside it was asked.

use std::fs;

use serde_json::{Value, json};

use super::{
    model_double::{ModelDouble, shapes},
    planner_scene::{NOTES, document, founded, honest},
    scene::{Drafted, approve, tip},
    support::{Bench, Ran},
};

const KEY: &str = "sk-a-key-of-nobody-4711";

/// The variable that holds the key of a provider.
pub(crate) fn variable(wire: &str) -> &'static str {
    match wire {
        "anthropic" => "ANTHROPIC_API_KEY",
        "gemini" => "GEMINI_API_KEY",
        _ => "OPENAI_API_KEY",
    }
}

/// Asks a model for a plan; what a person types comes with a terminal.
pub(crate) fn ask(bench: &Bench, wire: &str, double: &ModelDouble, typed: Option<&str>) -> Ran {
    let endpoint = double.url();
    let mut line = vec!["plan", "draft", "--planner", "model", "--endpoint", &endpoint, "--out", "../asked.json"];
    line.extend(["--provider", wire, "--model", "test-model", "--json"]);
    if typed.is_some() {
        line.push("--interactive");
    }
    bench.run_with(&line, &[(variable(wire), KEY)], typed.unwrap_or_default(), typed.is_some())
}

pub(crate) fn says(wire: &str, answer: &Value) -> super::model_double::Reply {
    shapes::says(wire, &answer.to_string(), true)
}

pub(crate) fn taken(ran: &Ran) -> Drafted {
    let result = ran.json()["result"].clone();
    Drafted { digest: result["planDigest"].as_str().unwrap().to_owned(), file: "../asked.json".to_owned(), result }
}

#[test]
fn jf2_a_model_drafts_with_one_variable_and_one_flag_and_people_decide() {
    for wire in shapes::WIRES {
        let bench = founded(None);
        let double = ModelDouble::start([says(wire, &honest())]);
        let plan = taken(&ask(&bench, wire, &double, None).exits(0));
        let planner = document(&bench, &plan)["planner"].clone();
        assert_eq!(planner["kind"], "model", "{wire}");
        assert!(planner["usage"]["inputTokens"].as_u64().unwrap() > 0, "{wire}");
        bench.json(&["execute", &plan.file]).refused(4, "approval.none");
        approve(&bench, "ada", &plan, &[]).exits(0);
        bench.json(&["execute", &plan.file]).exits(0);
        assert_eq!(bench.read(NOTES), "hello\n", "{wire}");
        // The key is in no argument, plan, question that is kept, or entry of the ledger.
        let asked = &double.asked()[0];
        assert!(!String::from_utf8_lossy(&asked.body).contains(KEY) && !asked.target.contains(KEY), "{wire}");
        let kept = bench.json(&["ledger", "export", "--out", "../ledger.jsonl"]).exits(0);
        assert!(!kept.stdout.contains(KEY), "{wire}");
        for entry in fs::read_dir(bench.outside("asked.json.asked")).unwrap() {
            assert!(!String::from_utf8_lossy(&fs::read(entry.unwrap().path()).unwrap()).contains(KEY), "{wire}");
        }
    }
}

#[test]
fn d17_d18_an_answer_is_put_right_twice_and_no_more() {
    let wire = "openai";
    let wrong = json!({"steps": [], "risks": [], "assumptions": [], "questions": []});
    let bench = founded(None);
    let double = ModelDouble::start([
        shapes::says(wire, "I would rather talk.", true),
        says(wire, &wrong),
        says(wire, &honest()),
    ]);
    let plan = taken(&ask(&bench, wire, &double, None).exits(0));
    let asked = double.asked();
    assert_eq!(asked.len(), 3);
    // Each round is told what was wrong, in the same conversation.
    let last = String::from_utf8_lossy(&asked[2].body).into_owned();
    assert!(last.contains("I would rather talk.") && last.contains("there is no step"), "{last}");
    let inputs = document(&bench, &plan)["planner"]["inputs"].to_string();
    assert!(["question 1", "answer 1", "question 2", "answer 2"].iter().all(|name| inputs.contains(name)), "{inputs}");

    let before = tip(&bench);
    let double =
        ModelDouble::start([says(wire, &wrong), says(wire, &wrong), says(wire, &wrong), says(wire, &honest())]);
    ask(&bench, wire, &double, None).refused(3, "planner.answer");
    assert_eq!((double.asked().len(), tip(&bench)), (3, before));
}

#[test]
fn d03_what_was_asked_and_answered_is_shown_with_what_hides_in_it_made_visible() {
    let bench = founded(None);
    bench.write("README.md", "# A project\nzero\u{200b}width\n");
    bench.write(
        "directives/draft.md",
        bench.read("directives/draft.md").replace("ceiling:", "context: [README.md]\nceiling:"),
    );
    bench.commit("Hide something");
    let wire = "openai";
    let talk = "I would rather \u{1b}[2J talk.";
    let double = ModelDouble::start([shapes::says(wire, talk, true), says(wire, &honest())]);
    let plan = taken(&ask(&bench, wire, &double, None).exits(0));
    let beside = bench.run(&["render", &plan.file, "--format", "asked"]).exits(0).stdout;
    let named = bench.run(&["render", &plan.digest, "--format", "asked"]).exits(0).stdout;
    assert_eq!(beside, named, "from beside the file and from the ledger");
    let at = |part: &str| beside.find(part).unwrap_or_else(|| panic!("{part}: {beside}"));
    assert!(
        at("== question 1: sha256:") < at("== answer 1: sha256:") && at("== answer 1") < at("== question: sha256:")
    );
    assert!(beside.contains("zero\\u{200b}width") || beside.contains("zero\\\\u{200b}width"), "{beside}");
    assert!(!beside.contains('\u{1b}') && !beside.contains('\u{200b}'));
    let file = fs::read_dir(bench.outside("asked.json.asked")).unwrap().next().unwrap().unwrap().path();
    fs::write(&file, "other").unwrap();
    bench.json(&["render", &plan.file, "--format", "asked"]).refused(5, "plan.artifact");
    let fixed = bench.run(&["render", &plan.file, "--format", "asked", "--out", "../x"]);
    assert_ne!(fixed.code, 0);
}

#[test]
fn d08_what_it_may_not_is_refused_at_once_and_never_put_right() {
    let bench = founded(None);
    let mut evil = honest();
    evil["steps"][1]["with"]["file"] = json!({"value": "elsewhere.txt"});
    let double = ModelDouble::start([says("openai", &evil), says("openai", &honest())]);
    ask(&bench, "openai", &double, None).refused(3, "planner.tainted");
    assert_eq!(double.asked().len(), 1);
}

#[test]
fn d18_what_came_of_no_plan_counts_in_this_checkout_and_a_recorded_plan_once() {
    let (bench, wire) = (founded(None), "openai");
    let within = |requests: u32| {
        let home = bench.home().join("countersign");
        fs::create_dir_all(&home).unwrap();
        let config = format!("version: 1\nbudgets: {{perDay: {{requests: {requests}}}}}\n");
        fs::write(home.join("config.yml"), config).unwrap();
    };
    let stats = || {
        let told = bench.json(&["stats"]).exits(0).json()["result"].clone();
        let number = |pointer: &str| told.pointer(pointer).unwrap().as_u64().unwrap();
        (number("/planning/requests"), number("/unrecorded/attempts"), number("/unrecorded/requests"))
    };
    let wrong = json!({"steps": [], "risks": [], "assumptions": [], "questions": []});
    let double = ModelDouble::start([says(wire, &wrong), says(wire, &wrong), says(wire, &wrong)]);
    let ran = ask(&bench, wire, &double, None).refused(3, "planner.answer");
    assert!(ran.stderr.contains("it counts in this checkout, and in no ledger"), "{}", ran.stderr);
    assert_eq!(stats(), (0, 1, 3));
    // Three questions of the day are gone, though no plan came of them.
    let double = ModelDouble::start([says(wire, &honest()), says(wire, &honest())]);
    within(3);
    ask(&bench, wire, &double, None).refused(8, "planner.budget");
    assert!(double.asked().is_empty() && stats() == (0, 1, 3));
    within(4);
    ask(&bench, wire, &double, None).exits(0);
    assert_eq!(stats(), (1, 1, 3), "what the ledger counts counts once");
    ask(&bench, wire, &double, None).refused(8, "planner.budget");
    within(5);
    ask(&bench, wire, &double, None).exits(0);
    assert!(bench.run(&["stats"]).exits(0).stdout.contains("of no recorded plan, in this checkout alone: 1 by models"));
    assert!(bench.git(&["status", "--porcelain"]).is_empty());
    // The next day is a new one; what cannot be read is not nothing.
    bench.pass(86_400);
    within(1);
    let double = ModelDouble::start([says(wire, &honest())]);
    fs::write(bench.path(".git/countersign/asked.jsonl"), "nonsense").unwrap();
    ask(&bench, wire, &double, None).refused(8, "planner.budget");
    assert!(double.asked().is_empty());
    fs::remove_file(bench.path(".git/countersign/asked.jsonl")).unwrap();
    ask(&bench, wire, &double, None).exits(0);
}

#[test]
fn aw26_an_agents_command_line_drafts_in_the_sandbox() {
    let bench = founded(None);
    let script = bench.outside("agent/agent.py");
    fs::create_dir_all(script.parent().unwrap()).unwrap();
    let readme = bench.path("README.md").display().to_string();
    // It answers only where it was told the task, and cannot see the repository.
    let body = format!(
        "import sys\nprompt = sys.stdin.read()\nassert 'leave a note' in prompt\ntry:\n    open({readme:?})\nexcept OSError:\n    print({:?})\n",
        honest().to_string(),
    );
    fs::write(&script, body).unwrap();
    let config = json!({
        "version": 1,
        "agents": {"mine": {
            "argv": ["/usr/bin/python3", "-I", script.display().to_string()],
            "reads": [script.parent().unwrap().display().to_string()],
        }},
    });
    let home = bench.home().join("countersign");
    fs::create_dir_all(&home).unwrap();
    fs::write(home.join("config.yml"), config.to_string()).unwrap();
    let line = ["plan", "draft", "--planner", "command", "--provider", "mine", "--out", "../asked.json"];
    let plan = taken(&bench.json(&line).exits(0));
    assert_eq!(document(&bench, &plan)["planner"]["kind"], "command");
}

#[test]
fn we19_a_person_at_the_terminal_talks_until_there_is_a_plan_or_none() {
    let wire = "openai";
    let mut curious = honest();
    curious["questions"] =
        json!([{"id": "tone", "question": "Which tone?", "options": ["dry", "warm"], "blocking": true}]);
    let bench = founded(None);
    let replies = || [says(wire, &curious), says(wire, &honest()), says(wire, &honest())];
    let double = ModelDouble::start(replies());
    let ran = ask(&bench, wire, &double, Some("dry\nname the day\nseal\n")).exits(0);
    let asked = double.asked();
    assert_eq!(asked.len(), 3);
    let told = |n: usize| String::from_utf8_lossy(&asked[n].body).into_owned();
    assert!(told(1).contains("Answer to `tone`: dry") && told(2).contains("A person says: name the day"));
    assert!(ran.stderr.contains("Which tone? [dry | warm]") && ran.stderr.contains("Plan to countersign"));
    let inputs = document(&bench, &taken(&ran))["planner"]["inputs"].to_string();
    assert!(inputs.contains("question 2"), "the turns are on record: {inputs}");

    let before = tip(&bench);
    for typed in ["dry\nstop\n", "dry\n", ""] {
        ask(&bench, wire, &ModelDouble::start(replies()), Some(typed)).refused(3, "planner.given_up");
    }
    let double = ModelDouble::start(replies());
    let endpoint = double.url();
    let line = ["plan", "draft", "--planner", "model", "--provider", wire, "--endpoint", &endpoint, "-I", "--json"];
    bench.run_with(&line, &[("OPENAI_API_KEY", KEY)], "dry\nseal\n", false).refused(2, "usage.invalid");
    assert_eq!((double.asked().len(), tip(&bench)), (0, before), "nobody is asked where nobody can answer");
}
