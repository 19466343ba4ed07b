//! From bytes to a pipeline: fields, scripts, and whether they fit each other.

mod action;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    model::{ActionSpec, Fields, MAX_SCRIPT, OutputFrom, OutputSpec, Pipeline, RetrySpec, ScriptFile},
    reasons::{PIPELINE_EFFECT, PIPELINE_OUTPUT, PIPELINE_SCRIPT},
    template::{self, Spot},
};
use crate::{
    base::{
        diagnostic::Diagnostic,
        digest::Digest,
        ident::Id,
        level::{Effect, OnFailure},
        path::RepoPath,
        reason::{Reason, Refusal, TEXT_TEMPLATE, TEXT_UNSAFE},
        text::{check_content, check_steering},
        value::{Bounds, ValueSpec, ValueType},
        yaml::{self, Findings, Node, Place},
    },
    directive::{
        input::{InputSpec, read_inputs},
        template::{Template, is_file_name},
    },
};

/// The most outputs of a pipeline.
const MAX_OUTPUTS: usize = 100;
/// The most scripts of a pipeline.
const MAX_SCRIPTS: usize = 100;
/// The most bytes of an output, and how many there may be where the file does not say.
const MAX_OUTPUT: i64 = 65_536;
const DEFAULT_OUTPUT: u32 = 1_000;

const FIELDS: [&str; 11] = [
    "description",
    "effect",
    "inputs",
    "idempotent",
    "timeout",
    "retry",
    "onFailure",
    "outputs",
    "evidence",
    "actions",
    "verify",
];

/// What is known while the actions of a pipeline are read.
struct Scope {
    inputs: BTreeMap<Id, InputSpec>,
    scripts: BTreeSet<String>,
}

impl Scope {
    /// Reads a template that may stand at a spot.
    fn template(&mut self, node: &Node, spot: Spot, findings: &mut Findings<'_>) -> Option<Template> {
        let text = node.text(findings)?;
        let checked = if spot == Spot::Text { Ok(()) } else { check_steering(text) };
        findings.keep(node.place, checked)?;
        let template = findings.keep(node.place, Template::parse(text))?;
        template::check(&template, spot, node.place, &self.inputs, &mut self.scripts, findings);
        Some(template)
    }

    /// Reads a path, which is checked at once where it is fixed.
    fn path(
        &mut self,
        node: &Node,
        check: impl Fn(&RepoPath) -> Result<(), Refusal>,
        findings: &mut Findings<'_>,
    ) -> Option<Template> {
        let template = self.template(node, Spot::Text, findings)?;
        if template.is_fixed() {
            let path = findings.keep(node.place, template.to_string().parse::<RepoPath>())?;
            findings.keep(node.place, check(&path))?;
        }
        Some(template)
    }
}

/// Reads a pipeline.
pub(super) fn read(name: &str, yaml: &[u8], scripts: &BTreeMap<String, Vec<u8>>) -> Result<Pipeline, Vec<Diagnostic>> {
    let file = format!("pipelines/{name}.yml");
    let about = |file: &str, reason: Reason, message: String| Diagnostic::new(file, (0, 0), reason.code, message);
    let id = name.parse::<Id>().map_err(|e| vec![about(&file, e.reason(), e.message().to_owned())])?;
    let text = std::str::from_utf8(yaml)
        .map_err(|e| vec![about(&file, TEXT_UNSAFE, format!("the file is not UTF-8: {e}"))])?;

    let mut used = BTreeSet::new();
    let (mut found, fields) = match yaml::read(&file, text, 1, |root, findings| walk(root, &mut used, findings)) {
        Ok(fields) => (Vec::new(), Some(fields)),
        Err(found) => (found, None),
    };
    let folder = format!("pipelines/{name}");
    if scripts.len() > MAX_SCRIPTS {
        let message = format!("{} scripts, the limit is {MAX_SCRIPTS}", scripts.len());
        found.push(about(&folder, PIPELINE_SCRIPT, message));
    }
    let mut kept = BTreeMap::new();
    for (script, bytes) in scripts {
        let path = format!("{folder}/{script}");
        match read_script(script, bytes) {
            Ok(read) => _ = kept.insert(script.clone(), read),
            Err(refusal) => found.push(about(&path, refusal.reason(), refusal.message().to_owned())),
        }
        if !used.contains(script) {
            found.push(about(&path, PIPELINE_SCRIPT, format!("the pipeline `{name}` uses no script `{script}`")));
        }
    }
    for script in used.iter().filter(|script| !scripts.contains_key(*script)) {
        let message = format!("there is no script `{script}` in `{folder}`");
        let known = scripts.keys().map(String::as_str);
        found.push(about(&file, PIPELINE_SCRIPT, message).with_nearest(script, known));
    }
    match fields {
        Some(fields) if found.is_empty() => {
            Ok(Pipeline { name: id, digest: Digest::of(yaml), text: text.to_owned(), scripts: kept, fields })
        }
        _ => Err(found),
    }
}

