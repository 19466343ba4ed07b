//! The actions of a pipeline, as the file states them.

use std::collections::BTreeMap;

use super::{
    super::{
        model::{ActionSpec, RunSpec},
        reasons::PIPELINE_ACTION,
        template::Spot,
    },
    Scope,
};
use crate::{
    base::{
        bounds::MAX_ACTIONS,
        ident::Id,
        launch,
        limits::{self, RunLimits},
        path::RepoPath,
        reason::Refusal,
        text::{MAX_MESSAGE, check_content, check_free, check_length, excerpt, is_tag},
        yaml::{Fields, Findings, Kind, Node, Place, YAML_FIELD_UNKNOWN},
    },
    directive::template::Template,
};

/// The most items of a list in an action.
const MAX_ITEMS: usize = 1_000;
/// The kinds of action there are.
const KINDS: [&str; 6] = ["run", "write", "copy", "patch", "commit", "tag"];

/// Reads a list of actions.
pub(super) fn read_list(node: &Node, scope: &mut Scope, findings: &mut Findings<'_>) -> Vec<ActionSpec> {
    if matches!(&node.kind, Kind::List(items) if items.is_empty()) {
        findings.report(node.place, PIPELINE_ACTION, "at least one action is needed");
    }
    let items = node.items(MAX_ACTIONS, findings);
    items.iter().filter_map(|item| read_action(item, scope, findings)).collect()
}

fn read_action(node: &Node, scope: &mut Scope, findings: &mut Findings<'_>) -> Option<ActionSpec> {
    if let Kind::Map(entries) = &node.kind
        && let [(key, _)] = entries.as_slice()
        && !KINDS.contains(&key.text.as_str())
    {
        let message =
            format!("`{}` is no action; an action is exactly one of {}", excerpt(&key.text), KINDS.join(", "));
        findings.report_near(key.place, YAML_FIELD_UNKNOWN, message, &key.text, KINDS);
        return None;
    }
    let kinds = node.fields("an action", &KINDS, findings)?;
    let Kind::Map(entries) = &node.kind else { return None };
    let [(key, body)] = entries.as_slice() else {
        findings.report(node.place, PIPELINE_ACTION, format!("an action is exactly one of {}", KINDS.join(", ")));
        return None;
    };
    kinds.get(&key.text)?;
    match key.text.as_str() {
        "run" => read_run(body, scope, findings).map(|run| ActionSpec::Run(Box::new(run))),
        "write" => read_write(body, scope, findings),
        "copy" => read_copy(body, scope, findings),
        "patch" => read_patch(body, scope, findings),
        "commit" => read_commit(body, scope, findings),
        "tag" => read_tag(body, scope, findings),
        _ => None,
    }
}

/// The fields of a run action.
const RUN_FIELDS: [&str; 11] =
    ["program", "argv", "cwd", "env", "reads", "writes", "systemReads", "network", "secrets", "okCodes", "limits"];

fn read_run(node: &Node, scope: &mut Scope, findings: &mut Findings<'_>) -> Option<RunSpec> {
    let fields = node.fields("a run action", &RUN_FIELDS, findings)?;
    let program =
        fields.require("program", findings).and_then(|node| node.parsed::<Id>(findings).map(|name| (name, node.place)));
    scope.demands.programs.extend(program.clone());
    let argv = templates(fields, "argv", Spot::Argument, scope, findings);
    let cwd = fields
        .get("cwd")
        .map_or_else(|| Template::parse(".").ok(), |node| scope.path(node, RepoPath::check_cwd, findings));
    let reads = paths(fields, "reads", |_| Ok(()), scope, findings);
    let writes = paths(fields, "writes", RepoPath::check_writable, scope, findings);
    let system_reads =
        fixed(fields, "systemReads", findings, |text| launch::check_system_read(text).map(|()| text.to_owned()));
    let network = fixed(fields, "network", findings, launch::parse_host);
    let named = |text: &str| launch::check_secret_name(text).map(|()| text.to_owned());
    let placed = placed(fields, "secrets", findings, named);
    let secrets: Vec<String> = placed.iter().map(|(name, _)| name.clone()).collect();
    scope.demands.secrets.extend(placed);
    let mut ok_codes = Vec::new();
    for item in fields.get("okCodes").map(|node| node.items(256, findings)).unwrap_or_default() {
        let code = item.integer(0, 255, findings).and_then(|n| u8::try_from(n).ok());
        ok_codes.extend(code);
    }
    match fields.get("okCodes") {
        None => ok_codes.push(0),
        Some(node) if ok_codes.is_empty() => {
            findings.report(node.place, PIPELINE_ACTION, "no exit code means success");
        }
        Some(_) => {}
    }
    unique(fields, "okCodes", &ok_codes, findings);
    unique(fields, "network", &network, findings);
    unique(fields, "secrets", &secrets, findings);
    unique(fields, "systemReads", &system_reads, findings);
    let env = read_env(fields, scope, findings);
    let limits = fields.get("limits").map_or(Some(RunLimits::default()), |node| read_limits(node, findings));
    let (program, limits) = (program?, limits?);
    Some(RunSpec { program, argv, cwd: cwd?, env, reads, writes, system_reads, network, secrets, ok_codes, limits })
}

