//! From bytes to a directive: front matter, fields, and whether they fit each other.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    input::{InputSpec, read_inputs},
    model::{Ceiling, Directive, Front, IssueSpec, MAX_BYTES, StatedRisk, StepSpec, With, WithValue},
    reasons::{
        DIRECTIVE_CEILING, DIRECTIVE_FORMAT, DIRECTIVE_ISSUE, DIRECTIVE_PIPELINE, DIRECTIVE_STEP, INPUT_UNKNOWN,
        TEMPLATE_PLACE,
    },
    template::{Part, Template},
};
use crate::base::{
    diagnostic::Diagnostic,
    digest::Digest,
    ident::Id,
    level::{Effect, Readiness, Severity},
    path::RepoPath,
    reason::{LIMIT_SIZE, Reason, TEXT_UNSAFE},
    text::{check_free, check_steering, is_unsafe},
    value::{Scalar, ValueType},
    yaml::{self, Fields, Findings, Node, Place, YAML_VALUE},
};

/// The most items of a list in the front matter.
const MAX_LIST: usize = 100;
/// The most steps; the policy decides how many of them a plan may have.
const MAX_STEPS: usize = 10_000;
/// The longest life of a plan, in seconds.
const MAX_LIFETIME: i64 = 30 * 86_400;
/// The words of `gate`.
const METHODS: [(&str, &str); 4] = [("key", "key"), ("ssh", "ssh"), ("terminal", "terminal"), ("policy", "policy")];

const FIELDS: [&str; 15] = [
    "title",
    "pipelines",
    "inputs",
    "context",
    "intent",
    "ceiling",
    "environment",
    "issue",
    "gate",
    "risks",
    "assumptions",
    "lifetime",
    "planner",
    "model",
    "steps",
];

/// Reads a directive.
pub(super) fn read(path: &str, bytes: &[u8]) -> Result<Directive, Vec<Diagnostic>> {
    let about_file = |reason: Reason, message: String| vec![Diagnostic::new(path, (0, 0), reason.code, message)];
    if bytes.len() > MAX_BYTES {
        return Err(about_file(LIMIT_SIZE, format!("{} bytes, the limit is {MAX_BYTES}", bytes.len())));
    }
    let text =
        std::str::from_utf8(bytes).map_err(|e| about_file(TEXT_UNSAFE, format!("the file is not UTF-8: {e}")))?;
    if text.starts_with('\u{feff}') {
        return Err(about_file(TEXT_UNSAFE, "the file begins with a byte order mark".into()));
    }
    let repo_path: RepoPath =
        path.parse().map_err(|e: crate::base::reason::Refusal| about_file(e.reason(), e.message().to_owned()))?;
    let file = repo_path.as_str().rsplit('/').next().unwrap_or_default();
    let name = file
        .strip_suffix(".md")
        .and_then(|stem| stem.parse::<Id>().ok())
        .ok_or_else(|| about_file(DIRECTIVE_FORMAT, "the name of the file is not an id and `.md`".into()))?;
    let Some((front, body, body_line)) = split(text) else {
        let found =
            Diagnostic::new(path, (1, 1), DIRECTIVE_FORMAT.code, "there is no front matter between `---` lines");
        return Err(vec![found.with_source(text).with_help(DIRECTIVE_FORMAT.hint)]);
    };
    let mut body_findings = Findings::new(path, text, 1);
    check_body(body, body_line, &mut body_findings);
    let mut found = body_findings.into_list();
    match yaml::read(path, front, 2, walk) {
        Ok(fields) if found.is_empty() => Ok(Directive {
            name,
            path: repo_path,
            digest: Digest::of(bytes),
            text: text.to_owned(),
            body: body.to_owned(),
            fields,
        }),
        Ok(_) => Err(found),
        Err(mut earlier) => {
            earlier.append(&mut found);
            Err(earlier)
        }
    }
}

/// Splits a file into front matter, body, and the number of the body's first line.
fn split(text: &str) -> Option<(&str, &str, usize)> {
    let rest = text.strip_prefix("---\n").or_else(|| text.strip_prefix("---\r\n"))?;
    let mut at = 0;
    for (n, line) in rest.split_inclusive('\n').enumerate() {
        if line.trim_end_matches(['\r', '\n']) == "---" {
            return Some((&rest[..at], &rest[at + line.len()..], n + 3));
        }
        at += line.len();
    }
    None
}

