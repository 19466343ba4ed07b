//! `commit`: commits named files on top of the current head, by this tool itself, with no hooks.

use git2::{Commit as GitCommit, Index, IndexEntry, IndexTime, Oid, Repository, RepositoryOpenFlags, Signature, Time};

use crate::{
    base::{
        digest::Digest,
        path::RepoPath,
        reason::{Refusal, Result},
    },
    plan::model::{Action, Read},
    step::{
        Context, Kind, Touch, Work,
        reasons::{COMMIT_EMPTY, COMMIT_MOVED, GIT_FAILED, PATH_MISSING},
    },
};

/// Commits files, and moves the current branch only if it is still where it was.
#[derive(Debug)]
pub(super) struct Commit;

impl Kind for Commit {
    fn word(&self) -> &'static str {
        "commit"
    }

    fn summary(&self) -> &'static str {
        "commits named files to the current branch, with no hooks"
    }

    fn handles(&self, action: &Action) -> bool {
        matches!(action, Action::Commit(_))
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

    fn act<'a>(&self, action: &'a Action, context: &Context<'_>) -> Result<Work<'a>> {
        let Action::Commit(commit) = action else { return Ok(Work::Done(None)) };
        let repository = open(context)?;
        let head = repository.head().map_err(|e| failed(&e))?;
        let parent = head.peel_to_commit().map_err(|e| failed(&e))?;
        // On a detached head, as CI leaves it, `HEAD` itself is the reference that moves.
        let reference =
            if head.is_branch() { head.name().map_err(|e| failed(&e))?.to_owned() } else { "HEAD".to_owned() };
        let made = commit_onto(&repository, &parent, &commit.paths, &commit.message, context)?;
        repository
            .reference_matching(&reference, made, true, parent.id(), "commit")
            .map_err(|e| Refusal::new(COMMIT_MOVED, e.message().to_owned()).subject(&reference))?;
        Ok(Work::Done(Some(digest_of_object(&repository, made)?)))
    }
}

/// Opens the repository that the workspace is the root of, and no other.
pub(super) fn open(context: &Context<'_>) -> Result<Repository> {
    let none: [&str; 0] = [];
    Repository::open_ext(context.workspace.path(), RepositoryOpenFlags::NO_SEARCH, none).map_err(|e| failed(&e))
}

/// Makes the signature that every commit and tag of a plan carries.
pub(super) fn signature(context: &Context<'_>) -> Result<Signature<'static>> {
    let time = Time::new(context.created_at.unix(), 0);
    Signature::new(&context.identity.name, &context.identity.email, &time).map_err(|e| failed(&e))
}

/// Returns the SHA-256 of a git object's content, since the object's own name may be SHA-1.
pub(super) fn digest_of_object(repository: &Repository, id: Oid) -> Result<Digest> {
    let database = repository.odb().map_err(|e| failed(&e))?;
    let object = database.read(id).map_err(|e| failed(&e))?;
    Ok(Digest::of(object.data()))
}

pub(super) fn failed(error: &git2::Error) -> Refusal {
    Refusal::new(GIT_FAILED, error.message().to_owned())
}

fn commit_onto(
    repository: &Repository,
    parent: &GitCommit<'_>,
    paths: &[RepoPath],
    message: &str,
    context: &Context<'_>,
) -> Result<Oid> {
    let before = parent.tree().map_err(|e| failed(&e))?;
    let mut index = Index::new().map_err(|e| failed(&e))?;
    index.read_tree(&before).map_err(|e| failed(&e))?;
    let mut shown = repository.index().map_err(|e| failed(&e))?;
    for path in paths {
        path.check_writable()?;
        match context.workspace.read_checked(&Read::new(path.clone())) {
            Ok((content, executable)) => {
                // The bytes go in as they are: no filter, no line-end conversion.
                let id = repository.blob(&content).map_err(|e| failed(&e))?;
                let entry = entry(path, id, executable, content.len());
                index.add(&entry).map_err(|e| failed(&e))?;
                shown.add(&entry).map_err(|e| failed(&e))?;
            }
            Err(refusal) if refusal.code() == PATH_MISSING.code => {
                let place = std::path::Path::new(path.as_str());
                index.remove(place, 0).map_err(|_| refusal)?;
                shown.remove(place, 0).map_err(|e| failed(&e))?;
            }
            Err(refusal) => return Err(refusal),
        }
    }
    let tree = index.write_tree_to(repository).map_err(|e| failed(&e))?;
    if tree == before.id() {
        return Err(Refusal::new(COMMIT_EMPTY, "the files are as they are in the head commit"));
    }
    let tree = repository.find_tree(tree).map_err(|e| failed(&e))?;
    let who = signature(context)?;
    let made = repository.commit(None, &who, &who, message, &tree, &[parent]).map_err(|e| failed(&e))?;
    // The checkout's own index follows, or `git status` would show the commit undone.
    shown.write().map_err(|e| failed(&e))?;
    Ok(made)
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
