//! A reader that is asked about one plan: what it still finds, and what it leaves to a checkpoint.

use std::path::Path;

use super::{edit::*, support::*};
use crate::{
    base::{digest::Digest, reason::Result},
    ledger::{
        Ledger, Mode,
        focus::Focus,
        format::{Plain, entry_bytes, entry_path, lines, segment_path},
    },
    sign::{
        Envelope,
        key::Signer as _,
        predicate::{Rejection, RevocationTarget},
    },
};

/// A ledger of three plans, the first with a run, that a checkpoint covers.
fn covered() -> (World, Digest) {
    let world = World::new();
    let mut ledger = world.open();
    let grant = ready(&mut ledger, 0);
    ready(&mut ledger, 1);
    put(&mut ledger, |head| plan(head, 2, None)).unwrap();
    put(&mut ledger, |head| claim(head, 0, "r0", 1, vec![grant], 7)).unwrap();
    let fencing = ledger.head().unwrap().seq;
    put(&mut ledger, |_| started(0, "r0", "a", 1, fencing)).unwrap();
    put(&mut ledger, |head| checkpoint(Who::Ci, head, 3)).unwrap();
    (world, grant)
}

fn about(world: &World, number: u64) -> Ledger {
    world.open().with_mode(Mode::FromCheckpoint).with_focus(plan_digest(number))
}

fn code<T>(result: Result<T>) -> &'static str {
    result.map(drop).unwrap_err().code()
}

#[test]
fn what_concerns_the_plan_is_read_and_all_else_only_for_its_place() {
    let (world, grant) = covered();
    let mut whole = world.open().with_mode(Mode::FromCheckpoint);
    let whole = whole.read_for(&plan_digest(0), t(10)).unwrap();
    for number in 0..4 {
        let mut ledger = about(&world, number);
        let chain = ledger.read_for(&plan_digest(number), t(10)).unwrap();
        let (state, all) = (chain.state(), whole.state());
        assert_eq!((chain.head(), chain.last_at()), (whole.head(), whole.last_at()));
        assert_eq!((state.counts(), state.checkpoint()), (all.counts(), all.checkpoint()));
        assert_eq!(state.vouched_at(), all.vouched_at());
        assert_eq!(state.trust_root_version(), 3, "an approval of another plan names it");
        let known = |state: &crate::ledger::State| format!("{:?}", state.plan(&plan_digest(number)).map(|p| &p.record));
        assert_eq!(known(state), known(all));
        assert_eq!(state.plans.len(), usize::from(number < 3));
        assert_eq!(state.run(&id("r0")).is_some(), number == 0);
        assert_eq!(state.approval(&grant).is_some(), number == 0);
        assert!(state.approvals_of(&plan_digest(number)).all(|known| known.approval.proven().is_some()));
    }
}

#[test]
fn e08_of_an_entry_that_is_passed_over_no_byte_can_be_altered_and_none_left_out() {
    let (world, _) = covered();
    about(&world, 1).read(t(10)).unwrap();
    let (repo, before) = (world.git(), world.tip());
    let tree = repo.find_commit(before).unwrap().tree().unwrap();
    let path = segment_path(0, 7);
    let blob = repo.find_blob(tree.get_path(Path::new(&path)).unwrap().id()).unwrap();
    let lines: Vec<&[u8]> = lines(blob.content()).unwrap().collect();
    let focus = Focus::on(plan_digest(1));
    let mut passed = 0;
    for (seq, line) in lines.iter().enumerate() {
        if focus.passes_over(Plain::read(line).unwrap().payload).is_none() {
            continue;
        }
        passed += 1;
        let mut altered = lines.iter().map(|line| [line, b"\n".as_slice()].concat()).collect::<Vec<_>>();
        let mut without = altered.clone();
        let at = line.windows(9).position(|w| w == b"\"payload\"").unwrap() + 40;
        altered[seq][at] ^= 1;
        without.remove(seq);
        for lines in [altered, without] {
            world.git().reference(BRANCH, before, true, "x").unwrap();
            forge(&world, &[set(path.as_str(), lines.concat())], &[before]);
            assert_eq!(code(about(&world, 1).read(t(10))), "ledger.chain", "entry {seq}");
        }
    }
    assert_eq!(passed, 5);
}

#[test]
fn what_forbids_is_found_before_and_after_the_checkpoint_whoever_asks() {
    for late in [false, true] {
        let world = World::new();
        let mut ledger = world.open();
        let grant = ready(&mut ledger, 0);
        ready(&mut ledger, 1);
        let halted = |ledger: &mut Ledger| {
            put(ledger, |head| rejection(head, 0, 9)).unwrap();
            put(ledger, |head| revocation(head, RevocationTarget::Approval(grant), 10)).unwrap();
            put(ledger, |head| halt(head, true, 11)).unwrap();
            put(ledger, |head| revocation(head, RevocationTarget::Key(Who::Policy.key().key_id()), 12)).unwrap();
        };
        if !late {
            halted(&mut ledger);
        }
        put(&mut ledger, |head| checkpoint(Who::Ci, head, 3)).unwrap();
        if late {
            halted(&mut ledger);
        }
        for number in [0, 1] {
            let mut asked = about(&world, number);
            let state = asked.read_for(&plan_digest(number), t(10)).unwrap().state();
            assert!(state.halt().is_some() && state.key_revoked(&Who::Policy.key().key_id()).is_some());
            assert_eq!(state.check_plan_alive(&plan_digest(number), t(10)).is_ok(), number == 1);
            assert_eq!(state.approval(&grant).is_some_and(|grant| grant.revoked.is_some()), number == 0);
        }
    }
}

