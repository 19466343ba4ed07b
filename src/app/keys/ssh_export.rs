//! Files with which stock OpenSSH checks a signature of ours, without us.

use std::path::{Path, PathBuf};

use super::{file, ssh::allowed_signers_line};
use crate::{
    base::{
        digest::Digest,
        reason::{IO, Refusal, Result},
        time::Timestamp,
    },
    sign::{Envelope, TrustRoot, schemes::Scheme, trust::Key},
};

/// The bytes that were signed, and every OpenSSH signature over them by a key of the trust root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshExport {
    /// The message: DSSE's pre-authentication encoding of the payload.
    pub message: Vec<u8>,
    /// The armored signatures.
    pub signatures: Vec<SshSignature>,
}

/// One armored signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshSignature {
    /// The key.
    pub key: Digest,
    /// Login of the principal: the identity to give to `ssh-keygen -I`.
    pub identity: String,
    /// The armored SSHSIG.
    pub armored: Vec<u8>,
}

/// Takes the OpenSSH signatures out of an envelope; nothing is verified, that is left to `ssh-keygen`.
#[must_use]
pub fn export(envelope: &Envelope, root: &TrustRoot) -> SshExport {
    let signatures = envelope.signatures().iter().filter_map(|signature| {
        let id = signature.keyid.parse::<Digest>().ok()?;
        let (key, _) = root.key(&id)?;
        let identity = root.principal(key.principal)?.login.clone();
        (key.scheme == Scheme::SshEd25519).then(|| SshSignature { key: id, identity, armored: signature.bytes.clone() })
    });
    SshExport { message: envelope.message(), signatures: signatures.collect() }
}

/// Returns the `allowed_signers` file of every OpenSSH key that is valid at a time and was not revoked.
///
/// # Errors
/// `ssh.identity` where a login cannot stand in such a file.
pub fn allowed_signers(root: &TrustRoot, at: Timestamp) -> Result<String> {
    let valid = |key: &&Key| key.scheme == Scheme::SshEd25519 && key.stands(at);
    let mut lines = String::new();
    for key in root.document().keys.iter().filter(valid) {
        if let (Some(public), Some(principal)) =
            (root.key(&key.id).and_then(|(_, verifier)| verifier.public()), root.principal(key.principal))
        {
            lines.push_str(&allowed_signers_line(&principal.login, public)?);
        }
    }
    Ok(lines)
}

impl SshExport {
    /// Writes `message`, `<key id in hex>.sig` for each signature, and `allowed_signers`, in a folder where they are
    /// not yet; returns the paths.
    ///
    /// # Errors
    /// `key.exists` where a file of that name is there, `io.failed`.
    pub fn write(&self, folder: &Path, allowed_signers: &str) -> Result<Vec<PathBuf>> {
        std::fs::create_dir_all(folder).map_err(|e| Refusal::new(IO, format!("`{}`: {e}", folder.display())))?;
        let mut written = Vec::new();
        let mut put = |name: String, bytes: &[u8]| -> Result<()> {
            let path = folder.join(name);
            file::write_new(&path, bytes)?;
            written.push(path);
            Ok(())
        };
        put("message".into(), &self.message)?;
        put("allowed_signers".into(), allowed_signers.as_bytes())?;
        for signature in &self.signatures {
            put(format!("{}.sig", signature.key.hex()), &signature.armored)?;
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::{
        app::keys::{
            bench::{draft, listed, now, person},
            change::NewKey,
            ssh::{PROGRAM_FOLDERS, SshEnvironment, SshKeygen, SshSigner},
        },
        sign::Signer,
    };

    #[expect(clippy::disallowed_methods, reason = "the test runs what a colleague would")]
    fn keygen() -> Command {
        let mut command = Command::new("ssh-keygen");
        command.env_clear().env("PATH", PROGRAM_FOLDERS.join(":")).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    #[test]
    fn a_colleague_checks_our_signature_with_stock_openssh() {
        let Ok(tool) = SshKeygen::find() else { return };
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("id");
        assert!(keygen().args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path).status().unwrap().success());
        let signer = SshSigner::open(tool, &path, SshEnvironment::default()).unwrap();
        let mut draft = draft(1, &[1]);
        draft.principals.push(person(2));
        draft.keys.push(NewKey { scheme: Scheme::SshEd25519, public: *signer.public(), ..listed(2) });
        // The envelope that introduces a trust root is signed as every other statement is.
        let proposal = draft.propose(now(), &[&signer as &dyn Signer]).unwrap();
        assert!(proposal.is_complete().unwrap(), "an OpenSSH key is as good as another");
        let root = TrustRoot::start(proposal.version()).unwrap();

        let export = export(&proposal.version().envelope, &root);
        assert_eq!(export.signatures[0].identity, "person2");
        let folder = room.path().join("out");
        export.write(&folder, &allowed_signers(&root, now()).unwrap()).unwrap();
        assert_eq!(export.write(&folder, "").unwrap_err().code(), "key.exists");
        let verify = |identity: &str, namespace: &str, message: &Path| {
            let mut command = keygen();
            command.args(["-Y", "verify", "-I", identity, "-n", namespace, "-f"]);
            command.arg(folder.join("allowed_signers")).arg("-s");
            command.arg(folder.join(format!("{}.sig", export.signatures[0].key.hex())));
            command.stdin(std::fs::File::open(message).unwrap()).status().unwrap().success()
        };
        let (message, altered) = (folder.join("message"), folder.join("altered"));
        assert!(verify("person2", "countersign", &message));
        std::fs::write(&altered, [export.message.as_slice(), b" "].concat()).unwrap();
        assert!(!verify("person2", "countersign", &altered));
        assert!(!verify("person1", "countersign", &message), "another identity");
        assert!(!verify("person2", "git", &message), "another namespace");
        assert!(allowed_signers(&root, now().plus(-3600)).unwrap().is_empty(), "not valid yet, so not listed");
    }
}
