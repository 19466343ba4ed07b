//! `commit`: commits named files on top of the current head, by this tool itself, with no hooks.

use std::path::Path;

use git2::{ErrorCode, Index, IndexEntry, IndexTime, Oid, RepositoryOpenFlags, Signature, Time};

use crate::{
    base::{
        digest::Digest,
        path::RepoPath,
        reason::{Reason, Refusal, Result},
    },
    git::{Repository, written},
    plan::model::{Action, CommitFiles, Read},
    step::{
        Context, Kind, Touch, Work, foreign,
        reasons::{COMMIT_EMPTY, COMMIT_MOVED, GIT_FAILED, GIT_LOCKED, PATH_MISSING},
    },
};

/// Commits files, and moves the current branch only if it is still where it was.
#[derive(Debug)]
pub struct Commit;

impl Kind for Commit {
    fn word(&self) -> &'static str {
        "commit"
    }

    fn summary(&self) -> &'static str {
        "commits named files to the current branch, with no hooks"
    }

    fn target(&self, action: &Action) -> String {
        match action {
            Action::Commit(commit) => commit.paths.iter().map(RepoPath::as_str).collect::<Vec<_>>().join(" "),
            _ => String::new(),
        }
    }

    fn touch(&self, action: &Action) -> Touch {
        match action {
            Action::Commit(commit) => Touch {
                reads: commit.paths.iter().map(|path| Read::new(path.clone())).collect(),
                writes: Vec::new(),
                repository: true,
            },
            _ => Touch::default(),
        }
    }

    fn act<'a>(&self, action: &'a Action, context: &Context<'_>, acted: &mut bool) -> Result<Work<'a>> {
        let Action::Commit(commit) = action else { return Err(foreign(self, action)) };
        let repository = open(context)?;
        let digest = Made::new(&repository, commit, context)?.publish(acted)?;
        Ok(Work::Done(Some(digest)))
    }
}

/// A commit that is among the objects of a repository, and that no reference names yet.
struct Made<'r> {
    repository: &'r Repository,
    /// The reference that moves.
    reference: String,
    parent: Oid,
    id: Oid,
    digest: Digest,
    /// The checkout's own index, with what the commit changes; not written yet.
    index: Index,
}

impl<'r> Made<'r> {
    fn new(repository: &'r Repository, commit: &CommitFiles, context: &Context<'_>) -> Result<Self> {
        let (raw, objects) = (repository.raw(), repository.objects().folder());
        let head = raw.head().map_err(|e| failed(&e))?;
        let parent = repository.peeled(&head).map_err(|e| failed(&e))?;
        // On a detached head, as CI leaves it, `HEAD` itself is the reference that moves.
        let reference =
            if head.is_branch() { head.name().map_err(|e| failed(&e))?.to_owned() } else { "HEAD".to_owned() };
        let before = repository.tree(parent.tree_id()).map_err(|e| failed(&e))?;
        // What the index reads and writes below it libgit2 walks by itself.
        repository.visit(&before, |_, _| {}).map_err(|e| failed(&e))?;
        let mut files = Index::new().map_err(|e| failed(&e))?;
        files.read_tree(&repository.raw_tree(before.id()).map_err(|e| failed(&e))?).map_err(|e| failed(&e))?;
        let mut index = raw.index().map_err(|e| failed(&e))?;
        for path in &commit.paths {
            path.check_writable()?;
            match context.workspace.read_checked(&Read::new(path.clone())) {
                Ok((content, executable)) => {
                    // The bytes go in as they are: no filter, no line-end conversion.
                    let id = raw.blob(&content).map_err(|e| unwritten(objects, "a file", &e))?;
                    let entry = entry(path, id, executable, content.len());
                    files.add(&entry).map_err(|e| failed(&e))?;
                    index.add(&entry).map_err(|e| failed(&e))?;
                }
                Err(refusal) if refusal.is(PATH_MISSING) => {
                    let place = Path::new(path.as_str());
                    files.remove(place, 0).map_err(|_| refusal)?;
                    index.remove(place, 0).map_err(|e| failed(&e))?;
                }
                Err(refusal) => return Err(refusal),
            }
        }
        let tree = files.write_tree_to(raw).map_err(|e| unwritten(objects, "a folder", &e))?;
        if tree == before.id() {
            return Err(Refusal::new(COMMIT_EMPTY, "the files are as they are in the head commit"));
        }
        let tree = repository.raw_tree(tree).map_err(|e| failed(&e))?;
        let who = signature(context)?;
        let made = raw.commit(None, &who, &who, &commit.message, &tree, &[&parent]);
        let id = made.map_err(|e| unwritten(objects, "the commit", &e))?;
        let digest = digest_of_object(repository, id)?;
        Ok(Self { repository, reference, parent: parent.id(), id, digest, index })
    }

