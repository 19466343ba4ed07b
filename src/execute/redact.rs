//! Keeps secrets out of everything that leaves a run, in the forms in which programs print them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

use super::reasons::SECRET_TOO_SHORT;
use crate::base::{
    leak,
    reason::{INTERNAL, Refusal, Result},
    secret::Secret,
};

/// The fewest characters of a secret, and of a part of one that is looked for by itself.
pub(super) const LEAST_LENGTH: usize = 8;

/// What stands in a text where a secret was.
pub(super) const MARKER: &str = "[redacted]";

/// How much of a text without a gap may be a token that has not shown its form yet, in bytes.
pub(super) const UNDECIDED: usize = 16 << 10;

/// Finds secrets in bytes: those that are given, and tokens of the forms that issuers give theirs.
pub struct Redactor {
    finder: Option<AhoCorasick>,
    /// Length of the longest form.
    longest: usize,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(***)")
    }
}

impl Redactor {
    /// Prepares to find these secrets, by name.
    ///
    /// # Errors
    /// `secret.too_short` where one has fewer than `LEAST_LENGTH` characters: taking it out of
    /// every text would ruin the texts, and leaving it in is no choice.
    pub fn new(secrets: &BTreeMap<String, Secret>) -> Result<Self> {
        let mut all = BTreeSet::new();
        for (name, secret) in secrets {
            let value = secret.expose();
            if value.trim().chars().count() < LEAST_LENGTH {
                return Err(Refusal::new(SECRET_TOO_SHORT, format!("secret `{name}`")).subject(name));
            }
            let lines = value.lines().map(str::trim).map(str::to_owned);
            let leaves = serde_json::from_str(value).map(|json| leaves(&json)).unwrap_or_default();
            for part in std::iter::once(value.to_owned()).chain([value.trim().to_owned()]).chain(lines).chain(leaves) {
                if part.chars().count() >= LEAST_LENGTH {
                    all.extend(forms(&part));
                }
            }
        }
        all.retain(|form| form.len() >= LEAST_LENGTH);
        let longest = all.iter().map(Vec::len).max().unwrap_or(0);
        let finder = if all.is_empty() {
            None
        } else {
            let built = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&all);
            Some(built.map_err(|e| Refusal::new(INTERNAL, format!("cannot look for secrets: {e}")))?)
        };
        Ok(Self { finder, longest })
    }

    /// Tells whether there are secrets that were given.
    #[must_use]
    pub fn has_secrets(&self) -> bool {
        self.finder.is_some()
    }

    /// Tells whether bytes hold a secret in any of its forms.
    #[must_use]
    pub fn finds(&self, bytes: &[u8]) -> bool {
        self.finder.as_ref().is_some_and(|finder| finder.is_match(bytes)) || leak::tokens(bytes).next().is_some()
    }

    /// Returns the text with every secret replaced by `MARKER`.
    #[must_use]
    pub fn text(self: &Arc<Self>, text: &str) -> String {
        let mut stream = Stream::new(self.clone());
        let mut out = stream.push(text.as_bytes());
        out.extend(stream.finish());
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Returns the joined places of all forms, overlapping ones as one, in order.
    ///
    /// With each, whether what ends there is a token.
    fn spans(&self, bytes: &[u8]) -> Vec<(usize, usize, bool)> {
        let known = self.finder.iter().flat_map(|finder| finder.find_overlapping_iter(bytes));
        let tokens = leak::tokens(bytes).map(|(at, _)| (at.start, at.end, true));
        let mut found: Vec<_> = known.map(|m| (m.start(), m.end(), false)).chain(tokens).collect();
        found.sort_unstable();
        let mut joined: Vec<(usize, usize, bool)> = Vec::new();
        for (start, end, token) in found {
            match joined.last_mut() {
                Some(last) if start <= last.1 => {
                    last.2 = (end >= last.1 && token) || (end <= last.1 && last.2);
                    last.1 = last.1.max(end);
                }
                _ => joined.push((start, end, token)),
            }
        }
        joined
    }
}

