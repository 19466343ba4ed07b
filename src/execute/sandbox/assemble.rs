//! Puts a filter together from what each system call is answered with.
//!
//! A filter is compiled by the kernel for every process that enters it, and tried there on every number that
//! the machine has, so its length and the way through it are most of what a step's sandbox costs. Hence one
//! filter, no longer than it must be, in which a number is found by halving.

use libc::sock_filter;

use crate::{
    base::reason::{Refusal, Result},
    execute::reasons::SANDBOX_UNAVAILABLE,
};

/// How a call is answered.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// With an error, whatever its arguments.
    Errno(i32),
    /// As a program decides that ends in a return whichever way is taken, and reads what it needs itself.
    Program(Vec<sock_filter>),
}

impl Answer {
    fn errno(&self) -> Option<i32> {
        match self {
            Self::Errno(errno) => Some(*errno),
            Self::Program(_) => None,
        }
    }
}

/// Calls that are told apart one by one, rather than halved any further.
const LEAF: usize = 4;
/// Where `struct seccomp_data` holds the number of the call, and the machine that it is a call of.
const NUMBER: u32 = 0;
const MACHINE: u32 = 4;
/// The x32 numbers of x86-64, which share its machine, begin here; elsewhere there are none as high.
const FOREIGN: u32 = 0x4000_0000;
/// Calls from here on came with Linux 6.13 or later: attributes by path, and what is not known yet. Programs do without
/// where a kernel has none of them. The machines number calls alike here.
pub(super) const UNKNOWN: u32 = 463;

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
const JUMP_IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_IF_AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

const ALLOW: u32 = 0x7fff_0000;
const KILL_PROCESS: u32 = 0x8000_0000;
const ERRNO: u32 = 0x0005_0000;

/// Returns the filter of a machine: calls of another one, and numbers of x32, end the process; those that are too
/// new to be known are not there; those that are not listed are let through. `calls` is in order.
///
/// # Errors
/// `sandbox.unavailable` where it grows too long to be one.
pub(super) fn assemble(machine: u32, calls: &[(u32, Answer)]) -> Result<Vec<sock_filter>> {
    let mut out = vec![
        code(LOAD, 0, 0, MACHINE),
        code(JUMP_IF_EQUAL, 1, 0, machine),
        code(RETURN, 0, 0, KILL_PROCESS),
        code(LOAD, 0, 0, NUMBER),
        code(JUMP_IF_AT_LEAST, 0, 1, FOREIGN),
        code(RETURN, 0, 0, KILL_PROCESS),
        code(JUMP_IF_AT_LEAST, 0, 1, UNKNOWN),
        deny(libc::ENOSYS),
    ];
    let mut jumps = Vec::new();
    tree(calls, &mut out, &mut jumps)?;
    for (from, program) in jumps {
        patch(&mut out, from)?;
        out.extend_from_slice(program);
    }
    Ok(out)
}

/// Writes the way to each of some calls; jumps to programs are left open.
fn tree<'a>(
    calls: &'a [(u32, Answer)],
    out: &mut Vec<sock_filter>,
    jumps: &mut Vec<(usize, &'a [sock_filter])>,
) -> Result<()> {
    if calls.len() > LEAF {
        let (left, right) = calls.split_at(calls.len() / 2);
        out.push(code(JUMP_IF_AT_LEAST, 0, 1, right[0].0));
        out.push(code(JUMP, 0, 0, 0));
        let from = out.len() - 1;
        tree(left, out, jumps)?;
        patch(out, from)?;
        return tree(right, out, jumps);
    }
    // Calls that are answered alike share the answer, which stands after the last of them.
    let shared = calls.iter().find_map(|(_, answer)| answer.errno());
    let is_alike = |answer: &Answer| shared.is_some() && answer.errno() == shared;
    let (alike, others): (Vec<_>, Vec<_>) = calls.iter().partition(|(_, answer)| is_alike(answer));
    for (number, answer) in others {
        out.push(code(JUMP_IF_EQUAL, 0, 1, *number));
        match answer {
            Answer::Errno(errno) => out.push(deny(*errno)),
            Answer::Program(program) => {
                jumps.push((out.len(), program));
                out.push(code(JUMP, 0, 0, 0));
            }
        }
    }
    for (left, (number, _)) in (1..=LEAF as u8).rev().skip(LEAF - alike.len()).zip(&alike) {
        out.push(code(JUMP_IF_EQUAL, left, 0, *number));
    }
    out.push(code(RETURN, 0, 0, ALLOW));
    out.extend(shared.map(deny));
    Ok(())
}

fn deny(errno: i32) -> sock_filter {
    code(RETURN, 0, 0, ERRNO | errno.unsigned_abs())
}

/// Lets an open jump lead to what is written next.
fn patch(out: &mut [sock_filter], from: usize) -> Result<()> {
    let long = |_| Refusal::new(SANDBOX_UNAVAILABLE, "the filter is too long");
    out[from].k = u32::try_from(out.len() - from - 1).map_err(long)?;
    Ok(())
}

fn code(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}
