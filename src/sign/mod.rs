//! Signed statements: DSSE envelopes, predicates, keys and the trust root.

pub mod envelope;
pub mod evidence;
pub mod issuer;
pub mod key;
pub mod predicate;
pub mod reasons;
pub mod schemes;
pub mod stated;
pub mod statement;
pub mod trust;
pub mod verified;
pub mod workload;

pub use envelope::Envelope;
pub use key::{PrivateKey, PublicKey, Signer};
pub use trust::{Duty, TrustRoot};
pub use verified::{Late, Signatory, Verified};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod trust_tests;
#[cfg(test)]
mod vectors;
