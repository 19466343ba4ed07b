//! Has the CI system say which job this is, where the trust root lists who may say it.

use super::{session::Session, world::World};
use crate::{
    base::{
        digest::Digest,
        reason::{Refusal, Result, USAGE},
        secret::Secret,
        text::excerpt,
    },
    cli::args::IdentityArg,
    forge::{http::refuse_overrides, oidc::Issuers},
    sign::{
        issuer::Issuer,
        predicate::Job,
        reasons::{OIDC_ISSUER, OIDC_TOKEN_MISSING},
        schemes::oidc::{self, KeySet, Purpose, Verified},
        workload::Workload,
    },
    verify::{Identity, Said, Shown},
};

/// Returns what a claim records of the job that was shown.
pub(crate) fn mark(identity: &Identity) -> Option<Job> {
    let Identity::Shown(shown) = identity else { return None };
    let job = Workload::github(&shown.token).ok()?;
    Some(Job {
        issuer: shown.token.issuer().to_owned(),
        key: shown.token.key().to_owned(),
        token: shown.token.token(),
        run: job.run_id,
        attempt: job.run_attempt,
        workflow: job.job_workflow_ref,
    })
}

/// What the action sets in place of `--identity`.
const VARIABLE: &str = "COUNTERSIGN_IDENTITY";
/// Where a job of GitHub Actions asks for a token, and with what.
const REQUEST_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const REQUEST_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";
/// Variables that say who the job is, each with the claim that proves it.
const SAID: [(&str, &str); 5] = [
    ("GITHUB_REPOSITORY_ID", "repository_id"),
    ("GITHUB_REPOSITORY_OWNER_ID", "repository_owner_id"),
    ("GITHUB_RUN_ID", "run_id"),
    ("GITHUB_RUN_ATTEMPT", "run_attempt"),
    ("GITHUB_SHA", "sha"),
];

/// Asks for a token for the execution of a plan and verifies it.
///
/// Whether the job may execute is the door's to judge: what is refused here is handed to it as a refusal.
///
/// # Errors
/// `usage.invalid` where the variable holds another word than `--identity` takes.
pub(crate) fn of_job(asked: Option<IdentityArg>, plan: &Digest, session: &Session, world: &World) -> Result<Identity> {
    let asked = match asked {
        Some(asked) => Some(asked),
        None => of_variable(world)?,
    };
    let issuers = &session.root.document().issuers;
    let refused = |reason, why: &str| Ok(Identity::Refused(Refusal::new(reason, why)));
    match (asked, world.env.text(REQUEST_URL)) {
        (Some(IdentityArg::Key), _) => Ok(Identity::NotShown),
        (Some(IdentityArg::Oidc), _) if issuers.is_empty() => refused(OIDC_ISSUER, "the trust root lists no issuer"),
        (Some(IdentityArg::Oidc), None) => refused(OIDC_TOKEN_MISSING, "ACTIONS_ID_TOKEN_REQUEST_URL is not set"),
        (None, address) if issuers.is_empty() || address.is_none() => Ok(Identity::NotShown),
        (_, address) => Ok(match shown(address.unwrap_or_default(), issuers, plan, session, world) {
            Ok(shown) => Identity::Shown(Box::new(shown)),
            Err(refusal) => Identity::Refused(refusal),
        }),
    }
}

fn of_variable(world: &World) -> Result<Option<IdentityArg>> {
    match world.env.text(VARIABLE) {
        None => Ok(None),
        Some("key") => Ok(Some(IdentityArg::Key)),
        Some("oidc") => Ok(Some(IdentityArg::Oidc)),
        Some(other) => Err(Refusal::new(USAGE, format!("{VARIABLE} is `{}`: key or oidc", excerpt(other)))),
    }
}

fn shown(address: &str, issuers: &[Issuer], plan: &Digest, session: &Session, world: &World) -> Result<Shown> {
    let token = verified(address, issuers, plan, world)?;
    let job = Workload::github(&token)?;
    let base = &session.facts.base_sha;
    let in_base = job.commits().into_iter().filter(|commit| session.checkout.is_in_history(commit, base));
    let in_base = in_base.map(str::to_owned).collect();
    let said = SAID
        .into_iter()
        .filter_map(|(variable, claim)| Some(Said { variable, claim, value: world.env.text(variable)?.to_owned() }));
    Ok(Shown { in_base, said: said.collect(), token })
}

/// Obtains a token and verifies it with keys that its issuer serves now.
fn verified(address: &str, issuers: &[Issuer], plan: &Digest, world: &World) -> Result<Verified> {
    if issuers.iter().any(|issuer| issuer.url.starts_with("https:")) {
        refuse_overrides(|name| world.env.text(name))?;
    }
    let Some(bearer) = world.env.text(REQUEST_TOKEN).map(|text| Secret::new(text.to_owned())) else {
        return Err(Refusal::new(OIDC_TOKEN_MISSING, format!("{REQUEST_TOKEN} is not set")));
    };
    let client = Issuers::new()?;
    let audience = oidc::audience(Purpose::Execute, plan);
    let trusted: Vec<&str> = issuers.iter().map(|issuer| issuer.url.as_str()).collect();
    let token = client.token(address, &bearer, &audience, &trusted)?;
    let named = oidc::unverified_issuer(&token)?;
    let Some(issuer) = issuers.iter().find(|issuer| issuer.url == named) else {
        return Err(Refusal::new(OIDC_ISSUER, format!("the token is of `{}`", excerpt(&named))));
    };
    let keys = KeySet::parse(&client.keys(&issuer.url)?)?;
    oidc::verify(&token, &keys, issuer, &audience, world.now())
}
