//! SHA-256 digests, written `sha256:` and 64 lower-case hex digits.

use std::{fmt, io, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    reason::{DIGEST_FORMAT, Refusal},
    sha256::Sha256,
};

/// The SHA-256 of exact bytes. Its text form is the only one ever parsed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// The value of each lower-case hex digit; 0xff for any other byte.
const NIBBLES: [u8; 256] = {
    let mut table = [0xff; 256];
    let mut n = 0;
    while n < 16 {
        table[b"0123456789abcdef"[n as usize] as usize] = n;
        n += 1;
    }
    table
};

impl Digest {
    /// Hashes bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes))
    }

    /// Hashes a reader to its end, in constant memory; returns the digest and the length in bytes.
    ///
    /// # Errors
    /// Any error of the reader.
    pub fn of_reader(mut reader: impl io::Read) -> io::Result<(Self, u64)> {
        let mut hasher = Hasher::default();
        let mut buffer = vec![0_u8; 256 * 1024];
        loop {
            let n = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            hasher.update(&buffer[..n]);
        }
        let length = hasher.length();
        Ok((hasher.finish(), length))
    }

    /// Hashes a list of fields under a kind, so that no two lists have the same preimage.
    ///
    /// The preimage is `countersign/v1/<kind>\n`, then for each field its length in decimal, a
    /// space, its bytes, and a line feed.
    #[must_use]
    pub fn framed<T: AsRef<[u8]>>(kind: &str, fields: impl IntoIterator<Item = T>) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(format!("countersign/v1/{kind}\n").as_bytes());
        for field in fields {
            let field = field.as_ref();
            hasher.update(format!("{} ", field.len()).as_bytes());
            hasher.update(field);
            hasher.update(b"\n");
        }
        hasher.finish()
    }

    /// Makes a digest from its 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Parses 64 lower-case hex digits, the form in-toto uses.
    ///
    /// # Errors
    /// `digest.format` for any other text.
    pub fn from_hex(hex_digits: &str) -> Result<Self, Refusal> {
        let refuse =
            || Refusal::new(DIGEST_FORMAT, format!("not a full digest: `{}`", super::text::excerpt(hex_digits)));
        let (pairs, []) = hex_digits.as_bytes().as_chunks::<2>() else { return Err(refuse()) };
        let pairs: &[[u8; 2]; 32] = pairs.try_into().map_err(|_| refuse())?;
        let mut bytes = [0_u8; 32];
        let mut wrong = 0;
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            let (high, low) = (NIBBLES[usize::from(*high)], NIBBLES[usize::from(*low)]);
            wrong |= high | low;
            *byte = high << 4 | low & 0xf;
        }
        if wrong > 0xf { Err(refuse()) } else { Ok(Self(bytes)) }
    }

    /// Returns the 64 hex digits without the prefix.
    #[must_use]
    pub fn hex(&self) -> String {
        let mut digits = [0; 64];
        self.write_hex(&mut digits).to_owned()
    }

    /// Writes the 64 hex digits, and returns them as text.
    fn write_hex<'a>(&self, digits: &'a mut [u8; 64]) -> &'a str {
        // The length fits, so this cannot fail.
        let _ = hex::encode_to_slice(self.0, digits);
        std::str::from_utf8(digits).unwrap_or_default()
    }

    /// Returns the first eight hex digits, for display only: no parser takes them.
    #[must_use]
    pub fn short(&self) -> String {
        hex::encode(&self.0[..4])
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        f.write_str(self.write_hex(&mut [0; 64]))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Digest {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let hex_digits = text
            .strip_prefix("sha256:")
            .ok_or_else(|| Refusal::new(DIGEST_FORMAT, format!("not a digest: `{}`", super::text::excerpt(text))))?;
        Self::from_hex(hex_digits)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::spelled::deserialize(deserializer)
    }
}

impl schemars::JsonSchema for Digest {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Digest".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^sha256:[0-9a-f]{64}$",
            "description": "SHA-256 over exact bytes."
        })
    }
}

/// A running SHA-256 that also counts bytes.
#[derive(Clone, Default)]
pub struct Hasher {
    inner: Sha256,
    length: u64,
}

impl Hasher {
    /// Takes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.inner.update(bytes);
        self.length += bytes.len() as u64;
    }

    /// Returns how many bytes have been taken.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Returns the digest of all bytes taken.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest(self.inner.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_full_lower_case_form_parses() {
        let digest = Digest::of(b"abc");
        let text = digest.to_string();
        assert_eq!(text, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(text.parse::<Digest>().unwrap(), digest);
        for bad in [&text[..40], &text.to_uppercase(), &text[7..], "", "sha1:00", &format!("{text} ")] {
            assert_eq!(bad.parse::<Digest>().unwrap_err().code(), "digest.format", "{bad}");
        }
    }

    #[test]
    fn framing_separates_fields() {
        assert_ne!(Digest::framed("k", ["ab", "c"]), Digest::framed("k", ["a", "bc"]));
        assert_ne!(Digest::framed("k", ["ab"]), Digest::framed("l", ["ab"]));
    }
}
