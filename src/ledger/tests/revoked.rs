//! Whose word takes a key back.

use super::{
    rules::code,
    support::{Who, World, approved, ready, revocation_by},
};
use crate::sign::{Signer as _, predicate::RevocationTarget};

#[test]
fn a_key_is_taken_back_by_its_holder_or_by_a_root_key_alone() {
    let key = |who: Who| RevocationTarget::Key(who.key().key_id());
    let world = World::new();
    let mut ledger = world.open();
    ready(&mut ledger, 1);
    // Bob may approve; the keys of all others, the root key first, are not his to take away.
    for (n, other) in [Who::Alice, Who::Ci, Who::Policy, Who::Witness, Who::Stranger].into_iter().enumerate() {
        assert_eq!(code(&mut ledger, |head| revocation_by(Who::Bob, head, key(other), n as u64)), "key.role");
    }
    assert_eq!(code(&mut ledger, |head| revocation_by(Who::Alice, head, key(Who::Ci), 11)), "ok");
    assert_eq!(code(&mut ledger, |head| revocation_by(Who::Bob, head, key(Who::Bob), 12)), "ok");
    assert_eq!(code(&mut ledger, |head| approved(head, 1, 99)), "key.revoked");
}
