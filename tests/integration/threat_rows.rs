//! Rows of the threats that only show in the whole tool: the attack, and its honest twin.

use countersign::{
    base::digest::Digest,
    plan::seal,
    policy::Policy,
    sign::{TrustRoot, predicate::Approval, stated::read_statement},
};

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
    let checks = ran.json()["result"]["checks"].clone();
    let failed: Vec<_> = checks
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["result"] != "passed")
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
    // One pipeline for each variable: it fails where the program's surroundings do not have it.
    let watched = ["COUNTERSIGN_RUN", "LD_PRELOAD", "GITHUB_TOKEN", "GIT_CONFIG_COUNT", "BASH_ENV", "HTTPS_PROXY"];
    let files: Vec<(String, String)> = watched
        .iter()
        .enumerate()
        .flat_map(|(n, variable)| {
            let pipeline = format!(
                "description: Show a variable.
effect: analyze
outputs: {{value: {{type: string, maxLength: 200, from: {{stdoutLine: '{variable}='}}}}}}
actions:
  - run: {{program: env, argv: []}}
"
            );
            let directive = format!(
                "---
title: Show a variable
pipelines: [env{n}]
ceiling: {{effect: analyze, risk: high}}
steps:
  - {{id: env, pipeline: env{n}}}
---
Shows it.
"
            );
            [(format!("pipelines/env{n}.yml"), pipeline), (format!("directives/env{n}.md"), directive)]
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let bench = solo_with(&files);
    let policy = bench.read(POLICY);
    if !policy.contains("'env'") {
        let table = "programs:\n  'env': {path: '/usr/bin/env', interpreter: true}\n";
        bench.write(POLICY, policy.replacen("programs:\n", table, 1));
        bench.commit("Let env run");
    }
    let hostile = watched.map(|variable| (variable, "canary"));
    for (n, variable) in watched.iter().enumerate() {
        let drafted = plan(&bench, &format!("env{n}"), &[]);
        approve(&bench, "ada", &drafted, &[]).exits(0);
        let ran = bench.run_with(&["execute", &drafted.file, "--json"], &hostile, "", false);
        let reached = ran.code == 0;
        assert_eq!(reached, *variable == "COUNTERSIGN_RUN", "{variable}: {}", ran.stdout);
        assert!(!ran.stdout.contains("canary"), "{}", ran.stdout);
    }
}

#[test]
fn b28_the_name_of_a_file_makes_no_plan_an_approved_one() {
    let bench = solo();
    let drafted = approved(&bench);
    let other = plan(&bench, "mark", &["--input", "text=unseen"]);
    let (honest, hostile) = (bench.read(&drafted.file), bench.read(&other.file));
    bench.write(&drafted.file, hostile);
    assert_ne!(bench.json(&["execute", &drafted.file]).code, 0);
    assert!(!ran_something(&bench));
    bench.write("../any-name", honest);
    runs(&bench, &["execute", "../any-name"]);
}

/// A valid document of those that the parsers are tried with.
fn document(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/data/fuzz/{name}/00", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn b13_a_field_that_is_not_known_is_an_error_at_every_level() {
    // Fields that stand in canonical order, so that nothing but their names is wrong.
    let inside = |bytes: &[u8], after: &str, field: &str| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(text.contains(after), "{after}");
        text.replacen(after, &format!("{after}{field}"), 1).into_bytes()
    };
    let opened = |bytes: &[u8]| read_statement::<Approval>(bytes).map(drop).map_err(|e| e.code());
    let statement = document("statement");
    assert_eq!(opened(&statement), Ok(()));
    let deep = inside(&statement, "\"predicate\":{", "\"aaa\":1,");
    assert_eq!(opened(&deep), Err("payload.malformed"));
    assert_eq!(opened(&inside(&statement, "\"binding\":{", "\"aaa\":1,")), Err("payload.malformed"));
    let root = document("trust_root");
    assert!(TrustRoot::parse(&root).is_ok());
    for after in ["\"keys\":[{", "\"ledger\":{", "\"principals\":[{"] {
        assert_eq!(TrustRoot::parse(&inside(&root, after, "\"aaa\":1,")).unwrap_err().code(), "json.schema", "{after}");
    }
    let policy = document("policy");
    assert!(Policy::compile("policy.yml", &policy).is_ok());
    assert!(Policy::compile("policy.yml", &[&policy, b"\nskipChecks: true\n".as_slice()].concat()).is_err());
}

#[test]
fn b26_bytes_that_say_they_are_something_else_are_refused() {
    let as_another = |bytes: &[u8], kind: &str| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (own, other) = (format!("countersign.dev/{kind}/v1"), format!("countersign.dev/{kind}/v2"));
        assert!(text.contains(&own));
        text.replacen(&own, &other, 1).into_bytes()
    };
    let (plan, root, statement) = (document("plan"), document("trust_root"), document("statement"));
    assert!(seal::open(plan.clone()).is_ok() && TrustRoot::parse(&root).is_ok());
    assert!(seal::open(as_another(&plan, "plan")).is_err());
    assert_eq!(TrustRoot::parse(&as_another(&root, "trust-root")).unwrap_err().code(), "trust.malformed");
    let other = as_another(&statement, "approval");
    assert_eq!(read_statement::<Approval>(&other).unwrap_err().code(), "attestation.absent");
    // And no document of one kind is taken for one of another.
    assert!(seal::open(root).is_err() && TrustRoot::parse(&plan).is_err());
}

#[test]
fn e26_the_end_of_a_step_says_what_ran_in_which_sandbox_how_it_ended_and_what_it_gave() {
    let bench = solo();
    let drafted = approved(&bench);
    let run = runs(&bench, &["execute", &drafted.file]).json()["result"]["runId"].clone();
    let log = bench.json(&["ledger", "log"]).exits(0).json();
    let ends = |row: &&serde_json::Value| row["kind"] == "step-finished";
    let seq = log["result"].as_array().unwrap().iter().find(ends).unwrap()["seq"].to_string();
    let shown = bench.json(&["ledger", "show", &seq]).exits(0).json();
    let said = &shown["result"]["statement"]["predicate"];
    assert_eq!((&said["run"], &said["plan"]), (&run, &drafted.digest.as_str().into()));
    let sum = Digest::of(bench.read("mark.txt").as_bytes());
    assert_eq!(said["outcome"]["outputs"]["sum"], sum.to_string());
    let programs = said["outcome"]["actions"].as_array().unwrap().iter().filter(|action| action["kind"] == "run");
    let programs: Vec<_> = programs.collect();
    assert_eq!(programs.len(), 2, "the action and its read-back: {said}");
    for program in programs {
        let file = std::fs::read(program["target"].as_str().unwrap()).unwrap();
        assert_eq!(program["digest"], Digest::of(&file).to_string());
        let printed = format!("{}  mark.txt\n", sum.hex());
        assert_eq!(program["stdout"]["digest"], Digest::of(printed.as_bytes()).to_string());
        assert_eq!((&program["stderr"]["bytes"], &program["exitCode"]), (&0.into(), &0.into()));
        assert!(program["sandbox"].as_str().unwrap().starts_with("landlock-abi="), "{program}");
        assert!(program["millis"].is_u64());
    }
}
