use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use flate2::{Compression, write::ZlibEncoder};
use git2::{Oid, Signature, Time};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// Runs git on a repository, with nobody's settings.
#[expect(clippy::disallowed_methods, reason = "the tests read what stock git writes")]
pub(super) fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "gc.auto=0"]);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A repository of some commits, of which files differ little, so that a pack holds differences.
fn history() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q", "-b", "main"]);
    let long: String = (0..400).map(|line| format!("line {line} of {}\n", line * line)).collect();
    fs::create_dir_all(folder.path().join("a/b")).unwrap();
    for round in 0..6 {
        fs::write(folder.path().join("a/b/long.txt"), format!("{long}{round}\n")).unwrap();
        fs::write(folder.path().join(format!("{round}.txt")), format!("{round}")).unwrap();
        git(folder.path(), &["add", "-A"]);
        git(folder.path(), &["commit", "-q", "-m", "Add"]);
    }
    folder
}

pub(super) fn opened(folder: &Path) -> Result<Repository, Error> {
    Repository::new(git2::Repository::open(folder)?)
}

/// Reads everything that `HEAD` leads to; returns how many files.
fn read_all(folder: &Path) -> Result<usize, Error> {
    let repository = opened(folder)?;
    let head = repository.head()?;
    for id in repository.only_in_history(head.id(), head.id())? {
        repository.commit(id)?;
    }
    let (mut files, mut next) = (BTreeSet::new(), Some(head));
    while let Some(commit) = next {
        repository.visit(&repository.tree(commit.tree_id())?, |_, entry| {
            if entry.kind() == ObjectType::Blob {
                files.insert(entry.id());
            }
        })?;
        next = commit.parent_ids().next().map(|parent| repository.commit(parent)).transpose()?;
    }
    for id in &files {
        repository.objects().header(*id)?;
        repository.blob(*id)?;
    }
    Ok(files.len())
}

fn only(folder: &Path, ending: &str) -> PathBuf {
    let mut found = fs::read_dir(folder.join(".git/objects/pack")).unwrap().map(|entry| entry.unwrap().path());
    found.find(|path| path.to_string_lossy().ends_with(ending)).unwrap()
}

