//! Strict JSON: one value, no duplicate keys, no floats, bounded; and its RFC 8785 canonical form.

use std::fmt;

use serde::{
    Serialize,
    de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

use super::{
    reason::{
        INTERNAL, JSON_DUPLICATE, JSON_MALFORMED, JSON_NON_CANONICAL, JSON_NUMBER, JSON_SCHEMA, LIMIT_COUNT,
        LIMIT_DEPTH, LIMIT_SIZE, LIMIT_STRING, Refusal,
    },
    text::MAX_STRING,
};

/// The deepest nesting any document may have.
pub const MAX_DEPTH: usize = 32;
/// The largest integer any document may hold, 2^53 - 1.
pub const MAX_INTEGER: i64 = 9_007_199_254_740_991;
/// The most members one object or array may have.
pub const MAX_MEMBERS: usize = 100_000;

/// Parses one strict JSON value of at most `max_bytes`.
///
/// Refuses duplicate keys after unescaping, floats, exponents, `-0`, integers beyond 2^53-1, a byte
/// order mark, trailing data (one line feed is let pass), and nesting beyond [`MAX_DEPTH`].
///
/// # Errors
/// `json.malformed`, `json.duplicate_key`, `json.number`, `limit.size`, `limit.depth`, `limit.string`.
pub fn parse(bytes: &[u8], max_bytes: usize) -> Result<Value, Refusal> {
    check_size(bytes, max_bytes)?;
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    check_raw(body)?;
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = Strict.deserialize(&mut reader).map_err(|e| explain(&e))?;
    reader.end().map_err(|e| explain(&e))?;
    Ok(value)
}

/// Parses a document that must be in canonical form, then checks its fields against `T`.
///
/// The bytes accepted are exactly the bytes that [`canonical`] gives for the value: one document has
/// one byte form, and nothing is normalised.
///
/// # Errors
/// Those of [`parse`], `json.non_canonical`, and `json.schema` where the fields do not fit `T`.
pub fn from_canonical<T: DeserializeOwned>(bytes: &[u8], max_bytes: usize) -> Result<T, Refusal> {
    let value = parse_canonical(bytes, max_bytes)?;
    from_value(value)
}

/// Parses a document that must be in canonical form.
///
/// # Errors
/// Those of [`parse`], and `json.non_canonical`.
pub fn parse_canonical(bytes: &[u8], max_bytes: usize) -> Result<Value, Refusal> {
    super::canonical::value(bytes, max_bytes)
}

/// Does what [`parse_canonical`] does the long way: it writes the value down, and compares.
///
/// # Errors
/// As [`parse_canonical`].
pub(super) fn parse_and_compare(bytes: &[u8], max_bytes: usize) -> Result<Value, Refusal> {
    let value = parse(bytes, max_bytes)?;
    if canonical(&value)? != bytes {
        return Err(Refusal::new(JSON_NON_CANONICAL, "the bytes differ from their canonical form"));
    }
    Ok(value)
}

/// Checks a parsed value against the fields of `T`.
///
/// # Errors
/// `json.schema`, with the path of the field where serde names one.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Refusal> {
    serde_json::from_value(value).map_err(|e| Refusal::new(JSON_SCHEMA, super::text::excerpt(&e.to_string())))
}

/// Returns the RFC 8785 canonical bytes of a value.
///
/// # Errors
/// `json.number` where the value holds a float or an integer beyond 2^53-1; `internal.error` where it
/// cannot be serialised at all.
pub fn canonical<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Refusal> {
    let value = serde_json::to_value(value).map_err(|e| Refusal::new(INTERNAL, e.to_string()))?;
    check_numbers(&value)?;
    let failed = |e: serde_json::Error| Refusal::new(INTERNAL, e.to_string());
    // Without floats and with keys that are in order whatever they are ordered by, the two write the same.
    if is_plain(&value) {
        return serde_json::to_vec(&value).map_err(failed);
    }
    serde_json_canonicalizer::to_vec(&value).map_err(failed)
}

/// Tells whether every key is ASCII, and stands after those before it.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(is_plain),
        Value::Object(members) => {
            members.keys().all(|key| key.is_ascii()) && members.keys().is_sorted() && members.values().all(is_plain)
        }
        _ => true,
    }
}

fn check_numbers(value: &Value) -> Result<(), Refusal> {
    match value {
        Value::Number(n) => match n.as_i64() {
            Some(i) if i.abs() <= MAX_INTEGER => Ok(()),
            _ => Err(Refusal::new(JSON_NUMBER, format!("number {n}"))),
        },
        Value::Array(items) => items.iter().try_for_each(check_numbers),
        Value::Object(members) => members.values().try_for_each(check_numbers),
        _ => Ok(()),
    }
}

fn check_size(bytes: &[u8], max_bytes: usize) -> Result<(), Refusal> {
    if bytes.len() > max_bytes {
        return Err(Refusal::new(LIMIT_SIZE, format!("{} bytes, the limit is {max_bytes}", bytes.len())));
    }
    Ok(())
}

