//! Commands in comments that change no approval: what the forge shows of them, and who may give them.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::{
    forge_model::state::ACTIONS_BOT,
    github_loop::{FILES, Hub},
    scene::CANARY,
    support::Ran,
};

/// The directive of the loop with another text.
fn text(text: &str) -> String {
    FILES[1].1.replace("default: hello", &format!("default: {text}"))
}

fn answer(hub: &Hub, who: &str, body: &str) -> Ran {
    let (_, event) = hub.says(who, body);
    hub.answers(&event)
}

/// What the bot said last.
fn told(hub: &Hub) -> String {
    hub.comments_of(ACTIONS_BOT).pop().unwrap()
}

#[test]
fn a_word_that_is_nearly_a_command_is_answered_with_the_command() {
    let hub = Hub::new();
    hub.opens("mallory");
    for (said, meant) in
        [("aprove", "countersign approve"), ("exceute", "countersign execute"), ("stauts", "countersign status")]
    {
        answer(&hub, "bob", &format!("countersign {said}")).refused(2, "comment.verb");
        let reply = told(&hub);
        assert!(reply.contains("did you mean") && reply.contains(meant), "{reply}");
    }
    let before = hub.comments_of(ACTIONS_BOT).len();
    answer(&hub, "bob", "we should countersign aprove this").exits(0);
    assert_eq!(hub.comments_of(ACTIONS_BOT).len(), before, "what is no command is not answered");
}

#[test]
fn diff_tells_what_changed_since_the_plan_that_was_approved() {
    let hub = Hub::new();
    hub.proposes("mallory", &text("first"));
    let first = hub.plans();
    answer(&hub, "bob", "countersign diff").exits(0);
    let nothing = told(&hub);
    assert!(!nothing.contains("second"), "{nothing}");
    answer(&hub, "bob", &format!("countersign approve {first}")).exits(0);
    hub.model.state().git.commit("topic", "directives/mark.md", &text("second"), "mallory");
    let second = hub.plans();
    assert_ne!(first, second);
    answer(&hub, "bob", &format!("countersign diff {second}")).exits(0);
    let reply = told(&hub);
    assert!(reply.contains(&first) && reply.contains("second"), "{reply}");
    assert_ne!(reply, nothing);
    // The approval is of the first, and nothing is carried over.
    hub.checks_out(&hub.model.state().git.tip("topic").unwrap());
    hub.executes(&second).refused(4, "approval.none");
    assert!(!hub.bench.path(CANARY).exists());
}

/// The ledger's remote takes only so many pushes from now on.
fn takes(hub: &Hub, pushes: u32) {
    let hook = hub.bench.outside("infra.git/hooks/pre-receive");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    let script = "#!/bin/sh\nleft=$(cat hooks/left)\n[ \"$left\" -gt 0 ] && echo $((left - 1)) > hooks/left\n";
    fs::write(hook.with_file_name("left"), pushes.to_string()).unwrap();
    fs::write(&hook, script).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn resolve_says_how_a_step_of_unknown_outcome_is_taken_in_the_name_of_who_wrote_it() {
    let hub = Hub::new();
    let head = hub.opens("mallory");
    let digest = hub.plans();
    answer(&hub, "bob", &format!("countersign approve {digest}")).exits(0);
    hub.checks_out(&head);
    // The claim and the start of the step are recorded; what came of it is not.
    takes(&hub, 2);
    assert_ne!(hub.executes(&digest).code, 0);
    takes(&hub, 1_000);
    hub.bench.git(&["checkout", "-q", "--", "."]);
    let ran = answer(&hub, "bob", "countersign retry").exits(0).json();
    let run = ran["result"]["runId"].as_str().unwrap().to_owned();
    let resumes = || hub.job(&["execute", &digest, "--resume", &run], "COUNTERSIGN_EXECUTOR_KEY", &[]);
    resumes().refused(10, "indeterminate");
    let line = format!("countersign resolve {run} mark retry");
    answer(&hub, "bob", &line).refused(2, "comment.reason_missing");
    answer(&hub, "cleo", &format!("{line} I looked")).refused(3, "approver.unauthorised");
    resumes().refused(10, "indeterminate");
    answer(&hub, "bob", &format!("{line} I looked")).exits(0);
    let log = hub.owner(&["ledger", "log"]).exits(0).json()["result"].clone();
    assert!(log.as_array().unwrap().iter().any(|entry| entry["kind"] == "resolution"), "{log}");
    resumes().exits(0);
    assert_eq!(hub.bench.read(CANARY), "proposed\n");
    // Once only.
    answer(&hub, "bob", &format!("{line} I looked")).refused(2, "resolve.nothing");
}
