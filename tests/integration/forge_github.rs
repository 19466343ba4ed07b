//! The GitHub provider against the model: what it reads is what there is, what it writes is there.

use countersign::{
    base::{digest::Digest, reason::Result, secret::Secret},
    facts::{
        account::{Account, AccountKind, Permission},
        change_request::{Reaction, ReviewState},
        check::{Annotation, AnnotationLevel, CheckDraft, CheckState, Conclusion},
        deployment::{DeploymentDraft, DeploymentState, DeploymentStatusDraft},
        environment::{BranchPolicy, Reviewer, RunApprovalState},
        protection::{AllowedActions, RequiredReviews, RuleKind},
    },
    forge::{
        Forge,
        http::Settings,
        providers::{
            connect,
            github::{Credentials, GitHub},
        },
    },
};
use serde_json::json;

use super::forge_model::{ForgeModel, faults::What, state};

/// Settings under which nothing waits for long.
pub fn settings() -> Settings {
    Settings {
        timeout: std::time::Duration::from_secs(20),
        pause: std::time::Duration::from_millis(1),
        ..Settings::default()
    }
}

/// The provider as somebody sees the model.
pub fn as_of(model: &ForgeModel, login: &str) -> GitHub {
    let token = Credentials::Token(Secret::new(format!("token-of-{login}")));
    GitHub::new(&model.host(), "acme/infra", token, settings()).unwrap()
}

/// A model with pull request 7 by bob: three commits, of which the last renames and removes files.
pub fn with_pull() -> ForgeModel {
    let model = ForgeModel::start();
    let mut state = model.state();
    state.git.commit("main", "old.txt", "kept as it is, line by line\n".repeat(20).as_str(), "ada");
    state.git.commit("main", "gone.txt", "something else\n", "ada");
    state.git.branch("feature", "main");
    state.git.commit("feature", "new.txt", "new\n", "bob");
    state.git.commit_as(
        "feature",
        &[("README.md", Some("# Other\n"))],
        "eve",
        "Change\n\nCo-authored-by: Cleo <cleo@example.com>\n",
    );
    let text = "kept as it is, line by line\n".repeat(20);
    let files = [("old.txt", None), ("moved.txt", Some(text.as_str())), ("gone.txt", None)];
    state.git.commit_as("feature", &files, "bob", "Move");
    state.open_pull(7, "feature", "bob");
    drop(state);
    model
}

fn account(model: &ForgeModel, login: &str) -> Account {
    let state = model.state();
    let one = state.called(login).unwrap();
    let kind = if one.kind == "Bot" { AccountKind::Bot } else { AccountKind::User };
    Account { id: one.id, login: one.login.clone(), kind }
}

#[track_caller]
pub fn refused<T: std::fmt::Debug>(result: Result<T>, code: &str) {
    assert_eq!(result.unwrap_err().code(), code);
}

#[test]
fn nothing_is_opened_before_the_first_question() {
    let model = ForgeModel::start();
    let forge = as_of(&model, "ada");
    assert_eq!((forge.calls(), model.requests().len()), (0, 0));
    forge.repository().unwrap();
    assert_eq!((forge.calls(), model.requests()), (1, vec!["GET /api/v3/repos/acme/infra".to_owned()]));
}

#[test]
fn repository_tip_and_change_request_are_what_git_says() {
    let model = with_pull();
    let forge = as_of(&model, "ada");
    let repository = forge.repository().unwrap();
    assert_eq!((repository.id, repository.owner.id, repository.full_name.as_str()), (7000, 100, "acme/infra"));
    assert_eq!(repository.owner.kind, AccountKind::Organization);
    assert_eq!((repository.default_branch.as_str(), repository.private, repository.fork), ("main", true, false));
    let tip = |name: &str| model.state().git.tip(name).unwrap();
    assert_eq!(forge.tip("refs/heads/main").unwrap(), tip("main"));
    model.state().git.branch("team/deep", "feature");
    assert_eq!(forge.tip("refs/heads/team/deep").unwrap(), tip("feature"));
    refused(forge.tip("refs/heads/none"), "forge.missing");
    refused(forge.tip("main"), "forge.address");
    refused(forge.tip("refs/heads/\n"), "forge.address");
    let change = forge.change_request(7).unwrap();
    assert_eq!((change.number, change.open, change.author.login.as_str()), (7, true, "bob"));
    assert_eq!((change.head_sha.clone(), change.head_repo_id), (tip("feature"), Some(7000)));
    assert_eq!((change.base_ref.as_str(), change.commits, change.changed_files), ("refs/heads/main", 3, 4));
    refused(forge.change_request(8), "forge.missing");
    // From a fork that is gone, and of somebody who is gone: nobody, not somebody.
    model.state().pulls[0].head_repo = None;
    model.state().pulls[0].open = false;
    let change = forge.change_request(7).unwrap();
    assert_eq!((change.head_repo_id, change.open), (None, false));
}

