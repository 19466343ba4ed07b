//! The comment of a run: what came of each step, what is on record, and how anybody can check it.

use super::{
    Channel, Marker,
    page::{Link, Page, Piece, Piece::*, number},
    shorten::shorten,
    standing::unknown,
};
use crate::{
    approval::command::Command,
    base::{digest::Digest, ident::Id},
    event::{RunEvent, RunOutcome, RunStatus, StepStatus},
    plan::view::code_span,
    report::{
        formats::last_words,
        rows::{Row, rows},
    },
    sign::predicate::LedgerHead,
};

/// Rows of the table; those that are not fine come first.
const MOST_ROWS: usize = 40;
/// Outputs that are listed.
const MOST_OUTPUTS: usize = 20;

/// What the comment of a run is made of.
#[derive(Clone, Copy, Debug)]
pub struct ResultComment<'a> {
    /// The directive.
    pub directive: &'a Id,
    /// SHA-256 of the plan.
    pub plan: Digest,
    /// The run.
    pub run: &'a Id,
    /// What happened, in order.
    pub events: &'a [RunEvent],
    /// The last entry of the ledger that is about the run.
    pub ledger: Option<&'a LedgerHead>,
    /// The page of the run.
    pub page: Option<&'a Link>,
    /// Where it is posted.
    pub channel: Channel,
}

impl ResultComment<'_> {
    /// Writes the comment.
    #[must_use]
    pub fn render(&self) -> String {
        let outcome = self.events.iter().find_map(|event| match event {
            RunEvent::RunFinished { outcome, .. } => Some(outcome),
            _ => None,
        });
        // A run that never told its end is in doubt.
        let ended = outcome.map_or(RunStatus::Indeterminate, |outcome| outcome.status);
        let rows = rows(self.events);
        let mut page = Page::marked(&Marker::Result(self.directive.clone()));
        page.heading(&[Code(self.directive.as_str()), Own(": "), Own(ended.word())]);
        self.sum(&mut page, &rows, outcome);
        table(&mut page, &rows);
        rows.iter().filter(|row| !row.is_fine()).for_each(|row| failure(&mut page, row));
        outputs(&mut page, &rows);
        self.next(&mut page, ended, &rows);
        self.evidence(&mut page);
        shorten(page.into_text(), self.channel.limit())
    }

    fn sum(&self, page: &mut Page, rows: &[Row<'_>], outcome: Option<&RunOutcome>) {
        let fine = rows.iter().filter(|row| row.is_fine()).count();
        let mut line = vec![number(fine), Own(" of "), number(rows.len()), Own(" steps did what they were to do")];
        if let Some(code) = outcome.and_then(|outcome| outcome.reason_code.as_deref()) {
            line.extend([Own(", "), Code(code)]);
        }
        if let Some(link) = self.page {
            line.extend([Own(": "), Link("log of the run", link)]);
        }
        page.paragraph(&line);
    }

    /// What to do, where it did not come to its end.
    fn next(&self, page: &mut Page, ended: RunStatus, rows: &[Row<'_>]) {
        let doubt: Vec<Id> =
            rows.iter().filter(|row| row.status() == StepStatus::Indeterminate).map(|row| row.step.clone()).collect();
        unknown(page, self.run, &doubt);
        if doubt.is_empty() && matches!(ended, RunStatus::Failed | RunStatus::Cancelled | RunStatus::Halted) {
            page.paragraph(&[Own("When the cause is removed, go on from there; what succeeded is not repeated:")]);
            page.paste(&Command::Retry { plan: Some(self.plan) });
        }
    }

    fn evidence(&self, page: &mut Page) {
        page.paragraph(&[Bold("On record")]);
        page.item(&[Own("Run "), Code(self.run.as_str())]);
        page.item(&[Own("Plan "), Digest(self.plan)]);
        if let Some(head) = self.ledger {
            page.item(&[Own("Ledger up to entry "), number(head.seq), Own(", "), Digest(head.hash)]);
        }
        page.paragraph(&[Own("Anybody can check it, the second line without any network:")]);
        page.shell(&[
            format!("countersign bundle {} --out bundle.json", self.plan),
            "countersign verify --bundle bundle.json --offline".to_owned(),
        ]);
    }
}

/// Only ids, fixed words and numbers stand in the table: a bar ends a cell even in code.
fn table(page: &mut Page, rows: &[Row<'_>]) {
    if rows.is_empty() {
        return;
    }
    let (fine, odd): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.is_fine());
    let listed = odd.iter().chain(&fine).take(MOST_ROWS).map(|row| {
        let mut how = row.status().word().to_owned();
        if row.attempts > 1 {
            how.push_str(&format!(", {} attempts", row.attempts));
        }
        let time = format!("{}.{} s", row.millis / 1_000, row.millis % 1_000 / 100);
        vec![code_span(row.step.as_str()), if row.is_fine() { how } else { format!("**{how}**") }, time]
    });
    page.table(&["Step", "Outcome", "Time"], &listed.collect::<Vec<_>>());
    if let Some(more) = rows.len().checked_sub(MOST_ROWS).filter(|more| *more > 0) {
        page.paragraph(&[Own("and "), number(more), Own(" steps more")]);
    }
}

fn failure(page: &mut Page, row: &Row<'_>) {
    let Some(outcome) = row.outcome else { return };
    let mut line = vec![Code(row.step.as_str()), Own(" "), Bold(row.status().word())];
    if let Some(code) = &outcome.reason_code {
        line.extend([Own(", "), Code(code)]);
    }
    if let Some(what) = &outcome.what {
        line.extend([Own(": "), Code(what)]);
    }
    if let Some(next) = &outcome.next {
        line.extend([Own(". Next: "), Code(next)]);
    }
    page.paragraph(&line);
    let said = last_words(outcome);
    if !said.is_empty() {
        page.foreign(said.into_iter());
    }
}

fn outputs(page: &mut Page, rows: &[Row<'_>]) {
    let all: Vec<(&Id, &Id, String)> = rows
        .iter()
        .filter(|row| row.is_fine())
        .filter_map(|row| row.outcome.map(|outcome| (row.step, outcome)))
        .flat_map(|(step, outcome)| outcome.outputs.iter().map(move |(name, value)| (step, name, value.to_string())))
        .collect();
    if all.is_empty() {
        return;
    }
    page.paragraph(&[Bold("Evidence")]);
    for (step, name, value) in all.iter().take(MOST_OUTPUTS) {
        let line: [Piece<'_>; 5] =
            [Code(step.as_str()), Own(", "), Code(name.as_str()), Own(" = "), Code(value.as_str())];
        page.item(&line);
    }
    if let Some(more) = all.len().checked_sub(MOST_OUTPUTS).filter(|more| *more > 0) {
        page.item(&[Own("and "), number(more), Own(" more")]);
    }
}
