//! A throw-away repository and the tool, as the binary or in this process with a fixed clock.

use std::{
    cell::Cell,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Arc, Mutex},
};

use countersign::{
    app::{
        self,
        world::{Console, Entropy, Environment, World},
    },
    base::time::{Clock, Timestamp},
};
use serde_json::Value;

/// The instant at which tests with a fixed clock begin: later than anything that the machine has made.
pub const NOW: &str = "2030-01-01T12:00:00Z";

/// A throw-away repository with its own home.
pub struct Bench {
    folder: tempfile::TempDir,
    counter: Cell<u64>,
    pub now: Cell<Timestamp>,
    /// Who works: the home below `homes/`.
    pub person: Cell<&'static str>,
}

/// What a command gave.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The JSON object that `--json` printed.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("no JSON ({e}): {}\n{}", self.stdout, self.stderr))
    }

    /// Asserts the exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts exit code and reason code of a refusal under `--json`.
    #[track_caller]
    pub fn refused(self, code: i32, reason: &str) -> Self {
        let found = self.json()["reasonCode"].as_str().unwrap_or_default().to_owned();
        assert_eq!((self.code, found.as_str()), (code, reason), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Bench {
    /// A repository with one commit that holds the given files, on the branch `main`.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
            counter: Cell::new(0),
            now: Cell::new(NOW.parse().unwrap()),
            person: Cell::new("ada"),
        };
        fs::create_dir_all(bench.repo()).unwrap();
        bench.git(&["init", "-q", "-b", "main"]);
        bench.write("README.md", "# A project\n");
        for (path, content) in files {
            bench.write(path, content);
        }
        bench.commit("Begin");
        bench
    }

    pub fn repo(&self) -> PathBuf {
        self.folder.path().join("repo")
    }

    pub fn path(&self, inside: &str) -> PathBuf {
        self.repo().join(inside)
    }

    pub fn outside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn home(&self) -> PathBuf {
        self.folder.path().join("homes").join(self.person.get())
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Copies a file or folder of this project into the repository, under the same path.
    pub fn bring(&self, path: &str) {
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path), &self.path(path));
    }

    #[track_caller]
    pub fn git(&self, args: &[&str]) -> String {
        let person = self.person.get();
        let output = Command::new("git")
            .args(args)
            .current_dir(self.repo())
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap())
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", person)
            .env("GIT_AUTHOR_EMAIL", format!("{person}@example.com"))
            .env("GIT_COMMITTER_NAME", person)
            .env("GIT_COMMITTER_EMAIL", format!("{person}@example.com"))
            .env("GIT_AUTHOR_DATE", "2029-12-31T00:00:00Z")
            .env("GIT_COMMITTER_DATE", "2029-12-31T00:00:00Z")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
    }

    fn variables(&self) -> Vec<(String, String)> {
        let person = self.person.get();
        vec![
            ("PATH".into(), std::env::var("PATH").unwrap()),
            ("HOME".into(), self.home().display().to_string()),
            ("COUNTERSIGN_HOME".into(), self.home().join("countersign").display().to_string()),
            ("GIT_AUTHOR_NAME".into(), person.into()),
            ("GIT_AUTHOR_EMAIL".into(), format!("{person}@example.com")),
        ]
    }

    /// Runs the tool in this process, at the bench's present instant.
    pub fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, &[], "", false)
    }

    /// Runs the tool in this process with more variables and an input.
    pub fn run_with(&self, args: &[&str], variables: &[(&str, &str)], input: &str, terminal: bool) -> Ran {
        let (stdout, stderr) = (Sink::default(), Sink::default());
        let mut env = self.variables();
        env.extend(variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        self.counter.set(self.counter.get() + 1000);
        let mut world = World {
            env: Environment::fixed(env),
            clock: Clock::Fixed(self.now.get()),
            entropy: Entropy::Counter(Cell::new(self.counter.get())),
            cwd: self.repo(),
            reached: Default::default(),
            events: Default::default(),
            handed: Default::default(),
            line: Vec::new(),
            console: Console {
                stdin: Box::new(io::Cursor::new(input.to_owned().into_bytes())),
                stdout: Box::new(stdout.clone()),
                stderr: Box::new(stderr.clone()),
                stdin_is_terminal: terminal,
                stdout_is_terminal: false,
                stderr_is_terminal: false,
                draws: false,
                stdout_is_file: false,
                stderr_is_file: false,
            },
        };
        let line = std::iter::once("countersign").chain(args.iter().copied()).map(Into::into);
        let code = app::main(line.collect(), &mut world);
        Ran { code: i32::from(code), stdout: stdout.text(), stderr: stderr.text() }
    }

    /// Runs the tool in this process with `--json`.
    pub fn json(&self, args: &[&str]) -> Ran {
        self.run(&[args, &["--json"]].concat())
    }

    /// The binary, ready to start in the repository with a clean environment.
    pub fn binary(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.current_dir(self.repo()).env_clear().envs(self.variables());
        command
    }

    /// Lets time pass.
    pub fn pass(&self, seconds: i64) {
        self.now.set(self.now.get().plus(seconds));
    }
}

pub fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
}