#[test]
fn the_people_of_commits_are_accounts_addresses_and_co_authors() {
    let model = with_pull();
    let forge = as_of(&model, "ada");
    let change = forge.change_request(7).unwrap();
    let people = forge.commit_people(&change).unwrap();
    let shown: Vec<(Vec<&str>, Vec<&str>)> = people
        .iter()
        .map(|one| {
            (one.accounts.iter().map(|a| a.login.as_str()).collect(), one.emails.iter().map(String::as_str).collect())
        })
        .collect();
    assert_eq!(
        shown,
        [
            (vec!["bob"], vec!["bob@example.com"]),
            (vec![], vec!["cleo@example.com", "eve@example.com"]),
            (vec!["bob"], vec!["bob@example.com"]),
        ]
    );
    assert_eq!(people[2].sha, change.head_sha);
    // The commits of a head do not change: asked once.
    let calls = forge.calls();
    assert_eq!(forge.commit_people(&change).unwrap(), people);
    assert_eq!(forge.calls(), calls);
}

#[test]
fn changed_files_say_where_they_were_and_which_are_gone() {
    let model = with_pull();
    let forge = as_of(&model, "ada");
    let mut files = forge.changed_files(&forge.change_request(7).unwrap()).unwrap();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let shown: Vec<_> = files.iter().map(|f| (f.path.as_str(), f.previous.as_deref(), f.removed)).collect();
    let wanted = [
        ("README.md", None, false),
        ("gone.txt", None, true),
        ("moved.txt", Some("old.txt"), false),
        ("new.txt", None, false),
    ];
    assert_eq!(shown, wanted);
}

#[test]
fn comments_are_read_with_author_app_and_edit_history() {
    let model = with_pull();
    let id = model.state().say(7, "ada", "countersign approve");
    let by_bot = model.state().say(7, "github-actions[bot]", "plan");
    let forge = as_of(&model, "bob");
    let comment = forge.comment(id).unwrap();
    assert_eq!((comment.id, comment.number, comment.author.login.as_str()), (id, 7, "ada"));
    assert_eq!((comment.body.as_str(), comment.via_app), ("countersign approve", false));
    assert_eq!(comment.created_at, comment.updated_at);
    assert!(forge.edit_history(&comment).unwrap().is_untouched());
    assert!(forge.comment(by_bot).unwrap().via_app);
    assert_eq!(forge.comments(7).unwrap().iter().map(|one| one.id).collect::<Vec<_>>(), [id, by_bot]);
    // Edited by an administrator: the text that was read is no longer there, then the history says by whom.
    model.state().edit(id, "ada", "countersign reject");
    refused(forge.edit_history(&comment), "forge.changed");
    let history = forge.edit_history(&forge.comment(id).unwrap()).unwrap();
    assert_eq!((history.is_untouched(), history.editor.as_deref()), (false, Some("ada")));
    // Edited and edited back: the text is the same, the history tells.
    model.state().edit(id, "ada", "countersign approve");
    assert!(!forge.edit_history(&comment).unwrap().is_untouched());
    model.state().comments.retain(|one| one.id != id);
    refused(forge.edit_history(&comment), "forge.missing");
    refused(forge.comment(id), "forge.missing");
}

