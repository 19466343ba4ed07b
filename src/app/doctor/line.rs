//! One line of the report: a protection, and whether it is there.

use crate::base::reason::Refusal;

/// Whether a protection is there; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// It is not there.
    Missing,
    /// It is there, and does not hold against everybody.
    Weak,
    /// It could not be read, which is never taken for good.
    Unknown,
    /// It is there and holds.
    Ok,
}

impl Standing {
    /// Every standing, worst first.
    pub(crate) const ALL: [Self; 4] = [Self::Missing, Self::Weak, Self::Unknown, Self::Ok];

    /// Returns the word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Weak => "weak",
            Self::Unknown => "unknown",
            Self::Ok => "ok",
        }
    }
}

/// A protection, what was found of it, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Stable id, such as `environment.reviewers`.
    pub(crate) id: &'static str,
    /// What it is about: an environment, a branch, a file, a person; may be empty.
    pub(crate) subject: String,
    pub(crate) standing: Standing,
    /// What was found; may hold names that others chose.
    pub(crate) found: String,
    /// What to do, where something is to be done.
    pub(crate) fix: Option<String>,
    /// Address of the page where it is done.
    pub(crate) page: Option<String>,
}

impl Line {
    /// Makes a line of a standing.
    pub(super) fn new(
        id: &'static str,
        subject: impl Into<String>,
        standing: Standing,
        found: impl Into<String>,
    ) -> Self {
        Self { id, subject: subject.into(), standing, found: found.into(), fix: None, page: None }
    }

    /// Makes a line of something that could not be read.
    pub(super) fn unread(id: &'static str, subject: impl Into<String>, refusal: &Refusal) -> Self {
        let found = format!("could not be read: {} [{}]", refusal.message(), refusal.code());
        let line = Self::new(id, subject, Standing::Unknown, found);
        Self { fix: refusal.hints().next().map(str::to_owned), ..line }
    }

    /// Says what to do where it is not well, and on which page.
    pub(super) fn fix(self, what: impl Into<String>, page: String) -> Self {
        if self.standing == Standing::Ok {
            return self;
        }
        // What could not be read is to be read first; the page shows it to people all the same.
        let fix = self.fix.or_else(|| Some(what.into()));
        Self { fix, page: Some(page), ..self }
    }
}

/// Returns one standing for a yes or no.
pub(super) fn holds(yes: bool, otherwise: Standing) -> Standing {
    if yes { Standing::Ok } else { otherwise }
}
