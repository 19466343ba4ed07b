//! A pull or merge request: its ends, its people, what was said in it.

use super::account::Account;
use crate::base::{digest::Digest, time::Timestamp};

/// A pull or merge request, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRequest {
    /// Its number in the repository.
    pub number: u64,
    /// Whether it is open: neither closed nor merged.
    pub open: bool,
    /// Who opened it.
    pub author: Account,
    /// Full id of its head commit.
    pub head_sha: String,
    /// Numeric id of the repository that its head lies in; absent where that is gone.
    pub head_repo_id: Option<u64>,
    /// Full name of its base, such as `refs/heads/main`.
    pub base_ref: String,
    /// Title, which its author chose: untrusted text.
    pub title: String,
    /// Number of commits from its base to its head.
    pub commits: u64,
    /// Number of files that it changes.
    pub changed_files: u64,
}

/// A change request to be opened, as a draft, from a branch of the repository itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestDraft {
    /// Title, one line.
    pub title: String,
    /// Text, Markdown.
    pub body: String,
    /// The branch, without `refs/heads/`.
    pub head: String,
    /// The base, without `refs/heads/`.
    pub base: String,
}

/// Which change request it is, and where people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRef {
    /// Its number in the repository.
    pub number: u64,
    /// Its address, for people.
    pub url: String,
}

/// A commit of a change request, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitPeople {
    /// Full id of the commit.
    pub sha: String,
    /// Accounts of author and committer, as far as the forge knows them.
    pub accounts: Vec<Account>,
    /// E-mail addresses of author and committer, and of co-authors in the trailers.
    pub emails: Vec<String>,
}

/// A comment in the conversation of an issue or change request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Numeric id on the forge.
    pub id: u64,
    /// Who wrote it.
    pub author: Account,
    /// Whether it was written through an app on behalf of the account.
    pub via_app: bool,
    /// The text, exactly.
    pub body: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was changed last; `created_at` where it never was.
    pub updated_at: Timestamp,
    /// The change request or issue that it belongs to.
    pub number: u64,
    /// Id for the operations that need another than the number; empty where the forge has none.
    pub node: String,
    /// Address of the comment, for people.
    pub url: String,
}

/// Whether a comment, or the text of an issue or change request, was ever changed, as its edit history says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditHistory {
    /// When it was edited last.
    pub last_edited_at: Option<Timestamp>,
    /// Login of who edited it.
    pub editor: Option<String>,
}

impl EditHistory {
    /// Tells whether nobody ever edited it.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.last_edited_at.is_none() && self.editor.is_none()
    }
}

/// A review of a change request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Numeric id on the forge.
    pub id: u64,
    /// Who reviewed.
    pub author: Account,
    /// What they said.
    pub state: ReviewState,
    /// Full id of the commit that they looked at; absent where the forge does not know any more.
    pub commit: Option<String>,
    /// When; absent while it is pending.
    pub submitted_at: Option<Timestamp>,
    /// The text, exactly.
    pub body: String,
}

/// What a review says; there is no other value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewState {
    /// Agreement.
    Approved,
    /// An objection.
    ChangesRequested,
    /// Neither.
    Commented,
    /// Taken back, or set aside by somebody with write access.
    Dismissed,
    /// Not submitted yet.
    Pending,
}

/// A file that a change request changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    /// Path after the change.
    pub path: String,
    /// Path before, where the file was renamed.
    pub previous: Option<String>,
    /// Whether it is gone after the change.
    pub removed: bool,
}

/// An issue that a directive or a change request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Its number in the repository.
    pub number: u64,
    /// Whether it is open.
    pub open: bool,
    /// Who opened it.
    pub author: Account,
    /// Title: untrusted text.
    pub title: String,
    /// Text: untrusted.
    pub body: String,
    /// Whether it is a pull or merge request.
    pub is_change_request: bool,
    /// Whether the forge says that it is a part of another issue.
    pub has_parent: bool,
    /// Names of its labels: untrusted text.
    pub labels: Vec<String>,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// What may be put under a comment to acknowledge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Seen, and taken up.
    Eyes,
    /// Begun.
    Rocket,
    /// Done.
    ThumbsUp,
    /// Refused.
    ThumbsDown,
    /// Not understood.
    Confused,
}

impl Comment {
    /// Returns SHA-256 of the text, as evidence names it.
    #[must_use]
    pub fn body_digest(&self) -> Digest {
        Digest::of(self.body.as_bytes())
    }
}
