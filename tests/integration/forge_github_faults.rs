//! What goes wrong with GitHub: less is refused, what cannot be read is refused, and no write happens twice.

use std::time::Duration;

use countersign::{
    base::secret::Secret,
    facts::{
        change_request::Reaction,
        check::{CheckDraft, CheckState},
        deployment::{DeploymentDraft, DeploymentState, DeploymentStatusDraft},
    },
    forge::{
        Forge,
        http::Settings,
        providers::github::{Credentials, GitHub},
    },
};
use serde_json::json;

use super::{
    forge_github::{as_of, refused, settings, with_pull},
    forge_model::{ForgeModel, faults::What, state},
};

const COMMENTS: &str = "/issues/7/comments";

/// A model with 250 comments in the conversation of pull request 7: three pages.
fn three_pages() -> ForgeModel {
    let model = with_pull();
    for n in 0..250 {
        model.state().say(7, "cleo", &format!("comment {n}"));
    }
    model
}

#[test]
fn a15_a_list_is_read_to_its_last_page() {
    let model = three_pages();
    let forge = as_of(&model, "ada");
    let bodies: Vec<String> = forge.comments(7).unwrap().into_iter().map(|one| one.body).collect();
    assert_eq!(bodies, (0..250).map(|n| format!("comment {n}")).collect::<Vec<_>>());
    assert_eq!(forge.calls(), 3);
    // The links lead to another path of another name; only their query is followed.
    assert!(model.requests().iter().all(|one| one.starts_with("GET /api/v3/repos/acme/infra/issues/7/comments?")));
    model.state().comments.clear();
    assert!(forge.comments(7).unwrap().is_empty());
}

#[test]
fn a15_a_first_page_that_is_as_before_hides_no_page_behind_it() {
    let model = three_pages();
    let later: Vec<state::Comment> = model.state().comments.drain(100..).collect();
    let forge = as_of(&model, "ada");
    assert_eq!(forge.comments(7).unwrap().len(), 100);
    model.state().comments.extend(later);
    assert_eq!(forge.comments(7).unwrap().len(), 250);
}

#[test]
fn a15_half_a_list_is_no_list() {
    let model = three_pages();
    let check = |what: What, page: &str, code: &str| {
        model.repair();
        model.fault_times("GET", &format!("{COMMENTS}?per_page=100{page}"), 0, 9, what);
        refused(as_of(&model, "ada").comments(7).map(|all| all.len()), code);
    };
    check(What::Status(502, "Server Error"), "&page=2", "forge.unreachable");
    check(What::Status(403, "Resource not accessible"), "&page=2", "forge.denied");
    check(What::Limit(429, vec![("retry-after", "3600".into())]), "&page=3", "forge.rate_limited");
    check(What::Loop, "&page=2", "forge.incomplete");
    check(What::NoNext, "&page=2", "forge.incomplete");
    check(What::NoNext, "", "forge.incomplete");
    check(What::LastPage(9), "&page=3", "forge.incomplete");
    check(What::Set("", json!({ "message": "no list" })), "&page=3", "forge.malformed");
    check(What::Cut, "&page=3", "forge.unreachable");
    // The twin: one failure in passing is asked again, and the list is whole.
    model.repair();
    model.fault("GET", "page=2", What::Status(502, "Server Error"));
    assert_eq!(as_of(&model, "ada").comments(7).unwrap().len(), 250);
}

