//! Where a provider is: an address that cannot hide a user, a key or another protocol.

use reqwest::Url;

use super::reasons::ENDPOINT;
use crate::base::{
    reason::{Refusal, Result},
    text::excerpt,
};

/// The longest address, in bytes.
const MAX_LENGTH: usize = 500;

/// The address below which a protocol is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    base: String,
    host: String,
    loopback: bool,
}

impl Endpoint {
    /// Reads an address: `https`, or `http` on a loopback address; a path, and nothing else.
    ///
    /// # Errors
    /// `provider.endpoint`.
    pub fn parse(text: &str) -> Result<Self> {
        // The user of an address may be a key, so it is not repeated.
        let refuse = |why: &str| {
            let shown = text.rsplit('@').next().and_then(|rest| rest.split(['?', '#']).next()).unwrap_or_default();
            Err(Refusal::new(ENDPOINT, format!("{why}: `{}`", excerpt(shown))))
        };
        if text.len() > MAX_LENGTH || text.chars().any(|c| !c.is_ascii_graphic() || c == '\\') {
            return refuse("an address of 500 printable ASCII characters at most, without `\\`");
        }
        let Ok(url) = Url::parse(text) else { return refuse("no address") };
        if text.contains('@') || !url.username().is_empty() || url.password().is_some() {
            return refuse("an address with a user");
        }
        if text.contains(['?', '#']) {
            return refuse("an address with a query or a fragment");
        }
        let Some(host) = url.host_str() else { return refuse("an address without a host") };
        let loopback = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => return refuse("an address without TLS on another machine"),
            _ => return refuse("neither https nor http"),
        }
        Ok(Self { base: url.as_str().trim_end_matches('/').to_owned(), host: host.to_owned(), loopback })
    }

    /// Returns the address of a path below it; the path begins with `/`.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Returns the address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.base
    }

    /// Returns the host, without its port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Tells whether it is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_https_or_on_this_machine() {
        for (given, base) in [
            ("https://api.example.com/v1/", "https://api.example.com/v1"),
            ("https://api.example.com", "https://api.example.com"),
            ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
            ("http://localhost:11434/v1", "http://localhost:11434/v1"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(Endpoint::parse(given).unwrap().as_str(), base);
        }
        for bad in [
            "",
            "api.example.com",
            "http://api.example.com/v1",
            "http://127.0.0.1.example.com/v1",
            "http://localhost.example.com/",
            "http://10.0.0.1/v1",
            "ftp://localhost/",
            "file:///etc/passwd",
            "https://api.example.com/v1?key=1",
            "https://api.example.com/v1#x",
            "https://api.example.com\\@evil.example.com/",
            "https://api.exa mple.com/",
            "https://api.example.com/\u{202e}",
        ] {
            assert_eq!(Endpoint::parse(bad).unwrap_err().code(), "provider.endpoint", "{bad}");
        }
    }

    #[test]
    fn what_stands_before_the_host_is_not_repeated() {
        for bad in ["https://user:sk-secret@api.example.com/", "https://sk-secret@api.example.com/v1?sk-secret"] {
            let refused = Endpoint::parse(bad).unwrap_err();
            assert_eq!(refused.code(), "provider.endpoint");
            assert!(!refused.to_string().contains("sk-secret"), "{refused}");
        }
    }
}
