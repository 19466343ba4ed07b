//! What the model answers, and what it does for it.

use serde_json::{Value, json};

use super::{
    render,
    server::{Delivery, Reply, Request},
    state::{App, Approval, Comment, Environment, Pull, Run, State},
};

/// A request in parts.
pub struct Asked<'a> {
    pub request: &'a Request,
    /// Whom the credentials stand for.
    pub by: u64,
    pub body: Value,
    /// Where the model is, such as `http://127.0.0.1:4000`.
    pub origin: &'a str,
}

impl Asked<'_> {
    fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.request.target.split_once('?')?;
        let pair = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
        Some(decoded(pair))
    }
}

/// A text without its `%XX`.
pub fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(b) = rest.next() {
        if b == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(b);
        }
    }
    String::from_utf8(bytes).unwrap()
}

pub fn reply(status: u16, body: &Value) -> Reply {
    Reply { status, headers: Vec::new(), body: body.to_string().into_bytes(), delivery: Delivery::Whole }
}

pub fn nothing(status: u16) -> Reply {
    Reply { status, headers: Vec::new(), body: Vec::new(), delivery: Delivery::Whole }
}

fn missing() -> Reply {
    refuse(404, "Not Found")
}

pub fn refuse(status: u16, message: &str) -> Reply {
    reply(status, &json!({ "message": message, "documentation_url": "https://docs.github.com" }))
}

/// Answers what is below the prefix of Enterprise hosts; `path` has no query.
pub fn route(state: &mut State, asked: &Asked<'_>, path: &str) -> Reply {
    let parts: Vec<String> = path.trim_start_matches('/').split('/').map(decoded).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let method = asked.request.method.as_str();
    if let ["orgs", owner, "teams", slug, rest @ ..] = parts.as_slice() {
        let known = state.teams.iter().find(|team| team.slug == *slug && *owner == state.people[0].login);
        return match (known, rest) {
            (Some(team), []) => reply(200, &render::team(state, team)),
            (Some(team), ["members"]) => {
                paged(asked, team.members.iter().map(|id| render::somebody(state, Some(*id))).collect(), None)
            }
            _ => missing(),
        };
    }
    if let ["app", "installations", id, "access_tokens"] = parts.as_slice() {
        return issue_token(state, asked, id);
    }
    if let ("GET", ["user", id]) = (method, parts.as_slice()) {
        return state.person(number(id)).map_or_else(missing, |one| reply(200, &render::account(one)));
    }
    let ["repos", owner, name, rest @ ..] = parts.as_slice() else { return missing() };
    if *owner != state.people[0].login || *name != state.name {
        return missing();
    }
    match (method, rest) {
        ("GET", _) => read(state, asked, rest),
        ("POST" | "PATCH", _) => write(state, asked, method, rest),
        _ => missing(),
    }
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_default()
}

