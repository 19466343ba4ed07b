//! Pull requests, their commits, files, reviews, and the conversation below them.

use serde::Deserialize;

use super::{
    GitHub,
    decode::{self, RawAccount, RawId, account_or_nobody, malformed, nullable, sha, time, unknown, word},
    pages::incomplete,
};
use crate::{
    base::reason::{Refusal, Result},
    facts::{
        change_request::{ChangeRequest, ChangedFile, Comment, CommitPeople, Issue, Review, ReviewState},
        people::co_author,
    },
    forge::reasons::{CHANGED, MISSING},
};

/// GitHub lists no more commits of a pull request than this.
const MAX_COMMITS: u64 = 250;
/// GitHub lists no more files of a pull request than this.
const MAX_FILES: u64 = 3000;

#[derive(Deserialize)]
struct RawPull {
    number: u64,
    state: String,
    #[serde(deserialize_with = "nullable")]
    user: Option<RawAccount>,
    head: RawEnd,
    base: RawEnd,
    title: String,
    commits: u64,
    changed_files: u64,
}

#[derive(Deserialize)]
struct RawEnd {
    #[serde(rename = "ref")]
    name: String,
    sha: String,
    #[serde(deserialize_with = "nullable")]
    repo: Option<RawId>,
}

#[derive(Deserialize)]
struct RawCommit {
    sha: String,
    commit: RawCommitText,
    #[serde(deserialize_with = "nullable")]
    author: Option<RawSomebody>,
    #[serde(deserialize_with = "nullable")]
    committer: Option<RawSomebody>,
}

#[derive(Deserialize)]
struct RawCommitText {
    message: String,
    #[serde(deserialize_with = "nullable")]
    author: Option<RawSignature>,
    #[serde(deserialize_with = "nullable")]
    committer: Option<RawSignature>,
}

#[derive(Deserialize)]
struct RawSignature {
    email: Option<String>,
}

