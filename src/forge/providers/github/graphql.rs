//! What only GraphQL tells or does: who we are, whether a comment or a text was edited, folding a comment away.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    GitHub,
    decode::{self, malformed, nullable},
    line::{Ask, Failure},
};
use crate::{
    base::{
        reason::{Refusal, Result},
        text::excerpt,
    },
    facts::{
        account::{Account, AccountKind},
        change_request::{Comment, EditHistory},
    },
    forge::reasons::{CHANGED, DENIED, MISSING, RATE_LIMITED, REJECTED},
};

const VIEWER: &str = "query{viewer{login databaseId}}";
const EDITS: &str =
    "query($id:ID!){node(id:$id){__typename ...on IssueComment{databaseId body lastEditedAt editor{login}}}}";
/// A title has no history of edits; each new one is an event of its own.
const TEXT_EDITS: &str = "query($owner:String!,$name:String!,$number:Int!){repository(owner:$owner,name:$name)\
{issueOrPullRequest(number:$number){\
...on Issue{number title body lastEditedAt editor{login} timelineItems(last:1,itemTypes:[RENAMED_TITLE_EVENT])\
{nodes{...on RenamedTitleEvent{createdAt actor{login}}}}}\
...on PullRequest{number title body lastEditedAt editor{login} timelineItems(last:1,itemTypes:[RENAMED_TITLE_EVENT])\
{nodes{...on RenamedTitleEvent{createdAt actor{login}}}}}}}}";
const MINIMISE: &str =
    "mutation($id:ID!){minimizeComment(input:{subjectId:$id,classifier:OUTDATED}){minimizedComment{isMinimized}}}";

#[derive(Deserialize)]
struct Envelope {
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<RawError>,
}

#[derive(Deserialize)]
struct RawError {
    #[serde(default, rename = "type")]
    kind: String,
    message: String,
}

#[derive(Deserialize)]
struct Editor {
    login: String,
}

impl GitHub {
    /// Asks; an answer with any error is none, since GraphQL gives parts with errors beside them.
    fn ask<T: for<'de> Deserialize<'de>>(&self, what: &str, query: &str, variables: &Value) -> Result<T> {
        // All may be asked again: all but one are reads, and to fold away what is folded away changes nothing.
        let body = json!({ "query": query, "variables": variables });
        let answer = self.line.send(Ask::Query(&body), self.line.address.graphql(), None).map_err(Failure::refusal)?;
        let envelope: Envelope = decode::json(what, &answer.body)?;
        if let Some(error) = envelope.errors.first() {
            let reason = match error.kind.as_str() {
                "RATE_LIMITED" => RATE_LIMITED,
                "FORBIDDEN" | "INSUFFICIENT_SCOPES" => DENIED,
                "NOT_FOUND" => MISSING,
                _ => REJECTED,
            };
            return Err(Refusal::new(reason, format!("{what}: {}", excerpt(&error.message))).subject(what));
        }
        decode::value(what, envelope.data.ok_or_else(|| malformed(what, "no data"))?)
    }

    /// Who the credentials stand for.
    pub(super) fn viewer(&self) -> Result<Account> {
        #[derive(Deserialize)]
        struct Data {
            viewer: Viewer,
        }
        #[derive(Deserialize)]
        struct Viewer {
            login: String,
            #[serde(rename = "databaseId")]
            id: u64,
        }
        let viewer = self.ask::<Data>("viewer", VIEWER, &json!({}))?.viewer;
        let kind = if viewer.login.ends_with("[bot]") { AccountKind::Bot } else { AccountKind::User };
        Ok(Account { id: viewer.id, login: viewer.login, kind })
    }

