//! Real workflows, run by act on this machine: what `init --forge github` writes, with the model as GitHub.
//!
//! act resolves reusable workflows and actions to folders of this repository, so a job runs what a user's job runs, on this machine or in a container:
//! `action.yml`, the script that installs the binary, and the binary. What it cannot do is stood in for: checkouts
//! (the model's repository, by git and HTTP, with the job's token), artifacts (a folder), and the secrets of an
//! environment, which act does not know and the called workflow therefore takes from variables.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign::base::{digest::Digest, time::Clock};
use serde_json::{Value, json};

use super::{
    forge_model::{ForgeModel, events, faults::What, state::ACTIONS_BOT},
    github_loop::{FILES, NUMBER},
    scene::{CANARY, note},
    support::{Bench, Ran, ran},
};

/// The commit that the user pins; act takes the folder of this project for it.
const PIN: &str = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";
const BOT_TOKEN: &str = "token-of-github-actions";

const LOOK: (&str, &str) = (
    "pipelines/look.yml",
    "description: Take the digest of the readme.
effect: analyze
outputs: {sum: {type: string, maxLength: 200, from: stdout}}
actions:
  - run: {program: sha256sum, argv: [README.md], reads: [README.md]}
",
);
const READY: (&str, &str) = (
    "pipelines/ready.yml",
    "description: Go on only where somebody has made ready.
effect: analyze
outputs: {sum: {type: string, maxLength: 200, from: stdout}}
actions:
  - run: {program: sha256sum, argv: [ready.txt], reads: [ready.txt]}
",
);
const CAREFUL: (&str, &str) = (
    "directives/careful.md",
    "---
title: Look twice
pipelines: [look, ready]
ceiling: {effect: analyze, risk: low}
steps:
  - {id: look, pipeline: look}
  - {id: ready, pipeline: ready, needs: [look]}
---
Looks.
",
);
const RELEASE: (&str, &str) = (
    "directives/release.md",
    "---
title: Release
pipelines: [mark]
inputs:
  version: {type: string, pattern: '[0-9.]+'}
ceiling: {effect: write, risk: low}
environment: production
steps:
  - {id: mark, pipeline: mark, with: {text: '{{ inputs.version }}'}}
---
Releases a version.
",
);

const SPREAD: (&str, &str) = (
    "directives/spread.md",
    "---
title: Look three times, then once more
pipelines: [look]
ceiling: {effect: analyze, risk: low}
steps:
  - {id: one, pipeline: look}
  - {id: two, pipeline: look}
  - {id: three, pipeline: look}
  - {id: last, pipeline: look, needs: [one, two, three]}
---
Looks.
",
);

/// The directive with another text.
fn proposal() -> String {
    FILES[1].1.replace("default: hello", "default: proposed")
}

/// The workflow of this name in the documentation.
fn documented(name: &str) -> String {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/github.md")).unwrap();
    let begin = format!("name: {name}\n");
    let block = page.split("```yaml\n").find(|block| block.starts_with(&begin)).unwrap();
    block.split("```").next().unwrap().replace("@COMMIT", &format!("@{PIN}"))
}

/// What stands for GitHub's own actions: name and what it does.
const STAND_INS: [(&str, &str); 3] = [
    (
        "checkout",
        r#"git init -q .
git remote add origin "$HUB/$GITHUB_REPOSITORY.git"
header="Authorization: Basic $(printf 'x-access-token:%s' "$TOKEN" | base64 -w0)"
git -c http.extraHeader="$header" fetch -q origin '+refs/heads/*:refs/remotes/origin/*' ${REF:+"$REF"}
if git rev-parse -q --verify "refs/remotes/origin/$REF" >/dev/null; then
  git checkout -q -B "$REF" "refs/remotes/origin/$REF"
else
  git checkout -q --detach "$REF"
fi"#,
    ),
    (
        "upload-artifact",
        r#"mkdir -p "$SHELF/$NAME"
printf '%s\n' "$FROM" | while read -r path; do if [ -e "$path" ]; then cp -r "$path" "$SHELF/$NAME/"; fi; done
if [ -e mark.txt ]; then cp mark.txt "$SHELF/"; fi"#,
    ),
    ("download-artifact", r#"mkdir -p "$FROM" && cp -r "$SHELF/$NAME"/* "$FROM/""#),
];

/// A user's repository on the model, set up as the tutorial of `docs/github.md` says.
struct Hub {
    bench: Bench,
    model: ForgeModel,
    act: PathBuf,
    keys: BTreeMap<String, String>,
    root: String,
    pins: Vec<(String, String)>,
}

/// What a workflow run gave.
struct Acted {
    code: i32,
    log: String,
}

impl Acted {
    #[track_caller]
    fn ends_well(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.log);
        self
    }

    #[track_caller]
    fn refused(self, code: &str) {
        assert_ne!(self.code, 0, "{}", self.log);
        assert!(self.log.contains(&format!("[{code}]")), "no {code}:\n{}", self.log);
    }
}

