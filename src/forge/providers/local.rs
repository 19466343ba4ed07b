//! A plain git checkout: facts from its objects and references, nothing from the network.

mod discovery;
mod history;
mod leftovers;
mod modified;
mod settings;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use git2::{ErrorCode, ObjectType, Oid};

use crate::{
    base::{
        digest::Digest,
        ident::is_commit_id,
        reason::{Refusal, Result},
    },
    facts::Facts,
    forge::reasons::{COMMIT_FORMAT, REF_MISSING, REPO_MISSING, REPO_UNREADABLE},
    git::{Repository, Tree, TreeItem},
};

/// The folders whose files decide what may run, at the base commit.
pub const GUARDED: [&str; 3] = [".countersign", "directives", "pipelines"];

/// The largest file of which the content is kept for the next time, in bytes.
const MAX_KEPT: usize = 64 * 1024;

/// What the trust root says of the repository.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Host of the forge, or `local`.
    pub host: String,
    /// Immutable id of the repository.
    pub repo_id: String,
    /// Immutable id of its owner.
    pub owner_id: String,
    /// Name for display.
    pub repo: String,
    /// Full name of the protected base.
    pub base_ref: String,
}

/// What a commit holds at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// A regular file, with its bytes.
    File(Vec<u8>),
    /// A folder, with git's id of it.
    Folder(String),
}

/// A git checkout, read through its object store only.
pub struct Checkout {
    repo: Repository,
    workdir: PathBuf,
    /// Small files that were read, by their id: definitions are asked for more than once.
    read: RefCell<BTreeMap<Oid, Arc<[u8]>>>,
}

impl Checkout {
    /// Returns the top folder of the checkout.
    #[must_use]
    pub fn workdir(&self) -> &Path {
        &self.workdir
    }

