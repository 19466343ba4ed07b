use super::*;
use crate::app::keys::bench::{draft, key, listed, now, person};

fn first(threshold: u32, people: &[u8]) -> TrustRoot {
    let keys: Vec<_> = people.iter().map(|n| key(*n)).collect();
    let signers: Vec<&dyn Signer> = keys.iter().map(|key| key as &dyn Signer).collect();
    let proposal = draft(threshold, people).propose(now(), &signers).unwrap();
    TrustRoot::start(proposal.version()).unwrap()
}

#[test]
fn each_change_makes_the_next_version_and_it_is_accepted() {
    let root = first(1, &[1, 2]);
    let witness = Principal { kind: PrincipalKind::Agent, ..person(8) };
    let changes = [
        Change::EnrolPrincipal(person(3)),
        Change::EnrolKey(NewKey { duties: vec![Duty::Approver, Duty::Approver], ..listed(3) }),
        Change::SetRoles { principal: 3, roles: vec!["technical-lead".parse().unwrap()] },
        Change::RevokeKey { key: key(2).key_id(), at: now() },
        Change::RenewExpiry(now().plus(99_999_999)),
        Change::AddWitness { principal: witness, key: listed(8) },
    ];
    let proposal = propose(&root, &changes, now().plus(5), &[&key(1)]).unwrap();
    let next = root.accept(proposal.version()).unwrap();
    let document = next.document();
    assert_eq!((document.version, proposal.previous()), (2, Some(root.digest())));
    assert_eq!(document.principals[2].roles[0].as_str(), "technical-lead");
    assert_eq!(document.keys[2].duties, [Duty::Approver]);
    assert_eq!(document.keys[1].revoked_at, Some(now()));
    assert_eq!(document.keys[3].duties, [Duty::Witness], "a witness gets no other duty");
    assert_eq!(document.expires, now().plus(99_999_999));
}

#[test]
fn what_is_not_there_cannot_be_changed() {
    let root = first(1, &[1]);
    let code = |change: Change| propose(&root, &[change], now(), &[&key(1)]).unwrap_err().code();
    assert_eq!(code(Change::SetRoles { principal: 9, roles: vec![] }), "principal.unknown");
    assert_eq!(code(Change::EnrolKey(listed(9))), "principal.unknown");
    assert_eq!(code(Change::RevokeKey { key: key(9).key_id(), at: now() }), "key.unknown");
    assert_eq!(code(Change::EnrolPrincipal(person(1))), "trust.change");
    assert_eq!(code(Change::EnrolKey(listed(1))), "trust.change");
    assert_eq!(code(Change::AddWitness { principal: person(8), key: listed(8) }), "trust.malformed");
}

#[test]
fn b20_a_threshold_of_nobody_or_of_more_than_there_are_is_refused() {
    let root = first(1, &[1, 2]);
    for threshold in [0, 3, u32::MAX] {
        let refusal = propose(&root, &[Change::SetThreshold(threshold)], now(), &[&key(1)]).unwrap_err();
        assert_eq!(refusal.code(), "trust.change");
        assert_eq!(draft(threshold, &[1, 2]).propose(now(), &[&key(1)]).unwrap_err().code(), "trust.malformed");
    }
    let last = Change::RevokeKey { key: key(1).key_id(), at: now() };
    let all = [last, Change::RevokeKey { key: key(2).key_id(), at: now() }];
    assert_eq!(propose(&root, &all, now(), &[&key(1)]).unwrap_err().code(), "trust.change");
}

#[test]
fn b30_a_key_without_the_duty_signs_no_change() {
    let mut draft = draft(1, &[1, 2]);
    draft.keys[1].duties = vec![Duty::Approver];
    let proposal = draft.propose(now(), &[&key(1)]).unwrap();
    let root = TrustRoot::start(proposal.version()).unwrap();
    let change = [Change::RenewExpiry(now().plus(50))];
    assert_eq!(propose(&root, &change, now(), &[&key(2)]).unwrap_err().code(), "key.role");
    assert_eq!(propose(&root, &change, now(), &[&key(9)]).unwrap_err().code(), "key.role");
}

#[test]
fn a_key_takes_the_place_of_another_in_one_change() {
    let root = first(1, &[1]);
    let fresh = NewKey { principal: 1, ..listed(5) };
    let changes = [Change::EnrolKey(fresh), Change::RevokeKey { key: key(1).key_id(), at: now() }];
    let mut proposal = propose(&root, &changes, now(), &[&key(1)]).unwrap();
    assert!(!proposal.is_complete().unwrap(), "the new key must sign too");
    proposal.countersign(&key(5)).unwrap();
    assert!(proposal.is_complete().unwrap());
    let next = root.accept(proposal.version()).unwrap();
    assert_eq!(TrustRoot::start(proposal.version()).unwrap().digest(), next.digest(), "and it can be pinned itself");
}

#[test]
fn times_of_versions_never_go_backwards() {
    let root = first(1, &[1]);
    let early = propose(&root, &[Change::RenewExpiry(now().plus(50))], now().plus(-30), &[&key(1)]).unwrap();
    assert_eq!(root.accept(early.version()).unwrap().signed_at(), Some(now()));
}
