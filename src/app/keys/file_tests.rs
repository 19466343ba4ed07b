use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

fn room() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn saved(room: &tempfile::TempDir) -> (HeldKey, PathBuf) {
    let path = default_path(room.path(), &"mine".parse().unwrap());
    let key = HeldKey::random().unwrap();
    key.save(&path, Place::OutsideRepositories).unwrap();
    (key, path)
}

#[test]
fn b52_a_saved_key_is_mine_alone_and_loads_again() {
    let room = room();
    let (key, path) = saved(&room);
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(std::fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o7777, 0o700);
    assert_eq!(HeldKey::load(&path).unwrap().key_id(), key.key_id());
    let names: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(names.len(), 1, "no temporary file is left");
}

#[test]
fn b52_two_keys_differ() {
    assert_ne!(HeldKey::random().unwrap().key_id(), HeldKey::random().unwrap().key_id());
}

#[test]
fn b52_a_key_that_others_can_read_is_refused_with_the_way_out() {
    let room = room();
    let (_, path) = saved(&room);
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o644] {
        chmod(&path, mode);
        let refusal = HeldKey::load(&path).unwrap_err();
        assert_eq!(refusal.code(), "key.permissions", "{mode:o}");
        assert!(refusal.hints().next().unwrap().starts_with("chmod 600"));
    }
    chmod(&path, 0o400);
    assert!(HeldKey::load(&path).is_ok());
}

#[test]
fn b49_links_folders_pipes_and_devices_are_no_keys() {
    let room = room();
    let (_, path) = saved(&room);
    let link = room.path().join("link.pem");
    symlink(&path, &link).unwrap();
    let pipe = room.path().join("pipe.pem");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    for bad in [link.as_path(), pipe.as_path(), room.path(), Path::new("/dev/zero"), &room.path().join("none")] {
        assert_eq!(HeldKey::load(bad).unwrap_err().code(), "key.file", "{}", bad.display());
    }
}

#[test]
fn b49_a_large_file_is_refused_unread() {
    let room = room();
    let path = room.path().join("large.pem");
    write_new(&path, &vec![b'a'; usize::try_from(MAX_KEY_FILE).unwrap() + 1]).unwrap();
    assert_eq!(HeldKey::load(&path).unwrap_err().code(), "limit.size");
    let huge = Secret::new("a".repeat(usize::try_from(MAX_KEY_FILE).unwrap() + 1));
    assert_eq!(HeldKey::from_secret(&huge).unwrap_err().code(), "limit.size");
}

#[test]
fn a_key_is_never_overwritten() {
    let room = room();
    let (key, path) = saved(&room);
    let other = HeldKey::random().unwrap();
    assert_eq!(other.save(&path, Place::OutsideRepositories).unwrap_err().code(), "key.exists");
    let dangling = room.path().join("dangling.pem");
    symlink(room.path().join("elsewhere"), &dangling).unwrap();
    assert_eq!(other.save(&dangling, Place::OutsideRepositories).unwrap_err().code(), "key.exists");
    assert!(!room.path().join("elsewhere").exists());
    assert_eq!(HeldKey::load(&path).unwrap().key_id(), key.key_id());
}

#[test]
fn b52_a_key_in_a_work_tree_is_refused_unless_asked_for() {
    let room = room();
    let tree = room.path().join("tree");
    std::fs::create_dir_all(tree.join(".git")).unwrap();
    let link = room.path().join("looks-harmless");
    symlink(&tree, &link).unwrap();
    let key = HeldKey::random().unwrap();
    for folder in [tree.clone(), tree.join("deep/er"), link.join("deep")] {
        let refusal = key.save(&folder.join("k.pem"), Place::OutsideRepositories).unwrap_err();
        assert_eq!(refusal.code(), "key.in_repository");
    }
    assert!(!tree.join("deep").exists(), "a refusal leaves nothing behind");
    key.save(&tree.join("k.pem"), Place::Anywhere).unwrap();
}

#[test]
fn a_folder_where_others_may_write_is_refused() {
    let room = room();
    let folder = room.path().join("open");
    std::fs::create_dir(&folder).unwrap();
    chmod(&folder, 0o777);
    let key = HeldKey::random().unwrap();
    let refusal = key.save(&folder.join("k.pem"), Place::OutsideRepositories).unwrap_err();
    assert_eq!(refusal.code(), "key.permissions");
    chmod(&folder, 0o700);
    key.save(&folder.join("k.pem"), Place::OutsideRepositories).unwrap();
}

#[test]
fn a_pem_from_the_environment_is_the_same_key() {
    let room = room();
    let (key, path) = saved(&room);
    let pem = Secret::new(format!("\n{}\n", std::fs::read_to_string(path).unwrap()));
    assert_eq!(HeldKey::from_secret(&pem).unwrap().key_id(), key.key_id());
    for bad in ["", "-----BEGIN PRIVATE KEY-----", "hello"] {
        assert_eq!(HeldKey::from_secret(&Secret::new(bad.into())).unwrap_err().code(), "key.malformed");
    }
}

#[test]
fn b52_a_key_of_another_user_is_refused() {
    let room = room();
    let (_, path) = saved(&room);
    // Only root can give a file away; for everybody else the kernel already says no.
    if std::os::unix::fs::chown(&path, Some(54_321), None).is_ok() {
        let refusal = HeldKey::load(&path).unwrap_err();
        assert_eq!((refusal.code(), refusal.message().contains("user 54321")), ("key.permissions", true));
    }
}
