//! The processes between the runner and a program: the keeper, and the program's own until it executes.
//!
//! Both run on the runner's memory. They read the [`Image`], write to their own stacks, and make system calls
//! through [`call`]: nothing here allocates, locks, unwinds, or calls a function of libc.

use std::{
    ffi::{c_int, c_void},
    sync::atomic::Ordering,
};

use super::{
    Image, Payload, RECORD, TAG_ENDED, TAG_FAILED, TAG_STARTED, attempts,
    call::{call, error, spawn},
};

pub(super) const KEEPER: i32 = 0;
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
const SETUP_FAILED: usize = 125;
/// The highest signal number.
const SIGNALS_END: usize = 64;
/// Signals as the kernel takes them, a bit for each.
static NO_SIGNAL: u64 = 0;
static CHILD_SIGNAL: u64 = 1 << (libc::SIGCHLD - 1);
/// Size of a set of signals.
const SET: usize = size_of::<u64>();
/// `struct sigaction` of the kernel, with every field zero: the default action.
static DEFAULT_ACTION: [u64; 4] = [0; 4];

/// Where the keeper begins.
///
/// # Safety
/// `image` is an [`Image`] that outlives this process and the program's until it has executed.
pub(super) unsafe extern "C" fn keeper(image: *const c_void) -> ! {
    // SAFETY: as the caller promises.
    keep(unsafe { &*image.cast::<Image>() })
}

/// Where the program's process begins.
unsafe extern "C" fn program(image: *const c_void) -> ! {
    // SAFETY: the keeper's image, which outlives this.
    prepare(unsafe { &*image.cast::<Image>() })
}

/// Becomes subreaper, starts the program, reports how it ended, and reaps until nothing is left.
fn keep(image: &Image) -> ! {
    // SAFETY: system calls over numbers, and over stack memory that outlives each call.
    unsafe {
        let mut result = call(libc::SYS_setsid, []);
        if result >= 0 {
            result = call(libc::SYS_prctl, [libc::PR_SET_CHILD_SUBREAPER as usize, 1]);
        }
        for (low, high) in &image.close {
            if result >= 0 {
                result = call(libc::SYS_close_range, [*low as usize, *high as usize]);
            }
        }
        if result < 0 {
            give_up(image, KEEPER, result);
        }
        // The keeper waits until its program's process has executed, so one stack of the image is enough for it.
        let flags = match image.payload {
            Payload::Exec => libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD,
            Payload::Attempts => libc::SIGCHLD,
        };
        let leader = spawn(flags, image.stacks.program(), program, std::ptr::from_ref(image).cast());
        if leader < 0 {
            give_up(image, FORK, leader);
        }
        image.leader.store(leader as i32, Ordering::Release);
        if image.announce {
            report(image, TAG_STARTED, leader as i32, 0);
        }
        for fd in [image.program, image.folder, image.stdin, image.stdout, image.stderr, image.ruleset, 0, 1, 2] {
            if fd >= 0 {
                call(libc::SYS_close, [fd as usize]);
            }
        }
        // Every signal is blocked here, and stays so. A child's end is read from a descriptor, beside the status pipe,
        // whose reading end is the runner's alone: without the runner, nobody would ever kill the tree, and a step
        // whose outcome is unknown would go on working.
        default_action(libc::SIGCHLD as usize);
        let flags = (libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) as usize;
        let ended = call(libc::SYS_signalfd4, [usize::MAX, (&raw const CHILD_SIGNAL) as usize, SET, flags]);
        loop {
            let mut status: c_int = 0;
            let wait = (libc::__WALL | libc::WNOHANG) as usize;
            let pid = call(libc::SYS_wait4, [usize::MAX, (&raw mut status) as usize, wait]);
            if pid == leader {
                report(image, TAG_ENDED, status, 0);
            } else if pid < 0 && error(pid) != libc::EINTR {
                exit(0);
            } else if pid == 0 && is_left_alone(image, ended as c_int) {
                kill_children(leader);
                call(libc::SYS_sched_yield, []);
            }
        }
    }
}

