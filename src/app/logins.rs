//! Logins of the trust root against those that the forge has now: the number decides, and a difference is told.

use super::{forge, output::Outcome, session::Session, signer::Hand, world::World};
use crate::{
    approval::reasons::APPROVER_RENAMED,
    base::{
        reason::{Refusal, Result},
        text::visible,
    },
    facts::observed::Observed,
    policy::Policy,
    sign::trust::{Principal, PrincipalKind},
};

/// Says how a person's login on the forge differs from the trust root's; `None` where it does not. Case is no rename.
fn difference(listed: &Principal, live: Option<&str>) -> Option<String> {
    let who = format!("`{}` ({})", visible(&listed.login), listed.id);
    match live {
        None => Some(format!("the forge has no account of {who} any more")),
        Some(live) if live.eq_ignore_ascii_case(&listed.login) => None,
        Some(live) => {
            Some(format!("{who} is called `{}` on the forge now; another may take the old login", visible(live)))
        }
    }
}

/// Lets a person approve under the login that the forge has now; returns what is to be said of it.
///
/// # Errors
/// `approver.renamed` where it is another than the trust root's and the policy asks for the same.
pub(crate) fn admit(listed: &Principal, live: Option<&str>, policy: &Policy) -> Result<Option<String>> {
    match difference(listed, live) {
        Some(what) if policy.gates().exact_logins => {
            Err(Refusal::new(APPROVER_RENAMED, what).subject(listed.id.to_string()))
        }
        found => Ok(found),
    }
}

/// Asks the forge, where it can be reached, for the login of who approves; does as [`admit`].
///
/// A person's own machine may have no token, or no network: then nothing is said, unless the policy asks.
///
/// # Errors
/// `approver.renamed`; `forge.*` where the policy asks for the same login and the forge does not answer.
pub(crate) fn of_hand(hand: &Hand, policy: &Policy, session: &Session, world: &World) -> Result<Option<String>> {
    if hand.principal.kind != PrincipalKind::Person {
        return Ok(None);
    }
    let asked = forge::reach(session, world)
        .and_then(|forge| forge.map(|forge| forge::login(forge.as_ref(), hand.principal.id)).transpose());
    match asked {
        Ok(Some(live)) => admit(&hand.principal, live.as_deref(), policy),
        Ok(None) => Ok(None),
        Err(refusal) if policy.gates().exact_logins => Err(refusal),
        Err(refusal) => Ok(Some(format!("the forge was not asked for your login: {}", refusal.message()))),
    }
}

/// Says of whom that approved the login differs.
pub(crate) fn told(observed: Option<&Observed>, session: &Session) -> Vec<String> {
    let logins = observed.iter().flat_map(|observed| &observed.logins);
    let listed = logins.filter_map(|(id, live)| Some((session.root.principal(*id)?, live.as_deref())));
    listed.filter_map(|(listed, live)| difference(listed, live)).collect()
}

/// Adds what is to be said to an outcome.
pub(crate) fn say(outcome: Outcome, notes: &[String]) -> Outcome {
    if notes.is_empty() { outcome } else { outcome.note(&notes.join("; ")) }
}