/// Finds act where `tests/run.sh` puts it, or on the path.
fn act() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/ship/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = [own].into_iter().chain(std::env::split_paths(&path)).map(|folder| folder.join("act"));
    let found = found.filter(|file| file.is_file()).find(|file| {
        let version = Command::new(file).arg("--version").stderr(Stdio::null()).output();
        version.is_ok_and(|output| output.stdout.starts_with(b"act version"))
    });
    if found.is_none() {
        note("skipped: there is no act; tests/run.sh installs it");
    }
    found
}

/// The daemon and the image in whose containers the jobs run, where `tests/ship/test_act.py` names them; else they
/// run on this machine.
fn containers() -> Option<(String, String)> {
    let named = |name| std::env::var(name).ok();
    Some((named("COUNTERSIGN_ACT_DOCKER")?, named("COUNTERSIGN_ACT_IMAGE")?))
}

impl Hub {
    /// Sets everything up; none where there is no act.
    fn new(more: &[(&str, &str)]) -> Option<Self> {
        let act = act()?;
        let bench = Bench::new(&[FILES, more].concat());
        let bare = bench.outside("infra.git");
        bench.git(&["init", "-q", "--bare", "-b", "main", bare.to_str().unwrap()]);
        bench.git(&["-C", bare.to_str().unwrap(), "config", "uploadpack.allowAnySHA1InWant", "true"]);
        bench.git(&["push", "-q", bare.to_str().unwrap(), "main"]);
        let model = ForgeModel::over(&bare);
        bench.git(&["remote", "add", "origin", &model.clone_url()]);
        let mut hub = Self { bench, model, act, keys: BTreeMap::new(), root: String::new(), pins: Vec::new() };
        let told = hub.words(&["init", "--forge", "github", "--action", PIN]).exits(0).stdout;
        hub.tool(&["keys", "enrol", "--login", "bob", "--id", "102", "--email", "bob@example.com"]).exits(0);
        hub.root = hub.tool(&["keys", "show"]).exits(0).json()["result"]["digest"].as_str().unwrap().to_owned();
        // What it tells to paste: `gh secret set NAME [--env ENVIRONMENT] < FILE`.
        let secrets: Vec<Vec<&str>> = told
            .lines()
            .filter_map(|line| Some(line.trim().strip_prefix("gh secret set ")?.split(' ').collect()))
            .collect();
        let places: Vec<String> =
            secrets.iter().map(|words| words[..words.len() - 2].join(" ").replace("COUNTERSIGN_", "")).collect();
        let both = |key: &str| [format!("{key} --env countersign"), format!("{key} --env production")];
        let wanted = [vec!["PLANNER_KEY".to_owned()], both("GATE_KEY").into(), both("EXECUTOR_KEY").into()].concat();
        assert_eq!(BTreeSet::from_iter(places), BTreeSet::from_iter(wanted), "{told}");
        for words in secrets {
            hub.keys.insert(words[0].to_owned(), fs::read_to_string(words[words.len() - 1]).unwrap());
        }
        hub.bench.commit("Set up countersign");
        hub.push(&["main", "countersign/ledger"]);
        hub.lay();
        Some(hub)
    }

    /// The real binary, as `ada` at her own machine.
    fn tool(&self, line: &[&str]) -> Ran {
        self.words(&[line, &["--json"]].concat())
    }

    fn words(&self, line: &[&str]) -> Ran {
        let token = ("GITHUB_TOKEN", "token-of-ada");
        let mut command = self.bench.binary();
        command.args(line).envs([token, ("COUNTERSIGN_LEDGER_REMOTE", "origin")]);
        ran(command.stdin(Stdio::null()).output().unwrap())
    }