/// Waits until a child has ended or the runner has; tells whether the runner has.
///
/// # Safety
/// Only in the keeper.
unsafe fn is_left_alone(image: &Image, ended: c_int) -> bool {
    // Where there is no descriptor to wait for, the runner's end is looked for every time, and nothing is missed.
    let mut pause = libc::timespec { tv_sec: 0, tv_nsec: 10_000_000 };
    let timeout = if ended < 0 { (&raw mut pause) as usize } else { 0 };
    let mut fds = [
        libc::pollfd { fd: image.status, events: 0, revents: 0 },
        libc::pollfd { fd: ended, events: libc::POLLIN, revents: 0 },
    ];
    let mut signal = [0_u8; size_of::<libc::signalfd_siginfo>()];
    // SAFETY: system calls over stack memory that outlives each.
    unsafe {
        call(libc::SYS_ppoll, [fds.as_mut_ptr() as usize, fds.len(), timeout]);
        if fds[1].revents != 0 {
            call(libc::SYS_read, [ended as usize, signal.as_mut_ptr() as usize, signal.len()]);
        }
    }
    fds[0].revents != 0
}

/// Kills every child there is now; those that theirs leave come to the keeper, and meet the next call.
///
/// # Safety
/// Only in the keeper, which has no other children than the step's processes.
unsafe fn kill_children(leader: isize) {
    let kill = |pid: isize| {
        // SAFETY: a system call over numbers.
        unsafe { call(libc::SYS_kill, [pid as usize, libc::SIGKILL as usize]) }
    };
    let path = c"/proc/thread-self/children".as_ptr() as usize;
    let flags = (libc::O_RDONLY | libc::O_CLOEXEC) as usize;
    let mut text = [0_u8; 4096];
    // SAFETY: system calls over a static path, and over stack memory that outlives each.
    let length = unsafe {
        let list = call(libc::SYS_openat, [libc::AT_FDCWD as usize, path, flags]);
        if list < 0 {
            // Without the list at least the program's own session.
            kill(-leader);
            return;
        }
        let length = call(libc::SYS_read, [list as usize, text.as_mut_ptr() as usize, text.len()]);
        call(libc::SYS_close, [list as usize]);
        length
    };
    let mut pid: isize = 0;
    for byte in text.iter().take(usize::try_from(length).unwrap_or(0)) {
        if byte.is_ascii_digit() {
            pid = pid.saturating_mul(10).saturating_add(isize::from(byte - b'0'));
        } else {
            if pid > 1 {
                kill(pid);
            }
            pid = 0;
        }
    }
}

/// The program's own process, from its start to the exec.
fn prepare(image: &Image) -> ! {
    // SAFETY: system calls over numbers and over `image`; nothing allocates.
    unsafe {
        let must = |result: isize, stage: i32| {
            if result < 0 {
                give_up(image, stage, result);
            }
        };
        must(call(libc::SYS_setsid, []), SESSION);
        // Whoever ends runner and keeper together leaves no program behind that nobody watches.
        must(call(libc::SYS_prctl, [libc::PR_SET_PDEATHSIG as usize, libc::SIGKILL as usize]), SESSION);
        for (from, to) in [(image.stdin, 0), (image.stdout, 1), (image.stderr, 2)] {
            must(call(libc::SYS_dup3, [from as usize, to, 0]), STREAMS);
        }
        call(libc::SYS_umask, [0o022]);
        for (resource, limit) in &image.limits {
            must(call(libc::SYS_prlimit64, [0, *resource as usize, std::ptr::from_ref(limit) as usize]), LIMITS);
        }
        must(call(libc::SYS_fchdir, [image.folder as usize]), FOLDER);
        for signal in 1..=SIGNALS_END {
            // The two that cannot be set refuse; all others, also those that libc keeps for itself, are reset.
            default_action(signal);
        }
        let none = (&raw const NO_SIGNAL) as usize;
        must(call(libc::SYS_rt_sigprocmask, [libc::SIG_SETMASK as usize, none, 0, SET]), SIGNALS);
        if image.drop_capabilities {
            drop_capabilities();
        }
        must(call(libc::SYS_prctl, [libc::PR_SET_NO_NEW_PRIVS as usize, 1]), NO_NEW_PRIVS);
        if image.ruleset >= 0 {
            if image.own_proc {
                must(allow_own_proc(image), LANDLOCK);
            }
            must(call(libc::SYS_landlock_restrict_self, [image.ruleset as usize, 0]), LANDLOCK);
        }
        let on_exec = libc::CLOSE_RANGE_CLOEXEC as usize;
        must(call(libc::SYS_close_range, [3, u32::MAX as usize, on_exec]), DESCRIPTORS);
        for filter in &image.filters {
            must(call(libc::SYS_seccomp, [1, 0, std::ptr::from_ref(filter) as usize]), SECCOMP);
        }
        match image.payload {
            Payload::Attempts => {
                let bytes = attempts::run_all().to_ne_bytes();
                call(libc::SYS_write, [1, bytes.as_ptr() as usize, bytes.len()]);
                exit(0)
            }
            Payload::Exec => execute(image),
        }
    }
}

