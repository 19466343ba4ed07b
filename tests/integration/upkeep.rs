//! What keeps a repository usable over the years, and what it says of itself: keys, doctor, status, simulations, examples.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::{Value, json};

use super::{
    scene::{approve, enrol, key_file, plan, root, runner, runs, solo, team},
    support::{Bench, Ran},
};

const DAY: i64 = 86_400;

/// The lines of `doctor` with an id: verdict, finding, hint.
fn lines(ran: &Ran, id: &str) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let checks = ran.json()["result"]["checks"].as_array().unwrap().clone();
    let of_id = checks.iter().filter(|check| check["id"] == id);
    of_id.map(|check| (text(&check["result"]), text(&check["found"]), text(&check["hint"]))).collect()
}

#[test]
fn a_repository_is_renewed_once_a_year_with_the_keys_that_it_needs() {
    let bench = solo();
    let fresh = bench.json(&["doctor"]).exits(0);
    assert_eq!(lines(&fresh, "keys").len(), 2, "{}", fresh.stdout);
    assert!(!fresh.stdout.contains("keys renew"), "{}", fresh.stdout);

    bench.pass(340 * DAY);
    let late = bench.json(&["doctor"]).exits(0);
    for (id, next) in [("trust-root", "keys renew"), ("keys", "keys renew"), ("policy", "policy.yml")] {
        let (verdict, found, hint) = lines(&late, id).remove(0);
        assert_eq!(verdict, "pass");
        assert!(found.contains("25 days left") && hint.contains(next), "{id}: {found}: {hint}");
    }
    let renewed = bench.json(&["keys", "renew"]).exits(0).json();
    let prolonged = renewed["result"]["prolonged"].as_array().unwrap();
    assert_eq!((prolonged.len(), &renewed["result"]["ending"]), (2, &json!([])), "{renewed}");
    let until = root(&bench).document().expires;
    bench.commit("One more year");
    let document = root(&bench);
    let document = document.document();
    assert!(document.expires > until);
    assert!(document.keys.iter().all(|key| key.not_after == document.expires), "{document:?}");

    bench.pass(60 * DAY);
    let told = bench.json(&["doctor"]).refused(2, "doctor.findings");
    assert_eq!(lines(&told, "policy")[0].0, "fail");
    let policy = bench.read(".countersign/policy.yml");
    let line = policy.lines().find(|line| line.starts_with("expires:")).unwrap();
    let later = format!("expires: '{}'", bench.now.get().plus(300 * DAY));
    bench.write(".countersign/policy.yml", policy.replace(line, &later));
    bench.commit("And the policy");
    let mark = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &mark, &[]).exits(0);
    runs(&bench, &["execute", &mark.file]);

    // The twin: who lets the keys end as well is told why nothing can be signed any more.
    bench.pass(400 * DAY);
    let refused = bench.json(&["keys", "renew"]).refused(6, "key.validity");
    assert!(refused.stderr.contains("clock"), "{}", refused.stderr);
}

#[test]
fn a_renewal_shortens_no_key_and_says_which_ones_end_before_it() {
    let bench = team(&[("bob", "technical-lead")], &[]);
    bench.person.set("ada");
    bench.pass(10 * DAY);
    let before: Vec<_> = root(&bench).document().keys.iter().map(|key| key.not_after).collect();
    let text = bench.run(&["keys", "renew", "--valid", "400d"]).exits(0).stdout;
    assert!(text.contains("key      ada of ada holds until"), "{text}");
    assert!(text.contains("ends     bob (ed25519) of bob, at"), "{text}");
    assert!(text.contains("countersign keys enrol --login bob --public-key FILE --duty"), "{text}");
    bench.commit("Renewed");
    bench.json(&["keys", "renew", "--valid", "30d"]).exits(0);
    bench.commit("For a month");
    let after: Vec<_> = root(&bench).document().keys.iter().map(|key| key.not_after).collect();
    assert!(before.iter().zip(&after).all(|(before, after)| before <= after), "{before:?} {after:?}");
}

