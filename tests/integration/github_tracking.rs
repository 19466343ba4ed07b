//! Plans for issues: which are recorded, what becomes of them when the issue changes, and what the issue is told.

use std::fs;

use serde_json::json;

use super::{
    forge_model::{
        faults::What,
        state::{ACTIONS_BOT, State},
    },
    github_loop::{FILES, Hub, NUMBER},
    scene::{CANARY, solo_with},
    support::Ran,
};

const CRITERIA: &str = "Why.\r\n\r\n## Acceptance criteria\r\n\r\n- [ ] The mark is there.\r\n";

/// The directive of the loop, for issue 12, of which everything is asked that can be.
fn directive() -> String {
    let inputs = "inputs:\n  issue: {type: integer, default: 12}\n";
    let issue = "issue: {input: issue, ready: [open, acceptance-criteria, parent-open]}\nceiling:";
    FILES[1].1.replace("inputs:\n", inputs).replace("ceiling:", issue)
}

/// A change request with that directive, and issue 12 that is all it should be, a part of issue 11.
fn hub() -> (Hub, String) {
    let hub = Hub::new();
    let head = hub.proposes("mallory", &directive());
    let mut state = hub.model.state();
    state.open_issue(11, "");
    state.open_issue(12, CRITERIA);
    state.issue(12).parent = Some(11);
    drop(state);
    (hub, head)
}

/// What the ledger holds on the forge.
fn ledger(hub: &Hub) -> Option<String> {
    hub.model.state().git.tip("countersign/ledger")
}

#[track_caller]
fn refused(hub: &Hub, ran: Ran, exit: i32, code: &str, before: &Option<String>) {
    ran.refused(exit, code);
    assert_eq!(ledger(hub), *before, "a refusal leaves nothing behind");
    assert!(hub.comments_of(ACTIONS_BOT).iter().all(|text| !text.contains("countersign:plan:")));
}

#[test]
fn we22_a_plan_for_an_issue_that_is_not_ready_is_not_recorded() {
    let (hub, _) = hub();
    let before = ledger(&hub);
    hub.model.state().issue(12).open = false;
    refused(&hub, hub.opened(), 6, "issue.closed", &before);
    hub.model.state().issue(12).open = true;
    for body in [
        "- [ ] The mark is there.",
        "## Acceptance criteria\n\nSoon.",
        "## Acceptance criteria\n- [ ]\n## Notes\n- The mark is there.",
        "## Acceptance criteria\n<!-- - [ ] what must hold -->",
    ] {
        hub.model.state().issue(12).body = Some(body.to_owned());
        refused(&hub, hub.opened(), 3, "issue.unready", &before);
    }
    hub.model.state().issue(12).body = None;
    refused(&hub, hub.opened(), 3, "issue.unready", &before);
    hub.model.state().issue(12).body = Some(CRITERIA.to_owned());
    hub.model.state().issue(11).open = false;
    refused(&hub, hub.opened(), 3, "issue.unready", &before);
    // The parent is hidden, or gone: that there is one, the issue says.
    hub.model.state().issues.retain(|one| one.number != 11);
    refused(&hub, hub.opened(), 3, "issue.unready", &before);
    hub.model.state().issue(12).parent = None;
    hub.opened().exits(0);
    assert_ne!(ledger(&hub), before);
}

#[test]
fn we22_only_the_number_of_an_issue_will_do() {
    let (hub, _) = hub();
    let before = ledger(&hub);
    hub.model.state().issue(NUMBER).body = Some(CRITERIA.to_owned());
    for number in [NUMBER.cast_signed(), 13, 0, -12] {
        let (_, event) = hub.says("bob", &format!("countersign plan mark -i issue={number}"));
        refused(&hub, hub.answers(&event), 3, "issue.missing", &before);
    }
    // Where the forge does not say, nobody guesses.
    hub.model.fault_times("GET", "/issues/12", 0, 9, What::Status(502, "later"));
    refused(&hub, hub.opened(), 9, "forge.unreachable", &before);
}

#[test]
fn we22_a_draft_for_an_issue_that_is_not_ready_is_not_proposed() {
    let (hub, _) = hub();
    let plan = hub.bench.outside("plan.json").display().to_string();
    let number = NUMBER.to_string();
    let asks =
        ["plan", "mark", "--draft", "--change-request", &number, "--out", &plan, "--requested-by", "104:mallory"];
    hub.bench.git(&["fetch", "-q", "origin", "topic"]);
    hub.job(&asks, "", &[]).exits(0);
    let before = ledger(&hub);
    let propose = |more: &[(&str, &str)]| hub.job(&["propose", &plan], "COUNTERSIGN_PLANNER_KEY", more);
    hub.model.state().issue(12).open = false;
    refused(&hub, propose(&[]), 6, "issue.closed", &before);
    hub.model.state().issue(12).open = true;
    propose(&[]).exits(0);
}

