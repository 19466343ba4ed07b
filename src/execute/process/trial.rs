//! The trial of a sandbox: a child tries what must not succeed in it.

use std::{
    fs::File,
    io::Read as _,
    os::fd::{AsFd, OwnedFd},
};

use rustix::fs::{Mode, OFlags};

use super::{Pipes, high, launch, limits::Limits, raw, setup, watch};
use crate::{base::reason::Result, execute::sandbox::Jail};

/// Has a child in the jail try every forbidden operation; returns the names of those that succeeded.
pub(in crate::execute) fn attempt_all(jail: Option<&Jail>) -> Result<Vec<&'static str>> {
    let pipes = Pipes::new(false)?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = high(rustix::fs::open("/", flags, Mode::empty()).map_err(|e| setup(&e.to_string()))?)?;
    let resources = Limits::default().resources();
    let keeper = launch(
        jail,
        raw::Launch {
            payload: raw::Payload::Attempts,
            program: pipes.stdin.as_fd(),
            argv: Vec::new(),
            env: Vec::new(),
            folder: folder.as_fd(),
            stdin: pipes.stdin.as_fd(),
            stdout: pipes.stdout.1.as_fd(),
            stderr: pipes.stderr.1.as_fd(),
            status: pipes.status.1.as_fd(),
            reading: pipes.status.0.as_fd(),
            limits: &resources,
            jail: None,
            drop_capabilities: false,
            own_proc: false,
            announce: false,
        },
    )?;
    let Pipes { stdout, status, .. } = pipes;
    drop((stdout.1, status.1));
    let read = |fd: OwnedFd| {
        let mut bytes = Vec::new();
        File::from(fd).read_to_end(&mut bytes).map(|_| bytes).map_err(|e| setup(&e.to_string()))
    };
    let answer = read(stdout.0)?;
    let records = read(status.0)?;
    drop(keeper);
    for record in records.chunks_exact(raw::RECORD).map(watch::numbers) {
        if record[0] == raw::TAG_FAILED {
            return Err(watch::failed_stage(record));
        }
    }
    let mask: [u8; 8] = answer.try_into().map_err(|_| setup("the trial gave no answer"))?;
    let mask = u64::from_ne_bytes(mask);
    Ok(attempts().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1).map(|(_, name)| name).collect())
}

/// Returns the names of the operations that [`attempt_all`] tries.
pub(in crate::execute) fn attempts() -> impl Iterator<Item = &'static str> {
    raw::attempts::ALL.iter().map(|attempt| attempt.name)
}
