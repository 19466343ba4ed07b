//! The system-call filter: what Landlock does not cover is denied here.
//!
//! Most calls are denied with `EPERM`, `clone3`, whose flags lie behind a pointer, with `ENOSYS`, so that
//! libraries fall back to `clone`. The x32 numbers, and calls of another machine, end the process.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

use super::{
    Network,
    assemble::{Answer, assemble},
};
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
    // A socket that is listened on without a name gets a port that no rule of Landlock is asked about.
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    // Queues, memory and semaphores of System V have no path: whoever asks finds them, and they outlive the step.
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_shmdt,
    // Landlock does not see changes of owner and attributes, and a descriptor may have been opened for reading only.
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    // Whoever watches a folder learns the names in it without opening it.
    libc::SYS_inotify_add_watch,
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

/// Calls that are answered as on a file system that has no attributes; programs that copy files go on without.
const WITHOUT_ATTRIBUTES: &[i64] = &[
    libc::SYS_getxattr,
    libc::SYS_lgetxattr,
    libc::SYS_listxattr,
    libc::SYS_llistxattr,
    libc::SYS_fsetxattr,
    libc::SYS_fremovexattr,
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
    let broken = |e| Refusal::new(SANDBOX_UNAVAILABLE, format!("the filter does not compile: {e}"));
    let denied = DENIED.iter().map(|number| (*number, Answer::Errno(libc::EPERM)));
    let mut calls: BTreeMap<i64, Answer> = denied.collect();
    calls.insert(libc::SYS_clone3, Answer::Errno(libc::ENOSYS));
    calls.extend(WITHOUT_ATTRIBUTES.iter().map(|number| (*number, Answer::Errno(libc::EOPNOTSUPP))));
    for (number, rules) in [
        (libc::SYS_clone, namespaces()),
        (libc::SYS_ioctl, terminal()),
        (libc::SYS_personality, personality()),
        (libc::SYS_socket, sockets(network)),
        (libc::SYS_socketpair, pairs()),
        (libc::SYS_prlimit64, limits()),
        (libc::SYS_prctl, keeping()),
        (libc::SYS_sendto, fast_open(3)),
        (libc::SYS_sendmsg, fast_open(2)),
        (libc::SYS_sendmmsg, fast_open(3)),
    ] {
        let rules = rules.map_err(broken)?;
        // Without a rule a call is denied whatever its arguments.
        let answer = if rules.is_empty() { Answer::Errno(libc::EPERM) } else { by_rules(number, rules, arch)? };
        calls.insert(number, answer);
    }
    let calls = calls.into_iter().map(|(number, answer)| u32::try_from(number).map(|number| (number, answer)));
    let calls = calls.collect::<std::result::Result<Vec<_>, _>>();
    let calls = calls.map_err(|_| Refusal::new(SANDBOX_UNAVAILABLE, "a system call has no number"))?;
    Ok(vec![assemble(machine(arch), &calls)?])
}

/// Compiles the rules of one call to a program that denies it where one of them fits.
fn by_rules(number: i64, rules: Vec<SeccompRule>, arch: TargetArch) -> Result<Answer> {
    let errno = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(BTreeMap::from([(number, rules)]), SeccompAction::Allow, errno, arch)
        .and_then(BpfProgram::try_from)
        .map(|program| Answer::Program(program.into_iter().map(instruction).collect()))
        .map_err(|e| Refusal::new(SANDBOX_UNAVAILABLE, format!("the filter does not compile: {e}")))
}