/// Writes bytes in place of a file that git made unwritable.
fn put(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

fn altered(bytes: &[u8], at: prop::sample::Index, how: u8, by: u32) -> Vec<u8> {
    let (mut bytes, at) = (bytes.to_vec(), at.index(bytes.len()));
    match how {
        0 => bytes[at] ^= by.to_be_bytes()[3] | 1,
        1 => bytes.truncate(at),
        2 => bytes.extend(by.to_be_bytes()),
        _ => {
            let end = bytes.len().min(at + 4);
            bytes[at..end].copy_from_slice(&by.to_be_bytes()[..end - at]);
        }
    }
    bytes
}

#[test]
fn what_is_loose_packed_or_borrowed_is_read_alike() {
    let folder = history();
    assert_eq!(read_all(folder.path()).unwrap(), 12);
    git(folder.path(), &["gc", "-q"]);
    assert_eq!(read_all(folder.path()).unwrap(), 12);
    git(folder.path(), &["multi-pack-index", "write"]);
    assert_eq!(read_all(folder.path()).unwrap(), 12);
    let other = tempfile::tempdir().unwrap();
    git(other.path(), &["clone", "-q", "--shared", &folder.path().to_string_lossy(), "."]);
    assert_eq!(read_all(other.path()).unwrap(), 12);
}

#[test]
fn an_index_of_the_first_form_is_read() {
    let folder = history();
    git(folder.path(), &["-c", "pack.indexVersion=1", "gc", "-q"]);
    assert!(!fs::read(only(folder.path(), ".idx")).unwrap().starts_with(b"\xfftOc"));
    assert_eq!(read_all(folder.path()).unwrap(), 12);
}

#[test]
fn a_pack_that_comes_later_is_read() {
    let (folder, from) = (history(), history());
    let repository = opened(folder.path()).unwrap();
    fs::write(from.path().join("new"), "new").unwrap();
    git(from.path(), &["add", "-A"]);
    git(from.path(), &["commit", "-q", "-m", "New"]);
    git(from.path(), &["gc", "-q"]);
    let id = opened(from.path()).unwrap().head().unwrap().id();
    let url = from.path().to_string_lossy();
    git(folder.path(), &["-c", "fetch.unpackLimit=1", "fetch", "-q", &url]);
    assert_eq!(repository.commit(id).unwrap().id(), id);
    assert!(repository.objects().header(id).unwrap().is_some_and(|header| !header.is_blob));
}

#[test]
fn an_index_over_many_packs_is_looked_through_once_and_again_once_it_is_another() {
    let folder = history();
    git(folder.path(), &["gc", "-q"]);
    git(folder.path(), &["multi-pack-index", "write"]);
    let path = only(folder.path(), "multi-pack-index");
    let whole = fs::read(&path).unwrap();
    let repository = opened(folder.path()).unwrap();
    let absent = Oid::from_str(&"1".repeat(40)).unwrap();
    let written = fs::metadata(&path).unwrap().modified().unwrap();
    // In place, and with its time put back: the same file by all that is asked.
    let overwrite = |bytes: &[u8], modified| {
        fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all(bytes).unwrap();
        file.set_modified(modified).unwrap();
    };
    overwrite(&vec![0; whole.len()], written);
    assert_eq!(repository.objects().header(absent).unwrap(), None, "it was not read again");
    overwrite(&vec![0; whole.len()], written + Duration::from_nanos(1_000));
    assert!(repository.objects().header(absent).is_err());
    put(&path, &whole);
    assert_eq!(repository.objects().header(absent).unwrap(), None);
    put(&path, b"another");
    assert!(repository.objects().header(absent).is_err());
}

#[test]
fn e08_a_place_beyond_its_pack_is_refused_before_libgit2_goes_there() {
    let folder = history();
    git(folder.path(), &["gc", "-q"]);
    let index = only(folder.path(), ".idx");
    let whole = fs::read(&index).unwrap();
    let count = u32::from_be_bytes(whole[8 + 255 * 4..8 + 256 * 4].try_into().unwrap()) as usize;
    let places = 8 + 1024 + count * 24;
    let size = u32::try_from(fs::metadata(only(folder.path(), ".pack")).unwrap().len()).unwrap();
    for place in [0, 11, size - 20, size, size + 4096, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
        let mut bytes = whole.clone();
        bytes[places..places + 4].copy_from_slice(&place.to_be_bytes());
        put(&index, &bytes);
        assert!(opened(folder.path()).is_err(), "{place}");
    }
    put(&index, &whole);
    assert_eq!(read_all(folder.path()).unwrap(), 12);
}

#[test]
fn e08_an_object_made_from_itself_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q"]);
    let id = [7; 20];
    let end = |mut bytes: Vec<u8>| {
        let name = Oid::hash_object(ObjectType::Blob, &bytes).unwrap();
        bytes.extend(name.as_bytes());
        bytes
    };
    // What differs (kind 7, of four bytes) from the object of the same name: nothing, its four bytes are copied.
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&[4, 4, 0x90, 4]).unwrap();
    let stored = [&[0x74][..], &id, &encoder.finish().unwrap()].concat();
    let pack = end([b"PACK\0\0\0\x02\0\0\0\x01".as_slice(), &stored].concat());
    let fan: Vec<u8> = (0..256_u32).flat_map(|first| u32::from(first >= 7).to_be_bytes()).collect();
    let index = [b"\xfftOc\0\0\0\x02".as_slice(), &fan, &id, &[0; 4], &12_u32.to_be_bytes(), &pack[pack.len() - 20..]];
    let name = folder.path().join(".git/objects/pack/pack-0707070707070707070707070707070707070707");
    fs::write(name.with_extension("pack"), &pack).unwrap();
    fs::write(name.with_extension("idx"), end(index.concat())).unwrap();
    let repository = opened(folder.path()).unwrap();
    let id = Oid::from_bytes(&id).unwrap();
    assert!(repository.objects().header(id).is_err());
    assert!(repository.blob(id).is_err() && repository.tree(id).is_err() && repository.commit(id).is_err());
}

