//! Whose word takes a key back, and what becomes of entries that a key signs which the trust root has revoked.

use super::{
    edit::{forge, set},
    rules::code,
    support::*,
};
use crate::{
    base::{digest::Digest, reason::Refusal},
    ledger::{
        Ledger, Mode,
        format::{entry_bytes, entry_path},
    },
    sign::{
        Envelope, Signer as _,
        predicate::{Halt, LedgerHead, RevocationTarget},
        trust::TrustRoot,
    },
};

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

/// A statement on a head, about the plan 1 and an approval of it.
type Statement = fn(&LedgerHead, Digest) -> Envelope;

/// What Bob and the runner may record, of each kind.
const KINDS: [(Who, Statement); 10] = [
    (Who::Bob, |head, _| approved(head, 1, 60)),
    (Who::Bob, |head, _| rejection(head, 1, 61)),
    (Who::Bob, |head, grant| revocation_by(Who::Bob, head, RevocationTarget::Approval(grant), 62)),
    (Who::Bob, |head, _| revocation_by(Who::Bob, head, RevocationTarget::Key(Who::Bob.key().key_id()), 63)),
    (Who::Bob, |head, _| halt_by_bob(head, true, 64)),
    (Who::Bob, |head, _| note(1, Some("late"), &[], &[])(head)),
    (Who::Ci, |head, _| plan(head, 2, None)),
    (Who::Ci, |head, _| reviewed(head, 1, 65)),
    (Who::Ci, |head, grant| claim(head, 1, "r", 1, vec![grant], 66)),
    (Who::Ci, |head, _| checkpoint(Who::Ci, head, 3)),
];

fn halt_by_bob(head: &LedgerHead, halted: bool, n: u64) -> Envelope {
    let by = Who::Bob.actor();
    let record =
        Halt { evidence: None, halted, by, reason: "stop".into(), nonce: nonce(n), ledger: head.clone(), at: t(2) };
    sign(Who::Bob, None, record)
}

/// The version after that of the world, which revokes a key from the second on in which the tests append.
fn next(world: &World, who: Who) -> TrustRoot {
    trust_root(&world.genesis, |document| {
        document.version = 4;
        let key = document.keys.iter_mut().find(|key| key.id == who.key().key_id()).unwrap();
        key.revoked_at = Some(t(10));
    })
}

fn under(world: &World, root: &TrustRoot) -> Ledger {
    Ledger::open(&world.path(), root).unwrap()
}

/// Reads the ledger afresh in every way that there is.
fn read(world: &World, root: &TrustRoot) -> Vec<Result<u64, Refusal>> {
    let cautious = || under(world, root).with_mode(Mode::FromCheckpoint);
    let mut readings: Vec<_> = [under(world, root), cautious(), cautious().with_focus(plan_digest(3))]
        .map(|mut ledger| ledger.read(t(10)).map(|chain| chain.length()))
        .into();
    for mut asked in [cautious(), cautious().with_focus(plan_digest(1))] {
        readings.push(asked.read_for(&plan_digest(1), t(10)).map(|chain| chain.length()));
    }
    readings
}

#[track_caller]
fn everybody_reads(world: &World, root: &TrustRoot) {
    read(world, root).into_iter().for_each(|reading| _ = reading.unwrap());
}

/// Every reader refuses an entry as signed by a revoked key, and says which entry it is.
#[track_caller]
fn nobody_reads_past(seq: u64, world: &World, root: &TrustRoot) {
    for refusal in read(world, root).into_iter().map(Result::unwrap_err) {
        assert_eq!(refusal.code(), "key.revoked", "{refusal}");
        assert!(refusal.message().starts_with(&format!("entry {seq}: key ")), "{refusal}");
    }
}

/// Puts an entry behind the last one, whatever the rules say; returns its place.
fn push(world: &World, root: &TrustRoot, make: impl Fn(&LedgerHead) -> Envelope) -> LedgerHead {
    let head = under(world, root).read(t(10)).unwrap().head().unwrap();
    push_after(world, &head, &make(&head))
}

fn push_after(world: &World, head: &LedgerHead, envelope: &Envelope) -> LedgerHead {
    let seq = head.seq + 1;
    let line = entry_bytes(seq, head.hash, envelope, t(10)).unwrap();
    forge(world, &[set(entry_path(seq), [line.as_slice(), b"\n"].concat())], &[world.tip()]);
    LedgerHead { seq, hash: Digest::of(&line), ..head.clone() }
}

