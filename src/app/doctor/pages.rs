//! Addresses of the pages on which people change settings.

/// Addresses of the pages of one repository.
#[derive(Clone, Debug)]
pub(super) struct Pages(String);

impl Pages {
    /// Makes them for a repository `owner/name` on a host of the trust root.
    pub(super) fn new(host: &str, full_name: &str) -> Self {
        let loopback = ["127.0.0.1:", "localhost:"].iter().any(|prefix| host.starts_with(prefix));
        Self(format!("{}://{host}/{full_name}", if loopback { "http" } else { "https" }))
    }

    pub(super) fn environments(&self) -> String {
        format!("{}/settings/environments", self.0)
    }

    pub(super) fn environment(&self, id: u64) -> String {
        format!("{}/settings/environments/{id}/edit", self.0)
    }

    pub(super) fn rules(&self) -> String {
        format!("{}/settings/rules", self.0)
    }

    pub(super) fn actions(&self) -> String {
        format!("{}/settings/actions", self.0)
    }

    pub(super) fn secrets(&self) -> String {
        format!("{}/settings/secrets/actions", self.0)
    }

    pub(super) fn access(&self) -> String {
        format!("{}/settings/access", self.0)
    }

    /// The page of a file on a branch, at a line where one is given.
    pub(super) fn file(&self, branch: &str, path: &str, line: Option<usize>) -> String {
        let at = line.map(|line| format!("#L{line}")).unwrap_or_default();
        format!("{}/blob/{branch}/{path}{at}", self.0)
    }
}
