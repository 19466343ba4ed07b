//! Where every recorded plan stands, derived from the ledger.

use super::{session::Session, statements::word, world::World};
use crate::{
    base::{digest::Digest, ident::Id, reason::Result, time::Timestamp},
    ledger::status::{Gate, status},
};

/// One plan.
pub(crate) struct Standing {
    pub(crate) digest: Digest,
    pub(crate) status: String,
    pub(crate) directive: String,
    pub(crate) requested_by: String,
    pub(crate) recorded_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) runs: Vec<Id>,
}

/// Returns every plan, the newest first.
///
/// Whether approvals are enough is the policy's to say, for one plan at a time (`status`); here a plan
/// with approvals that no run has used shows as awaiting approval.
pub(crate) fn of_all(session: &Session, world: &World) -> Result<Vec<Standing>> {
    let now = world.now();
    let mut ledger = session.ledger(now)?;
    let state = ledger.read(now)?.state();
    let mut plans: Vec<_> = state.plans().iter().collect();
    plans.sort_by_key(|(_, known)| std::cmp::Reverse(known.seq));
    let mut standings = Vec::new();
    for (digest, known) in plans {
        let Some(found) = status(state, digest, now, Gate::Closed) else { continue };
        standings.push(Standing {
            digest: *digest,
            status: word(&found)?,
            directive: known.record.directive.to_string(),
            requested_by: known.record.requested_by.login.clone(),
            recorded_at: known.at,
            expires_at: known.record.expires,
            runs: known.runs.clone(),
        });
    }
    Ok(standings)
}
