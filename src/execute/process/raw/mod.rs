//! The one module with unsafe code: what happens between fork and exec.
//!
//! A step's program is started by a *keeper*, a fork of this process that never executes anything:
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
//! After the fork nothing allocates, locks or unwinds: both children make system calls over memory
//! prepared before, and leave by `_exit` or `execveat`.

#![expect(unsafe_code, reason = "fork, exec and the system calls between them have no safe form")]

pub(super) mod attempts;

use std::{
    cell::UnsafeCell,
    ffi::{CString, c_char, c_int, c_long, c_void},
    io,
    os::fd::{AsRawFd, BorrowedFd, RawFd},
    ptr,
};

/// Length of one record on the status pipe: a tag and two numbers, each a native `i32`.
pub(super) const RECORD: usize = 12;
/// The program's process id follows.
pub(super) const TAG_STARTED: i32 = 1;
/// The sandbox or the program could not be set up; the stage and the error number follow.
pub(super) const TAG_FAILED: i32 = 2;
/// The program ended; its wait status follows.
pub(super) const TAG_ENDED: i32 = 3;

/// The stages of setting up, as they are reported when one fails.
pub(super) const STAGES: [&str; 13] = [
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
    "capabilities",
];
const KEEPER: i32 = 0;
const FORK: i32 = 1;
const SESSION: i32 = 2;
const STREAMS: i32 = 3;
const LIMITS: i32 = 4;
const FOLDER: i32 = 5;
const SIGNALS: i32 = 6;
const NO_NEW_PRIVS: i32 = 7;
const LANDLOCK: i32 = 8;
const DESCRIPTORS: i32 = 9;
const SECCOMP: i32 = 10;
const EXEC: i32 = 11;

/// The exit status of a child that failed before exec; the record on the status pipe says why.
const SETUP_FAILED: c_int = 125;

/// What the program's process does once it is locked in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Payload {
    /// Executes the opened program.
    Exec,
    /// Tries what must not succeed, and writes to standard output which attempts did.
    Attempts,
}

/// One seccomp filter, as the kernel takes it; `seccompiler` has the same layout under its own name.
pub(super) type Filter = Vec<libc::sock_filter>;

/// The program image: everything that the children use, made before the fork.
pub(super) struct Launch<'a> {
    pub(super) payload: Payload,
    pub(super) program: BorrowedFd<'a>,
    pub(super) argv: &'a [CString],
    pub(super) env: &'a [CString],
    pub(super) folder: BorrowedFd<'a>,
    pub(super) stdin: BorrowedFd<'a>,
    pub(super) stdout: BorrowedFd<'a>,
    pub(super) stderr: BorrowedFd<'a>,
    pub(super) status: BorrowedFd<'a>,
    /// `(resource, soft and hard limit)`.
    pub(super) limits: &'a [(u32, u64)],
    /// The ruleset and the filters; none only where a test shows that an attack works without them.
    pub(super) jail: Option<(BorrowedFd<'a>, &'a [Filter])>,
    pub(super) drop_capabilities: bool,
}

/// Pointers into a [`Launch`], alive as long as it is.
struct Image {
    argv: Vec<*const c_char>,
    env: Vec<*const c_char>,
    filters: Vec<libc::sock_fprog>,
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
    /// What the program's process runs on until it executes the program, see [`borrow`].
    stack: Box<UnsafeCell<[u128; STACK]>>,
}

/// Size of the stack between clone and exec, in units of 16 bytes.
const STACK: usize = 4096;

/// Returns the version of Landlock that the kernel has, 0 for none.
pub(in crate::execute) fn landlock_abi() -> i32 {
    const VERSION: c_long = 1;
    // SAFETY: with a null attribute, size 0 and this flag the call reads no memory and returns a number.
    let abi = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, ptr::null::<u8>(), 0_usize, VERSION) };
    i32::try_from(abi).unwrap_or(0).max(0)
}

/// Makes this process the parent of last resort of all its descendants.
pub(super) fn become_subreaper() -> io::Result<()> {
    // SAFETY: sets a flag of this process; no memory is involved.
    check(c_long::from(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1_u64, 0_u64, 0_u64, 0_u64) })).map(drop)
}

