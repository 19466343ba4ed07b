//! The bytes of an entry, and the names of files in the ledger's tree.
//!
//! An entry is one line of canonical JSON, `{"at":…,"envelope":…,"prev":…,"seq":…}`, without its line
//! feed. `prev` is the SHA-256 of the previous entry's bytes, in the genesis 32 zero bytes. The wrapper
//! is not signed: every statement names an earlier entry by hash, and checkpoints fix all before them.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::reasons::{LEDGER_CHAIN, LEDGER_CORRUPT};
use crate::{
    base::{
        canonical,
        digest::Digest,
        reason::{INTERNAL, LIMIT_SIZE, Refusal, Result},
        time::Timestamp,
    },
    sign::envelope::{Envelope, MAX_SIGNATURES, PAYLOAD_TYPE},
};

/// The largest entry, in bytes, without its line feed.
pub const MAX_ENTRY: usize = 64 * 1024;
/// The largest object beside the entries: a plan of 4 MiB, and room.
pub const MAX_OBJECT: usize = 8 << 20;
/// The most entries one append may hold.
pub const MAX_BATCH: usize = 1_000;
/// What `prev` is in the genesis entry.
pub const NO_PREVIOUS: Digest = Digest::from_bytes([0; 32]);
/// Name of the marker file.
pub const MARKER_NAME: &str = "ledger.json";
/// Content of the marker file.
pub const MARKER: &[u8] = br#"{"format":1}"#;

/// An entry as its bytes say, nothing verified but their form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawEntry {
    /// Position, 0 for the genesis.
    pub seq: u64,
    /// SHA-256 of the previous entry's bytes.
    pub prev: Digest,
    /// When the entry was appended, as its writer says.
    pub at: Timestamp,
    /// SHA-256 of this entry's bytes.
    pub hash: Digest,
    /// The statement.
    pub envelope: Envelope,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Wrapper<'a> {
    at: Timestamp,
    #[serde(borrow)]
    envelope: WrappedEnvelope<'a>,
    prev: Digest,
    seq: u64,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrappedEnvelope<'a> {
    #[serde(borrow)]
    payload: Cow<'a, str>,
    #[serde(borrow)]
    payload_type: Cow<'a, str>,
    #[serde(borrow)]
    signatures: Vec<WrappedSignature<'a>>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrappedSignature<'a> {
    #[serde(borrow)]
    keyid: Cow<'a, str>,
    #[serde(borrow)]
    sig: Cow<'a, str>,
}

impl RawEntry {
    /// Reads the bytes of an entry, without their line feed.
    ///
    /// # Errors
    /// `limit.size`, `json.*`, `dsse.*`, `ledger.chain` for another payload type.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        // What has the one form that entries are written in is read as it stands; all else, whoever knows JSON reads.
        match Plain::read(bytes).and_then(|plain| plain.entry(bytes)) {
            Some(entry) => Ok(entry),
            None => Self::any(bytes),
        }
    }

    /// Reads an entry whatever its form, and says what is wrong with it.
    fn any(bytes: &[u8]) -> Result<Self> {
        let wrapper: Wrapper<'_> = canonical::read(bytes, MAX_ENTRY)?;
        if wrapper.envelope.payload_type != PAYLOAD_TYPE {
            return Err(Refusal::new(LEDGER_CHAIN, "an entry holds another payload type"));
        }
        let signatures = wrapper.envelope.signatures.iter().map(|s| (s.keyid.as_ref(), s.sig.as_ref()));
        Ok(Self {
            seq: wrapper.seq,
            prev: wrapper.prev,
            at: wrapper.at,
            hash: Digest::of(bytes),
            envelope: Envelope::from_encoded(&wrapper.envelope.payload, signatures)?,
        })
    }
}

