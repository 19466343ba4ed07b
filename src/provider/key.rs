//! The key of a provider: where it may stand, and that it stands nowhere else.

use reqwest::header::HeaderValue;

use super::reasons::{KEY_EXPOSED, KEY_INVALID};
use crate::base::{
    reason::{Refusal, Result},
    secret::Secret,
    text::visible,
};

/// The longest key, in bytes.
const MAX_LENGTH: usize = 4096;
/// From this length on a key is looked for; shorter ones, such as `none`, are words that stand anywhere.
const MIN_SECRET: usize = 8;
/// The most characters of foreign text that a message shows.
const MAX_SHOWN: usize = 300;

/// A key that can be sent, if there is one.
#[derive(Clone, Debug)]
pub(super) struct Key(Option<Secret>);

impl Key {
    /// Takes a key; line feeds at its end are of the file it stood in.
    ///
    /// # Errors
    /// `provider.key_invalid`.
    pub(super) fn new(key: Option<Secret>) -> Result<Self> {
        let Some(key) = key else { return Ok(Self(None)) };
        let text = key.expose().trim_end_matches(['\r', '\n']);
        let why = if text.is_empty() {
            "an empty key"
        } else if text.len() > MAX_LENGTH {
            "a key of more than 4,096 bytes"
        } else if !text.chars().all(|c| c.is_ascii_graphic()) {
            "a key with characters that no key has"
        } else {
            return Ok(Self(Some(Secret::new(text.to_owned()))));
        };
        Err(Refusal::new(KEY_INVALID, why))
    }

    /// Tells whether there is one.
    pub(super) fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// Returns the value of a header that holds it, marked as a secret.
    ///
    /// # Errors
    /// `provider.key_invalid`.
    pub(super) fn header(&self, prefix: &str) -> Result<Option<HeaderValue>> {
        let Some(key) = &self.0 else { return Ok(None) };
        let text = Secret::new(format!("{prefix}{}", key.expose()));
        let mut value = HeaderValue::from_str(text.expose())
            .map_err(|_| Refusal::new(KEY_INVALID, "a key with characters that no header has"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Returns the start of a foreign text as one visible line, without the key.
    pub(super) fn redacted(&self, text: &str) -> String {
        let text = match self.secret() {
            Some(key) => text.replace(key, "***"),
            None => text.to_owned(),
        };
        let mut shown = visible(&text.chars().take(MAX_SHOWN).collect::<String>());
        if text.chars().nth(MAX_SHOWN).is_some() {
            shown.push('…');
        }
        shown
    }

    /// Refuses bytes that hold the key.
    ///
    /// # Errors
    /// `provider.key_exposed`.
    pub(super) fn absent(&self, what: &str, bytes: &[u8]) -> Result<()> {
        match self.secret() {
            Some(key) if memchr::memmem::find(bytes, key.as_bytes()).is_some() => {
                Err(Refusal::new(KEY_EXPOSED, format!("the key stands in {what}")))
            }
            _ => Ok(()),
        }
    }

    fn secret(&self) -> Option<&str> {
        self.0.as_ref().map(Secret::expose).filter(|key| key.len() >= MIN_SECRET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Result<Key> {
        Key::new(Some(Secret::new(text.to_owned())))
    }

    #[test]
    fn a_key_is_one_line_and_is_never_repeated() {
        for bad in ["", "\n", "sk-se cret", "sk-secret\r\nx-other: 1", "sk-secr\u{e9}t", "sk-secret\0", "sk-secret\t"] {
            let refused = key(bad).unwrap_err();
            assert_eq!(refused.code(), "provider.key_invalid", "{bad:?}");
            assert!(!refused.to_string().contains("sk-"), "{refused}");
        }
        let key = key("sk-secret-12345\n").unwrap();
        let header = key.header("Bearer ").unwrap().unwrap();
        assert_eq!(header.to_str().unwrap(), "Bearer sk-secret-12345");
        assert!(header.is_sensitive() && !format!("{key:?} {header:?}").contains("secret-12345"));
        assert_eq!(key.redacted("wrong key: sk-secret-12345\u{1b}[2J"), "wrong key: ***\\x1b[2J");
        assert_eq!(key.absent("the answer", b"x sk-secret-12345 y").unwrap_err().code(), "provider.key_exposed");
        key.absent("the answer", b"sk-secret-1234").unwrap();
        assert_eq!(Key::new(None).unwrap().header("Bearer ").unwrap(), None);
    }

    #[test]
    fn a_key_that_the_end_of_an_excerpt_cuts_in_two_is_not_shown_in_part() {
        let key = key("sk-secret-12345").unwrap();
        let text = format!("{}sk-secret-12345 is wrong", "x".repeat(MAX_SHOWN - 4));
        assert!(!key.redacted(&text).contains("sk-"), "{}", key.redacted(&text));
    }
}
