//! Plans for the tests of this room and its neighbours.

use std::collections::BTreeMap;

use crate::{
    base::{digest::Digest, method::Method, planner::PlannerKind, value::Scalar, value::ValueType},
    plan::model::*,
};

fn id(text: &str) -> crate::base::ident::Id {
    text.parse().unwrap()
}

fn path(text: &str) -> crate::base::path::RepoPath {
    text.parse().unwrap()
}

/// A plan with every kind of action, argument and capture; `words` stands wherever text is free.
pub(crate) fn plan_with(words: &str) -> Plan {
    let mut plan = sample();
    let w = || words.to_owned();
    let subject = &mut plan.subject;
    plan.directive.commit = w();
    (subject.host, subject.repo_id, subject.owner_id, subject.repo) = (w(), w(), w(), w());
    (subject.base_ref, subject.base_sha, subject.head_sha) = (w(), w(), w());
    plan.nonce = w();
    plan.planner.version = w();
    plan.planner.model = Some(w());
    plan.planner.requested_by.host = w();
    plan.planner.requested_by.login = w();
    plan.planner.inputs.iter_mut().for_each(|input| input.name = w());
    plan.inputs.insert(id("words"), Scalar::Text(w()));
    plan.risks.iter_mut().for_each(|risk| (risk.text, risk.mitigation) = (w(), Some(w())));
    plan.assumptions = vec![w()];
    plan.intent = Some(w());
    plan.scripts.iter_mut().for_each(|script| script.content = w());
    for step in &mut plan.steps {
        (step.title, step.why) = (w(), w());
        step.with.insert(id("words"), Scalar::Text(w()));
        step.outputs.values_mut().for_each(|output| output.pattern = Some(w()));
        step.actions.iter_mut().chain(&mut step.verify).for_each(|action| fill(action, words));
    }
    plan
}

fn fill(action: &mut Action, words: &str) {
    let w = || words.to_owned();
    match action {
        Action::Run(run) => {
            run.program.path = w();
            run.argv.push(Arg::Literal(w()));
            run.argv.push(Arg::Scratch(w()));
            run.env.insert(w(), Arg::Literal(w()));
            run.argv.iter_mut().for_each(|arg| {
                if let Arg::Slot(slot) = arg {
                    (slot.prefix, slot.pattern) = (format!("p{words}"), Some(w()));
                }
            });
            run.system_reads = vec![w()];
            run.network = vec![Host { name: w(), port: 1 }];
            run.secrets = vec![w()];
            run.captures.iter_mut().for_each(|capture| {
                if let CaptureFrom::StdoutLine(prefix) = &mut capture.from {
                    *prefix = w();
                }
            });
        }
        Action::Write(file) => file.content = w(),
        Action::Copy(_) => {}
        Action::Patch(file) => (file.find, file.replace) = (w(), w()),
        Action::Commit(files) => files.message = w(),
        Action::Tag(tag) => (tag.name, tag.message) = (w(), w()),
    }
}

/// A typical plan: write notes with a script, then commit and tag.
pub(crate) fn sample() -> Plan {
    let script = "#!/usr/bin/env python3\nimport sys\n\nprint('tag=v' + sys.argv[1])\n";
    let version = "1.4.0\n";
    Plan {
        kind: PLAN_TYPE.to_owned(),
        directive: DirectiveRef {
            name: id("release"),
            path: path("directives/release.md"),
            digest: Digest::of(b"directive"),
            commit: "1f".repeat(20),
        },
        subject: Subject {
            host: "local".to_owned(),
            repo_id: "42".to_owned(),
            owner_id: "7".to_owned(),
            repo: "acme/widgets".to_owned(),
            change_request: Some(12),
            base_ref: "refs/heads/main".to_owned(),
            base_sha: "1f".repeat(20),
            head_sha: "2e".repeat(20),
            tree_digest: Digest::of(b"tree"),
            authors: vec![8, 9],
            strangers: 0,
        },
        environment: Some(id("production")),
        created_at: "2026-11-20T12:00:00Z".parse().unwrap(),
        expires_at: "2026-11-21T12:00:00Z".parse().unwrap(),
        nonce: "0123456789abcdef0123456789abcdef".to_owned(),
        parent: None,
        revision: 1,
        planner: PlannerRef {
            kind: PlannerKind::Fixed,
            version: "0.1.0".to_owned(),
            requested_by: Person { host: "local".to_owned(), id: 1001, login: "ada".to_owned() },
            model: None,
            prompt_digest: None,
            response_digest: None,
            proposal: None,
            inputs: vec![PlannerInput {
                name: "CHANGELOG.md".to_owned(),
                origin: Origin::RepoAtBase,
                digest: Digest::of(b"log"),
            }],
            usage: None,
        },
        policy_digest: Digest::of(b"policy"),
        trust_root_digest: Digest::of(b"trust"),
        effect: Effect::Write,
        inputs: BTreeMap::from([(id("version"), Scalar::Text("1.4.0".to_owned())), (id("count"), Scalar::Integer(3))]),
        risks: vec![Risk {
            text: "The tag cannot be moved later.".to_owned(),
            severity: Severity::Medium,
            mitigation: Some("Read back before the end.".to_owned()),
        }],
        assumptions: vec!["Main is green.".to_owned()],
        gate: vec![Method::Key, Method::Ssh],
        intent: Some("Ship a version.\nSay what changed.\n".to_owned()),
        scripts: vec![Script {
            path: path("pipelines/changelog/notes.py"),
            digest: Digest::of(script.as_bytes()),
            content: script.to_owned(),
        }],
        steps: vec![publish_step(version), notes_step()],
    }
}

