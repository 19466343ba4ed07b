//! From bytes to a directive: front matter, fields, and whether they fit each other.

mod steps;

use super::{
    input::{Inputs, read_inputs},
    model::{Ceiling, Directive, Front, IssueSpec, MAX_BYTES, StatedRisk},
    reasons::{DIRECTIVE_CEILING, DIRECTIVE_FORMAT, DIRECTIVE_ISSUE, INPUT_UNKNOWN},
};
use crate::base::{
    bounds::MAX_LIFETIME,
    diagnostic::Diagnostic,
    digest::Digest,
    examined::Examined,
    ident::Id,
    level::{Effect, Readiness, Severity},
    method::Method,
    path::RepoPath,
    planner::PlannerKind,
    reason::{LIMIT_SIZE, Reason, TEXT_UNSAFE},
    text::{check_free, check_steering, is_unsafe, utf8},
    value::ValueType,
    yaml::{self, Fields, Findings, Node, Place, YAML_VALUE},
};

/// The most items of a list in the front matter.
const MAX_LIST: usize = 100;

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

/// Reads a directive, with all that is wrong with it.
pub(super) fn read(path: &str, bytes: &[u8], may_be_meant: &dyn Fn(&str) -> bool) -> Examined<Directive> {
    let (name, repo_path, text) = match open(path, bytes) {
        Ok(opened) => opened,
        Err(found) => return Examined::new(None, found),
    };
    let Some((front, body, body_line)) = split(text) else {
        let message = "there is no front matter between `---` lines";
        let found = Diagnostic::new(path, (1, 1), DIRECTIVE_FORMAT.code, message).with_source(text);
        return Examined::new(None, vec![found.with_help(DIRECTIVE_FORMAT.hint)]);
    };
    let mut body_findings = Findings::new(path, text, 1);
    check_body(body, body_line, &mut body_findings);
    let examined = yaml::examine(path, front, 2, |root, findings| walk(root, may_be_meant, findings));
    let mut directive = examined.map(|fields| Directive {
        name,
        path: repo_path,
        digest: Digest::of(bytes),
        text: text.to_owned(),
        body: body.to_owned(),
        fields,
    });
    directive.add(body_findings.into_list());
    directive
}

