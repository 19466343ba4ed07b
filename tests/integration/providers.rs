//! What can be asked for plans, what is missing to ask it, and where each value of the configuration comes from.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::{Value, json};

use super::{
    scene::{solo, solo_with},
    support::Bench,
};

const CONFIG: &str = ".countersign/config.yml";

/// Puts a script of Python into a folder outside the repository, and returns the folder.
fn install(bench: &Bench, name: &str, body: &str) -> String {
    let folder = bench.outside("bin");
    fs::create_dir_all(&folder).unwrap();
    let place = folder.join(name);
    fs::write(&place, format!("#!/usr/bin/python3 -I\n{body}\n")).unwrap();
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
    folder.display().to_string()
}

fn own_file(bench: &Bench, text: &str) {
    let folder = bench.home().join("countersign");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.yml"), text).unwrap();
}

fn value(result: &Value, name: &str) -> (Value, String) {
    let entry = &result["result"]["values"][name];
    (entry["value"].clone(), entry["origin"].as_str().unwrap().to_owned())
}

#[test]
fn the_configuration_is_read_at_the_protected_base_and_says_where_each_value_comes_from() {
    let bench = solo();
    bench.write(CONFIG, "version: 1\nplanner: manual\nmodel: theirs\nbudgets:\n  perDay: {money: 5000000}\n");
    own_file(&bench, "version: 1\nmodel: mine\ntimeout: 90s\n");
    // What is not committed to the base does not count.
    let before = bench.json(&["config", "show"]).exits(0).json();
    assert_eq!(value(&before, "planner"), (json!("fixed"), "default".to_owned()));
    bench.commit("Configure");
    let shown = bench.json(&["config", "show", "--timeout", "2m"]).exits(0).json();
    assert_eq!(value(&shown, "planner"), (json!("manual"), "project".to_owned()));
    assert_eq!(value(&shown, "model"), (json!("theirs"), "project".to_owned()));
    assert_eq!(value(&shown, "timeout"), (json!("120s"), "flag".to_owned()));
    assert_eq!(value(&shown, "budgets.perDay.money"), (json!(5_000_000), "project".to_owned()));
    assert_eq!(value(&shown, "budgets.mode"), (json!("strict"), "default".to_owned()));
    let text = bench.run(&["config", "show", "--origin"]).exits(0).stdout;
    assert!(text.lines().any(|line| line.split_whitespace().eq(["timeout", "90s", "user"])), "{text}");
    // Another branch changes nothing: its configuration is not the base's.
    bench.git(&["checkout", "-q", "-b", "change"]);
    bench.write(CONFIG, "version: 1\nplanner: command\n");
    bench.commit("Try to ask somebody else");
    let shown = bench.json(&["config", "show"]).exits(0).json();
    assert_eq!(value(&shown, "planner").0, json!("manual"));
}

#[test]
fn a_file_that_does_not_fit_is_refused_with_its_places() {
    let bench = solo_with(&[(CONFIG, "version: 1\nplaner: fixed\nagents: {a: {argv: [sh]}}\n")]);
    let refused = bench.json(&["config", "show"]).refused(2, "definition.invalid");
    let shown = refused.json().to_string();
    for part in ["did you mean `planner`?", "config.place", ":2", ":3"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let flags: [(&[&str], &str); 4] = [
        (&["--planner", "modal"], "usage.invalid"),
        (&["--provider", "No Body"], "provider.unknown"),
        (&["--endpoint", "http://elsewhere/v1"], "config.value"),
        (&["--model-key", "sk-abcdefghijklmnopqrstuvwx"], "usage.invalid"),
    ];
    let bench = solo();
    for (flags, code) in flags {
        let ran = bench.json(&[&["config", "show"], flags].concat()).refused(2, code);
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("abcdefghijklm"), "{flags:?}");
    }
}