/// Redacts a stream that comes in pieces; a secret across their borders is found too.
#[derive(Debug)]
pub(super) struct Stream {
    redactor: Arc<Redactor>,
    /// The end of what came, in which a secret may still begin.
    held: Vec<u8>,
    /// How many bytes of `held`, from its beginning, belong to a secret whose marker is out already.
    covered: usize,
    /// Whether what is covered may be a token that goes on.
    open: bool,
}

impl Stream {
    /// Starts a stream.
    pub(super) fn new(redactor: Arc<Redactor>) -> Self {
        Self { redactor, held: Vec::new(), covered: 0, open: false }
    }

    /// Takes a piece, and returns what can be let out by now.
    pub(super) fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        self.let_out(self.settled())
    }

    /// Ends the stream, and returns the rest.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        self.let_out(self.held.len())
    }

    /// Returns up to where all that begins has come whole, or has shown what it is.
    fn settled(&self) -> usize {
        let held = self.held.as_slice();
        // A form that begins before this place has come whole.
        let known = held.len().saturating_sub(self.redactor.longest.saturating_sub(1));
        if held.get(known).is_some_and(|next| !leak::is_part(*next)) {
            return known;
        }
        // A token is whole where its characters end; one that is too long has shown its form by then.
        let least = known.saturating_sub(UNDECIDED);
        let gap = held[least..known].iter().rposition(|byte| !leak::is_part(*byte));
        gap.map_or(least, |at| least + at + 1)
    }

    fn let_out(&mut self, until: usize) -> Vec<u8> {
        if self.open {
            let more = self.held[self.covered..].iter().position(|byte| !leak::is_part(*byte));
            self.open = more.is_none();
            self.covered = more.map_or(self.held.len(), |more| self.covered + more);
        }
        let mut out = Vec::with_capacity(until);
        let mut at = 0;
        let mut covered_after = self.covered.saturating_sub(until);
        if self.covered > 0 {
            at = self.covered.min(until);
        }
        for (start, end, token) in self.redactor.spans(&self.held) {
            if start >= until {
                break;
            }
            if start > at {
                out.extend_from_slice(&self.held[at..start]);
            }
            // A span that continues a covered one needs no second marker.
            if start >= self.covered || self.covered == 0 {
                out.extend_from_slice(MARKER.as_bytes());
            }
            at = at.max(end.min(until));
            covered_after = covered_after.max(end.saturating_sub(until));
            self.open |= token && end == self.held.len();
        }
        out.extend_from_slice(&self.held[at..until]);
        self.held.drain(..until);
        self.covered = covered_after;
        out
    }
}

/// Returns the strings of a structured secret.
fn leaves(json: &serde_json::Value) -> Vec<String> {
    match json {
        serde_json::Value::String(text) => vec![text.clone()],
        serde_json::Value::Array(items) => items.iter().flat_map(leaves).collect(),
        serde_json::Value::Object(members) => members.values().flat_map(leaves).collect(),
        _ => Vec::new(),
    }
}

/// Returns the forms in which a program may print a text.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let bytes = text.as_bytes();
    let utf16 = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    let wide = utf16(u16::to_le_bytes);
    let mut all = vec![bytes.to_vec(), utf16(u16::to_be_bytes)];
    for raw in [bytes, &wide] {
        all.extend(base64_forms(raw));
        all.push(hex::encode(raw).into_bytes());
        all.push(hex::encode_upper(raw).into_bytes());
    }
    all.push(wide);
    all.extend(url_forms(bytes));
    all.extend(escaped_forms(text));
    all
}

/// Returns the base64 characters that a text gives wherever it stands in what is encoded.
fn base64_forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for before in 0..3_usize {
        let mut whole = vec![0_u8; before];
        whole.extend_from_slice(bytes);
        // A character is ours alone where all its six bits are.
        let first = (before * 8).div_ceil(6);
        let last = whole.len() * 8 / 6;
        for encoded in [STANDARD_NO_PAD.encode(&whole), URL_SAFE_NO_PAD.encode(&whole)] {
            all.push(encoded.as_bytes()[first..last].to_vec());
        }
    }
    all
}

