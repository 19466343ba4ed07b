//! Every way to alter a ledger behind its back is found on the next read.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use git2::FileMode;

use super::{edit::*, support::*};
use crate::{
    base::{digest::Digest, time::Timestamp},
    ledger::{
        Ledger, Mode,
        format::{entry_bytes, entry_path, object_path},
    },
    sign::{
        envelope::Envelope,
        key::Signer as _,
        predicate::{Checkpoint, LedgerHead},
    },
};

/// A ledger of a genesis and four plans, one entry a file.
fn five() -> World {
    let world = World::new();
    let mut ledger = world.open();
    for n in 1..5 {
        put(&mut ledger, |head| plan(head, n, None)).unwrap();
    }
    assert_eq!(ledger.read(t(10)).unwrap().length(), 5);
    world
}

fn line(world: &World, seq: u64) -> Vec<u8> {
    let repo = world.git();
    let tree = repo.find_commit(world.tip()).unwrap().tree().unwrap();
    let item = tree.get_path(Path::new(&entry_path(seq))).unwrap();
    repo.find_blob(item.id()).unwrap().content().to_vec()
}

fn forged(edits: impl FnOnce(&World) -> Vec<Edit>) -> &'static str {
    let world = five();
    let edits = edits(&world);
    forge(&world, &edits, &[world.tip()]);
    world.refusal()
}

fn join(lines: &[Vec<u8>]) -> Vec<u8> {
    lines.concat()
}

#[test]
fn e08_truncation_is_found_by_whoever_saw_more() {
    let world = five();
    let mut ledger = world.open();
    let seen = ledger.read(t(10)).unwrap().head().unwrap();
    forge(&world, &[Edit::Remove(entry_path(4))], &[world.tip()]);
    assert_eq!(ledger.read(t(10)).map(drop).unwrap_err().code(), "ledger.rollback");
    let mut fresh = world.open();
    fresh.read(t(10)).unwrap();
    assert_eq!(fresh.must_contain(&seen).unwrap_err().code(), "ledger.rollback");
}

#[test]
fn e06_a_branch_set_back_or_deleted_is_found_by_whoever_saw_more() {
    let world = five();
    let mut ledger = world.open();
    ledger.read(t(10)).unwrap();
    let repo = world.git();
    let parent = repo.find_commit(world.tip()).unwrap().parent_id(0).unwrap();
    repo.reference(BRANCH, parent, true, "x").unwrap();
    assert_eq!(ledger.read(t(10)).map(drop).unwrap_err().code(), "ledger.rollback");
    assert_eq!(put(&mut ledger, |head| plan(head, 9, None)).unwrap_err().code(), "ledger.rollback");
    repo.find_reference(BRANCH).unwrap().delete().unwrap();
    assert_eq!(ledger.read(t(10)).map(drop).unwrap_err().code(), "ledger.missing");
}

#[test]
fn e08_a_gap_is_found() {
    assert_eq!(forged(|_| vec![Edit::Remove(entry_path(2))]), "ledger.chain");
}

#[test]
fn e08_reordered_entries_are_found() {
    assert_eq!(forged(|w| vec![set(entry_path(2), line(w, 3)), set(entry_path(3), line(w, 2))]), "ledger.chain");
}

#[test]
fn e08_a_sequence_number_used_twice_is_found() {
    let twice = |w: &World| vec![set(entry_path(2), join(&[line(w, 2), line(w, 2)]))];
    assert_eq!(forged(twice), "ledger.chain");
    assert_eq!(forged(|w| vec![set(entry_path(3), join(&[line(w, 2), line(w, 3)]))]), "ledger.chain");
}

fn rewrap(world: &World, prev: Digest, seq: u64, at: Timestamp) -> Vec<u8> {
    let value: serde_json::Value = serde_json::from_slice(&line(world, 4)).unwrap();
    let envelope = Envelope::from_value(&value["envelope"]).unwrap();
    let mut bytes = entry_bytes(seq, prev, &envelope, at).unwrap();
    bytes.push(b'\n');
    bytes
}