/// An entry of which every member is where and how [`entry_bytes`] writes it; its texts are those of its bytes.
pub(super) struct Plain<'a> {
    pub(super) seq: u64,
    pub(super) prev: Digest,
    pub(super) at: Timestamp,
    /// The statement, in base64.
    pub(super) payload: &'a str,
    /// Each signature's key, as it names it, and the signature, in base64.
    signatures: Vec<(&'a str, &'a str)>,
}

impl<'a> Plain<'a> {
    /// Reads an entry in the form in which it is written; `None` for any other.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = Rest(std::str::from_utf8(bytes).ok().filter(|text| text.len() <= MAX_ENTRY)?);
        let at = rest.between("{\"at\":\"")?;
        let payload = rest.between(",\"envelope\":{\"payload\":\"")?;
        rest.after(",\"payloadType\":\"")?.after(PAYLOAD_TYPE)?.after("\",\"signatures\":[")?;
        let mut signatures = Vec::with_capacity(1);
        while signatures.len() < MAX_SIGNATURES && !rest.0.starts_with(']') {
            rest.after(if signatures.is_empty() { "{\"keyid\":\"" } else { ",{\"keyid\":\"" })?;
            let keyid = rest.until(b'"').filter(|text| text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\'))?;
            signatures.push((keyid, rest.between(",\"sig\":\"")?));
            rest.after("}")?;
        }
        let prev = rest.between("]},\"prev\":\"")?;
        let seq = rest.after(",\"seq\":")?.until(b'}')?;
        let digits = rest.0.is_empty()
            && seq.len() <= 15
            && seq.bytes().all(|b| b.is_ascii_digit())
            && (seq == "0" || !seq.starts_with('0'));
        let seq = seq.parse().ok().filter(|_| digits)?;
        Some(Self { seq, prev: prev.parse().ok()?, at: at.parse().ok()?, payload, signatures })
    }

    /// Reads the envelope, and returns the entry of the bytes that this was read from.
    fn entry(self, bytes: &[u8]) -> Option<RawEntry> {
        let Self { seq, prev, at, payload, signatures } = self;
        // The alphabet of base64 has nothing that JSON writes otherwise.
        let envelope = Envelope::from_encoded(payload, signatures).ok()?;
        Some(RawEntry { seq, prev, at, hash: Digest::of(bytes), envelope })
    }
}

/// What is left to read of a text.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// Goes on after a word that must come next.
    fn after(&mut self, word: &str) -> Option<&mut Self> {
        self.0 = self.0.strip_prefix(word)?;
        Some(self)
    }

    /// Returns what comes before an end, a character of ASCII, and goes on after the end.
    fn until(&mut self, end: u8) -> Option<&'a str> {
        let (text, rest) = self.0.split_at(memchr::memchr(end, self.0.as_bytes())?);
        self.0 = &rest[1..];
        Some(text)
    }

    /// Returns what comes between a word and the next quote.
    fn between(&mut self, word: &str) -> Option<&'a str> {
        self.after(word)?.until(b'"')
    }
}

/// Returns the bytes of an entry.
///
/// # Errors
/// `limit.size` above [`MAX_ENTRY`].
pub fn entry_bytes(seq: u64, prev: Digest, envelope: &Envelope, at: Timestamp) -> Result<Vec<u8>> {
    // The members stand in the order of the canonical form, as whoever reads the entry demands.
    let signatures = envelope.signatures().iter().map(|signature| {
        let sig = Cow::Owned(STANDARD.encode(&signature.bytes));
        WrappedSignature { keyid: Cow::Borrowed(&signature.keyid), sig }
    });
    let wrapped = WrappedEnvelope {
        payload: Cow::Owned(STANDARD.encode(envelope.unverified_payload())),
        payload_type: Cow::Borrowed(PAYLOAD_TYPE),
        signatures: signatures.collect(),
    };
    let bytes = serde_json::to_vec(&Wrapper { at, envelope: wrapped, prev, seq })
        .map_err(|e| Refusal::new(INTERNAL, e.to_string()))?;
    if bytes.len() > MAX_ENTRY {
        return Err(Refusal::new(LIMIT_SIZE, format!("an entry of {} bytes, the limit is {MAX_ENTRY}", bytes.len())));
    }
    Ok(bytes)
}

