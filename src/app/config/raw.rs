//! From a configuration file's YAML to the values that it sets; the format is described in `docs/planners.md`.

mod budgets;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::model::{AgentEntry, KeySource, Origin, Price};
use crate::{
    app::reasons::{CONFIG_KEY, CONFIG_PLACE, CONFIG_VALUE},
    base::{
        diagnostic::Diagnostic,
        launch::{check_env_name, check_secret_name},
        leak::secret_in,
        planner::PlannerKind,
        reason::Refusal,
        text,
        yaml::{self, Findings, Kind, Node},
    },
    provider::{
        catalog, check_model,
        command::{Form, preset},
    },
};

pub(super) use budgets::{RawAllowance, RawBudgets};

/// The version that this tool reads.
const VERSION: i64 = 1;
/// The most items of a list.
const MAX_ITEMS: usize = 1_000;

const FIELDS: [&str; 15] = [
    "version",
    "planner",
    "provider",
    "model",
    "endpoint",
    "key",
    "maxOutputTokens",
    "timeout",
    "maxRevisions",
    "send",
    "promptCache",
    "budgets",
    "prices",
    "agents",
    "currency",
];

/// What one place sets; what it does not set is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Raw {
    pub(super) planner: Option<PlannerKind>,
    pub(super) provider: Option<String>,
    pub(super) model: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) key: Option<KeySource>,
    pub(super) max_output_tokens: Option<u32>,
    pub(super) timeout: Option<u64>,
    pub(super) max_revisions: Option<u32>,
    pub(super) send: Option<Vec<String>>,
    pub(super) prompt_cache: Option<bool>,
    pub(super) currency: Option<String>,
    pub(super) budgets: RawBudgets,
    pub(super) prices: BTreeMap<String, Price>,
    pub(super) agents: BTreeMap<String, AgentEntry>,
}

/// Reads a file; `origin` says whose it is, and so what may stand in it.
///
/// # Errors
/// Every finding, in file order.
pub(super) fn read(file: &str, content: &str, origin: Origin) -> Result<Raw, Vec<Diagnostic>> {
    let read = yaml::read(file, content, 1, |root, findings| {
        no_keys(root, findings);
        walk(root, origin, findings)
    });
    read.map_err(without_keys)
}

/// Takes every text that looks like a key out of what is said about a file.
///
/// A finding that shares its line with one about a key could quote the key, or a part of it, so only the latter stays.
fn without_keys(found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let holds_key = |one: &Diagnostic| one.code == CONFIG_KEY.code;
    let lines: BTreeSet<usize> = found.iter().filter(|one| holds_key(one)).map(|one| one.line).collect();
    let stays = |one: &Diagnostic| holds_key(one) || !lines.contains(&one.line);
    let silent = |mut one: Diagnostic| {
        // A file that is no YAML is not searched by its values: its lines are looked at as they stand.
        if holds_key(&one) || one.snippet.as_deref().is_some_and(|line| looks_like_key(line).is_some()) {
            one.snippet = None;
        }
        if looks_like_key(&one.message).is_some() {
            one.message = "this holds what looks like a key".to_owned();
        }
        if one.help.as_deref().is_some_and(|help| looks_like_key(help).is_some()) {
            one.help = None;
        }
        one
    };
    found.into_iter().filter(stays).map(silent).collect()
}

fn walk(root: &Node, origin: Origin, findings: &mut Findings<'_>) -> Option<Raw> {
    let fields = root.fields("a configuration", &FIELDS, findings)?;
    if let Some(node) = fields.require("version", findings)
        && node.integer(VERSION, VERSION, findings).is_none()
    {
        return None;
    }
    let mut raw = Raw::default();
    let get = |name: &str| fields.get(name);
    raw.planner = get("planner").and_then(|node| node.word(&PlannerKind::ALL, findings));
    raw.agents = get("agents").map_or_else(BTreeMap::new, |node| agents(node, origin, findings));
    raw.provider =
        get("provider").and_then(|node| kept(node, findings, |text| check_provider(text, &raw.agents, origin)));
    raw.model = get("model").and_then(|node| kept(node, findings, check_model));
    raw.endpoint = get("endpoint").and_then(|node| kept(node, findings, check_endpoint));
    raw.key = get("key").and_then(|node| key(node, origin, findings));
    raw.max_output_tokens = get("maxOutputTokens")
        .and_then(|node| node.integer(1, 1_000_000, findings))
        .and_then(|n| u32::try_from(n).ok());
    raw.timeout = get("timeout").and_then(|node| node.duration(86_400, findings)).and_then(|n| u64::try_from(n).ok());
    raw.max_revisions =
        get("maxRevisions").and_then(|node| node.integer(0, 100, findings)).and_then(|n| u32::try_from(n).ok());
    raw.send = get("send").map(|node| globs(node, findings));
    raw.prompt_cache = get("promptCache").and_then(|node| node.boolean(findings));
    raw.currency = get("currency").and_then(|node| kept(node, findings, check_currency));
    raw.budgets = get("budgets").map_or_else(RawBudgets::default, |node| budgets::read(node, findings));
    raw.prices = get("prices").map_or_else(BTreeMap::new, |node| budgets::prices(node, findings));
    Some(raw)
}

