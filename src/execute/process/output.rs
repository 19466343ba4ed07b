//! What a program prints: drained to its end, digested whole, redacted, and kept up to a cap.

use std::sync::Arc;

use crate::{
    base::{
        digest::{Digest, Hasher},
        text::visible_lines,
    },
    event::StreamRecord,
    execute::redact::{Redactor, Stream},
};

/// The most bytes of a stream's end that go on the record.
const TAIL: usize = 2000;

/// Takes one stream piece by piece.
pub(in crate::execute) struct Collector {
    hasher: Hasher,
    redact: Stream,
    head: Vec<u8>,
    tail: Vec<u8>,
    half: usize,
    /// Bytes after redaction, kept or not.
    passed: u64,
}

/// One stream, whole: the digest and length of what came, the redacted text of what was kept.
#[derive(Clone, Debug)]
pub(in crate::execute) struct Captured {
    /// SHA-256 of everything that came, before redaction.
    pub(in crate::execute) digest: Digest,
    /// Length of everything that came.
    pub(in crate::execute) bytes: u64,
    /// Whether something in the middle was not kept.
    pub(in crate::execute) truncated: bool,
    /// What was kept, redacted: the beginning, a marker where something is missing, the end.
    pub(in crate::execute) kept: Vec<u8>,
}

impl Collector {
    /// Starts a stream of which at most `cap` bytes are kept.
    pub(in crate::execute) fn new(cap: usize, redactor: Arc<Redactor>) -> Self {
        Self {
            hasher: Hasher::default(),
            redact: Stream::new(redactor),
            head: Vec::new(),
            tail: Vec::new(),
            half: cap / 2,
            passed: 0,
        }
    }

    /// Takes the next piece.
    pub(in crate::execute) fn push(&mut self, piece: &[u8]) {
        self.hasher.update(piece);
        let clean = self.redact.push(piece);
        self.keep(&clean);
    }

    /// Ends the stream.
    pub(in crate::execute) fn finish(mut self) -> Captured {
        let rest = self.redact.finish();
        self.keep(&rest);
        let bytes = self.hasher.length();
        let excess = self.tail.len().saturating_sub(self.half);
        self.tail.drain(..excess);
        let kept = self.head.len() + self.tail.len();
        let missing = self.passed - kept as u64;
        let mut whole = self.head;
        if missing > 0 {
            whole.extend_from_slice(format!("\n[{missing} bytes not kept]\n").as_bytes());
        }
        whole.append(&mut self.tail);
        Captured { digest: self.hasher.finish(), bytes, truncated: missing > 0, kept: whole }
    }

    fn keep(&mut self, clean: &[u8]) {
        self.passed += clean.len() as u64;
        let room = self.half.saturating_sub(self.head.len()).min(clean.len());
        let (first, rest) = clean.split_at(room);
        self.head.extend_from_slice(first);
        // Only the end matters: a flood costs no more than twice the cap.
        let last = &rest[rest.len().saturating_sub(self.half)..];
        self.tail.extend_from_slice(last);
        if self.tail.len() > 2 * self.half {
            let excess = self.tail.len() - self.half;
            self.tail.drain(..excess);
        }
    }
}

impl Captured {
    /// Returns what goes on the record.
    pub(in crate::execute) fn record(&self) -> StreamRecord {
        let mut start = self.kept.len().saturating_sub(TAIL);
        let tail = loop {
            let shown = visible_lines(&String::from_utf8_lossy(&self.kept[start..]));
            if shown.len() <= TAIL {
                break shown;
            }
            // What is made visible is longer than what came; leave out as much from the beginning.
            start += (shown.len() - TAIL).div_ceil(8).min(self.kept.len() - start);
        };
        let truncated = self.truncated || start > 0;
        StreamRecord { digest: self.digest, bytes: self.bytes, truncated, tail }
    }

    /// Returns the kept text, with what is not UTF-8 replaced.
    pub(in crate::execute) fn text(&self) -> String {
        String::from_utf8_lossy(&self.kept).into_owned()
    }
}
