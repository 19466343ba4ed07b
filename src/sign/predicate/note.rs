//! Notes and labels of people on plans: for people to read and to sort by, and for nothing else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Actor, LedgerHead};
use crate::{
    base::{
        digest::Digest,
        ident::Id,
        reason::{Refusal, Result},
        text::count,
        time::Timestamp,
    },
    sign::{reasons::NOTE_MALFORMED, statement::Predicate},
};

/// The longest text of a note, in characters.
pub const MAX_NOTE: usize = 1_000;

/// The most labels that one note adds and removes together.
pub const MAX_CHANGES: usize = 20;

/// The most labels that a plan has; what would be one more is not added.
pub const MAX_LABELS: usize = 50;

/// A person writes something about a plan, or changes its labels; it permits nothing and forbids nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Note {
    /// SHA-256 of the plan.
    pub plan: Digest,
    /// What is said, 1 to 1,000 characters, also of several lines.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
    /// Labels that the plan gets, in order, none twice.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub add: Vec<Id>,
    /// Labels that the plan has no longer, in order, none twice and none that is added.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub remove: Vec<Id>,
    /// Who; the key that signs must be this person's.
    pub noted_by: Actor,
    /// 32 hex digits.
    pub nonce: String,
    /// The last entry before.
    pub ledger: LedgerHead,
    /// When.
    pub noted_at: Timestamp,
}
predicate!(Note, "note");

impl Note {
    /// Checks that the note says something, and no more than a note may.
    ///
    /// Of its text only the length is looked at: which characters show themselves changes with versions of Unicode, and
    /// what one version let into a ledger must not make it unreadable for another.
    ///
    /// # Errors
    /// `note.malformed`.
    pub fn check(&self) -> Result<()> {
        let changes = self.add.len() + self.remove.len();
        if self.text.is_none() && changes == 0 {
            return Err(Refusal::new(NOTE_MALFORMED, "no text and no label"));
        }
        if let Some(text) = &self.text {
            let length = text.chars().count();
            if !(1..=MAX_NOTE).contains(&length) {
                return Err(Refusal::new(NOTE_MALFORMED, format!("a text of {}", count(length as u64, "character"))));
            }
        }
        if changes > MAX_CHANGES {
            return Err(Refusal::new(NOTE_MALFORMED, format!("{} at a time", count(changes as u64, "label"))));
        }
        for labels in [&self.add, &self.remove] {
            if let Some(pair) = labels.windows(2).find(|pair| pair[0] >= pair[1]) {
                return Err(Refusal::new(NOTE_MALFORMED, format!("`{}` stands twice or out of order", pair[1])));
            }
        }
        match self.add.iter().find(|label| self.remove.contains(label)) {
            Some(both) => Err(Refusal::new(NOTE_MALFORMED, format!("`{both}` is added and removed"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(text: Option<&str>, add: &[&str], remove: &[&str]) -> Note {
        let ids = |words: &[&str]| words.iter().map(|word| word.parse().unwrap()).collect();
        let digest = Digest::of(b"");
        Note {
            plan: digest,
            text: text.map(str::to_owned),
            add: ids(add),
            remove: ids(remove),
            noted_by: Actor { host: "local".into(), id: 1, login: "ada".into() },
            nonce: "0".repeat(32),
            ledger: LedgerHead { genesis: digest, seq: 0, hash: digest },
            noted_at: Timestamp::from_unix(1_800_000_000),
        }
    }

    #[test]
    fn jf24_a_note_says_something_and_no_more_than_a_note_may() {
        let code = |note: Note| note.check().map_or_else(|refusal| refusal.code(), |()| "ok");
        let many: Vec<String> = (10..31).map(|n| format!("l{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(code(note(None, &[], &[])), "note.malformed");
        assert_eq!(code(note(Some(""), &["a"], &[])), "note.malformed");
        assert_eq!(code(note(Some(&"\u{e4}".repeat(1_000)), &[], &[])), "ok");
        assert_eq!(code(note(Some(&"\u{e4}".repeat(1_001)), &[], &[])), "note.malformed");
        assert_eq!(code(note(None, &many[..20], &[])), "ok");
        assert_eq!(code(note(None, &many, &[])), "note.malformed");
        assert_eq!(code(note(None, &many[..10], &many[10..])), "note.malformed");
        assert_eq!(code(note(None, &["a", "a"], &[])), "note.malformed");
        assert_eq!(code(note(None, &[], &["b", "a"])), "note.malformed");
        assert_eq!(code(note(None, &["a", "b"], &["b"])), "note.malformed");
        assert_eq!(code(note(None, &["b"], &["a"])), "ok");
    }
}
