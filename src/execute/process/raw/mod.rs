//! The one module with unsafe code: what happens between the runner and a program's exec.
//!
//! A step's program is started by a *keeper*, a process that never executes anything:
//!
//! ```text
//! runner ── keeper (subreaper, its own session) ── program (its own session, in the sandbox) ── ...
//! ```
//!
//! Every process that the program leaves behind, by `setsid`, by forking twice, by clearing its
//! environment, is handed to the keeper by the kernel, so a step's processes are exactly the
//! keeper's descendants, however many steps run at once. The keeper only waits; when it has no
//! child left it ends, and its status pipe closes. That end of file is the proof that the tree is gone.
//!
//! A keeper runs on the runner's memory, and its program's process does until the exec: copying the tables of
//! all that a plan and a ledger take, only to wait, cost more than the sandbox. What follows from that:
//!
//! - Both have descriptors, signal actions, credentials and limits of their own; memory is all they share.
//! - They read an [`Image`] that nobody changes but for one number, the program's, which the keeper sets; they write to
//!   [`stack::Stacks`] that nobody else uses, and make system calls by themselves ([`call`]): libc would write error numbers into the memory of the thread that started them.
//! - [`Started`] holds image and stacks until the keeper is reaped *and* nobody holds the status pipe. Where that
//!   never comes, they are leaked rather than freed.
//! - All signals are blocked from before the start, so that no handler of the runtime runs in a child.
//! - Being closed to other processes of the user ([`close_to_others`]) belongs to memory, so the runner is, too.

#![expect(unsafe_code, reason = "starting a process and the system calls before its exec have no safe form")]

pub(super) mod attempts;
mod call;
mod child;
mod stack;

use std::{
    ffi::{CString, c_long, c_void},
    io,
    mem::ManuallyDrop,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    ptr,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
};

use rustix::{
    event::{PollFd, PollFlags},
    io::Errno,
    process::{DumpableBehavior, Pid, WaitOptions},
};
use zeroize::Zeroize as _;

/// Length of one record on the status pipe: a tag and two numbers, each a native `i32`.
pub(super) const RECORD: usize = 12;
/// The program's process id follows.
pub(super) const TAG_STARTED: i32 = 1;
/// The sandbox or the program could not be set up; the stage and the error number follow.
pub(super) const TAG_FAILED: i32 = 2;
/// The program ended; its wait status follows.
pub(super) const TAG_ENDED: i32 = 3;

/// The stages of setting up, as they are reported when one fails.
pub(super) const STAGES: [&str; 12] = [
    "keeper",
    "fork",
    "session",
    "standard streams",
    "limits",
    "working folder",
    "signals",
    "no_new_privs",
    "landlock",
    "descriptors",
    "seccomp",
    "exec",
];

/// What the program's process does once it is locked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    /// Executes the opened program.
    Exec,
    /// Tries what must not succeed, and writes to standard output which attempts did. What succeeds may do
    /// anything to memory, so here everybody has a copy.
    Attempts,
}

/// One seccomp filter, as the kernel takes it; `seccompiler` has the same layout under its own name.
pub(super) type Filter = Vec<libc::sock_filter>;

/// What to start.
pub(super) struct Launch<'a> {
    pub(super) payload: Payload,
    pub(super) program: BorrowedFd<'a>,
    pub(super) argv: Vec<CString>,
    pub(super) env: Vec<CString>,
    pub(super) folder: BorrowedFd<'a>,
    pub(super) stdin: BorrowedFd<'a>,
    pub(super) stdout: BorrowedFd<'a>,
    pub(super) stderr: BorrowedFd<'a>,
    /// The writing end of the status pipe.
    pub(super) status: BorrowedFd<'a>,
    /// Its reading end.
    pub(super) reading: BorrowedFd<'a>,
    /// `(resource, soft and hard limit)`.
    pub(super) limits: &'a [(u32, u64)],
    /// The ruleset and the filters; none only where a test shows that an attack works without them.
    pub(super) jail: Option<(BorrowedFd<'a>, Arc<Vec<Filter>>)>,
    pub(super) drop_capabilities: bool,
    /// Whether the program may read what the kernel tells of its own process, and of no other.
    pub(super) own_proc: bool,
    /// Whether the keeper says on the status pipe that the program has executed: where the environment holds secrets,
    /// which are then overwritten. Whoever reads the pipe is woken at the one moment when a processor has better to do.
    pub(super) announce: bool,
}