#[test]
fn reviews_are_read_with_the_commit_that_was_looked_at() {
    let model = with_pull();
    let head = model.state().git.tip("feature").unwrap();
    for (author, state) in
        [("ada", "APPROVED"), ("cleo", "CHANGES_REQUESTED"), ("mallory", "COMMENTED"), ("ada", "DISMISSED")]
    {
        model.state().review(7, author, state);
    }
    let mut pending = state::Review {
        id: 1,
        number: 7,
        author: None,
        state: "PENDING".into(),
        commit: None,
        at: None,
        body: String::new(),
    };
    pending.body = "not yet".into();
    model.state().reviews.push(pending);
    let reviews = as_of(&model, "bob").reviews(7).unwrap();
    let states: Vec<ReviewState> = reviews.iter().map(|one| one.state).collect();
    use ReviewState::{Approved, ChangesRequested, Commented, Dismissed, Pending};
    assert_eq!(states, [Approved, ChangesRequested, Commented, Dismissed, Pending]);
    assert_eq!((reviews[0].commit.as_deref(), reviews[0].author.login.as_str()), (Some(head.as_str()), "ada"));
    assert!(reviews[0].submitted_at.is_some() && reviews[4].submitted_at.is_none());
    assert_eq!(reviews[4].author.kind, AccountKind::Placeholder);
}

#[test]
fn an_issue_is_read_as_untrusted_text() {
    let model = with_pull();
    model.state().issues.push(state::Issue {
        number: 12,
        title: "Move the table".into(),
        body: Some("- [ ] rows are counted".into()),
        author: None,
        open: true,
        labels: vec!["ready".into()],
        parent: None,
    });
    let forge = as_of(&model, "bob");
    let issue = forge.issue(12).unwrap();
    assert_eq!((issue.number, issue.open, issue.is_change_request), (12, true, false));
    assert_eq!((issue.title.as_str(), issue.labels), ("Move the table", vec!["ready".to_owned()]));
    assert!(forge.issue(7).unwrap().is_change_request);
    refused(forge.issue(13), "forge.missing");
}

#[test]
fn we22_a_parent_that_is_hidden_is_not_taken_for_none() {
    let model = with_pull();
    model.state().open_issue(11, "");
    model.state().open_issue(12, "");
    let forge = as_of(&model, "bob");
    let alone = forge.issue(12).unwrap();
    assert!(!alone.has_parent && forge.parent_issue(&alone).unwrap().is_none());
    model.state().issue(12).parent = Some(11);
    let part = forge.issue(12).unwrap();
    assert_eq!(forge.parent_issue(&part).unwrap().map(|parent| (parent.number, parent.open)), Some((11, true)));
    model.fault("GET", "/issues/12/parent", What::Status(404, "Not Found"));
    refused(forge.parent_issue(&part), "forge.missing");
}

#[test]
fn a10_permission_is_read_live_by_the_number_of_the_account() {
    let model = with_pull();
    let forge = as_of(&model, "github-actions");
    for (login, wanted) in [
        ("ada", Permission::Admin),
        ("bob", Permission::Write),
        ("cleo", Permission::Read),
        ("mallory", Permission::None),
        ("github-actions[bot]", Permission::None),
    ] {
        assert_eq!(forge.permission(&account(&model, login)).unwrap(), wanted, "{login}");
    }
    // What the forge says of a comment's author in passing is never looked at: `MEMBER` may not even read.
    let id = model.state().say(7, "mallory", "countersign approve");
    assert_eq!(forge.permission(&forge.comment(id).unwrap().author).unwrap(), Permission::None);
    // Live: what was taken away is gone at the next question, though the answers carry tags.
    let bob = account(&model, "bob");
    model.state().people[2].role = "triage".into();
    assert_eq!(forge.permission(&bob).unwrap(), Permission::Triage);
    model.state().people[2].role = "maintain".into();
    assert_eq!(forge.permission(&bob).unwrap(), Permission::Maintain);
    // Nobody of that name, and a role that nobody knows.
    let nobody = Account { id: 1, login: "nobody".into(), kind: AccountKind::User };
    refused(forge.permission(&nobody), "forge.missing");
    model.state().people[2].role = "deployer".into();
    refused(forge.permission(&bob), "forge.unknown_value");
}

