//! The files of the trust root: `.countersign/trust.json`, and every version with the statement that introduced it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{
    change::Proposal,
    file,
    reasons::{TRUST_FILES, TRUST_MISSING, TRUST_NOTHING_PENDING, TRUST_VERSION_EXISTS},
};
use crate::{
    app::{
        reasons::{WORK_TREE_FILE, WORK_TREE_LINK},
        work_tree::WorkTree,
    },
    base::{
        digest::Digest,
        reason::{IO, LIMIT_COUNT, Refusal, Result},
        time::Timestamp,
    },
    sign::{
        Envelope, TrustRoot,
        envelope::MAX_ENVELOPE,
        trust::{MAX_TRUST_ROOT, Version},
    },
};

/// The document in force.
pub const CURRENT: &str = ".countersign/trust.json";
/// Where every version lies.
pub const FOLDER: &str = ".countersign/trust";
/// The most versions there may be between the pinned one and the newest.
pub const MAX_VERSIONS: usize = 1_000;

/// Reads a file of the repository by its path; the caller decides from which commit. Absent files are `None`.
pub type Reader<'a> = &'a dyn Fn(&str) -> Result<Option<Vec<u8>>>;

/// Returns the path of a version's document.
#[must_use]
pub fn document_path(version: u64) -> String {
    format!("{FOLDER}/{version}.json")
}

/// Returns the path of the envelope that introduced a version.
#[must_use]
pub fn envelope_path(version: u64) -> String {
    format!("{FOLDER}/{version}.intoto.json")
}

/// What lies in the repository: versions from the pinned one to the one in force, and perhaps one that waits for
/// signatures. Nothing here is verified yet but its shape.
#[derive(Clone, Debug)]
pub struct TrustFiles {
    versions: BTreeMap<u64, Version>,
    pending: Option<Version>,
}

impl TrustFiles {
    /// Reads the files, from the newest version down to the pinned one.
    ///
    /// # Errors
    /// `trust.missing`, `trust.files` where they contradict one another, `trust.pin_mismatch` is left to
    /// [`TrustFiles::accepted`]; `json.*`, `dsse.*`, `limit.*`.
    pub fn read(reader: Reader<'_>, pin: &Digest) -> Result<Self> {
        let current = reader(CURRENT)?.ok_or_else(|| Refusal::new(TRUST_MISSING, format!("no `{CURRENT}`")))?;
        let newest = TrustRoot::unverified(&current).map_err(|e| e.subject(CURRENT))?.version;
        let mut versions = BTreeMap::new();
        let mut number = newest;
        while let Some(version) = read_version(reader, number)? {
            if versions.len() == MAX_VERSIONS {
                return Err(Refusal::new(
                    LIMIT_COUNT,
                    format!("more than {MAX_VERSIONS} versions since the pinned one"),
                )
                .hint("pin a newer version with `countersign keys trust`"));
            }
            let found = Digest::of(&version.bytes) == *pin;
            versions.insert(number, version);
            number -= 1;
            if found || number == 0 {
                break;
            }
        }
        if versions.get(&newest).is_none_or(|version| version.bytes != current) {
            let path = document_path(newest);
            return Err(Refusal::new(TRUST_FILES, format!("`{CURRENT}` and `{path}` differ")).subject(path));
        }
        let pending = newest.checked_add(1).map(|next| read_version(reader, next)).transpose()?.flatten();
        Ok(Self { versions, pending })
    }

    /// Returns the newest trust root that descends from the pinned one, even where it has expired.
    ///
    /// # Errors
    /// Those of [`TrustRoot::descend`].
    pub fn accepted(&self, pin: &Digest) -> Result<TrustRoot> {
        TrustRoot::descend(&self.versions, pin)
    }

    /// Returns the change that waits for signatures.
    ///
    /// # Errors
    /// `trust.nothing_pending`, and those of [`Proposal::resume`].
    pub fn pending(&self, accepted: &TrustRoot) -> Result<Proposal> {
        let pending = self.pending.clone();
        let version = pending.ok_or_else(|| Refusal::new(TRUST_NOTHING_PENDING, "every version is in force"))?;
        Proposal::resume(version, Some(accepted))
    }
}

