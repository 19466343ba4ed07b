//! A checkout, a plan and a recorder for the tests of this room.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::{
    base::{
        digest::Digest,
        ident::Id,
        planner::PlannerKind,
        reason::{IO, Refusal, Result},
        time::{Clock, Timestamp},
        value::ValueType,
    },
    event::{RunEvent, RunOutcome, StepOutcome},
    execute::{Cancel, EventSink, Ready, RunSetting, run},
    plan::model::*,
    verify::VerifiedPlan,
};

pub(super) const CREATED: i64 = 1_700_000_000;

pub(super) fn id(text: &str) -> Id {
    text.parse().unwrap()
}

/// A checkout, a scratch folder, and a folder outside both.
pub(super) struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    pub(super) fn new() -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap() };
        for folder in [bench.workspace(), bench.scratch(), bench.outside()] {
            fs::create_dir(folder).unwrap();
        }
        bench
    }

    pub(super) fn workspace(&self) -> PathBuf {
        self.dir.path().join("checkout")
    }

    pub(super) fn scratch(&self) -> PathBuf {
        self.dir.path().join("scratch")
    }

    pub(super) fn outside(&self) -> PathBuf {
        self.dir.path().join("outside")
    }

    pub(super) fn write(&self, path: &str, content: &str) {
        let path = self.workspace().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(super) fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.workspace().join(path)).ok()
    }

    pub(super) fn setting(&self) -> RunSetting {
        let mut setting = RunSetting::new(id("run-1"), self.workspace(), self.scratch());
        setting.clock = Clock::Fixed(Timestamp::from_unix(CREATED));
        setting.grace = Duration::from_millis(100);
        setting
    }

    pub(super) async fn run(&self, plan: Plan, setting: RunSetting) -> Ran {
        self.run_with(plan, setting, Recorder::default(), Cancel::default()).await
    }

    pub(super) async fn run_with(&self, plan: Plan, setting: RunSetting, mut sink: Recorder, cancel: Cancel) -> Ran {
        let verified = VerifiedPlan::unchecked(plan, Digest::of(b"plan"));
        let outcome = run(Ready::new(verified, setting).unwrap(), &mut sink, cancel).await;
        let events = sink.events.lock().unwrap().clone();
        Ran { outcome, events }
    }

    /// Runs one action in a step of its own, with the sandbox.
    pub(super) async fn one(&self, run: Run) -> StepOutcome {
        self.run(plan(vec![step("one", vec![Action::Run(run)])]), self.setting()).await.step("one")
    }

    /// Runs one action without the sandbox, then with it: first the attack, then the guard.
    pub(super) async fn attack(&self, run: Run) -> (StepOutcome, StepOutcome) {
        let mut setting = self.setting();
        setting.without_sandbox = true;
        let one = || plan(vec![step("one", vec![Action::Run(run.clone())])]);
        let free = self.run(one(), setting).await.step("one");
        let held = self.run(one(), self.setting()).await.step("one");
        (free, held)
    }
}

pub(super) struct Ran {
    pub(super) outcome: RunOutcome,
    pub(super) events: Vec<RunEvent>,
}

impl Ran {
    /// The last outcome of a step.
    pub(super) fn step(&self, name: &str) -> StepOutcome {
        let found = self.events.iter().rev().find_map(|event| match event {
            RunEvent::StepFinished { step, outcome, .. } if step.as_str() == name => Some((**outcome).clone()),
            _ => None,
        });
        found.unwrap()
    }

    /// The events in short: `run`, `+a1`, `-a1`.
    pub(super) fn story(&self) -> String {
        story(&self.events)
    }
}

pub(super) fn story(events: &[RunEvent]) -> String {
    let words: Vec<String> = events
        .iter()
        .map(|event| match event {
            RunEvent::RunStarted { .. } => "run".into(),
            RunEvent::StepStarted { step, attempt, .. } => format!("+{step}{attempt}"),
            RunEvent::StepFinished { step, attempt, .. } => format!("-{step}{attempt}"),
            RunEvent::RunFinished { .. } => "end".into(),
        })
        .collect();
    words.join(" ")
}

pub(super) fn output(outcome: &StepOutcome) -> String {
    outcome.actions.iter().filter_map(|a| a.stdout.as_ref()).map(|s| s.tail.clone()).collect()
}

pub(super) fn errors(outcome: &StepOutcome) -> String {
    outcome.actions.iter().filter_map(|a| a.stderr.as_ref()).map(|s| s.tail.clone()).collect()
}

pub(super) fn code(outcome: &StepOutcome) -> &str {
    outcome.reason_code.as_deref().unwrap_or("")
}

/// Keeps what it is given, and fails or halts where told.
#[derive(Clone, Default)]
pub(super) struct Recorder {
    pub(super) events: Arc<Mutex<Vec<RunEvent>>>,
    /// Calls of `record` and `record_batch`, with how many events each took.
    pub(super) calls: Arc<Mutex<Vec<usize>>>,
    /// Refuses to record an event that this tells.
    pub(super) fails: Option<fn(&RunEvent) -> bool>,
    /// Leaves it open whether the start of a step was recorded.
    pub(super) unclear: bool,
    /// How many times `may_continue` says yes.
    pub(super) halts_after: Option<usize>,
    pub(super) asked: usize,
    /// Finds something wrong whenever a step has ended.
    pub(super) wary: bool,
}