#[test]
fn a15_totals_that_something_else_tells_must_be_met() {
    let model = with_pull();
    for n in 0..210 {
        model.state().git.commit("feature", &format!("n/{n}"), "x", "bob");
    }
    let forge = as_of(&model, "ada");
    let change = forge.change_request(7).unwrap();
    assert_eq!((change.commits, change.changed_files), (213, 214));
    assert_eq!(forge.commit_people(&change).unwrap().len(), 213);
    assert_eq!(forge.changed_files(&change).unwrap().len(), 214);
    let fresh = as_of(&model, "ada");
    let mut more = change.clone();
    (more.commits, more.changed_files) = (214, 215);
    refused(fresh.commit_people(&more), "forge.incomplete");
    refused(fresh.changed_files(&more), "forge.incomplete");
    // More than GitHub hands out is not asked for.
    (more.commits, more.changed_files) = (251, 3001);
    let calls = fresh.calls();
    refused(fresh.commit_people(&more), "forge.incomplete");
    refused(fresh.changed_files(&more), "forge.incomplete");
    assert_eq!(fresh.calls(), calls);
    // A count in the list itself.
    model.state().secrets = (0..150).map(|n| format!("S{n}")).collect();
    assert_eq!(fresh.repository_secrets().unwrap().len(), 150);
    model.fault("GET", "/actions/secrets?per_page=100&page=2", What::Set("/total_count", json!(151)));
    refused(as_of(&model, "ada").repository_secrets(), "forge.incomplete");
    model.fault("GET", "/actions/secrets?per_page=100&page=2", What::Set("/secrets", json!([])));
    refused(as_of(&model, "ada").repository_secrets(), "forge.incomplete");
}

#[test]
fn a15_a_head_that_moves_between_two_reads_is_told() {
    let model = with_pull();
    let forge = as_of(&model, "ada");
    let moved = |state: &mut state::State| {
        // As many commits as before, of another branch.
        state.git.branch("feature", "main");
        for n in 0..3 {
            state.git.commit("feature", &format!("evil{n}"), "x", "mallory");
        }
    };
    model.fault("GET", "/pulls/7", What::Then(Box::new(moved)));
    let change = forge.change_request(7).unwrap();
    refused(forge.commit_people(&change), "forge.changed");
    let now = forge.change_request(7).unwrap();
    assert_ne!(now.head_sha, change.head_sha);
    assert_eq!(forge.commit_people(&now).unwrap().len(), 3);
}

#[test]
fn a16_a_word_that_is_not_known_is_refused_wherever_it_stands() {
    let model = with_pull();
    let id = model.state().say(7, "ada", "countersign approve");
    model.state().review(7, "ada", "APPROVED");
    let environment = model.state().protect("production", "ada");
    model.state().start_run(42, "bob", &["production"]);
    model.state().decide(42, "production", "ada", "approved");
    model.state().rules.insert("main".into(), vec![json!({ "type": "deletion" })]);
    let head = model.state().git.tip("main").unwrap();
    let forge = || as_of(&model, "ada");
    let odd = |target: &str, pointer: &'static str| {
        model.repair();
        model.fault("GET", target, What::Set(pointer, json!("surprise")));
    };
    odd("/repos/acme/infra", "/owner/type");
    refused(forge().repository(), "forge.unknown_value");
    odd("/git/ref/", "/object/type");
    refused(forge().tip("refs/heads/main"), "forge.unknown_value");
    odd("/pulls/7", "/state");
    refused(forge().change_request(7), "forge.unknown_value");
    odd("/pulls/7", "/user/type");
    refused(forge().change_request(7), "forge.unknown_value");
    odd("/comments/", "/user/type");
    refused(forge().comment(id), "forge.unknown_value");
    odd("/reviews", "/0/state");
    refused(forge().reviews(7), "forge.unknown_value");
    let change = forge().change_request(7).unwrap();
    odd("/files", "/0/status");
    refused(forge().changed_files(&change), "forge.unknown_value");
    odd("/permission", "/role_name");
    refused(forge().permission(&change.author), "forge.unknown_value");
    odd("/permission", "/permission");
    refused(forge().permission(&change.author), "forge.malformed");
    odd("/environments/", "/protection_rules/0/type");
    refused(forge().environment("production"), "forge.unknown_value");
    odd("/environments/", "/protection_rules/0/reviewers/0/type");
    refused(forge().environment("production"), "forge.unknown_value");
    odd("/approvals", "/0/state");
    refused(forge().run_approvals(42), "forge.unknown_value");
    odd("/rules/", "/0/type");
    refused(forge().branch_rules("main"), "forge.unknown_value");
    odd("/actions/permissions/workflow", "/default_workflow_permissions");
    refused(forge().workflow_permissions(), "forge.unknown_value");
    let draft = CheckDraft {
        name: "c".into(),
        head_sha: head.clone(),
        external_id: "e".into(),
        url: None,
        state: CheckState::Queued,
        title: "t".into(),
        summary: "s".into(),
        annotations: Vec::new(),
    };
    forge().create_check(&draft).unwrap();
    odd("/check-runs", "/check_runs/0/status");
    refused(forge().checks(&head), "forge.unknown_value");
    // The twin.
    model.repair();
    assert_eq!(forge().environment("production").unwrap().id, environment);
    assert_eq!(forge().reviews(7).unwrap().len(), 1);
}

