use super::*;
use crate::app::keys::bench;

fn site<'a>(work_tree: &'a Path, pin: &'a Digest) -> Site<'a> {
    Site { work_tree, pin, now: bench::now() }
}

#[test]
fn generate_shows_no_private_half() {
    let room = tempfile::tempdir().unwrap();
    let request = GenerateRequest {
        config_dir: room.path().to_owned(),
        name: "mine".parse().unwrap(),
        path: None,
        place: Place::OutsideRepositories,
    };
    let made = generate(&request).unwrap();
    let pem = std::fs::read_to_string(&made.path).unwrap();
    let secret = pem.lines().nth(1).unwrap();
    assert!(!serde_json::to_string(&made).unwrap().contains(secret) && !made.text().contains(secret));
    assert_eq!(enrolment_key(&made.public).unwrap().1.id(), made.key);
    assert_eq!(enrolment_key(&made.openssh).unwrap(), (Scheme::SshEd25519, enrolment_key(&made.public).unwrap().1));
    assert_eq!(generate(&request).unwrap_err().code(), "key.exists");
}

#[test]
fn the_whole_life_of_a_trust_root() {
    let (room, config) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let now = bench::now();
    let (a, b) = (bench::key(1), bench::key(2));
    let first = bench::draft(1, &[1, 2]).propose(now, &[&a]).unwrap();
    let begun = begin(room.path(), first.clone()).unwrap();
    assert!(begun.complete && begun.files.contains(&".countersign/trust.json".to_owned()));
    let reader = trust_store::work_tree_reader(room.path());
    let request = TrustRequest {
        config_dir: config.path().to_owned(),
        host: "local".into(),
        repo_id: "7".into(),
        digest: begun.digest,
        repin: Repin::Refuse,
    };
    assert_eq!(trust(&request, &reader, now).unwrap().version, 1);
    let pin = pin::resolve(config.path(), None, "local", "7").unwrap().digest;

    let raised = change(site(room.path(), &pin), &[Change::SetThreshold(2)], &[&a]).unwrap();
    assert_eq!((raised.complete, raised.signed, raised.needed), (false, 1, 2));
    assert!(raised.text().contains("1 of 2 signed"));
    let waits = trust_store::load(&reader, &pin, now).unwrap_err();
    assert_eq!(waits.code(), "trust.files");
    assert!(waits.hints().any(|hint| hint.contains("keys sign")));
    assert_eq!(sign(site(room.path(), &pin), &bench::key(9)).unwrap_err().code(), "key.role");
    assert!(!sign(site(room.path(), &pin), &a).unwrap().complete, "the same key twice is one");
    let done = sign(site(room.path(), &pin), &b).unwrap();
    assert!(done.complete);
    let root = trust_store::load(&reader, &pin, now).unwrap();
    assert_eq!((root.document().version, root.digest()), (2, done.digest));
    assert_eq!(sign(site(room.path(), &pin), &b).unwrap_err().code(), "trust.nothing_pending");

    let revoked = Change::RevokeKey { key: b.key_id(), at: now };
    let back = [Change::SetThreshold(1), revoked];
    assert!(change(site(room.path(), &pin), &back, &[&a, &b]).unwrap().complete);
    let shown = show(&trust_store::load(&reader, &pin, now).unwrap(), now);
    assert_eq!(shown.keys[1].status, KeyStatus::Revoked);
    assert!(shown.text().contains("revoked") && shown.text().contains(&shown.digest.to_string()));
}

#[test]
fn an_expired_trust_root_is_refused_and_can_be_renewed() {
    let room = tempfile::tempdir().unwrap();
    let now = bench::now();
    let a = bench::key(1);
    let first = bench::draft(1, &[1]).propose(now, &[&a]).unwrap();
    begin(room.path(), first.clone()).unwrap();
    let reader = trust_store::work_tree_reader(room.path());
    let (pin, late) = (first.digest(), first.unaccepted().document().expires);
    assert_eq!(trust_store::load(&reader, &pin, late).unwrap_err().code(), "trust.expired");
    let site = Site { work_tree: room.path(), pin: &pin, now: late };
    change(site, &[Change::RenewExpiry(late.plus(1000))], &[&a]).unwrap();
    assert_eq!(trust_store::load(&reader, &pin, late).unwrap().document().version, 2);
}

#[test]
fn b35_a_digest_that_is_no_ancestor_is_not_pinned() {
    let (room, config) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let now = bench::now();
    let first = bench::draft(1, &[1]).propose(now, &[&bench::key(1)]).unwrap();
    begin(room.path(), first.clone()).unwrap();
    let reader = trust_store::work_tree_reader(room.path());
    let mut request = TrustRequest {
        config_dir: config.path().to_owned(),
        host: "local".into(),
        repo_id: "7".into(),
        digest: Digest::of(b"another"),
        repin: Repin::Refuse,
    };
    assert_eq!(trust(&request, &reader, now).unwrap_err().code(), "trust.pin_mismatch");
    request.digest = first.digest();
    request.repo_id = "8".into();
    assert_eq!(trust(&request, &reader, now).unwrap_err().code(), "trust.pin_mismatch");
    assert!(std::fs::read_dir(config.path()).unwrap().next().is_none());
}