impl EventSink for Recorder {
    fn record_batch(&mut self, events: &[RunEvent]) -> Result<()> {
        if events.iter().any(|event| self.fails.is_some_and(|fails| fails(event))) {
            return Err(Refusal::new(IO, "the disk is full"));
        }
        if self.unclear && events.iter().any(|event| matches!(event, RunEvent::StepStarted { .. })) {
            return Err(Refusal::new(crate::execute::reasons::RUN_UNRECORDED, "the push was cut off"));
        }
        self.calls.lock().unwrap().push(events.len());
        self.events.lock().unwrap().extend_from_slice(events);
        Ok(())
    }

    fn after_step(&mut self) -> Result<()> {
        if self.wary { Err(Refusal::new(IO, "something changed")) } else { Ok(()) }
    }

    fn may_continue(&mut self) -> Result<()> {
        self.asked += 1;
        match self.halts_after {
            Some(most) if self.asked > most => Err(Refusal::new(IO, "somebody halted it")),
            _ => Ok(()),
        }
    }
}

pub(super) fn program(path: &str) -> Program {
    Program { name: id("program"), path: path.into(), digest: None, interpreter: true }
}

pub(super) fn run_of(path: &str, argv: &[&str]) -> Run {
    Run {
        program: program(path),
        argv: argv.iter().map(|text| Arg::Literal((*text).to_owned())).collect(),
        cwd: ".".parse().unwrap(),
        env: BTreeMap::new(),
        reads: Vec::new(),
        writes: Vec::new(),
        system_reads: Vec::new(),
        network: Vec::new(),
        secrets: Vec::new(),
        ok_codes: vec![0],
        limits: Default::default(),
        captures: Vec::new(),
    }
}

pub(super) fn sh(script: &str) -> Run {
    run_of("/bin/sh", &["-c", script])
}

pub(super) fn python(script: &str) -> Run {
    run_of("/usr/bin/python3", &["-S", "-c", script])
}

pub(super) fn reading(mut run: Run, paths: &[&str]) -> Run {
    run.reads = paths.iter().map(|path| Read::new(path.parse().unwrap())).collect();
    run
}

pub(super) fn writing(mut run: Run, paths: &[&str]) -> Run {
    run.writes = paths.iter().map(|path| path.parse().unwrap()).collect();
    run
}

pub(super) fn networking(mut run: Run, name: &str, port: u16) -> Run {
    run.network = vec![Host { name: name.into(), port }];
    run
}

pub(super) fn capturing(mut run: Run, name: &str, from: CaptureFrom) -> Run {
    run.captures.push(Capture { output: id(name), from });
    run
}

pub(super) fn step(name: &str, actions: Vec<Action>) -> Step {
    Step {
        id: id(name),
        title: "t".into(),
        pipeline: id("p"),
        pipeline_digest: Digest::of(b""),
        with: BTreeMap::new(),
        why: "w".into(),
        item: None,
        needs: Vec::new(),
        effect: Effect::Read,
        actions,
        outputs: BTreeMap::new(),
        evidence: Vec::new(),
        retry: Retry { max_attempts: 1, backoff_seconds: 0 },
        timeout_seconds: 60,
        on_failure: OnFailure::Halt,
        idempotent: false,
        verify: Vec::new(),
    }
}

pub(super) fn runs(name: &str, script: &str) -> Step {
    step(name, vec![Action::Run(sh(script))])
}

/// A step with a side effect, read back by a program that says yes.
pub(super) fn acting(mut step: Step) -> Step {
    step.effect = Effect::Write;
    step.verify = vec![Action::Run(sh("exit 0"))];
    step
}

pub(super) fn after(mut step: Step, needs: &[&str]) -> Step {
    step.needs = needs.iter().map(|name| id(name)).collect();
    step
}

pub(super) fn giving(mut step: Step, name: &str, kind: ValueType, pattern: Option<&str>, max_length: u32) -> Step {
    step.outputs.insert(id(name), Output { kind, pattern: pattern.map(str::to_owned), max_length });
    step
}

pub(super) fn plan(steps: Vec<Step>) -> Plan {
    let digest = Digest::of(b"");
    Plan {
        kind: PLAN_TYPE.into(),
        directive: DirectiveRef {
            name: id("d"),
            path: "directives/d.md".parse().unwrap(),
            digest,
            commit: "0".repeat(40),
        },
        subject: Subject {
            host: "local".into(),
            repo_id: "1".into(),
            owner_id: "1".into(),
            repo: "r".into(),
            change_request: None,
            base_ref: "refs/heads/main".into(),
            base_sha: "0".repeat(40),
            head_sha: "0".repeat(40),
            tree_digest: digest,
            authors: Vec::new(),
            strangers: 0,
        },
        environment: None,
        created_at: Timestamp::from_unix(CREATED),
        expires_at: Timestamp::from_unix(CREATED + 3600),
        nonce: "0".repeat(32),
        parent: None,
        revision: 1,
        planner: PlannerRef {
            kind: PlannerKind::Fixed,
            version: "0".into(),
            requested_by: Person { host: "local".into(), id: 1, login: "a".into() },
            model: None,
            prompt_digest: None,
            response_digest: None,
            proposal: None,
            inputs: Vec::new(),
            usage: None,
        },
        policy_digest: digest,
        trust_root_digest: digest,
        effect: Effect::Write,
        inputs: BTreeMap::new(),
        risks: Vec::new(),
        assumptions: Vec::new(),
        gate: Vec::new(),
        intent: None,
        scripts: Vec::new(),
        steps,
    }
}

/// A copy of a program at a place of our own, as its owner alone may write it.
pub(super) fn copy_program(from: &str, to: &Path) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    fs::copy(from, to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o755)).unwrap();
    to.display().to_string()
}