fn notes_step() -> Step {
    let run = Run {
        program: Program {
            name: id("python3"),
            path: "/usr/bin/python3".to_owned(),
            digest: Some(Digest::of(b"python")),
            interpreter: true,
        },
        argv: vec![Arg::Script(path("pipelines/changelog/notes.py")), Arg::Literal("--out=NOTES.md".to_owned())],
        cwd: path("."),
        env: BTreeMap::from([("MODE".to_owned(), Arg::Literal("fast lane".to_owned()))]),
        reads: vec![
            Read { path: path("CHANGELOG.md"), digest: Some(Digest::of(b"log")), tree: None },
            Read::new(path("src")),
        ],
        writes: vec![path("NOTES.md")],
        system_reads: vec!["/usr/share/zoneinfo".to_owned()],
        network: Vec::new(),
        secrets: Vec::new(),
        ok_codes: vec![0],
        limits: Default::default(),
        captures: vec![Capture { output: id("tag"), from: CaptureFrom::StdoutLine("tag=".to_owned()) }],
    };
    Step {
        id: id("notes"),
        title: "Write the notes".to_owned(),
        pipeline: id("changelog"),
        pipeline_digest: Digest::of(b"changelog"),
        with: BTreeMap::from([(id("dry"), Scalar::Boolean(false))]),
        why: "Readers want to know.".to_owned(),
        item: Some(Item { of: id("each"), value: "v2 <one>".to_owned(), origin: Origin::RepoAtHead }),
        needs: Vec::new(),
        effect: Effect::Write,
        outputs: BTreeMap::from([(
            id("tag"),
            Output { kind: ValueType::String, pattern: Some("v.*".to_owned()), max_length: 200 },
        )]),
        evidence: vec![id("tag")],
        retry: Retry { max_attempts: 2, backoff_seconds: 2 },
        timeout_seconds: 300,
        on_failure: OnFailure::Halt,
        idempotent: true,
        verify: vec![Action::Run(Run { captures: Vec::new(), writes: Vec::new(), ..run.clone() })],
        actions: vec![Action::Run(run)],
    }
}

fn publish_step(version: &str) -> Step {
    let push = Run {
        program: Program { name: id("push"), path: "/usr/local/bin/push".to_owned(), digest: None, interpreter: false },
        argv: vec![
            Arg::Literal("--quiet".to_owned()),
            Arg::Slot(Slot {
                prefix: "--tag=".to_owned(),
                from_step: id("notes"),
                output: id("tag"),
                kind: ValueType::String,
                pattern: Some("v.*".to_owned()),
                max_length: 200,
            }),
            Arg::Scratch("out.txt".to_owned()),
        ],
        cwd: path("docs"),
        env: BTreeMap::new(),
        reads: vec![Read::new(path("docs"))],
        writes: vec![path("docs/site")],
        system_reads: Vec::new(),
        network: vec![Host { name: "forge.example".to_owned(), port: 443 }],
        secrets: vec!["FORGE_TOKEN".to_owned()],
        ok_codes: vec![0, 3],
        limits: Default::default(),
        captures: Vec::new(),
    };
    Step {
        id: id("publish"),
        title: "Publish".to_owned(),
        pipeline: id("release"),
        pipeline_digest: Digest::of(b"release"),
        with: BTreeMap::new(),
        why: "The version is due.".to_owned(),
        item: None,
        needs: vec![id("notes")],
        effect: Effect::Write,
        actions: vec![
            Action::Write(WriteFile {
                path: path("VERSION"),
                executable: false,
                content_digest: Digest::of(version.as_bytes()),
                content: version.to_owned(),
                replace: true,
            }),
            Action::Copy(CopyFile { from: Read::new(path("NOTES.md")), to: path("docs/notes.md"), replace: false }),
            Action::Patch(PatchFile {
                path: path("Cargo.toml"),
                find: "version = \"1.3.9\"".to_owned(),
                replace: "version = \"1.4.0\"".to_owned(),
                count: 1,
            }),
            Action::Commit(CommitFiles { paths: vec![path("VERSION")], message: "release 1.4.0".to_owned() }),
            Action::Tag(Tag { name: "v1.4.0".to_owned(), message: "Version 1.4.0".to_owned() }),
            Action::Run(push.clone()),
        ],
        outputs: BTreeMap::new(),
        evidence: Vec::new(),
        retry: Retry { max_attempts: 1, backoff_seconds: 0 },
        timeout_seconds: 60,
        on_failure: OnFailure::Continue,
        idempotent: false,
        verify: vec![Action::Run(Run { network: Vec::new(), secrets: Vec::new(), writes: Vec::new(), ..push })],
    }
}