/// All that the children read: numbers, and addresses of what [`Started`] holds beside it.
struct Image {
    /// Addresses of texts, and a null at the end, as exec takes them.
    argv: Vec<usize>,
    env: Vec<usize>,
    filters: Vec<Program>,
    limits: Vec<(u32, libc::rlimit)>,
    /// Ranges of descriptors that the keeper closes: all but its own.
    close: Vec<(u32, u32)>,
    program: RawFd,
    folder: RawFd,
    stdin: RawFd,
    stdout: RawFd,
    stderr: RawFd,
    status: RawFd,
    ruleset: RawFd,
    payload: Payload,
    drop_capabilities: bool,
    own_proc: bool,
    announce: bool,
    /// The program's process id, once it has executed; 0 until then.
    leader: AtomicI32,
    stacks: stack::Stacks,
}

/// `struct sock_fprog`, the address as a number.
#[repr(C)]
struct Program {
    length: u16,
    filter: usize,
}

/// A keeper that was started, and the memory that it runs on.
pub(super) struct Started {
    /// None where none was started.
    pid: Option<Pid>,
    reaped: bool,
    /// A descriptor of the status pipe's reading end: it tells when nobody has the writing end any more.
    reading: OwnedFd,
    env: ManuallyDrop<Vec<Vec<u8>>>,
    held: ManuallyDrop<Held>,
}

/// What addresses in an image, and the image's own, lead to.
type Held = (Box<Image>, Vec<CString>, Option<Arc<Vec<Filter>>>);

/// Returns the version of Landlock that the kernel has, 0 for none.
pub(in crate::execute) fn landlock_abi() -> i32 {
    const VERSION: c_long = 1;
    // SAFETY: with a null attribute, size 0 and this flag the call reads no memory and returns a number.
    let abi = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, ptr::null::<u8>(), 0_usize, VERSION) };
    i32::try_from(abi).unwrap_or(0).max(0)
}

/// Makes this process the parent of last resort of all its descendants.
pub(super) fn become_subreaper() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