/// Checks, before anything is allocated, what a value tree can no longer show: depth and numbers.
fn check_raw(bytes: &[u8]) -> Result<(), Refusal> {
    let (mut depth, mut i) = (0_usize, 0_usize);
    while let Some(&b) = bytes.get(i) {
        match b {
            b'"' => {
                let start = i;
                i += 1;
                while let Some(&c) = bytes.get(i) {
                    match c {
                        b'\\' => i += 1,
                        b'"' => break,
                        _ => {}
                    }
                    i += 1;
                }
                // An escape is at most six bytes for one byte of text.
                if i - start > 6 * MAX_STRING {
                    return Err(Refusal::new(LIMIT_STRING, format!("a string of {} bytes", i - start)));
                }
            }
            b'[' | b'{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(Refusal::new(LIMIT_DEPTH, format!("nested deeper than {MAX_DEPTH}")));
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'-' | b'0'..=b'9' => {
                let start = i;
                while matches!(bytes.get(i + 1), Some(b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) {
                    i += 1;
                }
                let token = &bytes[start..=i];
                if token.iter().any(|b| matches!(b, b'.' | b'e' | b'E')) || token == b"-0" || token.len() > 17 {
                    let shown = String::from_utf8_lossy(&token[..token.len().min(40)]);
                    return Err(Refusal::new(JSON_NUMBER, format!("number {shown}")));
                }
            }
            _ => {}
        }
        i += 1;
    }
    Ok(())
}

/// Turns serde's text into our reason; the markers are those that [`Strict`] puts there.
fn explain(error: &serde_json::Error) -> Refusal {
    let text = error.to_string();
    let reason = if text.starts_with("duplicate key") {
        JSON_DUPLICATE
    } else if text.starts_with("number") {
        JSON_NUMBER
    } else if text.starts_with("string of") {
        LIMIT_STRING
    } else if text.starts_with("more than") {
        LIMIT_COUNT
    } else {
        JSON_MALFORMED
    };
    Refusal::new(reason, super::text::excerpt(&text))
}

/// Builds a [`Value`] and refuses what ordinary parsers let pass.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("strict JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E: de::Error>(self, v: i64) -> Result<Value, E> {
        if v.unsigned_abs() > MAX_INTEGER.unsigned_abs() {
            return Err(E::custom(format_args!("number {v} is beyond 2^53-1")));
        }
        Ok(Value::Number(Number::from(v)))
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<Value, E> {
        match i64::try_from(v) {
            Ok(v) => self.visit_i64(v),
            Err(_) => Err(E::custom(format_args!("number {v} is beyond 2^53-1"))),
        }
    }

    fn visit_f64<E: de::Error>(self, v: f64) -> Result<Value, E> {
        Err(E::custom(format_args!("number {v} is not an integer")))
    }

    fn visit_str<E: de::Error>(self, v: &str) -> Result<Value, E> {
        if v.len() > MAX_STRING {
            return Err(E::custom(format_args!("string of {} bytes", v.len())));
        }
        Ok(Value::String(v.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Strict)? {
            if items.len() == MAX_MEMBERS {
                return Err(de::Error::custom(format_args!("more than {MAX_MEMBERS} items")));
            }
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(Strict)?;
            if members.len() == MAX_MEMBERS {
                return Err(de::Error::custom(format_args!("more than {MAX_MEMBERS} members")));
            }
            if members.contains_key(&key) {
                return Err(de::Error::custom(format_args!("duplicate key `{}`", super::text::excerpt(&key))));
            }
            members.insert(key, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        parse(text.as_bytes(), 1 << 20).unwrap_err().code()
    }

    #[test]
    fn b07_duplicate_keys_are_refused_at_every_depth_after_unescaping() {
        assert_eq!(code(r#"{"a":1,"a":1}"#), "json.duplicate_key");
        assert_eq!(code(r#"[{"x":{"a":1,"\u0061":2}}]"#), "json.duplicate_key");
    }

    #[test]
    fn b08_numbers_that_two_readers_could_read_differently_are_refused() {
        for bad in [
            "1.0",
            "1e3",
            "-0",
            "9007199254740992",
            "9007199254740993",
            "-9007199254740992",
            "1E2",
            "-0.0",
            "123456789012345678901",
        ] {
            assert_eq!(code(bad), "json.number", "{bad}");
        }
        assert!(parse(b"9007199254740991", 100).is_ok());
        assert!(parse(b"-9007199254740991", 100).is_ok());
    }

    #[test]
    fn b09_b10_lone_surrogates_trailing_data_and_marks_are_refused() {
        for bad in
            ["\"\\ud800\"", "1 2", "{}x", "\u{feff}{}", "{}\n\n//", "{}\0", "", " ", "[1,]", "{'a':1}", "{}{}", "nul"]
        {
            assert_eq!(code(bad), "json.malformed", "{bad:?}");
        }
        assert_eq!(parse(b"\"\xff\"", 100).unwrap_err().code(), "json.malformed");
        assert!(parse(b"{}\n", 100).is_ok());
    }

    #[test]
    fn b11_bombs_are_refused_before_allocation() {
        assert_eq!(code(&"[".repeat(100_000)), "limit.depth");
        assert_eq!(code(&format!("\"{}\"", "a".repeat(MAX_STRING + 1))), "limit.string");
        assert_eq!(parse(&[b' '; 101], 100).unwrap_err().code(), "limit.size");
    }

    #[test]
    fn b12_canonical_or_refuse() {
        for bad in ["{ }", "{\"b\":1,\"a\":2}", "{\"a\":\"\\u0041\"}", "{}\n", "[1, 2]"] {
            assert_eq!(parse_canonical(bad.as_bytes(), 100).unwrap_err().code(), "json.non_canonical", "{bad}");
        }
        assert!(parse_canonical(br#"{"a":[1,"x"],"b":null}"#, 100).is_ok());
    }
}
