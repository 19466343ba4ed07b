//! The event stream that `--events` asks for: one JSON object a line, as things happen.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use super::{ci::Provider, reasons::OUTPUT_UNWRITABLE};
use crate::{
    base::reason::{Refusal, Result},
    ledger::Entry,
    report::events_v1::EventLine,
};

/// Version of the lines.
pub(crate) const VERSION: u32 = 1;

/// Where the lines go; nowhere unless somebody asked. All clones write to the same place.
#[derive(Clone, Default)]
pub struct Events(Arc<Mutex<Option<Stream>>>);

struct Stream {
    to: To,
    /// Whether a line could not be written.
    broken: bool,
}

enum To {
    File(File),
    /// Standard error, which a CI may read along.
    Stderr(Option<&'static dyn Provider>),
}

impl Events {
    /// Opens a file to append to, or standard error for `-`.
    ///
    /// # Errors
    /// `output.unwritable`, also for a device or a pipe: one that nobody reads would hold a run up.
    pub(crate) fn open(&self, path: &Path, ci: Option<&'static dyn Provider>) -> Result<()> {
        let to = if path == Path::new("-") { To::Stderr(ci) } else { To::File(file(path)?) };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Stream { to, broken: false });
        Ok(())
    }

    /// Writes a line, where somebody asked. What is shown is no record: a full disk stops nothing.
    pub(crate) fn tell(&self, line: &EventLine) {
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Stream { to, broken }) = stream.as_mut() else { return };
        let Ok(mut text) = serde_json::to_string(line) else { return };
        text.push('\n');
        let written = match to {
            // One write a line, so that several processes can share a file.
            To::File(file) => file.write_all(text.as_bytes()),
            To::Stderr(ci) => {
                let text = ci.map_or(text.clone(), |ci| ci.plain_json(&text));
                io::stderr().lock().write_all(text.as_bytes())
            }
        };
        *broken |= written.is_err();
    }

    /// Writes the lines of what was appended to the ledger.
    pub(crate) fn recorded(&self, entries: &[Entry]) {
        entries.iter().filter_map(EventLine::recorded).for_each(|line| self.tell(&line));
    }

    /// Tells whether a line could not be written.
    pub(crate) fn broken(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|stream| stream.broken)
    }
}

fn file(path: &Path) -> Result<File> {
    let shown = path.display().to_string();
    let refuse = |what: String| Refusal::new(OUTPUT_UNWRITABLE, format!("{shown}: {what}")).subject(shown.clone());
    // A pipe without a reader must not hold us up; on a regular file the flag means nothing.
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let opened = OpenOptions::new().append(true).create(true).mode(0o644).custom_flags(nonblocking).open(path);
    // The file itself would be made: what is not found is its folder.
    let file = opened.map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => refuse("there is no such folder".to_owned()),
        kind => refuse(kind.to_string()),
    })?;
    match file.metadata() {
        Ok(data) if data.is_file() => Ok(file),
        Ok(_) => Err(refuse("not a regular file".to_owned())),
        Err(e) => Err(refuse(e.kind().to_string())),
    }
}
