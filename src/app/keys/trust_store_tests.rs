use std::cell::RefCell;

use super::*;
use crate::{
    app::keys::{
        bench::{draft, key, now},
        change::{Change, propose},
    },
    sign::Signer,
};

/// A repository in memory.
#[derive(Default)]
struct Files(RefCell<BTreeMap<String, Vec<u8>>>);

impl Files {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.0.borrow().get(path).cloned())
    }

    fn put(&self, proposal: &Proposal) {
        let (number, version) = (proposal.number(), proposal.version());
        let mut files = self.0.borrow_mut();
        files.insert(document_path(number), version.bytes.clone());
        files.insert(envelope_path(number), version.envelope.to_bytes().unwrap());
        files.insert(CURRENT.into(), version.bytes.clone());
    }

    fn load(&self, pin: &Digest) -> Result<TrustRoot> {
        load(&|path| self.read(path), pin, now())
    }

    fn code(&self, pin: &Digest) -> &'static str {
        self.load(pin).unwrap_err().code()
    }
}

/// Three versions, each signed by person 1; returns their digests.
fn three() -> (Files, Vec<Digest>) {
    let files = Files::default();
    let signer: &dyn Signer = &key(1);
    let first = draft(1, &[1, 2]).propose(now(), &[signer]).unwrap();
    files.put(&first);
    let mut digests = vec![first.digest()];
    let mut root = TrustRoot::start(first.version()).unwrap();
    for n in 1..=2 {
        let next = propose(&root, &[Change::RenewExpiry(now().plus(1000 * n))], now(), &[signer]).unwrap();
        files.put(&next);
        digests.push(next.digest());
        root = root.accept(next.version()).unwrap();
    }
    (files, digests)
}

#[test]
fn the_newest_version_loads_from_any_pin_before_it() {
    let (files, digests) = three();
    for pin in &digests {
        assert_eq!(files.load(pin).unwrap().digest(), digests[2]);
    }
    files.0.borrow_mut().remove(&document_path(1));
    files.0.borrow_mut().remove(&envelope_path(1));
    assert!(files.load(&digests[1]).is_ok(), "versions before the pin are not needed");
    assert_eq!(files.code(&digests[0]), "trust.pin_mismatch");
}

#[test]
fn b35_another_pin_or_no_trust_root_is_refused() {
    let (files, _) = three();
    assert_eq!(files.code(&Digest::of(b"other")), "trust.pin_mismatch");
    assert_eq!(Files::default().code(&Digest::of(b"other")), "trust.missing");
}

#[test]
fn b33_an_older_document_in_the_place_of_the_current_one_is_refused() {
    let (files, digests) = three();
    let old = files.read(&document_path(2)).unwrap().unwrap();
    files.0.borrow_mut().insert(CURRENT.into(), old);
    assert_eq!(files.code(&digests[0]), "trust.files");
    // With the newer files gone too the chain itself is whole: then the version that the ledger has seen must tell.
    files.0.borrow_mut().remove(&document_path(3));
    files.0.borrow_mut().remove(&envelope_path(3));
    assert_eq!(files.load(&digests[0]).unwrap().document().version, 2);
}

#[test]
fn b33_a_document_that_nobody_signed_in_the_place_of_the_current_one_is_refused() {
    let (files, digests) = three();
    let two = TrustFiles::read(&|path| files.read(path), &digests[0]).unwrap();
    let root = TrustRoot::start(&two.versions[&2]).unwrap();
    let unsigned = propose(&root, &[Change::SetThreshold(2)], now(), &[]).unwrap();
    files.0.borrow_mut().insert(CURRENT.into(), unsigned.version().bytes.clone());
    assert_eq!(files.code(&digests[0]), "trust.files");
}

#[test]
fn files_that_contradict_one_another_are_refused() {
    for missing in [document_path(3), envelope_path(3), document_path(2), envelope_path(2)] {
        let (files, digests) = three();
        files.0.borrow_mut().remove(&missing);
        assert_eq!(files.code(&digests[0]), "trust.files", "{missing}");
    }
    let (files, digests) = three();
    let swapped = files.read(&envelope_path(2)).unwrap().unwrap();
    files.0.borrow_mut().insert(envelope_path(3), swapped);
    assert_eq!(files.code(&digests[0]), "subject.mismatch");
    let (files, digests) = three();
    files.0.borrow_mut().insert(envelope_path(3), b"{}".to_vec());
    assert_eq!(files.code(&digests[0]), "dsse.malformed");
}

#[test]
fn a_version_is_never_overwritten_with_other_bytes() {
    let room = tempfile::tempdir().unwrap();
    let a = key(1);
    let mut first = draft(1, &[1, 2]).propose(now(), &[&a]).unwrap();
    write(room.path(), &mut first).unwrap();
    write(room.path(), &mut first).unwrap();
    let before = fs::read(room.path().join(CURRENT)).unwrap();
    let mut other = draft(2, &[1, 2]).propose(now(), &[&a]).unwrap();
    assert_eq!(write(room.path(), &mut other).unwrap_err().code(), "trust.version_exists");
    let mut later = draft(1, &[1, 2]).propose(now().plus(1), &[&a]).unwrap();
    assert_eq!(write(room.path(), &mut later).unwrap_err().code(), "trust.version_exists", "another statement");
    assert_eq!(fs::read(room.path().join(CURRENT)).unwrap(), before);
}

#[test]
fn b49_links_in_the_repository_are_not_followed() {
    let (room, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut first = draft(1, &[1]).propose(now(), &[&key(1)]).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), room.path().join(".countersign")).unwrap();
    assert_eq!(write(room.path(), &mut first).unwrap_err().code(), "trust.files");
    assert!(fs::read_dir(elsewhere.path()).unwrap().next().is_none());
    let reader = work_tree_reader(room.path());
    assert_eq!(reader(CURRENT).unwrap_err().code(), "trust.files");
}

#[test]
fn a_current_document_that_is_not_the_version_before_is_left_alone() {
    let room = tempfile::tempdir().unwrap();
    let current = room.path().join(CURRENT);
    fs::create_dir_all(current.parent().unwrap()).unwrap();
    fs::write(&current, b"mine").unwrap();
    let mut first = draft(1, &[1]).propose(now(), &[&key(1)]).unwrap();
    assert_eq!(write(room.path(), &mut first).unwrap_err().code(), "trust.files");
    assert_eq!(fs::read(&current).unwrap(), b"mine");
    assert!(!room.path().join(FOLDER).exists(), "nothing was written");
}

#[test]
fn a_pending_version_after_another_trust_root_is_not_taken_up() {
    let accepted = |n| TrustRoot::start(draft(1, &[1, n]).propose(now(), &[&key(1)]).unwrap().version()).unwrap();
    let (mine, other) = (accepted(2), accepted(3));
    let change = [Change::RenewExpiry(now().plus(9))];
    let pending = propose(&other, &change, now(), &[&key(1)]).unwrap().version().clone();
    assert_eq!(Proposal::resume(pending.clone(), Some(&mine)).unwrap_err().code(), "trust.malformed");
    assert!(Proposal::resume(pending, Some(&other)).is_ok());
}