#[test]
fn a16_a_field_that_is_missing_or_null_is_never_taken_for_its_harmless_value() {
    let model = with_pull();
    let id = model.state().say(7, "ada", "countersign approve");
    model.state().review(7, "ada", "APPROVED");
    model.state().protect("production", "ada");
    model.state().start_run(42, "bob", &["production"]);
    model.state().decide(42, "production", "ada", "approved");
    type Read<'a> = &'a dyn Fn(&GitHub) -> Option<&'static str>;
    type Pointers = &'static [&'static str];
    let ask: [(&str, Read<'_>, Pointers, Pointers); 7] = [
        (
            "/comments/",
            &|forge| forge.comment(id).err().map(|e| e.code()),
            &["/performed_via_github_app", "/user", "/body", "/updated_at", "/created_at", "/user/type", "/user/id"],
            &["/body", "/updated_at", "/user/id", "/user/type", "/node_id"],
        ),
        (
            "/pulls/7",
            &|forge| forge.change_request(7).err().map(|e| e.code()),
            &["/head/sha", "/head/repo", "/user", "/commits", "/state", "/base/ref"],
            &["/head/sha", "/commits", "/state", "/changed_files"],
        ),
        (
            "/reviews",
            &|forge| forge.reviews(7).err().map(|e| e.code()),
            &["/0/state", "/0/commit_id", "/0/user", "/0/submitted_at"],
            &["/0/state", "/0/submitted_at"],
        ),
        (
            "/environments/",
            &|forge| forge.environment("production").err().map(|e| e.code()),
            &[
                "/can_admins_bypass",
                "/protection_rules",
                "/deployment_branch_policy",
                "/protection_rules/0/prevent_self_review",
                "/protection_rules/0/reviewers",
            ],
            &[
                "/can_admins_bypass",
                "/protection_rules/0/prevent_self_review",
                "/protection_rules/0/reviewers/0/reviewer",
            ],
        ),
        (
            "/attempts/1",
            &|forge| forge.run(42, 1).err().map(|e| e.code()),
            &["/run_attempt", "/head_sha", "/repository", "/head_repository", "/actor", "/path"],
            &["/run_attempt", "/head_sha", "/repository", "/triggering_actor"],
        ),
        (
            "/approvals",
            &|forge| forge.run_approvals(42).err().map(|e| e.code()),
            &["/0/environments", "/0/environments/0/id", "/0/state", "/0/user"],
            &["/0/environments", "/0/user", "/0/user/id"],
        ),
        (
            "/permission",
            &|forge| {
                let bob = forge.change_request(7).unwrap().author;
                forge.permission(&bob).err().map(|e| e.code())
            },
            &["/permission", "/role_name", "/user"],
            &["/permission", "/role_name", "/user"],
        ),
    ];
    for (target, read, missing, null) in ask {
        assert_eq!(read(&as_of(&model, "ada")), None, "{target}");
        for pointer in missing {
            model.fault("GET", target, What::Without(pointer));
            assert_eq!(read(&as_of(&model, "ada")), Some("forge.malformed"), "{target} without {pointer}");
        }
        for pointer in null {
            model.fault("GET", target, What::Set(pointer, json!(null)));
            assert_eq!(read(&as_of(&model, "ada")), Some("forge.malformed"), "{target} with {pointer} null");
        }
        model.repair();
    }
}

