//! System calls that touch no memory but what they are given.
//!
//! The processes between the runner and a program run on the runner's memory, and libc keeps the error number of
//! a failed call in the memory of the calling thread, which goes on meanwhile. So they make every call themselves.

use std::ffi::{c_int, c_long, c_void};

/// Makes a system call; returns its result, below zero the number of the error.
///
/// # Safety
/// The arguments must be such that the call reads and writes only memory that is the caller's for that.
pub(super) unsafe fn call<const N: usize>(number: c_long, arguments: [usize; N]) -> isize {
    let mut a = [0_usize; 6];
    for (place, argument) in a.iter_mut().zip(arguments) {
        *place = argument;
    }
    // SAFETY: as the caller promises.
    unsafe { six(number, a) }
}

/// Starts a process on a stack of its own, which calls `entry` and never returns here; returns its id or an error.
///
/// # Safety
/// `top` is the aligned end of memory that nobody else uses until the new process has executed or ended, and
/// `argument` is what `entry` takes. Where memory is shared, neither may touch what belongs to a thread.
pub(super) unsafe fn spawn(
    flags: c_int,
    top: usize,
    entry: unsafe extern "C" fn(*const c_void) -> !,
    argument: *const c_void,
) -> isize {
    // SAFETY: as the caller promises; the new process has registers of its own, so nothing of this frame changes.
    unsafe { clone(flags as usize, top, entry as usize, argument as usize) }
}

/// Returns the number of the error where a call failed, 0 where it did not.
pub(super) fn error(result: isize) -> c_int {
    if result < 0 { -(result as c_int) } else { 0 }
}

#[cfg(target_arch = "x86_64")]
unsafe fn six(number: c_long, a: [usize; 6]) -> isize {
    let result: isize;
    // SAFETY: the registers are those that the kernel takes and changes.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") a[0],
            in("rsi") a[1],
            in("rdx") a[2],
            in("r10") a[3],
            in("r8") a[4],
            in("r9") a[5],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

#[cfg(target_arch = "x86_64")]
unsafe fn clone(flags: usize, top: usize, entry: usize, argument: usize) -> isize {
    let result: isize;
    // SAFETY: as above; the new process leaves this block by a call that does not return.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r13",
            "call r12",
            "ud2",
            "2:",
            inlateout("rax") libc::SYS_clone as isize => result,
            in("rdi") flags,
            in("rsi") top,
            in("rdx") 0_usize,
            in("r10") 0_usize,
            in("r8") 0_usize,
            in("r12") entry,
            in("r13") argument,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    result
}

#[cfg(target_arch = "aarch64")]
unsafe fn six(number: c_long, a: [usize; 6]) -> isize {
    let result: isize;
    // SAFETY: the registers are those that the kernel takes and changes.
    unsafe {
        std::arch::asm!(
            "svc #0",
            in("x8") number,
            inlateout("x0") a[0] => result,
            in("x1") a[1],
            in("x2") a[2],
            in("x3") a[3],
            in("x4") a[4],
            in("x5") a[5],
            options(nostack),
        );
    }
    result
}

#[cfg(target_arch = "aarch64")]
unsafe fn clone(flags: usize, top: usize, entry: usize, argument: usize) -> isize {
    let result: isize;
    // SAFETY: as above; the new process leaves this block by a call that does not return.
    unsafe {
        std::arch::asm!(
            "svc #0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, x21",
            "blr x20",
            "brk #1",
            "2:",
            in("x8") libc::SYS_clone,
            inlateout("x0") flags => result,
            in("x1") top,
            in("x2") 0_usize,
            in("x3") 0_usize,
            in("x4") 0_usize,
            in("x20") entry,
            in("x21") argument,
        );
    }
    result
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("programs are started, and held in the sandbox, on x86-64 and ARM64 only");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_returned_and_leave_the_threads_own_number_alone() {
        // SAFETY: the location is valid for this thread; closing no descriptor touches no memory.
        unsafe {
            *libc::__errno_location() = libc::EXDEV;
            let result = call(libc::SYS_close, [usize::MAX]);
            assert_eq!((result, error(result)), (-(libc::EBADF as isize), libc::EBADF));
            assert_eq!(*libc::__errno_location(), libc::EXDEV);
            assert_eq!(call(libc::SYS_getpid, []), libc::getpid() as isize);
        }
    }
}
