//! What a planner is told beside the definitions: files at the commits, and texts from the forge.

use super::super::{context, draft::Order, forge, session::Session, trigger::Trigger, world::World};
use crate::{
    base::{reason::Result, value::Scalar},
    plan::model::Origin,
    planner::context::{Gathered, Outside},
};

/// Gathers the material of an order, as the directive names it and the configuration lets it be sent.
pub(super) fn gather(
    session: &Session,
    order: &Order<'_>,
    send: Option<&[String]>,
    trigger: Trigger,
    world: &World,
) -> Result<Gathered> {
    let texts = outside(session, order, trigger, world)?;
    let outside: Vec<Outside<'_>> =
        texts.iter().map(|(name, origin, text)| Outside { name, origin: *origin, text }).collect();
    context::gather(session, order.directive, order.directive_commit, &outside, send)
}

/// Reads the issue that the plan is for, and the title of its change request; the inputs are texts, too.
fn outside(
    session: &Session,
    order: &Order<'_>,
    trigger: Trigger,
    world: &World,
) -> Result<Vec<(String, Origin, String)>> {
    let mut texts: Vec<(String, Origin, String)> = Vec::new();
    for (name, value) in order.inputs {
        if let Scalar::Text(text) = value
            && !text.is_empty()
        {
            texts.push((format!("inputs.{name}"), Origin::Requester, text.clone()));
        }
    }
    let issue = order.directive.issue().and_then(|spec| order.inputs.get(&spec.input));
    let number = match issue {
        Some(Scalar::Integer(number)) => u64::try_from(*number).ok(),
        _ => None,
    };
    if number.is_none() && session.facts.change_request.is_none() {
        return Ok(texts);
    }
    let Some(forge) = forge::reach(session, world)? else { return Ok(texts) };
    if let Some(number) = number {
        let issue = forge.issue(number)?;
        trigger.check_text(forge.as_ref(), number, &issue.title, Some(&issue.body))?;
        texts.push((format!("issue {number}"), Origin::Issue, format!("{}\n\n{}", issue.title, issue.body)));
    }
    if let Some(number) = session.facts.change_request {
        let change = forge.change_request(number)?;
        trigger.check_text(forge.as_ref(), number, &change.title, None)?;
        texts.push((format!("change request {number}"), Origin::ChangeRequest, change.title));
    }
    Ok(texts)
}