fn read(state: &State, asked: &Asked<'_>, rest: &[&str]) -> Reply {
    let found = |value: Option<Value>| value.map_or_else(missing, |value| reply(200, &value));
    let list = |items: Vec<Value>| paged(asked, items, None);
    match rest {
        [] => reply(200, &render::repository(state)),
        ["git", "ref", name] => {
            let full = format!("refs/{name}");
            found(state.git.tip(&full).map(|sha| {
                let object = json!({ "type": "commit", "sha": sha });
                render::made("git-ref", json!({ "ref": full, "object": object }))
            }))
        }
        ["pulls"] => {
            let label = |one: &Pull| format!("{}:{}", state.people[0].login, one.branch);
            let fits = |one: &&Pull| {
                asked.query("state").is_none_or(|wanted| one.open == (wanted == "open"))
                    && asked.query("head").is_none_or(|wanted| label(one) == wanted)
                    && asked.query("base").is_none_or(|wanted| one.base == wanted)
            };
            list(state.pulls.iter().filter(fits).map(|one| render::listed(state, one)).collect())
        }
        ["pulls", id, part @ ..] => {
            let Some(pull) = state.pulls.iter().find(|pull| pull.number == number(id)) else { return missing() };
            match part {
                [] => reply(200, &render::pull(state, pull)),
                ["commits"] => {
                    let (base, head) = render::ends(state, pull);
                    let mut commits = state.git.commits(&base, &head);
                    commits.truncate(250);
                    list(commits.iter().map(|one| render::commit(state, one)).collect())
                }
                ["files"] => {
                    let (base, head) = render::ends(state, pull);
                    list(state.git.files(&base, &head).iter().map(render::file).collect())
                }
                ["reviews"] => {
                    let of = state.reviews.iter().filter(|one| one.number == pull.number);
                    list(of.map(|one| render::review(state, one)).collect())
                }
                _ => missing(),
            }
        }
        ["issues", "comments", id] => {
            let comment = state.comments.iter().find(|one| one.id == number(id));
            found(comment.map(|one| render::comment(state, one)))
        }
        ["issues", id] => {
            found(state.issues.iter().find(|one| one.number == number(id)).map(|one| render::issue(state, one)))
        }
        ["issues", id, "parent"] => {
            let child = state.issues.iter().find(|one| one.number == number(id));
            let parent = child.and_then(|child| state.issues.iter().find(|one| Some(one.number) == child.parent));
            found(parent.map(|one| render::issue(state, one)))
        }
        ["issues", id, "comments"] => {
            let of = state.comments.iter().filter(|one| one.number == number(id));
            list(of.map(|one| render::comment(state, one)).collect())
        }
        ["collaborators", login, "permission"] => found(state.called(login).map(render::permission)),
        ["environments"] => {
            let all = state.environments.iter().map(|one| render::environment(state, one)).collect();
            paged(asked, all, Some("environments"))
        }
        ["environments", name, part @ ..] => {
            let known = state.environments.iter().find(|one| one.name.eq_ignore_ascii_case(name));
            known.map_or_else(missing, |one| environment(state, asked, one, part))
        }
        ["actions", part @ ..] => actions(state, asked, part),
        ["commits", sha, "check-runs"] => {
            let of = state.checks.iter().filter(|one| one["head_sha"] == *sha);
            paged(asked, of.map(render::check).collect(), Some("check_runs"))
        }
        ["deployments"] => {
            let fits = |one: &&Value| {
                ["sha", "environment"].iter().all(|name| asked.query(name).is_none_or(|wanted| one[name] == wanted))
            };
            list(state.deployments.iter().rev().filter(fits).map(|one| render::deployment(state, one)).collect())
        }
        ["deployments", id, "statuses"] => {
            let of = state.statuses.iter().rev().filter(|(of, _)| *of == number(id));
            list(of.map(|(_, one)| render::status(state, one)).collect())
        }
        ["rules", "branches", branch] => list(state.rules.get(*branch).cloned().unwrap_or_default()),
        ["rulesets", id] => found(state.rulesets.get(&number(id)).map(|one| render::ruleset(state, number(id), one))),
        ["branches", branch, "protection"] => match state.protections.get(*branch) {
            Some(one) => reply(200, &render::made("branch-protection", one.clone())),
            None => refuse(404, "Branch not protected"),
        },
        ["installation"] => match &state.app {
            Some(app) => reply(200, &installation(state, app)),
            None => missing(),
        },
        _ => missing(),
    }
}

fn environment(state: &State, asked: &Asked<'_>, one: &Environment, part: &[&str]) -> Reply {
    match part {
        [] => reply(200, &render::environment(state, one)),
        ["deployment-branch-policies"] => {
            let patterns = one.branches.iter().flatten();
            let policies = patterns.map(|name| json!({ "id": 1, "node_id": "P", "name": name, "type": "branch" }));
            paged(asked, policies.collect(), Some("branch_policies"))
        }
        ["secrets"] => paged(asked, one.secrets.iter().map(|name| render::secret(name)).collect(), Some("secrets")),
        _ => missing(),
    }
}

fn actions(state: &State, asked: &Asked<'_>, part: &[&str]) -> Reply {
    let run = |id: &str| state.runs.iter().find(|one| one.id == number(id));
    let secrets =
        |names: &[String]| paged(asked, names.iter().map(|name| render::secret(name)).collect(), Some("secrets"));
    match part {
        ["permissions"] => reply(200, &state.actions),
        ["permissions", "workflow"] => reply(200, &state.workflow_permissions),
        ["secrets"] => secrets(&state.secrets),
        ["organization-secrets"] => secrets(&state.organization_secrets),
        ["runs", id, "attempts", attempt] => {
            let known = state.runs.iter().find(|one| one.id == number(id) && one.attempt.to_string() == *attempt);
            known.map_or_else(missing, |one| reply(200, &render::run(state, one)))
        }
        ["runs", id, "approvals"] if run(id).is_some() => {
            let of = state.approvals.iter().filter(|one| one.run == number(id));
            // Not in pages, whatever is asked for.
            reply(200, &of.map(|one| render::approval(state, one)).collect())
        }
        ["runs", id, "pending_deployments"] => run(id).map_or_else(missing, |one| {
            reply(200, &one.waits.iter().map(|name| render::pending(state, name, asked.by)).collect())
        }),
        ["runs", id, "artifacts"] => {
            let of = state.artifacts.iter().filter(|one| one.run == number(id));
            paged(asked, of.map(|one| render::artifact(state, one)).collect(), Some("artifacts"))
        }
        ["artifacts", id, "zip"] => {
            let known = state.artifacts.iter().find(|one| one.id == number(id));
            known.map_or_else(missing, |one| Reply {
                headers: vec![("location".to_owned(), format!("{}/blobs/{}?sig=once", asked.origin, one.id))],
                ..nothing(302)
            })
        }
        _ => missing(),
    }
}

