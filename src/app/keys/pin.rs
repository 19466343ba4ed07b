//! The pin: which trust root this person, or this job, trusts. Nothing is ever trusted on first use.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::file::{self, Readers};
use crate::{
    base::{
        digest::Digest,
        json,
        reason::{Refusal, Result},
    },
    sign::reasons::{TRUST_PIN, TRUST_UNPINNED},
};

/// The variable that wins over the file; the caller reads it.
pub const VARIABLE: &str = "COUNTERSIGN_TRUST_ROOT";
const PIN_TYPE: &str = "https://countersign.dev/pin/v1";
const MAX_PIN: u64 = 16 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PinFile {
    #[serde(rename = "_type")]
    kind: String,
    host: String,
    repo_id: String,
    digest: Digest,
}

/// A pinned digest, and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// SHA-256 of the pinned version's bytes.
    pub digest: Digest,
    /// The file; `None` where it came from [`VARIABLE`].
    pub file: Option<PathBuf>,
}

/// Whether another pin may be put in the place of one that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repin {
    /// No.
    Refuse,
    /// Yes; the person found out why it changed.
    Replace,
}

/// Returns the file of a repository's pin: its name is a digest, whatever the ids hold.
#[must_use]
pub fn path(config_dir: &Path, host: &str, repo_id: &str) -> PathBuf {
    config_dir.join("pins").join(format!("{}.json", Digest::framed("pin", [host, repo_id]).hex()))
}

/// Finds the pin of a repository: the variable's where that is set, else the file's.
///
/// # Errors
/// `trust.unpinned` where there is none, `usage.invalid` where the variable holds anything but a full digest,
/// `trust.pin_mismatch` where the file is about another repository, `key.permissions`, `json.*`.
pub fn resolve(config_dir: &Path, variable: Option<&str>, host: &str, repo_id: &str) -> Result<Pin> {
    if let Some(text) = variable.map(str::trim).filter(|text| !text.is_empty()) {
        let digest = text.parse().map_err(|e: Refusal| e.typed_as(VARIABLE))?;
        return Ok(Pin { digest, file: None });
    }
    match read(config_dir, host, repo_id)? {
        Some(digest) => Ok(Pin { digest, file: Some(path(config_dir, host, repo_id)) }),
        None => Err(Refusal::new(TRUST_UNPINNED, format!("no pin for repository {repo_id} on {host}")).hint(
            "ask a holder of a root key for the digest on another channel, compare it with `countersign keys show`, \
             then run `countersign keys trust sha256:...`",
        )),
    }
}

/// Writes the pin of a repository.
///
/// # Errors
/// `trust.pin_mismatch` where another digest is pinned and [`Repin::Refuse`] was asked, `key.permissions`, `io.failed`.
pub fn store(config_dir: &Path, host: &str, repo_id: &str, digest: Digest, repin: Repin) -> Result<PathBuf> {
    let target = path(config_dir, host, repo_id);
    if let Some(pinned) = read(config_dir, host, repo_id)? {
        if pinned == digest {
            return Ok(target);
        }
        if repin == Repin::Refuse {
            return Err(Refusal::new(TRUST_PIN, format!("{pinned} is pinned, not {digest}"))
                .subject(target.display().to_string()));
        }
    }
    let pin = PinFile { kind: PIN_TYPE.to_owned(), host: host.to_owned(), repo_id: repo_id.to_owned(), digest };
    let bytes = json::canonical(&pin)?;
    file::make_private_folder(&config_dir.join("pins"))?;
    file::replace(&target, &bytes, 0o600)?;
    Ok(target)
}

fn read(config_dir: &Path, host: &str, repo_id: &str) -> Result<Option<Digest>> {
    let target = path(config_dir, host, repo_id);
    // Only what is surely not there counts as absent; whatever cannot be read refuses.
    match target.symlink_metadata() {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        _ => {}
    }
    let text = file::read_private(&target, MAX_PIN, Readers::Anybody)?;
    let about = |e: Refusal| e.subject(target.display().to_string());
    let pin: PinFile = json::from_canonical(text.as_bytes(), text.len()).map_err(about)?;
    if pin.kind != PIN_TYPE || pin.host != host || pin.repo_id != repo_id {
        return Err(
            Refusal::new(TRUST_PIN, "the pin file is about another repository").subject(target.display().to_string())
        );
    }
    Ok(Some(pin.digest))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn b35_nothing_is_trusted_on_first_use() {
        let room = tempfile::tempdir().unwrap();
        for variable in [None, Some(""), Some("  ")] {
            let refusal = resolve(room.path(), variable, "local", "1").unwrap_err();
            assert_eq!(refusal.code(), "trust.unpinned");
            assert!(refusal.hints().next().unwrap().contains("on another channel"));
        }
        assert!(std::fs::read_dir(room.path()).unwrap().next().is_none(), "and nothing was written");
    }

    #[test]
    fn b35_the_variable_wins_and_takes_only_a_full_digest() {
        let room = tempfile::tempdir().unwrap();
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        store(room.path(), "local", "1", one, Repin::Refuse).unwrap();
        assert_eq!(resolve(room.path(), None, "local", "1").unwrap().digest, one);
        assert_eq!(
            resolve(room.path(), Some(&two.to_string()), "local", "1").unwrap(),
            Pin { digest: two, file: None }
        );
        for bad in [&two.hex(), &two.to_string()[..20], "any", "*"] {
            assert_eq!(resolve(room.path(), Some(bad), "local", "1").unwrap_err().code(), "usage.invalid", "{bad}");
        }
    }

    #[test]
    fn b36_a_pin_is_of_one_repository_on_one_host() {
        let room = tempfile::tempdir().unwrap();
        store(room.path(), "local", "1", Digest::of(b"1"), Repin::Refuse).unwrap();
        assert_eq!(resolve(room.path(), None, "local", "2").unwrap_err().code(), "trust.unpinned");
        assert_eq!(resolve(room.path(), None, "other", "1").unwrap_err().code(), "trust.unpinned");
        std::fs::rename(path(room.path(), "local", "1"), path(room.path(), "local", "2")).unwrap();
        assert_eq!(resolve(room.path(), None, "local", "2").unwrap_err().code(), "trust.pin_mismatch");
    }

    #[test]
    fn a_pin_is_replaced_only_when_asked() {
        let room = tempfile::tempdir().unwrap();
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        store(room.path(), "local", "../../x", one, Repin::Refuse).unwrap();
        store(room.path(), "local", "../../x", one, Repin::Refuse).unwrap();
        let refusal = store(room.path(), "local", "../../x", two, Repin::Refuse).unwrap_err();
        assert_eq!(refusal.code(), "trust.pin_mismatch");
        store(room.path(), "local", "../../x", two, Repin::Replace).unwrap();
        assert_eq!(resolve(room.path(), None, "local", "../../x").unwrap().digest, two);
    }

    #[test]
    fn b49_a_pin_that_others_can_write_or_that_is_a_link_is_refused() {
        let room = tempfile::tempdir().unwrap();
        let target = store(room.path(), "local", "1", Digest::of(b"1"), Repin::Refuse).unwrap();
        std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o666)).unwrap();
        assert_eq!(resolve(room.path(), None, "local", "1").unwrap_err().code(), "key.permissions");
        std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(resolve(room.path(), None, "local", "1").is_ok());
        std::fs::rename(&target, room.path().join("moved")).unwrap();
        std::os::unix::fs::symlink(room.path().join("moved"), &target).unwrap();
        assert_eq!(resolve(room.path(), None, "local", "1").unwrap_err().code(), "key.file");
    }
}