#[test]
fn a_plan_that_takes_anothers_place_or_is_replaced_is_known_from_either_side() {
    let world = World::new();
    let mut ledger = world.open();
    put(&mut ledger, |head| plan(head, 0, None)).unwrap();
    put(&mut ledger, |head| plan(head, 1, Some(plan_digest(0)))).unwrap();
    put(&mut ledger, |head| checkpoint(Who::Ci, head, 3)).unwrap();
    put(&mut ledger, |head| plan(head, 2, Some(plan_digest(1)))).unwrap();
    let superseded = |number| {
        let mut ledger = about(&world, number);
        ledger.read(t(10)).unwrap().state().plan(&plan_digest(number)).unwrap().superseded_by
    };
    assert_eq!([0, 1, 2].map(superseded), [Some(plan_digest(1)), Some(plan_digest(2)), None]);
}

#[test]
fn who_speaks_of_the_plan_without_meaning_it_changes_nothing() {
    let world = World::new();
    let mut ledger = world.open();
    put(&mut ledger, |head| plan(head, 0, None)).unwrap();
    put(&mut ledger, |head| plan(head, 1, None)).unwrap();
    let reason = format!("like {}\",\"predicateType\":\"https://countersign.dev/halt/v1\"", plan_digest(0));
    put(&mut ledger, |head| {
        let record = Rejection {
            evidence: None,
            plan: plan_digest(1),
            rejected_by: Who::Bob.actor(),
            method: crate::base::method::Method::Key,
            reason: reason.clone(),
            nonce: nonce(5),
            ledger: head.clone(),
            rejected_at: t(2),
        };
        sign(Who::Bob, Some(plan_digest(1)), record)
    })
    .unwrap();
    put(&mut ledger, |head| checkpoint(Who::Ci, head, 3)).unwrap();
    let mut asked = about(&world, 0);
    let state = asked.read(t(10)).unwrap().state();
    assert!(state.plan(&plan_digest(0)).unwrap().rejection.is_none() && state.halt().is_none());
}

#[test]
fn whoever_adds_reads_the_whole_ledger_first_and_nobody_is_told_of_another_plan() {
    let (world, _) = covered();
    let mut ledger = about(&world, 2);
    assert_eq!(ledger.read(t(10)).unwrap().state().plans.len(), 1);
    assert_eq!(code(put(&mut ledger, |head| plan(head, 1, None))), "ledger.duplicate");
    assert_eq!(ledger.state().unwrap().plans.len(), 3);
    let mut ledger = about(&world, 2);
    ledger.read(t(10)).unwrap();
    assert_eq!(code(ledger.read_for(&plan_digest(1), t(10))), "internal.error");
    assert_eq!(code(ledger.read(t(10)).unwrap().state().plans()), "internal.error");
}

#[test]
fn e10_nothing_is_passed_over_that_no_checkpoint_covers_and_no_revoked_key_covers() {
    let world = World::new();
    let mut ledger = world.open();
    ready(&mut ledger, 0);
    ready(&mut ledger, 1);
    let mut asked = about(&world, 1);
    assert_eq!(asked.read(t(10)).unwrap().state().plans.len(), 2);
    put(&mut ledger, |head| checkpoint(Who::Witness, head, 3)).unwrap();
    assert_eq!(about(&world, 1).read(t(10)).unwrap().state().plans.len(), 1);
    put(&mut ledger, |head| revocation(head, RevocationTarget::Key(Who::Witness.key().key_id()), 9)).unwrap();
    assert_eq!(about(&world, 1).read(t(10)).unwrap().state().plans.len(), 2);
}

#[test]
fn e10_after_the_checkpoint_signatures_are_verified_whoever_the_entry_is_about() {
    let (world, _) = covered();
    let head = world.open().read(t(10)).unwrap().head().unwrap();
    let add = |envelope: Envelope| {
        let line = entry_bytes(head.seq + 1, head.hash, &envelope, t(10)).unwrap();
        forge(&world, &[set(entry_path(head.seq + 1), [line.as_slice(), b"\n"].concat())], &[world.tip()]);
        about(&world, 1).read(t(10)).map(|chain| chain.length()).map_err(|e| e.code())
    };
    assert_eq!(add(plan_by(Who::Stranger, Who::Alice, &head, 3, None)), Err("signature.none"));
    assert_eq!(add(plan(&head, 3, None)), Ok(head.seq + 2));
}

#[test]
fn a_digest_is_found_in_base64_wherever_it_begins() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let focus = Focus::on(plan_digest(3));
    let end = |about: &str, name: &str| {
        let subject = format!("{{\"digest\":{{\"sha256\":\"{}\"}},\"name\":\"{name}\"}}", plan_digest(9).hex());
        let kind = "https://countersign.dev/outcome/v1";
        STANDARD.encode(format!("{{\"{about}\"}},\"predicateType\":\"{kind}\",\"subject\":[{subject}]}}"))
    };
    for before in 0..7 {
        let text = |digest: Digest| end(&format!("{}{}", "x".repeat(before), digest.hex()), "plan");
        assert!(focus.passes_over(&text(plan_digest(3))).is_none());
        assert_eq!(focus.passes_over(&text(plan_digest(4))).map(|passed| passed.kind), Some("outcome"));
        assert!(focus.passes_over(&end(&"x".repeat(before), "ledger")).is_none());
    }
    for odd in ["", "!", "e30=", &STANDARD.encode("\",\"predicateType\":\"https://countersign.dev/odd/v1\"")] {
        assert!(focus.passes_over(odd).is_none(), "{odd}");
    }
}
