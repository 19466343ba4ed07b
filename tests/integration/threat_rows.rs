//! Rows of the threats that only show in the whole tool: the attack, and its honest twin.

use super::{
    scene::{Drafted, approve, plan, ran_something, refused, runs, solo, solo_with, tip},
    support::Bench,
};

const POLICY: &str = ".countersign/policy.yml";

/// Drafts the plan that leaves a mark, approved by its only person.
fn approved(bench: &Bench) -> Drafted {
    let drafted = plan(bench, "mark", &[]);
    approve(bench, "ada", &drafted, &[]).exits(0);
    drafted
}

#[test]
fn a34_a_policy_in_the_work_tree_decides_nothing_and_one_at_the_base_does() {
    let bench = solo();
    let drafted = plan(&bench, "mark", &[]);
    let honest = bench.read(POLICY);
    // Everything up to `write` permitted, by a file that nobody has committed.
    let weak = format!("{}rules:\n  - {{id: all, when: {{effect: {{atMost: irreversible}}}}, then: permit}}\n", {
        let head = honest.split("rules:\n").next().unwrap();
        head.to_owned()
    });
    let review = |bench: &Bench| bench.json(&["review", &drafted.file]).exits(0).json()["decision"].clone();
    assert_eq!(review(&bench), "needs-approval");
    bench.write(POLICY, &weak);
    assert_eq!(review(&bench), "needs-approval", "the work tree was read");
    assert_ne!(bench.json(&["approve", &drafted.file, "--policy"]).code, 0);
    assert!(!ran_something(&bench));
    // The twin: at the base it counts, for plans that are drafted under it.
    bench.commit("Weaken the policy");
    let later = plan(&bench, "mark", &["--input", "text=later"]);
    assert_eq!(bench.json(&["review", &later.file]).exits(0).json()["decision"], "permit");
    bench.json(&["approve", &later.file, "--policy"]).exits(0);
    runs(&bench, &["execute", &later.file]);
}

#[test]
fn a34_an_approval_under_the_policy_of_before_is_not_carried_over() {
    let bench = solo();
    let drafted = approved(&bench);
    bench.json(&["verify", &drafted.file]).exits(0);
    bench.write(POLICY, bench.read(POLICY) + "\n# Another line.\n");
    bench.commit("Change the policy");
    let ran = bench.json(&["execute", &drafted.file]);
    assert_ne!(ran.code, 0, "{}", ran.stdout);
    let checks = ran.json()["checks"].clone();
    let failed: Vec<_> = checks
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["result"] != "pass" && check["result"] != "passed")
        .map(|check| check["id"].as_str().unwrap().to_owned())
        .collect();
    assert!(failed.contains(&"policy.same".to_owned()), "{failed:?}");
    assert!(!ran_something(&bench));
}

#[test]
fn a29_verify_execute_and_a_dry_run_say_the_same_of_the_same_plan() {
    let bench = solo();
    let drafted = approved(&bench);
    let doors: [&[&str]; 3] = [&["verify"], &["execute"], &["execute", "--dry-run"]];
    let attack = |code: i32, reason: &str| {
        for door in doors {
            refused(&bench, &[door, &[drafted.file.as_str()]].concat(), code, reason);
        }
    };
    bench.write("README.md", "changed, and not committed\n");
    let code = bench.json(&["verify", &drafted.file]).code;
    attack(code, "subject.workspace_dirty");
    bench.git(&["checkout", "-q", "README.md"]);
    // The twin: all three let it through, and only one of them runs it.
    bench.json(&["verify", &drafted.file]).exits(0);
    bench.json(&["execute", "--dry-run", &drafted.file]).exits(0);
    assert!(!ran_something(&bench));
    runs(&bench, &["execute", &drafted.file]);
}

#[test]
fn a28_a_plan_whose_bytes_are_not_there_is_refused_and_none_is_drafted_in_its_place() {
    let bench = solo();
    let drafted = approved(&bench);
    let before = tip(&bench);
    std::fs::remove_file(bench.path(&drafted.file)).unwrap();
    let ran = bench.json(&["execute", &drafted.file]);
    assert_ne!(ran.code, 0);
    assert!(!ran_something(&bench));
    assert_eq!(before, tip(&bench));
    // The ledger has the bytes, by their digest: the very same plan.
    runs(&bench, &["execute", &drafted.digest]);
}

#[test]
fn a30_nothing_in_an_envelope_lowers_what_is_checked() {
    let bench = solo();
    let drafted = plan(&bench, "mark", &[]);
    // A plan with a field that would turn the checks off is no plan.
    let text = bench.read(&drafted.file);
    let hostile = text.replacen('{', "{\"verify\":false,", 1);
    bench.write("../hostile.json", hostile);
    for command in ["verify", "execute", "review"] {
        let ran = bench.json(&[command, "../hostile.json"]);
        assert_ne!(ran.code, 0, "{command}");
    }
    assert!(!ran_something(&bench));
}

#[test]
fn c04_what_steers_programs_in_the_callers_environment_reaches_none() {
    let bench = solo_with(&[
        (
            "pipelines/env.yml",
            "description: Show the surroundings.
effect: analyze
outputs: {all: {type: string, maxLength: 4000, from: stdout}}
actions:
  - run: {program: env, argv: ['-0']}
",
        ),
        (
            "directives/env.md",
            "---
title: Show the surroundings
pipelines: [env]
ceiling: {effect: analyze, risk: high}
steps:
  - {id: env, pipeline: env}
---
Shows them.
",
        ),
    ]);
    let policy = bench.read(POLICY);
    if !policy.contains("'env'") {
        bench.write(POLICY, policy.replacen("programs:\n", "programs:\n  'env': {path: '/usr/bin/env', interpreter: true}\n", 1));
        bench.commit("Let env run");
    }
    let drafted = plan(&bench, "env", &[]);
    approve(&bench, "ada", &drafted, &[]).exits(0);
    let hostile = [
        ("LD_PRELOAD", "/tmp/canary.so"),
        ("GITHUB_TOKEN", "canary-token"),
        ("GIT_CONFIG_COUNT", "1"),
        ("BASH_ENV", "/tmp/canary.sh"),
        ("HTTPS_PROXY", "http://canary"),
        ("CI_JOB_TOKEN", "canary-token"),
    ];
    let ran = bench.run_with(&["execute", &drafted.file, "--json"], &hostile, "", false).exits(0);
    assert!(!ran.stdout.contains("canary") && !ran.stdout.contains("LD_PRELOAD"), "{}", ran.stdout);
    assert!(ran.stdout.contains("COUNTERSIGN_RUN"), "the program did show its surroundings: {}", ran.stdout);
}