fn read_limits(node: &Node, findings: &mut Findings<'_>) -> Option<RunLimits> {
    let fields = node.fields("limits", &limits::KINDS.map(|kind| kind.name), findings)?;
    let one = |kind: limits::LimitKind| {
        let node = fields.get(kind.name)?;
        let value = node.integer(i64::from(kind.least), i64::from(kind.most), findings)?;
        u32::try_from(value).ok()
    };
    Some(RunLimits::of(limits::KINDS.map(one)))
}

fn read_env(fields: Fields<'_>, scope: &mut Scope, findings: &mut Findings<'_>) -> BTreeMap<String, Template> {
    let mut env = BTreeMap::new();
    for (key, node) in fields.get("env").map(|node| node.entries(findings)).unwrap_or_default() {
        // Whether a dangerous name may pass is the policy's to say; here the policy is not known.
        let passed = [key.text.clone()];
        if findings.keep(key.place, launch::check_env_name(&key.text, &passed)).is_some() {
            scope.demands.variables.push((key.text.clone(), key.place));
        }
        if let Some(template) = scope.template(node, Spot::Variable, findings) {
            env.insert(key.text.clone(), template);
        }
    }
    env
}

fn read_write(node: &Node, scope: &mut Scope, findings: &mut Findings<'_>) -> Option<ActionSpec> {
    let fields = node.fields("a write action", &["path", "content", "executable", "replace"], findings)?;
    let path = writable(fields, "path", scope, findings);
    let content = content(fields, "content", scope, findings);
    let executable = flag(fields, "executable", findings);
    let replace = flag(fields, "replace", findings);
    Some(ActionSpec::Write { path: path?, content: content?, executable, replace })
}

fn read_copy(node: &Node, scope: &mut Scope, findings: &mut Findings<'_>) -> Option<ActionSpec> {
    let fields = node.fields("a copy action", &["from", "to", "replace"], findings)?;
    let from = fields.require("from", findings).and_then(|node| scope.path(node, RepoPath::check_file, findings));
    let to = writable(fields, "to", scope, findings);
    let replace = flag(fields, "replace", findings);
    Some(ActionSpec::Copy { from: from?, to: to?, replace })
}

fn read_patch(node: &Node, scope: &mut Scope, findings: &mut Findings<'_>) -> Option<ActionSpec> {
    let fields = node.fields("a patch action", &["path", "find", "replace", "count"], findings)?;
    let path = writable(fields, "path", scope, findings);
    let find = content(fields, "find", scope, findings);
    let replace = content(fields, "replace", scope, findings);
    let count = fields.get("count").map_or(Some(1), |node| node.integer(1, 10_000, findings));
    if find.as_ref().is_some_and(|find| find.parts().is_empty()) {
        findings.report(node.place, PIPELINE_ACTION, "nothing is looked for");
    }
    Some(ActionSpec::Patch { path: path?, find: find?, replace: replace?, count: u32::try_from(count?).ok()? })
}

fn read_commit(node: &Node, scope: &mut Scope, findings: &mut Findings<'_>) -> Option<ActionSpec> {
    let fields = node.fields("a commit action", &["paths", "message"], findings)?;
    fields.require("paths", findings);
    let paths = paths(fields, "paths", RepoPath::check_writable, scope, findings);
    // Of paths that were given and are wrong, each is told by itself.
    if matches!(fields.get("paths").map(|node| &node.kind), Some(Kind::List(items)) if items.is_empty()) {
        findings.report(node.place, PIPELINE_ACTION, "a commit needs at least one file");
    }
    let message = message(fields, scope, findings);
    Some(ActionSpec::Commit { paths, message: message? })
}