/// Returns a text that a check lets pass.
fn kept(node: &Node, findings: &mut Findings<'_>, check: impl FnOnce(&str) -> Result<(), Refusal>) -> Option<String> {
    let text = node.line(findings)?;
    findings.keep(node.place, check(text)).map(|()| text.to_owned())
}

/// Reports every text of the file that looks like a key, wherever it stands; what it says is not repeated.
fn no_keys(node: &Node, findings: &mut Findings<'_>) {
    match &node.kind {
        Kind::Scalar { text, .. } => {
            if let Some(what) = looks_like_key(text) {
                findings.report_help(node.place, CONFIG_KEY, format!("this looks like {what}"), CONFIG_KEY.hint);
            }
        }
        Kind::List(items) => items.iter().for_each(|item| no_keys(item, findings)),
        Kind::Map(entries) => {
            for (key, value) in entries {
                if let Some(what) = looks_like_key(&key.text) {
                    findings.report_help(key.place, CONFIG_KEY, format!("this looks like {what}"), CONFIG_KEY.hint);
                }
                no_keys(value, findings);
            }
        }
    }
}

/// Tells what kind of key a text looks like.
pub(super) fn looks_like_key(text: &str) -> Option<&'static str> {
    let google = text.match_indices("AIza").any(|(at, _)| {
        let alone = !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        let length = text[at..].bytes().take_while(|b| b.is_ascii_alphanumeric() || b"_-".contains(b)).count();
        alone && length >= 35
    });
    secret_in(text).or(google.then_some("a Google key"))
}

/// Checks the name of a provider or an agent; the project may name agents that only the user's file describes.
pub(super) fn check_provider(name: &str, agents: &BTreeMap<String, AgentEntry>, origin: Origin) -> Result<(), Refusal> {
    if catalog::find(name).is_some() || preset(name).is_some() || agents.contains_key(name) {
        return Ok(());
    }
    if origin != Origin::User && is_agent_name(name) {
        return Ok(());
    }
    let refusal = Refusal::new(crate::provider::reasons::PROVIDER_UNKNOWN, format!("`{}`", text::excerpt(name)));
    let known = super::provider_names(agents.keys());
    let near = crate::base::diagnostic::nearest(name, known.iter().map(String::as_str));
    Err(near.map(|near| format!("did you mean `{near}`?")).into_iter().fold(refusal, Refusal::hint))
}

/// Checks the address of a provider: HTTPS, or HTTP to this machine; nothing that could hold a key.
pub(super) fn check_endpoint(given: &str) -> Result<(), Refusal> {
    let refuse = |why: &str| Err(Refusal::new(CONFIG_VALUE, format!("`{}` {why}", text::excerpt(given))));
    let Ok(url) = reqwest::Url::parse(given) else { return refuse("is no address such as https://host/v1") };
    let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if url.scheme() != "https" && !(url.scheme() == "http" && here) {
        return refuse("is neither HTTPS nor on this machine");
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return refuse("has a user, a query or a fragment");
    }
    Ok(())
}

