//! The whole loop on GitHub, as the jobs of its workflows run it: propose, comment, review, release, execute.

use std::fs;

use countersign::base::time::{Clock, Timestamp};
use serde_json::{Value, json};

use super::{
    forge_github_app,
    forge_model::{
        ForgeModel, events,
        faults::What,
        state::{ACTIONS_BOT, State},
    },
    scene::CANARY,
    support::{Bench, NOW, Ran},
};

pub(crate) const FILES: &[(&str, &str)] = &[
    (
        "pipelines/mark.yml",
        "description: Leave a mark.
effect: write
idempotent: true
inputs: {text: {type: string, default: hello}}
outputs: {sum: {type: digest, from: {fileDigest: mark.txt}}}
evidence: [sum]
actions:
  - write: {path: mark.txt, content: \"{{ inputs.text }}\\n\", replace: true}
  - run: {program: sha256sum, argv: [mark.txt], reads: [mark.txt]}
verify:
  - run: {program: sha256sum, argv: [mark.txt], reads: [mark.txt]}
",
    ),
    (
        "directives/mark.md",
        "---
title: Leave a mark
pipelines: [mark]
inputs:
  text: {type: string, default: hello, pattern: '[a-z ]+'}
ceiling: {effect: write, risk: low}
environment: production
steps:
  - {id: mark, pipeline: mark, with: {text: '{{ inputs.text }}'}}
---
Leaves a mark.
",
    ),
];

/// A repository on the model, set up by `ada`; `bob` may approve, and has no key.
pub(crate) struct Hub {
    pub(crate) bench: Bench,
    pub(crate) model: ForgeModel,
    keys: Value,
}

/// A change request by `mallory`, whose branch holds a directive of its own.
pub(crate) const NUMBER: u64 = 7;

impl Hub {
    pub(crate) fn new() -> Self {
        Self::at(NOW.parse().unwrap())
    }

    fn at(now: Timestamp) -> Self {
        let bench = Bench::new(FILES);
        bench.now.set(now);
        let bare = bench.outside("infra.git");
        bench.git(&["init", "-q", "--bare", "-b", "main", bare.to_str().unwrap()]);
        bench.git(&["-C", bare.to_str().unwrap(), "config", "uploadpack.allowAnySHA1InWant", "true"]);
        bench.git(&["remote", "add", "origin", bare.to_str().unwrap()]);
        bench.git(&["push", "-q", "origin", "main"]);
        let model = ForgeModel::over(&bare);
        let host = model.host();
        let mut hub = Self { bench, model, keys: Value::Null };
        let init = ["init", "--forge", "github", "--host", &host, "--repository", "acme/infra"];
        hub.keys = hub.owner(&init).exits(0).json()["result"].clone();
        let enrol = ["keys", "enrol", "--login", "bob", "--id", "102", "--email", "bob@example.com"];
        hub.owner(&enrol).exits(0);
        hub.bench.commit("Set up countersign");
        hub.bench.git(&["push", "-q", "origin", "main", "countersign/ledger"]);
        hub.model.state().now = now;
        hub
    }

    pub(crate) fn owner(&self, line: &[&str]) -> Ran {
        self.bench.run_with(&[line, &["--json"]].concat(), &[("GITHUB_TOKEN", "token-of-ada")], "", false)
    }

    /// What a job of the workflow runs: the bot's token, the ledger of `origin`, one key.
    pub(crate) fn job(&self, line: &[&str], key: &str, more: &[(&str, &str)]) -> Ran {
        let pem = self.keys["jobKeys"][key].as_str().map(|path| fs::read_to_string(path).unwrap()).unwrap_or_default();
        let said: Vec<(&str, String)> = self.model.variables();
        let mut variables: Vec<(&str, &str)> = said.iter().map(|(name, value)| (*name, value.as_str())).collect();
        variables.extend([
            ("GITHUB_TOKEN", "token-of-github-actions"),
            ("GITHUB_REPOSITORY_ID", "7000"),
            ("COUNTERSIGN_LEDGER_REMOTE", "origin"),
        ]);
        if !pem.is_empty() {
            variables.push((key, &pem));
        }
        variables.extend(more);
        self.bench.run_with(&[line, &["--json"]].concat(), &variables, "", false)
    }

    /// Somebody opens a change request that proposes another text.
    pub(crate) fn opens(&self, author: &str) -> String {
        self.proposes(author, &FILES[1].1.replace("default: hello", "default: proposed"))
    }

    /// Somebody opens a change request that proposes a directive.
    pub(crate) fn proposes(&self, author: &str, directive: &str) -> String {
        let mut state = self.model.state();
        state.git.branch("topic", "main");
        let head = state.git.commit("topic", "directives/mark.md", directive, author);
        state.open_pull(NUMBER, "topic", author);
        head
    }

    /// Somebody writes a comment, and the job that it starts answers.
    pub(crate) fn answer(&self, author: &str, body: &str) -> Ran {
        let (_, event) = self.says(author, body);
        self.answers(&event)
    }

    /// The event of a comment that somebody wrote, as the runner would hand it over.
    pub(crate) fn says(&self, author: &str, body: &str) -> (u64, String) {
        let id = self.model.state().say(NUMBER, author, body);
        (id, self.event(id, body))
    }

    fn event(&self, id: u64, body: &str) -> String {
        let event = events::commented(&self.model.state(), id, body);
        let path = self.bench.outside(&format!("event-{id}.json"));
        fs::write(&path, event.to_string()).unwrap();
        path.display().to_string()
    }

    /// The job that answers a comment has the planner's key and the gate's.
    pub(crate) fn answers(&self, event: &str) -> Ran {
        let planner = fs::read_to_string(self.keys["jobKeys"]["COUNTERSIGN_PLANNER_KEY"].as_str().unwrap()).unwrap();
        self.job(&["comment", "--event", event], "COUNTERSIGN_GATE_KEY", &[("COUNTERSIGN_PLANNER_KEY", &planner)])
    }

    pub(crate) fn opened(&self) -> Ran {
        let path = self.bench.outside("opened.json");
        fs::write(&path, events::proposed(&self.model.state(), NUMBER, "opened").to_string()).unwrap();
        self.answers(path.to_str().unwrap())
    }

    pub(crate) fn plans(&self) -> String {
        self.opened().exits(0).json()["result"]["planDigest"].as_str().unwrap().to_owned()
    }

    /// Checks the plan's commit out, as the job that executes does.
    pub(crate) fn checks_out(&self, head: &str) {
        self.bench.git(&["fetch", "-q", "origin", head]);
        self.bench.git(&["checkout", "-q", "--detach", head]);
    }

    /// A plan for a change request, which bob approved by comment, its commit checked out.
    fn approved(&self) -> String {
        let head = self.opens("mallory");
        let digest = self.plans();
        let (_, event) = self.says("bob", &format!("countersign approve {digest}"));
        self.answers(&event).exits(0);
        self.checks_out(&head);
        digest
    }

    pub(crate) fn executes(&self, digest: &str) -> Ran {
        self.job(&["execute", digest], "COUNTERSIGN_EXECUTOR_KEY", &[])
    }

    pub(crate) fn comments_of(&self, who: u64) -> Vec<String> {
        let state = self.model.state();
        state.comments.iter().filter(|one| one.author == Some(who)).map(|one| one.body.clone()).collect()
    }

    fn reactions(&self, comment: u64) -> Vec<String> {
        let state = self.model.state();
        state.reactions.iter().filter(|one| one.0 == comment).map(|one| one.2.clone()).collect()
    }
}

#[test]
fn a_proposed_directive_is_planned_shown_approved_by_comment_and_runs_exactly_so() {
    let hub = Hub::new();
    let head = hub.opens("mallory");
    let digest = hub.plans();
    let shown = hub.comments_of(ACTIONS_BOT);
    assert_eq!(shown.len(), 1);
    assert!(shown[0].contains(&format!("countersign approve {digest}")), "{}", shown[0]);
    assert!(shown[0].contains("proposed"), "the view is in it: {}", shown[0]);
    let (comment, event) = hub.says("bob", &format!("countersign approve {digest}"));
    let approved = hub.answers(&event).exits(0).json();
    assert_eq!(approved["decision"], "ready", "{approved}");
    assert_eq!(hub.reactions(comment), ["+1"]);
    hub.checks_out(&head);
    assert!(!hub.bench.path(CANARY).exists());
    let ran = hub.executes(&digest).exits(0).json();
    assert_eq!((&ran["result"]["status"], &ran["result"]["note"]), (&json!("completed"), &Value::Null), "{ran}");
    assert_eq!(hub.bench.read(CANARY), "proposed\n");
    // People see it where they agreed, and beside the commit.
    let told = hub.comments_of(ACTIONS_BOT);
    assert_eq!(told.len(), 2, "the plan, and its result");
    assert!(told[1].contains(ran["result"]["runId"].as_str().unwrap()), "{}", told[1]);
    let checks: Vec<Value> = hub.model.state().checks.to_vec();
    assert_eq!(checks.len(), 1, "{checks:?}");
    assert_eq!((&checks[0]["head_sha"], &checks[0]["conclusion"]), (&json!(head), &json!("success")), "{checks:?}");
    // It is used up.
    hub.bench.git(&["checkout", "-q", "--", "."]);
    fs::remove_file(hub.bench.path(CANARY)).unwrap();
    hub.executes(&digest).refused(6, "replay.consumed");
    assert!(!hub.bench.path(CANARY).exists());
}

/// What the issue allows: few requests a command, and none twice within one.
#[test]
fn commands_stay_within_their_requests_to_the_forge() {
    let hub = Hub::new();
    let head = hub.opens("mallory");
    let asked = |before: usize| {
        let all = hub.model.requests()[before..].to_vec();
        let mut once = all.clone();
        once.sort();
        once.dedup();
        (all.len(), once.len(), all)
    };
    let digest = hub.plans();
    let before = hub.model.requests().len();
    let (_, event) = hub.says("bob", &format!("countersign approve {digest}"));
    let ran = hub.answers(&event).exits(0);
    let (sent, distinct, all) = asked(before);
    assert!(sent <= 8 && sent == distinct, "approve by comment: {all:#?}");
    assert!(!ran.stderr.contains("requests"), "nobody asked for them");
    hub.checks_out(&head);
    let before = hub.model.requests().len();
    let ran = hub.job(&["execute", &digest, "--stats"], "COUNTERSIGN_EXECUTOR_KEY", &[]).exits(0);
    let (sent, _, all) = asked(before);
    assert!(sent <= 12 + 2, "execute one step: {all:#?}");
    assert!(ran.stderr.contains(&format!("forge: {sent} requests")), "{}", ran.stderr);
}

#[test]
fn what_is_no_command_is_never_answered_and_costs_no_call() {
    let hub = Hub::new();
    hub.opens("mallory");
    let before = hub.model.requests().len();
    let (id, event) = hub.says("bob", "looks good, `countersign approve` when you like");
    assert_eq!(hub.answers(&event).exits(0).json()["decision"], "ignored");
    assert_eq!(hub.model.requests().len(), before);
    assert_eq!((hub.reactions(id), hub.comments_of(ACTIONS_BOT)), (vec![], vec![]));
}

#[test]
fn a_refused_command_gets_a_reaction_and_one_reply_with_the_reason() {
    let hub = Hub::new();
    hub.opens("mallory");
    let digest = hub.plans();
    for (who, code) in [("cleo", "approver.unauthorised"), ("mallory", "approver.unauthorised")] {
        let before = hub.comments_of(ACTIONS_BOT).len();
        let (id, event) = hub.says(who, &format!("countersign approve {digest}"));
        hub.answers(&event).refused(3, code);
        assert_eq!(hub.reactions(id), ["-1"], "{who}");
        let said = hub.comments_of(ACTIONS_BOT);
        assert_eq!(said.len(), before + 1);
        assert!(said[before].contains(code), "{}", said[before]);
    }
    let (id, event) = hub.says("bob", "countersign aprove");
    hub.answers(&event).refused(2, "comment.verb");
    assert_eq!(hub.reactions(id), ["confused"]);
}

#[test]
fn a01_a06_a09_a10_an_approval_by_comment_is_of_this_plan_here_untouched_by_who_may() {
    let hub = Hub::new();
    let head = hub.opens("mallory");
    let digest = hub.plans();
    // Edited after it was written: the event still holds what stood there first.
    let line = format!("countersign approve {digest}");
    let (id, event) = hub.says("bob", &line);
    hub.model.state().edit(id, "ada", &line);
    hub.answers(&event).refused(6, "approval.evidence_gone");
    // Through an app, by a program, with too few rights.
    let (id, event) = hub.says("bob", &line);
    hub.model.state().comments.iter_mut().find(|one| one.id == id).unwrap().via_app = true;
    hub.answers(&event).refused(6, "approval.evidence_gone");
    let (_, event) = hub.says("bob", &line);
    hub.model.state().people.iter_mut().find(|one| one.login == "bob").unwrap().role = "read".into();
    hub.answers(&event).refused(3, "approver.permission");
    hub.model.state().people.iter_mut().find(|one| one.login == "bob").unwrap().role = "write".into();
    // The head moved on before the comment was answered.
    let (_, event) = hub.says("bob", &line);
    let later = hub.model.state().git.commit("topic", "other.txt", "later\n", "mallory");
    hub.answers(&event).refused(6, "subject.head_moved");
    assert_ne!(head, later);
    hub.checks_out(&head);
    hub.executes(&digest).refused(6, "subject.head_moved");
    assert!(!hub.bench.path(CANARY).exists());
}

#[test]
fn a06_an_approval_whose_comment_is_edited_or_gone_runs_nothing() {
    for edited in [true, false] {
        let hub = Hub::new();
        let head = hub.opens("mallory");
        let digest = hub.plans();
        let (id, event) = hub.says("bob", &format!("countersign approve {digest}"));
        hub.answers(&event).exits(0);
        match edited {
            true => hub.model.state().edit(id, "bob", "never mind"),
            false => hub.model.state().comments.retain(|one| one.id != id),
        }
        hub.checks_out(&head);
        hub.executes(&digest).refused(6, "approval.evidence_gone");
        assert!(!hub.bench.path(CANARY).exists());
    }
}

#[test]
fn a05_an_objection_in_a_review_stops_what_a_comment_approved() {
    let hub = Hub::new();
    let head = hub.opens("mallory");
    let digest = hub.plans();
    let (_, event) = hub.says("bob", &format!("countersign approve {digest}"));
    hub.answers(&event).exits(0);
    hub.model.state().review(NUMBER, "ada", "CHANGES_REQUESTED");
    hub.checks_out(&head);
    hub.executes(&digest).refused(3, "approval.objection");
    assert!(!hub.bench.path(CANARY).exists());
    hub.model.state().review(NUMBER, "ada", "APPROVED");
    hub.executes(&digest).exits(0);
}

#[test]
fn b37_a_machine_whose_clock_is_not_the_forges_runs_nothing() {
    let hub = Hub::new();
    let digest = hub.approved();
    hub.model.state().date = Some("Tue, 01 Jan 2030 12:05:01 GMT");
    hub.executes(&digest).refused(6, "clock.skew");
    assert!(!hub.bench.path(CANARY).exists());
    hub.model.state().date = Some("Tue, 01 Jan 2030 12:05:00 GMT");
    hub.executes(&digest).exits(0);
}

#[test]
fn a11_who_wrote_the_change_cannot_approve_its_plan() {
    let hub = Hub::new();
    let head = hub.opens("bob");
    let digest = hub.plans();
    let (_, event) = hub.says("bob", &format!("countersign approve {digest}"));
    let answered = hub.answers(&event).exits(0).json();
    assert!(answered["result"]["note"].as_str().unwrap().contains("approver.self"), "{answered}");
    hub.checks_out(&head);
    hub.executes(&digest).refused(3, "approver.self");
    assert!(!hub.bench.path(CANARY).exists());
}

#[test]
fn a04_a_review_at_exactly_the_head_approves_and_an_older_one_does_not() {
    let hub = Hub::new();
    let head = hub.opens("mallory");
    hub.model.state().review(NUMBER, "bob", "APPROVED");
    let digest = hub.plans();
    let gate = |hub: &Hub| hub.job(&["approve", &digest, "--gate", "review"], "COUNTERSIGN_GATE_KEY", &[]);
    hub.model.state().reviews[0].commit = Some("c".repeat(40));
    gate(&hub).refused(4, "approval.none");
    hub.model.state().reviews[0].commit = Some(head.clone());
    gate(&hub).exits(0);
    hub.checks_out(&head);
    hub.executes(&digest).exits(0);
    assert_eq!(hub.bench.read(CANARY), "proposed\n");
}

#[test]
fn everybody_who_approved_in_a_review_is_told_of_and_no_file_takes_two_approvals() {
    let hub = Hub::new();
    let head = hub.opens("mallory");
    let digest = hub.plans();
    for reviewer in ["ada", "bob"] {
        hub.model.state().review(NUMBER, reviewer, "APPROVED");
    }
    hub.model.state().reviews.iter_mut().for_each(|review| review.commit = Some(head.clone()));
    let gate = |more: &[&str]| {
        hub.job(&[&["approve", &digest, "--gate", "review"], more].concat(), "COUNTERSIGN_GATE_KEY", &[])
    };
    let file = hub.bench.outside("approval.json");
    gate(&["--out", file.to_str().unwrap()]).refused(2, "usage.invalid");
    assert!(!file.exists());
    let ran = gate(&[]).exits(0);
    for reviewer in ["ada", "bob"] {
        assert_eq!(ran.stderr.matches(&format!("by {reviewer} (review)")).count(), 1, "{}", ran.stderr);
    }
}

#[test]
fn a_directive_says_by_which_of_the_ways_of_the_forge_it_is_approved() {
    let hub = Hub::new();
    let gated = FILES[1].1.replace("environment: production", "environment: production\ngate: [review]");
    let head = hub.proposes("mallory", &gated);
    let digest = hub.plans();
    let shown = hub.comments_of(ACTIONS_BOT);
    assert!(shown[0].contains("Ways to approve"), "{}", shown[0]);
    assert!(!shown[0].contains(&format!("countersign approve {digest}")), "no way that does not count: {}", shown[0]);
    // Bob may approve, but not in this way.
    let (_, event) = hub.says("bob", &format!("countersign approve {digest}"));
    let answered = hub.answers(&event).exits(0).json();
    assert!(answered["result"]["note"].as_str().unwrap().contains("approval.method"), "{answered}");
    hub.checks_out(&head);
    hub.executes(&digest).refused(3, "approval.method");
    assert!(!hub.bench.path(CANARY).exists());
    hub.model.state().review(NUMBER, "bob", "APPROVED");
    hub.job(&["approve", "--gate", "review", &digest], "COUNTERSIGN_GATE_KEY", &[]).exits(0);
    hub.executes(&digest).exits(0);
    assert_eq!(hub.bench.read(CANARY), "hello\n");
}

#[test]
fn a19_a20_a23_a24_the_release_of_this_very_job_from_a_protected_environment_approves() {
    let hub = Hub::new();
    // Dispatched by ada on the base, where the directive is merged.
    hub.model.state().start_run(42, "ada", &["production"]);
    let run = [("GITHUB_RUN_ID", "42"), ("GITHUB_RUN_ATTEMPT", "1")];
    let plan = hub.bench.outside("plan.json").display().to_string();
    let asks = ["plan", "mark", "--draft", "--out", &plan, "--requested-by", "101:ada"];
    hub.job(&asks, "", &[]).exits(0);
    let proposed = hub.job(&["propose", &plan], "COUNTERSIGN_PLANNER_KEY", &run).exits(0).json();
    assert_eq!(proposed["decision"], "needs-approval");
    let digest = proposed["result"]["planDigest"].as_str().unwrap().to_owned();
    let gate =
        |more: &[(&str, &str)]| hub.job(&["approve", &digest, "--gate", "environment"], "COUNTERSIGN_GATE_KEY", more);
    gate(&run).refused(3, "forge.missing");
    hub.model.state().protect("production", "bob");
    gate(&run).refused(4, "approval.none");
    hub.model.state().decide(42, "production", "bob", "approved");
    gate(&run).refused(2, "approval.unbound");
    hub.model.state().approvals[0].comment = format!("read it: {digest}");
    for spoil in [0, 1, 2, 3] {
        let mut state = hub.model.state();
        let environment = &mut state.environments[0];
        let kept = environment.clone();
        match spoil {
            0 => environment.reviewers.clear(),
            1 => environment.prevent_self_review = false,
            2 => environment.admins_bypass = true,
            _ => environment.branches = None,
        }
        drop(state);
        gate(&run).refused(3, "gate.unprotected");
        hub.model.state().environments[0] = kept;
    }
    gate(&[]).refused(4, "approval.none");
    gate(&run).exits(0);
    let executes = |more: &[(&str, &str)]| hub.job(&["execute", &digest], "COUNTERSIGN_EXECUTOR_KEY", more);
    // Another attempt of the run, and another run, are not what was released.
    hub.model.state().runs[0].attempt = 2;
    executes(&[("GITHUB_RUN_ID", "42"), ("GITHUB_RUN_ATTEMPT", "2")]).refused(6, "replay.run_attempt");
    hub.model.state().runs[0].attempt = 1;
    executes(&[]).refused(6, "replay.run_attempt");
    assert!(!hub.bench.path(CANARY).exists());
    executes(&run).exits(0);
    assert_eq!(hub.bench.read(CANARY), "hello\n");
}

#[test]
fn a_draft_that_says_what_is_not_so_is_not_proposed() {
    let hub = Hub::new();
    hub.model.state().start_run(42, "ada", &[]);
    let run = [("GITHUB_RUN_ID", "42"), ("GITHUB_RUN_ATTEMPT", "1")];
    let plan = hub.bench.outside("plan.json").display().to_string();
    let propose = |more: &[(&str, &str)]| hub.job(&["propose", &plan], "COUNTERSIGN_PLANNER_KEY", more);
    hub.job(&["plan", "mark", "--draft", "--out", &plan, "--requested-by", "102:bob"], "", &[]).exits(0);
    propose(&run).refused(5, "plan.requester_mismatch");
    hub.job(&["plan", "mark", "--draft", "--out", &plan, "--requested-by", "101:ada"], "", &[]).exits(0);
    let good = fs::read_to_string(&plan).unwrap();
    fs::write(&plan, good.replace("hello\\n", "other\\n")).unwrap();
    propose(&run).refused(5, "plan.content_digest");
    fs::write(&plan, &good).unwrap();
    hub.model.state().git.commit("main", "more.txt", "1\n", "ada");
    propose(&run).refused(6, "subject.base_moved");
}

#[test]
fn a01_a_head_that_moves_after_the_door_opened_stops_the_run_before_its_first_step() {
    let hub = Hub::new();
    let digest = hub.approved();
    // What `verify` is told is true; just afterwards somebody pushes.
    hub.model.fault(
        "GET",
        "/pulls/7/reviews",
        What::Then(Box::new(|state| drop(state.git.commit("topic", "other.txt", "later\n", "mallory")))),
    );
    let ran = hub.executes(&digest);
    assert_ne!(ran.code, 0);
    assert!(ran.stdout.contains("subject.head_moved"), "{}", ran.stdout);
    assert!(!hub.bench.path(CANARY).exists());
}

#[test]
fn what_else_changes_after_the_door_opened_stops_the_run_too_and_is_called_what_it_is() {
    type Change = fn(&mut State);
    let cases: [(Change, &str); 2] = [
        (|state| state.pulls[0].open = false, "subject.change_closed"),
        (
            |state| {
                state.git.branch("other", "main");
                state.pulls[0].base = "other".into();
            },
            "subject.base_moved",
        ),
    ];
    for (change, reason) in cases {
        let hub = Hub::new();
        let digest = hub.approved();
        hub.model.fault("GET", "/pulls/7/reviews", What::Then(Box::new(change)));
        let ran = hub.executes(&digest);
        assert_ne!(ran.code, 0);
        assert!(ran.stdout.contains(reason), "{reason}: {}", ran.stdout);
        assert!(!hub.bench.path(CANARY).exists());
    }
}

#[test]
fn a13_a_program_approves_nothing_however_its_comment_looks() {
    let hub = Hub::new();
    hub.opens("mallory");
    let digest = hub.plans();
    let line = format!("countersign approve {digest}");
    let id = hub.model.state().say(NUMBER, "github-actions[bot]", &line);
    let event = hub.event(id, &line);
    // By its own event it is not even listened to.
    assert_eq!(hub.answers(&event).exits(0).json()["decision"], "ignored");
    // Whatever the event says, and whoever the trust root lists: who is a bot on the forge is no person.
    let lie = fs::read_to_string(&event).unwrap().replace("\"Bot\"", "\"User\"");
    let path = hub.bench.outside("bot.json");
    fs::write(&path, lie).unwrap();
    hub.answers(path.to_str().unwrap()).refused(3, "approver.not_a_person");
}

#[test]
fn a14_a_login_that_somebody_else_has_by_now_gives_nobody_its_rights() {
    let hub = Hub::new();
    hub.opens("mallory");
    let digest = hub.plans();
    {
        let mut state = hub.model.state();
        for one in &mut state.people {
            one.login = match one.login.as_str() {
                "bob" => "bob-before".to_owned(),
                "mallory" => "bob".to_owned(),
                other => other.to_owned(),
            };
        }
    }
    let (_, event) = hub.says("bob", &format!("countersign approve {digest}"));
    hub.answers(&event).refused(3, "approver.unauthorised");
}

#[test]
fn a15_an_objection_on_a_page_that_does_not_come_is_no_agreement() {
    let hub = Hub::new();
    let head = hub.opens("mallory");
    let digest = hub.plans();
    let (_, event) = hub.says("bob", &format!("countersign approve {digest}"));
    hub.answers(&event).exits(0);
    for _ in 0..120 {
        hub.model.state().review(NUMBER, "mallory", "COMMENTED");
    }
    hub.model.state().review(NUMBER, "ada", "CHANGES_REQUESTED");
    hub.checks_out(&head);
    hub.executes(&digest).refused(3, "approval.objection");
    hub.model.fault_times("GET", "/reviews", 1, 9, What::Status(502, "later"));
    let ran = hub.executes(&digest);
    assert!(ran.stdout.contains("\"forge."), "{}", ran.stdout);
    assert_ne!(ran.code, 0);
    assert!(!hub.bench.path(CANARY).exists());
}

#[test]
fn a17_a18_labels_statuses_titles_and_other_requests_with_the_same_head_approve_nothing() {
    let hub = Hub::new();
    let head = hub.opens("mallory");
    let digest = hub.plans();
    {
        let mut state = hub.model.state();
        state.open_pull(8, "topic", "mallory");
        for pull in &mut state.pulls {
            pull.title = format!("countersign approve {digest}");
        }
        for issue in &mut state.issues {
            issue.labels = vec!["approved".to_owned(), "countersign".to_owned()];
        }
        // Bob agrees in words, but in the other request.
        state.review(8, "bob", "APPROVED");
    }
    let id = hub.model.state().say(8, "bob", &format!("countersign approve {digest}"));
    let event = events::commented(&hub.model.state(), id, &format!("countersign approve {digest}"));
    let path = hub.bench.outside("other.json");
    fs::write(&path, event.to_string()).unwrap();
    hub.answers(path.to_str().unwrap()).refused(5, "approval.scope_mismatch");
    hub.checks_out(&head);
    hub.executes(&digest).refused(4, "approval.none");
    assert!(!hub.bench.path(CANARY).exists());
}

#[test]
fn a45_what_the_runner_says_of_itself_is_compared_and_never_used() {
    let hub = Hub::new();
    let digest = hub.approved();
    for lie in [
        ("GITHUB_REPOSITORY_ID", "7001"),
        ("GITHUB_REPOSITORY_OWNER_ID", "1"),
        ("GITHUB_API_URL", "http://127.0.0.1:9/api/v3"),
        ("GITHUB_REPOSITORY", "mallory/infra"),
    ] {
        hub.job(&["execute", &digest], "COUNTERSIGN_EXECUTOR_KEY", &[lie]).refused(5, "context.mismatch");
    }
    // Where the forge cannot be asked, nothing runs.
    hub.job(&["execute", &digest], "COUNTERSIGN_EXECUTOR_KEY", &[("GITHUB_TOKEN", "")]).refused(5, "forge.unasked");
    assert!(!hub.bench.path(CANARY).exists());
    hub.executes(&digest).exits(0);
}

#[test]
fn comments_reject_revoke_halt_and_go_on_and_tell_how_things_stand() {
    let hub = Hub::new();
    let head = hub.opens("mallory");
    let digest = hub.plans();
    let answer = |body: &str| hub.answer("bob", body);
    answer(&format!("countersign approve {digest}")).exits(0);
    let told = |word: &str| {
        answer(&format!("countersign {word}")).exits(0);
        hub.comments_of(ACTIONS_BOT).pop().unwrap()
    };
    assert!(told("status").contains("approved"));
    let note = ["note", &digest, "after the release", "--label", "friday", "--json"];
    let owner = [("GITHUB_TOKEN", "token-of-ada"), ("COUNTERSIGN_LEDGER_REMOTE", "origin")];
    hub.bench.run_with(&note, &owner, "", false).exits(0);
    let told_of = told("status");
    assert!(told_of.contains("- Labels, which approve nothing: ` friday `\n"), "{told_of}");
    assert!(told("help").contains("countersign approve"));
    answer("countersign halt because of the incident").exits(0);
    hub.checks_out(&head);
    hub.executes(&digest).refused(3, "halted");
    answer("countersign unlock it is over").exits(0);
    answer(&format!("countersign revoke {digest}")).exits(0);
    hub.executes(&digest).refused(3, "approval.revoked");
    assert!(!hub.bench.path(CANARY).exists());
}

#[test]
fn a_comment_takes_back_what_its_writer_agreed_to_and_leaves_the_plan_to_others() {
    let hub = Hub::new();
    let head = hub.opens("mallory");
    let digest = hub.plans();
    let answer = |body: &str| hub.answer("bob", body);
    for vain in ["countersign revoke".to_owned(), format!("countersign revoke {digest}")] {
        answer(&vain).refused(2, "approval.not_given");
    }
    answer(&format!("countersign approve {digest}")).exits(0);
    let revoked = answer("countersign revoke I read it again").exits(0).json();
    assert_eq!(revoked["result"]["approvals"].as_array().map(Vec::len), Some(1), "{revoked}");
    hub.checks_out(&head);
    hub.executes(&digest).refused(3, "approval.revoked");
    assert!(!hub.bench.path(CANARY).exists());
    // Whoever changes their mind again agrees again: the plan itself was not ended.
    answer(&format!("countersign approve {digest}")).exits(0);
    answer("countersign retry").refused(2, "run.unknown");
    hub.executes(&digest).exits(0);
    answer("countersign retry").refused(2, "run.unknown");
}

#[test]
fn people_without_a_key_are_people_to_the_policy_too() {
    let hub = Hub::new();
    hub.opens("mallory");
    let digest = hub.plans();
    let simulated = hub.owner(&["policy", "simulate", &digest, "--as", "bob"]).exits(0).json();
    assert_eq!(simulated["decision"], "enough", "{simulated}");
}

#[test]
fn a_comment_without_a_digest_means_the_newest_plan_and_never_an_older_one_in_its_place() {
    let hub = Hub::new();
    hub.opens("mallory");
    let answer = |body: &str| hub.answer("bob", body);
    let first = hub.plans();
    let newer = answer("countersign plan mark -i text=newer").exits(0).json();
    let newer = newer["result"]["planDigest"].as_str().unwrap().to_owned();
    assert_ne!(first, newer);
    let status = answer("countersign status").exits(0).json();
    assert_eq!(status["result"]["planDigest"].as_str(), Some(newer.as_str()));
    let (folder, name) = newer.strip_prefix("sha256:").unwrap().split_at(2);
    let path = format!("objects/sha256/{folder}/{name}");
    let id = hub.bench.git(&["rev-parse", &format!("countersign/ledger:{path}")]);
    fs::remove_file(hub.bench.path(&format!(".git/objects/{}/{}", &id[..2], &id[2..]))).unwrap();
    for body in ["countersign status", "countersign diff", "countersign retry", "countersign revoke"] {
        let told = answer(body);
        assert_ne!(told.code, 0, "{body}: {}", told.stdout);
        assert!(!told.stdout.contains(&first), "{body}: {}", told.stdout);
    }
}

#[test]
fn a27_a_rejection_by_comment_is_final() {
    let hub = Hub::new();
    let head = hub.opens("mallory");
    let digest = hub.plans();
    let answer = |body: &str| hub.answer("bob", body);
    answer(&format!("countersign reject {digest}")).refused(2, "comment.reason_missing");
    answer(&format!("countersign reject {digest} not this week")).exits(0);
    answer(&format!("countersign approve {digest}")).refused(3, "plan.rejected");
    hub.checks_out(&head);
    hub.executes(&digest).refused(3, "plan.rejected");
    assert!(!hub.bench.path(CANARY).exists());
}

#[test]
fn an_app_stands_for_the_repository_where_there_is_no_token() {
    let hub = Hub::new();
    let digest = hub.approved();
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = forge_github_app::key(folder.path(), "app");
    forge_github_app::install(&hub.model, public);
    let executes = |more: &[(&str, &str)]| {
        let without_token = [&[("GITHUB_TOKEN", "")], more].concat();
        hub.job(&["execute", &digest], "COUNTERSIGN_EXECUTOR_KEY", &without_token)
    };
    executes(&[("COUNTERSIGN_APP_ID", "77")]).refused(2, "forge.credentials");
    executes(&[("COUNTERSIGN_APP_ID", "x"), ("COUNTERSIGN_APP_KEY", &private)]).refused(2, "forge.credentials");
    let ran = executes(&[("COUNTERSIGN_APP_ID", "77"), ("COUNTERSIGN_APP_KEY", &private)]).exits(0);
    assert!(!ran.stdout.contains("PRIVATE KEY") && !ran.stderr.contains("PRIVATE KEY"));
}

/// What commands cost, with the binary in COUNTERSIGN_MEASURED or the one of these tests; the table of
/// `docs/benchmarks.md`.
#[test]
#[ignore = "measures"]
fn measures_requests_and_times_of_commands() {
    let binary = std::env::var("COUNTERSIGN_MEASURED").unwrap_or_else(|_| env!("CARGO_BIN_EXE_countersign").to_owned());
    let mut rows: Vec<(String, u64, Vec<u128>)> = Vec::new();
    for _ in 0..7 {
        let hub = Hub::at(Clock::System.now());
        let head = hub.opens("mallory");
        let mut measure = |what: &str, line: &[&str], keys: &[&str], more: &[(&str, &str)]| {
            let said = hub.model.variables();
            let mut command = std::process::Command::new(&binary);
            command.current_dir(hub.bench.repo()).env_clear().args(line).args(["--stats", "--json"]);
            command.envs([
                ("PATH", std::env::var("PATH").unwrap()),
                ("HOME", hub.bench.home().display().to_string()),
                ("COUNTERSIGN_HOME", hub.bench.home().join("countersign").display().to_string()),
                ("GITHUB_TOKEN", "token-of-github-actions".to_owned()),
                ("GITHUB_REPOSITORY_ID", "7000".to_owned()),
                ("COUNTERSIGN_LEDGER_REMOTE", "origin".to_owned()),
            ]);
            command.envs(said).envs(more.iter().copied());
            command.envs(
                keys.iter().map(|key| (*key, fs::read_to_string(hub.keys["jobKeys"][*key].as_str().unwrap()).unwrap())),
            );
            let began = std::time::Instant::now();
            let output = command.output().unwrap();
            let took = began.elapsed().as_millis();
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{what}: {told}{}", String::from_utf8_lossy(&output.stdout));
            let calls =
                told.lines().find_map(|line| line.strip_prefix("forge: ")?.strip_suffix(" requests")?.parse().ok());
            match rows.iter_mut().find(|(name, _, _)| name == what) {
                Some((_, _, times)) => times.push(took),
                None => rows.push((what.to_owned(), calls.unwrap(), vec![took])),
            }
            serde_json::from_slice::<Value>(&output.stdout).unwrap()
        };
        let opened = hub.bench.outside("opened.json");
        let event = events::proposed(&hub.model.state(), NUMBER, "opened");
        fs::write(&opened, event.to_string()).unwrap();
        let comment_keys = ["COUNTERSIGN_PLANNER_KEY", "COUNTERSIGN_GATE_KEY"];
        let line = ["comment", "--event", opened.to_str().unwrap()];
        let planned = measure("plan for a pull request, and its comment", &line, &comment_keys, &[]);
        let digest = planned["result"]["planDigest"].as_str().unwrap().to_owned();
        // The model's clock runs apart from the machine's; what was written is of now.
        hub.model.state().now = Clock::System.now();
        let (_, event) = hub.says("bob", &format!("countersign approve {digest}"));
        measure("approve by comment", &["comment", "--event", &event], &comment_keys, &[]);
        hub.checks_out(&head);
        measure("execute one step", &["execute", &digest], &["COUNTERSIGN_EXECUTOR_KEY"], &[]);
        hub.bench.git(&["checkout", "-q", "main"]);
        let plan = hub.bench.outside("plan.json").display().to_string();
        hub.model.state().start_run(42, "ada", &["production"]);
        hub.model.state().protect("production", "bob");
        let run = [("GITHUB_RUN_ID", "42"), ("GITHUB_RUN_ATTEMPT", "1")];
        let draft = ["plan", "mark", "--draft", "--out", &plan, "--requested-by", "101:ada"];
        let mut command = std::process::Command::new(&binary);
        command.current_dir(hub.bench.repo()).env_clear().args(draft);
        command.env("HOME", hub.bench.home()).env("COUNTERSIGN_HOME", hub.bench.home().join("countersign"));
        assert!(command.output().unwrap().status.success());
        let proposed = measure("propose", &["propose", &plan], &["COUNTERSIGN_PLANNER_KEY"], &run);
        let digest = proposed["result"]["planDigest"].as_str().unwrap().to_owned();
        hub.model.state().decide(42, "production", "bob", "approved");
        hub.model.state().approvals[0].comment = digest.clone();
        let approve = ["approve", &digest, "--gate", "environment"];
        measure("approve through an environment", &approve, &["COUNTERSIGN_GATE_KEY"], &run);
        measure(
            "execute one step that an environment released",
            &["execute", &digest],
            &["COUNTERSIGN_EXECUTOR_KEY"],
            &run,
        );
    }
    eprintln!("| command | requests | median, ms | quickest, ms |\n|---|---|---|---|");
    for (what, calls, mut times) in rows {
        times.sort_unstable();
        eprintln!("| {what} | {calls} | {} | {} |", times[times.len() / 2], times[0]);
    }
}