/// What `landlock_add_rule` takes for a place.
#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    place: i32,
}

/// Reading files and listing folders, as Landlock numbers them.
const READ: u64 = 1 << 2 | 1 << 3;
/// The kind of rule that is about a place.
const PLACE: usize = 1;

/// Lets the program read what the kernel tells of its own process: only here is its number known.
///
/// # Safety
/// Only in the program's process, before it is restricted.
unsafe fn allow_own_proc(image: &Image) -> isize {
    let flags = (libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC) as usize;
    // SAFETY: system calls over a static path, and over stack memory that outlives the call.
    unsafe {
        let place = call(libc::SYS_openat, [libc::AT_FDCWD as usize, c"/proc/self".as_ptr() as usize, flags]);
        if place < 0 {
            return place;
        }
        let rule = PathBeneath { allowed: READ, place: place as i32 };
        let ruleset = image.ruleset as usize;
        let result = call(libc::SYS_landlock_add_rule, [ruleset, PLACE, (&raw const rule) as usize, 0]);
        call(libc::SYS_close, [place as usize]);
        result
    }
}

/// Executes the program, through the descriptor that was checked.
unsafe fn execute(image: &Image) -> ! {
    let (argv, env) = (image.argv.as_ptr() as usize, image.env.as_ptr() as usize);
    let (path, flags) = (c"".as_ptr() as usize, libc::AT_EMPTY_PATH as usize);
    let pause = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };
    let mut result = 0;
    for _ in 0..200 {
        // SAFETY: lists of texts that end in NUL, each list in a null pointer, in memory that outlives the call.
        unsafe {
            result = call(libc::SYS_execveat, [image.program as usize, path, argv, env, flags]);
            // Another fork of the runner may hold the file open for writing for an instant.
            if error(result) != libc::ETXTBSY {
                break;
            }
            call(libc::SYS_nanosleep, [(&raw const pause) as usize, 0]);
        }
    }
    give_up(image, EXEC, result)
}

/// Gives away what root could do beyond its files, as far as the process may; exec then grants no more.
unsafe fn drop_capabilities() {
    // CHOWN, DAC_OVERRIDE, FOWNER, FSETID: a container's root must still be able to use the checkout.
    const KEPT: [usize; 4] = [0, 1, 3, 4];
    // SAFETY: sets attributes of this process; no memory is involved.
    unsafe {
        call(libc::SYS_prctl, [libc::PR_CAP_AMBIENT as usize, libc::PR_CAP_AMBIENT_CLEAR_ALL as usize]);
        for capability in 0..64 {
            // What is beyond the kernel's last one, or not ours to drop, goes for all that follow.
            let drop = !KEPT.contains(&capability);
            if drop && call(libc::SYS_prctl, [libc::PR_CAPBSET_DROP as usize, capability]) < 0 {
                break;
            }
        }
    }
}

/// Gives a signal its default action in this process, which has a table of actions of its own.
unsafe fn default_action(signal: usize) {
    // SAFETY: reads one action of static memory.
    unsafe { call(libc::SYS_rt_sigaction, [signal, DEFAULT_ACTION.as_ptr() as usize, 0, SET]) };
}

fn report(image: &Image, tag: i32, first: i32, second: i32) {
    let record = [tag, first, second];
    // SAFETY: writes RECORD bytes of a live array; a pipe takes so few in one piece.
    unsafe { call(libc::SYS_write, [image.status as usize, record.as_ptr() as usize, RECORD]) };
}

fn give_up(image: &Image, stage: i32, result: isize) -> ! {
    report(image, TAG_FAILED, stage, error(result));
    exit(SETUP_FAILED)
}

/// Ends the process without running anything of the runner's.
fn exit(code: usize) -> ! {
    loop {
        // SAFETY: no memory is involved.
        unsafe { call(libc::SYS_exit_group, [code]) };
    }
}
