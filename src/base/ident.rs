//! Identifiers that name steps, inputs, outputs, rules and runs.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::reason::{ID_FORMAT, Refusal};

/// A name of 1 to 100 characters out of `A-Z a-z 0-9 _ -`; what is copied is shared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Arc<str>);

impl Id {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Tells whether a text is the full id of an object in git, such as a commit: 40 or 64 digits of lower-case hex.
#[must_use]
pub fn is_commit_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

impl FromStr for Id {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let fits = (1..=100).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(Refusal::new(ID_FORMAT, format!("not an id: `{}`", super::text::excerpt(text))))
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for Id {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::spelled::deserialize(deserializer)
    }
}

impl schemars::JsonSchema for Id {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{1,100}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::is_commit_id;

    #[test]
    fn the_id_of_a_commit_is_full_and_of_lower_case() {
        for length in [40, 64] {
            assert!(is_commit_id(&"0123456789abcdef".repeat(4)[..length]));
            assert!(!is_commit_id(&"A".repeat(length)) && !is_commit_id(&"g".repeat(length)));
        }
        for short in ["", "abcdef0", &"0".repeat(39), &"0".repeat(41), &"0".repeat(63), &"0".repeat(65)] {
            assert!(!is_commit_id(short), "{short}");
        }
        assert!(!is_commit_id(&"ä".repeat(20)));
    }
}
