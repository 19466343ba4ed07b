//! What must not succeed in the sandbox: each attempt is a few system calls and one answer.
//!
//! An attempt runs in a forked child that executes nothing, so it must not allocate.

use std::ffi::c_long;

/// One forbidden operation.
pub(in crate::execute) struct Attempt {
    /// What is tried, as a report shows it.
    pub(in crate::execute) name: &'static str,
    /// Returns whether it succeeded.
    run: fn() -> bool,
}

macro_rules! attempts {
    ($($name:literal: $body:expr;)*) => {
        /// Every attempt; bit N of the answer belongs to the N-th.
        pub(in crate::execute) static ALL: &[Attempt] = &[$(Attempt { name: $name, run: || $body }),*];
    };
}

attempts! {
    "read /etc/shadow": opens(c"/etc/shadow", libc::O_RDONLY);
    "list the root folder": opens(c"/", libc::O_RDONLY | libc::O_DIRECTORY);
    "read /proc/self/environ": opens(c"/proc/self/environ", libc::O_RDONLY);
    "read /proc/1/status": opens(c"/proc/1/status", libc::O_RDONLY);
    "create a file in /tmp": opens(c"/tmp", libc::O_TMPFILE | libc::O_WRONLY);
    "create a file in /var/tmp": opens(c"/var/tmp", libc::O_TMPFILE | libc::O_WRONLY);
    "create a file in /dev/shm": opens(c"/dev/shm", libc::O_TMPFILE | libc::O_WRONLY);
    "open /dev/kmsg": opens(c"/dev/kmsg", libc::O_WRONLY | libc::O_NONBLOCK);
    "tcp socket": socket(libc::AF_INET, libc::SOCK_STREAM, 0);
    "tcp socket over IPv6": socket(libc::AF_INET6, libc::SOCK_STREAM, 0);
    "mptcp socket": socket(libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_MPTCP);
    "udp socket": socket(libc::AF_INET, libc::SOCK_DGRAM, 0);
    "raw socket": socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP);
    "unix socket": socket(libc::AF_UNIX, libc::SOCK_STREAM, 0);
    "pair of datagram sockets": call(libc::SYS_socketpair, [libc::AF_UNIX as usize, libc::SOCK_DGRAM as usize, 0, zeroes(), 0]) >= 0;
    "netlink socket": socket(libc::AF_NETLINK, libc::SOCK_RAW, 0);
    "packet socket": socket(libc::AF_PACKET, libc::SOCK_DGRAM, 0);
    "vsock socket": socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0);
    "io_uring": call(libc::SYS_io_uring_setup, [1, zeroes(), 0, 0, 0]) >= 0;
    "process_vm_readv": call(libc::SYS_process_vm_readv, [own_pid(), 0, 0, 0, 0]) >= 0;
    "user namespace": call(libc::SYS_unshare, [libc::CLONE_NEWUSER as usize, 0, 0, 0, 0]) >= 0;
    "mount namespace": call(libc::SYS_unshare, [libc::CLONE_NEWNS as usize, 0, 0, 0, 0]) >= 0;
    "namespace by clone": clones(libc::CLONE_NEWUSER);
    "mount": call(libc::SYS_mount, [0, c"/".as_ptr().addr(), 0, libc::MS_REC as usize | libc::MS_PRIVATE as usize, 0]) >= 0;
    "chroot": call(libc::SYS_chroot, [c"/".as_ptr().addr(), 0, 0, 0, 0]) >= 0;
    "bpf": call(libc::SYS_bpf, [0, zeroes(), 72, 0, 0]) >= 0;
    "userfaultfd": call(libc::SYS_userfaultfd, [1, 0, 0, 0, 0]) >= 0;
    "perf_event_open": call(libc::SYS_perf_event_open, [perf(), 0, usize::MAX, usize::MAX, 0]) >= 0;
    "keyring": call(libc::SYS_keyctl, [0, usize::MAX - 2, 1, 0, 0]) >= 0;
    "personality": call(libc::SYS_personality, [0x0040_0000, 0, 0, 0, 0]) >= 0;
    "signal to the runner": call(libc::SYS_kill, [parent_pid(), 0, 0, 0, 0]) >= 0;
    "limits of the runner": call(libc::SYS_prlimit64, [parent_pid(), libc::RLIMIT_NOFILE as usize, 0, 0, 0]) >= 0;
    "queue of System V": {
        let queue = call(libc::SYS_msgget, [libc::IPC_PRIVATE as usize, 0o600, 0, 0, 0]);
        queue >= 0 && call(libc::SYS_msgctl, [queue as usize, libc::IPC_RMID as usize, 0, 0, 0]) >= 0
    };
    "attributes of a file by path": {
        let name = c"user.x".as_ptr().addr();
        call(libc::SYS_getxattr, [c"/".as_ptr().addr(), name, 0, 0, 0]) >= 0 || last_error() != libc::EOPNOTSUPP
    };
    "attributes of a file at a path": call(463, [0; 5]) >= 0 || last_error() != libc::ENOSYS;
    "owner of a file that was opened": call(libc::SYS_fchown, [2, usize::MAX, usize::MAX, 0, 0]) >= 0;
    "names in a folder by watching it": {
        let watch = call(libc::SYS_inotify_init1, [libc::O_CLOEXEC as usize, 0, 0, 0, 0]);
        watch >= 0 && call(libc::SYS_inotify_add_watch, [watch as usize, c"/".as_ptr().addr(), 0x100, 0, 0]) >= 0
    };
    "life without a keeper": call(libc::SYS_prctl, [libc::PR_SET_PDEATHSIG as usize, 0, 0, 0, 0]) >= 0;
    "ptrace": call(libc::SYS_ptrace, [libc::PTRACE_TRACEME as usize, 0, 0, 0, 0]) >= 0;
    "more privileges": {
        // SAFETY: asks for a flag of this process.
        unsafe { libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0_u64, 0_u64, 0_u64, 0_u64) != 1 }
    };
}