fn read_script(name: &str, bytes: &[u8]) -> Result<ScriptFile, Refusal> {
    let refuse = |why: String| Err(Refusal::new(PIPELINE_SCRIPT, why));
    if !is_file_name(name) {
        return refuse(format!("`{}` is no plain file name", crate::base::text::excerpt(name)));
    }
    if bytes.len() > MAX_SCRIPT {
        return refuse(format!("{} bytes, the limit is {MAX_SCRIPT}", bytes.len()));
    }
    let Ok(content) = std::str::from_utf8(bytes) else { return refuse("the script is not UTF-8".into()) };
    check_content(content)?;
    if content.contains("${{") || content.contains("$[[") {
        return Err(Refusal::new(TEXT_TEMPLATE, "the script holds a CI template expression"));
    }
    Ok(ScriptFile { digest: Digest::of(bytes), content: content.to_owned() })
}

fn walk(root: &Node, used: &mut BTreeSet<String>, findings: &mut Findings<'_>) -> Option<Fields> {
    let fields = root.fields("a pipeline", &FIELDS, findings)?;
    let description = fields.require("description", findings).and_then(|node| node.line(findings)).map(str::to_owned);
    let effect = fields.require("effect", findings).and_then(|node| node.word(&Effect::ALL, findings));
    let inputs = fields.get("inputs").map(|node| read_inputs(node, findings)).unwrap_or_default();
    let idempotent = fields.get("idempotent").and_then(|node| node.boolean(findings)).unwrap_or(false);
    let timeout = fields.get("timeout").and_then(|node| node.duration(86_400, findings)).unwrap_or(300);
    let on_failure =
        fields.get("onFailure").and_then(|node| node.word(&OnFailure::ALL, findings)).unwrap_or(OnFailure::Halt);
    let retry = fields.get("retry").and_then(|node| read_retry(node, idempotent, findings));

    let mut scope = Scope { inputs, scripts: BTreeSet::new() };
    let actions_node = fields.require("actions", findings);
    let actions = actions_node.map(|node| action::read_list(node, &mut scope, findings)).unwrap_or_default();
    let verify = fields.get("verify").map(|node| action::read_list(node, &mut scope, findings)).unwrap_or_default();
    let outputs = fields.get("outputs").map(|node| read_outputs(node, &mut scope, findings)).unwrap_or_default();
    let evidence = read_evidence(fields.get("evidence"), &outputs, findings);
    *used = scope.scripts;

    if let Some(node) = fields.get("outputs")
        && !outputs.is_empty()
        && !actions.iter().any(|action| matches!(action, ActionSpec::Run(_)))
    {
        findings.report(node.place, PIPELINE_OUTPUT, "outputs need a program in `actions` to be captured from");
    }
    let place = fields.get("effect").map_or(fields.place, |node| node.place);
    check_effect(effect?, place, (&actions, &verify, &evidence), findings);
    Some(Fields {
        description: description?,
        effect: effect?,
        inputs: scope.inputs,
        idempotent,
        timeout_seconds: u32::try_from(timeout).ok()?,
        retry: retry.unwrap_or(RetrySpec { attempts: 1, backoff_seconds: 2 }),
        on_failure,
        outputs,
        evidence,
        actions,
        verify,
    })
}