#[test]
fn b32_what_a_revoked_key_signs_before_the_ledger_knows_stands_and_stops_nobody() {
    for (n, (who, make)) in KINDS.into_iter().enumerate() {
        let world = World::new();
        let mut stale = world.open();
        let grant = ready(&mut stale, 1);
        let root = next(&world, who);
        let mut ledger = under(&world, &root);
        assert_eq!(code(&mut ledger, |head| make(head, grant)), "key.revoked", "kind {n}: no writer signs with it");
        put(&mut stale, |head| make(head, grant)).unwrap();
        everybody_reads(&world, &root);
        put(&mut ledger, |head| halt(head, true, 70)).unwrap();
        put(&mut ledger, |head| checkpoint(Who::Witness, head, 4)).unwrap();
        everybody_reads(&world, &root);
        assert!(ledger.read(t(10)).unwrap().state().halt().is_some());
        assert_eq!(code(&mut stale, |head| reviewed(head, 1, 71)), "trust.rollback", "kind {n}");
    }
}

#[test]
fn b32_once_the_ledger_names_the_version_nothing_by_the_revoked_key_follows() {
    for (who, make) in KINDS {
        let world = World::new();
        let grant = ready(&mut world.open(), 1);
        let root = next(&world, who);
        put(&mut under(&world, &root), |head| checkpoint(Who::Witness, head, 4)).unwrap();
        everybody_reads(&world, &root);
        let last = push(&world, &root, |head| make(head, grant));
        nobody_reads_past(last.seq, &world, &root);
    }
}

#[test]
fn b32_an_approval_that_names_the_version_closes_the_window_too() {
    let world = World::new();
    let grant = ready(&mut world.open(), 1);
    let root = next(&world, Who::Ci);
    let named = |head: &LedgerHead, who: Who, n| {
        let mut record = approval(head, 1, n);
        (record.binding.trust_root_version, record.approver) = (4, who.actor());
        sign(who, Some(plan_digest(1)), record)
    };
    put(&mut under(&world, &root), |head| named(head, Who::Alice, 60)).unwrap();
    let last = push(&world, &root, |head| claim(head, 1, "r", 1, vec![grant], 61));
    nobody_reads_past(last.seq, &world, &root);
    // Whoever names the version that revoked the key had it, whatever the ledger knows.
    let world = World::new();
    ready(&mut world.open(), 1);
    let root = next(&world, Who::Bob);
    let last = push(&world, &root, |head| named(head, Who::Bob, 60));
    nobody_reads_past(last.seq, &world, &root);
    let world = World::new();
    ready(&mut world.open(), 1);
    let root = next(&world, Who::Ci);
    let last = push(&world, &root, |head| checkpoint(Who::Ci, head, 4));
    nobody_reads_past(last.seq, &world, &root);
}

#[test]
fn b32_a_checkpoint_changes_nothing_about_what_stands_before_it() {
    // In the window: the signatures of an approval are verified when it matters, and it is judged as of its place.
    let world = World::new();
    let root = next(&world, Who::Bob);
    let late = ready(&mut world.open(), 1);
    put(&mut under(&world, &root), |head| checkpoint(Who::Witness, head, 4)).unwrap();
    let mut ledger = under(&world, &root).with_mode(Mode::FromCheckpoint).with_focus(plan_digest(1));
    let state = ledger.read_for(&plan_digest(1), t(10)).unwrap().state();
    assert!(state.approval(&late).unwrap().approval.proven().is_some());
    // After it: no checkpoint that somebody puts behind covers it.
    let at = push(&world, &root, |head| approved(head, 1, 60));
    push_after(&world, &at, &checkpoint(Who::Witness, &at, 4));
    let mut readings = read(&world, &root);
    // About another plan and covered: that is the checkpoint's word, as decision 0025 says.
    assert!(readings.remove(2).is_ok());
    assert!(readings.into_iter().all(|reading| reading.unwrap_err().code() == "key.revoked"));
}

