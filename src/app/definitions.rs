//! Directives, pipelines and the policy as they lie in the work tree: for listing and checking only, never for planning.

use std::collections::BTreeMap;

use super::{
    pipeline_files::PipelineFiles,
    session::POLICY,
    work_tree::{Listing, WorkTree, finding},
    world::World,
};
use crate::{
    base::{
        diagnostic::Diagnostic,
        examined::Examined,
        reason::{Reason, Result},
    },
    directive::{Directive, reasons::DIRECTIVE_ENDING},
    forge::Checkout,
    pipeline::{
        Pipeline,
        reasons::{PIPELINE_ENDING, PIPELINE_SCRIPT},
    },
};

/// The most bytes of a definition or a script.
const MAX_FILE: usize = 1 << 20;
/// How names end that people give to Markdown, in lower case.
const MARKDOWN: [&str; 5] = ["md", "markdown", "mdown", "mkd", "mdx"];
/// How names end that people give to YAML, in lower case.
const YAML: [&str; 2] = ["yml", "yaml"];

/// The definitions of a work tree, each read or found wanting.
pub(crate) struct Definitions {
    /// The directives, by path.
    pub(crate) directives: Kind<Directive>,
    /// The pipelines, by name.
    pub(crate) pipelines: Kind<Pipeline>,
    /// The bytes of the policy, where there is one, or why they could not be read.
    pub(crate) policy: Option<std::result::Result<Vec<u8>, Diagnostic>>,
}

/// The definitions of one kind.
pub(crate) struct Kind<T> {
    /// Each, as it was read.
    pub(crate) read: Vec<(String, Examined<T>)>,
    /// What lies among them and is read by nobody.
    pub(crate) strays: Vec<Diagnostic>,
    /// Whether the folder could be listed, so that what is not among them is not there.
    pub(crate) listed: bool,
}

impl Definitions {
    /// Reads the directives below `directives/`, the pipelines in `pipelines/` with their scripts, and the policy.
    ///
    /// What cannot be read is a finding of its file.
    ///
    /// # Errors
    /// `repository.*` where this is no checkout.
    pub(crate) fn of_work_tree(world: &World) -> Result<Self> {
        let checkout = Checkout::discover(&world.cwd)?;
        let tree = WorkTree::at(checkout.workdir());
        let pipelines = pipelines(&tree, &checkout);
        Ok(Self {
            directives: directives(&tree, &|name| pipelines.may_have(name)),
            pipelines,
            policy: tree.read(POLICY, MAX_FILE).map_err(|e| finding(POLICY, &e)).transpose(),
        })
    }
}

impl<T> Kind<T> {
    fn of(listing: Listing, is_definition: impl Fn(&str) -> bool, key: impl Fn(&str) -> String) -> Self {
        let (unread, mut strays): (Vec<_>, Vec<_>) =
            listing.odd.into_iter().partition(|found| is_definition(&found.file));
        let read = unread.into_iter().map(|found| (key(&found.file), Examined::new(None, vec![found]))).collect();
        let listed = listing.unlisted.is_none();
        strays.extend(listing.unlisted);
        Self { read, strays, listed }
    }

    /// Returns those with which nothing is wrong.
    pub(crate) fn sound(&self) -> impl Iterator<Item = &T> {
        self.read.iter().filter_map(|(_, examined)| examined.sound())
    }

    /// Tells whether there is one of a name that could not be read, or may be one.
    pub(crate) fn is_unread(&self, name: &str) -> bool {
        !self.listed || self.read.iter().any(|(known, examined)| known == name && examined.sound().is_none())
    }

    /// Tells whether there is one of a name, or may be one.
    pub(crate) fn may_have(&self, name: &str) -> bool {
        !self.listed || self.read.iter().any(|(known, _)| known == name)
    }
}

fn directives(tree: &WorkTree, may_be_meant: &dyn Fn(&str) -> bool) -> Kind<Directive> {
    let mut listing = tree.list("directives");
    let is_directive = |path: &str| path.ends_with(".md");
    odd_folders(&mut listing, is_directive);
    let files = std::mem::take(&mut listing.files);
    let mut kind = Kind::of(listing, is_directive, str::to_owned);
    for path in files {
        if is_directive(&path) {
            let examined = match read(tree, &path) {
                Ok(bytes) => Directive::examine(&path, &bytes, may_be_meant),
                Err(found) => Examined::new(None, found),
            };
            kind.read.push((path, examined));
        } else {
            kind.strays.extend(misnamed(&path, &MARKDOWN, "md", DIRECTIVE_ENDING));
        }
    }
    kind.read.sort_by(|(a, _), (b, _)| a.cmp(b));
    kind
}

