//! What the `keys` commands do: a request in, a result out that serialises and reads as text.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    change::{self, Change, Proposal},
    file::{self, HeldKey, Place},
    pin::{self, Repin},
    ssh,
    trust_store::{self, Reader, TrustFiles},
};
use crate::{
    base::{
        digest::Digest,
        ident::Id,
        reason::{Refusal, Result},
        text,
        time::Timestamp,
    },
    sign::{
        Duty, PublicKey, Signer, TrustRoot,
        issuer::{Gate, Issuer},
        reasons::TRUST_PIN,
        schemes::Scheme,
    },
};

/// `keys generate`: makes a key file.
#[derive(Clone, Debug)]
pub struct GenerateRequest {
    /// Where the configuration of the person lies.
    pub config_dir: PathBuf,
    /// Name of the key.
    pub name: Id,
    /// The path, where the default one is not wanted.
    pub path: Option<PathBuf>,
    /// Whether it may lie in a work tree.
    pub place: Place,
}

/// The key that was made; nothing of its private half.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Generated {
    /// Id of the key.
    pub key: Digest,
    /// The public key, base64 of 32 bytes.
    pub public: String,
    /// The public key as OpenSSH writes it.
    pub openssh: String,
    /// The file.
    pub path: String,
}

/// Makes a key and writes it.
///
/// # Errors
/// Those of [`HeldKey::save`].
pub fn generate(request: &GenerateRequest) -> Result<Generated> {
    let default = || file::default_path(&request.config_dir, &request.name);
    let path = request.path.clone().unwrap_or_else(default);
    let key = HeldKey::random()?;
    let public = key.public()?;
    key.save(&path, request.place)?;
    Ok(Generated {
        key: public.id(),
        public: public.to_base64(),
        openssh: ssh::openssh_line(&public),
        path: path.display().to_string(),
    })
}

impl Generated {
    /// Returns the lines for a person.
    #[must_use]
    pub fn text(&self) -> String {
        let file = text::visible(&self.path);
        format!(
            "key      {}\npublic   {}\nfile     {file}\nnext     countersign keys public '{file}' > key.pub\n         then a holder of a root key: countersign keys enrol --login LOGIN --public-key key.pub\n",
            self.key, self.public,
        )
    }
}

/// Whether a key counts at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyStatus {
    /// It counts.
    Valid,
    /// Its time has not begun.
    NotYet,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

impl KeyStatus {
    fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::NotYet => "not yet",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// A key as `keys show` shows it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownKey {
    /// Id of the key.
    pub id: Digest,
    /// Name of the key.
    pub name: String,
    /// Scheme of its signatures.
    pub scheme: Scheme,
    /// Numeric id of the principal.
    pub principal: u64,
    /// Login of the principal.
    pub login: String,
    /// Roles of the principal.
    pub roles: Vec<Id>,
    /// What the key may sign.
    pub duties: Vec<Duty>,
    /// Whether it counts now.
    pub status: KeyStatus,
    /// From when on it is valid.
    pub not_before: Timestamp,
    /// From when on it is not valid.
    pub not_after: Timestamp,
    /// Which jobs sign with it, where it is no key that anybody holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
}

/// The trust root in force.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// What to compare and to pin.
    pub digest: Digest,
    /// Version.
    pub version: u64,
    /// From when on it is refused.
    pub expires: Timestamp,
    /// Holders of root keys who must sign a change.
    pub root_threshold: u32,
    /// Its keys, in the order of the document.
    pub keys: Vec<ShownKey>,
    /// Whose tokens show which CI job runs, as the document has them.
    pub issuers: Vec<Issuer>,
}

/// Shows a trust root at a time.
#[must_use]
pub fn show(root: &TrustRoot, now: Timestamp) -> Shown {
    let document = root.document();
    let keys = document.keys.iter().map(|key| {
        let principal = root.principal(key.principal);
        let status = match () {
            () if key.is_revoked_at(now) => KeyStatus::Revoked,
            () if now < key.not_before => KeyStatus::NotYet,
            () if now >= key.not_after => KeyStatus::Expired,
            () => KeyStatus::Valid,
        };
        ShownKey {
            id: key.id,
            name: key.name.clone(),
            scheme: key.scheme,
            principal: key.principal,
            login: principal.map(|principal| principal.login.clone()).unwrap_or_default(),
            roles: principal.map(|principal| principal.roles.clone()).unwrap_or_default(),
            duties: key.duties.clone(),
            status,
            not_before: key.not_before,
            not_after: key.not_after,
            gate: key.gate.clone(),
        }
    });
    Shown {
        digest: root.digest(),
        version: document.version,
        expires: document.expires,
        root_threshold: document.root_threshold,
        keys: keys.collect(),
        issuers: document.issuers.clone(),
    }
}