fn check_effect(
    effect: Effect,
    place: Place,
    (actions, verify, evidence): (&[ActionSpec], &[ActionSpec], &[Id]),
    findings: &mut Findings<'_>,
) {
    let least = actions.iter().map(ActionSpec::least_effect).max().unwrap_or(Effect::Read);
    if effect < least {
        let message = format!("the effect is `{}`, and the actions reach `{}`", effect.word(), least.word());
        findings.report(place, PIPELINE_EFFECT, message);
    }
    if effect >= Effect::Recommend && evidence.is_empty() {
        let message = format!("a pipeline of effect `{}` needs an output as `evidence`", effect.word());
        findings.report(place, PIPELINE_EFFECT, message);
    }
    if effect >= Effect::Write && verify.is_empty() {
        let message = format!("a pipeline of effect `{}` needs an action under `verify`", effect.word());
        findings.report(place, PIPELINE_EFFECT, message);
    }
    if verify.iter().any(|action| !matches!(action, ActionSpec::Run(run) if run.writes.is_empty())) {
        findings.report(place, PIPELINE_EFFECT, "`verify` runs programs that only read");
    }
}

fn read_retry(node: &Node, idempotent: bool, findings: &mut Findings<'_>) -> Option<RetrySpec> {
    let fields = node.fields("a retry", &["attempts", "backoff"], findings)?;
    let attempts = fields.get("attempts").map_or(Some(1), |node| node.integer(1, 5, findings))?;
    let backoff = fields.get("backoff").map_or(Some(2), |node| node.duration(60, findings))?;
    if attempts > 1 && !idempotent {
        findings.report(node.place, super::reasons::PIPELINE_ACTION, "only an idempotent pipeline is tried again");
    }
    Some(RetrySpec { attempts: u32::try_from(attempts).ok()?, backoff_seconds: u32::try_from(backoff).ok()? })
}

fn read_outputs(node: &Node, scope: &mut Scope, findings: &mut Findings<'_>) -> BTreeMap<Id, OutputSpec> {
    let mut outputs = BTreeMap::new();
    let entries = node.entries(findings);
    if entries.len() > MAX_OUTPUTS {
        findings.report(node.place, PIPELINE_OUTPUT, format!("{} outputs", entries.len()));
        return outputs;
    }
    for (key, value) in entries {
        let name = findings.keep(key.place, key.text.parse::<Id>());
        let output = read_output(value, scope, findings);
        if let (Some(name), Some(output)) = (name, output) {
            outputs.insert(name, output);
        }
    }
    outputs
}

fn read_output(node: &Node, scope: &mut Scope, findings: &mut Findings<'_>) -> Option<OutputSpec> {
    let fields = node.fields("an output", &["type", "pattern", "maxLength", "from"], findings)?;
    let kind = fields.require("type", findings).and_then(|node| node.word(&ValueType::ALL, findings));
    let max_length = fields.get("maxLength").and_then(|node| node.integer(1, MAX_OUTPUT, findings));
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
    let fields = node.fields("a source of an output", &["stdoutLine", "file", "fileDigest"], findings)?;
    let line = fields.get("stdoutLine").and_then(|node| {
        let prefix = node.text(findings)?;
        if prefix.is_empty() || prefix.contains("{{") {
            findings.report(node.place, PIPELINE_OUTPUT, "a line is captured by a fixed, non-empty beginning");
        }
        findings.keep(node.place, check_steering(prefix)).map(|()| OutputFrom::StdoutLine(prefix.to_owned()))
    });
    let file = fields.get("file").and_then(|node| scope.path(node, action::check_file, findings));
    let digest = fields.get("fileDigest").and_then(|node| scope.path(node, action::check_file, findings));
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

fn read_evidence(node: Option<&Node>, outputs: &BTreeMap<Id, OutputSpec>, findings: &mut Findings<'_>) -> Vec<Id> {
    let mut evidence = Vec::new();
    for item in node.map(|node| node.items(MAX_OUTPUTS, findings)).unwrap_or_default() {
        let Some(name) = item.parsed::<Id>(findings) else { continue };
        if !outputs.contains_key(&name) {
            let known = outputs.keys().map(Id::as_str);
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
