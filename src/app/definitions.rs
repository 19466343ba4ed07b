//! Directives and pipelines as they lie in the work tree: for listing and checking only, never for planning.

use std::{collections::BTreeMap, path::Path};

use serde_json::json;

use super::{
    files,
    output::Outcome,
    reasons::CHECKS_FOUND,
    session::{POLICY, programs},
    world::World,
};
use crate::{
    base::{
        diagnostic::{Diagnostic, findings},
        reason::{Refusal, Result},
        text,
    },
    directive::Directive,
    forge::Checkout,
    pipeline::{Catalog, Pipeline, reasons::PIPELINE_ENDING},
    policy::Policy,
};

/// The most bytes of a definition or a script.
const MAX_FILE: usize = 1 << 20;

/// What a file was read as.
type Read<T> = std::result::Result<T, Vec<Diagnostic>>;

/// The definitions of a work tree, each read or found wanting.
pub(crate) struct Definitions {
    directives: Vec<(String, Read<Directive>)>,
    pipelines: Vec<(String, Read<Pipeline>)>,
    /// Files that look like pipelines and are none.
    strays: Vec<Diagnostic>,
    policy: Option<Read<Policy>>,
}

impl Definitions {
    /// Reads `directives/*.md`, `pipelines/*.yml` with their scripts, and the policy.
    pub(crate) fn of_work_tree(world: &World) -> Result<Self> {
        let top = Checkout::discover(&world.cwd)?.workdir().to_owned();
        let mut directives = Vec::new();
        for name in names(&top.join("directives"), "md") {
            let path = format!("directives/{name}.md");
            let bytes = files::read(&top.join(&path), MAX_FILE)?;
            directives.push((path.clone(), Directive::read(&path, &bytes)));
        }
        let mut pipelines = Vec::new();
        for name in names(&top.join("pipelines"), "yml") {
            let yaml = files::read(&top.join(format!("pipelines/{name}.yml")), MAX_FILE)?;
            let scripts = scripts(&top.join("pipelines").join(&name))?;
            let read = Pipeline::read(&name, &yaml, &scripts);
            pipelines.push((name, read));
        }
        let strays = names(&top.join("pipelines"), "yaml").into_iter().map(|name| {
            let file = format!("pipelines/{name}.yaml");
            let help = format!("rename it: git mv {file} pipelines/{name}.yml");
            Diagnostic::new(file, (0, 0), PIPELINE_ENDING.code, "nobody reads this file").with_help(help)
        });
        let strays = strays.collect();
        let policy = match top.join(POLICY).exists() {
            true => Some(Policy::compile(POLICY, &files::read(&top.join(POLICY), MAX_FILE)?)),
            false => None,
        };
        Ok(Self { directives, pipelines, strays, policy })
    }

    /// Returns every directive, by path.
    pub(crate) fn directives(&self) -> &[(String, Read<Directive>)] {
        &self.directives
    }

    /// Returns every pipeline, by name.
    pub(crate) fn pipelines(&self) -> &[(String, Read<Pipeline>)] {
        &self.pipelines
    }

    /// Checks every directive, alone and against the pipelines.
    pub(crate) fn check_directives(&self) -> Result<Outcome> {
        let catalog = self.catalog()?;
        let found = self.directives.iter().flat_map(|(_, read)| match read {
            Ok(directive) => catalog.lint(directive),
            Err(places) => places.clone(),
        });
        verdict(found.collect(), self.directives.len(), "directive")
    }

    /// Checks every pipeline, alone and against the policy's programs.
    pub(crate) fn check_pipelines(&self) -> Result<Outcome> {
        let mut found: Vec<Diagnostic> =
            self.pipelines.iter().filter_map(|(_, read)| read.as_ref().err()).flatten().cloned().collect();
        found.extend(self.strays.iter().cloned());
        if let Some(Ok(policy)) = &self.policy {
            found.extend(self.catalog()?.lint_programs(&programs(policy)));
        }
        verdict(found, self.pipelines.len(), "pipeline")
    }

    fn catalog(&self) -> Result<Catalog> {
        Catalog::new(self.pipelines.iter().filter_map(|(_, read)| read.as_ref().ok()).cloned())
    }
}

fn verdict(found: Vec<Diagnostic>, count: usize, what: &str) -> Result<Outcome> {
    if found.is_empty() {
        return Ok(Outcome::done(
            json!({ "checked": count, "findings": 0 }),
            format!("{}, no findings\n", text::count(count, what)),
        ));
    }
    Err(Refusal::new(CHECKS_FOUND, format!("{} in {}", findings(found.len()), text::count(count, what)))
        .diagnostics(found))
}

/// Returns the names of the regular files with an ending, in order.
fn names(folder: &Path, ending: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let fits = path.extension().is_some_and(|found| found == ending) && path.is_file();
            fits.then(|| path.file_stem()?.to_str().map(str::to_owned)).flatten()
        })
        .collect();
    names.sort();
    names
}

/// Reads the scripts beside a pipeline.
fn scripts(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut scripts = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name().and_then(|name| name.to_str())) {
            scripts.insert(name.to_owned(), files::read(&path, MAX_FILE)?);
        }
    }
    Ok(scripts)
}
