//! What git's own settings say of a repository: its remotes, and whatever was left there that should not be.

use std::path::Path;

use git2::{ConfigLevel, ErrorCode};

use super::{Checkout, unreadable};
use crate::{
    base::{
        reason::{Refusal, Result},
        text::excerpt,
    },
    forge::reasons::REF_MISSING,
    git::settings,
};

impl Checkout {
    /// Returns a setting of the repository, or else of the person whose home is given; for display only.
    #[must_use]
    pub fn configured(&self, key: &str, home: Option<&Path>) -> Option<String> {
        let own = self.repo.raw().config().and_then(|config| config.open_level(ConfigLevel::Local));
        if let Ok(value) = own.and_then(|config| config.get_string(key)) {
            return Some(value);
        }
        let home = home?;
        [home.join(".gitconfig"), home.join(".config/git/config")]
            .iter()
            .find_map(|file| git2::Config::open(file).and_then(|config| config.get_string(key)).ok())
    }

    /// Returns the URL of the ledger's remote: the one named, else git's local setting `countersign.remote`; the
    /// name of a remote or a URL itself.
    ///
    /// # Errors
    /// `subject.ref_missing` where it names no remote, `repository.unreadable`.
    pub fn ledger_remote(&self, named: Option<&str>) -> Result<Option<String>> {
        let config =
            self.repo.raw().config().and_then(|config| config.open_level(ConfigLevel::Local)).map_err(unreadable)?;
        let named = match named.map_or_else(|| config.get_string("countersign.remote"), |named| Ok(named.to_owned())) {
            Ok(named) => named,
            Err(e) if e.code() == ErrorCode::NotFound => return Ok(None),
            Err(e) => return Err(unreadable(e)),
        };
        if named.contains(['/', ':']) {
            return Ok(Some(named));
        }
        let url = config.get_string(&format!("remote.{named}.url")).map_err(|_| {
            Refusal::new(REF_MISSING, format!("remote `{}`", excerpt(&named)))
                .hint("`git config countersign.remote` names a remote that git does not know")
        })?;
        Ok(Some(url))
    }

    /// Returns the address of the remote `origin`, where there is one.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        let remote = self.repo.raw().find_remote("origin").ok()?;
        remote.url().ok().map(str::to_owned)
    }

    /// Returns the settings of the repository and its submodules that hold credentials, as [`settings::credentials`].
    ///
    /// # Errors
    /// `repository.unreadable`.
    pub fn credentials(&self) -> Result<Vec<String>> {
        settings::credentials(self.repo.raw().commondir()).map_err(unreadable)
    }
}
