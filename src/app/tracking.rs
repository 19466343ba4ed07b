//! The issue that a plan is made for: which it is, whether it is ready, and what came of the plan.

use super::{conversation::Conversation, draft, forge, session::Session, world::World};
use crate::{
    base::{
        reason::{Refusal, Result},
        value::Scalar,
    },
    plan::model::Plan,
    report::comment::Marker,
    verify::{
        Tracked,
        reasons::{ISSUE_READ_BACK, ISSUE_UNASKED},
    },
};

/// Returns the issue that a plan is made for, where its directive asks for one.
///
/// A directive that is not here asks for none: such a plan deviates, and is refused for that.
pub(crate) fn tracked(session: &Session, plan: &Plan) -> Result<Option<Tracked>> {
    if !session.checkout.has(&plan.directive.commit) {
        return Ok(None);
    }
    let Some(directive) = draft::directive(session, plan)? else { return Ok(None) };
    let Some(spec) = directive.issue() else { return Ok(None) };
    let number = match plan.inputs.get(&spec.input) {
        Some(Scalar::Integer(number)) => u64::try_from(*number).unwrap_or_default(),
        _ => 0,
    };
    Ok(Some(Tracked { number, ready: spec.ready.clone() }))
}

/// Refuses to record a plan whose issue is not ready, or of which nobody can be asked.
pub(crate) fn check(session: &Session, plan: &Plan, world: &World) -> Result<()> {
    let Some(tracked) = tracked(session, plan)? else { return Ok(()) };
    let Some(forge) = forge::reach(session, world)? else {
        let what = match session.root.document().forge {
            Some(_) => format!("the variable {} is not set", forge::TOKEN),
            None => "the trust root names no forge".to_owned(),
        };
        return Err(Refusal::new(ISSUE_UNASKED, what).subject(tracked.number.to_string()));
    };
    tracked.judge(forge::issue(forge.as_ref(), &tracked)?.as_ref()).map(drop)
}

/// Writes what came of a plan into the conversation of its issue, and reads it back.
///
/// # Errors
/// `forge.*`; `issue.read_back` where another text, or another place, is read than was written.
pub(crate) fn write_back(conversation: &Conversation<'_>, marker: &Marker, body: &str) -> Result<()> {
    let written = conversation.put(marker, body)?;
    let read = conversation.forge.comment(written.id)?;
    // White space at the end, and how lines end, are the forge's own.
    if read.number == conversation.number && read.body.trim_end().lines().eq(body.trim_end().lines()) {
        return Ok(());
    }
    let what = format!("comment {} of issue {}", written.id, conversation.number);
    Err(Refusal::new(ISSUE_READ_BACK, what).subject(written.id.to_string()))
}
