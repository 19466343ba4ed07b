//! The variables, one row each, the most particular first.

use super::Place;

/// One kind of variable that a planner must not have.
#[derive(Debug)]
pub(super) struct Row {
    /// How a name begins; the whole name where it ends in no underscore and there are no words.
    begins: &'static str,
    /// What a name holds as one of its words, of which one is enough; none means any name that begins so.
    words: &'static [&'static str],
    /// Where it refuses.
    refuses: Where,
    /// What it is, for `NAME is ...`.
    pub(super) what: &'static str,
    /// What to do.
    pub(super) remedy: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    Everywhere,
    Job,
}

impl Row {
    /// Tells whether it refuses at a place.
    pub(super) fn counts(&self, place: Place) -> bool {
        self.refuses == Where::Everywhere || place == Place::Job
    }

    fn fits(&self, name: &str) -> bool {
        if self.words.is_empty() && !self.begins.ends_with('_') {
            return name == self.begins;
        }
        let word = |word: &&str| name.split('_').any(|part| part == *word);
        name.starts_with(self.begins) && (self.words.is_empty() || self.words.iter().any(word))
    }
}

/// Returns the first row that a name fits.
pub(super) fn find(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.fits(name))
}

/// Words of names that hold what opens something.
const SECRETS: &[&str] =
    &["CERTIFICATE", "CREDENTIAL", "CREDENTIALS", "KEY", "PASSPHRASE", "PASSWD", "PASSWORD", "SECRET", "TOKEN"];
const IDENTITY: &str = "what a job proves with who it is";
const SIGNING: &str = "a key that signs for this tool";
const CLOUD: &str = "a credential of a cloud";
const NO_CLOUD: &str = "plan in a job that has no credentials of a cloud, or start with `env -u NAME`";
const NO_SIGNING: &str = "sign and record the plan in a job of its own, which asks no model";
const FILES: &str = "the name of a file or profile with credentials";

const fn row(begins: &'static str, words: &'static [&'static str], what: &'static str, remedy: &'static str) -> Row {
    Row { begins, words, refuses: Where::Everywhere, what, remedy }
}

const fn job(begins: &'static str, words: &'static [&'static str], what: &'static str, remedy: &'static str) -> Row {
    Row { begins, words, refuses: Where::Job, what, remedy }
}

static ROWS: &[Row] = &[
    row("ACTIONS_ID_TOKEN_REQUEST_", &["URL", "TOKEN"], IDENTITY, "take `id-token: write` from the job's permissions"),
    row("SIGSTORE_ID_TOKEN", &[], IDENTITY, "take the token from the job"),
    job("ACTIONS_RUNTIME_TOKEN", &[], "what writes caches and artifacts", "run the tool in a step, not in an action"),
    // It names a file or a key, and holds none; the key file of a person is theirs.
    job("COUNTERSIGN_KEY", &[], "the name of a key that signs for this tool", NO_SIGNING),
    job("COUNTERSIGN_GIT_TOKEN", &[], "a token that may write to the ledger", NO_SIGNING),
    row("COUNTERSIGN_", &["KEY"], SIGNING, NO_SIGNING),
    job("AWS_PROFILE", &[], FILES, NO_CLOUD),
    job("AWS_CONFIG_FILE", &[], FILES, NO_CLOUD),
    job("AWS_SHARED_CREDENTIALS_FILE", &[], FILES, NO_CLOUD),
    row("AWS_", SECRETS, CLOUD, NO_CLOUD),
    row("AZURE_", SECRETS, CLOUD, NO_CLOUD),
    row("ARM_", SECRETS, CLOUD, NO_CLOUD),
    row("GOOGLE_APPLICATION_CREDENTIALS", &[], CLOUD, NO_CLOUD),
    row("GOOGLE_", SECRETS, CLOUD, NO_CLOUD),
    row("GCP_", SECRETS, CLOUD, NO_CLOUD),
    row("CLOUDSDK_AUTH_", &[], CLOUD, NO_CLOUD),
    row("ALIBABA_CLOUD_", SECRETS, CLOUD, NO_CLOUD),
    row("DIGITALOCEAN_", SECRETS, CLOUD, NO_CLOUD),
    row("CLOUDFLARE_", SECRETS, CLOUD, NO_CLOUD),
    row("HCLOUD_", SECRETS, CLOUD, NO_CLOUD),
    row("OCI_", SECRETS, CLOUD, NO_CLOUD),
    row("VAULT_TOKEN", &[], "a token of a vault", NO_CLOUD),
    job("KUBECONFIG", &[], "the name of a file that opens a cluster", NO_CLOUD),
    job("SSH_AUTH_SOCK", &[], "an agent that signs and logs in with keys", "start no SSH agent in the job"),
    job("GPG_AGENT_INFO", &[], "an agent that signs with keys", "start no agent in the job"),
    // Tokens of the forge have a check of their own.
    job("", OTHERS, "a secret, by its name", NO_OTHER),
];

/// Words that make a secret of any variable in a job; those of the forge are judged by what they may.
const OTHERS: &[&str] =
    &["CREDENTIAL", "CREDENTIALS", "PASSPHRASE", "PASSWD", "PASSWORD", "PGPASSWORD", "SECRET", "TOKEN"];
const NO_OTHER: &str = "give the job that plans no secret but the key of its model";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_can_be_reached() {
        for row in ROWS {
            let word = row.words.first().map(|word| format!("X_{word}")).unwrap_or_default();
            let name = format!("{}{word}", row.begins);
            assert!(std::ptr::eq(find(&name).unwrap(), row), "{name} is taken by another row");
        }
    }
}