fn url_forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for kept in [&b"-._~"[..], b"-._~/", b"-._~!'()*", b"-._*", b"-_.!~*'();/?:@&=+$,#", b""] {
        for (upper, space) in [(true, "%20"), (false, "%20"), (true, "+"), (false, "+")] {
            let mut out = String::new();
            for &b in bytes {
                let plain = !kept.is_empty() && b.is_ascii_alphanumeric();
                // Writing to a string does not fail.
                let _ = match b {
                    b' ' => out.write_str(space),
                    _ if plain || kept.contains(&b) => out.write_char(b.into()),
                    _ if upper => write!(out, "%{b:02X}"),
                    _ => write!(out, "%{b:02x}"),
                };
            }
            all.push(out.into_bytes());
        }
    }
    all
}

/// Returns what JSON, XML, C and shells make of a text.
fn escaped_forms(text: &str) -> Vec<Vec<u8>> {
    let json = serde_json::to_string(text).unwrap_or_default();
    let json = json.trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned();
    let each = |escape: &dyn Fn(char) -> String| text.chars().map(escape).collect::<String>();
    let utf16 = |c: char, upper: bool| {
        let mut units = [0; 2];
        let written = c.encode_utf16(&mut units).iter();
        written.map(|unit| if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") }).collect::<String>()
    };
    let in_json = |c: char| match c {
        '"' => "\\\"".into(),
        '\\' => "\\\\".into(),
        '\n' => "\\n".into(),
        '\r' => "\\r".into(),
        '\t' => "\\t".into(),
        _ => c.to_string(),
    };
    let xml = |apostrophe: &'static str, quote: &'static str| {
        each(&|c| match c {
            '&' => "&amp;".into(),
            '<' => "&lt;".into(),
            '>' => "&gt;".into(),
            '"' => quote.into(),
            '\'' => apostrophe.into(),
            _ => c.to_string(),
        })
    };
    let mut all = vec![
        json.replace('/', "\\/"),
        json,
        each(&|c| utf16(c, false)),
        each(&|c| utf16(c, true)),
        each(&|c| if c.is_ascii() { in_json(c) } else { utf16(c, false) }),
        each(&|c| if c.is_ascii() { in_json(c) } else { utf16(c, true) }),
        each(&|c| match c {
            '/' => "\\/".into(),
            _ if c.is_ascii() => in_json(c),
            _ => utf16(c, false),
        }),
        each(&|c| {
            if matches!(c, '<' | '>' | '&' | '\'' | '\u{2028}' | '\u{2029}') { utf16(c, false) } else { in_json(c) }
        }),
        each(&|c| if matches!(c, '<' | '>' | '&' | '\'') { utf16(c, true) } else { in_json(c) }),
        xml("&#39;", "&quot;"),
        xml("&apos;", "&quot;"),
        xml("&#x27;", "&#34;"),
        xml("'", "\""),
        each(&|c| format!("&#{};", c as u32)),
        each(&|c| format!("&#x{:x};", c as u32)),
        each(&|c| format!("&#x{:X};", c as u32)),
        text.replace('\'', "'\\''"),
        text.replace('\'', "'\"'\"'"),
        text.replace('\'', "\\'"),
        each(&|c| match c {
            '"' | '\\' | '$' | '`' => format!("\\{c}"),
            _ => c.to_string(),
        }),
        each(&|c| match c {
            '\'' => "\\'".into(),
            _ => in_json(c),
        }),
        each(&|c| {
            if c.is_ascii_alphanumeric() || "-_./,:@+=%".contains(c) || !c.is_ascii() {
                c.to_string()
            } else {
                format!("\\{c}")
            }
        }),
    ];
    for form in ["\\x", "\\"] {
        let digits = |b: &u8| if form == "\\x" { format!("{form}{b:02x}") } else { format!("{form}{b:03o}") };
        all.push(text.as_bytes().iter().map(digits).collect());
        // `$'...'` and repr() keep what is printable.
        all.push(
            text.as_bytes()
                .iter()
                .map(|b| if (b' '..=b'~').contains(b) { in_json((*b).into()) } else { digits(b) })
                .collect(),
        );
    }
    all.into_iter().map(String::into_bytes).collect()
}
