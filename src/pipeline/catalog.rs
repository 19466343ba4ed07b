//! All pipelines of a repository at one commit.

use std::collections::BTreeMap;

use super::{
    lint,
    model::Pipeline,
    reasons::{PIPELINE_DUPLICATE, PIPELINE_UNKNOWN},
    template::Bound,
};
use crate::{
    base::{
        diagnostic::{Diagnostic, nearest},
        ident::Id,
        reason::Refusal,
        value::Scalar,
    },
    directive::{Directive, model::StepSpec},
};

/// The pipelines, by name.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    pipelines: BTreeMap<Id, Pipeline>,
}

impl Catalog {
    /// Collects pipelines.
    ///
    /// # Errors
    /// `pipeline.duplicate` where two have the same name.
    pub fn new(pipelines: impl IntoIterator<Item = Pipeline>) -> Result<Self, Refusal> {
        let mut by_name = BTreeMap::new();
        for pipeline in pipelines {
            let name = pipeline.name().clone();
            if by_name.insert(name.clone(), pipeline).is_some() {
                return Err(Refusal::new(PIPELINE_DUPLICATE, format!("`{name}`")));
            }
        }
        Ok(Self { pipelines: by_name })
    }

    /// Returns the pipelines in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Pipeline> {
        self.pipelines.values()
    }

    /// Returns the names in order.
    pub fn names(&self) -> impl Iterator<Item = &Id> {
        self.pipelines.keys()
    }

    /// Returns the pipeline of a name.
    ///
    /// # Errors
    /// `pipeline.unknown`, with the nearest name there is.
    pub fn get(&self, name: &Id) -> Result<&Pipeline, Refusal> {
        self.pipelines.get(name).ok_or_else(|| {
            let refusal = Refusal::new(PIPELINE_UNKNOWN, format!("there is no pipeline `{name}`"));
            match nearest(name.as_str(), self.names().map(Id::as_str)) {
                Some(near) => refusal.hint(format!("did you mean `{near}`?")),
                None => refusal,
            }
        })
    }

    /// Returns what does not fit between a directive and the pipelines; nothing where all fits.
    #[must_use]
    pub fn lint(&self, directive: &Directive) -> Vec<Diagnostic> {
        self.lint_beside(directive, &|_| false)
    }

    /// Does what [`Catalog::lint`] does, and is silent about pipelines that are there and could not be read.
    #[must_use]
    pub fn lint_beside(&self, directive: &Directive, is_unread: &dyn Fn(&Id) -> bool) -> Vec<Diagnostic> {
        lint::lint(self, directive, is_unread)
    }

    /// Binds every input of a step's pipeline, by what the directive hands over or by default.
    ///
    /// # Errors
    /// `directive.with`, `directive.step`, `pipeline.unknown`, and the codes of values that do not fit.
    pub fn bind(
        &self,
        directive: &Directive,
        step: &StepSpec,
        inputs: &BTreeMap<Id, Scalar>,
    ) -> Result<BTreeMap<Id, Bound>, Refusal> {
        lint::bind(self, directive, step, inputs)
    }
}
