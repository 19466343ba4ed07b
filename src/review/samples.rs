//! Small plans for tests.

use std::collections::BTreeMap;

use crate::{
    base::{digest::Digest, ident::Id, path::RepoPath, planner::PlannerKind, time::Timestamp, value::ValueType},
    plan::model::{
        Action, Arg, DirectiveRef, Effect, Host, OnFailure, Output, PLAN_TYPE, Person, Plan, PlannerRef, Program,
        Retry, Risk, Run, Script, Severity, Step, Subject, WriteFile,
    },
};

pub(crate) fn id(text: &str) -> Id {
    text.parse().unwrap()
}

pub(crate) fn path(text: &str) -> RepoPath {
    text.parse().unwrap()
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A plan of these steps; its effect is their highest.
pub(crate) fn plan(steps: Vec<Step>) -> Plan {
    let digest = Digest::of(b"x");
    Plan {
        kind: PLAN_TYPE.to_owned(),
        directive: DirectiveRef { name: id("docs"), path: path("directives/docs.md"), digest, commit: "0".repeat(40) },
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
            authors: vec![8, 9],
            strangers: 0,
        },
        environment: None,
        created_at: time("2026-11-20T10:00:00Z"),
        expires_at: time("2026-11-20T20:00:00Z"),
        nonce: "0".repeat(32),
        parent: None,
        revision: 1,
        planner: PlannerRef {
            kind: PlannerKind::Fixed,
            version: "0.1.0".into(),
            requested_by: Person { host: "local".into(), id: 1, login: "ann".into() },
            model: None,
            prompt_digest: None,
            response_digest: None,
            proposal: None,
            inputs: Vec::new(),
            usage: None,
        },
        policy_digest: digest,
        trust_root_digest: digest,
        effect: steps.iter().map(|step| step.effect).max().unwrap_or(Effect::Read),
        inputs: BTreeMap::new(),
        risks: Vec::new(),
        assumptions: Vec::new(),
        gate: Vec::new(),
        intent: None,
        scripts: Vec::new(),
        steps,
    }
}

/// A step that does these actions; with evidence, and a read-back where the effect asks for one.
pub(crate) fn step(name: &str, effect: Effect, actions: Vec<Action>) -> Step {
    let verify = if effect >= Effect::Write { vec![Action::Run(git(&["status"]))] } else { Vec::new() };
    let output = Output { kind: ValueType::String, pattern: None, max_length: 100 };
    Step {
        id: id(name),
        title: "Look at the files".into(),
        pipeline: id("inventory"),
        pipeline_digest: Digest::of(b"p"),
        with: BTreeMap::new(),
        why: "To know them".into(),
        item: None,
        needs: Vec::new(),
        effect,
        actions,
        outputs: BTreeMap::from([(id("seen"), output)]),
        evidence: vec![id("seen")],
        retry: Retry { max_attempts: 1, backoff_seconds: 0 },
        timeout_seconds: 60,
        on_failure: OnFailure::Halt,
        idempotent: false,
        verify,
    }
}

/// A run of a program with fixed arguments, and nothing else.
pub(crate) fn run(name: &str, program: &str, argv: &[&str]) -> Run {
    Run {
        program: Program { name: id(name), path: program.to_owned(), digest: None, interpreter: false },
        argv: argv.iter().map(|&text| Arg::Literal(text.to_owned())).collect(),
        cwd: RepoPath::root(),
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

/// A run of git.
pub(crate) fn git(argv: &[&str]) -> Run {
    run("git", "/usr/bin/git", argv)
}

/// A run of Python, marked as an interpreter.
pub(crate) fn python(argv: &[&str]) -> Run {
    let mut run = run("python3", "/usr/bin/python3", argv);
    run.program.interpreter = true;
    run
}

/// Writes a file.
pub(crate) fn write(to: &str, content: &str) -> Action {
    Action::Write(WriteFile {
        path: path(to),
        executable: false,
        content_digest: Digest::of(content.as_bytes()),
        content: content.to_owned(),
        replace: true,
    })
}

/// A host and port.
pub(crate) fn host(name: &str, port: u16) -> Host {
    Host { name: name.to_owned(), port }
}

/// A risk.
pub(crate) fn risk(severity: Severity) -> Risk {
    Risk { text: "it may fail".into(), severity, mitigation: None }
}

/// A script of the plan.
pub(crate) fn script(at: &str, content: &str) -> Script {
    Script { path: path(at), digest: Digest::of(content.as_bytes()), content: content.to_owned() }
}
