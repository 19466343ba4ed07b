//! Where GitHub's interface is: from the trust root's host alone, with names checked before they go into a path.

use std::fmt::Write as _;

use crate::{
    base::{
        reason::{CONTEXT_MISMATCH, Refusal, Result},
        text::excerpt,
    },
    forge::reasons::ADDRESS,
};

/// Where the interface of one repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    host: String,
    scheme: &'static str,
    /// Host of the interface, with its port.
    authority: String,
    /// What stands before every path of the interface.
    prefix: &'static str,
    /// Path of GraphQL.
    graphql: &'static str,
    owner: String,
    name: String,
}

impl Address {
    /// Makes the address of a repository `owner/name` on a host.
    ///
    /// `127.0.0.1:PORT` and `localhost:PORT` are spoken to without TLS; no other host is.
    pub(super) fn new(host: &str, repository: &str) -> Result<Self> {
        let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
        let is_name = name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        });
        let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|n| n > 0 && n.to_string() == port));
        if !is_name || name.len() > 253 || !is_port {
            return Err(Refusal::new(ADDRESS, format!("host `{}`", excerpt(host))));
        }
        let (owner, repo) = repository
            .split_once('/')
            .filter(|(owner, repo)| is_login(owner) && is_repository(repo))
            .ok_or_else(|| Refusal::new(ADDRESS, format!("repository `{}`", excerpt(repository))))?;
        let loopback = matches!(name, "127.0.0.1" | "localhost") && port.is_some();
        let (authority, prefix, graphql) = if loopback {
            (host.to_owned(), "/api/v3", "/api/graphql")
        } else if host == "github.com" || name.ends_with(".ghe.com") {
            (format!("api.{host}"), "", "/graphql")
        } else {
            (host.to_owned(), "/api/v3", "/api/graphql")
        };
        Ok(Self {
            host: host.to_owned(),
            scheme: if loopback { "http" } else { "https" },
            authority,
            prefix,
            graphql,
            owner: owner.to_owned(),
            name: repo.to_owned(),
        })
    }

    /// Returns scheme, host and port of the interface.
    pub(super) fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// Returns the path of GraphQL.
    pub(super) fn graphql(&self) -> &str {
        self.graphql
    }

    /// Returns the owner.
    pub(super) fn owner(&self) -> &str {
        &self.owner
    }

    /// Returns the name of the repository.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the path of something in the repository; `rest` begins with `/`, or is empty.
    pub(super) fn repo(&self, rest: &str) -> String {
        format!("{}/repos/{}/{}{rest}", self.prefix, self.owner, self.name)
    }

    /// Returns a path outside the repository; `rest` begins with `/`.
    pub(super) fn root(&self, rest: &str) -> String {
        format!("{}{rest}", self.prefix)
    }

    /// Tells whether a URL may be fetched without credentials: TLS, or loopback where the interface is there too.
    pub(super) fn may_fetch(&self, url: &reqwest::Url) -> bool {
        match url.scheme() {
            "https" => true,
            "http" => self.scheme == "http" && matches!(url.host_str(), Some("127.0.0.1" | "localhost")),
            _ => false,
        }
    }

    /// Tells whether a URL is of the interface itself.
    pub(super) fn is_own(&self, url: &reqwest::Url) -> bool {
        let authority = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => return false,
        };
        url.scheme() == self.scheme && authority == self.authority
    }

    /// Refuses where a variable of a runner names another host or repository; they decide nothing else.
    pub(super) fn cross_check<'a>(&self, lookup: impl Fn(&str) -> Option<&'a str>) -> Result<()> {
        let expected = [
            ("GITHUB_API_URL", format!("{}{}", self.origin(), self.prefix)),
            ("GITHUB_GRAPHQL_URL", format!("{}{}", self.origin(), self.graphql)),
            ("GITHUB_SERVER_URL", format!("{}://{}", self.scheme, self.host)),
            ("GITHUB_REPOSITORY", format!("{}/{}", self.owner, self.name)),
        ];
        for (name, wanted) in expected {
            if let Some(found) = lookup(name).filter(|found| !found.is_empty())
                && found != wanted
            {
                let message = format!("{name} is `{}`, and should be `{wanted}`", excerpt(found));
                return Err(Refusal::new(CONTEXT_MISMATCH, message).subject(name));
            }
        }
        Ok(())
    }
}