    fn push(&self, refs: &[&str]) {
        let header = format!("http.extraHeader=Authorization: Basic {}", STANDARD.encode("ada:token-of-ada"));
        self.bench.git(&[&["-c", &header, "push", "-q", "origin"], refs].concat());
    }

    /// Lays what act takes for the action, its workflows and GitHub's own actions.
    fn lay(&mut self) {
        let (ours, laid) = (Path::new(env!("CARGO_MANIFEST_DIR")), self.bench.outside("action"));
        let put = |path: &Path, bytes: &[u8]| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        for name in ["action.yml", ".github/action/install"] {
            fs::create_dir_all(laid.join(name).parent().unwrap()).unwrap();
            fs::copy(ours.join(name), laid.join(name)).unwrap();
        }
        // The release that is taken names this very binary, which the runner has already.
        let tools = self.bench.outside("tools");
        fs::create_dir_all(&tools).unwrap();
        let binary = Path::new(env!("CARGO_BIN_EXE_countersign"));
        fs::hard_link(binary, tools.join("countersign"))
            .or_else(|_| fs::copy(binary, tools.join("countersign")).map(drop))
            .unwrap();
        let sum = Digest::of(&fs::read(binary).unwrap());
        let release = format!("image=ghcr.io/a/b@sha256:{}\nbinary={sum}\n", "a".repeat(64));
        put(&laid.join(".github/action/release"), release.as_bytes());
        for name in ["countersign.yml", "countersign-comment.yml", "countersign-fanout.yml"] {
            let path = Path::new(".github/workflows").join(name);
            let text = fs::read_to_string(ours.join(&path)).unwrap();
            let used = text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses: "));
            for (name, commit) in used.filter_map(|uses| uses.split(' ').next()?.split_once('@')) {
                self.pins.push((name.to_owned(), commit.to_owned()));
            }
            let text = text.replace("secrets.COUNTERSIGN_GATE_KEY", "vars.COUNTERSIGN_GATE_KEY");
            let text = text.replace("secrets.COUNTERSIGN_EXECUTOR_KEY", "vars.COUNTERSIGN_EXECUTOR_KEY");
            put(&laid.join(path), text.as_bytes());
        }
        self.pins.push(("countersign/countersign".to_owned(), PIN.to_owned()));
        self.pins.sort();
        self.pins.dedup();
        let hub = format!("http://{}", self.model.host());
        for (name, script) in STAND_INS {
            let action = json!({
                "name": name,
                "inputs": {
                    "ref": {"default": ""}, "fetch-depth": {}, "persist-credentials": {}, "name": {"default": ""},
                    "path": {"default": ""}, "if-no-files-found": {}, "retention-days": {},
                },
                "runs": {"using": "composite", "steps": [{
                    "shell": "bash",
                    "env": {"REF": "${{ inputs.ref }}", "TOKEN": "${{ github.token }}", "HUB": hub,
                        "NAME": "${{ inputs.name }}", "FROM": "${{ inputs.path }}", "SHELF": self.shelf()},
                    "run": script,
                }]},
            });
            put(&self.bench.outside("stand-ins").join(name).join("action.yml"), action.to_string().as_bytes());
        }
        fs::create_dir_all(self.shelf()).unwrap();
        fs::create_dir_all(self.bench.outside("runner")).unwrap();
    }

    fn shelf(&self) -> PathBuf {
        self.bench.outside("shelf")
    }

    /// What the runs left in the workspace of a job that executes.
    fn mark(&self) -> Option<String> {
        fs::read_to_string(self.shelf().join(CANARY)).ok()
    }

    /// Lets the time of the model be that of the machine.
    fn now(&self) {
        self.model.state().now = Clock::System.now();
    }