/// An account, or the empty object that stands for none.
#[derive(Deserialize)]
struct RawSomebody {
    id: Option<u64>,
    login: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct RawFile {
    filename: String,
    previous_filename: Option<String>,
    status: String,
}

#[derive(Deserialize)]
struct RawReview {
    id: u64,
    #[serde(deserialize_with = "nullable")]
    user: Option<RawAccount>,
    body: String,
    state: String,
    #[serde(deserialize_with = "nullable")]
    commit_id: Option<String>,
    // Left out, not null, while it is pending.
    submitted_at: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct RawComment {
    id: u64,
    node_id: String,
    html_url: String,
    issue_url: String,
    body: String,
    #[serde(deserialize_with = "nullable")]
    user: Option<RawAccount>,
    created_at: String,
    updated_at: String,
    #[serde(deserialize_with = "nullable")]
    performed_via_github_app: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct RawIssue {
    number: u64,
    state: String,
    title: String,
    // Null where nobody wrote a text.
    #[serde(deserialize_with = "nullable")]
    body: Option<String>,
    #[serde(deserialize_with = "nullable")]
    user: Option<RawAccount>,
    labels: Vec<RawLabel>,
    updated_at: String,
    // Left out where it is a plain issue.
    pull_request: Option<serde_json::Value>,
    // Left out, or null, where it is a part of none.
    parent_issue_url: Option<String>,
}

#[derive(Deserialize)]
struct RawLabel {
    name: String,
}

impl RawComment {
    pub(super) fn comment(self) -> Result<Comment> {
        let number = self.issue_url.rsplit_once("/issues/").and_then(|(_, number)| number.parse().ok());
        Ok(Comment {
            id: self.id,
            author: account_or_nobody(self.user)?,
            via_app: self.performed_via_github_app.is_some(),
            body: self.body,
            created_at: time("created_at", &self.created_at)?,
            updated_at: time("updated_at", &self.updated_at)?,
            number: number.ok_or_else(|| malformed("comment", "it belongs to no issue"))?,
            node: self.node_id,
            url: self.html_url,
        })
    }
}

impl RawIssue {
    fn issue(self) -> Result<Issue> {
        Ok(Issue {
            number: self.number,
            open: open(&self.state)?,
            author: account_or_nobody(self.user)?,
            title: self.title,
            body: self.body.unwrap_or_default(),
            is_change_request: self.pull_request.is_some(),
            has_parent: self.parent_issue_url.is_some(),
            labels: self.labels.into_iter().map(|label| label.name).collect(),
            updated_at: time("updated_at", &self.updated_at)?,
        })
    }
}

fn open(state: &str) -> Result<bool> {
    word("state", &[("open", true), ("closed", false)], state)
}

impl GitHub {
    pub(super) fn read_change(&self, number: u64) -> Result<ChangeRequest> {
        let answer = self.line.get(&self.line.address.repo(&format!("/pulls/{number}")))?;
        let raw: RawPull = decode::json("pull request", &answer.body)?;
        if raw.number != number {
            return Err(malformed("pull request", "it is another one"));
        }
        Ok(ChangeRequest {
            number,
            open: open(&raw.state)?,
            author: account_or_nobody(raw.user)?,
            head_sha: sha("head", raw.head.sha)?,
            head_repo_id: raw.head.repo.map(|repo| repo.id),
            base_ref: format!("refs/heads/{}", raw.base.name),
            title: raw.title,
            commits: raw.commits,
            changed_files: raw.changed_files,
        })
    }

    pub(super) fn read_commits(&self, change: &ChangeRequest) -> Result<Vec<CommitPeople>> {
        let what = "commits";
        if change.commits > MAX_COMMITS {
            let why = format!("{} of them, and GitHub lists {MAX_COMMITS} at most", change.commits);
            return Err(incomplete(what, &why).hint("split the pull request"));
        }
        let path = self.line.address.repo(&format!("/pulls/{}/commits", change.number));
        let raw: Vec<RawCommit> = self.line.list(what, &path, Some(change.commits))?;
        let people: Vec<CommitPeople> = raw.into_iter().map(people).collect::<Result<_>>()?;
        // Where the head moved since the pull request was read, these are the commits of another state.
        match people.last() {
            Some(last) if last.sha != change.head_sha => {
                Err(Refusal::new(CHANGED, format!("the head of pull request {}", change.number)))
            }
            _ => Ok(people),
        }
    }

    pub(super) fn read_files(&self, change: &ChangeRequest) -> Result<Vec<ChangedFile>> {
        let what = "changed files";
        if change.changed_files > MAX_FILES {
            let why = format!("{} of them, and GitHub lists {MAX_FILES} at most", change.changed_files);
            return Err(incomplete(what, &why).hint("split the pull request"));
        }
        let path = self.line.address.repo(&format!("/pulls/{}/files", change.number));
        let raw: Vec<RawFile> = self.line.list(what, &path, Some(change.changed_files))?;
        raw.into_iter().map(file).collect()
    }

    pub(super) fn read_comment(&self, id: u64) -> Result<Comment> {
        let answer = self.line.get(&self.line.address.repo(&format!("/issues/comments/{id}")))?;
        let comment = decode::json::<RawComment>("comment", &answer.body)?.comment()?;
        if comment.id == id { Ok(comment) } else { Err(malformed("comment", "it is another one")) }
    }

    pub(super) fn read_comments(&self, number: u64) -> Result<Vec<Comment>> {
        let path = self.line.address.repo(&format!("/issues/{number}/comments"));
        let raw: Vec<RawComment> = self.line.list("comments", &path, None)?;
        raw.into_iter().map(RawComment::comment).collect()
    }

    pub(super) fn read_reviews(&self, number: u64) -> Result<Vec<Review>> {
        let path = self.line.address.repo(&format!("/pulls/{number}/reviews"));
        let raw: Vec<RawReview> = self.line.list("reviews", &path, None)?;
        raw.into_iter().map(review).collect()
    }

    pub(super) fn read_issue(&self, number: u64) -> Result<Issue> {
        let answer = self.line.get(&self.line.address.repo(&format!("/issues/{number}")))?;
        let raw: RawIssue = decode::json("issue", &answer.body)?;
        if raw.number != number {
            return Err(malformed("issue", "it is another one"));
        }
        raw.issue()
    }

    pub(super) fn read_parent(&self, issue: &Issue) -> Result<Option<Issue>> {
        match self.line.get(&self.line.address.repo(&format!("/issues/{}/parent", issue.number))) {
            Ok(answer) => decode::json::<RawIssue>("parent issue", &answer.body)?.issue().map(Some),
            // The same answer says that there is none, and that it may not be seen: the issue itself tells them apart.
            Err(refusal) if refusal.is(MISSING) && !issue.has_parent => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }
}

fn people(raw: RawCommit) -> Result<CommitPeople> {
    let mut accounts = Vec::new();
    for somebody in [raw.author, raw.committer].into_iter().flatten() {
        match (somebody.id, somebody.login, somebody.kind) {
            (None, None, None) => {}
            (Some(id), Some(login), Some(kind)) => {
                let raw = serde_json::json!({ "id": id, "login": login, "type": kind });
                accounts.push(decode::value::<RawAccount>("account", raw)?.account()?);
            }
            _ => return Err(malformed("commit", "half an account")),
        }
    }
    accounts.sort();
    accounts.dedup();
    let mut emails: Vec<String> = [raw.commit.author, raw.commit.committer]
        .into_iter()
        .flatten()
        .filter_map(|signature| signature.email)
        .chain(raw.commit.message.lines().filter_map(co_author).map(str::to_owned))
        .collect();
    emails.sort();
    emails.dedup();
    Ok(CommitPeople { sha: sha("commit", raw.sha)?, accounts, emails })
}

fn file(raw: RawFile) -> Result<ChangedFile> {
    const STATES: [(&str, bool); 7] = [
        ("added", false),
        ("removed", true),
        ("modified", false),
        ("renamed", false),
        ("copied", false),
        ("changed", false),
        ("unchanged", false),
    ];
    let removed = word("file status", &STATES, &raw.status)?;
    if raw.status == "renamed" && raw.previous_filename.is_none() {
        return Err(malformed("changed file", "renamed from nothing"));
    }
    Ok(ChangedFile { path: raw.filename, previous: raw.previous_filename, removed })
}

fn review(raw: RawReview) -> Result<Review> {
    let state = match raw.state.as_str() {
        "APPROVED" => ReviewState::Approved,
        "CHANGES_REQUESTED" => ReviewState::ChangesRequested,
        "COMMENTED" => ReviewState::Commented,
        "DISMISSED" => ReviewState::Dismissed,
        "PENDING" => ReviewState::Pending,
        other => return Err(unknown("review state", other)),
    };
    let submitted_at = raw.submitted_at.map(|at| time("submitted_at", &at)).transpose()?;
    if submitted_at.is_none() && state != ReviewState::Pending {
        return Err(malformed("review", "submitted at no time"));
    }
    Ok(Review {
        id: raw.id,
        author: account_or_nobody(raw.user)?,
        state,
        commit: raw.commit_id.map(|id| sha("review", id)).transpose()?,
        submitted_at,
        body: raw.body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a16_an_account_of_a_commit_is_whole_or_none() {
        let read = |author: &str| {
            let text = format!(
                r#"{{"sha":"{}","author":{author},"committer":null,"commit":{{"message":"m","author":null,"committer":{{"email":"c@d.e"}}}}}}"#,
                "a".repeat(40)
            );
            decode::json::<RawCommit>("commit", text.as_bytes()).and_then(people)
        };
        assert!(read("null").unwrap().accounts.is_empty() && read("{}").unwrap().accounts.is_empty());
        assert_eq!(read(r#"{"id":1,"login":"ada","type":"User"}"#).unwrap().accounts.len(), 1);
        assert_eq!(read(r#"{"id":1}"#).unwrap_err().code(), "forge.malformed");
        assert_eq!(read(r#"{"id":1,"login":"x","type":"Alien"}"#).unwrap_err().code(), "forge.unknown_value");
    }
}