#[test]
fn without_any_key_or_agent_exactly_three_ways_are_named() {
    let bench = solo();
    let nowhere = [("PATH", "/nonexistent")];
    let ran = bench.run_with(&["providers", "check"], &nowhere, "", false).exits(2);
    let ways: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(ways.len(), 3, "{}", ran.stdout);
    for (way, part) in ways.iter().zip(["--planner model", "--planner command", "--planner manual"]) {
        assert!(way.contains(part), "{way}");
    }
    assert!(ways[0].contains("ANTHROPIC_API_KEY") && ways[2].contains("--planner fixed"));
    let ran = bench.run_with(&["providers", "check", "--json"], &nowhere, "", false).exits(2).json();
    assert_eq!(
        (ran["reasonCode"].as_str(), ran["result"]["ready"].as_bool()),
        (Some("providers.missing"), Some(false))
    );
}

#[test]
fn each_provider_says_what_it_lacks_and_never_shows_a_key() {
    let bench = solo();
    let path = install(&bench, "claude", "print('{}')");
    let variables = [("PATH", path.as_str()), ("OPENAI_API_KEY", "a-key-of-somebody"), ("GITHUB_TOKEN", "a-token")];
    let ran = bench.run_with(&["providers", "check", "--json"], &variables, "", false).exits(0);
    assert!(!ran.stdout.contains("a-key-of-somebody") && !ran.stdout.contains("a-token"));
    let rows = ran.json()["result"]["providers"].clone();
    let row = |name: &str| rows.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone();
    assert_eq!(row("openai")["ready"], json!(true));
    assert_eq!(row("anthropic")["missing"], json!(["a key in ANTHROPIC_API_KEY"]));
    assert_eq!(
        row("gemini")["missing"][0],
        json!("a key in GEMINI_API_KEY or GOOGLE_API_KEY"),
        "the provider goes first"
    );
    assert_eq!(row("local")["missing"], json!(["an endpoint: --endpoint URL"]));
    assert_eq!(row("claude")["missing"], json!(["a key in ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN, or a login"]));
    assert_eq!(row("codex")["missing"][0], json!("`codex` is not in PATH"));
    for (name, code) in [("openai", 0), ("anthropic", 2), ("claude", 2)] {
        bench.run_with(&["providers", "check", name], &variables, "", false).exits(code);
    }
    let local = ["providers", "check", "local", "--endpoint", "http://127.0.0.1:8080/v1", "--provider", "local"];
    bench.run_with(&local, &variables, "", false).exits(0);
    bench.json(&["providers", "check", "nobody"]).refused(2, "provider.unknown");
}

#[test]
fn an_agent_is_listed_shown_and_asked_in_the_sandbox() {
    let bench = solo();
    own_file(&bench, "version: 1\nagents:\n  mine:\n    argv: [run-me, --quiet]\n    env: [MY_KEY]\n");
    let listed = bench.run(&["providers", "list"]).exits(0).stdout;
    for name in ["openai", "anthropic", "gemini", "local", "claude", "codex", "copilot", "mine", "manual"] {
        assert!(listed.contains(name), "{name}");
    }
    let shown = bench.json(&["providers", "show", "claude"]).exits(0).json();
    assert_eq!((&shown["result"]["argv"][4], &shown["result"]["argv"][5]), (&json!("--tools"), &json!("")));
    let shown = bench.json(&["providers", "show", "mine"]).exits(0).json();
    assert_eq!((&shown["result"]["argv"][0], &shown["result"]["network"]), (&json!("run-me"), &json!(false)));
    bench.json(&["providers", "show", "anthropic"]).exits(0);
    // It is asked where it cannot see the repository.
    let readme = bench.path("README.md").display().to_string();
    let body =
        format!("try:\n    open('{readme}')\n    print('seen')\nexcept OSError:\n    print('{{\"ready\": true}}')");
    let path = install(&bench, "run-me", &body);
    let ask = ["providers", "check", "mine", "--ask", "--json"];
    let ran = bench.run_with(&ask, &[("PATH", &path)], "", false).exits(0).json();
    assert_eq!(ran["result"]["answered"], json!(true));
    install(&bench, "run-me", "print('maybe')");
    bench.run_with(&ask, &[("PATH", &path)], "", false).refused(5, "provider.agent_form");
}
