//! `pipelines list|check|show`.

use serde_json::json;

use crate::{
    app::{
        definitions::Definitions, lint, output::Outcome, pipeline_v1::PipelineV1, reasons::PIPELINE_MISSING,
        session::invalid, world::World,
    },
    base::{
        diagnostic::{findings, nearest},
        reason::{Refusal, Result},
        text::{excerpt, visible},
    },
    cli::args::PipelinesCommand,
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

fn show(definitions: &Definitions, name: &str) -> Result<Outcome> {
    let Some((_, examined)) = definitions.pipelines.read.iter().find(|(known, _)| known == name) else {
        let refusal = Refusal::new(PIPELINE_MISSING, format!("`{}`", excerpt(name)));
        let names = definitions.pipelines.read.iter().map(|(name, _)| name.as_str());
        let near = nearest(name, names).map(|near| format!("did you mean `{near}`?"));
        return Err(near.into_iter().fold(refusal, Refusal::hint));
    };
    let Some(pipeline) = examined.sound() else {
        return Err(invalid(&format!("pipelines/{name}.yml"), examined.findings().to_vec()));
    };
    let shown = PipelineV1::from(pipeline);
    Ok(Outcome::done(json!(shown), shown.text()?).about(pipeline.digest().to_string()))
}
