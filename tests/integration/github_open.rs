//! What is begun on GitHub and taken from it by command: a draft pull request, a run of a workflow, its archives.

use std::fs;

use countersign::base::digest::Digest;
use serde_json::{Value, json};

use super::{
    forge_model::{faults::What, state::Artifact},
    github_loop::{FILES, Hub},
    scene::solo,
    support::Ran,
};

impl Hub {
    fn with_token(&self, line: &[&str], token: &str) -> Ran {
        self.bench.run_with(&[line, &["--json"]].concat(), &[("GITHUB_TOKEN", token)], "", false)
    }

    /// A branch with another text of the directive, checked out and pushed.
    fn on_a_branch(&self) -> String {
        self.bench.git(&["checkout", "-q", "-b", "topic/one"]);
        self.bench.write("directives/mark.md", FILES[1].1.replace("default: hello", "default: proposed"));
        self.bench.commit("Propose");
        self.bench.git(&["push", "-q", "origin", "HEAD"]);
        self.bench.git(&["rev-parse", "HEAD"])
    }
}

#[test]
fn df6_a_request_is_opened_as_a_draft_once_and_the_plan_that_is_recorded_names_it() {
    let hub = Hub::new();
    let head = hub.on_a_branch();
    let opened = hub.owner(&["open", "mark"]).exits(0).json();
    assert_eq!((&opened["decision"], &opened["result"]["headSha"]), (&"opened".into(), &head.as_str().into()));
    let number = opened["result"]["changeRequest"].as_u64().unwrap();
    {
        let state = hub.model.state();
        let pull = state.pulls.last().unwrap();
        assert_eq!((pull.title.as_str(), pull.draft, pull.base.as_str()), ("Leave a mark", true, "main"));
        assert!(pull.body.contains("` directives/mark.md `") && !pull.body.contains("sha256:"), "{}", pull.body);
    }
    let again = hub.owner(&["open", "mark"]).exits(0).json();
    assert_eq!((&again["decision"], again["result"]["changeRequest"].as_u64()), (&"found".into(), Some(number)));
    assert_eq!((hub.model.state().pulls.len(), hub.model.count("POST", "/pulls")), (1, 1));
    let (name, out) = (number.to_string(), "../plan.json");
    hub.owner(&["plan", "mark", "--change-request", &name, "--out", out]).exits(0);
    let plan: Value = serde_json::from_slice(&fs::read(hub.bench.path(out)).unwrap()).unwrap();
    assert_eq!((&plan["subject"]["changeRequest"], &plan["subject"]["headSha"]), (&json!(number), &json!(head)));
    // A closed one is no longer it.
    hub.model.state().pulls[0].open = false;
    assert_ne!(hub.owner(&["open", "mark"]).exits(0).json()["result"]["changeRequest"], number);
}

#[test]
fn df6_a_lost_answer_opens_no_second_request_and_what_does_not_fit_opens_none() {
    let hub = Hub::new();
    hub.owner(&["open", "mark"]).refused(2, "change.branch");
    hub.on_a_branch();
    hub.owner(&["open", "nothing"]).refused(2, "directive.missing");
    hub.with_token(&["open", "mark"], "token-of-cleo").refused(3, "forge.denied");
    hub.bench.json(&["open", "mark"]).refused(5, "forge.unasked");
    solo().json(&["open", "mark"]).refused(2, "forge.none");
    hub.owner(&["open", "mark", "--branch", "elsewhere"]).refused(6, "change.unpushed");
    hub.owner(&["open", "mark", "--branch", "main"]).refused(2, "change.branch");
    hub.bench.write("more.txt", "more");
    hub.bench.commit("Not pushed");
    hub.owner(&["open", "mark"]).refused(6, "change.unpushed");
    assert!(hub.model.state().pulls.is_empty());
    hub.bench.git(&["push", "-q", "origin", "HEAD"]);
    hub.model.fault("POST", "/pulls", What::After(502));
    hub.owner(&["open", "mark"]).exits(0);
    assert_eq!(hub.model.state().pulls.len(), 1);
}

