//! Asks a CI system for the identity of the job that runs, and its issuer for the keys that prove it.
//!
//! What is fetched here is bytes: whether they hold is [`crate::sign::schemes::oidc`]'s to say. Addresses are taken
//! from the trust root's issuer; the one that the environment gives is only used where it fits that issuer.

use std::time::Duration;

use reqwest::{Client, Url};
use serde_json::{Map, Value};
use tokio::runtime::Runtime;
use zeroize::Zeroize as _;

use super::{
    http::{self, Proxies, Settings},
    reasons::{OIDC_ANSWER, OIDC_ENDPOINT, OIDC_UNREACHABLE},
};
use crate::base::{
    json,
    reason::{INTERNAL, Refusal, Result},
    secret::Secret,
    text::{check_steering, excerpt},
};

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer, in bytes.
const MAX_ANSWER: usize = 256 << 10;
/// Where an issuer says what it is, below its URL.
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// A client for issuers: no redirects, no proxies of the environment, one answer of bounded size a request.
pub struct Issuers {
    runtime: Runtime,
    client: Client,
}

impl Issuers {
    /// Makes a client; nothing is asked yet.
    ///
    /// # Errors
    /// `internal.error` where there is no runtime, or no certificates are trusted.
    pub fn new() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Refusal::new(INTERNAL, format!("no runtime: {e}")))?;
        let settings = Settings { timeout: PATIENCE, proxies: Proxies::Never, ..Settings::default() };
        let client = http::client(settings)?;
        Ok(Self { runtime, client })
    }

    /// Asks for a token with an audience: `address` and `bearer` are what the CI system gave the job.
    ///
    /// # Errors
    /// `oidc.endpoint_untrusted` where the address fits none of the trusted issuers, `oidc.unreachable`,
    /// `oidc.answer_refused`.
    pub fn token(&self, address: &str, bearer: &Secret, audience: &str, trusted: &[&str]) -> Result<Secret> {
        let mut url = request_url(address, trusted)?;
        url.query_pairs_mut().append_pair("audience", audience);
        let mut answer = self.get(&url, Some(bearer))?;
        let value = object(&answer).and_then(|mut members| match members.remove("value") {
            Some(Value::String(token)) => Ok(Secret::new(token)),
            _ => refused(&url, "it holds no token"),
        });
        answer.zeroize();
        value
    }

    /// Fetches the JWKS document of an issuer, from the address that its discovery document names.
    ///
    /// # Errors
    /// `oidc.endpoint_untrusted` where that address is on another host, `oidc.unreachable`, `oidc.answer_refused`.
    pub fn keys(&self, issuer: &str) -> Result<Vec<u8>> {
        let home = plain_url(issuer)?;
        let discovery = object(&self.get(&plain_url(&format!("{issuer}{DISCOVERY}"))?, None)?)?;
        let text = |name: &str| discovery.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("issuer") != issuer {
            return refused(&home, "it is the discovery document of another issuer");
        }
        let keys = plain_url(text("jwks_uri"))?;
        if keys.origin() != home.origin() {
            let what = format!("the keys of `{}` are said to be at `{}`", excerpt(issuer), shown(&keys));
            return Err(Refusal::new(OIDC_ENDPOINT, what));
        }
        self.get(&keys, None)
    }

    /// Returns the body of the answer to one request, which must be 200 and within [`MAX_ANSWER`].
    fn get(&self, url: &Url, bearer: Option<&Secret>) -> Result<Vec<u8>> {
        let mut request = self.client.get(url.clone()).header("accept", "application/json");
        if let Some(bearer) = bearer {
            request = request.bearer_auth(bearer.expose());
        }
        self.runtime.block_on(async {
            let sent = request.send().await.map_err(|e| {
                let why = http::chain(&e.without_url());
                Refusal::new(OIDC_UNREACHABLE, format!("`{}`: {}", shown(url), excerpt(&why)))
            })?;
            let answer = http::read(sent, MAX_ANSWER).await.or_else(|e| refused(url, e.message()))?;
            match answer.status {
                200 => Ok(answer.body),
                other => refused(url, &format!("it answers {other}")),
            }
        })
    }
}

/// Reads the address that the environment gives, and compares it with the trusted issuers.
///
/// The service that hands out tokens is beside the issuer: of `token.actions.example.com` any host below
/// `actions.example.com`, by the same scheme and port; of any other issuer the same host; of a loopback issuer any
/// port there.
fn request_url(address: &str, trusted: &[&str]) -> Result<Url> {
    let url = plain_url(address)?;
    let fits = |issuer: &&str| plain_url(issuer).is_ok_and(|issuer| is_beside(&issuer, &url));
    if !trusted.iter().any(fits) {
        let what = format!("`{}` belongs to no issuer of the trust root", shown(&url));
        return Err(Refusal::new(OIDC_ENDPOINT, what));
    }
    if url.query_pairs().any(|(name, _)| name == "audience") {
        return Err(Refusal::new(OIDC_ENDPOINT, format!("`{}` names an audience already", shown(&url))));
    }
    Ok(url)
}

