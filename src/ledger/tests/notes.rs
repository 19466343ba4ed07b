//! What people wrote about plans: who may, when, what comes of it, and what is shown.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{edit::*, rules::code, support::*};
use crate::{
    base::digest::Digest,
    ledger::{
        Ledger, Mode, Notes,
        focus::Focus,
        format::{Plain, entry_bytes, entry_path},
    },
    sign::{
        Envelope,
        key::Signer as _,
        predicate::{Actor, LedgerHead, Note, RevocationTarget},
        statement::Subject,
        trust::Duty,
    },
};

fn shown(ledger: &mut Ledger, number: u64) -> Notes {
    ledger.notes(&plan_digest(number), 3, t(10)).unwrap()
}

fn labels(ledger: &mut Ledger, number: u64) -> Vec<String> {
    let shown = shown(ledger, number).labels;
    let all = ledger.labels(t(10)).unwrap();
    assert_eq!(all.of(&plan_digest(number)).collect::<Vec<_>>(), shown.iter().collect::<Vec<_>>());
    shown.iter().map(ToString::to_string).collect()
}

fn texts(ledger: &mut Ledger, number: u64) -> Vec<String> {
    shown(ledger, number).newest.iter().filter_map(|note| note.text.clone()).collect()
}

#[test]
fn jf24_notes_and_labels_are_read_from_what_was_signed_newest_first() {
    let world = World::new();
    let mut ledger = world.open();
    assert_eq!(shown(&mut ledger, 1), Notes::default(), "of a ledger without notes");
    ready(&mut ledger, 1);
    ready(&mut ledger, 2);
    for n in 0..5 {
        put(&mut ledger, note(1, Some(&format!("word {n}")), &["later"], &[])).unwrap();
    }
    put(&mut ledger, note(1, None, &["db", "urgent"], &["later"])).unwrap();
    put(&mut ledger, note(2, Some("another plan"), &["db"], &["never-there"])).unwrap();
    let notes = shown(&mut ledger, 1);
    assert_eq!((notes.total, notes.newest.len()), (6, 3));
    assert_eq!((notes.newest[0].by.clone(), notes.newest[0].at), (Who::Bob.actor(), t(10)));
    assert_eq!(texts(&mut ledger, 1), ["word 4", "word 3"]);
    assert_eq!(labels(&mut ledger, 1), ["db", "urgent"]);
    assert_eq!(labels(&mut ledger, 2), ["db"]);
}

#[test]
fn jf24_a_revision_has_what_was_written_on_the_plans_before_and_leaves_them_theirs() {
    let world = World::new();
    let mut ledger = world.open();
    put(&mut ledger, |head| plan(head, 1, None)).unwrap();
    put(&mut ledger, note(1, Some("first"), &["db", "later"], &[])).unwrap();
    put(&mut ledger, |head| plan(head, 2, Some(plan_digest(1)))).unwrap();
    put(&mut ledger, note(2, Some("second"), &["urgent"], &["later"])).unwrap();
    put(&mut ledger, note(1, Some("too late"), &["old"], &[])).unwrap();
    put(&mut ledger, |head| plan(head, 3, Some(plan_digest(2)))).unwrap();
    put(&mut ledger, |head| plan(head, 4, None)).unwrap();
    assert_eq!(labels(&mut ledger, 1), ["db", "later", "old"]);
    assert_eq!(labels(&mut ledger, 2), ["db", "urgent"]);
    assert_eq!(labels(&mut ledger, 3), ["db", "urgent"]);
    assert_eq!(labels(&mut ledger, 4), [""; 0], "no revision of any");
    assert_eq!(texts(&mut ledger, 1), ["too late", "first"]);
    assert_eq!(texts(&mut ledger, 3), ["too late", "second", "first"]);
}

#[test]
fn jf24_a_plan_has_no_more_labels_than_a_reader_shows() {
    let world = World::new();
    let mut ledger = world.open();
    put(&mut ledger, |head| plan(head, 1, None)).unwrap();
    let names: Vec<String> = (100..160).map(|n| format!("l{n}")).collect();
    for some in names.chunks(20) {
        let some: Vec<&str> = some.iter().map(String::as_str).collect();
        put(&mut ledger, note(1, None, &some, &[])).unwrap();
    }
    assert_eq!(labels(&mut ledger, 1), names[..50]);
    put(&mut ledger, note(1, None, &["l159"], &["l100"])).unwrap();
    assert_eq!(labels(&mut ledger, 1)[49], "l159");
}

