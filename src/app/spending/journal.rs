//! What was asked in this checkout, a line for each attempt: what a plan that never came to be has used, too.
//!
//! It lies in git's own folder, where no commit and no step reaches it. Whoever works in the checkout may take it away:
//! it keeps a budget of their own, and is no proof. A job with a fresh checkout begins with none.

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    app::files,
    base::{
        digest::Digest,
        ident::Id,
        json,
        reason::{IO, Refusal, Result},
        time::Timestamp,
    },
    plan::usage::Usage,
    planner::reasons::PLANNER_BUDGET,
};

/// The most bytes of all lines; some twenty thousand attempts.
const MAX: usize = 4 << 20;

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Attempt {
    /// The directive that it was for.
    pub(crate) directive: Id,
    /// When it ended.
    pub(crate) at: Timestamp,
    /// The plan that came of it; none where there is none.
    pub(crate) plan: Option<Digest>,
    /// What it used.
    pub(crate) usage: Usage,
}

/// The attempts of one checkout.
pub(crate) struct Journal(PathBuf);

impl Journal {
    /// Names the journal of a checkout by git's folder; it need not be there.
    pub(crate) fn of(git_dir: &Path) -> Self {
        Self(git_dir.join("countersign").join("asked.jsonl"))
    }

    /// Adds an attempt.
    ///
    /// # Errors
    /// `io.failed`.
    pub(crate) fn add(&self, attempt: &Attempt) -> Result<()> {
        let failed = |e: std::io::Error| Refusal::new(IO, format!("{}: {e}", self.0.display()));
        if let Some(folder) = self.0.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut line = json::canonical(attempt)?;
        line.push(b'\n');
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.0);
        // In one write, so that two commands at once do not write into each other's line.
        file.and_then(|mut file| file.write_all(&line)).map_err(failed)
    }

    /// Reads all attempts; none where there is no journal.
    ///
    /// # Errors
    /// `planner.budget` where one cannot be read: what was used is never counted as nothing.
    pub(crate) fn read(&self) -> Result<Vec<Attempt>> {
        if self.0.symlink_metadata().is_err() {
            return Ok(Vec::new());
        }
        let refuse = |why: &str| {
            let what = format!("what was asked in this checkout cannot be read: {why}");
            Refusal::new(PLANNER_BUDGET, what).hint(format!("look at {}, and move it away", self.0.display()))
        };
        let bytes = files::read(&self.0, MAX).map_err(|e| refuse(e.message()))?;
        let lines = bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| json::parse(line, MAX).and_then(json::from_value).map_err(|e| refuse(e.message()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d18_an_attempt_is_read_back_and_what_cannot_be_read_refuses() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::of(dir.path());
        assert_eq!(journal.read().unwrap(), []);
        let attempt = |tokens| Attempt {
            directive: "release".parse().unwrap(),
            at: "2026-11-20T00:00:00Z".parse().unwrap(),
            plan: None,
            usage: Usage {
                input_tokens: tokens,
                cached_tokens: None,
                cache_write_tokens: None,
                output_tokens: 0,
                estimated: true,
                requests: 1,
                millis: 3,
                money_micros: None,
                currency: None,
            },
        };
        journal.add(&attempt(1)).unwrap();
        journal.add(&Attempt { plan: Some(Digest::of(b"plan")), ..attempt(2) }).unwrap();
        let read = journal.read().unwrap();
        assert_eq!((read.len(), &read[0], read[1].plan), (2, &attempt(1), Some(Digest::of(b"plan"))));
        std::fs::write(&journal.0, "{}\n").unwrap();
        assert_eq!(journal.read().unwrap_err().code(), "planner.budget");
    }
}