#[test]
fn doctor_tells_what_is_wrong_with_the_keys_of_this_machine() {
    let bench = solo();
    let file = key_file(&bench, "ada", "ada");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let told = bench.json(&["doctor"]).refused(2, "doctor.findings");
    assert!(told.stdout.contains("key.permissions"), "{}", told.stdout);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();

    bench.pass(-DAY);
    let told = bench.json(&["doctor"]);
    assert!(told.stdout.contains("key.validity") && told.stdout.contains("clock"), "{}", told.stdout);
    bench.pass(DAY);

    let key = root(&bench).document().keys.iter().find(|key| key.name.contains("runner")).unwrap().id;
    bench.json(&["keys", "revoke", &key.to_string(), "--reason", "lost"]).exits(0);
    bench.commit("Revoke");
    let told = bench.json(&["doctor"]).refused(2, "doctor.findings");
    assert!(told.stdout.contains("key.revoked") && told.stdout.contains("move "), "{}", told.stdout);
    let folder = file.parent().unwrap();
    fs::rename(folder, folder.with_file_name("elsewhere")).unwrap();
    let none = bench.json(&["doctor"]).exits(0);
    assert!(lines(&none, "keys")[0].1.contains("none of this trust root"), "{}", none.stdout);
}

#[test]
fn doctor_fails_for_all_that_execution_would_refuse() {
    let bench = solo();
    bench.write("README.md", "changed\n");
    let told = bench.json(&["doctor"]).refused(2, "doctor.findings");
    let (verdict, found, _) = lines(&told, "work-tree").remove(0);
    assert_eq!(verdict, "fail");
    assert!(found.starts_with("1 tracked file is changed"), "{found}");
    bench.git(&["checkout", "-q", "README.md"]);
    bench.json(&["doctor"]).exits(0);
    for name in ["core.editor", "core.hooksPath", "alias.x"] {
        bench.git(&["config", name, "true"]);
        let told = bench.json(&["doctor"]).refused(2, "doctor.findings");
        let (verdict, found, hint) = lines(&told, "git-settings").remove(0);
        assert_eq!(verdict, "fail");
        assert!(found.contains("subject.git_settings") && found.contains(&name.to_lowercase()), "{found}");
        assert!(hint.contains("git config --unset NAME"), "{hint}");
        bench.git(&["config", "--unset", name]);
    }
    bench.json(&["doctor"]).exits(0);
}

#[test]
fn who_has_only_a_key_that_ended_is_told_of_its_times() {
    let bench = team(&[("bob", "technical-lead")], &[]);
    enrol(&bench, "eve", &["--valid", "30d"]);
    bench.person.set("ada");
    bench.commit("Enrol");
    super::scene::pin(&bench, "eve");
    bench.person.set("ada");
    bench.pass(31 * DAY);
    let mark = plan(&bench, "mark", &[]);
    let ran = approve(&bench, "eve", &mark, &[]);
    assert_eq!((ran.code, ran.json()["reasonCode"].as_str()), (6, Some("key.validity")), "{}", ran.stderr);
    assert!(ran.stderr.contains("was valid from") && ran.stderr.contains("clock"), "{}", ran.stderr);
}

#[test]
fn a_simulation_says_who_cannot_count_and_why() {
    let bench = team(&[("bob", "technical-lead")], &[]);
    bench.person.set("ada");
    let program =
        root(&bench).document().principals.iter().find(|who| who.login.contains("runner")).unwrap().login.clone();
    let key = root(&bench).document().keys.iter().find(|key| key.name.starts_with("bob")).unwrap().id;
    bench.json(&["keys", "revoke", &key.to_string(), "--reason", "lost"]).exits(0);
    bench.commit("Revoke");
    let mark = plan(&bench, "mark", &[]);
    let text = bench.run(&["policy", "simulate", &mark.file, "--as", "bob", "--as", &program]).exits(0).stdout;
    assert!(text.contains("bob cannot count: key `bob (ed25519)` was revoked at"), "{text}");
    assert!(text.contains(&format!("{program} cannot count: it is a program")), "{text}");
    let ran = bench.json(&["policy", "simulate", &mark.file, "--as", &program]).exits(0).json();
    assert_eq!(ran["result"]["cannotCount"][0]["login"], program.as_str());
    assert!(!runner(&bench).is_empty());
}

