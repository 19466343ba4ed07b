//! Typed values: what directives and pipelines take, and what steps hand on.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{path::RepoPath, reason::Refusal};
use crate::reasons;

/// The type of an input, an output or a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ValueType {
    /// Free text on one line.
    String,
    /// A whole number within +/-(2^53-1).
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A path inside the repository.
    Path,
    /// One word of a list.
    Enum,
    /// A day, `YYYY-MM-DD`.
    Date,
    /// A SHA-256 digest, `sha256:` and 64 hex digits.
    Digest,
}

impl ValueType {
    /// Every type, with the word that files use for it.
    pub const ALL: [(&'static str, Self); 7] = [
        ("string", Self::String),
        ("integer", Self::Integer),
        ("boolean", Self::Boolean),
        ("path", Self::Path),
        ("enum", Self::Enum),
        ("date", Self::Date),
        ("digest", Self::Digest),
    ];
}

/// One concrete value, as JSON holds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scalar {
    /// Text, also for paths, enum words, dates and digests.
    Text(String),
    /// A whole number within +/-(2^53-1).
    Integer(i64),
    /// A truth value.
    Boolean(bool),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Integer(n) => write!(f, "{n}"),
            Self::Boolean(b) => write!(f, "{b}"),
        }
    }
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Integer(n) => serializer.serialize_i64(*n),
            Self::Boolean(b) => serializer.serialize_bool(*b),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScalarVisitor;
        impl de::Visitor<'_> for ScalarVisitor {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, an integer or a boolean")
            }
            fn visit_str<E>(self, v: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(v.to_owned()))
            }
            fn visit_bool<E>(self, v: bool) -> Result<Scalar, E> {
                Ok(Scalar::Boolean(v))
            }
            fn visit_i64<E>(self, v: i64) -> Result<Scalar, E> {
                Ok(Scalar::Integer(v))
            }
            fn visit_u64<E: de::Error>(self, v: u64) -> Result<Scalar, E> {
                i64::try_from(v).map(Scalar::Integer).map_err(|_| E::custom("integer out of range"))
            }
        }
        deserializer.deserialize_any(ScalarVisitor)
    }
}

impl JsonSchema for Scalar {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "integer", "boolean"] })
    }
}

/// What a value must be: its type and its bounds.
///
/// Built through [`ValueSpec::new`], which refuses bounds that do not belong to the type.
#[derive(Clone, Debug)]
pub struct ValueSpec {
    kind: ValueType,
    pattern: Option<regex::Regex>,
    min: Option<i64>,
    max: Option<i64>,
    words: Vec<String>,
    may_start_with_dash: bool,
}

/// The bounds of a value as a file or a plan states them; which apply depends on the type.
#[derive(Clone, Debug, Default)]
pub struct Bounds<'a> {
    /// A regular expression the whole text must match.
    pub pattern: Option<&'a str>,
    /// The least integer, or the least number of characters.
    pub min: Option<i64>,
    /// The greatest integer, or the greatest number of characters.
    pub max: Option<i64>,
    /// The words of an enum.
    pub words: &'a [String],
    /// Lets text begin with `-`, where the program cannot take it for a flag.
    pub may_start_with_dash: bool,
}

impl ValueSpec {
    /// Makes a specification.
    ///
    /// # Errors
    /// `value.spec` where a bound does not belong to the type, is contradictory, or the pattern is
    /// not a regular expression.
    pub fn new(kind: ValueType, bounds: Bounds<'_>) -> Result<Self, Refusal> {
        let refuse = |why: String| Err(Refusal::new(VALUE_SPEC, why));
        let textual = matches!(kind, ValueType::String | ValueType::Path);
        if bounds.pattern.is_some() && !textual {
            return refuse("`pattern` belongs to string and path values only".into());
        }
        if (bounds.min.is_some() || bounds.max.is_some()) && !textual && kind != ValueType::Integer {
            return refuse("`min` and `max` belong to integer, string and path values only".into());
        }
        if let (Some(min), Some(max)) = (bounds.min, bounds.max)
            && min > max
        {
            return refuse(format!("`min` {min} is above `max` {max}"));
        }
        if bounds.words.is_empty() == (kind == ValueType::Enum) {
            return refuse("`values` belongs to enum values, which need at least one".into());
        }
        let pattern = match bounds.pattern {
            None => None,
            Some(text) => match regex::RegexBuilder::new(&format!("^(?:{text})$")).size_limit(1 << 20).build() {
                Ok(regex) => Some(regex),
                Err(_) => return refuse(format!("not a regular expression: `{}`", super::text::excerpt(text))),
            },
        };
        Ok(Self {
            kind,
            pattern,
            min: bounds.min,
            max: bounds.max,
            words: bounds.words.to_vec(),
            may_start_with_dash: bounds.may_start_with_dash,
        })
    }

