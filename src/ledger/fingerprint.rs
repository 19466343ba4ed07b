//! Fingerprints that tell things apart in one process, in few bytes and in little time.

use std::hash::{BuildHasher, Hash, RandomState};

/// What makes fingerprints: two keyed hashes, of keys that are drawn in this process and known to nobody outside.
///
/// Nobody can look for two things of one fingerprint beforehand, as they could where it is a part of a SHA-256.
#[derive(Clone, Debug, Default)]
pub(super) struct Fingerprints([RandomState; 2]);

impl Fingerprints {
    /// Returns what tells a thing from all others of its kind; some three times as fast as SHA-256.
    pub(super) fn of(&self, thing: impl Hash) -> u128 {
        let [high, low] = self.0.each_ref().map(|key| u128::from(key.hash_one(&thing)));
        high << 64 | low
    }
}