fn read_tag(node: &Node, scope: &mut Scope, findings: &mut Findings<'_>) -> Option<ActionSpec> {
    let fields = node.fields("a tag action", &["name", "message"], findings)?;
    let name = fields.require("name", findings).and_then(|node| {
        let name = scope.template(node, Spot::Text, findings)?;
        let text = name.to_string();
        if name.is_fixed() && !is_tag(&text) {
            findings.report(node.place, PIPELINE_ACTION, format!("`{}` is no name of a tag", excerpt(&text)));
        }
        Some(name)
    });
    let message = message(fields, scope, findings);
    Some(ActionSpec::Tag { name: name?, message: message? })
}

fn flag(fields: Fields<'_>, name: &str, findings: &mut Findings<'_>) -> bool {
    fields.get(name).and_then(|node| node.boolean(findings)).unwrap_or(false)
}

fn writable(fields: Fields<'_>, name: &str, scope: &mut Scope, findings: &mut Findings<'_>) -> Option<Template> {
    let node = fields.require(name, findings)?;
    scope.path(node, RepoPath::check_writable, findings)
}

fn content(fields: Fields<'_>, name: &str, scope: &mut Scope, findings: &mut Findings<'_>) -> Option<Template> {
    let node = fields.require(name, findings)?;
    let text = node.text(findings)?;
    findings.keep(node.place, check_content(text))?;
    let content = scope.template(node, Spot::Text, findings)?;
    findings.keep(node.place, check_length(content.fixed_length()))?;
    Some(content)
}

fn message(fields: Fields<'_>, scope: &mut Scope, findings: &mut Findings<'_>) -> Option<Template> {
    let node = fields.require("message", findings)?;
    let text = node.text(findings)?;
    findings.keep(node.place, check_free(text, true))?;
    if text.trim().is_empty() {
        findings.report(node.place, PIPELINE_ACTION, "a message is needed, and this is empty");
    }
    let message = scope.template(node, Spot::Text, findings)?;
    let length = message.fixed_length();
    if length > MAX_MESSAGE {
        let why = format!("a message of {length} bytes, the limit is {MAX_MESSAGE}");
        findings.report(node.place, PIPELINE_ACTION, why);
    }
    Some(message)
}

fn items<'n>(fields: Fields<'n>, name: &str, findings: &mut Findings<'_>) -> &'n [Node] {
    fields.get(name).map(|node| node.items(MAX_ITEMS, findings)).unwrap_or_default()
}

fn templates(
    fields: Fields<'_>,
    name: &str,
    spot: Spot,
    scope: &mut Scope,
    findings: &mut Findings<'_>,
) -> Vec<Template> {
    items(fields, name, findings).iter().filter_map(|item| scope.template(item, spot, findings)).collect()
}

fn paths(
    fields: Fields<'_>,
    name: &str,
    check: impl Fn(&RepoPath) -> Result<(), Refusal> + Copy,
    scope: &mut Scope,
    findings: &mut Findings<'_>,
) -> Vec<Template> {
    items(fields, name, findings).iter().filter_map(|item| scope.path(item, check, findings)).collect()
}

/// Reads a list of texts that no input may reach.
fn fixed<T>(
    fields: Fields<'_>,
    name: &str,
    findings: &mut Findings<'_>,
    read: impl Fn(&str) -> Result<T, Refusal>,
) -> Vec<T> {
    placed(fields, name, findings, read).into_iter().map(|(item, _)| item).collect()
}

/// Reads a list of texts that no input may reach, each with where it stands.
fn placed<T>(
    fields: Fields<'_>,
    name: &str,
    findings: &mut Findings<'_>,
    read: impl Fn(&str) -> Result<T, Refusal>,
) -> Vec<(T, Place)> {
    let mut list = Vec::new();
    for item in items(fields, name, findings) {
        let Some(text) = item.text(findings) else { continue };
        list.extend(findings.keep(item.place, read(text)).map(|read| (read, item.place)));
    }
    list
}

fn unique<T: PartialEq>(fields: Fields<'_>, name: &str, list: &[T], findings: &mut Findings<'_>) {
    let repeated = list.iter().enumerate().any(|(n, item)| list[..n].contains(item));
    if let Some(node) = fields.get(name)
        && repeated
    {
        findings.report(node.place, PIPELINE_ACTION, format!("something stands twice in `{name}`"));
    }
}
