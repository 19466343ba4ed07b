//! GitHub's runner.

use super::{Provider, append::Target, outputs};
use crate::{
    app::world::{Entropy, Environment},
    base::reason::Result,
    plan::view::GITHUB_SUMMARY_LIMIT,
    report::{Report, summary, workflow},
};

const OUTPUT: &str = "GITHUB_OUTPUT";
const SUMMARY: &str = "GITHUB_STEP_SUMMARY";
/// Bytes that the outputs of a job may have, as GitHub counts them: in UTF-16.
const MAX_OUTPUTS: usize = 1_000_000;

/// Commands whose result is a text to be put somewhere else.
const PRINTERS: [&str; 4] = ["completions", "man", "reasons", "schema"];
/// Commands whose result is worth a place in the summary without a plan, checks or findings.
const DECISIONS: [&str; 6] = ["approve", "execute", "halt", "reject", "resolve", "revoke"];

/// GitHub's runner.
#[derive(Debug)]
pub(super) struct Github;

impl Provider for Github {
    fn id(&self) -> &'static str {
        "github"
    }

    fn is_here(&self, env: &Environment) -> bool {
        env.text("GITHUB_ACTIONS") == Some("true")
    }

    fn is_verbose(&self, env: &Environment) -> bool {
        env.text("RUNNER_DEBUG") == Some("1") || env.text("ACTIONS_STEP_DEBUG") == Some("true")
    }

    fn log_format(&self) -> &'static str {
        "github"
    }

    fn order_files(&self) -> &'static [&'static str] {
        &["GITHUB_ENV", OUTPUT, "GITHUB_PATH", "GITHUB_STATE", SUMMARY]
    }

    fn secret_variables(&self) -> &'static [&'static str] {
        &["GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
    }

    fn check(&self, env: &Environment) -> Result<()> {
        for variable in [OUTPUT, SUMMARY] {
            if let Some(path) = env.path(variable) {
                Target::open(variable, &path)?;
            }
        }
        Ok(())
    }

    fn plain(&self, text: &str) -> String {
        workflow::plain(text)
    }

    fn plain_json(&self, json: &str) -> String {
        workflow::plain_json(json)
    }

    fn masks(&self, secret: &str) -> String {
        workflow::masks(secret)
    }

    fn publish(&self, report: &Report, env: &Environment, entropy: &Entropy) -> Result<Vec<String>> {
        let mut remarks = Vec::new();
        let command = report.envelope.command.as_str();
        if PRINTERS.contains(&command) {
            return Ok(remarks);
        }
        if let Some(path) = env.path(OUTPUT) {
            let target = Target::open(OUTPUT, &path)?;
            let room = MAX_OUTPUTS.saturating_sub(usize::try_from(target.len).unwrap_or(usize::MAX).saturating_mul(2));
            let mut all = outputs::of(report);
            if size(&all) > room {
                remarks.push("the output `result` is left empty: the outputs of a job may have 1 MB".to_owned());
                all.iter_mut().filter(|(name, _)| *name == "result").for_each(|(_, value)| value.clear());
            }
            let mut tokens = workflow::Tokens::new(entropy.bytes()?);
            let text: String = all.iter().map(|(name, value)| workflow::output(name, value, &mut tokens)).collect();
            target.append(&text)?;
        }
        if let Some(path) = env.path(SUMMARY).filter(|_| is_told(report)) {
            let target = Target::open(SUMMARY, &path)?;
            // One byte for the end of a line that somebody left open.
            let taken = usize::try_from(target.len).unwrap_or(usize::MAX).saturating_add(1);
            match summary(report, GITHUB_SUMMARY_LIMIT.saturating_sub(taken)) {
                Some(text) => target.append(&text)?,
                None => remarks.push("the job summary has no room left for this result".to_owned()),
            }
        }
        Ok(remarks)
    }
}

fn is_told(report: &Report) -> bool {
    report.plan.is_some()
        || !(report.checks.is_empty() && report.findings.is_empty() && report.events.is_empty())
        || report.envelope.exit_code != 0
        || DECISIONS.contains(&report.envelope.command.as_str())
}

fn size(outputs: &[(&'static str, String)]) -> usize {
    outputs.iter().map(|(_, value)| value.encode_utf16().count() * 2).sum()
}