#[test]
fn e18_a_note_after_the_end_is_taken_and_nothing_else_is() {
    for end in 0..5 {
        let world = World::new();
        let mut ledger = world.open();
        let grant = ready(&mut ledger, 1);
        let by = t(if end == 4 { 6_000 } else { 10 });
        match end {
            0 => {
                put(&mut ledger, |head| claim(head, 1, "r", 1, vec![grant], 7)).unwrap();
                put(&mut ledger, |_| outcome(1, "r", "completed")).unwrap();
            }
            1 => drop(put(&mut ledger, |head| rejection(head, 1, 8)).unwrap()),
            2 => drop(put(&mut ledger, |head| revocation(head, RevocationTarget::Plan(plan_digest(1)), 9)).unwrap()),
            3 => drop(put(&mut ledger, |head| plan(head, 2, Some(plan_digest(1)))).unwrap()),
            _ => {}
        }
        let mut append = |make: &dyn Fn(&LedgerHead) -> Envelope| {
            let clock = crate::base::time::Clock::Fixed(by);
            ledger.append(clock, |view| Ok(one(make(&view.head), view.now))).map_or_else(|e| e.code(), |_| "ok")
        };
        assert_eq!(append(&note(1, Some("what we learned"), &["done"], &[])), "ok", "end {end}");
        assert_eq!(append(&|head| approved(head, 1, 60)), "ledger.terminal", "end {end}");
        assert_ne!(append(&|head| claim(head, 1, "q", 1, vec![grant], 61)), "ok", "end {end}");
        if end < 4 {
            assert_eq!(append(&|head| rejection(head, 1, 62)), "ledger.terminal", "end {end}");
        }
        assert_eq!(append(&note(1, None, &["audited"], &["done"])), "ok", "end {end}");
        assert_eq!(append(&note(9, Some("of a plan that is not there"), &[], &[])), "ledger.unknown_subject");
    }
}

#[test]
fn a17_a_label_approves_nothing_and_takes_nothing_back() {
    let world = World::new();
    let mut ledger = world.open();
    let grant = ready(&mut ledger, 1);
    put(&mut ledger, |head| plan(head, 2, None)).unwrap();
    let known = |ledger: &mut Ledger| {
        let state = ledger.read(t(10)).unwrap().state();
        format!("{:?} {:?} {:?} {:?}", state.plans, state.approvals, state.runs, state.past)
    };
    let before = known(&mut ledger);
    for words in ["approved", "rejected", "revoked", "halt", "completed", "superseded"] {
        put(&mut ledger, note(1, Some(words), &[words], &[])).unwrap();
        put(&mut ledger, note(2, Some(&format!("countersign {words}")), &[words], &[])).unwrap();
    }
    assert_eq!(known(&mut ledger), before);
    assert_eq!(code(&mut ledger, |head| claim(head, 2, "r", 1, vec![], 7)), "ledger.order", "no approval");
    assert_eq!(code(&mut ledger, |head| claim(head, 2, "r", 1, vec![grant], 7)), "ledger.order", "another plan's");
    assert_eq!(code(&mut ledger, |head| claim(head, 1, "r", 1, vec![grant], 7)), "ok");
}

#[test]
fn a17_a_note_is_of_the_person_whose_key_signs_it() {
    let by = |who: Who, named: Actor| {
        move |head: &LedgerHead| {
            let noted = Note { text: Some("mine".into()), noted_by: named.clone(), ..bobs_note(head, 1) };
            sign(who, Some(plan_digest(1)), noted)
        }
    };
    let world = World::new();
    let mut ledger = world.open();
    ready(&mut ledger, 1);
    assert_eq!(code(&mut ledger, by(Who::Bob, Who::Bob.actor())), "ok");
    assert_eq!(code(&mut ledger, by(Who::Alice, Who::Alice.actor())), "ok");
    assert_eq!(code(&mut ledger, by(Who::Alice, Who::Bob.actor())), "ledger.actor");
    assert_eq!(
        code(&mut ledger, by(Who::Bob, Actor { host: "example.com".into(), ..Who::Bob.actor() })),
        "ledger.actor"
    );
    for program in [Who::Ci, Who::Policy, Who::Witness] {
        // The runner's key has the duty of planning, and is no person's.
        assert_eq!(code(&mut ledger, by(program, program.actor())), "key.role", "{program:?}");
        assert_ne!(code(&mut ledger, by(program, Who::Bob.actor())), "ok", "{program:?}");
    }
    assert_eq!(code(&mut ledger, by(Who::Stranger, Who::Bob.actor())), "signature.none");
    // A person's key that is for nothing but asking may write too; one that is for running alone may not.
    for (duty, expected) in [(Duty::Planner, "ok"), (Duty::Root, "ok"), (Duty::Executor, "key.role")] {
        let bare = World::bare();
        let root = trust_root(&bare.genesis, |root| {
            root.keys.iter_mut().filter(|key| key.principal == Who::Bob as u64).for_each(|key| key.duties = vec![duty]);
        });
        let world = World { root, ..bare };
        world.open().create_genesis(&world.genesis, &[], clock(0)).unwrap();
        let mut ledger = world.open();
        put(&mut ledger, |head| plan(head, 1, None)).unwrap();
        assert_eq!(code(&mut ledger, by(Who::Bob, Who::Bob.actor())), expected, "{duty:?}");
    }
}

