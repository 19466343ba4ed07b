//! What the model's world looks like in GitHub's answers.
//!
//! What has no meaning in the model comes from `tests/data/forge-skeletons.json`, the least that GitHub's
//! description lets stand.

use std::sync::OnceLock;

use countersign::base::digest::Digest;
use serde_json::{Value, json};

use super::{
    git,
    state::{Approval, Artifact, Comment, Environment, Issue, Person, Pull, Review, Reviewer, Run, State, Team},
};

/// A thing of a kind with some fields filled in.
pub fn made(kind: &str, fields: Value) -> Value {
    static SKELETONS: OnceLock<Value> = OnceLock::new();
    let all = SKELETONS.get_or_init(|| serde_json::from_str(include_str!("../../data/forge-skeletons.json")).unwrap());
    let mut made = all[kind].clone();
    assert!(made.is_object(), "{kind}");
    fill(&mut made, fields);
    made
}

pub fn fill(into: &mut Value, fields: Value) {
    match (into, fields) {
        (Value::Object(into), Value::Object(fields)) => {
            for (name, value) in fields {
                fill(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, value) => *into = value,
    }
}

pub fn person(one: &Person) -> Value {
    made(
        "simple-user",
        json!({
            "id": one.id,
            "login": one.login,
            "type": one.kind,
            "node_id": format!("U_{}", one.id),
            "url": format!("https://example.com/users/{}", one.id),
        }),
    )
}

/// A person as they are shown by number.
pub fn account(one: &Person) -> Value {
    made("public-user", person(one))
}

pub fn ruleset(state: &State, id: u64, (name, bypass): &(String, Option<Value>)) -> Value {
    let fields = json!({ "id": id, "name": name, "source": state.full_name(), "enforcement": "active" });
    let mut made = made("repository-ruleset", fields);
    if let Some(bypass) = bypass {
        made["bypass_actors"] = bypass.clone();
    }
    made
}

pub fn somebody(state: &State, id: Option<u64>) -> Value {
    id.and_then(|id| state.person(id)).map_or(Value::Null, person)
}

pub fn repository(state: &State) -> Value {
    made(
        "full-repository",
        json!({
            "id": state.repo_id,
            "name": state.name,
            "full_name": state.full_name(),
            "owner": person(&state.people[0]),
            "default_branch": "main",
            "private": state.private,
        }),
    )
}

fn minimal_repository(state: &State, id: u64) -> Value {
    let owner = person(&state.people[0]);
    made("minimal-repository", json!({ "id": id, "name": state.name, "full_name": state.full_name(), "owner": owner }))
}

/// Commit ids of the base's tip and the head.
pub fn ends(state: &State, pull: &Pull) -> (String, String) {
    (state.git.tip(&pull.base).unwrap(), state.git.tip(&pull.branch).unwrap())
}

pub fn pull(state: &State, one: &Pull) -> Value {
    let (base, head) = ends(state, one);
    let mut made = listed_as("pull-request", state, one);
    fill(
        &mut made,
        json!({
            "commits": state.git.commits(&base, &head).len(),
            "changed_files": state.git.files(&base, &head).len(),
            "comments": state.comments.iter().filter(|comment| comment.number == one.number).count(),
        }),
    );
    made
}

/// A pull request as lists of them have it.
pub fn listed(state: &State, one: &Pull) -> Value {
    listed_as("pull-request-simple", state, one)
}

fn listed_as(kind: &str, state: &State, one: &Pull) -> Value {
    let (base, head) = ends(state, one);
    let end = |name: &str, sha: &str, id: Option<u64>| {
        let mut end = made("pull-request", json!({}))["base"].clone();
        fill(&mut end, json!({ "ref": name, "sha": sha, "label": name, "user": person(&state.people[0]) }));
        match id {
            Some(id) => {
                let owner = person(&state.people[0]);
                let fields = json!({ "id": id, "name": state.name, "full_name": state.full_name(), "owner": owner });
                fill(&mut end["repo"], fields);
            }
            None => end["repo"] = Value::Null,
        }
        end
    };
    let mut made = made(
        kind,
        json!({
            "id": 500_000 + one.number,
            "number": one.number,
            "state": if one.open { "open" } else { "closed" },
            "title": one.title,
            "body": one.body,
            "draft": one.draft,
            "html_url": format!("https://example.com/pull/{}", one.number),
            "head": end(&one.branch, &head, one.head_repo),
            "base": end(&one.base, &base, Some(state.repo_id)),
        }),
    );
    made["user"] = somebody(state, one.author);
    made
}

pub fn commit(state: &State, one: &git::Commit) -> Value {
    let of = |(_, email): &(String, String)| {
        let known = state.people.iter().find(|person| &person.email == email);
        known.map_or(Value::Null, person)
    };
    let signature =
        |(name, email): &(String, String)| json!({ "name": name, "email": email, "date": "2030-01-01T00:00:00Z" });
    let parents: Vec<Value> =
        one.parents.iter().map(|sha| json!({ "sha": sha, "url": "https://example.com" })).collect();
    made(
        "commit",
        json!({
            "sha": one.sha,
            "author": of(&one.author),
            "committer": of(&one.committer),
            "commit": { "message": one.message, "author": signature(&one.author), "committer": signature(&one.committer) },
            "parents": parents,
        }),
    )
}

pub fn file(one: &git::File) -> Value {
    let mut made = made("diff-entry", json!({ "filename": one.path, "status": one.status }));
    if let Some(previous) = &one.previous {
        made["previous_filename"] = json!(previous);
    }
    made
}

pub fn comment(state: &State, one: &Comment) -> Value {
    let app = one.via_app || one.author.and_then(|id| state.person(id)).is_some_and(|author| author.kind == "Bot");
    made(
        "issue-comment",
        json!({
            "id": one.id,
            "node_id": format!("IC_{}", one.id),
            "html_url": format!("https://example.com/{}/issues/{}#issuecomment-{}", state.full_name(), one.number, one.id),
            "issue_url": format!("https://example.com/repos/{}/issues/{}", state.full_name(), one.number),
            "body": one.body,
            "user": somebody(state, one.author),
            "created_at": one.created,
            "updated_at": one.updated,
            "author_association": "MEMBER",
            "performed_via_github_app": if app { integration(15_368) } else { Value::Null },
        }),
    )
}

/// A comment for the test of the contract itself.
pub fn comment_for_contract() -> Value {
    made("issue-comment", json!({ "body": "text" }))
}

pub fn integration(id: u64) -> Value {
    made("integration", json!({ "id": id, "name": "An app", "slug": "an-app" }))
}

pub fn review(state: &State, one: &Review) -> Value {
    let mut made = made(
        "pull-request-review",
        json!({
            "id": one.id,
            "user": somebody(state, one.author),
            "state": one.state,
            "body": one.body,
            "commit_id": one.commit,
        }),
    );
    if let Some(at) = one.at {
        made["submitted_at"] = json!(at);
    }
    made
}

pub fn issue(state: &State, one: &Issue) -> Value {
    let labels: Vec<Value> = one.labels.iter().map(|name| json!({ "name": name })).collect();
    let mut made = made(
        "issue",
        json!({
            "id": 600_000 + one.number,
            "number": one.number,
            "state": if one.open { "open" } else { "closed" },
            "title": one.title,
            "body": one.body,
            "user": somebody(state, one.author),
            "labels": labels,
            "updated_at": state.now,
        }),
    );
    if let Some(parent) = one.parent {
        made["parent_issue_url"] = json!(format!("https://example.com/repos/{}/issues/{parent}", state.full_name()));
    }
    if state.pulls.iter().any(|pull| pull.number == one.number) {
        let url = "https://example.com";
        made["pull_request"] = json!({ "url": url, "html_url": url, "diff_url": url, "patch_url": url });
    }
    made
}

pub fn permission(one: &Person) -> Value {
    let coarse = match one.role.as_str() {
        "triage" => "read",
        "maintain" => "write",
        other => other,
    };
    let mut user = person(one);
    user["role_name"] = json!(one.role);
    json!({ "permission": coarse, "role_name": one.role, "user": user })
}

pub fn team(state: &State, one: &Team) -> Value {
    let owner = &state.people[0];
    made(
        "team-full",
        json!({
            "id": one.id,
            "slug": one.slug,
            "name": one.slug,
            "members_count": one.members.len(),
            "organization": { "id": owner.id, "login": owner.login },
        }),
    )
}

fn reviewer(state: &State, one: &Reviewer) -> Value {
    match one {
        Reviewer::Person(id) => json!({ "type": "User", "reviewer": somebody(state, Some(*id)) }),
        Reviewer::Team(id) => {
            let team = state.teams.iter().find(|team| team.id == *id).unwrap();
            let fields = json!({ "id": team.id, "slug": team.slug, "name": team.slug, "type": "organization" });
            json!({ "type": "Team", "reviewer": made("team", fields) })
        }
    }
}

pub fn environment(state: &State, one: &Environment) -> Value {
    let mut rules = Vec::new();
    if !one.reviewers.is_empty() {
        let reviewers: Vec<Value> = one.reviewers.iter().map(|one| reviewer(state, one)).collect();
        rules.push(json!({
            "id": 1, "node_id": "R", "type": "required_reviewers",
            "prevent_self_review": one.prevent_self_review, "reviewers": reviewers,
        }));
    }
    if one.branches.is_some() {
        rules.push(json!({ "id": 2, "node_id": "B", "type": "branch_policy" }));
    }
    let policy = one.branches.as_ref().map(
        |patterns| json!({ "protected_branches": patterns.is_empty(), "custom_branch_policies": !patterns.is_empty() }),
    );
    made(
        "environment",
        json!({
            "id": one.id,
            "name": one.name,
            "can_admins_bypass": one.admins_bypass,
            "protection_rules": rules,
            "deployment_branch_policy": policy,
        }),
    )
}

pub fn run(state: &State, one: &Run) -> Value {
    let mut made = made(
        "workflow-run",
        json!({
            "id": one.id,
            "run_attempt": one.attempt,
            "event": one.event,
            "created_at": one.created,
            "head_sha": one.head_sha,
            "head_branch": one.head_branch,
            "path": one.workflow,
            "status": if one.waits.is_empty() { "in_progress" } else { "waiting" },
            "actor": somebody(state, Some(one.actor)),
            "triggering_actor": somebody(state, Some(one.triggering_actor)),
            "repository": minimal_repository(state, state.repo_id),
        }),
    );
    made["head_repository"] = one.head_repo.map_or(Value::Null, |id| minimal_repository(state, id));
    made
}

fn named<'a>(state: &'a State, name: &str) -> &'a Environment {
    state.environments.iter().find(|one| one.name == name).unwrap()
}

