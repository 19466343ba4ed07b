//! Environments: whether each is there, who must release a job, who may pass by, and where the keys lie.

use super::{
    line::{Line, Standing, holds},
    pages::Pages,
    seen::{Seen, SeenEnvironment},
};
use crate::{
    app::signer::RELEASED_KEYS,
    facts::environment::{BranchPolicy, Environment, Reviewer},
    forge::reasons::MISSING,
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
    lines.push(repository_secrets(seen, pages));
    lines
}

fn environment(one: &SeenEnvironment, seen: &Seen, pages: &Pages) -> Vec<Line> {
    let name = one.name.as_str();
    let make = format!("make the environment `{name}`, with reviewers, before any job names it");
    let found = match &one.environment {
        Ok(found) => found,
        Err(refusal) if refusal.code() == MISSING.code => {
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
        reviewers(found, seen, &page),
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
        branches(one, found, seen).fix(format!("let only `{}` use it", seen.base.name), page.clone()),
        secrets(one).fix("add the secret to this environment, and nowhere else", page.clone()),
    ]
}

fn reviewers(found: &Environment, seen: &Seen, page: &str) -> Line {
    let names: Vec<String> = found
        .reviewers
        .iter()
        .map(|reviewer| match reviewer {
            Reviewer::Account(account) => account.login.clone(),
            Reviewer::Team { slug, .. } => format!("team {slug}"),
        })
        .collect();
    let counts = found.reviewers.iter().any(|reviewer| match reviewer {
        Reviewer::Account(account) => seen.people.iter().any(|person| person.principal.id == account.id),
        Reviewer::Team { .. } => true,
    });
    let (standing, what) = match (names.is_empty(), counts) {
        (true, _) => (Standing::Missing, "nobody has to release a job".to_owned()),
        (false, true) => (Standing::Ok, names.join(", ")),
        (false, false) => (Standing::Weak, format!("{}: nobody of the trust root", names.join(", "))),
    };
    Line::new("environment.reviewers", found.name.as_str(), standing, what)
        .fix("tick `Required reviewers`, and name people of the trust root", page.to_owned())
}

fn branches(one: &SeenEnvironment, found: &Environment, seen: &Seen) -> Line {
    let line = |standing, what: String| Line::new("environment.branches", one.name.as_str(), standing, what);
    match (&found.branches, &one.patterns, &seen.base.protection) {
        (None, _, _) => line(Standing::Missing, "every branch may use it, with a workflow of its own".to_owned()),
        (Some(BranchPolicy::Listed), Err(refusal), _) => {
            Line::unread("environment.branches", one.name.as_str(), refusal)
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
        (Some(BranchPolicy::Protected), _, Err(refusal)) => {
            Line::unread("environment.branches", one.name.as_str(), refusal)
        }
    }
}

fn secrets(one: &SeenEnvironment) -> Line {
    match &one.secrets {
        Err(refusal) => Line::unread("environment.secrets", one.name.as_str(), refusal),
        Ok(names) => {
            let away: Vec<&str> = RELEASED_KEYS.into_iter().filter(|key| !has(names, key)).collect();
            let (standing, what) = if away.is_empty() {
                (Standing::Ok, format!("{} are here", RELEASED_KEYS.join(" and ")))
            } else {
                (Standing::Missing, format!("not here: {}", away.join(", ")))
            };
            Line::new("environment.secrets", one.name.as_str(), standing, what)
        }
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
