//! The shipped directives and pipelines in a sample project, run by the real binary, with the tools of this machine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use base64::Engine as _;
use serde_json::Value;

use crate::support::{Bench, Ran, ran};

const POLICY: &str = ".countersign/policy.yml";

/// A repository that was set up as the guide says: `init --solo`, and the shipped files committed.
pub struct Project {
    pub bench: Bench,
    variables: Vec<(String, String)>,
}

/// A plan that was drafted, reviewed and approved.
pub struct Approved {
    pub file: PathBuf,
    pub bundle: PathBuf,
}

impl Project {
    /// Makes one from a sample project below `tests/data/projects`, whose files are laid below `folder`.
    #[track_caller]
    pub fn new(sample: &str, folder: &str) -> Self {
        let project = Self { bench: Bench::new(&[]), variables: Vec::new() };
        let from = root().join("tests/data/projects").join(sample);
        let to = if folder.is_empty() { project.bench.repo() } else { project.bench.path(folder) };
        lay(&from, &to);
        project.bench.commit("feat: begin");
        project.tool(&["init", "--solo"]).exits(0);
        project.bench.bring("pipelines");
        project.bench.bring("directives");
        project.bench.commit("chore: set up countersign");
        project
    }

    /// Sets a variable in the tool's environment, as a secret is handed over.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Runs the binary in the repository.
    pub fn tool(&self, args: &[&str]) -> Ran {
        ran(self.bench.binary().envs(self.variables.iter().cloned()).args(args).output().unwrap())
    }

    /// Replaces text in a committed file, which must be there.
    #[track_caller]
    pub fn change(&self, path: &str, old: &str, new: &str) {
        let before = self.bench.read(path);
        assert!(before.contains(old), "`{old}` is not in {path}");
        self.bench.write(path, before.replace(old, new));
    }

    /// Replaces text in the policy.
    #[track_caller]
    pub fn policy(&self, old: &str, new: &str) {
        self.change(POLICY, old, new);
    }

    /// Drafts a plan, reviews it and approves it by key.
    #[track_caller]
    pub fn approved(&self, directive: &str, inputs: &[&str]) -> Approved {
        let number = fs::read_dir(self.bench.outside("")).unwrap().count();
        let file = self.bench.outside(&format!("plan-{number}.json"));
        let bundle = self.bench.outside(&format!("bundle-{number}.json"));
        let named = file.to_str().unwrap();
        let mut line = vec!["plan", directive, "--out", named, "--json"];
        inputs.iter().for_each(|input| line.extend(["-i", *input]));
        let planned = self.tool(&line).exits(0).json();
        let digest = planned["result"]["planDigest"].as_str().unwrap().to_owned();
        let review = self.tool(&["review", named, "--json"]).exits(0).json();
        assert_eq!(review["result"]["decision"]["decision"], "needs-approval", "{review:#}");
        self.tool(&["approve", named, "--key", "ada", "--digest", &digest]).exits(0);
        self.tool(&["verify", named]).exits(0);
        Approved { file, bundle }
    }

    /// Executes an approved plan.
    #[track_caller]
    pub fn execute(&self, plan: &Approved) -> Ran {
        self.execute_with(plan, &[])
    }

    #[track_caller]
    fn execute_with(&self, plan: &Approved, more: &[&str]) -> Ran {
        let named = plan.file.to_str().unwrap();
        let bundle = plan.bundle.to_str().unwrap();
        // A bundle is never written over another file.
        let _ = fs::remove_file(&plan.bundle);
        self.tool(&[&["execute", named, "--bundle", bundle, "--json"], more].concat())
    }

    /// Plans, reviews, approves and executes, which must end well; returns the outputs of all steps, by step.
    #[track_caller]
    pub fn works(&self, directive: &str, inputs: &[&str]) -> (Approved, Value) {
        let plan = self.approved(directive, inputs);
        self.execute(&plan).exits(0);
        let outputs = self.ended(&plan, "completed");
        (plan, outputs)
    }

    /// Plans, reviews, approves and executes, which must end with a failed run; returns what a person reads.
    #[track_caller]
    pub fn fails(&self, directive: &str, inputs: &[&str]) -> String {
        self.failing(directive, inputs).0
    }

    /// Runs a directive whose end nobody knows; returns what a person reads.
    #[track_caller]
    pub fn doubts(&self, directive: &str, inputs: &[&str]) -> String {
        let plan = self.approved(directive, inputs);
        let ran = self.execute(&plan).exits(10);
        self.ended(&plan, "indeterminate");
        ran.stderr
    }

