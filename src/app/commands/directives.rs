//! `directives list|check`.

use serde_json::json;

use crate::{
    app::{definitions::Definitions, lint, output::Outcome, world::World},
    base::{diagnostic::findings, reason::Result, text::visible},
    cli::args::ListCheck,
};

pub(super) fn run(command: &ListCheck, world: &World) -> Result<Outcome> {
    let definitions = Definitions::of_work_tree(world)?;
    match command {
        ListCheck::List => Ok(list(&definitions)),
        ListCheck::Check(_) => lint::check_directives(&definitions),
    }
}

fn list(definitions: &Definitions) -> Outcome {
    let mut text = String::new();
    let mut rows = Vec::new();
    for (path, examined) in &definitions.directives.read {
        match examined.sound() {
            Some(directive) => {
                let inside = path.strip_prefix("directives/").unwrap_or(path);
                let shown = if inside.contains('/') { path.as_str() } else { directive.name().as_str() };
                text.push_str(&format!("{shown:<24} {}\n", visible(directive.title())));
                rows.push(json!({
                    "name": directive.name(),
                    "path": path,
                    "title": directive.title(),
                    "pipelines": directive.pipelines().map(ToString::to_string).collect::<Vec<_>>(),
                    "valid": true,
                }));
            }
            None => {
                let places = examined.findings();
                text.push_str(&format!(
                    "{path:<24} ({}; see `countersign directives check`)\n",
                    findings(places.len())
                ));
                rows.push(json!({ "path": path, "valid": false, "findings": places.len() }));
            }
        }
    }
    let strays = definitions.directives.strays.len();
    if strays > 0 {
        text.push_str(&format!("({} beside them; see `countersign directives check`)\n", findings(strays)));
    } else if rows.is_empty() {
        text.push_str("no directives; `countersign init` writes an example\n");
    }
    Outcome::done(json!(rows), text)
}