    /// Lets act run a workflow of the repository on an event.
    fn acts(&self, workflow: &str, name: &str, event: &Value, run: u64, actor: (u64, &str)) -> Acted {
        let file = self.bench.outside(&format!("event-{run}.json"));
        fs::write(&file, event.to_string()).unwrap();
        let mut command = Command::new(&self.act);
        command.current_dir(self.bench.repo()).env_clear().arg(name).args(["-W", workflow, "-e"]).arg(&file);
        command.args(["--action-offline-mode", "--no-cache-server", "-a", actor.1]);
        match containers() {
            None => drop(command.args(["-P", "ubuntu-24.04=-self-hosted"])),
            Some((daemon, image)) => {
                command.env("DOCKER_HOST", daemon).args([
                    "-P",
                    &format!("ubuntu-24.04={image}"),
                    "--pull=false",
                    "--rm",
                ]);
                let (all, tools) = (self.bench.outside(""), self.bench.outside("tools"));
                let (all, tools) = (all.display(), tools.display());
                let mounts = format!("--volume=/usr:/usr:ro --volume={all}:{all} --volume={tools}:/tools:ro");
                command.args(["--container-daemon-socket", "-", "--container-options", &mounts]);
            }
        }
        for (name, commit) in &self.pins {
            let folder = match name.strip_prefix("actions/") {
                Some(name) => self.bench.outside("stand-ins").join(name),
                None => self.bench.outside("action"),
            };
            command.args(["--local-repository", &format!("{name}@{commit}={}", folder.display())]);
        }
        let said = self.model.variables().into_iter().chain([
            ("GITHUB_RUN_ID", run.to_string()),
            ("GITHUB_RUN_ATTEMPT", "1".to_owned()),
            ("GITHUB_REPOSITORY_ID", "7000".to_owned()),
            ("GITHUB_REPOSITORY_OWNER_ID", "100".to_owned()),
            ("GITHUB_ACTOR_ID", actor.0.to_string()),
            ("DOCKER_HOST", "unix:///nowhere".to_owned()),
        ]);
        for (name, value) in said {
            command.args(["--env", &format!("{name}={value}")]);
        }
        let planner = format!("COUNTERSIGN_PLANNER_KEY={}", self.keys["COUNTERSIGN_PLANNER_KEY"]);
        command.args(["-s", &format!("GITHUB_TOKEN={BOT_TOKEN}"), "-s", &planner]);
        for (name, value) in [
            ("COUNTERSIGN_TRUST_ROOT", self.root.as_str()),
            ("COUNTERSIGN_GATE_KEY", &self.keys["COUNTERSIGN_GATE_KEY"]),
            ("COUNTERSIGN_EXECUTOR_KEY", &self.keys["COUNTERSIGN_EXECUTOR_KEY"]),
        ] {
            command.args(["--var", &format!("{name}={value}")]);
        }
        let path = format!("{}:{}", self.bench.outside("tools").display(), std::env::var("PATH").unwrap());
        let home = self.bench.outside("runner");
        command.env("PATH", path).env("HOME", &home).env("XDG_CACHE_HOME", home.join("cache"));
        command.env("GIT_CONFIG_NOSYSTEM", "1");
        let before = self.model.requests().len();
        let output = command.stdin(Stdio::null()).output().unwrap();
        self.was_permitted(workflow, &self.model.requests()[before..]);
        let log = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        for key in self.keys.values() {
            assert!(!log.contains(key.lines().nth(1).unwrap()), "a key is in the log");
        }
        assert!(!log.contains(BOT_TOKEN), "the token is in the log");
        Acted { code: output.status.code().unwrap_or(-1), log }
    }

    /// Holds what was asked of the forge to the permissions that the workflow gives its token.
    fn was_permitted(&self, workflow: &str, requests: &[String]) {
        let text = self.bench.read(workflow);
        let needed = |request: &String| -> Option<String> {
            let (method, path) = request.split_once(' ').unwrap();
            let told = [
                ("/actions/", "actions"),
                ("/environments/", "actions"),
                ("/check-runs", "checks"),
                ("/deployments", "deployments"),
                ("/pulls/", "pull-requests"),
                ("/issues/", "pull-requests"),
                ("/git/", "contents"),
            ];
            let (_, name) = told.iter().find(|(part, _)| path.contains(part))?;
            Some(if method == "GET" { format!("{name}: ") } else { format!("{name}: write") })
        };
        for (request, needed) in requests.iter().filter_map(|one| Some((one, needed(one)?))) {
            assert!(text.contains(&format!("\n      {needed}")), "{workflow} permits no {request}");
        }
    }

    /// Somebody opens a pull request that changes one file; returns its head, and what the workflow did.
    fn opens(&self, author: &str, path: &str, text: &str) -> (String, Acted) {
        self.now();
        let mut state = self.model.state();
        state.git.branch("topic", "main");
        let head = state.git.commit("topic", path, text, author);
        state.open_pull(NUMBER, "topic", author);
        state.start_run(40, author, &[]);
        let id = state.id_of(author);
        drop(state);
        let event = events::proposed(&self.model.state(), NUMBER, "opened");
        let acted = self.acts(".github/workflows/countersign.yml", "pull_request_target", &event, 40, (id, author));
        (head, acted)
    }

