//! `open`: opens a draft change request for a branch, or finds the one that is there.
//!
//! A command of its own, before any plan: the plan names its change request, so that must have a number first; and
//! who drafts a plan with a model has no token that may open one.

use serde_json::json;

use crate::{
    app::{
        forge,
        output::Outcome,
        reasons::{REQUEST_BRANCH, REQUEST_UNPUSHED},
        session::{Session, short},
        world::World,
    },
    base::{
        reason::{Refusal, Result},
        text::{excerpt, visible},
    },
    cli::args::OpenArgs,
    facts::change_request::RequestDraft,
    forge::reasons::MISSING,
    report::comment,
};

/// How a full name of a branch begins.
const HEADS: &str = "refs/heads/";
/// The most characters of a title; GitHub takes 256.
const MAX_TITLE: usize = 200;

pub(super) fn run(args: &OpenArgs, world: &World) -> Result<Outcome> {
    let session = Session::open(world)?;
    let (policy, _) = session.policy()?;
    let at_head = session.directive_at_head(&args.directive, &policy)?;
    let directive = match at_head {
        Some((directive, _)) => directive,
        None => session.directive(&args.directive)?,
    };
    let forge = forge::need(&session, world)?;
    let base_ref = &session.root.document().base_ref;
    let head_ref = branch(args, &session, base_ref)?;
    let (base, head) = (base_ref.trim_start_matches(HEADS), head_ref.trim_start_matches(HEADS));
    // What is proposed is what was read here, or the plan would be one of something else.
    let tip = forge.tip(&head_ref).map_err(|refusal| match refusal.is(MISSING) {
        true => Refusal::new(REQUEST_UNPUSHED, format!("the forge has no branch `{}`", excerpt(head))),
        false => refusal,
    })?;
    if tip != session.facts.head_sha {
        let (there, here) = (short(&tip), short(&session.facts.head_sha));
        return Err(Refusal::new(REQUEST_UNPUSHED, format!("`{}` is at {there} there, here is {here}", excerpt(head))));
    }
    let (request, opened) = match forge.open_request(head, base)? {
        Some(found) => (found, false),
        None => {
            let draft = RequestDraft {
                title: visible(directive.title()).chars().take(MAX_TITLE).collect(),
                body: comment::request(directive.name(), directive.path(), directive.title(), directive.intent()),
                head: head.to_owned(),
                base: base.to_owned(),
            };
            (forge.create_request(&draft)?, true)
        }
    };
    let text = format!(
        "change request {} {}\n  {}\nnext: countersign plan {} --change-request {}\n",
        request.number,
        if opened { "opened as a draft" } else { "is open already" },
        visible(&request.url),
        visible(&args.directive),
        request.number,
    );
    let result = json!({
        "changeRequest": request.number,
        "url": request.url,
        "opened": opened,
        "head": head,
        "headSha": tip,
        "base": base,
        "directive": directive.name(),
    });
    Ok(Outcome::done(result, text).decision(if opened { "opened" } else { "found" }).about(request.number.to_string()))
}

/// Returns the full name of the branch: the one named, else the one that is checked out.
fn branch(args: &OpenArgs, session: &Session, base: &str) -> Result<String> {
    let named = args.branch.as_ref().map(|name| format!("{HEADS}{}", name.trim_start_matches(HEADS)));
    match named.or_else(|| session.checkout.branch()) {
        None => Err(Refusal::new(REQUEST_BRANCH, "no branch is checked out").hint("name it: --branch NAME")),
        Some(name) if name == base => Err(Refusal::new(REQUEST_BRANCH, format!("`{base}` is the base itself"))),
        Some(name) => Ok(name),
    }
}