#[test]
fn a16_an_answer_about_something_else_is_refused() {
    let model = with_pull();
    let id = model.state().say(7, "ada", "one");
    model.state().start_run(42, "bob", &[]);
    let forge = as_of(&model, "ada");
    model.fault("GET", "/comments/", What::Set("/id", json!(id + 1)));
    refused(forge.comment(id), "forge.malformed");
    model.fault("GET", "/pulls/7", What::Set("/number", json!(8)));
    refused(forge.change_request(7), "forge.malformed");
    model.fault("GET", "/attempts/1", What::Set("/run_attempt", json!(2)));
    refused(forge.run(42, 1), "forge.malformed");
    model.fault("GET", "/git/ref/", What::Set("/ref", json!("refs/heads/main2")));
    refused(forge.tip("refs/heads/main"), "forge.malformed");
    for bad in ["<html>log in first</html>", "", "null", "{\"id\":1"] {
        model.fault("GET", "/comments/", What::Bytes(bad));
        refused(forge.comment(id), "forge.malformed");
    }
    // A query that fails in part is no answer, though a part of it stands beside the errors.
    let comment = forge.comment(id).unwrap();
    model.fault("POST", "/api/graphql", What::Set("/errors", json!([{ "type": "FORBIDDEN", "message": "no" }])));
    refused(forge.edit_history(&comment), "forge.denied");
    model.fault("POST", "/api/graphql", What::Set("/data/node/databaseId", json!(id + 1)));
    refused(forge.edit_history(&comment), "forge.malformed");
    model.fault("POST", "/api/graphql", What::Without("/data/node/lastEditedAt"));
    refused(forge.edit_history(&comment), "forge.malformed");
    assert!(forge.edit_history(&comment).unwrap().is_untouched());
    let change = forge.change_request(7).unwrap();
    let history = || forge.text_history(7, &change.title, None);
    model.fault("POST", "/api/graphql", What::Set("/data/repository/issueOrPullRequest/number", json!(8)));
    refused(history(), "forge.malformed");
    for field in
        ["/data/repository/issueOrPullRequest/lastEditedAt", "/data/repository/issueOrPullRequest/timelineItems"]
    {
        model.fault("POST", "/api/graphql", What::Without(field));
        refused(history(), "forge.malformed");
    }
    assert!(history().unwrap().is_untouched());
    refused(forge.text_history(7, &change.title, Some("another text")), "forge.changed");
    refused(forge.text_history(99, "", None), "forge.missing");
    model.state().rename(7, "ada", "Another title");
    refused(history(), "forge.changed");
}

#[test]
fn a_read_is_asked_three_times_and_a_refusal_once() {
    let model = ForgeModel::start();
    let forge = as_of(&model, "ada");
    model.fault_times("GET", "/git/ref", 0, 2, What::Status(503, "busy"));
    forge.tip("refs/heads/main").unwrap();
    assert_eq!(forge.calls(), 3);
    model.fault_times("GET", "/git/ref", 0, 9, What::Cut);
    refused(as_of(&model, "ada").tip("refs/heads/main"), "forge.unreachable");
    assert_eq!(model.requests().len(), 6);
    model.repair();
    for (status, code) in
        [(401, "forge.denied"), (403, "forge.denied"), (404, "forge.missing"), (422, "forge.rejected")]
    {
        model.fault("GET", "/git/ref", What::Status(status, "no"));
        let before = model.requests().len();
        refused(as_of(&model, "ada").tip("refs/heads/main"), code);
        assert_eq!(model.requests().len(), before + 1, "{status}");
    }
}

#[test]
fn a_limit_says_when_to_come_back_and_a_short_one_is_waited_for() {
    let model = ForgeModel::start();
    let forge = as_of(&model, "ada");
    let spent = vec![("x-ratelimit-remaining", "0".to_owned()), ("x-ratelimit-reset", "1893499200".to_owned())];
    model.fault("GET", "/git/ref", What::Limit(403, spent));
    let refusal = forge.tip("refs/heads/main").unwrap_err();
    assert_eq!(
        (refusal.code(), refusal.hints().next()),
        ("forge.rate_limited", Some("try again after 2030-01-01T12:00:00Z"))
    );
    model.fault("GET", "/git/ref", What::Limit(403, vec![("retry-after", "3600".into())]));
    let refusal = forge.tip("refs/heads/main").unwrap_err();
    assert_eq!((refusal.code(), refusal.hints().next()), ("forge.rate_limited", Some("try again in 3600 seconds")));
    assert_eq!(forge.calls(), 2);
    // Backed off, and done: a read, and a write too, since the forge did nothing.
    model.fault("GET", "/git/ref", What::Limit(429, vec![("retry-after", "0".into())]));
    forge.tip("refs/heads/main").unwrap();
    model.state().issues.push(state::Issue {
        number: 1,
        title: String::new(),
        body: None,
        author: None,
        open: true,
        labels: Vec::new(),
        parent: None,
    });
    model.fault("POST", "/comments", What::Limit(403, vec![("retry-after", "0".into())]));
    forge.create_comment(1, "once").unwrap();
    assert_eq!(model.state().comments.len(), 1);
    // Not for ever.
    model.fault_times("GET", "/git/ref", 0, 99, What::Limit(429, vec![("retry-after", "0".into())]));
    refused(forge.tip("refs/heads/main"), "forge.rate_limited");
    assert_eq!(forge.calls(), 9);
}