    /// As `fails`; returns the plan too.
    #[track_caller]
    pub fn failing(&self, directive: &str, inputs: &[&str]) -> (String, Approved) {
        let plan = self.approved(directive, inputs);
        let ran = self.execute(&plan).exits(7);
        self.ended(&plan, "failed");
        (ran.stderr, plan)
    }

    /// Goes on with the failed run of a plan, which must end well; returns what a person reads.
    #[track_caller]
    pub fn resumes(&self, plan: &Approved) -> String {
        let ran = self.resume(plan).exits(0);
        self.ended(plan, "completed");
        ran.stderr
    }

    /// Tries to go on with the failed run of a plan.
    #[track_caller]
    pub fn resume(&self, plan: &Approved) -> Ran {
        let status = self.tool(&["status", plan.file.to_str().unwrap(), "--json"]).exits(0).json();
        let run = status["result"]["runs"][0]["run"].as_str().unwrap().to_owned();
        self.execute_with(plan, &["--resume", &run])
    }

    /// Checks that a plan which was run is refused when it is handed in again.
    #[track_caller]
    pub fn refuses_a_replay(&self, plan: &Approved) {
        let again = self.execute(plan);
        let reason = again.json()["reasonCode"].as_str().unwrap_or_default().to_owned();
        assert!(matches!(again.code, 3 | 6), "exit {}: {}", again.code, again.stdout);
        assert!(!reason.is_empty(), "{}", again.stdout);
        assert!(!again.stderr.lines().any(|line| line.starts_with("started ")), "{}", again.stderr);
    }

    /// Checks that the ledger holds, that the bundle verifies for somebody without the repository, and how the
    /// run stands in it; returns the outputs of the steps that succeeded.
    #[track_caller]
    fn ended(&self, plan: &Approved, status: &str) -> Value {
        self.tool(&["ledger", "verify"]).exits(0);
        let bundle = plan.bundle.to_str().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let offline = ["verify", "--bundle", bundle, "--offline", "--json"];
        let colleague = self.bench.binary().current_dir(elsewhere.path()).args(offline).args(self.pin()).output();
        let verified = ran(colleague.unwrap()).exits(0).json();
        assert_eq!(verified["result"]["outcome"], status, "{verified:#}");
        let lines = self.tool(&["ledger", "export"]).exits(0).stdout;
        let mut outputs = serde_json::Map::new();
        for line in lines.lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            collect(&entry, &mut outputs);
        }
        Value::Object(outputs)
    }

    /// What a colleague was told: the digest of the trust root.
    fn pin(&self) -> [String; 2] {
        let shown = self.tool(&["keys", "show", "--json"]).exits(0).json();
        ["--trust-root".to_owned(), shown["result"]["digest"].as_str().unwrap().to_owned()]
    }
}

/// Makes the project of the SQLite migrations, with a folder for its database that git ignores; none without the tools.
pub fn sqlite() -> Option<Project> {
    if !has("python3") || !has("sqlite3") {
        return None;
    }
    let project = Project::new("migration", "");
    project.bench.write("data/.gitignore", "*\n!.gitignore\n");
    project.bench.commit("chore: a folder for the database");
    Some(project)
}

/// Takes the outputs of a step out of a ledger line, if it is about one that ended.
fn collect(entry: &Value, outputs: &mut serde_json::Map<String, Value>) {
    let Some(payload) = entry["envelope"]["payload"].as_str() else { return };
    let payload = base64::engine::general_purpose::STANDARD.decode(payload).unwrap();
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    let predicate = &statement["predicate"];
    if predicate["outcome"]["status"] == "succeeded" {
        outputs.insert(predicate["step"].as_str().unwrap().to_owned(), predicate["outcome"]["outputs"].clone());
    }
}

/// The top of this project.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn lay(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            lay(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Runs a program of this machine, which must end well; returns what it printed.
#[track_caller]
pub fn stock(folder: &Path, program: &str, args: &[&str]) -> String {
    let output: Output =
        Command::new(program).args(args).current_dir(folder).env("LC_ALL", "C.UTF-8").output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Tells whether a program is on this machine; where it is not, the test says that it is left out.
pub fn has(program: &str) -> bool {
    let there = ["/usr/local/bin", "/usr/bin", "/bin"].iter().any(|folder| Path::new(folder).join(program).is_file());
    if !there {
        eprintln!("note: {program} is not here: this test is left out");
    }
    there
}
