//! Looks through everything that is to be sent to a model, before it is sent, for what must not leave.
//!
//! A hit refuses and names the text and the line, never the value: an error message ends in logs. What is not known
//! by its form may still be random: long runs of mixed letters and digits, and values that are given to a name such
//! as `password`. Digests, public keys and certificates are random too, and are let pass.

pub(super) mod random;
#[cfg(test)]
mod tests;

use super::{
    context::{ContextItem, Gathered, Pattern, SkipReason, Skipped},
    reasons::PLANNER_SECRET,
};
use crate::{
    base::{
        leak,
        reason::{Refusal, Result},
        secret::Secret,
        text,
    },
    plan::model::Origin,
};

/// The shortest secret of the environment that is looked for: shorter ones stand everywhere.
const LEAST_KNOWN: usize = 8;

/// Refuses where any text holds a secret: one of `known`, one of a form that issuers use, or one that looks random.
///
/// # Errors
/// `planner.secret_in_context`.
pub fn check(items: &[ContextItem], known: &[Secret]) -> Result<()> {
    items.iter().try_for_each(|item| check_text(&item.name, &item.text, known))
}

/// Refuses where a text holds a secret; `name` says what the text is.
///
/// # Errors
/// `planner.secret_in_context`.
pub fn check_text(name: &str, text: &str, known: &[Secret]) -> Result<()> {
    let Some((line, what)) = find(text, known) else { return Ok(()) };
    let name = text::excerpt(name);
    let place = line.map(|line| format!("line {line} of ")).unwrap_or_default();
    Err(Refusal::new(PLANNER_SECRET, format!("{place}`{name}` holds what looks like {what}")).subject(name))
}

/// Leaves out the files that no glob of `send` matches, and names them as skipped.
///
/// The directive and texts that are no files stay: who names them means them.
///
/// # Errors
/// `planner.context` where a glob is none.
pub fn restrict(gathered: Gathered, send: &[String]) -> Result<Gathered> {
    let patterns = send.iter().map(|glob| Pattern::new(glob)).collect::<Result<Vec<_>>>()?;
    let Gathered { items, mut skipped } = gathered;
    let is_file = |item: &ContextItem| matches!(item.origin, Origin::RepoAtBase | Origin::RepoAtHead);
    let allowed = |item: &ContextItem| patterns.iter().any(|pattern| pattern.matches(&item.name));
    let (items, out): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| !is_file(item) || allowed(item));
    skipped.extend(out.into_iter().map(|item| Skipped { name: item.name, why: SkipReason::NotAllowed }));
    Ok(Gathered { items, skipped })
}

/// Finds the first secret: its line, where it has one, and what it looks like.
fn find(text: &str, known: &[Secret]) -> Option<(Option<usize>, &'static str)> {
    let is_known = |secret: &Secret| secret.expose().len() >= LEAST_KNOWN && text.contains(secret.expose());
    if known.iter().any(is_known) {
        return Some((None, "a secret of this environment"));
    }
    let mut public = false;
    for (index, line) in text.lines().enumerate() {
        let found = |what| Some((Some(index + 1), what));
        if let Some(what) = leak::secret_in(line) {
            return found(what);
        }
        // Certificates and public keys are long and random, and meant to be seen.
        public = (public || line.contains("-----BEGIN ")) && !line.contains("-----END ");
        if public {
            continue;
        }
        if random::assigned(line) {
            return found("a secret that is given to a name");
        }
        if random::run(line) {
            return found("a random string, as keys and tokens are");
        }
    }
    None
}
