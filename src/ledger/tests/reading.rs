//! Readers: log, show, export, and what stays in memory.

use super::support::*;
use crate::{base::digest::Digest, ledger::Mode};

#[test]
fn an_export_is_the_stored_bytes_and_can_be_verified_line_by_line() {
    let world = World::new();
    let mut ledger = world.open();
    ready(&mut ledger, 1);
    let mut out = Vec::new();
    ledger.export(t(10), &mut out).unwrap();
    let lines: Vec<_> = out.strip_suffix(b"\n").unwrap().split(|b| *b == b'\n').collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0], world.genesis);
    assert_eq!(Digest::of(lines[2]), ledger.head().unwrap().hash);
    let mut chain = crate::ledger::Chain::new(&world.root, None);
    for line in lines {
        chain.push(line, &world.root, t(10)).unwrap();
    }
    assert_eq!(chain.head(), ledger.head());
}

#[test]
fn the_log_names_what_about_what_by_whom() {
    let world = World::new();
    let mut ledger = world.open();
    let grant = ready(&mut ledger, 1);
    put(&mut ledger, |head| claim(head, 1, "r", 1, vec![grant], 1)).unwrap();
    let all = ledger.log(t(10), 10, |_| true).unwrap();
    let kinds: Vec<_> = all.iter().map(|item| item.kind).collect();
    assert_eq!(kinds, ["genesis", "plan", "approval", "claim"]);
    assert_eq!(all[2].actor.as_deref(), Some("bob"));
    assert_eq!(all[2].payload, grant);
    assert_eq!((all[3].subject.as_deref(), all[3].plan), (Some("run r, attempt 1"), Some(plan_digest(1))));
    assert_eq!(all[1].signed_by, ["ci"]);
    let last = ledger.log(t(10), 1, |entry| entry.record.plan().is_some()).unwrap();
    assert_eq!(last.len(), 1);
    assert_eq!(last[0].seq, 3);
    let (entry, bytes) = ledger.show(t(10), 2).unwrap();
    assert_eq!((entry.approval(), entry.hash), (Some(grant), Digest::of(&bytes)));
    assert_eq!(ledger.show(t(10), 9).unwrap_err().code(), "ledger.no_entry");
    assert_eq!(ledger.state().unwrap().counts()["approval"], 1);
}

#[test]
fn both_modes_reach_the_same_state() {
    let world = World::new();
    let mut ledger = world.open();
    let grant = ready(&mut ledger, 1);
    put(&mut ledger, |head| claim(head, 1, "r", 1, vec![grant], 1)).unwrap();
    put(&mut ledger, |head| checkpoint(Who::Witness, head, 3)).unwrap();
    put(&mut ledger, |_| outcome(1, "r", "failed")).unwrap();
    let shown = |mode| {
        let mut ledger = world.open().with_mode(mode);
        format!("{:?}", ledger.read(t(10)).unwrap().state())
    };
    assert_eq!(shown(Mode::Full), shown(Mode::FromCheckpoint));
    assert_eq!(ledger.read(t(10)).unwrap().state().checkpoint().map(|(seq, _)| seq), Some(4));
}

#[test]
fn a_reader_follows_a_writer_and_verifies_only_what_is_new() {
    let world = World::new();
    let (mut reader, mut writer) = (world.open(), world.open());
    reader.read(t(10)).unwrap();
    for n in 0..3 {
        put(&mut writer, |head| plan(head, n, None)).unwrap();
        assert_eq!(reader.read(t(10)).unwrap().head(), writer.head());
    }
    put(&mut writer, |head| checkpoint(Who::Ci, head, 3)).unwrap();
    assert_eq!(reader.read(t(10)).unwrap().head(), writer.head(), "also when files were joined");
}
