//! Folders of commits, read from their own bytes.
//!
//! libgit2 would read and hash each a second time, after it was looked through here.

use std::{ops::Range, sync::Arc};

use git2::{Error, ObjectType, Oid};

use super::damaged;

/// Bytes of an id in a tree.
const ID: usize = 20;
/// The kind of an entry, in its mode.
const KIND: u32 = 0o170_000;
const FILE: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;
pub(super) const SUBMODULE: u32 = 0o160_000;
/// Executable by its owner, in a mode.
const EXECUTABLE: u32 = 0o100;

/// A folder as a commit holds it; a copy is cheap.
#[derive(Clone)]
pub struct Tree {
    id: Oid,
    content: Arc<[u8]>,
    /// By name, byte by byte.
    places: Arc<[Place]>,
}

/// Where in the content an entry stands.
struct Place {
    name: Range<usize>,
    item: TreeItem,
}

/// An object as a folder holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeItem {
    mode: u32,
    id: Oid,
}

/// What a folder holds under one name.
#[derive(Clone, Copy, Debug)]
pub struct TreeEntry<'t> {
    name: &'t [u8],
    item: TreeItem,
}

impl Tree {
    /// Takes the content of a tree, whose id was compared with it.
    ///
    /// # Errors
    /// What git does not write, and what no folder holds: two entries of one name, or a name that leads elsewhere.
    pub(super) fn new(id: Oid, content: Vec<u8>) -> Result<Self, Error> {
        let mut places = Vec::new();
        let mut at = 0;
        while at < content.len() {
            let (place, end) = place(&content, at).ok_or_else(|| damaged(id, &"it is no folder as git writes it"))?;
            places.push(place);
            at = end;
        }
        let name = |place: &Place| &content[place.name.clone()];
        places.sort_unstable_by(|a, b| name(a).cmp(name(b)));
        if places.windows(2).any(|pair| name(&pair[0]) == name(&pair[1])) {
            return Err(damaged(id, &"it holds two entries of one name"));
        }
        Ok(Self { id, content: content.into(), places: places.into() })
    }

    /// Returns its id.
    #[must_use]
    pub fn id(&self) -> Oid {
        self.id
    }

    /// Returns how many bytes git stores of it.
    pub(super) fn size(&self) -> usize {
        self.content.len()
    }

    /// Returns what it holds under a name.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<TreeEntry<'_>> {
        let found = self.places.binary_search_by(|place| self.content[place.name.clone()].cmp(name));
        found.ok().map(|at| self.entry(&self.places[at]))
    }

    /// Returns all that it holds, by name.
    pub fn iter(&self) -> impl Iterator<Item = TreeEntry<'_>> {
        self.places.iter().map(|place| self.entry(place))
    }

    fn entry(&self, place: &Place) -> TreeEntry<'_> {
        TreeEntry { name: &self.content[place.name.clone()], item: place.item }
    }
}

impl TreeItem {
    /// Returns the id of the object.
    #[must_use]
    pub fn id(self) -> Oid {
        self.id
    }

    /// Returns the kind of the object: a commit stands for another repository.
    #[must_use]
    pub fn kind(self) -> ObjectType {
        match self.mode {
            FOLDER => ObjectType::Tree,
            SUBMODULE => ObjectType::Commit,
            _ => ObjectType::Blob,
        }
    }

    /// Returns the mode, of the few that git knows: `0o040_000`, `0o100_644`, `0o100_755`, `0o120_000`, `0o160_000`.
    #[must_use]
    pub fn mode(self) -> u32 {
        self.mode
    }

    /// Tells whether it is a file, and no link.
    #[must_use]
    pub fn is_file(self) -> bool {
        self.kind() == ObjectType::Blob && !self.is_link()
    }

    /// Tells whether it stands for another repository, whose files are no part of this one.
    #[must_use]
    pub fn is_submodule(self) -> bool {
        self.kind() == ObjectType::Commit
    }

    /// Tells whether it is a symbolic link.
    #[must_use]
    pub fn is_link(self) -> bool {
        self.mode() == LINK
    }
}

impl<'t> TreeEntry<'t> {
    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &'t [u8] {
        self.name
    }

    /// Returns what the name stands for.
    #[must_use]
    pub fn item(&self) -> TreeItem {
        self.item
    }

    /// Returns the id of the object.
    #[must_use]
    pub fn id(&self) -> Oid {
        self.item.id
    }

    /// Returns the kind of the object, as [`TreeItem::kind`].
    #[must_use]
    pub fn kind(&self) -> ObjectType {
        self.item.kind()
    }
}

