//! A throw-away repository that is set up, with people, plans, approvals and a ledger of any length.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use countersign::{
    app::{
        self,
        keys::{file::HeldKey, trust_store},
        world::{Console, Entropy, Environment, World},
    },
    base::{digest::Digest, ident::Id, method::Method, time::Clock},
    ledger::{Batch, Ledger, NewEntry},
    sign::{
        Duty, Envelope, Signer, TrustRoot,
        predicate::{
            Actor, Approval, Binding, Claim, LedgerHead, Outcome, PlanRecord, Scope, StepFinished, StepStarted,
        },
        statement::{Predicate, Subject},
    },
};
use serde_json::json;

/// Tracked files beside those of the set-up, so that looking for changed ones costs what it does elsewhere.
const FILES: usize = 200;

const POLICY: &str = "\
version: 1
expires: '2099-01-01T00:00:00Z'
execution: {enabled: true, sideEffects: true}
limits: {steps: 1000, planLifetime: 24h, approvalLifetime: 24h, parallel: 4, stepTimeout: 1h, output: 100000}
programs:
  'true': {path: '/usr/bin/true'}
  'test': {path: '/usr/bin/test'}
environments: []
secrets: {}
rules:
  - id: reads
    when: {effect: {atMost: analyze}, network: none, secrets: none, uninspectable: false}
    then: permit
  - id: changes
    when: {effect: {atLeast: recommend}, uninspectable: false}
    then:
      needsApproval: {people: 2, separation: strict, within: 24h}
";

const NOOP: &str = "\
description: Do nothing.
effect: read
idempotent: true
actions:
  - run: {program: 'true', argv: []}
";

const NOTE: &str = "\
description: Write one line to a file.
effect: write
inputs:
  name: {type: string, pattern: '[a-z0-9]+', description: Name of the file}
  text: {type: string, description: The line}
outputs:
  digest: {type: digest, from: {fileDigest: 'notes/{{ inputs.name }}.txt'}}
