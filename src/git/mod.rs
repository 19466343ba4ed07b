//! A git repository whose files of objects are looked through before libgit2 reads them.
//!
//! libgit2 trusts them: it reads a loose object that was cut short for ever, follows an index out of its pack, and a
//! difference round in circles. So nothing is read by it that was not opened here.

mod index;
mod loose;
mod midx;
mod objects;
mod pack;
pub mod settings;
mod tracked;
mod tree;
mod walk;
pub mod written;

use std::{cell::RefCell, collections::HashMap, path::Path};

use git2::{Commit, Error, ErrorClass, ErrorCode, ObjectType, Oid};

pub use self::{
    loose::LooseObject,
    objects::Objects,
    pack::Header,
    tree::{Tree, TreeEntry, TreeItem},
};

/// How often a tag may name another tag.
const MAX_TAGS: usize = 16;
/// How many folders are kept for the next time.
const MAX_TREES: usize = 1024;
/// The largest folder that is kept, in bytes.
const MAX_TREE: usize = 16 << 10;

/// A repository, and its files of objects.
pub struct Repository {
    raw: git2::Repository,
    objects: Objects,
    /// Folders that were read.
    trees: RefCell<HashMap<Oid, Tree>>,
}

impl Repository {
    /// Looks through the indexes of a repository's packs.
    ///
    /// # Errors
    /// An index or a pack that is damaged.
    pub fn new(raw: git2::Repository) -> Result<Self, Error> {
        let objects = Objects::open(&raw.commondir().join("objects"))?;
        Ok(Self { raw, objects, trees: RefCell::default() })
    }

    /// Returns libgit2's own: for references, settings, the index, and for writing.
    #[must_use]
    pub fn raw(&self) -> &git2::Repository {
        &self.raw
    }