#[test]
fn a13_bots_apps_and_accounts_that_are_gone_are_no_persons() {
    let model = with_pull();
    let mut ids = Vec::new();
    for author in ["github-actions[bot]", "ada"] {
        ids.push(model.state().say(7, author, "countersign approve"));
    }
    let gone = model.state().say(7, "bob", "x");
    let through = model.state().say(7, "bob", "x");
    model.state().comments.iter_mut().find(|one| one.id == gone).unwrap().author = None;
    model.state().comments.iter_mut().find(|one| one.id == through).unwrap().via_app = true;
    let forge = as_of(&model, "github-actions");
    let read = |id: u64| forge.comment(id).unwrap();
    assert!(!read(ids[0]).author.is_person() && read(ids[0]).via_app);
    assert!(!read(gone).author.is_person());
    // A person's account, with an app's hand.
    assert!(read(through).author.is_person() && read(through).via_app);
    // The twin.
    assert!(read(ids[1]).author.is_person() && !read(ids[1]).via_app);
    // A user who calls himself as bots do is none either, and neither is who we are in a job.
    model.state().people[1].login = "ada[bot]".into();
    assert!(!read(ids[1]).author.is_person());
    let me = forge.whoami().unwrap();
    assert_eq!((me.id, me.is_person()), (state::ACTIONS_BOT, false));
}

#[test]
fn a14_a_login_that_was_renamed_and_taken_by_another_is_told_by_its_number() {
    let model = with_pull();
    let forge = as_of(&model, "github-actions");
    let before = account(&model, "bob");
    assert_eq!(forge.permission(&before).unwrap(), Permission::Write);
    // Renamed: the comment's author has the same number under another login.
    let id = model.state().say(7, "bob", "countersign approve");
    model.state().people[2].login = "robert".into();
    assert_eq!(forge.comment(id).unwrap().author.id, before.id);
    // Taken by another, who may even administrate.
    let taken =
        state::Person { id: 999, login: "bob".into(), kind: "User", email: "b@evil.org".into(), role: "admin".into() };
    model.state().people.push(taken);
    refused(forge.permission(&before), "forge.account_mismatch");
    assert_eq!(forge.permission(&account(&model, "robert")).unwrap(), Permission::Write);
}

#[test]
fn a_team_is_its_number_and_its_members() {
    let model = ForgeModel::start();
    model.state().teams.push(state::Team { id: 31, slug: "owners".into(), members: vec![101, 102] });
    let forge = as_of(&model, "ada");
    let members = forge.team_members(31, "owners").unwrap();
    assert_eq!(members.iter().map(|one| one.id).collect::<Vec<_>>(), [101, 102]);
    refused(forge.team_members(32, "owners"), "forge.account_mismatch");
    refused(forge.team_members(31, "others"), "forge.missing");
}

#[test]
fn a19_an_environment_is_read_with_everything_that_protects_it_or_does_not() {
    let model = ForgeModel::start();
    let id = model.state().protect("production", "ada");
    let forge = as_of(&model, "github-actions");
    let good = forge.environment("production").unwrap();
    assert_eq!((good.id, good.name.as_str()), (id, "production"));
    assert!(matches!(&good.reviewers[..], [Reviewer::Account(one)] if one.id == 101));
    assert!(good.prevents_self_review && !good.admins_bypass);
    assert_eq!(good.branches, Some(BranchPolicy::Listed));
    assert_eq!(forge.environment_branches("production").unwrap(), ["main"]);
    // Each protection taken away is seen, one by one.
    let change = |what: &dyn Fn(&mut state::Environment)| {
        let mut state = model.state();
        state.environments.clear();
        state.protect("production", "ada");
        what(&mut state.environments[0]);
        drop(state);
        forge.environment("production").unwrap()
    };
    assert!(change(&|one| one.reviewers.clear()).reviewers.is_empty());
    assert!(!change(&|one| one.prevent_self_review = false).prevents_self_review);
    assert!(change(&|one| one.admins_bypass = true).admins_bypass);
    assert_eq!(change(&|one| one.branches = None).branches, None);
    assert_eq!(change(&|one| one.branches = Some(Vec::new())).branches, Some(BranchPolicy::Protected));
    model.state().teams.push(state::Team { id: 31, slug: "owners".into(), members: vec![101] });
    let by_team = change(&|one| one.reviewers = vec![state::Reviewer::Team(31)]);
    assert_eq!(by_team.reviewers, [Reviewer::Team { id: 31, slug: "owners".into() }]);
    // One that is not there is not there: nothing makes it. One in other letters is another.
    refused(forge.environment("staging"), "forge.missing");
    refused(forge.environment("Production"), "context.mismatch");
}