evidence: [digest]
actions:
  - write: {path: 'notes/{{ inputs.name }}.txt', content: \"{{ inputs.text }}\\n\", replace: true}
  - run: {program: test, argv: ['-f', 'notes/{{ inputs.name }}.txt'], reads: ['notes/{{ inputs.name }}.txt']}
verify:
  - run: {program: test, argv: ['-s', 'notes/{{ inputs.name }}.txt'], reads: ['notes/{{ inputs.name }}.txt']}
";

/// A repository, and the homes of those who work in it, beside each other in one folder.
pub(crate) struct Site {
    folder: PathBuf,
}

impl Site {
    /// Takes a site that was made before.
    pub(crate) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Makes a repository with a trust root of three people, and directives of 1, 10, 100, 201 and 1,000 steps.
    pub(crate) fn make(folder: &Path) -> Self {
        let site = Self::at(folder);
        fs::create_dir_all(site.repo()).unwrap();
        site.git(&["init", "-q", "-b", "main"]);
        for number in 0..FILES {
            site.write(&format!("src/{}/file{number}.txt", number % 20), &format!("file {number}\n").repeat(40));
        }
        site.write(".countersign/policy.yml", POLICY);
        site.write("pipelines/noop.yml", NOOP);
        site.write("pipelines/note.yml", NOTE);
        for steps in [1, 10, 100, 201, 1000] {
            site.write(&format!("directives/noop{steps}.md"), &directive(steps, "noop", "read", |_| String::new()));
        }
        for steps in [10, 100] {
            let with = |n| format!("    with: {{name: note{n}, text: 'Note number {n}'}}\n");
            site.write(&format!("directives/note{steps}.md"), &directive(steps, "note", "write", with));
        }
        site.commit();
        site.tool("ada", &["init", "--login", "ada", "--email", "ada@example.com"]);
        for person in ["bob", "cy"] {
            site.tool(person, &["keys", "generate", person]);
            let public = site.tool(person, &["keys", "public", person]);
            fs::write(site.folder.join(format!("{person}.pub")), public).unwrap();
            let file = site.folder.join(format!("{person}.pub")).display().to_string();
            let email = format!("{person}@example.com");
            site.tool("ada", &["keys", "enrol", "--login", person, "--public-key", &file, "--email", &email]);
        }
        site.commit();
        let root = site.root().digest().to_string();
        for person in ["bob", "cy"] {
            site.tool(person, &["keys", "trust", &root]);
        }
        site
    }

    pub(crate) fn repo(&self) -> PathBuf {
        self.folder.join("repo")
    }

    pub(crate) fn home(&self, person: &str) -> PathBuf {
        self.folder.join("homes").join(person)
    }

    /// Plans a directive into a file beside the repository; returns its path.
    pub(crate) fn plan(&self, directive: &str) -> PathBuf {
        let out = self.folder.join(format!("{directive}.json"));
        self.tool("ada", &["plan", &format!("directives/{directive}.md"), "--out", &out.display().to_string()]);
        out
    }

    /// Has the two others approve a plan.
    pub(crate) fn approve(&self, plan: &Path) {
        let digest = Digest::of(&fs::read(plan).unwrap()).to_string();
        for person in ["bob", "cy"] {
            let named = plan.display().to_string();
            self.tool(person, &["approve", &named, "--key", person, "--digest", &digest]);
        }
    }

    /// Has the policy approve a plan.
    pub(crate) fn permit(&self, plan: &Path) {
        self.tool("ada", &["approve", &plan.display().to_string(), "--policy"]);
    }

    /// Appends whole runs of other plans, 8 entries each, until the ledger has at least `wanted` entries, and a checkpoint.
    pub(crate) fn fill(&self, wanted: u64) {
        let root = self.root();
        let (person, runner) = (self.key(&root, Duty::Approver), self.key(&root, Duty::Executor));
        let hands = Hands { root: &root, person: &person, runner: &runner };
        let mut ledger = self.ledger();
        let mut length = ledger.read(Clock::System.now()).unwrap().length();
        while length + 1 < wanted {
            let runs = ((wanted - 1 - length).div_ceil(8)).min(100);
            let mut first = 0;
            let appended = ledger.append(Clock::System, |seen| {
                first = seen.head.seq + 1;
                let entries = (0..runs).flat_map(|n| hands.run(&seen.head, first + n * 8, seen.now));
                let plans = (0..runs).map(|n| plan_of(first + n * 8));
                let objects = plans.chain([A_POLICY.to_vec(), A_ROOT.to_vec()]).collect();
                Ok(Batch { entries: entries.collect(), objects })
            });
            length = appended.unwrap().head.seq + 1;
        }
        self.tool("ada", &["ledger", "checkpoint"]);
    }

    /// Opens the ledger, which nothing has read yet.
    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::open(&self.repo(), &self.root()).unwrap()
    }

    pub(crate) fn root(&self) -> TrustRoot {
        TrustRoot::parse(&fs::read(self.repo().join(trust_store::CURRENT)).unwrap()).unwrap()
    }

    fn key(&self, root: &TrustRoot, duty: Duty) -> HeldKey {
        let paths = fs::read_dir(self.home("ada").join("keys")).unwrap().map(|entry| entry.unwrap().path());
        let mut keys = paths
            .filter(|path| path.extension().is_some_and(|ending| ending == "pem"))
            .map(|path| HeldKey::load(&path).unwrap());
        keys.find(|key| root.key(&key.key_id()).is_some_and(|(key, _)| key.duties.contains(&duty))).unwrap()
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.repo().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "A state"]);
    }

    fn git(&self, args: &[&str]) {
        let who = [("NAME", "dev"), ("EMAIL", "dev@example.com")];
        let who = who
            .iter()
            .flat_map(|(key, value)| ["AUTHOR", "COMMITTER"].map(|role| (format!("GIT_{role}_{key}"), *value)));
        let status = Command::new("git")
            .args(args)
            .current_dir(self.repo())
            .env("HOME", &self.folder)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(who)
            .stdin(Stdio::null())
            .status();
        assert!(status.unwrap().success(), "git {args:?}");
    }

    /// Runs the tool in this process, as a person; returns what it printed.
    pub(crate) fn tool(&self, person: &str, args: &[&str]) -> String {
        let out = self.folder.join("stdout");
        let file = || Box::new(fs::File::create(&out).unwrap());
        let home = self.home(person);
        fs::create_dir_all(&home).unwrap();
        let mut world = World {
            reached: Default::default(),
            events: Default::default(),
            handed: Default::default(),
            line: Vec::new(),
            env: Environment::fixed([("HOME", home.clone()), ("COUNTERSIGN_HOME", home)]),
            clock: Clock::System,
            entropy: Entropy::System,
            cwd: self.repo(),
            console: Console {
                stdin: Box::new(std::io::empty()),
                stdout: file(),
                stderr: Box::new(std::io::stderr()),
                stdin_is_terminal: false,
                stdout_is_terminal: false,
                stderr_is_terminal: false,
                draws: false,
                stdout_is_file: false,
                stderr_is_file: false,
            },
        };
        let code =
            app::main(std::iter::once("countersign").chain(args.iter().copied()).map(Into::into).collect(), &mut world);
        drop(world);
        let said = fs::read_to_string(&out).unwrap();
        assert_eq!(code, 0, "{args:?}: {said}");
        said
    }
}