/// Checks what a file must be before anything in it is read.
fn open<'t>(path: &str, bytes: &'t [u8]) -> Result<(Id, RepoPath, &'t str), Vec<Diagnostic>> {
    let at = |place: Place, reason: Reason, message: String| vec![Diagnostic::new(path, place, reason.code, message)];
    if bytes.len() > MAX_BYTES {
        let message = format!("{} bytes, the limit is {MAX_BYTES}", bytes.len());
        return Err(at((0, 0), LIMIT_SIZE, message));
    }
    let text = utf8(bytes).map_err(|place| at(place, TEXT_UNSAFE, "the file is not UTF-8".into()))?;
    if text.starts_with('\u{feff}') {
        return Err(at((1, 1), TEXT_UNSAFE, "the file begins with a byte order mark".into()));
    }
    let repo_path = path.parse::<RepoPath>().map_err(|e| at((0, 0), e.reason(), e.message().to_owned()))?;
    let file = repo_path.as_str().rsplit('/').next().unwrap_or_default();
    let name = file.strip_suffix(".md").and_then(|stem| stem.parse::<Id>().ok());
    let name = name.ok_or_else(|| {
        let message = "the name of the file is not an id and `.md`";
        let found = Diagnostic::new(path, (0, 0), DIRECTIVE_FORMAT.code, message);
        vec![found.with_help("name it with A-Z, a-z, 0-9, _ and - before `.md`")]
    })?;
    Ok((name, repo_path, text))
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

fn walk(root: &Node, may_be_meant: &dyn Fn(&str) -> bool, findings: &mut Findings<'_>) -> Option<Front> {
    let fields = root.fields("a directive", &FIELDS, findings)?;
    let title = fields.require("title", findings).and_then(|node| node.line(findings)).map(str::to_owned);
    let (pipelines, whole) = read_pipelines(fields, findings);
    let inputs = fields.get("inputs").map(|node| read_inputs(node, findings)).unwrap_or_default();
    let ceiling = read_ceiling(fields, findings);
    Some(Front {
        // A finding is there where this stands in for a title that is not.
        title: title.unwrap_or_default(),
        context: read_context(fields, findings),
        intent: fields.get("intent").and_then(|node| {
            let text = node.text(findings)?;
            findings.keep(node.place, check_free(text, true)).map(|()| text.trim_end().to_owned())
        }),
        environment: fields
            .get("environment")
            .and_then(|node| node.parsed(findings).map(|environment| (environment, node.place))),
        issue: read_issue(fields, &inputs, findings),
        gate: read_gate(fields, findings),
        assumptions: read_lines(fields, "assumptions", findings),
        lifetime: fields.get("lifetime").and_then(|node| node.duration(MAX_LIFETIME, findings)),
        planner: fields.get("planner").and_then(|node| node.word(&PlannerKind::ALL, findings)),
        model: fields.get("model").and_then(|node| {
            let name = node.line(findings)?;
            findings.keep(node.place, check_steering(name)).map(|()| name.to_owned())
        }),
        risks: read_risks(fields, ceiling, findings),
        steps: steps::read(fields, whole.then_some(&pipelines), &inputs, may_be_meant, findings),
        pipelines,
        inputs: inputs.specs,
        ceiling,
    })
}

/// Reads the pipelines; tells also whether these are all that the file lists.
fn read_pipelines(fields: Fields<'_>, findings: &mut Findings<'_>) -> (Vec<(Id, Place)>, bool) {
    let Some(node) = fields.require("pipelines", findings) else { return (Vec::new(), false) };
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
    let whole = matches!(&node.kind, yaml::Kind::List(items) if items.len() == names.len());
    (names, whole)
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
    // What could not be read is no reason to call what lies below it too high.
    let unread = Ceiling { effect: Effect::Irreversible, risk: Severity::Critical };
    let Some(node) = fields.get("ceiling") else { return ceiling };
    let Some(given) = node.fields("a ceiling", &["effect", "risk"], findings) else { return unread };
    if let Some(node) = given.get("effect") {
        ceiling.effect = node.word(&Effect::ALL, findings).unwrap_or(unread.effect);
    }
    if let Some(node) = given.get("risk") {
        ceiling.risk = node.word(&Severity::ALL, findings).unwrap_or(unread.risk);
    }
    ceiling
}

fn read_gate(fields: Fields<'_>, findings: &mut Findings<'_>) -> Vec<Method> {
    let mut gate = Vec::new();
    for item in fields.get("gate").map(|node| node.items(Method::ALL.len(), findings)).unwrap_or_default() {
        let Some(method) = item.word(&Method::ALL, findings) else { continue };
        if gate.contains(&method) {
            findings.report(item.place, YAML_VALUE, format!("`{}` stands twice", method.word()));
        }
        gate.push(method);
    }
    gate
}

fn read_issue(fields: Fields<'_>, inputs: &Inputs, findings: &mut Findings<'_>) -> Option<IssueSpec> {
    let given = fields.get("issue")?.fields("an issue", &["input", "ready"], findings)?;
    let named =
        given.require("input", findings).and_then(|node| node.parsed::<Id>(findings).map(|name| (name, node.place)));
    let mut ready = Vec::new();
    if let Some(node) = given.get("ready") {
        for item in node.items(Readiness::ALL.len(), findings) {
            let Some(word) = read_readiness(item, findings) else { continue };
            if ready.iter().any(|other: &Readiness| other.is_akin(word)) {
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
    match inputs.specs.get(&input) {
        Some(spec) if spec.kind() == ValueType::Integer => Some(IssueSpec { input, ready }),
        Some(_) => {
            findings.report(place, DIRECTIVE_ISSUE, format!("the input `{input}` is no integer"));
            None
        }
        None if inputs.declares(&input) => None,
        None => {
            let message = format!("the directive has no input `{input}`");
            findings.report_near(place, INPUT_UNKNOWN, message, input.as_str(), inputs.names());
            None
        }
    }
}

/// Reads a word, or one of those that have a number with it: `{description: 500}`.
fn read_readiness(item: &Node, findings: &mut Findings<'_>) -> Option<Readiness> {
    if !matches!(item.kind, yaml::Kind::Map(_)) {
        return item.word(&Readiness::ALL, findings);
    }
    let fields = item.fields("what an issue must be", &["description", "acceptance-criteria"], findings)?;
    let mut number = |name: &str, most: i64| {
        let number = fields.get(name)?.integer(1, most, findings)?;
        u32::try_from(number).ok()
    };
    let description = number("description", 65_536).map(Readiness::Description);
    let criteria = number("acceptance-criteria", 100).map(Readiness::AcceptanceCriteria);
    match (description, criteria) {
        (Some(one), None) | (None, Some(one)) => Some(one),
        (Some(_), Some(_)) => {
            findings.report(item.place, YAML_VALUE, "an item of `ready` asks for one thing");
            None
        }
        (None, None) => {
            if matches!(&item.kind, yaml::Kind::Map(entries) if entries.is_empty()) {
                findings.report(item.place, YAML_VALUE, "nothing is asked for");
            }
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
