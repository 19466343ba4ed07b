//! Text with places to fill: `{{ inputs.NAME }}` and four more, and nothing that computes.

use std::{collections::BTreeMap, fmt};

use super::reasons::TEMPLATE_FORMAT;
use crate::base::{
    ident::Id,
    reason::{Refusal, Result},
    text::excerpt,
    value::Scalar,
};

/// Text with places to fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pub(super) parts: Vec<Part>,
}

/// One part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Fixed text, never empty.
    Text(String),
    /// `{{ inputs.NAME }}`.
    Input(Id),
    /// `{{ steps.ID.outputs.NAME }}`.
    Output {
        /// The step.
        step: Id,
        /// Its output.
        output: Id,
    },
    /// `{{ item }}`.
    Item,
    /// `{{ scripts.FILE }}`.
    Script(String),
    /// `{{ scratch.FILE }}`.
    Scratch(String),
}

impl Template {
    /// Parses a template.
    ///
    /// There is no escape: `{{` always begins a place to fill.
    ///
    /// # Errors
    /// `template.format`.
    pub fn parse(text: &str) -> Result<Self> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once("{{") {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let (inner, after) = after.split_once("}}").ok_or_else(|| {
                Refusal::new(TEMPLATE_FORMAT, format!("a `{{{{` without its `}}}}`: `{}`", excerpt(text)))
            })?;
            parts.push(parse_place(inner)?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// Returns the parts in order; none for empty text.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Returns the one place that the whole template is, if it is one.
    #[must_use]
    pub fn whole(&self) -> Option<&Part> {
        match self.parts.as_slice() {
            [part] if !matches!(part, Part::Text(_)) => Some(part),
            _ => None,
        }
    }

    /// Returns the fixed text before the first place.
    #[must_use]
    pub fn prefix(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// Tells whether there is no place to fill.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// Returns how many bytes of it are there whatever stands in its places.
    #[must_use]
    pub fn fixed_length(&self) -> usize {
        let length = |part: &Part| if let Part::Text(text) = part { text.len() } else { 0 };
        self.parts.iter().map(length).sum()
    }

    /// Returns the text with the values of inputs in their places.
    ///
    /// # Errors
    /// What cannot stand here: an input without a value, or a place for something else.
    pub fn filled(&self, inputs: &BTreeMap<Id, Scalar>) -> std::result::Result<String, String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(fixed) => text.push_str(fixed),
                Part::Input(name) => match inputs.get(name) {
                    Some(value) => text.push_str(&value.to_string()),
                    None => return Err(format!("the input `{name}` has no value")),
                },
                other => return Err(format!("`{other}` cannot stand here")),
            }
        }
        Ok(text)
    }

    /// Returns the names of the inputs it takes, in order, repeated where they are.
    pub fn inputs(&self) -> impl Iterator<Item = &Id> {
        self.parts.iter().filter_map(|part| match part {
            Part::Input(name) => Some(name),
            _ => None,
        })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| part.fmt(f))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Input(name) => write!(f, "{{{{ inputs.{name} }}}}"),
            Self::Output { step, output } => write!(f, "{{{{ steps.{step}.outputs.{output} }}}}"),
            Self::Item => f.write_str("{{ item }}"),
            Self::Script(file) => write!(f, "{{{{ scripts.{file} }}}}"),
            Self::Scratch(file) => write!(f, "{{{{ scratch.{file} }}}}"),
        }
    }
}

fn parse_place(inner: &str) -> Result<Part> {
    let refuse = || Refusal::new(TEMPLATE_FORMAT, format!("`{{{{{}}}}}` is no place to fill", excerpt(inner)));
    let place = inner.strip_prefix(' ').and_then(|rest| rest.strip_suffix(' ')).ok_or_else(refuse)?;
    if place == "item" {
        return Ok(Part::Item);
    }
    let (root, rest) = place.split_once('.').ok_or_else(refuse)?;
    let id = |text: &str| text.parse::<Id>().map_err(|_| refuse());
    match root {
        "inputs" => Ok(Part::Input(id(rest)?)),
        "steps" => {
            let (step, output) = rest.split_once(".outputs.").ok_or_else(refuse)?;
            Ok(Part::Output { step: id(step)?, output: id(output)? })
        }
        "scripts" if is_file_name(rest) => Ok(Part::Script(rest.to_owned())),
        "scratch" if is_file_name(rest) => Ok(Part::Scratch(rest.to_owned())),
        _ => {
            let words = ["inputs", "steps", "scripts", "scratch"];
            let near = crate::base::diagnostic::nearest(root, words);
            Err(near
                .filter(|near| *near != root)
                .map_or_else(refuse, |near| refuse().hint(format!("did you mean `{near}`?"))))
        }
    }
}

/// Tells whether a name is a plain file name, as scripts and private files have.
#[must_use]
pub fn is_file_name(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && !name.starts_with(['.', '-'])
        && !name.ends_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_parse_to_their_parts_and_back() {
        for text in [
            "",
            "plain } text }}",
            "{{ inputs.version }}",
            "v{{ inputs.a }}-{{ inputs.b-c }}.txt",
            "{{ steps.notes.outputs.file }}",
            "{{ scripts.changelog.py }}",
            "out/{{ item }}.html",
            "{{ scratch.tmp.txt }}",
        ] {
            assert_eq!(Template::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Template::parse("--a={{ inputs.b }}").unwrap().prefix(), "--a=");
        assert!(Template::parse("{{ inputs.b }}").unwrap().whole().is_some());
        assert!(Template::parse("x{{ inputs.b }}").unwrap().whole().is_none());
    }

    #[test]
    fn anything_else_between_the_braces_is_refused() {
        for bad in [
            "{{",
            "{{}}",
            "{{ }}",
            "{{inputs.a}}",
            "{{  inputs.a }}",
            "{{ inputs.a | upper }}",
            "{{ inputs.a b }}",
            "{{ inputs }}",
            "{{ inputs. }}",
            "{{ env.HOME }}",
            "{{ steps.a.b }}",
            "{{ steps.a.outputs. }}",
            "{{ scripts.../x }}",
            "{{ scratch.a/b }}",
            "{{ scratch..hidden }}",
            "{{ item.name }}",
            "{{ items }}",
            "{{ {{ inputs.a }} }}",
            "{{ inputs.a }",
        ] {
            assert_eq!(Template::parse(bad).unwrap_err().code(), "template.format", "{bad}");
        }
        let refusal = Template::parse("{{ input.a }}").unwrap_err();
        assert_eq!(refusal.hints().next(), Some("did you mean `inputs`?"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_parses_or_is_refused_without_a_panic(text in "[{} a-c.éinputs]{0,40}") {
            if let Ok(template) = Template::parse(&text) {
                proptest::prop_assert_eq!(template.to_string(), text);
            }
        }
    }
}
