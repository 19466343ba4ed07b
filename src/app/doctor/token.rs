//! The token that this was read with: whom it stands for, and what it could not read.

use super::{
    line::{Line, Standing},
    seen::{Seen, SeenBranch},
};
use crate::{
    base::reason::{Refusal, Result},
    forge::reasons::DENIED,
};

/// Judges how far the token reaches.
pub(super) fn judge(seen: &Seen) -> Line {
    let who = match &seen.token {
        Err(refusal) => return Line::unread("token.reach", "", refusal),
        Ok((account, None)) => format!("`{}`, no person", account.login),
        Ok((account, Some(Ok(permission)))) => format!("`{}`, who may `{}`", account.login, permission.word()),
        Ok((account, Some(Err(refusal)))) => format!("`{}`; its role: [{}]", account.login, refusal.code()),
    };
    let mut refused = Vec::new();
    let mut ask = |what: &'static str, failed: Option<&Refusal>| {
        if failed.is_some_and(|refusal| refusal.is(DENIED)) {
            refused.push(what);
        }
    };
    ask("actions secrets", err(&seen.repository_secrets));
    ask("actions settings", err(&seen.workflows));
    ask("environments", err(&seen.others));
    for environment in seen.environments.iter().chain(seen.others.iter().flatten()) {
        ask("environments", err(&environment.environment));
        ask("secrets of environments", err(&environment.secrets));
    }
    for branch in [&seen.base, &seen.ledger] {
        ask("branch protection", err(&branch.protection));
        ask("rulesets", hidden(branch));
    }
    refused.sort_unstable();
    refused.dedup();
    if refused.is_empty() {
        return Line::new("token.reach", "", Standing::Ok, format!("of {who}"));
    }
    let found = format!("of {who}; it may not read {}", refused.join(", "));
    let mut line = Line::new("token.reach", "", Standing::Unknown, found);
    let fix = "use a fine-grained token, or an app's, that may read administration, actions, environments, secrets \
               and metadata of this repository, and nothing else; a job's own token never may";
    line.fix = Some(fix.to_owned());
    line
}

fn err<T>(result: &Result<T>) -> Option<&Refusal> {
    result.as_ref().err()
}

fn hidden(branch: &SeenBranch) -> Option<&Refusal> {
    err(&branch.rules).or_else(|| branch.rulesets.values().find_map(err))
}