#[test]
fn e08_a_loose_object_under_the_name_of_another_is_refused() {
    let folder = history();
    let repository = opened(folder.path()).unwrap();
    let [id, other] = ["a", "b"].map(|text| repository.raw().blob(text.as_bytes()).unwrap());
    let [path, from] = [id, other].map(|id| {
        let hex = id.to_string();
        folder.path().join(".git/objects").join(&hex[..2]).join(&hex[2..])
    });
    assert_eq!(repository.blob(id).unwrap(), b"a");
    put(&path, &fs::read(from).unwrap());
    assert!(repository.blob(id).is_err() && repository.tree(id).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 0, ..ProptestConfig::default() })]

    /// Whatever is altered, reading comes back: with what is there, or an error.
    #[test]
    fn e08_from_damaged_files_of_objects_libgit2_comes_back(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u32>()), 40),
        kind in 0..4_usize,
    ) {
        let folder = history();
        if kind < 3 {
            git(folder.path(), &["gc", "-q"]);
            git(folder.path(), &["multi-pack-index", "write"]);
        }
        for (at, how, by) in changes {
            let file = match kind {
                0 => only(folder.path(), ".idx"),
                1 => only(folder.path(), ".pack"),
                2 => only(folder.path(), "multi-pack-index"),
                _ => {
                    let mut loose = Vec::new();
                    for first in 0..=u8::MAX {
                        let below = fs::read_dir(folder.path().join(format!(".git/objects/{first:02x}")));
                        loose.extend(below.into_iter().flatten().map(|entry| entry.unwrap().path()));
                    }
                    loose.sort();
                    loose[at.index(loose.len())].clone()
                }
            };
            let whole = fs::read(&file).unwrap();
            put(&file, &altered(&whole, at, how, by));
            if let Ok(files) = read_all(folder.path()) {
                prop_assert_eq!(files, 12);
            }
            put(&file, &whole);
        }
    }

    /// As libgit2 walks, where times of commits do not run backwards; and where they do, nothing is left out.
    #[test]
    fn histories_are_walked_as_libgit2_walks_them(
        commits in prop::collection::vec((prop::collection::vec(any::<prop::sample::Index>(), 0..3), 0..50_i64), 2..24),
        of in any::<prop::sample::Index>(),
        not_of in any::<prop::sample::Index>(),
        backwards in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let raw = git2::Repository::init_bare(folder.path()).unwrap();
        let tree = raw.find_tree(raw.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let mut made: Vec<Oid> = Vec::new();
        for (number, (parents, time)) in commits.iter().enumerate() {
            let time = if backwards { *time } else { i64::try_from(number).unwrap() };
            let who = Signature::new("a", "a@b", &Time::new(time, 0)).unwrap();
            let parents: BTreeSet<Oid> =
                parents.iter().filter(|_| number > 0).map(|at| made[at.index(number)]).collect();
            let parents: Vec<_> = parents.iter().map(|id| raw.find_commit(*id).unwrap()).collect();
            let parents: Vec<_> = parents.iter().collect();
            made.push(raw.commit(None, &who, &who, &number.to_string(), &tree, &parents).unwrap());
        }
        let (of, not_of) = (made[of.index(made.len())], made[not_of.index(made.len())]);
        let repository = Repository::new(git2::Repository::open(folder.path()).unwrap()).unwrap();
        let in_history = of == not_of || raw.graph_descendant_of(of, not_of).unwrap();
        prop_assert_eq!(repository.is_in_history(not_of, of).unwrap(), in_history);
        let reached = |id: Oid, from: Oid| id == from || raw.graph_descendant_of(from, id).unwrap();
        let expected: BTreeSet<Oid> =
            made.iter().copied().filter(|id| reached(*id, of) && !reached(*id, not_of)).collect();
        let found: BTreeSet<Oid> = repository.only_in_history(of, not_of).unwrap().into_iter().collect();
        prop_assert!(found.is_superset(&expected));
        prop_assert!(found.iter().all(|id| reached(*id, of)));
        if !backwards {
            prop_assert_eq!(found, expected);
        }
    }
}

#[test]
fn b11_a_few_folders_that_hold_each_other_many_times_over_have_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let repository = git2::Repository::init(folder.path()).unwrap();
    let mut id = repository.blob(b"deep").unwrap();
    for level in 0..5 {
        let mut builder = repository.treebuilder(None).unwrap();
        for name in 0..10 {
            builder.insert(name.to_string(), id, if level == 0 { 0o100_644 } else { 0o040_000 }).unwrap();
        }
        id = builder.write().unwrap();
    }
    let repository = opened(folder.path()).unwrap();
    let tree = repository.tree(id).unwrap();
    assert!(repository.visit(&tree, |_, _| {}).unwrap_err().message().contains("more than"));
    let below = repository.tree(tree.get(b"0").unwrap().id()).unwrap();
    let below = repository.tree(below.get(b"0").unwrap().id()).unwrap();
    let mut seen = 0;
    repository.visit(&below, |_, _| seen += 1).unwrap();
    assert_eq!(seen, 10 + 100 + 1_000);
}
