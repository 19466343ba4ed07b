//! The system-call filter: what Landlock does not cover is denied here.
//!
//! Two filters of the same kind, since one filter has one answer: most calls are denied with `EPERM`,
//! `clone3`, whose flags lie behind a pointer, with `ENOSYS`, so that libraries fall back to `clone`.
//! A third, first one refuses the x32 numbers, which would pass both.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

use super::Network;
use crate::{
    base::reason::{Refusal, Result},
    execute::reasons::SANDBOX_UNAVAILABLE,
};

/// Calls that are denied whatever their arguments.
const DENIED: &[i64] = &[
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_perf_event_open,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_open_by_handle_at,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    libc::SYS_fanotify_init,
    // Landlock does not see changes of owner and attributes by path; by descriptor it saw the open.
    libc::SYS_fchownat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_uselib,
];

/// Namespaces that `clone` could make; the one of time has no flag there.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWCGROUP,
];

/// Terminal requests that type into, or take over, somebody else's terminal.
const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541c;

/// Bits of a socket's type that are its kind and not a flag.
const TYPE_MASK: u64 = 0xf;

/// Compiles the filters for a program with this much network.
///
/// # Errors
/// `sandbox.unavailable` on a machine that the filters are not written for.
pub(super) fn compile(network: Network) -> Result<Vec<Vec<libc::sock_filter>>> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)
        .map_err(|_| Refusal::new(SANDBOX_UNAVAILABLE, format!("no filter for {}", std::env::consts::ARCH)))?;
    let build = |rules: BTreeMap<i64, Vec<SeccompRule>>, errno: i32| -> Result<Vec<libc::sock_filter>> {
        let errno = SeccompAction::Errno(errno.unsigned_abs());
        SeccompFilter::new(rules, SeccompAction::Allow, errno, arch)
            .and_then(BpfProgram::try_from)
            .map(|program| program.into_iter().map(instruction).collect())
            .map_err(|e| Refusal::new(SANDBOX_UNAVAILABLE, format!("the filter does not compile: {e}")))
    };
    let mut denied: BTreeMap<i64, Vec<SeccompRule>> = DENIED.iter().map(|number| (*number, Vec::new())).collect();
    let broken = |e| Refusal::new(SANDBOX_UNAVAILABLE, format!("the filter does not compile: {e}"));
    for (number, rules) in [
        (libc::SYS_clone, namespaces()),
        (libc::SYS_ioctl, terminal()),
        (libc::SYS_personality, personality()),
        (libc::SYS_socket, sockets(network)),
    ] {
        denied.insert(number, rules.map_err(broken)?);
    }
    // A pair of connected sockets reaches nobody else, where it is of the family that has no names.
    let pair = not_equal(0, unsigned(libc::AF_UNIX)).and_then(|c| SeccompRule::new(vec![c])).map_err(broken)?;
    denied.insert(libc::SYS_socketpair, vec![pair]);
    Ok(vec![
        foreign_numbers(),
        build(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)?,
        build(denied, libc::EPERM)?,
    ])
}

type Rules = std::result::Result<Vec<SeccompRule>, seccompiler::BackendError>;

fn namespaces() -> Rules {
    NAMESPACES
        .into_iter()
        .map(|flag| {
            let flag = u64::from(flag.cast_unsigned());
            SeccompRule::new(vec![SeccompCondition::new(0, Dword, SeccompCmpOp::MaskedEq(flag), flag)?])
        })
        .collect()
}

fn terminal() -> Rules {
    [TIOCSTI, TIOCLINUX]
        .into_iter()
        .map(|request| SeccompRule::new(vec![SeccompCondition::new(1, Dword, SeccompCmpOp::Eq, request)?]))
        .collect()
}

/// Asking for the personality, with all bits set, is harmless; setting it is not.
fn personality() -> Rules {
    Ok(vec![SeccompRule::new(vec![not_equal(0, u64::from(u32::MAX))?])?])
}

/// Says which sockets are denied: all, or all but TCP over IP, and UDP for looking names up.
fn sockets(network: Network) -> Rules {
    let udp = match network {
        Network::None => return Ok(Vec::new()),
        Network::Addresses => false,
        Network::Names => true,
    };
    let stream = unsigned(libc::SOCK_STREAM);
    let datagram = unsigned(libc::SOCK_DGRAM);
    let is_kind = |kind| SeccompCondition::new(1, Dword, SeccompCmpOp::MaskedEq(TYPE_MASK), kind);
    let mut rules =
        vec![SeccompRule::new(vec![not_equal(0, unsigned(libc::AF_INET))?, not_equal(0, unsigned(libc::AF_INET6))?])?];
    for kind in (0..=TYPE_MASK).filter(|kind| *kind != stream && !(udp && *kind == datagram)) {
        rules.push(SeccompRule::new(vec![is_kind(kind)?])?);
    }
    // MPTCP is a protocol of a stream socket, and Landlock's rules for TCP do not hold it.
    rules.push(SeccompRule::new(vec![is_kind(stream)?, not_equal(2, 0)?, not_equal(2, unsigned(libc::IPPROTO_TCP))?])?);
    if udp {
        let other = not_equal(2, unsigned(libc::IPPROTO_UDP))?;
        rules.push(SeccompRule::new(vec![is_kind(datagram)?, not_equal(2, 0)?, other])?);
    }
    Ok(rules)
}

fn not_equal(argument: u8, value: u64) -> std::result::Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, Dword, SeccompCmpOp::Ne, value)
}

fn unsigned(number: i32) -> u64 {
    u64::from(number.cast_unsigned())
}

/// Refuses the x32 numbers on x86-64, which share its architecture tag; elsewhere it lets all pass.
fn foreign_numbers() -> Vec<libc::sock_filter> {
    const LOAD_NUMBER: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS, at offset 0 of seccomp_data
    const JUMP_IF_AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    const ALLOW: u32 = 0x7fff_0000;
    const KILL_PROCESS: u32 = 0x8000_0000;
    let code = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    vec![
        code(LOAD_NUMBER, 0, 0, 0),
        code(JUMP_IF_AT_LEAST, 0, 1, 0x4000_0000),
        code(RETURN, 0, 0, KILL_PROCESS),
        code(RETURN, 0, 0, ALLOW),
    ]
}

fn instruction(from: seccompiler::sock_filter) -> libc::sock_filter {
    libc::sock_filter { code: from.code, jt: from.jt, jf: from.jf, k: from.k }
}
