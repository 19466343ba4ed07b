//! What no text of a plan may hold, wherever it stands.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};

use super::super::reasons::SECRET_IN_PLAN;
use crate::base::{
    leak,
    reason::{JSON_SCHEMA, Refusal, Result, TEXT_TEMPLATE},
    text,
};

/// Refuses template expressions and look-alikes of secrets in any text of a document, keys included.
///
/// # Errors
/// `text.template`, `secret.in_plan`.
pub(super) fn check(document: &str) -> Result<()> {
    let mut refused = None;
    let mut reader = serde_json::Deserializer::from_str(document);
    let read = Texts(&mut refused).deserialize(&mut reader).and_then(|()| reader.end());
    match (refused, read) {
        (Some(refusal), _) => Err(refusal),
        (None, Err(error)) => Err(Refusal::new(JSON_SCHEMA, text::excerpt(&error.to_string()))),
        (None, Ok(())) => Ok(()),
    }
}

fn check_text(text: &str) -> Result<()> {
    if text.contains("${{") || text.contains("$[[") {
        return Err(Refusal::new(TEXT_TEMPLATE, format!("template expression in `{}`", text::excerpt(text))));
    }
    match leak::secret_in(text) {
        // The text itself is not repeated: an error message ends in logs.
        Some(what) => Err(Refusal::new(SECRET_IN_PLAN, format!("a text of the plan holds what looks like {what}"))),
        None => Ok(()),
    }
}

/// Visits every text of a value without keeping any; what is refused is left in the option.
struct Texts<'a>(&'a mut Option<Refusal>);

impl<'de> DeserializeSeed<'de> for Texts<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Texts<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E: Error>(self, text: &str) -> std::result::Result<(), E> {
        check_text(text).map_err(|refusal| {
            let error = E::custom(refusal.message());
            *self.0 = Some(refusal);
            error
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<(), A::Error> {
        while items.next_element_seed(Texts(&mut *self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> std::result::Result<(), A::Error> {
        while members.next_key_seed(Texts(&mut *self.0))?.is_some() {
            members.next_value_seed(Texts(&mut *self.0))?;
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> std::result::Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> std::result::Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> std::result::Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> std::result::Result<(), E> {
        Ok(())
    }
}