    /// Returns the type.
    #[must_use]
    pub fn kind(&self) -> ValueType {
        self.kind
    }

    /// Reads a value from text, as a command line or a program's output gives it.
    ///
    /// # Errors
    /// `value.type` or `value.bounds`.
    pub fn read(&self, text: &str) -> Result<Scalar, Refusal> {
        let scalar = match self.kind {
            ValueType::Integer => text.parse().map(Scalar::Integer).map_err(|_| self.mistyped(text))?,
            ValueType::Boolean => match text {
                "true" => Scalar::Boolean(true),
                "false" => Scalar::Boolean(false),
                _ => return Err(self.mistyped(text)),
            },
            _ => Scalar::Text(text.to_owned()),
        };
        self.check(&scalar)?;
        Ok(scalar)
    }

    /// Checks a value against the type and its bounds.
    ///
    /// Text is printable ASCII, since it becomes part of an argument list.
    ///
    /// # Errors
    /// `value.type`, `value.bounds`, `text.not_ascii`, `text.template`, `path.invalid`.
    pub fn check(&self, value: &Scalar) -> Result<(), Refusal> {
        match (self.kind, value) {
            (ValueType::Integer, Scalar::Integer(n)) => {
                if n.abs() > super::json::MAX_INTEGER {
                    return Err(out_of_bounds(format!("{n} is beyond 2^53-1")));
                }
                self.check_range(*n, "the number")
            }
            (ValueType::Boolean, Scalar::Boolean(_)) => Ok(()),
            (ValueType::Integer | ValueType::Boolean, other)
            | (_, other @ (Scalar::Integer(_) | Scalar::Boolean(_))) => Err(self.mistyped(&other.to_string())),
            (kind, Scalar::Text(text)) => {
                super::text::check_steering(text)?;
                if text.starts_with('-') && !self.may_start_with_dash {
                    return Err(out_of_bounds(format!(
                        "`{}` begins with a dash, like a flag",
                        super::text::excerpt(text)
                    )));
                }
                match kind {
                    ValueType::Path => {
                        text.parse::<RepoPath>()?;
                    }
                    ValueType::Date if text.parse::<jiff::civil::Date>().is_err() || text.len() != 10 => {
                        return Err(self.mistyped(text));
                    }
                    ValueType::Digest => {
                        text.parse::<super::digest::Digest>()?;
                    }
                    ValueType::Enum if !self.words.contains(text) => {
                        let mut refusal = out_of_bounds(format!(
                            "`{}` is not one of {}",
                            super::text::excerpt(text),
                            self.words.join(", ")
                        ));
                        if let Some(near) = super::diagnostic::nearest(text, self.words.iter().map(String::as_str)) {
                            refusal = refusal.hint(format!("did you mean `{near}`?"));
                        }
                        return Err(refusal);
                    }
                    _ => {}
                }
                if matches!(kind, ValueType::String | ValueType::Path) {
                    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
                    self.check_range(length, "the length")?;
                }
                match &self.pattern {
                    Some(pattern) if !pattern.is_match(text) => Err(out_of_bounds(format!(
                        "`{}` does not match `{}`",
                        super::text::excerpt(text),
                        pattern.as_str()
                    ))),
                    _ => Ok(()),
                }
            }
        }
    }

