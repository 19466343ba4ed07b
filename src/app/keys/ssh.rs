//! Signing with an OpenSSH key through the stock `ssh-keygen`, which knows passphrases and agents.

use std::{
    ffi::{OsStr, OsString},
    io::{Seek as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::reasons::{KEY_FILE, SSH_IDENTITY, SSH_MISSING_TOOL, SSH_NOT_ED25519, SSH_REFUSED};
use crate::{
    base::{
        digest::Digest,
        reason::{IO, LIMIT_SIZE, Refusal, Result},
        text,
    },
    sign::{
        PublicKey, Signer,
        schemes::ssh::{self, NAMESPACE},
    },
};

/// Where programs are looked for; the caller's own PATH never counts.
pub const PROGRAM_FOLDERS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
/// The largest public key file, in bytes.
const MAX_PUBLIC: u64 = 16 * 1024;

/// What `ssh-keygen` gets of the person's environment; everything else is left out.
#[derive(Clone, Debug, Default)]
pub struct SshEnvironment {
    /// `HOME`.
    pub home: Option<OsString>,
    /// `SSH_AUTH_SOCK`: the agent.
    pub auth_sock: Option<OsString>,
    /// `SSH_ASKPASS`: the program that asks for a passphrase.
    pub askpass: Option<OsString>,
    /// `SSH_ASKPASS_REQUIRE`: `force` where there is no terminal.
    pub askpass_require: Option<OsString>,
    /// `DISPLAY`, for that program.
    pub display: Option<OsString>,
    /// `TERM`.
    pub term: Option<OsString>,
}

impl SshEnvironment {
    fn pairs(&self) -> impl Iterator<Item = (&'static str, &OsStr)> {
        [
            ("HOME", &self.home),
            ("SSH_AUTH_SOCK", &self.auth_sock),
            ("SSH_ASKPASS", &self.askpass),
            ("SSH_ASKPASS_REQUIRE", &self.askpass_require),
            ("DISPLAY", &self.display),
            ("TERM", &self.term),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }
}

/// The stock program.
#[derive(Clone, Debug)]
pub struct SshKeygen(PathBuf);

impl SshKeygen {
    /// Finds it in [`PROGRAM_FOLDERS`].
    ///
    /// # Errors
    /// `ssh.missing_tool`.
    pub fn find() -> Result<Self> {
        Self::find_in(&PROGRAM_FOLDERS.map(Path::new))
    }

    fn find_in(folders: &[&Path]) -> Result<Self> {
        let found = folders.iter().map(|folder| folder.join("ssh-keygen")).find(|path| path.is_file());
        found.map(Self).ok_or_else(|| {
            let folders: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
            Refusal::new(SSH_MISSING_TOOL, format!("no ssh-keygen in {}", folders.join(":")))
        })
    }
}

/// Signs with a private key file, or with an agent's key where only its public file is named.
#[derive(Clone, Debug)]
pub struct SshSigner {
    tool: SshKeygen,
    path: PathBuf,
    public: PublicKey,
    environment: SshEnvironment,
}

impl SshSigner {
    /// Takes the path of a private key that has its `.pub` file beside it, or of the `.pub` file itself.
    ///
    /// With the `.pub` file the agent must have the key; with the private key the agent is asked first,
    /// and the file is used where the agent does not have it.
    ///
    /// # Errors
    /// `key.file`, `ssh.not_ed25519`, `key.malformed`, `key.weak`.
    pub fn open(tool: SshKeygen, path: &Path, environment: SshEnvironment) -> Result<Self> {
        let path = std::path::absolute(path).map_err(|e| Refusal::new(IO, e.to_string()))?;
        let mut public_path = path.clone().into_os_string();
        if path.extension() != Some(OsStr::new("pub")) {
            public_path.push(".pub");
        }
        let public = read_public(Path::new(&public_path))?;
        Ok(Self { tool, path, public, environment })
    }

    /// Returns the public key.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that starts ssh-keygen")]
    fn command(&self) -> Command {
        let mut command = Command::new(&self.tool.0);
        command.args(["-Y", "sign", "-n", NAMESPACE]);
        if self.path.extension() == Some(OsStr::new("pub")) {
            command.arg("-U");
        }
        command.arg("-f").arg(&self.path).current_dir("/");
        command.env_clear().env("PATH", PROGRAM_FOLDERS.join(":")).env("LC_ALL", "C.UTF-8");
        command.envs(self.environment.pairs());
        command
    }
}

impl Signer for SshSigner {
    fn key_id(&self) -> Digest {
        self.public.id()
    }

    /// Returns an armored SSHSIG that was checked against the public key before it is handed out.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let io = |e: std::io::Error| Refusal::new(IO, format!("cannot run ssh-keygen: {e}"));
        // A file without a name as standard input: no pipe can fill up, nothing is left behind.
        let mut input = tempfile::tempfile().map_err(io)?;
        input.write_all(message).and_then(|()| input.rewind()).map_err(io)?;
        let output = self.command().stdin(Stdio::from(input)).output().map_err(io)?;
        let subject = self.path.display().to_string();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
            return Err(
                Refusal::new(SSH_REFUSED, format!("{}: {}", output.status, text::excerpt(said))).subject(subject)
            );
        }
        ssh::verify(&self.public, message, &output.stdout).map_err(|e| {
            Refusal::new(SSH_REFUSED, format!("the signature does not fit the public key: {}", e.message()))
                .subject(subject)
                .hint(
                    "the `.pub` file beside the key belongs to another key: `ssh-keygen -y -f KEY` shows the right one",
                )
        })?;
        Ok(output.stdout)
    }
}

/// Reads an OpenSSH public key file with one ed25519 key in it.
///
/// # Errors
/// `key.file`, `limit.size`, `ssh.not_ed25519`, `key.malformed`, `key.weak`.
pub fn read_public(path: &Path) -> Result<PublicKey> {
    let shown = path.display().to_string();
    let missing = |why: String| {
        Refusal::new(KEY_FILE, why)
            .subject(shown.clone())
            .hint("the public key must lie beside the private one: `ssh-keygen -y -f KEY > KEY.pub` writes it")
    };
    let status = std::fs::metadata(path).map_err(|e| missing(format!("`{shown}`: {e}")))?;
    if !status.is_file() {
        return Err(missing(format!("`{shown}` is not a plain file")));
    }
    if status.len() > MAX_PUBLIC {
        return Err(Refusal::new(LIMIT_SIZE, format!("`{shown}` has {} bytes", status.len())));
    }
    let line = std::fs::read_to_string(path).map_err(|e| missing(format!("`{shown}`: {e}")))?;
    parse_public(&line).map_err(|e| e.subject(shown.clone()))
}

/// Reads an OpenSSH public key line, and says which other type of key it is where it is one.
///
/// # Errors
/// `ssh.not_ed25519`, `key.malformed`, `key.weak`.
pub fn parse_public(line: &str) -> Result<PublicKey> {
    let line = line.trim();
    let kind = line.split_ascii_whitespace().next().unwrap_or_default();
    let other = kind != "ssh-ed25519"
        && ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"].iter().any(|prefix| kind.starts_with(prefix));
    if other {
        return Err(Refusal::new(SSH_NOT_ED25519, format!("the key is of type `{}`", text::excerpt(kind))));
    }
    ssh::public_key(line)
}

/// Returns the line that a colleague needs in an `allowed_signers` file to check our signatures with
/// `ssh-keygen -Y verify -f allowed_signers -I IDENTITY -n countersign -s SIG < MESSAGE`.
///
/// # Errors
/// `ssh.identity` where the identity could be read as a pattern or a list.
pub fn allowed_signers_line(identity: &str, key: &PublicKey) -> Result<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._@+-".contains(&b);
    if identity.is_empty() || identity.len() > 200 || !identity.bytes().all(plain) {
        return Err(Refusal::new(SSH_IDENTITY, format!("`{}`", text::excerpt(identity))));
    }
    Ok(format!("{identity} namespaces=\"{NAMESPACE}\" {}\n", openssh_line(key)))
}

/// Returns the public key as OpenSSH writes it, without a comment.
#[must_use]
pub fn openssh_line(key: &PublicKey) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let mut blob = Vec::with_capacity(51);
    for field in [b"ssh-ed25519".as_slice(), key.as_bytes().as_slice()] {
        blob.extend_from_slice(&u32::try_from(field.len()).unwrap_or_default().to_be_bytes());
        blob.extend_from_slice(field);
    }
    format!("ssh-ed25519 {}", STANDARD.encode(blob))
}

#[cfg(test)]
#[path = "ssh_tests.rs"]
mod tests;