    /// Whether and by whom a comment was edited; the text must still be the one that was read.
    pub(super) fn edits(&self, comment: &Comment) -> Result<EditHistory> {
        #[derive(Deserialize)]
        struct Data {
            node: Node,
        }
        #[derive(Deserialize)]
        struct Node {
            #[serde(rename = "__typename")]
            kind: String,
            #[serde(rename = "databaseId")]
            id: u64,
            body: String,
            #[serde(rename = "lastEditedAt", deserialize_with = "nullable")]
            at: Option<String>,
            #[serde(deserialize_with = "nullable")]
            editor: Option<Editor>,
        }
        let what = "edit history";
        let node = self.ask::<Data>(what, EDITS, &json!({ "id": comment.node }))?.node;
        if node.kind != "IssueComment" || node.id != comment.id {
            return Err(malformed(what, "it is of something else"));
        }
        if node.body != comment.body {
            return Err(Refusal::new(CHANGED, format!("comment {}", comment.id)));
        }
        let last_edited_at = node.at.map(|at| decode::time("lastEditedAt", &at)).transpose()?;
        Ok(EditHistory { last_edited_at, editor: node.editor.map(|editor| editor.login) })
    }

    /// Whether and by whom title or text of an issue or pull request were edited; both must still be what was read.
    pub(super) fn text_edits(&self, number: u64, title: &str, body: Option<&str>) -> Result<EditHistory> {
        #[derive(Deserialize)]
        struct Data {
            repository: Named,
        }
        #[derive(Deserialize)]
        struct Named {
            #[serde(rename = "issueOrPullRequest")]
            node: Node,
        }
        #[derive(Deserialize)]
        struct Node {
            number: u64,
            title: String,
            body: String,
            #[serde(rename = "lastEditedAt", deserialize_with = "nullable")]
            at: Option<String>,
            #[serde(deserialize_with = "nullable")]
            editor: Option<Editor>,
            #[serde(rename = "timelineItems")]
            titles: Titles,
        }
        #[derive(Deserialize)]
        struct Titles {
            nodes: Vec<Renamed>,
        }
        #[derive(Deserialize)]
        struct Renamed {
            #[serde(rename = "createdAt")]
            at: String,
            #[serde(deserialize_with = "nullable")]
            actor: Option<Editor>,
        }
        let what = "edit history of a text";
        let address = &self.line.address;
        let variables = json!({ "owner": address.owner(), "name": address.name(), "number": number });
        let node = self.ask::<Data>(what, TEXT_EDITS, &variables)?.repository.node;
        if node.number != number {
            return Err(malformed(what, "it is of something else"));
        }
        if node.title != title || body.is_some_and(|body| node.body != body) {
            return Err(Refusal::new(CHANGED, format!("issue or pull request {number}")));
        }
        let body = node.at.map(|at| decode::time("lastEditedAt", &at)).transpose()?.map(|at| (at, node.editor));
        let titles = node.titles.nodes.into_iter();
        let titles = titles.map(|one| Ok((decode::time("createdAt", &one.at)?, one.actor)));
        let mut edits = titles.collect::<Result<Vec<_>>>()?;
        edits.extend(body);
        let last = edits.into_iter().max_by_key(|(at, _)| *at);
        let (last_edited_at, editor) = last.map_or((None, None), |(at, editor)| (Some(at), editor));
        Ok(EditHistory { last_edited_at, editor: editor.map(|editor| editor.login) })
    }

    /// Folds a comment away.
    pub(super) fn minimise(&self, comment: &Comment) -> Result<()> {
        #[derive(Deserialize)]
        struct Data {
            #[serde(rename = "minimizeComment")]
            done: Done,
        }
        #[derive(Deserialize)]
        struct Done {
            #[serde(rename = "minimizedComment")]
            comment: State,
        }
        #[derive(Deserialize)]
        struct State {
            #[serde(rename = "isMinimized")]
            minimised: bool,
        }
        let what = "minimised comment";
        let done = self.ask::<Data>(what, MINIMISE, &json!({ "id": comment.node }))?.done;
        if done.comment.minimised { Ok(()) } else { Err(malformed(what, "it is not")) }
    }
}
