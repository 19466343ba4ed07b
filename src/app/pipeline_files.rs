//! Which files are of which pipeline: `pipelines/NAME.yml`, and the scripts in `pipelines/NAME/`.

use std::collections::BTreeMap;

use super::session::invalid;
use crate::{
    base::{ident::Id, reason::Result},
    pipeline::{Catalog, Pipeline},
};

/// The files of one pipeline.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PipelineFiles<'p> {
    /// The name that the definition's file has, whether or not a pipeline may have it.
    pub(crate) name: &'p str,
    /// The path of the definition.
    pub(crate) definition: &'p str,
    /// The scripts: the name within the pipeline's folder, and the path.
    pub(crate) scripts: Vec<(&'p str, &'p str)>,
}

impl<'p> PipelineFiles<'p> {
    /// Groups paths below `pipelines/`; what belongs to no definition is left out.
    pub(crate) fn group(paths: &'p [String]) -> Vec<Self> {
        let inside = |path: &'p String| path.strip_prefix("pipelines/").unwrap_or(path);
        let definitions = paths.iter().filter_map(|path| {
            let name = inside(path).strip_suffix(".yml").filter(|name| !name.contains('/'))?;
            let of_pipeline = |path: &'p String| {
                let script = inside(path).strip_prefix(name)?.strip_prefix('/')?;
                Some((script, path.as_str()))
            };
            Some(Self { name, definition: path, scripts: paths.iter().filter_map(of_pipeline).collect() })
        });
        definitions.collect()
    }
}

/// Reads pipelines and their scripts out of a list of paths below `pipelines/`; all findings at once.
///
/// # Errors
/// `definition.invalid`, and what `source` refuses.
pub(crate) fn read_catalog(paths: &[String], source: &dyn Fn(&str) -> Result<Option<Vec<u8>>>) -> Result<Catalog> {
    let mut findings = Vec::new();
    let mut pipelines = Vec::new();
    for files in PipelineFiles::group(paths) {
        let Some(yaml) = source(files.definition)? else { continue };
        let mut scripts = BTreeMap::new();
        for (name, path) in files.scripts {
            if let Some(bytes) = source(path)? {
                scripts.insert(name.to_owned(), bytes);
            }
        }
        match Pipeline::read(files.name, &yaml, &scripts) {
            Ok(pipeline) => pipelines.push(pipeline),
            Err(places) => findings.extend(places),
        }
    }
    if !findings.is_empty() {
        return Err(invalid("pipelines", findings));
    }
    Catalog::new(pipelines)
}

/// Tells whether a file is a pipeline's definition, or one of its scripts.
pub(crate) fn is_of_pipeline(path: &str, name: &Id) -> bool {
    let rest = path.strip_prefix("pipelines/").and_then(|inside| inside.strip_prefix(name.as_str()));
    rest.is_some_and(|rest| rest == ".yml" || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_of_the_pipeline_whose_folder_it_is_in() {
        let paths = ["pipelines/a.yml", "pipelines/a/b/c.py", "pipelines/a/x.yml", "pipelines/ab/x.py"];
        let paths = paths.map(str::to_owned);
        let files = PipelineFiles::group(&paths);
        let scripts = vec![("b/c.py", "pipelines/a/b/c.py"), ("x.yml", "pipelines/a/x.yml")];
        assert_eq!(files, [PipelineFiles { name: "a", definition: "pipelines/a.yml", scripts }]);
    }
}
