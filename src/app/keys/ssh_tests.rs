//! With real keys of the installed OpenSSH; a machine without it skips them, and says so.

use std::{
    io::{BufRead as _, BufReader},
    process::Child,
};

use super::*;
use crate::{
    base::time::Timestamp,
    sign::schemes::{Scheme, Verifier},
};

struct Bench {
    room: tempfile::TempDir,
    tool: SshKeygen,
}

#[expect(clippy::disallowed_methods, reason = "tests start the OpenSSH tools")]
fn tool(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", PROGRAM_FOLDERS.join(":"));
    command
}

impl Bench {
    fn new() -> Option<Self> {
        let Ok(tool) = SshKeygen::find() else {
            writeln!(std::io::stderr(), "skipped: no ssh-keygen on this machine").unwrap();
            return None;
        };
        Some(Self { room: tempfile::tempdir().unwrap(), tool })
    }

    fn key(&self, name: &str, kind: &str, passphrase: &str) -> PathBuf {
        let path = self.room.path().join(name);
        let mut command = tool("ssh-keygen");
        command.args(["-q", "-t", kind, "-N", passphrase, "-C", "", "-f"]).arg(&path);
        if kind == "rsa" {
            // Short, because only its type matters here and a long one takes seconds to find.
            command.args(["-b", "1024"]);
        }
        assert!(command.status().unwrap().success());
        path
    }

    fn signer(&self, path: &Path, environment: SshEnvironment) -> Result<SshSigner> {
        SshSigner::open(self.tool.clone(), path, environment)
    }

    /// A program. A child writes it: a file that this process holds open for writing while another test forks
    /// could not be run.
    fn script(&self, name: &str, body: &str) -> PathBuf {
        let script = self.room.path().join(name);
        let mut command = tool("sh");
        command.args(["-c", "printf '%s\\n' '#!/bin/sh' \"$1\" > \"$0\" && chmod 700 \"$0\""]).arg(&script).arg(body);
        assert!(command.status().unwrap().success());
        script
    }

    /// A program that answers every question with one passphrase.
    fn askpass(&self, answer: &str) -> SshEnvironment {
        let script = self.script("askpass", &format!("echo '{answer}'"));
        SshEnvironment {
            askpass: Some(script.into()),
            askpass_require: Some("force".into()),
            ..SshEnvironment::default()
        }
    }
}

/// An agent of this test's own, ended by its process id.
struct Agent {
    child: Child,
    socket: PathBuf,
}

impl Agent {
    fn start(room: &Path) -> Self {
        let socket = room.join("agent");
        let mut child = tool("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::piped()).spawn().unwrap();
        // It prints its socket once it listens; the line is the signal, no time is waited for.
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("SSH_AUTH_SOCK"), "{line}");
        Self { child, socket }
    }

    fn environment(&self) -> SshEnvironment {
        SshEnvironment { auth_sock: Some(self.socket.clone().into()), ..SshEnvironment::default() }
    }

