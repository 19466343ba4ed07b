//! Environments: whether each is there, who must release a job, who may pass by, and where the keys lie.

use std::collections::BTreeSet;

use super::{
    line::{Line, Standing, holds},
    pages::Pages,
    seen::{Seen, SeenEnvironment},
};
use crate::{
    app::signer::{GATE_KEY, RELEASED_KEYS},
    facts::environment::{BranchPolicy, Environment, Reviewer},
    forge::reasons::MISSING,
    sign::schemes::Scheme,
};

/// Judges every environment that the policy lists, and that its keys lie nowhere else.
pub(super) fn judge(seen: &Seen, pages: &Pages) -> Vec<Line> {
    let mut lines = Vec::new();
    if seen.environments.is_empty() {
        let found = "the policy lists none, so the keys of gate and executor can lie in none";
        let fix = "list one under `environments` in the policy, and make it on the forge, with reviewers";
        lines.push(Line::new("environment.exists", "policy", Standing::Missing, found).fix(fix, pages.environments()));
    }
    for one in &seen.environments {
        lines.extend(environment(one, seen, pages));
    }
    match &seen.others {
        Err(refusal) => {
            let line = Line::unread("keyring.secrets", "", refusal);
            lines.push(line.fix("look at the secrets of every environment", pages.environments()));
        }
        Ok(others) => lines.extend(others.iter().flat_map(|one| keyring(one, seen, pages))),
    }
    lines.push(repository_secrets(seen, pages));
    lines
}

fn environment(one: &SeenEnvironment, seen: &Seen, pages: &Pages) -> Vec<Line> {
    let name = one.name.as_str();
    let make = format!("make the environment `{name}`, with reviewers, before any job names it");
    let found = match &one.environment {
        Ok(found) => found,
        Err(refusal) if refusal.is(MISSING) => {
            let what = "the forge has none, and makes it without any protection when a job names it";
            return vec![
                Line::new("environment.exists", name, Standing::Missing, what).fix(make, pages.environments()),
            ];
        }
        Err(refusal) => {
            return vec![Line::unread("environment.exists", name, refusal).fix(make, pages.environments())];
        }
    };
    let page = pages.environment(found.id);
    let line = |id, standing, what: String, fix: &str| Line::new(id, name, standing, what).fix(fix, page.clone());
    let yes = |yes: bool, a: &str, b: &str| if yes { a.to_owned() } else { b.to_owned() };
    vec![
        Line::new("environment.exists", name, Standing::Ok, format!("environment {}", found.id)),
        reviewers(one, found, seen, &page),
        line(
            "environment.self-review",
            holds(found.prevents_self_review, Standing::Weak),
            yes(found.prevents_self_review, "prevented", "whoever starts a run may release it alone"),
            "tick `Prevent self-review`",
        ),
        line(
            "environment.admin-bypass",
            holds(!found.admins_bypass, Standing::Weak),
            yes(!found.admins_bypass, "off", "administrators may pass by, and leave no record of an approval"),
            "untick `Allow administrators to bypass configured protection rules`",
        ),
        branches("environment.branches", one, found, seen)
            .fix(format!("let only `{}` use it", seen.base.name), page.clone()),
        secrets(one, seen).fix("add the secret to this environment, and nowhere else", page.clone()),
    ]
}

/// Judges an environment that no plan names and a key lies in, as that of the job which answers comments: nobody
/// releases it, so only what the base says may use it.
fn keyring(one: &SeenEnvironment, seen: &Seen, pages: &Pages) -> Vec<Line> {
    let Ok(found) = &one.environment else { return Vec::new() };
    let page = pages.environment(found.id);
    match &one.secrets {
        Err(refusal) => {
            vec![Line::unread("keyring.secrets", &one.name, refusal).fix("look at its secrets", page)]
        }
        Ok(names) if RELEASED_KEYS.into_iter().any(|key| has(names, key)) => {
            let fix = format!("let only `{}` use it: a key lies in it", seen.base.name);
            vec![branches("keyring.branches", one, found, seen).fix(fix, page)]
        }
        Ok(_) => Vec::new(),
    }
}

