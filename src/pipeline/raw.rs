//! From bytes to a pipeline: fields, scripts, and whether they fit each other.

mod action;
mod effect;
mod output;

use std::collections::BTreeMap;

use super::{
    demands::Demands,
    model::{Fields, MAX_SCRIPT, Pipeline, RetrySpec, ScriptFile},
    reasons::{PIPELINE_OUTPUT, PIPELINE_SCRIPT},
    template::{self, Spot},
};
use crate::{
    base::{
        diagnostic::Diagnostic,
        digest::Digest,
        examined::Examined,
        ident::Id,
        level::{Effect, OnFailure},
        path::RepoPath,
        reason::{Reason, Refusal, TEXT_TEMPLATE, TEXT_UNSAFE},
        text::{check_content, check_steering, utf8},
        yaml::{self, Findings, Node, Place, YAML_VALUE},
    },
    directive::{
        input::{Inputs, read_inputs},
        template::{Template, is_file_name},
    },
};

/// The most scripts of a pipeline.
const MAX_SCRIPTS: usize = 100;

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
    inputs: Inputs,
    /// The scripts that are used, and where first.
    scripts: BTreeMap<String, Place>,
    demands: Demands,
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

/// Reads a pipeline, with all that is wrong with it.
pub(super) fn read(name: &str, yaml: &[u8], scripts: &BTreeMap<String, Vec<u8>>) -> Examined<Pipeline> {
    let file = format!("pipelines/{name}.yml");
    let at = |place: Place, reason: Reason, message: String| Diagnostic::new(&file, place, reason.code, message);
    let text = match utf8(yaml) {
        Ok(text) => text,
        Err(place) => return Examined::new(None, vec![at(place, TEXT_UNSAFE, "the file is not UTF-8".into())]),
    };
    let mut used = BTreeMap::new();
    let examined = yaml::examine(&file, text, 1, |root, findings| walk(root, &mut used, findings));
    let is_legible = examined.legible().is_some();
    let id = name.parse::<Id>();
    let mut found: Vec<Diagnostic> =
        id.as_ref().err().map(|e| at((0, 0), e.reason(), e.message().to_owned())).into_iter().collect();
    let folder = format!("pipelines/{name}");
    for (script, place) in used.iter().filter(|(script, _)| !scripts.contains_key(*script)) {
        let message = format!("there is no script `{script}` in `{folder}`");
        let known = scripts.keys().map(String::as_str);
        found.push(at(*place, PIPELINE_SCRIPT, message).with_source(text).with_nearest(script, known));
    }
    let about = |path: &str, reason: Reason, message: String| Diagnostic::new(path, (0, 0), reason.code, message);
    if scripts.len() > MAX_SCRIPTS {
        let message = format!("{} scripts, the limit is {MAX_SCRIPTS}", scripts.len());
        found.push(about(&folder, PIPELINE_SCRIPT, message));
    }
    let mut kept = BTreeMap::new();
    for (script, bytes) in scripts {
        let path = format!("{folder}/{script}");
        match read_script(script, bytes) {
            Ok(read) => _ = kept.insert(script.clone(), read),
            Err((place, refusal)) => found.push(Diagnostic::new(&path, place, refusal.code(), refusal.message())),
        }
        // Of a file that is no YAML nobody knows what it uses.
        if is_legible && !used.contains_key(script) {
            found.push(about(&path, PIPELINE_SCRIPT, format!("the pipeline `{name}` uses no script `{script}`")));
        }
    }
    let made = examined.map(|fields| {
        let (digest, text) = (Digest::of(yaml), text.to_owned());
        id.ok().map(|name| Pipeline { name, digest, text, scripts: kept, fields })
    });
    let mut made = made.flatten();
    made.add(found);
    made
}