    fn add(&self, key: &Path) {
        let mut command = tool("ssh-add");
        command.arg("-q").arg(key).env("SSH_AUTH_SOCK", &self.socket).stdin(Stdio::null());
        assert!(command.status().unwrap().success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_key_without_passphrase_signs_and_the_trust_root_scheme_verifies() {
    let Some(bench) = Bench::new() else { return };
    let signer = bench.signer(&bench.key("id", "ed25519", ""), SshEnvironment::default()).unwrap();
    let signature = signer.sign(b"message").unwrap();
    assert!(signature.starts_with(b"-----BEGIN SSH SIGNATURE-----"));
    Scheme::SshEd25519
        .verify(&Verifier::Key(*signer.public()), b"message", &signature, Timestamp::from_unix(0))
        .unwrap();
}

#[test]
fn b16_an_altered_message_or_signature_or_another_key_does_not_verify() {
    let Some(bench) = Bench::new() else { return };
    let signer = bench.signer(&bench.key("id", "ed25519", ""), SshEnvironment::default()).unwrap();
    let other = bench.signer(&bench.key("other", "ed25519", ""), SshEnvironment::default()).unwrap();
    let good = signer.sign(b"message").unwrap();
    let mut altered = good.clone();
    let middle = altered.len() - 60;
    altered[middle] = if altered[middle] == b'A' { b'B' } else { b'A' };
    let cases: [(&PublicKey, &[u8], &[u8]); 5] = [
        (signer.public(), b"messagf", &good),
        (signer.public(), b"", &good),
        (signer.public(), b"message", &altered),
        (signer.public(), b"message", &good[..good.len() / 2]),
        (other.public(), b"message", &good),
    ];
    for (key, message, signature) in cases {
        assert_eq!(ssh::verify(key, message, signature).unwrap_err().code(), "signature.invalid");
    }
    // A raw signature of the same key is of another scheme, and the other way round.
    assert!(
        Scheme::Ed25519.verify(&Verifier::Key(*signer.public()), b"message", &good, Timestamp::from_unix(0)).is_err()
    );
}

#[test]
fn b14_a_signature_made_for_another_purpose_counts_nothing() {
    let Some(bench) = Bench::new() else { return };
    let path = bench.key("id", "ed25519", "");
    let key = read_public(&path.with_extension("pub")).unwrap();
    let message = bench.room.path().join("m");
    std::fs::write(&message, b"message").unwrap();
    for namespace in ["file", "git", "countersign2", "Countersign"] {
        let mut command = tool("ssh-keygen");
        command.args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(&path);
        let output = command.stdin(std::fs::File::open(&message).unwrap()).output().unwrap();
        assert!(output.status.success());
        let refusal = ssh::verify(&key, b"message", &output.stdout).unwrap_err();
        assert!(refusal.message().contains("another purpose"), "{namespace}");
    }
}

#[test]
fn a_passphrase_comes_from_askpass_and_a_wrong_one_is_refused() {
    let Some(bench) = Bench::new() else { return };
    let path = bench.key("id", "ed25519", "correct horse");
    let signer = bench.signer(&path, bench.askpass("correct horse")).unwrap();
    assert!(signer.sign(b"message").is_ok());
    let signer = bench.signer(&path, bench.askpass("wrong")).unwrap();
    assert_eq!(signer.sign(b"message").unwrap_err().code(), "ssh.refused");
}

#[test]
fn an_agent_signs_when_only_the_public_file_is_here() {
    let Some(bench) = Bench::new() else { return };
    let path = bench.key("id", "ed25519", "");
    let public = path.with_extension("pub");
    let agent = Agent::start(bench.room.path());
    let signer = bench.signer(&public, agent.environment()).unwrap();
    assert_eq!(signer.sign(b"message").unwrap_err().code(), "ssh.refused", "the agent does not have it yet");
    agent.add(&path);
    std::fs::remove_file(&path).unwrap();
    assert!(signer.sign(b"message").is_ok());
    let without = bench.signer(&public, SshEnvironment::default()).unwrap();
    assert_eq!(without.sign(b"message").unwrap_err().code(), "ssh.refused");
}

#[test]
fn an_agent_signs_for_a_key_file_with_a_passphrase() {
    let Some(bench) = Bench::new() else { return };
    let path = bench.key("id", "ed25519", "");
    let agent = Agent::start(bench.room.path());
    agent.add(&path);
    let mut command = tool("ssh-keygen");
    command.args(["-q", "-p", "-P", "", "-N", "never asked", "-f"]).arg(&path).stdout(Stdio::null());
    assert!(command.status().unwrap().success());
    assert!(bench.signer(&path, agent.environment()).unwrap().sign(b"message").is_ok());
}

#[test]
fn b14_rsa_ecdsa_and_other_types_are_refused_by_name() {
    let Some(bench) = Bench::new() else { return };
    for (name, kind) in [("rsa", "rsa"), ("ecdsa", "ecdsa")] {
        let refusal = bench.signer(&bench.key(name, kind, ""), SshEnvironment::default()).unwrap_err();
        assert_eq!(refusal.code(), "ssh.not_ed25519", "{kind}");
    }
    let security_key = "sk-ssh-ed25519@openssh.com AAAA";
    assert_eq!(parse_public(security_key).unwrap_err().code(), "ssh.not_ed25519");
    let certificate = "ssh-ed25519-cert-v01@openssh.com AAAA";
    assert_eq!(parse_public(certificate).unwrap_err().code(), "ssh.not_ed25519");
    for bad in ["", "ssh-ed25519", "ssh-ed25519 AAAA", "hello world", "ssh-ed25519 \u{202e}"] {
        assert_eq!(parse_public(bad).unwrap_err().code(), "key.malformed", "{bad:?}");
    }
}

#[test]
fn b17_a_public_file_of_another_key_is_noticed_before_a_signature_is_handed_out() {
    let Some(bench) = Bench::new() else { return };
    let (mine, other) = (bench.key("id", "ed25519", ""), bench.key("other", "ed25519", ""));
    let key = std::fs::read(&mine).unwrap();
    std::fs::write(&other, key).unwrap();
    let signer = bench.signer(&other, SshEnvironment::default()).unwrap();
    assert_eq!(signer.sign(b"message").unwrap_err().code(), "ssh.refused");
}

#[test]
fn our_own_key_file_signs_with_openssh_too() {
    let Some(bench) = Bench::new() else { return };
    let path = bench.room.path().join("ours");
    let key = crate::app::keys::file::HeldKey::random().unwrap();
    key.save(&path, crate::app::keys::file::Place::Anywhere).unwrap();
    std::fs::write(bench.room.path().join("ours.pub"), openssh_line(&key.public().unwrap())).unwrap();
    let signer = bench.signer(&path, SshEnvironment::default()).unwrap();
    assert_eq!(signer.key_id(), key.key_id());
    match signer.sign(b"message") {
        Ok(signature) => ssh::verify(signer.public(), b"message", &signature).unwrap(),
        // Older OpenSSH reads no PKCS#8 of ed25519; then the refusal must be a clear one.
        Err(refusal) => assert_eq!(refusal.code(), "ssh.refused"),
    }
}

#[test]
fn a_machine_without_openssh_gets_the_way_out() {
    let empty = tempfile::tempdir().unwrap();
    let refusal = SshKeygen::find_in(&[empty.path()]).unwrap_err();
    assert_eq!(refusal.code(), "ssh.missing_tool");
    assert!(refusal.hints().any(|hint| hint.contains("OpenSSH")));
}

#[test]
fn a_missing_public_file_says_how_to_write_it() {
    let Some(bench) = Bench::new() else { return };
    let refusal = bench.signer(Path::new("/nowhere/id"), SshEnvironment::default()).unwrap_err();
    assert_eq!(refusal.code(), "key.file");
    assert!(refusal.hints().any(|hint| hint.contains("ssh-keygen -y")));
}

#[test]
fn an_openssh_line_reads_back() {
    let key = crate::sign::PrivateKey::from_seed(&[7; 32]).public().unwrap();
    assert_eq!(parse_public(&format!("{} me@example.org\n", openssh_line(&key))).unwrap(), key);
}

#[test]
fn an_identity_that_reads_as_a_pattern_is_refused() {
    let key = crate::sign::PrivateKey::from_seed(&[7; 32]).public().unwrap();
    for bad in ["", "*", "a b", "a,b", "!a", "a\nb", "\"a\"", "#a", "?"] {
        assert_eq!(allowed_signers_line(bad, &key).unwrap_err().code(), "ssh.identity", "{bad:?}");
    }
    let line = allowed_signers_line("me@example.org", &key).unwrap();
    assert!(line.starts_with("me@example.org namespaces=\"countersign\" ssh-ed25519 AAAA"));
}

#[test]
fn b22_what_the_tool_says_is_checked_before_it_is_handed_out() {
    let Some(bench) = Bench::new() else { return };
    let path = bench.key("id", "ed25519", "");
    let other = bench.signer(&bench.key("other", "ed25519", ""), SshEnvironment::default()).unwrap();
    let made = bench.room.path().join("made");
    std::fs::write(&made, other.sign(b"message").unwrap()).unwrap();
    for body in [format!("exec cat '{}'", made.display()), "echo done".into(), "exit 0".into()] {
        let tool = SshKeygen(bench.script("ssh-keygen", &body));
        let signer = SshSigner::open(tool, &path, SshEnvironment::default()).unwrap();
        assert_eq!(signer.sign(b"message").unwrap_err().code(), "ssh.refused", "{body}");
    }
}

#[test]
fn b52_the_tool_gets_only_the_variables_that_were_given() {
    let Some(bench) = Bench::new() else { return };
    let path = bench.key("id", "ed25519", "");
    let seen = bench.room.path().join("seen");
    let tool = SshKeygen(bench.script("ssh-keygen", &format!("env > '{}'", seen.display())));
    let environment = SshEnvironment { home: Some("/home/me".into()), ..SshEnvironment::default() };
    assert!(SshSigner::open(tool, &path, environment).unwrap().sign(b"message").is_err());
    let seen = std::fs::read_to_string(seen).unwrap();
    let names: Vec<&str> = seen.lines().filter_map(|line| line.split('=').next()).collect();
    // The shell of this test adds the last four itself.
    let known = ["PATH", "LC_ALL", "HOME", "PWD", "OLDPWD", "SHLVL", "_"];
    assert!(names.iter().all(|name| known.contains(name)), "{names:?}");
    assert!(seen.contains("HOME=/home/me") && seen.contains(&format!("PATH={}", PROGRAM_FOLDERS.join(":"))));
}
