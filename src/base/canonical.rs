//! A fast reader of canonical documents: checks the form in one pass, then reads the fields.
//!
//! It accepts exactly what the long way, to write the value down and compare, accepts and refuses with the same codes;
//! it only builds no tree on the way. The ledger and signed statements are read through it.

use std::{borrow::Cow, cmp::Ordering};

use serde::Deserialize;

use super::{
    json::{self, MAX_DEPTH, MAX_INTEGER, MAX_MEMBERS},
    reason::{INTERNAL, JSON_NON_CANONICAL, JSON_SCHEMA, Refusal, Result},
    text::MAX_STRING,
};

/// Parses a document that must be in canonical form, of at most `max_bytes`, as a `T`.
///
/// # Errors
/// Those of [`check`], and `json.schema` where the fields do not fit `T`.
pub fn read<'de, T: Deserialize<'de>>(bytes: &'de [u8], max_bytes: usize) -> Result<T> {
    let text = check(bytes, max_bytes)?;
    serde_json::from_str(text).map_err(|e| Refusal::new(JSON_SCHEMA, super::text::excerpt(&e.to_string())))
}

/// Parses a document that must be in canonical form to a tree of values.
///
/// # Errors
/// Those of [`check`].
pub(super) fn value(bytes: &[u8], max_bytes: usize) -> Result<serde_json::Value> {
    let text = check(bytes, max_bytes)?;
    serde_json::from_str(text).map_err(|e| Refusal::new(INTERNAL, super::text::excerpt(&e.to_string())))
}

/// Checks that bytes are one strict JSON value in canonical form, and returns them as text.
///
/// # Errors
/// `json.*`, `limit.*`, the same as [`json::parse_canonical`].
pub fn check(bytes: &[u8], max_bytes: usize) -> Result<&str> {
    find(bytes, max_bytes, "").map(|(text, _)| text)
}

/// Does what [`check`] does, and on the way finds a member of the outermost object that is a string.
///
/// # Errors
/// As [`check`].
pub fn find<'a>(bytes: &'a [u8], max_bytes: usize, member: &'a str) -> Result<(&'a str, Option<Cow<'a, str>>)> {
    if bytes.len() <= max_bytes
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        let mut scanner = Scanner { text, bytes, at: 0, member, found: None };
        if scanner.document().is_some() {
            return Ok((text, scanner.found.and_then(unescaped)));
        }
    }
    // The slow reader knows what to say; should it see nothing wrong, the two differ and neither is believed.
    json::parse_and_compare(bytes, max_bytes)?;
    Err(Refusal::new(JSON_NON_CANONICAL, "the bytes differ from their canonical form"))
}

fn unescaped(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.contains('\\') {
        return Some(Cow::Borrowed(raw));
    }
    serde_json::from_str(&format!("\"{raw}\"")).ok().map(Cow::Owned)
}

/// Walks the bytes once; `None` means not canonical, whatever the reason.
struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Name of the member that is looked for, plain ASCII.
    member: &'a str,
    /// Its raw text, where it is a string.
    found: Option<&'a str>,
}

impl<'a> Scanner<'a> {
    fn document(&mut self) -> Option<()> {
        self.value(0)?;
        (self.at == self.bytes.len()).then_some(())
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' => self.object(depth + 1),
            b'[' => self.array(depth + 1),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ => self.number(),
        }
    }

    fn literal(&mut self, word: &[u8]) -> Option<()> {
        self.bytes[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        if depth > MAX_DEPTH {
            return None;
        }
        if self.take(b'}').is_some() {
            return Some(());
        }
        let mut last: Option<&str> = None;
        for _ in 0..MAX_MEMBERS {
            let key = self.string()?;
            if last.is_some_and(|last| order(last, key) != Some(Ordering::Less)) {
                return None;
            }
            last = Some(key);
            self.take(b':')?;
            if depth == 1 && key == self.member && self.peek() == Some(b'"') {
                self.found = Some(self.string()?);
            } else {
                self.value(depth)?;
            }
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
        None
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        if depth > MAX_DEPTH {
            return None;
        }
        if self.take(b']').is_some() {
            return Some(());
        }
        for _ in 0..MAX_MEMBERS {
            self.value(depth)?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
        None
    }

    /// Returns the raw text between the quotes.
    fn string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let start = self.at;
        let mut escapes = 0;
        loop {
            self.at += plain(&self.bytes[self.at..]);
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    let length = escape(&self.bytes[self.at..])?;
                    self.at += length;
                    escapes += length - 1;
                }
                _ => return None,
            }
        }
        let raw = self.text.get(start..self.at)?;
        self.at += 1;
        (raw.len() - escapes <= MAX_STRING).then_some(raw)
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        let negative = self.take(b'-').is_some();
        let digits = self.bytes[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
        let leading_zero = self.peek()? == b'0';
        self.at += digits;
        let fits = (1..=16).contains(&digits) && !(leading_zero && (digits > 1 || negative));
        let n: i64 = fits.then(|| self.text.get(start..self.at)?.parse().ok()).flatten()?;
        (n.abs() <= MAX_INTEGER).then_some(())
    }
}