#[test]
fn a20_a_run_that_goes_on_without_an_approval_has_an_empty_record() {
    let model = ForgeModel::start();
    let environment = model.state().protect("production", "ada");
    model.state().start_run(42, "bob", &["production"]);
    let forge = as_of(&model, "github-actions");
    assert_eq!(forge.pending_deployments(42).unwrap()[0].environment_id, environment);
    assert!(forge.run_approvals(42).unwrap().is_empty());
    // An administrator lets it go on by force: it runs, and nobody approved.
    model.state().runs[0].waits.clear();
    assert!(forge.pending_deployments(42).unwrap().is_empty());
    assert!(forge.run_approvals(42).unwrap().is_empty());
    // The twin.
    model.state().runs[0].waits.push("production".into());
    model.state().decide(42, "production", "ada", "approved");
    let approvals = forge.run_approvals(42).unwrap();
    assert_eq!(approvals.len(), 1);
    assert_eq!(approvals[0].environments, [(environment, "production".to_owned())]);
    assert_eq!((approvals[0].state, approvals[0].by.id), (RunApprovalState::Approved, 101));
    refused(forge.run_approvals(43), "forge.missing");
}

#[test]
fn a23_an_attempt_is_asked_for_by_its_number_and_another_is_not_taken_for_it() {
    let model = ForgeModel::start();
    model.state().protect("production", "ada");
    model.state().start_run(42, "bob", &["production"]);
    model.state().decide(42, "production", "ada", "approved");
    let forge = as_of(&model, "github-actions");
    let run = forge.run(42, 1).unwrap();
    assert_eq!((run.id, run.attempt, run.repo_id, run.head_repo_id), (42, 1, 7000, Some(7000)));
    assert_eq!((run.event.as_str(), run.workflow.as_str()), ("workflow_dispatch", ".github/workflows/countersign.yml"));
    assert_eq!((run.actor.id, run.head_branch.as_deref()), (102, Some("main")));
    // Run again by somebody else: the record of the run still shows the approval of before.
    model.state().runs[0].attempt = 2;
    model.state().runs[0].triggering_actor = 104;
    assert_eq!(forge.run_approvals(42).unwrap().len(), 1);
    refused(forge.run(42, 1), "forge.missing");
    assert_eq!(forge.run(42, 2).unwrap().triggering_actor.id, 104);
}

#[test]
fn a_reviewer_lets_a_run_pass_and_others_cannot() {
    let model = ForgeModel::start();
    let environment = model.state().protect("production", "ada");
    model.state().start_run(42, "bob", &["production"]);
    let decide = |login: &str, pass: bool| as_of(&model, login).review_deployments(42, &[environment], pass, "ok");
    refused(decide("cleo", true), "forge.rejected");
    assert!(as_of(&model, "ada").pending_deployments(42).unwrap()[0].may_review);
    assert!(!as_of(&model, "cleo").pending_deployments(42).unwrap()[0].may_review);
    decide("ada", false).unwrap();
    let record = as_of(&model, "cleo").run_approvals(42).unwrap();
    assert_eq!((record[0].state, record[0].comment.as_str()), (RunApprovalState::Rejected, "ok"));
}