    /// Somebody writes a comment.
    fn says(&self, author: &str, body: &str) -> u64 {
        self.now();
        self.model.state().say(NUMBER, author, body)
    }

    /// The workflow hears of a comment.
    fn hears(&self, comment: u64, author: &str, body: &str) -> Acted {
        let id = self.model.state().id_of(author);
        let event = events::commented(&self.model.state(), comment, body);
        self.model.state().start_run(comment, author, &[]);
        self.acts(".github/workflows/countersign.yml", "issue_comment", &event, comment, (id, author))
    }

    fn comments(&self) -> Vec<String> {
        let state = self.model.state();
        state.comments.iter().filter(|one| one.author == Some(ACTIONS_BOT)).map(|one| one.body.clone()).collect()
    }

    /// The line that the newest comment asks to paste.
    fn line(&self) -> String {
        let shown = self.comments().pop().unwrap();
        let at = shown.find("countersign approve sha256:").unwrap_or_else(|| panic!("nothing to paste: {shown}"));
        shown[at..at + "countersign approve sha256:".len() + 64].to_owned()
    }

    /// The kinds of the ledger's entries, oldest first.
    fn kinds(&self) -> Vec<String> {
        let log = self.tool(&["ledger", "log"]).exits(0).json()["result"].clone();
        let mut kinds: Vec<String> =
            log.as_array().unwrap().iter().map(|entry| entry["kind"].as_str().unwrap().to_owned()).collect();
        kinds.reverse();
        kinds
    }
}

#[test]
fn a_proposed_directive_is_planned_approved_and_run_by_the_workflow_that_init_writes() {
    let Some(hub) = Hub::new(&[]) else { return };
    let (head, opened) = hub.opens("mallory", "directives/mark.md", &proposal());
    opened.ends_well();
    let shown = hub.comments();
    assert!(shown.len() == 1 && shown[0].contains("proposed"), "{shown:?}");
    assert_eq!((hub.kinds(), hub.mark()), (vec!["genesis".to_owned(), "plan".to_owned()], None));
    let line = hub.line();
    let comment = hub.says("bob", &line);
    hub.hears(comment, "bob", &line).ends_well();
    assert_eq!(hub.mark().as_deref(), Some("proposed\n"));
    let kinds = hub.kinds();
    for kind in ["plan", "approval", "claim", "step-started", "step-finished", "outcome"] {
        assert_eq!(kinds.iter().filter(|one| *one == kind).count(), 1, "{kinds:?}");
    }
    assert_eq!(hub.model.state().reactions, [(comment, ACTIONS_BOT, "+1".to_owned())]);
    let told = hub.comments();
    assert!(told.len() == 2 && told[1].contains("completed"), "{told:?}");
    let checks = hub.model.state().checks.clone();
    assert_eq!((&checks[0]["head_sha"], &checks[0]["conclusion"]), (&json!(head), &json!("success")), "{checks:?}");
    // The evidence verifies on the machine of somebody else, without the forge.
    let bundle = hub.shelf().join("countersign-bundle/bundle.json");
    let offline = ["verify", "--offline", "--trust-root", &hub.root, "--bundle", bundle.to_str().unwrap()];
    hub.tool(&offline).exits(0);
    hub.replay(comment, &line, &kinds);
}

impl Hub {
    /// Runs the workflow again with the same comment, and asks for the plan again: nothing runs.
    fn replay(&self, comment: u64, line: &str, kinds: &[String]) {
        fs::remove_file(self.shelf().join(CANARY)).unwrap();
        let digest = line.rsplit(' ').next().unwrap();
        let again = format!("countersign execute {digest}");
        let asked = self.says("bob", &again);
        self.hears(asked, "bob", &again).refused("replay.consumed");
        self.hears(comment, "bob", line).refused("ledger.terminal");
        assert_eq!(self.mark(), None);
        let ran = |kinds: &[String]| kinds.iter().filter(|one| *one == "claim" || *one == "step-started").count();
        assert_eq!(ran(&self.kinds()), ran(kinds));
    }
}