impl Shown {
    /// Returns the lines for a person.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!(
            "trust root  {}\nversion     {}\nexpires     {}\nthreshold   {}\n",
            self.digest, self.version, self.expires, self.root_threshold
        );
        for key in &self.keys {
            let duties: Vec<&str> = key.duties.iter().map(|duty| duty.word()).collect();
            // A `String` takes every write.
            let _ = writeln!(
                out,
                "\n{}  {}\n  {}  {}  {}  from {} until {}\n  {}",
                text::visible(&key.login),
                text::visible(&key.name),
                key.scheme.word(),
                duties.join(","),
                key.status.word(),
                key.not_before,
                key.not_after,
                key.id
            );
            if !key.roles.is_empty() {
                let roles: Vec<&str> = key.roles.iter().map(Id::as_str).collect();
                let _ = writeln!(out, "  roles {}", roles.join(","));
            }
            if let Some(gate) = &key.gate {
                let _ = writeln!(out, "  {}  events {}", gate.runner.word(), text::visible(&gate.events.join(",")));
                for workflow in &gate.workflows {
                    let _ = writeln!(out, "  {}", text::visible(workflow));
                }
                for key in &gate.keys {
                    let until = key.withdrawn_at.map(|at| format!("  until {at}")).unwrap_or_default();
                    let _ = writeln!(out, "  vouched for with {}{until}", text::visible(&key.kid));
                }
            }
        }
        for issuer in &self.issuers {
            let _ = write!(
                out,
                "\nissuer {}\n  {}  events {}\n",
                text::visible(&issuer.url),
                issuer.runner.word(),
                text::visible(&issuer.events.join(","))
            );
            for workflow in &issuer.workflows {
                let _ = writeln!(out, "  {}", text::visible(workflow));
            }
        }
        out
    }
}

/// A change of the trust root after a command: written, and in force or waiting for signatures.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// The version that the change makes.
    pub version: u64,
    /// Its digest.
    pub digest: Digest,
    /// Whether enough have signed.
    pub complete: bool,
    /// Holders of root keys who signed: the least of those counted under the version before and under this.
    pub signed: usize,
    /// How many must.
    pub needed: usize,
    /// The files written, to be committed.
    pub files: Vec<String>,
}

impl Changed {
    /// Returns the lines for a person.
    #[must_use]
    pub fn text(&self) -> String {
        let state = if self.complete {
            "in force once the files are on the base branch".to_owned()
        } else {
            format!("waits: {} of {} signed; others run `countersign keys sign`", self.signed, self.needed)
        };
        let mut out = format!("version  {}\ndigest   {}\nstate    {state}\n", self.version, self.digest);
        for file in &self.files {
            let _ = writeln!(out, "wrote    {}", text::visible(file));
        }
        out
    }
}

/// Where a change of the trust root happens.
#[derive(Clone, Copy)]
pub struct Site<'a> {
    /// Root of the work tree that gets the files.
    pub work_tree: &'a Path,
    /// The pinned digest.
    pub pin: &'a Digest,
    /// The present second.
    pub now: Timestamp,
}

/// Writes version 1 in a work tree; the person who made it may pin it at once.
///
/// # Errors
/// Those of [`trust_store::write`].
pub fn begin(work_tree: &Path, proposal: Proposal) -> Result<Changed> {
    changed(work_tree, proposal)
}

/// Changes the trust root of a work tree: `keys enrol`, `keys revoke`, `keys renew` and their like.
///
/// An expired trust root can be changed, or nobody could renew it.
///
/// # Errors
/// Those of [`TrustFiles::read`], [`change::propose`] and [`trust_store::write`].
pub fn change(site: Site<'_>, changes: &[Change], signers: &[&dyn Signer]) -> Result<Changed> {
    let reader = trust_store::work_tree_reader(site.work_tree);
    let root = TrustFiles::read(&reader, site.pin)?.accepted(site.pin)?;
    changed(site.work_tree, change::propose(&root, changes, site.now, signers)?)
}

