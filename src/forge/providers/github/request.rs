//! Opening a pull request: once for a branch and a base, however often it is asked for.

use serde::Deserialize;
use serde_json::json;

use super::{
    GitHub,
    address::part,
    decode::{self, RawId, malformed, nullable},
    line::Ask,
    write::once,
};
use crate::{
    base::reason::Result,
    facts::change_request::{RequestDraft, RequestRef},
    forge::http::Answer,
};

#[derive(Deserialize)]
struct RawRequest {
    number: u64,
    html_url: String,
    state: String,
    head: RawEnd,
    base: RawEnd,
}

#[derive(Deserialize)]
struct RawEnd {
    #[serde(rename = "ref")]
    name: String,
    // Gone with the fork that it was in.
    #[serde(deserialize_with = "nullable")]
    repo: Option<RawId>,
}

impl RawRequest {
    /// Tells whether it is open, and from this branch of this very repository to this base.
    fn is_of(&self, repository: u64, head: &str, base: &str) -> bool {
        let own = self.head.repo.as_ref().is_some_and(|repo| repo.id == repository);
        self.state == "open" && own && self.head.name == head && self.base.name == base
    }

    fn named(self) -> RequestRef {
        RequestRef { number: self.number, url: self.html_url }
    }
}

impl GitHub {
    pub(super) fn find_request(&self, head: &str, base: &str) -> Result<Option<RequestRef>> {
        let repository = self.repository_once()?;
        let head_of = part(&format!("{}:{head}", repository.owner.login))?;
        let query = format!("/pulls?state=open&head={head_of}&base={}", part(base)?);
        let listed: Vec<RawRequest> = self.line.list("pull requests", &self.line.address.repo(&query), None)?;
        // What the query narrows down is compared all the same.
        Ok(listed.into_iter().find(|one| one.is_of(repository.id, head, base)).map(RawRequest::named))
    }

    pub(super) fn post_request(&self, draft: &RequestDraft) -> Result<RequestRef> {
        let RequestDraft { title, body, head, base } = draft;
        let repository = self.repository_once()?.id;
        let path = self.line.address.repo("/pulls");
        let sent = json!({ "title": title, "body": body, "head": head, "base": base, "draft": true });
        let read = |answer: &Answer| {
            let made: RawRequest = decode::json("pull request", &answer.body)?;
            if made.is_of(repository, head, base) {
                Ok(made.named())
            } else {
                Err(malformed("pull request", "it is another one"))
            }
        };
        // There is one open pull request of a branch to a base at the most: what is there is this one.
        once(|| self.line.write(Ask::Post(&sent), &path), read, || self.find_request(head, base))
    }
}