    fn check_range(&self, n: i64, what: &str) -> Result<(), Refusal> {
        if self.min.is_some_and(|min| n < min) || self.max.is_some_and(|max| n > max) {
            return Err(out_of_bounds(match (self.min, self.max) {
                (Some(min), Some(max)) => format!("{what} {n} is not within {min} and {max}"),
                (Some(min), None) => format!("{what} {n} is less than {min}"),
                (None, most) => format!("{what} {n} is more than {}", most.unwrap_or(n)),
            }));
        }
        Ok(())
    }

    fn mistyped(&self, given: &str) -> Refusal {
        let word = ValueType::ALL.iter().find(|(_, kind)| *kind == self.kind).map_or("value", |(word, _)| word);
        Refusal::new(VALUE_TYPE, format!("`{}` is not {} {word}", super::text::excerpt(given), article(word)))
    }
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

fn out_of_bounds(why: String) -> Refusal {
    Refusal::new(VALUE_BOUNDS, why)
}

reasons! {
    VALUE_SPEC = "value.spec", Usage, "the bounds of a value contradict its type or each other", "`min` and `max` belong to integer, string and path, `pattern` to string and path, `values` to enum";
    VALUE_TYPE = "value.type", Usage, "a value is not of its declared type", "give a value of the declared type";
    VALUE_BOUNDS = "value.bounds", Usage, "a value is outside its declared bounds", "give a value within the declared bounds";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(kind: ValueType) -> ValueSpec {
        ValueSpec::new(kind, Bounds::default()).unwrap()
    }

    #[test]
    fn c03_text_that_looks_like_a_flag_is_refused() {
        assert_eq!(spec(ValueType::String).read("--upload-pack=x").unwrap_err().code(), "value.bounds");
        let lenient =
            ValueSpec::new(ValueType::String, Bounds { may_start_with_dash: true, ..Bounds::default() }).unwrap();
        assert!(lenient.read("-x").is_ok());
    }

    #[test]
    fn each_type_takes_its_own_and_nothing_else() {
        assert_eq!(spec(ValueType::Integer).read("12").unwrap(), Scalar::Integer(12));
        assert_eq!(spec(ValueType::Boolean).read("true").unwrap(), Scalar::Boolean(true));
        for (kind, bad) in [
            (ValueType::Integer, "1.0"),
            (ValueType::Integer, "9007199254740992"),
            (ValueType::Boolean, "yes"),
            (ValueType::Path, "../x"),
            (ValueType::Date, "2026-02-30"),
            (ValueType::Date, "20260228"),
            (ValueType::Digest, "sha256:00"),
            (ValueType::String, "a\u{202e}b"),
        ] {
            assert!(spec(kind).read(bad).is_err(), "{kind:?} {bad}");
        }
    }

    #[test]
    fn a_value_of_another_type_is_told_in_a_sentence() {
        for (kind, told) in [(ValueType::Integer, "`x` is not an integer"), (ValueType::Date, "`x` is not a date")] {
            assert_eq!(spec(kind).read("x").unwrap_err().message(), told);
        }
    }

    #[test]
    fn bounds_hold_and_must_fit_the_type() {
        let bounded =
            ValueSpec::new(ValueType::Integer, Bounds { min: Some(1), max: Some(3), ..Bounds::default() }).unwrap();
        assert!(bounded.read("3").is_ok());
        assert!(bounded.read("4").is_err());
        assert!(ValueSpec::new(ValueType::Boolean, Bounds { min: Some(1), ..Bounds::default() }).is_err());
        assert!(ValueSpec::new(ValueType::Enum, Bounds::default()).is_err());
        let word = ["staging".to_owned(), "production".to_owned()];
        let words = ValueSpec::new(ValueType::Enum, Bounds { words: &word, ..Bounds::default() }).unwrap();
        assert_eq!(words.read("stagin").unwrap_err().hints().next(), Some("did you mean `staging`?"));
        let version = Bounds { pattern: Some(r"v\d+"), ..Bounds::default() };
        let patterned = ValueSpec::new(ValueType::String, version).unwrap();
        assert!(patterned.read("v12").is_ok());
        assert!(patterned.read("xv12").is_err(), "the whole text must match");
    }
}