/// Gives freed memory back to the system: a fork copies the tables of every page that this process holds.
pub(super) fn release_freed_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: no memory of ours is handed over, and the allocator locks itself.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Forks a keeper that starts the program; returns the keeper's process id.
///
/// Descriptors of `launch` must be 3 or above.
pub(super) fn launch(launch: &Launch<'_>) -> io::Result<i32> {
    let image = Image::new(launch);
    let mut before = empty_set();
    let all = full_set();
    // Signals wait, so that no handler of the runtime runs in a child and writes to its descriptors.
    // SAFETY: both sets are initialised and live on this stack.
    let blocked = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before) };
    if blocked != 0 {
        return Err(io::Error::from_raw_os_error(blocked));
    }
    // SAFETY: the child runs `keeper`, which only makes system calls over `image` and never returns.
    let pid = unsafe { fork() };
    if pid == 0 {
        keeper(&image);
    }
    let result = check(pid);
    // SAFETY: as above; restores what was there.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut()) };
    result.map(|pid| i32::try_from(pid).unwrap_or(-1))
}

impl Image {
    fn new(launch: &Launch<'_>) -> Self {
        let pointers = |texts: &[CString]| {
            texts.iter().map(|text| text.as_ptr()).chain(std::iter::once(ptr::null())).collect::<Vec<_>>()
        };
        let filters = launch.jail.map_or(&[][..], |(_, filters)| filters);
        let ruleset = launch.jail.map_or(-1, |(ruleset, _)| ruleset.as_raw_fd());
        let fds = [launch.program, launch.folder, launch.stdin, launch.stdout, launch.stderr, launch.status];
        let mut kept: Vec<u32> =
            fds.iter().map(AsRawFd::as_raw_fd).chain([ruleset]).filter_map(|fd| u32::try_from(fd).ok()).collect();
        kept.sort_unstable();
        kept.dedup();
        let mut close = Vec::new();
        let mut next = 3;
        for fd in kept {
            if fd > next {
                close.push((next, fd - 1));
            }
            next = next.max(fd + 1);
        }
        close.push((next, u32::MAX));
        Self {
            argv: pointers(launch.argv),
            env: pointers(launch.env),
            filters: filters
                .iter()
                .map(|filter| libc::sock_fprog {
                    len: u16::try_from(filter.len()).unwrap_or(0),
                    filter: filter.as_ptr().cast_mut(),
                })
                .collect(),
            limits: launch.limits.iter().map(|(r, n)| (*r, libc::rlimit { rlim_cur: *n, rlim_max: *n })).collect(),
            close,
            program: launch.program.as_raw_fd(),
            folder: launch.folder.as_raw_fd(),
            stdin: launch.stdin.as_raw_fd(),
            stdout: launch.stdout.as_raw_fd(),
            stderr: launch.stderr.as_raw_fd(),
            status: launch.status.as_raw_fd(),
            ruleset,
            payload: launch.payload,
            drop_capabilities: launch.drop_capabilities,
            stack: Box::new(UnsafeCell::new([0; STACK])),
        }
    }
}

