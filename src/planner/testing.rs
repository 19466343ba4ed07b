//! A directive, pipelines and a world for the tests of this room.

use std::collections::{BTreeMap, BTreeSet};

use super::{AtHead, DraftRequest, Planner as _, fixed::Fixed, items::Items, outgoing::Outgoing, taint::Tainted};
use crate::{
    base::{digest::Digest, ident::Id, time::Timestamp, value::Scalar},
    directive::Directive,
    facts::Facts,
    pipeline::{Catalog, Pipeline, ProgramEntry, ProgramTable},
    plan::model::{Person, Plan},
};

const NOTES: &str = "description: Make notes.
effect: recommend
inputs: {file: {type: path}}
outputs: {file: {type: path, pattern: '[a-z.]+', maxLength: 50, from: stdout}}
evidence: [file]
actions:
  - run: {program: python3, argv: ['{{ scripts.notes.py }}', '{{ inputs.file }}'], reads: ['{{ inputs.file }}', src]}
";

const BUMP: &str = "description: Bump the version.
effect: write
inputs:
  version: {type: string}
  notes: {type: string, default: none}
outputs: {sum: {type: digest, from: {fileDigest: VERSION}}}
evidence: [sum]
actions:
  - write: {path: VERSION, content: \"{{ inputs.version }}\\n\", replace: true}
  - run: {program: ls, argv: ['--notes={{ inputs.notes }}', '{{ scratch.x }}'], env: {MODE: '{{ inputs.version }}'}, reads: [README.md, VERSION]}
verify:
  - run: {program: ls, argv: [VERSION], reads: [VERSION, README.md]}
";

const TAGGED: &str = "description: Set a tag.
effect: write
inputs: {name: {type: string}}
outputs: {sum: {type: string, maxLength: 200, from: stdout}}
evidence: [sum]
actions:
  - tag: {name: '{{ inputs.name }}', message: Tagged}
  - run: {program: ls, argv: [VERSION], reads: [VERSION]}
verify:
  - run: {program: ls, argv: [VERSION], reads: [VERSION]}
";

pub(crate) const DIRECTIVE: &str = "---
title: Release
pipelines: [notes, bump, spare]
inputs: {version: {type: string, pattern: '[0-9.]+'}}
ceiling: {effect: write, risk: high}
gate: [key]
risks: [{text: It may break, severity: high}]
lifetime: 2h
steps:
  - {id: notes, pipeline: notes, with: {file: CHANGELOG.md}}
  - {id: bump, pipeline: bump, needs: [notes], with: {version: 'v{{ inputs.version }}', notes: '{{ steps.notes.outputs.file }}'}}
  - {id: after, pipeline: notes, needs: [bump], why: Again, with: {file: VERSION}}
---
How.
";

/// Everything that a request is made of.
pub(crate) struct World {
    pub(crate) directive: Directive,
    pub(crate) catalog: Catalog,
    pub(crate) programs: ProgramTable,
    pub(crate) inputs: BTreeMap<Id, Scalar>,
    pub(crate) facts: Facts,
    pub(crate) person: Person,
    pub(crate) at_head: AtHead,
    pub(crate) items: Items,
}

impl World {
    pub(crate) fn new(directive: &str) -> Self {
        Self::of(directive, NOTES)
    }

    /// One in which the program of the pipeline `notes` has network.
    pub(crate) fn with_network(directive: &str) -> Self {
        Self::of(directive, &NOTES.replace("src]}", "src], network: ['api.example.com:443']}"))
    }

    fn of(directive: &str, notes: &str) -> Self {
        let scripts = BTreeMap::from([("notes.py".to_owned(), b"print('notes.md')\n".to_vec())]);
        let read = |name: &str, yaml: &str, scripts| Pipeline::read(name, yaml.as_bytes(), scripts).unwrap();
        let none = BTreeMap::new();
        let catalog = Catalog::new([
            read("notes", notes, &scripts),
            read("bump", BUMP, &none),
            read("spare", BUMP, &none),
            read("tagged", TAGGED, &none),
        ]);
        let program = |name: &str, interpreter| {
            let entry = ProgramEntry {
                path: format!("/usr/bin/{name}"),
                digest: None,
                interpreter,
                flags: None,
                agent_cli: false,
                dangerous_env: vec![],
            };
            (name.parse().unwrap(), entry)
        };
        let directive = Directive::read("directives/release.md", directive.as_bytes()).unwrap();
        let given = BTreeMap::from([("version".to_owned(), "1.2".to_owned())]);
        Self {
            inputs: directive.resolve(&given).unwrap(),
            directive,
            catalog: catalog.unwrap(),
            programs: ProgramTable(BTreeMap::from([program("python3", true), program("ls", false)])),
            facts: Facts {
                host: "local".into(),
                repo_id: "1".into(),
                owner_id: "2".into(),
                repo: "example/release".into(),
                change_request: None,
                base_ref: "refs/heads/main".into(),
                base_sha: "a".repeat(40),
                head_sha: "b".repeat(40),
                tree_digest: Digest::of(b"tree"),
                contributors: BTreeSet::new(),
                forge: None,
            },
            person: Person { host: "local".into(), id: 7, login: "alice".into() },
            at_head: AtHead {
                files: ["README.md", "VERSION", "CHANGELOG.md"]
                    .map(|name| (name.parse().unwrap(), Digest::of(name.as_bytes())))
                    .into(),
                folders: [("src".parse().unwrap(), "c".repeat(40))].into(),
                authors: vec![8],
                strangers: 0,
            },
            items: Items::new(),
        }
    }

    pub(crate) fn request(&self) -> DraftRequest<'_> {
        DraftRequest {
            directive: &self.directive,
            directive_commit: &self.facts.base_sha,
            catalog: &self.catalog,
            programs: &self.programs,
            inputs: &self.inputs,
            facts: &self.facts,
            requested_by: &self.person,
            policy_digest: Digest::of(b"policy"),
            trust_root_digest: Digest::of(b"root"),
            now: "2026-11-20T12:00:00Z".parse::<Timestamp>().unwrap(),
            lifetime_seconds: 86_400,
            seed: b"seed",
            parent: None,
            at_head: &self.at_head,
            items: &self.items,
            proposed: None,
            tainted: Tainted::Refuse,
            outgoing: Outgoing::Limit,
        }
    }

    pub(crate) fn plan(&self) -> Plan {
        Fixed.draft(&self.request()).unwrap().plan
    }
}

/// An answer that fits [`DIRECTIVE`].
pub(crate) const HONEST: &str = r#"{
  "steps": [
    {"id": "look", "pipeline": "notes", "title": "Make notes", "why": "People want them", "needs": [],
     "with": {"file": {"value": "CHANGELOG.md"}}},
    {"id": "raise", "pipeline": "bump", "title": "Raise the version", "why": "It is asked for", "needs": ["look"],
     "with": {"version": {"input": "version"}, "notes": {"output": {"step": "look", "output": "file"}}}}
  ],
  "risks": [{"text": "It may break", "severity": "low", "mitigation": null}],
  "assumptions": ["Nobody else releases today"],
  "questions": [{"id": "when", "question": "When?", "options": ["now", "later"], "blocking": false}]
}"#;