/// Tells whether a text can be the login of a person or organisation.
pub(super) fn is_login(text: &str) -> bool {
    (1..=100).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn is_repository(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && !matches!(text, "." | "..")
}

/// Writes a text as one part of a path or query: all but letters, digits and `-._~` as `%XX`.
///
/// Nothing that a server may take for a step up or down the tree comes out: `.` and `..` are refused.
pub(super) fn part(text: &str) -> Result<String> {
    if text.is_empty() || text.len() > 1024 || matches!(text, "." | "..") || text.chars().any(char::is_control) {
        return Err(Refusal::new(ADDRESS, format!("`{}`", excerpt(text))));
    }
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            let _ = write!(out, "%{b:02X}");
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(host: &str) -> (String, String, String) {
        let address = Address::new(host, "acme/infra").unwrap();
        (address.origin(), address.repo("/pulls"), address.graphql().to_owned())
    }

    #[test]
    fn a44_the_host_of_the_trust_root_alone_says_where_the_interface_is() {
        let found = |origin: &str, path: &str, graphql: &str| (origin.into(), path.into(), graphql.into());
        assert_eq!(of("github.com"), found("https://api.github.com", "/repos/acme/infra/pulls", "/graphql"));
        assert_eq!(of("acme.ghe.com"), found("https://api.acme.ghe.com", "/repos/acme/infra/pulls", "/graphql"));
        let enterprise = ("/api/v3/repos/acme/infra/pulls", "/api/graphql");
        assert_eq!(of("git.acme.com"), found("https://git.acme.com", enterprise.0, enterprise.1));
        assert_eq!(of("git.acme.com:8443"), found("https://git.acme.com:8443", enterprise.0, enterprise.1));
        assert_eq!(of("127.0.0.1:4000"), found("http://127.0.0.1:4000", enterprise.0, enterprise.1));
        // Nothing that only begins or ends like a known host is taken for it, and no host of a network is without TLS.
        assert_eq!(of("github.com.evil.org").0, "https://github.com.evil.org");
        assert_eq!(of("notgithub.com").0, "https://notgithub.com");
        assert_eq!(of("127.0.0.1.evil.org:80").0, "https://127.0.0.1.evil.org:80");
        for bad in ["", "GitHub.com", "a b", "evil.org/", "u@evil.org", "evil.org:0", "evil.org:x", "-a.b", "a..b"] {
            assert_eq!(Address::new(bad, "acme/infra").unwrap_err().code(), "forge.address", "{bad}");
        }
    }

    #[test]
    fn names_are_checked_before_they_go_into_a_path() {
        for bad in
            ["acme", "acme/", "/infra", "acme/..", "acme/infra/x", "ac me/x", "acme/x?y", "acme/x#", "acme/%2e", "é/x"]
        {
            assert_eq!(Address::new("github.com", bad).unwrap_err().code(), "forge.address", "{bad}");
        }
        assert_eq!(part("heads/a b?c").unwrap(), "heads%2Fa%20b%3Fc");
        assert_eq!(part("github-actions[bot]").unwrap(), "github-actions%5Bbot%5D");
        for bad in ["", ".", "..", "a\nb"] {
            assert!(part(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a44_a45_variables_of_a_runner_are_compared_and_never_followed() {
        let address = Address::new("github.com", "acme/infra").unwrap();
        let honest = [
            ("GITHUB_API_URL", "https://api.github.com"),
            ("GITHUB_GRAPHQL_URL", "https://api.github.com/graphql"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "acme/infra"),
        ];
        let check = |changed: &str, value: &'static str| {
            address.cross_check(|name| {
                let own = honest.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
                if name == changed { Some(value) } else { own }
            })
        };
        check("none", "").unwrap();
        address.cross_check(|_| None).unwrap();
        for (name, _) in honest {
            for evil in ["http://api.github.com", "https://evil.org", "https://api.github.com.evil.org", "acme/other"] {
                let refused = check(name, evil).unwrap_err();
                assert_eq!((refused.code(), refused.about()), ("context.mismatch", Some(name)), "{evil}");
            }
        }
    }

    #[test]
    fn only_tls_or_loopback_beside_a_loopback_interface_is_fetched() {
        let real = Address::new("github.com", "acme/infra").unwrap();
        let model = Address::new("127.0.0.1:4000", "acme/infra").unwrap();
        let url = |text: &str| text.parse::<reqwest::Url>().unwrap();
        assert!(
            real.may_fetch(&url("https://blobs.example.com/x")) && !real.may_fetch(&url("http://127.0.0.1:4000/x"))
        );
        assert!(model.may_fetch(&url("http://127.0.0.1:9/x")) && !model.may_fetch(&url("http://10.0.0.1/x")));
        assert!(!model.may_fetch(&url("file:///etc/passwd")));
        assert!(model.is_own(&url("http://127.0.0.1:4000/x")) && !model.is_own(&url("http://127.0.0.1:4001/x")));
        assert!(real.is_own(&url("https://api.github.com/x")) && !real.is_own(&url("https://github.com/x")));
    }
}
