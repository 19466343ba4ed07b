//! Where the values of a proposal are from.
//!
//! A value that stands in what nobody protected, an issue or a file at the head under review, is from there, however
//! the model came to it. One that stands nowhere is the model's own. Only what stands in the directive or in a file at
//! the protected base is as good as those, and `verify` looks there again.

#[cfg(test)]
mod tests;

use super::{DraftRequest, context::ContextItem, reasons::PLANNER_TAINTED};
use crate::{
    base::{
        ident::Id,
        reason::{Refusal, Result},
        text::excerpt,
        value::{Scalar, ValueType},
    },
    directive::{Directive, model::WithValue, template::Part},
    pipeline::Pipeline,
    plan::model::{Origin, Proposal, ProposedStep, ProposedValue, Written},
};

/// The texts that a planner read.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'s> {
    /// The directive, and all else.
    pub items: &'s [ContextItem],
}

/// Whether the policy lets values steer that are not from the protected base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tainted {
    /// They may not.
    Refuse,
    /// They may, and the view marks them.
    Allow,
}

impl Sources<'_> {
    /// Returns where a value is from; a number or a truth value is always the model's own.
    ///
    /// Where it stands in a protected text and in another one, the protected one counts: it is the same value.
    #[must_use]
    pub fn origin(&self, value: &Scalar) -> Origin {
        let Scalar::Text(text) = value else { return Origin::Model };
        let from = self.items.iter().filter(|item| holds(&item.text, text)).map(|item| item.origin);
        // The order of the labels is that of trust.
        from.min().unwrap_or(Origin::Model)
    }
}

/// Tells whether a text holds a value as a word of its own, not as a part of another.
#[must_use]
pub fn holds(text: &str, value: &str) -> bool {
    let value = value.trim();
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@');
    !value.is_empty()
        && text.match_indices(value).any(|(at, found)| {
            let before = text[..at].chars().next_back();
            let mut after = text[at + found.len()..].chars();
            let next = after.next();
            // A full stop ends a sentence as often as it stands in a name.
            let ends = match next {
                Some('.' | ':') => !after.next().is_some_and(is_word),
                other => !other.is_some_and(is_word),
            };
            !before.is_some_and(is_word) && ends
        })
}

/// Tells whether values from there count as the repository's own.
#[must_use]
pub fn is_protected(origin: Origin) -> bool {
    matches!(origin, Origin::DirectiveAtBase | Origin::RepoAtBase)
}

/// Refuses values from outside the protected base where they would steer: in a program, flag, host, name of a
/// variable or path that is written.
///
/// A pipeline's input may steer exactly where no output of a step may stand. What was given for an input of the
/// directive steers only where the directive's own steps hand it, or where the directive itself says the value; what
/// it only fills, a content or a message, is what it is for.
///
/// # Errors
/// `planner.tainted`, with every such value.
pub fn check(request: &DraftRequest<'_>, proposal: &Proposal, tainted: Tainted) -> Result<()> {
    if tainted == Tainted::Allow {
        return Ok(());
    }
    let mut found = Vec::new();
    for step in &proposal.steps {
        let pipeline = request.catalog.get(&step.pipeline)?;
        for (name, value) in steering(step, pipeline) {
            let why = foreign(request, (step, name), value);
            found.extend(why.map(|why| format!("step `{}`, input `{name}`: {why}", step.id)));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let refusal = Refusal::new(PLANNER_TAINTED, excerpt(&found.join("; ")));
    Err(found.into_iter().fold(refusal, Refusal::hint))
}

/// Returns the values of a step that steer.
fn steering<'s>(
    step: &'s ProposedStep,
    pipeline: &'s Pipeline,
) -> impl Iterator<Item = (&'s Id, &'s ProposedValue)> + 's {
    step.with.iter().filter(|(name, value)| {
        // A word of a list that the pipeline itself gives is the pipeline's.
        let listed = pipeline.inputs().get(*name).is_some_and(|input| input.kind() == ValueType::Enum);
        let fills = matches!(value, ProposedValue::Input(_)) && pipeline.only_fills(name);
        !listed && !fills && !pipeline.takes_output(name)
    })
}

/// Says of a value that steers where it is from; nothing where it may.
fn foreign(request: &DraftRequest<'_>, (step, name): (&ProposedStep, &Id), value: &ProposedValue) -> Option<String> {
    match value {
        ProposedValue::Value(Written { value: Scalar::Text(text), origin }) => {
            (!is_protected(*origin)).then(|| format!("`{}` is from `{}`", excerpt(text), word(*origin)))
        }
        ProposedValue::Input(input) => {
            let Some(Scalar::Text(text)) = request.inputs.get(input) else { return None };
            let own = is_handed(request.directive, input, (&step.pipeline, name))
                || is_said(request.directive, input, request.inputs.get(input));
            let from = word(Origin::Requester);
            (!own).then(|| format!("`{}` is the directive's input `{input}`, from `{from}`", excerpt(text)))
        }
        // Numbers and truth values steer nothing, and of outputs the pipeline refuses those that would.
        ProposedValue::Value(_) | ProposedValue::Output(_) => None,
    }
}

/// Tells whether a step of the directive hands the same input, as it is, to the same input of the same pipeline.
fn is_handed(directive: &Directive, input: &Id, (pipeline, name): (&Id, &Id)) -> bool {
    let here = directive.steps().iter().filter(|step| step.pipeline.0 == *pipeline);
    here.filter_map(|step| step.with.get(name)).any(|with| match &with.value {
        // Not with a text before or after it: the planner would leave out what keeps it where it belongs.
        WithValue::Template(template) => template.whole() == Some(&Part::Input(input.clone())),
        WithValue::Fixed(_) => false,
    })
}

/// Tells whether a value is one that the directive itself says of its input: the default, or one of its words.
fn is_said(directive: &Directive, input: &Id, value: Option<&Scalar>) -> bool {
    let spec = directive.inputs().get(input);
    spec.is_some_and(|spec| spec.kind() == ValueType::Enum || value.is_some() && spec.default.as_ref() == value)
}

fn word(origin: Origin) -> String {
    let word = serde_json::to_value(origin).ok();
    word.and_then(|word| Some(word.as_str()?.to_owned())).unwrap_or_default()
}
