//! The remote side of a ledger, spoken to by `git` in a cleaned environment and a private git folder.
//!
//! No configuration but the one given here is read: not the user's, not the repository's. Only the
//! objects are shared, so that what is fetched lands where the ledger reads. Of the caller's environment
//! `git` is told nothing but the SSH agent's socket and a token, each only where it was given.

use std::{
    fs::File,
    io::{Read as _, Seek as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use git2::Oid;
use rustix::process::{Pid, Signal};

use super::{
    address::Address,
    reasons::{LEDGER_CREDENTIALS, LEDGER_REFUSED, LEDGER_UNREACHABLE},
    store::Store,
};
use crate::base::{
    ident::is_commit_id,
    reason::{Reason, Refusal, Result},
    secret::Secret,
    text::excerpt,
};

/// The most of `git`'s output that is read, in bytes.
const MAX_OUTPUT: u64 = 256 * 1024;
/// What every fetch has in common: objects come, and nothing else changes.
const FETCH: [&str; 6] =
    ["fetch", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance", "--quiet"];
/// How long `git` may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Where the ledger's branch lives besides here; that side is the truth.
#[derive(Clone, Debug)]
pub struct Remote {
    address: Address,
    git: PathBuf,
    ssh_agent: Option<PathBuf>,
    /// The header that shows the token.
    token: Option<Secret>,
}

/// What became of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Push {
    /// The remote took it.
    Won,
    /// Somebody was first.
    Lost,
    /// The connection ended before the remote said anything.
    Unknown,
}

impl Remote {
    /// Takes the address of the other side.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self { address, git: PathBuf::from("git"), ssh_agent: None, token: None }
    }

    /// Gives the token to be shown to this very repository, and to nothing else that git may be led to.
    #[must_use]
    pub fn with_token(mut self, token: &Secret) -> Self {
        self.token = self.address.authority().map(|_| authorization(token));
        self
    }

    /// Names the socket of the SSH agent.
    #[must_use]
    pub fn with_ssh_agent(mut self, socket: impl Into<PathBuf>) -> Self {
        self.ssh_agent = Some(socket.into());
        self
    }

    /// Names the `git` to use, instead of the one in the fixed search path.
    #[must_use]
    pub fn with_git(mut self, program: impl Into<PathBuf>) -> Self {
        self.git = program.into();
        self
    }

    /// Returns the header that shows the token.
    #[cfg(test)]
    pub(crate) fn shows(&self) -> Option<&str> {
        self.token.as_ref().map(Secret::expose)
    }

    /// Returns the commit that the remote's branch names, just now.
    pub(super) fn head(&self, store: &Store) -> Result<Option<Oid>> {
        let output =
            self.run(store, &["ls-remote", "--refs", "--", self.address.url(), store.reference()])?.success()?;
        let mut found = None;
        for line in output.lines() {
            match line.split_once('\t') {
                Some((hex, name)) if name == store.reference() => {
                    let unreadable = |_| Refusal::new(LEDGER_UNREACHABLE, format!("`{}`", excerpt(line)));
                    found = Some(Oid::from_str(hex).map_err(unreadable)?);
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// Brings the commits of the remote's branch here, without moving any reference.
    pub(super) fn fetch(&self, store: &Store) -> Result<()> {
        let refspec = format!("{}:refs/countersign/fetched", store.reference());
        let mut arguments = FETCH.to_vec();
        arguments.extend(["--", self.address.url(), &refspec]);
        self.run(store, &arguments)?.success()?;
        Ok(())
    }

    /// Brings a commit and its history to a repository, without moving any reference or checking anything out.
    ///
    /// `known` is a commit that is there already, so that only what lies between is sent.
    ///
    /// # Errors
    /// `ledger.unreachable`, also where the remote does not have the commit, or does not hand it out by its id.
    pub fn bring(&self, git_dir: &Path, commit: &str, known: &str) -> Result<()> {
        if !is_commit_id(commit) || !is_commit_id(known) {
            return Err(Refusal::new(LEDGER_UNREACHABLE, format!("`{}` is no full commit", excerpt(commit))));
        }
        let store = Store::open(git_dir, "refs/countersign/none")?;
        let (refspec, tip) = (format!("{commit}:refs/countersign/fetched"), format!("--negotiation-tip={known}"));
        let mut arguments = FETCH.to_vec();
        arguments.extend([tip.as_str(), "--", self.address.url(), &refspec]);
        self.run(&store, &arguments)?.success()?;
        Ok(())
    }

    /// Moves the remote's branch from one commit to another, only if it still names the one.
    pub(super) fn push(&self, store: &Store, old: Option<Oid>, new: Oid) -> Result<Push> {
        let reference = store.reference();
        let lease = format!("--force-with-lease={reference}:{}", old.map(|id| id.to_string()).unwrap_or_default());
        let refspec = format!("{new}:{reference}");
        let arguments = [
            "push",
            "--porcelain",
            "--atomic",
            "--no-verify",
            "--no-signed",
            &lease,
            "--",
            self.address.url(),
            &refspec,
        ];
        let done = self.run(store, &arguments)?;
        if done.cut {
            return Ok(Push::Unknown);
        }
        if let Some(refusal) = done.not_let_in() {
            return Err(refusal);
        }
        read_push(&done.stdout, done.code == Some(0), reference)
    }

    /// Tells whether the remote would take a push, without pushing anything.
    ///
    /// `git` asks for what the other side has before it sends anything, under the right to write; it stops there. A
    /// token that is let in for nothing at all may not write either.
    ///
    /// # Errors
    /// `ledger.unreachable` where the remote did not say.
    pub fn may_write(&self, git_dir: &Path, commit: &str) -> Result<bool> {
        let store = Store::open(git_dir, "refs/countersign/none")?;
        let refspec = format!("{commit}:refs/heads/countersign-may-write");
        let arguments = ["push", "--dry-run", "--porcelain", "--no-verify", "--no-signed", "--", self.address.url()];
        let done = self.run(&store, &[&arguments[..], &[refspec.as_str()]].concat())?;
        if !done.cut && done.not_let_in().is_some() {
            return Ok(false);
        }
        done.success().map(|_| true)
    }

    /// Configuration with the token, by way of the environment: arguments are for all users of a machine to read,
    /// and a file would outlive the process.
    fn token_config(&self) -> Vec<(&'static str, String)> {
        let Some(header) = &self.token else { return Vec::new() };
        vec![
            ("GIT_CONFIG_COUNT", "1".to_owned()),
            ("GIT_CONFIG_KEY_0", format!("http.{}.extraHeader", self.address.url())),
            ("GIT_CONFIG_VALUE_0", header.expose().to_owned()),
        ]
    }

    #[expect(clippy::disallowed_methods, reason = "the one place of this room that starts a program: git, cleaned")]
    fn run(&self, store: &Store, arguments: &[&str]) -> Result<Finished> {
        let failed = |e: std::io::Error| Refusal::new(LEDGER_UNREACHABLE, format!("git: {e}"));
        let private = private_folder().map_err(failed)?;
        let (mut out, mut err) = (tempfile::tempfile().map_err(failed)?, tempfile::tempfile().map_err(failed)?);
        let allow = format!("protocol.{}.allow=always", self.address.protocol());
        let mut command = Command::new(&self.git);
        command
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", private.path())
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .envs(self.ssh_agent.iter().map(|socket| ("SSH_AUTH_SOCK", socket)))
            .env("GIT_DIR", private.path())
            .env("GIT_OBJECT_DIRECTORY", store.objects_dir())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .envs(self.token_config())
            .current_dir(private.path())
            .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.allow=never"])
            .args(["-c", &allow, "-c", "core.fsync=committed,reference", "-c", "gc.auto=0"])
            .args(["-c", "push.recurseSubmodules=no", "-c", "fetch.fsckObjects=true"])
            .args(["-c", "http.followRedirects=false", "-c", "core.sshCommand=ssh -o BatchMode=yes"])
            .args(arguments)
            // A group can be ended as a whole. From this one `ssh` cannot ask at the terminal, so it is told not to wait.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(out.try_clone().map_err(failed)?)
            .stderr(err.try_clone().map_err(failed)?);
        let mut child = command.spawn().map_err(failed)?;
        // From here on something may have been sent, so what goes wrong is told as an end without a word.
        let deadline = Instant::now() + TIMEOUT;
        let is_long = |file: &File| file.metadata().map_or(true, |data| data.len() > MAX_OUTPUT);
        let code = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status.code(),
                Ok(None) if Instant::now() < deadline && !is_long(&out) && !is_long(&err) => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                _ => {
                    end(&mut child);
                    break None;
                }
            }
        };
        let (stdout, stderr) = (slurp(&mut out), slurp(&mut err));
        let cut = is_long(&out) || is_long(&err) || stdout.is_err();
        let said = |e: std::io::Error| e.to_string();
        Ok(Finished { code, cut, stdout: stdout.unwrap_or_default(), stderr: stderr.unwrap_or_else(said) })
    }
}

/// Ends `git` and every program that it started: one that lives on could still finish a push.
fn end(child: &mut Child) {
    let _ = rustix::process::kill_process_group(Pid::from_child(child), Signal::KILL);
    let _ = child.wait();
}

struct Finished {
    /// How `git` ended; `None` where a signal ended it.
    code: Option<i32>,
    /// Whether it said more than is read.
    cut: bool,
    stdout: String,
    stderr: String,
}

impl Finished {
    fn success(self) -> Result<String> {
        if self.cut {
            return Err(Refusal::new(LEDGER_UNREACHABLE, format!("git: it said more than {MAX_OUTPUT} bytes")));
        }
        if self.code == Some(0) {
            return Ok(self.stdout);
        }
        Err(self.not_let_in().unwrap_or_else(|| self.refusal(LEDGER_UNREACHABLE)))
    }

    /// Returns the refusal of a server that did not take the token, or asked for one; trying again would not help.
    fn not_let_in(&self) -> Option<Refusal> {
        const WORDS: [&str; 5] = [
            "Authentication failed for",
            "could not read Username for",
            "could not read Password for",
            "The requested URL returned error: 401",
            "The requested URL returned error: 403",
        ];
        let told = self.code != Some(0) && WORDS.iter().any(|words| self.stderr.contains(words));
        told.then(|| self.refusal(LEDGER_CREDENTIALS))
    }

    /// The first line of `git` names the cause; what follows is advice, over several lines.
    fn refusal(&self, reason: Reason) -> Refusal {
        let first = self.stderr.lines().find(|line| !line.trim().is_empty()).unwrap_or("no word");
        Refusal::new(reason, format!("git: {}", excerpt(first)))
    }
}

/// Makes the header by which forges take a token from `git`: as a password, under a name that all of them accept.
fn authorization(token: &Secret) -> Secret {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let pair = Secret::new(format!("x-access-token:{}", token.expose()));
    Secret::new(format!("Authorization: Basic {}", STANDARD.encode(pair.expose())))
}

/// Reads what `git push --porcelain` says of one reference.
fn read_push(output: &str, succeeded: bool, reference: &str) -> Result<Push> {
    let line = output.lines().find_map(|line| {
        let mut parts = line.splitn(3, '\t');
        let (flag, names, summary) = (parts.next()?, parts.next()?, parts.next()?);
        (names.split_once(':')?.1 == reference).then_some((flag, summary))
    });
    match line {
        Some((" " | "*" | "=" | "+", _)) if succeeded => Ok(Push::Won),
        Some(("!", summary)) => {
            const RACES: [&str; 9] = [
                "stale info",
                "fetch first",
                "non-fast-forward",
                "failed to update ref",
                "cannot lock ref",
                "incorrect old value",
                "reference already exists",
                "atomic push failed",
                "atomic transaction failed",
            ];
            if RACES.iter().any(|race| summary.contains(race)) {
                Ok(Push::Lost)
            } else if summary.contains("[remote failure]") {
                Ok(Push::Unknown)
            } else {
                Err(Refusal::new(LEDGER_REFUSED, format!("the remote said no: {}", excerpt(summary))))
            }
        }
        _ => Ok(Push::Unknown),
    }
}

/// Makes an empty bare git folder that only this run of `git` uses.
fn private_folder() -> std::io::Result<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix("countersign-git-").tempdir()?;
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
    for name in ["objects", "refs"] {
        std::fs::create_dir(Path::new(folder.path()).join(name))?;
    }
    write("HEAD", "ref: refs/heads/none\n")?;
    write("config", "[core]\n\trepositoryformatversion = 0\n\tbare = true\n")?;
    Ok(folder)
}

fn slurp(file: &mut File) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(MAX_OUTPUT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e03_what_the_push_said_is_won_lost_or_unknown_and_never_guessed() {
        let name = "refs/heads/l";
        let read = |text: &str, ok| read_push(text, ok, name).map_err(|e| e.code());
        assert_eq!(read("To x\n \ta:refs/heads/l\t1..2\nDone\n", true), Ok(Push::Won));
        assert_eq!(read("To x\n*\ta:refs/heads/l\t[new branch]\nDone\n", true), Ok(Push::Won));
        assert_eq!(read("To x\n \ta:refs/heads/l\t1..2\n", false), Ok(Push::Unknown));
        assert_eq!(read("To x\n!\ta:refs/heads/l\t[rejected] (stale info)\nDone\n", false), Ok(Push::Lost));
        assert_eq!(read("!\ta:refs/heads/l\t[remote rejected] (failed to update ref)\n", false), Ok(Push::Lost));
        assert_eq!(read("!\ta:refs/heads/l\t[remote failure] (remote end hung up)\n", false), Ok(Push::Unknown));
        assert_eq!(
            read("!\ta:refs/heads/l\t[remote rejected] (protected branch hook declined)\n", false),
            Err("ledger.refused")
        );
        assert_eq!(read("", false), Ok(Push::Unknown));
        assert_eq!(read(" \ta:refs/heads/other\t1..2\n", true), Ok(Push::Unknown));
    }
}