/// Returns how many bytes go before the first quote, backslash or control character; eight at a time.
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    // The lowest bit set is exact: a borrow marks wrongly only what lies above a byte that is marked rightly.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & (ONES << 7);
    let (words, rest) = bytes.as_chunks::<8>();
    for (n, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = below(word ^ (ONES * u64::from(b'"')), 1);
        let escape = below(word ^ (ONES * u64::from(b'\\')), 1);
        let special = quote | escape | below(word, 0x20);
        if special != 0 {
            return n * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let special = |&b: &u8| b == b'"' || b == b'\\' || b < 0x20;
    words.len() * 8 + rest.iter().position(special).unwrap_or(rest.len())
}

/// Returns the length of the one canonical escape that the bytes begin with.
fn escape(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        b'"' | b'\\' | b'b' | b't' | b'n' | b'f' | b'r' => Some(2),
        b'u' => {
            let digits = bytes.get(2..6)?;
            let code = u8::from_str_radix(std::str::from_utf8(digits.strip_prefix(b"00")?).ok()?, 16).ok()?;
            let short = matches!(code, 0x08 | 0x09 | 0x0a | 0x0c | 0x0d);
            let lower = digits.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            (code < 0x20 && !short && lower).then_some(6)
        }
        _ => None,
    }
}

