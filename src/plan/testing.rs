//! Small valid plans, for the unit tests of every room.

use std::collections::BTreeMap;

use super::model::{
    Action, Arg, Capture, CaptureFrom, DirectiveRef, Effect, OnFailure, Output, PLAN_TYPE, Person, Plan, PlannerRef,
    Program, Read, Retry, Run, Step, Subject, WriteFile,
};
use crate::base::{digest::Digest, ident::Id, path::RepoPath, planner::PlannerKind, time::Timestamp, value::ValueType};

/// Parses an id.
pub(crate) fn id(text: &str) -> Id {
    text.parse().unwrap()
}

/// Parses a path.
pub(crate) fn path(text: &str) -> RepoPath {
    text.parse().unwrap()
}

/// Literal arguments.
pub(crate) fn literals(arguments: &[&str]) -> Vec<Arg> {
    arguments.iter().map(|argument| Arg::Literal((*argument).to_owned())).collect()
}

/// A program that lists a folder: no network, no secrets, no writes.
pub(crate) fn sample_run() -> Run {
    Run {
        program: Program { name: id("ls"), path: "/usr/bin/ls".into(), digest: None, interpreter: false },
        argv: literals(&["-l", "src"]),
        cwd: RepoPath::root(),
        env: BTreeMap::new(),
        reads: vec![Read::new(path("src"))],
        writes: vec![],
        system_reads: vec![],
        network: vec![],
        secrets: vec![],
        ok_codes: vec![0],
        limits: Default::default(),
        captures: vec![],
    }
}

/// A step of effect `read` that lists a folder.
pub(crate) fn sample_step(name: &str) -> Step {
    Step {
        id: id(name),
        title: "List the sources".into(),
        pipeline: id("list"),
        pipeline_digest: Digest::of(b"list"),
        with: BTreeMap::new(),
        why: "To know what is there".into(),
        item: None,
        needs: vec![],
        effect: Effect::Read,
        actions: vec![Action::Run(sample_run())],
        outputs: BTreeMap::new(),
        evidence: vec![],
        retry: Retry { max_attempts: 1, backoff_seconds: 1 },
        timeout_seconds: 60,
        on_failure: OnFailure::Halt,
        idempotent: true,
        verify: vec![],
    }
}

/// A step of effect `write` that writes `VERSION`, hands its `listing` on as evidence, and reads back.
pub(crate) fn sample_write_step(name: &str) -> Step {
    let content = "1.2.3\n";
    let capture = Capture { output: id("listing"), from: CaptureFrom::Stdout };
    Step {
        title: "Write the version".into(),
        pipeline: id("version"),
        effect: Effect::Write,
        actions: vec![
            Action::Write(WriteFile {
                path: path("VERSION"),
                executable: false,
                content_digest: Digest::of(content.as_bytes()),
                content: content.into(),
                replace: true,
            }),
            Action::Run(Run { captures: vec![capture], ..sample_run() }),
        ],
        outputs: BTreeMap::from([(id("listing"), Output { kind: ValueType::String, pattern: None, max_length: 200 })]),
        evidence: vec![id("listing")],
        idempotent: false,
        verify: vec![Action::Run(sample_run())],
        ..sample_step(name)
    }
}

/// A valid plan of these steps.
pub(crate) fn plan_of(steps: Vec<Step>) -> Plan {
    let created_at: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    Plan {
        kind: PLAN_TYPE.into(),
        directive: DirectiveRef {
            name: id("sample"),
            path: path("directives/sample.md"),
            digest: Digest::of(b"directive"),
            commit: "a".repeat(40),
        },
        subject: Subject {
            host: "local".into(),
            repo_id: "1".into(),
            owner_id: "2".into(),
            repo: "example/sample".into(),
            change_request: None,
            base_ref: "refs/heads/main".into(),
            base_sha: "a".repeat(40),
            head_sha: "b".repeat(40),
            tree_digest: Digest::of(b"tree"),
            authors: Vec::new(),
            strangers: 0,
        },
        environment: None,
        created_at,
        expires_at: created_at.plus(86_400),
        nonce: "0123456789abcdef0123456789abcdef".into(),
        parent: None,
        revision: 1,
        planner: PlannerRef {
            kind: PlannerKind::Fixed,
            version: "0.1.0".into(),
            requested_by: Person { host: "local".into(), id: 7, login: "alice".into() },
            model: None,
            prompt_digest: None,
            response_digest: None,
            proposal: None,
            inputs: vec![],
            usage: None,
        },
        policy_digest: Digest::of(b"policy"),
        trust_root_digest: Digest::of(b"trust root"),
        effect: steps.iter().map(|step| step.effect).max().unwrap_or(Effect::Read),
        inputs: BTreeMap::new(),
        risks: vec![],
        assumptions: vec![],
        gate: vec![],
        intent: None,
        scripts: vec![],
        steps,
    }
}

/// A valid plan of one step, `look`, of effect `read`.
pub(crate) fn sample_plan() -> Plan {
    plan_of(vec![sample_step("look")])
}
