//! One file or folder a provider.

pub mod github;
pub mod local;

use super::{Forge, http::Settings};
use crate::base::reason::Result;

/// Makes the provider for the repository `owner/name` on a host of the trust root; opens nothing yet.
///
/// `lookup` gives the variables of the environment: they are compared with host and repository, never
/// followed. `github.com`, `*.ghe.com` and every other host are GitHub's.
///
/// # Errors
/// `forge.address`, `forge.token_missing`, `forge.credentials`, `context.mismatch`.
pub fn connect<'a>(
    host: &str,
    repository: &str,
    credentials: github::Credentials,
    settings: Settings,
    lookup: impl Fn(&str) -> Option<&'a str>,
) -> Result<Box<dyn Forge>> {
    let provider = github::GitHub::new(host, repository, credentials, settings)?;
    provider.cross_check(lookup)?;
    Ok(Box::new(provider))
}