pub fn approval(state: &State, one: &Approval) -> Value {
    let places: Vec<Value> =
        one.environments.iter().map(|name| json!({ "id": named(state, name).id, "name": name })).collect();
    json!({
        "environments": places,
        "state": one.state,
        "user": somebody(state, Some(one.by)),
        "comment": one.comment,
    })
}

pub fn pending(state: &State, name: &str, asking: u64) -> Value {
    let place = named(state, name);
    let reviewers: Vec<Value> = place.reviewers.iter().map(|one| reviewer(state, one)).collect();
    made(
        "pending-deployment",
        json!({
            "environment": { "id": place.id, "name": name },
            "current_user_can_approve": may_review(state, place, asking),
            "reviewers": reviewers,
        }),
    )
}

pub fn may_review(state: &State, place: &Environment, asking: u64) -> bool {
    place.reviewers.iter().any(|one| match one {
        Reviewer::Person(id) => *id == asking,
        Reviewer::Team(id) => state.teams.iter().any(|team| team.id == *id && team.members.contains(&asking)),
    })
}

pub fn artifact(state: &State, one: &Artifact) -> Value {
    let run = state.runs.iter().find(|run| run.id == one.run).unwrap();
    made(
        "artifact",
        json!({
            "id": one.id,
            "name": one.name,
            "size_in_bytes": one.bytes.len(),
            "expired": one.expired,
            "digest": one.digest,
            "workflow_run": {
                "id": run.id,
                "repository_id": state.repo_id,
                "head_repository_id": run.head_repo,
                "head_branch": run.head_branch,
                "head_sha": run.head_sha,
            },
        }),
    )
}