#[test]
fn df22_a_workflow_is_started_at_the_base_or_a_named_branch_and_its_run_is_told() {
    let hub = Hub::new();
    let started = hub.owner(&["dispatch", "release.yml", "-i", "version=1.2.0"]).exits(0).json();
    let run = started["result"]["workflowRun"].as_u64().unwrap();
    assert_eq!(started["result"]["url"], format!("https://example.com/actions/runs/{run}"));
    let sent = hub.model.state().dispatches[0].clone();
    assert_eq!((&sent["ref"], &sent["inputs"]), (&"refs/heads/main".into(), &json!({ "version": "1.2.0" })));
    hub.model.state().dispatch_tells = false;
    hub.on_a_branch();
    let quiet = hub.owner(&["dispatch", "release.yml", "--ref", "topic/one"]).exits(0).json();
    assert_eq!((&quiet["result"]["workflowRun"], &quiet["result"]["url"]), (&Value::Null, &Value::Null));
    assert_eq!(hub.model.state().dispatches[1]["ref"], "refs/heads/topic/one");
}

#[test]
fn df22_what_the_forge_does_not_allow_or_take_starts_nothing() {
    let hub = Hub::new();
    hub.bench.json(&["dispatch", "release.yml"]).refused(5, "forge.unasked");
    solo().json(&["dispatch", "release.yml"]).refused(2, "forge.none");
    hub.owner(&["dispatch", "release.yml", "-i", "version"]).refused(2, "input.form");
    hub.owner(&["dispatch", "release.yml", "--ref", "nowhere"]).refused(3, "forge.rejected");
    let denied = hub.with_token(&["dispatch", "release.yml"], "token-of-cleo").refused(3, "forge.denied");
    assert!(denied.stderr.contains("actions: write"), "{}", denied.stderr);
    assert!(hub.model.state().dispatches.is_empty());
    // Nobody knows whether it began, and nothing is sent twice.
    hub.model.fault("POST", "/dispatches", What::After(502));
    hub.owner(&["dispatch", "release.yml"]).refused(10, "forge.outcome_unknown");
    assert_eq!(hub.model.state().dispatches.len(), 1);
}

#[test]
fn a36_an_archive_of_a_run_is_taken_by_its_digest_or_not_at_all() {
    let hub = Hub::new();
    let bytes = b"PK, as far as anybody looks".to_vec();
    let digest = Digest::of(&bytes).to_string();
    let left = |id, run, bytes: &[u8], digest: Option<String>| Artifact {
        id,
        run,
        name: "countersign-bundle".into(),
        bytes: bytes.to_vec(),
        digest,
        expired: false,
    };
    hub.model.state().start_run(42, "ada", &[]);
    let poison = left(2, 42, b"poison", Some(Digest::of(b"poison").to_string()));
    hub.model.state().artifacts.extend([poison, left(3, 42, &bytes, Some(digest.clone()))]);
    let out = hub.bench.outside("bundle.zip");
    let fetch =
        |run: &str, digest: &str| hub.owner(&["fetch", run, "--digest", digest, "--out", out.to_str().unwrap()]);
    fetch("43", &digest).refused(3, "forge.missing");
    fetch("42", &format!("sha256:{}", "0".repeat(64))).refused(3, "forge.missing");
    fetch("42", "sha256:00").refused(2, "usage.invalid");
    // What is told is another thing than what comes.
    hub.model.state().artifacts[1].bytes = b"changed on the way".to_vec();
    fetch("42", &digest).refused(5, "artifact.digest");
    assert!(!out.exists());
    hub.model.state().artifacts[1].bytes = bytes.clone();
    let fetched = fetch("42", &digest).exits(0).json();
    assert_eq!((&fetched["result"]["name"], &fetched["decision"]), (&json!("countersign-bundle"), &json!("fetched")));
    assert_eq!(fs::read(&out).unwrap(), bytes);
}
