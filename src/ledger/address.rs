//! The address of a remote ledger: what it may look like, and the origin that a token is given to.

use super::reasons::LEDGER_REMOTE;
use crate::base::{
    reason::{Refusal, Result},
    text::{check_steering, excerpt},
};

/// The address of a repository that is spoken to over one known transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    url: String,
    protocol: &'static str,
    /// Host and port as written; absent where a token has no meaning.
    authority: Option<String>,
}

impl Address {
    /// Reads `https://HOST[:PORT]/PATH`, `http://` of the same machine, `ssh://…`, `user@host:path`, or an
    /// absolute local path.
    ///
    /// # Errors
    /// `ledger.remote` for any other, and for one that carries a name or a password; `text.*`.
    pub fn parse(url: &str) -> Result<Self> {
        // An address with a password in it must not reach a message, nor the arguments of a program.
        let refuse = |why: &str| Err(Refusal::new(LEDGER_REMOTE, why.to_owned()));
        let scp = url.split_once(':').is_some_and(|(host, path)| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'@');
            host.contains('@') && host.bytes().all(plain) && !path.starts_with(':') && !path.contains("://")
        });
        let web = ["https", "http"]
            .into_iter()
            .find_map(|scheme| Some((scheme, url.strip_prefix(scheme)?.strip_prefix("://")?)));
        if let Some((protocol, rest)) = web {
            let authority = rest.split('/').next().unwrap_or_default();
            if authority.contains('@') {
                return refuse("the address holds a name or a password");
            }
            check_steering(url)?;
            if !is_authority(authority) || rest.contains(['?', '#', ' ', '\\']) {
                return refuse(&format!("`{}`", excerpt(url)));
            }
            if protocol == "http" && !is_loopback(authority) {
                return refuse(&format!("`{}` is not encrypted", excerpt(url)));
            }
            return Ok(Self { url: url.to_owned(), protocol, authority: Some(authority.to_owned()) });
        }
        check_steering(url)?;
        let protocol = if url.starts_with('-') {
            None
        } else if url.starts_with("ssh://") || scp {
            Some("ssh")
        } else if url.starts_with('/') {
            Some("file")
        } else {
            None
        };
        let protocol = protocol.ok_or_else(|| Refusal::new(LEDGER_REMOTE, format!("`{}`", excerpt(url))))?;
        Ok(Self { url: url.to_owned(), protocol, authority: None })
    }

    /// Returns the address as it was written.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns git's name of the transport.
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        self.protocol
    }

    /// Returns host and port, where the transport is HTTP.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// Tells whether what is spoken to is this machine, over HTTP.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.authority().is_some_and(is_loopback)
    }
}

/// Takes a host name, an IPv4 address or `[::1]`, each with or without a port; nothing that git reads as a pattern.
fn is_authority(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix("[::1]") {
        Some("") => return true,
        Some(rest) => ("", rest.strip_prefix(':')),
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let bracketed = authority.starts_with("[::1]");
    let host_fits = bracketed
        || host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
            && host.starts_with(|c: char| c.is_ascii_alphanumeric());
    let port_fits = match port {
        Some(port) => port.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == port),
        None => !bracketed,
    };
    host_fits && port_fits
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix("[::1]") {
        Some(_) => "[::1]",
        None => authority.split(':').next().unwrap_or_default(),
    };
    matches!(host, "127.0.0.1" | "localhost" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c05_only_known_transports_are_spoken_to() {
        for good in [
            "https://h/r.git",
            "https://h:8443/r.git",
            "http://127.0.0.1:3000/r.git",
            "http://localhost:3000/r",
            "http://[::1]:3000/r",
            "ssh://git@h/r",
            "git@h:o/r.git",
            "/srv/r.git",
        ] {
            assert!(Address::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "ext::sh -c x",
            "http://h/r",
            "http://127.0.0.1.h/r",
            "http://127.0.0.1@h/r",
            "http://localhost.h/r",
            "https:///r",
            "https://*.h/r",
            "https://h:/r",
            "https://h:0443/r",
            "https://h:99999/r",
            "https://[::2]/r",
            "https://h/r?x",
            "https://h/r#x",
            "git://h/r",
            "file:///r",
            "--upload-pack=x",
            "-u@h:x",
            "r.git",
            "",
            "fd::3",
            "a@b::x",
            "https\u{3a}//h/\u{e9}",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn c05_an_address_with_a_password_is_neither_used_nor_shown() {
        for bad in
            ["https://u:s3cret@h/r", "https://s3cret@h/r", "http://s3cret@127.0.0.1:1/r", "https://s3cret@h/\u{e9}"]
        {
            let refusal = Address::parse(bad).unwrap_err();
            assert_eq!(refusal.code(), "ledger.remote");
            assert!(!format!("{refusal:?}").contains("s3cret"), "{refusal:?}");
        }
    }

    #[test]
    fn a44_the_origin_is_host_and_port_as_written() {
        let authority = |url: &str| Address::parse(url).unwrap().authority().map(str::to_owned);
        assert_eq!(authority("https://github.com/o/r"), Some("github.com".into()));
        assert_eq!(authority("https://github.com:444/o/r"), Some("github.com:444".into()));
        assert_eq!(authority("git@github.com:o/r"), None);
        assert_eq!(authority("/srv/r.git"), None);
    }
}
