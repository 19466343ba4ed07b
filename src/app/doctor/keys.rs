//! Keys of the trust root: how long they hold, and that a gate's key is for nothing else.

use super::line::{Line, Standing, holds};
use crate::{
    base::{text::count, time::Timestamp},
    sign::{Duty, trust::Key},
};

/// How long before its end something is to be renewed, in seconds.
const SOON: i64 = 30 * 86_400;

/// Judges the keys that count now, and the trust root's own end.
pub(super) fn judge(keys: &[Key], expires: Timestamp, now: Timestamp) -> Vec<Line> {
    let mut lines = vec![end("trust-root.expiry", "", expires, now, "renew it: countersign keys renew")];
    let live = || keys.iter().filter(|key| !key.is_revoked_at(now));
    for key in live() {
        lines.push(end("key.expiry", &key.name, key.not_after, now, "enrol a new key, and revoke this one"));
    }
    for key in live().filter(|key| key.duties.contains(&Duty::Gate)) {
        let alone = key.duties == [Duty::Gate];
        let what = if alone { "a gate's, and for nothing else" } else { "a gate's, and for something else too" };
        let mut line = Line::new("key.gate-alone", &key.name, holds(alone, Standing::Weak), what);
        if !alone {
            line.fix = Some("revoke it, and enrol one for the gate alone".to_owned());
        }
        lines.push(line);
    }
    lines
}

fn end(id: &'static str, subject: &str, at: Timestamp, now: Timestamp, fix: &str) -> Line {
    let left = at.since(now);
    let (standing, what) = match left {
        ..=0 => (Standing::Missing, format!("it ended at {at}")),
        1..=SOON => (Standing::Weak, format!("{} left, until {at}", count(left / 86_400, "day"))),
        _ => (Standing::Ok, format!("until {at}")),
    };
    let line = Line::new(id, subject, standing, what);
    Line { fix: (standing != Standing::Ok).then(|| fix.to_owned()), ..line }
}