/// Returns the machine's number, as `linux/audit.h` has it.
fn machine(arch: TargetArch) -> u32 {
    match arch {
        TargetArch::x86_64 => 0xc000_003e,
        TargetArch::aarch64 => 0xc000_00b7,
        TargetArch::riscv64 => 0xc000_00f3,
    }
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

/// A process may ask for its own limits and lower them; by a number it could set those of the runner.
fn limits() -> Rules {
    Ok(vec![SeccompRule::new(vec![not_equal(0, 0)?])?])
}

/// With its death signal a program would lose what ends it when nobody watches it any more.
fn keeping() -> Rules {
    let option = SeccompCondition::new(0, Dword, SeccompCmpOp::Eq, unsigned(libc::PR_SET_PDEATHSIG))?;
    Ok(vec![SeccompRule::new(vec![option])?])
}

/// A pair of connected sockets of the family without addresses reaches nobody else, but for datagrams: those can be sent
/// to any name.
fn pairs() -> Rules {
    // A raw one is one of datagrams there; the two kinds of the family that are not have this bit unset.
    let datagram = unsigned(libc::SOCK_DGRAM);
    let datagrams = SeccompCondition::new(1, Dword, SeccompCmpOp::MaskedEq(datagram), datagram)?;
    Ok(vec![SeccompRule::new(vec![not_equal(0, unsigned(libc::AF_UNIX))?])?, SeccompRule::new(vec![datagrams])?])
}

/// With this flag data is sent to a host that was not connected to, and no rule of Landlock is asked about its port.
fn fast_open(argument: u8) -> Rules {
    let flag = unsigned(libc::MSG_FASTOPEN);
    let set = SeccompCondition::new(argument, Dword, SeccompCmpOp::MaskedEq(flag), flag)?;
    Ok(vec![SeccompRule::new(vec![set])?])
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

fn instruction(from: seccompiler::sock_filter) -> libc::sock_filter {
    libc::sock_filter { code: from.code, jt: from.jt, jf: from.jf, k: from.k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would see of a call: `struct seccomp_data` in words, the low half of an argument first.
    fn call(number: u32, machine: u32, arguments: [u64; 6]) -> Vec<u32> {
        let halves = arguments.into_iter().flat_map(|a| [a as u32, (a >> 32) as u32]);
        [number, machine, 0, 0].into_iter().chain(halves).collect()
    }

    /// Runs a filter as the kernel does; what it cannot read ends the test.
    fn answer(filter: &[libc::sock_filter], data: &[u32]) -> u32 {
        let (mut at, mut value) = (0, 0_u32);
        loop {
            let libc::sock_filter { code, jt, jf, k } = filter[at];
            at += 1;
            let mut branch = |holds: bool| at += usize::from(if holds { jt } else { jf });
            match code {
                0x20 => value = data[k as usize / 4],
                0x54 => value &= k,
                0x05 => at += k as usize,
                0x15 => branch(value == k),
                0x25 => branch(value > k),
                0x35 => branch(value >= k),
                0x06 => return k,
                other => panic!("instruction {other:#x}"),
            }
        }
    }

    /// What is denied, said the long way: a filter for each error, one after the other.
    fn separate(network: Network) -> [Vec<libc::sock_filter>; 3] {
        let arch = TargetArch::try_from(std::env::consts::ARCH).unwrap();
        let build = |rules: BTreeMap<i64, Vec<SeccompRule>>, errno: i32| -> Vec<libc::sock_filter> {
            let errno = SeccompAction::Errno(errno.unsigned_abs());
            let filter = SeccompFilter::new(rules, SeccompAction::Allow, errno, arch).unwrap();
            BpfProgram::try_from(filter).unwrap().into_iter().map(instruction).collect()
        };
        let mut denied: BTreeMap<i64, Vec<SeccompRule>> = DENIED.iter().map(|number| (*number, Vec::new())).collect();
        denied.insert(libc::SYS_clone, namespaces().unwrap());
        denied.insert(libc::SYS_ioctl, terminal().unwrap());
        denied.insert(libc::SYS_personality, personality().unwrap());
        denied.insert(libc::SYS_socket, sockets(network).unwrap());
        denied.insert(libc::SYS_socketpair, pairs().unwrap());
        denied.insert(libc::SYS_prlimit64, limits().unwrap());
        denied.insert(libc::SYS_prctl, keeping().unwrap());
        for (number, argument) in [(libc::SYS_sendto, 3), (libc::SYS_sendmsg, 2), (libc::SYS_sendmmsg, 3)] {
            denied.insert(number, fast_open(argument).unwrap());
        }
        let plain = WITHOUT_ATTRIBUTES.iter().map(|number| (*number, Vec::new())).collect();
        let absent = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
        [build(absent, libc::ENOSYS), build(denied, libc::EPERM), build(plain, libc::EOPNOTSUPP)]
    }

    /// The strictest answer of several filters; one that refuses the x32 numbers stands before them.
    fn strictest(filters: &[Vec<libc::sock_filter>], data: &[u32]) -> u32 {
        let (kill, allow) = (0x8000_0000, 0x7fff_0000);
        let foreign = match data[0] {
            0x4000_0000.. => kill,
            463.. => 0x0005_0000 | libc::ENOSYS as u32,
            _ => allow,
        };
        // Killing has the highest bit and goes before all; of the others the lower number is the stricter.
        let all = filters.iter().map(|filter| answer(filter, data)).chain([foreign]);
        all.min_by_key(|action| action.wrapping_add(kill)).unwrap()
    }

    #[test]
    fn c10_c11_the_one_filter_answers_every_call_as_the_list_says() {
        const FLAGS: u64 = (libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK) as u64;
        let first: Vec<u64> = (0..48)
            .chain(NAMESPACES.iter().map(|flag| unsigned(*flag) | 17))
            .chain([0xffff_ffff, 1 << 32, u64::MAX, 0x0040_0000, 0x003d_0f00])
            .collect();
        let second: Vec<u64> = (0..20).flat_map(|n| [n, n | FLAGS, n | 1 << 32]).chain([TIOCSTI, TIOCLINUX]).collect();
        let third = [0, 1, 6, 17, 132, 262, 1 << 32, 6 | 1 << 32, unsigned(libc::MSG_FASTOPEN) | 0x4000];
        let arch = TargetArch::try_from(std::env::consts::ARCH).unwrap();
        let watched = [
            libc::SYS_clone,
            libc::SYS_ioctl,
            libc::SYS_personality,
            libc::SYS_socket,
            libc::SYS_socketpair,
            libc::SYS_prlimit64,
            libc::SYS_prctl,
            libc::SYS_sendto,
            libc::SYS_sendmsg,
            libc::SYS_sendmmsg,
        ];
        for network in [Network::None, Network::Addresses, Network::Names] {
            let [filter] = compile(network).unwrap().try_into().unwrap();
            let separate = separate(network);
            let check = |number: u32, arguments: [u64; 6]| {
                let data = call(number, machine(arch), arguments);
                assert_eq!(answer(&filter, &data), strictest(&separate, &data), "{network:?} {number} {arguments:?}");
            };
            for number in (0..1200).chain([0x3fff_ffff, 0x4000_0000, 0x4000_0029, 0x8000_0000, u32::MAX]) {
                check(number, [0; 6]);
                check(number, [u64::MAX; 6]);
            }
            for number in watched {
                for (&a, &b) in first.iter().flat_map(|a| second.iter().map(move |b| (a, b))) {
                    for &c in &third {
                        check(number as u32, [a, b, c, 0, 0, 0]);
                        check(number as u32, [a, b, c, unsigned(libc::MSG_FASTOPEN) | b, 0, 0]);
                    }
                }
            }
            let foreign = call(0, 0x4000_0003, [0; 6]);
            assert_eq!(answer(&filter, &foreign), 0x8000_0000);
        }
    }

    #[test]
    fn a_call_is_found_in_a_few_steps() {
        let [filter] = compile(Network::None).unwrap().try_into().unwrap();
        assert!(filter.len() < 420, "{} instructions", filter.len());
    }
}
