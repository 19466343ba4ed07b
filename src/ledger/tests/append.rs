//! Writers: races, failures, and what is left behind.

use super::support::*;
use crate::base::{digest::Digest, reason::Refusal};
use crate::ledger::{Batch, Ledger, NewEntry, reasons::LEDGER_CONTENDED};

#[test]
fn e01_of_eight_racing_claims_exactly_one_wins_and_the_others_find_it_consumed() {
    let world = World::new();
    let grant = ready(&mut world.open(), 1);
    let codes: Vec<_> = std::thread::scope(|scope| {
        let claims: Vec<_> = (0..8)
            .map(|n| {
                let world = &world;
                scope.spawn(move || {
                    put(&mut world.open(), |head| claim(head, 1, &format!("run-{n}"), 1, vec![grant], 100 + n))
                        .map_or_else(|e| e.code(), |_| "won")
                })
            })
            .collect();
        claims.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(codes.iter().filter(|code| **code == "won").count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == "replay.consumed").count(), 7, "{codes:?}");
    let mut ledger = world.open();
    assert_eq!(ledger.read(t(10)).unwrap().state().runs().unwrap().len(), 1);
    assert_eq!(ledger.verify_all(t(10)).unwrap().0, 4);
}

#[test]
fn e02_of_eight_racing_writers_no_entry_is_lost() {
    let world = World::new();
    std::thread::scope(|scope| {
        for n in 0..8_u64 {
            let world = &world;
            scope.spawn(move || {
                let mut ledger = world.open();
                for k in 0..3 {
                    put(&mut ledger, |head| plan(head, n * 10 + k, None)).unwrap();
                }
            });
        }
    });
    let mut ledger = world.open();
    assert_eq!(ledger.verify_all(t(10)).unwrap().0, 25);
    assert_eq!(ledger.state().unwrap().plans().unwrap().len(), 24);
}

#[test]
fn e02_a_lost_race_asks_again_on_the_new_head() {
    let world = World::new();
    let mut seen = Vec::new();
    let appended = world
        .open()
        .append(clock(10), |view| {
            seen.push(view.head.seq);
            if seen.len() == 1 {
                put(&mut world.open(), |head| plan(head, 7, None)).unwrap();
            }
            Ok(one(plan(&view.head, 1, None), view.now))
        })
        .unwrap();
    assert_eq!((seen, appended.head.seq, appended.tries), (vec![0, 1], 2, 2));
}

#[test]
fn e02_a_writer_that_always_loses_refuses_contended() {
    let world = World::new();
    let mut n = 100;
    let lost = world.open().append(clock(10), |view| {
        n += 1;
        put(&mut world.open(), |head| plan(head, n, None)).unwrap();
        Ok(one(plan(&view.head, 1, None), view.now))
    });
    assert_eq!(lost.unwrap_err().code(), "ledger.contended");
}

#[test]
fn e02_the_writer_may_refuse_on_the_state_that_the_winner_left() {
    let world = World::new();
    let head = put(&mut world.open(), |head| plan(head, 1, None)).unwrap().head;
    put(&mut world.open(), |head| plan(head, 2, None)).unwrap();
    let batch = one(plan(&head, 3, None), t(10));
    let mut ledger = world.open();
    let refused = ledger.append(clock(10), |view| {
        assert_ne!(view.head, head);
        Err(Refusal::new(LEDGER_CONTENDED, "mine to say"))
    });
    assert_eq!(refused.unwrap_err().message(), "mine to say");
    assert!(ledger.append(clock(10), |_| Ok(batch.clone())).is_ok());
}

#[test]
fn e22_entries_and_their_objects_come_together_or_not_at_all() {
    let world = World::new();
    let mut ledger = world.open();
    let before = world.tip();
    let head = ledger.read(t(10)).unwrap().head().unwrap();
    let refused = Batch {
        entries: vec![
            NewEntry { envelope: plan(&head, 1, None), at: t(10) },
            NewEntry { envelope: approved(&head, 2, 1), at: t(10) },
        ],
        objects: vec![b"plan 1".to_vec(), b"policy".to_vec(), b"root".to_vec()],
    };
    assert_eq!(ledger.append(clock(10), |_| Ok(refused.clone())).unwrap_err().code(), "ledger.unknown_subject");
    assert_eq!(world.tip(), before, "the valid first half was not written either");
    let whole = Batch { entries: refused.entries[..1].to_vec(), objects: refused.objects };
    ledger.append(clock(10), |_| Ok(whole.clone())).unwrap();
    assert_eq!(ledger.object(&plan_digest(1)).unwrap(), b"plan 1");
    assert_eq!(ledger.object(&Digest::of(b"other")).unwrap_err().code(), "ledger.unknown_subject");
    assert_eq!(world.open().verify_all(t(10)).unwrap(), (2, 3));
}

#[test]
fn e23_a_held_reference_lock_refuses_and_changes_nothing() {
    let world = World::new();
    let before = world.tip();
    let lock = world.path().join(".git").join(format!("{BRANCH}.lock"));
    std::fs::write(&lock, "").unwrap();
    assert_eq!(put(&mut world.open(), |head| plan(head, 1, None)).unwrap_err().code(), "ledger.locked");
    assert_eq!(world.tip(), before);
    std::fs::remove_file(&lock).unwrap();
    assert!(put(&mut world.open(), |head| plan(head, 1, None)).is_ok());
}

#[test]
fn e23_objects_that_cannot_be_written_refuse_and_change_nothing() {
    let world = World::new();
    let before = world.tip();
    let mut ledger = world.open();
    ledger.read(t(10)).unwrap();
    // A file where the folder of loose objects should be fails for every user, also for root.
    let objects = world.path().join(".git/objects");
    let aside = world.path().join(".git/aside");
    std::fs::rename(&objects, &aside).unwrap();
    std::fs::write(&objects, "").unwrap();
    let code = put(&mut ledger, |head| plan(head, 1, None)).unwrap_err().code();
    assert!(["ledger.write_failed", "ledger.corrupt"].contains(&code), "{code}");
    std::fs::remove_file(&objects).unwrap();
    std::fs::rename(&aside, &objects).unwrap();
    assert_eq!(world.tip(), before);
    assert!(put(&mut world.open(), |head| plan(head, 1, None)).is_ok());
}

#[test]
fn an_append_that_is_recorded_is_no_failure_where_the_ledger_cannot_be_read_again() {
    let world = World::new();
    let before = world.tip();
    let mut ledger = world.open();
    let git = world.git();
    let marker = git.find_commit(before).unwrap().tree().unwrap().get_name("ledger.json").unwrap().id().to_string();
    let marker = git.path().join("objects").join(&marker[..2]).join(&marker[2..]);
    let content = std::fs::read(&marker).unwrap();
    let appended = ledger.append(clock(10), |view| {
        // Read by now, and not read again before the reference has moved.
        let _ = std::fs::remove_file(&marker);
        Ok(one(plan(&view.head, 1, None), view.now))
    });
    assert_ne!(world.tip(), before);
    assert_eq!(appended.unwrap().head.seq, 1);
    assert_eq!(ledger.read(t(10)).map(drop).unwrap_err().code(), "ledger.corrupt");
    std::fs::write(&marker, content).unwrap();
    assert_eq!(ledger.read(t(10)).unwrap().length(), 2);
}

#[test]
fn a_chain_has_no_head_before_its_genesis() {
    let world = World::new();
    assert_eq!(crate::ledger::Chain::new(&world.root, None).head(), None);
}

#[test]
fn a_ledger_is_made_once() {
    let world = World::new();
    let again = world.open().create_genesis(&world.genesis, &[], clock(0));
    assert_eq!(again.unwrap_err().code(), "ledger.exists");
    let bare = World::bare();
    assert_eq!(bare.open().read(t(0)).map(drop).unwrap_err().code(), "ledger.missing");
    assert!(!bare.open().exists().unwrap());
    let other = bare.open().create_genesis(&genesis_for("1", 5), &[], clock(0));
    assert_eq!(other.unwrap_err().code(), "ledger.transplant");
}

#[test]
fn e13_the_users_branch_index_and_worktree_are_never_touched() {
    let world = World::new();
    let repo = world.git();
    std::fs::write(world.path().join("file"), "text\r\n").unwrap();
    std::fs::write(world.path().join(".gitattributes"), "* text=auto ident\n").unwrap();
    let mut index = repo.index().unwrap();
    index.add_path(std::path::Path::new("file")).unwrap();
    index.write().unwrap();
    let head = std::fs::read(world.path().join(".git/HEAD")).unwrap();
    let indexed = std::fs::read(world.path().join(".git/index")).unwrap();
    put(&mut world.open(), |head| plan(head, 1, None)).unwrap();
    assert_eq!(std::fs::read(world.path().join(".git/HEAD")).unwrap(), head);
    assert_eq!(std::fs::read(world.path().join(".git/index")).unwrap(), indexed);
    assert!(!world.path().join("entries").exists());
}

#[test]
fn a_linked_worktree_shares_the_ledger() {
    let world = World::new();
    let repo = world.git();
    let who = git2::Signature::now("a", "a@b").unwrap();
    let tree = repo.find_tree(repo.treebuilder(None).unwrap().write().unwrap()).unwrap();
    repo.commit(Some("HEAD"), &who, &who, "first", &tree, &[]).unwrap();
    let other = tempfile::tempdir().unwrap();
    let path = other.path().join("linked");
    repo.worktree("linked", &path, None).unwrap();
    put(&mut Ledger::open(&path, &world.root).unwrap(), |head| plan(head, 1, None)).unwrap();
    assert_eq!(world.open().read(t(10)).unwrap().length(), 2);
}

/// Packs everything with stock git, so that nothing lies loose any more.
#[expect(clippy::disallowed_methods, reason = "a test that reads what stock git writes")]
fn pack(world: &World) {
    let mut git = std::process::Command::new("git");
    git.arg("-C").arg(world.path()).args(["repack", "-q", "-a", "-d"]);
    assert!(git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").status().unwrap().success());
}

#[test]
fn a_checkpoint_joins_the_files_before_it_and_changes_no_byte() {
    let world = World::new();
    let mut ledger = world.open();
    for n in 0..5 {
        put(&mut ledger, |head| plan(head, n, None)).unwrap();
    }
    let mut before = Vec::new();
    ledger.export(t(10), &mut before).unwrap();
    put(&mut ledger, |head| checkpoint(Who::Ci, head, 3)).unwrap();
    let tree = || world.git().find_commit(world.tip()).unwrap().tree_id();
    let holds = |path: &str| world.git().find_tree(tree()).unwrap().get_path(std::path::Path::new(path)).is_ok();
    assert!(holds("segments/000000000000-000000000005.jsonl") && holds("entries/0000/00/000000000006.jsonl"));
    // Joining two files would store the segment once more, and save a reader nothing.
    put(&mut ledger, |head| plan(head, 9, None)).unwrap();
    put(&mut ledger, |head| checkpoint(Who::Witness, head, 3)).unwrap();
    assert!(holds("segments/000000000000-000000000005.jsonl") && holds("entries/0000/00/000000000007.jsonl"));
    put(&mut ledger, |head| plan(head, 10, None)).unwrap();
    put(&mut ledger, |head| checkpoint(Who::Witness, head, 3)).unwrap();
    assert!(holds("segments/000000000000-000000000009.jsonl") && holds("entries/0000/00/000000000010.jsonl"));
    assert!(!holds("segments/000000000000-000000000005.jsonl") && !holds("entries/0000/00/000000000003.jsonl"));
    let mut after = Vec::new();
    world.open().export(t(10), &mut after).unwrap();
    assert!(after.starts_with(&before));
    assert_eq!(world.open().verify_all(t(10)).unwrap().0, 11);
    // Whether a segment is full is known without reading it, wherever it lies.
    let mut sizes = Vec::new();
    for packed in [false, true] {
        if packed {
            pack(&world);
        }
        let ledger = world.open();
        let files = ledger.store.files(world.tip()).unwrap();
        let read = |file| (ledger.store.size(file).unwrap(), ledger.store.read(file).unwrap().len());
        sizes.push(files.iter().map(read).collect::<Vec<_>>());
    }
    assert!(sizes.iter().flatten().all(|(size, read)| size == read), "{sizes:?}");
    assert_eq!((sizes[0].len(), &sizes[0]), (2, &sizes[1]));
}

#[test]
fn e20_what_a_checkpoint_joins_never_outgrows_what_a_reader_takes() {
    let world = World::new();
    let mut ledger = world.open();
    for number in 0..20 {
        ready(&mut ledger, number);
    }
    put(&mut ledger, |head| checkpoint(Who::Ci, head, 3)).unwrap();
    ready(&mut ledger, 20);
    put(&mut ledger, |head| checkpoint(Who::Ci, head, 3)).unwrap();
    let git = world.git();
    let tree = git.find_commit(world.tip()).unwrap().tree().unwrap();
    let segments = tree.get_name("segments").unwrap().to_object(&git).unwrap().peel_to_tree().unwrap();
    assert!(segments.len() > 2, "one segment holds what fits, the next goes on");
    for segment in &segments {
        let size = git.find_blob(segment.id()).unwrap().size();
        assert!(size < 20 << 10, "{:?} holds {size} bytes", segment.name());
    }
    assert_eq!(world.open().read(t(10)).unwrap().length(), 45);
    assert_eq!(world.open().with_mode(crate::ledger::Mode::FromCheckpoint).read(t(10)).unwrap().length(), 45);
}