/// The keeper: becomes subreaper, forks the program, reports how it ended, and reaps until nothing is left.
fn keeper(image: &Image) -> ! {
    // SAFETY: system calls over numbers, and over stack memory that outlives each call.
    unsafe {
        // Not readable through /proc by the program, whose user it shares.
        libc::prctl(libc::PR_SET_DUMPABLE, 0_u64, 0_u64, 0_u64, 0_u64);
        if libc::setsid() < 0 || libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1_u64, 0_u64, 0_u64, 0_u64) != 0 {
            give_up(image.status, KEEPER);
        }
        for (low, high) in &image.close {
            if libc::syscall(libc::SYS_close_range, *low, *high, 0_u32) != 0 {
                give_up(image.status, KEEPER);
            }
        }
        let leader = match image.payload {
            Payload::Exec => borrow(image),
            Payload::Attempts => fork(),
        };
        if leader == 0 {
            program(image);
        }
        if leader < 0 {
            give_up(image.status, FORK);
        }
        let leader = leader as i32;
        report(image.status, TAG_STARTED, leader, 0);
        for fd in [image.program, image.folder, image.stdin, image.stdout, image.stderr, image.ruleset, 0, 1, 2] {
            if fd >= 0 {
                libc::close(fd);
            }
        }
        // Wakes for a child that ended and for the runner's end: without the runner, nobody would ever kill the
        // tree, and a step whose outcome is unknown would go on working.
        let mut waiting = std::mem::zeroed::<libc::sigset_t>();
        let mut block = std::mem::zeroed::<libc::sigset_t>();
        libc::sigemptyset(&raw mut block);
        libc::sigaddset(&raw mut block, libc::SIGCHLD);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const block, &raw mut waiting);
        libc::sigdelset(&raw mut waiting, libc::SIGCHLD);
        let mut action = std::mem::zeroed::<libc::sigaction>();
        action.sa_sigaction = wake as *const () as usize;
        libc::sigaction(libc::SIGCHLD, &raw const action, ptr::null_mut());
        loop {
            let mut status: c_int = 0;
            let pid = libc::waitpid(-1, &raw mut status, libc::__WALL | libc::WNOHANG);
            if pid == leader {
                report(image.status, TAG_ENDED, status, 0);
            } else if pid < 0 && errno() != libc::EINTR {
                libc::_exit(0);
            } else if pid == 0 {
                // The reading end of the status pipe is the runner's alone.
                let mut pipe = libc::pollfd { fd: image.status, events: 0, revents: 0 };
                if libc::ppoll(&raw mut pipe, 1, ptr::null(), &raw const waiting) > 0 {
                    kill_children(leader);
                    libc::sched_yield();
                }
            }
        }
    }
}

/// Does nothing, but a handler is what lets a signal end a wait.
extern "C" fn wake(_: c_int) {}

/// Kills every child there is now; those that theirs leave come to the keeper, and meet the next call.
///
/// # Safety
/// Only in the keeper, which has no other children than the step's processes.
unsafe fn kill_children(leader: c_int) {
    // SAFETY: system calls over numbers, and over stack memory that outlives each call.
    unsafe {
        let list = libc::open(c"/proc/thread-self/children".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        if list < 0 {
            // Without the list at least the program's own session.
            libc::kill(-leader, libc::SIGKILL);
            return;
        }
        let mut text = [0_u8; 4096];
        let length = libc::read(list, text.as_mut_ptr().cast(), text.len());
        libc::close(list);
        let mut pid: c_int = 0;
        for byte in text.iter().take(usize::try_from(length).unwrap_or(0)) {
            if byte.is_ascii_digit() {
                pid = pid.saturating_mul(10).saturating_add(c_int::from(byte - b'0'));
            } else {
                if pid > 1 {
                    libc::kill(pid, libc::SIGKILL);
                }
                pid = 0;
            }
        }
    }
}

/// The program's own process, from the fork to the exec.
fn program(image: &Image) -> ! {
    // SAFETY: system calls over numbers and over `image`, which the fork copied; nothing allocates.
    unsafe {
        let must = |ok: bool, stage: i32| {
            if !ok {
                give_up(image.status, stage);
            }
        };
        must(libc::setsid() >= 0, SESSION);
        for (from, to) in [(image.stdin, 0), (image.stdout, 1), (image.stderr, 2)] {
            must(libc::dup2(from, to) == to, STREAMS);
        }
        libc::umask(0o022);
        for (resource, limit) in &image.limits {
            must(
                libc::syscall(libc::SYS_prlimit64, 0, *resource, &raw const *limit, ptr::null_mut::<u8>()) == 0,
                LIMITS,
            );
        }
        must(libc::fchdir(image.folder) == 0, FOLDER);
        for signal in 1..=64 {
            // The two that cannot be set, and those libc keeps for itself, refuse; all others are reset.
            libc::signal(signal, libc::SIG_DFL);
        }
        let none = empty_set();
        must(libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut()) == 0, SIGNALS);
        if image.drop_capabilities {
            drop_capabilities();
        }
        must(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1_u64, 0_u64, 0_u64, 0_u64) == 0, NO_NEW_PRIVS);
        if image.ruleset >= 0 {
            must(libc::syscall(libc::SYS_landlock_restrict_self, image.ruleset, 0_u32) == 0, LANDLOCK);
        }
        let on_exec = libc::CLOSE_RANGE_CLOEXEC;
        must(libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, on_exec) == 0, DESCRIPTORS);
        for filter in &image.filters {
            must(libc::syscall(libc::SYS_seccomp, 1_u32, 0_u32, &raw const *filter) == 0, SECCOMP);
        }
        match image.payload {
            Payload::Attempts => {
                let mask = attempts::run_all();
                let bytes = mask.to_ne_bytes();
                libc::write(1, bytes.as_ptr().cast(), bytes.len());
                libc::_exit(0);
            }
            Payload::Exec => {
                for _ in 0..200 {
                    libc::syscall(
                        libc::SYS_execveat,
                        image.program,
                        c"".as_ptr(),
                        image.argv.as_ptr(),
                        image.env.as_ptr(),
                        libc::AT_EMPTY_PATH,
                    );
                    // Another fork of the runner may hold the file open for writing for an instant.
                    if errno() != libc::ETXTBSY {
                        break;
                    }
                    let pause = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };
                    libc::nanosleep(&raw const pause, ptr::null_mut());
                }
                give_up(image.status, EXEC);
            }
        }
    }
}

