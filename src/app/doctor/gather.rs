//! Reading the settings, through the forge and at the base commit; what cannot be read stops nothing.

use std::collections::BTreeMap;

use super::seen::{Seen, SeenBranch, SeenEnvironment, SeenFile, SeenPerson};
use crate::{
    app::session::Session,
    base::{permission::Permission, reason::Result},
    facts::{
        account::Account,
        environment::{BranchPolicy, Environment, Reviewer},
    },
    forge::Forge,
    policy::Policy,
    sign::trust::{Principal, PrincipalKind},
};

/// Where GitHub looks for owners of code; the first that is there counts.
const OWNERS: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];
/// Where definitions of actions may lie, beside workflows.
const ACTIONS: [&str; 2] = ["action.yml", "action.yaml"];

/// Reads everything.
///
/// # Errors
/// Where the checkout cannot be read, or the forge does not know the repository.
pub(crate) fn gather(forge: &dyn Forge, session: &Session, policy: &Policy) -> Result<Seen> {
    let document = session.root.document();
    let repository = forge.repository()?;
    let people = document.principals.iter().filter(|principal| principal.kind == PrincipalKind::Person);
    Ok(Seen {
        host: document.host.clone(),
        full_name: repository.full_name,
        environments: policy
            .environments()
            .map(|name| environment(forge, name.as_str(), forge.environment(name.as_str())))
            .collect(),
        others: forge.environments().map(|all| {
            let listed = |one: &Environment| policy.environments().any(|name| name.as_str() == one.name);
            let others = all.into_iter().filter(|one| !listed(one));
            others.map(|one| environment(forge, &one.name.clone(), Ok(one))).collect()
        }),
        repository_secrets: forge.repository_secrets(),
        base: branch(forge, &document.base_ref),
        ledger: branch(forge, &document.ledger.branch),
        workflows: forge.workflow_permissions(),
        files: files(session)?,
        owners: owners(session)?,
        people: people.map(|principal| person(forge, principal)).collect(),
        least: policy.gates().permission,
        keys: document.keys.clone(),
        trust_expires: document.expires,
        token: forge.whoami().map(|me| {
            let permission = me.is_person().then(|| forge.permission(&me));
            (me, permission)
        }),
    })
}

fn environment(forge: &dyn Forge, name: &str, environment: Result<Environment>) -> SeenEnvironment {
    let (patterns, secrets) = match &environment {
        Ok(found) => {
            let lists = found.branches == Some(BranchPolicy::Listed);
            let patterns = if lists { forge.environment_branches(name) } else { Ok(Vec::new()) };
            (patterns, forge.environment_secrets(name))
        }
        Err(refusal) => (Err(refusal.clone()), Err(refusal.clone())),
    };
    let mut teams = BTreeMap::new();
    for reviewer in environment.iter().flat_map(|found| &found.reviewers) {
        if let Reviewer::Team { id, slug } = reviewer {
            teams.entry(*id).or_insert_with(|| forge.team_members(*id, slug));
        }
    }
    SeenEnvironment { name: name.to_owned(), environment, patterns, teams, secrets }
}

fn branch(forge: &dyn Forge, reference: &str) -> SeenBranch {
    let name = reference.strip_prefix("refs/heads/").unwrap_or(reference);
    let rules = forge.branch_rules(name);
    let mut rulesets = BTreeMap::new();
    for id in rules.iter().flatten().filter_map(|rule| rule.ruleset) {
        rulesets.entry(id).or_insert_with(|| forge.ruleset(id));
    }
    SeenBranch {
        name: name.to_owned(),
        tip: forge.tip(reference),
        rules,
        rulesets,
        protection: forge.branch_protection(name),
    }
}

fn person(forge: &dyn Forge, principal: &Principal) -> SeenPerson {
    let account: Result<Account> = forge.account(principal.id);
    let permission: Option<Result<Permission>> = account.as_ref().ok().map(|account| forge.permission(account));
    SeenPerson { principal: principal.clone(), account, permission }
}

/// Workflows, and actions of the repository's own, which may use others.
fn files(session: &Session) -> Result<Vec<SeenFile>> {
    let (checkout, base) = (&session.checkout, &session.facts.base_sha);
    let mut paths = checkout.list(base, ".github")?;
    paths.retain(|path| {
        let name = path.rsplit('/').next().unwrap_or_default();
        let workflow = path.strip_prefix(".github/workflows/").is_some_and(|rest| !rest.contains('/'))
            && (name.ends_with(".yml") || name.ends_with(".yaml"));
        workflow || ACTIONS.contains(&name)
    });
    paths.extend(ACTIONS.map(str::to_owned));
    let mut files = Vec::new();
    for path in paths {
        files.extend(checkout.blob(base, &path)?.map(|bytes| SeenFile { path, bytes }));
    }
    Ok(files)
}

fn owners(session: &Session) -> Result<Option<SeenFile>> {
    for path in OWNERS {
        if let Some(bytes) = session.checkout.blob(&session.facts.base_sha, path)? {
            return Ok(Some(SeenFile { path: path.to_owned(), bytes }));
        }
    }
    Ok(None)
}
