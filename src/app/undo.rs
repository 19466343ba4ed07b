//! What a command is about to make, so that a refusal can take it away again.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Paths at which nothing was when they were noted.
#[derive(Debug, Default)]
pub(crate) struct Made(Vec<PathBuf>);

impl Made {
    /// Notes a path where something is about to be made, and every folder above it that is missing.
    ///
    /// What is there already is nobody's to take away, and is not noted.
    pub(crate) fn note(&mut self, path: &Path) {
        for at in path.ancestors().take_while(|at| at.symlink_metadata().is_err() && !at.as_os_str().is_empty()) {
            if !self.0.iter().any(|noted| noted == at) {
                self.0.push(at.to_owned());
            }
        }
    }

    /// Takes away what was made, and folders that hold nothing else.
    pub(crate) fn undo(mut self) {
        self.0.sort_by_key(|path| std::cmp::Reverse(path.components().count()));
        for path in self.0 {
            // What cannot be taken away stays: the refusal that led here is the one to tell.
            let _ = match path.symlink_metadata() {
                Ok(found) if found.is_dir() => fs::remove_dir(&path),
                Ok(_) => fs::remove_file(&path),
                Err(_) => Ok(()),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_goes_and_what_was_there_stays() {
        let room = tempfile::tempdir().unwrap();
        let at = |path: &str| room.path().join(path);
        fs::create_dir(at("old")).unwrap();
        fs::write(at("old/mine"), "").unwrap();
        let mut made = Made::default();
        for path in ["old/mine", "old/new", "new/deep/file", "new/other", "never/made"] {
            made.note(&at(path));
        }
        fs::create_dir_all(at("new/deep")).unwrap();
        for path in ["old/new", "new/deep/file"] {
            fs::write(at(path), "").unwrap();
        }
        made.undo();
        assert!(at("old/mine").exists() && !at("old/new").exists() && !at("new").exists());
    }

    #[test]
    fn a_folder_into_which_somebody_else_put_something_stays() {
        let room = tempfile::tempdir().unwrap();
        let mut made = Made::default();
        made.note(&room.path().join("new/file"));
        fs::create_dir(room.path().join("new")).unwrap();
        fs::write(room.path().join("new/theirs"), "").unwrap();
        made.undo();
        assert!(room.path().join("new/theirs").exists());
    }
}
