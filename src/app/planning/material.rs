//! What a planner is told beside the definitions: files at the commits, and texts from the forge.

use super::super::{draft::Order, forge, session::Session, world::World};
use crate::{
    base::{reason::Result, value::Scalar},
    forge::Checkout,
    plan::model::Origin,
    planner::{
        context::{self, Gathered, Limits, Outside, Sources, Tree},
        scan,
    },
};

/// Gathers the material of an order, as the directive names it and the configuration lets it be sent.
pub(super) fn gather(session: &Session, order: &Order<'_>, send: Option<&[String]>, world: &World) -> Result<Gathered> {
    let facts = &session.facts;
    let texts = outside(session, order, world)?;
    let outside: Vec<Outside<'_>> =
        texts.iter().map(|(name, origin, text)| Outside { name, origin: *origin, text }).collect();
    let files = |commit: &str| session.checkout.list(commit, "");
    let (at_base, at_head) = (files(&facts.base_sha)?, files(&facts.head_sha)?);
    let read_base = reader(&session.checkout, &facts.base_sha);
    let read_head = reader(&session.checkout, &facts.head_sha);
    let gathered = context::gather(
        &Sources {
            directive: order.directive,
            directive_at_base: order.directive_commit == facts.base_sha,
            base: Tree { paths: &at_base, read: &read_base },
            head: (facts.head_sha != facts.base_sha).then_some(Tree { paths: &at_head, read: &read_head }),
            outside: &outside,
        },
        &Limits::default(),
    )?;
    match send {
        Some(globs) => scan::restrict(gathered, globs),
        None => Ok(gathered),
    }
}

fn reader<'c>(checkout: &'c Checkout, commit: &'c str) -> impl Fn(&str) -> Result<Option<Vec<u8>>> + use<'c> {
    move |path| checkout.blob(commit, path)
}

/// Reads the issue that the plan is for, and the title of its change request; the inputs are texts, too.
fn outside(session: &Session, order: &Order<'_>, world: &World) -> Result<Vec<(String, Origin, String)>> {
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
        texts.push((format!("issue {number}"), Origin::Issue, format!("{}\n\n{}", issue.title, issue.body)));
    }
    if let Some(number) = session.facts.change_request {
        let change = forge.change_request(number)?;
        texts.push((format!("change request {number}"), Origin::ChangeRequest, change.title));
    }
    Ok(texts)
}
