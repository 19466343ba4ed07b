//! What opens a remote ledger: a token for one host, or the SSH agent.

use std::path::PathBuf;

use super::world::Environment;
use crate::{
    base::{
        reason::{Refusal, Result},
        secret::Secret,
        text::excerpt,
    },
    ledger::{Address, Remote, reasons::LEDGER_REMOTE},
    sign::trust::LOCAL,
};

/// The variable with a token that is meant for the ledger's repository.
const GIT_TOKEN: &str = "COUNTERSIGN_GIT_TOKEN";
/// The variable with the token of the forge, which serves the repository too.
const FORGE_TOKEN: &str = "GITHUB_TOKEN";
/// The variable that names the ledger's remote: a job's checkout has no settings of its own.
const LEDGER: &str = "COUNTERSIGN_LEDGER_REMOTE";

/// What opens a remote ledger, as the environment gives it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access {
    /// Names the remote, in place of the checkout's own setting.
    ledger: Option<String>,
    ssh_agent: Option<PathBuf>,
    git_token: Option<Secret>,
    forge_token: Option<Secret>,
}

impl Access {
    /// Takes tokens and socket from the environment.
    pub(crate) fn of(env: &Environment) -> Self {
        let token = |name: &str| {
            let text = env.text(name)?.trim();
            (!text.is_empty()).then(|| Secret::new(text.to_owned()))
        };
        let ledger = env.text(LEDGER).map(str::to_owned);
        Self {
            ledger,
            ssh_agent: env.path("SSH_AUTH_SOCK"),
            git_token: token(GIT_TOKEN),
            forge_token: token(FORGE_TOKEN),
        }
    }

    /// Returns the name or address of the ledger's remote, where the environment gives one.
    pub(crate) fn ledger(&self) -> Option<&str> {
        self.ledger.as_deref()
    }

    /// Makes the remote at an address, with what the trust root's host lets it be shown.
    ///
    /// A ledger behind HTTP lies on the host that the trust root names: any other could show an old ledger, in
    /// which a used approval is still unused. Where the trust root names no forge, only this very machine is
    /// shown a token, and only the one meant for it.
    ///
    /// # Errors
    /// `ledger.remote`.
    pub(crate) fn remote(&self, url: &str, host: &str) -> Result<Remote> {
        let address = Address::parse(url)?;
        let local = host == LOCAL;
        if !local && address.authority().is_some_and(|authority| authority != host) {
            let what = format!("`{}` is not on {}", excerpt(url), excerpt(host));
            return Err(Refusal::new(LEDGER_REMOTE, what));
        }
        let token = match local {
            true => self.git_token.as_ref().filter(|_| address.is_loopback()),
            false => self.git_token.as_ref().or(self.forge_token.as_ref()),
        };
        let mut remote = Remote::new(address);
        if let Some(token) = token {
            remote = remote.with_token(token);
        }
        if let Some(socket) = &self.ssh_agent {
            remote = remote.with_ssh_agent(socket);
        }
        Ok(remote)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which token a remote would be shown, by its base64.
    fn shown(variables: &[(&str, &str)], url: &str, host: &str) -> Result<Option<String>> {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let env = Environment::fixed(variables.iter().map(|(name, value)| ((*name).to_owned(), *value)));
        let remote = Access::of(&env).remote(url, host)?;
        Ok(remote.shows().map(|header| {
            let encoded = header.strip_prefix("Authorization: Basic ").unwrap();
            String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
        }))
    }

    #[test]
    fn a44_a_token_is_shown_to_the_host_of_the_trust_root_and_to_no_other() {
        let both = [("GITHUB_TOKEN", "forge"), ("COUNTERSIGN_GIT_TOKEN", " git\n")];
        let forge = [("GITHUB_TOKEN", "forge")];
        let shown = |variables, url, host| shown(variables, url, host).map_err(|e| e.code());
        let git = Ok(Some("x-access-token:git".to_owned()));
        assert_eq!(shown(&both, "https://github.com/o/r", "github.com"), git);
        assert_eq!(shown(&forge, "https://github.com/o/r", "github.com"), Ok(Some("x-access-token:forge".to_owned())));
        assert_eq!(shown(&both, "http://127.0.0.1:3000/o/r", "127.0.0.1:3000"), git);
        for elsewhere in [
            "https://github.com.evil.example/o/r",
            "https://evil.example/o/r",
            "https://github.com:444/o/r",
            "https://GITHUB.com/o/r",
            "http://127.0.0.1:3000/o/r",
        ] {
            assert_eq!(shown(&both, elsewhere, "github.com"), Err("ledger.remote"), "{elsewhere}");
        }
        for other in ["/srv/r.git", "git@github.com:o/r", "ssh://git@github.com/o/r"] {
            assert_eq!(shown(&both, other, "github.com"), Ok(None), "{other}");
        }
    }

    #[test]
    fn a44_without_a_forge_only_this_machine_is_shown_a_token_and_only_the_one_for_git() {
        let both = [("GITHUB_TOKEN", "forge"), ("COUNTERSIGN_GIT_TOKEN", "git")];
        assert_eq!(shown(&both, "https://github.com/o/r", "local").unwrap(), None);
        assert_eq!(shown(&both[..1], "http://127.0.0.1:1/r", "local").unwrap(), None);
        assert_eq!(shown(&both, "http://127.0.0.1:1/r", "local").unwrap(), Some("x-access-token:git".into()));
        assert_eq!(shown(&[("COUNTERSIGN_GIT_TOKEN", " ")], "http://127.0.0.1:1/r", "local").unwrap(), None);
    }

    #[test]
    fn a_token_is_not_shown_by_debug() {
        let env = Environment::fixed([("COUNTERSIGN_GIT_TOKEN", "s3cret")]);
        let access = Access::of(&env);
        let remote = access.remote("http://127.0.0.1:1/r", "local").unwrap();
        assert!(!format!("{access:?}{remote:?}").contains("s3cret"));
    }
}