fn check_body(body: &str, first_line: usize, findings: &mut Findings<'_>) {
    for (n, line) in body.lines().enumerate() {
        let bad = line.chars().enumerate().find(|(_, c)| *c != '\t' && is_unsafe(*c));
        if let Some((column, c)) = bad {
            let message = format!("character U+{:04X} can mislead a reader", c as u32);
            findings.report((first_line + n, column + 1), TEXT_UNSAFE, message);
        } else {
            findings.keep((first_line + n, 1), check_free(line, true));
        }
    }
}

fn walk(root: &Node, findings: &mut Findings<'_>) -> Option<Front> {
    let fields = root.fields("a directive", &FIELDS, findings)?;
    let title = fields.require("title", findings).and_then(|node| node.line(findings)).map(str::to_owned);
    let pipelines = read_pipelines(fields, findings);
    let inputs = fields.get("inputs").map(|node| read_inputs(node, findings)).unwrap_or_default();
    let ceiling = read_ceiling(fields, findings);
    let risks = read_risks(fields, ceiling, findings);
    let steps = read_steps(fields, &pipelines, &inputs, findings);
    Some(Front {
        title: title?,
        context: read_context(fields, findings),
        intent: fields.get("intent").and_then(|node| {
            let text = node.text(findings)?;
            findings.keep(node.place, check_free(text, true)).map(|()| text.trim_end().to_owned())
        }),
        environment: fields.get("environment").and_then(|node| node.parsed(findings)),
        issue: read_issue(fields, &inputs, findings),
        gate: read_gate(fields, findings),
        assumptions: read_lines(fields, "assumptions", findings),
        lifetime: fields.get("lifetime").and_then(|node| node.duration(MAX_LIFETIME, findings)),
        planner: fields.get("planner").and_then(|node| node.parsed(findings)),
        model: fields.get("model").and_then(|node| {
            let name = node.line(findings)?;
            findings.keep(node.place, check_steering(name)).map(|()| name.to_owned())
        }),
        pipelines,
        inputs,
        ceiling,
        risks,
        steps,
    })
}

fn read_pipelines(fields: Fields<'_>, findings: &mut Findings<'_>) -> Vec<(Id, Place)> {
    let Some(node) = fields.require("pipelines", findings) else { return Vec::new() };
    let mut names: Vec<(Id, Place)> = Vec::new();
    for item in node.items(MAX_LIST, findings) {
        let Some(name) = item.parsed::<Id>(findings) else { continue };
        if names.iter().any(|(known, _)| *known == name) {
            findings.report(item.place, YAML_VALUE, format!("`{name}` stands twice"));
        }
        names.push((name, item.place));
    }
    if matches!(&node.kind, yaml::Kind::List(items) if items.is_empty()) {
        findings.report(node.place, YAML_VALUE, "a directive needs at least one pipeline");
    }
    names
}

fn read_context(fields: Fields<'_>, findings: &mut Findings<'_>) -> Vec<String> {
    let mut globs = Vec::new();
    for item in fields.get("context").map(|node| node.items(MAX_LIST, findings)).unwrap_or_default() {
        let Some(glob) = item.text(findings) else { continue };
        findings.keep(item.place, check_steering(glob));
        let climbs = glob.starts_with('/') || glob.split('/').any(|part| part == ".." || part.is_empty());
        if climbs || globset::Glob::new(glob).is_err() {
            findings.report(item.place, YAML_VALUE, format!("`{glob}` is no pattern of paths in the repository"));
        }
        globs.push(glob.to_owned());
    }
    globs
}

fn read_ceiling(fields: Fields<'_>, findings: &mut Findings<'_>) -> Ceiling {
    let mut ceiling = Ceiling { effect: Effect::Read, risk: Severity::Low };
    if let Some(given) = fields.get("ceiling").and_then(|node| node.fields("a ceiling", &["effect", "risk"], findings))
    {
        if let Some(effect) = given.get("effect").and_then(|node| node.word(&Effect::ALL, findings)) {
            ceiling.effect = effect;
        }
        if let Some(risk) = given.get("risk").and_then(|node| node.word(&Severity::ALL, findings)) {
            ceiling.risk = risk;
        }
    }
    ceiling
}

