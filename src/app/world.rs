//! Everything a command takes from outside: environment, clock, randomness, folder, streams.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    ffi::OsString,
    io::{self, IsTerminal as _, Read, Write},
    path::PathBuf,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
};

use super::{events::Events, outputs::Handed, reasons::VARIABLE_UNREADABLE};
use crate::{
    base::{
        digest::Digest,
        reason::{INTERNAL, Refusal, Result, USAGE},
        text::visible,
        time::{Clock, Timestamp},
    },
    forge::Forge,
};

/// How the names of our own variables begin.
const OURS: &str = "COUNTERSIGN_";
/// The variable that names the folder of keys and pins.
const HOME: &str = "COUNTERSIGN_HOME";

/// The outside world of one command. Tests make their own.
pub struct World {
    /// The environment variables, read once.
    pub env: Environment,
    /// The clock.
    pub clock: Clock,
    /// Where random bytes come from.
    pub entropy: Entropy,
    /// The folder the command was started in.
    pub cwd: PathBuf,
    /// Standard streams.
    pub console: Console,
    /// The forges that were reached.
    pub reached: Reached,
    /// Where events are told as they happen.
    pub events: Events,
    /// What is to be printed in the place of a file.
    pub handed: Handed,
    /// The command line as it was typed, to be named where the same command goes on later.
    pub line: Vec<OsString>,
}

/// The forges that a command has reached: each once, however often it is needed.
#[derive(Clone, Default)]
pub struct Reached(Rc<RefCell<Vec<Arc<dyn Forge>>>>);

impl Reached {
    /// Returns the forge that was reached already.
    pub(crate) fn first(&self) -> Option<Arc<dyn Forge>> {
        self.0.borrow().first().cloned()
    }

    /// Keeps a forge that was reached.
    pub(crate) fn keep(&self, forge: &Arc<dyn Forge>) {
        self.0.borrow_mut().push(Arc::clone(forge));
    }

    /// Returns how many requests were sent.
    pub(crate) fn calls(&self) -> u64 {
        self.0.borrow().iter().map(|forge| forge.calls()).sum()
    }
}

impl World {
    /// Takes the process's own world.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            env: Environment::of_process(),
            clock: Clock::System,
            entropy: Entropy::System,
            // Where it was removed, there is none: what is named in full can still be reached.
            cwd: std::env::current_dir().unwrap_or_default(),
            console: Console::of_process(),
            reached: Reached::default(),
            events: Events::default(),
            handed: Handed::default(),
            line: Vec::new(),
        }
    }

    /// Returns the present second.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// The environment variables, read once.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// Takes a fixed set of variables.
    pub fn fixed<K: Into<String>, V: Into<OsString>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(variables.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }

    fn of_process() -> Self {
        Self(std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value))).collect())
    }

    /// Returns the same variables without some.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(name, _)| !names.contains(&name.as_str()))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
        )
    }

    /// Returns the same variables and one more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Refuses where a variable of ours holds what cannot be read: taken for unset, a switch that is off would permit.
    ///
    /// A folder need not be text.
    ///
    /// # Errors
    /// `variable.unreadable`, which names the variable and shows nothing of its value.
    pub fn check(&self) -> Result<()> {
        let ours = self.0.iter().filter(|(name, _)| name.starts_with(OURS) && *name != HOME);
        match ours.into_iter().find(|(_, value)| value.to_str().is_none()) {
            None => Ok(()),
            Some((name, _)) => {
                let name = visible(name);
                Err(Refusal::new(VARIABLE_UNREADABLE, format!("the value of {name} is not UTF-8")).subject(name))
            }
        }
    }

    /// Returns a variable that is set, not empty, and UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.to_str().filter(|value| !value.is_empty())
    }

    /// Returns the names of the variables that are set and not empty, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name.as_str())
    }

    /// Returns a variable as a path, where it is set and not empty.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.0.get(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// Returns the folder of keys and pins: `COUNTERSIGN_HOME`, else `countersign` in `XDG_CONFIG_HOME` or `~/.config`.
    ///
    /// # Errors
    /// `usage.invalid` where none of the three variables is set, or where the one that is names no absolute path to
    /// a folder.
    pub fn config_dir(&self) -> Result<PathBuf> {
        let Some((name, below)) = self.config_variable() else {
            return Err(Refusal::new(USAGE, "there is no folder for keys: HOME is not set")
                .hint("set COUNTERSIGN_HOME to a private folder"));
        };
        let folder = self.path(name).unwrap_or_default().join(below);
        let refuse = |why: &str| {
            let what = format!("{name}: `{}` {why}", visible(&folder.display().to_string()));
            Refusal::new(USAGE, what).subject(name).hint("set COUNTERSIGN_HOME to a private folder")
        };
        if !folder.is_absolute() {
            return Err(refuse("is not an absolute path"));
        }
        let there = folder.ancestors().find(|at| at.symlink_metadata().is_ok());
        match there {
            Some(there) if !there.is_dir() => Err(refuse("can be no folder")),
            _ => Ok(folder),
        }
    }

    /// Returns the variable that says where the folder of keys and pins is, and what is below it.
    pub(crate) fn config_variable(&self) -> Option<(&'static str, &'static str)> {
        let places = [(HOME, ""), ("XDG_CONFIG_HOME", "countersign"), ("HOME", ".config/countersign")];
        places.into_iter().find(|(name, _)| self.path(name).is_some())
    }
}

