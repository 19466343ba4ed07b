//! A pipeline as `pipelines show` prints it: everything that holds, defaults filled in. Frozen.

use std::{collections::BTreeMap, fmt::Write as _};

use schemars::JsonSchema;
use serde::Serialize;
use serde_yaml::Value;

use crate::{
    base::{
        level::OnFailure,
        limits::KINDS,
        reason::{INTERNAL, Refusal, Result},
        text::is_unsafe,
        value::{Scalar, ValueType},
    },
    directive::{input::InputSpec, template::Template},
    pipeline::{
        Pipeline,
        model::{ActionSpec, OutputFrom, OutputSpec, RunSpec},
    },
};

/// A pipeline.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PipelineV1 {
    /// The name that plans use.
    name: String,
    /// What it does.
    description: String,
    /// What it may do at worst.
    effect: &'static str,
    /// SHA-256 of the file.
    digest: String,
    /// Whether twice is the same as once.
    idempotent: bool,
    /// The limit of the step, in seconds of wall-clock time.
    timeout_seconds: u32,
    /// All attempts together.
    attempts: u32,
    /// The wait before the second attempt, in seconds.
    backoff_seconds: u32,
    /// What a failure means for other steps: halt, continue or skip.
    on_failure: &'static str,
    /// What it takes.
    inputs: BTreeMap<String, InputV1>,
    /// What it hands on.
    outputs: BTreeMap<String, OutputV1>,
    /// The outputs that must be there and not empty.
    evidence: Vec<String>,
    /// What is done, in order.
    actions: Vec<ActionV1>,
    /// The read-back.
    verify: Vec<ActionV1>,
    /// The scripts beside it, with the SHA-256 of each.
    scripts: BTreeMap<String, String>,
}

/// An input.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct InputV1 {
    r#type: ValueType,
    /// Whether a value must be given.
    required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<Scalar>,
    /// A regular expression that the whole text matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
    /// The least number, or length.
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<i64>,
    /// The greatest number, or length.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<i64>,
    /// The words of an enum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    values: Vec<String>,
    /// Whether text may begin with a dash.
    dash: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// An output.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OutputV1 {
    r#type: ValueType,
    /// A regular expression that the whole value matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
    /// The most bytes.
    max_length: u32,
    from: FromV1,
}

/// Where an output comes from.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum FromV1 {
    /// All that the last program writes.
    Stdout,
    /// The one line of it that begins so.
    StdoutLine(String),
    /// The content of a file.
    File(String),
    /// The SHA-256 of a file.
    FileDigest(String),
}

/// An action; its places to fill stand as in the file.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum ActionV1 {
    Run(RunV1),
    Write { path: String, content: String, executable: bool, replace: bool },
    Copy { from: String, to: String, replace: bool },
    Patch { path: String, find: String, replace: String, count: u32 },
    Commit { paths: Vec<String>, message: String },
    Tag { name: String, message: String },
}

/// Runs a program.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RunV1 {
    /// Its name in the policy's table.
    program: String,
    argv: Vec<String>,
    cwd: String,
    env: BTreeMap<String, String>,
    reads: Vec<String>,
    writes: Vec<String>,
    system_reads: Vec<String>,
    /// Each as host:port.
    network: Vec<String>,
    /// The names.
    secrets: Vec<String>,
    ok_codes: Vec<u8>,
    /// What its processes may use of the machine, by the name of the limit.
    limits: BTreeMap<String, LimitV1>,
}

/// A limit of what a program may use.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct LimitV1 {
    /// What holds.
    value: u32,
    /// Whether the file declares it; otherwise it is the default.
    declared: bool,
}

impl From<&Pipeline> for PipelineV1 {
    fn from(pipeline: &Pipeline) -> Self {
        let on_failure = OnFailure::ALL.iter().find(|(_, one)| *one == pipeline.on_failure());
        let scripts = pipeline.scripts().iter().map(|(name, script)| (name.clone(), script.digest.to_string()));
        Self {
            name: pipeline.name().to_string(),
            description: pipeline.description().to_owned(),
            effect: pipeline.effect().word(),
            digest: pipeline.digest().to_string(),
            idempotent: pipeline.is_idempotent(),
            timeout_seconds: pipeline.timeout_seconds(),
            attempts: pipeline.retry().attempts,
            backoff_seconds: pipeline.retry().backoff_seconds,
            on_failure: on_failure.map_or("halt", |(word, _)| word),
            inputs: pipeline.inputs().iter().map(|(name, input)| (name.to_string(), input.into())).collect(),
            outputs: pipeline.outputs().iter().map(|(name, output)| (name.to_string(), output.into())).collect(),
            evidence: texts(pipeline.evidence()),
            actions: pipeline.actions().iter().map(ActionV1::from).collect(),
            verify: pipeline.verify().iter().map(ActionV1::from).collect(),
            scripts: scripts.collect(),
        }
    }
}

impl From<&InputSpec> for InputV1 {
    fn from(input: &InputSpec) -> Self {
        Self {
            r#type: input.kind(),
            required: input.is_required(),
            default: input.default.clone(),
            pattern: input.pattern.clone(),
            min: input.min,
            max: input.max,
            values: input.words.clone(),
            dash: input.dash,
            description: input.description.clone(),
        }
    }
}

