//! Where a template may stand in a pipeline, and what it becomes when its inputs are bound.

use std::collections::BTreeMap;

use crate::{
    base::{
        ident::Id,
        reason::{ARGV_FLAG, Refusal, Result},
        text::excerpt,
        value::{Scalar, ValueType},
        yaml::{Findings, Place},
    },
    directive::{
        input::{InputSpec, Inputs},
        reasons::{INPUT_UNKNOWN, TEMPLATE_PLACE},
        template::{Part, Template},
    },
};

/// Where a template stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// An argument of a program: inputs, and a script or a private file as the whole argument.
    Argument,
    /// The value of a variable: the same.
    Variable,
    /// A path, a content, a message: inputs only.
    Text,
}

/// What an input is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A value that is known.
    Value(Scalar),
    /// A value that an earlier step will hand on.
    Output(OutputRef),
}

/// A value that an earlier step will hand on, and what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputRef {
    /// The step.
    pub step: Id,
    /// Its output.
    pub output: Id,
    /// The output's type.
    pub kind: ValueType,
    /// A regular expression the whole value must match.
    pub pattern: Option<String>,
    /// The most bytes.
    pub max_length: u32,
}

/// What an argument becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filled {
    /// Text that is known.
    Literal(String),
    /// Fixed text, then a value that an earlier step will hand on.
    Output {
        /// The fixed text.
        prefix: String,
        /// The value.
        source: OutputRef,
    },
    /// A script of the pipeline.
    Script(String),
    /// A private file.
    Scratch(String),
}

/// Reports what a template may not hold where it stands; notes the scripts it uses, and where first.
pub fn check(
    template: &Template,
    spot: Spot,
    place: Place,
    inputs: &Inputs,
    scripts: &mut BTreeMap<String, Place>,
    findings: &mut Findings<'_>,
) {
    for part in template.parts() {
        match part {
            Part::Text(_) => {}
            Part::Input(name) if inputs.declares(name) => {}
            Part::Input(name) => {
                let message = format!("the pipeline has no input `{name}`");
                findings.report_near(place, INPUT_UNKNOWN, message, name.as_str(), inputs.names());
            }
            Part::Output { .. } | Part::Item => findings.report_help(
                place,
                TEMPLATE_PLACE,
                format!("`{part}` belongs to the `with` of a directive's step"),
                "declare an input, and let the directive hand it over",
            ),
            Part::Script(_) | Part::Scratch(_) if spot == Spot::Text => {
                findings.report(place, TEMPLATE_PLACE, format!("`{part}` belongs to arguments and variables only"));
            }
            Part::Script(_) | Part::Scratch(_) if template.whole().is_none() => {
                findings.report(place, TEMPLATE_PLACE, format!("`{part}` must be the whole text"));
            }
            Part::Script(file) => {
                scripts.entry(file.clone()).or_insert(place);
            }
            Part::Scratch(_) => {}
        }
    }
    let prefix = template.prefix();
    let part_of_flag = prefix.starts_with('-') && !prefix.contains('=') && !template.is_fixed();
    if spot == Spot::Argument && part_of_flag {
        findings.report(place, ARGV_FLAG, format!("`{template}` lets a value become part of a flag"));
    }
}

/// Tells whether an input in this template may be bound to the output of a step.
#[must_use]
pub fn takes_output(template: &Template, spot: Spot, input: &Id) -> bool {
    if template.inputs().all(|name| name != input) {
        return true;
    }
    let last = match template.parts() {
        [Part::Input(_)] => true,
        [Part::Text(prefix), Part::Input(_)] => !prefix.starts_with('-') || prefix.ends_with('='),
        _ => false,
    };
    last && spot != Spot::Text
}

/// Fills a template that must be known in full.
///
/// # Errors
/// `template.place` where an input is bound to the output of a step.
pub fn fill_text(template: &Template, bound: &BTreeMap<Id, Bound>) -> Result<String> {
    let mut text = String::new();
    for part in template.parts() {
        match part {
            Part::Text(fixed) => text.push_str(fixed),
            Part::Input(name) => match bound.get(name) {
                Some(Bound::Value(value)) => text.push_str(&value.to_string()),
                Some(Bound::Output(_)) => {
                    let message = format!("`{template}` would take a value known only at run time");
                    return Err(Refusal::new(TEMPLATE_PLACE, message));
                }
                None => return Err(unbound(name)),
            },
            other => return Err(Refusal::new(TEMPLATE_PLACE, format!("`{other}` cannot stand here"))),
        }
    }
    Ok(text)
}

/// Fills an argument or a variable.
///
/// # Errors
/// `template.place` where the output of a step does not stand last, `argv.flag` where a value would
/// become a flag.
pub fn fill_argument(
    template: &Template,
    spot: Spot,
    bound: &BTreeMap<Id, Bound>,
    inputs: &BTreeMap<Id, InputSpec>,
) -> Result<Filled> {
    match template.parts() {
        [Part::Script(file)] => return Ok(Filled::Script(file.clone())),
        [Part::Scratch(file)] => return Ok(Filled::Scratch(file.clone())),
        [Part::Input(name)] | [Part::Text(_), Part::Input(name)] => {
            if let Some(Bound::Output(source)) = bound.get(name) {
                return Ok(Filled::Output { prefix: template.prefix().to_owned(), source: source.clone() });
            }
        }
        _ => {}
    }
    let text = fill_text(template, bound)?;
    let may = template.inputs().next().and_then(|name| inputs.get(name)).is_none_or(|input| input.dash);
    if spot == Spot::Argument && text.starts_with('-') && template.prefix().is_empty() && !may {
        return Err(Refusal::new(ARGV_FLAG, format!("`{}` begins with a dash, like a flag", excerpt(&text))));
    }
    Ok(Filled::Literal(text))
}

fn unbound(name: &Id) -> Refusal {
    Refusal::new(crate::directive::reasons::INPUT_MISSING, format!("the input `{name}` has no value"))
}