#[test]
fn a_trial_leaves_nothing_in_the_work_tree() {
    let bench = Bench::new(super::scene::FILES);
    for folder in ["tmp", "."] {
        let ran = bench.run_with(&["try", "mark", "--json"], &[("TMPDIR", folder)], "", false);
        let ran = ran.refused(2, "usage.invalid");
        assert!(ran.stderr.contains("TMPDIR"), "{}", ran.stderr);
        assert_eq!(bench.git(&["status", "--porcelain"]), "");
    }
    // What is set and empty is not set.
    bench.run_with(&["try", "mark", "--json"], &[("TMPDIR", "")], "", false).exits(0);
    assert_eq!(bench.git(&["status", "--porcelain"]), "");
    // A folder of the work tree is refused where the clone is made, and does not stay.
    let inside = bench.path("inside");
    fs::create_dir_all(&inside).unwrap();
    let ran = bench.run_with(&["try", "mark", "--json"], &[("TMPDIR", inside.to_str().unwrap())], "", false);
    let ran = ran.refused(2, "usage.invalid");
    assert!(ran.stderr.contains("is in the work tree"), "{}", ran.stderr);
    assert_eq!(fs::read_dir(&inside).unwrap().count(), 0, "{}", ran.stderr);
}

#[test]
fn what_is_shown_of_every_shipped_pipeline_is_what_its_schema_says() {
    let bench = solo();
    bench.bring("pipelines");
    let schema: Value = serde_json::from_str(&bench.run(&["schema", "pipeline-shown"]).exits(0).stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let all = bench.json(&["pipelines", "list"]).exits(0).json();
    assert!(all["result"].as_array().unwrap().len() > 10, "{all}");
    let mut declared = 0;
    for pipeline in all["result"].as_array().unwrap() {
        let name = pipeline["name"].as_str().unwrap();
        let shown = bench.json(&["pipelines", "show", name]).exits(0).json();
        let errors: Vec<_> = validator.iter_errors(&shown["result"]).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        for action in shown["result"]["actions"].as_array().unwrap() {
            let Some(limits) = action["run"]["limits"].as_object() else { continue };
            assert_eq!(limits.len(), 6, "{name}");
            declared += limits.values().filter(|limit| limit["declared"] == true).count();
        }
        let text = bench.run(&["pipelines", "show", name]).exits(0).stdout;
        serde_yaml::from_str::<serde_yaml::Value>(&text).unwrap_or_else(|e| panic!("{name}: {e}: {text}"));
    }
    let _ = declared;
    bench.write(
        "pipelines/small.yml",
        "description: Small.\neffect: analyze\noutputs: {sum: {type: string, from: stdout}}\nactions:\n  - run: {program: sha256sum, argv: ['l1\\l2'], limits: {memoryMib: 64}}\n",
    );
    let text = bench.run(&["pipelines", "show", "small"]).exits(0).stdout;
    assert!(text.contains("memoryMib: {value: 64, declared: true}"), "{text}");
    assert!(text.contains("fileMib: {value: 4096, declared: false}"), "{text}");
}

#[test]
fn the_command_that_goes_on_is_the_one_that_was_typed() {
    let bench = solo();
    let line = [
        "plan",
        "mark",
        "--planner",
        "manual",
        "--no-record",
        "--expires=2h",
        "-i",
        "text=more words",
        "--model",
        "m",
        "--timeout",
        "60s",
        "--summary",
        "../summary.md",
        "--created-at",
        "2026-01-01T00:00:00Z",
    ];
    let asked = bench.run(&line);
    let all = format!("{}{}", asked.stdout, asked.stderr);
    let wanted = "countersign plan mark --planner manual --no-record --expires=2h -i 'text=more words' --model m --timeout 60s --summary ../summary.md --created-at 2026-01-01T00:00:00Z --answer ";
    assert!(all.contains(wanted), "{all}");
    let mark = plan(&bench, "mark", &[]);
    let asked = bench.run(&["review", &mark.file, "--ask", "--planner", "manual", "--rounds", "2", "--model", "m"]);
    let all = format!("{}{}", asked.stdout, asked.stderr);
    let wanted = format!("countersign review {} --ask --planner manual --model m --answer ", mark.file);
    assert!(all.contains(&wanted), "{all}");
}

#[test]
fn messages_name_what_helps() {
    let bench = solo();
    let told = bench.run(&["ledger", "show", "abc"]).exits(2).stderr;
    assert!(told.contains("it is no number of an entry"), "{told}");
    let told = bench.json(&["ledger", "show", "99999"]).refused(5, "ledger.no_entry").stderr;
    assert!(!told.contains("record it first"), "{told}");
    bench.write("bundle.json", "{\"_type\":\"https://countersign.dev/bundle/v1\"}");
    let told = bench.json(&["verify", "bundle.json"]).refused(2, "usage.invalid").stderr;
    assert!(told.contains("verify --bundle bundle.json"), "{told}");
    assert!(bench.run(&["reasons", "halted"]).exits(0).stdout.contains("--lift --reason"));
    for (text, wanted, unwanted) in [
        ("actions:\n  - commit: {paths: [.countersign/x], message: m}\n", ".countersign", "at least one file"),
        ("actions:\n  - fetch: {url: x}\n", "exactly one of run, write, copy, patch, commit, tag", "has no field"),
        (
            "outputs: {o: {type: string, from: {stdout: true}}}\nactions:\n  - run: {program: sha256sum}\n",
            "write `from: stdout`",
            "exactly one of stdout",
        ),
        (
            "inputs: {i: {type: string, max: 3, default: longer}}\nactions:\n  - run: {program: sha256sum}\n",
            "the length 6 is more than 3",
            "any",
        ),
    ] {
        bench.write("pipelines/odd.yml", format!("description: Odd.\neffect: write\n{text}"));
        let told = bench.run(&["pipelines", "check"]).stderr;
        assert!(told.contains(wanted) && !told.contains(unwanted), "{text}: {told}");
    }
    bench.write("pipelines/odd.yml", "description:\neffect: write\nactions:\n  - run: {program: sha256sum}\n");
    let told = bench.run(&["pipelines", "check"]).stderr;
    assert!(told.contains("text is needed, and this is empty") && !told.contains("quotes"), "{told}");
}

/// The whole examples of a page: YAML that begins so.
fn examples(page: &str, begin: &str) -> Vec<String> {
    let blocks = page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    blocks.filter(|block| block.starts_with(begin)).map(str::to_owned).collect()
}

#[test]
fn the_examples_of_the_pages_pass_the_checks_that_they_explain() {
    let (policy, definitions) =
        (include_str!("../../docs/policy.md"), include_str!("../../docs/directives-and-pipelines.md"));
    let bench = Bench::new(&[]);
    // The examples name dates of their own.
    bench.now.set("2027-01-01T00:00:00Z".parse().unwrap());
    bench.write(
        "pipelines/write-notes.yml",
        "description: Write notes.\neffect: write\ninputs: {version: {type: string, required: true}}\noutputs: {file: {type: string, from: stdout}}\nevidence: [file]\nactions:\n  - run: {program: git, argv: ['{{ inputs.version }}']}\nverify:\n  - run: {program: git}\n",
    );
    bench.write(
        "pipelines/set-tag.yml",
        "description: Set a tag.\neffect: write\ninputs: {version: {type: string, required: true}, notes: {type: string, required: true}}\noutputs: {done: {type: string, from: stdout}}\nevidence: [done]\nactions:\n  - tag: {name: '{{ inputs.version }}', message: A release.}\n  - run: {program: git, argv: ['--notes={{ inputs.notes }}']}\nverify:\n  - run: {program: git}\n",
    );
    for example in examples(definitions, "description:") {
        bench.write("pipelines/example.yml", example);
        bench.write("pipelines/example/apply.py", "print('serial=1')\n");
    }
    let directives = examples(definitions, "---");
    assert_eq!(directives.len(), 1);
    bench.write("directives/release.md", format!("{}What people do.\n", directives[0]));
    let policies = examples(policy, "version:");
    assert_eq!(policies.len(), 1);
    bench.write(".countersign/policy.yml", &policies[0]);
    bench.commit("Examples");
    for what in ["pipelines", "directives", "policy"] {
        let ran = bench.run(&[what, "check"]);
        assert_eq!(ran.code, 0, "{what}: {}{}", ran.stdout, ran.stderr);
    }
}
