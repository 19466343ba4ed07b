//! The files by which a runner takes orders: no step may reach them, and none may have changed them.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::order_variables;
use crate::{
    app::{
        reasons::{RUNNER_EXPOSED, RUNNER_TAMPERED},
        world::Environment,
    },
    base::{
        digest::Digest,
        reason::{IO, Refusal, Result},
    },
};

/// The most bytes of a file that are kept to be put back; of a larger one only the digest is.
const MAX_KEPT: usize = 4 << 20;

/// What lies under a name.
#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Nothing.
    Absent,
    /// A regular file.
    File { device: u64, inode: u64, digest: Digest },
    /// Anything else, which is not looked into.
    Other { device: u64, inode: u64 },
}

#[derive(Debug)]
struct OrderFile {
    variable: &'static str,
    path: PathBuf,
    state: State,
    content: Option<Vec<u8>>,
}

/// The files as they were before the first step.
#[derive(Debug)]
pub(crate) struct OrderFiles(Vec<OrderFile>);

impl OrderFiles {
    /// Takes down the files that the environment names.
    ///
    /// # Errors
    /// `runner.filecommand_exposed` where one lies in the checkout, in which steps may write; `io.failed`.
    pub(crate) fn of(env: &Environment, work_tree: &Path) -> Result<Self> {
        let mut all = Vec::new();
        let top = work_tree.canonicalize().unwrap_or_else(|_| work_tree.to_owned());
        for variable in order_variables() {
            let Some(path) = env.path(variable) else { continue };
            let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
            if path.is_relative() || folder.is_some_and(|folder| folder.starts_with(&top)) {
                let what = format!("{variable} names {}, which lies in the checkout", path.display());
                return Err(Refusal::new(RUNNER_EXPOSED, what).subject(variable));
            }
            let (state, content) = look(&path)?;
            all.push(OrderFile { variable, path, state, content });
        }
        Ok(Self(all))
    }

    /// Refuses where a file is no longer what it was; it is put back first, so that the runner takes no order.
    ///
    /// # Errors
    /// `runner.filecommand_tampered`.
    pub(crate) fn check(&self) -> Result<()> {
        let mut changed = Vec::new();
        for file in &self.0 {
            let same = look(&file.path).is_ok_and(|(state, _)| state == file.state);
            if !same {
                let undone = if file.put_back().is_ok() { "it was put back" } else { "IT COULD NOT BE PUT BACK" };
                changed.push(format!("{} changed during a step; {undone}", file.variable));
            }
        }
        match changed.first() {
            None => Ok(()),
            Some(_) => Err(Refusal::new(RUNNER_TAMPERED, changed.join("; "))),
        }
    }
}

impl OrderFile {
    fn put_back(&self) -> std::io::Result<()> {
        let there = fs::symlink_metadata(&self.path);
        let same_file = match (&self.state, &there) {
            (State::File { device, inode, .. }, Ok(data)) => {
                data.is_file() && (data.dev(), data.ino()) == (*device, *inode)
            }
            _ => false,
        };
        if there.is_ok() && !same_file {
            fs::remove_file(&self.path)?;
        }
        let Some(content) = &self.content else {
            return if self.state == State::Absent { Ok(()) } else { Err(std::io::ErrorKind::FileTooLarge.into()) };
        };
        let mut options = OpenOptions::new();
        options.write(true).custom_flags(no_follow());
        let mut file = if same_file { options.open(&self.path)? } else { options.create_new(true).open(&self.path)? };
        file.set_len(0)?;
        file.write_all(content)
    }
}

fn look(path: &Path) -> Result<(State, Option<Vec<u8>>)> {
    let failed = |e: std::io::Error| Refusal::new(IO, format!("{}: {e}", path.display()));
    let data = match fs::symlink_metadata(path) {
        Ok(data) => data,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok((State::Absent, None)),
        Err(e) => return Err(failed(e)),
    };
    let (device, inode) = (data.dev(), data.ino());
    if !data.is_file() {
        return Ok((State::Other { device, inode }, None));
    }
    let mut options = OpenOptions::new();
    let file: File = options.read(true).custom_flags(no_follow()).open(path).map_err(failed)?;
    let mut content = Vec::new();
    (&file).take(MAX_KEPT as u64 + 1).read_to_end(&mut content).map_err(failed)?;
    if content.len() <= MAX_KEPT {
        let digest = Digest::of(&content);
        return Ok((State::File { device, inode, digest }, Some(content)));
    }
    let whole = File::open(path).map_err(failed)?;
    let (digest, _) = Digest::of_reader(whole).map_err(failed)?;
    Ok((State::File { device, inode, digest }, None))
}

fn no_follow() -> i32 {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    i32::try_from(flags.bits()).unwrap_or(0)
}