/// Keeps other processes of the same user from reading this one, and its keepers, through `/proc` or as a debugger.
pub(super) fn close_to_others() -> io::Result<()> {
    Ok(rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Returns a limit of a resource, or the lower one that holds already: only root could raise that.
fn at_most(resource: u32, limit: u64) -> libc::rlimit {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a system call that fills the structure it is given.
    let known = unsafe { libc::getrlimit(resource as _, &raw mut now) } == 0;
    let limit = if known { limit.min(now.rlim_max) } else { limit };
    libc::rlimit { rlim_cur: limit, rlim_max: limit }
}

/// Starts a keeper that starts the program.
///
/// Descriptors of `launch` must be 3 or above.
pub(super) fn launch(launch: Launch<'_>) -> io::Result<Started> {
    let reading = rustix::io::fcntl_dupfd_cloexec(launch.reading, 3)?;
    let env: Vec<Vec<u8>> = launch.env.into_iter().map(CString::into_bytes_with_nul).collect();
    let filters = launch.jail.as_ref().map(|(_, filters)| filters.clone());
    let image = Box::new(
        Image {
            argv: addresses(launch.argv.iter().map(|text| text.as_ptr().cast())),
            env: addresses(env.iter().map(|text| text.as_ptr())),
            filters: filters.iter().flat_map(|all| all.iter()).map(Program::new).collect(),
            limits: launch.limits.iter().map(|(resource, limit)| (*resource, at_most(*resource, *limit))).collect(),
            close: Vec::new(),
            program: launch.program.as_raw_fd(),
            folder: launch.folder.as_raw_fd(),
            stdin: launch.stdin.as_raw_fd(),
            stdout: launch.stdout.as_raw_fd(),
            stderr: launch.stderr.as_raw_fd(),
            status: launch.status.as_raw_fd(),
            ruleset: launch.jail.as_ref().map_or(-1, |(ruleset, _)| ruleset.as_raw_fd()),
            payload: launch.payload,
            drop_capabilities: launch.drop_capabilities,
            own_proc: launch.own_proc,
            announce: launch.announce,
            leader: AtomicI32::new(0),
            stacks: stack::Stacks::take()?,
        }
        .closing(),
    );
    let flags = match launch.payload {
        Payload::Exec => libc::CLONE_VM | libc::SIGCHLD,
        Payload::Attempts => libc::SIGCHLD,
    };
    let mut started = Started {
        pid: None,
        reaped: false,
        reading,
        env: ManuallyDrop::new(env),
        held: ManuallyDrop::new((image, launch.argv, filters)),
    };
    let image = &*started.held.0;
    let (stack, argument) = (image.stacks.keeper(), ptr::from_ref(image).cast::<c_void>());
    // SAFETY: the keeper takes an image, which `started` holds, with a stack of its own, for as long as it needs them.
    let pid = with_signals_blocked(|| unsafe { call::spawn(flags, stack, child::keeper, argument) });
    if pid < 0 {
        return Err(io::Error::from_raw_os_error(call::error(pid)));
    }
    started.pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    Ok(started)
}

/// Makes a call while this thread takes no signal; what it starts begins with all of them blocked.
fn with_signals_blocked(make: impl FnOnce() -> isize) -> isize {
    let (all, mut before) = (u64::MAX, 0_u64);
    let (block, size) = (libc::SIG_SETMASK as usize, size_of::<u64>());
    // SAFETY: two live sets of the size that the kernel takes; the second call restores what the first returned.
    unsafe {
        let blocked =
            call::call(libc::SYS_rt_sigprocmask, [block, (&raw const all) as usize, (&raw mut before) as usize, size]);
        if blocked < 0 {
            return blocked;
        }
        let made = make();
        call::call(libc::SYS_rt_sigprocmask, [block, (&raw const before) as usize, 0, size]);
        made
    }
}

fn addresses(texts: impl Iterator<Item = *const u8>) -> Vec<usize> {
    texts.map(|text| text as usize).chain([0]).collect()
}

impl Program {
    fn new(filter: &Filter) -> Self {
        Self { length: u16::try_from(filter.len()).unwrap_or(0), filter: filter.as_ptr() as usize }
    }
}

impl Image {
    /// Finds the ranges of descriptors to close.
    fn closing(mut self) -> Self {
        let kept = [self.program, self.folder, self.stdin, self.stdout, self.stderr, self.status, self.ruleset];
        let mut kept: Vec<u32> = kept.into_iter().filter_map(|fd| u32::try_from(fd).ok()).collect();
        kept.sort_unstable();
        kept.dedup();
        let mut next = 3;
        for fd in kept {
            if fd > next {
                self.close.push((next, fd - 1));
            }
            next = next.max(fd + 1);
        }
        self.close.push((next, u32::MAX));
        self
    }
}

impl Started {
    /// Returns the keeper's process id.
    pub(super) fn pid(&self) -> i32 {
        Pid::as_raw(self.pid)
    }

    /// Returns the program's process id, once it has executed.
    pub(super) fn leader(&self) -> Option<i32> {
        Some(self.held.0.leader.load(Ordering::Acquire)).filter(|leader| *leader > 0)
    }

    /// Overwrites the environment, in which secrets stand; to be called once the program has executed.
    pub(super) fn forget_environment(&mut self) {
        // Its memory stays where it is, so that this harms nobody, should the program not be there yet after all.
        self.env.iter_mut().for_each(|text| text.as_mut_slice().zeroize());
    }

    /// Returns the texts of the environment, as far as they stand in memory.
    #[cfg(test)]
    pub(super) fn environment(&self) -> impl Iterator<Item = &[u8]> {
        self.env.iter().map(Vec::as_slice)
    }

    /// Reaps the keeper if it has ended, or waits until it has; tells whether its number is free now.
    pub(super) fn reap(&mut self, options: WaitOptions) -> bool {
        while self.pid.is_some() && !self.reaped {
            match rustix::process::waitpid(self.pid, options) {
                Err(Errno::INTR) => {}
                Ok(None) => return false,
                Ok(Some(_)) | Err(_) => self.reaped = true,
            }
        }
        true
    }

    /// Tells whether no process runs on this memory any more: the keeper is reaped, and the program's process,
    /// which has the status pipe until it executes or ends, has done either.
    pub(super) fn is_over(&self) -> bool {
        if self.pid.is_none() {
            return true;
        }
        let mut pipe = [PollFd::from_borrowed_fd(self.reading.as_fd(), PollFlags::empty())];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        let polled = rustix::event::poll(&mut pipe, Some(&now));
        self.reaped && polled.is_ok() && pipe[0].revents().contains(PollFlags::HUP)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.forget_environment();
        if self.is_over() {
            // SAFETY: neither is used again, and no process runs on them.
            unsafe {
                ManuallyDrop::drop(&mut self.env);
                let (image, _, _) = ManuallyDrop::take(&mut self.held);
                image.stacks.give_back();
            }
        }
    }
}
