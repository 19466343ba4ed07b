//! An issuer of identities, as the trust root lists it: whose tokens say which job runs, and which jobs count.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    reasons::TRUST_MALFORMED,
    schemes::oidc::{self, Algorithm},
};
use crate::base::{
    digest::Digest,
    reason::{Refusal, Result},
    text::{check_steering, excerpt},
    time::Timestamp,
};

/// The most issuers, and the most entries of each list of one.
const MAX_ENTRIES: usize = 32;

/// An issuer of ID tokens, and which jobs of its may execute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Issuer {
    /// Its URL, compared byte for byte with the claim `iss`; `https`, or `http` on a loopback address.
    pub url: String,
    /// Whose claims it makes.
    pub provider: Provider,
    /// Algorithms of its signatures that count, at least one.
    pub algorithms: Vec<Algorithm>,
    /// Workflows that count, each `owner/repo/.github/workflows/file.yml@` and a full branch name or a commit's full
    /// id; both the workflow that was started and the one that holds the job must be here.
    pub workflows: Vec<String>,
    /// Events that may start them, such as `workflow_dispatch`; never those of a change request.
    pub events: Vec<String>,
    /// What kind of machine must run the job.
    pub runner: Runner,
    /// SHA-256 of its JWKS document, where no other is to count.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub jwks: Option<Digest>,
}

/// Which jobs of an issuer may sign for people without a key of their own; and what their tokens are checked with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gate {
    /// Workflows that count, as in [`Issuer::workflows`].
    pub workflows: Vec<String>,
    /// Events that may start them, such as `issue_comment`; never those of a change request.
    pub events: Vec<String>,
    /// What kind of machine must run the job.
    pub runner: Runner,
    /// The environment of jobs that sign for who wrote a comment or a review; absent where they are in none. Jobs that
    /// somebody released are in the environment that they were released from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub environment: Option<String>,
    /// The issuer's keys.
    pub keys: Vec<IssuerKey>,
}

/// An RSA key of an issuer, whose public exponent is 65,537.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IssuerKey {
    /// The id under which the issuer lists it.
    pub kid: String,
    /// The modulus, 2,048 to 8,192 bits, base64url without padding.
    pub n: String,
    /// From when on the issuer lists it no more; what it signed before stays.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub withdrawn_at: Option<Timestamp>,
}

/// A family of claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// Those of GitHub Actions.
    Github,
}

/// A kind of machine that runs jobs, as the claim `runner_environment` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Runner {
    /// A fresh machine of the forge's own.
    GithubHosted,
    /// A machine of the owner's, on which an earlier job may have left something.
    SelfHosted,
}

impl Runner {
    /// Every kind, with its word.
    pub const ALL: [(&'static str, Self); 2] =
        [("github-hosted", Self::GithubHosted), ("self-hosted", Self::SelfHosted)];

    /// Returns the word of files and claims.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::GithubHosted => "github-hosted",
            Self::SelfHosted => "self-hosted",
        }
    }
}

/// Where the file of a workflow was taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pin<'a> {
    /// A branch, by its full name.
    Branch,
    /// A commit, by its full id.
    Commit(&'a str),
}

/// Takes a pinned workflow apart; absent where it is none.
pub(super) fn pin(workflow: &str) -> Option<Pin<'_>> {
    let (path, place) = workflow.split_once('@')?;
    let parts: Vec<&str> = path.split('/').collect();
    let named =
        matches!(parts[..], [_, _, ".github", "workflows", file] if file.ends_with(".yml") || file.ends_with(".yaml"));
    let plain = parts.iter().all(|part| {
        !matches!(*part, "" | "." | "..") && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    });
    if !named || !plain {
        return None;
    }
    if oidc::is_commit(place) {
        return Some(Pin::Commit(place));
    }
    let branch = place.strip_prefix("refs/heads/")?;
    let plain = !branch.is_empty() && branch.bytes().all(|b| b.is_ascii_graphic() && !b"*?[\\^~:@".contains(&b));
    plain.then_some(Pin::Branch)
}

