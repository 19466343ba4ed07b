//! Gathers what a model is told from the checkout: the base by its id, the head as data.

use super::session::Session;
use crate::{
    base::reason::Result,
    directive::Directive,
    planner::{
        context::{self, Gathered, Limits, Outside, Sources, Tree},
        scan,
    },
};

/// Chooses what a model is told, and leaves out what the configuration does not let be sent.
///
/// `directive_commit` is where the directive was read; only one of the base may name files of agents. `send` are the
/// globs of the configuration; none means that all may be sent which the directive names. Secrets are looked for by
/// [`scan::check`], once the whole question stands.
///
/// # Errors
/// `planner.limit`, `planner.context`, and what the reading of the checkout refuses.
pub(crate) fn gather(
    session: &Session,
    directive: &Directive,
    directive_commit: &str,
    outside: &[Outside<'_>],
    send: Option<&[String]>,
) -> Result<Gathered> {
    let (checkout, facts) = (&session.checkout, &session.facts);
    let base_paths = checkout.paths(&facts.base_sha)?;
    let read_base = |path: &str| checkout.blob(&facts.base_sha, path);
    let read_head = |path: &str| checkout.blob(&facts.head_sha, path);
    let other = facts.head_sha != facts.base_sha;
    let head_paths = if other { checkout.paths(&facts.head_sha)? } else { Vec::new() };
    let gathered = context::gather(
        &Sources {
            directive,
            directive_at_base: directive_commit == facts.base_sha,
            base: Tree { paths: &base_paths, read: &read_base },
            head: other.then_some(Tree { paths: &head_paths, read: &read_head }),
            outside,
        },
        &Limits::default(),
    )?;
    match send {
        Some(globs) => scan::restrict(gathered, globs),
        None => Ok(gathered),
    }
}
