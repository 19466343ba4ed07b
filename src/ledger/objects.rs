//! The objects beside the entries, such as plans: what entries name by the SHA-256 of their bytes.

use std::{cell::RefCell, collections::BTreeMap};

use git2::{FileMode, ObjectType, Oid};

use super::{
    format::{MAX_OBJECT, object_path},
    reasons::{LEDGER_OBJECT, LEDGER_UNKNOWN_SUBJECT},
    store::{Store, unexpected},
};
use crate::{
    base::{
        digest::Digest,
        parallel,
        reason::{Refusal, Result},
    },
    git::{Tree, TreeEntry},
};

/// The objects beside the entries of a commit.
pub(super) struct Objects<'a> {
    store: &'a Store,
    folder: Option<Tree>,
    /// Folders of the objects whose names begin alike, by those two digits: git keeps no large tree in memory.
    opened: RefCell<BTreeMap<String, Tree>>,
}

impl Objects<'_> {
    /// Refuses where an object that an entry names is not there.
    pub(super) fn must_hold(&self, digest: &Digest) -> Result<()> {
        let hex = digest.hex();
        let (first, rest) = hex.split_at(2);
        let mut opened = self.opened.borrow_mut();
        if !opened.contains_key(first)
            && let Some(id) =
                self.folder.as_ref().and_then(|folder| folder.get(first.as_bytes())).map(|entry| entry.id())
        {
            opened.insert(first.to_owned(), self.store.tree(id)?);
        }
        let held = opened.get(first).is_some_and(|folder| folder.get(rest.as_bytes()).is_some());
        if held {
            return Ok(());
        }
        Err(Refusal::new(LEDGER_OBJECT, format!("object {digest} is missing")).subject(digest.to_string()))
    }
}

impl Store {
    /// Returns an object, after checking its digest.
    pub(super) fn object(&self, commit: Oid, digest: &Digest) -> Result<Vec<u8>> {
        let (tree, _) = self.commit(commit)?;
        let item = self.at(tree, &object_path(digest))?;
        let item = item.ok_or_else(|| Refusal::new(LEDGER_UNKNOWN_SUBJECT, format!("object {digest}")))?;
        let bytes = self.blob(item.id(), MAX_OBJECT)?;
        if Digest::of(&bytes) != *digest {
            return Err(altered(digest));
        }
        Ok(bytes)
    }

    /// Opens the folder of objects of a commit, to ask which it holds.
    pub(super) fn objects(&self, commit: Oid) -> Result<Objects<'_>> {
        let (tree, _) = self.commit(commit)?;
        let folder = self.at(tree, "objects/sha256")?.map(|item| self.tree(item.id())).transpose()?;
        Ok(Objects { store: self, folder, opened: RefCell::default() })
    }

    /// Checks every object of a commit: its name, and that it has the digest it is named by.
    pub(super) fn check_objects(&self, commit: Oid) -> Result<u64> {
        let (tree, _) = self.commit(commit)?;
        let tree = self.tree(tree)?;
        let Some(objects) = tree.get(b"objects") else { return Ok(0) };
        let mut count = 0;
        for kind in self.tree(objects.id())?.iter() {
            if kind.name() != b"sha256" || kind.kind() != ObjectType::Tree {
                return Err(unexpected("objects"));
            }
            for folder in self.tree(kind.id())?.iter() {
                let files = self.tree(folder.id())?;
                let mut left = files.iter();
                let next = || left.next().map(|file| self.named_object(&folder, &file)).transpose();
                parallel::pipe(
                    next,
                    |(named, bytes)| (named, Digest::of(&bytes)),
                    |(named, digest)| {
                        count += 1;
                        if named == digest { Ok(()) } else { Err(altered(&named)) }
                    },
                )?;
            }
        }
        Ok(count)
    }

    /// Reads an object; returns the digest that its name says it has, too.
    fn named_object(&self, folder: &TreeEntry<'_>, file: &TreeEntry<'_>) -> Result<(Digest, Vec<u8>)> {
        let names = [folder.name(), file.name()].map(String::from_utf8_lossy);
        let path = format!("objects/sha256/{}/{}", names[0], names[1]);
        let digest = Digest::from_hex(&names.concat()).map_err(|_| unexpected(&path))?;
        if path != object_path(&digest) || file.item().mode() != u32::from(FileMode::Blob) {
            return Err(unexpected(&path));
        }
        Ok((digest, self.blob(file.id(), MAX_OBJECT)?))
    }
}

/// Refuses an object that has another digest than it is named by.
fn altered(digest: &Digest) -> Refusal {
    Refusal::new(LEDGER_OBJECT, format!("object {digest}")).subject(digest.to_string())
}
