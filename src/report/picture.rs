//! What a person at a terminal sees of a run while it goes on: a line for each step under way, and one that counts.
//!
//! It is drawn in place, below the lines that stay: nothing of a run is on a screen only.

use std::{collections::BTreeMap, io, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::base::ident::Id;

/// How many steps under way have a line of their own; the others are counted.
const LINES: usize = 8;
/// How often the picture moves where nothing happens.
const TICK: Duration = Duration::from_millis(120);

/// The picture of one run.
pub(super) struct Picture {
    /// Whether spinners and times move by themselves.
    moves: bool,
    bars: MultiProgress,
    /// The line that counts; there while a run goes on.
    counts: Option<ProgressBar>,
    /// The steps under way, by id, with their line where they have one.
    running: BTreeMap<Id, Option<ProgressBar>>,
    total: u64,
    done: u64,
    failed: u64,
}

impl Picture {
    /// Makes one that is drawn on standard error.
    pub(super) fn on_stderr() -> Self {
        Self::on(ProgressDrawTarget::stderr(), true)
    }

    fn on(target: ProgressDrawTarget, moves: bool) -> Self {
        let bars = MultiProgress::with_draw_target(target);
        Self { moves, bars, counts: None, running: BTreeMap::new(), total: 0, done: 0, failed: 0 }
    }

    /// Writes something above the picture.
    pub(super) fn above<T>(&self, write: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.bars.suspend(write)
    }

    /// A run of so many steps begins.
    pub(super) fn begin(&mut self, steps: u64) {
        (self.total, self.done, self.failed) = (steps, 0, 0);
        let counts = self.bars.add(ProgressBar::new(steps));
        self.dress(&counts, "{bar:20} {wide_msg} {elapsed}");
        self.counts = Some(counts);
        self.count();
    }

    /// An attempt of a step begins.
    pub(super) fn started(&mut self, step: &Id, attempt: u32) {
        let shown = self.running.values().flatten().count() < LINES;
        let line = shown.then(|| {
            let line = ProgressBar::new_spinner();
            let line = match &self.counts {
                Some(counts) => self.bars.insert_before(counts, line),
                None => self.bars.add(line),
            };
            self.dress(&line, "{spinner} {wide_msg} {elapsed}");
            let again = if attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
            line.set_message(format!("{step}{again}"));
            line
        });
        self.running.insert(step.clone(), line);
        self.count();
    }

    /// An attempt of a step is over: the step too, and well or not; or it is tried again, and nothing is said of it.
    pub(super) fn ended(&mut self, step: &Id, fine: Option<bool>) {
        if let Some(Some(line)) = self.running.remove(step) {
            line.finish_and_clear();
            self.bars.remove(&line);
        }
        match fine {
            Some(true) => self.done += 1,
            Some(false) => self.failed += 1,
            None => {}
        }
        self.count();
    }

    /// The run is over: nothing of the picture stays.
    pub(super) fn end(&mut self) {
        for line in std::mem::take(&mut self.running).into_values().flatten() {
            line.finish_and_clear();
        }
        if let Some(counts) = self.counts.take() {
            counts.finish_and_clear();
        }
    }

    fn dress(&self, bar: &ProgressBar, template: &str) {
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        if self.moves {
            bar.enable_steady_tick(TICK);
        }
    }

    fn count(&self) {
        let Some(counts) = &self.counts else { return };
        let running = self.running.len() as u64;
        let waiting = self.total.saturating_sub(self.done + self.failed + running);
        let parts = [(self.failed, "not well"), (running, "under way"), (waiting, "waiting")];
        let parts = parts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!(", {number} {what}"));
        counts.set_position(self.done + self.failed);
        counts.set_message(format!("{} of {} done{}", self.done, self.total, parts.collect::<String>()));
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use indicatif::InMemoryTerm;

    use super::*;

    fn id(text: &str) -> Id {
        text.parse().unwrap()
    }

    /// A picture on a screen of so many rows and columns; nothing moves in it by itself.
    fn picture(rows: u16, columns: u16) -> (InMemoryTerm, Picture) {
        let screen = InMemoryTerm::new(rows, columns);
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        (screen, Picture::on(target, false))
    }

    /// What is on the screen, without the times and the spinners.
    fn seen(screen: &InMemoryTerm) -> Vec<String> {
        let is_time = |word: &str| word.strip_suffix('s').is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
        let line = |line: &str| {
            let words = line.split_whitespace().filter(|word| word.is_ascii() && !is_time(word));
            words.collect::<Vec<_>>().join(" ")
        };
        screen.contents().lines().map(line).collect()
    }

    #[test]
    fn we17_the_steps_under_way_stand_above_the_line_that_counts_and_are_gone_at_the_end() {
        let (screen, mut picture) = picture(24, 80);
        picture.begin(4);
        picture.started(&id("count"), 1);
        picture.started(&id("papers"), 2);
        assert_eq!(&seen(&screen)[..2], ["count", "papers, attempt 2"]);
        assert!(seen(&screen)[2].ends_with("0 of 4 done, 2 under way, 2 waiting"), "{:?}", seen(&screen));
        picture.ended(&id("count"), Some(true));
        picture.ended(&id("papers"), None);
        picture.started(&id("papers"), 3);
        picture.ended(&id("papers"), Some(false));
        assert!(seen(&screen).last().unwrap().ends_with("1 of 4 done, 1 not well, 2 waiting"), "{:?}", seen(&screen));
        assert_eq!(seen(&screen).len(), 1, "no line of a step that is over stays");
        picture.end();
        assert_eq!(screen.contents(), "");
    }

    #[test]
    fn we17_on_a_small_screen_no_line_is_wrapped_and_what_does_not_fit_is_counted() {
        let (screen, mut picture) = picture(12, 40);
        picture.begin(100);
        for n in 0..20 {
            picture.started(&id(&format!("{}-{n}", "a-step-with-a-long-name".repeat(3))), 1);
        }
        let lines = screen.contents();
        assert!(lines.lines().all(|line| line.chars().count() <= 40), "{lines}");
        assert_eq!(lines.lines().count(), LINES + 1, "{lines}");
        assert!(lines.lines().last().unwrap().contains("0 of 100"), "{lines}");
        picture.end();
        assert_eq!(screen.contents(), "");
    }
}