/// Returns the bytes of a genesis entry; their SHA-256 is what the trust root pins.
///
/// # Errors
/// As [`entry_bytes`].
pub fn genesis_entry(envelope: &Envelope, at: Timestamp) -> Result<Vec<u8>> {
    entry_bytes(0, NO_PREVIOUS, envelope, at)
}

/// Splits a file into entries; every line, also the last, ends in a line feed.
///
/// # Errors
/// `ledger.corrupt` for an empty file, an empty line, or a last line without its end.
pub fn lines(file: &[u8]) -> Result<impl DoubleEndedIterator<Item = &[u8]>> {
    let corrupt = |what: &str| Refusal::new(LEDGER_CORRUPT, what.to_owned());
    let body = file.strip_suffix(b"\n").ok_or_else(|| corrupt("a file of entries does not end in a line feed"))?;
    Ok(Lines { left: Some(body) })
}

/// Iterates over lines, from either end; the standard library looks at every byte by itself.
struct Lines<'a> {
    left: Option<&'a [u8]>,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let left = self.left?;
        let Some(at) = memchr::memchr(b'\n', left) else { return self.left.take() };
        self.left = Some(&left[at + 1..]);
        Some(&left[..at])
    }
}

impl DoubleEndedIterator for Lines<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let left = self.left?;
        let Some(at) = memchr::memrchr(b'\n', left) else { return self.left.take() };
        self.left = Some(&left[..at]);
        Some(&left[at + 1..])
    }
}

/// Returns the path of the file of one append.
#[must_use]
pub fn entry_path(first: u64) -> String {
    format!("entries/{:04}/{:02}/{first:012}.jsonl", first / 10_000, first / 100 % 100)
}

/// Returns the path of a segment.
#[must_use]
pub fn segment_path(first: u64, last: u64) -> String {
    format!("segments/{first:012}-{last:012}.jsonl")
}

/// Returns the path of an object.
#[must_use]
pub fn object_path(digest: &Digest) -> String {
    let hex = digest.hex();
    format!("objects/sha256/{}/{}", &hex[..2], &hex[2..])
}