/// Gives away what root could do beyond its files, as far as the process may; exec then grants no more.
unsafe fn drop_capabilities() {
    // CHOWN, DAC_OVERRIDE, FOWNER, FSETID: a container's root must still be able to use the checkout.
    const KEPT: [u64; 4] = [0, 1, 3, 4];
    // SAFETY: sets attributes of this process; no memory is involved.
    unsafe {
        libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as u64, 0_u64, 0_u64, 0_u64);
        for capability in 0..64_u64 {
            if !KEPT.contains(&capability) {
                libc::prctl(libc::PR_CAPBSET_DROP, capability, 0_u64, 0_u64, 0_u64);
            }
        }
    }
}

/// Forks by the bare system call: no handler of libc runs in the child of a threaded process.
unsafe fn fork() -> c_long {
    // SAFETY: without CLONE_VM the child has its own copy of everything.
    unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0_usize, 0_usize, 0_usize, 0_usize) }
}

/// Starts the program's process on the keeper's own memory, which waits until it has executed or ended.
///
/// Copying the memory a second time only to throw it away costs as much as the whole sandbox.
unsafe fn borrow(image: &Image) -> c_long {
    extern "C" fn begin(image: *mut c_void) -> c_int {
        // SAFETY: the pointer is that of `borrow`, whose image outlives this: the keeper waits.
        program(unsafe { &*image.cast::<Image>() })
    }
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the stack is used by nobody else, aligned, and grows down from one past its end. The new process
    // has descriptors, signal handlers and credentials of its own; what it writes to memory is on that stack.
    unsafe {
        let top = image.stack.get().cast::<u128>().add(STACK).cast::<c_void>();
        c_long::from(libc::clone(begin, top, flags, ptr::from_ref(image).cast_mut().cast()))
    }
}

fn report(status: RawFd, tag: i32, first: i32, second: i32) {
    let record = [tag, first, second];
    // SAFETY: writes RECORD bytes of a live array; a pipe takes so few in one piece.
    unsafe { libc::write(status, record.as_ptr().cast(), RECORD) };
}

fn give_up(status: RawFd, stage: i32) -> ! {
    report(status, TAG_FAILED, stage, errno());
    // SAFETY: ends the process without running anything of the copied runtime.
    unsafe { libc::_exit(SETUP_FAILED) }
}

fn errno() -> c_int {
    // SAFETY: the location is valid for the calling thread, also in a forked child.
    unsafe { *libc::__errno_location() }
}

fn check(result: c_long) -> io::Result<c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn empty_set() -> libc::sigset_t {
    // SAFETY: an all-zero set is a valid, empty one on Linux.
    unsafe { std::mem::zeroed() }
}

fn full_set() -> libc::sigset_t {
    let mut set = empty_set();
    // SAFETY: fills a live set.
    unsafe { libc::sigfillset(&raw mut set) };
    set
}
