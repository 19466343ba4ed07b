//! What lies in the folder of work that the commit does not hold, whatever git believes of it.
//!
//! On a machine that outlives its jobs an earlier one may have left files, rules that hide them from git, and an index
//! that calls a changed file unchanged. So neither index nor ignore rules are asked: every file is hashed.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use git2::{ObjectType, Oid};

use super::{Checkout, unreadable};
use crate::{
    base::{
        reason::{IO, Refusal, Result},
        text::visible,
    },
    forge::reasons::REPO_UNREADABLE,
    git::TreeItem,
};

/// The most bytes of a file that is compared without regard to its line ends.
const MAX_TEXT: u64 = 16 << 20;

impl Checkout {
    /// Returns the paths in the work tree that are not as the present commit has them: files that it does not hold,
    /// ignored ones too, files with another content, and files that are gone. Line ends may be those of a checkout.
    ///
    /// # Errors
    /// `repository.unreadable`, `io.failed`.
    pub fn leftovers(&self) -> Result<Vec<String>> {
        let mut tracked = self.tracked()?;
        let mut found = Vec::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(self.workdir.join(&folder)).map_err(|e| unread(&folder, &e))? {
                let entry = entry.map_err(|e| unread(&folder, &e))?;
                let path = folder.join(entry.file_name());
                if path == Path::new(".git") {
                    continue;
                }
                let kind = entry.file_type().map_err(|e| unread(&path, &e))?;
                match tracked.remove(path.as_os_str().as_bytes()) {
                    Some(item) if item.is_submodule() || self.is(&path, kind, item)? => {}
                    None if kind.is_dir() => folders.push(path),
                    Some(_) | None => found.push(shown(&path)),
                }
            }
        }
        let gone = tracked.into_iter().filter(|(_, item)| !item.is_submodule());
        found.extend(gone.map(|(path, _)| visible(&String::from_utf8_lossy(&path))));
        found.sort();
        Ok(found)
    }

    /// Everything that the present commit holds, by path.
    fn tracked(&self) -> Result<BTreeMap<Vec<u8>, TreeItem>> {
        let mut all = BTreeMap::new();
        let tree = self.tree(&self.head()?)?;
        let walked = self.repo.visit(&tree, |parent, entry| {
            if entry.kind() != ObjectType::Tree {
                all.insert([parent, entry.name()].concat(), entry.item());
            }
        });
        walked.map_err(unreadable)?;
        Ok(all)
    }

    /// Tells whether a path holds what the commit has under it.
    fn is(&self, path: &Path, kind: fs::FileType, item: TreeItem) -> Result<bool> {
        let full = self.workdir.join(path);
        let hash = |bytes: &[u8]| Oid::hash_object(ObjectType::Blob, bytes).map_err(unreadable);
        if item.is_link() || !kind.is_file() {
            let target = if item.is_link() && kind.is_symlink() { fs::read_link(&full).ok() } else { None };
            return target.map_or(Ok(false), |target| Ok(hash(target.as_os_str().as_bytes())? == item.id()));
        }
        let hashed = Oid::hash_file(ObjectType::Blob, &full);
        if hashed.map_err(|e| Refusal::new(REPO_UNREADABLE, format!("{}: {}", shown(path), e.message())))? == item.id()
        {
            return Ok(true);
        }
        if full.metadata().map_or(u64::MAX, |data| data.len()) > MAX_TEXT {
            return Ok(false);
        }
        let bytes = fs::read(&full).map_err(|e| unread(path, &e))?;
        let mut plain = Vec::with_capacity(bytes.len());
        for (at, byte) in bytes.iter().enumerate() {
            if !(*byte == b'\r' && bytes.get(at + 1) == Some(&b'\n')) {
                plain.push(*byte);
            }
        }
        Ok(hash(&plain)? == item.id())
    }
}

fn shown(path: &Path) -> String {
    visible(&path.to_string_lossy())
}

fn unread(path: &Path, error: &std::io::Error) -> Refusal {
    Refusal::new(IO, format!("{}: {error}", shown(path)))
}