    /// Moves the reference if it is still where it was, and returns the digest of the commit.
    fn publish(mut self, acted: &mut bool) -> Result<Digest> {
        let moved = self.repository.raw().reference_matching(&self.reference, self.id, true, self.parent, "commit");
        if let Err(e) = moved {
            *acted |= may_have_moved(self.repository, &self.reference, Some(self.parent), &e);
            return Err(match e.code() {
                ErrorCode::Modified | ErrorCode::NotFound | ErrorCode::Exists => {
                    Refusal::new(COMMIT_MOVED, e.message().to_owned()).subject(&self.reference)
                }
                _ => unwritten(self.repository.raw().path(), &format!("`{}`", self.reference), &e)
                    .subject(&self.reference),
            });
        }
        *acted = true;
        // The checkout's own index follows, or `git status` would show the commit undone.
        self.index.write().map_err(|e| unwritten(self.repository.raw().path(), "git's index", &e))?;
        Ok(self.digest)
    }
}

/// Opens the repository that the workspace is the root of, and no other.
pub(super) fn open(context: &Context<'_>) -> Result<Repository> {
    let none: [&str; 0] = [];
    let opened = git2::Repository::open_ext(context.workspace.path(), RepositoryOpenFlags::NO_SEARCH, none);
    opened.and_then(Repository::new).map_err(|e| failed(&e))
}

/// Makes the signature that every commit and tag of a plan carries.
pub(super) fn signature(context: &Context<'_>) -> Result<Signature<'static>> {
    let time = Time::new(context.created_at.unix(), 0);
    Signature::new(&context.identity.name, &context.identity.email, &time).map_err(|e| failed(&e))
}

/// Returns the SHA-256 of a git object's content, since the object's own name may be SHA-1.
pub(super) fn digest_of_object(repository: &Repository, id: Oid) -> Result<Digest> {
    let (_, content) = repository.content(id).map_err(|e| failed(&e))?;
    Ok(Digest::of(&content))
}

/// Tells whether a reference may have moved though moving it failed: where git's word is not enough, by looking.
pub(super) fn may_have_moved(repository: &Repository, name: &str, before: Option<Oid>, error: &git2::Error) -> bool {
    match error.code() {
        ErrorCode::Modified | ErrorCode::NotFound | ErrorCode::Exists | ErrorCode::Locked => false,
        _ => match repository.raw().refname_to_id(name) {
            Ok(now) => Some(now) != before,
            Err(e) => before.is_some() || e.code() != ErrorCode::NotFound,
        },
    }
}

pub(super) fn failed(error: &git2::Error) -> Refusal {
    Refusal::new(reason(error), error.message().to_owned())
}

/// Says what could not be written in a folder, and why.
pub(super) fn unwritten(folder: &Path, what: &str, error: &git2::Error) -> Refusal {
    Refusal::new(reason(error), written::failed(what, folder, error))
}

fn reason(error: &git2::Error) -> Reason {
    if error.code() == ErrorCode::Locked { GIT_LOCKED } else { GIT_FAILED }
}

fn entry(path: &RepoPath, id: Oid, executable: bool, length: usize) -> IndexEntry {
    let never = IndexTime::new(0, 0);
    IndexEntry {
        ctime: never,
        mtime: never,
        dev: 0,
        ino: 0,
        mode: if executable { 0o100_755 } else { 0o100_644 },
        uid: 0,
        gid: 0,
        file_size: u32::try_from(length).unwrap_or(u32::MAX),
        id,
        flags: 0,
        flags_extended: 0,
        path: path.as_str().as_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        base::time::Timestamp,
        step::{Identity, workspace::Workspace},
    };

    #[test]
    fn a_branch_that_moves_while_the_commit_is_made_stays_where_it_moved_and_nothing_is_staged() {
        let dir = tempfile::tempdir().unwrap();
        let raw = git2::Repository::init(dir.path()).unwrap();
        fs::write(dir.path().join("a.txt"), "1").unwrap();
        let mut index = raw.index().unwrap();
        index.add_path("a.txt".as_ref()).unwrap();
        index.write().unwrap();
        let tree = raw.find_tree(index.write_tree().unwrap()).unwrap();
        let who = Signature::new("a", "a@b", &Time::new(1, 0)).unwrap();
        let first = raw.commit(Some("HEAD"), &who, &who, "first", &tree, &[]).unwrap();
        let staged = || fs::read(dir.path().join(".git/index")).unwrap();
        let (workspace, identity) = (Workspace::open(dir.path()).unwrap(), Identity::default());
        let context = Context { workspace: &workspace, created_at: Timestamp::from_unix(2), identity: &identity };
        fs::write(dir.path().join("a.txt"), "2").unwrap();
        let commit = CommitFiles { paths: vec!["a.txt".parse().unwrap()], message: "m".into() };
        let repository = Repository::new(git2::Repository::open(dir.path()).unwrap()).unwrap();
        let made = Made::new(&repository, &commit, &context).unwrap();
        let first = raw.find_commit(first).unwrap();
        let other = raw.commit(Some("HEAD"), &who, &who, "other", &tree, &[&first]).unwrap();
        let (before, mut acted) = (staged(), false);
        assert_eq!(made.publish(&mut acted).unwrap_err().code(), "commit.moved");
        assert_eq!(raw.head().unwrap().target(), Some(other));
        assert_eq!((acted, staged()), (false, before));
    }
}
