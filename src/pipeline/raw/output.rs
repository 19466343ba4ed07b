//! What a pipeline hands on, and which of it is its evidence.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{
        model::{OutputFrom, OutputSpec},
        reasons::PIPELINE_OUTPUT,
    },
    Scope,
};
use crate::base::{
    bounds::MAX_OUTPUT,
    ident::Id,
    path::RepoPath,
    text::check_steering,
    value::{Bounds, ValueSpec, ValueType},
    yaml::{self, Findings, Node},
};

/// The most outputs of a pipeline.
const MAX_OUTPUTS: usize = 100;
/// How many bytes an output may have where the file does not say.
const DEFAULT_OUTPUT: u32 = 1_000;

/// The outputs of a pipeline.
#[derive(Default)]
pub(super) struct Outputs {
    /// Those whose specification is in order.
    pub(super) specs: BTreeMap<Id, OutputSpec>,
    /// The names of the others.
    unread: BTreeSet<Id>,
}

impl Outputs {
    /// Tells whether none is declared.
    pub(super) fn is_empty(&self) -> bool {
        self.specs.is_empty() && self.unread.is_empty()
    }
}

/// Reads the map `outputs`; what is wrong is reported.
pub(super) fn read_all(node: &Node, scope: &mut Scope, findings: &mut Findings<'_>) -> Outputs {
    let mut outputs = Outputs::default();
    let entries = node.entries(findings);
    if entries.len() > MAX_OUTPUTS {
        findings.report(node.place, PIPELINE_OUTPUT, format!("{} outputs", entries.len()));
        return outputs;
    }
    for (key, value) in entries {
        let name = findings.keep(key.place, key.text.parse::<Id>());
        let output = read_output(value, scope, findings);
        match (name, output) {
            (Some(name), Some(output)) => _ = outputs.specs.insert(name, output),
            (Some(name), None) => _ = outputs.unread.insert(name),
            (None, _) => {}
        }
    }
    outputs
}

fn read_output(node: &Node, scope: &mut Scope, findings: &mut Findings<'_>) -> Option<OutputSpec> {
    let fields = node.fields("an output", &["type", "pattern", "maxLength", "from"], findings)?;
    let kind = fields.require("type", findings).and_then(|node| node.word(&ValueType::ALL, findings));
    let max_length = fields.get("maxLength").and_then(|node| node.integer(1, MAX_OUTPUT.into(), findings));
    let pattern = fields.get("pattern").and_then(|node| {
        let text = node.text(findings)?;
        findings.keep(node.place, check_steering(text)).map(|()| text)
    });
    let from = fields.require("from", findings).and_then(|node| read_from(node, scope, findings));
    let kind = kind?;
    if kind == ValueType::Enum {
        findings.report_help(node.place, PIPELINE_OUTPUT, "an output is no enum", "use a string with a `pattern`");
        return None;
    }
    findings.keep(node.place, ValueSpec::new(kind, Bounds { pattern, ..Bounds::default() }))?;
    if matches!(from, Some(OutputFrom::FileDigest(_))) && kind != ValueType::Digest {
        findings.report(node.place, PIPELINE_OUTPUT, "`fileDigest` gives a digest");
    }
    let max_length = max_length.and_then(|n| u32::try_from(n).ok()).unwrap_or(DEFAULT_OUTPUT);
    Some(OutputSpec { kind, pattern: pattern.map(str::to_owned), max_length, from: from? })
}

fn read_from(node: &Node, scope: &mut Scope, findings: &mut Findings<'_>) -> Option<OutputFrom> {
    if matches!(&node.kind, yaml::Kind::Scalar { .. }) {
        return node.word(&[("stdout", ())], findings).map(|()| OutputFrom::Stdout);
    }
    if let yaml::Kind::Map(entries) = &node.kind
        && let Some((key, _)) = entries.iter().find(|(key, _)| key.text == "stdout")
    {
        let message = "all that the last program writes is the word `stdout` alone, without a value";
        findings.report_help(key.place, PIPELINE_OUTPUT, message, "write `from: stdout`");
        return None;
    }
    let fields = node.fields("a source of an output", &["stdoutLine", "file", "fileDigest"], findings)?;
    let line = fields.get("stdoutLine").and_then(|node| {
        let prefix = node.text(findings)?;
        if prefix.is_empty() || prefix.contains("{{") {
            findings.report(node.place, PIPELINE_OUTPUT, "a line is captured by a fixed, non-empty beginning");
        }
        findings.keep(node.place, check_steering(prefix)).map(|()| OutputFrom::StdoutLine(prefix.to_owned()))
    });
    let file = fields.get("file").and_then(|node| scope.path(node, RepoPath::check_file, findings));
    let digest = fields.get("fileDigest").and_then(|node| scope.path(node, RepoPath::check_file, findings));
    let sources = ["stdoutLine", "file", "fileDigest"].iter().filter(|name| fields.get(name).is_some()).count();
    if sources != 1 {
        findings.report(
            node.place,
            PIPELINE_OUTPUT,
            "an output comes from exactly one of stdout, stdoutLine, file, fileDigest",
        );
        return None;
    }
    line.or(file.map(OutputFrom::File)).or(digest.map(OutputFrom::FileDigest))
}

/// Reads the list `evidence`; what is wrong is reported.
pub(super) fn read_evidence(fields: yaml::Fields<'_>, outputs: &Outputs, findings: &mut Findings<'_>) -> Vec<Id> {
    let mut evidence = Vec::new();
    for item in fields.get("evidence").map(|node| node.items(MAX_OUTPUTS, findings)).unwrap_or_default() {
        let Some(name) = item.parsed::<Id>(findings) else { continue };
        if !outputs.specs.contains_key(&name) && !outputs.unread.contains(&name) {
            let known = outputs.specs.keys().chain(&outputs.unread).map(Id::as_str);
            let message = format!("the pipeline has no output `{name}`");
            findings.report_near(item.place, PIPELINE_OUTPUT, message, name.as_str(), known);
        }
        if evidence.contains(&name) {
            findings.report(item.place, PIPELINE_OUTPUT, format!("`{name}` stands twice"));
            continue;
        }
        evidence.push(name);
    }
    evidence
}
