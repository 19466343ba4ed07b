//! What changed since the plan that was approved before.

use super::{
    Channel, Marker,
    page::{Page, Piece, Piece::*, number},
    shorten::shorten,
};
use crate::{
    base::digest::Digest,
    plan::diff::{Change, Direction, PlanDiff},
};

/// Changes that a plan's comment lists; `countersign diff` shows all of them.
const MOST: usize = 4;
/// Characters of a value that a plan's comment shows.
const SHORT: usize = 80;

/// A plan that was approved before, and what has changed since.
#[derive(Clone, Copy, Debug)]
pub struct Since<'a> {
    /// SHA-256 of the earlier plan.
    pub plan: Digest,
    /// What changed from it to this one.
    pub changes: &'a PlanDiff,
}

/// Writes the sum and what widens, for the comment of a plan.
pub(super) fn summary(page: &mut Page, since: Since<'_>) {
    sum(page, since);
    let widened: Vec<&Change> = since.changes.changes.iter().filter(|it| it.direction == Direction::Widened).collect();
    for change in widened.iter().take(MOST) {
        page.item(&line(change, SHORT));
    }
    if let Some(more) = widened.len().checked_sub(MOST).filter(|more| *more > 0) {
        page.item(&[Bold("and"), Own(" "), number(more), Own(" more that widen it")]);
    }
    if !since.changes.is_empty() {
        page.paragraph(&[Own("To see every change, comment `countersign diff`.")]);
    }
}

fn sum(page: &mut Page, since: Since<'_>) {
    let diff = since.changes;
    let count = |direction| diff.changes.iter().filter(|change| change.direction == direction).count();
    let counts = [
        (diff.added.len(), " steps more"),
        (diff.removed.len(), " steps fewer"),
        (count(Direction::Widened), " widened"),
        (count(Direction::Changed), " changed"),
        (count(Direction::Narrowed), " narrowed"),
    ];
    let short = format!("sha256:{}...", since.plan.short());
    let mut words = vec![Bold("Since the plan approved before"), Own(", "), Code(&short), Own(": ")];
    let mut apart = false;
    for (n, what) in counts.into_iter().filter(|(n, _)| *n > 0) {
        words.extend(apart.then_some(Own(", ")));
        words.extend([number(n), Own(what)]);
        apart = true;
    }
    if !apart {
        words.push(Own("nothing changed"));
    }
    page.paragraph(&words);
}

/// One change; values of more than `most` characters are left to the diff.
fn line(change: &Change, most: usize) -> Vec<Piece<'_>> {
    let mut words = match &change.step {
        Some(step) => vec![Own("step "), Code(step.as_str()), Own(" ")],
        None => vec![Own("the plan ")],
    };
    words.extend([Bold(change.direction.word()), Own(": "), Code(&change.what)]);
    for (label, value) in [(", was ", &change.before), (", is ", &change.after)] {
        if let Some(value) = value.as_ref().filter(|value| value.len() <= most) {
            words.extend([Own(label), Code(value)]);
        }
    }
    words
}

/// The answer to `countersign diff`.
#[derive(Clone, Copy, Debug)]
pub struct DiffReply<'a> {
    /// SHA-256 of the plan.
    pub plan: Digest,
    /// The plan that was approved before; absent where none was.
    pub since: Option<Since<'a>>,
}

impl DiffReply<'_> {
    /// Writes the answer, a reply to the comment of this id.
    #[must_use]
    pub fn render(&self, comment: u64, channel: Channel) -> String {
        let mut page = Page::marked(&Marker::Reply(comment));
        let Some(since) = self.since else {
            page.paragraph(&[Own("No plan of this directive was approved before "), Digest(self.plan), Own(".")]);
            return page.into_text();
        };
        sum(&mut page, since);
        for change in &since.changes.changes {
            page.item(&line(change, usize::MAX));
            if let Some(lines) = &change.lines {
                page.foreign(lines.lines());
            }
        }
        if !since.changes.is_empty() {
            page.paragraph(&[Own("On a machine of your own, with long texts in full:")]);
            page.shell(&[format!("countersign diff {} {}", since.plan, self.plan)]);
        }
        shorten(page.into_text(), channel.limit())
    }
}