fn hash(world: &World, seq: u64) -> Digest {
    let bytes = line(world, seq);
    Digest::of(bytes.strip_suffix(b"\n").unwrap())
}

#[test]
fn e08_a_wrong_previous_hash_is_found() {
    assert_eq!(forged(|w| vec![set(entry_path(4), rewrap(w, Digest::of(b"x"), 4, t(10)))]), "ledger.chain");
    assert_eq!(forged(|w| vec![set(entry_path(4), rewrap(w, hash(w, 3), 5, t(10)))]), "ledger.chain");
}

#[test]
fn e08_an_altered_entry_is_found() {
    let altered = |from: &'static str, to: &'static str| {
        forged(move |w| {
            let text = String::from_utf8(line(w, 2)).unwrap();
            assert!(text.contains(from));
            vec![set(entry_path(2), text.replacen(from, to, 1))]
        })
    };
    assert_eq!(altered("2027-01-15T08:00:10Z", "2027-01-15T08:00:09Z"), "ledger.chain", "in the entry after it");
    assert_eq!(altered("\"sig\":\"", "\"sig\":\"AAAA"), "signature.invalid");
}

#[test]
fn e08_an_altered_last_entry_is_found_by_its_signature() {
    let world = five();
    let text = String::from_utf8(line(&world, 4)).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let payload = value["envelope"]["payload"].as_str().unwrap();
    let other: serde_json::Value = serde_json::from_slice(&line(&world, 3)).unwrap();
    let swapped = text.replace(payload, other["envelope"]["payload"].as_str().unwrap());
    forge(&world, &[set(entry_path(4), swapped)], &[world.tip()]);
    assert_eq!(world.refusal(), "ledger.duplicate");
    let flipped = text.replacen("\"sig\":\"", "\"sig\":\"AAAA", 1);
    forge(&world, &[set(entry_path(4), flipped)], &[world.tip()]);
    assert_eq!(world.refusal(), "signature.invalid");
}

#[test]
fn e19_time_that_runs_backwards_or_lies_ahead_is_found() {
    assert_eq!(forged(|w| vec![set(entry_path(4), rewrap(w, hash(w, 3), 4, t(-51)))]), "ledger.time");
    assert_eq!(forged(|w| vec![set(entry_path(4), rewrap(w, hash(w, 3), 4, t(10_061)))]), "ledger.time");
    let world = five();
    let slack = rewrap(&world, hash(&world, 3), 4, t(-50));
    forge(&world, &[set(entry_path(4), slack)], &[world.tip()]);
    assert!(world.open().read(t(10_000)).is_ok(), "clocks may differ by a minute");
}

#[test]
fn e11_a_foreign_genesis_is_refused() {
    let genesis = [genesis_for("1", 77), b"\n".to_vec()].concat();
    assert_eq!(forged(|_| vec![set(entry_path(0), genesis)]), "ledger.transplant");
    let foreign = genesis_for("2", 0);
    let world = World::bare();
    let root = trust_root(&foreign, |_| {});
    let made = Ledger::open(&world.path(), &root).unwrap().create_genesis(&foreign, &[], clock(0));
    assert_eq!(made.unwrap_err().code(), "ledger.transplant");
}

#[test]
fn e12_a_merge_commit_is_refused() {
    let world = five();
    let root = world.git().find_commit(world.tip()).unwrap().parent_id(0).unwrap();
    forge(&world, &[], &[world.tip(), root]);
    assert_eq!(world.refusal(), "ledger.corrupt");
}

#[test]
fn e12_replacement_objects_and_notes_change_nothing_that_is_read() {
    let world = five();
    let repo = world.git();
    let (tip, parent) = (world.tip(), repo.find_commit(world.tip()).unwrap().parent_id(0).unwrap());
    repo.reference(&format!("refs/replace/{tip}"), parent, true, "x").unwrap();
    std::fs::create_dir_all(world.path().join(".git/info")).unwrap();
    std::fs::write(world.path().join(".git/info/grafts"), format!("{tip}\n")).unwrap();
    assert_eq!(world.open().read(t(10)).unwrap().length(), 5);
}