#[test]
fn b32_a_checkpoint_by_a_key_that_the_trust_root_revoked_vouches_for_nothing() {
    let world = World::new();
    let mut stale = world.open();
    ready(&mut stale, 1);
    put(&mut stale, |head| checkpoint(Who::Ci, head, 3)).unwrap();
    let signed = |root: &TrustRoot| {
        let mut signed = 0;
        let mut ledger = under(&world, root).with_mode(Mode::FromCheckpoint);
        ledger
            .for_each(t(10), |entry, _| {
                signed += usize::from(!entry.signatories.is_empty());
                Ok(())
            })
            .unwrap();
        signed
    };
    assert_eq!((signed(&world.root), signed(&next(&world, Who::Ci))), (3, 4), "the plan's signature is verified");
}

#[test]
fn e09_a_checkpoint_by_a_revoked_key_makes_no_ledger_fresh() {
    let world = World::new();
    let mut stale = world.open();
    put(&mut stale, |head| checkpoint_of(Who::Witness, head, 3, t(7))).unwrap();
    put(&mut stale, |head| checkpoint_of(Who::Ci, head, 3, t(9))).unwrap();
    let vouched_at = |root: &TrustRoot| under(&world, root).read(t(10)).unwrap().state().vouched_at();
    assert_eq!((vouched_at(&world.root), vouched_at(&next(&world, Who::Ci))), (Some(t(9)), Some(t(7))));
}

#[test]
fn b32_a_halt_that_a_revoked_key_lifts_is_in_force() {
    let world = World::new();
    let mut stale = world.open();
    let grant = ready(&mut stale, 1);
    put(&mut stale, |head| halt(head, true, 60)).unwrap();
    put(&mut stale, |head| halt_by_bob(head, false, 61)).unwrap();
    let fencing = put(&mut stale, |head| claim(head, 1, "r", 1, vec![grant], 62)).unwrap().head.seq;
    let root = next(&world, Who::Bob);
    everybody_reads(&world, &root);
    let mut ledger = under(&world, &root);
    let state = ledger.read(t(10)).unwrap().state();
    assert!(state.halt().is_some());
    assert_eq!(state.check_running().unwrap_err().code(), "ledger.halted");
    put(&mut ledger, |head| checkpoint(Who::Witness, head, 4)).unwrap();
    assert_eq!(code(&mut ledger, |_| started(1, "r", "a", 1, fencing)), "ledger.halted");
    assert_eq!(code(&mut ledger, |head| halt(head, false, 63)), "ok");
    assert_eq!(code(&mut ledger, |_| started(1, "r", "a", 1, fencing)), "ok");
    everybody_reads(&world, &root);
}

#[test]
fn b32_a_revocation_that_is_dated_before_the_genesis_leaves_the_ledger_readable() {
    let world = World::new();
    ready(&mut world.open(), 1);
    let root = trust_root(&world.genesis, |document| {
        document.version = 4;
        document.keys.push(crate::sign::trust::Key { revoked_at: Some(t(-5)), ..document.keys[0].clone() });
        document.keys.remove(0);
        document.keys[0].duties.push(crate::sign::trust::Duty::Root);
    });
    everybody_reads(&world, &root);
    put(&mut under(&world, &root), |head| halt_by_bob(head, true, 60)).unwrap();
}

#[test]
fn b32_a_note_by_a_key_that_the_trust_root_revoked_is_shown_as_such_and_changes_no_label() {
    let world = World::new();
    let mut stale = world.open();
    ready(&mut stale, 1);
    put(&mut stale, note(1, None, &["kept"], &[])).unwrap();
    let head = stale.head().unwrap();
    let late = trust_root(&world.genesis, |document| {
        document.version = 4;
        let key = document.keys.iter_mut().find(|key| key.id == Who::Bob.key().key_id()).unwrap();
        key.revoked_at = Some(t(11));
    });
    let line = entry_bytes(head.seq + 1, head.hash, &note(1, Some("mine now"), &["lost"], &["kept"])(&head), t(12));
    let file = [line.unwrap().as_slice(), b"\n"].concat();
    forge(&world, &[set(entry_path(head.seq + 1), file)], &[world.tip()]);
    let notes = under(&world, &late).notes(&plan_digest(1), 9, t(12)).unwrap();
    assert_eq!(notes.labels.iter().map(|label| label.as_str()).collect::<Vec<_>>(), ["kept"]);
    let marked: Vec<_> = notes.newest.iter().map(|note| (note.text.as_deref(), note.late)).collect();
    assert_eq!(marked, [(Some("mine now"), true), (None, false)]);
}