fn write(state: &mut State, asked: &Asked<'_>, method: &str, rest: &[&str]) -> Reply {
    let body = &asked.body;
    match (method, rest) {
        ("POST", ["issues", on, "comments"]) => {
            let text = body["body"].as_str().unwrap_or_default();
            if text.is_empty() || text.chars().count() > 65_536 {
                return refuse(422, "Validation Failed");
            }
            let login = state.person(asked.by).unwrap().login.clone();
            let id = state.say(number(on), &login, text);
            let made = state.comments.iter().find(|one| one.id == id).unwrap();
            reply(201, &render::comment(state, made))
        }
        ("PATCH", ["issues", "comments", id]) => {
            let by = state.person(asked.by).unwrap().login.clone();
            if !state.comments.iter().any(|one| one.id == number(id)) {
                return missing();
            }
            state.edit(number(id), &by, body["body"].as_str().unwrap());
            let made: &Comment = state.comments.iter().find(|one| one.id == number(id)).unwrap();
            reply(200, &render::comment(state, made))
        }
        ("POST", ["issues", "comments", id, "reactions"]) => {
            if !state.comments.iter().any(|one| one.id == number(id)) {
                return missing();
            }
            let one = (number(id), asked.by, body["content"].as_str().unwrap().to_owned());
            let known = state.reactions.contains(&one);
            let fields = json!({ "id": 1, "content": one.2, "user": render::somebody(state, Some(asked.by)) });
            if !known {
                state.reactions.push(one);
            }
            reply(if known { 200 } else { 201 }, &render::made("reaction", fields))
        }
        ("POST", ["pulls"]) => open(state, asked),
        ("POST", ["actions", "runs", id, "pending_deployments"]) => decide(state, asked, number(id)),
        ("POST", ["actions", "workflows", workflow, "dispatches"]) => dispatch(state, asked, workflow),
        ("POST", ["check-runs"]) => {
            let mut asked_for = body.clone();
            asked_for["id"] = json!(state.next_id());
            asked_for["remarks"] = body["output"]["annotations"].clone();
            state.checks.push(asked_for.clone());
            reply(201, &render::check(&asked_for))
        }
        ("PATCH", ["check-runs", id]) => {
            let Some(known) = state.checks.iter_mut().find(|one| one["id"] == number(id)) else { return missing() };
            for (name, value) in body.as_object().unwrap() {
                known[name] = value.clone();
            }
            let more = body["output"]["annotations"].as_array().cloned().unwrap_or_default();
            known["remarks"].as_array_mut().unwrap().extend(more);
            reply(200, &render::check(known))
        }
        ("POST", ["deployments"]) => {
            let mut one = body.clone();
            one["id"] = json!(state.next_id());
            one["sha"] = body["ref"].clone();
            one["by"] = json!(asked.by);
            state.deployments.push(one.clone());
            reply(201, &render::deployment(state, &one))
        }
        ("POST", ["deployments", id, "statuses"]) => {
            if !state.deployments.iter().any(|one| one["id"] == number(id)) {
                return missing();
            }
            let mut one = body.clone();
            one["id"] = json!(state.next_id());
            one["by"] = json!(asked.by);
            state.statuses.push((number(id), one.clone()));
            reply(201, &render::status(state, &one))
        }
        _ => missing(),
    }
}