/// Checks the issuers of a trust root.
///
/// # Errors
/// `trust.malformed`, `text.*`.
pub(super) fn check(issuers: &[Issuer]) -> Result<()> {
    let refuse = |why: String| Err(Refusal::new(TRUST_MALFORMED, why));
    let mut urls = BTreeSet::new();
    for issuer in issuers {
        let name = excerpt(&issuer.url);
        check_steering(&issuer.url)?;
        if !is_issuer_url(&issuer.url) {
            return refuse(format!("`{name}` is no URL of an issuer: https, no query, no trailing slash"));
        }
        if !urls.insert(issuer.url.as_str()) {
            return refuse(format!("the issuer `{name}` is listed twice"));
        }
        check_list(&name, &issuer.algorithms)?;
        check_jobs(&name, &issuer.workflows, &issuer.events)?;
    }
    if issuers.len() > MAX_ENTRIES {
        return refuse(format!("{} issuers, the limit is {MAX_ENTRIES}", issuers.len()));
    }
    Ok(())
}

/// Checks the rule for jobs that sign without a key.
///
/// # Errors
/// `trust.malformed`, `text.*`.
pub(super) fn check_gate(url: &str, gate: &Gate) -> Result<()> {
    let name = excerpt(url);
    check_steering(url)?;
    if !is_issuer_url(url) {
        let why = format!("`{name}` is no URL of an issuer: https, no query, no trailing slash");
        return Err(Refusal::new(TRUST_MALFORMED, why));
    }
    check_jobs(&name, &gate.workflows, &gate.events)?;
    gate.environment.as_deref().map_or(Ok(()), check_steering)?;
    check_list(&name, &gate.keys.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>())?;
    gate.keys.iter().try_for_each(|key| check_steering(&key.kid))
}

/// Checks that a list of an issuer is neither empty nor too long, and holds nothing twice.
fn check_list<T: Ord>(name: &str, list: &[T]) -> Result<()> {
    if !(1..=MAX_ENTRIES).contains(&list.len()) {
        return Err(Refusal::new(TRUST_MALFORMED, format!("the issuer `{name}` has a list that is empty or too long")));
    }
    if list.iter().collect::<BTreeSet<_>>().len() != list.len() {
        return Err(Refusal::new(TRUST_MALFORMED, format!("the issuer `{name}` lists something twice")));
    }
    Ok(())
}

/// Checks which jobs count: their workflows, and what starts them.
fn check_jobs(name: &str, workflows: &[String], events: &[String]) -> Result<()> {
    check_list(name, workflows)?;
    check_list(name, events)?;
    if let Some(workflow) = workflows.iter().find(|workflow| pin(workflow).is_none()) {
        let what = format!(
            "`{}` is not owner/repo/.github/workflows/file.yml@refs/heads/BRANCH, nor @ and a full commit id",
            excerpt(workflow)
        );
        return Err(Refusal::new(TRUST_MALFORMED, what));
    }
    let plain = |event: &&String| !event.is_empty() && event.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if let Some(event) = events.iter().find(|event| !plain(event) || event.starts_with("pull_request")) {
        return Err(Refusal::new(TRUST_MALFORMED, format!("the event `{}` may start no execution", excerpt(event))));
    }
    Ok(())
}

/// Tells whether a text is the URL of an issuer in the one form that is taken: scheme, host, path; nothing that two
/// readers could take apart differently.
fn is_issuer_url(url: &str) -> bool {
    let (secure, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return false,
    };
    let (authority, path) = rest.split_once('/').map_or((rest, None), |(authority, path)| (authority, Some(path)));
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number.to_string() == port));
    let host_fits = !host.is_empty()
        && !host.starts_with('.')
        && !host.ends_with('.')
        && !host.contains("..")
        && host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b));
    let path_fits = path.is_none_or(|path| {
        path.split('/').all(|part| {
            !matches!(part, "" | "." | "..") && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        })
    });
    host_fits && port_fits && path_fits && (secure || matches!(host, "127.0.0.1" | "localhost"))
}
