//! A check on a commit: what CI says of it beside the commit itself.

/// A check to be shown on a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckDraft {
    /// Name that people see.
    pub name: String,
    /// Full id of the commit.
    pub head_sha: String,
    /// Our own id of it, unique for the commit: by it the check is found again.
    pub external_id: String,
    /// Address with more, for people.
    pub url: Option<String>,
    /// How far it is.
    pub state: CheckState,
    /// Title of its page.
    pub title: String,
    /// Text of its page, Markdown; at most 65,535 bytes.
    pub summary: String,
    /// Remarks at lines of files.
    pub annotations: Vec<Annotation>,
}

/// A check as the forge has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckRun {
    /// Numeric id on the forge.
    pub id: u64,
    /// Name that people see.
    pub name: String,
    /// Full id of the commit.
    pub head_sha: String,
    /// What its maker calls it; empty where it has no such id.
    pub external_id: String,
    /// Numeric id of the app that made it.
    pub app_id: Option<u64>,
    /// How far it is.
    pub state: CheckState,
}

/// How far a check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckState {
    /// It has not begun, or waits for something.
    Queued,
    /// It runs.
    InProgress,
    /// It has ended.
    Completed(Conclusion),
}

/// How a check ended; there is no other value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// Well.
    Success,
    /// Not well.
    Failure,
    /// Neither.
    Neutral,
    /// Stopped by somebody.
    Cancelled,
    /// Left out.
    Skipped,
    /// Stopped by a limit.
    TimedOut,
    /// Somebody has to do something.
    ActionRequired,
    /// Given up by the forge.
    Stale,
}

/// A remark at lines of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// Path in the repository.
    pub path: String,
    /// First line, from 1.
    pub first_line: u32,
    /// Last line, not before the first.
    pub last_line: u32,
    /// How bad it is.
    pub level: AnnotationLevel,
    /// Title.
    pub title: String,
    /// Text.
    pub message: String,
}

/// How bad a remark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnotationLevel {
    /// For information.
    Notice,
    /// Worth a look.
    Warning,
    /// Wrong.
    Failure,
}