/// Loads the trust root in force, for use.
///
/// # Errors
/// Those of [`TrustFiles::read`] and [`TrustRoot::load`]; `trust.files` where a newer version than `trust.json` lies
/// there, because nobody can tell a change that waits from a trust root that was put back.
pub fn load(reader: Reader<'_>, pin: &Digest, now: Timestamp) -> Result<TrustRoot> {
    let files = TrustFiles::read(reader, pin)?;
    let root = TrustRoot::load(&files.versions, pin, now)?;
    if files.pending.is_some() {
        let why = format!("`{CURRENT}` is version {}, but a newer one lies beside it", root.document().version);
        return Err(
            Refusal::new(TRUST_FILES, why).hint("finish the change with `countersign keys sign`, or remove its files")
        );
    }
    Ok(root)
}

fn read_version(reader: Reader<'_>, number: u64) -> Result<Option<Version>> {
    let (document, envelope) = (document_path(number), envelope_path(number));
    match (reader(&document)?, reader(&envelope)?) {
        (None, None) => Ok(None),
        (Some(bytes), Some(signed)) => {
            let envelope = Envelope::parse(&signed).map_err(|e| e.subject(envelope))?;
            Ok(Some(Version { bytes, envelope }))
        }
        (None, Some(_)) => Err(Refusal::new(TRUST_FILES, format!("`{document}` is missing")).subject(document)),
        (Some(_), None) => Err(Refusal::new(TRUST_FILES, format!("`{envelope}` is missing")).subject(envelope)),
    }
}

/// Reads files of a work tree, through no symbolic link below it.
pub fn work_tree_reader(work_tree: &Path) -> impl Fn(&str) -> Result<Option<Vec<u8>>> {
    let work_tree = WorkTree::at(work_tree);
    move |path| {
        let read = work_tree.read(path, MAX_TRUST_ROOT.max(MAX_ENVELOPE));
        read.map_err(|e| match e.reason() {
            WORK_TREE_LINK | WORK_TREE_FILE => Refusal::new(TRUST_FILES, e.message()).subject(path),
            _ => e,
        })
    }
}

/// Writes a proposal's files in a work tree: its version always, `trust.json` only when enough have signed.
///
/// Signatures that are there already are kept, and join the proposal. Returns the paths written.
///
/// # Errors
/// `trust.version_exists` where the version is there with other content, `trust.files` where `trust.json` is
/// neither this version nor the one before, `io.failed`.
pub fn write(work_tree: &Path, proposal: &mut Proposal) -> Result<Vec<PathBuf>> {
    let (document, signed) = (document_path(proposal.number()), envelope_path(proposal.number()));
    let reader = work_tree_reader(work_tree);
    let exists =
        |path: &str| Err(Refusal::new(TRUST_VERSION_EXISTS, format!("`{path}` says something else")).subject(path));
    let there = reader(&document)?;
    if there.as_ref().is_some_and(|bytes| *bytes != proposal.version().bytes) {
        return exists(&document);
    }
    if let Some(bytes) = reader(&signed)? {
        let earlier = Envelope::parse(&bytes).map_err(|e| e.subject(signed.as_str()))?;
        if earlier.payload_digest() != proposal.version().envelope.payload_digest() {
            return exists(&signed);
        }
        proposal.join(&earlier)?;
    }
    let (version, complete) = (proposal.version(), proposal.is_complete()?);
    let current = reader(CURRENT)?.map(|bytes| Digest::of(&bytes));
    if current.is_some() && current != Some(proposal.digest()) && current != proposal.previous() {
        return Err(Refusal::new(TRUST_FILES, format!("`{CURRENT}` is neither the version before nor this one"))
            .subject(CURRENT));
    }
    let folder = work_tree.join(FOLDER);
    fs::create_dir_all(&folder).map_err(|e| failed(&folder, &e))?;
    let mut written = Vec::new();
    let mut put = |path: &str, bytes: &[u8]| -> Result<()> {
        let full = work_tree.join(path);
        file::replace(&full, bytes, 0o644)?;
        written.push(full);
        Ok(())
    };
    if there.is_none() {
        put(&document, &version.bytes)?;
    }
    put(&signed, &version.envelope.to_bytes()?)?;
    // Last, so that whoever reads in between finds the version before, whole.
    if complete && current != Some(proposal.digest()) {
        put(CURRENT, &version.bytes)?;
    }
    Ok(written)
}

fn failed(path: &Path, cause: &std::io::Error) -> Refusal {
    Refusal::new(IO, format!("`{}`: {cause}", path.display())).subject(path.display().to_string())
}

#[cfg(test)]
#[path = "trust_store_tests.rs"]
mod tests;