/// What is asked for, as far as the answer has it too.
pub fn check(asked: &Value) -> Value {
    let mut made = made(
        "check-run",
        json!({
            "id": asked["id"],
            "name": asked["name"],
            "head_sha": asked["head_sha"],
            "external_id": asked["external_id"],
            "details_url": asked["details_url"],
            "status": asked["status"],
            "conclusion": asked["conclusion"],
            "app": integration(15_368),
        }),
    );
    made["output"]["title"] = asked["output"]["title"].clone();
    made["output"]["summary"] = asked["output"]["summary"].clone();
    made["output"]["annotations_count"] = json!(asked["remarks"].as_array().map_or(0, Vec::len));
    made
}

pub fn deployment(state: &State, asked: &Value) -> Value {
    made(
        "deployment",
        json!({
            "id": asked["id"],
            "sha": asked["sha"],
            "ref": asked["ref"],
            "environment": asked["environment"],
            "task": asked["task"],
            "description": asked["description"],
            "payload": asked["payload"],
            "creator": somebody(state, asked["by"].as_u64()),
        }),
    )
}

pub fn status(state: &State, asked: &Value) -> Value {
    let mut made = made(
        "deployment-status",
        json!({
            "id": asked["id"],
            "state": asked["state"],
            "description": asked["description"],
            "creator": somebody(state, asked["by"].as_u64()),
        }),
    );
    for name in ["log_url", "environment_url"] {
        if !asked[name].is_null() {
            made[name] = asked[name].clone();
        }
    }
    made
}

pub fn secret(name: &str) -> Value {
    made("actions-secret", json!({ "name": name }))
}

/// The tag under which a body may be asked for again.
pub fn tag(body: &[u8]) -> String {
    format!("W/\"{}\"", Digest::of(body).hex())
}
