//! What only GraphQL tells or does: who we are, whether a comment was edited, folding a comment away.

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

impl GitHub {
    /// Asks; an answer with any error is none, since GraphQL gives parts with errors beside them.
    fn ask<T: for<'de> Deserialize<'de>>(&self, what: &str, query: &str, variables: &Value) -> Result<T> {
        // All three may be asked again: two are reads, and to fold away what is folded away changes nothing.
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
        #[derive(Deserialize)]
        struct Editor {
            login: String,
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
