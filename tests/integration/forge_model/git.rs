//! The true git objects of the model's repository, so that its commit ids are true.

use std::path::{Path, PathBuf};

use git2::{Delta, IndexEntry, IndexTime, Oid, Repository, Signature, Sort, Time};

/// A bare repository on disk, opened anew for each question: others push to it.
pub struct Git(PathBuf);

/// A commit as the forge shows it.
pub struct Commit {
    pub sha: String,
    pub message: String,
    pub author: (String, String),
    pub committer: (String, String),
    pub parents: Vec<String>,
}

/// A file that differs between two commits.
pub struct File {
    pub path: String,
    pub previous: Option<String>,
    pub status: &'static str,
}

impl Git {
    /// Opens the repository, or makes it with one commit on `main`.
    pub fn open(path: &Path) -> Self {
        let git = Self(path.to_owned());
        if !path.exists() {
            let repo = Repository::init_bare(path).unwrap();
            repo.set_head("refs/heads/main").unwrap();
            git.commit("main", "README.md", "# A project\n", "ada");
        }
        git
    }

    fn repo(&self) -> Repository {
        Repository::open(&self.0).unwrap()
    }

    /// The commit that a full reference, or a branch, points to.
    pub fn tip(&self, name: &str) -> Option<String> {
        let full = if name.starts_with("refs/") { name.to_owned() } else { format!("refs/heads/{name}") };
        let repo = self.repo();
        let id = repo.find_reference(&full).ok()?.peel_to_commit().ok()?.id();
        Some(id.to_string())
    }

    /// Makes a branch at the tip of another.
    pub fn branch(&self, name: &str, from: &str) {
        let repo = self.repo();
        let id: Oid = self.tip(from).unwrap().parse().unwrap();
        repo.reference(&format!("refs/heads/{name}"), id, true, "branch").unwrap();
    }

    /// Commits one file to a branch, on behalf of somebody; returns the commit's id.
    pub fn commit(&self, branch: &str, path: &str, content: &str, login: &str) -> String {
        self.commit_as(branch, &[(path, Some(content))], login, &format!("Change {path}"))
    }

    /// Commits files, or that they are gone, to a branch; returns the commit's id.
    pub fn commit_as(&self, branch: &str, files: &[(&str, Option<&str>)], login: &str, message: &str) -> String {
        let repo = self.repo();
        let parent = self.tip(branch).map(|id| repo.find_commit(id.parse().unwrap()).unwrap());
        let mut index = git2::Index::new().unwrap();
        if let Some(parent) = &parent {
            index.read_tree(&parent.tree().unwrap()).unwrap();
        }
        for (path, content) in files {
            let Some(content) = content else {
                index.remove(Path::new(path), 0).unwrap();
                continue;
            };
            let id = repo.blob(content.as_bytes()).unwrap();
            let zero = IndexTime::new(0, 0);
            index
                .add(&IndexEntry {
                    ctime: zero,
                    mtime: zero,
                    dev: 0,
                    ino: 0,
                    mode: 0o100_644,
                    uid: 0,
                    gid: 0,
                    file_size: 0,
                    id,
                    flags: 0,
                    flags_extended: 0,
                    path: path.as_bytes().to_vec(),
                })
                .unwrap();
        }
        let tree = repo.find_tree(index.write_tree_to(&repo).unwrap()).unwrap();
        let who = Signature::new(login, &format!("{login}@example.com"), &Time::new(1_893_456_000, 0)).unwrap();
        let parents: Vec<_> = parent.iter().collect();
        let reference = format!("refs/heads/{branch}");
        repo.commit(Some(&reference), &who, &who, message, &tree, &parents).unwrap().to_string()
    }

    /// The commits that `head` has and `base` has not, oldest first.
    pub fn commits(&self, base: &str, head: &str) -> Vec<Commit> {
        let repo = self.repo();
        let mut walk = repo.revwalk().unwrap();
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE).unwrap();
        walk.push(head.parse().unwrap()).unwrap();
        walk.hide(base.parse().unwrap()).unwrap();
        let of = |who: &Signature<'_>| (who.name().unwrap().to_owned(), who.email().unwrap().to_owned());
        walk.map(|id| {
            let commit = repo.find_commit(id.unwrap()).unwrap();
            Commit {
                sha: commit.id().to_string(),
                message: commit.message().unwrap().to_owned(),
                author: of(&commit.author()),
                committer: of(&commit.committer()),
                parents: commit.parent_ids().map(|id| id.to_string()).collect(),
            }
        })
        .collect()
    }

    /// The files that differ between two commits.
    pub fn files(&self, base: &str, head: &str) -> Vec<File> {
        let repo = self.repo();
        let tree = |id: &str| repo.find_commit(id.parse().unwrap()).unwrap().tree().unwrap();
        let mut diff = repo.diff_tree_to_tree(Some(&tree(base)), Some(&tree(head)), None).unwrap();
        diff.find_similar(Some(git2::DiffFindOptions::new().renames(true))).unwrap();
        let path = |file: git2::DiffFile<'_>| file.path().unwrap().to_str().unwrap().to_owned();
        diff.deltas()
            .map(|delta| match delta.status() {
                Delta::Added => File { path: path(delta.new_file()), previous: None, status: "added" },
                Delta::Deleted => File { path: path(delta.old_file()), previous: None, status: "removed" },
                Delta::Renamed => {
                    File { path: path(delta.new_file()), previous: Some(path(delta.old_file())), status: "renamed" }
                }
                _ => File { path: path(delta.new_file()), previous: None, status: "modified" },
            })
            .collect()
    }
}
