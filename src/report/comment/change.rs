//! What changed since the plan that was approved before.

use super::{
    Channel, Marker,
    page::{Page, Piece, Piece::*, number},
    shorten::shorten,
};
use crate::{
    approval::command::Command,
    base::digest::Digest,
    plan::diff::{Change, Direction, PlanDiff},
};

/// Changes that a plan's comment lists; `countersign diff` shows all of them.
const MOST: usize = 8;

/// A plan that was approved before, and what has changed since.
#[derive(Clone, Copy, Debug)]
pub struct Since<'a> {
    /// SHA-256 of the earlier plan.
    pub plan: Digest,
    /// What changed from it to this one.
    pub changes: &'a PlanDiff,
}

/// Writes the sum and what widens, for the comment of a plan.
pub(super) fn summary(page: &mut Page, since: Since<'_>, plan: Digest) {
    sum(page, since);
    let widened: Vec<&Change> = since.changes.changes.iter().filter(|it| it.direction == Direction::Widened).collect();
    for change in widened.iter().take(MOST) {
        page.item(&line(change));
    }
    if let Some(more) = widened.len().checked_sub(MOST).filter(|more| *more > 0) {
        page.item(&[Bold("and "), number(more), Bold(" more that widen it")]);
    }
    if !since.changes.is_empty() {
        page.paragraph(&[Own("All changes: "), Code(&Command::Diff { plan: Some(plan) }.line())]);
    }
}

fn sum(page: &mut Page, since: Since<'_>) {
    let diff = since.changes;
    let count = |direction| number(diff.changes.iter().filter(|change| change.direction == direction).count());
    let short = format!("sha256:{}...", since.plan.short());
    let mut words = vec![Bold("Since the plan approved before"), Own(", "), Code(&short), Own(": ")];
    if diff.is_empty() {
        words.push(Own("nothing changed"));
    } else {
        words.extend([number(diff.added.len()), Own(" steps more, "), number(diff.removed.len()), Own(" fewer; ")]);
        words.extend([count(Direction::Widened), Own(" widened, "), count(Direction::Changed), Own(" changed, ")]);
        words.extend([count(Direction::Narrowed), Own(" narrowed")]);
    }
    page.paragraph(&words);
}

fn line(change: &Change) -> Vec<Piece<'_>> {
    let mut words = match &change.step {
        Some(step) => vec![Own("step "), Code(step.as_str()), Own(" ")],
        None => vec![Own("the plan ")],
    };
    words.extend([Bold(change.direction.word()), Own(": "), Code(&change.what)]);
    for (label, value) in [(", was ", &change.before), (", is ", &change.after)] {
        if let Some(value) = value {
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
            page.item(&line(change));
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
