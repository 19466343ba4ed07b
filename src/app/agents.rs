//! Agents on this machine: finding their programs, keys and logins, and starting them in the sandbox of steps.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::{files, world::World};
use crate::{
    base::{
        path::RepoPath,
        reason::{Refusal, Result},
        secret::Secret,
    },
    execute::{Confined, Ending as Ended, run_confined},
    provider::{
        command::{Agent, Ending, Errand, Launcher, Printed},
        reasons::PROVIDER_AGENT_MISSING,
    },
};

/// The most bytes of a file of a login.
const MAX_LOGIN: usize = 1 << 20;
/// The most bytes of the first line of a script.
const MAX_FIRST_LINE: u64 = 256;
/// The port of what agents ask.
const PORT: u16 = 443;

/// The program of an agent, found on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The binary that is started.
    pub(crate) program: PathBuf,
    /// What comes before the agent's own arguments: the script, where the program interprets one.
    pub(crate) before: Vec<String>,
    /// What it must be able to read to start.
    pub(crate) reads: Vec<PathBuf>,
}

/// What an agent shows to whoever it asks.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    /// The variable that holds the key, where one is set.
    pub(crate) key: Option<(String, Secret)>,
    /// The files of its login, by their path below the home; read only where no key is set.
    pub(crate) login: BTreeMap<RepoPath, Vec<u8>>,
}

/// Finds an agent's program, and what interprets it where it is a script.
///
/// # Errors
/// `provider.agent_missing`.
pub(crate) fn find(agent: &Agent, world: &World) -> Result<Found> {
    let name = agent.argv.first().map(String::as_str).unwrap_or_default();
    let missing = |what: String| Refusal::new(PROVIDER_AGENT_MISSING, what).subject(agent.name.clone());
    let program = locate(name, world).ok_or_else(|| missing(format!("`{name}` is not in PATH")))?;
    let Some(line) = interpreter_line(&program) else {
        return Ok(Found { reads: own_folder(&program).into_iter().collect(), program, before: Vec::new() });
    };
    let mut words = line.split_ascii_whitespace();
    let first = words.next().unwrap_or_default();
    let by_env = Path::new(first).file_name().is_some_and(|name| name == "env");
    let named = if by_env { words.find(|word| *word != "-S").unwrap_or_default() } else { first };
    let interpreter = locate(named, world).filter(|path| interpreter_line(path).is_none()).ok_or_else(|| {
        missing(format!("`{name}` is a script, and `{named}`, which reads it, is no program in PATH"))
    })?;
    let before = words.map(str::to_owned).chain([program.display().to_string()]).collect();
    let reads = [own_folder(&program).unwrap_or(program)].into_iter().chain(own_folder(&interpreter)).collect();
    Ok(Found { program: interpreter, before, reads })
}

/// Finds an agent's key, or else its login.
///
/// # Errors
/// Where a file of the login is there and cannot be read.
pub(crate) fn credentials(agent: &Agent, world: &World) -> Result<Credentials> {
    let set = agent.key_variables.iter().find_map(|name| Some((name, world.env.text(name)?)));
    if let Some((name, value)) = set {
        let key = Some((name.clone(), Secret::new(value.to_owned())));
        return Ok(Credentials { key, ..Credentials::default() });
    }
    let mut login = BTreeMap::new();
    if let Some(home) = world.env.path("HOME") {
        for name in &agent.login {
            let path = home.join(name);
            if path.is_file() {
                login.insert(name.parse()?, files::read(&path, MAX_LOGIN)?);
            }
        }
    }
    Ok(Credentials { key: None, login })
}

/// Starts agents in the sandbox of steps: no repository, no home, and none of our variables but those that are named.
pub(crate) struct SandboxLauncher {
    found: Found,
    credentials: Credentials,
    variables: BTreeMap<String, String>,
    checkout: Option<PathBuf>,
}

