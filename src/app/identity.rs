//! Has the CI system say which job this is, where the trust root lists who may say it.

use std::collections::BTreeSet;

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
        TrustRoot,
        issuer::{Issuer, IssuerKey},
        predicate::Job,
        reasons::{OIDC_ISSUER, OIDC_TOKEN_MISSING},
        schemes::oidc::{self, KeySet, Purpose, Verified, keyless},
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

/// Where this job asks for tokens, on a host that fits an issuer of the trust root.
pub(crate) struct TokenSource {
    address: String,
    bearer: Secret,
    trusted: Vec<String>,
}

impl TokenSource {
    /// Finds it in the environment; nothing is asked yet.
    ///
    /// # Errors
    /// `oidc.token_missing` where there is an address and nothing to ask with.
    pub(crate) fn of(trusted: &[&str], world: &World) -> Result<Option<Self>> {
        let Some(address) = world.env.text(REQUEST_URL) else { return Ok(None) };
        if trusted.iter().any(|url| url.starts_with("https:")) {
            refuse_overrides(|name| world.env.text(name))?;
        }
        let Some(bearer) = world.env.text(REQUEST_TOKEN) else {
            return Err(Refusal::new(OIDC_TOKEN_MISSING, format!("{REQUEST_TOKEN} is not set")));
        };
        let trusted = trusted.iter().map(|url| (*url).to_owned()).collect();
        Ok(Some(Self { address: address.to_owned(), bearer: Secret::new(bearer.to_owned()), trusted }))
    }

    /// Asks for a token with an audience.
    ///
    /// # Errors
    /// Those of [`Issuers::token`].
    pub(crate) fn token(&self, audience: &str) -> Result<Secret> {
        self.token_with(&Issuers::new()?, audience)
    }

    fn token_with(&self, client: &Issuers, audience: &str) -> Result<Secret> {
        let trusted: Vec<&str> = self.trusted.iter().map(String::as_str).collect();
        client.token(&self.address, &self.bearer, audience, &trusted)
    }
}

/// Returns what was asked to show which job this is, by the option or by the variable.
///
/// # Errors
/// `usage.invalid` where the variable holds another word than `--identity` takes.
pub(crate) fn asked(option: Option<IdentityArg>, world: &World) -> Result<Option<IdentityArg>> {
    match option {
        Some(asked) => Ok(Some(asked)),
        None => of_variable(world),
    }
}

/// Asks for a token for the execution of a plan and verifies it.
///
/// Whether the job may execute is the door's to judge: what is refused here is handed to it as a refusal.
///
/// # Errors
/// `usage.invalid` where the variable holds another word than `--identity` takes.
pub(crate) fn of_job(asked: Option<IdentityArg>, plan: &Digest, session: &Session, world: &World) -> Result<Identity> {
    let asked = self::asked(asked, world)?;
    let issuers = &session.root.document().issuers;
    let refused = |reason, why: &str| Ok(Identity::Refused(Refusal::new(reason, why)));
    match (asked, world.env.text(REQUEST_URL)) {
        (Some(IdentityArg::Key), _) => Ok(Identity::NotShown),
        (Some(IdentityArg::Oidc), _) if issuers.is_empty() => refused(OIDC_ISSUER, "the trust root lists no issuer"),
        (Some(IdentityArg::Oidc), None) => refused(OIDC_TOKEN_MISSING, "ACTIONS_ID_TOKEN_REQUEST_URL is not set"),
        (None, address) if issuers.is_empty() || address.is_none() => Ok(Identity::NotShown),
        _ => Ok(match shown(issuers, plan, session, world) {
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

fn shown(issuers: &[Issuer], plan: &Digest, session: &Session, world: &World) -> Result<Shown> {
    let (token, keys) = verified(issuers, plan, world)?;
    let gone = gone(&session.root, token.issuer(), &keys);
    let job = Workload::github(&token)?;
    let in_base = session.checkout.in_history(job.commits(), &session.facts.base_sha);
    let said = SAID
        .into_iter()
        .filter_map(|(variable, claim)| Some(Said { variable, claim, value: world.env.text(variable)?.to_owned() }));
    Ok(Shown { in_base, said: said.collect(), gone, token })
}

/// Returns the ids of an issuer's keys that the trust root lets vouch for jobs, and that the issuer lists no more.
fn gone(root: &TrustRoot, url: &str, keys: &KeySet) -> BTreeSet<String> {
    let gates = root.document().keys.iter().filter(|key| key.public == url).filter_map(|key| key.gate.as_ref());
    let pinned = gates.flat_map(|gate| &gate.keys);
    let listed = keyless::keys_of(keys).unwrap_or_default();
    let is_gone = |key: &&IssuerKey| !listed.iter().any(|now| now.kid == key.kid && now.n == key.n);
    pinned.filter(is_gone).map(|key| key.kid.clone()).collect()
}

/// Obtains a token and verifies it with keys that its issuer serves now; returns these, too.
fn verified(issuers: &[Issuer], plan: &Digest, world: &World) -> Result<(Verified, KeySet)> {
    let trusted: Vec<&str> = issuers.iter().map(|issuer| issuer.url.as_str()).collect();
    let Some(source) = TokenSource::of(&trusted, world)? else {
        return Err(Refusal::new(OIDC_TOKEN_MISSING, format!("{REQUEST_URL} is not set")));
    };
    let client = Issuers::new()?;
    let audience = oidc::audience(Purpose::Execute, plan);
    let token = source.token_with(&client, &audience)?;
    let named = oidc::unverified_issuer(&token)?;
    let Some(issuer) = issuers.iter().find(|issuer| issuer.url == named) else {
        return Err(Refusal::new(OIDC_ISSUER, format!("the token is of `{}`", excerpt(&named))));
    };
    let keys = KeySet::parse(&client.keys(&issuer.url)?)?;
    Ok((oidc::verify(&token, &keys, issuer, &audience, world.now())?, keys))
}