fn is_beside(issuer: &Url, url: &Url) -> bool {
    let (home, host) = (issuer.host_str().unwrap_or_default(), url.host_str().unwrap_or_default());
    if issuer.scheme() != url.scheme() {
        return false;
    }
    if is_loopback(issuer) {
        return host == home;
    }
    let same_host = match home.strip_prefix("token.") {
        Some(domain) if domain.starts_with("actions.") => {
            host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
        }
        _ => host == home,
    };
    same_host && issuer.port_or_known_default() == url.port_or_known_default()
}

fn is_loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("127.0.0.1" | "localhost"))
}

/// Parses an address that two readers cannot take apart differently: `https`, or `http` on a loopback address.
fn plain_url(text: &str) -> Result<Url> {
    let refuse = |why: &str| {
        let shown = excerpt(text.split('?').next().unwrap_or_default());
        Err(Refusal::new(OIDC_ENDPOINT, format!("`{shown}` {why}")))
    };
    if check_steering(text).is_err() || text.contains([' ', '\\', '#', '@']) {
        // What stands before an `@` may be a password.
        return Err(Refusal::new(OIDC_ENDPOINT, "the address holds characters that no plain one has"));
    }
    let Ok(url) = text.parse::<Url>() else { return refuse("is no address") };
    let authority = text.split_once("://").and_then(|(_, rest)| rest.split(['/', '?']).next()).unwrap_or_default();
    let host = authority.split_once(':').map_or(authority, |(host, _)| host);
    if url.host_str() != Some(host) {
        return refuse("is not written in its one form");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => refuse("is not https"),
    }
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>> {
    match json::parse(bytes, MAX_ANSWER) {
        Ok(Value::Object(members)) => Ok(members),
        // What the parser says could hold a piece of a token.
        _ => Err(Refusal::new(OIDC_ANSWER, "the answer is no strict JSON object")),
    }
}

/// An address as messages show it: without its query.
fn shown(url: &Url) -> String {
    excerpt(&format!("{}{}", url.origin().ascii_serialization(), url.path()))
}

fn refused<T>(url: &Url, why: &str) -> Result<T> {
    Err(Refusal::new(OIDC_ANSWER, format!("`{}`: {why}", shown(url))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GITHUB: &str = "https://token.actions.githubusercontent.com";

    #[track_caller]
    fn refused_for(issuer: &str, address: &str) {
        let refusal = request_url(address, &[issuer]).map(|url| url.to_string()).unwrap_err();
        assert_eq!(refusal.code(), "oidc.endpoint_untrusted", "{address}");
        assert!(!refusal.message().contains("secret"), "{}", refusal.message());
    }

    #[test]
    fn a44_a_token_is_asked_for_beside_a_trusted_issuer_only() {
        for good in [
            "https://run-actions-1-azure-eastus.actions.githubusercontent.com/120//idtoken/a/b?api-version=2.0",
            "https://token.actions.githubusercontent.com/x",
            "https://pipelines.actions.githubusercontent.com:443/x",
        ] {
            assert!(request_url(good, &["https://other.example", GITHUB]).is_ok(), "{good}");
        }
        for bad in [
            "http://pipelines.actions.githubusercontent.com/x",
            "https://actions.githubusercontent.com/x",
            "https://evilactions.githubusercontent.com/x",
            "https://x.actions.githubusercontent.com.evil.example/x?secret",
            "https://evil.example/actions.githubusercontent.com",
            "https://evil.example?.actions.githubusercontent.com",
            "https://evil.example#.actions.githubusercontent.com",
            "https://evil.example\\.actions.githubusercontent.com",
            "https://x.actions.githubusercontent.com@evil.example/x",
            "https://user:secret@x.actions.githubusercontent.com/x",
            "https://x.actions.githubusercontent.com:8443/x",
            "https://x.Actions.GithubUserContent.com/x",
            "https://x.actions.githubusercontent.com./x",
            "https://evil\t.actions.githubusercontent.com/x",
            "https://x.actions.githubusercontent.com/x?audience=other",
            "https://x.actions.githubusercontent.com/x?aud%69ence=other",
            "https:x.actions.githubusercontent.com/x",
            "https:///x.actions.githubusercontent.com/x",
            "file:///etc/passwd",
            "http://127.0.0.1/x",
            "https://127.0.0.1/x",
            "",
        ] {
            refused_for(GITHUB, bad);
        }
    }

    #[test]
    fn a44_an_issuer_that_is_no_actions_service_answers_on_its_own_host_only() {
        let enterprise = "https://ghe.example.com/_services/token";
        assert!(request_url("https://ghe.example.com/_services/pipelines/x?y=1", &[enterprise]).is_ok());
        refused_for(enterprise, "https://x.ghe.example.com/x");
        refused_for(enterprise, "https://example.com/x");
        assert!(request_url("http://127.0.0.1:81/x", &["http://127.0.0.1:80"]).is_ok());
        refused_for("http://127.0.0.1:80", "http://localhost:80/x");
        refused_for("http://127.0.0.1:80", "https://127.0.0.1:80/x");
        refused_for("http://example.com", "http://example.com/x");
    }
}