/// Adds a signature to the change that waits: `keys sign`.
///
/// # Errors
/// `trust.nothing_pending`, `key.role`, and those of [`change()`].
pub fn sign(site: Site<'_>, signer: &dyn Signer) -> Result<Changed> {
    let reader = trust_store::work_tree_reader(site.work_tree);
    let files = TrustFiles::read(&reader, site.pin)?;
    let mut proposal = files.pending(&files.accepted(site.pin)?)?;
    proposal.countersign(signer)?;
    changed(site.work_tree, proposal)
}

fn changed(work_tree: &Path, mut proposal: Proposal) -> Result<Changed> {
    let files = trust_store::write(work_tree, &mut proposal)?;
    let signed = proposal.signed()?;
    // Of two thresholds the one that lacks more is the one to tell.
    let worst = signed.iter().max_by_key(|signed| signed.need.saturating_sub(signed.have));
    let (have, need) = worst.map_or((0, 0), |worst| (worst.have, worst.need));
    let shown = files.iter().map(|path| path.strip_prefix(work_tree).unwrap_or(path).display().to_string());
    Ok(Changed {
        version: proposal.number(),
        digest: proposal.digest(),
        complete: proposal.is_complete()?,
        signed: have,
        needed: need,
        files: shown.collect(),
    })
}

/// `keys trust`: pins the digest that a person got from somebody they know.
#[derive(Clone, Debug)]
pub struct TrustRequest {
    /// Where the configuration of the person lies.
    pub config_dir: PathBuf,
    /// Host of the repository.
    pub host: String,
    /// Immutable id of the repository on that host.
    pub repo_id: String,
    /// The digest, typed or pasted in full.
    pub digest: Digest,
    /// Whether another pin may be replaced.
    pub repin: Repin,
}

/// The pin that was written.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pinned {
    /// The pinned digest.
    pub digest: Digest,
    /// The version in force that descends from it.
    pub version: u64,
    /// The file.
    pub path: String,
}

/// Pins a digest, once the repository's trust root was shown to descend from it.
///
/// # Errors
/// `trust.pin_mismatch` where it does not, or where it is of another repository; those of [`trust_store::load`] and
/// [`pin::store`].
pub fn trust(request: &TrustRequest, reader: Reader<'_>, now: Timestamp) -> Result<Pinned> {
    let root = trust_store::load(reader, &request.digest, now).map_err(|e| match e.reason() {
        TRUST_PIN => e.hint(
            "see that you have the digest right: `countersign keys show` tells what lies here; nothing was pinned",
        ),
        _ => e,
    })?;
    let document = root.document();
    if document.host != request.host || document.repo_id != request.repo_id {
        let why = format!("the trust root is of repository {} on {}", document.repo_id, document.host);
        return Err(Refusal::new(TRUST_PIN, why));
    }
    let path = pin::store(&request.config_dir, &request.host, &request.repo_id, request.digest, request.repin)?;
    Ok(Pinned { digest: request.digest, version: document.version, path: path.display().to_string() })
}

impl Pinned {
    /// Returns the lines for a person.
    #[must_use]
    pub fn text(&self) -> String {
        format!("pinned   {}\nin force version {}\nfile     {}\n", self.digest, self.version, text::visible(&self.path))
    }
}

/// Reads the public key that is to be enrolled: base64 of 32 bytes, or an OpenSSH line; the scheme follows from it.
///
/// # Errors
/// `key.malformed`, `key.weak`, `ssh.not_ed25519`.
pub fn enrolment_key(text: &str) -> Result<(Scheme, PublicKey)> {
    let text = text.trim();
    if text.contains(' ') || text.starts_with("ssh-") {
        return Ok((Scheme::SshEd25519, ssh::parse_public(text)?));
    }
    Ok((Scheme::Ed25519, PublicKey::from_base64(text)?))
}

#[cfg(test)]
#[path = "commands_tests.rs"]
mod tests;