fn check_currency(given: &str) -> Result<(), Refusal> {
    if given.len() == 3 && given.bytes().all(|b| b.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(Refusal::new(CONFIG_VALUE, format!("`{}` is no currency such as USD", text::excerpt(given))))
}

/// Checks the name of the variable that holds a key; the project may name none of a cloud or of the machine.
pub(super) fn check_key_variable(name: &str, origin: Origin) -> Result<(), Refusal> {
    let known = catalog::ALL.iter().any(|wire| wire.key_variables.contains(&name));
    match origin {
        _ if known => Ok(()),
        Origin::Project | Origin::Default => check_env_name(name, &[]),
        Origin::Flag | Origin::User => check_secret_name(name),
    }
}

fn key(node: &Node, origin: Origin, findings: &mut Findings<'_>) -> Option<KeySource> {
    if matches!(node.kind, Kind::Scalar { .. }) {
        let message = "a key itself has no place here";
        findings.report_help(node.place, CONFIG_KEY, message, CONFIG_KEY.hint);
        return None;
    }
    let fields = node.fields("`key`", &["env", "file"], findings)?;
    match (fields.get("env"), fields.get("file")) {
        (Some(env), None) => kept(env, findings, |name| check_key_variable(name, origin)).map(KeySource::Env),
        (None, Some(file)) if origin == Origin::Project => {
            let message = "the project's file may not name a file of a key";
            findings.report_help(file.place, CONFIG_PLACE, message, "name it in your own config.yml");
            None
        }
        (None, Some(file)) => absolute(file, findings).map(KeySource::File),
        _ => {
            findings.report(fields.place, CONFIG_VALUE, "`key` has either `env` or `file`");
            None
        }
    }
}

fn absolute(node: &Node, findings: &mut Findings<'_>) -> Option<PathBuf> {
    let path = PathBuf::from(node.line(findings)?);
    if path.is_absolute() {
        return Some(path);
    }
    findings.report(
        node.place,
        CONFIG_VALUE,
        format!("`{}` is no absolute path", text::excerpt(&path.to_string_lossy())),
    );
    None
}

fn globs(node: &Node, findings: &mut Findings<'_>) -> Vec<String> {
    let mut all = Vec::new();
    for item in node.items(MAX_ITEMS, findings) {
        let Some(text) = item.line(findings) else { continue };
        let checked = crate::policy::path_pattern::PathPattern::new(text);
        if findings.keep(item.place, checked).is_some() {
            all.push(text.to_owned());
        }
    }
    all
}

fn is_agent_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=40).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('-')
}

fn agents(node: &Node, origin: Origin, findings: &mut Findings<'_>) -> BTreeMap<String, AgentEntry> {
    if origin != Origin::User {
        let message = "only your own file may say which programs are started when a plan is drafted";
        findings.report_help(node.place, CONFIG_PLACE, message, "describe the agent in your own config.yml");
        return BTreeMap::new();
    }
    let mut all = BTreeMap::new();
    for (key, value) in node.entries(findings) {
        if !is_agent_name(&key.text) {
            let message = format!("`{}` is no name of a-z, 0-9 and -", text::excerpt(&key.text));
            findings.report(key.place, CONFIG_VALUE, message);
        } else if preset(&key.text).is_some() || catalog::find(&key.text).is_some() {
            findings.report(key.place, CONFIG_VALUE, format!("`{}` is known already; use another name", key.text));
        } else if let Some(agent) = agent(value, findings) {
            all.insert(key.text.clone(), agent);
        }
    }
    all
}

fn agent(node: &Node, findings: &mut Findings<'_>) -> Option<AgentEntry> {
    let known = ["argv", "env", "reads", "network", "modelFlag", "answer"];
    let fields = node.fields("an agent", &known, findings)?;
    let argv_node = fields.require("argv", findings)?;
    let argv: Vec<String> =
        argv_node.items(MAX_ITEMS, findings).iter().filter_map(|item| item.text(findings).map(str::to_owned)).collect();
    if argv.first().is_none_or(|program| program.is_empty() || program.contains('/') && !program.starts_with('/')) {
        findings.report(argv_node.place, CONFIG_VALUE, "the first of `argv` is a program: a name, or an absolute path");
        return None;
    }
    let mut env = BTreeSet::new();
    for item in fields.get("env").map_or(&[][..], |node| node.items(MAX_ITEMS, findings)) {
        env.extend(kept(item, findings, check_secret_name));
    }
    let mut reads = Vec::new();
    for item in fields.get("reads").map_or(&[][..], |node| node.items(MAX_ITEMS, findings)) {
        reads.extend(absolute(item, findings));
    }
    let network = fields.get("network").map_or(Some(false), |node| node.boolean(findings))?;
    let model_flag = fields.get("modelFlag").and_then(|node| node.line(findings)).map(str::to_owned);
    let form = fields.get("answer").map_or(Some(Form::Plain), |node| node.word(&Form::ALL, findings))?;
    Some(AgentEntry { argv, env, reads, network, model_flag, form })
}