#[test]
fn comments_are_written_changed_and_folded_away_and_reactions_put_once() {
    let model = with_pull();
    let forge = as_of(&model, "github-actions");
    let made = forge.create_comment(7, "<!-- marker -->\nThe plan").unwrap();
    assert_eq!((made.number, made.author.id), (7, state::ACTIONS_BOT));
    let changed = forge.update_comment(made.id, "<!-- marker -->\nThe plan, again").unwrap();
    assert_eq!((changed.id, changed.body.as_str()), (made.id, "<!-- marker -->\nThe plan, again"));
    forge.minimise_comment(&changed).unwrap();
    assert!(model.state().comments[0].minimised);
    let all = [Reaction::Eyes, Reaction::Rocket, Reaction::ThumbsUp, Reaction::ThumbsDown, Reaction::Confused];
    for reaction in all.into_iter().chain(all) {
        forge.react(made.id, reaction).unwrap();
    }
    let contents: Vec<String> = model.state().reactions.iter().map(|(_, _, content)| content.clone()).collect();
    assert_eq!(contents, ["eyes", "rocket", "+1", "-1", "confused"]);
    refused(forge.create_comment(7, ""), "forge.rejected");
    refused(forge.create_comment(7, &"x".repeat(65_537)), "forge.rejected");
    refused(forge.react(1, Reaction::Eyes), "forge.missing");
}

#[test]
fn a_check_shows_every_remark_though_a_request_takes_fifty() {
    let model = ForgeModel::start();
    let head = model.state().git.tip("main").unwrap();
    let remark = |line: u32| Annotation {
        path: "a.yml".into(),
        first_line: line,
        last_line: line,
        level: AnnotationLevel::Warning,
        title: "look".into(),
        message: "twice".into(),
    };
    let mut draft = CheckDraft {
        name: "countersign".into(),
        head_sha: head.clone(),
        external_id: "plan-1".into(),
        url: Some("https://example.com/plan".into()),
        state: CheckState::InProgress,
        title: "A plan".into(),
        summary: "waits".into(),
        annotations: (1..=120).map(remark).collect(),
    };
    let forge = as_of(&model, "github-actions");
    let id = forge.create_check(&draft).unwrap();
    assert_eq!(model.state().checks[0]["remarks"].as_array().unwrap().len(), 120);
    assert_eq!(model.count("POST", "/check-runs") + model.count("PATCH", "/check-runs"), 3);
    (draft.state, draft.annotations) = (CheckState::Completed(Conclusion::Success), Vec::new());
    forge.update_check(id, &draft).unwrap();
    let checks = forge.checks(&head).unwrap();
    assert_eq!((checks.len(), checks[0].id, checks[0].external_id.as_str()), (1, id, "plan-1"));
    assert_eq!((checks[0].state, checks[0].app_id), (draft.state, Some(15_368)));
}

#[test]
fn a_deployment_names_a_commit_and_tells_how_it_goes() {
    let model = ForgeModel::start();
    let head = model.state().git.tip("main").unwrap();
    let forge = as_of(&model, "github-actions");
    let id = forge
        .create_deployment(&DeploymentDraft {
            sha: head.clone(),
            environment: "production/eu".into(),
            task: "countersign".into(),
            description: "a plan".into(),
            external_id: "sha256:00".into(),
        })
        .unwrap();
    let asked = model.state().deployments[0].clone();
    assert_eq!((&asked["auto_merge"], &asked["required_contexts"]), (&json!(false), &json!([])));
    let status = |state, description: &str| DeploymentStatusDraft {
        state,
        description: description.into(),
        log_url: Some("https://example.com/log".into()),
        environment_url: None,
    };
    forge.set_deployment_status(id, &status(DeploymentState::InProgress, "runs")).unwrap();
    forge.set_deployment_status(id, &status(DeploymentState::Success, "done")).unwrap();
    let shown: Vec<_> = forge.deployment_statuses(id).unwrap().into_iter().map(|one| one.state).collect();
    assert_eq!(shown, [DeploymentState::Success, DeploymentState::InProgress]);
    let found = forge.deployments(&head, "production/eu").unwrap();
    assert_eq!((found.len(), found[0].external_id.as_deref()), (1, Some("sha256:00")));
    assert!(forge.deployments(&head, "production").unwrap().is_empty());
    let mut bad = status(DeploymentState::Success, "done");
    bad.environment_url = Some("javascript:alert(1)".into());
    refused(forge.set_deployment_status(id, &bad), "forge.rejected");
}