#[test]
fn we22_without_a_forge_nothing_is_taken_for_ready() {
    let directive = directive();
    let bench = solo_with(&[FILES[0], ("directives/mark.md", &directive)]);
    let before = super::scene::tip(&bench);
    bench.json(&["plan", "mark"]).refused(5, "issue.unasked");
    assert_eq!(super::scene::tip(&bench), before);
    bench.json(&["plan", "mark", "--no-record"]).exits(0);
}

#[test]
fn we22_an_issue_that_is_closed_or_emptied_after_the_approval_stops_the_run() {
    let (hub, head) = hub();
    let digest = hub.plans();
    let (_, event) = hub.says("bob", &format!("countersign approve {digest}"));
    hub.answers(&event).exits(0);
    hub.checks_out(&head);
    let before = ledger(&hub);
    hub.model.state().issue(12).open = false;
    hub.executes(&digest).refused(6, "issue.closed");
    hub.model.state().issue(12).open = true;
    hub.model.state().issue(12).body = Some("Never mind.".to_owned());
    hub.executes(&digest).refused(3, "issue.unready");
    hub.model.state().issue(12).body = Some(CRITERIA.to_owned());
    hub.model.state().issue(11).open = false;
    hub.executes(&digest).refused(3, "issue.unready");
    let kept = hub.model.state().issues.pop();
    hub.executes(&digest).refused(3, "issue.missing");
    hub.model.state().issues.extend(kept);
    assert_eq!(ledger(&hub), before, "a refusal leaves nothing behind");
    assert!(!hub.bench.path(CANARY).exists());
    hub.model.state().issue(11).open = true;
    let asked = hub.model.requests().len();
    hub.executes(&digest).exits(0);
    let asked = hub.model.requests()[asked..].to_vec();
    let about = |what: &str| asked.iter().filter(|one| one.ends_with(what)).count();
    assert_eq!((about("/issues/12"), about("/issues/12/parent")), (1, 1), "{asked:#?}");
    assert!(asked.len() <= 12 + 2 + 5, "issue, parent, and three for the result: {asked:#?}");
}

#[test]
fn we22_the_result_is_written_to_the_issue_in_place_and_read_back() {
    let (hub, head) = hub();
    let mut texts = Vec::new();
    for round in 0..2 {
        let digest = hub.plans();
        let (_, event) = hub.says("bob", &format!("countersign approve {digest}"));
        hub.answers(&event).exits(0);
        hub.checks_out(&head);
        let ran = hub.executes(&digest).exits(0).json();
        assert_eq!(ran["result"]["note"], json!(null), "{ran}");
        let state = hub.model.state();
        let told: Vec<_> = state.comments.iter().filter(|one| one.number == 12).collect();
        assert_eq!(told.len(), 1, "updated in place");
        assert_eq!(told[0].author, Some(ACTIONS_BOT));
        assert!(told[0].body.starts_with("<!-- countersign:result:mark:v1 -->\n"), "{}", told[0].body);
        assert!(told[0].body.contains(ran["result"]["runId"].as_str().unwrap()), "round {round}: {}", told[0].body);
        texts.push(told[0].body.clone());
        drop(state);
        hub.bench.git(&["checkout", "-q", "--", "."]);
        fs::remove_file(hub.bench.path(CANARY)).unwrap();
    }
    assert_ne!(texts[0], texts[1]);
}

#[test]
fn we6_a_result_that_reads_otherwise_than_it_was_written_is_told_and_changes_nothing_of_the_run() {
    for (fault, code) in [(0, "issue.read_back"), (1, "forge.missing")] {
        let (hub, head) = hub();
        let digest = hub.plans();
        let (_, event) = hub.says("bob", &format!("countersign approve {digest}"));
        hub.answers(&event).exits(0);
        hub.checks_out(&head);
        // Just after it was written, somebody changes it, or it is gone.
        let change = move |state: &mut State| match fault {
            0 => state.comments.iter_mut().filter(|one| one.number == 12).for_each(|one| one.body.push_str("and more")),
            _ => state.comments.retain(|one| one.number != 12),
        };
        hub.model.fault("POST", "/issues/12/comments", What::Then(Box::new(change)));
        let ran = hub.executes(&digest).exits(0).json();
        assert_eq!(ran["result"]["status"], "completed", "{ran}");
        assert!(ran["result"]["note"].as_str().unwrap().contains(code), "{ran}");
        assert_eq!(hub.bench.read(CANARY), "hello\n");
    }
}
