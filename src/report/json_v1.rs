//! The frozen output types, version 1. Fields may be added; none changes its meaning.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{
    diagnostic::Diagnostic,
    reason::{ExitClass, Refusal},
};

/// The version of every type here.
pub const SCHEMA_VERSION: u32 = 1;

/// What `--json` prints for every command: exactly one of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    /// Always 1.
    pub schema_version: u32,
    /// The command, such as `verify` or `ledger log`.
    pub command: String,
    /// What came of it: `done`, `permit`, `needs-approval`, `deny`, `refused` and the like.
    pub decision: String,
    /// The stable reason code; `ok` where there is nothing to give a reason for.
    pub reason_code: String,
    /// The exit code of the process.
    pub exit_code: u8,
    /// The command's own result; null where it has none.
    pub result: serde_json::Value,
    /// What to do next, the most particular first.
    pub hints: Vec<String>,
    /// What it is about: a digest, a path, a run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
}

impl Envelope {
    /// Makes the envelope of a command that did what it was asked.
    #[must_use]
    pub fn done(command: impl Into<String>, result: serde_json::Value) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            command: command.into(),
            decision: "done".to_owned(),
            reason_code: "ok".to_owned(),
            exit_code: ExitClass::Done.code(),
            result,
            hints: Vec::new(),
            subject: None,
        }
    }

    /// Makes the envelope of a command that was refused; the message and places stand in `result`.
    #[must_use]
    pub fn refused(command: impl Into<String>, refusal: &Refusal) -> Self {
        let places: Vec<Finding> = refusal.places().iter().map(Finding::from).collect();
        Self {
            decision: "refused".to_owned(),
            reason_code: refusal.code().to_owned(),
            exit_code: refusal.reason().class.code(),
            result: serde_json::json!({ "message": refusal.message(), "findings": places }),
            hints: refusal.hints().map(str::to_owned).collect(),
            subject: refusal.about().map(str::to_owned),
            ..Self::done(command, serde_json::Value::Null)
        }
    }
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckResult {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// It did not run, which is no pass.
    NotRun,
}

impl CheckResult {
    /// Returns the word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotRun => "not-run",
        }
    }
}

/// One check of `verify`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckLine {
    /// The check's stable id.
    pub id: String,
    /// How it ended.
    pub result: CheckResult,
    /// What was checked.
    pub subject: String,
    /// The stable reason code, where it did not pass.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason_code: Option<String>,
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Good to know.
    Note,
    /// Should be looked at.
    Warning,
    /// Must be put right.
    Error,
}

/// A finding: at a place in a file, or about something else that has a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Finding {
    /// The stable code.
    pub code: String,
    /// How much it weighs.
    pub level: Level,
    /// What is wrong.
    pub message: String,
    /// The file, as the person named it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<String>,
    /// Line, counted from 1; absent where it is about the whole file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u64>,
    /// Column in characters, counted from 1; absent where it is about the whole line.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub column: Option<u64>,
    /// The offending text, one line.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub snippet: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub help: Option<String>,
    /// What it is about where it is no file: a step, a rule.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
}

impl From<&Diagnostic> for Finding {
    fn from(diagnostic: &Diagnostic) -> Self {
        let counted = |n: usize| u64::try_from(n).ok().filter(|&n| n > 0);
        Self {
            code: diagnostic.code.to_owned(),
            level: Level::Error,
            message: diagnostic.message.clone(),
            file: Some(diagnostic.file.clone()),
            line: counted(diagnostic.line),
            column: counted(diagnostic.column),
            snippet: diagnostic.snippet.clone(),
            help: diagnostic.help.clone(),
            subject: None,
        }
    }
}