fn read_gate(fields: Fields<'_>, findings: &mut Findings<'_>) -> Vec<Id> {
    let mut gate = Vec::new();
    for item in fields.get("gate").map(|node| node.items(METHODS.len(), findings)).unwrap_or_default() {
        let Some(word) = item.word(&METHODS, findings).and_then(|word| findings.keep(item.place, word.parse())) else {
            continue;
        };
        if gate.contains(&word) {
            findings.report(item.place, YAML_VALUE, format!("`{word}` stands twice"));
        }
        gate.push(word);
    }
    gate
}

fn read_issue(fields: Fields<'_>, inputs: &BTreeMap<Id, InputSpec>, findings: &mut Findings<'_>) -> Option<IssueSpec> {
    let given = fields.get("issue")?.fields("an issue", &["input", "ready"], findings)?;
    let named =
        given.require("input", findings).and_then(|node| node.parsed::<Id>(findings).map(|name| (name, node.place)));
    let mut ready = Vec::new();
    if let Some(node) = given.get("ready") {
        for item in node.items(Readiness::ALL.len(), findings) {
            let Some(word) = item.word(&Readiness::ALL, findings) else { continue };
            if ready.contains(&word) {
                findings.report(item.place, YAML_VALUE, "it stands twice");
            }
            ready.push(word);
        }
        if matches!(&node.kind, yaml::Kind::List(items) if items.is_empty()) {
            findings.report(node.place, YAML_VALUE, "nothing is asked of the issue; leave `ready` out for `[open]`");
        }
    } else {
        ready.push(Readiness::Open);
    }
    let (input, place) = named?;
    match inputs.get(&input) {
        Some(spec) if spec.kind() == ValueType::Integer => Some(IssueSpec { input, ready }),
        Some(_) => {
            findings.report(place, DIRECTIVE_ISSUE, format!("the input `{input}` is no integer"));
            None
        }
        None => {
            let message = format!("the directive has no input `{input}`");
            findings.report_near(place, INPUT_UNKNOWN, message, input.as_str(), inputs.keys().map(Id::as_str));
            None
        }
    }
}

fn read_lines(fields: Fields<'_>, name: &str, findings: &mut Findings<'_>) -> Vec<String> {
    let items = fields.get(name).map(|node| node.items(MAX_LIST, findings)).unwrap_or_default();
    items.iter().filter_map(|item| item.line(findings)).map(str::to_owned).collect()
}

fn read_risks(fields: Fields<'_>, ceiling: Ceiling, findings: &mut Findings<'_>) -> Vec<StatedRisk> {
    let mut risks = Vec::new();
    for item in fields.get("risks").map(|node| node.items(MAX_LIST, findings)).unwrap_or_default() {
        let Some(given) = item.fields("a risk", &["text", "severity", "mitigation"], findings) else { continue };
        let text = given.require("text", findings).and_then(|node| node.line(findings));
        let severity = given.require("severity", findings).and_then(|node| node.word(&Severity::ALL, findings));
        let mitigation = given.get("mitigation").and_then(|node| node.line(findings)).map(str::to_owned);
        let (Some(text), Some(severity)) = (text, severity) else { continue };
        if severity > ceiling.risk {
            let (risk, most) = (severity.word(), ceiling.risk.word());
            findings.report(item.place, DIRECTIVE_CEILING, format!("a risk is `{risk}`, the ceiling is `{most}`"));
        }
        risks.push(StatedRisk { text: text.to_owned(), severity, mitigation });
    }
    risks
}

fn read_steps(
    fields: Fields<'_>,
    pipelines: &[(Id, Place)],
    inputs: &BTreeMap<Id, InputSpec>,
    findings: &mut Findings<'_>,
) -> Vec<StepSpec> {
    let Some(node) = fields.get("steps") else { return Vec::new() };
    let mut steps: Vec<(StepSpec, Vec<Place>)> = Vec::new();
    for item in node.items(MAX_STEPS, findings) {
        steps.extend(read_step(item, inputs, findings));
    }
    let ids: Vec<Id> = steps.iter().map(|(step, _)| step.id.clone()).collect();
    let mut seen = BTreeSet::new();
    for (step, need_places) in &steps {
        if !seen.insert(&step.id) {
            findings.report(step.place, DIRECTIVE_STEP, format!("the step `{}` stands twice", step.id));
        }
        let (pipeline, place) = &step.pipeline;
        if !pipelines.iter().any(|(name, _)| name == pipeline) {
            let known = pipelines.iter().map(|(name, _)| name.as_str());
            let message = format!("`{pipeline}` is not among the directive's pipelines");
            findings.report_near(*place, DIRECTIVE_PIPELINE, message, pipeline.as_str(), known);
        }
        for (need, place) in step.needs.iter().zip(need_places) {
            if *need == step.id {
                findings.report(*place, DIRECTIVE_STEP, format!("the step `{need}` needs itself"));
            } else if !ids.contains(need) {
                let message = format!("`{need}` is no step of this directive");
                findings.report_near(*place, DIRECTIVE_STEP, message, need.as_str(), ids.iter().map(Id::as_str));
            }
        }
    }
    let steps: Vec<StepSpec> = steps.into_iter().map(|(step, _)| step).collect();
    check_cycles(&steps, findings);
    steps
}