#[test]
fn e12_a_shallow_clone_is_refused() {
    let world = five();
    std::fs::write(world.path().join(".git/shallow"), format!("{}\n", world.tip())).unwrap();
    assert_eq!(Ledger::open(&world.path(), &world.root).err().map(|e| e.code()), Some("ledger.shallow"));
}

#[test]
fn e08_a_file_that_has_no_place_is_refused() {
    for path in ["x", "entries/x", "entries/0000/00/x.jsonl", "entries/0000/01/000000000001.jsonl", "segments/x"] {
        assert_eq!(forged(|_| vec![set(path, "x\n")]), "ledger.corrupt", "{path}");
    }
    let executable = |w: &World| vec![Edit::Put(entry_path(4), line(w, 4), FileMode::BlobExecutable)];
    assert_eq!(forged(executable), "ledger.corrupt");
    let link = |w: &World| vec![Edit::Put(entry_path(4), line(w, 4), FileMode::Link)];
    assert_eq!(forged(link), "ledger.corrupt");
    assert_eq!(forged(|_| vec![set("ledger.json", r#"{"format":2}"#)]), "ledger.corrupt");
    assert_eq!(forged(|_| vec![Edit::Remove("ledger.json".into())]), "ledger.corrupt");
    let copy = |w: &World| vec![set("segments/000000000000-000000000000.jsonl", line(w, 0))];
    assert_eq!(forged(copy), "ledger.chain");
    let short =
        |w: &World| vec![set("segments/000000000000-000000000001.jsonl", line(w, 0)), Edit::Remove(entry_path(0))];
    assert_eq!(forged(short), "ledger.chain");
}

#[test]
fn e08_an_object_that_was_cut_short_is_refused_and_not_waited_for() {
    for of in ["", "^{tree}", ":entries/0000/00/000000000002.jsonl"] {
        let world = five();
        let id = world.git().revparse_single(&format!("{BRANCH}{of}")).unwrap().id().to_string();
        let path = world.git().path().join("objects").join(&id[..2]).join(&id[2..]);
        let whole = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert_eq!(world.open().read(t(10)).map(drop).unwrap_err().code(), "ledger.corrupt", "`{of}`");
    }
}

#[test]
fn e08_a_non_canonical_entry_is_refused() {
    let spaced = |w: &World| {
        let text = String::from_utf8(line(w, 4)).unwrap().replacen(":", ": ", 1);
        vec![set(entry_path(4), text)]
    };
    assert_eq!(forged(spaced), "json.non_canonical");
    let extra = |w: &World| {
        let text = String::from_utf8(line(w, 4)).unwrap().replacen("\"prev\"", "\"note\":1,\"prev\"", 1);
        vec![set(entry_path(4), text)]
    };
    assert_eq!(forged(extra), "json.schema");
    assert_eq!(forged(|w| vec![set(entry_path(4), line(w, 4).strip_suffix(b"\n").unwrap())]), "ledger.corrupt");
    let crlf = |w: &World| vec![set(entry_path(4), [line(w, 4).strip_suffix(b"\n").unwrap(), b"\r\n"].concat())];
    assert_eq!(forged(crlf), "json.non_canonical");
}

#[test]
fn e20_an_oversized_entry_is_refused() {
    let huge = [vec![b'1'; 70_000], b"\n".to_vec()].concat();
    assert_eq!(forged(|_| vec![set(entry_path(5), huge)]), "limit.size");
}

#[test]
fn e10_an_intact_chain_proves_no_authority() {
    let add = |envelope: fn(&World) -> Envelope| {
        forged(move |w| {
            let mut bytes = entry_bytes(5, hash(w, 4), &envelope(w), t(10)).unwrap();
            bytes.push(b'\n');
            vec![set(entry_path(5), bytes)]
        })
    };
    let head = |w: &World| w.open().read(t(10)).unwrap().head().unwrap();
    assert_eq!(add(|_| Envelope::from_encoded("e30=", []).unwrap()), "ledger.unknown_kind");
    assert_eq!(
        add(|_| sign(
            Who::Stranger,
            None,
            crate::sign::predicate::TrustRootUpdate { version: 4, previous: None, signed_at: t(1) }
        )),
        "ledger.unknown_kind"
    );
    assert!(matches!(add(|_| started(1, "r", "s", 1, 0)), "ledger.unknown_subject"));
    let stranger = |w: &World| sign(Who::Stranger, None, halt_of(Who::Stranger, w));
    fn halt_of(who: Who, world: &World) -> crate::sign::predicate::Halt {
        let ledger = world.open().read(t(10)).unwrap().head().unwrap();
        crate::sign::predicate::Halt {
            evidence: None,
            halted: true,
            by: who.actor(),
            reason: "x".into(),
            nonce: nonce(1),
            ledger,
            at: t(2),
        }
    }
    assert_eq!(add(stranger), "signature.none");
    assert_eq!(add(|w| sign(Who::Ci, None, halt_of(Who::Ci, w))), "key.role");
    assert_eq!(add(|w| sign(Who::Alice, None, halt_of(Who::Bob, w))), "ledger.actor");
    let world = five();
    assert_eq!(head(&world).seq, 4);
}

#[test]
fn e22_an_object_with_another_digest_is_refused_when_read() {
    let world = five();
    let digest = plan_digest(1);
    forge(&world, &[set(object_path(&digest), "other")], &[world.tip()]);
    let mut ledger = world.open();
    ledger.read(t(10)).unwrap();
    assert_eq!(ledger.object(&digest).unwrap_err().code(), "ledger.object");
    assert_eq!(ledger.verify_all(t(10)).unwrap_err().code(), "ledger.object");
    forge(&world, &[set(object_path(&digest), "plan 1"), set("objects/sha256/zz/x", "other")], &[world.tip()]);
    assert_eq!(world.open().verify_all(t(10)).unwrap_err().code(), "ledger.corrupt");
}

#[test]
fn e22_what_entries_name_must_be_there() {
    let world = five();
    assert!(world.open().verify_all(t(10)).is_ok());
    for content in ["plan 1", "policy", "root"] {
        let named = Digest::of(content.as_bytes());
        forge(&world, &[Edit::Remove(object_path(&named))], &[world.tip()]);
        let mut ledger = world.open();
        assert_eq!(ledger.verify_all(t(10)).unwrap_err().code(), "ledger.object");
        // The chain holds without it: only who answers for all of the ledger has to see everything.
        assert!(ledger.read(t(10)).is_ok());
        forge(&world, &[set(object_path(&named), content)], &[world.tip()]);
        assert!(world.open().verify_all(t(10)).is_ok());
    }
}

#[test]
fn e25_a_file_altered_under_an_open_ledger_is_found_when_the_branch_moves() {
    let world = five();
    let mut ledger = world.open();
    ledger.read(t(10)).unwrap();
    let text = String::from_utf8(line(&world, 2)).unwrap().replacen("\"sig\":\"", "\"sig\":\"AAAA", 1);
    forge(&world, &[set(entry_path(2), text)], &[world.tip()]);
    assert_eq!(ledger.read(t(10)).map(drop).unwrap_err().code(), "signature.invalid");
}

#[test]
fn e09_behind_a_checkpoint_hashes_still_hold_and_permits_are_still_verified() {
    let fast = |world: &World| {
        let mut ledger = world.open().with_mode(Mode::FromCheckpoint);
        ledger.read(t(10)).map(|chain| chain.length()).map_err(|e| e.code())
    };
    // A plan and an approval; the last of them with a broken signature, and a valid checkpoint over it.
    let rebuild = |broken: u64| {
        let world = World::new();
        ready(&mut world.open(), 1);
        let mut value: serde_json::Value = serde_json::from_slice(&line(&world, broken)).unwrap();
        let sig = Who::Ci.key().sign(b"something else").unwrap();
        value["envelope"]["signatures"][0]["sig"] = STANDARD.encode(sig).into();
        let bytes = crate::base::json::canonical(&value).unwrap();
        let head = LedgerHead { genesis: hash(&world, 0), seq: broken, hash: Digest::of(&bytes) };
        let covered = entry_bytes(broken + 1, head.hash, &checkpoint(Who::Ci, &head, 3), t(10)).unwrap();
        let edits = [
            set(entry_path(broken), [bytes, b"\n".to_vec()].concat()),
            set(entry_path(broken + 1), [covered, b"\n".to_vec()].concat()),
        ];
        forge(&world, &edits, &[world.tip()]);
        world
    };
    let plan_broken = rebuild(1);
    assert_eq!(fast(&plan_broken), Ok(3), "a checkpoint's word is taken for a plan");
    assert_eq!(plan_broken.refusal(), "signature.invalid", "but not by a full read");
    let approval_broken = rebuild(2);
    assert_eq!(fast(&approval_broken), Err("signature.invalid"), "an approval is verified in every mode");
}

#[test]
fn e09_an_approval_that_was_not_looked_at_counts_nothing_until_its_signatures_hold() {
    // A genuine approval and one with a broken signature, of a plan that was rejected since, behind a valid checkpoint.
    for genuine in [true, false] {
        let world = World::new();
        ready(&mut world.open(), 1);
        let mut value: serde_json::Value = serde_json::from_slice(&line(&world, 2)).unwrap();
        if !genuine {
            let sig = Who::Bob.key().sign(b"something else").unwrap();
            value["envelope"]["signatures"][0]["sig"] = STANDARD.encode(sig).into();
        }
        let approval = crate::base::json::canonical(&value).unwrap();
        let head = |seq, bytes: &[u8]| LedgerHead { genesis: hash(&world, 0), seq, hash: Digest::of(bytes) };
        let second = head(2, &approval);
        let no = entry_bytes(3, second.hash, &rejection(&second, 1, 70), t(10)).unwrap();
        let third = head(3, &no);
        let covered = entry_bytes(4, third.hash, &checkpoint(Who::Ci, &third, 3), t(10)).unwrap();
        let edits = [(2, approval), (3, no), (4, covered)]
            .map(|(seq, bytes)| set(entry_path(seq), [bytes, b"\n".to_vec()].concat()));
        forge(&world, &edits, &[world.tip()]);
        let mut ledger = world.open().with_mode(Mode::FromCheckpoint);
        let proven = |state: &crate::ledger::State| {
            state.approvals_of(&plan_digest(1)).map(|known| known.approval.proven().is_some()).collect::<Vec<_>>()
        };
        assert_eq!(proven(ledger.read(t(10)).unwrap().state()), [false], "the plan is at its end");
        let asked = ledger.read_for(&plan_digest(1), t(10)).map(|chain| proven(chain.state())).map_err(|e| e.code());
        assert_eq!(asked, if genuine { Ok(vec![true]) } else { Err("signature.invalid") });
        assert_eq!(world.open().read(t(10)).is_ok(), genuine, "a full read looks at everything");
    }
}

#[test]
fn e09_a_checkpoint_by_a_wrong_key_vouches_for_nothing() {
    let world = five();
    let head = world.open().read(t(10)).unwrap().head().unwrap();
    let forged = sign(
        Who::Bob,
        None,
        Checkpoint {
            host: "local".into(),
            repo_id: "1".into(),
            ledger: head.clone(),
            trust_root_version: 3,
            checked_at: t(7),
        },
    );
    let mut bytes = entry_bytes(5, head.hash, &forged, t(10)).unwrap();
    bytes.push(b'\n');
    forge(&world, &[set(entry_path(5), bytes)], &[world.tip()]);
    let mut fast = world.open().with_mode(Mode::FromCheckpoint);
    assert_eq!(fast.read(t(10)).map(drop).unwrap_err().code(), "key.role");
}