#[test]
fn jf24_a_note_that_says_nothing_or_too_much_is_refused_by_every_reader() {
    let world = World::new();
    let mut ledger = world.open();
    ready(&mut ledger, 1);
    let huge = "x".repeat(1_000_000);
    for made in [
        note(1, None, &[], &[]),
        note(1, Some(""), &[], &[]),
        note(1, Some(&"x".repeat(1_001)), &[], &[]),
        note(1, None, &["a", "a"], &[]),
        note(1, None, &["a"], &["a"]),
    ] {
        assert_eq!(code(&mut ledger, &made), "note.malformed");
    }
    assert_ne!(code(&mut ledger, note(1, Some(&huge), &[], &[])), "ok");
    let other = |head: &LedgerHead| {
        let noted = Note { text: Some("x".into()), ..bobs_note(head, 1) };
        let key = Who::Bob.key();
        Envelope::sign(vec![Subject::new("plan", plan_digest(2))], noted, &[&key]).unwrap()
    };
    assert_eq!(code(&mut ledger, other), "subject.mismatch");
    // Somebody with a program of their own, who puts it onto the branch.
    let head = ledger.head().unwrap();
    let entry = entry_bytes(head.seq + 1, head.hash, &note(1, Some(&huge[..1_001]), &[], &[])(&head), t(10)).unwrap();
    forge(&world, &[set(entry_path(head.seq + 1), [entry, b"\n".to_vec()].concat())], &[world.tip()]);
    assert_eq!(world.refusal(), "note.malformed");
}

#[test]
fn b32_a_note_by_a_key_that_was_taken_back_is_refused() {
    let world = World::new();
    let mut ledger = world.open();
    ready(&mut ledger, 1);
    put(&mut ledger, note(1, Some("before"), &["kept"], &[])).unwrap();
    put(&mut ledger, |head| revocation(head, RevocationTarget::Key(Who::Bob.key().key_id()), 8)).unwrap();
    assert_eq!(code(&mut ledger, note(1, Some("after"), &["lost"], &["kept"])), "key.revoked");
    assert_eq!((labels(&mut ledger, 1), texts(&mut ledger, 1)), (vec!["kept".to_owned()], vec!["before".to_owned()]));
}

#[test]
fn a17_verify_passes_over_the_notes_that_a_checkpoint_covers() {
    let world = World::new();
    let mut ledger = world.open();
    ready(&mut ledger, 1);
    put(&mut ledger, note(1, Some("on the plan itself"), &["approved"], &[])).unwrap();
    put(&mut ledger, |head| rejection(head, 1, 9)).unwrap();
    let focus = Focus::on(plan_digest(1));
    let mut passed = Vec::new();
    ledger
        .for_each(t(10), |entry, bytes| {
            passed.push((entry.record.kind(), focus.passes_over(Plain::read(bytes).unwrap().payload).is_some()));
            Ok(())
        })
        .unwrap();
    let kinds = [("genesis", false), ("plan", false), ("approval", false), ("note", true), ("rejection", false)];
    assert_eq!(passed, kinds);
    put(&mut ledger, |head| checkpoint(Who::Ci, head, 3)).unwrap();
    let mut asked = world.open().with_mode(Mode::FromCheckpoint).with_focus(plan_digest(1));
    let state = asked.read_for(&plan_digest(1), t(10)).unwrap().state();
    assert_eq!(state.counts()["note"], 1);
    assert!(state.plan(&plan_digest(1)).unwrap().rejection.is_some());
}

/// One statement, under the signatures of another.
fn with_signatures_of(signed: &Envelope, said: &Envelope) -> Envelope {
    let signatures: Vec<_> =
        signed.signatures().iter().map(|one| (one.keyid.as_str(), STANDARD.encode(&one.bytes))).collect();
    let payload = STANDARD.encode(said.unverified_payload());
    Envelope::from_encoded(&payload, signatures.iter().map(|(key, sig)| (*key, sig.as_str()))).unwrap()
}

/// Who holds the runner's key could put words into a person's mouth and vouch for them with a checkpoint.
#[test]
fn a17_a_note_that_only_a_checkpoint_vouches_for_is_not_shown_as_a_persons() {
    let world = World::new();
    let mut ledger = world.open();
    ready(&mut ledger, 1);
    let head = ledger.head().unwrap();
    let honest = note(1, Some("hold it"), &[], &[])(&head);
    let words = note(1, Some("go ahead"), &[], &[])(&head);
    let forged = with_signatures_of(&honest, &words);
    let line = entry_bytes(head.seq + 1, head.hash, &forged, t(10)).unwrap();
    let covered = LedgerHead { seq: head.seq + 1, hash: Digest::of(&line), ..head };
    let vouched = entry_bytes(covered.seq + 1, covered.hash, &checkpoint(Who::Ci, &covered, 3), t(10)).unwrap();
    let file = [line, b"\n".to_vec(), vouched, b"\n".to_vec()].concat();
    forge(&world, &[set(entry_path(covered.seq), file)], &[world.tip()]);
    let mut read = world.open().with_mode(Mode::FromCheckpoint);
    assert_eq!(read.read(t(10)).unwrap().state().counts()["note"], 1);
    assert_eq!(read.notes(&plan_digest(1), 3, t(10)).unwrap_err().code(), "signature.invalid");
    assert_eq!(read.labels(t(10)).unwrap_err().code(), "signature.invalid");
    assert_eq!(world.refusal(), "signature.invalid");
}
