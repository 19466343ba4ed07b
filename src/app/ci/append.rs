//! Appending to a file that the runner gave us, and to nothing else.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use crate::{
    app::reasons::RUNNER_FILE,
    base::reason::{IO, Refusal, Result},
};

/// A file that is there, is a plain one, and is ours.
pub(super) struct Target {
    file: File,
    shown: String,
    /// How many bytes it holds.
    pub(super) len: u64,
    /// Whether its last line is ended.
    ended: bool,
}

impl Target {
    /// Opens the file that a variable names: never through a link, never made anew.
    ///
    /// # Errors
    /// `runner.file_unsafe` where it is not there, is no regular file, has another name, or belongs to somebody else.
    pub(super) fn open(variable: &str, path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let refuse = |what: &str| Refusal::new(RUNNER_FILE, format!("{variable}: {shown}: {what}")).subject(variable);
        if !path.is_absolute() {
            return Err(refuse("not an absolute path"));
        }
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).unwrap_or(0);
        let opened = OpenOptions::new().read(true).append(true).custom_flags(flags).open(path);
        let mut file = opened.map_err(|e| refuse(&e.to_string()))?;
        let data = file.metadata().map_err(|e| refuse(&e.to_string()))?;
        if !data.is_file() || data.nlink() != 1 {
            return Err(refuse("not a plain file with one name"));
        }
        // In a job's container we are root, and the runner outside who owns the file is not.
        let us = rustix::process::geteuid();
        if !us.is_root() && data.uid() != us.as_raw() {
            return Err(refuse("it belongs to another user"));
        }
        let mut last = [b'\n'];
        if data.len() > 0 {
            file.seek(SeekFrom::End(-1))
                .and_then(|_| file.read_exact(&mut last))
                .map_err(|e| refuse(&e.to_string()))?;
        }
        Ok(Self { file, shown, len: data.len(), ended: last == *b"\n" })
    }

    /// Appends a text, on a line of its own, in one write.
    pub(super) fn append(mut self, text: &str) -> Result<()> {
        let begin = if self.ended { "" } else { "\n" };
        self.file
            .write_all(format!("{begin}{text}").as_bytes())
            .map_err(|e| Refusal::new(IO, format!("{}: {e}", self.shown)))
    }
}