/// Returns the one of the modes that git knows which an entry's mode stands for: old tools wrote others.
fn known_mode(mode: u32) -> u32 {
    match mode & KIND {
        kind @ (FOLDER | LINK) => kind,
        FILE if mode & EXECUTABLE != 0 => 0o100_755,
        FILE => 0o100_644,
        // Git shows whatever else it is as another repository, and hides the content.
        _ => SUBMODULE,
    }
}

/// Reads the entry that begins at a place: octal digits, a space, a name, a zero and an id; returns where it ends, too.
fn place(content: &[u8], at: usize) -> Option<(Place, usize)> {
    let space = at + content[at..].iter().position(|b| *b == b' ')?;
    let zero = space + content[space..].iter().position(|b| *b == 0)?;
    let digits = std::str::from_utf8(&content[at..space]).ok().filter(|text| !text.starts_with('+'))?;
    let mode = known_mode(u32::from_str_radix(digits, 8).ok()?);
    let name = space + 1..zero;
    if matches!(&content[name.clone()], b"" | b"." | b"..") || content[name.clone()].contains(&b'/') {
        return None;
    }
    let end = zero + 1 + ID;
    let id = Oid::from_bytes(content.get(zero + 1..end)?).ok()?;
    Some((Place { name, item: TreeItem { mode, id } }, end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(mode: &str, name: &[u8], id: u8) -> Vec<u8> {
        [mode.as_bytes(), b" ", name, b"\0", &[id; ID]].concat()
    }

    fn tree(entries: &[Vec<u8>]) -> Result<Tree, Error> {
        Tree::new(Oid::ZERO_SHA1, entries.concat())
    }

    #[test]
    fn what_git_writes_is_read() {
        // Git orders a folder as if its name ended with a slash: `a.b` comes before the folder `a`.
        let read = tree(&[
            entry("100644", b"a.b", 1),
            entry("40000", b"a", 2),
            entry("100755", b"b", 3),
            entry("120000", b"c d", 4),
            entry("160000", b"\xff", 5),
            // As some old tools wrote them.
            entry("040000", b"y", 6),
            entry("100664", b"z", 7),
        ])
        .unwrap();
        let seen: Vec<_> =
            read.iter().map(|entry| (entry.name(), entry.item().mode(), entry.kind(), entry.id())).collect();
        let id = |n: u8| Oid::from_bytes(&[n; ID]).unwrap();
        let expected: [(&[u8], u32, ObjectType, Oid); 7] = [
            (b"a", 0o040_000, ObjectType::Tree, id(2)),
            (b"a.b", 0o100_644, ObjectType::Blob, id(1)),
            (b"b", 0o100_755, ObjectType::Blob, id(3)),
            (b"c d", 0o120_000, ObjectType::Blob, id(4)),
            (b"y", 0o040_000, ObjectType::Tree, id(6)),
            (b"z", 0o100_644, ObjectType::Blob, id(7)),
            (b"\xff", 0o160_000, ObjectType::Commit, id(5)),
        ];
        assert_eq!(seen, expected);
        assert_eq!(read.get(b"a").unwrap().id(), id(2));
        assert!(read.get(b"c d").unwrap().item().is_link());
        assert!(read.get(b"c").is_none());
        // Who compares two folders sees no change where only the way to write it is another.
        let other = tree(&[entry("100644", b"z", 7)]).unwrap();
        assert_eq!(read.get(b"z").unwrap().item(), other.get(b"z").unwrap().item());
        assert_eq!(tree(&[]).unwrap().iter().count(), 0);
    }

    #[test]
    fn what_git_would_not_show_as_a_file_is_none() {
        for mode in ["10644", "20644", "644", "0", "60000", "140000", "160000"] {
            let read = tree(&[entry(mode, b"a", 1)]).unwrap();
            assert!(read.get(b"a").unwrap().item().is_submodule(), "{mode}");
        }
    }

    #[test]
    fn e08_what_is_no_folder_is_refused() {
        let long = [entry("100644", b"a", 1), b"x".to_vec()];
        let short = [entry("100644", b"a", 1)[..20].to_vec()];
        for entries in [
            &[entry("100644", b"a", 1), entry("40000", b"a", 2)][..],
            &[entry("100644", b"", 1)],
            &[entry("40000", b".", 1)],
            &[entry("40000", b"..", 1)],
            &[entry("100644", b"a/b", 1)],
            &[entry("100648", b"a", 1)],
            &[entry("", b"a", 1)],
            &[entry("+100644", b"a", 1)],
            &[entry("7777777777777", b"a", 1)],
            &long,
            &short,
        ] {
            assert!(tree(entries).is_err(), "{entries:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn e08_whatever_a_tree_holds_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(tree) = Tree::new(Oid::ZERO_SHA1, bytes) {
                for entry in tree.iter() {
                    prop_assert_eq!(tree.get(entry.name()).map(|found| found.id()), Some(entry.id()));
                }
            }
        }
    }
}