fn directive(steps: usize, pipeline: &str, effect: &str, with: impl Fn(usize) -> String) -> String {
    let steps: String = (0..steps).map(|n| format!("  - id: s{n}\n    pipeline: {pipeline}\n{}", with(n))).collect();
    format!(
        "---\ntitle: Measure\npipelines: [{pipeline}]\nceiling: {{effect: {effect}, risk: low}}\nsteps:\n{steps}---\n\nMeasure.\n"
    )
}

/// What stands for the policy and the trust root of the plans that fill a ledger.
const A_POLICY: &[u8] = b"policy";
const A_ROOT: &[u8] = b"root";

/// What stands for the plan whose run begins with an entry.
fn plan_of(first: u64) -> Vec<u8> {
    format!("plan {first}").into_bytes()
}

/// Who signs the entries that fill a ledger.
struct Hands<'a> {
    root: &'a TrustRoot,
    person: &'a HeldKey,
    runner: &'a HeldKey,
}

impl Hands<'_> {
    /// One whole run of a plan of two steps, whose first entry will have the given number.
    fn run(&self, head: &LedgerHead, first: u64, now: countersign::base::time::Timestamp) -> Vec<NewEntry> {
        let document = self.root.document();
        let (person, runner) = (self.actor(self.person), self.actor(self.runner));
        let plan = Digest::of(&plan_of(first));
        let run: Id = format!("run-{first:016x}").parse().unwrap();
        let nonce = format!("{first:032x}");
        let step = |name: &str| name.parse::<Id>().unwrap();
        let record = PlanRecord {
            plan,
            policy: Digest::of(A_POLICY),
            trust_root: Digest::of(A_ROOT),
            directive: step("bench"),
            requested_by: person.clone(),
            supersedes: None,
            expires: now.plus(3_600),
            ledger: head.clone(),
            recorded_at: now,
        };
        let binding = Binding {
            host: document.host.clone(),
            repo_id: document.repo_id.clone(),
            owner_id: document.owner_id.clone(),
            change_request: None,
            base_ref: document.base_ref.clone(),
            base_sha: "a".repeat(40),
            head_sha: "b".repeat(40),
            tree_digest: Digest::of(b"tree"),
            directive: Digest::of(b"directive"),
            plan,
            view: Digest::of(b"view"),
            renderer: "1".into(),
            policy: Digest::of(b"policy"),
            trust_root: self.root.digest(),
            trust_root_version: document.version,
            environment: None,
            ledger: head.clone(),
        };
        let approval = Approval {
            evidence: None,
            binding,
            approver: person,
            method: Method::Key,
            scope: Scope::SingleRun,
            max_uses: 1,
            reason: None,
            nonce: nonce.clone(),
            approved_at: now,
            not_before: now,
            expires: now.plus(3_600),
        };
        let approval = self.sign(self.person, plan, approval);
        let claim = Claim {
            job: None,
            plan,
            run: run.clone(),
            attempt: 1,
            approvals: vec![approval.payload_digest()],
            claimed_by: runner,
            nonce,
            ledger: head.clone(),
            claimed_at: now,
        };
        let mut envelopes = vec![self.sign(self.person, plan, record), approval, self.sign(self.runner, plan, claim)];
        for name in ["a", "b"] {
            let idempotency_key = Digest::of(name.as_bytes());
            let (run, step) = (run.clone(), step(name));
            let started = StepStarted {
                plan,
                run: run.clone(),
                step: step.clone(),
                attempt: 1,
                fencing: first + 2,
                idempotency_key,
                started_at: now,
            };
            let outcome = json!({ "actions": [], "outputs": {}, "status": "succeeded", "verified": 0 });
            let finished = StepFinished {
                plan,
                run,
                step,
                attempt: 1,
                fencing: first + 2,
                retrying: false,
                outcome,
                finished_at: now,
            };
            envelopes.extend([self.sign(self.runner, plan, started), self.sign(self.runner, plan, finished)]);
        }
        let steps = BTreeMap::from([(step("a"), step("succeeded")), (step("b"), step("succeeded"))]);
        let status = step("completed");
        let outcome = Outcome {
            plan,
            run,
            status,
            reason_code: None,
            steps,
            products: BTreeMap::new(),
            after: first,
            finished_at: now,
        };
        envelopes.push(self.sign(self.runner, plan, outcome));
        envelopes.into_iter().map(|envelope| NewEntry { envelope, at: now }).collect()
    }

    fn sign<P: Predicate>(&self, key: &HeldKey, plan: Digest, predicate: P) -> Envelope {
        Envelope::sign(vec![Subject::new("plan", plan)], predicate, &[key as &dyn Signer]).unwrap()
    }

    fn actor(&self, key: &HeldKey) -> Actor {
        let (key, _) = self.root.key(&key.key_id()).unwrap();
        let principal = self.root.principal(key.principal).unwrap();
        Actor { host: self.root.document().host.clone(), id: principal.id, login: principal.login.clone() }
    }
}