fn decide(state: &mut State, asked: &Asked<'_>, run: u64) -> Reply {
    let ids: Vec<u64> = asked.body["environment_ids"].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
    let Some(known): Option<&Run> = state.runs.iter().find(|one| one.id == run) else { return missing() };
    let places: Vec<&Environment> = state.environments.iter().filter(|one| ids.contains(&one.id)).collect();
    let waits = places.len() == ids.len() && places.iter().all(|one| known.waits.contains(&one.name));
    let himself = known.triggering_actor == asked.by;
    let may =
        places.iter().all(|one| render::may_review(state, one, asked.by) && !(himself && one.prevent_self_review));
    if !waits || !may {
        return refuse(422, "You cannot approve or reject this deployment.");
    }
    let environments: Vec<String> = places.iter().map(|one| one.name.clone()).collect();
    state.approvals.push(Approval {
        run,
        environments: environments.clone(),
        state: asked.body["state"].as_str().unwrap().to_owned(),
        by: asked.by,
        comment: asked.body["comment"].as_str().unwrap().to_owned(),
    });
    for one in state.runs.iter_mut().filter(|one| one.id == run) {
        one.waits.retain(|name| !environments.contains(name));
    }
    reply(200, &json!([]))
}

/// Whether somebody may write to the repository; a job's own token may what the model does not ask about.
fn may_write(state: &State, id: u64) -> bool {
    state.person(id).is_some_and(|one| one.kind == "Bot" || matches!(one.role.as_str(), "write" | "maintain" | "admin"))
}

fn open(state: &mut State, asked: &Asked<'_>) -> Reply {
    let text = |name: &str| asked.body[name].as_str().unwrap_or_default().to_owned();
    let (branch, base) = (text("head"), text("base"));
    if !may_write(state, asked.by) {
        return refuse(403, "Resource not accessible by personal access token");
    }
    let known = state.pulls.iter().any(|one| one.open && one.branch == branch && one.base == base);
    let ends = state.git.tip(&branch).is_some() && state.git.tip(&base).is_some();
    if known || !ends || text("title").is_empty() || text("title").chars().count() > 256 {
        return refuse(422, "Validation Failed");
    }
    let number = state.next_id();
    let login = state.person(asked.by).unwrap().login.clone();
    state.open_pull(number, &branch, &login);
    let made = state.pulls.last_mut().unwrap();
    (made.title, made.body) = (text("title"), text("body"));
    (made.base, made.draft) = (base, asked.body["draft"] == true);
    let made = state.pulls.last().unwrap();
    reply(201, &render::pull(state, made))
}

fn dispatch(state: &mut State, asked: &Asked<'_>, workflow: &str) -> Reply {
    if !may_write(state, asked.by) {
        return refuse(403, "Resource not accessible by personal access token");
    }
    let branch = asked.body["ref"].as_str().unwrap().to_owned();
    let Some(head_sha) = state.git.tip(&branch) else { return refuse(422, "No ref found") };
    let mut started = asked.body.clone();
    started["workflow"] = json!(workflow);
    state.dispatches.push(started);
    let (id, created) = (state.next_id(), state.now);
    state.runs.push(Run {
        id,
        created,
        attempt: 1,
        event: "workflow_dispatch".to_owned(),
        head_sha,
        head_branch: Some(branch.trim_start_matches("refs/heads/").to_owned()),
        head_repo: Some(state.repo_id),
        workflow: format!(".github/workflows/{workflow}"),
        actor: asked.by,
        triggering_actor: asked.by,
        waits: Vec::new(),
    });
    if !state.dispatch_tells {
        return nothing(204);
    }
    let url = format!("https://example.com/actions/runs/{id}");
    reply(200, &json!({ "workflow_run_id": id, "run_url": url, "html_url": url }))
}

fn installation(state: &State, app: &App) -> Value {
    let account = render::person(&state.people[0]);
    render::made(
        "installation",
        json!({ "id": app.installation, "app_id": app.id, "app_slug": "an-app", "account": account, "target_type": "Organization" }),
    )
}

fn issue_token(state: &mut State, asked: &Asked<'_>, id: &str) -> Reply {
    let expires = state.now.plus(3600).to_string();
    let Some(app) = &mut state.app else { return missing() };
    if app.installation != number(id) {
        return missing();
    }
    let names = asked.body["repositories"].as_array().cloned().unwrap_or_default();
    app.asked_for = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    app.issued += 1;
    let (token, bot) = (format!("installation-token-{}", app.issued), app.bot);
    state.tokens.insert(token.clone(), bot);
    reply(201, &render::made("installation-token", json!({ "token": token, "expires_at": expires })))
}