/// Compares two raw keys by UTF-16 code units after unescaping, the order of RFC 8785.
fn order(left: &str, right: &str) -> Option<Ordering> {
    let plain = |key: &str| key.is_ascii() && !key.contains('\\');
    if plain(left) && plain(right) {
        return Some(left.cmp(right));
    }
    let unescape = |raw: &str| serde_json::from_str::<String>(&format!("\"{raw}\"")).ok();
    Some(unescape(left)?.encode_utf16().cmp(unescape(right)?.encode_utf16()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const LIMIT: usize = 1 << 20;

    fn agrees(bytes: &[u8]) {
        let read = json::parse_and_compare(bytes, LIMIT).map_err(|e| e.code());
        assert_eq!(value(bytes, LIMIT).map_err(|e| e.code()), read);
        let slow = read.map(drop);
        let scanned = std::str::from_utf8(bytes)
            .is_ok_and(|text| Scanner { text, bytes, at: 0, member: "", found: None }.document().is_some());
        assert_eq!(scanned, slow.is_ok(), "{:?}", String::from_utf8_lossy(bytes));
        assert_eq!(check(bytes, LIMIT).map(drop).map_err(|e| e.code()), slow);
    }

    #[test]
    fn b12_agrees_with_the_slow_reader_on_every_trap() {
        for text in [
            "",
            " ",
            "{}",
            "[]",
            "{ }",
            "[1, 2]",
            "{\"a\":1,\"a\":1}",
            "{\"b\":1,\"a\":2}",
            "{\"a\":1,\"b\":2}",
            "\"\\u0041\"",
            "\"\\u001f\"",
            "\"\\u001F\"",
            "\"\\u000a\"",
            "\"\\n\"",
            "\"\\/\"",
            "\"\u{7f}\"",
            "\"\u{e9}\"",
            "\"\\ud83d\\ude00\"",
            "\"\\ud800\"",
            "{\"\u{e000}\":1,\"\u{10000}\":2}",
            "{\"\u{10000}\":1,\"\u{e000}\":2}",
            "{\"\\\"\":1,\"a\":2}",
            "{\"a\":1,\"\\\"\":2}",
            "0",
            "-0",
            "-1",
            "01",
            "1.0",
            "1e3",
            "9007199254740991",
            "9007199254740992",
            "-9007199254740991",
            "-9007199254740992",
            "-",
            "true",
            "truex",
            "nul",
            "null",
            "{}{}",
            "{}\n",
            "[1,]",
            "{\"a\":}",
            "{\"a\"}",
            "\"\\u00+f\"",
            "\"\n\"",
            "\"a",
            "[",
            "{\"a\":1",
            "+1",
            "\u{feff}{}",
        ] {
            agrees(text.as_bytes());
        }
        agrees(b"\"\xff\"");
        for depth in [MAX_DEPTH, MAX_DEPTH + 1] {
            agrees(format!("{}{}", "[".repeat(depth), "]".repeat(depth)).as_bytes());
        }
        for length in [MAX_STRING, MAX_STRING + 1] {
            agrees(format!("\"{}\"", "a".repeat(length)).as_bytes());
            agrees(format!("\"{}\\n\"", "a".repeat(length - 1)).as_bytes());
        }
    }

    #[test]
    fn b12_the_first_special_byte_is_found_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for at in 0..20 {
                let mut bytes = [b'a', 0x7f, 0x80, 0xff, b'!', b'#', b']'].repeat(3);
                bytes[at] = byte;
                let slow = bytes.iter().position(|&b| b == b'"' || b == b'\\' || b < 0x20).unwrap_or(bytes.len());
                assert_eq!(plain(&bytes), slow, "{byte} at {at}");
            }
        }
    }

    #[test]
    fn b12_a_member_is_found_only_in_the_outermost_object_and_unescaped() {
        let named = |text: &str| find(text.as_bytes(), LIMIT, "b").unwrap().1.map(Cow::into_owned);
        assert_eq!(named(r#"{"a":{"b":"inner"},"b":"outer"}"#).as_deref(), Some("outer"));
        assert_eq!(named(r#"{"b":"q\"\n"}"#).as_deref(), Some("q\"\n"));
        for absent in [r#"{"a":{"b":"inner"}}"#, r#"{"b":1}"#, r#"["b"]"#, r#""b""#, "{}"] {
            assert_eq!(named(absent), None, "{absent}");
        }
        assert_eq!(find(br#"{"b":"x" }"#, LIMIT, "b").unwrap_err().code(), "json.non_canonical");
    }

    #[test]
    fn b12_fields_are_read_only_from_canonical_bytes() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct One {
            a: u64,
        }
        assert_eq!(read::<One>(br#"{"a":1}"#, LIMIT).unwrap().a, 1);
        assert_eq!(read::<One>(br#"{"a": 1}"#, LIMIT).unwrap_err().code(), "json.non_canonical");
        assert_eq!(read::<One>(br#"{"b":1}"#, LIMIT).unwrap_err().code(), "json.schema");
        assert_eq!(read::<One>(br#"{"a":1}"#, 3).unwrap_err().code(), "limit.size");
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-MAX_INTEGER..=MAX_INTEGER).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[\\x00-\\x24\\\\\"]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|members| Value::from(members.into_iter().collect::<serde_json::Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #[test]
        fn b12_every_canonical_document_passes(value in any_value()) {
            let bytes = serde_json_canonicalizer::to_vec(&value).unwrap();
            prop_assert_eq!(&json::canonical(&value).unwrap(), &bytes);
            prop_assert!(check(&bytes, LIMIT).is_ok());
            agrees(&bytes);
        }

        #[test]
        fn b12_agrees_on_altered_documents(value in any_value(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = serde_json_canonicalizer::to_vec(&value).unwrap();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            agrees(&bytes);
            bytes.remove(at);
            agrees(&bytes);
        }

        #[test]
        fn b12_agrees_on_any_text(text in "[\\[\\]{}:,\"\\\\0-9a-fu.eE+ -]{0,24}") {
            agrees(text.as_bytes());
        }
    }
}