    /// Returns the folder that holds the objects and references.
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        self.repo.raw().commondir()
    }

    /// Returns the full id of the present commit.
    ///
    /// # Errors
    /// `repository.missing` where there is no commit yet.
    pub fn head(&self) -> Result<String> {
        let head = self.repo.head();
        head.map(|commit| commit.id().to_string()).map_err(|e| match e.code() {
            ErrorCode::UnbornBranch => Refusal::new(REPO_MISSING, "the checkout has no commit yet")
                .hint("make the first one: git commit --allow-empty -m 'Begin'"),
            _ => unreadable(e).hint("git fsck says what is damaged"),
        })
    }

    /// Returns the full name of the branch that is checked out, where one is.
    #[must_use]
    pub fn branch(&self) -> Option<String> {
        let head = self.repo.raw().find_reference("HEAD").ok()?;
        head.symbolic_target().ok().flatten().map(str::to_owned)
    }

    /// Returns the full id of the commit that a full reference name stands for; a branch that is not here stands for
    /// what `origin` had under its name.
    ///
    /// # Errors
    /// `subject.ref_missing`.
    pub fn resolve(&self, reference: &str) -> Result<String> {
        let own = self.repo.raw().find_reference(reference);
        // A checkout of one commit, as in CI, has the branches under the name of where it came from.
        let found = own.or_else(|e| match reference.strip_prefix("refs/heads/") {
            Some(branch) if e.code() == ErrorCode::NotFound => {
                self.repo.raw().find_reference(&format!("refs/remotes/origin/{branch}"))
            }
            _ => Err(e),
        });
        let found = found.and_then(|found| self.repo.peeled(&found));
        found.map(|commit| commit.id().to_string()).map_err(|_| {
            Refusal::new(REF_MISSING, format!("`{}`", crate::base::text::excerpt(reference))).subject(reference)
        })
    }

    /// Returns the bytes of a regular file at a commit; `None` where there is none, or it is a link.
    ///
    /// # Errors
    /// `subject.commit_format`, `repository.unreadable`.
    pub fn blob(&self, commit: &str, path: &str) -> Result<Option<Vec<u8>>> {
        let tree = self.tree(commit)?;
        let entry = match self.repo.entry(&tree, Path::new(path)) {
            Ok(entry) => entry,
            Err(e) if e.code() == ErrorCode::NotFound => return Ok(None),
            Err(e) => return Err(unreadable(e)),
        };
        if entry.is_file() { Ok(Some(self.content(entry.id())?.to_vec())) } else { Ok(None) }
    }

    /// Tells whether a symbolic link lies at a path at a commit.
    ///
    /// # Errors
    /// As [`Checkout::blob`].
    pub fn is_link(&self, commit: &str, path: &str) -> Result<bool> {
        match self.repo.entry(&self.tree(commit)?, Path::new(path)) {
            Ok(entry) => Ok(entry.is_link()),
            Err(e) if e.code() == ErrorCode::NotFound => Ok(false),
            Err(e) => Err(unreadable(e)),
        }
    }

    /// Tells whether git ignores a path of the work tree, so that it comes into no commit by itself.
    #[must_use]
    pub fn ignores(&self, path: &str) -> bool {
        let tracked = self.repo.raw().index().is_ok_and(|index| index.get_path(Path::new(path), 0).is_some());
        !tracked && self.repo.raw().is_path_ignored(path).unwrap_or(false)
    }

    /// Returns the content of a file by its id, from the object store or as it was read from there before.
    fn content(&self, id: Oid) -> Result<Arc<[u8]>> {
        if let Some(known) = self.read.borrow().get(&id) {
            return Ok(known.clone());
        }
        let content: Arc<[u8]> = self.repo.blob(id).map_err(unreadable)?.into();
        if content.len() <= MAX_KEPT {
            self.read.borrow_mut().insert(id, content.clone());
        }
        Ok(content)
    }

    /// Returns the SHA-256 of a commit's own content, as a run records the commits that it makes.
    ///
    /// # Errors
    /// As [`Checkout::blob`].
    pub fn commit_digest(&self, commit: &str) -> Result<Digest> {
        let id = git2::Oid::from_str(commit).map_err(unreadable)?;
        let (_, content) = self.repo.content(id).map_err(unreadable)?;
        Ok(Digest::of(&content))
    }

    /// Returns the paths of the regular files below a folder at a commit, in order.
    ///
    /// # Errors
    /// As [`Checkout::blob`].
    pub fn list(&self, commit: &str, folder: &str) -> Result<Vec<String>> {
        Ok(self.manifest(commit, folder)?.into_keys().collect())
    }

    /// Returns the paths of all files at a commit, in order; nothing of them is read.
    ///
    /// # Errors
    /// As [`Checkout::blob`].
    pub fn paths(&self, commit: &str) -> Result<Vec<String>> {
        let mut paths = Vec::new();
        let walked = self.repo.visit(&self.tree(commit)?, |parent, entry| {
            if entry.item().is_file() {
                paths.push(String::from_utf8_lossy(&[parent, entry.name()].concat()).into_owned());
            }
        });
        walked.map_err(unreadable)?;
        paths.sort();
        Ok(paths)
    }

    /// Returns what a commit holds at a path, `.` for all of it; `None` where there is nothing, a link, or another repository.
    ///
    /// # Errors
    /// As [`Checkout::blob`].
    pub fn at(&self, commit: &str, path: &str) -> Result<Option<Held>> {
        let tree = self.tree(commit)?;
        if path == "." {
            return Ok(Some(Held::Folder(tree.id().to_string())));
        }
        match self.repo.entry(&tree, Path::new(path)) {
            Ok(entry) if entry.kind() == ObjectType::Tree => Ok(Some(Held::Folder(entry.id().to_string()))),
            Ok(_) => Ok(self.blob(commit, path)?.map(Held::File)),
            Err(e) if e.code() == ErrorCode::NotFound => Ok(None),
            Err(e) => Err(unreadable(e)),
        }
    }

    /// Clones the repository, with all its objects, into a folder that does not exist; of the branch `without`, a full
    /// name, the clone knows nothing.
    ///
    /// # Errors
    /// `repository.unreadable`.
    pub fn clone_to(&self, folder: &Path, without: &str) -> Result<()> {
        self.repo.objects().check_loose().map_err(unreadable)?;
        let mut builder = git2::build::RepoBuilder::new();
        builder.clone_local(git2::build::CloneLocal::NoLinks);
        let from = self.workdir.to_str().ok_or_else(|| Refusal::new(REPO_UNREADABLE, "the path is not UTF-8"))?;
        let clone = builder.clone(from, folder).map_err(unreadable)?;
        if clone.head_detached().map_err(unreadable)? {
            let head = clone.head().and_then(|head| head.peel_to_commit()).map_err(unreadable)?;
            clone.branch("main", &head, true).map_err(unreadable)?;
            clone.set_head("refs/heads/main").map_err(unreadable)?;
        }
        let branch = without.strip_prefix("refs/heads/").unwrap_or(without);
        for left in [format!("refs/heads/{branch}"), format!("refs/remotes/origin/{branch}")] {
            match clone.find_reference(&left).and_then(|mut found| found.delete()) {
                Err(e) if e.code() != ErrorCode::NotFound => return Err(unreadable(e)),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Commits everything in the work tree to the present branch, without hooks.
    ///
    /// # Errors
    /// `repository.unreadable`.
    pub fn commit_all(&self, message: &str, name: &str, email: &str) -> Result<()> {
        self.check_head()?;
        let mut index = self.repo.raw().index().map_err(unreadable)?;
        index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).map_err(unreadable)?;
        index.update_all(["*"], None).map_err(unreadable)?;
        index.write().map_err(unreadable)?;
        let tree = index.write_tree().and_then(|id| self.repo.raw_tree(id)).map_err(unreadable)?;
        let who = git2::Signature::now(name, email).map_err(unreadable)?;
        let parent = self.repo.head().map_err(unreadable)?;
        self.repo.raw().commit(Some("HEAD"), &who, &who, message, &tree, &[&parent]).map_err(unreadable)?;
        Ok(())
    }

    /// Tells whether a commit and its tree are here.
    #[must_use]
    pub fn has(&self, commit: &str) -> bool {
        self.tree(commit).is_ok()
    }

    /// Observes everything that a plan's subject names, at the present commit or at another one that is here.
    ///
    /// # Errors
    /// `subject.ref_missing`, `repository.unreadable`.
    pub fn facts(&self, identity: &Identity, head: Option<&str>) -> Result<Facts> {
        let base_sha = self.resolve(&identity.base_ref)?;
        let head_sha = head.map_or_else(|| self.head(), |head| Ok(head.to_owned()))?;
        Ok(Facts {
            host: identity.host.clone(),
            repo_id: identity.repo_id.clone(),
            owner_id: identity.owner_id.clone(),
            repo: identity.repo.clone(),
            change_request: None,
            base_ref: identity.base_ref.clone(),
            tree_digest: self.tree_digest(&base_sha, &head_sha)?,
            contributors: self.contributors(&base_sha, &head_sha)?,
            forge: None,
            base_sha,
            head_sha,
        })
    }

    /// SHA-256 over mode, path and SHA-256 of every guarded file at the base, and the head's tree id.
    fn tree_digest(&self, base: &str, head: &str) -> Result<Digest> {
        let mut fields = Vec::new();
        for folder in GUARDED {
            for (path, item) in self.manifest(base, folder)? {
                fields.extend([format!("{:o}", item.mode()), path, Digest::of(&self.content(item.id())?).to_string()]);
            }
        }
        fields.extend(["head-tree".to_owned(), self.tree(head)?.id().to_string()]);
        Ok(Digest::framed("tree", fields))
    }

    /// Every file and link below a folder, by its path.
    fn manifest(&self, commit: &str, folder: &str) -> Result<BTreeMap<String, TreeItem>> {
        let mut files = BTreeMap::new();
        let tree = self.tree(commit)?;
        let subtree = match self.repo.entry(&tree, Path::new(folder)) {
            Ok(entry) if entry.kind() == ObjectType::Tree => self.repo.tree(entry.id()).map_err(unreadable)?,
            Ok(_) => return Ok(files),
            Err(e) if e.code() == ErrorCode::NotFound => return Ok(files),
            Err(e) => return Err(unreadable(e)),
        };
        let walked = self.repo.visit(&subtree, |parent, entry| {
            if entry.kind() == ObjectType::Blob {
                let path = [parent, entry.name()].concat();
                files.insert(format!("{folder}/{}", String::from_utf8_lossy(&path)), entry.item());
            }
        });
        walked.map_err(unreadable)?;
        Ok(files)
    }

    fn tree(&self, commit: &str) -> Result<Tree> {
        self.repo.tree_of(full_id(commit)?).map_err(unreadable)
    }

    /// Looks through every folder of the present commit, before libgit2 walks them by itself.
    fn check_head(&self) -> Result<()> {
        let head = self.repo.head().and_then(|head| self.repo.tree(head.tree_id())).map_err(unreadable)?;
        self.repo.visit(&head, |_, _| {}).map_err(unreadable)
    }
}

fn full_id(commit: &str) -> Result<Oid> {
    match (is_commit_id(commit), Oid::from_str(commit)) {
        (true, Ok(id)) => Ok(id),
        _ => Err(Refusal::new(COMMIT_FORMAT, format!("`{}`", crate::base::text::excerpt(commit)))),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used as a function in map_err")]
fn unreadable(error: git2::Error) -> Refusal {
    Refusal::new(REPO_UNREADABLE, error.message().to_owned())
}
