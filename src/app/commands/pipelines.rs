//! `pipelines list|check|show`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use crate::{
    app::{definitions::Definitions, lint, output::Outcome, reasons::PIPELINE_MISSING, world::World},
    base::{
        diagnostic::{findings, nearest},
        reason::{INTERNAL, Refusal, Result},
        text::{excerpt, visible},
    },
    cli::args::PipelinesCommand,
    pipeline::Pipeline,
};

pub(super) fn run(command: &PipelinesCommand, world: &World) -> Result<Outcome> {
    let definitions = Definitions::of_work_tree(world)?;
    match command {
        PipelinesCommand::List => Ok(list(&definitions)),
        PipelinesCommand::Check(_) => lint::check_pipelines(&definitions),
        PipelinesCommand::Show { name } => show(&definitions, name),
    }
}

fn list(definitions: &Definitions) -> Outcome {
    let mut text = String::new();
    let mut rows = Vec::new();
    for (name, examined) in &definitions.pipelines.read {
        match examined.sound() {
            Some(pipeline) => {
                let (effect, description) = (pipeline.effect().word(), visible(pipeline.description()));
                text.push_str(&format!("{name:<24} {effect:<13} {description}\n"));
                rows.push(
                    json!({ "name": name, "effect": effect, "description": pipeline.description(), "valid": true }),
                );
            }
            None => {
                let places = examined.findings();
                text.push_str(&format!("{name:<24} ({}; see `countersign pipelines check`)\n", findings(places.len())));
                rows.push(json!({ "name": name, "valid": false, "findings": places.len() }));
            }
        }
    }
    let strays = definitions.pipelines.strays.len();
    if strays > 0 {
        text.push_str(&format!("({} beside them; see `countersign pipelines check`)\n", findings(strays)));
    } else if rows.is_empty() {
        text.push_str("no pipelines; `countersign init` writes an example\n");
    }
    Outcome::done(json!(rows), text)
}

/// A pipeline with all defaults filled in; frozen.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    name: String,
    description: &'a str,
    effect: &'static str,
    digest: String,
    idempotent: bool,
    timeout_seconds: u32,
    attempts: u32,
    backoff_seconds: u32,
    inputs: Vec<String>,
    outputs: Vec<String>,
    evidence: Vec<String>,
    actions: usize,
    verify: usize,
    scripts: BTreeMap<&'a str, String>,
}

fn show(definitions: &Definitions, name: &str) -> Result<Outcome> {
    let Some((_, examined)) = definitions.pipelines.read.iter().find(|(known, _)| known == name) else {
        let refusal = Refusal::new(PIPELINE_MISSING, format!("`{}`", excerpt(name)));
        let names = definitions.pipelines.read.iter().map(|(name, _)| name.as_str());
        let near = nearest(name, names).map(|near| format!("did you mean `{near}`?"));
        return Err(near.into_iter().fold(refusal, Refusal::hint));
    };
    let Some(pipeline) = examined.sound() else {
        return Err(crate::app::session::invalid(&format!("pipelines/{name}.yml"), examined.findings().to_vec()));
    };
    let shown = shown(pipeline);
    let yaml = serde_yaml::to_string(&shown).map_err(|e| Refusal::new(INTERNAL, e.to_string()))?;
    let text = format!("{yaml}\n# {}\n{}", pipeline.file(), pipeline.text());
    Ok(Outcome::done(json!(shown), text).about(pipeline.digest().to_string()))
}

fn shown(pipeline: &Pipeline) -> Shown<'_> {
    Shown {
        name: pipeline.name().to_string(),
        description: pipeline.description(),
        effect: pipeline.effect().word(),
        digest: pipeline.digest().to_string(),
        idempotent: pipeline.is_idempotent(),
        timeout_seconds: pipeline.timeout_seconds(),
        attempts: pipeline.retry().attempts,
        backoff_seconds: pipeline.retry().backoff_seconds,
        inputs: pipeline.inputs().keys().map(ToString::to_string).collect(),
        outputs: pipeline.outputs().keys().map(ToString::to_string).collect(),
        evidence: pipeline.evidence().iter().map(ToString::to_string).collect(),
        actions: pipeline.actions().len(),
        verify: pipeline.verify().len(),
        scripts: pipeline.scripts().iter().map(|(name, script)| (name.as_str(), script.digest.to_string())).collect(),
    }
}
