//! Fills what a plan leaves open: values of earlier steps, paths of scripts and scratch files.

use std::{collections::BTreeMap, path::Path};

use super::reasons::{OUTPUT_MISSING, SLOT_INVALID};
use crate::{
    base::{
        ident::Id,
        reason::{ARGV_FLAG, Refusal, Result},
        value::{Bounds, Scalar, ValueSpec, ValueType},
    },
    plan::model::{Arg, Slot},
};

/// The outputs of the steps that are done.
pub(super) type Outputs = BTreeMap<Id, BTreeMap<Id, Scalar>>;

/// Where a step's private files lie.
pub(super) struct Places<'a> {
    /// The folder below which scripts lie at their repository paths.
    pub(super) scripts: &'a Path,
    /// The scratch folder.
    pub(super) scratch: &'a Path,
}

/// Returns the text of an argument or variable.
///
/// # Errors
/// `output.missing`, `slot.invalid`, `argv.flag`.
pub(super) fn fill(arg: &Arg, outputs: &Outputs, places: &Places<'_>) -> Result<String> {
    match arg {
        Arg::Literal(text) => Ok(text.clone()),
        Arg::Script(path) => Ok(places.scripts.join(path.as_str()).display().to_string()),
        Arg::Scratch(name) => Ok(places.scratch.join(name).display().to_string()),
        Arg::Slot(slot) => fill_slot(slot, outputs),
    }
}

fn fill_slot(slot: &Slot, outputs: &Outputs) -> Result<String> {
    let named = format!("{}.{}", slot.from_step, slot.output);
    let value = outputs
        .get(&slot.from_step)
        .and_then(|step| step.get(&slot.output))
        .ok_or_else(|| Refusal::new(OUTPUT_MISSING, format!("`{named}` is not there")).subject(&named))?;
    let text = value.to_string();
    if slot.prefix.is_empty() && text.starts_with('-') {
        return Err(Refusal::new(ARGV_FLAG, format!("`{named}` begins with a dash")).subject(&named));
    }
    check(slot.kind, slot.pattern.as_deref(), slot.max_length, value)
        .map_err(|why| Refusal::new(SLOT_INVALID, format!("`{named}`: {}", why.message())).subject(&named))?;
    Ok(format!("{}{text}", slot.prefix))
}

/// Checks a value against the type, pattern and length that an output or a slot states.
pub(super) fn check(kind: ValueType, pattern: Option<&str>, max_length: u32, value: &Scalar) -> Result<()> {
    let text = value.to_string();
    if text.len() > max_length as usize {
        return Err(Refusal::new(SLOT_INVALID, format!("{} bytes, and {max_length} are the most", text.len())));
    }
    spec(kind, pattern)?.check(value)
}

/// Reads a value of the type, pattern and length that an output states.
pub(super) fn read(kind: ValueType, pattern: Option<&str>, max_length: u32, text: &str) -> Result<Scalar> {
    let value = spec(kind, pattern)?.read(text)?;
    check(kind, pattern, max_length, &value)?;
    Ok(value)
}

/// An enum's words are not in the plan; there its pattern stands for them.
fn spec(kind: ValueType, pattern: Option<&str>) -> Result<ValueSpec> {
    let kind = if kind == ValueType::Enum { ValueType::String } else { kind };
    ValueSpec::new(kind, Bounds { pattern, may_start_with_dash: true, ..Bounds::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(prefix: &str, kind: ValueType, pattern: Option<&str>, max_length: u32) -> Arg {
        Arg::Slot(Slot {
            prefix: prefix.into(),
            from_step: "a".parse().unwrap(),
            output: "out".parse().unwrap(),
            kind,
            pattern: pattern.map(str::to_owned),
            max_length,
        })
    }

    fn given(value: Scalar) -> Outputs {
        BTreeMap::from([("a".parse().unwrap(), BTreeMap::from([("out".parse().unwrap(), value)]))])
    }

    fn filled(arg: &Arg, value: Scalar) -> Result<String> {
        let places = Places { scripts: Path::new("/scripts"), scratch: Path::new("/scratch") };
        fill(arg, &given(value), &places)
    }

    #[test]
    fn c03_a_value_never_becomes_a_flag() {
        let whole = slot("", ValueType::String, None, 100);
        assert_eq!(filled(&whole, Scalar::Text("--upload-pack=x".into())).unwrap_err().code(), "argv.flag");
        assert_eq!(
            filled(&slot("", ValueType::Integer, None, 9), Scalar::Integer(-1)).unwrap_err().code(),
            "argv.flag"
        );
        let after = slot("--message=", ValueType::String, None, 100);
        assert_eq!(filled(&after, Scalar::Text("-x".into())).unwrap(), "--message=-x");
    }

    #[test]
    fn c24_a_value_is_checked_again_against_the_slot() {
        let narrow = slot("", ValueType::String, Some("v[0-9]+"), 4);
        assert_eq!(filled(&narrow, Scalar::Text("v12".into())).unwrap(), "v12");
        for bad in ["x", "v1 --force", "v12345", "v1\n", ""] {
            assert_eq!(filled(&narrow, Scalar::Text(bad.into())).unwrap_err().code(), "slot.invalid", "{bad:?}");
        }
        assert_eq!(filled(&narrow, Scalar::Boolean(true)).unwrap_err().code(), "slot.invalid");
        let path = slot("", ValueType::Path, None, 100);
        assert_eq!(filled(&path, Scalar::Text("../x".into())).unwrap_err().code(), "slot.invalid");
        let places = Places { scripts: Path::new("/scripts"), scratch: Path::new("/scratch") };
        assert_eq!(fill(&narrow, &Outputs::new(), &places).unwrap_err().code(), "output.missing");
    }
}