fn check_cycles(steps: &[StepSpec], findings: &mut Findings<'_>) {
    let known: BTreeSet<&Id> = steps.iter().map(|step| &step.id).collect();
    let mut done: BTreeSet<&Id> = BTreeSet::new();
    loop {
        let before = done.len();
        for step in steps {
            if step.needs.iter().all(|need| done.contains(need) || !known.contains(need) || *need == step.id) {
                done.insert(&step.id);
            }
        }
        if done.len() == before {
            break;
        }
    }
    if let Some(step) = steps.iter().find(|step| !done.contains(&step.id)) {
        let message = format!("the step `{}` needs itself through other steps", step.id);
        findings.report(step.place, DIRECTIVE_STEP, message);
    }
}

fn read_step(
    item: &Node,
    inputs: &BTreeMap<Id, InputSpec>,
    findings: &mut Findings<'_>,
) -> Option<(StepSpec, Vec<Place>)> {
    let fields = item.fields("a step", &["id", "pipeline", "title", "why", "needs", "with"], findings)?;
    let id = fields.require("id", findings).and_then(|node| node.parsed::<Id>(findings));
    let pipeline = fields
        .require("pipeline", findings)
        .and_then(|node| node.parsed::<Id>(findings).map(|name| (name, node.place)));
    let title = fields.get("title").and_then(|node| node.line(findings)).map(str::to_owned);
    let why = fields.get("why").and_then(|node| node.line(findings)).map(str::to_owned);
    let (mut needs, mut need_places) = (Vec::new(), Vec::new());
    for node in fields.get("needs").map(|node| node.items(MAX_STEPS, findings)).unwrap_or_default() {
        let Some(need) = node.parsed::<Id>(findings) else { continue };
        if needs.contains(&need) {
            findings.report(node.place, DIRECTIVE_STEP, format!("`{need}` stands twice"));
            continue;
        }
        needs.push(need);
        need_places.push(node.place);
    }
    let mut with = BTreeMap::new();
    for (key, node) in fields.get("with").map(|node| node.entries(findings)).unwrap_or_default() {
        let name = findings.keep(key.place, key.text.parse::<Id>());
        let value = read_with(node, inputs, findings);
        if let (Some(name), Some(value)) = (name, value) {
            with.insert(name, With { key: key.place, place: node.place, value });
        }
    }
    let step = StepSpec { id: id?, pipeline: pipeline?, title, why, needs, with, place: item.place };
    Some((step, need_places))
}

fn read_with(node: &Node, inputs: &BTreeMap<Id, InputSpec>, findings: &mut Findings<'_>) -> Option<WithValue> {
    let value = node.scalar(findings)?;
    let Scalar::Text(text) = &value else { return Some(WithValue::Fixed(value)) };
    findings.keep(node.place, check_steering(text))?;
    let template = findings.keep(node.place, Template::parse(text))?;
    if template.is_fixed() {
        return Some(WithValue::Fixed(value));
    }
    for part in template.parts() {
        match part {
            Part::Input(name) if !inputs.contains_key(name) => {
                let known = inputs.keys().map(Id::as_str);
                let message = format!("the directive has no input `{name}`");
                findings.report_near(node.place, INPUT_UNKNOWN, message, name.as_str(), known);
            }
            Part::Text(_) | Part::Input(_) => {}
            Part::Output { .. } if template.whole().is_some() => {}
            Part::Output { .. } => {
                findings.report(node.place, TEMPLATE_PLACE, format!("`{part}` must be the whole value"));
            }
            Part::Script(_) | Part::Scratch(_) => {
                findings.report(node.place, TEMPLATE_PLACE, format!("`{part}` belongs to pipelines only"));
            }
        }
    }
    Some(WithValue::Template(template))
}
