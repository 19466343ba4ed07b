//! Answers into plain data: every field that is used must be there, every word must be known.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::{
    base::{
        ident::is_commit_id,
        reason::{Refusal, Result},
        text::excerpt,
        time::Timestamp,
    },
    facts::account::{Account, AccountKind},
    forge::reasons::{MALFORMED, UNKNOWN_VALUE},
};

/// Reads JSON; a field that is missing, null or of another type refuses.
pub(super) fn json<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|e| malformed(what, &e.to_string()))
}

/// Reads JSON that was parsed before.
pub(super) fn value<T: DeserializeOwned>(what: &str, value: serde_json::Value) -> Result<T> {
    serde_json::from_value(value).map_err(|e| malformed(what, &e.to_string()))
}

/// Refuses an answer.
pub(super) fn malformed(what: &str, why: &str) -> Refusal {
    Refusal::new(MALFORMED, format!("{what}: {}", excerpt(why))).subject(what)
}

/// Finds a word among those that are known.
pub(super) fn word<T: Clone>(field: &str, known: &[(&str, T)], found: &str) -> Result<T> {
    let entry = known.iter().find(|(word, _)| *word == found);
    entry.map(|(_, meaning)| meaning.clone()).ok_or_else(|| unknown(field, found))
}

/// Refuses a word that is not known.
pub(super) fn unknown(field: &str, found: &str) -> Refusal {
    Refusal::new(UNKNOWN_VALUE, format!("{field} is `{}`", excerpt(found))).subject(field)
}

/// Reads a time.
pub(super) fn time(field: &str, text: &str) -> Result<Timestamp> {
    text.parse().map_err(|e: Refusal| malformed(field, e.message()))
}

/// Reads the full id of a commit.
pub(super) fn sha(field: &str, text: String) -> Result<String> {
    if is_commit_id(&text) { Ok(text) } else { Err(malformed(field, &format!("no commit id: {text}"))) }
}

/// A field that may be null and must be there: serde takes a missing `Option` for null.
pub(super) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    de: D,
) -> std::result::Result<Option<T>, D::Error> {
    Option::deserialize(de)
}

/// An account as it stands in every answer.
#[derive(Deserialize)]
pub(super) struct RawAccount {
    pub(super) id: u64,
    pub(super) login: String,
    #[serde(rename = "type")]
    kind: String,
}

impl RawAccount {
    /// Returns the account; a kind that is not known refuses.
    pub(super) fn account(self) -> Result<Account> {
        const KINDS: [(&str, AccountKind); 4] = [
            ("User", AccountKind::User),
            ("Bot", AccountKind::Bot),
            ("Organization", AccountKind::Organization),
            ("Mannequin", AccountKind::Placeholder),
        ];
        Ok(Account { id: self.id, kind: word("account type", &KINDS, &self.kind)?, login: self.login })
    }
}

/// The account where the forge says that there is none: it stands for nobody.
pub(super) fn account_or_nobody(raw: Option<RawAccount>) -> Result<Account> {
    match raw {
        Some(raw) => raw.account(),
        None => Ok(Account { id: 0, login: String::new(), kind: AccountKind::Placeholder }),
    }
}

/// Something of which only the number counts.
#[derive(Deserialize)]
pub(super) struct RawId {
    pub(super) id: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Sample {
        #[serde(deserialize_with = "nullable")]
        app: Option<u64>,
        id: u64,
    }

    #[test]
    fn a16_what_is_missing_null_twice_or_of_another_type_is_refused() {
        let good: Sample = json("sample", br#"{"app":null,"id":1,"other":[1.5]}"#).unwrap();
        assert_eq!((good.app, good.id), (None, 1));
        for bad in [
            r#"{"id":1}"#,
            r#"{"app":null}"#,
            r#"{"app":null,"id":null}"#,
            r#"{"app":null,"id":"1"}"#,
            r#"{"app":null,"id":1.0}"#,
            r#"{"app":null,"id":-1}"#,
            r#"{"app":null,"id":1,"id":2}"#,
            r#"{"app":null,"id":1} x"#,
            r#"{"app":null,"id":1"#,
            "",
            "<html></html>",
        ] {
            assert_eq!(json::<Sample>("sample", bad.as_bytes()).unwrap_err().code(), "forge.malformed", "{bad}");
        }
    }

    #[test]
    fn a16_a_kind_of_account_that_is_not_known_is_refused() {
        let read = |kind: &str| {
            json::<RawAccount>("a", format!(r#"{{"id":1,"login":"x","type":"{kind}"}}"#).as_bytes()).unwrap().account()
        };
        assert_eq!(read("User").unwrap().kind, AccountKind::User);
        assert_eq!(read("Mannequin").unwrap().kind, AccountKind::Placeholder);
        for bad in ["user", "Robot", "EnterpriseUserAccount", ""] {
            assert_eq!(read(bad).unwrap_err().code(), "forge.unknown_value", "{bad}");
        }
        assert!(!account_or_nobody(None).unwrap().is_person());
    }
}
