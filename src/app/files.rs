//! Files that people name: read once and bounded, written whole or not at all.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::{ffi::OsStrExt as _, fs::OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::reasons::{FILE_UNREADABLE, OUTPUT_LINK, OUTPUT_UNWRITABLE};
use crate::{
    base::{
        path::RepoPath,
        reason::{IO, LIMIT_SIZE, Refusal, Result},
    },
    plan::model::{Plan, Step},
};

/// The most bytes that Linux lets a name have.
const MAX_NAME: usize = 255;
/// Folders of which the system makes the content.
const OF_THE_SYSTEM: [&str; 2] = ["/proc", "/sys"];

/// Reads a regular file of at most `max` bytes; a device, a pipe or a folder is refused without waiting.
///
/// # Errors
/// `file.unreadable`, `limit.size`.
pub(crate) fn read(path: &Path, max: usize) -> Result<Vec<u8>> {
    let shown = path.display().to_string();
    let failed = |what: String| Refusal::new(FILE_UNREADABLE, format!("`{shown}`: {what}")).subject(shown.clone());
    // A pipe without a writer must not hold us up; on a regular file the flag means nothing.
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path).map_err(|e| failed(e.to_string()))?;
    read_open(file, &shown, max)
}

/// Reads an open regular file of at most `max` bytes; `shown` names it in messages.
///
/// # Errors
/// `file.unreadable`, `limit.size`.
pub(crate) fn read_open(file: File, shown: &str, max: usize) -> Result<Vec<u8>> {
    let failed = |what: String| Refusal::new(FILE_UNREADABLE, format!("`{shown}`: {what}")).subject(shown);
    let metadata = file.metadata().map_err(|e| failed(e.to_string()))?;
    if !metadata.is_file() {
        return Err(failed("not a regular file".to_owned()));
    }
    let too_large = |size: u64| Refusal::new(LIMIT_SIZE, format!("{shown}: {size} bytes, the limit is {max}"));
    let limit = max as u64;
    if metadata.len() > limit {
        return Err(too_large(metadata.len()));
    }
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|e| failed(e.to_string()))?;
    if bytes.len() > max {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}

/// Writes a file whole: readers see the old content or the new, never a part.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |e: &dyn std::fmt::Display| Refusal::new(IO, format!("{}: {e}", path.display()));
    let mut file = tempfile::Builder::new()
        .prefix(".countersign-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder(path))
        .map_err(|e| failed(&e))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(|e| failed(&e))?;
    file.persist(path).map_err(|e| failed(&e.error))?;
    Ok(())
}

/// Refuses a path at which [`write()`] would fail, before anything is recorded or run for the sake of what goes there.
///
/// # Errors
/// `output.unwritable`.
pub(crate) fn ready(path: &Path) -> Result<()> {
    let refuse = |what: &dyn std::fmt::Display| {
        Refusal::new(OUTPUT_UNWRITABLE, format!("{}: {what}", path.display())).subject(path.display().to_string())
    };
    // A device or a pipe would be replaced by a file, not written to.
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        return Err(refuse(&"not a regular file"));
    }
    let bytes = path.as_os_str().as_bytes();
    if bytes.ends_with(b"/") || path.file_name().is_none_or(|name| name.len() > MAX_NAME) {
        return Err(refuse(&"no name of a file"));
    }
    let folder = folder(path);
    if !folder.is_dir() {
        return Err(refuse(&"there is no such folder"));
    }
    // `/dev/stdout` leads to a file where the shell redirected it, and would itself be replaced by another.
    let whole = folder.canonicalize().map_err(|e| refuse(&e.kind()))?;
    if whole == Path::new("/dev") || OF_THE_SYSTEM.iter().any(|system| whole.starts_with(system)) {
        return Err(refuse(&"no folder for files").hint("`-` is standard output"));
    }
    tempfile::Builder::new().prefix(".countersign-").tempfile_in(folder).map(drop).map_err(|e| refuse(&e.kind()))
}

/// Refuses a path that lies where a step of the plan writes: by the time that something is written there, the step may
/// have put a link in its way.
///
/// # Errors
/// `output.unwritable`.
pub(crate) fn apart(path: &Path, plan: &Plan, work_tree: &Path) -> Result<()> {
    let place = folder(path).canonicalize().ok().and_then(|folder| Some(folder.join(path.file_name()?)));
    let Some(below) = place.as_deref().and_then(|place| place.strip_prefix(work_tree).ok()) else { return Ok(()) };
    let root = RepoPath::root();
    match plan.steps.iter().flat_map(Step::writes).find(|write| **write == root || below.starts_with(write.as_str())) {
        None => Ok(()),
        Some(write) => {
            let shown = path.display().to_string();
            let why = format!("{shown}: a step of the plan writes `{write}`");
            Err(Refusal::new(OUTPUT_UNWRITABLE, why)
                .subject(shown)
                .hint("name a file that no step of the plan can reach"))
        }
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a file where nothing is yet; tells whether it did.
///
/// # Errors
/// `output.unwritable` where something else than a file is, `io.failed`.
pub(crate) fn write_if_missing(path: &Path, bytes: &[u8]) -> Result<bool> {
    let failed = |e: &dyn std::fmt::Display| Refusal::new(IO, format!("{}: {e}", path.display()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| failed(&e))?;
    }
    match File::create_new(path) {
        Ok(mut file) => file.write_all(bytes).map(|()| true).map_err(|e| failed(&e)),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => match path.symlink_metadata() {
            Ok(found) if found.is_file() => Ok(false),
            _ => Err(Refusal::new(OUTPUT_UNWRITABLE, format!("{}: what lies there is no file", path.display()))
                .subject(path.display().to_string())),
        },
        Err(e) => Err(failed(&e)),
    }
}

/// Refuses to write below a folder through a symbolic link: it may lead out of it.
///
/// # Errors
/// `output.link`.
pub(crate) fn refuse_links(folder: &Path, path: &str) -> Result<()> {
    match link_on_the_way(folder, path) {
        None => Ok(()),
        Some(link) => {
            let link = link.strip_prefix(folder).unwrap_or(&link).display().to_string();
            Err(Refusal::new(OUTPUT_LINK, format!("`{link}` is a symbolic link")).subject(link))
        }
    }
}

/// Returns the first symbolic link among a path's parts below a folder.
fn link_on_the_way(folder: &Path, path: &str) -> Option<PathBuf> {
    let mut at = folder.to_owned();
    Path::new(path).iter().find_map(|part| {
        at.push(part);
        at.is_symlink().then(|| at.clone())
    })
}
