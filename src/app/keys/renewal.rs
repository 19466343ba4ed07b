//! `keys renew`: which keys hold on with the trust root, and which end before it does.

use serde::Serialize;

use super::change::Change;
use crate::{
    base::{digest::Digest, text::visible, time::Timestamp},
    sign::{
        Duty,
        schemes::Scheme,
        trust::{Document, Key, PrincipalKind},
    },
};

/// A new end of the trust root, and what becomes of its keys.
#[derive(Clone, Debug)]
pub struct Renewal {
    expires: Timestamp,
    /// Keys that hold until the new end, too.
    pub prolonged: Vec<Prolonged>,
    /// Keys that end before it.
    pub ending: Vec<Ending>,
}

/// A key that holds longer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prolonged {
    /// Id of the key.
    pub key: Digest,
    /// Name of the key.
    pub name: String,
    /// Login of its holder.
    pub login: String,
    /// When it would have ended.
    pub before: Timestamp,
    /// When it ends now.
    pub until: Timestamp,
}

/// A key that ends before the trust root does.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ending {
    /// Id of the key.
    pub key: Digest,
    /// Name of the key.
    pub name: String,
    /// Login of its holder.
    pub login: String,
    /// When it ends, or ended.
    pub at: Timestamp,
    /// What leads on.
    pub next: String,
}

impl Renewal {
    /// Finds out what a renewal by a principal does: `now` says which keys still stand.
    #[must_use]
    pub fn of(document: &Document, signer: u64, expires: Timestamp, now: Timestamp) -> Self {
        let mut renewal = Self { expires, prolonged: Vec::new(), ending: Vec::new() };
        for key in document.keys.iter().filter(|key| !key.is_revoked() && key.not_after < expires) {
            let holder = document.principals.iter().find(|principal| principal.id == key.principal);
            let (name, login) = (key.name.clone(), holder.map(|who| who.login.clone()).unwrap_or_default());
            let is_program = holder.is_some_and(|who| who.kind == PrincipalKind::Agent);
            // What vouches for jobs without a key is read anew from the issuer, never only prolonged.
            let is_held = key.scheme != Scheme::Oidc;
            if is_held && now < key.not_after && (key.principal == signer || is_program) {
                let (key, before) = (key.id, key.not_after);
                renewal.prolonged.push(Prolonged { key, name, login, before, until: expires });
            } else if !document.keys.iter().any(|other| replaces(other, key)) {
                let next = next(document, key, &login, now);
                renewal.ending.push(Ending { key: key.id, name, login, at: key.not_after, next });
            }
        }
        renewal
    }

    /// Returns the changes of the trust root.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        let keys = self.prolonged.iter().map(|one| Change::ProlongKey { key: one.key, until: one.until });
        std::iter::once(Change::RenewExpiry(self.expires)).chain(keys).collect()
    }

    /// Returns the lines for a person: one for each key.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("expires  {}\n", self.expires);
        for one in &self.prolonged {
            let (name, login) = (visible(&one.name), visible(&one.login));
            text.push_str(&format!("key      {name} of {login} holds until {}, before {}\n", one.until, one.before));
        }
        for one in &self.ending {
            let (name, login) = (visible(&one.name), visible(&one.login));
            text.push_str(&format!("ends     {name} of {login}, at {}: {}\n", one.at, visible(&one.next)));
        }
        text
    }
}

/// Tells whether another key of the same holder does all that one does, and for longer.
fn replaces(other: &Key, key: &Key) -> bool {
    other.principal == key.principal
        && !other.is_revoked()
        && other.not_after > key.not_after
        && key.duties.iter().all(|duty| other.duties.contains(duty))
}

/// Says what is to be run for a key that the renewal does not prolong.
fn next(document: &Document, key: &Key, login: &str, now: Timestamp) -> String {
    if key.scheme == Scheme::Oidc {
        return format!("countersign keys gate {} --workflow WORKFLOW, as before", key.public);
    }
    let own = document.keys.iter().filter(|other| other.principal == key.principal);
    let renews = now < key.not_after && own.into_iter().any(|own| own.stands(now) && own.duties.contains(&Duty::Root));
    if renews {
        return format!("{login} runs countersign keys renew, once this version is in force");
    }
    let duties: String = key.duties.iter().map(|duty| format!(" --duty {}", duty.word())).collect();
    format!(
        "{login} makes a new one, countersign keys generate NAME; then countersign keys enrol --login {login} --public-key FILE{duties}"
    )
}
