//! What a signed checkpoint vouches for: how far, and by whose word.

use super::{
    blocks::ReadFiles,
    chain::{Chain, Mode},
    format::{RawEntry, lines},
    record::{Record, Signatures},
    store::{EntryFile, Store},
};
use crate::{
    base::{digest::Digest, reason::Result},
    sign::{Signatory, predicate::Checkpoint, stated::Readable, trust::TrustRoot},
};

/// What a checkpoint covers, and by whose word.
pub(super) struct Covered {
    /// The last entry.
    pub(super) up_to: u64,
    /// The files that were looked through for it.
    pub(super) read: ReadFiles,
    keys: Vec<Digest>,
}

/// Tells whether the ledger itself revokes a key that vouched.
pub(super) fn distrusted(chain: &Chain, covered: &Covered) -> bool {
    covered.keys.iter().any(|key| chain.state().key_revoked(key).is_some())
}

/// Finds the entry that the newest checkpoint with a valid signature covers; looks no further back than one segment.
pub(super) fn covered(store: &Store, root: &TrustRoot, files: &[EntryFile], mode: Mode) -> Result<Option<Covered>> {
    if mode == Mode::Full {
        return Ok(None);
    }
    let mut read = ReadFiles::new();
    for file in files.iter().rev() {
        let bytes = store.read(file)?;
        let found = 'newest: {
            for line in lines(&bytes)?.rev() {
                // A defect found here is reported by the pass that reads in order.
                let Ok(raw) = RawEntry::parse(line) else { return Ok(None) };
                if let Ok((Record::Checkpoint(checkpoint), signers)) = checkpoint_of(&raw, root)
                    && signers.iter().all(|signer| !signer.key.is_revoked())
                {
                    break 'newest Some((checkpoint.ledger.seq, signers));
                }
            }
            None
        };
        read.insert(file.first, bytes);
        if let Some((up_to, signers)) = found {
            let keys = signers.iter().map(|signer| signer.key.id).collect();
            return Ok(Some(Covered { up_to, read, keys }));
        }
        if file.last.is_some() {
            break;
        }
    }
    Ok(None)
}

/// Opens an entry only if it says that it is a checkpoint, so that the search costs no other signature.
fn checkpoint_of(raw: &RawEntry, root: &TrustRoot) -> Result<(Record, Vec<Signatory>)> {
    Readable::new(&raw.envelope)?.unverified::<Checkpoint>()?;
    Record::open(&raw.envelope, root, raw.at, Signatures::Verify)
}
