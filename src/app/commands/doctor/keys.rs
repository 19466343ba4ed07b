//! How long trust root, policy and the keys of this machine hold, and whether these can sign.

use std::path::Path;

use super::Line;
use crate::{
    app::{
        keys::file::HeldKey,
        session::{POLICY, Session},
        signer,
        world::World,
    },
    base::{
        reason::Refusal,
        text::{count, visible},
        time::Timestamp,
    },
    policy::{Policy, reasons::POLICY_EXPIRED},
    sign::{Signer as _, reasons::KEY_REVOKED, trust::Document},
};

/// How long before its end something is to be renewed, in seconds.
const SOON: i64 = 30 * 86_400;
/// What prolongs the trust root, and the keys that still stand.
const RENEW: &str = "prolong it before it ends: `countersign keys renew`";

/// Tells how long the trust root holds, and which of its keys end soon.
pub(super) fn trust_root(document: &Document, now: Timestamp) -> Line {
    let mut found = format!("version {}, until {}", document.version, document.expires);
    let mut hint = None;
    if let Some(left) = left(document.expires, now) {
        found.push_str(&format!(", {left}"));
        hint = Some(RENEW.to_owned());
    }
    for key in document.keys.iter().filter(|key| key.stands(now)) {
        if let Some(left) = left(key.not_after, now) {
            found.push_str(&format!("; its key `{}` ends at {}, {left}", key.name, key.not_after));
            hint = Some(RENEW.to_owned());
        }
    }
    Line { hint, ..Line::of("trust-root", Ok(found)) }
}

/// Tells how many rules the policy has, and how long it holds.
pub(super) fn policy(policy: &Policy, now: Timestamp) -> Line {
    let (rules, ends) = (count(policy.rules().len(), "rule"), policy.expires());
    if now >= ends {
        return Line::of("policy", Err(Refusal::new(POLICY_EXPIRED, format!("it ended at {ends}"))));
    }
    let left = left(ends, now);
    let hint = left.is_some().then(|| format!("look it through, then set a later `expires` in {POLICY}"));
    let found = format!("{rules}, until {ends}{}", left.map_or_else(String::new, |left| format!(", {left}")));
    Line { hint, ..Line::of("policy", Ok(found)) }
}

/// Tells of each key in the folder of keys whether this trust root takes what it signs now.
pub(super) fn of_machine(session: &Session, world: &World) -> Vec<Line> {
    let folder = session.config_dir.join("keys");
    let lines: Vec<Line> =
        signer::files_of(&folder).iter().filter_map(|path| of_file(path, session, world.now())).collect();
    if lines.is_empty() {
        let folder = folder.display();
        return vec![Line {
            hint: Some("to sign here, `countersign keys generate NAME` makes one, for somebody to enrol".to_owned()),
            ..Line::of("keys", Ok(format!("none of this trust root in {folder}: nothing is signed from there")))
        }];
    }
    lines
}

/// Tells of one file; nothing where its key is not of this trust root.
fn of_file(path: &Path, session: &Session, now: Timestamp) -> Option<Line> {
    let shown = visible(&path.display().to_string());
    let held = match HeldKey::load(path) {
        Ok(held) => held,
        Err(refusal) => return Some(Line::of("keys", Err(refusal))),
    };
    let (key, _) = session.root.key(&held.key_id())?;
    if let Err(refusal) = signer::standing(key, now) {
        let refusal = match refusal.is(KEY_REVOKED) {
            true => refusal.hint(format!("move {shown} away, so that nothing tries to sign with it")),
            false => refusal,
        };
        return Some(Line::of("keys", Err(refusal)));
    }
    let until = format!("`{}` in {shown}, until {}", key.name, key.not_after);
    let left = left(key.not_after, now);
    let hint = left.is_some().then(|| RENEW.to_owned());
    let found: Result<String, Refusal> = Ok(left.map_or(until.clone(), |left| format!("{until}, {left}")));
    Some(Line { hint, ..Line::of("keys", found) })
}

/// Says how many days are left, where they are few.
fn left(end: Timestamp, now: Timestamp) -> Option<String> {
    let left = end.since(now);
    (left < SOON).then(|| format!("{} left", count(usize::try_from(left / 86_400).unwrap_or(0), "day")))
}
