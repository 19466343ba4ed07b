//! Signed statements: DSSE envelopes, predicates, keys and the trust root.

pub mod predicate;
pub mod statement;
