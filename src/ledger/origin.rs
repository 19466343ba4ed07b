//! Of which repository a record says that it is.

use super::{
    reasons::{LEDGER_CHAIN, LEDGER_TRANSPLANT},
    record::Record,
};
use crate::{
    base::reason::{Refusal, Result},
    sign::{predicate::Checkpoint, trust::TrustRoot},
};

/// Refuses a record that names another repository, or stands at a place that is none of its kind.
pub(super) fn check_origin(record: &Record, seq: u64, root: &TrustRoot) -> Result<()> {
    let document = root.document();
    match record {
        Record::Genesis(_) if seq != 0 => Err(Refusal::new(LEDGER_CHAIN, "a second genesis")),
        Record::Genesis(genesis) => {
            let own = genesis.host == document.host
                && genesis.repo_id == document.repo_id
                && genesis.owner_id == document.owner_id;
            if own { Ok(()) } else { Err(Refusal::new(LEDGER_TRANSPLANT, "the genesis names another repository")) }
        }
        _ if seq == 0 => Err(Refusal::new(LEDGER_CHAIN, "the first entry is no genesis")),
        Record::Checkpoint(checkpoint) => check_checkpoint_origin(checkpoint, root),
        _ => Ok(()),
    }
}

/// Refuses a checkpoint of another repository.
pub(super) fn check_checkpoint_origin(checkpoint: &Checkpoint, root: &TrustRoot) -> Result<()> {
    let document = root.document();
    if checkpoint.host != document.host || checkpoint.repo_id != document.repo_id {
        return Err(Refusal::new(LEDGER_TRANSPLANT, "a checkpoint names another repository"));
    }
    Ok(())
}