/// Counts who of the trust root may release a job, in teams too: each once, whatever names them.
fn reviewers(one: &SeenEnvironment, found: &Environment, seen: &Seen, page: &str) -> Line {
    let fix = "tick `Required reviewers`, and name people of the trust root, two at least or a team of them";
    let line = |standing, what: String| {
        Line::new("environment.reviewers", found.name.as_str(), standing, what).fix(fix, page.to_owned())
    };
    let (mut names, mut may, mut unread) = (Vec::new(), BTreeSet::new(), None);
    let listed = |id: u64| seen.people.iter().any(|person| person.principal.id == id);
    for reviewer in &found.reviewers {
        match reviewer {
            Reviewer::Account(account) => {
                names.push(account.login.clone());
                may.extend(Some(account.id).filter(|id| listed(*id)));
            }
            Reviewer::Team { id, slug } => match one.teams.get(id) {
                Some(Ok(members)) => {
                    let ours: Vec<u64> = members.iter().map(|member| member.id).filter(|id| listed(*id)).collect();
                    names.push(format!("team {slug} ({} of {} in the trust root)", ours.len(), members.len()));
                    may.extend(ours);
                }
                Some(Err(refusal)) => {
                    names.push(format!("team {slug} (not read)"));
                    unread = Some(refusal);
                }
                None => names.push(format!("team {slug}")),
            },
        }
    }
    let all = names.join(", ");
    let asking = seen.token.as_ref().ok().map(|(account, _)| account);
    match (names.is_empty(), may.len(), unread) {
        (true, ..) => line(Standing::Missing, "nobody has to release a job".to_owned()),
        (_, 0, Some(refusal)) => Line::unread("environment.reviewers", found.name.as_str(), refusal)
            .fix("let the token read the members of the team, or name people", page.to_owned()),
        (_, 0, None) => line(Standing::Weak, format!("{all}: nobody of the trust root")),
        // Who starts a run cannot release it: what this person starts would wait for ever.
        (_, 1, None) if found.prevents_self_review && asking.is_some_and(|asking| may.contains(&asking.id)) => {
            line(Standing::Weak, format!("{all}: only you, and nobody releases what you start"))
        }
        _ => line(Standing::Ok, all),
    }
}

fn branches(id: &'static str, one: &SeenEnvironment, found: &Environment, seen: &Seen) -> Line {
    let line = |standing, what: String| Line::new(id, one.name.as_str(), standing, what);
    match (&found.branches, &one.patterns, &seen.base.protection) {
        (None, _, _) => line(Standing::Missing, "every branch may use it, with a workflow of its own".to_owned()),
        (Some(BranchPolicy::Listed), Err(refusal), _) | (Some(BranchPolicy::Protected), _, Err(refusal)) => {
            Line::unread(id, one.name.as_str(), refusal)
        }
        (Some(BranchPolicy::Listed), Ok(patterns), _) => {
            let only_base = !patterns.is_empty() && patterns.iter().all(|pattern| *pattern == seen.base.name);
            line(holds(only_base, Standing::Weak), format!("only {}", quoted(patterns)))
        }
        // Where no branch has a protection, the forge takes every branch for a protected one.
        (Some(BranchPolicy::Protected), _, Ok(Some(_))) => {
            line(Standing::Ok, "only branches with a branch protection".to_owned())
        }
        (Some(BranchPolicy::Protected), _, Ok(None)) => {
            line(Standing::Weak, "only protected branches, and the base has no branch protection".to_owned())
        }
    }
}

/// The executor's key lies in the environment itself; the gate's does so too, or in that of the job for comments.
fn secrets(one: &SeenEnvironment, seen: &Seen) -> Line {
    let line = |standing, what: String| Line::new("environment.secrets", one.name.as_str(), standing, what);
    let names = match &one.secrets {
        Err(refusal) => return Line::unread("environment.secrets", one.name.as_str(), refusal),
        Ok(names) => names,
    };
    let away: Vec<&str> = RELEASED_KEYS.into_iter().filter(|key| !has(names, key)).collect();
    let mut others = seen.others.iter().flatten();
    let other = others.find(|other| other.secrets.as_ref().is_ok_and(|names| has(names, GATE_KEY)));
    let vouched = seen.keys.iter().any(|key| key.scheme == Scheme::Oidc && !key.is_revoked());
    match (away.as_slice(), other) {
        ([GATE_KEY], _) if vouched => {
            line(Standing::Ok, "the executor's key is here; the gate's jobs need none, their issuer vouches".to_owned())
        }
        ([], _) => line(Standing::Ok, format!("{} are here", RELEASED_KEYS.join(" and "))),
        ([GATE_KEY], Some(other)) => {
            line(Standing::Ok, format!("the executor's key is here, {GATE_KEY} in `{}`", other.name))
        }
        (away, _) => line(Standing::Missing, format!("not here: {}", away.join(", "))),
    }
}

fn repository_secrets(seen: &Seen, pages: &Pages) -> Line {
    let line = match &seen.repository_secrets {
        Err(refusal) => Line::unread("secrets.repository", "", refusal),
        Ok(names) => {
            let open: Vec<&str> = RELEASED_KEYS.into_iter().filter(|key| has(names, key)).collect();
            let (standing, what) = if open.is_empty() {
                (Standing::Ok, "no key of gate or executor".to_owned())
            } else {
                (Standing::Weak, format!("every job of every branch may read {}", open.join(" and ")))
            };
            Line::new("secrets.repository", "", standing, what)
        }
    };
    line.fix("delete it there, make a new key, and put that into the environment alone", pages.secrets())
}

/// The forge tells names of secrets in capitals, and compares without regard to case.
fn has(names: &[String], wanted: &str) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(wanted))
}

fn quoted(patterns: &[String]) -> String {
    let all: Vec<String> = patterns.iter().map(|pattern| format!("`{pattern}`")).collect();
    if all.is_empty() { "branches of an empty list".to_owned() } else { all.join(", ") }
}