/// Runs every attempt and returns the bits of those that succeeded.
pub(super) fn run_all() -> u64 {
    ALL.iter().enumerate().fold(0, |mask, (bit, attempt)| if (attempt.run)() { mask | 1 << bit } else { mask })
}

fn call(number: c_long, arguments: [usize; 5]) -> c_long {
    let [a, b, c, d, e] = arguments;
    // SAFETY: each caller gives arguments for which the call, if let through, touches only static memory.
    unsafe { libc::syscall(number, a, b, c, d, e) }
}

fn last_error() -> i32 {
    // SAFETY: this thread's own number.
    unsafe { *libc::__errno_location() }
}

fn opens(path: &std::ffi::CStr, flags: i32) -> bool {
    // SAFETY: a static path; the descriptor is closed at once.
    unsafe {
        let fd = libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, 0o600);
        if fd >= 0 {
            libc::close(fd);
        }
        fd >= 0
    }
}

fn socket(family: i32, kind: i32, protocol: i32) -> bool {
    // SAFETY: no memory; the descriptor is closed at once.
    unsafe {
        let fd = libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol);
        if fd >= 0 {
            libc::close(fd);
        }
        fd >= 0
    }
}

fn clones(flag: i32) -> bool {
    let pid = call(libc::SYS_clone, [flag as usize | libc::SIGCHLD as usize, 0, 0, 0, 0]);
    if pid == 0 {
        // SAFETY: the child of the attempt ends at once.
        unsafe { libc::_exit(0) };
    }
    pid > 0
}

fn own_pid() -> usize {
    // SAFETY: has no argument and cannot fail.
    unsafe { libc::getpid() as usize }
}

fn parent_pid() -> usize {
    // SAFETY: has no argument and cannot fail.
    unsafe { libc::getppid() as usize }
}

/// A zeroed parameter block; the kernel may write to it.
fn zeroes() -> usize {
    static BLOCK: [std::sync::atomic::AtomicU64; 32] = [const { std::sync::atomic::AtomicU64::new(0) }; 32];
    BLOCK.as_ptr().addr()
}

/// A `perf_event_attr` that asks for a software clock, which needs no hardware.
fn perf() -> usize {
    static BLOCK: [u64; 16] = [1 | (128 << 32), 0, 0, 0, 0, 0b110_0000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    BLOCK.as_ptr().addr()
}