impl SandboxLauncher {
    /// Makes the launcher of one agent; `checkout` is what it must not see.
    ///
    /// # Errors
    /// As [`find`] and [`credentials`].
    pub(crate) fn new(agent: &Agent, checkout: Option<&Path>, world: &World) -> Result<Self> {
        let found = find(agent, world)?;
        let credentials = credentials(agent, world)?;
        let passed = agent.variables.iter().filter_map(|name| Some((name.clone(), world.env.text(name)?.to_owned())));
        let mut variables: BTreeMap<String, String> = passed.collect();
        variables.extend(agent.settings.iter().cloned());
        if !credentials.login.is_empty() {
            variables.extend(agent.login_settings.iter().cloned());
        }
        Ok(Self { found, credentials, variables, checkout: checkout.map(Path::to_owned) })
    }

    /// Returns what must not be kept of what is said: the key, where one is set.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        self.credentials.key.iter().map(|(_, secret)| secret.clone()).collect()
    }
}

impl Launcher for SandboxLauncher {
    fn launch(&mut self, errand: &Errand<'_>) -> Result<Printed> {
        let mut home = self.credentials.login.clone();
        for (path, content) in &errand.agent.files {
            home.insert(path.parse()?, content.clone().into_bytes());
        }
        let mut secrets: BTreeMap<String, Secret> = self.credentials.key.iter().cloned().collect();
        // What is passed by name alone may be a key as well; what is too short to be one is plainly none.
        let (long, short): (BTreeMap<_, _>, BTreeMap<_, _>) = self
            .variables
            .clone()
            .into_iter()
            .partition(|(name, value)| errand.agent.variables.contains(name) && value.trim().chars().count() >= 8);
        secrets.extend(long.into_iter().map(|(name, value)| (name, Secret::new(value))));
        let reads: Vec<PathBuf> = self.found.reads.iter().chain(&errand.agent.reads).cloned().collect();
        let argv: Vec<String> = self.found.before.iter().chain(&errand.argv).cloned().collect();
        let ended = run_confined(&Confined {
            program: &self.found.program.display().to_string(),
            argv: &argv,
            env: &short,
            secrets: &secrets,
            home: &home,
            reads: &reads,
            checkout: self.checkout.as_deref(),
            ports: if errand.agent.network { &[PORT] } else { &[] },
            input: errand.input,
            timeout: errand.timeout,
            // Twice as much, since what is kept is kept from both ends.
            output_cap: errand.most.saturating_mul(2),
        })?;
        Ok(Printed {
            stdout: ended.stdout,
            bytes: ended.printed,
            truncated: ended.truncated,
            stderr: ended.stderr,
            ending: match ended.ending {
                Ended::Code(code) => Ending::Code(code),
                Ended::Signal(signal) => Ending::Signal(signal),
                Ended::Timeout => Ending::Timeout,
            },
            millis: ended.millis,
        })
    }
}

/// Finds a program: an absolute path as it is, a name in PATH; links are followed.
fn locate(name: &str, world: &World) -> Option<PathBuf> {
    let runs = |path: &Path| path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    if name.starts_with('/') {
        return Path::new(name).canonicalize().ok().filter(|path| runs(path));
    }
    if name.is_empty() || name.contains('/') {
        return None;
    }
    let path = world.env.path("PATH")?;
    // A folder that is named from where we are could be the repository's.
    let folders: Vec<PathBuf> = std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    folders.into_iter().map(|folder| folder.join(name)).find(|path| runs(path))?.canonicalize().ok()
}

/// Returns what follows `#!` in a script, or nothing where the file is none.
fn interpreter_line(path: &Path) -> Option<String> {
    let mut start = Vec::new();
    File::open(path).ok()?.take(MAX_FIRST_LINE).read_to_end(&mut start).ok()?;
    let rest = start.strip_prefix(b"#!")?;
    let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    Some(String::from_utf8_lossy(&rest[..end]).trim().to_owned())
}

/// Returns the package that a program belongs to, where it lies in a folder of packages.
fn own_folder(program: &Path) -> Option<PathBuf> {
    let mut folder = program.parent()?;
    loop {
        let parent = folder.parent()?;
        let scoped = parent.file_name().is_some_and(|name| name.to_string_lossy().starts_with('@'));
        let packages = if scoped { parent.parent()? } else { parent };
        if packages.file_name().is_some_and(|name| name == "node_modules") {
            // What an agent needs besides may lie beside it.
            return Some(packages.to_owned());
        }
        folder = parent;
    }
}