#[test]
fn a36_an_archive_is_found_by_digest_and_its_bytes_are_compared() {
    let model = ForgeModel::start();
    model.state().start_run(42, "bob", &[]);
    model.state().start_run(43, "mallory", &[]);
    let good = b"the archive of the plan".to_vec();
    let digest = Digest::of(&good);
    let put = |id: u64, run: u64, name: &str, bytes: &[u8], digest: Option<String>| {
        let artifact = state::Artifact { id, run, name: name.into(), bytes: bytes.to_vec(), digest, expired: false };
        model.state().artifacts.push(artifact);
    };
    // The name that the plan has, with other bytes, and one that gives no digest.
    put(1, 42, "plan", b"poison", Some(Digest::of(b"poison").to_string()));
    put(2, 42, "plan", b"poison", None);
    put(3, 43, "plan", &good, Some(digest.to_string()));
    let forge = as_of(&model, "github-actions");
    refused(forge.artifact(42, &digest), "forge.missing");
    put(4, 42, "whatever", &good, Some(digest.to_string()));
    let artifact = forge.artifact(42, &digest).unwrap();
    assert_eq!((artifact.id, artifact.run, artifact.repo_id, artifact.head_repo_id), (4, 42, 7000, 7000));
    assert_eq!(forge.download(&artifact, 1000).unwrap(), good);
    // The forge says one thing and gives another.
    model.state().artifacts[3].bytes = b"poison of the same run".to_vec();
    refused(forge.download(&artifact, 1000), "artifact.digest");
    model.state().artifacts[3].bytes = vec![0; 1001];
    refused(forge.download(&artifact, 1000), "forge.too_large");
    model.state().artifacts[3].expired = true;
    refused(forge.artifact(42, &digest), "forge.missing");
}

#[test]
fn a_workflow_is_started_at_a_full_reference() {
    let model = ForgeModel::start();
    let forge = as_of(&model, "ada");
    let run = forge.dispatch("countersign.yml", "refs/heads/main", &[("plan", "sha256:00")]).unwrap();
    let run = run.unwrap();
    assert_eq!(run.url, format!("https://example.com/actions/runs/{}", run.id));
    assert_eq!(forge.run(run.id, 1).unwrap().workflow, ".github/workflows/countersign.yml");
    assert_eq!(model.state().dispatches[0]["inputs"], json!({ "plan": "sha256:00" }));
    model.state().dispatch_tells = false;
    assert_eq!(forge.dispatch("countersign.yml", "refs/heads/main", &[]).unwrap(), None);
    refused(forge.dispatch("countersign.yml", "main", &[]), "forge.address");
    refused(forge.dispatch("../../x", "refs/heads/none", &[]), "forge.rejected");
}

#[test]
fn what_protects_branch_workflow_and_secrets_is_read() {
    let model = ForgeModel::start();
    let forge = as_of(&model, "ada");
    assert!(forge.branch_rules("main").unwrap().is_empty());
    assert_eq!(forge.branch_protection("main").unwrap(), None);
    let rule = |kind: &str, parameters: serde_json::Value| {
        let mut rule = json!({ "type": kind, "ruleset_id": 5, "ruleset_source": "acme/infra", "ruleset_source_type": "Repository" });
        if !parameters.is_null() {
            rule["parameters"] = parameters;
        }
        rule
    };
    let pull_request = json!({
        "dismiss_stale_reviews_on_push": true, "require_code_owner_review": false, "require_last_push_approval": true,
        "required_approving_review_count": 2, "required_review_thread_resolution": false,
    });
    let checks =
        json!({ "required_status_checks": [{ "context": "ci" }], "strict_required_status_checks_policy": true });
    let rules = vec![
        rule("deletion", json!(null)),
        rule("non_fast_forward", json!(null)),
        rule("pull_request", pull_request),
        rule("required_status_checks", checks),
        rule("file_path_restriction", json!({ "restricted_file_paths": [".github/**"] })),
        rule("max_file_size", json!({ "max_file_size": 5 })),
    ];
    model.state().rules.insert("countersign/ledger".into(), rules);
    let kinds: Vec<RuleKind> =
        forge.branch_rules("countersign/ledger").unwrap().into_iter().map(|one| one.kind).collect();
    let wanted = [
        RuleKind::Deletion,
        RuleKind::NonFastForward,
        RuleKind::PullRequest { approvals: 2, dismisses_stale: true, code_owners: false, last_push: true },
        RuleKind::StatusChecks(vec!["ci".into()]),
        RuleKind::FilePaths(vec![".github/**".into()]),
        RuleKind::Other("max_file_size"),
    ];
    assert_eq!(kinds, wanted);
    let url = "https://example.com";
    let reviews = json!({ "dismiss_stale_reviews": true, "require_code_owner_reviews": true, "required_approving_review_count": 1 });
    let protection = json!({
        "enforce_admins": { "url": url, "enabled": true },
        "allow_force_pushes": { "enabled": false },
        "allow_deletions": { "enabled": false },
        "required_pull_request_reviews": reviews,
    });
    model.state().protections.insert("main".into(), protection);
    let found = forge.branch_protection("main").unwrap().unwrap();
    assert!(found.enforced_for_admins && !found.allows_force_pushes && !found.allows_deletions && !found.locked);
    let wanted = RequiredReviews { approvals: 1, dismisses_stale: true, code_owners: true, last_push: false };
    assert_eq!((found.reviews, found.pushers), (Some(wanted), None));
    let found = forge.workflow_permissions().unwrap();
    assert!(found.enabled && !found.token_writes && !found.approves_reviews);
    assert_eq!((found.actions, found.pinned), (AllowedActions::All, Some(false)));
    model.state().protect("production", "ada");
    model.state().environments[0].secrets = vec!["COUNTERSIGN_GATE_KEY".into()];
    model.state().secrets = vec!["A".into()];
    model.state().organization_secrets = vec!["B".into()];
    assert_eq!(forge.environment_secrets("production").unwrap(), ["COUNTERSIGN_GATE_KEY"]);
    assert_eq!(forge.repository_secrets().unwrap(), ["A", "B"]);
}

