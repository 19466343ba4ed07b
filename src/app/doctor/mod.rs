//! What protects the gate on a forge: settings as they were read, each judged by itself.

mod branches;
mod environments;
mod gather;
mod keys;
mod line;
mod owners;
mod pages;
mod people;
mod report;
mod seen;
mod token;
mod workflows;

pub(super) use gather::gather;
pub(super) use line::{Line, Standing};
pub(super) use report::{counts, findings, rows, text};

use pages::Pages;
use seen::Seen;

use crate::base::{reason::Refusal, time::Timestamp};

/// Judges everything that was seen; the worst comes first.
pub(super) fn judge(seen: &Seen, now: Timestamp) -> Vec<Line> {
    let pages = Pages::new(&seen.host, &seen.full_name);
    let mut lines = environments::judge(seen, &pages);
    lines.extend(branches::ledger(&seen.ledger, &pages));
    lines.extend(branches::base(&seen.base, &pages));
    lines.push(owners::judge(seen, &pages));
    lines.extend(workflows::settings(&seen.workflows, &pages));
    lines.extend(workflows::pins(&seen.files, &seen.base.name, &pages));
    lines.extend(people::judge(&seen.people, seen.least, &pages));
    lines.extend(keys::judge(&seen.keys, seen.trust_expires, now));
    lines.push(token::judge(seen));
    lines.sort_by_key(|line| line.standing);
    lines
}

/// Says that nothing could be read at all.
pub(super) fn unreached(refusal: &Refusal) -> Vec<Line> {
    vec![Line::unread("forge.reach", "", refusal)]
}