/// Reads a script; where it is refused, says where in it.
fn read_script(name: &str, bytes: &[u8]) -> Result<ScriptFile, (Place, Refusal)> {
    let refuse = |why: String| Err(((0, 0), Refusal::new(PIPELINE_SCRIPT, why)));
    if !is_file_name(name) {
        return refuse(format!("`{}` is no plain file name", crate::base::text::excerpt(name)));
    }
    if bytes.len() > MAX_SCRIPT {
        return refuse(format!("{} bytes, the limit is {MAX_SCRIPT}", bytes.len()));
    }
    let content = utf8(bytes).map_err(|place| (place, Refusal::new(PIPELINE_SCRIPT, "the script is not UTF-8")))?;
    check_content(content).map_err(|refusal| ((0, 0), refusal))?;
    if content.contains("${{") || content.contains("$[[") {
        return Err(((0, 0), Refusal::new(TEXT_TEMPLATE, "the script holds a CI template expression")));
    }
    Ok(ScriptFile { digest: Digest::of(bytes), content: content.to_owned() })
}

fn walk(root: &Node, used: &mut BTreeMap<String, Place>, findings: &mut Findings<'_>) -> Option<Fields> {
    let fields = root.fields("a pipeline", &FIELDS, findings)?;
    let description = fields.require("description", findings).and_then(|node| described(node, findings));
    let effect = fields.require("effect", findings).and_then(|node| node.word(&Effect::ALL, findings));
    let inputs = fields.get("inputs").map(|node| read_inputs(node, findings)).unwrap_or_default();
    let idempotent = fields.get("idempotent").and_then(|node| node.boolean(findings)).unwrap_or(false);
    let timeout =
        fields.get("timeout").and_then(|node| node.duration(86_400, findings).map(|seconds| (seconds, node.place)));
    let on_failure =
        fields.get("onFailure").and_then(|node| node.word(&OnFailure::ALL, findings)).unwrap_or(OnFailure::Halt);
    let retry = fields.get("retry").and_then(|node| read_retry(node, idempotent, findings));

    let mut scope = Scope {
        inputs,
        scripts: BTreeMap::new(),
        demands: Demands { timeout: timeout.map(|(_, place)| place), ..Demands::default() },
    };
    let actions_node = fields.require("actions", findings);
    let actions = actions_node.map(|node| action::read_list(node, &mut scope, findings)).unwrap_or_default();
    let verify = fields.get("verify").map(|node| action::read_list(node, &mut scope, findings)).unwrap_or_default();
    let outputs = fields.get("outputs").map(|node| output::read_all(node, &mut scope, findings)).unwrap_or_default();
    let evidence = output::read_evidence(fields, &outputs, findings);
    *used = scope.scripts;

    if let (Some(node), Some(actions)) = (fields.get("outputs"), actions_node)
        && !outputs.is_empty()
        && !effect::runs_a_program(actions)
    {
        findings.report(node.place, PIPELINE_OUTPUT, "outputs need a program in `actions` to be captured from");
    }
    if let Some(effect) = effect {
        effect::check(effect, fields, findings);
    }
    Some(Fields {
        // Findings are there where these stand in for what is not.
        description: description.unwrap_or_default(),
        effect: effect.unwrap_or(Effect::Irreversible),
        inputs: scope.inputs.specs,
        idempotent,
        timeout_seconds: u32::try_from(timeout.map_or(300, |(seconds, _)| seconds)).unwrap_or(u32::MAX),
        retry: retry.unwrap_or(RetrySpec { attempts: 1, backoff_seconds: 2 }),
        on_failure,
        outputs: outputs.specs,
        evidence,
        actions,
        verify,
        demands: scope.demands,
    })
}

/// Reads what a pipeline says of itself; a field that was begun and left empty lacks no quotes.
fn described(node: &Node, findings: &mut Findings<'_>) -> Option<String> {
    if node.is_null() {
        findings.report(node.place, YAML_VALUE, "text is needed, and this is empty");
        return None;
    }
    node.line(findings).map(str::to_owned)
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