#[test]
fn a06_a10_a_comment_of_who_may_not_or_that_was_edited_starts_nothing() {
    let Some(hub) = Hub::new(&[]) else { return };
    hub.opens("mallory", "directives/mark.md", &proposal()).1.ends_well();
    let line = hub.line();
    let stranger = hub.says("cleo", &line);
    hub.hears(stranger, "cleo", &line).refused("approver.unauthorised");
    // The event still holds what stood there first.
    let edited = hub.says("bob", &line);
    hub.model.state().edit(edited, "ada", &line);
    hub.hears(edited, "bob", &line).refused("approval.evidence_gone");
    // A command inside of other text is none, and no job begins.
    let text = format!("I would not {line}");
    let talk = hub.says("bob", &text);
    let said = hub.hears(talk, "bob", &text).ends_well();
    assert!(!said.log.contains("Run Main"), "{}", said.log);
    assert_eq!((hub.kinds(), hub.mark()), (vec!["genesis".to_owned(), "plan".to_owned()], None));
    // And the honest twin.
    let comment = hub.says("bob", &line);
    hub.hears(comment, "bob", &line).ends_well();
    assert!(hub.mark().is_some());
}

#[test]
fn what_the_policy_permits_runs_without_a_person_and_a_run_that_failed_is_gone_on_with() {
    let Some(hub) = Hub::new(&[LOOK, READY, CAREFUL]) else { return };
    // It proposes no directive, so nothing is planned; what is merged is planned for it when somebody asks.
    hub.opens("mallory", "notes.txt", "more\n").1.ends_well();
    assert_eq!((hub.comments().len(), hub.kinds()), (0, vec!["genesis".to_owned()]));
    let asked = "countersign plan careful";
    let comment = hub.says("bob", asked);
    hub.hears(comment, "bob", asked).refused("step.exit");
    let kinds = hub.kinds();
    let count = |kinds: &[String], kind: &str| kinds.iter().filter(|one| *one == kind).count();
    assert_eq!(
        (count(&kinds, "approval"), count(&kinds, "claim"), count(&kinds, "step-started")),
        (1, 1, 2),
        "{kinds:?}"
    );
    let again = "countersign retry";
    let comment = hub.says("bob", again);
    hub.hears(comment, "bob", again).refused("step.exit");
    let kinds = hub.kinds();
    assert_eq!(
        (count(&kinds, "approval"), count(&kinds, "claim"), count(&kinds, "step-started")),
        (1, 2, 3),
        "{kinds:?}"
    );
}

#[test]
fn the_release_workflow_of_the_documentation_waits_for_its_reviewer_and_runs_what_was_released() {
    let Some(hub) = Hub::new(&[RELEASE]) else { return };
    hub.bench.write(".github/workflows/release.yml", documented("Release"));
    hub.bench.commit("Release by hand");
    hub.push(&["main"]);
    hub.now();
    hub.model.state().protect("production", "bob");
    let released = |run: u64, words: Option<&'static str>| {
        hub.model.state().start_run(run, "ada", &["production"]);
        let plan = hub.shelf().join("countersign-plan/plan.json");
        // act waits for nobody: the reviewer answers between what `propose` and what `approve` ask.
        let reviewer = What::Then(Box::new(move |state| {
            let digest = Digest::of(&fs::read(&plan).unwrap()).to_string();
            state.decide(run, "production", "bob", "approved");
            state.approvals.last_mut().unwrap().comment = words.map_or(digest, str::to_owned);
        }));
        hub.model.fault_times("GET", &format!("/actions/runs/{run}/attempts/1"), 1, 1, reviewer);
        let event = events::dispatched(&hub.model.state(), "ada", json!({"version": "1.2.0"}));
        let acted = hub.acts(".github/workflows/release.yml", "workflow_dispatch", &event, run, (101, "ada"));
        hub.model.repair();
        acted
    };
    released(41, Some("fine")).refused("approval.unbound");
    assert_eq!(hub.mark(), None);
    released(42, None).ends_well();
    assert_eq!(hub.mark().as_deref(), Some("1.2.0\n"));
}