    /// Returns the files of objects.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Reads a commit.
    ///
    /// # Errors
    /// What is not there, damaged, or no commit.
    pub fn commit(&self, id: Oid) -> Result<Commit<'_>, Error> {
        self.objects.check(id)?;
        self.raw.find_commit(id)
    }

    /// Reads a tree.
    ///
    /// # Errors
    /// What is not there, damaged, or no tree.
    pub fn tree(&self, id: Oid) -> Result<Tree, Error> {
        if let Some(known) = self.trees.borrow().get(&id) {
            return Ok(known.clone());
        }
        let tree = match self.content(id)? {
            (ObjectType::Tree, content) => Tree::new(id, content)?,
            _ => return Err(damaged(id, &"it is no folder")),
        };
        let mut trees = self.trees.borrow_mut();
        if tree.size() <= MAX_TREE && trees.len() < MAX_TREES {
            trees.insert(id, tree.clone());
        }
        Ok(tree)
    }

    /// Reads a tree as libgit2 has it, to write another upon it.
    ///
    /// # Errors
    /// As [`Repository::tree`].
    pub fn raw_tree(&self, id: Oid) -> Result<git2::Tree<'_>, Error> {
        self.objects.check(id)?;
        self.raw.find_tree(id)
    }

    /// Reads the tree of a commit.
    ///
    /// # Errors
    /// As [`Repository::commit`] and [`Repository::tree`].
    pub fn tree_of(&self, commit: Oid) -> Result<Tree, Error> {
        self.tree(self.commit(commit)?.tree_id())
    }

    /// Returns the content of an object, of whatever kind.
    ///
    /// # Errors
    /// What is not there, or damaged.
    pub fn content(&self, id: Oid) -> Result<(ObjectType, Vec<u8>), Error> {
        if let Some(object) = self.objects.loose(id)? {
            let kind = object.kind().ok_or_else(|| damaged(id, &"it is of no kind"))?;
            let content = object.read(id)?;
            if Oid::hash_object(kind, &content)? != id {
                return Err(damaged(id, &"it has another id"));
            }
            return Ok((kind, content));
        }
        self.objects.check(id)?;
        let store = self.raw.odb()?;
        let object = store.read(id)?;
        Ok((object.kind(), object.data().to_vec()))
    }

    /// Returns the content of a file.
    ///
    /// # Errors
    /// What is not there, damaged, or no file.
    pub fn blob(&self, id: Oid) -> Result<Vec<u8>, Error> {
        match self.content(id)? {
            (ObjectType::Blob, content) => Ok(content),
            _ => Err(damaged(id, &"it is no file")),
        }
    }

    /// Returns the commit that `HEAD` stands for.
    ///
    /// # Errors
    /// `UnbornBranch` where there is none yet; as [`Repository::commit`].
    pub fn head(&self) -> Result<Commit<'_>, Error> {
        let head = self.raw.head()?;
        self.peeled(&head)
    }

    /// Returns the commit that a reference stands for, through tags.
    ///
    /// # Errors
    /// A reference to nothing, or to no commit; as [`Repository::commit`].
    pub fn peeled(&self, reference: &git2::Reference<'_>) -> Result<Commit<'_>, Error> {
        let nothing = || Error::new(ErrorCode::NotFound, ErrorClass::Reference, "a reference names no commit");
        let mut id = reference.resolve()?.target().ok_or_else(nothing)?;
        for _ in 0..MAX_TAGS {
            self.objects.check(id)?;
            match self.raw.find_object(id, None)?.into_tag() {
                Ok(tag) => id = tag.target_id(),
                Err(_) => return self.commit(id),
            }
        }
        Err(nothing())
    }

    /// Returns the id and the mode of what a tree holds at a path.
    ///
    /// # Errors
    /// `NotFound` where there is nothing, and there alone; as [`Repository::tree`].
    pub fn entry(&self, tree: &Tree, path: &Path) -> Result<TreeItem, Error> {
        let nothing = || {
            let message = format!("the path '{}' does not exist in the given tree", path.display());
            Error::new(ErrorCode::NotFound, ErrorClass::Tree, message)
        };
        let mut here = tree.clone();
        let mut parts = path.components().peekable();
        while let Some(part) = parts.next() {
            let found = here.get(part.as_os_str().as_encoded_bytes()).ok_or_else(nothing)?.item();
            if parts.peek().is_none() {
                return Ok(found);
            }
            if found.kind() != ObjectType::Tree {
                return Err(nothing());
            }
            here = self.tree(found.id()).map_err(|e| match e.code() {
                // What it holds is not known, which is not that it holds nothing.
                ErrorCode::NotFound => damaged(found.id(), &"it is missing"),
                _ => e,
            })?;
        }
        Err(nothing())
    }

    /// Visits everything below a tree, a folder before what it holds; with each, the path of its folder, which is empty or
    /// ends with a slash.
    ///
    /// # Errors
    /// As [`Repository::tree`]; folders deeper than libgit2 itself goes, or more than a million files and folders: a few
    /// folders that hold each other many times over are as many.
    pub fn visit(&self, tree: &Tree, mut visitor: impl FnMut(&[u8], &TreeEntry<'_>)) -> Result<(), Error> {
        let mut left = MAX_ENTRIES;
        self.visit_below(tree, &mut Vec::new(), 0, &mut |path, entry| {
            left = left
                .checked_sub(1)
                .ok_or_else(|| damaged(tree.id(), &format!("it holds more than {MAX_ENTRIES} files and folders")))?;
            visitor(path, entry);
            Ok(())
        })
    }

    fn visit_below(
        &self,
        tree: &Tree,
        path: &mut Vec<u8>,
        depth: usize,
        visitor: &mut impl FnMut(&[u8], &TreeEntry<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(damaged(tree.id(), &"its folders lie too deep"));
        }
        for entry in tree.iter() {
            visitor(path, &entry)?;
            if entry.kind() == ObjectType::Tree {
                let length = path.len();
                path.extend_from_slice(entry.name());
                path.push(b'/');
                self.visit_below(&self.tree(entry.id())?, path, depth + 1, visitor)?;
                path.truncate(length);
            }
        }
        Ok(())
    }
}

/// The most files and folders that are visited: the largest repositories have half as many. Few in unit tests.
const MAX_ENTRIES: usize = if cfg!(test) { 10_000 } else { 1_000_000 };
/// The deepest nesting of folders: git's own default.
const MAX_DEPTH: usize = 2048;

fn damaged(id: Oid, what: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorCode::GenericError, ErrorClass::Odb, format!("object {id}: {what}"))
}

fn malformed() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not what git writes")
}

#[cfg(test)]
mod tests;