#[test]
fn an_answer_that_stalls_or_floods_is_given_up() {
    let model = ForgeModel::start();
    let short = Settings { timeout: Duration::from_millis(200), max_bytes: 64 * 1024, ..settings() };
    let token = Credentials::Token(Secret::new("token-of-ada".into()));
    let forge = GitHub::new(&model.host(), "acme/infra", token, short).unwrap();
    forge.repository().unwrap();
    model.fault_times("GET", "/git/ref", 0, 3, What::Stall);
    refused(forge.tip("refs/heads/main"), "forge.unreachable");
    model.fault("GET", "/git/ref", What::Larger(64 * 1024));
    refused(forge.tip("refs/heads/main"), "forge.too_large");
    forge.tip("refs/heads/main").unwrap();
}

#[test]
fn a44_no_redirect_leads_to_another_host_and_none_is_followed_by_a_write() {
    let model = ForgeModel::start();
    let other = ForgeModel::start();
    model.state().issues.push(state::Issue {
        number: 1,
        title: String::new(),
        body: None,
        author: None,
        open: true,
        labels: Vec::new(),
        parent: None,
    });
    let forge = as_of(&model, "ada");
    for to in [
        format!("http://{}/api/v3/repos/acme/infra", other.host()),
        "https://evil.org/x".into(),
        "//evil.org".into(),
        String::new(),
    ] {
        for status in [301, 302, 307, 308] {
            model.fault("GET", "/repos/acme/infra", What::Redirect(status, to.clone()));
            refused(forge.repository(), "forge.redirected");
        }
    }
    model.fault("POST", "/comments", What::Redirect(307, "/api/v3/repos/acme/infra/issues/1/comments".into()));
    refused(forge.create_comment(1, "x"), "forge.redirected");
    assert!(model.state().comments.is_empty());
    model.fault_times(
        "GET",
        "/git/ref",
        0,
        99,
        What::Redirect(301, "/api/v3/repos/acme/infra/git/ref/heads/main".into()),
    );
    refused(forge.tip("refs/heads/main"), "forge.redirected");
    assert!(other.requests().is_empty(), "credentials went to another host");
    // The twin: a repository that was renamed is found at the same host.
    model.repair();
    let to = format!("http://{}/api/v3/repos/acme/infra", model.host());
    model.fault("GET", "/repos/acme/infra", What::Redirect(301, to));
    assert_eq!(forge.repository().unwrap().id, 7000);
}

#[test]
fn a_comment_whose_answer_fails_is_there_once() {
    for (fault, there) in
        [(What::After(502), true), (What::Lost, true), (What::Cut, true), (What::Status(502, "no"), false)]
    {
        let model = with_pull();
        let forge = as_of(&model, "github-actions");
        // Somebody else says the same: that is not ours.
        model.state().say(7, "mallory", "<!-- marker 1 -->\nplan");
        model.fault("POST", COMMENTS, fault);
        let made = forge.create_comment(7, "<!-- marker 1 -->\nplan").unwrap();
        assert_eq!(made.author.id, state::ACTIONS_BOT);
        let ours = model.state().comments.iter().filter(|one| one.author == Some(state::ACTIONS_BOT)).count();
        assert_eq!((ours, model.count("POST", COMMENTS)), (1, if there { 1 } else { 2 }));
    }
}

