//! SHA-256 by whichever code computes it fastest on this processor.
//!
//! `sha2` uses the processor's own SHA instructions. Where there are none, its portable code takes twice as long as
//! the vector code that TLS brings in anyway (docs/decisions/0020-sha-256-by-the-processor.md).

use aws_lc_rs::digest;
use sha2::Digest as _;

/// A running SHA-256.
#[derive(Clone)]
pub(super) enum Sha256 {
    /// For processors with SHA instructions.
    Instructions(sha2::Sha256),
    /// For all others.
    Vectors(digest::Context),
}

impl Sha256 {
    /// Hashes bytes.
    pub(super) fn digest(bytes: &[u8]) -> [u8; 32] {
        if has_instructions() {
            return sha2::Sha256::digest(bytes).into();
        }
        array(&digest::digest(&digest::SHA256, bytes))
    }

    /// Takes more bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Instructions(hasher) => hasher.update(bytes),
            Self::Vectors(context) => context.update(bytes),
        }
    }

    /// Returns the digest of all bytes taken.
    pub(super) fn finish(self) -> [u8; 32] {
        match self {
            Self::Instructions(hasher) => hasher.finalize().into(),
            Self::Vectors(context) => array(&context.finish()),
        }
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        if has_instructions() {
            Self::Instructions(sha2::Sha256::new())
        } else {
            Self::Vectors(digest::Context::new(&digest::SHA256))
        }
    }
}

/// Tells whether `sha2` finds SHA instructions here; asked once, then remembered.
fn has_instructions() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("sha")
        && std::arch::is_x86_feature_detected!("ssse3")
        && std::arch::is_x86_feature_detected!("sse4.1");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("sha2");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return false;
}

fn array(digest: &digest::Digest) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whichever code runs here, the other one says the same, for any bytes taken in any parts.
        #[test]
        fn both_say_the_same(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8)) {
            let mut hashers = [
                Sha256::Instructions(sha2::Sha256::new()),
                Sha256::Vectors(digest::Context::new(&digest::SHA256)),
                Sha256::default(),
            ];
            for part in &parts {
                hashers.iter_mut().for_each(|hasher| hasher.update(part));
            }
            let whole = Sha256::digest(&parts.concat());
            for hasher in hashers {
                prop_assert_eq!(hasher.finish(), whole);
            }
        }
    }
}