/// Where random bytes come from.
#[derive(Debug)]
pub enum Entropy {
    /// The operating system.
    System,
    /// A counter, for tests.
    Counter(Cell<u64>),
}

impl Entropy {
    /// Returns another source of the same kind.
    #[must_use]
    pub fn fork(&self) -> Self {
        match self {
            Self::System => Self::System,
            Self::Counter(counter) => Self::Counter(Cell::new(counter.get() + 1_000_000)),
        }
    }

    /// Returns 32 bytes.
    ///
    /// # Errors
    /// Where the operating system has none to give.
    pub fn bytes(&self) -> Result<[u8; 32]> {
        match self {
            Self::System => {
                let mut bytes = [0_u8; 32];
                getrandom::fill(&mut bytes).map_err(|e| Refusal::new(INTERNAL, format!("no randomness: {e}")))?;
                Ok(bytes)
            }
            Self::Counter(counter) => {
                counter.set(counter.get() + 1);
                Ok(*Digest::framed("test-entropy", [counter.get().to_be_bytes()]).as_bytes())
            }
        }
    }

    /// Returns 32 hex digits.
    ///
    /// # Errors
    /// As [`Entropy::bytes`].
    pub fn nonce(&self) -> Result<String> {
        Ok(hex::encode(&self.bytes()?[..16]))
    }
}

/// Standard streams, and whether they are terminals.
pub struct Console {
    /// Standard input.
    pub stdin: Box<dyn Read + Send>,
    /// Standard output.
    pub stdout: Box<dyn Write + Send>,
    /// Standard error.
    pub stderr: Box<dyn Write + Send>,
    /// Whether a person types into standard input.
    pub stdin_is_terminal: bool,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
    /// Whether something may be drawn on standard error while a command works: decided once the command line is known.
    pub draws: bool,
    /// Whether standard output is a regular file, and so nothing that a CI reads along.
    pub stdout_is_file: bool,
    /// Whether standard error is a regular file.
    pub stderr_is_file: bool,
}

impl Console {
    /// Returns standard error for somebody else to write to as well, such as the task of a run.
    pub(crate) fn share_stderr(&mut self) -> Box<dyn Write + Send> {
        let own = std::mem::replace(&mut self.stderr, Box::new(io::sink()));
        let shared = SharedStream(Arc::new(Mutex::new(own)));
        self.stderr = Box::new(shared.clone());
        Box::new(shared)
    }

    fn of_process() -> Self {
        Self {
            stdin: Box::new(io::stdin()),
            stdout: Box::new(io::stdout()),
            stderr: Box::new(io::stderr()),
            stdin_is_terminal: io::stdin().is_terminal(),
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
            draws: false,
            stdout_is_file: is_file(rustix::stdio::stdout()),
            stderr_is_file: is_file(rustix::stdio::stderr()),
        }
    }
}

/// A stream that several hold: none takes it away from the others by being lost.
#[derive(Clone)]
struct SharedStream(Arc<Mutex<Box<dyn Write + Send>>>);

impl Write for SharedStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

fn is_file(stream: std::os::fd::BorrowedFd<'_>) -> bool {
    use rustix::fs::{FileType, fstat};
    fstat(stream).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_error_is_still_there_when_whoever_shared_it_is_lost() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut console = Console { stderr: Box::new(writer), ..Console::of_process() };
        let mut shared = console.share_stderr();
        shared.write_all(b"a step\n").unwrap();
        let lost = std::thread::spawn(move || {
            let _held = shared;
            panic!("the run stopped");
        });
        assert!(lost.join().is_err());
        console.stderr.write_all(b"an error\n").unwrap();
        drop(console);
        let mut all = String::new();
        reader.read_to_string(&mut all).unwrap();
        assert_eq!(all, "a step\nan error\n");
    }
}
