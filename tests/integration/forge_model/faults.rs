//! What goes wrong on demand.

use serde_json::Value;

use super::{
    server::{Delivery, Reply, Request},
    state::State,
};

/// What goes wrong.
pub enum What {
    /// This status and message instead of doing anything.
    Status(u16, &'static str),
    /// This status and these headers instead of doing anything.
    Limit(u16, Vec<(&'static str, String)>),
    /// It is done, and the answer is this status.
    After(u16),
    /// It is done, and the answer gets lost.
    Lost,
    /// A field of the answer is another.
    Set(&'static str, Value),
    /// A field of the answer is not there.
    Without(&'static str),
    /// The link to the next page leads to this page again.
    Loop,
    /// The link to the next page is not there.
    NoNext,
    /// A last page is claimed that does not exist.
    LastPage(u64),
    /// The answer stalls half way.
    Stall,
    /// The connection ends half way.
    Cut,
    /// The answer has this many more bytes.
    Larger(usize),
    /// The answer is these bytes.
    Bytes(&'static str),
    /// The answer leads there.
    Redirect(u16, String),
    /// The answer is true, and the world is another just afterwards.
    Then(Box<dyn Fn(&mut State) + Send>),
}

/// Something that goes wrong with some requests.
pub struct Fault {
    pub method: &'static str,
    /// Part of path and query.
    pub target: String,
    /// How many such requests go well before.
    pub skip: usize,
    /// How many go wrong.
    pub times: usize,
    pub what: What,
}

impl Fault {
    /// Tells whether it strikes now, and counts.
    pub fn strikes(&mut self, request: &Request) -> bool {
        if self.method != request.method || !request.target.contains(&self.target) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        let strikes = self.times > 0;
        self.times = self.times.saturating_sub(1);
        strikes
    }

    /// What is answered instead of doing anything.
    pub fn instead(&self) -> Option<Reply> {
        let said = |message: &str| serde_json::json!({ "message": message, "documentation_url": "" }).to_string();
        let (status, headers, body) = match &self.what {
            What::Status(status, message) => (*status, Vec::new(), said(message)),
            What::Limit(status, headers) => {
                let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
                (*status, headers, said("API rate limit exceeded"))
            }
            What::Redirect(status, to) => (*status, vec![("location".to_owned(), to.clone())], String::new()),
            _ => return None,
        };
        Some(Reply { status, headers, body: body.into_bytes(), delivery: Delivery::Whole })
    }

    /// What becomes of the true answer.
    pub fn spoil(&self, mut reply: Reply, state: &mut State) -> Reply {
        let link = |reply: &mut Reply, change: &dyn Fn(Vec<String>) -> Vec<String>| {
            for (_, value) in reply.headers.iter_mut().filter(|(name, _)| name == "link") {
                *value = change(value.split(", ").map(str::to_owned).collect()).join(", ");
            }
            reply.headers.retain(|(name, value)| name != "link" || !value.is_empty());
        };
        if !self.is_true() {
            reply.headers.retain(|(name, _)| name != "etag");
        }
        match &self.what {
            What::After(status) => {
                reply.status = *status;
                reply.body = br#"{"message":"Server Error"}"#.to_vec();
            }
            What::Lost => reply.delivery = Delivery::None,
            What::Stall => reply.delivery = Delivery::Stalled,
            What::Cut => reply.delivery = Delivery::Cut,
            What::Larger(more) => reply.body.extend(std::iter::repeat_n(b' ', *more)),
            What::Bytes(bytes) => reply.body = bytes.as_bytes().to_vec(),
            What::Then(change) => change(state),
            What::Set(pointer, value) => edit(&mut reply, |body| match body.pointer_mut(pointer) {
                Some(field) => *field = value.clone(),
                None => {
                    let (parent, name) = pointer.rsplit_once('/').unwrap();
                    body.pointer_mut(parent).unwrap()[name] = value.clone();
                }
            }),
            What::Without(pointer) => edit(&mut reply, |body| {
                let (parent, name) = pointer.rsplit_once('/').unwrap();
                body.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
            }),
            What::NoNext => {
                link(&mut reply, &|links| links.into_iter().filter(|link| !link.contains("\"next\"")).collect())
            }
            What::Loop => link(&mut reply, &|links| {
                let back =
                    |link: String| if link.contains("\"next\"") { link.replace("page=3", "page=2") } else { link };
                links.into_iter().map(back).collect()
            }),
            What::LastPage(page) => {
                reply.headers.push(("link".to_owned(), format!("<https://example.com/?page={page}>; rel=\"last\"")))
            }
            What::Status(..) | What::Limit(..) | What::Redirect(..) => {}
        }
        reply
    }

    /// Tells whether the answer is still one that GitHub could give.
    pub fn is_true(&self) -> bool {
        matches!(
            self.what,
            What::Then(_) | What::NoNext | What::Loop | What::LastPage(_) | What::Lost | What::Stall | What::Cut
        )
    }
}

fn edit(reply: &mut Reply, change: impl Fn(&mut Value)) {
    let mut body: Value = serde_json::from_slice(&reply.body).unwrap();
    change(&mut body);
    reply.body = body.to_string().into_bytes();
}