/// Reads the path of a file of entries; `None` for any other name, or one in another form.
#[must_use]
pub fn parse_path(path: &str) -> Option<(u64, Option<u64>)> {
    let name = path.rsplit('/').next()?.strip_suffix(".jsonl")?;
    let number = |text: &str| -> Option<u64> {
        let digits = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten()
    };
    let (first, last) = match name.split_once('-') {
        None => (number(name)?, None),
        Some((first, last)) => (number(first)?, Some(number(last)?)),
    };
    let expected = last.map_or_else(|| entry_path(first), |last| segment_path(first, last));
    (expected == path && last.is_none_or(|last| first <= last)).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn e20_names_are_ours_and_have_one_form() {
        assert_eq!(entry_path(1_234_567), "entries/0123/45/000001234567.jsonl");
        assert_eq!(parse_path(&entry_path(1_234_567)), Some((1_234_567, None)));
        assert_eq!(parse_path(&segment_path(3, 9)), Some((3, Some(9))));
        for bad in [
            "entries/0000/00/1.jsonl",
            "entries/0000/01/000000000001.jsonl",
            "segments/000000000009-000000000003.jsonl",
            "entries/0000/00/000000000001.json",
            "entries/0000/00/+00000000001.jsonl",
            "x/000000000001.jsonl",
            "",
        ] {
            assert_eq!(parse_path(bad), None, "{bad}");
        }
    }

    #[test]
    fn e20_an_entry_above_64_kib_is_neither_made_nor_read() {
        let payload = format!("\"{}\"", "a".repeat(60_000));
        let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, payload);
        let envelope = Envelope::from_encoded(&encoded, []).unwrap();
        let at = Timestamp::from_unix(0);
        assert_eq!(entry_bytes(0, NO_PREVIOUS, &envelope, at).unwrap_err().code(), "limit.size");
        assert_eq!(RawEntry::parse(&vec![b' '; MAX_ENTRY + 1]).unwrap_err().code(), "limit.size");
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let envelope = Envelope::from_encoded("e30=", [("k", "AAAA")]).unwrap();
        let at = Timestamp::from_unix(7);
        let bytes = entry_bytes(3, Digest::of(b"x"), &envelope, at).unwrap();
        let read = RawEntry::parse(&bytes).unwrap();
        let expected = RawEntry { seq: 3, prev: Digest::of(b"x"), at, hash: Digest::of(&bytes), envelope };
        assert_eq!(read, expected);
        let spaced = [b" ", bytes.as_slice()].concat();
        assert_eq!(RawEntry::parse(&spaced).unwrap_err().code(), "json.non_canonical");
    }

    proptest! {
        /// The two readers of entries agree on whatever comes: the same entry, or none.
        #[test]
        fn b12_an_entry_in_the_usual_form_is_read_as_any_json_is(
            seq in 0_u64..1 << 54,
            payload in prop::collection::vec(any::<u8>(), 0..60),
            keyids in prop::collection::vec("[ -~\u{e9}\n]{0,8}", 0..4),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let signatures: Vec<(&str, &str)> = keyids.iter().map(|keyid| (keyid.as_str(), "AAAA")).collect();
            let envelope = Envelope::from_encoded(&STANDARD.encode(payload), signatures).unwrap();
            let bytes = entry_bytes(seq, Digest::of(b"x"), &envelope, Timestamp::from_unix(7)).unwrap();
            let agree = |bytes: &[u8]| {
                let plain = Plain::read(bytes).and_then(|plain| plain.entry(bytes));
                let any = RawEntry::any(bytes).ok();
                if plain.is_some() {
                    assert_eq!(plain, any);
                }
                plain.is_some()
            };
            let usual = keyids.iter().all(|keyid| keyid.bytes().all(|b| b.is_ascii_graphic() && !b"\"\\".contains(&b)));
            assert_eq!(agree(&bytes), usual && seq < 1_000_000_000_000_000);
            let mut altered = bytes;
            let at = at.index(altered.len());
            altered[at] = byte;
            agree(&altered);
            altered.remove(at);
            agree(&altered);
        }
    }

    #[test]
    fn b11_an_entry_of_more_than_sixteen_signatures_is_refused() {
        let envelope = |count| {
            let signature = r#"{"keyid":"k","sig":"AAAA"}"#;
            format!(
                r#"{{"at":"2026-11-20T14:45:00Z","envelope":{{"payload":"e30=","payloadType":"{PAYLOAD_TYPE}","signatures":[{}]}},"prev":"{NO_PREVIOUS}","seq":0}}"#,
                vec![signature; count].join(",")
            )
        };
        assert_eq!(RawEntry::parse(envelope(MAX_SIGNATURES).as_bytes()).unwrap().envelope.signatures().len(), 16);
        assert_eq!(RawEntry::parse(envelope(MAX_SIGNATURES + 1).as_bytes()).unwrap_err().code(), "limit.count");
    }

    #[test]
    fn e08_a_file_without_its_last_line_feed_is_refused() {
        assert_eq!(lines(b"a\nb").err().map(|e| e.code()), Some("ledger.corrupt"));
        for file in ["a\nb\n", "\n", "\n\na\n\n", "abc\n"] {
            let body = &file.as_bytes()[..file.len() - 1];
            let split: Vec<&[u8]> = body.split(|&b| b == b'\n').collect();
            assert_eq!(lines(file.as_bytes()).unwrap().collect::<Vec<_>>(), split);
            let back: Vec<&[u8]> = lines(file.as_bytes()).unwrap().rev().collect();
            assert_eq!(back, split.into_iter().rev().collect::<Vec<_>>());
        }
    }
}