/// One page of a list, as an array or in an object that counts, with the links that GitHub gives.
fn paged(asked: &Asked<'_>, items: Vec<Value>, counted: Option<&str>) -> Reply {
    let ask = |name: &str, or: usize| asked.query(name).and_then(|text| text.parse().ok()).unwrap_or(or);
    let (per_page, page) = (ask("per_page", 30).clamp(1, 100), ask("page", 1).max(1));
    let (total, pages) = (items.len(), items.len().div_ceil(per_page).max(1));
    let shown: Vec<Value> = items.into_iter().skip((page - 1) * per_page).take(per_page).collect();
    let mut answer = match counted {
        Some(name) => reply(200, &json!({ "total_count": total, name: shown })),
        None => reply(200, &Value::Array(shown)),
    };
    // By number, as GitHub does, and with every parameter of the question.
    let (path, query) = asked.request.target.split_once('?').unwrap_or((&asked.request.target, ""));
    let inside = path.split("/infra").nth(1).unwrap_or_default();
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("page=")).collect();
    let link = |page: usize, relation: &str| {
        let query = [kept.as_slice(), &[&format!("page={page}")]].concat().join("&");
        format!("<{}/api/v3/repositories/7000{inside}?{query}>; rel=\"{relation}\"", asked.origin)
    };
    let mut links = Vec::new();
    if page > 1 {
        links.extend([link(page - 1, "prev"), link(1, "first")]);
    }
    if page < pages {
        links.extend([link(page + 1, "next"), link(pages, "last")]);
    }
    if !links.is_empty() {
        answer.headers.push(("link".to_owned(), links.join(", ")));
    }
    answer
}

/// Answers GraphQL, as far as we ask it.
pub fn graphql(state: &mut State, asked: &Asked<'_>) -> Reply {
    let query = asked.body["query"].as_str().unwrap_or_default();
    let node = asked.body["variables"]["id"].as_str().unwrap_or_default().to_owned();
    let known = state.comments.iter_mut().find(|one| format!("IC_{}", one.id) == node);
    if query.starts_with("query{viewer{") {
        let one = state.person(asked.by).unwrap();
        return reply(200, &json!({ "data": { "viewer": { "login": one.login, "databaseId": one.id } } }));
    }
    if query.starts_with(
        "query($owner:String!,$name:String!,$number:Int!){repository(owner:$owner,name:$name){issueOrPullRequest(",
    ) {
        return text_history(state, &asked.body["variables"]);
    }
    let Some(comment) = known else {
        let error = json!({ "type": "NOT_FOUND", "path": ["node"], "message": "Could not resolve to a node" });
        return reply(200, &json!({ "data": { "node": null }, "errors": [error] }));
    };
    if query.starts_with("mutation($id:ID!){minimizeComment(") {
        comment.minimised = true;
        let done = json!({ "minimizedComment": { "isMinimized": true } });
        return reply(200, &json!({ "data": { "minimizeComment": done } }));
    }
    assert!(query.starts_with("query($id:ID!){node(id:$id)"), "the model does not know this: {query}");
    let (at, editor) = match &comment.edited {
        Some((at, login)) => (json!(at), json!({ "login": login })),
        None => (Value::Null, Value::Null),
    };
    let node = json!({
        "__typename": "IssueComment",
        "databaseId": comment.id,
        "body": comment.body,
        "lastEditedAt": at,
        "editor": editor,
    });
    reply(200, &json!({ "data": { "node": node } }))
}

/// Answers who edited an issue or pull request when; a title's changes are events of their own.
fn text_history(state: &State, variables: &Value) -> Reply {
    let by = |login: &String| json!({ "login": login });
    let number = variables["number"].as_u64().unwrap();
    let Some(issue) = state.issues.iter().find(|one| one.number == number) else {
        let error = json!({ "type": "NOT_FOUND", "path": ["repository"], "message": "Could not resolve" });
        return reply(200, &json!({ "data": { "repository": { "issueOrPullRequest": null } }, "errors": [error] }));
    };
    let title = state.pulls.iter().find(|one| one.number == number).map_or(&issue.title, |pull| &pull.title);
    let (edited, renamed) = (state.edits.get(&number), state.renames.get(&number));
    let titles: Vec<Value> = renamed.iter().map(|(at, login)| json!({ "createdAt": at, "actor": by(login) })).collect();
    let node = json!({
        "number": number,
        "title": title,
        "body": issue.body.as_deref().unwrap_or_default(),
        "lastEditedAt": edited.map(|(at, _)| at),
        "editor": edited.map(|(_, login)| by(login)),
        "timelineItems": { "nodes": titles },
    });
    reply(200, &json!({ "data": { "repository": { "issueOrPullRequest": node } } }))
}
