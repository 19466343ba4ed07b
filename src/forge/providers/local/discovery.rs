//! How a checkout is found, and what is refused before anything of it is read.

use std::{cell::RefCell, path::Path};

use git2::{ConfigLevel, ErrorCode};

use super::{Checkout, unreadable};
use crate::{
    base::reason::{Refusal, Result},
    forge::reasons::{REPO_FORMAT, REPO_MISSING, REPO_OWNER, REPO_SHALLOW},
    git::Repository,
};

impl Checkout {
    /// Finds the checkout that holds a folder.
    ///
    /// # Errors
    /// `repository.missing` outside a checkout or in a bare repository, `repository.object_format`, `repository.owner`,
    /// `repository.shallow`.
    pub fn discover(start: &Path) -> Result<Self> {
        isolate();
        let repo = git2::Repository::discover(start).map_err(|e| cannot_open(start, &e))?;
        let workdir = repo
            .workdir()
            .ok_or_else(|| {
                Refusal::new(REPO_MISSING, "the repository is bare").hint("clone it, and work in the clone")
            })?
            .canonicalize()
            .map_err(|e| Refusal::new(REPO_MISSING, e.to_string()))?;
        if repo.is_shallow() {
            return Err(Refusal::new(REPO_SHALLOW, "the clone is shallow"));
        }
        let replaced = repo.references_glob("refs/replace/*").map_err(unreadable)?.next().is_some();
        if replaced {
            return Err(Refusal::new(REPO_SHALLOW, "refs/replace holds replaced objects"));
        }
        if repo.commondir().join("info/grafts").exists() {
            return Err(Refusal::new(REPO_SHALLOW, "info/grafts says other parents than commits do"));
        }
        let repo = Repository::new(repo).map_err(unreadable)?;
        Ok(Self { repo, workdir, read: RefCell::default() })
    }
}

/// Says why what is found at a folder, or above it, is not opened.
fn cannot_open(start: &Path, error: &git2::Error) -> Refusal {
    let shown = start.display();
    // libgit2 has no code of its own for these. Where it names a path, the path is not what decides.
    let of_format = |words: &str| {
        let said = error.message().split(['/', '`']).next().unwrap_or_default();
        said.contains(words)
    };
    match error.code() {
        ErrorCode::Owner => Refusal::new(REPO_OWNER, format!("{shown}: {}", error.message())),
        _ if of_format("object format 'sha256'") || of_format("extensions.objectformat") => Refusal::new(
            REPO_FORMAT,
            format!("{shown}: the ids of its objects are SHA-256 (git's object format)"),
        )
        .hint(
            "git converts no repository: fetch its content into one that was made with `git init --object-format=sha1`",
        ),
        _ if of_format("unsupported extension")
            || of_format("unknown object format")
            || of_format("repository version") =>
        {
            Refusal::new(REPO_FORMAT, format!("{shown}: {}", error.message()))
        }
        _ => Refusal::new(REPO_MISSING, format!("{shown}: {}", error.message())),
    }
}

/// Keeps the machine's and the user's git configuration out of what libgit2 does for us.
fn isolate() {
    use git2::opts;
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        for level in [ConfigLevel::System, ConfigLevel::Global, ConfigLevel::XDG, ConfigLevel::ProgramData] {
            // SAFETY: called once, before any repository is opened by this process.
            #[expect(unsafe_code, reason = "libgit2's global options can be set in no other way")]
            // An error leaves the default, which reads more configuration but grants nothing.
            let _ = unsafe { opts::set_search_path(level, "") };
        }
    });
}
