//! Typed inputs, as directives and pipelines declare them.

use std::collections::{BTreeMap, BTreeSet};

use super::reasons::INPUT_SPEC;
use crate::base::{
    ident::Id,
    json::MAX_INTEGER,
    text::check_steering,
    value::{Bounds, Scalar, ValueSpec, ValueType},
    yaml::{Findings, Node},
};

/// The most inputs of one directive or pipeline.
const MAX_INPUTS: usize = 100;

/// One declared input.
#[derive(Clone, Debug)]
pub struct InputSpec {
    /// What a value must be.
    pub spec: ValueSpec,
    /// The value where none is given; where there is none, one must be given.
    pub default: Option<Scalar>,
    /// What it is for.
    pub description: Option<String>,
    /// The words of an enum, in file order.
    pub words: Vec<String>,
    /// The regular expression the text must match.
    pub pattern: Option<String>,
    /// The least number, or length.
    pub min: Option<i64>,
    /// The greatest number, or length.
    pub max: Option<i64>,
    /// Whether text may begin with a dash.
    pub dash: bool,
}

impl InputSpec {
    /// Returns the type.
    #[must_use]
    pub fn kind(&self) -> ValueType {
        self.spec.kind()
    }

    /// Tells whether a value must be given.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.default.is_none()
    }
}

/// The declared inputs of a directive or a pipeline.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Those whose specification is in order.
    pub specs: BTreeMap<Id, InputSpec>,
    /// The names of those whose specification is not; none in a file without a finding.
    pub unread: BTreeSet<Id>,
}

impl Inputs {
    /// Tells whether an input is declared, be it in order or not.
    #[must_use]
    pub fn declares(&self, name: &Id) -> bool {
        self.specs.contains_key(name) || self.unread.contains(name)
    }

    /// Returns the names of all inputs.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.specs.keys().chain(&self.unread).map(Id::as_str)
    }
}

/// Reads the map `inputs`; what is wrong is reported.
pub fn read_inputs(node: &Node, findings: &mut Findings<'_>) -> Inputs {
    let entries = node.entries(findings);
    if entries.len() > MAX_INPUTS {
        let message = format!("{} inputs, the limit is {MAX_INPUTS}", entries.len());
        findings.report(node.place, INPUT_SPEC, message);
        let names = entries.iter().filter_map(|(key, _)| key.text.parse().ok());
        return Inputs { unread: names.collect(), ..Inputs::default() };
    }
    let mut inputs = Inputs::default();
    for (key, value) in entries {
        let name = findings.keep(key.place, key.text.parse::<Id>());
        let spec = read_input(value, findings);
        match (name, spec) {
            (Some(name), Some(spec)) => _ = inputs.specs.insert(name, spec),
            (Some(name), None) => _ = inputs.unread.insert(name),
            (None, _) => {}
        }
    }
    inputs
}

fn read_input(node: &Node, findings: &mut Findings<'_>) -> Option<InputSpec> {
    let known = ["type", "required", "default", "pattern", "min", "max", "values", "description", "dash"];
    let fields = node.fields("an input", &known, findings)?;
    let kind = fields.require("type", findings).and_then(|node| node.word(&ValueType::ALL, findings));
    let required = fields.get("required").map(|node| (node.place, node.boolean(findings)));
    let pattern = fields.get("pattern").and_then(|node| node.text(findings));
    let min = fields.get("min").and_then(|node| node.integer(-MAX_INTEGER, MAX_INTEGER, findings));
    let max = fields.get("max").and_then(|node| node.integer(-MAX_INTEGER, MAX_INTEGER, findings));
    let dash = fields.get("dash").and_then(|node| node.boolean(findings)).unwrap_or(false);
    let description = fields.get("description").and_then(|node| node.line(findings)).map(str::to_owned);
    let mut words = Vec::new();
    if let Some(list) = fields.get("values") {
        for item in list.items(MAX_INPUTS, findings) {
            let Some(word) = item.text(findings) else { continue };
            findings.keep(item.place, check_steering(word));
            words.push(word.to_owned());
        }
    }
    if let Some(pattern) = pattern {
        findings.keep(node.place, check_steering(pattern));
    }
    let bounds = Bounds { pattern, min, max, words: &words, may_start_with_dash: dash };
    let spec = findings.keep(fields.place, ValueSpec::new(kind?, bounds))?;
    let default = fields.get("default").and_then(|node| {
        let value = node.scalar(findings)?;
        findings.keep(node.place, spec.check(&value))?;
        Some(value)
    });
    match required {
        Some((place, Some(true))) if default.is_some() => {
            findings.report(place, INPUT_SPEC, "a required input has no use for a default");
        }
        Some((place, Some(false))) if fields.get("default").is_none() => {
            findings.report(place, INPUT_SPEC, "an input that is not required needs a default");
        }
        _ => {}
    }
    let pattern = pattern.map(str::to_owned);
    Some(InputSpec { spec, default, description, words, pattern, min, max, dash })
}