#[test]
fn a_write_of_which_nobody_knows_is_told_and_not_tried_again() {
    let model = with_pull();
    let forge = as_of(&model, "github-actions");
    model.fault("POST", COMMENTS, What::After(502));
    model.fault_times("GET", COMMENTS, 0, 9, What::Status(502, "no"));
    refused(forge.create_comment(7, "plan"), "forge.outcome_unknown");
    assert_eq!((model.count("POST", COMMENTS), model.state().comments.len()), (1, 1));
    // Twice nothing: the forge's own refusal.
    model.repair();
    model.fault_times("POST", COMMENTS, 0, 9, What::Status(502, "no"));
    refused(forge.create_comment(7, "other"), "forge.unreachable");
    assert_eq!(model.count("POST", COMMENTS), 3);
    // A run that was started cannot be told from another.
    model.fault("POST", "/dispatches", What::After(502));
    refused(forge.dispatch("x.yml", "refs/heads/main", &[]), "forge.outcome_unknown");
    assert_eq!(model.state().dispatches.len(), 1);
}

#[test]
fn every_other_write_whose_answer_fails_has_one_effect() {
    let model = with_pull();
    let environment = model.state().protect("production", "ada");
    model.state().start_run(42, "bob", &["production"]);
    let head = model.state().git.tip("feature").unwrap();
    let id = model.state().say(7, "github-actions[bot]", "plan");
    let forge = as_of(&model, "ada");
    let lose = |method, target: &str| {
        model.repair();
        model.fault(method, target, What::After(502));
    };
    lose("PATCH", "/issues/comments");
    assert_eq!(forge.update_comment(id, "new").unwrap().body, "new");
    lose("POST", "/reactions");
    forge.react(id, Reaction::Eyes).unwrap();
    lose("POST", "/api/graphql");
    forge.minimise_comment(&forge.comment(id).unwrap()).unwrap();
    lose("POST", "/pending_deployments");
    forge.review_deployments(42, &[environment], true, "ok").unwrap();
    let draft = CheckDraft {
        name: "c".into(),
        head_sha: head.clone(),
        external_id: "e".into(),
        url: None,
        state: CheckState::Queued,
        title: "t".into(),
        summary: "s".into(),
        annotations: Vec::new(),
    };
    lose("POST", "/check-runs");
    let check = forge.create_check(&draft).unwrap();
    lose("PATCH", "/check-runs");
    forge.update_check(check, &draft).unwrap();
    let deployment = DeploymentDraft {
        sha: head,
        environment: "production".into(),
        task: "countersign".into(),
        description: "d".into(),
        external_id: "e".into(),
    };
    lose("POST", "/deployments");
    let made = forge.create_deployment(&deployment).unwrap();
    lose("POST", "/statuses");
    let status = DeploymentStatusDraft {
        state: DeploymentState::Success,
        description: "done".into(),
        log_url: None,
        environment_url: None,
    };
    forge.set_deployment_status(made, &status).unwrap();
    let state = model.state();
    assert_eq!((state.comments.len(), state.reactions.len(), state.approvals.len()), (1, 1, 1));
    assert_eq!((state.checks.len(), state.deployments.len(), state.statuses.len()), (1, 1, 1));
    assert!(state.comments[0].minimised && state.checks[0]["id"] == check && state.deployments[0]["id"] == made);
}

#[test]
fn a_host_that_is_not_there_is_unreachable_and_nothing_was_sent() {
    let gone = ForgeModel::start();
    let host = gone.host();
    drop(gone);
    let token = || Credentials::Token(Secret::new("token-of-ada".into()));
    let forge = GitHub::new(&host, "acme/infra", token(), settings()).unwrap();
    refused(forge.repository(), "forge.unreachable");
    refused(forge.create_comment(1, "x"), "forge.unreachable");
}

#[test]
fn a_forge_is_not_asked_from_inside_asynchronous_code() {
    let model = ForgeModel::start();
    let forge = as_of(&model, "ada");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    refused(runtime.block_on(async { forge.repository() }), "internal.error");
    forge.repository().unwrap();
}
