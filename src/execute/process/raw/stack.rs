//! The stacks that the processes between the runner and a program run on.

use std::{
    io, ptr,
    sync::{Mutex, PoisonError},
};

/// Size of one stack; what runs on it calls a few functions deep, with one buffer of a page.
const SIZE: usize = 64 * 1024;
/// What lies below each, and can be neither read nor written, so that an overflow ends the process that did it.
const GUARD: usize = 64 * 1024;
/// The most that are kept for the next step.
const KEPT: usize = 64;

/// Stacks of keepers that are gone, for those to come: a new one costs a page fault for every page.
static FREE: Mutex<Vec<Stacks>> = Mutex::new(Vec::new());

/// One stack for a keeper, and one for its program's process until it executes the program.
#[derive(Debug)]
pub(super) struct Stacks {
    base: usize,
}

impl Stacks {
    /// Returns stacks that nobody uses.
    pub(super) fn take() -> io::Result<Self> {
        let kept = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.map_or_else(Self::new, Ok)
    }

    /// Keeps the stacks for another step; the caller is the last to use them.
    pub(super) fn give_back(self) {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < KEPT {
            free.push(self);
        }
    }

    /// Returns the end of the keeper's stack, which grows down from there.
    pub(super) fn keeper(&self) -> usize {
        self.base + GUARD + SIZE
    }

    /// Returns the end of the program's stack.
    pub(super) fn program(&self) -> usize {
        self.base + 2 * (GUARD + SIZE)
    }

    fn new() -> io::Result<Self> {
        let (none, both) = (libc::PROT_NONE, libc::PROT_READ | libc::PROT_WRITE);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
        // SAFETY: new memory at a place of the kernel's choice, of which two parts are made usable.
        unsafe {
            let base = libc::mmap(ptr::null_mut(), 2 * (GUARD + SIZE), none, flags, -1, 0);
            if base == libc::MAP_FAILED {
                return Err(io::Error::last_os_error());
            }
            let stacks = Self { base: base as usize };
            for below in [GUARD, 2 * GUARD + SIZE] {
                if libc::mprotect(base.byte_add(below), SIZE, both) != 0 {
                    return Err(io::Error::last_os_error());
                }
            }
            Ok(stacks)
        }
    }
}

impl Drop for Stacks {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and whoever drops it is the last to use it.
        unsafe { libc::munmap(self.base as *mut libc::c_void, 2 * (GUARD + SIZE)) };
    }
}
