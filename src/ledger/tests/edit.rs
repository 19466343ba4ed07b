//! Edits of the ledger's tree behind its back.

use git2::{FileMode, Oid, build::TreeUpdateBuilder};

use super::support::*;

/// What becomes of one file.
pub(super) enum Edit {
    Put(String, Vec<u8>, FileMode),
    Remove(String),
}

pub(super) fn set(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Edit {
    Edit::Put(path.into(), bytes.into(), FileMode::Blob)
}

/// Commits an edit of the tree on top of the tip and moves the branch there by force.
pub(super) fn forge(world: &World, edits: &[Edit], parents: &[Oid]) {
    let repo = world.git();
    let tip = repo.find_commit(world.tip()).unwrap();
    let mut update = TreeUpdateBuilder::new();
    for edit in edits {
        match edit {
            Edit::Put(path, bytes, mode) => update.upsert(path.as_str(), repo.blob(bytes).unwrap(), *mode),
            Edit::Remove(path) => update.remove(path.as_str()),
        };
    }
    let tree = repo.find_tree(update.create_updated(&repo, &tip.tree().unwrap()).unwrap()).unwrap();
    let who = git2::Signature::now("x", "x@y").unwrap();
    let parents: Vec<_> = parents.iter().map(|id| repo.find_commit(*id).unwrap()).collect();
    let parents: Vec<_> = parents.iter().collect();
    let commit = repo.commit(None, &who, &who, "x", &tree, &parents).unwrap();
    repo.reference(BRANCH, commit, true, "x").unwrap();
}