impl From<&OutputSpec> for OutputV1 {
    fn from(output: &OutputSpec) -> Self {
        let from = match &output.from {
            OutputFrom::Stdout => FromV1::Stdout,
            OutputFrom::StdoutLine(prefix) => FromV1::StdoutLine(prefix.clone()),
            OutputFrom::File(path) => FromV1::File(path.to_string()),
            OutputFrom::FileDigest(path) => FromV1::FileDigest(path.to_string()),
        };
        Self { r#type: output.kind, pattern: output.pattern.clone(), max_length: output.max_length, from }
    }
}

impl From<&ActionSpec> for ActionV1 {
    fn from(action: &ActionSpec) -> Self {
        let text = Template::to_string;
        match action {
            ActionSpec::Run(run) => Self::Run(run.as_ref().into()),
            ActionSpec::Write { path, content, executable, replace } => {
                Self::Write { path: text(path), content: text(content), executable: *executable, replace: *replace }
            }
            ActionSpec::Copy { from, to, replace } => Self::Copy { from: text(from), to: text(to), replace: *replace },
            ActionSpec::Patch { path, find, replace, count } => {
                Self::Patch { path: text(path), find: text(find), replace: text(replace), count: *count }
            }
            ActionSpec::Commit { paths, message } => Self::Commit { paths: texts(paths), message: text(message) },
            ActionSpec::Tag { name, message } => Self::Tag { name: text(name), message: text(message) },
        }
    }
}

impl From<&RunSpec> for RunV1 {
    fn from(run: &RunSpec) -> Self {
        Self {
            program: run.program.0.to_string(),
            argv: texts(&run.argv),
            cwd: run.cwd.to_string(),
            env: run.env.iter().map(|(name, value)| (name.clone(), value.to_string())).collect(),
            reads: texts(&run.reads),
            writes: texts(&run.writes),
            system_reads: run.system_reads.clone(),
            network: run.network.iter().map(|(host, port)| format!("{host}:{port}")).collect(),
            secrets: run.secrets.clone(),
            ok_codes: run.ok_codes.clone(),
            limits: KINDS
                .iter()
                .zip(run.limits.effective())
                .zip(run.limits.declared())
                .map(|((kind, value), declared)| {
                    (kind.name.to_owned(), LimitV1 { value, declared: declared.is_some() })
                })
                .collect(),
        }
    }
}

impl PipelineV1 {
    /// Shows it to people as YAML: one line for each field, input, output and action.
    ///
    /// # Errors
    /// `internal.error`.
    pub(crate) fn text(&self) -> Result<String> {
        let fields = serde_yaml::to_value(self).map_err(|e| Refusal::new(INTERNAL, e.to_string()))?;
        let mut shown = String::new();
        for (name, value) in fields.as_mapping().into_iter().flatten() {
            let _ = match value {
                Value::Mapping(entries) if !entries.is_empty() => {
                    let lines = entries.iter().map(|(key, inner)| format!("\n  {}: {}", flow(key), flow(inner)));
                    writeln!(shown, "{}:{}", flow(name), lines.collect::<String>())
                }
                Value::Sequence(items) if items.iter().any(|item| matches!(item, Value::Tagged(_))) => {
                    // An action stands without braces, as in a file.
                    let lines = items.iter().map(|item| format!("\n  - {}", kind(item).unwrap_or_else(|| flow(item))));
                    writeln!(shown, "{}:{}", flow(name), lines.collect::<String>())
                }
                other => writeln!(shown, "{}: {}", flow(name), flow(other)),
            };
        }
        Ok(shown)
    }
}

/// Shows a value on one line.
fn flow(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Mapping(fields) => {
            let parts = fields.iter().map(|(key, inner)| format!("{}: {}", flow(key), flow(inner)));
            format!("{{{}}}", joined(parts.collect()))
        }
        Value::Sequence(items) => format!("[{}]", joined(items.iter().map(flow).collect())),
        Value::Tagged(_) => kind(value).map_or_else(String::new, |shown| format!("{{{shown}}}")),
        Value::String(text) => word(text),
        Value::Bool(on) => on.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Null => "null".to_owned(),
    }
}

/// Shows what is one of several kinds as the file has it: the kind is the one key.
fn kind(value: &Value) -> Option<String> {
    let Value::Tagged(kind) = value else { return None };
    Some(format!("{}: {}", kind.tag.to_string().trim_start_matches('!'), flow(&kind.value)))
}

/// Shows a text as it is where it is a plain word, else in quotes.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/');
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| plain(c) || matches!(c, '-'))
        && !matches!(text, "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n");
    if is_word {
        return text.to_owned();
    }
    // JSON has escaped quotes, backslashes and controls already; what else could deceive is escaped as YAML reads it.
    let quoted = serde_json::Value::from(text).to_string();
    quoted.chars().fold(String::new(), |mut shown, c| {
        let _ = match u32::from(c) {
            _ if !is_unsafe(c) => write!(shown, "{c}"),
            code @ ..=0xffff => write!(shown, "\\u{code:04x}"),
            code => write!(shown, "\\U{code:08x}"),
        };
        shown
    })
}

fn texts<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_escaped_once_and_reads_back_as_it_is() {
        for text in ["l1\nl2", "a\"b\\c", "x\u{202e}y", "e\u{e0001}f", "plain", "true", "", "ü -"] {
            let shown = word(text);
            assert!(!shown.chars().any(is_unsafe), "{shown}");
            let read: String = serde_yaml::from_str(&shown).unwrap();
            assert_eq!(read, text, "{shown}");
        }
        assert_eq!(word("l1\nl2"), "\"l1\\nl2\"");
    }
}
