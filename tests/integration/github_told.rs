//! What a run leaves on the forge beside its record: comments that auditors keep, and the deployment.

use serde_json::{Value, json};

use super::{
    forge_model::{faults::What, state::ACTIONS_BOT},
    github_loop::{FILES, Hub, NUMBER},
    scene::CANARY,
    support::Ran,
};

/// The directive of the loop, with another text.
fn proposal() -> String {
    FILES[1].1.replace("default: hello", "default: proposed")
}

/// An approved plan of a change request with this directive, checked out as the job that executes does.
fn approved(directive: &str) -> (Hub, String, String) {
    let hub = Hub::new();
    let head = hub.proposes("mallory", directive);
    let digest = hub.plans();
    let (_, event) = hub.says("bob", &format!("countersign approve {digest}"));
    hub.answers(&event).exits(0);
    hub.checks_out(&head);
    (hub, head, digest)
}

fn executes(hub: &Hub, line: &[&str]) -> Ran {
    hub.job(&[&["execute"], line].concat(), "COUNTERSIGN_EXECUTOR_KEY", &[])
}

/// The bot's comments that begin with a marker: text, and whether it is folded away.
fn ours(hub: &Hub, marker: &str) -> Vec<(String, bool)> {
    let state = hub.model.state();
    let ours = state.comments.iter().filter(|one| one.author == Some(ACTIONS_BOT) && one.body.starts_with(marker));
    ours.map(|one| (one.body.clone(), one.minimised)).collect()
}

const PLAN: &str = "<!-- countersign:plan:mark:v1 -->";
const RESULT: &str = "<!-- countersign:result:mark:v1 -->";

#[test]
fn for_auditors_no_comment_ever_changes_and_the_one_before_is_folded_away() {
    for (append_only, whole) in [(true, 2), (false, 1)] {
        let (hub, _, digest) = approved(&proposal());
        let earlier = format!("{RESULT}\nof an earlier run");
        hub.model.state().say(NUMBER, "github-actions[bot]", &earlier);
        let mut line = vec![digest.as_str()];
        line.extend(append_only.then_some("--append-only"));
        executes(&hub, &line).exits(0);
        let told = ours(&hub, RESULT);
        assert_eq!(told.len(), whole, "{told:#?}");
        assert_eq!(told.contains(&(earlier, true)), append_only, "{told:#?}");
        let (newest, folded) = told.last().unwrap();
        assert!(newest.contains("completed") && !folded, "{told:#?}");
    }
}

#[test]
fn for_auditors_a_plan_that_is_made_anew_leaves_the_comment_of_the_one_before() {
    for (append_only, whole) in [("true", 2), ("false", 1)] {
        let hub = Hub::new();
        hub.proposes("mallory", &proposal());
        let planned = |body: &str| {
            let (_, event) = hub.says("bob", body);
            let inputs = [
                ("COUNTERSIGN_INPUT_COMMAND", "comment"),
                ("COUNTERSIGN_INPUT_EVENT", event.as_str()),
                ("COUNTERSIGN_INPUT_APPEND_ONLY", append_only),
            ];
            hub.job(&["action"], "COUNTERSIGN_PLANNER_KEY", &inputs).exits(0);
        };
        planned("countersign plan mark");
        let first = ours(&hub, PLAN);
        planned("countersign plan mark -i text=other");
        let all = ours(&hub, PLAN);
        assert_eq!(all.len(), whole, "{all:#?}");
        assert_eq!(all[0] == (first[0].0.clone(), true), append_only == "true", "{all:#?}");
        assert!(all.last().unwrap().0.contains("other"), "{all:#?}");
    }
}

/// The only deployment, and how it stands.
fn deployment(hub: &Hub) -> (Value, Vec<Value>) {
    let state = hub.model.state();
    let [one] = state.deployments.as_slice() else { panic!("{:#?}", state.deployments) };
    (
        one.clone(),
        state
            .statuses
            .iter()
            .map(|(of, status)| (*of, status))
            .filter(|(of, _)| one["id"] == json!(of))
            .map(|(_, status)| status.clone())
            .collect(),
    )
}

#[test]
fn a_run_in_an_environment_is_shown_as_a_deployment_of_its_commit_with_its_log() {
    let (hub, head, digest) = approved(&proposal());
    let run = [("GITHUB_RUN_ID", "42"), ("GITHUB_RUN_ATTEMPT", "1")];
    hub.model.state().start_run(42, "bob", &[]);
    let ran = hub.job(&["execute", &digest], "COUNTERSIGN_EXECUTOR_KEY", &run).exits(0).json();
    assert_eq!(ran["result"]["note"], Value::Null, "{ran}");
    let (made, statuses) = deployment(&hub);
    assert_eq!(
        (&made["ref"], &made["environment"], &made["payload"]["countersign"], &made["task"]),
        (&json!(head), &json!("production"), &ran["result"]["runId"], &json!("countersign"))
    );
    assert_eq!(statuses.len(), 1, "{statuses:#?}");
    assert_eq!(statuses[0]["state"], "success");
    let log = format!("https://{}/acme/infra/actions/runs/42", hub.model.host());
    assert_eq!(statuses[0]["log_url"], json!(log));
}

#[test]
fn a_run_that_failed_is_no_deployment_that_went_well() {
    let (hub, _, digest) = approved(&proposal());
    // Where the mark goes there is a folder, so its step fails.
    std::fs::create_dir(hub.bench.path(CANARY)).unwrap();
    let ran = executes(&hub, &[&digest]);
    assert_ne!(ran.code, 0);
    let (_, statuses) = deployment(&hub);
    assert_eq!(statuses[0]["state"], "failure", "{statuses:#?}");
}

#[test]
fn a_plan_for_no_environment_is_no_deployment() {
    let (hub, _, digest) = approved(&proposal().replace("environment: production\n", ""));
    executes(&hub, &[&digest]).exits(0);
    assert!(hub.model.state().deployments.is_empty());
}

#[test]
fn a_deployment_that_cannot_be_shown_changes_nothing_of_the_run_and_is_said() {
    let (hub, _, digest) = approved(&proposal());
    hub.model.fault_times("POST", "/deployments", 0, 9, What::Status(403, "no"));
    let ran = executes(&hub, &[&digest]).exits(0).json();
    assert_eq!(ran["result"]["status"], "completed", "{ran}");
    assert!(ran["result"]["note"].as_str().unwrap().contains("forge."), "{ran}");
    assert_eq!(hub.bench.read(CANARY), "proposed\n");
}