#[test]
fn what_a_reviewer_approved_at_its_head_is_planned_and_run_by_hand_for_a_pull_request() {
    let Some(hub) = Hub::new(&[]) else { return };
    let page = documented("Release");
    let text = page.replace("directive: release", "directive: directives/mark.md\n      change-request: \"7\"");
    let text = text.replace("version=${{ inputs.version }}", "text=reviewed");
    let text = text.replace("environment: production", "gate: review");
    assert_eq!(text.matches("review").count(), 2, "{text}");
    hub.bench.write(".github/workflows/review.yml", text);
    hub.bench.commit("Run what was reviewed");
    hub.push(&["main"]);
    hub.now();
    let head = {
        let mut state = hub.model.state();
        state.git.branch("topic", "main");
        let head = state.git.commit("topic", "directives/mark.md", &proposal(), "mallory");
        state.open_pull(NUMBER, "topic", "mallory");
        state.review(NUMBER, "mallory", "APPROVED");
        head
    };
    let event = events::dispatched(&hub.model.state(), "ada", json!({"version": "1"}));
    let dispatched = |run: u64| {
        hub.model.state().start_run(run, "ada", &[]);
        hub.acts(".github/workflows/review.yml", "workflow_dispatch", &event, run, (101, "ada"))
    };
    dispatched(43).refused("approval.none");
    assert_eq!(hub.mark(), None);
    assert_eq!(hub.comments().len(), 1, "the plan is shown where it is reviewed");
    hub.model.state().review(NUMBER, "bob", "APPROVED");
    dispatched(44).ends_well();
    assert_eq!(hub.mark().as_deref(), Some("reviewed\n"));
    assert_eq!(hub.model.state().checks[0]["head_sha"], json!(head));
}

#[test]
fn a11_who_wrote_the_change_begins_no_execution_by_agreeing_with_himself() {
    let Some(hub) = Hub::new(&[]) else { return };
    hub.opens("bob", "directives/mark.md", &proposal()).1.ends_well();
    let line = hub.line();
    let comment = hub.says("bob", &line);
    let said = hub.hears(comment, "bob", &line).ends_well();
    assert!(said.log.contains("decision=approved") && !said.log.contains("/Execute]"), "{}", said.log);
    // Nor by asking for it.
    let again = line.replace("approve", "execute");
    let comment = hub.says("bob", &again);
    hub.hears(comment, "bob", &again).refused("approver.self");
    assert!(!hub.kinds().contains(&"claim".to_owned()));
    assert_eq!(hub.mark(), None);
}

#[test]
fn the_fan_out_of_the_documentation_runs_each_step_once_in_a_job_of_its_own() {
    let Some(hub) = Hub::new(&[LOOK, SPREAD]) else { return };
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/github.md")).unwrap();
    let block = page.split("```yaml\n").find(|block| block.starts_with("name: Fan out\n")).unwrap();
    let text = block.split("```").next().unwrap().replace("@COMMIT", &format!("@{PIN}"));
    hub.bench.write(".github/workflows/fan-out.yml", text);
    hub.bench.commit("Fan out by hand");
    hub.push(&["main"]);
    hub.now();
    let plan = hub.tool(&["plan", "spread"]).exits(0).json()["result"]["planDigest"].as_str().unwrap().to_owned();
    let mut permit = hub.bench.binary();
    permit.args(["approve", &plan, "--policy"]).env("COUNTERSIGN_EXECUTOR_KEY", &hub.keys["COUNTERSIGN_EXECUTOR_KEY"]);
    permit.envs([("GITHUB_TOKEN", "token-of-ada"), ("COUNTERSIGN_LEDGER_REMOTE", "origin")]);
    ran(permit.stdin(Stdio::null()).output().unwrap()).exits(0);
    let acts = |run: u64| {
        hub.model.state().start_run(run, "ada", &[]);
        let event = events::dispatched(&hub.model.state(), "ada", json!({"plan-digest": plan}));
        hub.acts(".github/workflows/fan-out.yml", "workflow_dispatch", &event, run, (101, "ada"))
    };
    acts(51).ends_well();
    let kinds = hub.kinds();
    let count = |kind: &str| kinds.iter().filter(|one| *one == kind).count();
    assert_eq!(
        (count("claim"), count("step-started"), count("step-finished"), count("outcome")),
        (2, 4, 4, 1),
        "{kinds:?}"
    );
    let status = hub.tool(&["status", &plan]).exits(0).json();
    assert_eq!(status["decision"], "completed", "{status}");
    acts(52).refused("replay.consumed");
    assert_eq!(hub.kinds().len(), kinds.len());
}