#[test]
fn a44_a45_a_runner_that_names_another_host_or_repository_gets_no_connection() {
    let model = ForgeModel::start();
    let variables = model.variables();
    let token = || Credentials::Token(Secret::new("token-of-ada".into()));
    let open = |changed: &str, value: &'static str| {
        connect(&model.host(), "acme/infra", token(), settings(), |name| {
            let known = variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
            if name == changed { Some(value) } else { known }
        })
    };
    assert_eq!(open("none", "").unwrap().repository().unwrap().id, 7000);
    let asked = model.requests().len();
    for (name, value) in [
        ("GITHUB_API_URL", "http://127.0.0.1:1/api/v3"),
        ("GITHUB_GRAPHQL_URL", "https://evil.org/graphql"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "mallory/infra"),
    ] {
        let Err(refusal) = open(name, value) else { panic!("{name} was let pass") };
        assert_eq!(refusal.code(), "context.mismatch");
    }
    assert_eq!(model.requests().len(), asked);
    // Without a token there is nobody to be.
    let nobody = GitHub::new(&model.host(), "acme/infra", Credentials::Token(Secret::new(String::new())), settings());
    assert_eq!(nobody.err().unwrap().code(), "forge.token_missing");
    let odd = GitHub::new(&model.host(), "acme/infra", Credentials::Token(Secret::new("a\nb".into())), settings());
    assert_eq!(odd.err().unwrap().code(), "forge.credentials");
    let other = GitHub::new(&model.host(), "acme/infra", Credentials::Token(Secret::new("stolen".into())), settings());
    refused(other.unwrap().repository(), "forge.denied");
}

#[test]
fn what_did_not_change_is_asked_for_under_its_tag_and_never_read_twice() {
    let model = with_pull();
    let forge = as_of(&model, "ada");
    let first = forge.change_request(7).unwrap();
    assert_eq!(forge.change_request(7).unwrap(), first);
    let tagged = |n: usize| model.record()[n].header("if-none-match").is_some();
    assert_eq!((forge.calls(), tagged(0), tagged(1)), (2, false, true));
    // It is still a question: what changed is seen.
    model.state().git.commit("feature", "more.txt", "more\n", "bob");
    assert_ne!(forge.change_request(7).unwrap().head_sha, first.head_sha);
    // What cannot change is not asked for again.
    forge.repository().unwrap();
    forge.whoami().unwrap();
    let calls = forge.calls();
    forge.repository().unwrap();
    forge.whoami().unwrap();
    assert_eq!(forge.calls(), calls);
}