fn pipelines(tree: &WorkTree, checkout: &Checkout) -> Kind<Pipeline> {
    let mut listing = tree.list("pipelines");
    let name = |path: &str| {
        let name = path.strip_prefix("pipelines/").and_then(|inside| inside.strip_suffix(".yml"));
        name.filter(|name| !name.contains('/')).map(str::to_owned)
    };
    let is_pipeline = |path: &str| name(path).is_some();
    odd_folders(&mut listing, is_pipeline);
    let mut files = std::mem::take(&mut listing.files);
    // What git ignores is not at any commit: compiled scripts, for one.
    files.retain(|path| is_pipeline(path) || !checkout.ignores(path));
    let mut kind = Kind::of(listing, is_pipeline, |path| name(path).unwrap_or_default());
    for pipeline in PipelineFiles::group(&files) {
        kind.read.push((pipeline.name.to_owned(), read_pipeline(tree, &pipeline)));
    }
    for path in files.iter().filter(|path| !is_pipeline(path)) {
        let inside = path.strip_prefix("pipelines/").unwrap_or(path);
        let Some((folder, _)) = inside.split_once('/') else {
            kind.strays.extend(misnamed(path, &YAML, "yml", PIPELINE_ENDING));
            continue;
        };
        if ending(path, &YAML) && !kind.read.iter().any(|(name, _)| name == folder) {
            let message = format!("nobody reads this file: there is no pipeline `{folder}`");
            let found = Diagnostic::new(path, (0, 0), PIPELINE_SCRIPT.code, message);
            kind.strays.push(found.with_help("pipelines lie in pipelines/ itself, and in no folder of it"));
        }
    }
    kind.read.sort_by(|(a, _), (b, _)| a.cmp(b));
    kind
}

fn read_pipeline(tree: &WorkTree, files: &PipelineFiles<'_>) -> Examined<Pipeline> {
    let (mut scripts, mut unread) = (BTreeMap::new(), Vec::new());
    for (name, path) in &files.scripts {
        let bytes = read(tree, path).unwrap_or_else(|found| {
            unread.extend(found);
            // Something stands in, so that it is not called missing as well.
            Vec::new()
        });
        scripts.insert((*name).to_owned(), bytes);
    }
    let mut examined = match read(tree, files.definition) {
        Ok(yaml) => Pipeline::examine(files.name, &yaml, &scripts),
        Err(found) => Examined::new(None, found),
    };
    examined.add(unread);
    examined
}

/// Reads a file; one that is gone since it was listed is not there any more, and empty.
fn read(tree: &WorkTree, path: &str) -> std::result::Result<Vec<u8>, Vec<Diagnostic>> {
    tree.read(path, MAX_FILE).map(Option::unwrap_or_default).map_err(|e| vec![finding(path, &e)])
}

/// Adds the folders that lie where a definition would.
fn odd_folders(listing: &mut Listing, is_definition: impl Fn(&str) -> bool) {
    for path in listing.folders.iter().filter(|path| is_definition(path)) {
        let refusal = super::work_tree::folder_in_the_place_of_a_file(path);
        listing.odd.push(finding(path, &refusal));
    }
}

/// Returns the finding of a file that people may take for a definition, and whose name ends otherwise.
fn misnamed(path: &str, endings: &[&str], right: &str, reason: Reason) -> Option<Diagnostic> {
    let (stem, _) = path.rsplit_once('.')?;
    let found = Diagnostic::new(path, (0, 0), reason.code, "nobody reads this file");
    ending(path, endings).then(|| found.with_help(format!("rename it: git mv {path} {stem}.{right}")))
}

fn ending(path: &str, endings: &[&str]) -> bool {
    path.rsplit_once('.').is_some_and(|(_, ending)| endings.contains(&ending.to_ascii_lowercase().as_str()))
}
